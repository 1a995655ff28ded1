"""What the city's streets are fitted with, and what that reports once a second.

The only door through which the truth of the arrays comes to a controller:

* `loops`: stop-line and advance loops and bus check-in points, 2 m long, as in
  `sim.sumo_sensors`; `full`: every vehicle within 200 m of a stop line, and counts at the lines;
* connected vehicles: a share of all vehicles, drawn once from the seed, that tell where they are
  as tracks; with `full` sensors they are all that is seen;
* push buttons hold a call as soon as somebody presses; a crossing with passive detection sees
  everybody who comes to its kerb and stays on while somebody waits there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controller.bundle import Bundle
from controller.frame import TRACKS_MIN, Frame
from controller.network import Network
from controller.vocabulary import DetectorKind, Sensors
from sim.city.movement.traffic import Traffic
from sim.city.people.walkers_model import Walkers
from sim.city.roads import Ints, Roads
from sim.city.scenario import BusNews
from sim.city.sensing import sensors_kernels as kernels
from sim.city.sensing import sensors_model as model
from sim.city.trips import Drives, Mode

LOOP_LENGTH_M = 2.0
SIGHT_M = 200.0
LOOP_NEAREST_M = 1e-3
"""A front is never found before the beginning of a lane, so a loop at 0 would never be crossed."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """What a city is fitted with. Shares are 0-1; raises ValueError for others."""

    sensors: Sensors = Sensors.LOOPS
    connected_share: float | None = None
    """Vehicles that tell where they are. None: nobody beside loops, everybody with full sensors."""
    passive_share: float = 0.0
    """Crossings that see people who wait, pressing or not."""
    seed: int = 1
    bus_news: BusNews = BusNews.NONE
    emergency_calls: bool = True
    """Emergency vehicles call the signals on their way."""

    def __post_init__(self) -> None:
        for name in ("connected_share", "passive_share"):
            share = getattr(self, name)
            if share is not None and not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} is {share}; allowed is 0 to 1")

    @property
    def tracked_share(self) -> float:
        """Part of all vehicles that are seen as tracks."""
        if self.connected_share is not None:
            return self.connected_share
        return 1.0 if self.sensors is Sensors.FULL else 0.0


class CitySensors:
    """One suite of sensors over the arrays of a city. Raises ValueError naming what lies nowhere.

    `fitted` (detectors) tells which were ever installed; the others see nothing, and with full
    sensors nobody is seen on the way to a stop line without its detector.
    """

    UNCHANGING = frozenset({"_suite", "_over"})
    """Views of what is carried elsewhere."""

    def __init__(
        self,
        network: Network,
        roads: Roads,
        drives: Drives,
        fitting: Fitting,
        fitted: NDArray[np.bool_] | None = None,
    ) -> None:
        self.fitting = fitting
        if fitted is None:
            fitted = np.ones(len(network.detectors), np.bool_)
        self._ways = _ways(roads)
        places = _place_names(network, roads, self._ways.place_length_m)
        self._laid = _lay_loops(network, places, self._ways.place_length_m, fitted)
        self._sight = _look_out(network, places, self._ways.place_length_m, fitted)
        self._length_m = np.ascontiguousarray(drives.length_m, np.float64)
        self._is_bus = np.ascontiguousarray(drives.mode == Mode.BUS)
        chance = np.random.default_rng(np.random.SeedSequence([fitting.seed, 0x5E4505]))
        self._tracked: NDArray[np.bool_] = chance.random(drives.n) < fitting.tracked_share
        self._memory = _new_memory(drives.n, len(network.detectors))
        self._crossing_detector = _buttons(network, roads, fitted)
        self._passive: NDArray[np.bool_] = chance.random(len(roads.crossings)) < fitting.passive_share
        self._came: Ints = np.zeros(len(roads.crossings), np.int64)
        self._suite: Bundle | None = None
        self._over: tuple[Traffic | None, Walkers | None, Frame | None] = (None, None, None)

    def sense(self, traffic: Traffic, walkers: Walkers | None, frame: Frame) -> None:
        """Fill detectors and tracks of the frame with what happened since the call before."""
        full = self.fitting.sensors is Sensors.FULL
        suite = self._suite_over(traffic, walkers, frame)
        kernels.sense(not full, suite.memory)
        frame.n_tracks = 0
        if self.fitting.tracked_share > 0.0:
            make_room(frame, int(traffic.n_driving[0]))
            seen = model.Seen(
                frame.track_segment, frame.track_distance_m, frame.track_speed_m_per_s, frame.track_kind
            )
            motion, reading = suite.value.motion, suite.value.reading
            frame.n_tracks = kernels.see_tracks(
                full, self._tracked, motion, self._ways, self._sight, self._memory, reading, seen
            )

    def _suite_over(self, traffic: Traffic, walkers: Walkers | None, frame: Frame) -> Bundle:
        """All arrays as the kernels take them, bundled when others are met than last time."""
        suite = self._suite
        over_traffic, over_walkers, over_frame = self._over
        if over_traffic is traffic and over_walkers is walkers and over_frame is frame and suite is not None:
            return suite
        motion = model.Motion(
            traffic.n_driving, traffic.driving, traffic.status, traffic.lane, traffic.connection,
            traffic.position_m, traffic.speed_m_per_s, self._length_m, self._is_bus,
        )  # fmt: skip
        reading = model.Reading(frame.detector_on, frame.detector_count, frame.detector_occupancy)
        none: Ints = np.zeros(0, np.int64)
        people = model.People(none, self._passive[:0], none, none, none, none)
        if walkers is not None:
            people = model.People(
                self._crossing_detector, self._passive, self._came, walkers.crossing_presses,
                walkers.crossing_came, walkers.crossing_waiting,
            )  # fmt: skip
        value = model.Suite(motion, self._ways, self._laid, self._memory, reading, people)
        self._suite, self._over = Bundle(kernels.lay_suite, value), (traffic, walkers, frame)
        return self._suite


def make_room(frame: Frame, n_tracks: int) -> None:
    """Let a frame hold so many tracks; those in it stay."""
    size = len(frame.track_segment)
    if n_tracks <= size:
        return
    size = max(TRACKS_MIN, 2 * size, n_tracks)
    for name in ("track_segment", "track_distance_m", "track_speed_m_per_s", "track_kind"):
        old = getattr(frame, name)
        new = np.zeros(size, old.dtype)
        new[: len(old)] = old
        setattr(frame, name, new)


def _ways(roads: Roads) -> model.Ways:
    own_edge = roads.n_edges + np.arange(roads.n_connections)
    return model.Ways(
        connection_start=np.ascontiguousarray(roads.connection_start),
        connection_from=np.ascontiguousarray(roads.connection_from),
        connection_to=np.ascontiguousarray(roads.connection_to),
        place_length_m=np.concatenate([roads.lane_length_m, roads.connection_length_m]).astype(np.float64),
        place_edge=np.concatenate([roads.lane_edge, own_edge]).astype(np.int64),
    )


_Places = dict[str, tuple[int, float, float]]
"""Street lane or inner lane by name → place, and where on it the lane begins and ends in m."""


def _place_names(network: Network, roads: Roads, place_length_m: NDArray[np.float64]) -> _Places:
    places = {name: (k, 0.0, float(place_length_m[k])) for k, name in enumerate(roads.lanes)}
    known_m = dict(zip(network.segments, network.segment_length_m.tolist(), strict=True))
    for c, via in enumerate(roads.connection_via):
        place = roads.n_lanes + c
        whole_m = float(place_length_m[place])
        unknown = sum(name not in known_m for name in via)
        rest_m = max(0.0, whole_m - sum(known_m.get(name, 0.0) for name in via))
        at_m = 0.0
        for name in via:
            end_m = at_m + known_m.get(name, rest_m / max(1, unknown))
            places[name] = (place, at_m, whole_m if name == via[-1] else min(end_m, whole_m))
            at_m = end_m
    return places


def _lay_loops(
    network: Network, places: _Places, place_length_m: NDArray[np.float64], fitted: NDArray[np.bool_]
) -> model.Laid:
    n = len(network.detectors)
    loop_place, position_m = np.full(n, -1, np.int64), np.zeros(n)
    for d, detector in enumerate(network.detectors):
        if detector.kind == DetectorKind.BUTTON:
            continue
        name = detector.street_lane or detector.lane
        if name not in places:
            raise ValueError(f"detector {detector.name}: the street has no lane {name}")
        place, begin_m, end_m = places[name]
        loop_place[d] = place if fitted[d] else -1
        position_m[d] = max(end_m - detector.distance_to_end_m, begin_m, LOOP_NEAREST_M)
    place_start, place_loop = _rows(loop_place, len(place_length_m))
    buses = np.array([d.kind == DetectorKind.BUS for d in network.detectors], np.bool_)
    return model.Laid(place_start, place_loop, loop_place, position_m, buses, np.full(1, LOOP_LENGTH_M))


def _look_out(
    network: Network, places: _Places, place_length_m: NDArray[np.float64], fitted: NDArray[np.bool_]
) -> model.Sight:
    seen = _segments_seen(network, fitted)
    segment = {name: k if seen[k] else -1 for k, name in enumerate(network.segments)}
    for name in segment:
        if name not in places:
            raise ValueError(f"segment {name}: the street has no such lane")
    watched = {places[name][0] for name in segment}
    order = sorted((place, end_m, name) for name, (place, _, end_m) in places.items() if place in watched)
    of_piece = [segment.get(name, -1) for _, _, name in order]
    first_gap_m = np.append(np.minimum.reduceat(network.segment_gap_m, network.segment_start[:-1]), 0.0)
    start, _ = _rows(np.array([place for place, _, _ in order], np.int64), len(place_length_m))
    stopline = np.full(len(place_length_m), -1, np.int64)
    for d, detector in enumerate(network.detectors):
        if detector.kind == DetectorKind.STOPLINE and fitted[d]:
            stopline[places[detector.lane][0]] = d
    return model.Sight(
        piece_start=start,
        piece_end_m=np.array([end_m for _, end_m, _ in order], np.float64),
        piece_segment=np.array(of_piece, np.int64),
        piece_gap_m=first_gap_m[of_piece],
        place_stopline=stopline,
        sight_m=np.full(1, SIGHT_M),
    )


def segment_cameras(network: Network) -> list[list[int]]:
    """For every segment the stop-line detectors it leads to: with full sensors, who watches it."""
    of_lane: dict[int, int] = {}
    for d, lane in enumerate(network.detector_lane):
        if network.detector_kind[d] == DetectorKind.STOPLINE:
            of_lane[int(lane)] = d
    lanes = np.split(network.segment_lane, network.segment_start[1:-1])
    return [[of_lane[int(lane)] for lane in own if int(lane) in of_lane] for own in lanes]


def _segments_seen(network: Network, fitted: NDArray[np.bool_]) -> list[bool]:
    cameras = segment_cameras(network)
    return [not watching or any(fitted[d] for d in watching) for watching in cameras]


def _rows(place: Ints, n_places: int) -> tuple[Ints, Ints]:
    """Compressed rows: what lies at each place, those at -1 nowhere."""
    order = np.argsort(place, kind="stable")
    order = order[place[order] >= 0]
    counts = np.bincount(place[order], minlength=n_places)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), order.astype(np.int64)


def _buttons(network: Network, roads: Roads, fitted: NDArray[np.bool_]) -> Ints:
    detector = {
        int(g): d for d, g in enumerate(network.detector_group)
        if network.detector_kind[d] == DetectorKind.BUTTON and fitted[d]
    }  # fmt: skip
    return np.array([detector.get(int(g), -1) for g in roads.crossing_group], np.int64)


def _new_memory(vehicles: int, detectors: int) -> model.Memory:
    way = 2 * kernels.WAY_LANES_MAX + 2
    passages = 4 * detectors + 64
    return model.Memory(
        followed=np.full(vehicles, np.array((-1, 0.0, 0.0, -1), model.FOLLOWED)),
        n_passages=np.zeros(1, np.int64),
        passage_vehicle=np.zeros(passages, np.int64),
        passage_detector=np.zeros(passages, np.int64),
        passage_past_m=np.zeros(passages),
        way_place=np.zeros(way, np.int64),
        way_before_m=np.zeros(way),
        best_place=np.zeros(way, np.int64),
        best_before_m=np.zeros(way),
        way_next=np.zeros(way, np.int64),
    )
