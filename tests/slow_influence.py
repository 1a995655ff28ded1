"""The bounds of one source once more, slow and obvious: one object a lane, no arrays.

Written from the descriptions in `controller.influence_kernels`, to be compared with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


@dataclass
class Seen:
    """One second of one lane, as loops tell it and as it is estimated."""

    now_ms: int
    passed_s: float
    green_since_ms: int  # -1 = red
    stands: bool
    out: int
    come: int
    stop_sick: bool
    far_sick: bool
    inside_veh: float  # of the estimate, between both loops
    transit_veh: float  # of those, who still drive
    held_veh: float
    queue_veh: float
    arrival_veh: float


class SlowLane:
    """One lane with two loops, from its first second."""

    def __init__(self, rate_veh_per_s: float, still_s: float, storage_veh: float, room_veh: float) -> None:
        self.rate, self.still_s, self.storage, self.room = rate_veh_per_s, still_s, storage_veh, room_veh
        self.between = 0.0
        self.stray_now = self.crossed_now = 0.0
        self.green, self.ended_ms, self.last_out_ms = False, 0, 0
        self.out = self.come = self.strays = self.unheard = 0.0
        self.due = 0.0
        self.still_now = self.cleared_now = False
        self.still_greens = 0
        self.was_sick = False

    def write_down(self, seen: Seen) -> None:
        """Who came out that never went in."""
        green = seen.green_since_ms >= 0
        if green and not self.green:
            self.stray_now = self.crossed_now = 0.0
        if self.green and not green:
            self.ended_ms = seen.now_ms
            known = self.still_now or self.cleared_now
            self.due = seen.transit_veh if known else max(0.0, self.due - self.crossed_now)
            if known:
                self.still_greens = self.still_greens + 1 if self.still_now else 0
            self.still_now = self.cleared_now = False
        self.green = green
        stray = 0.0 if seen.far_sick else max(0.0, seen.out - self.between - seen.come)
        self.between = seen.inside_veh
        if green:
            self.stray_now += stray
            self.crossed_now += seen.out
        if seen.out:
            self.last_out_ms = seen.now_ms
        kept = max(0.0, 1.0 - seen.passed_s / 150.0)
        self.out, self.come = kept * self.out + seen.out, kept * self.come + seen.come
        self.due += seen.come
        self.strays = kept * self.strays + stray
        self.unheard = 0.0 if seen.come else self.unheard + stray

    def blame(self, seen: Seen, observed_s: float, far_silent_s: float) -> str:
        """Which of both loops is wrong: the stop line's, a dead one farther up, or one that counts nobody."""
        if seen.stop_sick or seen.far_sick:
            return ""
        usual = self.rate * min(150.0, observed_s)
        more, spread, blamed = self.out - usual, 2.0 * sqrt(usual + 1.0), ""
        if self.strays > 4.0 and more > spread and more > abs(self.come - usual):
            blamed += "stop"
        never_came = self.come - self.between - self.out
        if never_came > 4.0 and self.come - usual > spread and self.come - usual > abs(more):
            blamed += "phantoms"
        if self.unheard >= 2.5 and far_silent_s * self.rate > 2.0 and more < spread:
            blamed += "far"
        return blamed

    def bound(self, seen: Seen, forgotten_veh: float, far_last_ms: int) -> tuple[float, float, float]:
        """(held, queue, arrivals) as far as they are believed."""
        held, queue, arrivals = seen.held_veh, seen.queue_veh, seen.arrival_veh
        if seen.stop_sick:
            if not self.was_sick:
                held = min(self.storage, held + max(2.0, forgotten_veh))
            self.was_sick = True
            return held, queue, arrivals
        self.was_sick = False
        stands = float(seen.stands)
        self.cleared_now = self.cleared_now or (self.green and not stands)
        moved_ms = max(seen.green_since_ms + (2_000 if self.still_greens else 5_000), self.last_out_ms)
        if stands and self.green and (seen.now_ms - moved_ms) / 1000 > self.still_s:
            stands, queue, held = 0.0, 0.0, held * (0.9 if self.crossed_now else 1.0)
            self.still_now = True
        crossed = self.crossed_now if self.green else 0.0
        if self.still_greens >= 2 and not seen.far_sick:
            queue = min(queue, max(0.0, self.due - crossed))
            stands = min(stands, queue)
        moving = self.green and seen.now_ms - seen.green_since_ms > 2_000
        flows = stands and moving and seen.now_ms - self.last_out_ms <= 2_500
        usual = self.rate * (seen.now_ms - self.ended_ms) / 1000
        if seen.far_sick:
            if flows and self.crossed_now < usual + 4.0:
                queue = max(queue, 4.0)
            elif flows and self.crossed_now > usual + 4.0 + 2.0 * sqrt(usual):
                queue = 0.0
            return held, queue, arrivals
        lost = self.come - self.between - self.out - 3.0
        if lost > 0.0:
            part = (self.out + 3.0) / (self.out + 3.0 + lost)
            behind, expected = max(0.0, queue - stands), max(0.0, usual - crossed - 1.0) if stands else 0.0
            queue = stands + max(behind * part, min(behind, expected))
            arrivals = min(arrivals * part, self.rate)
        if not flows:
            queue = min(queue, max(1.0, stands + usual + 2.0 * sqrt(usual)))
        if not stands:
            return held, queue, arrivals
        silent_veh = self.rate * (seen.now_ms - max(self.ended_ms, far_last_ms)) / 1000
        if not self.green:
            return held, max(queue, min(1.0 + silent_veh, 8.0)) if silent_veh > 3.0 else queue, arrivals
        if self.stray_now > max(2.5, usual + 2.5 - (self.crossed_now - self.stray_now)):
            queue = max(0.0, queue - stands)
        elif flows and self.unheard >= 2.0 and self.crossed_now < usual:
            queue = max(queue, 4.0)
        return held, queue, arrivals
