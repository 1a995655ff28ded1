"""The card: what cannot be trusted never becomes one."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from controller.monitor import Card, CardError
from controller.monitor.card import COMPARISON_MARK
from controller.monitor.card_parts import junctions_that_differ, only, with_junction
from tests.crossroads import CROSSING, EAST, MILL, NORTH, PAIRS, WEST, card_fields, crossroads


def changed(name: str, index: int, value: int) -> dict[str, Any]:
    values = card_fields()[name].copy()
    values[index] = value
    return {name: values}


def yields(drivers: int, to: int, lead_ms: int = 3_000) -> dict[str, Any]:
    values = {"yield_drivers": drivers, "yield_to": to, "yield_lead_ms": lead_ms}
    return {name: np.array([value]) for name, value in values.items()}


def pairs(*kept: tuple[int, int, int]) -> dict[str, Any]:
    names = ("pair_ending", "pair_starting", "pair_intergreen_ms")
    return {name: np.array([pair[at] for pair in kept]) for at, name in enumerate(names)}


def test_a_card_is_frozen_and_its_arrays_are_its_own() -> None:
    given = card_fields()
    card = Card(**given)
    given["yellow_ms"][0] = 1
    assert card.yellow_ms[0] == 3_000
    with pytest.raises(ValueError):
        card.yellow_ms[0] = 1
    with pytest.raises(FrozenInstanceError):
        card.mark = COMPARISON_MARK  # type: ignore[misc]
    assert (card.group_count, card.junction_count) == (6, 2)
    assert card.where(CROSSING) == "Market Street/crossing"


def test_a_digest_names_the_content_and_not_the_order_of_pairs() -> None:
    card = crossroads()
    assert card.digest() == crossroads().digest() == crossroads(**pairs(*reversed(PAIRS))).digest()
    assert len(card.digest()) == 64
    others = [
        crossroads(mark=COMPARISON_MARK),
        crossroads(lamp_resolution_ms=1_000),
        crossroads(max_max_green_ms=119_000),
        crossroads(junction_names=("Market Street", "Mill Road")),
        crossroads(group_names=("e", "west", "north", "crossing", "mill", "crossing")),
        crossroads(**changed("yellow_ms", EAST, 3_100)),
        crossroads(**changed("min_green_ms", EAST, 7_100)),
        crossroads(**changed("clearance_ms", CROSSING, 7_900)),
        crossroads(**changed("promise_ms", EAST, 125_000)),
        crossroads(**changed("turn_on_red", EAST, True)),
        crossroads(**changed("pair_intergreen_ms", 0, 5_100)),
        crossroads(**pairs(*PAIRS[:-2])),
    ]
    digests = {card.digest(), *(other.digest() for other in others)}
    assert len(digests) == 1 + len(others)


def test_a_junction_without_conflicts_is_a_card() -> None:
    card = crossroads(**pairs())
    assert card.pair_ending.size == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mark": "for a street"}, "card mark: 'for a street'"),
        ({"lamp_resolution_ms": 0}, "lamp_resolution_ms: 0, allowed an integer from 100 to 1000"),
        ({"lamp_resolution_ms": 100.0}, "lamp_resolution_ms: 100.0"),
        ({"max_max_green_ms": 120_001}, "max_max_green_ms: 120001"),
        ({"yellow_ms": np.array([3_000])}, r"yellow_ms: \(1,\) values, expected \(6,\)"),
        ({"junction": np.zeros((6, 1), dtype=int)}, r"junction: \(6, 1\) values"),
        ({"promise_ms": np.full(6, np.nan)}, "promise_ms: values of type float64, expected int64"),
        ({"pedestrian": np.zeros(6, dtype=int)}, "pedestrian: values of type int64, expected bool"),
        ({"pair_starting": np.array([1])}, "pair_starting"),
        (changed("junction", 5, 2), "every junction needs a group"),
        ({"junction": np.array([0, 0, 0, 1, 1, 0])}, "junction by junction"),
        (changed("yellow_ms", EAST, 2_699), "Market Street/east: yellow_ms 2699, allowed 2700 to 6000"),
        (changed("yellow_ms", EAST, 6_001), "allowed 2700 to 6000"),
        (changed("yellow_ms", CROSSING, 3_000), "Market Street/crossing: yellow_ms 3000, allowed 0 to 0"),
        (changed("clearance_ms", CROSSING, 0), "clearance_ms 0"),
        (changed("clearance_ms", EAST, 8_000), "Market Street/east: clearance_ms 8000"),
        (changed("min_green_ms", CROSSING, 3_999), "min_green_ms 3999, allowed 4000"),
        (changed("min_green_ms", EAST, -1), "min_green_ms -1"),
        (changed("promise_ms", NORTH, 0), "Market Street/north: promise_ms 0"),
        (changed("pair_ending", 3, 6), "pair 3: groups 6 and 1, allowed 0 to 5"),
        (changed("pair_starting", 3, -1), "pair 3: groups 2 and -1"),
        (changed("pair_starting", 0, EAST), "cannot conflict with itself"),
        (changed("pair_starting", 0, 4), "different junctions"),
        (changed("pair_intergreen_ms", 0, 2_999), r"east -> Market Street/north \(2999 ms\): the intergreen"),
        (changed("pair_intergreen_ms", 6, 10_999), "shorter than the yellow or clearance"),
        (changed("pair_intergreen_ms", 6, 600_001), "longer than 600000 ms"),
        (pairs(*PAIRS, PAIRS[0]), "listed twice"),
        (pairs(*PAIRS[1:]), "listed in both directions"),
        (yields(6, EAST), "card yield: groups 6 and 0, allowed 0 to 5"),
        (yields(EAST, 6), "card yield: groups 0 and 6, allowed 0 to 5"),
        (yields(-1, CROSSING), "card yield: groups -1 and 3"),
        (yields(EAST, -1), "card yield: groups 0 and -1"),
        (yields(CROSSING, NORTH), "crossing to Market Street/north: only drivers give way"),
        (yields(EAST, EAST, 0), "east to Market Street/east: only drivers give way, and to others"),
        (yields(MILL, CROSSING), "the groups belong to different junctions"),
        (yields(NORTH, CROSSING, -1), "led by -1 ms, allowed 0 to 7000"),
        (yields(NORTH, CROSSING, 7_001), "led by 7001 ms, allowed 0 to 7000, the least WALK"),
        (yields(EAST, WEST, 1), "led by 1 ms, allowed 0 to 0"),
        ({"lamp_resolution_ms": 99}, "lamp_resolution_ms: 99"),
        ({"lamp_resolution_ms": 1_001}, "lamp_resolution_ms: 1001"),
        ({"max_max_green_ms": 999}, "max_max_green_ms: 999, allowed an integer from 1000 to 120000"),
        (changed("yellow_ms", CROSSING, 1), "yellow_ms 1, allowed 0 to 0"),
        (changed("yellow_ms", CROSSING, -1), "yellow_ms -1, allowed 0 to 0"),
        (changed("clearance_ms", EAST, 1), "clearance_ms 1, allowed 0 to 0"),
        (changed("clearance_ms", EAST, -1), "clearance_ms -1, allowed 0 to 0"),
        (changed("clearance_ms", CROSSING, 600_001), "clearance_ms 600001, allowed 1 to 600000"),
        (changed("min_green_ms", EAST, 120_001), "min_green_ms 120001, allowed 0 to 120000"),
        (changed("min_green_ms", CROSSING, 120_001), "min_green_ms 120001, allowed 4000 to 120000"),
        (changed("promise_ms", EAST, 3_600_001), "promise_ms 3600001, allowed 1 to 3600000"),
        (changed("pair_ending", 3, -1), "pair 3: groups -1 and 1"),
        (changed("pair_starting", 3, 6), "pair 3: groups 2 and 6"),
    ],
)
def test_a_card_that_cannot_be_trusted_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(CardError, match=says):
        crossroads(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"lamp_resolution_ms": 100},
        {"lamp_resolution_ms": 1_000},
        {"max_max_green_ms": 1_000},
        {"max_max_green_ms": 120_000},
        changed("yellow_ms", EAST, 2_700),
        {**changed("yellow_ms", EAST, 6_000), **pairs()},
        changed("clearance_ms", CROSSING, 1),
        {**changed("clearance_ms", CROSSING, 600_000), **pairs()},
        changed("min_green_ms", EAST, 0),
        changed("min_green_ms", EAST, 120_000),
        changed("min_green_ms", CROSSING, 4_000),
        changed("min_green_ms", CROSSING, 120_000),
        changed("promise_ms", EAST, 1),
        changed("promise_ms", EAST, 3_600_000),
        changed("pair_intergreen_ms", 0, 3_000),
        changed("pair_intergreen_ms", 6, 11_000),
        changed("pair_intergreen_ms", 6, 600_000),
        pairs((0, 1, 5_000), (1, 0, 5_000)),
        pairs((4, 5, 5_000), (5, 4, 11_000)),
        yields(NORTH, CROSSING, 0),
        yields(NORTH, CROSSING, 7_000),
        yields(EAST, WEST, 0),
        yields(WEST, EAST, 0),
        yields(MILL, 5, 0),
    ],
)
def test_a_bound_itself_is_allowed(changes: dict[str, Any]) -> None:
    card = crossroads(**changes)
    for name, value in changes.items():
        assert sorted(np.ravel(getattr(card, name))) == sorted(np.ravel(value))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        (changed("yellow_ms", EAST, 3_100), [True, False]),
        (changed("min_green_ms", MILL, 7_100), [False, True]),
        (changed("clearance_ms", CROSSING, 7_900), [True, False]),
        (changed("promise_ms", MILL, 125_000), [False, True]),
        (changed("turn_on_red", MILL, True), [False, True]),
        (changed("pair_intergreen_ms", 0, 5_100), [True, False]),
        (changed("pair_intergreen_ms", 9, 12_000), [False, True]),
        (pairs(*PAIRS[:-2]), [False, True]),
        (pairs(*PAIRS[2:4], *PAIRS[4:]) | pairs(PAIRS[0], PAIRS[2], *PAIRS[4:]), [True, False]),
        (yields(WEST, EAST, 0), [True, False]),
        (yields(NORTH, CROSSING, 2_000), [True, False]),
        (yields(NORTH, CROSSING, 3_000), [False, False]),
        ({}, [True, False]),
    ],
)
def test_cards_differ_at_the_junction_where_they_say_something_else(
    changes: dict[str, Any], where: list[bool]
) -> None:
    led = yields(NORTH, CROSSING)
    one, other = crossroads(**led), crossroads(**{**(led if changes else {}), **changes})
    assert junctions_that_differ(one, other).tolist() == where
    assert junctions_that_differ(other, one).tolist() == where
    for j in range(2):
        assert junctions_that_differ(with_junction(one, other, j), one).tolist() == [
            differs and k == j for k, differs in enumerate(where)
        ]


def test_the_card_of_one_junction_has_its_rows_and_no_others() -> None:
    card = only(crossroads(**yields(NORTH, CROSSING)), 0)
    assert card.group_names == ("east", "west", "north", "crossing")
    assert (card.yield_drivers.tolist(), card.yield_to.tolist()) == ([NORTH], [CROSSING])
    assert card.yield_lead_ms.tolist() == [3_000]
    mill = only(crossroads(**yields(MILL, 5)), 1)
    assert mill.group_names == ("mill", "crossing")
    assert (mill.yield_drivers.tolist(), mill.yield_to.tolist()) == ([0], [1])
    assert (mill.pair_ending.tolist(), mill.pair_starting.tolist()) == ([1, 0], [0, 1])
    assert mill.pair_intergreen_ms.tolist() == [11_000, 4_500]
    assert mill.clearance_ms.tolist() == [0, 8_000]


def test_a_card_without_groups_is_refused() -> None:
    nothing = {name: np.zeros(0, dtype=value.dtype) for name, value in card_fields().items() if name[0] != "g"
               and not isinstance(value, tuple)}  # fmt: skip
    with pytest.raises(CardError, match="no signal group"):
        Card(junction_names=(), group_names=(), **nothing)


def test_only_the_comparison_mark_excuses_the_buffer_and_never_the_clearance() -> None:
    short = changed("pair_intergreen_ms", 6, 8_000)
    with pytest.raises(CardError, match="shorter"):
        crossroads(**short)
    assert crossroads(**short, mark=COMPARISON_MARK).mark == COMPARISON_MARK
    with pytest.raises(CardError, match="shorter"):
        crossroads(**changed("pair_intergreen_ms", 6, 7_999), mark=COMPARISON_MARK)
