"""What a run did to people, worked out again by hand from small tables."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from sim.city.measuring.equity import gini, ledger, weighted_quantile
from sim.city.measuring.measures import CityMeasures, measure
from sim.city.measuring.run_tables import with_lateness
from sim.city.measuring.trip_table import PASSENGER, Table
from sim.city.trips import Mode
from tests.made_city_runs import DISTRICTS, a_trip_table, made_tables


def test_a_full_bus_weighs_as_many_people_as_it_carries() -> None:
    """30 people lose 10 s each, one driver 41 s: (300 + 41) / 31 = 11 s."""
    trips = a_trip_table([("bus", Mode.BUS, 0, 30.0, 10.0), ("car", Mode.CAR, 0, 1.0, 41.0)])
    entry = ledger(trips, DISTRICTS).entry("Centre", "all")
    assert entry is not None
    assert (entry.people, entry.trips, entry.mean_s, entry.worst_s) == (31.0, 2, 11.0, 41.0)
    assert entry.p50_s == entry.p95_s == 10.0
    assert entry.worst_wait_s == 20.5


def test_the_ratio_is_of_districts_with_enough_people() -> None:
    rows = [(f"a{k}", Mode.CAR, 0, 1.0, 10.0) for k in range(40)]
    rows += [(f"b{k}", Mode.CAR, 1, 1.0, 25.0) for k in range(40)]
    rows += [(f"c{k}", Mode.CAR, 2, 1.0, 600.0) for k in range(3)]
    rows += [("nobody knows", Mode.CAR, -1, 1.0, 7.0)]
    told = ledger(a_trip_table(rows), DISTRICTS)
    (everybody, by_car) = told.ratios
    assert (everybody.worst_district, everybody.best_district, everybody.ratio) == (
        "Riverside",
        "Centre",
        2.5,
    )
    assert by_car.mode == "car"
    assert told.entry("Edge", "car") is not None, "few people are no ratio, but they stand in the ledger"
    assert {entry.district for entry in told.entries} == set(DISTRICTS)


def test_a_best_district_that_loses_nothing_makes_no_infinite_ratio() -> None:
    rows = [(f"a{k}", Mode.WALK, k % 2, 1.0, 3.0 * (k % 2)) for k in range(80)]
    assert ledger(a_trip_table(rows), DISTRICTS).ratios[0].ratio == 3.0


def test_waiting_for_a_bus_is_no_standing_in_traffic() -> None:
    trips = a_trip_table([("rider", PASSENGER, 0, 1.0, 900.0), ("car", Mode.CAR, 0, 1.0, 60.0)])
    told = ledger(trips, DISTRICTS)
    waits = [told.entry("Centre", mode) for mode in ("all", "passenger", "car")]
    assert [entry.worst_wait_s for entry in waits if entry] == [30.0, 450.0, 30.0]


def test_quantiles_and_gini_agree_with_people_written_out_one_by_one() -> None:
    chance = np.random.default_rng(3)
    values, weights = chance.exponential(30.0, 60), chance.integers(1, 6, 60)
    one_by_one = np.sort(np.repeat(values, weights))
    for part in (0.05, 0.5, 0.95):
        expected = one_by_one[int(np.ceil(part * len(one_by_one))) - 1]
        assert weighted_quantile(values, weights.astype(float), part) == expected
    differences = sum(abs(x - y) for x, y in itertools.product(one_by_one, repeat=2))
    expected_gini = differences / (2 * len(one_by_one) ** 2 * one_by_one.mean())
    assert gini(values, weights.astype(float)) == pytest.approx(expected_gini)
    assert gini(np.full(5, 7.0), np.ones(5)) == pytest.approx(0.0)


def tables_with(**changes: Table) -> dict[str, Table]:
    tables = made_tables("fixed", 1)
    return {name: {**table, **changes.get(name, {})} for name, table in tables.items()} | {
        name: table for name, table in changes.items() if name not in tables
    }


def run_of(tables: dict[str, Table], gridlock: bool = False) -> CityMeasures:
    return measure(tables, DISTRICTS, 1300, gridlock)


def test_the_promise_counts_everybody_who_came_to_a_signal() -> None:
    """Of 200 who came to signals 10 waited too long and 30 gave up: 160 of 200 were served as promised."""
    k = len(made_tables("fixed", 1)["crossings"]["came"])
    came, late, gave_up, signal = (np.zeros(k, np.int64) for _ in range(4))
    came[:3], late[:3], gave_up[:3], signal[2] = (150, 50, 999), (10, 0, 999), (0, 30, 999), -1
    crossings = {"came": came, "late": late, "gave_up": gave_up, "junction": signal}
    promises = run_of(tables_with(crossings=crossings)).promises
    assert (promises.people, promises.people_late, promises.people_gave_up) == (200, 10, 30)
    assert promises.people_kept_share == pytest.approx(0.8)
    assert promises.calls_kept_share == pytest.approx(0.99)
    nobody = run_of(tables_with(crossings={"came": np.zeros(k, np.int64)})).promises
    assert nobody.people_kept_share is None


def test_crossing_on_red_is_counted_by_people() -> None:
    """Two of five walked on red, one of them twice: 400 of a thousand."""
    rows = [(f"w{k}", Mode.WALK, 0, 1.0, 20.0) for k in range(5)] + [("car", Mode.CAR, 0, 1.3, 0.0)]
    tables = tables_with(trips=a_trip_table(rows, red=[2, 1, 0, 0, 0, 0]))
    assert run_of(tables).on_red.per_1000 == 400.0


def halts(rows: list[tuple[int, int, int, int, int]]) -> Table:
    columns = zip(*rows, strict=True)
    names = ("line", "stop", "due_ms", "departed_ms", "aboard")
    table = {name: np.array(column) for name, column in zip(names, columns, strict=True)}
    return with_lateness(table, end_ms=1_300_000)


def test_buses_are_late_early_and_bunched() -> None:
    """Line 0 leaves at 0, 600, 1200 s; line 1 at 0, 100, 1200 s; one bus never came."""
    even = [(0, 3, t, t, 20) for t in (0, 600_000, 1_200_000)]
    bunched = [(1, 3, 0, 0, 5), (1, 3, 600_000, 100_000, 0), (1, 3, 600_000, 1_200_000, 40)]
    buses = run_of(tables_with(halts=halts([*even, *bunched, (1, 3, 1_300_000, -1, 0)]))).buses
    assert buses is not None
    assert buses.departures == 6
    assert buses.late_mean_s == pytest.approx((-500 + 600) / 6)
    assert buses.on_time_share == pytest.approx(4 / 6)
    # Gaps 600, 600 and 100, 1100: deviations 0, 0, 5/6, 5/6 of their mean.
    assert buses.headway_cv == pytest.approx(np.sqrt(2 * (5 / 6) ** 2 / 4))
    assert buses.aboard_mean == pytest.approx(105 / 6)


def test_a_bus_that_is_still_stuck_at_the_end_is_late_until_then() -> None:
    """Due at 300 and 1,200 s, the end is at 1,300 s: late by 1,000 s, and by 100 s not yet judged."""
    rows = [(0, 0, 0, 0, 9), (0, 1, 300_000, -1, 0), (0, 2, 1_200_000, -1, 0), (0, 3, 1_300_000, -1, 0)]
    buses = run_of(tables_with(halts=halts(rows))).buses
    assert buses is not None
    assert buses.late_mean_s == pytest.approx((0 + 1000 + 100) / 3)
    assert buses.on_time_share == pytest.approx(1 / 2)


def test_a_bus_whose_riders_are_followed_counts_as_a_vehicle_and_its_riders_as_people() -> None:
    rows = [("bus1", Mode.BUS, -1, 0.0, 10.0), ("bus2", Mode.BUS, -1, 0.0, 20.0)]
    rows += [(f"r{k}", PASSENGER, 0, 1.0, 30.0) for k in range(10)]
    told = run_of(tables_with(trips=a_trip_table(rows)))
    assert (told.modes["bus"].trips, told.modes["bus"].people, told.modes["bus"].mean_s) == (2, 0.0, 15.0)
    assert (told.modes["passenger"].people, told.all_people.mean_s) == (10.0, 30.0)
    assert told.person_hours == pytest.approx(300 / 3600)


def test_places_weigh_signals_by_who_passed_them() -> None:
    """Centre: 90 pass at 10 s and 10 at 60 s, 15 s on the mean."""
    junctions = {
        "junction": np.array(["a", "b"]),
        "index": np.arange(2),
        "district": np.zeros(2, np.int64),
        "mode": np.zeros(2, np.int8),
        "passed": np.array([90, 10]),
        "mean_s": np.array([10.0, 60.0]),
        "worst_s": np.array([30.0, 200.0]),
        "worst_wait_s": np.array([20.0, 100.0]),
    }
    tables = {**tables_with(), "junctions": junctions}
    (place,) = run_of(tables).places
    assert (place.district, place.mode, place.passed, place.mean_s) == ("Centre", "car", 100, 15.0)
    assert (place.worst_s, place.worst_wait_s) == (200.0, 100.0)


def test_measures_survive_json() -> None:
    told = run_of(
        tables_with(halts=halts([(0, 0, 0, 0, 1), (0, 0, 1, 1, 1), (0, 0, 9, 9, 1)])), gridlock=True
    )
    again = CityMeasures.from_json(json.loads(json.dumps(told.to_json(), allow_nan=False)))
    assert again == told
