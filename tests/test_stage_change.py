"""Other stages on a running street: asked of the monitor like another card, agreed to by two people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.adoption import Phase
from controller.junction import StreetNetwork
from controller.monitor import Card
from controller.monitor.lamps import FLASHING
from controller.permissive import card_of
from controller.plan_ahead import plan_ahead
from controller.street_file import street_to_text
from override.deploy_messages import VersionState, Way
from override.details import Detail
from override.refused import Refused
from override.roles import Command
from override.street_change import ChangeRefused
from tests import toy_street
from tests.control_room import ANA as OPERATOR
from tests.control_room import Room
from tests.deploy_room import EVERYBODY, Deployment
from tests.lamp_loop import Loop


@pytest.fixture
def restaged(tmp_path: Path) -> Iterator[Loop]:
    """The other version has other stages at its first junction, and the same card."""
    loop = Loop(tmp_path)
    loop.flashed = [0, 0]
    junctions = list(loop.network.street.junctions)
    first = junctions[0]
    junctions[0] = replace(first, stages=first.stages[::-1])
    loop.new_network = toy_street.network(*junctions)
    loop.new_card = card_of(loop.new_network.street, 100)
    loop.cards = {2: loop.new_card}.__getitem__
    assert loop.new_card.digest() == loop.card.digest()
    yield loop
    loop.close()


def test_the_monitor_flashes_a_junction_once_for_other_stages_on_the_same_card(restaged: Loop) -> None:
    loop = restaged
    adoption = loop.take()
    loop.until(lambda: adoption.phase is Phase.DONE)
    assert 60 <= loop.flashed[0] <= 75
    assert loop.flashed[1] == 0
    adoption.go_back("somebody changed their mind")
    assert adoption.phase is Phase.GOES_BACK
    loop.until(lambda: adoption.phase is Phase.BACK)
    loop.run(30)
    assert 120 <= loop.flashed[0] <= 150
    assert loop.flashed[1] == 0
    assert loop.said == ["monitor: J0 begins anew with the card it had"] * 2
    loop.until(lambda: loop.drives(0), 100)


def test_for_other_stages_too_two_people_must_have_signed(restaged: Loop) -> None:
    def card(number: int) -> Card:
        raise ChangeRefused("version 2 was not agreed to by a second person")

    restaged.cards = card
    adoption = restaged.take()
    restaged.until(lambda: adoption.phase is Phase.BACK)
    assert "second person" in adoption.why
    assert restaged.flashed == [0, 0]


def test_an_answer_that_comes_twice_or_is_lost_changes_one_junction_once(restaged: Loop) -> None:
    loop = restaged
    adoption = loop.take()
    loop.until(lambda: loop.link._wish is not None)
    lost = loop.link._hear_of_card
    loop.link._hear_of_card = lambda answer: None  # type: ignore[method-assign]
    loop.run(1)
    assert not adoption.adopted[0]
    loop.link._hear_of_card = lambda answer: (lost(answer), lost(answer))[0]  # type: ignore[func-returns-value, method-assign]
    loop.until(lambda: adoption.phase is Phase.DONE)
    assert 60 <= loop.flashed[0] <= 75
    assert len(loop.said) == 1


def test_an_engine_that_dies_in_the_middle_begins_with_the_stages_before(restaged: Loop) -> None:
    loop = restaged
    adoption = loop.take()
    loop.until(lambda: adoption.proven[0])
    loop.link.lose()
    loop.engine_anew()
    loop.run(40)
    assert not [line for line in loop.said if "C15" in line]
    assert loop.controller.network is loop.network
    loop.until(lambda: loop.drives(0) and loop.controller.state.target_stage[0] >= 0, 100)
    adoption = loop.take()
    loop.until(lambda: adoption.phase is Phase.DONE)
    assert loop.said.count("monitor: J0 begins anew with the card it had") == 2


def test_a_new_version_that_breaks_with_other_stages_is_left_through_one_flash(restaged: Loop) -> None:
    loop = restaged
    adoption = loop.take()
    loop.until(lambda: adoption.proven[0] and loop.drives(0))
    adoption.new.planner = None  # type: ignore[assignment]
    loop.run(1)
    assert adoption.phase is Phase.BACK
    assert FLASHING[loop.of(0)].any()
    loop.run(30)
    assert loop.flashed[1] == 0
    loop.until(lambda: loop.drives(0), 100)
    assert not [line for line in loop.said if "C" in line]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path)
    yield made
    made.close()


def may_order(room: Deployment, command: Command, junction: str) -> None:
    """Whether an operator may order it there now. Raises Refused."""
    control = Room(now_ms=room.now_ms)
    control.desk = room.desk
    request = control.request(OPERATOR, command, (junction,))
    room.desk.rule(request, control.digest(request), OPERATOR, room.now_ms)


def turned_round(street: StreetNetwork) -> str:
    """Its first junction with its stages the other way round."""
    first = street.junctions[0]
    return street_to_text(replace(street, junctions=(replace(first, stages=first.stages[::-1]),), links=()))


def test_two_people_bring_other_stages_onto_one_junction_and_orders_wait_or_are_refused(
    room: Deployment,
) -> None:
    room.run(60)
    room.propose(turned_round(room.street))
    version = room.until(VersionState.PROPOSED, 2)
    assert (version.way, version.restaged) == (Way.IN_TURN, ("J0",))
    assert version.words == ("J0: stages: in another order",)
    room.approve(2)
    room.run(5)
    with pytest.raises(Refused, match=r"J0: its stages are being changed by version-2"):
        may_order(room, Command.HOLD, "J0")
    may_order(room, Command.HOLD, "J1")
    room.open()
    with pytest.raises(Refused, match="its stages are being changed by version-2"):
        may_order(room, Command.MANUAL_STEP, "J0")
    flashed = [0, 0, 0]
    while room.version(2).state is VersionState.ADOPTING:
        room.tick()
        assert room.street_ms < 900_000
        for g, lamp in enumerate(room.toy.frame.lamps_shown.tolist()):
            flashed[int(room.toy.network.group_junction[g])] += bool(FLASHING[lamp])
    assert room.version(2).state is VersionState.IN_FORCE
    assert flashed[0] > 0
    assert flashed[1:] == [0, 0]
    assert (2, True) not in room.anew, "engine and monitor were never begun anew"
    room.run(1)
    assert [s.name for s in room.engine.network.street.junctions[0].stages] == ["s3", "s2", "s1", "s0"]
    may_order(room, Command.HOLD, "J0")
    room.back(1)
    room.until(VersionState.PROPOSED, 3)
    room.approve(3, EVERYBODY["sam"])
    room.until(VersionState.IN_FORCE, 3)
    room.run(1)
    assert room.engine.controller.network.street == room.street
    assert room.engine.telemetry.near.network is room.engine.controller.network
    assert not room.alarms


def test_a_junction_that_follows_the_new_version_already_is_told_from_near_as_that_one_has_it(
    room: Deployment,
) -> None:
    room.run(60)
    room.propose(turned_round(room.street))
    room.until(VersionState.PROPOSED, 2)
    room.approve(2)
    near, adopting = room.engine.telemetry.near, room.engine.adopting

    def told(j: int) -> Detail:
        return near.detail(j, room.toy.frame, bytes(8), room.now_ms, room.street_ms)

    names, whys = ("s3", "s2", "s1", "s0"), set()
    while room.version(2).state is VersionState.ADOPTING:
        room.tick()
        assert told(1).stages == (), "stages as consoles know them"
        assert told(1).operator
        for j, name in adopting.other_stages():
            detail = told(j)
            assert (j, detail.stages) == (0, names)
            assert detail.planned, "what comes next"
            assert names[detail.shown[-1].stage] == name
            whys.add(detail.operator)
    assert len(whys - {""}) > 0, "and why it changed"
    room.run(1)
    last = told(0)
    assert last.stages == (), "consoles know them now"
    assert last.operator in whys, "what was seen goes on"
    assert [s.name for s in near.network.street.junctions[0].stages] == list(names)


def test_a_junction_that_takes_up_a_plan_live_keeps_its_last_reason_and_goes_on_with_the_new_plan(
    room: Deployment,
) -> None:
    room.run(60)
    first = room.street.junctions[0]
    (plan,) = first.plans
    steps = tuple(replace(step, duration_ms=step.duration_ms + 4_000) for step in plan.steps)
    longer = replace(plan, steps=steps, cycle_ms=plan.cycle_ms + 4_000 * len(steps))
    street = replace(room.street, junctions=(replace(first, plans=(longer,)),), links=())
    room.propose(street_to_text(street))
    assert room.until(VersionState.PROPOSED, 2).way == Way.LIVE
    room.approve(2)
    near, adopting = room.engine.telemetry.near, room.engine.adopting
    followed = 0
    while room.version(2).state in (VersionState.PROPOSED, VersionState.ADOPTING):
        room.tick()
        detail = near.detail(0, room.toy.frame, bytes(8), room.now_ms, room.street_ms)
        assert (detail.operator != "", detail.stages) == (True, ())
        assert len(detail.shown) > 1, "what it showed before is not forgotten"
        coming = adopting.coming()
        if coming is not None and coming.adopted[0] and not coming.new.state.in_transition[0]:
            followed += 1
            ours = plan_ahead(coming.new, 0, room.street_ms)
            assert [span.for_ms for span in detail.planned] == [for_ms for _, _, for_ms in ours]
    assert followed > 10
    room.run(1)
    detail = near.detail(0, room.toy.frame, bytes(8), room.now_ms, room.street_ms)
    assert detail.operator
    assert len(detail.shown) > 1
