"""The first start compiles every kernel once; later ones find them compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller import numba_cache
from sim.first_start import ROOT, NotCompiled, Queue, compile_kernels, kernel_modules

KERNEL = (
    "from numba import njit\n\n@njit('int64(int64)', cache=True)\ndef times(x):\n    return {factor} * x\n"
)


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three kernel files of nobody's."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "__init__.py").write_text("")
    for factor, name in enumerate(("north", "south", "west")):
        (tmp_path / "town" / f"{name}_kernels.py").write_text(KERNEL.format(factor=factor))
    numba_cache.stamp.cache_clear()
    return tmp_path


def test_every_kernel_is_compiled_once(town: Path) -> None:
    modules = kernel_modules(town, ("town",))
    assert modules == ["town.north_kernels", "town.south_kernels", "town.west_kernels"]
    assert compile_kernels(modules, town, town)
    assert len(list((town / "cache").rglob("*.nbc"))) >= 3
    assert not compile_kernels(modules, town, town), "all of it is there"
    (town / "town" / "west_kernels.py").write_text(KERNEL.format(factor=70))
    numba_cache.stamp.cache_clear()
    assert compile_kernels(modules, town, town), "one has changed"


def test_a_kernel_that_does_not_compile_is_said_so(town: Path) -> None:
    (town / "town" / "west_kernels.py").write_text(KERNEL.format(factor="nobody"))
    with pytest.raises(NotCompiled, match="nobody"):
        compile_kernels(kernel_modules(town, ("town",)), town, town)
    assert not (town / "compiled").exists(), "so that the next start tries again"


def test_no_kernel_is_begun_before_those_it_calls_are_compiled(town: Path) -> None:
    (town / "town" / "north_kernels.py").write_text("from town.south_kernels import times\n")
    queue = Queue(kernel_modules(town, ("town",)), town)
    first = queue.take()
    assert first == "town.south_kernels", "another waits for it"
    assert queue.take() == "town.west_kernels", "north has to wait"
    queue.done(first)
    assert queue.take() == "town.north_kernels"
    queue.done("town.north_kernels")
    assert queue.take() is None


def test_every_kernel_of_the_product_is_handed_out_once_and_after_its_imports() -> None:
    queue, given = Queue(kernel_modules(), ROOT), []
    while name := queue.take():
        given.append(name)
        queue.done(name)
    assert sorted(given) == kernel_modules()
    assert given.index("controller.plan_lanes_kernels") < given.index("controller.plan_kernels")
    assert given.index("controller.plan_kernels") < given.index("controller.replan_kernels")


def test_the_products_kernels_are_all_found() -> None:
    modules = kernel_modules()
    assert "controller.plan_kernels" in modules
    assert any(name.startswith("sim.city.") for name in modules)
