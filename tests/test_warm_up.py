"""Nothing compiles after take-over: what a controller runs was compiled, loaded and called before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from controller.vocabulary import CONTROLLERS, Sensors

IN_A_FRESH_PROCESS = """
import json, sys
from numba.core import event

class Compilations(event.Listener):
    def __init__(self):
        self.functions = []
    def on_start(self, occurred):
        self.functions.append(str(occurred.data["dispatcher"]))
    def on_end(self, occurred):
        pass

compilations = Compilations()
event.register("numba:compile", compilations)

def loaded():
    return {name for name in sys.modules if name.endswith("_kernels")}

from controller.vocabulary import Sensors
from controller.warm_up import warm_up
sensors = Sensors(sys.argv[2])
warm_up(sys.argv[1], sensors)
warm, kernels = len(compilations.functions), loaded()

from controller.frame import empty_frame
from controller.policy import Policy
from controller.tick import Controller
from tests import toy_street
network = toy_street.network(toy_street.junction("a"), toy_street.junction("b"), lamp_resolution_ms=1000)
controller = Controller(network, sys.argv[1], Policy(), 0)
frame = empty_frame(network, sensors)
for now_ms in range(0, 120_000, 100):
    frame.time_ms, frame.sequence = now_ms // 1000 * 1000, now_ms // 1000
    if now_ms == 30_000:
        controller.state.queue_veh[:] = 4.0
        controller.state.call_since_ms[::2] = now_ms
    frame.lamps_shown[:] = controller.tick(frame, now_ms)
    assert not controller.verdict.violations
late, late_kernels = compilations.functions[warm:], loaded() - kernels

from numba import njit
njit(lambda x: x + 1)(1)  # the listener does hear
heard = len(compilations.functions) - warm - len(late)
told = {"late": late, "late_kernels": sorted(late_kernels), "heard": heard, "loaded": len(kernels)}
print(json.dumps(told))
"""


@pytest.mark.parametrize(
    ("controller", "sensors"),
    [("adaptive", Sensors.FULL), *((name, Sensors.LOOPS) for name in CONTROLLERS)],
)
def test_nothing_compiles_and_no_kernel_loads_after_take_over(
    controller: str, sensors: Sensors, root: Path
) -> None:
    command = [sys.executable, "-c", IN_A_FRESH_PROCESS, controller, sensors.value]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["late"] == []
    assert told["late_kernels"] == []
    assert told["loaded"] >= 3
    assert told["heard"] > 0


def test_every_kernel_states_its_types_and_can_compile_nothing_later() -> None:
    """A kernel without a signature would compile at its first call, however well it is cached.

    Inner kernels have one too, and cannot be called: they are compiled with those that call them.
    """
    from controller import numba_cache
    from controller.compiling import InnerKernel
    from tests.conftest import ROOT

    lazy = []
    for path in numba_cache.kernel_sources(ROOT):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = __import__(name, fromlist=["_"])
        for function in vars(module).values():
            inner = isinstance(function, InnerKernel) and function.signature
            if isinstance(function, type) or inner:
                continue
            if hasattr(function, "nopython_signatures") and function._can_compile:
                lazy.append(f"{name}.{function.__name__}")
    assert lazy == []


def test_an_unknown_controller_is_named() -> None:
    from controller.warm_up import warm_up

    with pytest.raises(ValueError, match=r"'magic'.*adaptive, fixed"):
        warm_up("magic", Sensors.LOOPS)
