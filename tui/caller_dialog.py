"""A flag for somebody who calls: what is wrong, at which signal, in a few words; then a flag as any other."""

from __future__ import annotations

import asyncio
import secrets
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from override.bounds import NONCE_BYTES, REASON_CHARACTERS
from override.client import NoAnswer
from override.flag_messages import Channel, FlagReply, FlagRequest, Kind
from tui.ages import duration
from tui.dialog import Dialog
from tui.flag_list import KINDS, LIVES
from tui.key_line import KeyLine
from tui.said import Said


class CallerDialog(Dialog[str]):
    """Its answer is what the citizen process said. It asks for nothing about the caller."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, junction: str) -> None:
        super().__init__()
        self.junction = junction
        self.kind = Kind.OTHER
        self.signal = ""
        self.nonce = secrets.token_bytes(NONCE_BYTES)
        """One dialog is one flag, however often it is sent."""

    def compose(self) -> ComposeResult:
        """List of kinds; then the signal; then words."""
        with VerticalScroll(classes="box"):
            yield Static("A flag for somebody who calls", classes="heading")
            yield Said(classes="heading", id="question")
            yield OptionList(id="choices")
            yield Input(id="typed", max_length=REASON_CHARACTERS)
            yield Said(classes="words", id="said")
        yield KeyLine()

    def on_mount(self) -> None:
        """What is wrong?"""
        super().on_mount()
        self.query_one("#question", Said).say("What is wrong?")
        box = self.query_one(OptionList)
        for number, (kind, words) in enumerate(KINDS.items(), 1):
            mark = f"{number} " if number < 10 else "  "
            box.add_option(Option(Text.assemble((mark, "bold"), words), str(kind)))
        box.highlighted = 0
        box.focus()

    def pick(self, value: str) -> None:
        """What is wrong: by its digit, Enter or the mouse. Then which signal."""
        self.kind = Kind(value)
        self.query_one(OptionList).display = False
        self._ask("Which signal? The code on its pole, or name or title of the junction.", self.junction)

    def _ask(self, question: str, value: str) -> None:
        self.query_one("#question", Said).say(question)
        line = self.query_one("#typed", Input)
        line.value = value
        line.add_class("open")
        line.focus()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        event.stop()
        words = " ".join(event.value.split())
        if not self.signal:
            if words:
                self.signal = words
                self._ask("In the caller's words, without names; Enter sends. May be empty.", "")
            return
        self.query_one("#typed", Input).remove_class("open")
        self.query_one("#question", Said).say("")
        self._send(FlagRequest(self.nonce, self.signal[:64], self.kind, Channel.OPERATOR, words))

    @work(exclusive=True)
    async def _send(self, request: FlagRequest) -> None:
        said = self.query_one("#said", Said)
        hand_in = self.console_app.hand_in_flag
        if hand_in is None:
            said.say("This console does not know where flags are handed in: start it with --flags.")
            return
        said.say("Handing it in ...")
        try:
            reply = await asyncio.to_thread(hand_in, request)
        except NoAnswer as error:
            said.say(f"{error}. It counts once, however often it is sent.")
            return
        said.say(reply_text(reply))


def reply_text(reply: FlagReply) -> Text:
    """What to tell the caller."""
    text = Text()
    if not reply.accepted:
        text.append(f"Not taken: {reply.why or reply.code}", "bold bright_yellow")
        return text.append(f"\nTry again in {reply.retry_s} s." if reply.busy else "")
    text.append(f"Taken: {LIVES[reply.life][0]}.", "bold bright_green")
    if reply.known_ms:
        text.append(f" It has been known for {duration(reply.known_ms)}.")
    if reply.remedy:
        until = f", for {duration(reply.until_ms)}" if reply.until_ms else ""
        text.append(f"\nWhat is being done: {reply.remedy}{until}.", "green")
    text.append(f"\n{reply.why}" if reply.why else "")
    if reply.token:
        text.append("\nThe caller can ask how it stands with this code: ").append(reply.token, "bold reverse")
    return text
