"""A street network as index arrays: what every kernel works on.

Everything of all junctions lies in one flat array per property, junction after
junction, in the order of the `StreetNetwork`; `*_start` arrays give each junction's
slice (compressed sparse rows). Stages and conflicts are bits: bit k of a word is the
k-th group of that junction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.junction import Detector, Junction, Lane, StreetNetwork, held_at_most_ms
from controller.vocabulary import DetectorKind, GroupKind

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DIRECTIONS = ("straight", "right", "left", "turn")

RED_REVERT_MS = 2000
"""Shortest red of a group that comes back at once (rules R12)."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Arrays of one street network. J junctions, G groups, S stages, L lanes, M movements,
    K segments of street lane, X exits, D detectors. All times are milliseconds, rounded
    up to the street's lamp resolution.
    """

    street: StreetNetwork
    lamp_resolution_ms: int
    n_junctions: int
    n_groups: int
    n_lanes: int
    n_stages: int
    group_start: Ints  # (J+1)
    lane_start: Ints  # (J+1)
    stage_start: Ints  # (J+1)
    group_junction: Ints  # (G)
    group_kind: NDArray[np.int8]  # (G) GroupKind
    group_turn_on_red: NDArray[np.bool_]  # (G)
    min_green_ms: Ints  # (G) walk minimum for pedestrians
    max_green_ms: Ints  # (G)
    yellow_ms: Ints  # (G) yellow, or pedestrian clearance
    promise_ms: Ints  # (G) less what a WALK that leads may take of it
    conflict_bits: Ints  # (G) groups of the same junction that must not be active with it
    intergreen_start: Ints  # (J) offset into intergreen_ms
    intergreen_ms: Ints  # flat (n x n) per junction [ending * n + starting]; 0 = no conflict (for a
    #                      yielding pair, which is none, the yellow the other waits for);
    #                      the diagonal is the shortest way from end of green back to green
    stage_bits: Ints  # (S)
    stage_junction: Ints  # (S)
    lane_junction: Ints  # (L)
    lane_speed_m_per_s: Floats  # (L)
    lane_saturation_veh_per_s: Floats  # (L)
    lane_reach_m: Floats  # (L) how far up the chain it is known
    lane_group_bits: Ints  # (L) groups of its junction that serve it
    lane_storage_m: Floats  # (L) length of the last street lane and its single-way chain
    movement_start: Ints  # (L+1)
    movement_group: Ints  # (M) index among all groups
    movement_direction: Ints  # (M) index into DIRECTIONS
    movement_exit: Ints  # (M) index into exits
    exits: tuple[str, ...]
    exit_start: Ints  # (X+1) into exit_lane
    exit_lane: Ints  # downstream lanes of an exit
    exit_share: Floats
    exit_length_m: Floats  # way from the exit's beginning to the downstream stop line
    segments: tuple[str, ...]
    segment_length_m: Floats  # (K)
    segment_start: Ints  # (K+1) into segment_lane
    segment_lane: Ints  # lanes a vehicle on this segment may come to
    segment_gap_m: Floats  # from the end of the segment to that lane's stop line
    segment_share: Floats
    detectors: tuple[Detector, ...]
    detector_kind: NDArray[np.int8]  # (D)
    detector_junction: Ints  # (D)
    detector_lane: Ints  # (D) -1 for buttons
    detector_group: Ints  # (D) -1 for vehicle detectors
    detector_distance_m: Floats  # (D) to the stop line
    detector_share: Floats  # (D) part of what passes it that comes to its lane

    def group_index(self, junction: str, group: str) -> int:
        """Index of a group among all groups. Raises KeyError with the names known."""
        j = self.junction_index(junction)
        names = [g.name for g in self.street.junctions[j].groups]
        if group not in names:
            raise KeyError(f"junction {junction} has no group {group}; it has {', '.join(names)}")
        return int(self.group_start[j]) + names.index(group)

    def junction_index(self, name: str) -> int:
        """Index of a junction by its name or its title. Raises KeyError with the names known."""
        for j, junction in enumerate(self.street.junctions):
            if name in (junction.name, junction.title):
                return j
        known = ", ".join(f"{j.title} ({j.name})" for j in self.street.junctions)
        raise KeyError(f"no junction {name}; known are {known}")


def build_network(street: StreetNetwork, lamp_resolution_ms: int = 100) -> Network:
    """Lay a street network out in arrays, times rounded up to the lamp resolution."""
    return _Builder(street, lamp_resolution_ms).build()


class _Builder:
    def __init__(self, street: StreetNetwork, resolution_ms: int) -> None:
        self.street = street
        self.resolution_ms = resolution_ms
        self.lanes: list[tuple[int, Lane]] = [
            (j, lane) for j, jn in enumerate(street.junctions) for lane in jn.lanes
        ]
        self.lane_index = {(street.junctions[j].name, lane.name): k for k, (j, lane) in enumerate(self.lanes)}

    def up(self, ms: int) -> int:
        """Round a time up to the lamp resolution."""
        return -(-ms // self.resolution_ms) * self.resolution_ms

    def build(self) -> Network:
        junctions = self.street.junctions
        groups = [(j, k, g) for j, jn in enumerate(junctions) for k, g in enumerate(jn.groups)]
        stages = [(j, s) for j, jn in enumerate(junctions) for s in jn.stages]
        intergreen_start, intergreen_ms, conflict_bits = self._intergreens()
        return Network(
            street=self.street,
            lamp_resolution_ms=self.resolution_ms,
            n_junctions=len(junctions),
            n_groups=len(groups),
            n_lanes=len(self.lanes),
            n_stages=len(stages),
            group_start=_starts([len(jn.groups) for jn in junctions]),
            lane_start=_starts([len(jn.lanes) for jn in junctions]),
            stage_start=_starts([len(jn.stages) for jn in junctions]),
            group_junction=_ints([j for j, _, _ in groups]),
            group_kind=np.array([g.kind for _, _, g in groups], np.int8),
            group_turn_on_red=np.array([g.turn_on_red for _, _, g in groups], np.bool_),
            min_green_ms=_ints([self.up(g.min_green_ms) for _, _, g in groups]),
            max_green_ms=_ints([self.up(g.max_green_ms) for _, _, g in groups]),
            yellow_ms=_ints(
                [
                    self.up(g.clearance_ms if g.kind == GroupKind.PEDESTRIAN else g.yellow_ms)
                    for _, _, g in groups
                ]
            ),
            promise_ms=_ints(
                [max(1, g.promise_ms - held_at_most_ms(junctions[j], g.name)) for j, _, g in groups]
            ),
            conflict_bits=conflict_bits,
            intergreen_start=intergreen_start,
            intergreen_ms=intergreen_ms,
            stage_bits=_ints([_bits(junctions[j], s.groups) for j, s in stages]),
            stage_junction=_ints([j for j, _ in stages]),
            **self._lane_arrays(),
            **self._exit_arrays(),
            **self._segment_arrays(),
            **self._detector_arrays(),
        )

    def _intergreens(self) -> tuple[Ints, Ints, Ints]:
        starts, tables, conflict = [], [], []
        offset = 0
        for junction in self.street.junctions:
            index = {g.name: k for k, g in enumerate(junction.groups)}
            n = len(junction.groups)
            table = np.zeros((n, n), np.int64)
            for ig in junction.intergreens:
                table[index[ig.ending], index[ig.starting]] = self.up(ig.duration_ms)
            bits = [sum(1 << b for b in range(n) if table[a, b] or table[b, a]) for a in range(n)]
            for pair in junction.yields:
                # Nobody who was free to go may be surprised on yellow by those he gives way to.
                a, b = index[pair.group], index[pair.to]
                table[a, b] = max(table[a, b], self.up(junction.groups[a].yellow_ms))
            for k, g in enumerate(junction.groups):
                table[k, k] = self.up(g.clearance_ms or g.yellow_ms) + self.up(RED_REVERT_MS)
            conflict += bits
            starts.append(offset)
            offset += n * n
            tables.append(table.ravel())
        return _ints(starts), np.concatenate(tables), _ints(conflict)

    def _lane_arrays(self) -> dict[str, Any]:
        junctions = self.street.junctions
        group_start = _starts([len(jn.groups) for jn in junctions])
        index = [{g.name: k for k, g in enumerate(jn.groups)} for jn in junctions]
        moves = [(j, m) for j, lane in self.lanes for m in lane.movements]
        self.exits = tuple(dict.fromkeys(m.exit_lane for _, m in moves))
        exit_index = {name: x for x, name in enumerate(self.exits)}
        lane_bits = []
        for j, lane in self.lanes:
            lane_bits.append(_bits(junctions[j], tuple({m.group for m in lane.movements})))
        return {
            "lane_junction": _ints([j for j, _ in self.lanes]),
            "lane_speed_m_per_s": np.array([lane.speed_m_per_s for _, lane in self.lanes]),
            "lane_saturation_veh_per_s": np.array([lane.saturation_veh_per_s for _, lane in self.lanes]),
            "lane_reach_m": np.array(
                [max(r.gap_m + r.length_m for r in lane.reach) for _, lane in self.lanes]
            ),
            "lane_group_bits": _ints(lane_bits),
            "lane_storage_m": np.array([_storage_m(lane) for _, lane in self.lanes]),
            "movement_start": _starts([len(lane.movements) for _, lane in self.lanes]),
            "movement_group": _ints([group_start[j] + index[j][m.group] for j, m in moves]),
            "movement_direction": _ints([DIRECTIONS.index(m.direction) for _, m in moves]),
            "movement_exit": _ints([exit_index[m.exit_lane] for _, m in moves]),
            "exits": self.exits,
        }

    def _exit_arrays(self) -> dict[str, Any]:
        by_exit: dict[str, list[tuple[int, float, float]]] = {name: [] for name in self.exits}
        for link in self.street.links:
            if link.exit_lane in by_exit:
                lane = self.lane_index[link.to_junction, link.to_lane]
                by_exit[link.exit_lane].append((lane, link.share, link.length_m))
        rows = [row for name in self.exits for row in by_exit[name]]
        return {
            "exit_start": _starts([len(by_exit[name]) for name in self.exits]),
            "exit_lane": _ints([r[0] for r in rows]),
            "exit_share": np.array([r[1] for r in rows], np.float64),
            "exit_length_m": np.array([r[2] for r in rows], np.float64),
        }

    def _segment_arrays(self) -> dict[str, Any]:
        by_segment: dict[str, list[tuple[int, float, float]]] = {}
        length: dict[str, float] = {}
        for k, (_, lane) in enumerate(self.lanes):
            for r in lane.reach:
                by_segment.setdefault(r.street_lane, []).append((k, r.gap_m, r.share))
                length[r.street_lane] = r.length_m
        rows = [row for name in by_segment for row in by_segment[name]]
        return {
            "segments": tuple(by_segment),
            "segment_length_m": np.array([length[name] for name in by_segment], np.float64),
            "segment_start": _starts([len(v) for v in by_segment.values()]),
            "segment_lane": _ints([r[0] for r in rows]),
            "segment_gap_m": np.array([r[1] for r in rows], np.float64),
            "segment_share": np.array([r[2] for r in rows], np.float64),
        }

    def _detector_arrays(self) -> dict[str, Any]:
        rows = [(j, jn, d) for j, jn in enumerate(self.street.junctions) for d in jn.detectors]
        group_start = _starts([len(jn.groups) for jn in self.street.junctions])
        group_of = []
        for j, jn, d in rows:
            names = [g.name for g in jn.groups]
            group_of.append(int(group_start[j]) + names.index(d.group) if d.group else -1)
        return {
            "detectors": tuple(d for _, _, d in rows),
            "detector_kind": np.array([d.kind for _, _, d in rows], np.int8),
            "detector_junction": _ints([j for j, _, _ in rows]),
            "detector_lane": _ints(
                [
                    -1 if d.kind == DetectorKind.BUTTON else self.lane_index[jn.name, d.lane]
                    for _, jn, d in rows
                ]
            ),
            "detector_group": _ints(group_of),
            "detector_distance_m": np.array([d.distance_m for _, _, d in rows], np.float64),
            "detector_share": np.array([_detector_share(jn, d) for _, jn, d in rows], np.float64),
        }


def _storage_m(lane: Lane) -> float:
    return max([r.gap_m + r.length_m for r in lane.reach if r.share >= 0.5] or [lane.length_m])


def _detector_share(junction: Junction, detector: Detector) -> float:
    for lane in junction.lanes:
        if lane.name == detector.lane:
            return next((r.share for r in lane.reach if r.street_lane == detector.street_lane), 1.0)
    return 1.0


def _bits(junction: Junction, names: tuple[str, ...]) -> int:
    index = {g.name: k for k, g in enumerate(junction.groups)}
    return sum(1 << index[name] for name in names)


def _starts(counts: list[int]) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(counts, np.int64))]).astype(np.int64)


def _ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)
