"""`belisha import`: a network drawn by others becomes a street file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.vocabulary import GroupKind, StageSource, Timing

if TYPE_CHECKING:
    from controller.junction import StreetNetwork


def import_command(
    network: Annotated[Path, typer.Argument(help="SUMO network, NET.net.xml or NET.net.xml.gz.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Street file to write.")],
    timing: Annotated[
        Timing,
        typer.Option(
            help="computed: fit for a street. comparison: yellow 3 s, no all-red, minimum green 5 s; "
            "to compare with published results, not for a street."
        ),
    ] = Timing.COMPUTED,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Turn a SUMO network with traffic lights into a street file, and say what was assumed."""
    from controller.street_file import write_street
    from sim.importers.sumo import import_sumo

    try:
        street = import_sumo(network, timing)
        write_street(street, output)
    except ValueError as error:
        typer.echo(f"belisha import: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"belisha import: {output}: cannot be written ({error.strerror})", err=True)
        raise typer.Exit(2) from None
    summary = street_summary(street)
    if as_json:
        typer.echo(json.dumps({"file": str(output), **summary}, indent=2))
        return
    for line in _story(street, output):
        typer.echo(line)


def street_summary(street: StreetNetwork) -> dict[str, object]:
    """What a street consists of, in numbers a script may want, and what was assumed."""
    return {
        "network": street.name,
        "timing": street.timing.value,
        "junctions": [
            {
                "title": j.title,
                "name": j.name,
                "groups": len(j.groups),
                "crossings": sum(g.kind == GroupKind.PEDESTRIAN for g in j.groups),
                "lanes": len(j.lanes),
                "bus_only_lanes": sum(lane.bus_only for lane in j.lanes),
                "stages_given": sum(s.source == StageSource.GIVEN for s in j.stages),
                "stages_generated": sum(s.source == StageSource.GENERATED for s in j.stages),
                "detectors": len(j.detectors),
                "cycle_s": j.plans[0].cycle_ms / 1000,
                "longest_promise_s": max(g.promise_ms for g in j.groups) / 1000,
            }
            for j in street.junctions
        ],
        "links": len(street.links),
        "assumptions": list(street.assumptions),
    }


def _story(street: StreetNetwork, output: Path) -> list[str]:
    lines = []
    for j in street.junctions:
        given = sum(s.source == StageSource.GIVEN for s in j.stages)
        crossings = sum(g.kind == GroupKind.PEDESTRIAN for g in j.groups)
        lines.append(
            f"{j.title} {j.name}: {len(j.groups)} signal groups ({crossings} crossings), {len(j.lanes)} "
            f"lanes, {given} stages given and {len(j.stages) - given} generated, cycle "
            f"{j.plans[0].cycle_ms / 1000:g} s"
        )
    lines.append("Assumed and repaired:")
    lines.extend(f"  {sentence}" for sentence in street.assumptions)
    lines.append(f"Wrote {output}: {len(street.junctions)} junctions, {len(street.links)} links.")
    return lines
