"""A junction with loops and buttons in a closed loop: true queues move under the lamps, detectors may lie.

One vehicle leaves a queue every two seconds of green; loops see who stands and who passes, as on
a street. The truth is kept apart from what is told, so that waits are those of people.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np

from controller.degradation import Degradation
from controller.frame import empty_frame
from controller.ladder import Rung
from controller.orders import Orders
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import DetectorKind, Lamp, Sensors
from sim.city.scenario import FaultKind, FaultPlan
from sim.city.sensing.faults import Faults
from tests import journal_street

BEGIN_S = 8 * 3600
ADVANCE_ROOM_VEH = 10
"""That many stand between the stop line and the advance loop."""
ADVANCE_S = 6
TICK_MS = 200
"""Lamps change once a second here; the monitor wants to be asked more often than every 300 ms."""
DISTRICTS = SimpleNamespace(districts=("here",), junction_district=np.zeros(1, np.int64))
NS, NS_LEFT, EW, EW_LEFT, WALK_NS, WALK_EW = range(6)


def fault(
    kind: FaultKind, where: str = "all", onset_s: float = 600.0, repair_s: float = 0.0, share: float = 1.0
) -> FaultPlan:
    """A plan, mended after `repair_s` (0 = never)."""
    return FaultPlan(kind, where, onset_s=onset_s, repair_s=repair_s, share=share)


class LoopStreet:
    """The toy square with its detectors under a whole controller; `veh_per_h` by lane."""

    def __init__(
        self,
        *faults: FaultPlan,
        controller: str = "adaptive",
        veh_per_h: Sequence[float] = (500, 120, 500, 120),
        people_per_h: float = 60.0,
        seed: int = 1,
        hours: float = 3.0,
    ) -> None:
        self.network = journal_street.network()
        self.begin_ms = self.now_ms = 1000 * BEGIN_S
        self.controller = Controller(self.network, controller, Policy(), self.now_ms)
        self.frame = empty_frame(self.network, Sensors.LOOPS)
        end_ms = self.begin_ms + int(3_600_000 * hours)
        self.faults = Faults(self.network, DISTRICTS, faults, self.begin_ms, end_ms, seed, Sensors.LOOPS)
        self.chance = np.random.default_rng(seed)
        self.rate = np.array(veh_per_h) / 3600.0
        self.people_rate = people_per_h / 3600.0
        lanes = self.network.n_lanes
        self.coming: list[deque[int]] = [deque() for _ in range(lanes)]
        self.queue: list[deque[int]] = [deque() for _ in range(lanes)]
        self.behind: list[deque[int]] = [deque() for _ in range(lanes)]
        self.kerb: dict[int, list[int]] = {WALK_NS: [], WALK_EW: []}
        self.vehicle_waits: list[tuple[int, int, float]] = []
        """(time ms, lane, seconds) of each vehicle over the stop line."""
        self.walker_waits: list[tuple[int, int, float]] = []
        self.walks: list[tuple[int, int]] = []
        """(time ms, group) of every start of WALK."""
        self.complaints: list[str] = []
        self.orders: Orders | None = None
        self._shown = np.zeros(self.network.n_groups, np.int8)

    @property
    def degradation(self) -> Degradation:
        assert self.controller.degradation is not None
        return self.controller.degradation

    @property
    def rung(self) -> Rung:
        return self.degradation.ladder.rung(0)

    @property
    def second(self) -> int:
        """Since the beginning."""
        return (self.now_ms - self.begin_ms) // 1000

    def named(self, name: str) -> int:
        return [d.name for d in self.network.detectors].index(name)

    def run(self, seconds: int) -> LoopStreet:
        for _ in range(seconds):
            self._move()
            for _ in range(1000 // TICK_MS):
                lamps = self.controller.tick(self.frame, self.now_ms, self.orders)
                verdict = self.controller.verdict
                assert verdict is not None
                self.complaints += [v.sentence for v in (*verdict.violations, *verdict.alarms)]
                self._look_at(lamps)
                self.frame.lamps_shown[:] = lamps
                self.now_ms += TICK_MS
        return self

    def until(self, rung: Rung, within_s: int) -> int:
        """Seconds until the junction stands there."""
        begun_s = self.second
        while self.rung != rung:
            assert self.second - begun_s < within_s, f"still on rung {self.rung} after {within_s} s"
            self.run(1)
        return self.second - begun_s

    def worst_wait_s(self, since_s: int = 0, lane: int | None = None) -> float:
        """Of vehicles that left after that second, and of those still waiting."""
        since_ms = self.begin_ms + 1000 * since_s
        lanes = range(self.network.n_lanes) if lane is None else (lane,)
        gone = [s for at, own, s in self.vehicle_waits if at >= since_ms and own in lanes]
        here = [(self.now_ms - at) / 1000 for own in lanes for at in self.queue[own]]
        return max([*gone, *here], default=0.0)

    def mean_wait_s(self, since_s: int = 0) -> float:
        since_ms = self.begin_ms + 1000 * since_s
        gone = [s for at, _, s in self.vehicle_waits if at >= since_ms]
        here = [(self.now_ms - at) / 1000 for queue in self.queue for at in queue]
        return float(np.mean([*gone, *here]))

    # --- the truth -------------------------------------------------------------------------

    def _look_at(self, lamps: np.ndarray) -> None:
        for group, people in self.kerb.items():
            if lamps[group] == Lamp.GREEN and self._shown[group] != Lamp.GREEN:
                self.walks.append((self.now_ms, group))
                self.walker_waits += [(self.now_ms, group, (self.now_ms - at) / 1000) for at in people]
                people.clear()
        np.copyto(self._shown, lamps)

    def _move(self) -> None:
        """One second of everybody, and what the detectors tell of it."""
        frame, now_ms = self.frame, self.now_ms
        frame.time_ms, frame.sequence = now_ms, frame.sequence + 1
        frame.detector_on[:] = False
        frame.detector_count[:] = 0
        frame.detector_occupancy[:] = 0.0
        for d, detector in enumerate(self.network.detectors):
            if detector.kind == DetectorKind.STOPLINE:
                self._move_lane(int(self.network.detector_lane[d]), d, d + 1)
            elif detector.kind == DetectorKind.BUTTON:
                self._walk(int(self.network.detector_group[d]), d)
        self.faults.advance(now_ms)
        self.faults.afflict(frame)

    def _move_lane(self, lane: int, stop: int, advance: int) -> None:
        frame, now_ms = self.frame, self.now_ms
        queue, behind, coming = self.queue[lane], self.behind[lane], self.coming[lane]
        for _ in range(self.chance.poisson(self.rate[lane])):
            behind.append(now_ms)
        passed = 0
        while behind and len(queue) + len(coming) < ADVANCE_ROOM_VEH + 3:
            behind.popleft()
            coming.append(now_ms + 1000 * ADVANCE_S)
            passed += 1
        stands = len(queue) >= ADVANCE_ROOM_VEH and passed == 0
        frame.detector_count[advance] = passed
        frame.detector_on[advance] = stands or passed > 0
        frame.detector_occupancy[advance] = 1.0 if stands else min(0.9, 0.3 * passed)
        arrived = 0
        while coming and coming[0] <= now_ms:
            arrived += not queue
            queue.append(coming.popleft())
        moved = False
        group = lane
        green = self._shown[group] == Lamp.GREEN
        green_ms = now_ms - int(self.controller.state.lamp_since_ms[group]) if green else -1
        if green_ms >= 2000 and queue and (green_ms // 1000 % 2 == 0 or queue[0] == now_ms):
            self.vehicle_waits.append((now_ms, lane, (now_ms - queue.popleft()) / 1000))
            moved = True
            arrived += bool(queue)
        frame.detector_count[stop] = arrived
        frame.detector_on[stop] = bool(queue)
        frame.detector_occupancy[stop] = 0.6 if moved else (1.0 if queue else 0.0)

    def _walk(self, group: int, button: int) -> None:
        people = self.kerb[group]
        come = int(self.chance.poisson(self.people_rate))
        self.frame.detector_count[button] = bool(come) and self._shown[group] != Lamp.GREEN
        if self._shown[group] != Lamp.GREEN:
            people += [self.now_ms] * come
