"""Whoever asks, however often, in whatever order: no lamp is unlawful and no clearance is cut for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.bus_priority import BusPriority, Life
from controller.frame import empty_frame
from controller.junction import Junction, PreemptTimes
from controller.monitor import SafetyMonitor
from controller.network import Network
from controller.orders import Orders
from controller.overlay import Overlay
from controller.permissive import card_of
from controller.policy import Policy
from controller.preemption import Phase, Preemption
from controller.sequencer import Sequencer
from controller.state import NEVER_MS, new_state
from controller.vocabulary import GroupKind, Lamp, Sensors
from tests import toy_street
from tests.asking_anybody import anybody
from tests.lamp_law import LampLaw
from tests.random_junctions import junctions
from tests.test_overlay_storm import any_order


class Storm:
    """Preempts, buses and orders at chance over random wishes, under the eyes of monitor and law."""

    def __init__(self, network: Network, seed: int) -> None:
        self.network = network
        self.state, self.sequencer, self.orders = new_state(network, 0), Sequencer(network), Orders(network)
        self.monitor = SafetyMonitor(card_of(network.street, network.lamp_resolution_ms))
        n = network.n_junctions
        self.waived, self.suspended = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self.overlay = Overlay(network, self.state, self.waived, self.suspended)
        self.preemption = Preemption(network, self.state)
        self.priority = BusPriority(network, Policy(), self.state)
        self.frame = empty_frame(network, Sensors.LOOPS)
        self.law = LampLaw(network.street.junctions[0], network.lamp_resolution_ms, 0)
        self.chance = np.random.default_rng(seed)
        self.preempts = True
        self.tick = -1
        self.dwells = self.granted = 0

    def run(self, ticks: int, often: float, orders: bool) -> None:
        for _ in range(ticks):
            self.tick += 1
            tick, now_ms = self.tick, 100 * self.tick
            if tick % 10 == 0 and self.chance.random() < often:
                self.frame.sequence += 1
                anybody(self.frame, self.network, self.chance, preempts=self.preempts)
            if orders and self.chance.random() < 0.02:
                any_order(self.orders, self.chance, 0, now_ms, stops=False)
            self._tick(tick, now_ms)
            self.dwells += bool((self.preemption.phase == Phase.DWELL).any())
            self.granted += bool(
                ((self.priority.life == Life.EXTENDED) | (self.priority.life == Life.EARLY)).any()
            )

    def _tick(self, tick: int, now_ms: int) -> None:
        state, chance, network = self.state, self.chance, self.network
        self.overlay.needed(self.orders, now_ms)
        self.preemption.lift()
        self.overlay.lift()
        self.priority.lift()
        if chance.random() < 0.02:
            state.wanted_stage[0] = chance.integers(0, network.n_stages)
            state.planned_end_ms[0] = NEVER_MS if chance.random() < 0.2 else now_ms + chance.integers(30_000)
        walks = network.group_kind == GroupKind.PEDESTRIAN
        calls = walks & (chance.random(network.n_groups) < 0.01) & (state.lamp != Lamp.GREEN)
        state.call_since_ms[calls & (state.call_since_ms == NEVER_MS)] = now_ms
        self.preemption.hear(self.frame, now_ms)
        self.priority.hear(self.frame, now_ms)
        self.priority.lay(now_ms, self.orders.book.kind, self.preemption.phase)
        self.overlay.lay(now_ms)
        self.preemption.lay(now_ms)
        self.sequencer.advance(state, now_ms)
        if now_ms % network.lamp_resolution_ms == 0:
            self.law.look(now_ms, state.lamp.tolist())
        suspended = self.suspended | self.preemption.suspended
        leases = np.maximum(self.orders.book.until_ms, self.preemption.until_ms)
        none = np.zeros(network.n_groups, np.bool_)
        verdict = self.monitor.judge(
            now_ms, tick, state.lamp, self.monitor.permitted.copy(), none, self.waived, suspended, leases
        )
        assert not verdict.violations, verdict.violations[0].sentence
        assert not verdict.alarms, verdict.alarms[0].sentence


@settings(max_examples=10, deadline=None)
@given(
    junctions(), st.sampled_from([100, 300, 1000]), st.integers(0, 2**31), st.sampled_from([0.05, 0.3, 1.0]),
    st.sampled_from([0, 3_000]), st.booleans(),
)  # fmt: skip
def test_nobody_who_asks_trips_the_monitor_or_cuts_a_clearance(
    junction: Junction, resolution_ms: int, seed: int, often: float, delay_ms: int, orders: bool
) -> None:
    # As long as people can walk in the clearance that was drawn.
    groups = tuple(replace(g, crossing_length_m=g.clearance_ms / 1000) for g in junction.groups)
    times = PreemptTimes(delay_ms, 2_000, 30_000)
    network = toy_street.network(
        replace(junction, groups=groups, preempt=times), lamp_resolution_ms=resolution_ms
    )
    Storm(network, seed).run(400, often, orders)


def test_minutes_of_it_let_vehicles_through_and_cut_nobody_short() -> None:
    """Every minimum, yellow, clearance and intergreen is judged by the law at every step."""
    storm = Storm(toy_street.network(lamp_resolution_ms=1000), 11)
    storm.run(2_000, 0.1, orders=True)
    storm.preempts = False
    storm.run(2_000, 0.3, orders=False)
    assert storm.law.starts > 15
    assert storm.dwells > 100
    assert storm.granted > 0
