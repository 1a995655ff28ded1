"""A junction's signals from near: each group's lamp, countdown and who waits; its stages over two minutes."""

from __future__ import annotations

from rich.text import Text

from override.details import Detail, GroupDetail
from override.layouts import GroupLayout, JunctionLayout
from tui.ages import SECOND_MS, short
from tui.cut import told_apart
from tui.lamps import kind_word, lamp
from tui.plots import bar

PAST_MS, FUTURE_MS = 60_000, 60_000
SHOWN, PLANNED, NOTHING = "█", "▒", "·"
PLAIN_SHOWN, PLAIN_PLANNED, PLAIN_NOTHING = "#", "=", "."
STAGES_MAX = 12
NAME_CELLS = (5, 18)
"""At least, at most."""
BAR_CELLS = 43
"""From this width there is room for the bar of the promise."""
ROOMY_CELLS = 54
"""From this width units are written out and bars are longer."""
NEAR_PERCENT = 75


def countdown_words(group: GroupDetail) -> str:
    """When the lamp ends: `3-9s` not before 3 s and probably in 9 s, `≥3s`, `9s`, `any` at any moment."""
    may_s = -(-group.may_end_ms // SECOND_MS)
    will_s = -(-group.will_end_ms // SECOND_MS)
    if group.will_end_ms and will_s > may_s > 0:
        return f"{may_s}-{will_s}s"
    if group.will_end_ms:
        return f"{will_s}s"
    return f"≥{may_s}s" if may_s else "any"


def waiting_words(group: GroupDetail, kind: str, roomy: bool) -> str:
    """How many wait, of what: `3 ppl`, `7 veh`, or `3p`, `7v`."""
    if not group.waiting:
        return ""
    unit = "ppl" if kind == "pedestrian" else "veh"
    return f"{group.waiting} {unit}" if roomy else f"{group.waiting}{unit[0]}"


def promise_cells(group: GroupDetail, layout: GroupLayout, cells: int, plain: bool) -> tuple[str, str]:
    """(a bar of the promise that is used up, its style); blank where nobody waits."""
    if not group.waited_ms or not layout.promise_ms:
        return " " * cells, ""
    percent = 100 * group.waited_ms // layout.promise_ms
    style = "bold bright_red" if percent > 100 else "bright_yellow" if percent >= NEAR_PERCENT else "green"
    return bar(group.waited_ms, layout.promise_ms, cells, plain), style


def signals_text(layout: JunctionLayout, detail: Detail, width: int, plain: bool) -> Text:
    """One row a group: lamp, name, who it is for, when it ends, who waits, how long of the promise."""
    roomy = width >= ROOMY_CELLS
    wait_cells, bar_cells = (7, 8) if roomy else (4, 6)
    name_cells = min(max(NAME_CELLS[0], width - 24 - wait_cells - max(bar_cells, 7)), NAME_CELLS[1])
    who, waits = ("waiting", "since") if roomy else ("who", "waits")
    with_bar = width >= BAR_CELLS
    if not with_bar:
        name_cells = max(NAME_CELLS[0], width - 24 - wait_cells + 1)
    head = f"    {'group':<{name_cells}} {'for':<4} {'ends':>6} {who:>{wait_cells}} {waits:>5}"
    head += " promise" if with_bar else ""
    text = Text(no_wrap=True, overflow="ellipsis").append(head[:width], "bold underline")
    names = told_apart([place.name for place in layout.groups], name_cells)
    for place, name, group in zip(layout.groups, names, detail.groups, strict=False):
        sign = lamp(group.lamp)
        text.append("\n")
        text.append(sign.cell(plain), f"{sign.style} reverse" if group.lamp in "FA" else sign.style)
        text.append(" " if not group.called else "* " if plain else "• ", "bold")
        text.append("" if group.called else " ")
        text.append(f"{name:<{name_cells}} ", "bold" if group.lamp == "G" else "")
        text.append(f"{kind_word(place.kind):<4} ")
        text.append(f"{countdown_words(group):>6} ")
        text.append(f"{waiting_words(group, place.kind, roomy):>{wait_cells}} ")
        text.append(f"{short(group.waited_ms) if group.waited_ms else '':>5}")
        if with_bar:
            text.append(" ")
            text.append(*promise_cells(group, place, bar_cells, plain))
    return text


def timeline_text(layout: JunctionLayout, detail: Detail, width: int, plain: bool) -> Text:
    """A row a stage: what was green in the last minute, what is planned for the next."""
    used = sorted({span.stage for span in (*detail.shown, *detail.planned)})[:STAGES_MAX]
    known = detail.stages or tuple(stage.name for stage in layout.stages)
    names = {k: known[k] if k < len(known) else f"#{k}" for k in used}
    label = min(10, max((len(n) for n in names.values()), default=4))
    columns = max(10, width - label - 1)
    text = Text(no_wrap=True, overflow="ellipsis").append(_axis(columns, label), "bold")
    now = columns * PAST_MS // (PAST_MS + FUTURE_MS)
    for stage in used:
        text.append(f"\n{names[stage][:label]:<{label}} ")
        cells = [(PLAIN_NOTHING if plain else NOTHING, "dim")] * columns
        for spans, mark, style in (
            (detail.shown, PLAIN_SHOWN if plain else SHOWN, "green"),
            (detail.planned, PLAIN_PLANNED if plain else PLANNED, "cyan"),
        ):
            for span in spans:
                if span.stage == stage:
                    _fill(cells, span.from_ms, span.from_ms + span.for_ms, mark, style)
        before, after = cells[:now], cells[now + 1 :]
        for part in (before, [("│" if not plain else "|", "bold")], after):
            for mark, style in part:
                text.append(mark, style)
    if not used:
        text.append("\nNothing is known of its stages yet.", "italic")
    return text


def _fill(cells: list[tuple[str, str]], from_ms: int, to_ms: int, mark: str, style: str) -> None:
    columns, whole_ms = len(cells), PAST_MS + FUTURE_MS
    first = (from_ms + PAST_MS) * columns // whole_ms
    last = -(-(to_ms + PAST_MS) * columns // whole_ms)
    for k in range(max(0, first), min(columns, last)):
        cells[k] = (mark, style)


def _axis(columns: int, label: int) -> str:
    """Seconds from now along the top."""
    axis = [" "] * columns
    for seconds in (-60, -30, 0, 30, 60):
        words = "now" if seconds == 0 else f"{seconds:+d} s"
        middle = (seconds * 1000 + PAST_MS) * columns // (PAST_MS + FUTURE_MS)
        at = min(max(0, middle - len(words) // 2), columns - len(words))
        axis[at : at + len(words)] = words
    return " " * (label + 1) + "".join(axis)
