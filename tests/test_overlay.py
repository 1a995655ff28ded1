"""Orders on the street: what people order happens, within the rules, and leaves no trace when it ends."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from controller.junction import Detector, Junction
from controller.orders import Done, Kind, Orders
from controller.sequencer import ALL_RED_AFTER_FLASH_MS
from controller.vocabulary import DetectorKind, Lamp
from tests import toy_street
from tests.order_street import FOREVER_MS, S_EW, S_NS, Street, with_plan
from tests.toy_street import EW, EW_LEFT, NS, NS_LEFT, WALK_EW, WALK_NS


@pytest.fixture
def street() -> Street:
    """The toy square, a minute after its start."""
    street = Street().run(60)
    assert not street.faults
    return street


# --- hold and step -----------------------------------------------------------------------


def test_a_held_stage_comes_lawfully_and_stays(street: Street) -> None:
    street.orders.hold(0, S_EW, street.for_s(60))
    street.until(EW)
    for _ in range(400):
        street.tick()
        assert EW in street.green()
        assert not street.green() & {NS, NS_LEFT, EW_LEFT}
    assert not street.faults


def test_after_a_hold_the_plan_goes_on_as_if_nothing_had_been(street: Street) -> None:
    untouched = Street().run(60)
    street.orders.hold(0, S_EW, street.for_s(40))
    street.run(240)
    untouched.run(240)
    assert street.lamps == untouched.lamps
    assert street.state.wanted_stage[0] == untouched.state.wanted_stage[0]
    assert not street.faults


def test_a_hold_ends_in_time_for_the_nearest_promise() -> None:
    street = Street(controller="actuated").run(20)
    street.orders.hold(0, S_NS, FOREVER_MS)
    street.until(NS)
    called_ms = street.now_ms
    street.state.call_since_ms[WALK_EW] = called_ms
    while street.orders.book.kind[0] == Kind.HOLD:
        street.tick()
        assert street.now_ms - called_ms < 120_000
    held_ms = street.now_ms - called_ms
    assert street.orders.taken_back(0) is Done.PROMISE
    assert street.orders.taken_back(0) is Done.NO
    street.until(WALK_EW)
    assert street.now_ms - called_ms <= street.network.promise_ms[WALK_EW]
    assert held_ms > 60_000, "it is not given up long before it must"
    assert not street.faults


def test_a_supervisor_may_suspend_the_promise_and_the_monitor_is_told() -> None:
    street = Street(controller="actuated").run(20)
    street.orders.hold(0, S_NS, street.for_s(200), suspends_promise=True)
    street.until(NS)
    street.state.call_since_ms[EW] = street.now_ms
    street.run(170)
    assert NS in street.green()
    assert not street.faults, "no starvation alarm while the promise is suspended"
    street.run(60)
    assert street.orders.book.kind[0] == Kind.NONE


def test_by_hand_stages_follow_one_another(street: Street) -> None:
    seen = []
    for _ in range(5):
        street.orders.step(0, FOREVER_MS)
        street.run(25)
        seen.append(int(street.state.target_stage[0]))
    assert [(b - a) % 4 for a, b in pairwise(seen)] == [1, 1, 1, 1]
    assert not street.faults


# --- force-off, omit, plan, bias ----------------------------------------------------------


def test_force_off_leaves_the_stage_once_and_never_cuts_a_minimum(street: Street) -> None:
    street.until(EW)
    begun_ms = street.now_ms
    street.orders.force_off(0, S_EW, FOREVER_MS)
    street.until_not(EW)
    assert street.now_ms - begun_ms >= 5_000
    street.tick()
    assert street.orders.taken_back(0) is Done.SERVED
    street.run(60)
    street.until_not(EW)
    street.until(EW, within_s=120)
    begun_ms = street.now_ms
    street.until_not(EW)
    assert street.now_ms - begun_ms > 20_000, "it ends a stage once"
    assert not street.faults


def test_an_omitted_group_gets_no_green_and_others_do(street: Street) -> None:
    street.orders.omit(0, NS_LEFT, street.for_s(85))
    street.run(15)
    for _ in range(650):
        street.tick()
        assert NS_LEFT not in street.green()
    assert not street.faults
    street.until(NS_LEFT, within_s=120)


def test_what_cannot_be_omitted_is_said(street: Street) -> None:
    roads = tuple(toy_street.group(name) for name in ("ns", "ew"))
    one = Street(toy_street.junction("a", roads, (("ns",), ("ns",)), steps=((0, 20_000), (1, 20_000)))).run(
        10
    )
    one.orders.omit(0, 0, FOREVER_MS)
    one.run(1)
    assert one.orders.taken_back(0) is Done.IMPOSSIBLE
    assert not street.faults


def test_another_plan_is_played_by_the_clock() -> None:
    street = Street(with_plan(toy_street.junction())).run(60)
    street.orders.play(0, "night", street.for_s(300))
    street.run(60)
    greens = {EW: 0, NS: 0, NS_LEFT: 0, EW_LEFT: 0}
    for _ in range(2400):
        street.tick()
        for g in greens:
            greens[g] += g in street.green()
    assert greens[EW] > 1.5 * greens[NS] > 0
    assert not greens[NS_LEFT] + greens[EW_LEFT], "nobody calls them, and the plan does not know them"
    assert not street.faults


def test_a_plan_goes_behind_a_promise() -> None:
    street = Street(with_plan(toy_street.junction())).run(60)
    street.orders.play(0, "night", FOREVER_MS)
    street.run(60)
    street.state.call_since_ms[NS_LEFT] = street.now_ms
    assert street.until(NS_LEFT, within_s=120) > 20
    assert not street.faults


@pytest.mark.parametrize("bias_s", [8, -8])
def test_a_biased_stage_lasts_so_much_longer_or_shorter(bias_s: int) -> None:
    def green_s(street: Street) -> float:
        street.until_not(EW)
        street.until(EW, within_s=120)
        begun_ms = street.now_ms
        street.until_not(EW)
        return (street.now_ms - begun_ms) / 1000

    street = Street().run(60)
    usual_s = green_s(street)
    street.state.call_since_ms[EW_LEFT] = street.now_ms
    street.orders.bias(0, S_EW, 1000 * bias_s, FOREVER_MS)
    assert green_s(street) - usual_s == pytest.approx(bias_s, abs=2.0)
    assert not street.faults


# --- longer walks --------------------------------------------------------------------------


def walk_s(street: Street) -> float:
    """How long people are let onto the crossing while everybody else waits too."""
    if street.lamps[WALK_NS] == Lamp.GREEN:
        street.until_not(WALK_NS)
    calls = street.state.call_since_ms
    calls[WALK_NS] = street.now_ms
    street.until(WALK_NS, within_s=150)
    begun_ms = street.now_ms
    while street.lamps[WALK_NS] == Lamp.GREEN:
        calls[[EW, NS_LEFT]] = np.minimum(calls[[EW, NS_LEFT]], street.now_ms)
        street.tick()
    return (street.now_ms - begun_ms) / 1000


def test_people_get_so_much_longer_to_cross_and_afterwards_as_before() -> None:
    street = Street(controller="actuated").run(20)
    usual_s = walk_s(street)
    street.orders.lengthen(WALK_NS, 6_000, FOREVER_MS)
    assert not street.orders.book.walk_given[WALK_NS]
    longer_s = walk_s(street)
    least_s = int(street.network.min_green_ms[WALK_NS]) / 1000
    assert usual_s < least_s + 6 <= longer_s
    assert longer_s == pytest.approx(least_s + 6, abs=1.0)
    assert street.orders.book.walk_given[WALK_NS]
    street.orders.lengthen(WALK_NS, 0, 0)
    assert walk_s(street) == pytest.approx(usual_s, abs=1.0)
    assert not street.faults


def test_a_longer_walk_goes_behind_a_promise_and_behind_a_hand() -> None:
    street = Street(controller="actuated").run(20)
    street.orders.lengthen(WALK_NS, 10_000, FOREVER_MS)
    street.state.call_since_ms[WALK_NS] = street.now_ms
    street.until(WALK_NS, within_s=150)
    # Somebody across has waited for nearly all that was promised: no second more is to be had.
    street.state.call_since_ms[EW] = street.now_ms - int(street.network.promise_ms[EW]) + 30_000
    due_ms = int(street.state.call_since_ms[EW] + street.network.promise_ms[EW])
    street.until(EW, within_s=60)
    assert street.now_ms <= due_ms
    street.state.call_since_ms[WALK_NS] = street.now_ms
    street.until(WALK_NS, within_s=150)
    begun_ms = street.now_ms
    street.orders.hold(0, S_EW, street.for_s(60))
    street.until_not(WALK_NS)
    assert street.now_ms - begun_ms < 1_000 + int(street.network.min_green_ms[WALK_NS])
    assert not street.faults


# --- calls and detectors -----------------------------------------------------------------


@pytest.mark.parametrize("group", [NS_LEFT, WALK_EW])
def test_a_call_is_served_within_its_promise_again_and_again(group: int) -> None:
    street = Street(controller="actuated").run(30)
    street.orders.call(group, FOREVER_MS)
    for _ in range(3):
        street.until(group, within_s=120)
        others = [g for g in range(6) if g != group]
        street.state.call_since_ms[others] = street.now_ms
        street.until_not(group)
    assert not street.faults


def detected(junction: Junction) -> Junction:
    loops = (
        Detector("loop.ns", DetectorKind.STOPLINE, "ns_0", street_lane="ns_0", distance_m=2.0),
        Detector("loop.ew", DetectorKind.STOPLINE, "ew_0", street_lane="ew_0", distance_m=2.0),
        Detector("button.ns", DetectorKind.BUTTON, group="walk.ns"),
    )
    return replace(junction, detectors=loops)


def test_a_disabled_detector_is_not_heard_and_whom_it_served_is_called() -> None:
    street = Street(detected(toy_street.junction()), controller="actuated").run(10)
    street.orders.ignore(0, FOREVER_MS)
    street.frame.detector_count[:] = 1
    street.frame.detector_on[:] = True
    seen_before = street.frame.detector_count.copy()
    for _ in range(60):
        street.frame.sequence += 1
        street.frame.time_ms = street.now_ms
        street.run(1)
    assert street.state.flow_veh_per_s[0] == 0.0
    assert street.state.flow_veh_per_s[2] > 0.0
    assert (street.frame.detector_count == seen_before).all(), "the street's own reading is left alone"
    street.frame.detector_on[:] = False
    street.frame.detector_count[:] = 0
    street.orders.hold(0, S_EW, street.for_s(10))
    street.run(20)
    street.until(NS, within_s=130)
    assert not street.faults


def test_a_recalled_button_is_pressed_for_whoever_cannot() -> None:
    street = Street(detected(toy_street.junction()), controller="actuated").run(10)
    street.orders.recall(2, FOREVER_MS)
    for _ in range(2):
        street.until(WALK_NS, within_s=95)
        street.state.call_since_ms[EW] = street.now_ms
        street.until_not(WALK_NS)
    assert not street.faults


# --- all red and flash -------------------------------------------------------------------


def test_all_red_is_red_within_yellow_and_a_tick_whatever_was_going_on() -> None:
    """Ordered at 12 moments of the cycle; walkers keep their minimum and their clearance."""
    for moment in range(12):
        street = Street().run(30 + 8.3 * moment)
        street.orders.all_red(0, street.for_s(60))
        street.run(3.1)
        assert all(street.lamps[g] == Lamp.RED for g in (NS, NS_LEFT, EW, EW_LEFT))
        street.run(7 + 12)
        assert street.lamps == [Lamp.RED] * 6
        street.run(40).comes_alive()
        assert not street.faults, street.faults


def test_an_ordered_flash_begins_from_red_and_ends_in_six_seconds_of_red(street: Street) -> None:
    street.orders.flash(0, street.for_s(60))
    street.run(30)
    assert street.lamps == [Lamp.FLASH_RED] * 4 + [Lamp.RED] * 2
    lit = []
    for _ in range(600):
        lamps = street.tick()
        lit.append("flash" if Lamp.FLASH_RED in lamps else "green" if street.green() else "red")
    ended, begun = lit.index("red"), lit.index("green")
    assert ended < begun
    assert 100 * (begun - ended) >= ALL_RED_AFTER_FLASH_MS
    street.run(120)
    assert not street.faults


def test_orders_that_vanish_end_a_flash_as_well(street: Street) -> None:
    street.orders.flash(0, FOREVER_MS)
    street.run(30)
    street.orders = Orders(street.network)
    street.run(20).comes_alive()
    assert not street.faults


def test_from_flash_to_all_red_and_back(street: Street) -> None:
    street.orders.flash(0, FOREVER_MS)
    street.run(30)
    street.orders.all_red(0, FOREVER_MS)
    street.run(2)
    assert street.lamps == [Lamp.RED] * 6
    street.orders.flash(0, FOREVER_MS)
    street.run(2)
    assert Lamp.FLASH_RED in street.lamps
    street.orders.release(0)
    street.run(20).comes_alive()
    assert not street.faults


def test_the_monitors_flash_goes_before_an_ordered_one() -> None:
    street = Street().run(30)
    street.orders.flash(0, street.for_s(300))
    street.run(30)
    street.frame.lamps_shown[0] = Lamp.DARK
    lie = street.frame.lamps_shown.copy()
    for _ in range(30):
        street.controller.tick(street.frame, street.now_ms, street.orders)
        street.frame.lamps_shown[:] = lie
        street.now_ms += 100
    street.faults.clear()
    street.run(5)
    assert street.controller.verdict is not None
    assert street.controller.verdict.latched.all()
    street.controller.monitor.reset(0, "R. Engineer", "lamp replaced")
    street.run(20)
    assert street.lamps == [Lamp.FLASH_RED] * 4 + [Lamp.RED] * 2, "the order still stands"
    street.orders.release(0)
    street.run(20).comes_alive()
    assert not street.faults


# --- no order, no cost -------------------------------------------------------------------


def test_without_orders_nothing_is_made_or_run(street: Street) -> None:
    bare = Street()
    for _ in range(600):
        bare.controller.tick(bare.frame, bare.now_ms)
        bare.now_ms += 100
    assert bare.controller.overlay is None
    street.orders.hold(0, S_EW, street.for_s(5))
    street.run(160)
    assert street.controller.overlay is not None
    assert not street.controller.overlay.needed(street.orders, street.now_ms)


def test_indices_of_another_junction_are_refused() -> None:
    orders = Orders(toy_street.network(toy_street.junction("a"), toy_street.junction("b")))
    for wrong in (
        lambda: orders.hold(0, 4, 1), lambda: orders.hold(2, 0, 1), lambda: orders.omit(0, 6, 1),
        lambda: orders.lengthen(EW, 5_000, 1),
        lambda: orders.play(0, "night", 1), lambda: orders.force_off(1, 0, 1), lambda: orders.hold(0, -1, 1),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            wrong()
