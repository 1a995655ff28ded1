"""The comparison as one HTML file for a public meeting: who gains, who loses, how sure, and where."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim.city.measuring.compare import FELT_S, Change, Comparison, Group, Indicator, compare_experiments
from sim.city.measuring.report import Made, percent, places_of, render, seconds
from sim.city.measuring.report_map import CHANGE_CLASSES_S, draw, read_map
from sim.city.measuring.results import open_experiment
from sim.city.measuring.sweep_summary import MODE_NAMES
from sim.city.measuring.time_plots import side_plot

ROWS_MAX = 40
"""Bars of one plot; larger cities show those with the largest changes."""
_VERDICTS = {"better": "less", "worse": "more", "same": "same", "unsure": "unsure"}
"""How a verdict is drawn."""


def html(a: Path, b: Path, made: Made) -> str:
    """The whole comparison. Raises ResultError when the two cannot be compared."""
    first, second = open_experiment(a), open_experiment(b)
    comparison = compare_experiments(first, second)
    street_map = read_map(first.folder)
    before, after = places_of(first), places_of(second)
    notes = {
        g.district: f"{signed(g.seconds.mean)} a person"
        for g in comparison.groups
        if g.mode == "all" and g.district != "all"
    }
    picture = draw(
        street_map,
        after.edge_s - before.edge_s,
        after.crossing_s - before.crossing_s,
        CHANGE_CLASSES_S,
        notes,
        summary=f"Map of change from {comparison.title_a} to {comparison.title_b}",
    )
    groups = sorted(
        (g for g in comparison.groups if "all" not in (g.district, g.mode) and not g.few),
        key=lambda g: -abs(g.seconds.mean),
    )[:ROWS_MAX]
    groups.sort(key=lambda g: g.seconds.mean)
    return render(
        "city_compare.html.j2",
        c=comparison,
        headline=headline(comparison),
        sentences=sentences(comparison),
        picture=picture,
        key=_key(),
        plot=side_plot([_bar(g) for g in groups], "s a person") if groups else None,
        winners=comparison.of("better"),
        losers=comparison.of("worse"),
        unsure=comparison.of("unsure"),
        same=comparison.of("same"),
        few=[g for g in comparison.groups if g.few and "all" not in (g.district, g.mode)],
        modes=[g for g in comparison.groups if g.district == "all"],
        districts=[g for g in comparison.groups if g.mode == "all" and g.district != "all"],
        indicators=comparison.indicators,
        first=first,
        second=second,
        name=name,
        signed=signed,
        sure=sure,
        judged=judged,
        drawn=_VERDICTS,
        made=made,
    )


# --- words ------------------------------------------------------------------------------------


def name(group: Group) -> str:
    """`Riverside, on foot`."""
    if group.district == "all":
        return MODE_NAMES[group.mode]
    return group.district if group.mode == "all" else f"{group.district}, {MODE_NAMES[group.mode]}"


def signed(value: float) -> str:
    """`−4.2 s` or `+12 s`."""
    shown = seconds(abs(value))
    return shown if shown.startswith("0.0") else f"{'+' if value > 0 else '−'}{shown}"


def sure(change: Change) -> str:
    """How often, and between what the true mean difference lies."""
    interval = change.interval
    if interval is None:
        return f"{change.words()}: no more than a hint"
    return f"{change.words()}; between {signed(interval[0])} and {signed(interval[1])}"


def headline(c: Comparison) -> str:
    """One sentence that everybody in the room can repeat."""
    change = c.everybody.seconds
    verdict = change.verdict()
    if verdict == "same":
        return f"For people as a whole, {c.title_b} is about the same as {c.title_a}."
    word = "less" if change.mean < 0 else "more"
    less_s = seconds(abs(change.mean))
    text = f"Under {c.title_b} a person loses {less_s} {word} on a trip than under {c.title_a}"
    if verdict == "unsure":
        return f"{text} on average, but the runs do not agree ({change.words()})."
    return f"{text}, {change.words()}."


def sentences(c: Comparison) -> list[str]:
    """What somebody should know who reads no further."""
    losers, winners = c.of("worse"), c.of("better")
    said = [
        f"{percent(c.people.gain_share)} of all trips are at least {FELT_S:.0f} s shorter, by "
        f"{seconds(c.people.gain_mean_s)} on average; {percent(c.people.lose_share)} are at least "
        f"{FELT_S:.0f} s longer, by {seconds(c.people.lose_mean_s)} on average."
    ]
    if winners:
        said.append("Gain most: " + _listed(winners) + ".")
    if losers:
        said.append("Lose: " + _listed(losers) + ".")
    elif winners:
        said.append("No group of a district and a way to travel loses in every run.")
    if len(c.seeds) < 5:
        runs = "one run" if len(c.seeds) == 1 else f"{len(c.seeds)} runs"
        said.append(f"This rests on {runs}; five or more would make it firmer.")
    return said


def _listed(groups: Sequence[Group], at_most: int = 4) -> str:
    shown = [f"{name(g)} ({signed(g.seconds.mean)} a person)" for g in groups[:at_most]]
    left = len(groups) - len(shown)
    return "; ".join(shown) + (f"; and {left} more" if left else "")


def judged(indicator: Indicator) -> str:
    """`better` or `worse` if every run agrees, else `unsure`; `same` where nothing changed."""
    change = indicator.change
    if not change.mean:
        return "same"
    agree = change.fewer_in if change.mean < 0 else change.more_in
    if agree < len(change.by_seed):
        return "unsure"
    return "better" if (change.mean < 0) == indicator.lower_is_better else "worse"


def _bar(group: Group) -> tuple[str, str, float, str, Sequence[float]]:
    change = group.seconds
    text = f"{signed(change.mean)} {change.words()}"
    label = name(group)
    short = label if len(label) <= 24 else label[:23] + "…"
    return short, _VERDICTS[change.verdict()], change.mean, text, [value for _, value in change.by_seed]


def _key() -> list[tuple[str, float, str]]:
    limits = CHANGE_CLASSES_S
    words = [f"over {-limits[0]:g} s less"]
    for low, high in itertools.pairwise(limits):
        if low < 0 < high:
            words.append("about the same")
        elif high <= 0:
            words.append(f"{-high:g} to {-low:g} s less")
        else:
            words.append(f"{low:g} to {high:g} s more")
    words.append(f"over {limits[-1]:g} s more")
    middle = len(limits) / 2
    return [(f"c{c}", float(np.round(1.6 + abs(c - middle), 1)), word) for c, word in enumerate(words)]
