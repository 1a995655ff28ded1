"""`belisha design-plans`: fixed plans for the hours of the day, made from demand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.vocabulary import DayKind, Timing

if TYPE_CHECKING:
    from controller.junction import StreetNetwork
    from controller.network import Network
    from sim.plan_design.counts_file import Span
    from sim.plan_design.design import Designed
    from sim.plan_design.design_demand import Demand

GRAIN_MS = 1000
CYCLE_MIN_S, CYCLE_MAX_S = 20, 120
HELP_SOURCE = "Where: a SUMO network (NET.net.xml), a street file (street.toml), or a scenario of the city."


class BadDesign(ValueError):
    """What was asked for cannot be designed; one line."""


@dataclass(frozen=True, slots=True)
class _Task:
    street: StreetNetwork
    network: Network
    demands: dict[Span, Demand]


def design_plans(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=HELP_SOURCE)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Street file to write.")],
    route: Annotated[
        list[Path] | None, typer.Option(help="Demand of a SUMO network; may be repeated.")
    ] = None,
    counts: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Counted demand, instead of routes.")
    ] = None,
    begin: Annotated[
        int | None, typer.Option(min=0, help="First second of the demand, from midnight.")
    ] = None,
    end: Annotated[int | None, typer.Option(min=1, help="Its end. Default: the busiest hour.")] = None,
    period_min: Annotated[int, typer.Option(min=15, max=1440, help="Minutes one plan is made for.")] = 60,
    day: Annotated[
        list[DayKind] | None, typer.Option(help="Kinds of day they are for; default all; not with --counts.")
    ] = None,
    cycle_min: Annotated[int, typer.Option(min=16, max=240, help="Shortest cycle, s.")] = CYCLE_MIN_S,
    cycle_max: Annotated[int, typer.Option(min=16, max=240, help="Longest cycle, s.")] = CYCLE_MAX_S,
    timing: Annotated[Timing, typer.Option(help="Of a SUMO network.")] = Timing.COMPUTED,
    zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Time zone of the street, as Europe/Berlin.")
    ] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day whose midnight was 0 by its clock.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of a scenario's demand.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")] = False,
) -> None:
    """Design fixed plans for the hours of the day, and write them with their timetable into a street file."""
    if cycle_min > cycle_max:
        raise BadDesign(f"--cycle-min {cycle_min} --cycle-max {cycle_max}; allowed: the first not the longer")
    if counts is not None and (route or begin is not None or end is not None or day):
        raise BadDesign(
            "--counts say when and on which days; allowed beside them: no --route, --begin, --end, --day"
        )
    from controller.street_file import write_street
    from sim.commands import progress_bar
    from sim.plan_design.day_plans import plan_name, with_day_plans
    from sim.plan_design.design import Designer
    from sim.zone_clock import zone_clock

    if (zone is None) != (date is None):
        raise BadDesign("--zone and --date: found one of them; allowed are both or none")
    clock = None if zone is None or date is None else zone_clock(zone, date.date())
    days = tuple(dict.fromkeys(day or DayKind))
    if counts is not None:
        task = _counted(source, counts, timing)
    else:
        task = _driven(source, route or [], begin, end, period_min, days, timing, seed)
    designer = Designer(task.network, cycle_min, cycle_max)
    found: dict[Span, Designed] = {}
    with progress_bar(f"plans for {task.street.name}", as_json) as on_progress:
        for span, demand in task.demands.items():
            done, many = len(found), len(task.demands)

            def on_part(part: float, done: int = done, many: int = many) -> None:
                on_progress((done + part) / many)

            found[span] = designer.design(demand, plan_name(span), on_part)
    street = with_day_plans(task.street, found, () if counts is not None else days)
    if clock is not None:
        street = replace(street, clock=clock)
    write_street(street, output)
    if as_json:
        typer.echo(json.dumps(_as_json(street, found, output), indent=1))
    else:
        typer.echo("\n".join(_story(street, found, task.demands, output)))


def _counted(source: str, counts: Path, timing: Timing) -> _Task:
    from controller.network import build_network
    from controller.policy import Policy
    from controller.street_file import read_street
    from sim.importers.sumo import import_sumo
    from sim.plan_design.counts_file import read_counts

    is_net = source.endswith((".net.xml", ".net.xml.gz"))
    street = import_sumo(Path(source), timing) if is_net else read_street(source)
    network = build_network(street, GRAIN_MS)
    return _Task(street, network, read_counts(counts, network, Policy()))


def _driven(
    source: str, routes: Sequence[Path], begin: int | None, end: int | None, period_min: int,
    days: Sequence[DayKind], timing: Timing, seed: int,
) -> _Task:  # fmt: skip
    from controller.network import build_network
    from controller.policy import Policy
    from sim.city.load import load_city
    from sim.city.scenario import RunPlan, find_scenario, of_sumo
    from sim.plan_design.day_plans import spans_of
    from sim.plan_design.design_demand import demand_of_trips
    from sim.scenarios import from_files

    if source.endswith((".net.xml", ".net.xml.gz")):
        files = from_files(Path(source), routes, begin, end)
        scenario = of_sumo(files.net, files.routes, RunPlan(files.begin_s, files.end_s, timing=timing))
    elif routes:
        raise BadDesign(
            f"{source}: --route belongs to a SUMO network, NET.net.xml; a street file takes --counts"
        )
    else:
        scenario = find_scenario(source)
    city = load_city(scenario, seed)
    first_s, last_s = scenario.run.begin_s, scenario.run.end_s
    first_s, last_s = max(first_s, begin or first_s), min(last_s, end or last_s)
    if first_s >= last_s:
        raise BadDesign(
            f"--begin {begin} --end {end}; the demand is of {scenario.run.begin_s} to {scenario.run.end_s} s"
        )
    network = build_network(city.street, GRAIN_MS)
    demands = {
        span: demand_of_trips(
            network, city.roads, city.drives, city.walks, span.begin_s, span.end_s, Policy()
        )
        for span in spans_of(first_s, last_s, period_min, days)
    }
    return _Task(city.street, network, demands)


def _as_json(street: StreetNetwork, found: dict[Span, Designed], output: Path) -> dict[str, object]:
    return {
        "file": str(output),
        "timetable": [
            {"days": [day.value for day in hour.days], "from_s": hour.from_ms // 1000, "plan": hour.plan}
            for hour in street.timetable
        ],
        "plans": [
            {
                "plan": designed.plans[0].name,
                "common_cycle_s": designed.cycle_s,
                "person_seconds_per_s": round(designed.cost, 3),
                "junctions": {
                    junction.title: {
                        "cycle_s": plan.cycle_ms / 1000,
                        "offset_s": plan.offset_ms / 1000,
                        "steps": [[step.stage, step.duration_ms / 1000] for step in plan.steps],
                    }
                    for junction, plan in zip(street.junctions, designed.plans, strict=True)
                },
            }
            for designed in found.values()
        ],
    }


def _story(
    street: StreetNetwork, found: dict[Span, Designed], demands: dict[Span, Demand], output: Path
) -> list[str]:
    lines = []
    for span, designed in found.items():
        veh = 3600 * float(demands[span].movement_veh_per_s.sum())
        cycle = f"common cycle {designed.cycle_s} s" if designed.cycle_s else "each junction its own cycle"
        lines.append(
            f"{designed.plans[0].name}, {_clock(span.begin_s)} to {_clock(span.end_s)}: {cycle}; "
            f"{veh:.0f} vehicles an hour over stop lines, "
            f"{designed.cost:.1f} person-seconds of delay a second as the model sees it"
        )
        for junction, plan in zip(street.junctions, designed.plans, strict=True):
            steps = ", ".join(f"{step.stage} {step.duration_ms / 1000:g}" for step in plan.steps)
            cycle_s, offset_s = plan.cycle_ms / 1000, plan.offset_ms / 1000
            lines.append(f"  {junction.title}: cycle {cycle_s:g} s, offset {offset_s:g} s: {steps}")
    lines.append(f"Wrote {output}: {len(street.junctions)} junctions, {len(street.timetable)} hours.")
    return lines


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}"
