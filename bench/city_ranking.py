"""Do the city and SUMO put the five controllers in the same order?

`python -m bench.city_ranking --scenarios DIR [--maps a,b] [--controllers a,b] [--seed 1]` prints one line a
map: mean delay (time loss and departure delay, unfinished and never-departed trips included) under each
controller in SUMO and here, and each pair that SUMO parts by more than a tenth and the city puts the other
way round. The vehicles are those that SUMO drove under the network's own program, on its routes, on both
sides; SUMO steps by a second, and both have all vehicles tell where they are (full sensors).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from bench.city_validation import driven_demand, sumo_s
from controller.vocabulary import CONTROLLERS, Sensors, Timing
from sim import sumo_run
from sim.city.load import City, load_city
from sim.city.scenario import CityScenario, RunPlan, SumoPlan
from sim.city.world import World
from sim.importers.sumo import import_sumo
from sim.scenarios import Scenario, from_folder

PARTED = 0.10
"""Two controllers are only compared where SUMO parts them by more than this of the smaller delay."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One map: mean delay in s by controller, on both sides."""

    name: str
    sumo_s: Mapping[str, float]
    here_s: Mapping[str, float]

    @property
    def parted(self) -> list[tuple[str, str]]:
        """(better, worse) pairs that SUMO parts."""
        return parted(self.sumo_s)

    @property
    def turned(self) -> list[tuple[str, str]]:
        """Those of them that the city puts the other way round."""
        return [(a, b) for a, b in self.parted if self.here_s[a] >= self.here_s[b]]


def parted(delay_s: Mapping[str, float]) -> list[tuple[str, str]]:
    """(better, worse) of every two whose delays differ by more than a tenth."""
    pairs = [(a, b) if delay_s[a] <= delay_s[b] else (b, a) for a, b in combinations(delay_s, 2)]
    return [(a, b) for a, b in pairs if delay_s[b] > (1.0 + PARTED) * delay_s[a]]


def rank(scenario: Scenario, controllers: Sequence[str], seed: int, directory: Path) -> Ranked:
    """Run everything on one map."""
    sumo_s(
        scenario, seed, "--vehroute-output", str(directory / "routes.xml"),
        "--vehroute-output.write-unfinished", "true", "--vehroute-output.sorted", "true",
    )  # fmt: skip
    demand = driven_demand(scenario, directory)
    street = import_sumo(scenario.net, Timing.COMPARISON)
    theirs = {}
    for controller in controllers:
        spec = sumo_run.RunSpec(
            street, scenario.net, (demand,), scenario.begin_s, scenario.end_s, controller, Sensors.FULL, seed
        )
        theirs[controller] = sumo_run.run(spec).delay_mean_s
    run = RunPlan(scenario.begin_s, scenario.end_s, sensors=Sensors.FULL, timing=Timing.COMPARISON)
    city = load_city(CityScenario(scenario.name, sumo=SumoPlan(scenario.net, (demand,)), run=run), seed)
    return Ranked(scenario.name, theirs, {name: delay_s(city, name, seed) for name in controllers})


def delay_s(city: City, controller: str, seed: int) -> float:
    """Mean delay of everybody who was due, in s: time loss, and how long he waited to set out."""
    world = World(city, controller, seed=seed)
    world.run()
    traffic = world.traffic
    departed = traffic.departed_ms >= 0
    entered_ms = np.where(departed, traffic.departed_ms, city.end_ms)
    late_s = np.maximum(0, entered_ms - city.drives.depart_ms) / 1000
    return float((traffic.lost_s + late_s)[city.drives.depart_ms < city.end_ms].mean())


def table(rows: Sequence[Ranked], controllers: Sequence[str]) -> list[str]:
    """Lines of a Markdown table: delay in SUMO / here."""
    lines = [
        f"| map | {' | '.join(controllers)} | pairs parted by SUMO | in the same order here |",
        f"|---{'|---' * len(controllers)}|---|---|",
    ]
    for row in rows:
        cells = " | ".join(f"{row.sumo_s[name]:.1f} / {row.here_s[name]:.1f}" for name in controllers)
        turned = ", ".join(f"{a} before {b}" for a, b in row.turned)
        note = f" (not: {turned})" if turned else ""
        same = len(row.parted) - len(row.turned)
        lines.append(f"| {row.name} | {cells} | {len(row.parted)} | {same}{note} |")
    return lines


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=Path, required=True)
    parser.add_argument("--maps", default="")
    parser.add_argument("--controllers", default=",".join(CONTROLLERS))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    names = [name for name in given.maps.split(",") if name] or None
    controllers = given.controllers.split(",")
    rows = []
    for scenario in from_folder(given.scenarios, names):
        if not scenario.name.endswith("-walk"):
            with tempfile.TemporaryDirectory() as directory:
                rows.append(rank(scenario, controllers, given.seed, Path(directory)))
                print(table(rows, controllers)[-1], flush=True)
    print("\n".join(["", *table(rows, controllers)]))


if __name__ == "__main__":
    main()
