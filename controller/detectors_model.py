"""What is known of detectors' health, as named tuples of arrays for the kernels that judge it."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)
from controller.codes import NEVER_MS

HOURS = 24
"""What is usual is learned for every hour of the day by itself."""
BELIEVED = 0.5
"""Less trust than this and what a detector says is not used."""
OWN_GATE, UPSTREAM = 0, 1
WITNESSES = 2
"""Who else counts the same vehicles: another gate of the lane, or the signals upstream."""


class Cause(IntEnum):
    """Why a detector is not fully trusted. Stored as int8."""

    NONE = 0
    SILENT = 1
    """Nobody for longer than is usual, or while others counted its vehicles."""
    STUCK_ON = 2
    CHATTER = 3
    REPORTED = 4
    """The device itself says it is broken."""
    LOW_HITS = 5
    """Far fewer in an hour than in the same hour of other days."""
    FROZEN = 6
    CONTRADICTED = 7
    """It and others who count the same vehicles no longer agree."""
    STALE = 8
    """Its reading is old: missing, not zero."""
    UNPROVEN = 9
    """It has told of nobody since the start."""
    IMPOSSIBLE = 10
    """A reading no detector can give."""
    THROUGH_RED = 11
    """It counts one vehicle after the other while its lane stands at red."""


class Laid(NamedTuple):
    """How detectors lie; never changes. D detectors, L lanes, G groups, J junctions."""

    kind: np.ndarray  # (D) int8 DetectorKind
    gate: np.ndarray  # (D) int8 0 stop line, 1 near, 2 far; -1 buttons and bus points
    junction: np.ndarray  # (D)
    lane: np.ndarray  # (D) -1 for buttons
    group: np.ndarray  # (D) -1 for vehicle detectors
    own: np.ndarray  # (D) bool, (nearly) all it counts comes to its lane
    single: np.ndarray  # (D) bool, no other detector lies at its gate of the lane
    room_veh: np.ndarray  # (D) that fit between it and the other gates, and some
    group_start: np.ndarray  # (J+1)
    group_kind: np.ndarray  # (G) int8
    conflict_bits: np.ndarray  # (G)
    promise_ms: np.ndarray  # (G)
    lane_start: np.ndarray  # (J+1)
    lane_junction: np.ndarray  # (L)
    lane_group_bits: np.ndarray  # (L)
    saturation_veh_per_s: np.ndarray  # (L)
    storage_veh: np.ndarray  # (L)
    turns_on_red: np.ndarray  # (L) bool, or no signal at all: counts at red prove nothing
    feed_start: np.ndarray  # (L+1)
    feed_lane: np.ndarray  # flat
    feed_share: np.ndarray  # flat


class Health(NamedTuple):
    """What is remembered of every detector. D detectors, J junctions."""

    trust: np.ndarray  # (D) 0-1
    cause: np.ndarray  # (D) int8 Cause
    since_ms: np.ndarray  # (D) since when it has that cause
    measured: np.ndarray  # (D) what gave it away, in the unit of its sentence
    masked: np.ndarray  # (D) bool, what it says is not used
    begun_ms: np.ndarray  # (1) when judging began
    last_ms: np.ndarray  # (D) last count
    on_since_ms: np.ndarray  # (D) NEVER_MS while clear
    held_green_s: np.ndarray  # (D) occupied without a break or a count while its own lane had green
    greens: np.ndarray  # (D) greens of its lane since its last count
    red_veh: np.ndarray  # (D) counted in the last minute of the present or last red of its lane
    minute_veh: np.ndarray  # (D) counted, forgotten over a minute
    missed_veh: np.ndarray  # (D) its share of what its witness counted since its own last count
    unlikely: np.ndarray  # (D) ln of 1 over how likely it is that none of these came to it
    doubt_ms: np.ndarray  # (D) since when its witness's vehicles wait to be confirmed; NEVER_MS = nobody
    proof_veh: np.ndarray  # (D, WITNESSES) what it counted itself while that witness counted
    witness_veh: np.ndarray  # (D, WITNESSES) and what the witness did, forgotten slowly
    peers_veh: np.ndarray  # (D) left over lanes of the same green since its last count
    occupancy: np.ndarray  # (D) of the reading before
    counted: np.ndarray  # (D) int32 of the reading before
    alike: np.ndarray  # (D) int64 readings without any change that were neither empty nor full
    gap_s: np.ndarray  # (D, HOURS) float32 mean time between two counts
    longest_s: np.ndarray  # (D, HOURS) float32
    gaps: np.ndarray  # (D, HOURS) float32 how many were learned from
    interval_veh: np.ndarray  # (D) counted in this interval
    interval_witness_veh: np.ndarray  # (D)
    usual_veh: np.ndarray  # (D, 2) mean of an interval: own, witness
    spread_veh: np.ndarray  # (D, 3) mean deviation from it: own, witness, and of their difference
    intervals: np.ndarray  # (D) int64 learned from
    odd: np.ndarray  # (D) int64 intervals in a row that contradict
    presses: np.ndarray  # (D) int64 genuine presses since the button was last in doubt, 3 at most
    hour_veh: np.ndarray  # (D) counted in this hour
    day_veh: np.ndarray  # (D, HOURS) float32 counted in that hour of a day, mean
    day_spread_veh: np.ndarray  # (D, HOURS) float32 and mean deviation
    days: np.ndarray  # (D, HOURS) float32 learned from
    low: np.ndarray  # (D) bool, too few in the hour before
    junction_ms: np.ndarray  # (J) last sign of life of any vehicle detector
    junction_gap_s: np.ndarray  # (J, 3) mean, longest, how many
    junction_held_s: np.ndarray  # (J) of green with somebody standing before it, since the last count
    junction_fed_veh: np.ndarray  # (J) sent by living neighbours since that sign of life


class Reading(NamedTuple):
    """What a frame says of detectors."""

    on: np.ndarray  # (D) bool
    counted: np.ndarray  # (D) int32
    occupancy: np.ndarray  # (D)
    time_ms: np.ndarray  # (D)


class Now(NamedTuple):
    """Scratch of one judgement. L lanes."""

    gate_veh: np.ndarray  # (L, 3) counted now by the trusted detectors of each gate
    gate_trusted: np.ndarray  # (L, 3) bool
    told_ms: np.ndarray  # (L, 3) when one of them last counted somebody or was occupied
    fed_veh: np.ndarray  # (L) expected from upstream now; -1 = nobody trusted counts there
    green: np.ndarray  # (L) int8: 0 red, 1 just begun, 2 for a while
    was_green: np.ndarray  # (L) bool at the judgement before
    red: np.ndarray  # (L) bool, for long enough that nobody clears the line any more
    was_red: np.ndarray  # (L) bool at the judgement before
    crossed_veh: np.ndarray  # (L) over the stop line now


def new_health(detectors: int, junctions: int, now_ms: int) -> Health:
    """Nothing known yet: loops are believed until they give reason not to, buttons after three presses."""
    d, f4 = detectors, np.float32
    return Health(
        trust=np.ones(d), cause=np.zeros(d, np.int8), since_ms=np.full(d, now_ms, np.int64),
        measured=np.zeros(d), masked=np.zeros(d, np.bool_), begun_ms=np.full(1, now_ms, np.int64),
        last_ms=np.full(d, now_ms, np.int64), on_since_ms=np.full(d, NEVER_MS, np.int64),
        held_green_s=np.zeros(d), greens=np.zeros(d, np.int64), red_veh=np.zeros(d), minute_veh=np.zeros(d),
        unlikely=np.zeros(d), missed_veh=np.zeros(d), doubt_ms=np.full(d, NEVER_MS, np.int64),
        proof_veh=np.zeros((d, WITNESSES)), witness_veh=np.zeros((d, WITNESSES)),
        peers_veh=np.zeros(d), occupancy=np.zeros(d), counted=np.zeros(d, np.int32),
        alike=np.zeros(d, np.int64), gap_s=np.zeros((d, HOURS), f4), longest_s=np.zeros((d, HOURS), f4),
        gaps=np.zeros((d, HOURS), f4), interval_veh=np.zeros(d), interval_witness_veh=np.zeros(d),
        usual_veh=np.zeros((d, 2)), spread_veh=np.zeros((d, 3)), intervals=np.zeros(d, np.int64),
        odd=np.zeros(d, np.int64), presses=np.zeros(d, np.int64), hour_veh=np.zeros(d),
        day_veh=np.zeros((d, HOURS), f4), day_spread_veh=np.zeros((d, HOURS), f4),
        days=np.zeros((d, HOURS), f4), low=np.zeros(d, np.bool_),
        junction_ms=np.full(junctions, now_ms, np.int64), junction_gap_s=np.zeros((junctions, 3)),
        junction_held_s=np.zeros(junctions), junction_fed_veh=np.zeros(junctions),
    )  # fmt: skip


def new_now(lanes: int) -> Now:
    """Scratch for so many lanes."""
    return Now(
        gate_veh=np.zeros((lanes, 3)),
        gate_trusted=np.zeros((lanes, 3), np.bool_),
        told_ms=np.zeros((lanes, 3), np.int64),
        fed_veh=np.zeros(lanes),
        green=np.zeros(lanes, np.int8),
        was_green=np.zeros(lanes, np.bool_),
        red=np.zeros(lanes, np.bool_),
        was_red=np.zeros(lanes, np.bool_),
        crossed_veh=np.zeros(lanes),
    )


def _empty_laid() -> Laid:
    floats = {"room_veh", "saturation_veh_per_s", "storage_veh", "feed_share"}
    kinds: dict[str, type] = {name: np.float64 for name in floats}
    kinds |= {"kind": np.int8, "gate": np.int8, "group_kind": np.int8, "own": np.bool_, "single": np.bool_}
    kinds["turns_on_red"] = np.bool_
    return Laid(*(np.zeros(0, kinds.get(name, np.int64)) for name in Laid._fields))


LAID = typeof(_empty_laid())
HEALTH = typeof(new_health(0, 0, 0))
READING = typeof(Reading(np.zeros(0, np.bool_), np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int64)))
NOW = typeof(new_now(0))
