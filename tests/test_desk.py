"""The desk: who gets a junction, who does not, and how everything comes home by itself."""

from __future__ import annotations

from typing import Any

import pytest

from override.orders import NEXT, Event, Life, Order, WrongStep, step
from override.refused import Refused
from override.roles import Command
from override.views import Outcome
from tests.control_room import ANA, ENG, GATE, OLE, SAM, SUE, Room


@pytest.fixture
def room() -> Room:
    return Room()


def refusal(room: Room, *words: Any, **more: Any) -> str:
    with pytest.raises(Refused) as caught:
        room.ask(*words, **more)
    return caught.value.code


# --- the life of an order ----------------------------------------------------------------


def test_what_is_not_in_the_table_cannot_happen(room: Room) -> None:
    ruling = room.ask(ANA, Command.HOLD)
    order = room.desk.orders[ruling.order]
    for life in Life:
        for event in Event:
            version = Order(**{**{f: getattr(order, f) for f in Order.__slots__}, "life": life})
            if (life, event) in NEXT:
                assert step(version, event, 5).life is NEXT[life, event]
            else:
                with pytest.raises(WrongStep):
                    step(version, event, 5)


def test_an_order_that_has_ended_stays_ended() -> None:
    for (before, _), after in NEXT.items():
        assert before not in (Life.ENDED, Life.REFUSED)
        assert after is not Life.REQUESTED


def test_a_lease_ends_by_itself_and_the_junction_is_free(room: Room) -> None:
    room.ask(ANA, Command.HOLD, lease_ms=30_000)
    assert room.acting() == "ana hold"
    (ended,) = room.wait(30_000)
    assert (ended.life, ended.end) == (Life.ENDED, "expired")
    assert room.acting() == ""
    assert not room.desk.orders


def test_only_the_lamps_make_it_effective(room: Room) -> None:
    ruling = room.ask(ANA, Command.PLAN, ("J0", "J1"))
    room.wait(5_000)
    assert room.desk.orders[ruling.order].life is Life.ACCEPTED
    room.desk.take(room.desk.proven(ruling.order, ["J0"], room.now_ms))
    assert room.desk.orders[ruling.order].life is Life.ACCEPTED
    room.desk.take(room.desk.proven(ruling.order, ["J1"], room.now_ms))
    order = room.desk.orders[ruling.order]
    assert order.life is Life.EFFECTIVE
    assert order.effective_ms == room.now_ms


# --- the authority array -----------------------------------------------------------------


def test_the_lowest_slot_wins_and_the_others_keep_their_value(room: Room) -> None:
    room.ask(ANA, Command.EVENT_PLAN, lease_ms=600_000)
    room.ask(OLE, Command.HOLD, lease_ms=150_000)
    assert room.acting() == "ole hold"
    room.ask(SAM, Command.OMIT, lease_ms=100_000)
    assert room.acting() == "sam omit"
    room.ask(ANA, Command.ALL_RED, lease_ms=20_000)
    assert room.acting() == "ana all-red"
    room.wait(20_000)
    assert room.acting() == "sam omit"
    room.wait(80_000)
    assert room.acting() == "ole hold"
    room.wait(50_000)
    assert room.acting() == "ana event-plan"
    room.wait(450_000)
    assert room.acting() == ""


def test_a_call_and_a_detector_are_points_of_their_own(room: Room) -> None:
    room.ask(ANA, Command.HOLD)
    room.ask(GATE, Command.CALL)
    assert room.acting() == "ana hold"
    assert room.acting(point="call:walk.ns") == "gate call"


def test_ones_own_order_is_replaced_another_persons_is_not(room: Room) -> None:
    first = room.ask(ANA, Command.HOLD)
    assert refusal(room, OLE, Command.HOLD) == "taken"
    assert refusal(room, ANA, Command.OMIT) == "rate"
    room.wait(10_000)
    room.ask(ANA, Command.OMIT)
    assert room.acting() == "ana omit"
    assert first.order not in room.desk.orders


def test_a_takeover_ends_the_other_order_and_both_can_see_it(room: Room) -> None:
    room.ask(ANA, Command.HOLD)
    request = room.request(OLE, Command.HOLD, takeover=True)
    ruling = room.desk.rule(request, room.digest(request), OLE, room.now_ms)
    ended, accepted = ruling.versions
    assert (ended.issuer, ended.end, ended.why) == ("ana", "superseded", f"by {accepted.id}")
    room.desk.take(ruling.versions)
    assert room.acting() == "ole hold"


def test_toward_safety_nobody_needs_to_take_over(room: Room) -> None:
    room.ask(ANA, Command.ALL_RED)
    room.ask(OLE, Command.FLASH)
    assert room.acting() == "ole flash"


def test_an_order_on_many_that_loses_one_goes_on_with_the_rest(room: Room) -> None:
    ruling = room.ask(ANA, Command.EVENT_PLAN, ("J0", "J1", "J2"))
    room.ask(OLE, Command.EVENT_PLAN, ("J1",), takeover=True)
    assert [room.acting(j) for j in ("J0", "J1", "J2")] == [
        "ana event-plan", "ole event-plan", "ana event-plan",
    ]  # fmt: skip
    assert room.desk.orders[ruling.order].lost == {"J1"}


# --- what people saw ---------------------------------------------------------------------


def test_who_looked_before_it_changed_is_told_what_is_there_now(room: Room) -> None:
    late = room.request(OLE, Command.OMIT, takeover=True)
    room.ask(ANA, Command.HOLD)
    with pytest.raises(Refused, match="hold by ana acts there") as caught:
        room.desk.rule(late, room.digest(late), OLE, room.now_ms)
    assert caught.value.code == "basis"


def test_a_rung_or_alarm_makes_a_basis_old_but_another_junctions_order_does_not(room: Room) -> None:
    early, other = room.request(ANA, Command.HOLD), room.request(ANA, Command.HOLD, ("J2",))
    room.ask(OLE, Command.HOLD, ("J1",))
    room.desk.changed("J2")
    assert room.desk.rule(early, room.digest(early), ANA, room.now_ms).outcome is Outcome.ACCEPTED
    with pytest.raises(Refused, match="J2 changed"):
        room.desk.rule(other, room.digest(other), ANA, room.now_ms)


@pytest.mark.parametrize("command", [Command.ALL_RED, Command.FLASH])
def test_toward_safety_no_basis_and_no_rate_limit_stand_in_the_way(room: Room, command: Command) -> None:
    room.ask(ANA, Command.HOLD)
    room.ask(ANA, command, basis=())
    room.ask(ANA, command, basis=())
    assert room.acting() == f"ana {command}"


def test_a24_a_rushed_operator_is_slowed_down_one_junction_at_a_time(room: Room) -> None:
    room.ask(ANA, Command.HOLD)
    room.ask(ANA, Command.HOLD, ("J1",))
    room.wait(9_000)
    assert refusal(room, ANA, Command.OMIT) == "rate"
    room.wait(1_000)
    room.ask(ANA, Command.OMIT)


def test_a24_more_than_twenty_junctions_at_once_need_a_second_person() -> None:
    room = Room(junctions=30)
    names = [f"J{k}" for k in range(21)]
    ruling = room.ask(ANA, Command.EVENT_PLAN, names)
    assert ruling.outcome is Outcome.WAITING
    assert room.acting() == ""
    assert room.ask(ANA, Command.EVENT_PLAN, names[:20]).outcome is Outcome.ACCEPTED


# --- two people --------------------------------------------------------------------------


def test_a_lockout_waits_for_the_second_key_at_most_a_minute(room: Room) -> None:
    ruling = room.ask(SAM, Command.LOCKOUT, lease_ms=3_600_000)
    assert ruling.outcome is Outcome.WAITING
    with pytest.raises(Refused, match="another one"):
        room.agree(SAM, ruling)
    with pytest.raises(Refused, match="cannot agree"):
        room.agree(ANA, ruling)
    room.wait(60_000)
    room.agree(ENG, ruling)
    assert room.acting() == "sam lockout"
    late = room.ask(SUE, Command.LOCKOUT, ("J1",))
    (refused,) = room.wait(61_000)
    assert (refused.id, refused.life) == (late.order, Life.REFUSED)
    assert room.acting("J1") == ""


def test_a_second_person_may_say_no(room: Room) -> None:
    ruling = room.ask(SAM, Command.LOCKOUT)
    room.agree(SUE, ruling, agrees=False)
    assert not room.desk.orders


def test_what_changed_while_waiting_is_checked_again(room: Room) -> None:
    ruling = room.ask(SAM, Command.LOCKOUT)
    room.ask(ANA, Command.HOLD)
    with pytest.raises(Refused, match="changed"):
        room.agree(SUE, ruling)


def test_a_stopped_district_is_countersigned_or_comes_back() -> None:
    for signed in (True, False):
        room = Room(junctions=40)
        names = [f"J{k}" for k in range(25)]
        ruling = room.ask(ANA, Command.ALL_RED, names, lease_ms=900_000)
        assert ruling.outcome is Outcome.ACCEPTED
        assert ruling.alarms
        room.wait(9 * 60_000)
        if signed:
            room.agree(OLE, ruling)
        room.wait(61_000)
        assert (room.acting() == "ana all-red") == signed


def test_a_district_is_stopped_ten_junctions_a_second() -> None:
    room = Room(junctions=40)
    room.ask(ANA, Command.ALL_RED, [f"J{k}" for k in range(25)])
    stopped = [sum(room.acting(f"J{k}") != "" for k in range(40))]
    for _ in range(2):
        room.wait(1_000)
        stopped.append(sum(room.acting(f"J{k}") != "" for k in range(40)))
    assert stopped == [10, 20, 25]


def test_nobody_stops_a_whole_city_alone() -> None:
    room = Room(junctions=30)
    ruling = room.ask(ANA, Command.ALL_RED, (), whole_city=True)
    assert ruling.outcome is Outcome.WAITING
    room.agree(OLE, ruling)
    room.wait(3_000)
    assert all(room.acting(f"J{k}") for k in range(30))


def test_one_word_brings_a_whole_city_back() -> None:
    room = Room(junctions=30)
    room.agree(OLE, room.ask(ANA, Command.ALL_RED, (), whole_city=True))
    room.ask(ANA, Command.RELEASE, (), slot=4, whole_city=True)
    assert not any(room.acting(f"J{k}") for k in range(30))


# --- lockout -----------------------------------------------------------------------------


def test_a_locked_junction_takes_no_orders_but_safe_and_urgent_ones(room: Room) -> None:
    room.agree(SUE, room.ask(SAM, Command.LOCKOUT, lease_ms=3_600_000))
    assert refusal(room, ANA, Command.HOLD) == "locked"
    assert refusal(room, SUE, Command.HOLD, takeover=True) == "locked"
    assert refusal(room, GATE, Command.CALL) == "locked"
    room.ask(ANA, Command.ALL_RED, lease_ms=20_000)
    assert room.acting() == "ana all-red"


def test_a10_an_insider_cannot_lock_others_out_for_long(room: Room) -> None:
    assert refusal(room, SAM, Command.LOCKOUT, lease_ms=25 * 3_600_000) == "role"
    room.agree(ENG, room.ask(SAM, Command.LOCKOUT, lease_ms=24 * 3_600_000))
    room.ask(SUE, Command.RELEASE)
    assert room.acting() == ""


def test_broken_glass_is_heard_by_all_and_short(room: Room) -> None:
    assert refusal(room, SAM, Command.LOCKOUT, break_glass=True, lease_ms=900_001) == "role"
    assert refusal(room, ENG, Command.LOCKOUT, break_glass=True) == "role"
    ruling = room.ask(SAM, Command.LOCKOUT, break_glass=True, lease_ms=900_000)
    assert ruling.outcome is Outcome.ACCEPTED
    assert "glass" in ruling.alarms[0]


def test_what_is_done_once_shadows_nobody(room: Room) -> None:
    room.ask(ANA, Command.HOLD)
    room.desk.acts(room.now_ms)
    room.agree(SUE, room.ask(ENG, Command.RESET_TRIP, slot=1, lease_ms=3_600_000))
    assert room.acting() == "ana hold"
    (act,) = room.desk.acts(room.now_ms)
    assert (act.point, act.order and act.order.second) == ("once", "sue")
    room.wait(1_000)
    assert [o.command for o in room.desk.orders.values()] == [Command.HOLD]
    assert room.desk.acts(room.now_ms) == ()


# --- release and renewal -----------------------------------------------------------------


def test_release_gives_a_junction_back_at_once(room: Room) -> None:
    ruling = room.ask(ANA, Command.HOLD, ("J0", "J1"))
    room.ask(ANA, Command.RELEASE, ("J0",))
    assert [room.acting(j) for j in ("J0", "J1")] == ["", "ana hold"]
    room.ask(ANA, Command.RELEASE, (), order=ruling.order)
    assert room.acting("J1") == ""


def test_another_persons_order_is_released_by_a_supervisor_or_by_taking_it_over(room: Room) -> None:
    room.ask(ANA, Command.HOLD)
    assert refusal(room, OLE, Command.RELEASE) == "taken"
    room.ask(SAM, Command.RELEASE, slot=7)
    assert room.acting() == ""
    room.ask(ANA, Command.HOLD, ("J1",))
    room.ask(OLE, Command.RELEASE, ("J1",), takeover=True)
    assert room.acting("J1") == ""


def test_a_renewed_lease_lasts_from_now_and_only_its_owner_renews_it(room: Room) -> None:
    ruling = room.ask(ANA, Command.HOLD, lease_ms=30_000)
    room.wait(25_000)
    again = {"renew": True, "order": ruling.order, "lease_ms": 30_000}
    assert refusal(room, OLE, Command.HOLD, **again) == "order"
    assert refusal(room, ANA, Command.HOLD, **{**again, "lease_ms": 180_001}) == "role"
    room.ask(ANA, Command.HOLD, **again)
    room.wait(29_000)
    assert room.acting() == "ana hold"
    room.wait(1_000)
    assert room.acting() == ""
