"""What happened, numbered within one boot, for the tail at the foot of consoles: the last two thousand."""

from __future__ import annotations

from collections import deque
from itertools import islice

from override.orders import Life, Order
from override.street_layout import by_bytes
from override.views import Event, Events

KEPT = 2_000
PAGE = 100
UNSENT_MAX = 5_000


class EventLog:
    """Events in their order, and those consoles were not yet told of."""

    def __init__(self, boot: bytes) -> None:
        self._boot = boot
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._unsent: deque[Event] = deque(maxlen=UNSENT_MAX)
        self._number = 0

    def add(self, kind: str, junction: str, sentence: str, now_ms: int, wall_ms: int) -> None:
        """`kind` is order, alarm, rung, flag, key or station; an empty junction is the station itself."""
        self._number += 1
        words = "".join(c if c.isprintable() else " " for c in sentence)[:400]
        event = Event(self._boot, self._number, now_ms, wall_ms, kind, junction[:64], words or kind)
        self._kept.append(event)
        self._unsent.append(event)

    def unsent(self, most: int) -> list[Event]:
        """The next ones to be told, once."""
        return [self._unsent.popleft() for _ in range(min(most, len(self._unsent)))]

    def page(self, nonce: bytes, before: int, junction: str) -> Events:
        """The latest with a number below `before` (0 = the latest), oldest first."""
        newest = (
            event
            for event in reversed(self._kept)
            if (not before or event.number < before) and junction in ("", event.junction)
        )
        rows = list(islice(newest, PAGE))
        fitting = next(by_bytes(rows), ())
        return Events(nonce, tuple(reversed(fitting)))


def order_words(order: Order, before: Life | None) -> str:
    """A step of an order's life in one sentence; empty when it is none."""
    if order.life is before:
        return ""
    where = ", ".join(order.junctions[:3]) + (
        f" and {len(order.junctions) - 3} more" if len(order.junctions) > 3 else ""
    )
    what = " ".join(
        w for w in (str(order.command), order.stage, order.group, order.detector, order.plan) if w
    )
    who = order.issuer + (f" and {order.second}" if order.second else "")
    head = f"{order.id}: {what} at {where} by {who}"
    match order.life:
        case Life.REQUESTED:
            return f"{head} waits for a second person"
        case Life.ACCEPTED:
            return f"{head} accepted for {order.lease_ms // 1000} s"
        case Life.EFFECTIVE:
            return f"{head} is shown by the lamps"
        case Life.REFUSED:
            return f"{head} refused: {order.why}"
        case Life.ENDED:
            return f"{head} has ended ({order.end or order.why})" + (
                f": {order.why}" if order.end and order.why else ""
            )
