"""Other lamp times come onto a running street junction by junction: one stands, the others go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controller.adoption import Phase
from controller.card_adoption import CardAdoption
from controller.junction import Junction
from controller.monitor import Card, CardError, SafetyMonitor, judge
from controller.monitor.card_parts import junctions_that_differ, only, with_junction
from controller.monitor.lamps import ACTIVE, FLASHING
from controller.permissive import card_of
from controller.tick import Controller
from controller.vocabulary import Lamp
from tests import toy_street
from tests.order_street import Street

YELLOW_MS = 1_000
"""So much longer is every yellow and intergreen of the other version."""


def slower(junction: Junction) -> Junction:
    """The same junction with longer yellows, and every intergreen longer by as much."""
    groups = tuple(
        replace(g, yellow_ms=g.yellow_ms + YELLOW_MS if g.yellow_ms else 0) for g in junction.groups
    )
    between = tuple(replace(i, duration_ms=i.duration_ms + YELLOW_MS) for i in junction.intergreens)
    return replace(junction, groups=groups, intergreens=between)


class Town(Street):
    """Two junctions of which one, or both, get other times."""

    adoption: CardAdoption | None = None

    def take(self, *places: int) -> CardAdoption:
        junctions = list(self.network.street.junctions)
        for j in places:
            junctions[j] = slower(junctions[j])
        network = toy_street.network(*junctions, lamp_resolution_ms=100)
        new = Controller(network, self.controller.name, self.controller.policy, self.now_ms)
        card = card_of(network.street, network.lamp_resolution_ms)
        self.adoption = CardAdoption(self.controller, new, np.array(places), self.now_ms, card, 2)
        return self.adoption

    def decide(self) -> np.ndarray:
        if self.adoption is None or self.adoption.phase is Phase.BACK:
            return super().decide()
        return self.adoption.tick(self.frame, self.now_ms, self.orders)

    def of(self, j: int) -> np.ndarray:
        """Lamps of one junction."""
        return np.array(self.lamps)[self.network.group_junction == j]

    def flashes(self, j: int) -> bool:
        return bool(FLASHING[self.of(j)].any())

    def drives(self, j: int) -> bool:
        return bool((self.of(j) == Lamp.GREEN).any())

    @property
    def card(self) -> Card:
        return self.controller.monitor.card


def town(controller: str = "fixed") -> Town:
    made = Town(*(toy_street.junction(f"J{k}") for k in range(2)), controller=controller)
    made.run(60)
    assert made.drives(0) or made.drives(1)
    return made


def yellows(street: Town, j: int, seconds: float) -> list[int]:
    """How long the yellows of a junction last, in ms."""
    lasted: dict[int, int] = {}
    out = []
    for _ in range(round(10 * seconds)):
        street.tick()
        for g in np.flatnonzero(street.network.group_junction == j).tolist():
            if street.lamps[g] == Lamp.YELLOW:
                lasted[g] = lasted.get(g, 0) + 100
            elif g in lasted:
                out.append(lasted.pop(g))
    return out


def test_one_junction_takes_its_new_card_while_the_other_stays_on_its_stages() -> None:
    street = town()
    adoption = street.take(0)
    old_card = street.card
    flashed, greens, others_ms = 0, 0, 0
    while adoption.phase is not Phase.DONE and others_ms < 300_000:
        street.tick()
        others_ms += 100
        flashed += street.flashes(0)
        greens += street.drives(1)
        assert not street.flashes(1), "nobody else notices"
        if street.card is old_card:
            assert not adoption.adopted[0], "not before the monitor has agreed"
    assert adoption.phase is Phase.DONE
    assert 60 <= flashed <= 70, "six seconds, as after a power-up"
    assert greens > 100
    adoption.finish()
    street.adoption = None
    assert street.card.digest() == card_of(street.controller.network.street, 100).digest()
    assert set(yellows(street, 0, 120)) == {4_000}
    assert set(yellows(street, 1, 120)) == {3_000}
    assert not street.faults


def test_a_card_the_monitor_does_not_agree_to_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    street = town()
    adoption, before = street.take(0), street.card

    def refuses(*_: object, **__: object) -> None:
        raise ValueError("engine and ground disagree")

    monkeypatch.setattr(street.controller.monitor, "take_card", refuses)
    for _ in range(1_200):
        street.tick()
        assert not street.flashes(0)
        assert not street.flashes(1)
    assert adoption.phase is Phase.BACK
    assert "keeps its card: engine and ground disagree" in adoption.why
    assert street.card is before
    assert not adoption.adopted.any()
    street.comes_alive()
    assert set(yellows(street, 0, 120)) == {3_000}, "it goes on under the old version"
    assert not street.faults


def test_it_goes_back_the_way_it_came() -> None:
    street = town()
    adoption, before = street.take(0, 1), street.card.digest()
    while not adoption.proven.any():
        street.tick()
        assert not (street.flashes(0) and street.flashes(1)), "one first"
    adoption.go_back("somebody changed their mind")
    for _ in range(1_500):
        street.tick()
    assert adoption.phase is Phase.BACK
    assert street.card.digest() == before
    assert set(yellows(street, 0, 120)) | set(yellows(street, 1, 120)) == {3_000}
    assert not street.faults


def test_a_version_that_breaks_is_left_through_flash_and_never_through_a_short_yellow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    street = town()
    adoption, before = street.take(0), street.card.digest()
    while not (adoption.proven[0] and street.drives(0)):
        street.tick()

    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(adoption.new, "decide", breaks)
    street.tick()
    assert street.flashes(0)
    assert not street.flashes(1)
    assert adoption.phase is Phase.BACK
    street.run(60)
    assert street.card.digest() == before
    assert street.drives(0) or street.drives(1)
    assert street.card.yellow_ms[0] == 3_000
    assert not street.faults, "no person is needed to end that flash"


def test_where_a_person_orders_something_it_waits() -> None:
    street = town()
    adoption = street.take(0)
    street.orders.hold(0, 0, street.now_ms + 60_000, True)
    for _ in range(500):
        street.tick()
        assert not street.flashes(0)
    assert not adoption.adopted.any()
    while adoption.phase is not Phase.DONE:
        street.tick()
        assert street.now_ms < 600_000
    assert not street.faults


def test_the_monitor_takes_a_card_only_where_nobody_may_go_and_for_one_junction_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    street = town()
    monitor = street.controller.monitor
    assert isinstance(monitor, SafetyMonitor)
    junctions = [slower(j) for j in street.network.street.junctions]
    both = card_of(toy_street.network(*junctions, lamp_resolution_ms=100).street, 100)
    going = 0 if street.drives(0) else 1
    with pytest.raises(ValueError, match="is not all red"):
        monitor.take_card(going, with_junction(monitor.card, both, going))
    with pytest.raises(ValueError, match="changes other junctions too"):
        monitor.take_card(going, both)
    before = monitor.card
    for elsewhere in (0, 2):
        with pytest.raises(ValueError, match="another ground"):
            monitor.take_card(elsewhere, only(both, 0) if elsewhere == 0 else both)
    with monkeypatch.context() as patch:
        patch.setattr(judge, "self_test_of", lambda card: "C5 was not seen")
        with pytest.raises(ValueError, match="failed its test of the new card: C5 was not seen"):
            monitor.take_card(going, with_junction(monitor.card, both, going), at_once=True)
    assert monitor.card is before
    monitor.take_card(going, with_junction(monitor.card, both, going), at_once=True)
    assert FLASHING[monitor.permitted[street.network.group_junction == going]].any()
    assert not ACTIVE[monitor.permitted[street.network.group_junction == going]][
        ~FLASHING[monitor.permitted[street.network.group_junction == going]]
    ].any()


def test_parts_of_cards_are_what_they_were() -> None:
    here = card_of(toy_street.network(*(toy_street.junction(f"J{k}") for k in range(3))).street, 100)
    there = card_of(toy_street.network(*(slower(toy_street.junction(f"J{k}")) for k in range(3))).street, 100)
    card, stranger = here, only(here, 0)
    for made in (lambda: with_junction(here, stranger, 0), lambda: junctions_that_differ(here, stranger)):
        with pytest.raises(CardError, match="another ground"):
            made()
    for j in (2, 0, 1):
        card = with_junction(card, there, j)
        assert junctions_that_differ(card, there)[j] == np.False_
    assert card.digest() == there.digest()
    assert (
        only(there, 1).digest()
        == replace(card_of(toy_street.network(slower(toy_street.junction("J1"))).street, 100)).digest()
    )
