"""The way for an emergency vehicle: from where to where, how fast, why; what it costs whom; then one key.

It goes out as one order. While it acts its legs are followed here, and one key gives all of it back.
"""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from override.requests import Leg
from override.roles import Command, Need, Role, permission
from tui.ages import duration, short
from tui.corridor import (
    SPEEDS_KM_PER_H,
    USUAL_KM_PER_H,
    CorridorRun,
    NoWay,
    Stop,
    arrival_ms,
    arrival_words,
    lease_of,
    leg_words,
    legs_of,
    way,
)
from tui.dialog import Dialog
from tui.drafts import Draft
from tui.following import Following, followed
from tui.key_line import KeyLine
from tui.offers import cell
from tui.order_dialog import AGE_STEP_MS
from tui.order_page import now_text, preview_page, progress_text
from tui.rows import Row, Rows
from tui.said import Said
from tui.sending import Foreseen, Outcome, foresee, may_send, release, send

WHERE, WAY, WHY, PREVIEW, SENT = "where", "way", "why", "preview", "sent"
ON_THE_MAP, BY_NAME = "on the map", "by name"
REASONS = ("ambulance", "fire engine", "police", "escort agreed with the supervisor")
BACK_TO = {WAY: WHERE, WHY: WAY, PREVIEW: WHY}
QUESTIONS = {
    WHERE: "Where does it go?",
    WAY: "This way? Enter goes on; + and - change its speed, g the stage of the junction under the cursor.",
    WHY: "For whom? It is kept with the order.",
}


class CorridorDialog(Dialog[tuple[Following, ...]]):
    """Its answer is what was sent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "send", "Send it"),
        Binding("p", "preview", "Preview again"),
        Binding("plus,equals_sign", "speed(1)", "Faster", key_display="+"),
        Binding("minus", "speed(-1)", "Slower", key_display="-"),
        Binding("g", "stage", "Other stage", tooltip="Let it through by another stage of this junction"),
        Binding("T", "takeover", "Take over", tooltip="Displace somebody else's corridor"),
        Binding("x", "release", "Release", tooltip="Give all of it back, now"),
    ]
    CSS = """
    CorridorDialog Rows { height: auto; max-height: 12; }
    CorridorDialog #page { height: auto; max-height: 17; }
    CorridorDialog.following #page { max-height: 6; }
    CorridorDialog #page Said { height: auto; }
    CorridorDialog #trouble { height: auto; color: $text-error; text-style: bold; }
    """

    def __init__(self, junction: str) -> None:
        """From here; or to here, where the way was begun on the map."""
        super().__init__()
        self.start, self.end = junction, ""
        self.step = WHERE
        self.stops: tuple[Stop, ...] = ()
        self.km_per_h, self.stages = USUAL_KM_PER_H, dict[str, str]()
        self.reason, self.takes_over = "", False
        self.foreseen: Foreseen | None = None
        self.outcome: Outcome | None = None
        self.refused = ""

    def compose(self) -> ComposeResult:
        """Heading, question, list, legs, page."""
        with VerticalScroll(classes="box"):
            yield Said(classes="heading", id="heading")
            yield Said(classes="words", id="question")
            yield OptionList(id="choices")
            yield Input(placeholder="junction, street or district", id="typed", select_on_focus=False)
            yield Rows(("junction", "vehicle", "", "held", "stage"), id="legs")
            with VerticalScroll(id="page"):
                yield Said(id="said")
            yield Said(id="trouble")
        yield KeyLine()

    def on_mount(self) -> None:
        """The running one; else the way that was begun on the map, or the question where it goes."""
        super().on_mount()
        app = self.console_app
        begun, app.corridor_from = app.corridor_from, ""
        if app.corridor is not None and not followed(app.corridor.following, self.sight).done:
            self.step = SENT
        elif begun and begun != self.start:
            self.start, self.end = begun, self.start
            self._find_way()
        self._show()

    # --- what is known --------------------------------------------------------------------------

    @property
    def legs(self) -> tuple[Leg, ...]:
        """As they would be sent; of the running corridor those that were."""
        run = self.console_app.corridor
        if self.step == SENT and run is not None:
            return run.legs
        return legs_of(self.stops, self.km_per_h, self.stages)

    def draft(self) -> Draft | None:
        """The order; None where the role may not give it."""
        role = Role(self.console_app.role) if self.console_app.role else Role.VIEWER
        found = cell(role, Command.CORRIDOR)
        if found is None or not self.stops:
            return None
        legs, title = self.legs, self.sight.title
        return Draft(
            Command.CORRIDOR, found[0], tuple(leg.junction for leg in legs),
            f"{title(self.start)} to {title(self.end)}, {len(legs)} junctions at {self.km_per_h} km/h",
            lease_of(legs), self.reason, takeover=self.takes_over, legs=legs,
        )  # fmt: skip

    def _trouble(self) -> str:
        """Why it cannot be asked for as it is; empty = it can."""
        draft, role = self.draft(), self.console_app.role
        found = cell(Role(role), Command.CORRIDOR) if role else None
        if found is None:
            return f"A {role or 'viewer'} may not clear the way."
        if draft is not None and draft.lease_ms > found[1].lease_max_ms:
            most = duration(found[1].lease_max_ms)
            return f"At this speed it takes {duration(draft.lease_ms)}; {most} is the longest. Faster (+)?"
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are offered only where they do something."""
        return {
            "speed": self.step == WAY, "stage": self.step == WAY, "send": self.step == PREVIEW,
            "preview": self.step == PREVIEW, "takeover": self.step == PREVIEW,
            "release": self.step == SENT and self._lives(),
        }.get(action, True)  # fmt: skip

    def _lives(self) -> bool:
        run = self.console_app.corridor
        return run is not None and run.following.order in self.sight.orders

    # --- showing --------------------------------------------------------------------------------

    def _show(self) -> None:
        """The question of this step, or its page."""
        title, run = self.sight.title, self.console_app.corridor
        heading = f"Clear the way from {title(self.start)}" + (f" to {title(self.end)}" if self.end else "")
        if self.step == SENT and run is not None:
            heading = run.words
        self.query_one("#heading", Said).say(heading)
        self.query_one("#question", Said).say(QUESTIONS.get(self.step, ""))
        box, line, table = self.query_one(OptionList), self.query_one("#typed", Input), self.query_one(Rows)
        line.remove_class("open")
        box.display, table.display = self.step in (WHERE, WHY), self.step in (WAY, SENT)
        self.query_one("#page").display = self.step in (PREVIEW, SENT)
        self.query_one("#trouble", Said).say(self.refused or (self._trouble() if self.step == WAY else ""))
        if self.step in (WHERE, WHY):
            answers = (ON_THE_MAP, BY_NAME) if self.step == WHERE else REASONS
            box.clear_options()
            box.add_options(
                [Option(Text.assemble((f"{n} ", "bold"), a), a) for n, a in enumerate(answers, 1)]
            )
            box.highlighted = 0
            box.focus()
        elif table.display:
            table.focus()
        else:
            self.query_one("#page").focus()  # longer than a small terminal: its keys scroll it
        self.set_class(self.step == SENT, "following")
        self.refresh_bindings()
        self.look()

    def look(self) -> None:
        """Times and the state of the street, as they change."""
        app, now_s = self.console_app, self.console_app.now_s()
        now_ms, page = self.sight.station_ms(now_s), self.query_one("#said", Said)
        if self.step in (WAY, SENT):
            self.query_one(Rows).show_rows(self._rows(now_ms))
        draft = self.draft()
        if self.step == PREVIEW and draft is not None:
            forecast = self.foreseen.forecast if self.foreseen else None
            age_ms = (now_ms - forecast.now_ms if forecast else 0) // AGE_STEP_MS * AGE_STEP_MS
            asked = (draft, self.foreseen, self._need(draft), self.size.width, age_ms, app.plain)
            page.say_as(asked, lambda: preview_page(*asked))
            why = may_send(draft, forecast, self.sight, now_s) if self.foreseen else ""
            self.query_one("#question", Said).say(now_text(draft, self.sight, now_s))
            self.query_one("#trouble", Said).say(self.refused or why)
        elif self.step == SENT:
            if (run := app.corridor) is None:
                page.say(progress_text([], self.outcome, now_ms, app.plain))
            else:
                app.corridor = run = run.seen(self.sight)
                outcome = self.outcome or Outcome((run.following,))
                page.say(progress_text([run.following], outcome, now_ms, app.plain, run.progress(now_ms)))
            self.refresh_bindings()

    def _rows(self, now_ms: int) -> list[Row]:
        run, title, out = self.console_app.corridor, self.sight.title, []
        for k, leg in enumerate(self.legs):
            held = f"{short(leg.after_ms)} to {short(leg.after_ms + leg.hold_ms)}"
            if self.step == SENT and run is not None:
                words, style = leg_words(leg, run, self.sight, now_ms)
                there = arrival_words(k, run, now_ms)
                cells = (Text(there), Text(words, style), Text(held), Text(leg.stage))
            else:
                stop = self.stops[k]
                there = f"after {short(arrival_ms(stop, self.km_per_h))}"
                at = stop.stages.index(leg.stage)
                more = f" {at + 1}/{len(stop.stages)}" if len(stop.stages) > 1 else ""
                stage = Text(leg.stage + more, "bold" if at else "")
                cells = (Text(there), Text(f"{stop.along_m:.0f} m"), Text(held), stage)
            out.append(Row(leg.junction, (Text(title(leg.junction), "bold"), *cells)))
        return out

    def _need(self, draft: Draft) -> str:
        many, city = len(draft.junctions), max(1, len(self.sight.layouts))
        role = Role(self.console_app.role)
        need = permission(role, draft.command, draft.slot, many, city, draft.lease_ms, False).need
        return "" if need is Need.NOTHING else f"needs {need.value}"

    # --- answering ------------------------------------------------------------------------------

    def pick(self, value: str) -> None:
        """Whither, or for whom."""
        if self.step == WHY:
            self.reason, self.step = value, PREVIEW
            self.action_preview()
            self._show()
        elif value == ON_THE_MAP:
            self.console_app.corridor_from = self.start
            self.notify("Choose where it goes (arrows, the mouse, or / to find it), then c again.", timeout=8)
            self.dismiss(None)
        else:
            line = self.query_one("#typed", Input)
            line.clear()
            line.add_class("open")
            line.focus()

    @on(Input.Submitted, "#typed")
    def _typed(self, event: Input.Submitted) -> None:
        event.stop()
        found = self.console_app.find(event.value)
        if not found or found == self.start:
            what = "is where it begins" if found else "is no junction, street or district here"
            self.query_one("#trouble", Said).say(f"'{event.value}' {what}.")
            return  # the line stays open, so that a slip of the finger is mended there
        self.end = found
        self._find_way()
        self._show()

    @on(Rows.RowSelected)
    def _taken(self, event: Rows.RowSelected) -> None:
        event.stop()
        if self.step == WAY and not self._trouble():
            self.step = WHY
            self._show()

    def _find_way(self) -> None:
        self.refused, self.stages = "", {}
        try:
            self.stops, self.step = way(self.sight.layouts, self.start, self.end), WAY
        except NoWay as none:
            self.stops, self.step, self.refused = (), WHERE, str(none)[:1].upper() + str(none)[1:] + "."

    def action_back(self) -> None:
        """One question back; from the first, or after sending, out."""
        self.refused = ""
        if self.step in BACK_TO:
            self.step = BACK_TO[self.step]
            self._show()
        else:
            run = self.console_app.corridor
            self.dismiss((run.following,) if run is not None and self.step == SENT else None)

    def action_speed(self, step: int) -> None:
        """Faster or slower."""
        at = SPEEDS_KM_PER_H.index(self.km_per_h) + step
        self.km_per_h = SPEEDS_KM_PER_H[min(len(SPEEDS_KM_PER_H) - 1, max(0, at))]
        self._show()

    def action_stage(self) -> None:
        """Let it through the junction under the cursor by its next stage."""
        here = next((s for s in self.stops if s.layout.name == self.query_one(Rows).chosen), None)
        if here is not None:
            now = self.stages.get(here.layout.name, here.stages[0])
            self.stages[here.layout.name] = here.stages[(here.stages.index(now) + 1) % len(here.stages)]
            self._show()

    # --- preview, send, release -----------------------------------------------------------------

    def action_takeover(self) -> None:
        """Another order now: preview it again."""
        self.takes_over = not self.takes_over
        self.action_preview()
        self._show()

    def action_preview(self) -> None:
        """Ask the station what it would cost whom."""
        self.foreseen, self.refused = None, ""
        self._foresee()

    @work(exclusive=True, group="preview")
    async def _foresee(self) -> None:
        if (draft := self.draft()) is not None:
            self.foreseen = await foresee(self.console_app, draft)
            self.look()

    @work(exclusive=True, group="send")
    async def action_send(self) -> None:
        """Send it as one order, if the forecast still holds and what is seen is the present."""
        app, draft = self.console_app, self.draft()
        forecast = self.foreseen.forecast if self.foreseen else None
        if draft is None or self.step != PREVIEW or may_send(draft, forecast, self.sight, app.now_s()):
            self.look()  # it says why
            return
        self.step = ""
        outcome = await send(app, draft, forecast)
        app.sent.add(outcome.sent)
        self.outcome = outcome
        for one in outcome.sent:
            arrivals_ms = tuple(arrival_ms(stop, self.km_per_h) for stop in self.stops)
            app.corridor = CorridorRun(one, draft.legs, draft.sentence(), arrivals_ms)
        self.step = SENT if outcome.sent or outcome.unknown else PREVIEW
        self.refused = "" if self.step == SENT else outcome.words
        self._show()

    @work(exclusive=True, group="send")
    async def action_release(self) -> None:
        """Give all of it back, now."""
        run = self.console_app.corridor
        if run is not None and (view := self.sight.orders.get(run.following.order)) is not None:
            self.notify(await release(self.console_app, view))
