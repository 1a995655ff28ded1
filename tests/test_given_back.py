"""What is given back long before its time costs nothing from then on."""

from __future__ import annotations

import pytest

from controller.orders import Done
from tests import toy_street
from tests.order_street import S_EW, S_NS, Street
from tests.test_overlay import detected
from tests.toy_street import NS, WALK_EW


@pytest.mark.parametrize("how", ["hold", "call", "recall", "ignore", "lengthen"])
def test_what_is_given_back_long_before_its_time_is_laid_no_more(how: str) -> None:
    street = Street(detected(toy_street.junction())).run(60)
    orders, day_ms = street.orders, street.for_s(86_400)
    orders.hold(0, S_EW, street.for_s(5))
    street.run(160)
    overlay = street.controller.overlay
    assert overlay is not None
    assert not overlay.needed(orders, street.now_ms), "its time is over"
    give = {
        "hold": (lambda: orders.hold(0, S_NS, day_ms), lambda: orders.release(0)),
        "call": (lambda: orders.call(WALK_EW, day_ms), lambda: orders.call(WALK_EW, 0)),
        "recall": (lambda: orders.recall(0, day_ms), lambda: orders.recall(0, 0)),
        "ignore": (lambda: orders.ignore(0, day_ms), lambda: orders.ignore(0, 0)),
        "lengthen": (
            lambda: orders.lengthen(WALK_EW, 5_000, day_ms), lambda: orders.lengthen(WALK_EW, 0, 0)
        ),
    }  # fmt: skip
    begin, end = give[how]
    begin()
    street.run(20)
    assert overlay.needed(orders, street.now_ms)
    end()
    street.run(160)
    assert not overlay.needed(orders, street.now_ms), "no day of ticks for it"
    assert street.now_ms > orders.ignores_until_ms == orders.busy_until_ms == 0
    assert not street.faults


def test_what_a_promise_has_ended_is_laid_no_more_either() -> None:
    street = Street(controller="actuated").run(20)
    street.orders.hold(0, S_NS, street.for_s(86_400))
    street.until(NS)
    street.state.call_since_ms[WALK_EW] = street.now_ms
    while not (done := street.orders.taken_back(0)):
        street.tick()
    assert done is Done.PROMISE
    assert street.orders.busy_until_ms == 0
