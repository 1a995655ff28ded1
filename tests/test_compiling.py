"""Kernels that only kernels call have no door for Python: they compile in half the time, and say so."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from controller.compiling import InnerKernel
from sim.first_start import kernel_modules
from tests.test_layout import EVERYTHING, code_files


def test_python_is_turned_away_with_what_to_do() -> None:
    from controller.actuated_kernels import ring_place

    with pytest.raises(TypeError, match=r"controller\.actuated_kernels\.ring_place is called by kernels"):
        ring_place(0, 0, np.zeros(2, np.int64), np.zeros(1, np.int64))


def test_kernels_nobody_calls_from_python_are_inner_ones(root: Path) -> None:
    """Each door costs everybody a part of a second at the first start; with forty arrays, a whole one."""
    python = "\n".join(
        path.read_text(encoding="utf-8")
        for path in code_files(root, EVERYTHING)
        if not path.name.endswith("_kernels.py")
    )
    words, needless, inner = set(re.findall(r"\w+", python)), [], 0
    for module in kernel_modules():
        for name, function in vars(import_module(module)).items():
            if getattr(function, "__module__", "") != module or not hasattr(function, "nopython_signatures"):
                continue
            inner += isinstance(function, InnerKernel)
            if not isinstance(function, InnerKernel) and name not in words:
                needless.append(f"{module}.{name}")
    assert needless == [], "@inner_kernel will do"
    assert inner > 100
