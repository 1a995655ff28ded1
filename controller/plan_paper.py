"""A fixed plan on paper: when each group is green, for how long, and which rules it would break.

A group starts when the first step that has it begins and every intergreen from who ended before
has passed; it ends when a step begins that has it not. WALK ends early enough for its clearance
to end with the green beside it. Times are milliseconds; intergreens and minimums are rounded up
to `grain_ms`, so that they hold on any street whose lamps change no more often than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.junction import FixedPlan, Junction
from controller.vocabulary import GroupKind

GRAIN_MS = 1000
"""The coarsest lamp times of a street: SUMO's steps of a second."""


@dataclass(frozen=True, slots=True)
class GreenTime:
    """One green of a group in the cycle."""

    group: int
    first_step: int
    n_steps: int
    """Steps that have the group, the first one on; all of them = green for ever."""
    late_ms: int
    """From the beginning of its first step to its green."""
    lit_ms: int
    """Green, or WALK without its clearance; may be negative in a plan that leaves no room."""
    needs_ms: int
    """Shortest lawful time from the green's beginning to the next step: minimum, and clearance."""


class Paper:
    """One junction's times as a plan must respect them."""

    def __init__(self, junction: Junction, grain_ms: int = GRAIN_MS) -> None:
        self.junction = junction
        self.index = {group.name: k for k, group in enumerate(junction.groups)}
        self.bits = {s.name: sum(1 << self.index[name] for name in s.groups) for s in junction.stages}
        walks = [g.kind == GroupKind.PEDESTRIAN for g in junction.groups]
        up = [
            (_up(g.min_green_ms, grain_ms), _up(g.clearance_ms, grain_ms) if walk else 0)
            for g, walk in zip(junction.groups, walks, strict=True)
        ]
        self.min_green_ms = [least for least, _ in up]
        self.clearance_ms = [clearance for _, clearance in up]
        self.waits: list[list[tuple[int, int]]] = [[] for _ in junction.groups]
        """By starting group: who conflicts, and how long after his green it may start."""
        for pair in junction.intergreens:
            ending, starting = self.index[pair.ending], self.index[pair.starting]
            # The clearance of a crossing ends with its step; only what comes after it is left to wait.
            between_ms = _up(pair.duration_ms, grain_ms) - self.clearance_ms[ending]
            self.waits[starting].append((ending, max(0, between_ms)))
        for gives in junction.yields:
            giver, free = self.index[gives.group], self.index[gives.to]
            if junction.groups[giver].yellow_ms:
                self.waits[free].append((giver, _up(junction.groups[giver].yellow_ms, grain_ms)))

    def steps(self, plan: FixedPlan) -> tuple[list[int], list[int]]:
        """Bits and duration of each step; steps of the same groups in a row are one."""
        bits: list[int] = []
        durations: list[int] = []
        for step in plan.steps:
            if bits and bits[-1] == self.bits[step.stage]:
                durations[-1] += step.duration_ms
            else:
                bits.append(self.bits[step.stage])
                durations.append(step.duration_ms)
        return bits, durations

    def greens(self, bits: Sequence[int], durations_ms: Sequence[int]) -> list[GreenTime]:
        """Every green of one cycle."""
        n, found = len(bits), []
        for b in range(len(self.junction.groups)):
            need_ms = self.min_green_ms[b] + self.clearance_ms[b]
            if all(step >> b & 1 for step in bits):
                found.append(GreenTime(b, 0, n, 0, sum(durations_ms), need_ms))
                continue
            for k in range(n):
                if not bits[k] >> b & 1 or bits[k - 1] >> b & 1:
                    continue
                length = 1
                while bits[(k + length) % n] >> b & 1:
                    length += 1
                late_ms = self._late_ms(bits, durations_ms, b, k)
                span_ms = sum(durations_ms[(k + m) % n] for m in range(length))
                lit_ms = span_ms - late_ms - self.clearance_ms[b]
                found.append(GreenTime(b, k, length, late_ms, lit_ms, need_ms))
        return found

    def _late_ms(self, bits: Sequence[int], durations_ms: Sequence[int], b: int, k: int) -> int:
        """How long after step k begins group b may start."""
        n, late_ms = len(bits), 0
        for a, between_ms in self.waits[b]:
            ago_ms = 0
            for back in range(n):
                j = (k - back) % n
                ago_ms += durations_ms[j] if back else 0
                if ago_ms >= between_ms:
                    break
                if bits[j - 1] >> a & 1 and not bits[j] >> a & 1:
                    late_ms = max(late_ms, between_ms - ago_ms)
                    break
        return late_ms

    def longest_red_ms(self, bits: Sequence[int], durations_ms: Sequence[int]) -> list[int]:
        """(groups) from the end of green or WALK to the next one, at most; -1 where none ever comes."""
        cycle_ms, n = sum(durations_ms), len(bits)
        begins = [sum(durations_ms[:k]) for k in range(n)]
        longest = [-1] * len(self.junction.groups)
        greens = self.greens(bits, durations_ms)
        for b in range(len(longest)):
            own = [g for g in greens if g.group == b]
            if own and own[0].n_steps == n:
                # Who walks is called again: WALK is given once a cycle even where nothing ends it.
                longest[b] = cycle_ms if self.clearance_ms[b] else 0
                continue
            for this, following in zip(own, own[1:] + own[:1], strict=True):
                ended_ms = begins[this.first_step] + this.late_ms + this.lit_ms
                red_ms = begins[following.first_step] + following.late_ms - ended_ms
                longest[b] = max(longest[b], red_ms + (cycle_ms if following is own[0] else 0))
        return longest

    def least_ms(self, plan: FixedPlan) -> list[int]:
        """(steps) the shortest each may become if all shrink in proportion and every minimum holds."""
        bits = [self.bits[step.stage] for step in plan.steps]
        durations_ms = [step.duration_ms for step in plan.steps]
        least = [1] * len(bits)
        for green in self.greens(bits, durations_ms):
            steps = [(green.first_step + m) % len(bits) for m in range(green.n_steps)]
            span_ms = sum(durations_ms[k] for k in steps)
            for k in steps:
                share_ms = -(-durations_ms[k] * (green.late_ms + green.needs_ms) // span_ms)
                least[k] = max(least[k], share_ms)
        return [min(a, b) for a, b in zip(least, durations_ms, strict=True)]

    def broken(self, plan: FixedPlan) -> list[str]:
        """What rules R47 and R48 and the promises say against a plan, one sentence each; empty = nothing."""
        bits, durations_ms = self.steps(plan)
        names = [group.name for group in self.junction.groups]
        found = []
        if sum(durations_ms) != plan.cycle_ms or not 0 <= plan.offset_ms < plan.cycle_ms:
            found.append(
                f"steps add up to {sum(durations_ms)} ms, cycle {plan.cycle_ms}, offset {plan.offset_ms}"
            )
        for green in self.greens(bits, durations_ms):
            over_ms = green.needs_ms - self.clearance_ms[green.group] - green.lit_ms
            if over_ms > 0:
                found.append(f"{names[green.group]} lacks {over_ms} ms of its shortest green")
            # A change of stage runs to its end before the next one begins.
            elif green.late_ms and durations_ms[green.first_step] <= green.late_ms:
                found.append(f"{names[green.group]} starts only after its first step is over")
        for b, red_ms in enumerate(self.longest_red_ms(bits, durations_ms)):
            group = self.junction.groups[b]
            if red_ms > group.promise_ms:
                found.append(f"{names[b]} is red for {red_ms} ms, its promise is {group.promise_ms} ms")
            elif red_ms < 0 and not group.turn_on_red:
                found.append(f"{names[b]} is never served")
        return found


def _up(ms: int, grain_ms: int) -> int:
    return -(-ms // grain_ms) * grain_ms
