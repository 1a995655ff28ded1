"""The bridge from a street network to the monitor's card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controller.junction import Group, Intergreen, Junction, StreetNetwork, Yield
from controller.monitor import CardError
from controller.monitor.card import COMPARISON_MARK
from controller.permissive import card_of
from controller.vocabulary import GroupKind, Timing


def road(name: str, kind: GroupKind = GroupKind.VEHICLE, turn_on_red: bool = False) -> Group:
    return Group(name, kind, name, (0,), 7_000, 60_000, 3_400, 0, 120_000, turn_on_red)


def crossing(name: str, length_m: float = 10.0, clearance_ms: int = 9_400) -> Group:
    return Group(
        name, GroupKind.PEDESTRIAN, name, (1,), 7_000, 60_000, 0, clearance_ms, 90_000,
        crossing_length_m=length_m,
    )  # fmt: skip


def both(one: str, other: str, there_ms: int, back_ms: int) -> tuple[Intergreen, ...]:
    return Intergreen(one, other, there_ms), Intergreen(other, one, back_ms)


def junction(
    name: str, *groups: Group, intergreens: tuple[Intergreen, ...], yields: tuple[Yield, ...] = ()
) -> Junction:
    return Junction(name, name, 0.0, 0.0, groups, (), (), intergreens, yields, (), ())


def network(timing: Timing = Timing.COMPUTED) -> StreetNetwork:
    """One junction with a yield, one with a bus lane that may turn on red."""
    first = junction(
        "A", road("main"), road("side"), crossing("walk"),
        intergreens=both("main", "side", 5_000, 5_200) + both("main", "walk", 5_600, 12_400),
        yields=(Yield("side", "walk"),),
    )  # fmt: skip
    second = junction(
        "B", crossing("walk"), road("bus", GroupKind.BUS, turn_on_red=True),
        intergreens=both("walk", "bus", 12_400, 5_000),
    )  # fmt: skip
    return StreetNetwork("two", timing, (first, second))


def spoilt(**changes: object) -> StreetNetwork:
    """The network with fields of junction A changed."""
    street = network()
    return replace(street, junctions=(replace(street.junctions[0], **changes), street.junctions[1]))  # type: ignore[arg-type]


def test_a_card_holds_the_groups_in_network_order() -> None:
    card = card_of(network())
    assert card.junction_names == ("A", "B")
    assert card.group_names == ("main", "side", "walk", "walk", "bus")
    assert card.junction.tolist() == [0, 0, 0, 1, 1]
    assert card.pedestrian.tolist() == [False, False, True, True, False]
    assert card.yellow_ms.tolist() == [3_400, 3_400, 0, 0, 3_400]
    assert card.clearance_ms.tolist() == [0, 0, 9_400, 9_400, 0]
    assert card.min_green_ms.tolist() == [7_000] * 5
    assert card.promise_ms.tolist() == [120_000, 120_000, 90_000, 90_000, 120_000]
    assert card.turn_on_red.tolist() == [False, False, False, False, True]
    assert (card.lamp_resolution_ms, card.mark) == (100, "")
    assert card_of(network(), 1_000).lamp_resolution_ms == 1_000


def test_conflicts_are_pairs_by_index_and_yields_are_absent() -> None:
    card = card_of(network())
    pairs = zip(card.pair_ending, card.pair_starting, card.pair_intergreen_ms, strict=True)
    assert sorted(pairs) == [
        (0, 1, 5_000), (0, 2, 5_600), (1, 0, 5_200), (2, 0, 12_400), (3, 4, 12_400), (4, 3, 5_000)
    ]  # fmt: skip


def test_a_comparison_network_is_marked_and_its_crossings_are_not_measured() -> None:
    street = network(Timing.COMPARISON)
    first = street.junctions[0]
    short = replace(first, groups=(first.groups[0], first.groups[1], crossing("walk", clearance_ms=5_000)))
    card = card_of(replace(street, junctions=(short, street.junctions[1])))
    assert card.mark == COMPARISON_MARK
    assert card.clearance_ms[2] == 5_000


def test_a_clearance_too_short_for_its_crossing_is_refused_with_the_numbers() -> None:
    groups = (road("main"), road("side"), crossing("walk", length_m=14.0))
    with pytest.raises(CardError, match=r"junction A, walk: clearance_ms 9400, but 14.0 m .* at least 12985"):
        card_of(spoilt(groups=groups))


def test_a_clearance_rounded_to_a_tenth_of_a_second_is_accepted() -> None:
    groups = (road("main"), road("side"), crossing("walk", length_m=10.1))  # 9,440 ms
    assert card_of(spoilt(groups=groups)).clearance_ms[2] == 9_400


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"groups": (road("main"), road("main"), crossing("walk"))}, "two groups have the same name"),
        ({"intergreens": both("main", "nobody", 5_000, 5_000)}, "unknown group 'nobody'"),
        ({"yields": (Yield("side", "nobody"),)}, "unknown group 'nobody'"),
        ({"yields": (Yield("main", "walk"),)}, "main and walk both conflict and yield"),
        ({"yields": (Yield("walk", "main"),)}, "walk and main both conflict and yield"),
        ({"intergreens": (Intergreen("main", "side", 5_000),)}, "both directions"),
        ({"intergreens": both("main", "side", 3_000, 5_000)}, r"A/main -> A/side \(3000 ms\)"),
        ({"groups": ()}, "unknown group 'main'"),
        ({"groups": (), "intergreens": (), "yields": ()}, "every junction needs a group"),
    ],
)
def test_a_network_that_contradicts_itself_is_refused_by_name(changes: dict[str, object], says: str) -> None:
    with pytest.raises(CardError, match=says):
        card_of(spoilt(**changes))


def test_a_network_without_signals_is_refused() -> None:
    with pytest.raises(CardError, match="no signal group"):
        card_of(StreetNetwork("empty", Timing.COMPUTED, ()))


def test_the_same_network_has_the_same_digest() -> None:
    assert card_of(network()).digest() == card_of(network()).digest()
    assert card_of(network()).digest() != card_of(network(Timing.COMPARISON)).digest()
    assert np.array_equal(card_of(network()).junction, card_of(network(Timing.COMPARISON)).junction)
