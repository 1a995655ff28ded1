"""The comparison as one HTML file: tables, plots and a legend, nothing fetched, no script."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2

from sim import side_by_side
from sim.evaluate import Comparison, MapTable, Row, Spread
from sim.glossary import GLOSSARY
from sim.measures import MODES
from sim.plots import BarPlot, Series, bar_plot

TEMPLATE = "evaluation.html.j2"
OURS = "adaptive"
_MODE_TITLES = {"car": "Cars", "bus": "Buses", "pedestrian": "People on foot"}


@dataclass(frozen=True, slots=True)
class Made:
    """How a report came to be, printed at its top."""

    title: str
    command: str
    versions: dict[str, str]
    sources: str
    """Digest of the product's sources."""
    when: str
    """Local date and time, for people."""


def html(comparison: Comparison, made: Made) -> str:
    """The whole report as one self-contained document."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)  # fmt: skip
    source = resources.files("sim").joinpath("templates", TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(source).render(
        made=made,
        comparison=comparison,
        modes=[mode for mode in MODES if _has_mode(comparison, mode)],
        mode_titles=_MODE_TITLES,
        sections=[_section(table) for table in comparison.maps],
        glossary=GLOSSARY,
        ours=OURS,
        show=side_by_side,
    )


def _has_mode(comparison: Comparison, mode: str) -> bool:
    return any(mode in row.modes for table in comparison.maps for row in table.rows)


def _section(table: MapTable) -> dict[str, Any]:
    return {
        "table": table,
        "modes": [mode for mode in MODES if any(mode in row.modes for row in table.rows)],
        "plots": _plots(table),
        "notes": side_by_side.notes(table),
    }


def _plots(table: MapTable) -> list[BarPlot]:
    rows = [row for row in table.rows if row.finished]
    if not rows:
        return []
    plots = []
    for mode in MODES:
        with_mode = [row for row in rows if mode in row.modes]
        if with_mode:
            title = f"{_MODE_TITLES[mode]}: mean delay"
            series = [_series(row, row.modes[mode].mean_s, row.modes[mode].by_seed) for row in with_mode]
            plots.append(bar_plot(title, "s", series))
    plots.append(_of("All delay, weighted by people", "person-hours", rows, "person_s", 1 / 3600))
    plots.append(_of("Longest standstill (bar: mean of seeds)", "s", rows, "worst_wait_s", 1.0, digits=0))
    shares = [_series(row, 100 * (row.gridlock_share or 0.0), ()) for row in rows]
    if any(one.value for one in shares):
        plots.append(bar_plot("Seeds ending in gridlock", "%", shares, digits=0))
    return plots


def _of(title: str, unit: str, rows: list[Row], measure: str, factor: float, digits: int = 1) -> BarPlot:
    series = []
    for row in rows:
        spread: Spread = getattr(row, measure)
        by_seed = tuple((seed, value * factor) for seed, value in spread.by_seed)
        series.append(_series(row, spread.mean * factor, by_seed))
    return bar_plot(title, unit, series, digits)


def _series(row: Row, value: float, by_seed: tuple[tuple[int, float], ...]) -> Series:
    kind = "yardstick" if row.yardstick else "ours" if row.controller == OURS else "peer"
    label = side_by_side.LABELS.get(row.controller, row.controller)
    return Series(label, value, by_seed, frozenset(row.gridlocked), kind)
