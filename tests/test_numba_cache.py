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


def write_callee(town: Path, factor: int) -> None:
    path = town / "factor_kernels.py"
    path.write_text(CALLEE.format(factor=factor), encoding="utf-8")


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A package of two kernel files, one calling the other."""
    directory = tmp_path / "town"
    directory.mkdir()
    (directory / "__init__.py").write_text("", encoding="utf-8")
    (directory / "scale_kernels.py").write_text(CALLER, encoding="utf-8")
    write_callee(directory, 2)
    return directory


def answer(town: Path, keyed: bool) -> int:
    """What `scaled(10)` gives in a fresh interpreter."""
    environment = dict(os.environ, NUMBA_CACHE_DIR=str(town.parent / "cache"), PYTHONPATH=str(ROOT))
    code = ASK.format(key=KEYED if keyed else "")
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
    assert answer(town, keyed=True) == 21
    write_callee(town, 3)
    assert answer(town, keyed=True) == 31


def test_an_unchanged_kernel_is_not_compiled_again(town: Path) -> None:
    answer(town, keyed=True)
    compiled = {path: path.stat().st_mtime_ns for path in (town.parent / "cache").rglob("*.nbc")}
    assert len(compiled) == 2
    answer(town, keyed=True)
    assert {path: path.stat().st_mtime_ns for path in (town.parent / "cache").rglob("*.nbc")} == compiled


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


def test_the_key_holds_also_when_numba_was_imported_first(town: Path) -> None:
    environment = dict(os.environ, NUMBA_CACHE_DIR=str(town.parent / "cache"), PYTHONPATH=str(ROOT))
    code = "import numba; " + ASK.format(key=KEYED) + "; print(scaled.stats.cache_path)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=town.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"/{numba_cache.DIRECTORY_PREFIX}" in done.stdout


def test_everything_that_goes_into_machine_code_changes_the_key(tmp_path: Path) -> None:
    kernel = tmp_path / "queue_kernels.py"
    kernel.write_text("a = 1", encoding="utf-8")
    before = numba_cache.cache_key([kernel], "0.60.0", "a processor")
    assert before == numba_cache.cache_key([kernel], "0.60.0", "a processor")
    assert before != numba_cache.cache_key([kernel], "0.61.0", "a processor")
    assert before != numba_cache.cache_key([kernel], "0.60.0", "another processor")
    kernel.write_text("a = 2", encoding="utf-8")
    assert before != numba_cache.cache_key([kernel], "0.60.0", "a processor")


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


def test_a_child_process_shares_its_parents_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "belisha-0123"))
    assert numba_cache.cache_base() == tmp_path
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert numba_cache.cache_base() == tmp_path
