"""The order dialog: what, where, for how long, why; then what it would cost whom; then one key sends it.

Each question shows only what may be answered. Enter and the digits answer, Escape goes one question back.
Nothing is sent by Enter, so that a key held down too long sends nothing: sending has a key of its own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from override.roles import Command, Role
from tui.ages import BadTime, typed
from tui.dialog import Dialog
from tui.drafts import Draft
from tui.following import Following, followed
from tui.key_line import KeyLine
from tui.offers import SAID, Offer, need_words
from tui.order_form import OTHER, PREVIEW, SENT, OrderForm
from tui.order_page import now_text, preview_page, progress_text
from tui.said import Said
from tui.sending import Foreseen, Outcome, foresee, may_send, send, undo

QUESTIONS = {
    "what": "What shall happen?",
    "stage": "Which stage?",
    "group": "Which group?",
    "detector": "Which detector?",
    "plan": "Which plan?",
    "bias_ms": "By how much?",
    "where": "Where?",
    "time": "For how long?",
    "why": "Why? It is kept with the order.",
}
AGE_STEP_MS = 5_000
"""The age of a forecast is told in such steps."""


class OrderDialog(Dialog[tuple[Following, ...]]):
    """Its answer is what was sent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "send", "Send it"),
        Binding("p", "preview", "Preview again"),
        Binding("T", "option('takeover')", "Take over", tooltip="Displace somebody else's order"),
        Binding(
            "P", "option('suspends_promise')", "Suspend promise", tooltip="Let a hold go beyond a promise"
        ),
        Binding("G", "option('break_glass')", "Break glass", tooltip="Alone, 15 min, with an alarm to all"),
        Binding("u", "undo", "Undo", tooltip="Release what was sent just now"),
    ]
    CSS = """
    OrderDialog #page { height: auto; max-height: 17; }
    OrderDialog #page Said { height: auto; }
    OrderDialog #trouble { height: auto; color: $text-error; text-style: bold; }
    """

    def __init__(self, junction: str, command: Command | None = None, group: str = "") -> None:
        """`command` and `group`: what is asked for already, where the role may do it."""
        super().__init__()
        self.junction = junction
        self.answers: dict[str, str] = {}
        self.toggles = {"takeover": False, "suspends_promise": False, "break_glass": False}
        self.step = "what"
        self.foreseen: Foreseen | None = None
        self.outcome: Outcome | None = None
        self.followings: list[Following] = []
        self.refused = ""
        """What the station said of the last try; it stays to be read until something else is asked."""
        self._start, self._group = command, group
        self._number = 0
        """Of the preview that is asked for; an older answer is dropped."""

    def compose(self) -> ComposeResult:
        """Heading, answers so far, question, answers possible, page of the preview."""
        with VerticalScroll(classes="box"):
            yield Said(classes="heading", id="heading")
            yield Said(classes="words", id="answered")
            yield Said(classes="heading", id="question")
            yield OptionList(id="choices")
            yield Input(id="typed", select_on_focus=False)
            with VerticalScroll(id="page"):
                yield Said(id="now")
                yield Said(id="preview")
            yield Said(id="trouble")
        yield KeyLine()

    def on_mount(self) -> None:
        """First question, or the second where the command is known."""
        super().on_mount()
        if self._start is not None and self._start in {offer.command for offer in self.offers}:
            self.answers["what"] = str(self._start)
            self.step = self.form.after("what")
            if self.step == "group" and self._group:
                self.answers["group"] = self._group
                self.step = self.form.after("group")
        self._show()

    # --- what is known ------------------------------------------------------------------------

    @property
    def role(self) -> Role:
        """Of who sits here; who has none watches."""
        return Role(self.console_app.role) if self.console_app.role else Role.VIEWER

    @property
    def form(self) -> OrderForm:
        """The order as far as it is written."""
        layouts = self.sight.layouts
        return OrderForm(
            self.role, layouts.get(self.junction), tuple(layouts.values()), self.answers, self.toggles
        )

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What may be ordered."""
        return self.form.offers

    @property
    def offer(self) -> Offer | None:
        """What was chosen."""
        return self.form.offer

    def draft(self) -> Draft | None:
        """The order as far as it is written; None before a command is chosen."""
        return self.form.draft()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are offered only where they do something."""
        on_preview = self.step == PREVIEW
        if action in ("send", "preview"):
            return on_preview
        if action == "option":
            offer = self.offer
            if not on_preview or offer is None:
                return False
            supervisor = self.role is Role.SUPERVISOR
            return {
                "takeover": True,
                "suspends_promise": supervisor and offer.command is Command.HOLD,
                "break_glass": supervisor and offer.command in (Command.LOCKOUT, Command.RESET_TRIP),
            }[str(parameters[0])]
        if action == "undo":
            return self.step == SENT and bool(self._undoable())
        return True

    # --- showing ----------------------------------------------------------------------------------

    def _show(self) -> None:
        """The question of this step, or its page."""
        layout = self.sight.layouts.get(self.junction)
        title = self.sight.title(self.junction)
        heading = f"Order at {title}" + (f", {layout.district}" if layout and layout.district else "")
        self.query_one("#heading", Said).say(heading)
        draft = self.draft()
        answered = Text(draft.sentence(), "bold") if draft and self.step != "what" else Text()
        if draft and draft.reason:
            answered.append(f"\nbecause: {draft.reason}", "italic")
        self.query_one("#answered", Said).say(answered)
        asking = self.step in QUESTIONS
        self.query_one("#question", Said).say(QUESTIONS.get(self.step, ""))
        box, line = self.query_one(OptionList), self.query_one("#typed", Input)
        line.remove_class("open")
        box.display = asking
        self.query_one("#page").display = not asking
        self.query_one("#trouble", Said).say("")
        if asking:
            self._fill(box)
        else:
            self.query_one("#page").focus()
        self.refresh_bindings()
        self.look()

    def _fill(self, box: OptionList) -> None:
        answers = self.form.answers_to(self.step)
        box.clear_options()
        wide = max((len(answer.label) for answer in answers), default=0)
        for number, answer in enumerate(answers, 1):
            text = Text(f"{number if number < 10 else ' '} ", "bold")
            text.append(answer.label.ljust(wide + 2)).append(answer.words, "italic")
            box.add_option(Option(text, answer.value))
        before = self.answers.get(self.step, "")
        box.highlighted = next(
            (k for k, a in enumerate(answers) if a.value == before), 0 if answers else None
        )
        box.focus()
        if not answers:
            role = self.role
            why = (
                f"A {role} may order nothing here."
                if self.sight.layouts.get(self.junction)
                else "The station has not yet told what this junction has."
            )
            self.query_one("#question", Said).say(why)

    def look(self) -> None:
        """Times and the state of the street, as they change."""
        app, now_s = self.console_app, self.console_app.now_s()
        draft = self.draft()
        if draft is None or self.step in QUESTIONS:
            return
        own = [one.order for one in self.followings]
        self.query_one("#now", Said).say(now_text(draft, self.sight, now_s, own))
        width, now_ms = self.size.width, self.sight.station_ms(now_s)
        page = self.query_one("#preview", Said)
        if self.step == PREVIEW:
            forecast = self.foreseen.forecast if self.foreseen else None
            age_ms = now_ms - forecast.now_ms if forecast else 0
            age_ms = age_ms // AGE_STEP_MS * AGE_STEP_MS
            asked = (draft, self.foreseen, self._need(draft), width, age_ms, app.plain)
            page.say_as(asked, lambda: preview_page(*asked))
            why = may_send(draft, forecast, self.sight, now_s) if self.foreseen else ""
            self.query_one("#trouble", Said).say(self.refused or why)
        elif self.step == SENT:
            self.followings = [followed(one, self.sight) for one in self.followings]
            text = progress_text(self.followings, self.outcome, now_ms, app.plain)
            for one in self._undoable()[:1]:
                left_s = max(0, 10_000 - (now_ms - one.sent_ms)) // 1000 + 1
                text.append(f"\nu takes it back at once (offered for {left_s} s more).", "bold")
            page.say(text)
            self.refresh_bindings()

    def _need(self, draft: Draft) -> str:
        offer = self.offer
        if offer is None:
            return ""
        need = need_words(
            self.role, offer, len(draft.junctions), max(1, len(self.sight.layouts)), draft.lease_ms,
            draft.break_glass,
        )  # fmt: skip
        return need if need.startswith("needs") else ""

    def _undoable(self) -> list[Following]:
        now_ms = self.sight.station_ms(self.console_app.now_s())
        return [one for one in self.followings if one.may_undo(now_ms)]

    # --- answering --------------------------------------------------------------------------------

    def pick(self, value: str) -> None:
        """An answer, or the line to type one into."""
        if self.step not in QUESTIONS:
            return
        if value == OTHER:
            line = self.query_one("#typed", Input)
            line.placeholder = "90s, 5min or 2h" if self.step == "time" else "in a few words"
            line.value = ""
            line.add_class("open")
            line.focus()
            return
        self._answer(value)

    @on(Input.Submitted, "#typed")
    def _typed(self, event: Input.Submitted) -> None:
        event.stop()
        value = event.value.strip()
        if self.step == "time":
            try:
                value = str(typed(value, self.offer.lease_max_ms if self.offer else 0))
            except BadTime as error:
                self.query_one("#trouble", Said).say(str(error))
                return
        elif not value:
            self.query_one("#trouble", Said).say("An order needs a reason.")
            return
        self._answer(value)

    def _answer(self, value: str) -> None:
        if self.step == "what" and self.answers.get("what") != value:
            self.answers = {}
        self.answers[self.step] = value
        self.step = self.form.after(self.step)
        if self.step == PREVIEW:
            self.action_preview()
        self._show()

    def action_back(self) -> None:
        """One question back; from the first, or after sending, out."""
        line = self.query_one("#typed", Input)
        if line.has_class("open"):
            line.remove_class("open")
            self.query_one(OptionList).focus()
            return
        if self.step == SENT:
            self.dismiss(tuple(self.followings))
            return
        steps = self.form.steps()
        at = steps.index(self.step)
        if at == 0:
            self.dismiss(None)
            return
        self.step = steps[at - 1]
        self._show()

    # --- preview, send, undo ------------------------------------------------------------------------

    def action_option(self, name: str) -> None:
        """Another order now: preview it again."""
        self.toggles[name] = not self.toggles[name]
        self.action_preview()
        self._show()

    def action_preview(self) -> None:
        """Ask the station what it would cost whom."""
        self.foreseen, self.refused = None, ""
        self._number += 1
        self._foresee(self._number)

    @work(exclusive=True, group="preview")
    async def _foresee(self, number: int) -> None:
        draft = self.draft()
        if draft is None:
            return
        foreseen = await foresee(self.console_app, draft)
        if number == self._number:
            self.foreseen = foreseen
            self.look()

    def action_send(self) -> None:
        """Send it, if the forecast still holds and what is seen is the present."""
        draft = self.draft()
        if draft is None or self.step != PREVIEW:
            return
        if self.foreseen is None and not draft.safer:
            self.notify("The forecast has not come yet.", severity="warning")
            return
        forecast = self.foreseen.forecast if self.foreseen else None
        if may_send(draft, forecast, self.sight, self.console_app.now_s()):
            self.look()  # it says why
            return
        self.step, self.outcome = SENT, None
        self._show()
        self._send(draft, forecast)

    @work(exclusive=True, group="send")
    async def _send(self, draft: Draft, forecast: Any) -> None:
        self.outcome = await send(self.console_app, draft, forecast)
        self.followings = list(self.outcome.sent)
        self.console_app.sent.add(self.outcome.sent)
        if not self.followings and not self.outcome.unknown:
            words = self.outcome.words
            self.step = PREVIEW
            self.action_preview()
            self.refused = words
            self._show()
            self.notify(f"{SAID[draft.command][0]} was not taken.", severity="error")
            return
        self.look()

    @work(exclusive=True, group="send")
    async def action_undo(self) -> None:
        """Take it back."""
        self.notify(await undo(self.console_app, self._undoable()))
