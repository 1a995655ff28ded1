"""Asks for a reason, and for how long where that matters: from a list, or in one's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from override.bounds import REASON_CHARACTERS
from tui.ages import BadTime, duration, typed
from tui.dialog import Dialog
from tui.key_line import KeyLine
from tui.said import Said

OTHER = "\0other"


@dataclass(frozen=True, slots=True)
class Reason:
    """The answer."""

    words: str
    for_ms: int = 0


class ReasonDialog(Dialog[Reason]):
    """First for how long, where `times_ms` are offered; then why. Both answered, it is done."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(
        self,
        heading: str,
        words: str,
        reasons: Sequence[str],
        times_ms: Sequence[int] = (),
        most_ms: int = 0,
        question: str = "Why?",
    ) -> None:
        """`question`: what the reasons answer."""
        super().__init__()
        self.asked = question
        self.heading, self.words = heading, words
        self.reasons, self.times_ms, self.most_ms = tuple(reasons), tuple(times_ms), most_ms
        self.for_ms = 0
        self.asks_time = bool(times_ms)

    def compose(self) -> ComposeResult:
        """Heading, list, line to type in."""
        with VerticalScroll(classes="box"):
            yield Static(self.heading, classes="heading", markup=False)
            yield Static(self.words, classes="words", markup=False)
            yield Said(classes="heading", id="question")
            yield OptionList(id="choices")
            yield Input(id="typed", select_on_focus=False)
            yield Said(classes="words", id="trouble")
        yield KeyLine()

    def on_mount(self) -> None:
        """First question."""
        super().on_mount()
        self._ask()

    def _ask(self) -> None:
        question = "For how long?" if self.asks_time else self.asked
        self.query_one("#question", Said).say(question)
        self.query_one("#trouble", Said).say("")
        line, box = self.query_one("#typed", Input), self.query_one(OptionList)
        line.remove_class("open")
        box.clear_options()
        answers = [duration(ms) for ms in self.times_ms] if self.asks_time else list(self.reasons)
        for number, answer in enumerate(answers, 1):
            value = str(self.times_ms[number - 1]) if self.asks_time else answer
            box.add_option(Option(Text.assemble((f"{number} ", "bold"), answer), value))
        box.add_option(Option(Text(f"{len(answers) + 1} something else ..."), OTHER))
        box.highlighted = 0
        box.focus()

    def pick(self, value: str) -> None:
        """An answer, or the line to type one into."""
        if value == OTHER:
            line = self.query_one("#typed", Input)
            line.placeholder = "90s, 5min or 2h" if self.asks_time else "in a few words"
            line.value = ""
            line.add_class("open")
            line.focus()
        else:
            self._answer(value)

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        event.stop()
        value = event.value.strip()
        if self.asks_time:
            try:
                value = str(typed(value, self.most_ms))
            except BadTime as error:
                self.query_one("#trouble", Said).say(str(error))
                return
        elif not value:
            self.query_one("#trouble", Said).say("A few words are needed: others will read them.")
            return
        self._answer(value)

    def _answer(self, value: str) -> None:
        if self.asks_time:
            self.for_ms, self.asks_time = int(value), False
            self._ask()
        else:
            self.dismiss(Reason(value[:REASON_CHARACTERS], self.for_ms))
