"""From an order at the desk to the lamps and back: EFFECTIVE only when they prove it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from controller.vocabulary import Lamp
from override.engine import Report, pack_acts, pack_reset, report_of, unpack_acts
from override.orders import Life
from override.picture import Picture
from override.requests import Leg
from override.roles import Command
from tests.control_room import ANA, OLE, SAM, SUE, Room
from tests.engine_town import Town, no_line_stays_open  # noqa: F401


@pytest.fixture
def town() -> Town:
    return Town().run(20)


def test_a_hold_is_accepted_then_effective_then_gone(town: Town) -> None:
    order = town.room.ask(ANA, Command.HOLD, ("J1",), stage="s2", lease_ms=60_000).order
    assert town.life(order) is Life.ACCEPTED
    town.run(0.5)
    assert town.life(order) is Life.ACCEPTED, "the lamps do not show it yet"
    town.run(30)
    assert town.life(order) is Life.EFFECTIVE
    assert town.lamps(1)[2] == Lamp.GREEN
    town.run(30)
    assert town.life(order) is None
    assert not town.engine.orders.book.kind.any()


def test_all_red_is_effective_within_yellow_and_a_tick_and_complete_when_people_have_crossed(
    town: Town,
) -> None:
    town.engine.controller.state.call_since_ms[[4, 10]] = town.street_ms
    while town.toy.lamps[4] != Lamp.GREEN:
        town.run(0.1)
    order = town.room.ask(ANA, Command.ALL_RED, ("J0", "J1"), lease_ms=60_000).order
    asked_ms = town.room.now_ms
    town.run(4)
    found = town.room.desk.orders[order]
    assert found.life is Life.EFFECTIVE
    assert found.effective_ms - asked_ms <= 3_000 + 300
    assert not found.complete_ms
    town.run(20)
    assert town.room.desk.orders[order].complete_ms
    assert town.lamps(0) == town.lamps(1) == [Lamp.RED] * 6


def test_what_the_controller_takes_back_is_vetoed_with_the_reason(town: Town) -> None:
    order = town.room.ask(ANA, Command.HOLD, ("J0",), lease_ms=180_000).order
    town.run(20)
    town.engine.controller.state.call_since_ms[2] = town.street_ms
    town.run(120)
    assert town.life(order) is None
    assert [r.vetoed[0][2] for r in town.reports if r.vetoed] == ["a promised wait would have been broken"]
    assert not any(r.alarms for r in town.reports)


def test_a_corridor_turns_green_ahead_of_the_engine_one_junction_after_the_other() -> None:
    town = Town().run(20)
    legs = tuple(Leg(f"J{k}", "s2", 12_000 * k, 25_000) for k in range(3))
    basis = tuple(town.room.desk.versions[leg.junction] for leg in legs)
    town.room.ask(ANA, Command.CORRIDOR, (), legs=legs, basis=basis, lease_ms=120_000)
    for k in range(3):
        town.run(24 if k == 0 else 12)
        assert town.lamps(k)[2] == Lamp.GREEN
    town.run(60)
    assert not town.engine.orders.book.kind.any(), "every junction has been given back"
    assert not any(r.alarms for r in town.reports)


def test_every_command_comes_through_to_the_controller() -> None:
    for command in Command:
        if command in (Command.RELEASE, Command.CORRIDOR, Command.CONFIGURE, Command.RESET_TRIP):
            continue
        if command in (Command.DETECTOR_DISABLE, Command.DETECTOR_RECALL):
            continue  # the toy street has no detectors
        town = Town(1).run(5)
        who = SAM if command is Command.LOCKOUT else ANA
        ruling = town.room.ask(who, command, ("J0",), lease_ms=60_000)
        if command is Command.LOCKOUT:
            town.room.agree(SUE, ruling)
        town.run(0.5)
        book = town.engine.orders.book
        beside = book.call_until_ms.any() or book.walk_until_ms.any()
        assert book.kind.any() or beside or book.done.any(), command
        town.run(90)
        assert not book.kind.any()
        assert not any(r.alarms for r in town.reports), command


def test_when_the_gateway_is_gone_lamps_go_on_and_orders_end_by_themselves(town: Town) -> None:
    town.room.ask(ANA, Command.HOLD, ("J0",), lease_ms=30_000)
    town.run(1)
    town.here.close()
    for _ in range(400):
        town.tick()
        town.street_ms += 100
        town.room.now_ms += 100
    assert not town.engine.orders.book.kind.any()
    assert town.engine.progress > 600


def test_a_gateway_started_anew_knows_nothing_so_nothing_acts(town: Town) -> None:
    town.room.ask(ANA, Command.HOLD, ("J0",), lease_ms=120_000)
    town.room.ask(ANA, Command.CALL, ("J1",), lease_ms=120_000)
    town.run(1)
    assert town.engine.orders.book.kind[0]
    town.here.send(pack_reset())
    town.tick()
    book = town.engine.orders.book
    assert not book.kind.any()
    assert not book.call_until_ms.any()


def test_a_gateway_that_reads_nothing_delays_no_tick_and_loses_no_finding(town: Town) -> None:
    order = town.room.ask(ANA, Command.ALL_RED, ("J0",), lease_ms=120_000).order
    for message in pack_acts(town.room.desk.acts(town.room.now_ms)):
        town.here.send(message)
    for _ in range(60_000):
        if town.engine.lost_reports > 50:
            break
        town.tick()
        town.street_ms += 100
    assert town.engine.lost_reports > 50, "the line was full"
    assert town.engine.orders.book.kind[0] == 0
    town.run(1)
    assert any((order, "J0") in r.proven for r in town.reports)


def test_a_junction_on_another_rung_is_told_and_is_another_one_to_who_saw_it_before() -> None:
    town = Town(controller="adaptive").run(5)
    picture = Picture(town.toy.network, town.room.desk, b"boot-one")
    picture.hear(town.reports[-1])
    before = {view.name: view for view in picture.deltas(0)[0].junctions}
    assert town.engine.controller.degradation is not None
    rungs = town.engine.controller.degradation.ladder.rungs.rung
    rungs[1] = other = (before["J1"].rung + 1) % 5
    town.engine._report(town.room.now_ms, town.street_ms, town.toy.frame.lamps_shown)
    message = town.here.receive()
    assert message is not None
    picture.hear(report_of(message))
    (after,) = picture.deltas(100)[0].junctions
    assert (after.name, after.rung, after.version) == ("J1", other, before["J1"].version + 1)


def test_two_people_end_the_monitors_latch_and_one_does_not(town: Town) -> None:
    town.toy.frame.lamps_shown[0] = Lamp.DARK
    for _ in range(5):
        town.engine.tick(town.toy.frame, town.street_ms)
        town.street_ms += 100
        town.toy.frame.lamps_shown[0] = Lamp.DARK
    assert town.engine.verdict is not None
    town.run(10)
    assert town.engine.verdict.latched[0]
    ruling = town.room.ask(SAM, Command.RESET_TRIP, ("J0",), slot=1)
    town.run(5)
    assert town.engine.verdict.latched[0]
    town.room.agree(SUE, ruling)
    town.run(30)
    assert not town.engine.verdict.latched[0]
    assert not town.engine.verdict.flash[0]
    ruling = town.room.ask(SAM, Command.RESET_TRIP, ("J1",), slot=1)
    town.room.agree(SUE, ruling)
    town.run(1)
    assert [a for r in town.reports for a in r.alarms][-1] == (
        1,
        "reset",
        "reset: junction J1 is not latched",
    )


def test_a_console_loads_no_compiler() -> None:
    code = "import sys, override.client, override.order_commands; print('numba' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"


def test_acts_and_reports_survive_their_messages() -> None:
    room = Room(3)
    room.ask(ANA, Command.EVENT_PLAN, ("J0", "J1", "J2"))
    room.ask(OLE, Command.ALL_RED, ("J1",))
    acts = room.desk.acts(room.now_ms)
    assert len(acts) == 3
    (message,) = pack_acts(acts)
    assert unpack_acts(message) == acts
    report = Report(
        5, 6, b"\x01", b"\x02", b"\x03", [("a", "J0")], ["b"], [("c", "J1", "why")], [], [(0, "C1", "x")]
    )
    assert report_of(report.packed()) == report


def test_an_order_for_a_stage_that_is_gone_when_it_arrives_ends_with_its_reason(town: Town) -> None:
    ruling = town.room.ask(ANA, Command.HOLD, ("J0",))
    (act,) = town.room.desk.acts(town.room.now_ms)
    assert act.order is not None
    (message,) = pack_acts((replace(act, order=replace(act.order, stage="s9")),))
    assert town.here.send(message)
    town.run(1)
    (veto,) = [veto for report in town.reports for veto in report.vetoed]
    assert veto == (ruling.order, "J0", "the stage or plan it names is not there any more")


def test_stages_are_called_as_in_the_version_that_is_reported_of() -> None:
    town = Town().run(30)
    picture = Picture(town.toy.network, town.room.desk, b"boot-one")
    street = town.toy.network.street
    first = street.junctions[0]
    other = replace(first, stages=tuple(replace(s, name=f"new {s.name}") for s in first.stages))
    picture.hear(replace(town.reports[-1], runs=1))
    picture.name_stages(replace(street, junctions=(other, *street.junctions[1:])), 2)
    assert all(view.stage in ("", "s0", "s1", "s2", "s3") for view in picture.deltas(0)[0].junctions)
    picture.hear(replace(town.reports[-1], runs=2))
    told = {view.name: view.stage for view in picture.deltas(1_000)[0].junctions}
    assert told["J0"].startswith("new s")
    assert told["J1"].startswith("s")
    stages = town.engine.controller.state.target_stage.copy()
    stages[2] = -1
    report = replace(town.reports[-1], runs=2, stages=stages.tobytes(), others=[(2, "t4")])
    picture.hear(report_of(report.packed()))
    (view,) = picture.deltas(2_000)[0].junctions
    assert (view.name, view.stage) == ("J2", "t4"), "of a version that is not final yet"
