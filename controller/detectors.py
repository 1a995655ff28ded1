"""Detector health: how far each detector is believed, since when, and why, in words.

Judged on what detectors themselves say, before anything else uses it. Trust is graded, 0 to 1;
below a half a reading is not used. Thresholds are those of rules 3.1, what is usual is learned
for each detector and hour of the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controller import detectors_kernels as kernels
from controller import detectors_memory_kernels as memory
from controller.detectors_model import Cause, Health, Laid, Reading, new_health, new_now
from controller.feeds import find_feeds
from controller.frame import Frame
from controller.loop_estimate import gate_of
from controller.loop_gates_kernels import OWN_SHARE, VEHICLE_SPACE_M
from controller.network import Network
from controller.state import State
from controller.vocabulary import DetectorKind, Sensors

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
INTERVAL_MS = 60_000
DAY_FLOOR_S, NIGHT_FLOOR_S = 900.0, 3600.0
"""Silence allowed while nothing is learned (rules 3.1)."""
NIGHT_FROM, NIGHT_TO = 22, 6
STALE_MS = 5_000
ROOM_TO_SPARE_VEH = 6.0

_WORDS = {
    Cause.NONE: "works",
    Cause.STUCK_ON: "occupied without a break for {0:.0f} s while others moved",
    Cause.CHATTER: "counts {0:.0f} a minute, more than can pass",
    Cause.REPORTED: "reports its own fault, code {0:.0f}",
    Cause.LOW_HITS: "counted only {0:.0f} in the last hour, far fewer than on other days",
    Cause.FROZEN: "has told exactly the same {0:.0f} times in a row",
    Cause.CONTRADICTED: "counts {0:+.0f} a minute against what others see of the same vehicles",
    Cause.STALE: "its last reading is old",
    Cause.IMPOSSIBLE: "tells what no detector can see",
    Cause.THROUGH_RED: "counted {0:.0f} vehicles within a minute of red",
}
REPORTED_WORDS = {210: "occupied too long", 211: "no activity", 212: "open loop", 213: "shorted loop"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is thought of one detector."""

    detector: str
    junction: str
    trust: float
    cause: Cause
    since_ms: int
    sentence: str

    def to_json(self) -> dict[str, object]:
        """Plain values for scripts."""
        return {
            "detector": self.detector,
            "junction": self.junction,
            "trust": round(self.trust, 3),
            "cause": self.cause.name.lower().replace("_", "-"),
            "since_ms": self.since_ms,
            "sentence": self.sentence,
        }


class Detectors:
    """The health of a network's detectors; `judge` takes in every new reading once.

    `seen` (L): 0 nobody is seen on that lane, 1 only by loops that have told of nobody yet, 2 seen.
    `rate_veh_per_s` (L): usual flow at this hour, `known` (L) 2 by its own loops, 1 by its neighbours',
    0 not at all. `failed` (J, 3): vehicle detectors, those not used, those in doubt. `blind` (J, 2):
    lanes, those not seen.
    """

    def __init__(self, network: Network, now_ms: int) -> None:
        self.network = network
        self.laid = lay(network)
        self.health: Health = new_health(len(network.detectors), network.n_junctions, now_ms)
        self.health.trust[network.detector_kind == DetectorKind.BUTTON] = 0.4
        self.health.cause[network.detector_kind == DetectorKind.BUTTON] = Cause.UNPROVEN
        self._now = new_now(network.n_lanes)
        self._loops_only = True
        self.passed_s = 1.0
        """Between the last two readings."""
        self._sequence = -1
        self.frame_ms = now_ms
        self.hour = hour_of(now_ms)
        self._hour_began_ms = now_ms
        lanes, junctions = network.n_lanes, network.n_junctions
        self.rate_veh_per_s = np.zeros(lanes)
        self.known: NDArray[np.int8] = np.zeros(lanes, np.int8)
        self.seen: NDArray[np.int8] = np.full(lanes, 2, np.int8)
        self._untold_ms = np.zeros(len(network.detectors), np.int64)
        self._failed = np.zeros(3 * junctions, np.int64)
        self._blind = np.zeros(2 * junctions, np.int64)
        self.failed = self._failed.reshape(junctions, 3)
        self.blind = self._blind.reshape(junctions, 2)
        self.stale = False
        """No new reading at all for too long."""
        self._learn_flows(now_ms)

    def carry_on(self, other: Detectors, same: NDArray[np.bool_]) -> None:
        """Know what `other` has learned of the same detectors. same (D): whose settings did not change."""
        for name, mine, theirs in zip(Health._fields, self.health, other.health, strict=True):
            if name == "begun_ms" or name.startswith("junction"):
                np.copyto(mine, theirs)
            else:
                mine[same] = theirs[same]
        for name in ("_loops_only", "passed_s", "_sequence", "frame_ms", "hour", "_hour_began_ms", "stale"):
            setattr(self, name, getattr(other, name))
        for mine, theirs in zip(self._now, other._now, strict=True):
            np.copyto(mine, theirs)
        self._learn_flows(self.frame_ms)
        self._survey()

    def judge(
        self, state: State, frame: Frame, now_ms: int, ignored: NDArray[np.bool_] | None = None
    ) -> bool:
        """Judge by a reading; gives False, and does next to nothing, when it is not new.

        ignored (D): not to be used, whatever they are thought of; None = none.
        """
        if frame.sequence == self._sequence:
            if not self.stale and now_ms - self.frame_ms > max(STALE_MS, 3000 * self.passed_s):
                self.stale = True
                memory.lose_all(now_ms, self.laid, self.health)
                self._survey()
            return False
        frame_ms = frame.time_ms
        if self._sequence < 0:
            self.frame_ms = max(0, frame_ms - 1000)
            self._loops_only = frame.sensors is not Sensors.FULL
        self._sequence = frame.sequence
        self.passed_s = min(60.0, max(0.1, (frame_ms - self.frame_ms) / 1000.0))
        self.stale = False
        self._turn_the_clock(frame_ms)
        self.frame_ms = frame_ms
        # A journal's frames do not tell when each detector was read.
        times = frame.detector_time_ms if len(frame.detector_time_ms) else self._untold_ms
        reading = Reading(frame.detector_on, frame.detector_count, frame.detector_occupancy, times)
        kernels.judge(
            now_ms, frame_ms, self.passed_s, self.hour, floor_s(self.hour), self.laid, self.health, reading,
            state.lamp, state.lamp_since_ms, state.blocked, self._now,
        )  # fmt: skip
        memory.judge_junctions(
            frame_ms, self.passed_s, self.laid, self.health, reading, state.blocked, self._now
        )  # fmt: skip
        if ignored is not None:
            np.logical_or(self.health.masked, ignored, self.health.masked)
        self._survey()
        return True

    def _turn_the_clock(self, frame_ms: int) -> None:
        if frame_ms // INTERVAL_MS != self.frame_ms // INTERVAL_MS:
            memory.close_intervals(self.laid, self.health)
            self._learn_flows(frame_ms)
        hour = hour_of(frame_ms)
        if hour != self.hour:
            whole = frame_ms - self._hour_began_ms >= HOUR_MS - INTERVAL_MS
            memory.turn_hour(self.hour, hour, whole, self.laid, self.health)
            self.hour, self._hour_began_ms = hour, frame_ms

    def _learn_flows(self, now_ms: int) -> None:
        night = is_night(self.hour)
        memory.usual_flows(night, self.hour, self.laid, self.health, self.rate_veh_per_s, self.known)

    def _survey(self) -> None:
        memory.survey(self.laid, self.health, self._loops_only, self.seen, self._failed, self._blind)

    # --- in words --------------------------------------------------------------------------

    def suspect_button(self, detector: int) -> None:
        """Somebody says this button is dead: recall until it is pressed three times. Raises ValueError."""
        if self.network.detector_kind[detector] != DetectorKind.BUTTON:
            raise ValueError(f"detector {self.network.detectors[detector].name} is no button")
        self.health.presses[detector] = 0

    def judgement(self, detector: int) -> Judgement:
        """What is thought of a detector now."""
        network, health = self.network, self.health
        junction = network.street.junctions[int(network.detector_junction[detector])]
        return Judgement(
            network.detectors[detector].name,
            junction.title,
            float(health.trust[detector]),
            Cause(int(health.cause[detector])),
            int(health.since_ms[detector]),
            self.sentence(detector),
        )

    def sentence(self, detector: int) -> str:
        """Why a detector is trusted as it is, for people."""
        health = self.health
        cause, measured = Cause(int(health.cause[detector])), float(health.measured[detector])
        button = self.network.detector_kind[detector] == DetectorKind.BUTTON
        if cause is Cause.UNPROVEN:
            return "not yet pressed three times" if button else "has told of nobody since the start"
        if cause is Cause.SILENT:
            if button:
                return "not pressed for far longer than is usual"
            if health.missed_veh[detector] > kernels.MISSED_PROOF_VEH:
                return f"counted nobody while about {health.missed_veh[detector]:.0f} of its vehicles passed"
            return f"silent for {measured:.0f} s, far longer than is usual at this hour"
        if cause is Cause.REPORTED and int(measured) in REPORTED_WORDS:
            return f"reports its own fault: {REPORTED_WORDS[int(measured)]}"
        return _WORDS[cause].format(measured)

    def doubted(self) -> list[Judgement]:
        """All detectors that are not fully trusted, the least trusted first."""
        found = np.flatnonzero(self.health.trust < 1.0)
        order = found[np.argsort(self.health.trust[found], kind="stable")]
        return [self.judgement(int(d)) for d in order]

    def demand_interval(self, lane: int) -> tuple[float, float]:
        """Least and most likely flow of a lane at this hour, veh/s; never zero.

        Known flows vary by about a half from one quarter of an hour to another; a neighbour's, or a
        prior, says no more than the order of magnitude.
        """
        rate = float(self.rate_veh_per_s[lane])
        part = (0.3, 0.5, 0.67)[int(self.known[lane])]
        return rate * part, rate / part


def hour_of(now_ms: int) -> int:
    """Hour of the day, 0-23, of a local time in ms."""
    return now_ms % DAY_MS // HOUR_MS


def is_night(hour: int) -> bool:
    """Whether few are about at that hour."""
    return hour >= NIGHT_FROM or hour < NIGHT_TO


def floor_s(hour: int) -> float:
    """Silence allowed at that hour while nothing is learned, s."""
    return NIGHT_FLOOR_S if is_night(hour) else DAY_FLOOR_S


def lay(network: Network) -> Laid:
    """How the detectors of a network lie to each other."""
    n = len(network.detectors)
    gate = np.array([gate_of(network, d) for d in range(n)], np.int8)
    feeds = find_feeds(network)
    by_lane: dict[int, list[int]] = {}
    for d in np.flatnonzero(gate >= 0).tolist():
        by_lane.setdefault(int(network.detector_lane[d]), []).append(d)
    single = np.zeros(n, np.bool_)
    room = np.zeros(n)
    for lane, here in by_lane.items():
        # What left a signal upstream may still stand anywhere on the street between.
        fed = feeds.start[lane + 1] > feeds.start[lane]
        for d in here:
            single[d] = sum(gate[e] == gate[d] for e in here) == 1
            away_m = max(
                abs(float(network.detector_distance_m[d] - network.detector_distance_m[e])) for e in here
            )
            alone_m = float(network.lane_storage_m[lane]) if fed and len(here) == 1 else 0.0
            room[d] = max(away_m, alone_m) / VEHICLE_SPACE_M + ROOM_TO_SPARE_VEH
    return Laid(
        kind=network.detector_kind,
        gate=gate,
        junction=network.detector_junction,
        lane=network.detector_lane,
        group=network.detector_group,
        own=network.detector_share >= OWN_SHARE,
        single=single,
        room_veh=room,
        group_start=network.group_start,
        group_kind=network.group_kind,
        conflict_bits=network.conflict_bits,
        promise_ms=network.promise_ms,
        lane_start=network.lane_start,
        lane_junction=network.lane_junction,
        lane_group_bits=network.lane_group_bits,
        saturation_veh_per_s=network.lane_saturation_veh_per_s,
        storage_veh=np.maximum(1.0, network.lane_storage_m / VEHICLE_SPACE_M),
        turns_on_red=_turns_on_red(network),
        feed_start=feeds.start,
        feed_lane=feeds.lane,
        feed_share=feeds.share,
    )


def _turns_on_red(network: Network) -> NDArray[np.bool_]:
    """(lanes) whose drivers need no green to go on: a loop may count them at red."""
    found = np.zeros(network.n_lanes, np.bool_)
    for lane in range(network.n_lanes):
        first, bits = network.group_start[network.lane_junction[lane]], int(network.lane_group_bits[lane])
        groups = [int(first) + k for k in range(bits.bit_length()) if bits >> k & 1]
        found[lane] = not groups or bool(network.group_turn_on_red[groups].any())
    return found
