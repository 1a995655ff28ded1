"""What a controller does when it can no longer believe everything: mask, substitute, step down.

Four moments of a tick, in this order: `see` judges the raw reading and gives the one to estimate
by; `fill_in` completes the estimate where nobody sees; `propose` lets the planner of each
junction's rung plan; `hear` takes in the safety monitor's verdict. With every detector believed
and every junction at the top they change nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller import substitute_kernels as kernels
from controller.approaches import Approaches
from controller.detectors import Detectors
from controller.estimate import Estimator
from controller.frame import Frame, empty_frame
from controller.influence import Influence
from controller.ladder import Ladder, Rung
from controller.monitor import Verdict
from controller.network import Floats, Network
from controller.rungs import LowerRungs
from controller.shadow import PlanInShadow
from controller.state import NEVER_MS, State
from controller.vocabulary import Sensors

CLOCK_JUMP_MS = 30_000
"""Siemens OTU: messages further ahead are refused (rules 3.2); backwards is never right."""
CLOCK_SETTLES_MS = 600_000
_COPIED = frozenset({"detector_on", "detector_count", "detector_occupancy"})


class Degradation:
    """Detector health and ladder of one controller."""

    def __init__(self, network: Network, state: State, estimator: Estimator, now_ms: int) -> None:
        self.network = network
        self.detectors = Detectors(network, now_ms)
        self.ladder = Ladder(network, now_ms)
        self.approaches = Approaches(network, now_ms)
        self.influence = Influence(self.detectors, estimator.loops, now_ms)
        self.lower = LowerRungs(network, state)
        self._state = state
        self._estimator = estimator
        self._frame: Frame | None = None
        self._bare_lane: NDArray[np.bool_] = state.unseen_lane.copy()
        self._quiet_lane = np.zeros(network.n_lanes, np.int8)
        self._bare_group: NDArray[np.bool_] = state.unseen_group.copy()
        self._usual_veh_per_s: Floats = estimator.usual_veh_per_s.copy()
        self._carry_veh = np.zeros(len(network.detectors))
        self._room_veh = np.zeros(len(network.detectors))
        self._beyond = np.zeros(len(network.detectors), np.int32)
        self.shadow = PlanInShadow(self.lower.coordinated, estimator.policy, now_ms)
        self._believed_veh = np.zeros(network.n_lanes)
        self._called_ms = np.full(network.n_groups, NEVER_MS, np.int64)
        self._masked = 0
        self._fresh = False
        self._below = False
        self._now_ms = now_ms
        self._clock_good_ms = now_ms - CLOCK_SETTLES_MS
        self.clock_trusted = True
        """Set by who keeps the clock; a jump seen here is distrusted for ten minutes beside it."""

    def carry_on(self, other: Degradation, same_detector: NDArray[np.bool_]) -> None:
        """Know what `other` has learned of the same street; of detectors set anew (D) nothing."""
        self.detectors.carry_on(other.detectors, same_detector)
        self.ladder.carry_on(other.ladder)
        self.approaches.carry_on(other.approaches)
        self.shadow.carry_on(other.shadow)
        self.influence.carry_on(other.influence)
        for name in ("_carry_veh", "_room_veh", "_beyond", "_believed_veh", "_called_ms"):
            np.copyto(getattr(self, name), getattr(other, name))
        self._now_ms, self._clock_good_ms = other._now_ms, other._clock_good_ms
        self.clock_trusted, self._below = other.clock_trusted, other._below
        for j in np.flatnonzero(self.ladder.rungs.rung >= Rung.ACTUATED).tolist():
            self.lower.arrive(j, self.ladder.rung(j), self._now_ms)

    # --- sensing ---------------------------------------------------------------------------

    def see(self, frame: Frame, now_ms: int, ignored: NDArray[np.bool_] | None = None) -> Frame:
        """Judge a raw reading; gives the reading to estimate by, the same one where all is believed.

        ignored (D): disabled by somebody, and so not believed, whatever they are thought of; None = none.
        """
        self._watch_the_clock(now_ms)
        state, detectors = self._state, self.detectors
        was_stale = detectors.stale
        self._fresh = detectors.judge(state, frame, now_ms, ignored)
        if self._fresh or detectors.stale != was_stale:
            played = 0
            if frame.sensors is Sensors.LOOPS:
                played = kernels.mark_quiet(
                    detectors.frame_ms, detectors.hour, detectors.laid, detectors.health, self._quiet_lane
                )
            self._masked = played + kernels.mark_unseen(
                detectors.frame_ms, detectors.hour, detectors.laid, detectors.health, self._bare_lane,
                self._bare_group, self._quiet_lane, state.unseen_lane, state.unseen_group, state.quiet_group,
            )  # fmt: skip
            self.approaches.step(detectors, self.ladder.rungs.cycle, now_ms)
            np.copyto(self.ladder.reasons.failed, detectors.failed)
            self.approaches.lighten(detectors, self.ladder.reasons.failed)
            np.copyto(self.ladder.reasons.blind, detectors.blind)
        if frame.sensors is Sensors.FULL:
            # Who sees every vehicle counts them there; a loop that reports nothing takes nothing away.
            np.copyto(state.unseen_lane, self._bare_lane)
            return frame
        if self._fresh:
            self._masked += kernels.find_beyond(
                detectors.passed_s,
                detectors.laid,
                frame.detector_on,
                frame.detector_count,
                self._room_veh,
                self._beyond,
            )
        if not self._masked:
            return frame
        if self._fresh:
            self._copy(frame)
        return self._frame or frame

    def _copy(self, frame: Frame) -> None:
        if self._frame is None:
            self._frame = empty_frame(self.network, frame.sensors)
        mine, detectors = self._frame, self.detectors
        for name in Frame.__slots__:
            if name in _COPIED:
                np.copyto(getattr(mine, name), getattr(frame, name))
            else:
                setattr(mine, name, getattr(frame, name))
        usual = self._estimator.usual_veh_per_s
        np.copyto(usual, self._usual_veh_per_s)
        np.copyto(usual, detectors.rate_veh_per_s, where=detectors.known == 2)
        kernels.substitute(
            detectors.passed_s, detectors.laid, detectors.health, self._quiet_lane, self._state.unseen_lane,
            detectors.rate_veh_per_s, self._beyond, self._carry_veh,
            mine.detector_on, mine.detector_count, mine.detector_occupancy,
        )  # fmt: skip

    def fill_in(self, frame: Frame, now_ms: int) -> None:
        """Complete a new estimate where nobody sees, and bound what one source alone can do."""
        if not self._fresh:
            return
        state, detectors = self._state, self.detectors
        self.shadow.watch(state, detectors, self.ladder, now_ms)
        self.influence.bound(state, frame, detectors, self.ladder.rungs.rung, now_ms)
        if frame.sensors is Sensors.FULL:
            kernels.believe_lanes(
                now_ms, detectors.passed_s, detectors.laid, detectors.seen, detectors.rate_veh_per_s,
                state.lamp, state.lamp_since_ms, self._believed_veh, state.queue_veh, state.arrival_veh,
                state.near_veh,
            )  # fmt: skip
        else:
            self.approaches.recall(state, now_ms, self.ladder.rungs.rung)
        kernels.call_unproven(
            now_ms, detectors.laid, detectors.health, detectors.seen, self._quiet_lane, self._believed_veh,
            state.lamp, state.green_ended_ms, self._called_ms, state.call_since_ms,
        )  # fmt: skip

    def _watch_the_clock(self, now_ms: int) -> None:
        if not 0 <= now_ms - self._now_ms <= CLOCK_JUMP_MS:
            self._clock_good_ms = now_ms
        self._now_ms = now_ms
        doubted = 0 <= now_ms - self._clock_good_ms < CLOCK_SETTLES_MS
        self.ladder.reasons.clock_bad[0] = doubted or not self.clock_trusted
        self.lower.plan_clock.trusted = not doubted and self.clock_trusted
        self.lower.plan_clock.look(now_ms)

    # --- planning --------------------------------------------------------------------------

    def propose(self, now_ms: int) -> None:
        """Step the ladder, then let the lower rungs' planners write the wishes of their junctions."""
        ladder = self.ladder
        steps = ladder.step(self._state, now_ms)
        if steps:
            for event in range(max(0, ladder.steps_taken - steps), ladder.steps_taken):
                junction, _, after = ladder.event(event)
                self.lower.arrive(junction, Rung(after), now_ms)
            self._below = bool((ladder.rungs.rung >= Rung.ACTUATED).any())
        if self._below:
            self.lower.propose(ladder.rungs.rung, now_ms)

    def hear(self, verdict: Verdict, flash: NDArray[np.bool_]) -> None:
        """Alarms of the monitor take a junction to the fixed plan, trips to flash.

        flash (J): where it flashes, start-up aside: who has not begun has not gone down.
        """
        reasons = self.ladder.reasons
        reasons.flash[...] = flash
        for alarm in verdict.alarms:
            reasons.alarm_ms[alarm.junction if alarm.junction >= 0 else slice(None)] = self._now_ms
