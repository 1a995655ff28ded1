"""A small city of our own, built on the spot, and five controllers run on it side by side.

Streets come from SUMO's `netgenerate`, demand from a seeded generator here: cars that all
want to cross town, a bus line on the main street, and people on foot. Nothing is
downloaded and no file of anybody else's is needed. The same seed gives the same files.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import random
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from sim import sumo_libraries

GRID_JUNCTIONS = 3
"""Signals along one side of the square town."""
BLOCK_M = 180
CARS_PER_H = 3000
"""Over the whole town: busy at its main street, not oversaturated."""
PEOPLE_ON_FOOT_PER_H = 900
BUS_HEADWAY_S = 120
BUS_DWELL_S = 15
MAIN_STREET_WEIGHT = 3.0
"""How many times more cars come from each end of the main street than from a side street."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The edges by which one enters and leaves town, and those inside it."""

    entries: tuple[str, ...]
    exits: tuple[str, ...]
    inner: tuple[str, ...]


def sumo_binary(name: str) -> Path:
    """The program `name` of the eclipse-sumo package.

    Raises FileNotFoundError, naming the extra to install, when it is not there.
    """
    try:
        import sumo
    except ModuleNotFoundError as error:
        raise FileNotFoundError(f"{name}: SUMO is not installed; pip install 'belisha[sumo]'") from error
    path = Path(sumo.SUMO_HOME) / "bin" / name
    if not path.exists():
        raise FileNotFoundError(f"{path}: not in the installed eclipse-sumo package")
    return path


def build_demo_street(directory: Path, seed: int, duration_s: int = 600) -> tuple[Path, list[Path]]:
    """Write a town of 3 x 3 signals and `duration_s` of demand for it into `directory`.

    Returns the network file and the route files (cars and people on foot; buses).
    Raises FileNotFoundError without SUMO and RuntimeError when `netgenerate` refuses.
    """
    directory.mkdir(parents=True, exist_ok=True)
    net_path = directory / "town.net.xml"
    _generate_streets(net_path, seed)
    ends = _read_ends(net_path)
    people = _cars_and_walks(ends, random.Random(seed), duration_s)
    buses = _buses(ends, duration_s)
    routes = [directory / "people.rou.xml", directory / "buses.rou.xml"]
    for path, root in zip(routes, (people, buses), strict=True):
        ElementTree.indent(root)
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return net_path, routes


def _generate_streets(net_path: Path, seed: int) -> None:
    options = {
        "grid.number": GRID_JUNCTIONS,
        "grid.length": BLOCK_M,
        "grid.attach-length": BLOCK_M,
        "default.lanenumber": 2,
        "default.speed": 13.89,
        "turn-lanes": 1,
        "turn-lanes.length": 50,
        "default-junction-type": "traffic_light",
        "sidewalks.guess": "true",
        "crossings.guess": "true",
        "no-turnarounds": "true",
        # Real blocks are not all alike.
        "perturb-x": "norm(0,12)",
        "perturb-y": "norm(0,12)",
        "seed": seed,
        "output-file": net_path,
    }
    command = [
        str(sumo_binary("netgenerate")),
        "--grid",
        *(f"--{key}={value}" for key, value in options.items()),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=sumo_libraries.environment()
    )
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error")] or ["no message"]
        raise RuntimeError(f"netgenerate could not build the demo town: {errors[0]}")


def _read_ends(net_path: Path) -> Ends:
    root = ElementTree.parse(net_path).getroot()
    dead_ends = {node.attrib["id"] for node in root.iter("junction") if node.get("type") == "dead_end"}
    edges = {
        edge.attrib["id"]: (edge.attrib["from"], edge.attrib["to"])
        for edge in root.iter("edge")
        if edge.get("function") is None
    }
    return Ends(
        entries=tuple(sorted(edge for edge, (start, _) in edges.items() if start in dead_ends)),
        exits=tuple(sorted(edge for edge, (_, end) in edges.items() if end in dead_ends)),
        inner=tuple(sorted(edge for edge, nodes in edges.items() if not dead_ends & set(nodes))),
    )


def _side(edge: str) -> str:
    """The side of town an entry or exit lies on, which netgenerate puts into its name."""
    return next(side for side in ("left", "right", "top", "bottom") if side in edge)


def _arrivals_s(rate_per_h: float, duration_s: int, chance: random.Random) -> list[float]:
    """A Poisson process: moments of arrival in seconds, in order."""
    moments: list[float] = []
    now_s = chance.expovariate(rate_per_h / 3600)
    while now_s < duration_s:
        moments.append(now_s)
        now_s += chance.expovariate(rate_per_h / 3600)
    return moments


def _cars_and_walks(ends: Ends, chance: random.Random, duration_s: int) -> ElementTree.Element:
    weights = [MAIN_STREET_WEIGHT if _is_main(edge) else 1.0 for edge in ends.entries]
    departures: list[tuple[float, ElementTree.Element]] = []
    for number, depart_s in enumerate(_arrivals_s(CARS_PER_H, duration_s, chance)):
        entry = chance.choices(ends.entries, weights)[0]
        away = [edge for edge in ends.exits if _side(edge) != _side(entry)]
        # Half go straight on across town, where their street ends.
        straight = [edge for edge in away if _is_opposite(entry, edge)]
        exit_ = straight[0] if straight and chance.random() < 0.5 else chance.choice(away)
        trip = {"id": f"car{number}", "type": "car", "depart": f"{depart_s:.2f}", "from": entry, "to": exit_}
        trip |= {"departLane": "best", "departSpeed": "max"}
        departures.append((depart_s, ElementTree.Element("trip", trip)))
    for number, depart_s in enumerate(_arrivals_s(PEOPLE_ON_FOOT_PER_H, duration_s, chance)):
        start, end = chance.sample(ends.inner, 2)
        person = ElementTree.Element("person", {"id": f"walker{number}", "depart": f"{depart_s:.2f}"})
        ElementTree.SubElement(person, "walk", {"from": start, "to": end})
        departures.append((depart_s, person))
    root = ElementTree.Element("routes")
    ElementTree.SubElement(root, "vType", {"id": "car", "vClass": "passenger"})
    root.extend(element for _, element in sorted(departures, key=lambda pair: pair[0]))
    return root


def _is_main(entry: str) -> bool:
    """The main street is the middle one from left to right."""
    return _side(entry) in ("left", "right") and _row(entry) == GRID_JUNCTIONS // 2


def _row(edge: str) -> int:
    """The number netgenerate gives to the street an entry or exit belongs to."""
    side = _side(edge)
    return int(edge.partition(side)[2][:1])


def _is_opposite(entry: str, exit_: str) -> bool:
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    return _side(exit_) == opposite[_side(entry)] and _row(exit_) == _row(entry)


def _buses(ends: Ends, duration_s: int) -> ElementTree.Element:
    """A line along the main street in both directions, stopping in the middle of town."""
    root = ElementTree.Element("routes")
    ElementTree.SubElement(root, "vType", {"id": "bus", "vClass": "bus"})
    lines = [
        (entry, exit_)
        for entry in ends.entries
        if _is_main(entry)
        for exit_ in ends.exits
        if _is_opposite(entry, exit_)
    ]
    for step in range(math.ceil(duration_s / BUS_HEADWAY_S)):
        for direction, (entry, exit_) in enumerate(lines):
            depart_s = step * BUS_HEADWAY_S + direction * BUS_HEADWAY_S / len(lines)
            trip = {"id": f"bus{direction}.{step}", "type": "bus", "depart": f"{depart_s:.2f}"}
            trip |= {"from": entry, "to": exit_, "departLane": "best"}
            bus = ElementTree.SubElement(root, "trip", trip)
            stop = {"lane": f"{exit_}_1", "endPos": "60", "duration": str(BUS_DWELL_S)}
            ElementTree.SubElement(bus, "stop", stop)
    return root


def run(minutes: int, seed: int, svg: Path | None = None) -> None:
    """Build the town, play `minutes` of it under every controller, and print the table.

    It is `belisha evaluate` on a town of our own; no result is kept, but the table is also drawn
    into the file `svg` when one is named. Raises typer.Exit when a run failed.
    """
    from sim.evaluate_commands import evaluate

    shown = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="belisha-demo-") as name:
        folder = Path(name)
        net, routes = build_demo_street(folder, seed, 60 * minutes)
        with contextlib.redirect_stdout(shown) if svg is not None else contextlib.nullcontext():
            evaluate(
                net=net,
                route=routes,
                begin=0,
                end=60 * minutes,
                name="town",
                seeds=f"{seed}-{seed}",
                out=folder / "results",
            )
    if svg is not None:
        sys.stdout.write(shown.getvalue())
        svg.write_text(_picture(shown.getvalue(), "belisha town"), encoding="utf-8")


def _picture(text: str, title: str) -> str:
    """A terminal showing `text`, as SVG that asks no other server for its letters."""
    from rich.console import Console
    from rich.text import Text

    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=80, file=nowhere)
        console.print(Text(text.rstrip()))
        drawn = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
