"""The report of a sweep as one HTML file for people who decide: words first, then maps and plots.

Nothing is fetched and nothing runs in it; it prints. One experiment a controller; the first is
the one the report is about, the others stand beside it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from sim.city.measuring.equity import PEOPLE_MIN, RATIO_FLOOR_S
from sim.city.measuring.report_map import LOSS_CLASSES_S, Picture, StreetMap, draw, read_map
from sim.city.measuring.results import Experiment
from sim.city.measuring.run_files import read_table
from sim.city.measuring.sweep_summary import MODE_NAMES, LedgerRow, Summary, summarize
from sim.city.measuring.time_plots import LinePlot, line_plot
from sim.city.measuring.trip_table import Table
from sim.city.trips import MODES
from sim.plots import BarPlot, Series, bar_plot

PLACES = 8
"""How many places of long waits are named."""
PEOPLE_AT_PLACE_MIN = 30
LABEL_CHARS = 17
HEAT_LIMITS_S = (5.0, 10.0, 20.0, 35.0, 60.0, 120.0)
OURS = "adaptive"
NO_BREAK = "\N{NO-BREAK SPACE}"
"""Between a number and its unit."""


@dataclass(frozen=True, slots=True)
class Made:
    """How a report came to be, printed at its end."""

    command: str
    versions: Mapping[str, str]
    sources: str
    when: str
    """Local date and time, for people."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where people lose time, summed over the seeds: a street map's rows."""

    edge_s: NDArray[np.float64]
    """(E) seconds a person who used the street, NaN where nobody did."""
    crossing_s: NDArray[np.float64]
    """(K) seconds a person who came, NaN where nobody did."""
    junctions: tuple[tuple[str, int, float, float], ...]
    """(title, index, seconds a person who passed, people), longest first."""


def html(experiments: Sequence[Experiment], made: Made) -> str:
    """The whole report. Raises ResultError when tables are missing."""
    experiments = sorted(experiments, key=lambda one: one.decided_by["controller"] != OURS)
    summaries = [summarize(one) for one in experiments]
    street_map = read_map(experiments[0].folder)
    where = [places_of(one) for one in experiments]
    return render(
        "city_report.html.j2",
        title=f"Who waits, how long and where: {experiments[0].decided_by['scenario']}",
        experiments=experiments,
        summaries=summaries,
        sentences=_sentences(summaries),
        maps=[_map(street_map, summary, place) for summary, place in zip(summaries, where, strict=True)],
        worst=[place.junctions[:PLACES] for place in where],
        ledgers=[_ledger_rows(summary, street_map.districts) for summary in summaries],
        ledger_modes=_ledger_modes(summaries),
        bars=_bars(summaries, street_map.districts),
        lines=_lines(experiments, summaries),
        key=_key(),
        made=made,
        hours=_hours(experiments[0]),
        times=_times(len(summaries[0].seeds)),
    )


def render(template: str, **values: Any) -> str:
    """Fill one of our templates; names from files come out as text, never as markup."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sim", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"s": seconds, "pct": percent, "heat": heat, "people": people}
    return environment.get_template(template).render(mode_names=MODE_NAMES, ours=OURS, **values)


# --- words ------------------------------------------------------------------------------------


def seconds(value: float | None) -> str:
    """`4.2 s`, `37 s`, `12 min`: as precise as people care for."""
    if value is None:
        return "–"
    if abs(value) < 9.95:
        return f"{value:.1f}{NO_BREAK}s"
    return f"{value:.0f}{NO_BREAK}s" if abs(value) < 599.5 else f"{value / 60:.0f}{NO_BREAK}min"


def _as_shown(value: float) -> float:
    """Rounded as `seconds` does, so that readers who subtract find what is said."""
    return round(value, 1 if abs(value) < 9.95 else 0)


def percent(share: float | None) -> str:
    """A share (0-1) as per cent; 99.97 % is not called 100 %."""
    if share is None:
        return "–"
    text = f"{100 * share:.0f}" if 0.1 < share < 0.9 else f"{100 * share:.1f}"
    return f"{'99.9' if text == '100.0' and share < 1 else text.removesuffix('.0')}{NO_BREAK}%"


def people(value: float) -> str:
    """Whole people with thousands set apart."""
    return f"{value:,.0f}"


def heat(value: float) -> str:
    """The class of a cell's shade."""
    return f"h{int(np.searchsorted(np.array(HEAT_LIMITS_S), value, side='right'))}"


def _hours(experiment: Experiment) -> str:
    begin_s, end_s = experiment.decided_by["hours"]

    def clock(s: int) -> str:
        return f"{s // 3600 % 24:02d}:{s // 60 % 60:02d}"

    return f"{clock(begin_s)} to {clock(end_s)}"


def _times(runs: int) -> str:
    if runs == 1:
        return "played once"
    return f"played {runs} times with different people each time"


def _sentences(summaries: Sequence[Summary]) -> list[str]:
    """What somebody should know who reads no further."""
    first = summaries[0]
    said = [
        f"Under {first.controller} signals a person loses {seconds(first.everybody_s.mean)} on a trip on "
        f"average; nineteen of twenty people lose less than {seconds(first.p95_s.mean)}.",
    ]
    for other in summaries[1:]:
        change = first.everybody_s.mean - other.everybody_s.mean
        pairs = dict(other.everybody_s.by_seed)
        both = [(value, pairs[seed]) for seed, value in first.everybody_s.by_seed if seed in pairs]
        agree = sum((a < b) == (change < 0) and a != b for a, b in both)
        if abs(change) < 0.05 or not both:
            said.append(f"Under {other.controller} signals it is the same.")
            continue
        word = "less" if change < 0 else "more"
        apart = abs(_as_shown(first.everybody_s.mean) - _as_shown(other.everybody_s.mean))
        said.append(
            f"That is {seconds(apart)} {word} than under {other.controller} signals "
            f"({seconds(other.everybody_s.mean)}), "
            + ("in the only run" if len(both) == 1 else f"in {agree} of {len(both)} runs")
            + " with the same people."
        )
    districts = [row for row in first.ledger if row.mode == "all" and row.people >= PEOPLE_MIN]
    if len(districts) > 1:
        worst, best = max(districts, key=_mean_of), min(districts, key=_mean_of)
        times = max(worst.mean_s, RATIO_FLOOR_S) / max(best.mean_s, RATIO_FLOOR_S)
        said.append(
            f"People of {worst.district} lose most, {seconds(worst.mean_s)}; people of {best.district} "
            f"least, {seconds(best.mean_s)}. The worst-off wait {times:.1f} times as long as the best-off."
        )
    if first.people_kept is not None:
        said.append(
            f"{percent(first.people_kept)} of the people on foot got their WALK within the promised time; "
            f"{first.red_per_1000:.0f} of 1,000 crossed on red at least once."
        )
    if first.gridlocked:
        said.append(f"The streets locked up in {len(first.gridlocked)} of {len(first.seeds)} runs.")
    return said


def _mean_of(row: LedgerRow) -> float:
    return row.mean_s


# --- where ------------------------------------------------------------------------------------


def places_of(experiment: Experiment) -> Places:
    """Seconds a person on every street and crossing and at every signal, over all seeds."""
    lost = used = stood = came = np.zeros(0)
    signals: dict[int, tuple[str, float, float]] = {}
    for k, seed in enumerate(experiment.runs):
        folder = experiment.run_folder(seed)
        edges, crossings = read_table(folder, "edges"), read_table(folder, "crossings")
        of_edges = sum((edges[f"lost_person_s_{mode}"] for mode in MODES[:-1]), np.zeros(len(edges["edge"])))
        if not k:
            lost, used = np.zeros(len(of_edges)), np.zeros(len(of_edges))
            stood, came = np.zeros(len(crossings["came"])), np.zeros(len(crossings["came"]))
        lost, used = lost + of_edges, used + edges["people"]
        stood, came = stood + crossings["standing_s"], came + crossings["came"]
        _add_signals(signals, read_table(folder, "junctions"))
    with np.errstate(invalid="ignore", divide="ignore"):
        edge_s = np.where(used > 0, lost / used, np.nan)
        crossing_s = np.where(came > 0, stood / came, np.nan)
    busy = [(title, j, s / n, n) for j, (title, s, n) in signals.items() if n >= PEOPLE_AT_PLACE_MIN]
    return Places(edge_s, crossing_s, tuple(sorted(busy, key=lambda one: -one[2])))


def _add_signals(signals: dict[int, tuple[str, float, float]], table: Table) -> None:
    for title, j, s, n in zip(
        table["junction"], table["index"].tolist(), table["delay_person_s"], table["people"], strict=True
    ):
        _, before_s, before_n = signals.get(j, ("", 0.0, 0.0))
        signals[j] = (str(title), before_s + float(s), before_n + float(n))


def _map(street_map: StreetMap, summary: Summary, places: Places) -> Picture:
    notes = {row.district: f"{seconds(row.mean_s)} a person" for row in summary.ledger if row.mode == "all"}
    pins = [
        (float(street_map.junction_at[j, 0]), float(street_map.junction_at[j, 1]), f"{title}: {s:.0f} s")
        for title, j, s, _ in places.junctions[:PLACES]
    ]
    told = f"Map of {summary.title}: longest at " + ", ".join(title for title, *_ in places.junctions[:3])
    return draw(street_map, places.edge_s, places.crossing_s, LOSS_CLASSES_S, notes, pins, told)


def _key() -> list[tuple[str, float, str]]:
    limits = [f"{limit:g}" for limit in LOSS_CLASSES_S]
    between = [f"{low} to {high} s" for low, high in itertools.pairwise(limits)]
    words = [f"under {limits[0]} s a person", *between, f"over {limits[-1]} s"]
    return [(f"c{c}", 1.6 + 0.9 * c, word) for c, word in enumerate(words)]


# --- tables and plots --------------------------------------------------------------------------


def _ledger_modes(summaries: Sequence[Summary]) -> list[str]:
    present = {row.mode for summary in summaries for row in summary.ledger}
    return [mode for mode in MODE_NAMES if mode in present]


def _ledger_rows(summary: Summary, districts: Sequence[str]) -> list[tuple[str, dict[str, LedgerRow]]]:
    """District by district, the one that waits longest first."""
    rows = [(name, {r.mode: r for r in summary.ledger if r.district == name}) for name in districts]
    known = [(name, by_mode) for name, by_mode in rows if "all" in by_mode]
    return sorted(known, key=lambda one: -one[1]["all"].mean_s)


def _bars(summaries: Sequence[Summary], districts: Sequence[str]) -> list[BarPlot]:
    def kind(summary: Summary) -> str:
        return "ours" if summary.controller == OURS else "peer"

    plots = []
    # A single bar beside nothing says less than its number, which stands in the table.
    for mode in ("all", *_modes(summaries)) if len(summaries) > 1 else ():
        series = []
        for summary in summaries:
            spread = summary.everybody_s if mode == "all" else summary.modes.get(mode)
            if spread is not None:
                series.append(Series(summary.title, spread.mean, spread.by_seed, frozenset(), kind(summary)))
        if series:
            plots.append(bar_plot(f"Time lost, {MODE_NAMES[mode]}", "s a person", series))
    for summary in summaries:
        rows = [(d, by_mode["all"].mean_s) for d, by_mode in _ledger_rows(summary, districts)]
        if len(rows) > 1:
            series = [Series(_short(name), value, (), frozenset(), kind(summary)) for name, value in rows]
            plots.append(bar_plot(f"By district under {summary.title}", "s a person", series))
    return plots


def _modes(summaries: Sequence[Summary]) -> list[str]:
    return [mode for mode in MODE_NAMES if any(mode in summary.modes for summary in summaries)]


def _short(name: str) -> str:
    return name if len(name) <= LABEL_CHARS else name[: LABEL_CHARS - 1] + "…"


def _lines(experiments: Sequence[Experiment], summaries: Sequence[Summary]) -> list[LinePlot]:
    """Minute by minute, the mean of the seeds."""
    tables = [_minutes(one) for one in experiments]
    begin = int(experiments[0].decided_by["hours"][0]) // 60
    vehicles = [f"standing_{mode}" for mode in MODES[:-1]]
    plots = []
    for title, unit, columns in (
        ("Vehicles standing", "vehicles", vehicles),
        ("People waiting at crossings", "people", [f"standing_{MODES[-1]}"]),
        ("Time people lose", "person-minutes each minute", [f"lost_person_s_{mode}" for mode in MODES]),
        ("Vehicles waiting to enter the city", "vehicles", ["entry_queue_veh"]),
    ):
        factor = 1 / 60 if columns[0].startswith("lost") else 1.0
        series = [
            (summary.title, factor * np.sum([table[column] for column in columns], axis=0))
            for summary, table in zip(summaries, tables, strict=True)
        ]
        if any(values.max(initial=0.0) > 0 for _, values in series):
            plots.append(line_plot(title, unit, series, begin))
    return plots


def _minutes(experiment: Experiment) -> Table:
    tables = [read_table(experiment.run_folder(seed), "minutes") for seed in experiment.runs]
    return {name: np.mean([table[name] for table in tables], axis=0) for name in tables[0]}


def summary_json(experiments: Sequence[Experiment]) -> list[dict[str, Any]]:
    """What `--json` prints of each controller: the means over its seeds, plain data."""
    return [dataclasses.asdict(summarize(one)) for one in experiments]
