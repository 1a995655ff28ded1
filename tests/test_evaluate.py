"""The statistics are the same for everyone, and say what went wrong instead of hiding it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.vocabulary import CONTROLLERS
from sim.evaluate import MapTable, Row, compare, plan_jobs, to_json
from sim.measures import ModeDelay, RunResult
from tests.runs import SCENARIO, a_run, a_sweep


def table(runs: dict[str, dict[int, RunResult | str]]) -> MapTable:
    sweep = a_sweep(runs)
    (only,) = compare(list(sweep), sweep).maps
    return only


def row(of: MapTable, controller: str) -> Row:
    found = of.row(controller)
    assert found is not None
    return found


def test_one_good_seed_flatters_nobody() -> None:
    adaptive = row(table({"adaptive": {1: a_run(10), 2: a_run(11), 3: a_run(90)}}), "adaptive")
    assert adaptive.delay_s is not None
    assert adaptive.delay_s.mean == pytest.approx(37.0)
    assert adaptive.delay_s.median == 11
    assert adaptive.delay_s.worst == 90
    assert adaptive.delay_s.by_seed == ((1, 10), (2, 11), (3, 90))


def test_the_ratio_is_to_the_best_of_the_four_others_on_that_map() -> None:
    of = table({
        "adaptive": {1: a_run(12, person_s=100)},
        "fixed": {1: a_run(40, person_s=150)},
        "greedy": {1: a_run(20, person_s=400)},
        "sumo-actuated": {1: a_run(5, person_s=10)},
    })  # fmt: skip
    adaptive = row(of, "adaptive")
    assert adaptive.delay_ratio == pytest.approx(12 / 20)
    assert adaptive.person_ratio == pytest.approx(100 / 150)
    assert row(of, "greedy").delay_ratio == 1.0
    assert row(of, "sumo-actuated").delay_ratio == pytest.approx(0.25)


def test_without_any_of_the_four_there_is_no_ratio() -> None:
    assert row(table({"adaptive": {1: a_run()}}), "adaptive").delay_ratio is None


def test_ties_are_said() -> None:
    of = table({
        "adaptive": {1: a_run(20, person_s=36_000)},
        "fixed": {1: a_run(30, person_s=72_000)},
        "greedy": {1: a_run(31, person_s=72_003)},
        "actuated": {1: a_run(40, person_s=90_000)},
        "sumo-static": {1: a_run(1, person_s=1)},
    })  # fmt: skip
    assert [(one.rank, one.tied) for one in of.rows] == [
        (1, False), (2, True), (2, True), (4, False), (None, False),
    ]  # fmt: skip


def test_who_failed_a_seed_is_not_ranked_and_the_reason_stays() -> None:
    sweep = a_sweep({"adaptive": {1: a_run(10), 2: "SUMO stopped"}, "fixed": {1: a_run(30), 2: a_run(30)}})
    comparison = compare(list(sweep), sweep)
    adaptive = row(comparison.maps[0], "adaptive")
    assert adaptive.rank is None
    assert adaptive.finished == (1,)
    assert comparison.failures == ("harbour, adaptive, seed 2: SUMO stopped",)
    assert [one.controller for one in comparison.overall] == ["fixed"]


def test_a_row_without_any_run_has_no_measures() -> None:
    nothing = row(table({"adaptive": {1: "no licence", 2: "no licence"}}), "adaptive")
    assert nothing.delay_s is None
    assert nothing.gridlock_share is None
    assert nothing.modes == {}


def test_leaving_three_times_the_fixed_plans_vehicles_behind_is_gridlock() -> None:
    left = lambda veh: a_run(unfinished_veh=veh - 2, never_departed_veh=2)  # noqa: E731
    of = table({
        "fixed": {1: left(10), 2: left(20), 3: left(90)},
        "greedy": {1: left(60), 2: left(61), 3: a_run(gridlock=True)},
    })  # fmt: skip
    assert row(of, "fixed").gridlocked == (3,)
    assert row(of, "greedy").gridlocked == (2, 3)
    assert row(of, "greedy").gridlock_share == pytest.approx(2 / 3)


def test_a_few_late_cars_are_no_gridlock_where_the_fixed_plan_leaves_none() -> None:
    of = table({
        "fixed": {1: a_run(unfinished_veh=0)},
        "greedy": {1: a_run(unfinished_veh=10), 2: a_run(unfinished_veh=11)},
    })  # fmt: skip
    assert row(of, "greedy").gridlocked == (2,)


def test_without_the_fixed_plan_only_what_the_run_itself_saw_counts() -> None:
    of = table({"greedy": {1: a_run(unfinished_veh=900), 2: a_run(gridlock=True)}})
    assert row(of, "greedy").gridlocked == (2,)
    assert of.oversaturated is None


@pytest.mark.parametrize(("growing", "oversaturated"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_map_is_oversaturated_when_most_seeds_of_the_fixed_plan_say_so(
    growing: int, oversaturated: bool
) -> None:
    fixed = {seed: a_run(insertion_queue_grows=seed <= growing) for seed in (1, 2, 3)}
    of = table({"fixed": fixed, "greedy": {1: a_run(insertion_queue_grows=True)}})
    assert of.oversaturated is oversaturated


def test_all_green_is_shown_only_where_it_is_a_floor() -> None:
    runs = {"adaptive": {1: a_run(600)}, "fixed": {1: a_run(900)}}
    below = table({**runs, "all-green": {1: a_run(500)}})
    assert below.row("all-green") is not None
    assert not below.floor_hidden
    above = table({**runs, "all-green": {1: a_run(600)}})
    assert above.row("all-green") is None
    assert above.floor_hidden


def test_a_mode_is_the_worst_case_of_all_seeds_and_absent_where_nobody_travels() -> None:
    walk = lambda mean_s, worst_s: {"pedestrian": ModeDelay(9, mean_s, 2 * mean_s, worst_s, worst_s / 2)}  # noqa: E731
    adaptive = row(
        table({"adaptive": {1: a_run(modes=walk(10.0, 80.0)), 2: a_run(modes=walk(14.0, 70.0))}}), "adaptive"
    )
    assert set(adaptive.modes) == {"car", "pedestrian"}
    walkers = adaptive.modes["pedestrian"]
    assert (walkers.mean_s, walkers.p95_s, walkers.worst_s) == (12.0, 24.0, 80.0)
    assert walkers.worst_wait_s == 40.0


def test_nothing_promised_is_not_the_same_as_no_promise_broken() -> None:
    of = table({
        "adaptive": {1: a_run(), 2: a_run(promises_broken=2, violations=1)},
        "sumo-static": {1: a_run(promises_broken=None, violations=None)},
    })  # fmt: skip
    assert (row(of, "adaptive").promises_broken, row(of, "adaptive").violations) == (2, 1)
    assert row(of, "sumo-static").promises_broken is None


def test_all_maps_together_average_ratios_and_forgive_waits_only_where_streets_are_full() -> None:
    full = dataclasses.replace(SCENARIO, name="full")
    sweep = a_sweep({"adaptive": {1: a_run(10, worst_wait_s=90)}, "fixed": {1: a_run(20)}}) | a_sweep(
        {
            "adaptive": {1: a_run(90, worst_wait_s=800, gridlock=True)},
            "fixed": {1: a_run(100, insertion_queue_grows=True)},
        },
        full,
    )
    adaptive = next(one for one in compare(list(sweep), sweep).overall if one.controller == "adaptive")
    assert adaptive.maps == 2
    assert adaptive.delay_ratio_mean == pytest.approx((0.5 + 0.9) / 2)
    assert adaptive.delay_ratio_worst == pytest.approx(0.9)
    assert adaptive.worst_wait_s == 90
    assert adaptive.gridlock_share == 0.5


def test_a_sweep_plans_every_combination_once() -> None:
    other = dataclasses.replace(SCENARIO, name="other", net=Path("other.net.xml"))
    jobs = plan_jobs([SCENARIO, other], CONTROLLERS, (1, 2, 3), "loops", "computed")
    assert len(set(jobs)) == len(jobs) == 2 * 5 * 3


@given(
    st.lists(
        st.lists(st.floats(0, 5000), min_size=3, max_size=3),
        min_size=len(CONTROLLERS),
        max_size=len(CONTROLLERS),
    )
)
def test_ranks_agree_with_the_means_whatever_the_runs_say(delays: list[list[float]]) -> None:
    runs = {
        name: {seed: a_run(d, person_s=1300 * d) for seed, d in enumerate(of, 1)}
        for name, of in zip(CONTROLLERS, delays, strict=True)
    }
    of = table(runs)  # type: ignore[arg-type]
    ordered = sorted(of.rows, key=lambda one: one.rank or 0)
    means = [statistics.fmean(delays[CONTROLLERS.index(one.controller)]) for one in ordered]
    # Shown to the hundredth of a person-hour: closer rows are tied.
    assert all(a <= b + 0.01 * 3600 / 1300 for a, b in itertools.pairwise(means))
    assert min(one.rank or 0 for one in of.rows) == 1
    json.dumps(to_json(compare(list(a_sweep(runs)), a_sweep(runs))), allow_nan=False)  # type: ignore[arg-type]
