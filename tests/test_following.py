"""An order that was sent is done when the lamps have shown it, and not before."""

from __future__ import annotations

from dataclasses import replace

from override.roles import Command
from override.views import Event, OrderView, Outcome, Reply
from tui.following import Following, Stage, followed, sent
from tui.model import Contact, Sight

BOOT = b"12345678"
SIGHT = Sight(contact=Contact.LIVE, boot=BOOT, now_ms=100_000, heard_s=1.0)


def view(state: str) -> OrderView:
    return OrderView("ana-1", "ana", Command.HOLD, 7, state, 1, 160_000, bytes(32))


def at(now_ms: int, state: str = "", boot: bytes = BOOT, events: tuple[Event, ...] = ()) -> Sight:
    orders = {"ana-1": view(state)} if state else {}
    return replace(SIGHT, now_ms=now_ms, boot=boot, orders=orders, events=events)


def begin(outcome: Outcome = Outcome.ACCEPTED) -> Following:
    return sent(
        Reply(bytes(32), outcome, "ana-1", expires_ms=160_000, now_ms=100_100), Command.HOLD, "hold", SIGHT
    )


def test_accepted_is_not_done_and_effective_is() -> None:
    order = begin()
    assert order.stage is Stage.ACCEPTED
    assert "do not show it yet" in order.progress(101_000)
    order = followed(order, at(101_000, "accepted"))
    assert order.stage is Stage.ACCEPTED
    order = followed(order, at(106_100, "effective"))
    assert order.stage is Stage.EFFECTIVE
    assert order.progress(110_000) == "The lamps show it (after 6 s), 0:50 left."
    event = Event(BOOT, 9, 160_000, 0, "order", "J0", "ana-1: hold at J0 by ana has ended (expired)")
    order = followed(order, at(160_500, events=(event,)))
    assert order.done
    assert order.progress(161_000) == "Ended: its time was over."


def test_a_reset_that_was_agreed_to_was_passed_on_and_did_not_run_out() -> None:
    order = replace(followed(begin(Outcome.WAITING), at(110_000, "requested")), command=Command.RESET_TRIP)
    event = Event(BOOT, 9, 112_000, 0, "order", "J0", "ana-1: reset-trip at J0 by ana has ended (expired)")
    order = followed(order, at(112_500, events=(event,)))
    assert order.done
    assert "passed on at once" in order.progress(113_000)
    assert "alarm" in order.progress(113_000)


def test_a_picture_older_than_the_order_ends_nothing() -> None:
    order = followed(begin(), at(100_200))
    assert not order.done
    assert followed(order, at(200_000)).done, "a minute without a trace of it"


def test_the_second_person_is_waited_for() -> None:
    order = begin(Outcome.WAITING)
    assert "0:55 left" in order.progress(105_100)
    assert "Nothing has changed" in order.progress(105_100)
    assert followed(order, at(110_000, "requested")).stage is Stage.WAITING
    assert followed(order, at(111_000, "accepted")).stage is Stage.ACCEPTED


def test_a_station_that_was_started_anew_may_have_dropped_it() -> None:
    order = followed(begin(), at(101_000, "effective"))
    gone = followed(order, at(5_000, boot=b"87654321"))
    assert gone.done
    assert "started anew" in gone.end
    kept = followed(order, at(5_000, "effective", boot=b"87654321"))
    assert kept.stage is Stage.EFFECTIVE


def test_undo_is_offered_for_ten_seconds() -> None:
    order = begin()
    assert order.may_undo(110_000)
    assert not order.may_undo(110_200)
