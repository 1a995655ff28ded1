"""Each approach has a ladder of its own: a blind one is served by recall and history, the others adapt."""

from __future__ import annotations

import dataclasses

import numpy as np

from controller.approaches import Approaches, Sight
from controller.detectors import Detectors
from controller.junction import StreetNetwork
from controller.ladder import Rung
from controller.network import Network, build_network
from controller.state import NEVER_MS, new_state
from controller.vocabulary import Lamp, Timing
from tests import journal_street


def four_ways() -> Network:
    """The toy square with an approach for each of its four lanes."""
    plain = journal_street.network().street.junctions[0]
    lanes = tuple(dataclasses.replace(lane, approach=f"way{k}") for k, lane in enumerate(plain.lanes))
    groups = tuple(
        dataclasses.replace(group, approach=f"way{k}") if k < len(lanes) else group
        for k, group in enumerate(plain.groups)
    )
    junction = dataclasses.replace(plain, lanes=lanes, groups=groups)
    return build_network(StreetNetwork("four", Timing.COMPUTED, (junction,)), 1000)


class Walk:
    """Approaches whose detectors are lost and mended by hand, looked at once a second."""

    def __init__(self) -> None:
        self.network = four_ways()
        self.detectors = Detectors(self.network, 0)
        self.approaches = Approaches(self.network, 0)
        self.second = 0

    def lose(self, lane: int, gates: tuple[int, ...] = (0, 1, 2)) -> Walk:
        laid, health = self.detectors.laid, self.detectors.health
        own = (laid.lane == lane) & np.isin(laid.gate, gates)
        health.masked[own], health.trust[own] = True, 0.0
        self.detectors.seen[lane] = 2 if len(gates) == 1 else 0
        return self

    def mend(self) -> Walk:
        self.detectors.health.masked[:] = False
        self.detectors.health.trust[:] = 1.0
        self.detectors.seen[:] = 2
        return self

    def run(self, seconds: int) -> Walk:
        for _ in range(seconds):
            self.second += 1
            self.approaches.step(self.detectors, np.array([self.second // 60], np.int64), 1000 * self.second)
        return self

    @property
    def sights(self) -> list[int]:
        return self.approaches.sight.tolist()


def test_each_approach_stands_for_itself_and_says_why() -> None:
    walk = Walk().lose(1).lose(2, gates=(2,)).run(1)
    assert walk.sights == [Sight.SEEN, Sight.HISTORY, Sight.SUBSTITUTED, Sight.SEEN]
    told = [step.sentence for step in walk.approaches.log()]
    assert told == [
        "J1, approach way1: by recall and history: nobody sees its stop lines",
        "J1, approach way2: adaptive, with data put in for detectors that are not believed",
    ]
    assert walk.approaches.by_history(0) == 1 << 1
    assert walk.approaches.log(1) == walk.approaches.log()[1:]


def test_up_one_step_at_a_time_after_the_dwell_of_the_rung_it_resembles() -> None:
    walk = Walk().lose(1).run(10).mend()
    walk.run(160)
    assert walk.sights[1] == Sight.HISTORY, "a minute and three cycles"
    walk.run(30)
    assert walk.sights[1] == Sight.SUBSTITUTED
    walk.run(270)
    assert walk.sights[1] == Sight.SUBSTITUTED
    assert walk.run(40).sights[1] == Sight.SEEN


def test_a_fault_that_comes_back_starts_the_dwell_anew() -> None:
    walk = Walk().lose(1).run(10).mend().run(200).lose(1).run(1).mend().run(140)
    assert walk.sights[1] == Sight.HISTORY


def test_a_blind_approach_is_a_doubt_of_its_junction_and_no_loss() -> None:
    """So a third of the detectors on one dead arm does not end the adaptation of the others."""
    walk = Walk().lose(1)
    failed = np.array([[8, 2, 0]], np.int64)
    walk.approaches.lighten(walk.detectors, failed)
    assert failed.tolist() == [[8, 2, 0]], "before it was looked at"
    walk.run(1).approaches.lighten(walk.detectors, failed)
    assert failed.tolist() == [[8, 0, 2]]


def test_who_may_stand_there_calls_as_soon_as_the_green_is_over() -> None:
    walk, rung = Walk().lose(1).run(1), np.zeros(1, np.int8)
    state = new_state(walk.network, 0)
    state.lamp[1] = Lamp.GREEN
    walk.approaches.recall(state, 5_000, rung)
    assert (state.call_since_ms[:4] == NEVER_MS).all()
    state.lamp[1] = Lamp.RED
    walk.approaches.recall(state, 6_000, rung)
    walk.approaches.recall(state, 7_000, rung)
    assert state.call_since_ms[:4].tolist() == [NEVER_MS, 6_000, NEVER_MS, NEVER_MS]
    state.call_since_ms[1] = NEVER_MS  # its lane seems to be empty, and nobody can see that it is
    walk.approaches.recall(state, 8_000, rung)
    assert state.call_since_ms[1] == 6_000, "no call begins anew, or its promise would never end"
    state.lamp[1] = Lamp.GREEN
    walk.approaches.recall(state, 9_000, rung)
    state.lamp[1], state.call_since_ms[1] = Lamp.RED, NEVER_MS
    walk.approaches.recall(state, 12_000, rung)
    assert state.call_since_ms[1] == 12_000
    rung[0], state.call_since_ms[1] = Rung.COORDINATED, NEVER_MS
    walk.approaches.recall(state, 13_000, rung)
    assert state.call_since_ms[1] == 13_000, "a plan that serves everybody is not disturbed by old calls"
