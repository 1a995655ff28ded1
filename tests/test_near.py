"""A junction from near: what is told of it is so, and telling it changes nothing."""

from __future__ import annotations

from itertools import pairwise

import msgpack
import numpy as np
import pytest

from controller.explain import TERMS
from controller.plan import Adaptive
from controller.plan_ahead import plan_ahead
from controller.policy import Policy
from controller.state import NEVER_MS
from controller.tick import Controller
from controller.vocabulary import Lamp
from override import wire
from override.details import WATCHED_MAX, Detail
from override.roles import Command
from override.telemetry import SAID, pack_wish, said
from override.topics import TOPICS
from override.watching import Watching
from tests.control_room import ANA
from tests.engine_town import Town, no_line_stays_open  # noqa: F401


class Watched(Town):
    """A town whose junctions somebody looks at; people and vehicles come by themselves."""

    def __init__(self, controller: str = "adaptive") -> None:
        super().__init__(controller=controller)
        self.details: dict[str, Detail] = {}
        self.chance = np.random.default_rng(3)
        self.engine.telemetry.takes(pack_wish("boot", b"boot-one"))

    def watch(self, *junctions: int) -> None:
        self.here.send(pack_wish("watch", list(junctions)))

    def run(self, seconds: float) -> Watched:
        state = self.engine.controller.state
        for _ in range(round(10 * seconds)):
            if self.street_ms % 1000 == 0:
                arriving = self.chance.random(len(state.queue_veh)) < 0.2
                state.queue_veh[arriving] += 1.0
                state.near_veh[:] = state.queue_veh
            self.tick()
            while (message := self.here.receive()) is not None:
                told = said(message)
                if told is not None and told[0] == b"detail":
                    detail = wire.decode(told[1], TOPICS[told[0].decode()])
                    self.details[detail.junction] = detail
            self.street_ms += 100
            self.room.now_ms += 100
        return self


def test_who_is_looked_at_is_described_once_a_second_and_nobody_else() -> None:
    town = Watched().run(5)
    assert not town.details
    town.watch(1)
    town.run(3)
    assert list(town.details) == ["J1"]
    detail = town.details["J1"]
    assert detail.boot == b"boot-one"
    assert 0 <= town.street_ms - detail.street_ms <= 1000
    town.details.clear()
    town.run(12)
    town.details.clear()
    town.run(2)
    assert not town.details, "nobody renewed the wish"


def test_lamps_countdowns_and_what_was_shown_agree_with_the_street() -> None:
    town = Watched()
    town.watch(0)
    seen: list[tuple[int, Detail]] = []
    while len(seen) < 60:
        town.details.clear()
        town.watch(0)
        town.run(1)
        seen.append((town.street_ms, town.details["J0"]))
        detail = seen[-1][1]
        for k, group in enumerate(detail.groups):
            if detail.street_ms == town.street_ms - 100:
                assert group.lamp == "RGYCFAD"[town.lamps(0)[k]]
    changes = 0
    for (_, before), (_, after) in pairwise(seen):
        passed_ms = after.street_ms - before.street_ms
        for a, b in zip(before.groups, after.groups, strict=True):
            if a.lamp != b.lamp:
                changes += 1
                assert a.may_end_ms <= passed_ms, "no lamp changed before it might"
            else:
                assert b.since_ms == a.since_ms + passed_ms
            if a.lamp in "YC" and a.will_end_ms > passed_ms:
                assert b.lamp == a.lamp, "and none that was said to stay went"
    assert changes > 10
    last = seen[-1][1]
    assert [span.from_ms for span in last.shown] == sorted(span.from_ms for span in last.shown)
    assert last.shown[-1].from_ms + last.shown[-1].for_ms == 0
    assert sum(span.for_ms for span in last.shown) <= 120_000


def test_why_is_told_in_three_registers_with_the_terms_that_decided() -> None:
    town = Watched()
    town.watch(0)
    town.run(60)
    town.watch(0)
    town.run(2)
    detail = town.details["J0"]
    assert detail.operator.startswith("J0 ")
    assert detail.engineer.startswith("J0 ")
    assert detail.citizen.endswith(".")
    assert detail.decided_ms < 60_000
    assert not detail.terms or tuple(term.name for term in detail.terms) == TERMS


def test_an_order_is_the_reason_where_one_acts() -> None:
    town = Watched("actuated")
    town.run(20)
    town.room.ask(ANA, Command.HOLD, ("J1",), stage="s2", lease_ms=60_000)
    Town.run(town, 40)
    town.watch(1)
    town.run(2)
    assert "hold by ana" in town.details["J1"].operator
    assert "ana" not in town.details["J1"].citizen, "citizens are told no names"


@pytest.mark.parametrize("controller", ["adaptive", "fixed", "actuated"])
def test_looking_ahead_leaves_the_controller_as_it_is(controller: str) -> None:
    town = Watched(controller)
    planner = town.engine.controller.planner
    for _ in range(30):
        town.run(1)
        before = town.engine.controller.state.digest()
        costs = planner.winner_cost.copy() if isinstance(planner, Adaptive) else np.zeros(0)
        spans = [plan_ahead(town.engine.controller, j, town.street_ms) for j in range(3)]
        assert town.engine.controller.state.digest() == before
        if isinstance(planner, Adaptive):
            assert np.array_equal(costs, planner.winner_cost)
        for row in spans:
            ends = [from_ms + for_ms for _, from_ms, for_ms in row]
            assert [from_ms for _, from_ms, _ in row] == [0, *ends[:-1]]


def test_the_plan_by_the_clock_is_what_then_comes() -> None:
    town = Watched("fixed")
    town.run(3)
    plan = plan_ahead(town.engine.controller, 0, town.street_ms)
    began_ms = town.street_ms
    state = town.engine.controller.state
    for stage, from_ms, for_ms in plan[:3]:
        middle_ms = began_ms + from_ms + for_ms // 2
        town.run((middle_ms - town.street_ms) / 1000)
        assert int(state.wanted_stage[0]) == stage


def test_wishes_end_and_the_oldest_give_way() -> None:
    watching = Watching()
    watching.wish(range(10), 0)
    assert watching.news(0) == list(range(10))
    assert watching.news(100) is None
    watching.wish([3], 5_000)
    assert watching.news(10_000) == [3]
    watching.wish(range(100, 100 + WATCHED_MAX), 11_000)
    assert 3 not in (watching.news(11_000) or [])


def test_a_wish_is_told_from_acts_and_a_message_from_a_report() -> None:
    telemetry = Watched().engine.telemetry
    assert not telemetry.takes(msgpack.packb([None, []]))
    assert telemetry.takes(pack_wish("watch", [999, -1]))
    assert said(SAID + b"detail\0abc") == (b"detail", b"abc")
    assert said(msgpack.packb([1, 2])) is None


def test_a_lamp_that_waits_for_nobody_is_said_to_be_unknown() -> None:
    town = Watched("actuated")
    state = Controller(town.toy.network, "actuated", Policy(), 0).state
    assert (state.call_since_ms == NEVER_MS).all()
    town.watch(0)
    town.run(1)
    uncalled = [g for g in town.details["J0"].groups if g.lamp == "RGYCFAD"[Lamp.RED] and not g.called]
    assert all(group.waited_ms == 0 for group in uncalled)
