"""SUMO runs on a machine that never had a screen: the libraries it wants to see are made up."""

from __future__ import annotations

import ctypes
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sim import sumo_libraries
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in sumo_libraries.MACHINES, reason="ELF on Linux only"
)


def write_library(directory: Path, name: str, symbols: list[str]) -> Path:
    path = directory / name
    path.write_bytes(sumo_libraries.empty_library(name, symbols, platform.machine()))
    return path


@pytest.mark.parametrize("count", [0, 1, 2, 163])
def test_the_loader_finds_every_symbol_of_a_library_made_up(tmp_path: Path, count: int) -> None:
    symbols = [f"XDraw{number}" for number in range(count)]
    path = write_library(tmp_path, f"libBelisha{count}.so.1", symbols)
    library = ctypes.CDLL(str(path))
    assert all(hasattr(library, name) for name in symbols)
    assert not hasattr(library, "XDrawNothing")
    assert sumo_libraries.dynamic_symbols(path) == (set(), set()), "no sections: nothing for a linker"


def test_a_call_into_a_made_up_library_stops_the_program(tmp_path: Path) -> None:
    """Better than drawing on nothing and going on with whatever came back."""
    path = write_library(tmp_path, "libBelisha.so.1", ["XOpenDisplay"])
    code = f"import ctypes; ctypes.CDLL({str(path)!r}).XOpenDisplay()"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGILL


BARE = """
from sim import sumo_libraries
sumo_libraries.missing_libraries = lambda: list(sumo_libraries.SYMBOLS_WANTED)
sumo_libraries.prepare()
import libsumo, subprocess, sys
from sim.demo import sumo_binary
done = subprocess.run([sumo_binary("sumo"), "--version"], env=sumo_libraries.environment(), check=True)
loaded = open("/proc/self/maps").read()
assert loaded.count("belisha-sumo-") >= len(sumo_libraries.SYMBOLS_WANTED)
assert "/libX11.so.6." not in loaded and "/libGL.so.1." not in loaded, "the system's own was used"
libsumo.start(["sumo", "-n", sys.argv[1], "-r", sys.argv[2], "--no-step-log", "--no-warnings"])
for _ in range(60):
    libsumo.simulationStep()
print("vehicles", libsumo.vehicle.getIDCount())
libsumo.close()
"""


@pytest.mark.sumo
def test_sumo_runs_with_all_five_made_up(tmp_path: Path) -> None:
    from sim.demo import build_demo_street

    net, routes = build_demo_street(tmp_path, seed=1, duration_s=60)
    command = [sys.executable, "-c", BARE, str(net), ",".join(map(str, routes))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split("vehicles")[-1]) > 20


def test_a_file_that_is_no_shared_object_has_no_symbols(tmp_path: Path) -> None:
    (tmp_path / "readme").write_text("not a library", encoding="utf-8")
    assert sumo_libraries.dynamic_symbols(tmp_path / "readme") == (set(), set())


def test_reads_the_names_of_a_real_library() -> None:
    """numpy's own extension: it defines its entry and wants memory from the C library."""
    import numpy._core._multiarray_umath as extension

    defined, undefined = sumo_libraries.dynamic_symbols(Path(extension.__file__))
    assert "PyInit__multiarray_umath" in defined
    assert "malloc" in undefined
