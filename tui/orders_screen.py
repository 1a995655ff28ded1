"""Orders that live or wait: leases counting down, a key to renew or release, the second person's answer."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from override.roles import APPROVAL_MS, ONCE, Command, Role, may_approve
from override.views import OrderView
from tui.ages import countdown, duration
from tui.approve_dialog import ApproveDialog, ReleaseDialog
from tui.cut import cut
from tui.forecast_table import receipt_words
from tui.key_line import KeyLine
from tui.model import Sight
from tui.rows import Row, Rows
from tui.said import Said
from tui.sending import release, renew, undo
from tui.sight_screen import SightScreen
from tui.status import StatusLine

WAITING = "requested"
STATES = {
    WAITING: ("WAITS for a second person", "bold bright_magenta"),
    "accepted": ("accepted, lamps not yet", "bright_yellow"),
    "effective": ("on the street", "bright_green"),
}
ENDS_SOON_MS = 30_000
WHERE_CELLS = 30
STOPS = frozenset({Command.ALL_RED, Command.FLASH, Command.LOCKOUT, Command.CORRIDOR})
"""Releasing one of these lets traffic go again: asked once more."""


def may_agree(view: OrderView, who: str, role: str) -> str:
    """Why this person cannot be the second one for this order; empty = they can."""
    if view.state != WAITING:
        return "It does not wait for anybody."
    if view.issuer == who:
        return "You asked for it yourself: the second person must be another one."
    if not role or not may_approve(Role(role), view.command):
        return f"A role of {role or 'nobody'} cannot agree to {view.command}."
    return ""


def order_row(view: OrderView, sight: Sight, now_s: float, who: str) -> Row:
    """One line of the table."""
    words, style = STATES.get(view.state, (view.state, ""))
    left_ms = 1000 * sight.left_s(view.expires_ms, now_s)
    if view.state == WAITING or view.command in ONCE:
        left = Text("-")
    else:
        left = Text(countdown(left_ms), "bold bright_yellow" if left_ms <= ENDS_SOON_MS else "bold")
    mine = view.issuer == who
    where = ", ".join(sight.title(name) for name in places_of(view, sight)) or "not told"
    if view.junctions > 1:
        where = f"{view.junctions}: {where}"
    return Row(
        view.order,
        (
            left,
            Text(f"{view.command} {view.argument}".strip(), "bold"),
            Text(cut(where, WHERE_CELLS)),
            Text("you" if mine else view.issuer, "bold" if mine else ""),
            Text(words, style),
        ),
    )


def places_of(view: OrderView, sight: Sight) -> tuple[str, ...]:
    """Names of its junctions: as the order says, or else where it acts."""
    return view.at or tuple(
        name for name, junction in sight.junctions.items() if view.order in junction.orders
    )


def sorted_orders(sight: Sight) -> list[OrderView]:
    """Waiting ones first, then those that end soonest."""
    return sorted(sight.orders.values(), key=lambda o: (o.state != WAITING, o.expires_ms, o.order))


class OrdersScreen(SightScreen):
    """All orders."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding(
            "r", "renew", "Renew", tooltip="Prolong the lease of your order by as long as it was given for"
        ),
        Binding("x", "release", "Release", tooltip="Give back what an order holds"),
        Binding("u", "undo", "Undo", tooltip="Release what you sent in the last ten seconds"),
        Binding(
            "b", "second", "Be the second", tooltip="Agree to an order that waits, or refuse it (or Enter)"
        ),
        Binding("j", "junction", "Junction", tooltip="See where it acts from near"),
    ]
    CSS = """
    OrdersScreen #more { height: auto; max-height: 9; min-height: 4; padding: 0 1;
        border-top: solid $primary; }
    """

    def compose(self) -> ComposeResult:
        """Table, and more of the order under the cursor."""
        yield StatusLine()
        yield Rows(("left", "order", "where", "who", "state"), id="orders")
        yield Said(id="more")
        yield KeyLine()

    @property
    def view(self) -> OrderView | None:
        """The order under the cursor."""
        return self.sight.orders.get(self.query_one(Rows).chosen)

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show this."""
        who = self.console_app.who
        rows = [order_row(view, sight, now_s, who) for view in sorted_orders(sight)]
        self.query_one(Rows).show_rows(rows)
        self.query_one("#more", Said).say(self.more(sight, now_s))
        self.refresh_bindings()

    def more(self, sight: Sight, now_s: float) -> Text:
        """All of the order under the cursor; or what orders are."""
        view, text = self.view, Text()
        if view is None:
            text.append("No order lives or waits.\n", "bold")
            for receipt in sight.receipts[-3:]:
                text.append(f"{receipt.order} {receipt_words(receipt)}\n", "italic")
            return text
        argument = f" {view.argument}" if view.argument else ""
        text.append(f"{view.command}{argument} by {view.issuer}, slot {view.slot}", "bold")
        text.append(f", lease {duration(view.lease_ms)}\n" if view.lease_ms else "\n")
        places = places_of(view, sight)
        if places:
            rest = view.junctions - len(places)
            names = ", ".join(sight.title(name) for name in places)
            text.append(f"at {names}" + (f" and {rest} more\n" if rest > 0 else "\n"))
        text.append(f"{view.order}  digest {view.digest.hex()[:8]}\n", "italic")
        run = self.console_app.corridor
        if run is not None and run.following.order == view.order:
            text.append("Its legs are followed with c, and given back there with x.\n")
        if view.state == WAITING:
            why = may_agree(view, self.console_app.who, self.console_app.role)
            text.append(
                why or "Enter shows it once more and asks you to agree or refuse.", "bold bright_magenta"
            )
        elif view.state == "accepted":
            text.append("Stored, not yet on the street: the lamps do not show it.", "bright_yellow")
        return text

    @on(Rows.RowSelected)
    def _entered(self) -> None:
        self.action_second()

    @on(Rows.Moved)
    def _moved(self) -> None:
        self.catch_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are offered only where they do something."""
        if action in ("renew", "release", "second", "junction") and self.is_mounted:
            view = self.view
            if view is None:
                return None
            mine = view.issuer == self.console_app.who
            return {
                "renew": (mine and view.state != WAITING) or None,
                "release": view.state != WAITING or None,
                "second": view.state == WAITING or None,
                "junction": bool(places_of(view, self.sight)) or None,
            }[action]
        return True

    # --- keys ---------------------------------------------------------------------------------

    @work(exclusive=True, group="order")
    async def action_renew(self) -> None:
        """Prolong it."""
        if (view := self.view) is not None:
            self.notify(await renew(self.console_app, view))

    @work(exclusive=True, group="order")
    async def action_release(self) -> None:
        """Give it back; what stops traffic, or is somebody else's, only after one more question."""
        view = self.view
        if view is None:
            return
        theirs = view.issuer != self.console_app.who
        if (view.command in STOPS or theirs) and not await self.app.push_screen_wait(
            ReleaseDialog(view, theirs)
        ):
            return
        self.notify(await release(self.console_app, view, takeover=theirs))

    @work(exclusive=True, group="order")
    async def action_undo(self) -> None:
        """Take back what was sent just now."""
        app = self.console_app
        self.notify(await undo(app, app.sent.undoable(self.sight.station_ms(app.now_s()))))

    @work(exclusive=True, group="order")
    async def action_second(self) -> None:
        """Show it once more, and ask."""
        view = self.view
        if view is None:
            return
        if why := may_agree(view, self.console_app.who, self.console_app.role):
            self.notify(why, severity="warning")
            return
        if words := await self.app.push_screen_wait(ApproveDialog(view)):
            self.notify(words)

    def action_junction(self) -> None:
        """Where it acts."""
        if (view := self.view) is not None and (places := places_of(view, self.sight)):
            self.console_app.choose(places[0])
            self.console_app.open_door("junction", places[0])


assert APPROVAL_MS == 60_000, "the words of the dialogs say 60 s"
