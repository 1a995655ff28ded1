"""`belisha drill-processes`: kill, stop, hang, mislead and cut off each process, and watch the heads."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from override.lamp_drill import Outcome


def drill_processes(
    process: Annotated[
        list[str] | None, typer.Option(help="Only this one: engine, monitor or street; may be repeated.")
    ] = None,
    harm: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this: kill, stop, hang, clock +1 h, clock -1 h, disk full, link cut; may be repeated."
        ),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="Times for each.")] = 1,
    junctions: Annotated[int, typer.Option(min=12, max=1000, help="Signals of the street.")] = 12,
    speed: Annotated[float, typer.Option(min=0.5, max=20.0, help="Street seconds in a second.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
) -> None:
    """Harm each process of a live street in every way, and say whether the heads did as stated.

    Times until the flash are of the clock, whatever the speed. Exit code 1 when something was not as
    stated.
    """
    from override.lamp_drill import NAMES, Harm
    from sim.scenarios import ScenarioError

    for one in process or []:
        if one not in NAMES:
            raise ScenarioError(f"process {one!r}: no such process; allowed are {', '.join(NAMES)}")
    for one in harm or []:
        if one not in set(Harm):
            raise ScenarioError(f"harm {one!r}: no such harm; allowed are {', '.join(Harm)}")
    outcomes = _harmed(process or list(NAMES), [Harm(h) for h in harm or Harm], repeat, junctions, speed)
    rows = [table_row(list(group)) for group in outcomes]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        typer.echo("\n".join(table(rows)))
    if not all(row["kept"] for row in rows):
        raise typer.Exit(1)


def _harmed(
    processes: list[str], harms: list[str], repeat: int, junctions: int, speed: float
) -> list[list[Outcome]]:
    import tempfile
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress

    from controller.network import build_network
    from controller.permissive import card_of
    from controller.vocabulary import Sensors
    from controller.warm_up import warm_up
    from override.lamp_drill import Harm, LampDrill
    from sim.city.generator.generate import generate, street_of_city
    from sim.city.scenario import CityPlan

    street = street_of_city(generate(CityPlan(junctions=junctions)))
    network = build_network(street, 100)
    warm_up("actuated", Sensors.LOOPS)
    out = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("harms", total=len(processes) * len(harms) * repeat)
        for process in processes:
            for harm in harms:
                group = []
                for k in range(repeat):
                    with tempfile.TemporaryDirectory(prefix="belisha-") as folder:
                        drill = LampDrill(network, card_of(street), Path(folder), speed, seed=k + 1)
                        group.append(drill.harm(process, Harm(harm)))
                    progress.advance(task)
                out.append(group)
    return out


def table_row(group: list[Outcome]) -> dict[str, object]:
    """One line of the table as plain values: the same harm, so many times."""
    from override.lamp_drill import stated

    first = group[0]
    flashes = sorted(o.flash_ms for o in group if o.flash_ms is not None)
    backs = sorted(o.back_s for o in group if o.back_s is not None)

    def part(values: list[float], share: float) -> float | None:
        return round(values[min(len(values) - 1, int(share * len(values)))], 1) if values else None

    return {
        "process": first.process,
        "harm": str(first.harm),
        "stated": str(stated(first.process, first.harm)),
        "times": len(group),
        "flashed": len(flashes),
        "flash_ms_median": part(flashes, 0.5),
        "flash_ms_p99": part(flashes, 0.99),
        "back_s_worst": part(backs, 1.0),
        "came_back": len(backs),
        "conflicts": sum(o.conflicts for o in group),
        "journal": next((o.journal for o in group if o.journal), ""),
        "kept": all(o.kept for o in group),
        "amiss": "; ".join(sorted({o.amiss for o in group if o.amiss})),
    }


def table(rows: list[dict[str, object]]) -> list[str]:
    """The table, in lines of at most 80 columns; what was not as stated is told below its row."""
    lines = [
        f"{'':44} {'flash after':>17} {'green':>9}",
        f"{'process':7} {'harm':10} {'stated':19} {'times':>5} {'median':>8} {'p99':>8} {'again':>9}  kept",
    ]
    for row in rows:
        median, p99, back = row["flash_ms_median"], row["flash_ms_p99"], row["back_s_worst"]
        lines.append(
            f"{row['process']:7} {row['harm']:10} {row['stated']:19} {row['times']:5}"
            f" {'none' if median is None else f'{median:.0f} ms':>8}"
            f" {'' if p99 is None else f'{p99:.0f} ms':>8}"
            f" {'never' if back is None else f'{back:.1f} s':>9}  {'yes' if row['kept'] else 'NO'}"
        )
        lines += textwrap.wrap(str(row["amiss"]), 80, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return lines
