"""People begin to walk some seconds before drivers who turn across them, and the monitor sees to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.conflicts import UnsafeJunction, prove_network
from controller.junction import LEAD_WAIT_MS, Junction, Yield
from controller.monitor import CardError, SafetyMonitor
from controller.network import Network
from controller.permissive import card_of
from controller.sequencer import Sequencer
from controller.state import NEVER_MS, new_state
from controller.street_file import street_from_text, street_to_text
from controller.vocabulary import GroupKind, Lamp
from tests import toy_street
from tests.asking_street import EW, NS, WALK_EW, WALK_NS, AskingStreet
from tests.lamp_law import LampLaw
from tests.random_junctions import junctions

LEAD_MS = 4_000


def leading(lead_ms: int = LEAD_MS) -> Junction:
    """The toy junction whose through drivers give way to the crossing beside them, which leads."""
    plain = toy_street.junction()
    groups = tuple(
        replace(g, links=(k,), lead_ms=lead_ms if g.kind == GroupKind.PEDESTRIAN else 0)
        for k, g in enumerate(plain.groups)
    )
    return replace(plain, groups=groups, yields=(Yield("ns", "walk.ns"), Yield("ew", "walk.ew")))


def network(lead_ms: int = LEAD_MS, resolution_ms: int = 100) -> Network:
    return toy_street.network(leading(lead_ms), lamp_resolution_ms=resolution_ms)


def starts(street: AskingStreet, group: int) -> list[int]:
    green = np.array([lamps[group] == Lamp.GREEN for lamps in street.log])
    return (100 * np.flatnonzero(green[1:] & ~green[:-1])).tolist()


@pytest.mark.parametrize("controller", ["adaptive", "actuated", "fixed"])
def test_every_walk_that_opens_a_stage_leads_the_drivers(controller: str) -> None:
    street = AskingStreet(network(), controller)
    street.busy = {0, 1, 2, 3}
    street.run(300)
    led = 0
    for walk, drivers in ((WALK_NS, NS), (WALK_EW, EW)):
        for start in starts(street, drivers):
            before = [start - w for w in starts(street, walk) if 0 <= start - w < 20_000]
            led += bool(before)
            assert not before or min(before) >= LEAD_MS
    assert led >= 3
    assert not street.found


def test_without_a_lead_nothing_changes_and_drivers_start_with_the_walk() -> None:
    street = AskingStreet(network(lead_ms=0), "fixed").run(150)
    assert starts(street, WALK_NS)[0] == starts(street, NS)[0]


def test_promises_leave_room_for_it() -> None:
    """What a lead may take is taken from the drivers' time beforehand, so it is never late for it."""
    plain, led = network(lead_ms=0), network()
    assert (plain.promise_ms - led.promise_ms).tolist() == [
        LEAD_MS + LEAD_WAIT_MS, 0, LEAD_MS + LEAD_WAIT_MS, 0, 0, 0,
    ]  # fmt: skip


class EarlyDrivers:
    """A monitor that is shown drivers starting with, or too soon after, the WALK that leads them."""

    def __init__(self) -> None:
        self.network = network()
        self.monitor = SafetyMonitor(card_of(self.network.street))
        self.lamps = np.zeros(6, np.int8)
        self.now_ms = self.tick = 0
        self.found: list[tuple[str, int, int]] = []

    def show(self, group: int, lamp: Lamp, for_s: float) -> None:
        self.lamps[group] = lamp
        none, no = np.zeros(6, np.bool_), np.zeros(1, np.bool_)
        for _ in range(round(for_s * 10)):
            verdict = self.monitor.judge(
                self.now_ms, self.tick, self.lamps, self.monitor.permitted.copy(), none, no, no
            )
            self.found += [(v.check, v.measured_ms, v.required_ms) for v in verdict.violations]
            self.now_ms += 100
            self.tick += 1


@pytest.mark.parametrize(("after_s", "wrong"), [(0.0, True), (3.9, True), (4.0, False), (6.0, False)])
def test_the_monitor_stops_drivers_who_start_too_soon(after_s: float, wrong: bool) -> None:
    street = EarlyDrivers()
    street.show(WALK_NS, Lamp.RED, 20)
    street.show(WALK_NS, Lamp.GREEN, after_s)
    street.show(NS, Lamp.GREEN, 1)
    assert street.found == ([("C8", round(1000 * after_s), LEAD_MS)] if wrong else [])


def test_a_walk_that_comes_into_a_stage_under_way_has_no_lead() -> None:
    street = EarlyDrivers()
    street.show(NS, Lamp.RED, 20)
    street.show(NS, Lamp.GREEN, 10)
    street.show(WALK_NS, Lamp.GREEN, 1)
    assert not street.found


def test_a_walk_that_is_about_to_end_has_led_too_when_drivers_start() -> None:
    """It has just begun when another stage is wanted, one that has the drivers and not the crossing."""
    plain = toy_street.junction(generated=(("ew",), ("walk.ew",)))
    groups = tuple(replace(g, lead_ms=LEAD_MS if g.kind == GroupKind.PEDESTRIAN else 0) for g in plain.groups)
    net = toy_street.network(replace(plain, groups=groups, yields=(Yield("ew", "walk.ew"),)))
    state, sequencer = new_state(net, 0), Sequencer(net)
    law, monitor = LampLaw(net.street.junctions[0], 100, 0), SafetyMonitor(card_of(net.street))
    none, no = np.zeros(net.n_groups, np.bool_), np.zeros(1, np.bool_)
    began_ms = 0
    for tick in range(900):
        now_ms = 100 * tick
        walking = state.lamp[WALK_EW] == Lamp.GREEN
        began_ms = began_ms or now_ms * walking
        state.call_since_ms[WALK_EW] = NEVER_MS if walking else 0
        state.wanted_stage[0] = net.n_stages - (2 if began_ms and now_ms >= began_ms + 500 else 1)
        sequencer.advance(state, now_ms)
        if now_ms % net.lamp_resolution_ms == 0:
            law.look(now_ms, state.lamp.tolist())
        verdict = monitor.judge(now_ms, tick, state.lamp, monitor.permitted.copy(), none, no, no)
        assert not verdict.violations, verdict.violations[0].sentence
    assert began_ms
    assert state.lamp[EW] == Lamp.GREEN


def test_files_and_cards_keep_it_and_refuse_what_cannot_be() -> None:
    street = network().street
    text = street_to_text(street)
    assert street_from_text(text) == street
    assert "lead_ms" not in street_to_text(network(lead_ms=0).street)
    drivers = replace(street.junctions[0].groups[0], lead_ms=1_000)
    for wrong, why in (
        (leading(8_000), "longer than its minimum WALK"),
        (replace(leading(), groups=(drivers, *leading().groups[1:])), "is no crossing"),
    ):
        with pytest.raises(UnsafeJunction, match=why):
            prove_network(replace(street, junctions=(wrong,)))
    card = card_of(street)
    assert card.digest() != card_of(network(lead_ms=3_000).street).digest()
    with pytest.raises(CardError, match="only drivers give way"):
        replace(card, yield_drivers=card.yield_to)


@settings(max_examples=12, deadline=None)
@given(
    junctions(),
    st.sampled_from([100, 300, 1000]),
    st.integers(0, 2**31),
    st.sampled_from([500, 3_000, 4_000]),
)
def test_sequencer_and_monitor_agree_on_junctions_nobody_drew(
    junction: Junction, resolution_ms: int, seed: int, lead_ms: int
) -> None:
    groups = tuple(
        replace(
            g, crossing_length_m=g.clearance_ms / 1000, lead_ms=lead_ms if g.name.startswith("walk") else 0
        )
        for g in junction.groups
    )
    net = toy_street.network(replace(junction, groups=groups), lamp_resolution_ms=resolution_ms)
    state, sequencer, chance = new_state(net, 0), Sequencer(net), np.random.default_rng(seed)
    law = LampLaw(net.street.junctions[0], resolution_ms, 0)
    monitor = SafetyMonitor(card_of(net.street, resolution_ms))
    walks, none, no = (
        net.group_kind == GroupKind.PEDESTRIAN,
        np.zeros(net.n_groups, np.bool_),
        np.zeros(1, np.bool_),
    )
    for tick in range(600):
        now_ms = 100 * tick
        if chance.random() < 0.03:
            state.wanted_stage[0] = chance.integers(0, net.n_stages)
            state.planned_end_ms[0] = NEVER_MS if chance.random() < 0.3 else now_ms + chance.integers(30_000)
        calls = walks & (chance.random(net.n_groups) < 0.02) & (state.lamp != Lamp.GREEN)
        state.call_since_ms[calls & (state.call_since_ms == NEVER_MS)] = now_ms
        sequencer.advance(state, now_ms)
        if now_ms % resolution_ms == 0:
            law.look(now_ms, state.lamp.tolist())
        verdict = monitor.judge(now_ms, tick, state.lamp, monitor.permitted.copy(), none, no, no)
        assert not verdict.violations, verdict.violations[0].sentence
        assert not verdict.alarms, verdict.alarms[0].sentence
