"""The desk's limits: corridors that break, what is refused, what a restart takes up again."""

from __future__ import annotations

from typing import Any

import pytest

from override.orders import Life
from override.refused import Refused
from override.requests import Leg
from override.roles import Command
from tests.control_room import ANA, ENG, EVERYBODY, OLE, SAM, Room, header


@pytest.fixture
def room() -> Room:
    return Room()


def refusal(room: Room, *words: Any, **more: Any) -> str:
    with pytest.raises(Refused) as caught:
        room.ask(*words, **more)
    return caught.value.code


# --- corridors ---------------------------------------------------------------------------

LEGS = (Leg("J0", "s0", 0, 20_000), Leg("J1", "s2", 10_000, 20_000), Leg("J2", "s0", 20_000, 20_000))


def corridor(room: Room, **more: Any) -> str:
    usual = {"legs": LEGS, "basis": tuple(room.desk.versions[leg.junction] for leg in LEGS)}
    return room.ask(ANA, Command.CORRIDOR, (), **{**usual, **more}).order


def test_a_corridor_opens_ahead_of_the_engine_and_closes_behind_it(room: Room) -> None:
    corridor(room)
    seen = []
    for _ in range(5):
        seen.append("".join("x" if room.acting(f"J{k}") else "." for k in range(3)))
        room.wait(10_000)
    assert seen == ["x..", "xx.", ".xx", "..x", "..."]


def test_a_corridor_that_stays_broken_for_five_seconds_is_released_everywhere(room: Room) -> None:
    order = corridor(room)
    room.ask(OLE, Command.ALL_RED, ("J1",), lease_ms=30_000)
    room.wait(5_000)
    assert order in room.desk.orders
    (*_, released) = room.wait(2_000)
    assert (released.id, released.end) == (order, "released")
    assert room.acting("J0") == ""


def test_a_corridor_mended_in_time_goes_on(room: Room) -> None:
    order = corridor(room)
    room.ask(OLE, Command.ALL_RED, ("J1",), lease_ms=3_000)
    room.wait(15_000)
    assert order in room.desk.orders
    assert room.acting("J1") == "ana corridor"


def test_a_corridor_is_all_or_nothing(room: Room) -> None:
    room.ask(OLE, Command.CORRIDOR, (), legs=LEGS[1:2], basis=(room.desk.versions["J1"],))
    with pytest.raises(Refused, match="J1"):
        corridor(room)
    assert room.acting("J0") == ""


def test_a_junction_behind_the_engine_may_be_lost(room: Room) -> None:
    order = corridor(room)
    room.wait(21_000)
    room.ask(OLE, Command.ALL_RED, ("J0",))
    room.wait(8_000)
    assert order in room.desk.orders


# --- what the desk refuses ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"junctions": ("J9",)}, "arguments"), ({"junctions": ("J0", "J0")}, "arguments"),
        ({"junctions": ()}, "role"), ({"stage": "s9"}, "arguments"), ({"stage": ""}, "arguments"),
        ({"group": "ns"}, "arguments"), ({"basis": ()}, "arguments"), ({"basis": (7,)}, "basis"),
        ({"reason": " "}, "arguments"), ({"slot": 6}, "role"), ({"slot": 15}, "role"), ({"slot": 1}, "role"),
        ({"lease_ms": 0}, "role"), ({"lease_ms": 180_001}, "role"), ({"whole_city": True}, "arguments"),
        ({"suspends_promise": True}, "role"), ({"legs": LEGS}, "arguments"),
    ],
)  # fmt: skip
def test_a_hold_that_is_not_right_is_refused(room: Room, more: dict[str, Any], code: str) -> None:
    request = {"junctions": ("J0",), **more}
    assert refusal(room, ANA, Command.HOLD, request.pop("junctions"), **request) == code
    assert not room.desk.orders


def test_what_no_station_can_do_yet_is_refused_and_not_accepted_for_nothing(room: Room) -> None:
    assert refusal(room, ENG, Command.CONFIGURE, slot=6) == "arguments"


def test_a_question_changes_nothing(room: Room) -> None:
    request = room.request(ANA, Command.HOLD)
    room.desk.rule(request, room.digest(request), ANA, room.now_ms)
    assert not room.desk.orders
    assert room.acting() == ""
    assert room.desk.versions == dict.fromkeys(room.desk.versions, 0)


def test_people_without_a_say_have_none(room: Room) -> None:
    for who in EVERYBODY[-2:]:
        for command in Command:
            more = {"legs": LEGS, "junctions": ()} if command is Command.CORRIDOR else {}
            with pytest.raises(Refused) as caught:
                room.ask(who, command, more.pop("junctions", ("J0",)), **more)
            assert caught.value.code in ("role", "arguments")


# --- restart -----------------------------------------------------------------------------


def test_after_a_restart_only_the_safe_orders_go_on_and_no_lease_grows() -> None:
    before = Room()
    before.ask(ANA, Command.ALL_RED, lease_ms=60_000)
    before.ask(OLE, Command.HOLD, ("J1",))
    before.ask(SAM, Command.LOCKOUT, ("J2",))
    before.wait(20_000)
    stored = list(before.desk.orders.values())
    after = Room(now_ms=before.now_ms + 5_000)
    versions = after.desk.after_restart(stored, after.now_ms)
    after.desk.take(versions)
    assert after.acting() == "ana all-red"
    assert after.acting("J1") == ""
    assert {v.issuer: v.life for v in versions} == {
        "ana": Life.ACCEPTED, "ole": Life.ENDED, "sam": Life.REFUSED,
    }  # fmt: skip
    after.wait(35_000)
    assert after.acting() == ""


def test_a_machine_whose_clock_began_anew_gives_a_lease_once_more_and_not_more() -> None:
    before = Room()
    before.ask(ANA, Command.FLASH, lease_ms=60_000)
    after = Room(now_ms=100)
    after.desk.take(after.desk.after_restart(before.desk.orders.values(), 100))
    after.wait(59_000)
    assert after.acting() == "ana flash"
    after.wait(1_000)
    assert after.acting() == ""


def test_acts_are_told_once_and_taken_back_once(room: Room) -> None:
    room.ask(ANA, Command.HOLD, lease_ms=30_000)
    (act,) = room.desk.acts(room.now_ms)
    assert act.order is not None
    assert (act.junction, act.point, act.until_ms) == ("J0", "stage", room.now_ms + 30_000)
    assert room.desk.acts(room.now_ms) == ()
    room.wait(30_000)
    (act,) = room.desk.acts(room.now_ms)
    assert act.order is None
    assert room.desk.acts(room.now_ms) == ()


def test_headers_are_no_business_of_the_desk(room: Room) -> None:
    room.ask(ANA, Command.HOLD, header=header(seq=99, snapshot_ms=5))
    assert room.acting() == "ana hold"
