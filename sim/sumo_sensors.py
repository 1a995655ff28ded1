"""Our own detectors on SUMO's streets: loops, tracks within 200 m, push buttons, bus check-in.

SUMO's detectors are not used: they would need additional files for every network, and
`full` sensors have none. What is simulated is what the real things would report:

* a loop is `LOOP_LENGTH_M` long, its upstream edge `distance_to_end_m` before the end of its
  street lane (at the lane's beginning if the lane is shorter). It counts each front once, is on
  while any part of a body is over it, and its occupancy is the part of the time since the last
  reading, from positions before and after with even speed between;
* full sensors give segment, distance and speed of every vehicle up to `SIGHT_M` from a stop line;
* a person who comes to a kerb presses once when the crossing does not show WALK, and again
  never: the button holds the call. Whoever finds WALK and loses it before stepping off presses
  then.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from controller.frame import TRACK_BUS, TRACK_CAR, Frame
from controller.network import Network
from controller.vocabulary import DetectorKind, Lamp, Sensors
from sim.sumo_sensors_kernels import continue_passages, cross_loops, settle_on_lane
from sim.sumo_traffic import NOWHERE, Lanes, Vehicles, Walkers

LOOP_LENGTH_M = 2.0
SIGHT_M = 200.0
WAY_M_MAX = 150.0
"""Longest way over several lanes looked for between two readings."""


@dataclass(frozen=True, slots=True)
class Way:
    """From the beginning of one lane to the beginning of a lane on another edge."""

    lanes: tuple[int, ...]
    """The first lane, those between, and the last: the lane itself or one beside it."""
    before_m: tuple[float, ...]
    """Metres from the beginning of the first lane to the beginning of each."""


class Ways:
    """Shortest lane-to-lane ways, looked up once each."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self._known: dict[tuple[int, int], Way | None] = {}

    def between(self, first: int, last: int) -> Way | None:
        """The way a vehicle drove between two readings; None when there is none of sensible length."""
        key = (first, last)
        if key not in self._known:
            self._known[key] = self._search(first, last)
        return self._known[key]

    def _search(self, first: int, last: int) -> Way | None:
        edge = self.lanes.edge
        heap: list[tuple[float, tuple[int, ...], tuple[float, ...]]] = [(0.0, (first,), (0.0,))]
        seen: set[int] = set()
        beside: Way | None = None
        while heap:
            at_m, path, before = heapq.heappop(heap)
            lane = path[-1]
            if lane == last and len(path) > 1:
                return Way(path, before)
            if lane in seen:
                continue
            seen.add(lane)
            if edge[lane] == edge[last] and len(path) > 1:
                # Lane changes come at the end of a step: it drove here, then moved over.
                beside = beside or Way(path, before)
                continue
            # The first lane does not count: how much of it was driven is not known here.
            next_m = at_m + (float(self.lanes.length_m[lane]) if len(path) > 1 else 0.0)
            if next_m > WAY_M_MAX:
                continue
            for successor in self.lanes.successors(lane):
                start_m = before[-1] + float(self.lanes.length_m[lane])
                heapq.heappush(heap, (next_m, (*path, successor), (*before, start_m)))
        return beside


@dataclass(slots=True)
class _Rows:
    """Stretches driven since the last reading, as the kernel takes them."""

    slot: list[int] = field(default_factory=list)
    lane: list[int] = field(default_factory=list)
    from_m: list[float] = field(default_factory=list)
    to_m: list[float] = field(default_factory=list)
    before_m: list[float] = field(default_factory=list)

    def add(self, slot: int, lane: int, from_m: float, to_m: float, before_m: float) -> None:
        self.slot.append(slot)
        self.lane.append(lane)
        self.from_m.append(from_m)
        self.to_m.append(to_m)
        self.before_m.append(before_m)


class Loops:
    """All loops and bus check-in points of a street."""

    def __init__(self, network: Network, lanes: Lanes) -> None:
        self.lanes = lanes
        self.ways = Ways(lanes)
        self._lay(network)
        capacity = 4 * len(network.detectors) + 64
        self._passage_slot = np.zeros(capacity, np.int64)
        self._passage_detector = np.zeros(capacity, np.int64)
        self._passage_past_m = np.zeros(capacity)
        self._n_passages = 0
        self._last_lane = np.zeros(0, np.int64)  # (slots)
        self._last_m = np.zeros(0)  # (slots)

    def _lay(self, network: Network) -> None:
        """Index the loops by street lane."""
        by_lane: dict[int, list[int]] = {}
        n = len(network.detectors)
        self._position_m = np.zeros(n)
        self._detector_lane = np.zeros(n, np.int64)
        self._buses_only = np.zeros(n, np.bool_)
        for d, detector in enumerate(network.detectors):
            if detector.kind == DetectorKind.BUTTON:
                continue
            name = detector.street_lane or detector.lane
            lane = self.lanes.index.get(name)
            if lane is None:
                raise ValueError(f"detector {detector.name}: the street has no lane {name}")
            # A front is never found before the beginning of a lane, so 0 would never be crossed.
            at_m = max(float(self.lanes.length_m[lane]) - detector.distance_to_end_m, 1e-3)
            self._position_m[d] = at_m
            self._detector_lane[d] = lane
            self._buses_only[d] = detector.kind == DetectorKind.BUS
            by_lane.setdefault(lane, []).append(d)
        counts = [len(by_lane.get(k, ())) for k in range(len(self.lanes.ids))]
        self._lane_start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        flat = [d for k in sorted(by_lane) for d in by_lane[k]]
        self._lane_detector = np.array(flat, np.int64)
        self._lane_has_loop = np.array(counts, np.int64) > 0

    def sense(self, vehicles: Vehicles, frame: Frame) -> None:
        """Fill the frame's vehicle detectors from the vehicles' positions now and before."""
        self._fit(vehicles.capacity)
        rows, moved_m, settling = self._stretches(vehicles)
        n = continue_passages(
            self._n_passages,
            self._passage_slot,
            self._passage_detector,
            self._passage_past_m,
            moved_m,
            vehicles.present,
            frame.detector_occupancy,
            frame.detector_on,
            LOOP_LENGTH_M,
        )
        n = cross_loops(
            n,
            self._passage_slot,
            self._passage_detector,
            self._passage_past_m,
            len(rows.slot),
            np.array(rows.slot, np.int64),
            np.array(rows.lane, np.int64),
            np.array(rows.from_m, np.float64),
            np.array(rows.to_m, np.float64),
            np.array(rows.before_m, np.float64),
            self._lane_start,
            self._lane_detector,
            self._position_m,
            self._buses_only,
            vehicles.length_m,
            vehicles.is_bus,
            moved_m,
            frame.detector_count,
            frame.detector_occupancy,
            frame.detector_on,
            LOOP_LENGTH_M,
        )
        self._n_passages = self._settle(n, settling, vehicles, frame)
        self._last_lane[vehicles.slot] = vehicles.lane
        self._last_m[vehicles.slot] = vehicles.position_m

    def _settle(self, n: int, settling: list[int], vehicles: Vehicles, frame: Frame) -> int:
        """Those who came to a lane by no way along it stand on its loops; gives the passages there are."""
        for row in settling:
            lane = int(vehicles.lane[row])
            n = settle_on_lane(
                n,
                self._passage_slot,
                self._passage_detector,
                self._passage_past_m,
                int(vehicles.slot[row]),
                lane,
                int(self.lanes.edge[lane]),
                float(vehicles.position_m[row]),
                bool(self._last_lane[vehicles.slot[row]] == NOWHERE),
                self._detector_lane,
                self.lanes.edge,
                self._lane_start,
                self._lane_detector,
                self._position_m,
                self._buses_only,
                vehicles.length_m,
                vehicles.is_bus,
                frame.detector_count,
                frame.detector_on,
                LOOP_LENGTH_M,
            )
        return n

    def _fit(self, capacity: int) -> None:
        missing = capacity - self._last_m.size
        if missing > 0:
            self._last_lane = np.concatenate([self._last_lane, np.zeros(missing, np.int64)])
            self._last_m = np.concatenate([self._last_m, np.zeros(missing)])

    def _stretches(self, vehicles: Vehicles) -> tuple[_Rows, NDArray[np.float64], list[int]]:
        """What each vehicle drove: stretches of lanes with loops, whole ways (slots) in m, and
        the rows of vehicles that were inserted or moved over to another lane.
        """
        self._last_lane[vehicles.new] = NOWHERE
        slot, lane, at_m = vehicles.slot, vehicles.lane, vehicles.position_m
        last_lane, last_m = self._last_lane[slot], self._last_m[slot]
        moved_m = np.zeros(vehicles.capacity)
        same = lane == last_lane
        moved_m[slot] = np.where(same, np.maximum(at_m - last_m, 0.0), 0.0)
        rows = _Rows()
        driving = np.flatnonzero(same & self._lane_has_loop[lane] & (at_m > last_m))
        rows.slot = slot[driving].tolist()
        rows.lane = lane[driving].tolist()
        rows.from_m = last_m[driving].tolist()
        rows.to_m = at_m[driving].tolist()
        rows.before_m = [0.0] * len(driving)
        settling: list[int] = []
        edge = self.lanes.edge
        for row in np.flatnonzero(~same).tolist():
            s, old, new = int(slot[row]), int(last_lane[row]), int(lane[row])
            if old == NOWHERE or new == NOWHERE:
                settling.append(row)
            elif edge[old] == edge[new]:
                moved_m[s] = max(float(at_m[row] - last_m[row]), 0.0)
                rows.add(s, old, float(last_m[row]), float(at_m[row]), 0.0)
                settling.append(row)
            elif not self._drive_on(rows, moved_m, s, old, new, float(last_m[row]), float(at_m[row])):
                settling.append(row)
        return rows, moved_m, settling

    def _drive_on(
        self,
        rows: _Rows,
        moved_m: NDArray[np.float64],
        slot: int,
        old: int,
        new: int,
        from_m: float,
        to_m: float,
    ) -> bool:
        """Add the stretches of a way over several lanes; False when it ends beside `new`."""
        way = self.ways.between(old, new)
        if way is None:
            return False
        for k, (lane, before_m) in enumerate(zip(way.lanes, way.before_m, strict=True)):
            start_m = from_m if k == 0 else 0.0
            end_m = to_m if k == len(way.lanes) - 1 else float(self.lanes.length_m[lane])
            if self._lane_has_loop[lane]:
                rows.add(slot, lane, start_m, end_m, before_m + start_m - from_m)
        moved_m[slot] = max(way.before_m[-1] + to_m - from_m, 1e-9)
        return way.lanes[-1] == new


class Tracks:
    """Every vehicle within `SIGHT_M` of a stop line it may come to."""

    def __init__(self, network: Network, lanes: Lanes, vehicles_at_most: int = 512) -> None:
        self._length_m = lanes.length_m
        self._segment = np.full(len(lanes.ids), -1, np.int64)
        self._gap_m = np.zeros(len(lanes.ids))
        for k, name in enumerate(network.segments):
            lane = lanes.index.get(name)
            if lane is None:
                raise ValueError(f"segment {name}: the street has no such lane")
            self._segment[lane] = k
            gaps = network.segment_gap_m[network.segment_start[k] : network.segment_start[k + 1]]
            self._gap_m[lane] = float(gaps.min())
        self._edge = lanes.edge
        self._stopline = np.full(len(lanes.ids), -1, np.int64)
        for d, kind in enumerate(network.detector_kind):
            if kind == DetectorKind.STOPLINE:
                self._stopline[lanes.index[network.detectors[d].lane]] = d
        self._was_on = np.zeros(vehicles_at_most, np.int64)

    def _count_crossings(self, vehicles: Vehicles, frame: Frame) -> None:
        """Who was in a stop line's lane and now drives on another edge has crossed the line."""
        if vehicles.capacity > self._was_on.size:
            self._was_on = np.concatenate(
                [self._was_on, np.zeros(vehicles.capacity - self._was_on.size, np.int64)]
            )
        self._was_on[vehicles.new] = NOWHERE
        before = self._was_on[vehicles.slot]
        detector = self._stopline[before]
        crossed = (detector >= 0) & (self._edge[before] != self._edge[vehicles.lane])
        np.add.at(frame.detector_count, detector[crossed], 1)
        self._was_on[vehicles.slot] = vehicles.lane

    def sense(self, vehicles: Vehicles, frame: Frame) -> None:
        """Fill the frame's tracks, and count at the stop lines."""
        self._count_crossings(vehicles, frame)
        lane = vehicles.lane
        segment = self._segment[lane]
        to_end_m = np.maximum(self._length_m[lane] - vehicles.position_m, 0.0)
        rows = np.flatnonzero((segment >= 0) & (to_end_m + self._gap_m[lane] <= SIGHT_M))
        n = len(rows)
        if n > frame.track_segment.size:
            size = 2 * n
            frame.track_segment = np.zeros(size, np.int32)
            frame.track_distance_m = np.zeros(size)
            frame.track_speed_m_per_s = np.zeros(size)
            frame.track_kind = np.zeros(size, np.int8)
        frame.n_tracks = n
        frame.track_segment[:n] = segment[rows]
        frame.track_distance_m[:n] = to_end_m[rows]
        frame.track_speed_m_per_s[:n] = vehicles.speed_m_per_s[rows]
        frame.track_kind[:n] = np.where(vehicles.is_bus[vehicles.slot[rows]], TRACK_BUS, TRACK_CAR)


class Buttons:
    """Push buttons: one detector a pedestrian group, pressed by those who come to wait.

    Who could not go while there was WALK, because somebody stood in the way, presses once more.
    """

    def __init__(self, network: Network, group_of_crossing: dict[tuple[str, str], int]) -> None:
        """`group_of_crossing`: walking area and crossing edge → index among all groups."""
        self._group = group_of_crossing
        self._detector = {
            int(g): d
            for d, g in enumerate(network.detector_group)
            if network.detector_kind[d] == DetectorKind.BUTTON
        }
        self._pressed: dict[str, tuple[str, str]] = {}

    def sense(self, walkers: Walkers, lamps: NDArray[np.int8], frame: Frame) -> None:
        """Press for everybody who newly waits, or waits again; `lamps` (groups,) is what they see."""
        here: dict[str, tuple[str, str]] = {}
        for person, crossing in zip(walkers.ids, walkers.crossing, strict=True):
            group = self._group.get(crossing, -1)
            detector = self._detector.get(group, -1)
            if detector < 0:
                continue
            if lamps[group] == Lamp.GREEN:
                continue
            here[person] = crossing
            if self._pressed.get(person) != crossing:
                frame.detector_on[detector] = True
                frame.detector_count[detector] += 1
                frame.detector_occupancy[detector] = 1.0
        self._pressed = here


class SumoSensors:
    """One suite of sensors: `read` refills and returns the same frame."""

    def __init__(
        self, network: Network, lanes: Lanes, sensors: Sensors, group_of_crossing: dict[tuple[str, str], int]
    ) -> None:
        self.sensors = sensors
        self._loops = Loops(network, lanes) if sensors == Sensors.LOOPS else None
        self._tracks = Tracks(network, lanes) if sensors == Sensors.FULL else None
        self._buttons = Buttons(network, group_of_crossing)

    def sense(self, vehicles: Vehicles, walkers: Walkers, lamps: NDArray[np.int8], frame: Frame) -> None:
        """Fill `frame` with what the suite sees now."""
        frame.detector_on[:] = False
        frame.detector_count[:] = 0
        frame.detector_occupancy[:] = 0.0
        if self._loops is not None:
            self._loops.sense(vehicles, frame)
        if self._tracks is not None:
            self._tracks.sense(vehicles, frame)
        self._buttons.sense(walkers, lamps, frame)
