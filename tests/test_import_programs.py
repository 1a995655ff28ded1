"""Fixed plans played second by second by a slow twin: after repair nobody is cut short."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.junction import Group, Intergreen
from controller.vocabulary import GroupKind
from sim.importers.sumo_programs import (
    PlanTimes,
    Step,
    greens,
    longest_red_ms,
    minimum_service,
    promises_ms,
    repaired,
    resplit,
    with_walkers_cleared,
)


def group(name: str, min_green_ms: int, clearance_ms: int = 0) -> Group:
    kind = GroupKind.PEDESTRIAN if clearance_ms else GroupKind.VEHICLE
    return Group(name, kind, name, (0,), min_green_ms, 60_000, 0 if clearance_ms else 3000, clearance_ms, 1)


def four() -> PlanTimes:
    """North and its walkers against east and its walkers."""
    groups = [
        group("north", 7000),
        group("east", 7000),
        group("walk_n", 7000, 13_100),
        group("walk_e", 7000, 6600),
    ]
    pairs = [
        ("north", "east", 5600),
        ("east", "north", 4500),
        ("walk_n", "east", 16_100),
        ("east", "walk_n", 4800),
        ("walk_e", "north", 9600),
        ("north", "walk_e", 5000),
    ]
    return PlanTimes(groups, [Intergreen(*pair) for pair in pairs])


NORTH, EAST, WALK_N, WALK_E = 1, 2, 4, 8


def played(steps: list[Step], times: PlanTimes, cycles: int = 4) -> dict[int, list[tuple[int, int]]]:
    """Green intervals in seconds of each group, second by second; the slow obvious twin."""
    wanted = [s.bits for s in steps for _ in range(s.duration_ms // 1000)]
    cycle = len(wanted)
    n = len(times.groups)
    since: list[int | None] = [None] * n
    ended = [-10_000] * n
    found: dict[int, list[tuple[int, int]]] = {g: [] for g in range(n)}
    for t in range(cycles * cycle):
        for g in range(n):
            start = since[g]
            if start is not None and not wanted[t % cycle] >> g & 1:
                found[g].append((start, t))
                since[g], ended[g] = None, t
        for g in range(n):
            ready = all(
                since[a] is None and t >= ended[a] + ms / 1000
                for (a, b), ms in times.between.items()
                if b == g
            )
            if since[g] is None and wanted[t % cycle] >> g & 1 and ready:
                since[g] = t
    return {g: [run for run in runs if run[0] >= cycle] for g, runs in found.items()}


plans = st.lists(
    st.tuples(
        st.sampled_from([NORTH, EAST, NORTH | WALK_N, EAST | WALK_E, WALK_N | WALK_E]), st.integers(1, 40)
    ),
    min_size=2,
    max_size=6,
)


def steps_of(plan: list[tuple[int, int]]) -> list[Step]:
    steps: list[Step] = []
    for bits, seconds in plan:
        if not steps or steps[-1].bits != bits:
            steps.append(Step(bits, seconds * 1000))
    if len(steps) > 1 and steps[0].bits == steps[-1].bits:
        steps.pop()
    return steps


@given(plans)
@settings(max_examples=80, deadline=None)
def test_a_repaired_plan_gives_every_green_its_minimum_when_played(plan: list[tuple[int, int]]) -> None:
    times = four()
    steps = repaired(steps_of(plan), times)
    assert all(a.duration_ms >= b.duration_ms for a, b in zip(steps, steps_of(plan), strict=True))
    by_paper = greens(steps, times)
    for g, runs in played(steps, times).items():
        for start, end in runs:
            assert (end - start) * 1000 >= times.min_green_ms[g]
        lengths = {(end - start) * 1000 for start, end in runs}
        assert lengths == {r.green_ms for r in by_paper if r.group == g}


@given(plans)
@settings(max_examples=40, deadline=None)
def test_no_red_of_the_final_plan_is_longer_than_promised(plan: list[tuple[int, int]]) -> None:
    times = four()
    steps = repaired(steps_of(plan), times)
    promised = promises_ms(steps, times)
    final, _ = resplit(steps, times, promised)
    for g, runs in played(final, times, cycles=5).items():
        for (_, end), (start, _) in itertools.pairwise(runs):
            assert (start - end) * 1000 <= promised[g]
        assert promised[g] >= (90_000 if times.walks[g] else 120_000)


def test_a_plan_that_keeps_its_promises_is_left_alone() -> None:
    times = four()
    steps = [Step(NORTH | WALK_N, 45_000), Step(EAST | WALK_E, 40_000)]
    assert repaired(steps, times) == steps
    assert resplit(steps, times, promises_ms(steps, times)) == (steps, 0)


def test_a_very_long_cycle_is_split_anew_within_the_promise() -> None:
    times = four()
    steps = [Step(NORTH | WALK_N, 200_000), Step(EAST | WALK_E, 100_000)]
    promised = promises_ms(steps, times)
    assert promised == [120_000, 120_000, 90_000, 90_000]
    final, worst = resplit(steps, times, promised)
    # East waits 200 s and then for the walkers, 16.1 s, at whole seconds.
    assert worst == longest_red_ms(steps, times)[1] == 217_000
    assert all(red <= promise for red, promise in zip(longest_red_ms(final, times), promised, strict=True))
    assert longest_red_ms(final, times)[3] == 90_000  # no shorter than it must be
    assert final[0].duration_ms > final[1].duration_ms  # and as unlike as it was


def test_a_junction_that_needs_longer_promises_what_it_can_keep() -> None:
    groups = [group(f"g{k}", 30_000) for k in range(5)]
    pairs = itertools.permutations(groups, 2)
    times = PlanTimes(groups, [Intergreen(a.name, b.name, 6000) for a, b in pairs])
    steps = [Step(1 << k, 40_000) for k in range(5)]
    promised = promises_ms(steps, times)
    # Four others at 30 s and five changes of 6 s.
    assert promised == [150_000] * 5
    assert max(longest_red_ms(minimum_service(steps, times), times)) == 150_000


def test_walk_ends_earlier_inside_the_same_green_so_that_nobody_waits_for_walkers() -> None:
    times = four()
    steps = [Step(NORTH | WALK_N, 30_000), Step(NORTH, 4000), Step(EAST, 25_000)]
    better = with_walkers_cleared(steps, times)
    assert [s.duration_ms for s in better] == [23_000, 11_000, 25_000]
    late = {r.group: r.late_ms for r in greens(better, times)}
    assert late[1] == 6000  # only the vehicles' own change is left


def test_walk_never_ends_before_its_minimum() -> None:
    times = four()
    steps = [Step(NORTH | WALK_N, 14_000), Step(NORTH, 4000), Step(EAST, 25_000)]
    better = with_walkers_cleared(steps, times)
    walk = next(r for r in greens(better, times) if r.group == 2)
    assert walk.green_ms == 7000 or better == steps
    assert walk.green_ms >= 7000
