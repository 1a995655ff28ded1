"""From one fixed plan to another without a jump: how a junction comes into step (rules R46 to R48).

A new plan is taken up when the cycle of the old one is over. Its beat is then usually wrong by some
part of a cycle, which is made good in at most three transitional cycles of its own steps: the short
way, every step at most a fifth longer or shorter than planned and never shorter than lawful; where
that is not enough, by resting in its longest step (dwell). What takes longer is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CYCLES_MAX = 3
"""R46, R47: in step within three cycles."""
STEP_CHANGE_MAX = 5
"""A step changes by one part in so many at most: 20 % (R47)."""


class Change(NamedTuple):
    """The way from the end of one plan's last cycle to another plan in step."""

    cycles_ms: tuple[tuple[int, ...], ...]
    """Durations of the new plan's steps in each transitional cycle; empty = in step at once."""
    way: str
    """`at once`, `longer`, `shorter`, `dwell`, or `slowly`: longer than three cycles."""

    @property
    def in_time(self) -> bool:
        """Whether the street is in step within three cycles."""
        return len(self.cycles_ms) <= CYCLES_MAX


def plan_change(
    steps_ms: Sequence[int],
    least_ms: Sequence[int],
    offset_ms: int,
    at_ms: int,
    grain_ms: int,
    dwell_max_ms: int,
) -> Change:
    """How a plan of these steps, begun at `at_ms`, comes into step with its offset.

    steps_ms, least_ms (steps) ms as planned and at least · grain_ms lamp times, what cannot be divided
    by it falls into the last correction · dwell_max_ms the longest rest nobody's promise forbids.
    """
    cycle_ms = sum(steps_ms)
    wait_ms = (offset_ms - at_ms) % cycle_ms
    if wait_ms == 0:
        return Change((), "at once")
    fifth = [step // STEP_CHANGE_MAX // grain_ms * grain_ms for step in steps_ms]
    shorter = room_below(steps_ms, least_ms, grain_ms)
    for n in range(1, CYCLES_MAX + 1):
        ways = sorted([(wait_ms, fifth, 1), (cycle_ms - wait_ms, shorter, -1)], key=lambda way: way[0])
        for amount_ms, room, sign in ways:
            if _on_grain(amount_ms, grain_ms) <= n * sum(room):
                return Change(_spread(steps_ms, room, amount_ms, sign, n, grain_ms), _WAYS[sign])
    if wait_ms <= dwell_max_ms or sum(fifth) == 0:
        rest = list(steps_ms)
        rest[rest.index(max(rest))] += wait_ms
        return Change((tuple(rest),), "dwell")
    n = -(-_on_grain(wait_ms, grain_ms) // sum(fifth))
    return Change(_spread(steps_ms, fifth, wait_ms, 1, n, grain_ms), "slowly")


def shorter_change(
    steps_ms: Sequence[int], least_ms: Sequence[int], offset_ms: int, at_ms: int, grain_ms: int
) -> Change:
    """Into step by shorter cycles alone, however many: where a longer one would break a promise.

    Where no step may be shorter there are none.
    """
    amount_ms, room = (at_ms - offset_ms) % sum(steps_ms), room_below(steps_ms, least_ms, grain_ms)
    if amount_ms == 0 or sum(room) == 0:
        return Change((), "at once")
    n = -(-_on_grain(amount_ms, grain_ms) // sum(room))
    return Change(_spread(steps_ms, room, amount_ms, -1, n, grain_ms), _WAYS[-1])


def room_below(steps_ms: Sequence[int], least_ms: Sequence[int], grain_ms: int) -> list[int]:
    """By how much each step may be shorter: a fifth, and never shorter than lawful."""
    return [
        min(step // STEP_CHANGE_MAX, max(0, step - least)) // grain_ms * grain_ms
        for step, least in zip(steps_ms, least_ms, strict=True)
    ]


_WAYS = {1: "longer", -1: "shorter"}


def _on_grain(ms: int, grain_ms: int) -> int:
    return -(-ms // grain_ms) * grain_ms


def _spread(
    steps_ms: Sequence[int], room: Sequence[int], amount_ms: int, sign: int, n: int, grain_ms: int
) -> tuple[tuple[int, ...], ...]:
    """`n` cycles whose steps together last `sign * amount_ms` longer, each within its room."""
    cycles = []
    left_ms = amount_ms
    for k in range(n, 0, -1):
        part_ms = left_ms if k == 1 else min(left_ms, _on_grain(-(-left_ms // k), grain_ms), sum(room))
        left_ms -= part_ms
        cycle = list(steps_ms)
        total = sum(room)
        given = [min(r, part_ms * r // total // grain_ms * grain_ms) for r in room]
        for at in sorted(range(len(room)), key=lambda s: given[s] - room[s]):
            more_ms = min(room[at] - given[at], part_ms - sum(given))
            given[at] += more_ms
        for at, change_ms in enumerate(given):
            cycle[at] += sign * change_ms
        cycles.append(tuple(cycle))
    return tuple(cycles)
