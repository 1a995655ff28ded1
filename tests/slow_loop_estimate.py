"""The loop estimate once more, slow and obvious: one object a lane, dictionaries, no arrays.

Written from the description in `controller.loop_estimate_kernels`, to be compared with it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from controller.frame import Frame
from controller.junction import Lane
from controller.loop_estimate import NEAR_GATE_M
from controller.network import Network
from controller.policy import Policy
from controller.state import HORIZON_S
from controller.vocabulary import DetectorKind
from tests.slow_feeds import feeds_of

STOP, NEAR, FAR, UPSTREAM = "stop", "near", "far", "upstream"


@dataclass
class SlowLane:
    """What is known of one lane."""

    speed_m_per_s: float
    reach_m: float
    persons: float
    feeds: list[tuple[int, float, int]] = field(default_factory=list)
    loops: dict[str, list[int]] = field(default_factory=lambda: {STOP: [], NEAR: [], FAR: []})
    place_m: dict[str, float] = field(default_factory=lambda: {STOP: 0.0})
    travel_s: dict[str, int] = field(default_factory=lambda: {STOP: 0})
    held: dict[str, float] = field(default_factory=lambda: dict.fromkeys((STOP, NEAR, FAR), 0.0))
    passed: dict[str, float] = field(default_factory=lambda: dict.fromkeys((STOP, NEAR, FAR, UPSTREAM), 0.0))
    coming: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    unseen: bool = False
    """Its stop line's loop is not believed."""
    queue: float = 0.0
    arrivals: dict[int, float] = field(default_factory=dict)
    near: float = 0.0

    @property
    def gates(self) -> list[str]:
        """Those it has, from the stop line outward."""
        return [g for g in (STOP, NEAR, FAR) if g in self.travel_s]

    def next_gate(self, gate: str) -> str | None:
        """The one behind, if any."""
        later = self.gates[self.gates.index(gate) + 1 :]
        return later[0] if later else None

    def room(self, gate: str) -> float:
        """Vehicles that can stand between this gate and the next, or the end of the reach."""
        behind = self.next_gate(gate)
        end_m = self.place_m[behind] if behind else self.reach_m
        return max(1.0, (end_m - self.place_m[gate]) / 7.5)

    def join(self, veh: float) -> None:
        """More of them, at the end of its queue."""
        for gate in self.gates:
            joined = min(veh, max(0.0, self.room(gate) - self.held[gate]))
            self.held[gate] += joined
            veh -= joined

    def fill(self, far_m: float) -> None:
        """A queue that reaches so far."""
        for gate in self.gates:
            if self.place_m[gate] < far_m:
                standing = min(self.room(gate), (far_m - self.place_m[gate]) / 7.5)
                self.held[gate] = max(self.held[gate], standing)

    def gain(self, gate: str) -> float:
        """Crossed or on their way from a gate to the stop line, for one counted there in shares."""
        inner = [g for g in (STOP, NEAR, FAR) if g != gate]
        inner = inner[: (STOP, NEAR, FAR, UPSTREAM).index(gate)]
        last = HORIZON_S if gate == UPSTREAM else self.travel_s[gate]
        inside = sum(self.held[g] for g in inner)
        inside += sum(veh for second, veh in self.coming.items() if second <= last)
        return min(3.0, max(0.3, (self.passed[STOP] + inside + 4.0) / (self.passed[gate] + 4.0)))

    def count(self, gate: str, veh: float) -> None:
        """Vehicles cross a gate: they leave what is held there, then what was on the way to it."""
        left = veh - min(veh, self.held[gate])
        self.held[gate] = max(0.0, self.held[gate] - veh)
        first = 0 if gate == STOP else self.travel_s[gate] + 1
        behind = self.next_gate(gate)
        last = self.travel_s[behind] if behind else HORIZON_S - 1
        for second in range(first, last + 1):
            taken = min(left, self.coming[second])
            self.coming[second] -= taken
            left -= taken
        if gate != STOP:
            self.coming[self.travel_s[gate]] += veh


def lanes_of(network: Network) -> list[Lane]:
    """Of all junctions, in their order."""
    return [lane for junction in network.street.junctions for lane in junction.lanes]


class SlowLoops:
    """All lanes of a network; `update` once a reading."""

    def __init__(self, network: Network, policy: Policy) -> None:
        self.network, self.policy = network, policy
        self.busy_s = [0.0] * len(network.detectors)
        self.lanes = [
            SlowLane(float(v), float(m), 1.3)
            for v, m in zip(network.lane_speed_m_per_s, network.lane_reach_m, strict=True)
        ]
        for lane, feeds in zip(self.lanes, feeds_of(network), strict=True):
            lane.feeds = feeds
        ways = [{r.street_lane for r in lane.reach if r.share > 0.05} for lane in lanes_of(network)]
        own = network.lane_junction.tolist()
        self.siblings = [
            [b for b, other in enumerate(ways) if b != a and own[a] == own[b] and way & other]
            for a, way in enumerate(ways)
        ]
        """Lanes of the same junction to which vehicles come over the same street lane."""
        for d, detector in enumerate(network.detectors):
            lane = self.lanes[network.detector_lane[d]]
            if detector.kind == DetectorKind.STOPLINE:
                lane.loops[STOP].append(d)
            elif detector.kind == DetectorKind.ADVANCE:
                gate = NEAR if detector.distance_m <= NEAR_GATE_M else FAR
                lane.loops[gate].append(d)
                lane.place_m[gate] = min(lane.place_m.get(gate, 1e9), detector.distance_m)
        for lane in self.lanes:
            for gate, least_s in ((NEAR, 1), (FAR, 2)):
                if gate in lane.place_m:
                    inner = max(s for g, s in lane.travel_s.items() if g != gate)
                    lane.travel_s[gate] = max(
                        int(lane.place_m[gate] / lane.speed_m_per_s), least_s, inner + 1
                    )

    def update(self, frame: Frame, seconds: int, crossed: np.ndarray, flow: np.ndarray) -> None:
        """One reading, so many seconds after the one before."""
        for d in range(len(self.busy_s)):
            part = float(frame.detector_occupancy[d])
            if frame.detector_on[d] and part > 0.95:
                self.busy_s[d] = max(self.busy_s[d], 0.0) + seconds
            elif frame.detector_on[d]:
                self.busy_s[d] = seconds * part
            elif part < 0.0:
                self.busy_s[d] = -1.0
            elif part > 0.0:
                self.busy_s[d] = 0.0
            else:
                self.busy_s[d] = min(self.busy_s[d], 0.0) - seconds
        clears = [{g: self._clear_s(lane, g) for g in lane.gates} for lane in self.lanes]
        for index, lane in enumerate(self.lanes):
            stood = [other for other in self.siblings[index] if clears[other][STOP] == 0.0]
            for _ in range(seconds):
                self._drive(lane, clears[index], self.lanes[stood[0]] if stood else None)
        for index, lane in enumerate(self.lanes):
            clear = clears[index]
            for gate in lane.passed:
                lane.passed[gate] *= 1.0 - seconds / 900.0
            for gate in lane.gates:
                for d in lane.loops[gate]:
                    self._count(lane, gate, d, frame)
            for up, share, travel_s in lane.feeds:
                if crossed[up] * share > 0.0:
                    gain = lane.gain(UPSTREAM)
                    lane.passed[UPSTREAM] += crossed[up] * share
                    lane.coming[min(travel_s, HORIZON_S - 1)] += crossed[up] * share * gain
            self._believe(lane, clear, float(flow[index]) * seconds)
            self._tell(lane, clear, frame, float(flow[index]))
            self._weigh(index, lane, frame, seconds)

    def _clear_s(self, lane: SlowLane, gate: str) -> float:
        return min([max(0.0, -self.busy_s[d]) for d in lane.loops[gate]] or [1e9])

    def _standing(self, lane: SlowLane, gate: str) -> bool:
        own = [d for d in lane.loops[gate] if self.network.detector_share[d] >= 0.75]
        return any(self.busy_s[d] >= 3.0 for d in own)

    def _jammed(self, lane: SlowLane, gate: str) -> bool:
        shared = [d for d in lane.loops[gate] if self.network.detector_share[d] < 0.75]
        return any(self.busy_s[d] >= 10.0 for d in shared)

    def _drive(self, lane: SlowLane, clear: dict[str, float], stands_beside: SlowLane | None) -> None:
        for gate in lane.gates:
            late = clear[STOP] >= 5.0 + lane.travel_s[gate]
            if clear[gate] >= 3.0 or (late and clear[gate] > 0.0):
                lane.held[gate] *= 0.35
            elif late and stands_beside:
                stands_beside.join(0.65 * lane.held[gate])
                lane.held[gate] *= 0.35
                if self._jammed(lane, gate):
                    stands_beside.fill(lane.place_m[gate])
        moved: dict[int, float] = defaultdict(float)
        at_gate = {s: g for g, s in lane.travel_s.items() if g != STOP}
        for second, veh in lane.coming.items():
            if second == 0:
                lane.held[STOP] += veh
            elif second - 1 in at_gate:
                lane.held[at_gate[second - 1]] += veh
            else:
                moved[second - 1] += veh
        lane.coming = moved

    def _count(self, lane: SlowLane, gate: str, d: int, frame: Frame) -> None:
        count = float(frame.detector_count[d])
        if gate == STOP:
            lane.passed[STOP] += count
            lane.count(STOP, count)
        elif count:
            share = float(self.network.detector_share[d])
            veh, gain = count * share, 1.0 if lane.unseen and share >= 0.75 else lane.gain(gate)
            lane.passed[gate] += veh
            lane.count(gate, veh * gain)

    def _believe(self, lane: SlowLane, clear: dict[str, float], guessed_veh: float) -> None:
        for gate in lane.gates[1:]:
            inner = lane.gates[lane.gates.index(gate) - 1]
            if self._standing(lane, gate) and (inner == STOP or clear[inner] < 3.0):
                first = 0 if inner == STOP else lane.travel_s[inner] + 1
                for second in range(first, lane.travel_s[gate] + 1):
                    lane.held[inner] += lane.coming.pop(second, 0.0)
                lane.held[inner] = max(lane.held[inner], lane.room(inner))
                if not lane.feeds and gate == lane.gates[-1]:
                    lane.held[gate] += guessed_veh
        for gate in lane.gates:
            lane.held[gate] = min(lane.held[gate], lane.room(gate))

    def _tell(self, lane: SlowLane, clear: dict[str, float], frame: Frame, flow: float) -> None:
        lane.queue = lane.held[STOP] + sum(bool(frame.detector_on[d]) for d in lane.loops[STOP])
        lane.arrivals = {h: lane.coming.get(h, 0.0) for h in range(HORIZON_S)}
        for gate in lane.gates[1:]:
            if clear[gate] < 3.0:
                lane.queue += lane.held[gate]
            else:
                lane.arrivals[lane.travel_s[gate]] += lane.held[gate]
        seen_s = int(np.ceil(min(lane.reach_m, 200.0) / lane.speed_m_per_s))
        lane.near = lane.queue + sum(lane.arrivals[h] for h in range(seen_s))
        if not lane.feeds:
            for h in range(lane.travel_s[lane.gates[-1]] + 1, seen_s):
                lane.arrivals[h] += flow

    def _weigh(self, index: int, lane: SlowLane, frame: Frame, seconds: int) -> None:
        car, bus = self.policy.persons_per_car, self.policy.persons_per_bus
        for _ in range(seconds):
            lane.persons = 0.98 * lane.persons + 0.02 * car
        for d, detector in enumerate(self.network.detectors):
            if detector.kind == DetectorKind.BUS and self.network.detector_lane[d] == index:
                part = float(frame.detector_count[d]) * float(self.network.detector_share[d])
                lane.persons += part * (bus - car) / max(1.0, lane.near)
