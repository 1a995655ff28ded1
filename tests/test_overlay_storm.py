"""No order, however hostile, does harm: storms of them under the monitor's eyes (A3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.junction import Junction
from controller.monitor import SafetyMonitor
from controller.network import Network
from controller.orders import Orders
from controller.overlay import Overlay
from controller.permissive import card_of
from controller.sequencer import Sequencer
from controller.state import NEVER_MS, new_state
from controller.vocabulary import GroupKind, Lamp
from tests import toy_street
from tests.order_street import Street, with_plan
from tests.random_junctions import junctions


def any_order(orders: Orders, chance: np.random.Generator, j: int, now_ms: int, stops: bool = True) -> None:
    """Some order at junction `j`, for some time; with `stops` also those that suspend promises."""
    network = orders.network
    until_ms = now_ms + int(chance.integers(100, 60_000))
    stage = int(chance.integers(network.stage_start[j], network.stage_start[j + 1]))
    group = int(chance.integers(network.group_start[j], network.group_start[j + 1]))
    match int(chance.integers(12 if stops else 8)):
        case 0:
            orders.hold(j, stage, until_ms, stops and bool(chance.random() < 0.5))
        case 1:
            orders.step(j, until_ms)
        case 2:
            orders.force_off(j, stage, until_ms)
        case 3:
            orders.omit(j, group, until_ms)
        case 4:
            plans = [name for n, name in orders.plan_names if n == j]
            if plans:
                orders.play(j, str(chance.choice(plans)), until_ms)
        case 5:
            orders.bias(j, stage, int(chance.integers(-10_000, 10_001)), until_ms)
        case 6:
            orders.call(group, until_ms)
            if orders.network.group_kind[group] == GroupKind.PEDESTRIAN:
                orders.lengthen(group, int(chance.integers(0, 10_001)), until_ms)
        case 7:
            orders.release(j)
        case 8 | 9:
            orders.all_red(j, until_ms)
        case _:
            orders.flash(j, until_ms)


def hostile_hours(network: Network, seed: int, ticks: int, often: float) -> int:
    """Random orders over random wishes, under the monitor's eyes; gives how many were given."""
    state, sequencer, orders = new_state(network, 0), Sequencer(network), Orders(network)
    monitor = SafetyMonitor(card_of(network.street, network.lamp_resolution_ms))
    n = network.n_junctions
    waived, suspended = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    overlay = Overlay(network, state, waived, suspended)
    chance = np.random.default_rng(seed)
    walks = network.group_kind == GroupKind.PEDESTRIAN
    no_calls, given_orders = np.zeros(network.n_groups, np.bool_), 0
    for tick in range(ticks):
        now_ms = 100 * tick
        for j in np.flatnonzero(chance.random(n) < often):
            any_order(orders, chance, int(j), now_ms)
            given_orders += 1
        overlay.needed(orders, now_ms)
        overlay.lift()
        for j in np.flatnonzero(chance.random(n) < 0.02):
            state.wanted_stage[j] = chance.integers(network.stage_start[j], network.stage_start[j + 1])
            state.planned_end_ms[j] = NEVER_MS if chance.random() < 0.2 else now_ms + chance.integers(60_000)
        if tick % 10 == 0:
            calls = walks & (chance.random(network.n_groups) < 0.1) & (state.lamp != Lamp.GREEN)
            state.call_since_ms[calls & (state.call_since_ms == NEVER_MS)] = now_ms
        overlay.lay(now_ms)
        sequencer.advance(state, now_ms)
        verdict = monitor.judge(
            now_ms, tick, state.lamp, monitor.permitted.copy(), no_calls, waived, suspended
        )
        assert not verdict.violations, (seed, verdict.violations[0].sentence)
        assert not verdict.alarms, (seed, verdict.alarms[0].sentence)
    return given_orders


@settings(max_examples=60, deadline=None)
@given(
    junctions(), st.sampled_from([100, 300, 1000]), st.integers(0, 2**31), st.sampled_from([0.01, 0.1, 1.0])
)
def test_a3_no_sequence_of_orders_trips_the_monitor_on_junctions_nobody_drew(
    junction: Junction, resolution_ms: int, seed: int, often: float
) -> None:
    # As long as people can walk in the clearance that was drawn.
    groups = tuple(replace(g, crossing_length_m=g.clearance_ms / 1000) for g in junction.groups)
    network = toy_street.network(replace(junction, groups=groups), lamp_resolution_ms=resolution_ms)
    hostile_hours(network, seed, 1200, often)


def test_a3_a_hundred_thousand_hostile_orders_trip_nothing() -> None:
    """25 junctions, an order at each in every tick."""
    squares = [with_plan(toy_street.junction(f"j{k}")) for k in range(25)]
    network = toy_street.network(*squares, lamp_resolution_ms=100)
    assert hostile_hours(network, 7, 4_100, 1.0) > 100_000


@pytest.mark.parametrize("name", ["adaptive", "actuated", "fixed", "max-pressure", "greedy"])
def test_under_every_planner_operators_orders_break_no_promise(name: str) -> None:
    """Calls everywhere, orders at chance, 20 minutes: no violation, no starvation, no short green."""
    squares = (with_plan(toy_street.junction("a")), with_plan(toy_street.junction("b")))
    street = Street(*squares, controller=name)
    chance = np.random.default_rng(3)
    state = street.state
    for _ in range(1200):
        for j in np.flatnonzero(chance.random(2) < 0.05):
            any_order(street.orders, chance, int(j), street.now_ms, stops=False)
        calls = (chance.random(12) < 0.1) & (state.lamp != Lamp.GREEN) & (state.call_since_ms == NEVER_MS)
        state.call_since_ms[calls] = street.now_ms
        street.run(1)
    assert not street.faults, street.faults[:3]
