"""A guided tour for the first shift: a sentence at a time at the foot of the screen.

It goes on by itself when what it says has been done, and by its key when somebody would rather not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Static

if TYPE_CHECKING:
    from tui.app import BelishaConsole

NEXT_KEY, END_KEY = "f2", "f3"


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence, and when it has been followed."""

    words: str
    done: Callable[[BelishaConsole], bool] | None = None
    """None = only by the key."""


def _in_front(*names: str) -> Callable[[BelishaConsole], bool]:
    return lambda app: type(app.screen).__name__ in names


def _at_preview(app: BelishaConsole) -> bool:
    return getattr(app.screen, "step", "") == "preview"


STEPS: tuple[Step, ...] = (
    Step(
        "Welcome. This is the whole street: lines are streets, marks are junctions, and on the right stands "
        "who needs you, most urgent first. Nothing you do on this tour changes a lamp."
    ),
    Step("Choose a junction: arrows on the map, n for the next that needs you, / to find one by name.",
         lambda app: bool(app.chosen)),
    Step("Press Enter to see it from near.", _in_front("JunctionScreen")),
    Step("Here are its lamps, who waits for how long against what was promised, its detectors, and why it "
         "does what it does. Escape goes back, always, everywhere.", _in_front("CityScreen")),
    Step("Press o to see what you may order here. Nothing is sent before you press s on the last page.",
         _in_front("OrderDialog")),
    Step("Answer the questions (digits are quickest) until you see what your order would cost whom.",
         _at_preview),
    Step("Everybody's waiting with and without the order. s would send it; a lease ends by itself, and for "
         "ten seconds u takes it back. This time press Escape until you are out.", _in_front("CityScreen")),
    Step("Press l: all orders, with the time they have left; r renews yours, x releases.",
         _in_front("OrdersScreen")),
    Step("Back, then a: the alarms. k says you have seen one, s silences it for a while with a reason.",
         _in_front("AlarmsScreen")),
    Step("Back, then f: what citizens report, with what the signal's own record says beside it.",
         _in_front("FlagsScreen")),
    Step("Back, then t: the greens along a street. A platoon whose line meets green need not stop.",
         _in_front("TimeSpaceScreen")),
    Step("Back, then y: who waits how long where, and whether promises are kept.",
         _in_front("FairnessScreen")),
    Step("Back, then !: all red and flash. It asks you to type the name of the place, so no key does it by "
         "accident. Escape leaves everything as it is.", _in_front("PanicDialog")),
    Step("Escape, then ?: every key of the screen in front of you, and what the signs mean.",
         _in_front("KeysHelp")),
    Step("That is all. `belisha console --drill` gives you a city of your own to practise on, "
         "`belisha handover` prints what the next shift must know. When in doubt: look, then preview."),
)  # fmt: skip
"""From first to last."""


class Tour:
    """Where somebody is on the tour."""

    def __init__(self) -> None:
        self.at = -1
        """Step; -1 = not begun."""

    @property
    def runs(self) -> bool:
        """Whether it has begun and not ended."""
        return 0 <= self.at < len(STEPS)

    def next(self) -> None:
        """The next step; begins it."""
        self.at = self.at + 1 if self.at < len(STEPS) else 0

    def end(self) -> None:
        """No more of it."""
        self.at = -1

    def look(self, app: BelishaConsole) -> None:
        """Go on past what has been done."""
        if self.runs and (done := STEPS[self.at].done) is not None and done(app):
            self.next()

    def text(self) -> Text:
        """The sentence, and how to go on."""
        step = STEPS[self.at]
        text = Text()
        text.append(f"Tour {self.at + 1}/{len(STEPS)}  ", "bold reverse").append(f" {step.words} ")
        return text.append(f"[{NEXT_KEY.upper()} next, {END_KEY.upper()} end]", "italic")


class TourLine(Static):
    """The foot of a screen while the tour runs."""

    DEFAULT_CSS = """
    TourLine { dock: bottom; height: auto; max-height: 5; padding: 0 1; background: $panel;
        border-top: heavy $accent; margin-bottom: 1; }
    """


def show_tour(screen: Screen[Any], tour: Tour, app: BelishaConsole) -> None:
    """Put the sentence on this screen, or take it away."""
    tour.look(app)
    try:
        line = screen.query_one(TourLine)
    except NoMatches:
        if not tour.runs:
            return
        line = TourLine()
        screen.mount(line)
    if tour.runs:
        line.update(tour.text())
    else:
        line.remove()
