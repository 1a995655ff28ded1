"""`belisha check`: is this scenario all right, and what does it hold? Could a station run here?"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.vocabulary import DetectorKind
from override.keys_commands import DEFAULT_FOLDER, Folder

if TYPE_CHECKING:
    from sim.city.load import City

_DETECTOR_WORDS = {
    DetectorKind.STOPLINE: "at stop lines",
    DetectorKind.ADVANCE: "upstream",
    DetectorKind.BUTTON: "push buttons",
    DetectorKind.BUS: "for buses",
}


ENDPOINTS = ("tcp://127.0.0.1:7101", "tcp://127.0.0.1:7102", "tcp://127.0.0.1:7103")


class CheckRefused(ValueError):
    """Nothing to check was named."""


def check(
    scenario: Annotated[
        str, typer.Argument(help="A scenario file, or one that comes with Belisha.", show_default=False)
    ] = "",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of who travels.")] = 1,
    station: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check the installation of a station with this file.")
    ] = None,
    keys: Folder = DEFAULT_FOLDER,
    endpoints: Annotated[
        list[str] | None, typer.Option("--endpoint", metavar="ENDPOINT", help="Of the station; repeat it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")] = False,
) -> None:
    """Read a scenario, build its city, and say what it holds; or look whether a station could run here.

    Nothing is run. Exit code 2 and one line when something in a scenario cannot be; 1 when
    something is wrong with an installation.
    """
    if station is not None:
        _check_station(keys, station, tuple(endpoints or ENDPOINTS), as_json)
        return
    if not scenario:
        raise CheckRefused("name a scenario, or a station's file with --station")
    from sim.city.scenario import find_scenario

    found = find_scenario(scenario)
    # A file that cannot be is refused before any kernel is loaded.
    from sim.city.load import load_city

    held = contents(load_city(found, seed))
    if as_json:
        typer.echo(json.dumps(held, indent=2, allow_nan=False))
        return
    for line in _story(held):
        typer.echo(line)


def _check_station(keys: Path, file: Path, endpoints: tuple[str, ...], as_json: bool) -> None:
    from override.installation import Grade, check_installation

    findings = check_installation(keys, file, endpoints, time.time_ns() // 1_000_000)
    if as_json:
        typer.echo(json.dumps([finding.to_json() for finding in findings], indent=2))
    else:
        for finding in findings:
            typer.echo(f"{finding.grade:<6}{finding.part:<10}{finding.sentence}")
    wrong = sum(finding.grade is Grade.WRONG for finding in findings)
    if not as_json:
        typer.echo(f"{wrong} wrong" if wrong else "A station can run here.")
    if wrong:
        raise typer.Exit(1)


def contents(city: City) -> dict[str, Any]:
    """What a city consists of, in numbers a script may want."""
    import numpy as np

    from sim.city.trips import MODES, Mode

    scenario, roads = city.scenario, city.roads
    by_mode = {MODES[m]: int((city.drives.mode == m).sum()) for m in Mode if m != Mode.WALK}
    detectors = Counter(DetectorKind(int(k)).name.lower() for k in city.network.detector_kind)
    return {
        "scenario": scenario.name,
        "version": 1,
        "source": "generated" if scenario.city is not None else "sumo",
        "seed": city.seed,
        "begin_s": scenario.run.begin_s,
        "end_s": scenario.run.end_s,
        "controller": scenario.run.controller,
        "sensors": scenario.run.sensors.value,
        "timing": scenario.run.timing.value,
        "junctions": city.network.n_junctions,
        "lanes": roads.n_lanes,
        "street_km": round(float(roads.lane_length_m.sum()) / 1000, 3),
        "crossings": len(roads.crossings),
        "signalised_crossings": int((roads.crossing_group >= 0).sum()),
        "districts": {
            name: {
                "junctions": int((roads.junction_district == d).sum()),
                "detectors": int((roads.junction_district[city.network.detector_junction] == d).sum()),
            }
            for d, name in enumerate(roads.districts)
        },
        "trips": {**by_mode, "walk": city.walks.n},
        "walks_pressing": int(np.sum(city.walks.presses)),
        "bus_lines": len(city.lines),
        "bus_halts": len(city.drives.halt_edge),
        "detectors": {kind.name.lower(): detectors[kind.name.lower()] for kind in DetectorKind},
        "faults": [
            {"kind": f.kind.value, "where": f.where, "onset_s": f.onset_s, "share": f.share}
            for f in scenario.faults
        ],
        "assumptions": [*city.street.assumptions, *city.notes],
    }


def _story(held: dict[str, Any]) -> list[str]:
    whose = "a generated city" if held["source"] == "generated" else "a SUMO network"
    districts = ", ".join(f"{name} {d['junctions']}" for name, d in held["districts"].items())
    trips, found = held["trips"], held["detectors"]
    kinds = ", ".join(f"{found[k.name.lower()]} {words}" for k, words in _DETECTOR_WORDS.items())
    lines = [
        f"{held['scenario']}: {whose}, {_clock(held['begin_s'])} to {_clock(held['end_s'])}, "
        f"controller {held['controller']}, sensors {held['sensors']}, timing {held['timing']}.",
        f"  {held['junctions']} junctions in {len(held['districts'])} districts ({districts}),",
        f"  {held['street_km']:g} km of lanes, {held['crossings']} crossings on foot, "
        f"{held['signalised_crossings']} of them with a signal.",
        f"  Trips: {trips['car']} by car, {trips['bus']} buses, {trips['bicycle']} by bicycle, "
        f"{trips['emergency']} emergency, {trips['walk']} on foot ({held['walks_pressing']} press).",
        f"  Detectors: {kinds}.",
    ]
    if held["bus_lines"] or held["bus_halts"]:
        lines.append(f"  Buses: {held['bus_lines']} lines, {held['bus_halts']} halts at stops.")
    lines += [
        f"  Fault: {f['kind']}, {f['where']}, from second {f['onset_s']:g}, share {f['share']:g}."
        for f in held["faults"]
    ]
    lines += [f"  {sentence}" for sentence in held["assumptions"]]
    return [*lines, "All right."]


def _clock(at_s: int) -> str:
    return f"{at_s // 3600}:{at_s % 3600 // 60:02d}"
