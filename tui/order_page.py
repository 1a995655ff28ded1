"""What the order dialog says of a draft: what is there now, what it would cost whom, what became of it."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from override.previews import Forecast
from tui.ages import countdown, duration
from tui.card import queue_words
from tui.drafts import Draft, takes_the_place_of
from tui.following import Following, Stage
from tui.forecast_table import BETTER, WORSE, horizon_words, table, trust_words
from tui.lamps import rung
from tui.model import Sight
from tui.sending import Foreseen, Outcome

WAY_STYLES = {WORSE: "bright_yellow", BETTER: "bright_green"}
WAY_MARKS = {WORSE: "▲", BETTER: "▼"}
PLAIN_WAY_MARKS = {WORSE: "^", BETTER: "v"}
STAGE_STYLES = {
    Stage.WAITING: "bold bright_yellow",
    Stage.ACCEPTED: "bold bright_yellow",
    Stage.EFFECTIVE: "bold bright_green",
    Stage.ENDED: "bold",
    Stage.UNKNOWN: "bold bright_red",
}
WIDE = 92


def now_text(draft: Draft, sight: Sight, now_s: float, own: Collection[str] = ()) -> Text:
    """What is to be seen there at this moment; `own` are the orders that have come of the draft."""
    text = Text("Now: ", "bold")
    views = [sight.junctions[name] for name in draft.junctions if name in sight.junctions]
    if not views:
        return text.append("nothing is known of it", "bright_yellow")
    if len(views) > 1:
        acting = {order for view in views for order in view.orders}
        text.append(f"{len(views)} junctions, {sum(v.rung > 0 for v in views)} below the top rung, ")
        return text.append(f"{len(acting)} orders act" if acting else "no order acts")
    view = views[0]
    sign = rung(view.rung)
    text.append(f"stage {view.stage or 'none'}, {sign.word}, {queue_words(view)}")
    for order in view.orders:
        if order in own:
            continue  # the page tells of it by itself
        if (known := sight.orders.get(order)) is not None:
            left = countdown(1000 * sight.left_s(known.expires_ms, now_s))
            what = f"{known.command} {known.argument}".strip()
            text.append(f"\n     {what} of {known.issuer} acts, {left} left", "bold")
            if takes_the_place_of(draft, known):
                text.append("; this one takes its place", "bold bright_yellow")
        else:
            text.append(f"\n     {order} acts", "bold")
    return text


def cost_table(forecast: Forecast, width: int, plain: bool) -> Table:
    """The rows of a forecast."""
    wide = width >= WIDE
    out = Table(box=None, padding=(0, 1), show_edge=False, header_style="underline")
    for name, justify in (("people", "left"), ("where", "left"), ("without", "right"), ("with", "right")):
        out.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    out.add_column("change", justify="right", no_wrap=True)
    if wide:
        out.add_column("longest wait", justify="right", no_wrap=True)
        out.add_column("", no_wrap=True)
    marks = PLAIN_WAY_MARKS if plain else WAY_MARKS
    for number, row in enumerate(table(forecast.rows, 10 if wide else 0, plain)):
        style = WAY_STYLES.get(row.way, "")
        change = Text(f"{marks.get(row.way, ' ')} {row.change}", style)
        cells: list[str | Text] = [row.mode, row.district, row.without, row.with_order, change]
        if wide:
            cells += [row.longest, Text(row.bar, style)]
        out.add_row(*cells, style="bold" if number == 0 else "")
    return out


def preview_parts(
    draft: Draft, foreseen: Foreseen | None, need: str, width: int, age_ms: int, plain: bool
) -> list[RenderableType]:
    """All of the page, from top to bottom."""
    out: list[RenderableType] = []
    if foreseen is None:
        return [Text("Asking the station what this would cost whom ...", "italic")]
    forecast = foreseen.forecast
    if forecast is None:
        out.append(Text(foreseen.words, "bold bright_yellow"))
        if draft.safer:
            out.append(Text("It makes the street safer, so it may be sent without a forecast."))
        else:
            out.append(Text("Without a forecast only all red, flash and release can be sent from here."))
        return out
    if forecast.refusal:
        out.append(
            Text(f"As things stand the station would refuse it: {forecast.refusal}", "bold bright_red")
        )
    if forecast.sentence:
        out.append(Text(forecast.sentence, "bold"))
    if forecast.rows:
        out.append(cost_table(forecast, width, plain))
        out.append(Text(horizon_words(forecast), "italic"))
    elif forecast.horizon_ms:
        out.append(Text("Nobody's waiting would change over the time that can be foreseen.", "italic"))
    words, doubt = trust_words(forecast) if forecast.horizon_ms else ("", False)
    aged = f"{words} This one is {duration(age_ms)} old.".lstrip()
    out.append(Text(aged, "bright_yellow" if doubt else "italic"))
    for warning in forecast.warnings:
        out.append(Text(f"{'!' if plain else '⚠'} {warning}", "bold bright_yellow"))
    if needs := forecast.needs or need:
        out.append(
            Text(f"It {needs if needs.startswith('needs') else f'needs {needs}'}.", "bold bright_magenta")
        )
    return out


def preview_page(
    draft: Draft, foreseen: Foreseen | None, need: str, width: int, age_ms: int, plain: bool
) -> Group:
    """As one thing to show."""
    return Group(*preview_parts(draft, foreseen, need, width, age_ms, plain))


def progress_text(
    followings: list[Following], outcome: Outcome | None, now_ms: int, plain: bool, words: str = ""
) -> Text:
    """What became of what was sent; `words`: how far it is, where more is known of that."""
    text = Text()
    if outcome is None:
        return Text("Sending ...", "italic")
    if outcome.words:
        text.append(
            f"{outcome.words}\n", "bold bright_red" if not outcome.unknown else "bold reverse bright_red"
        )
    for one in followings:
        text.append(f"{one.stage.upper()}", STAGE_STYLES[one.stage]).append(f"  {one.order}\n")
        text.append(f"{words or one.progress(now_ms)}\n")
    if followings and all(one.stage is Stage.EFFECTIVE for one in followings):
        text.append("ok " if plain else "✔ ", "bold bright_green").append(
            "Done: the lamps prove it.\n", "bold"
        )
    return text
