"""A junction that could hurt somebody does not load, and the message names who and why."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.conflicts import (
    UnsafeJunction,
    choose_sets,
    conflict_bits,
    maximal_sets,
    prove,
    prove_network,
)
from controller.junction import (
    Detector,
    FixedPlan,
    Group,
    Intergreen,
    Junction,
    Lane,
    Movement,
    PlanStep,
    Reach,
    Stage,
    StreetLink,
    StreetNetwork,
    Yield,
)
from controller.vocabulary import DetectorKind, GroupKind, StageSource, Timing


def vehicle(name: str, link: int) -> Group:
    return Group(name, GroupKind.VEHICLE, name, (link,), 7000, 60_000, 3800, 0, 120_000)


def lane(name: str, group: str, link: int) -> Lane:
    return Lane(
        name,
        group,
        80.0,
        13.9,
        0.5,
        (Movement(link, group, "straight", f"{name}_out", 13.9),),
        (Reach(name, 80.0, 0.0, 1.0),),
    )


def crossroads() -> Junction:
    """Two streets and a crossing over the second, which the first may serve together."""
    walk = Group("crossing.1", GroupKind.PEDESTRIAN, "crossing.1", (2,), 7000, 60_000, 0, 9000, 90_000)
    pairs = [
        ("north", "east", 5000),
        ("east", "north", 5000),
        ("east", "crossing.1", 5500),
        ("crossing.1", "east", 12_000),
    ]
    return Junction(
        name="K",
        title="J1",
        x_m=0.0,
        y_m=0.0,
        groups=(vehicle("north", 0), vehicle("east", 1), walk),
        lanes=(lane("n_0", "north", 0), lane("e_0", "east", 1)),
        stages=(
            Stage("S1", ("north", "crossing.1"), StageSource.GIVEN),
            Stage("S2", ("east",), StageSource.GIVEN),
        ),
        intergreens=tuple(Intergreen(a, b, ms) for a, b, ms in pairs),
        yields=(),
        detectors=(
            Detector("n", DetectorKind.STOPLINE, lane="n_0", street_lane="n_0"),
            Detector("b", DetectorKind.BUTTON, group="crossing.1"),
        ),
        plans=(FixedPlan("network", 60_000, 0, (PlanStep("S1", 40_000), PlanStep("S2", 20_000))),),
    )


def test_a_sound_junction_loads() -> None:
    prove(crossroads())
    assert conflict_bits(crossroads()) == [0b010, 0b101, 0b010]


def refused(junction: Junction) -> str:
    with pytest.raises(UnsafeJunction) as caught:
        prove(junction)
    message = str(caught.value)
    assert message.startswith("junction K")
    assert "\n" not in message
    return message


def test_a_stage_with_cars_through_a_crossing_is_refused_by_both_names() -> None:
    stages = (*crossroads().stages, Stage("S3", ("east", "crossing.1"), StageSource.GIVEN))
    message = refused(replace(crossroads(), stages=stages))
    assert "stage S3" in message
    assert "east" in message
    assert "crossing.1" in message


def test_a_declared_yield_may_be_green_together_but_not_be_a_conflict_too() -> None:
    junction = crossroads()
    gives_way = tuple(i for i in junction.intergreens if "crossing.1" not in (i.ending, i.starting))
    stages = (*junction.stages, Stage("S3", ("east", "crossing.1"), StageSource.GIVEN))
    prove(replace(junction, intergreens=gives_way, stages=stages, yields=(Yield("east", "crossing.1"),)))
    assert "conflict and as yield" in refused(replace(junction, yields=(Yield("east", "north"),)))


def test_a_conflict_known_in_one_direction_only_is_refused() -> None:
    one_way = tuple(i for i in crossroads().intergreens if i.ending != "crossing.1")
    assert "crossing.1 -> east is missing" in refused(replace(crossroads(), intergreens=one_way))


def test_an_intergreen_shorter_than_the_clearance_it_holds_is_refused() -> None:
    hurried = tuple(
        replace(i, duration_ms=8000) if i.ending == "crossing.1" else i for i in crossroads().intergreens
    )
    assert "pedestrian clearance of crossing.1, 9000 ms" in refused(
        replace(crossroads(), intergreens=hurried)
    )


def test_nobody_is_forgotten_by_stages_or_plans() -> None:
    forgotten = (Stage("S1", ("north",), StageSource.GIVEN), crossroads().stages[1])
    assert "no stage serves group crossing.1" in refused(replace(crossroads(), stages=forgotten))
    plan = FixedPlan("night", 20_000, 0, (PlanStep("S2", 20_000),))
    message = refused(replace(crossroads(), plans=(plan,)))
    assert "plan night" in message
    assert "north" in message


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (FixedPlan("p", 60_000, 0, (PlanStep("S1", 30_000), PlanStep("S2", 20_000))), "add up to 50000 ms"),
        (FixedPlan("p", 60_000, 60_000, (PlanStep("S1", 40_000), PlanStep("S2", 20_000))), "offset 60000"),
        (FixedPlan("p", 60_000, 0, (PlanStep("S1", 40_000), PlanStep("S9", 20_000))), "no stage S9"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(plan: FixedPlan, reason: str) -> None:
    assert reason in refused(replace(crossroads(), plans=(plan,)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"groups": (*crossroads().groups, vehicle("north", 7))}, "north is there twice"),
        ({"groups": tuple(vehicle(f"g{k}", k) for k in range(63))}, "63 groups"),
        ({"lanes": (lane("n_0", "north", 0), lane("e_0", "south", 1))}, "no group south"),
        ({"lanes": (lane("n_0", "north", 0), lane("e_0", "crossing.1", 1))}, "a crossing"),
        ({"detectors": (Detector("d", DetectorKind.ADVANCE, lane="x_0"),)}, "no lane x_0"),
        ({"groups": (replace(vehicle("north", 0), yellow_ms=0), *crossroads().groups[1:])}, "no yellow"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(change: dict[str, object], reason: str) -> None:
    assert reason in refused(replace(crossroads(), **change))  # type: ignore[arg-type]


def test_a_link_to_a_lane_that_is_not_there_is_refused() -> None:
    network = StreetNetwork(
        "town", Timing.COMPUTED, (crossroads(),), (StreetLink("n_0_out", "K", "nowhere_0", 100.0, 1.0),)
    )
    with pytest.raises(UnsafeJunction, match="no lane nowhere_0"):
        prove_network(network)


# --- maximal compatible sets -----------------------------------------------------------------


def matrix(n: int, pairs: set[tuple[int, int]]) -> list[int]:
    return [sum(1 << b for b in range(n) if (min(a, b), max(a, b)) in pairs) for a in range(n)]


def every_maximal_set(conflicts: list[int]) -> set[int]:
    """All subsets tried: the slow obvious twin."""
    n = len(conflicts)
    free = [
        bits for bits in range(1, 1 << n) if not any(bits >> k & 1 and bits & conflicts[k] for k in range(n))
    ]
    return {a for a in free if not any(a != b and a & b == a for b in free)}


@st.composite
def matrices(draw: st.DrawFn) -> list[int]:
    n = draw(st.integers(1, 8))
    pairs = set(draw(st.lists(st.sampled_from([*combinations(range(n), 2)]), max_size=20)) if n > 1 else [])
    return matrix(n, pairs)


@given(matrices())
@settings(max_examples=60, deadline=None)
def test_maximal_sets_are_all_of_them_and_nothing_else(conflicts: list[int]) -> None:
    found = maximal_sets(conflicts)
    assert len(found) == len(set(found))
    assert set(found) == every_maximal_set(conflicts)


def test_a_huge_junction_is_bounded_and_still_serves_everybody() -> None:
    # 20 triples of mutual enemies have 3^20 maximal sets.
    conflicts = matrix(60, {p for t in range(20) for p in combinations(range(3 * t, 3 * t + 3), 2)})
    found = maximal_sets(conflicts, limit=500)
    assert len(found) < 600
    union = 0
    for bits in found:
        assert not any(bits >> k & 1 and bits & conflicts[k] for k in range(60))
        union |= bits
    assert union == (1 << 60) - 1
    assert found == maximal_sets(conflicts, limit=500)


def test_sets_are_chosen_by_weight_but_nobody_needed_is_left_out() -> None:
    weights = [1.0, 1.0, 1.0, 0.1]
    sets = [0b0011, 0b0101, 0b0110, 0b1000]
    assert choose_sets(sets, weights, needed=0b1000, count=2) == [0b1000, 0b0011]
    assert choose_sets(sets, weights, needed=0, count=3) == [0b0011, 0b0101, 0b0110]
