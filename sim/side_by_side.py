"""The comparison as text: blocks for a terminal of 80 columns, tables for Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sim.evaluate import Comparison, MapTable, ModeSummary, Overall, Row, Spread
from sim.glossary import GLOSSARY

COLUMNS = 80
NONE = "–"
LABELS = {
    "sumo-static": "SUMO static",
    "sumo-actuated": "SUMO actuated",
    "sumo-delay-based": "SUMO delay_b.",
    "all-green": "all-green",
}
"""What yardsticks are called in a narrow column."""


def seconds(value: float | None) -> str:
    """`12.3`, and without the decimal from 1000 on: five characters at most."""
    if value is None:
        return NONE
    return f"{value:.1f}" if value < 999.95 else f"{value:.0f}"


def whole(value: float | None) -> str:
    """No decimals."""
    return NONE if value is None else f"{value:.0f}"


def ratio(value: float | None) -> str:
    """Two decimals below ten, then fewer: four characters up to 9999."""
    if value is None:
        return NONE
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def share(value: float | None) -> str:
    """Per cent."""
    return NONE if value is None else f"{100 * value:.0f}%"


def person_hours(value_s: float | None) -> str:
    """Person-seconds as person-hours."""
    return NONE if value_s is None else seconds(value_s / 3600)


def count(value: int | None) -> str:
    """A whole number."""
    return NONE if value is None else str(value)


def rank(row: Row) -> str:
    """`1`, `2=` for a tie, `·` for a yardstick, `–` for who failed a seed."""
    if row.yardstick:
        return "·"
    return NONE if row.rank is None else f"{row.rank}{'=' if row.tied else ''}"


def _mode(row: Row, name: str, pick: Callable[[ModeSummary], float]) -> float | None:
    mode = row.modes.get(name)
    return pick(mode) if mode else None


def _of(spread: Spread | None, statistic: str) -> float | None:
    return None if spread is None else float(getattr(spread, statistic))


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    width: int
    cell: Callable[[Row], str]


def _mean_of(mode: str) -> Callable[[Row], str]:
    return lambda row: seconds(_mode(row, mode, lambda m: m.mean_s))


_TERMINAL = (
    _Column("mean", 6, lambda row: seconds(_of(row.delay_s, "mean"))),
    _Column("med", 6, lambda row: seconds(_of(row.delay_s, "median"))),
    _Column("worst", 6, lambda row: seconds(_of(row.delay_s, "worst"))),
    _Column("car", 6, _mean_of("car")),
    _Column("bus", 6, _mean_of("bus")),
    _Column("foot", 6, _mean_of("pedestrian")),
    _Column("wait", 5, lambda row: whole(_of(row.worst_wait_s, "worst"))),
    _Column("pers.h", 7, lambda row: person_hours(_of(row.person_s, "mean"))),
    _Column("lock", 5, lambda row: share(row.gridlock_share)),
    _Column("×del", 5, lambda row: ratio(row.delay_ratio)),
    _Column("×per", 5, lambda row: ratio(row.person_ratio)),
)
_NAME_WIDTH = COLUMNS - 3 - sum(column.width for column in _TERMINAL)


def terminal_lines(comparison: Comparison) -> list[str]:
    """The whole comparison, no line wider than 80 characters, readable without colour."""
    lines = [_headline(comparison), ""]
    for table in comparison.maps:
        lines += [*_block(table), ""]
    lines += _overall_block(comparison)
    lines += [
        "",
        "mean med worst: delay per vehicle trip over the seeds, s. car bus foot: mean",
        "delay by mode, s. wait: longest standstill, s. pers.h: person-hours of delay.",
        "lock: seeds in gridlock. ×del ×per: delay and person-seconds against the best",
        "of fixed, actuated, greedy, max-pressure here. Rank by person-hours.",
    ]
    return lines


def _headline(comparison: Comparison) -> str:
    seeds = comparison.seeds
    text = (
        f"{seeds[0]}-{seeds[-1]}" if list(seeds) == list(range(seeds[0], seeds[-1] + 1)) else _listed(seeds)
    )
    word = "seed" if len(seeds) == 1 else "seeds"
    text = str(seeds[0]) if len(seeds) == 1 else text
    return f"sensors {comparison.sensors}, timing {comparison.timing}, {word} {text}"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _block(table: MapTable) -> list[str]:
    minutes = (table.end_s - table.begin_s) / 60
    title = f"{table.name}  ({minutes:g} min from {table.begin_s} s)"
    if table.oversaturated:
        title += "  OVERSATURATED"
    head = " " * (3 + _NAME_WIDTH) + "".join(column.title.rjust(column.width) for column in _TERMINAL)
    lines = [title, head, "-" * COLUMNS]
    for row in table.rows:
        name = LABELS.get(row.controller, row.controller)[:_NAME_WIDTH]
        cells = "".join(column.cell(row).rjust(column.width) for column in _TERMINAL)
        lines.append(f"{rank(row):<3}{name:<{_NAME_WIDTH}}{cells}")
    return lines + [
        f"   {line}"
        for note in notes(table)
        for line in textwrap.wrap(note, COLUMNS - 3, subsequent_indent="  ")
    ]


def notes(table: MapTable) -> list[str]:
    """What must not be missed about a map: failures, gridlock, broken promises, violations."""
    found = []
    for row in table.rows:
        if row.gridlocked and not row.yardstick:
            found.append(f"{row.controller}: gridlock in seed {_listed(row.gridlocked)}")
        if row.promises_broken:
            found.append(f"{row.controller}: {row.promises_broken} promises broken")
        if row.violations:
            found.append(f"{row.controller}: {row.violations} violations of the monitor's rules")
        for reason in dict.fromkeys(reason for _, reason in row.failed):
            seeds = [seed for seed, other in row.failed if other == reason]
            found.append(f"{row.controller}, seed {_listed(seeds)} failed: {reason}")
    if table.floor_hidden:
        found.append("all-green is not shown: here it is not below every controller")
    return found


def _overall_cells(one: Overall) -> tuple[str, ...]:
    return (
        one.controller,
        str(one.maps),
        f"{one.rank_mean:.1f}",
        ratio(one.delay_ratio_mean),
        ratio(one.delay_ratio_worst),
        ratio(one.person_ratio_mean),
        ratio(one.person_ratio_worst),
        share(one.gridlock_share),
        whole(one.worst_wait_s),
        str(one.promises_broken),
        str(one.violations),
    )


_OVERALL = (
    "controller", "maps", "rank", "×del", "worst", "×per", "worst", "lock", "wait*", "broken", "viol.",
)  # fmt: skip


def _overall_block(comparison: Comparison) -> list[str]:
    if not comparison.overall:
        return ["No controller finished every seed of any map."]
    widths = (14, 6, 6, 7, 7, 7, 7, 6, 7, 7, 6)

    def line(cells: Sequence[str]) -> str:
        return cells[0].ljust(widths[0]) + "".join(
            cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)
        )

    return [
        "All maps (means over maps; * longest standstill where not oversaturated)",
        line(_OVERALL),
        "-" * COLUMNS,
        *(line(_overall_cells(one)) for one in comparison.overall),
    ]


# --- Markdown -----------------------------------------------------------------------------


_MARKDOWN: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("#", rank),
    ("controller", lambda row: f"*{row.controller}*" if row.yardstick else row.controller),
    ("mean", _TERMINAL[0].cell),
    ("median", _TERMINAL[1].cell),
    ("worst seed", _TERMINAL[2].cell),
    ("car mean / p95 / worst", lambda row: _three(row, "car")),
    ("bus", lambda row: _three(row, "bus")),
    ("pedestrian", lambda row: _three(row, "pedestrian")),
    ("worst wait", _TERMINAL[6].cell),
    ("person-h", _TERMINAL[7].cell),
    ("gridlock", _TERMINAL[8].cell),
    ("×delay", _TERMINAL[9].cell),
    ("×person", _TERMINAL[10].cell),
    ("promises broken", lambda row: count(row.promises_broken)),
    ("violations", lambda row: count(row.violations)),
)


def _three(row: Row, mode: str) -> str:
    one = row.modes.get(mode)
    return NONE if one is None else " / ".join(map(seconds, (one.mean_s, one.p95_s, one.worst_s)))


def markdown(comparison: Comparison, command: str, versions: dict[str, str], glossary: bool = True) -> str:
    """The comparison as Markdown with the command that makes it."""
    known = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = ["```", command, "```", "", f"{_headline(comparison).capitalize()}. {known}.", ""]
    for table in comparison.maps:
        state = ", oversaturated" if table.oversaturated else ""
        lines += [f"### {table.name} ({(table.end_s - table.begin_s) / 60:g} min{state})", ""]
        lines += _markdown_table([title for title, _ in _MARKDOWN],
                                 [[cell(row) for _, cell in _MARKDOWN] for row in table.rows])  # fmt: skip
        lines += [f"- {note}" for note in notes(table)] + [""]
    lines += ["### All maps", ""]
    lines += _markdown_table(_OVERALL, [_overall_cells(one) for one in comparison.overall])
    lines += ["\\* longest standstill on maps that are not oversaturated.", ""]
    if glossary:
        lines += ["### What the words mean", ""]
        lines += [f"- **{name}** ({unit}): {meaning}" for name, unit, meaning in GLOSSARY]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    aligns = ["---" if title == "controller" else "---:" for title in titles]
    table = [titles, aligns, *rows]
    return ["| " + " | ".join(cells) + " |" for cells in table] + [""]
