"""A change in a kernel is always seen, also by kernels in other files that call it.

numba alone does not see it: the third test shows the stale answer its own cache gives.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controller import numba_cache
from tests.conftest import ROOT

CALLEE = """
from numba import njit

@njit("int64(int64)", cache=True)
def factor(x):
    return {factor} * x
"""
INNER = CALLEE.replace("from numba import njit", "from controller.compiling import inner_kernel").replace(
    'njit("int64(int64)", cache=True)', 'inner_kernel("int64(int64)")'
)
CALLER = """
from numba import njit
from town.factor_kernels import factor

@njit("int64(int64)", cache=True)
def scaled(x):
    return factor(x) + 1
"""
KEYED = (
    "from controller.numba_cache import use_keyed_cache; use_keyed_cache(Path('.').resolve(), ('town',)); "
)
ASK = "import sys; from pathlib import Path; {key}from town.scale_kernels import scaled; print(scaled(10))"


def write_callee(town: Path, factor: int, text: str = CALLEE) -> None:
    path = town / "factor_kernels.py"
    path.write_text(text.format(factor=factor), encoding="utf-8")


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A package of two kernel files, one calling the other."""
    directory = tmp_path / "town"
    directory.mkdir()
    (directory / "__init__.py").write_text("", encoding="utf-8")
    (directory / "scale_kernels.py").write_text(CALLER, encoding="utf-8")
    write_callee(directory, 2)
    return directory


def compiled(town: Path) -> dict[str, int]:
    """Files of machine code, and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in (town.parent / "cache").rglob("*.nbc")}


def answer(town: Path, keyed: bool, ask: str = ASK) -> int:
    """What `scaled(10)` gives in a fresh interpreter."""
    environment = dict(os.environ, NUMBA_CACHE_DIR=str(town.parent / "cache"), PYTHONPATH=str(ROOT))
    # Python itself does not see an edit within the same second where it keeps bytecode.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    code = ask.format(key=KEYED if keyed else "")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=town.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_an_edited_callee_is_seen_by_its_caller(town: Path) -> None:
    """One without a door for Python, which is not even loaded while its caller is as it was."""
    write_callee(town, 2, INNER)
    assert answer(town, keyed=True) == 21
    write_callee(town, 3, INNER)
    assert answer(town, keyed=True) == 31


def test_an_unchanged_kernel_is_not_compiled_again(town: Path) -> None:
    answer(town, keyed=True)
    before = compiled(town)
    assert len(before) == 2
    answer(town, keyed=True)
    assert compiled(town) == before


def test_without_the_key_the_caller_runs_stale_code(town: Path) -> None:
    """The trap this module closes. Should numba ever close it itself, this test says so."""
    assert answer(town, keyed=False) == 21
    write_callee(town, 3)
    assert answer(town, keyed=False) == 21


def test_a_kernel_compiled_before_the_key_is_refused(town: Path) -> None:
    environment = dict(os.environ, NUMBA_CACHE_DIR=str(town.parent / "cache"), PYTHONPATH=str(ROOT))
    code = "from pathlib import Path; import town.scale_kernels; " + KEYED
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=town.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "_kernels was compiled before controller.numba_cache was imported" in done.stderr


def test_only_what_depends_on_an_edit_is_compiled_again(town: Path) -> None:
    (town / "other_kernels.py").write_text(CALLEE.format(factor=7), encoding="utf-8")
    ask = ASK.replace("from town.scale", "import town.other_kernels; from town.scale")
    answer(town, keyed=True, ask=ask)
    before = compiled(town)
    assert len(before) == 3
    write_callee(town, 31)
    assert answer(town, keyed=True, ask=ask) == 311
    again = {name for name, time_ns in compiled(town).items() if time_ns != before.get(name)}
    assert {name.partition("_kernels")[0] for name in again} == {"factor", "scale"}


def test_the_processor_and_the_version_choose_the_directory(tmp_path: Path) -> None:
    key = numba_cache.directory_key(tmp_path, "0.62.0", "a processor")
    assert key == numba_cache.directory_key(tmp_path, "0.62.0", "a processor")
    assert key != numba_cache.directory_key(tmp_path, "0.63.0", "a processor")
    assert key != numba_cache.directory_key(tmp_path, "0.62.0", "another processor")
    assert key != numba_cache.directory_key(tmp_path / "clone", "0.62.0", "a processor")


def test_every_kernel_of_the_product_is_in_the_key(root: Path) -> None:
    in_key = set(numba_cache.kernel_sources(root))
    on_disk = {
        path
        for path in root.rglob("*_kernels.py")
        if path.relative_to(root).parts[0] in ("controller", "sim")
    }
    assert on_disk
    assert on_disk <= in_key
    # Constants and the layout of named tuples are compiled in, too.
    assert root / "controller" / "plan_model.py" in in_key


def test_an_edited_constant_is_seen_by_the_kernel_that_imports_it(town: Path) -> None:
    """Also two imports away, and in a file that holds no kernel."""
    (town / "factor_kernels.py").write_text(
        CALLEE.format(factor="SCALE").replace(
            "import njit", "import njit\nfrom town.model import (\n    SCALE,\n)"
        )
    )
    (town / "model.py").write_text("from town.numbers import SCALE\n", encoding="utf-8")
    (town / "numbers.py").write_text("SCALE = 2\n", encoding="utf-8")
    assert answer(town, keyed=True) == 21
    # Longer, so that Python itself does not take the old byte code for the new file.
    (town / "numbers.py").write_text("SCALE = 30\n", encoding="utf-8")
    assert answer(town, keyed=True) == 301


def test_only_the_three_newest_directories_are_kept(tmp_path: Path) -> None:
    for age in range(6):
        directory = tmp_path / f"{numba_cache.DIRECTORY_PREFIX}{age}"
        directory.mkdir()
        (directory / "code.nbc").write_text("x", encoding="utf-8")
        os.utime(directory, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "somebody-elses").mkdir()
    numba_cache.prune(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["belisha-0", "belisha-1", "belisha-2", "somebody-elses"]


def test_where_nothing_can_be_written_it_warns_and_goes_on(tmp_path: Path) -> None:
    occupied = tmp_path / "a file, not a directory"
    occupied.write_text("", encoding="utf-8")
    with pytest.warns(RuntimeWarning, match="compiling at every start; set NUMBA_CACHE_DIR"):
        directory = numba_cache.open_directory(occupied, "0123")
    assert directory.is_dir()


TUPLE = """
from typing import NamedTuple
import numpy as np
from numba import njit, typeof, types

class {name}(NamedTuple):
    values: np.ndarray

@njit(types.int64(typeof({name}(np.zeros(1)))), cache=True)
def total(of):
    return int(of.values.sum())

def scaled(x):
    return total({name}(np.full(1, float(x))))
"""


def test_a_class_that_is_gone_does_not_stop_the_next_version(town: Path) -> None:
    """numba unpickles the index of the version before, which names the class of its arguments."""
    kernel = town / "scale_kernels.py"
    for name in ("Riders", "Fleet"):
        kernel.write_text(TUPLE.format(name=name), encoding="utf-8")
        assert answer(town, keyed=True) == 10
        assert len(compiled(town)) == 1, "what the version before compiled is gone too"
