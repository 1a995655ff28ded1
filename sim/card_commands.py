"""`belisha card`: the monitor's permissive card of a street, made from the ground."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from controller.junction import StreetNetwork
    from controller.monitor import Card
    from sim.importers.sumo_net_xml import SumoNet


def card(
    street: Annotated[str, typer.Argument(help="A SUMO network, a scenario file, or a scenario's name.")],
    junction: Annotated[str | None, typer.Option(help="Only this one, by name or title.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
) -> None:
    """Print what may never be active together, from the lines on the ground, beside the engine's own matrix.

    Exit code 1 when the ground shows a conflict that the engine lacks: such a street does not start.
    """
    from controller.permissive import card_of
    from controller.permissive_geometry import card_of_ground, differences
    from sim.importers.junction_paths import paths_of_signals
    from sim.scenarios import ScenarioError

    network, net = _street(street)
    paths = paths_of_signals(net)
    found = differences(network, paths)
    chosen = [j for j in network.junctions if junction is None or junction in (j.name, j.title)]
    if not chosen:
        known = ", ".join(j.title for j in network.junctions[:20])
        raise ScenarioError(f"junction {junction!r}: no such junction; known are {known}")
    refused = any(d.refuses for d in found)
    own = card_of(network)
    made = own if refused else card_of_ground(network, paths, own)
    if as_json:
        typer.echo(json.dumps(_plain(made, [j.name for j in chosen], [d.sentence for d in found]), indent=1))
    else:
        for one in chosen:
            typer.echo("\n".join(_table(made, one.name, one.title)))
        for difference in found:
            typer.echo(difference.sentence)
        typer.echo(
            f"{len(network.junctions)} junctions, {len(made.pair_ending) // 2} conflicts; the engine lacks"
            f" {sum(d.refuses for d in found)}, is stricter in {sum(not d.refuses for d in found)};"
            f" card {made.digest()[:16]}"
        )
    if refused:
        raise typer.Exit(1)


def _street(name: str) -> tuple[StreetNetwork, SumoNet]:
    from sim.city.generator.generate import generate, street_of_city
    from sim.city.scenario import find_scenario
    from sim.importers.sumo import street_of_net
    from sim.importers.sumo_net_xml import read_net

    if ".net.xml" in name:
        net = read_net(Path(name))
        return street_of_net(net), net
    scenario = find_scenario(name)
    if scenario.sumo is not None:
        net = read_net(scenario.sumo.net)
        return street_of_net(net, scenario.run.timing), net
    assert scenario.city is not None, "a checked scenario has one of the two"
    city = generate(scenario.city)
    return street_of_city(city, scenario.run.timing), city.net


def _pairs(card: Card, name: str) -> list[tuple[str, str, int]]:
    j = card.junction_names.index(name)
    return [
        (card.group_names[a], card.group_names[b], int(ms))
        for a, b, ms in zip(card.pair_ending, card.pair_starting, card.pair_intergreen_ms, strict=True)
        if card.junction[a] == j
    ]


def _plain(card: Card, names: list[str], sentences: list[str]) -> dict[str, object]:
    conflicts = {
        name: [{"ending": a, "starting": b, "ms": ms} for a, b, ms in _pairs(card, name)] for name in names
    }
    return {"digest": card.digest(), "conflicts": conflicts, "differences": sentences}


def _table(card: Card, name: str, title: str) -> list[str]:
    """One junction: rows end, columns start, seconds between the two; a dot where both may be active."""
    j = card.junction_names.index(name)
    groups = [card.group_names[g] for g in range(card.group_count) if card.junction[g] == j]
    between = {(a, b): ms for a, b, ms in _pairs(card, name)}
    wide = max(len(g) for g in groups)
    heads = " ".join(f"{k + 1:>4}" for k in range(len(groups)))
    lines = [f"{title} ({name})", f"{'':{wide + 4}} {heads}"]
    for k, ending in enumerate(groups):
        cells = (between.get((ending, starting)) for starting in groups)
        row = " ".join(f"{'.' if ms is None else f'{ms / 1000:.1f}':>4}" for ms in cells)
        lines.append(f"{k + 1:>3} {ending:{wide}} {row}")
    return [*lines, ""]
