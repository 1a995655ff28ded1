"""One run: a street in SUMO, a controller that sees only its frames, and the measures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from controller.frame import TICK_MS, Frame
from controller.junction import StreetNetwork
from controller.network import Network
from controller.policy import Policy
from controller.state import State
from controller.vocabulary import Sensors
from sim.measures import RunResult, Watch, read_trips, summarize
from sim.sumo_street import SumoStreet

if TYPE_CHECKING:
    from sim.city.scenario import FaultPlan
    from sim.city.sensing.faults import Faults


class Ticking(Protocol):
    """What a run needs of a controller."""

    state: State

    def tick(self, frame: Frame, now_ms: int) -> NDArray[np.int8]:
        """Lamps (groups,) from `now_ms` on."""


OnSecond = Callable[[Ticking, "Faults | None", int], None]
"""Called once a step with controller, what is broken and time in ms."""
OnTick = Callable[[Ticking, Frame, int, NDArray[np.int8]], None]
"""Called after every tick with controller, frame, time in ms and lamps (journal, explanations)."""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What to run. `controller` None leaves the signals to SUMO's own programs."""

    street: StreetNetwork
    net: Path
    routes: tuple[Path, ...]
    begin_s: int
    end_s: int
    controller: str | None
    sensors: Sensors = Sensors.LOOPS
    seed: int = 1
    policy: Policy = field(default_factory=Policy)
    sumo_options: tuple[str, ...] = ()
    additional: tuple[Path, ...] = ()
    step_ms: int = 1000
    faults: tuple[FaultPlan, ...] = ()
    """What breaks on the street; SUMO itself knows nothing of it."""


class Ledger:
    """Promises kept and broken, and what the monitor stopped, seen from outside."""

    def __init__(self, network: Network) -> None:
        self._promise_ms = network.promise_ms
        self._booked_ms = np.full(network.n_groups, -1, np.int64)
        self.promises_broken = 0
        self.violations = 0

    def look(self, controller: Ticking, now_ms: int) -> None:
        """Book every call that has waited longer than promised, once."""
        since_ms = controller.state.call_since_ms
        late = (now_ms - since_ms > self._promise_ms) & (since_ms != self._booked_ms)
        if late.any():
            self.promises_broken += int(late.sum())
            self._booked_ms[late] = since_ms[late]

    def hear(self, controller: Ticking) -> None:
        """Count the monitor's new violations of this tick."""
        verdict = getattr(controller, "verdict", None)
        if verdict is not None and verdict.violations:
            self.violations += len(verdict.violations)


def run(
    spec: RunSpec,
    on_tick: Sequence[OnTick] = (),
    on_progress: Callable[[float], None] = lambda part: None,
    make_controller: Callable[[Network, int], Ticking] | None = None,
    on_second: OnSecond | None = None,
) -> RunResult:
    """Run it to the end. `on_progress` gets the part done (0-1) once a simulated minute.

    `make_controller(network, now_ms)` replaces the controller named in `spec`. Raises
    sim.sumo_street.SumoFailure, sim.sumo_options.BadOptions, or ValueError, each with one line.
    """
    if spec.controller is not None:
        from controller.warm_up import warm_up

        warm_up(spec.controller, spec.sensors)
    street = SumoStreet(
        spec.street, spec.net, spec.routes, spec.begin_s, spec.end_s, spec.seed, spec.sensors,
        spec.sumo_options, spec.step_ms, spec.additional, spec.faults,
    )  # fmt: skip
    with street:
        if make_controller is None and spec.controller is not None:
            make_controller = _named(spec.controller, spec.policy)
        controller = make_controller(street.network, street.time_ms) if make_controller else None
        watch = Watch(spec.begin_s, spec.end_s)
        ledger = Ledger(street.network)
        started_s = time.perf_counter()
        _drive(street, controller, watch, ledger, on_tick, on_progress, on_second)
        pending_s, bus_types = street.pending_s(), street.bus_types()
        street.close()
        wall_s = time.perf_counter() - started_s
        trips = read_trips(street.options.tripinfo, bus_types, pending_s, watch.kerb_s)
    broken, violations = (ledger.promises_broken, ledger.violations) if controller else (None, None)
    return summarize(trips, watch, spec.policy, spec.end_s - spec.begin_s, wall_s, broken, violations)


def _named(name: str, policy: Policy) -> Callable[[Network, int], Ticking]:
    from controller.tick import Controller

    return lambda network, now_ms: Controller(network, name, policy, now_ms)


def _drive(
    street: SumoStreet,
    controller: Ticking | None,
    watch: Watch,
    ledger: Ledger,
    on_tick: Sequence[OnTick],
    on_progress: Callable[[float], None],
    on_second: OnSecond | None,
) -> None:
    faults = street.ailing.faults if street.ailing is not None else None
    step_ms = street.lamp_resolution_ms
    duration_ms = max(1, street.end_ms - street.begin_ms)
    while not street.finished:
        now_ms = street.time_ms
        if controller is not None:
            frame = street.read()
            for tick_ms in range(now_ms, now_ms + step_ms, TICK_MS):
                lamps = controller.tick(frame, tick_ms)
                street.show(lamps)
                ledger.hear(controller)
                for callback in on_tick:
                    callback(controller, frame, tick_ms, lamps)
            ledger.look(controller, now_ms)
            if on_second is not None:
                on_second(controller, faults, now_ms)
        street.step()
        watch.look(
            street.time_ms / 1000, step_ms / 1000, street.vehicles, street.walkers,
            street.waiting_s, street.insertion_queue_veh,
        )  # fmt: skip
        if street.time_ms % 60_000 == 0:
            on_progress((street.time_ms - street.begin_ms) / duration_ms)
