"""Stages from a SUMO program, and the program as a fixed plan that is fit for a street.

A plan is played on paper (`greens`): a group starts when its step begins and every
intergreen from groups that ended before has passed. SUMO's own programs often cut
pedestrian clearances or minimum greens; `repaired` lengthens what is too short.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from controller.junction import Group, Intergreen
from controller.vocabulary import GroupKind
from sim.importers.sumo_signals import Signal

PROMISE_PEDESTRIAN_MS = 90_000
PROMISE_VEHICLE_MS = 120_000
PROMISE_STEP_MS = 5_000
STEP_MIN_MS = 1_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan under work: green groups as bits, duration."""

    bits: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class GreenRun:
    """One green of a group in the cycle, from the step it begins to the step that ends it."""

    group: int
    first_step: int
    n_steps: int
    late_ms: int
    """Start after the beginning of its first step."""
    late_without_walk_ms: int
    """The same if no pedestrian group had to clear."""
    waits_for: int
    """The group whose intergreen holds it longest, -1 if none."""
    green_ms: int


class PlanTimes:
    """The numbers a plan must respect, rounded up to whole seconds so that any lamp step fits."""

    def __init__(self, groups: Sequence[Group], intergreens: Sequence[Intergreen]) -> None:
        index = {g.name: k for k, g in enumerate(groups)}
        self.groups = groups
        self.min_green_ms = [_whole_s(g.min_green_ms) for g in groups]
        self.between: dict[tuple[int, int], int] = {
            (index[i.ending], index[i.starting]): _whole_s(i.duration_ms) for i in intergreens
        }
        self.ending_before: list[list[tuple[int, int]]] = [[] for _ in groups]
        """By starting group: each conflicting group, and the intergreen after it."""
        for (ending, starting), between_ms in self.between.items():
            self.ending_before[starting].append((ending, between_ms))
        self.walks = [g.kind == GroupKind.PEDESTRIAN for g in groups]


def _whole_s(ms: int) -> int:
    return -(-ms // 1000) * 1000


# --- stages and steps of the program ---------------------------------------------------------


def phase_bits(signal: Signal, letter: str = "G") -> list[int]:
    """Groups showing a letter, as bits, phase by phase."""
    return [
        sum(1 << k for k, g in enumerate(signal.groups) if g.column[p] == letter)
        for p in range(len(signal.phases))
    ]


def given_stages(signal: Signal) -> tuple[list[int], list[int]]:
    """Green sets of the program: stages as given, and what vehicles keep while walkers clear.

    A phase with a yellow gives a stage only if some group is green nowhere else.
    """
    green, yellow = phase_bits(signal), phase_bits(signal, "y")
    walkers = sum(1 << k for k, g in enumerate(signal.groups) if g.kind == GroupKind.PEDESTRIAN)
    given: list[int] = []
    remnants: list[int] = []
    for p, bits in enumerate(green):
        if yellow[p] or not bits:
            continue
        before = green[p - 1]
        if bits != before and bits & before == bits and not before & ~bits & ~walkers:
            remnants.append(bits)
        elif bits not in given:
            given.append(bits)
    served = 0
    for bits in given:
        served |= bits
    for bits in green:
        if bits & ~served:
            given.append(bits)
            served |= bits
    return given, [b for b in dict.fromkeys(remnants) if b not in given]


def program_steps(signal: Signal, stages: Sequence[int]) -> tuple[list[Step], int]:
    """Steps in the order of the program, and its offset in ms.

    A phase that is no stage (yellow, all-red) belongs to the step after it, so a step ends
    where the network's green ends and the cycle and its beat stay the network's own.
    """
    steps: list[Step] = []
    waiting_ms = 0
    known = set(stages)
    yellow = phase_bits(signal, "y")
    for p, bits in enumerate(phase_bits(signal)):
        ms = round(signal.phases[p].duration_s * 1000)
        waiting_ms += ms
        if bits not in known or (yellow[p] and _clean_elsewhere(signal, bits)):
            continue
        if steps and steps[-1].bits == bits:
            steps[-1] = replace(steps[-1], duration_ms=steps[-1].duration_ms + waiting_ms)
        else:
            steps.append(Step(bits, waiting_ms))
        waiting_ms = 0
    early_ms = waiting_ms
    steps[0] = replace(steps[0], duration_ms=steps[0].duration_ms + waiting_ms)
    if len(steps) > 1 and steps[0].bits == steps[-1].bits:
        last = steps.pop()
        early_ms += last.duration_ms
        steps[0] = replace(steps[0], duration_ms=steps[0].duration_ms + last.duration_ms)
    cycle_ms = sum(s.duration_ms for s in steps)
    offset_ms = (round(signal.program.offset_s * 1000) - early_ms) % cycle_ms
    return steps, offset_ms


def _clean_elsewhere(signal: Signal, bits: int) -> bool:
    yellow = phase_bits(signal, "y")
    return any(b == bits and not yellow[p] for p, b in enumerate(phase_bits(signal)))


# --- playing a plan on paper -----------------------------------------------------------------


def greens(steps: Sequence[Step], times: PlanTimes) -> list[GreenRun]:
    """Every green of every group in one cycle; groups green in all steps have none to check."""
    n = len(steps)
    runs = []
    for b in range(len(times.groups)):
        for k in range(n):
            if not steps[k].bits >> b & 1 or steps[k - 1].bits >> b & 1:
                continue
            length = 1
            while length < n and steps[(k + length) % n].bits >> b & 1:
                length += 1
            late, late_vehicles, holder = _late(steps, times, b, k)
            span_ms = sum(steps[(k + m) % n].duration_ms for m in range(length))
            runs.append(GreenRun(b, k, length, late, late_vehicles, holder, span_ms - late))
    return runs


def _late(steps: Sequence[Step], times: PlanTimes, b: int, k: int) -> tuple[int, int, int]:
    """How long after step k begins group b may start, and because of whom."""
    n = len(steps)
    late = late_vehicles = 0
    holder = -1
    for a, between_ms in times.ending_before[b]:
        ago_ms = 0
        for back in range(n):  # the step at whose beginning a last ended
            j = (k - back) % n
            if back:
                ago_ms += steps[j].duration_ms
            if ago_ms >= between_ms:
                break
            if steps[j - 1].bits >> a & 1 and not steps[j].bits >> a & 1:
                left = between_ms - ago_ms
                if left > late:
                    late, holder = left, a
                if not times.walks[a]:
                    late_vehicles = max(late_vehicles, left)
                break
    return late, late_vehicles, holder


def longest_red_ms(steps: Sequence[Step], times: PlanTimes) -> list[int]:
    """Longest wait from the end of green to the next green of each group; -1 if never green."""
    cycle_ms = sum(s.duration_ms for s in steps)
    runs = greens(steps, times)
    longest = [0 if all(s.bits >> g & 1 for s in steps) else -1 for g in range(len(times.groups))]
    for g in range(len(times.groups)):
        own = [r for r in runs if r.group == g]
        for r, following in zip(own, own[1:] + own[:1], strict=True):
            end = (r.first_step + r.n_steps) % len(steps)
            gap_ms = 0
            k = end
            while k != following.first_step:
                gap_ms += steps[k].duration_ms
                k = (k + 1) % len(steps)
            longest[g] = max(longest[g], min(gap_ms, cycle_ms) + following.late_ms)
    return longest


# --- repairs ---------------------------------------------------------------------------------


def with_walkers_cleared(steps: Sequence[Step], times: PlanTimes) -> list[Step]:
    """End WALK earlier, inside the same green, where clearance would otherwise be dead time.

    Only moves time from a step with walkers to the following step that is the same without
    them, so no vehicle green, no cycle and no offset changes.
    """
    steps = list(steps)
    n = len(steps)
    for k in range(n if n >= 3 else 0):
        before, rest = steps[k - 2], steps[k - 1]
        ended = before.bits & ~rest.bits
        if not ended or rest.bits & ~before.bits:
            continue
        if any(not times.walks[g] for g in range(len(times.groups)) if ended >> g & 1):
            continue
        excess = max(
            (
                r.late_ms - r.late_without_walk_ms
                for r in greens(steps, times)
                if r.first_step == k and r.waits_for >= 0 and times.walks[r.waits_for]
            ),
            default=0,
        )
        slack = min(
            (
                r.green_ms - times.min_green_ms[r.group]
                for r in greens(steps, times)
                if ended >> r.group & 1 and (r.first_step + r.n_steps) % n == (k - 1) % n
            ),
            default=0,
        )
        move = min(excess, slack, before.duration_ms - STEP_MIN_MS)
        if move > 0:
            steps[k - 2] = replace(before, duration_ms=before.duration_ms - move)
            steps[k - 1] = replace(rest, duration_ms=rest.duration_ms + move)
    return steps


def repaired(steps: Sequence[Step], times: PlanTimes) -> list[Step]:
    """The same steps, lengthened until every green has its minimum after its intergreens."""
    steps = list(steps)
    n = len(steps)
    for _ in range(50 * n):
        short = [(times.min_green_ms[r.group] - r.green_ms, r) for r in greens(steps, times)]
        short = [(lack, r) for lack, r in short if lack > 0]
        if not short:
            break
        lack, run = max(short, key=lambda item: (item[0], -item[1].first_step, -item[1].group))
        at = (run.first_step + run.n_steps - 1) % n
        held = run.late_ms - run.late_without_walk_ms
        walker = run.waits_for >= 0 and times.walks[run.waits_for]
        if walker and held > 0 and not steps[run.first_step - 1].bits >> run.waits_for & 1:
            # The walkers ended a step earlier: vehicles of that step use the time they need.
            at, lack = (run.first_step - 1) % n, min(lack, held)
        steps[at] = replace(steps[at], duration_ms=steps[at].duration_ms + _whole_s(lack))
    return steps


def minimum_service(steps: Sequence[Step], times: PlanTimes) -> list[Step]:
    """The plan with every step as short as it may be: what W of a promise is made of."""
    return repaired([Step(s.bits, STEP_MIN_MS) for s in steps], times)


def promises_ms(steps: Sequence[Step], times: PlanTimes) -> list[int]:
    """Promised longest wait of each group: max(90 s or 120 s; W rounded up to 5 s).

    W is the group's longest red while all other stages of the plan run at minimum service.
    """
    shortest = minimum_service(steps, times)
    cycle_ms = sum(s.duration_ms for s in shortest)
    promised = []
    for g, red_ms in enumerate(longest_red_ms(shortest, times)):
        w_ms = cycle_ms if red_ms < 0 else red_ms
        base = PROMISE_PEDESTRIAN_MS if times.walks[g] else PROMISE_VEHICLE_MS
        promised.append(max(base, math.ceil(w_ms / PROMISE_STEP_MS) * PROMISE_STEP_MS))
    return promised


def resplit(steps: Sequence[Step], times: PlanTimes, promised_ms: Sequence[int]) -> tuple[list[Step], int]:
    """Shorten the plan evenly until no red is longer than promised.

    Returns the steps and the worst red that was too long (0 if the plan was fine).
    """
    worst = _worst_excess(steps, times, promised_ms)
    if worst == 0:
        return list(steps), 0
    shortest = minimum_service(steps, times)
    best = shortest
    low, high = 0.0, 1.0
    for _ in range(24):
        middle = (low + high) / 2
        trial = repaired([_between(s, m, middle) for s, m in zip(steps, shortest, strict=True)], times)
        if _worst_excess(trial, times, promised_ms) == 0:
            best, low = trial, middle
        else:
            high = middle
    return best, worst


def _between(step: Step, shortest: Step, part: float) -> Step:
    """The shortest step plus a part of what the step has beyond it, in whole seconds."""
    spare_ms = max(step.duration_ms - shortest.duration_ms, 0)
    return Step(step.bits, min(step.duration_ms, shortest.duration_ms) + int(spare_ms * part // 1000) * 1000)


def _worst_excess(steps: Sequence[Step], times: PlanTimes, promised_ms: Sequence[int]) -> int:
    """The longest red among those longer than promised, 0 if none is."""
    reds = longest_red_ms(steps, times)
    return max((red for red, promise in zip(reds, promised_ms, strict=True) if red > promise), default=0)
