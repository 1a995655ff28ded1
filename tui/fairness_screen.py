"""Fairness and policy: waits by district and mode, promises kept, how the last hour went, what it costs."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType

from override.details import ModePulse, Pulse
from tui.ages import duration
from tui.fairness import (
    kept_over_time,
    ledgers,
    promises,
    ratio_words,
    tick_over_time,
    waits_over_time,
)
from tui.forecast_table import mode_words
from tui.model import Sight
from tui.page_screen import THE_PAST, PageScreen
from tui.plots import bar, number, plot, sparkline

COLOURS = ("bright_cyan", "bright_yellow", "bright_green", "bright_magenta")
"""Of modes, in the order in which the station tells them; each has a mark of its own beside."""
SIGNS = ("a", "b", "c", "d")
KEPT_LEAST = 990
"""Per mille of promises kept, below which it is said with emphasis."""
PLOT_ROWS = 9


class FairnessScreen(PageScreen):
    """The ledger."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("m", "mode", "Mode", tooltip="Everybody, or one kind of people by district"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.mode = ""

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show this."""
        width, plain = self.page_columns, self.console_app.plain
        told = (sight.pulse, len(sight.pulses), sight.layout_number, width, self.mode, stale, plain)
        self.page.say_as(told, lambda: fairness_page(sight, width, self.mode, stale, plain))

    def action_mode(self) -> None:
        """The next kind of people; after the last everybody."""
        pulse = self.sight.pulse
        modes = ["", *(mode.mode for mode in pulse.modes)] if pulse else [""]
        self.mode = modes[(modes.index(self.mode) + 1) % len(modes)] if self.mode in modes else ""
        self.catch_up()


def fairness_page(sight: Sight, width: int, mode: str, stale: bool, plain: bool) -> RenderableType:
    """All of the page, the most important first."""
    if sight.pulse is None:
        return Text("The station has not yet told how people fare.", "italic")
    out: list[RenderableType] = []
    if stale:
        out.append(Text(THE_PAST, "bold bright_yellow"))
    out.append(street_table(sight.pulse, sight, width, plain))
    for ledger in ledgers(sight.pulse):
        words, look = ratio_words(ledger)
        if not mode or ledger.mode == mode:
            out.append(Text(("! " if look else "  ") + words, "bold bright_yellow" if look else ""))
    out.append(Text())
    out += waits_plot(sight, width, mode, plain)
    out.append(district_table(sight.pulse, width, mode, plain))
    out.append(Text())
    out += policy_words(sight)
    out.append(latency_words(sight, width, plain))
    return Group(*out)


def street_table(pulse: Pulse, sight: Sight, width: int, plain: bool) -> Table:
    """The whole street by mode, over the last fifteen minutes."""
    table = Table(box=None, padding=(0, 1), show_edge=False, header_style="underline", title=None)
    for name in ("last 15 min", "waiting now", "mean wait", "longest", "promise kept"):
        table.add_column(name, justify="left" if name == "last 15 min" else "right", no_wrap=True)
    room = width - 74
    if room >= 8:
        table.add_column("kept, last hour", no_wrap=True)
    for k, mode in enumerate(pulse.modes):
        cells = [
            Text.assemble((f"{SIGNS[k % 4]} ", COLOURS[k % 4]), mode_words(mode.mode)),
            *_mode_cells(mode),
        ]
        if room >= 8:
            kept = kept_over_time(sight.pulses, mode.mode)
            cells.append(Text(sparkline(kept, min(room, 24), 100.0, plain), COLOURS[k % 4]))
        table.add_row(*cells)
    return table


def _mode_cells(mode: ModePulse) -> list[Text]:
    kept = Text(f"{mode.kept_permille / 10:.1f} %")
    if mode.kept_permille < KEPT_LEAST:
        kept.stylize("bold bright_yellow")
    mean = Text(f"{mode.mean_wait_ms / 1000:.0f} s")
    return [Text(str(mode.waiting)), mean, Text(duration(mode.longest_ms)), kept]


def district_table(pulse: Pulse, width: int, mode: str, plain: bool) -> Table:
    """Each district by mode: mean wait as a bar, promises kept."""
    table = Table(box=None, padding=(0, 1), show_edge=False, header_style="underline")
    for name in ("district", "people", "mean wait", "", "longest", "kept"):
        table.add_column(
            name, justify="right" if name in ("mean wait", "longest", "kept") else "left", no_wrap=True
        )
    most = max((m.mean_wait_ms for d in pulse.districts for m in d.modes), default=0)
    modes = [one.mode for one in pulse.modes]
    for ledger in ledgers(pulse):
        if mode and ledger.mode != mode:
            continue
        k = modes.index(ledger.mode) if ledger.mode in modes else 3
        for district, one in ledger.rows:
            _, mean, longest, kept = _mode_cells(one)
            length = Text(bar(one.mean_wait_ms, most, max(6, min(30, width - 62)), plain), COLOURS[k % 4])
            table.add_row(Text(district or "-"), Text(mode_words(ledger.mode)), mean, length, longest, kept)
    return table


def waits_plot(sight: Sight, width: int, mode: str, plain: bool) -> list[RenderableType]:
    """Mean waits over the last hour, a line a mode; or a line a district where one mode is chosen."""
    pulse = sight.pulse
    if pulse is None or len(sight.pulses) < 2:
        return [Text("The plot begins when this console has watched for some seconds.", "italic"), Text()]
    if mode:
        names = [d.district for d in pulse.districts][:4]
        series = [waits_over_time(sight.pulses, mode, name) for name in names]
        title = f"mean wait of people {mode_words(mode)}, by district: "
    else:
        names = [mode_words(one.mode) for one in pulse.modes][:4]
        series = [waits_over_time(sight.pulses, one.mode) for one in pulse.modes[:4]]
        title = "mean wait: "
    known = [k for k, line in enumerate(series) if any(not math.isnan(v) for v in line)]
    heading = Text(title, "bold")
    for k in known:
        heading.append(f"{'ox+*'[k] if plain else '─'} {names[k]}  ", COLOURS[k % 4])
    since = duration(round(1000 * (sight.pulses[-1].heard_s - sight.pulses[0].heard_s)))
    drawn = plot(series, width, PLOT_ROWS, unit="s", since=f"{since} ago", plain=plain)
    out: list[RenderableType] = [heading]
    for text, owners in zip(drawn.text, drawn.owner, strict=True):
        line = Text(no_wrap=True)
        for character, owner in zip(text, owners, strict=True):
            line.append(character, COLOURS[owner % 4] if owner >= 0 else "")
        out.append(line)
    return [*out, Text()]


def policy_words(sight: Sight) -> list[RenderableType]:
    """What was promised to whom."""
    out: list[RenderableType] = [Text("Promised, from the call to the green or walk", "bold")]
    for promise in promises(sight.layouts.values()):
        line = Text(f"  {promise.kind:<5} {duration(promise.least_ms)}")
        if promise.above:
            line.append(
                f"; {promise.above} of {promise.groups} groups more, {duration(promise.most_ms)} at most"
            )
        out.append(line)
    return out


def latency_words(sight: Sight, width: int, plain: bool) -> Text:
    """What a tick costs, and how late messages are."""
    pulse = sight.pulse
    text = Text("\nThe machine: ", "bold")
    if pulse is not None:
        ticks = tick_over_time(sight.pulses)
        text.append(
            f"a tick takes {pulse.tick_us / 1000:.1f} ms, the latest was {pulse.late_us / 1000:.0f} ms late; "
        )
        text.append(f"this console hears it after {sight.lag_ms} ms  ")
        top = max([tick for tick in ticks if not math.isnan(tick)], default=0.0)
        text.append(sparkline(ticks, min(30, max(0, width - 70)), top, plain)).append(
            f" {number(top)} ms at most"
        )
    return text
