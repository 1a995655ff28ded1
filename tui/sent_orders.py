"""Orders that this console has sent, followed through every picture until they have ended."""

from __future__ import annotations

from collections.abc import Iterable

from tui.ages import duration
from tui.following import Following, Stage, followed
from tui.model import Sight

KEPT = 50
SUCCESS, WARNING = "information", "warning"


class SentOrders:
    """What became of them; `see` gives what has to be said aloud."""

    def __init__(self) -> None:
        self.orders: dict[str, Following] = {}

    def add(self, orders: Iterable[Following]) -> None:
        """These were sent just now."""
        for order in orders:
            self.orders[order.order] = order
        while len(self.orders) > KEPT:
            del self.orders[next(iter(self.orders))]

    def see(self, sight: Sight) -> list[tuple[str, str]]:
        """(words, severity) of each order that came to another stage; done is said when the lamps show it."""
        out = []
        for name, before in list(self.orders.items()):
            now = self.orders[name] = followed(before, sight)
            if now.stage is before.stage:
                continue
            if now.stage is Stage.EFFECTIVE:
                out.append(
                    (
                        f"{now.words}: the lamps show it, after {duration(now.since_ms - now.sent_ms)}.",
                        SUCCESS,
                    )
                )
            elif now.stage is Stage.ACCEPTED:
                out.append((f"{now.words}: accepted; the lamps do not show it yet.", SUCCESS))
            elif now.stage is Stage.ENDED:
                early = before.stage is not Stage.EFFECTIVE
                out.append(
                    (f"{now.words}: ended{f', {now.end}' if now.end else ''}.", WARNING if early else SUCCESS)
                )
        return out

    def undoable(self, now_ms: int) -> list[Following]:
        """Those sent so lately that taking them back is offered."""
        return [order for order in self.orders.values() if order.may_undo(now_ms)]
