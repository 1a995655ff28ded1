"""Questions about somebody's order: agree to it or refuse it as the second person; give it back or not."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from override.views import OrderView
from tui.ages import duration
from tui.card import queue_words
from tui.dialog import Dialog
from tui.key_line import KeyLine
from tui.model import Sight
from tui.said import Said
from tui.sending import approve


def order_text(view: OrderView, sight: Sight) -> Text:
    """All that is known of it."""
    text = Text()
    text.append(f"{view.command} {view.argument}".strip(), "bold")
    text.append(f", asked for by {view.issuer}")
    text.append(f", for {duration(view.lease_ms)}\n" if view.lease_ms else "\n")
    names = [sight.title(name) for name in view.at]
    rest = view.junctions - len(names)
    where = ", ".join(names) or (f"{view.junctions} junctions" if view.junctions > 1 else "one junction")
    text.append(f"at {where}" + (f" and {rest} more\n" if names and rest > 0 else "\n"))
    for name in view.at[:6]:
        if (here := sight.junctions.get(name)) is not None:
            text.append(f"  {sight.title(name)}: stage {here.stage or 'none'}, rung {here.rung}", "italic")
            text.append(f", {queue_words(here)}\n", "italic")
    return text


class ApproveDialog(Dialog[str]):
    """Its answer is what the station said."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("A", "agree(True)", "Agree (capital A)"),
        Binding("D", "agree(False)", "Refuse (capital D)"),
    ]

    def __init__(self, view: OrderView) -> None:
        super().__init__()
        self.view = view

    def compose(self) -> ComposeResult:
        """What you would answer for."""
        with VerticalScroll(classes="box"):
            yield Static("Be the second person?", classes="heading")
            yield Said(classes="words", id="order")
            yield Said(classes="words", id="state")
        yield KeyLine()

    def look(self) -> None:
        """Whether it still waits."""
        self.query_one("#order", Said).say(order_text(self.view, self.sight))
        text = Text()
        now = self.sight.orders.get(self.view.order)
        if now is None or now.state != "requested":
            text.append("It waits no longer: there is nothing to agree to.\n", "bold bright_yellow")
        else:
            text.append("You sign the very bytes the first person signed; their digest begins with ")
            text.append(f"{self.view.digest.hex()[:4]} {self.view.digest.hex()[4:8]}", "bold reverse")
            text.append(".\nCompare it with what they read to you. With your answer it acts at once.")
        self.query_one("#state", Said).say(text)

    @work(exclusive=True)
    async def action_agree(self, agrees: bool) -> None:
        """Answer, if it still waits."""
        now = self.sight.orders.get(self.view.order)
        app = self.console_app
        if now is None or now.state != "requested" or now.digest != self.view.digest:
            self.notify("It waits no longer.", severity="warning")
            return
        if agrees and (why := self.sight.may_order(app.now_s())):
            self.notify(f"Not sent: {why}", severity="warning")
            return
        self.dismiss(await approve(app, self.view.digest, agrees))


class ReleaseDialog(Dialog[bool]):
    """Asks once more before traffic is let go, or somebody else's order is ended."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("Y", "yes", "Release it (capital Y)")]

    def __init__(self, view: OrderView, theirs: bool) -> None:
        super().__init__()
        self.view, self.theirs = view, theirs

    def compose(self) -> ComposeResult:
        """What would go on."""
        with VerticalScroll(classes="box"):
            yield Static("Release it?", classes="heading")
            yield Said(classes="words", id="order")
            yield Said(classes="words", id="why")
        yield KeyLine()

    def look(self) -> None:
        """What it is."""
        self.query_one("#order", Said).say(order_text(self.view, self.sight))
        text = Text()
        if self.theirs:
            text.append(
                f"It is {self.view.issuer}'s order: they will see that you ended it.\n", "bold bright_yellow"
            )
        text.append("The junctions return to what acts beneath it, by lawful steps.")
        self.query_one("#why", Said).say(text)

    def action_yes(self) -> None:
        """Do it."""
        self.dismiss(True)
