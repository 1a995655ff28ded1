"""`belisha hearing`: how well citizens are heard, measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from statistics import mean
from typing import TYPE_CHECKING, Annotated

import typer

from sim.commands import ControllerName

if TYPE_CHECKING:
    from sim.city.hearing import Heard
    from sim.city.load import City
    from sim.city.spoken_city import Brigaded, DeadButtons, Moved

ADAPTIVE = ControllerName("adaptive")


class Measure(StrEnum):
    """What is measured."""

    GAP = "gap"
    """Half of the districts report three times less: dead buttons on a street of crossings."""
    BUTTONS = "buttons"
    """Buttons die in a city; from the flag to the remedy."""
    BRIGADE = "brigade"
    """A thousand people shout together; what their neighbours wait."""


def hearing(
    what: Annotated[Measure, typer.Argument(help="gap, buttons or brigade.")],
    scenario: Annotated[str, typer.Option(help="For buttons and brigade.")] = "small-city",
    minutes: Annotated[int, typer.Option(min=10, max=1440, help="For buttons and brigade.")] = 30,
    hours: Annotated[float, typer.Option(min=4, max=1000, help="For gap; two of them for learning.")] = 24,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1)] = 1,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="For brigade: paired runs.")] = 1,
    controller: Annotated[ControllerName, typer.Option(help="Who decides.")] = ADAPTIVE,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Measure how citizens are heard: fairly, quickly, and no louder together than alone."""
    if what is Measure.GAP:
        from sim.city.hearing import gap

        alike, quiet = gap(hours, seed)
        if as_json:
            typer.echo(json.dumps({"alike": asdict(alike), "gap": asdict(quiet)}, indent=1))
        else:
            typer.echo(gap_words(alike, quiet))
        return
    if what is Measure.BRIGADE and seeds > 1:
        _brigades(scenario, minutes, range(seed, seed + seeds), str(controller), as_json)
        return
    city = _city(scenario, minutes, seed)
    if what is Measure.BUTTONS:
        from sim.city.spoken_city import dead_buttons

        found = dead_buttons(city, str(controller), 0.15, seed)
        typer.echo(json.dumps(asdict(found), indent=1) if as_json else button_words(found))
        return
    from sim.city.spoken_city import brigade

    run = brigade(city, str(controller), seed)
    if as_json:
        typer.echo(json.dumps(asdict(run), indent=1))
        return
    typer.echo(brigade_words(run))


def _brigades(scenario: str, minutes: int, seeds: range, controller: str, as_json: bool) -> None:
    from sim.city.spoken_city import brigade, moved

    runs = []
    for seed in seeds:
        runs.append((seed, brigade(_city(scenario, minutes, seed), controller, seed, chance=False)))
        typer.echo(f"seed {seed}: played twice", err=True)
    if as_json:
        rows = [{"seed": seed, **asdict(run)} for seed, run in runs]
        typer.echo(json.dumps({"runs": rows, "moved": [asdict(one) for one in moved(runs)]}, indent=1))
    else:
        typer.echo(moved_words([run for _, run in runs], moved(runs)))


def moved_words(runs: Sequence[Brigaded], found: Sequence[Moved]) -> str:
    """What brigades moved over several seeds, with how sure it is."""
    said, accepted = sum(run.said for run in runs), sum(run.accepted for run in runs)
    most = max(run.remedies_max for run in runs)
    lines = [
        f"In each of {len(runs)} cities a thousand people said that the signals of a district are broken; "
        f"{said} flags, {accepted} taken, {most} remedies at most at a time.",
        "Mean loss of people, without and with them; how far it moved, and its 95 % interval:",
    ]
    attacked = {run.district for run in runs}
    for one in found:
        ends = one.interval_percent
        sure = f"[{ends[0]:+.1f}, {ends[1]:+.1f}] %" if ends else ""
        lines.append(
            f"  {one.district:<14} {one.mode:<12} {one.trips:>6.0f} trips  {one.loss_s.before:7.1f} -> "
            f"{one.loss_s.after:7.1f} s  {one.percent:+6.1f} %  {sure}"
            f"{'  (flagged)' if one.district in attacked else ''}"
        )
    return "\n".join(lines)


def button_words(found: DeadButtons) -> str:
    """What came of buttons that died."""
    return (
        f"{found.dead} buttons died, at {found.met} of them somebody would have pressed; "
        f"{found.remedied} were remedied.\n"
        f"From the flag to the remedy {found.flag_to_remedy_s:.1f} s (median), from the first who met it "
        f"{found.met_to_remedy_s:.0f} s. {found.cases} cases in all."
    )


def brigade_words(run: Brigaded) -> str:
    """What a brigade brought about, beside what chance does."""
    from sim.city.spoken_city import worst_percent

    lines = [
        f"A thousand people said {run.said} times that the signals of {run.district} are broken: "
        f"{run.accepted} taken, {run.busy} told BUSY, at most {run.remedies_max} remedies at a time.",
        f"Mean loss elsewhere rose by {worst_percent(run.shifts, run.district):.1f} % at most, "
        f"by chance alone by {worst_percent(run.by_chance, run.district):.1f} %.",
    ]
    for shift in run.shifts[:12]:
        lines.append(
            f"  {shift.district:<14} {shift.mode:<12} {shift.trips:>6} trips  "
            f"{shift.before_s:7.1f} -> {shift.after_s:7.1f} s  {shift.percent:+6.1f} %"
        )
    return "\n".join(lines)


def gap_words(alike: Heard, quiet: Heard) -> str:
    """The two runs beside each other."""
    from sim.city.hearing import QUIET

    lines = []
    moved = []
    for name, run in (("all report alike", alike), ("half report a third", quiet)):
        times = {q: mean(s for d, s in run.to_remedy_s.items() if (d in QUIET) is q) for q in (True, False)}
        moved.append(times[True])
        lines.append(
            f"{name:<20} {run.faults} dead buttons met, {run.remedied} remedied, {run.wrong} remedies at "
            f"working ones; mean time to remedy {times[True]:.0f} s where they report less, "
            f"{times[False]:.0f} s elsewhere"
        )
    lines.append(f"The gap moves the time to remedy by {100 * (moved[1] / moved[0] - 1):+.0f} %.")
    return "\n".join(lines)


def _city(scenario: str, minutes: int, seed: int) -> City:
    from sim.city.scenario import find_scenario
    from sim.first_start import compile_kernels

    found = find_scenario(scenario).shortened(minutes)
    compile_kernels()
    from sim.city.load import load_city

    return load_city(found, seed)
