"""The city beside SUMO: same network, same vehicles on the same routes, the network's own programs.

`python -m bench.city_validation --scenarios DIR [--maps a,b] [--seeds 3]` prints one line a map:
mean time on the street in SUMO and here, and how well the queues of approaches agree. SUMO
drives first; its vehicles, with the routes that SUMO chose for them, are the demand of both.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from controller.network import Network, build_network
from sim import sumo_libraries
from sim.city.demand.sumo_demand import trips_of_sumo
from sim.city.movement.fixed_programs import play, programs_of_net
from sim.city.movement.mover import Mover
from sim.city.movement.traffic import STANDING_M_PER_S, new_traffic
from sim.city.net_roads import roads_of_net
from sim.city.roads import Roads
from sim.city.trips import Drives
from sim.demo import sumo_binary
from sim.importers.sumo import street_of_net
from sim.importers.sumo_net_xml import SumoNet, read_net
from sim.scenarios import Scenario, from_folder

INTERVAL_S = 300
"""Queues are compared as means over so long."""
OVERSATURATED_S = 60.0
"""Mean wait to enter the map from which a map is called oversaturated under its fixed plan."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One side. Times are means in s over everybody who departed, unfinished trips as far as they got."""

    travel_s: float
    entering_s: float
    departed: int
    arrived: int
    queue_veh: NDArray[np.float64]
    """(approaches, intervals) mean number of standing vehicles."""
    wall_s: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One map, means over the seeds; `correlation` by approach and interval."""

    name: str
    sumo: Measured
    here: Measured
    error: float
    correlation: float
    by_approach: float
    """Correlation of the hour's mean queues; nan where there is only one approach."""
    one_run: tuple[float, float]
    """Both correlations of SUMO's first seed with single runs here under the others; nan for one seed."""
    yardstick: tuple[float, float]
    """And with single runs of SUMO itself under the others: what chance leaves of them."""

    @property
    def oversaturated(self) -> bool:
        return self.sumo.entering_s > OVERSATURATED_S


def compare(scenario: Scenario, seeds: Sequence[int], directory: Path) -> Compared:
    """Run both sides for every seed and set the means beside each other."""
    net = read_net(scenario.net)
    network = build_network(street_of_net(net), 1000)
    roads = roads_of_net(net, network)
    approach = approaches(network, roads)
    theirs, ours = [], []
    for seed in seeds:
        theirs.append(run_sumo(scenario, seed, directory, roads, approach))
        demand = driven_demand(scenario, directory)
        trips = trips_of_sumo(net, roads, [demand], scenario.begin_s, scenario.end_s, seed)
        ours.append(run_here(scenario, seed, net, network, roads, trips.drives, approach))
    sumo, here = _mean(theirs), _mean(ours)
    whole, flat = agreement(sumo, here)
    error = here.travel_s / sumo.travel_s - 1.0
    ones = (_mean_agreement(theirs[0], runs[1:]) for runs in (ours, theirs))
    return Compared(scenario.name, sumo, here, error, flat, whole, *ones)


def agreement(one: Measured, other: Measured) -> tuple[float, float]:
    """Correlation of mean queues by approach, and of those by approach and interval."""
    whole = np.corrcoef(one.queue_veh.mean(axis=1), other.queue_veh.mean(axis=1))[0, 1]
    return float(whole), float(np.corrcoef(one.queue_veh.ravel(), other.queue_veh.ravel())[0, 1])


def _mean_agreement(one: Measured, others: Sequence[Measured]) -> tuple[float, float]:
    if not others:
        return float("nan"), float("nan")
    pairs = np.mean([agreement(one, other) for other in others], axis=0)
    return float(pairs[0]), float(pairs[1])


def approaches(network: Network, roads: Roads) -> NDArray[np.int64]:
    """(lanes) the signalised approach that each street lane belongs to, -1 for none."""
    found: dict[str, int] = {}
    keys: dict[tuple[str, str], int] = {}
    for junction in network.street.junctions:
        for lane in junction.lanes:
            key = keys.setdefault((junction.name, lane.approach), len(keys))
            for reach in lane.reach:
                found.setdefault(reach.street_lane, key)
    return np.array([found.get(name, -1) for name in roads.lanes], np.int64)


def run_sumo(
    scenario: Scenario, seed: int, directory: Path, roads: Roads, approach: NDArray[np.int64]
) -> Measured:
    """SUMO, microscopic. Leaves its vehicles with their routes in `directory`."""
    lanes = directory / "lanes.xml"
    extra = directory / "extra.xml"
    extra.write_text(f'<additional><laneData id="queues" file="{lanes}" freq="{INTERVAL_S}"/></additional>')
    wall_s = sumo_s(
        scenario, seed,
        "--additional-files", str(extra), "--tripinfo-output", str(directory / "trips.xml"),
        "--tripinfo-output.write-unfinished", "true", "--tripinfo-output.write-undeparted", "true",
        "--vehroute-output", str(directory / "routes.xml"),
        "--vehroute-output.write-unfinished", "true", "--vehroute-output.sorted", "true",
    )  # fmt: skip
    trips = list(ElementTree.parse(directory / "trips.xml").getroot().iter("tripinfo"))
    gone = [trip for trip in trips if float(trip.attrib["depart"]) >= 0]
    index = {name: k for k, name in enumerate(roads.lanes)}
    queue = np.zeros((int(approach.max()) + 1, -(-scenario.duration_s // INTERVAL_S)))
    for interval in ElementTree.parse(lanes).getroot():
        at = int((float(interval.attrib["begin"]) - scenario.begin_s) // INTERVAL_S)
        for lane in interval.iter("lane"):
            k = index.get(lane.attrib["id"], -1)
            if k >= 0 and approach[k] >= 0 and at < queue.shape[1]:
                queue[approach[k], at] += float(lane.get("waitingTime", 0.0)) / INTERVAL_S
    return Measured(
        travel_s=float(np.mean([float(trip.attrib["duration"]) for trip in gone])),
        entering_s=float(np.mean([float(trip.attrib["departDelay"]) for trip in trips])),
        departed=len(gone),
        arrived=sum(float(trip.attrib["arrival"]) >= 0 for trip in gone),
        queue_veh=queue,
        wall_s=wall_s,
    )


def sumo_s(scenario: Scenario, seed: int, *more: str) -> float:
    """Run the plain program on a scenario; returns the seconds it took."""
    command = [
        str(sumo_binary("sumo")),
        *("--net-file", str(scenario.net), "--route-files", ",".join(map(str, scenario.routes))),
        *("--begin", str(scenario.begin_s), "--end", str(scenario.end_s), "--seed", str(seed)),
        *("--time-to-teleport", "-1", "--no-step-log", "true"),
        *("--duration-log.disable", "true", "--no-warnings", "true", *more),
    ]
    begun_s = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=sumo_libraries.environment())
    return time.perf_counter() - begun_s


def driven_demand(scenario: Scenario, directory: Path) -> Path:
    """The vehicles that SUMO drove, on its routes, due when they were due: a route file."""
    types, due = [], {}
    for path in scenario.routes:
        for element in ElementTree.parse(path).getroot():
            if element.tag == "vType":
                types.append(element)
            elif element.tag in ("vehicle", "trip"):
                due[element.attrib["id"]] = element.attrib["depart"]
    root = ElementTree.Element("routes")
    root.extend(types)
    vehicles = list(ElementTree.parse(directory / "routes.xml").getroot().iter("vehicle"))
    for vehicle in vehicles:
        vehicle.attrib.pop("arrival", None)
        vehicle.set("depart", due.get(vehicle.attrib["id"], vehicle.attrib["depart"]))
        for several in vehicle.findall("routeDistribution"):
            vehicle.remove(several)
            vehicle.insert(0, several.findall("route")[-1])
    root.extend(sorted(vehicles, key=lambda vehicle: float(vehicle.attrib["depart"])))
    path = directory / "driven.rou.xml"
    ElementTree.ElementTree(root).write(path)
    return path


def run_here(
    scenario: Scenario, seed: int, net: SumoNet, network: Network, roads: Roads, drives: Drives,
    approach: NDArray[np.int64],
) -> Measured:  # fmt: skip
    """The city's kernels alone, playing the programs; drivers hesitate by chance, as in SUMO."""
    mover = Mover(roads, drives, network.group_turn_on_red, rolls_in=True)
    traffic = new_traffic(roads, drives, scenario.begin_s * 1000, network.n_groups, seed)
    programs, group_lamp = programs_of_net(net, network), np.zeros(network.n_groups, np.int8)
    queue = np.zeros((int(approach.max()) + 1, -(-scenario.duration_s // INTERVAL_S)))
    begun_s = time.perf_counter()
    for second in range(scenario.duration_s):
        play(mover, traffic, programs, group_lamp, (scenario.begin_s + second + 1) * 1000)
        rows = traffic.driving[: traffic.n_driving[0]]
        rows = rows[(traffic.speed_m_per_s[rows] < STANDING_M_PER_S) & (traffic.lane[rows] >= 0)]
        at = approach[traffic.lane[rows]]
        np.add.at(queue[:, second // INTERVAL_S], at[at >= 0], 1.0 / INTERVAL_S)
    gone = traffic.departed_ms >= 0
    end_ms = scenario.end_s * 1000
    left_ms = np.where(traffic.arrived_ms >= 0, traffic.arrived_ms, end_ms)[gone]
    due_ms = np.where(gone, traffic.departed_ms, end_ms) - drives.depart_ms
    return Measured(
        travel_s=float((left_ms - traffic.departed_ms[gone]).mean() / 1000),
        entering_s=float(due_ms.mean() / 1000),
        departed=int(gone.sum()),
        arrived=int((traffic.arrived_ms >= 0).sum()),
        queue_veh=queue,
        wall_s=time.perf_counter() - begun_s,
    )


def _mean(runs: Sequence[Measured]) -> Measured:
    return Measured(
        travel_s=float(np.mean([run.travel_s for run in runs])),
        entering_s=float(np.mean([run.entering_s for run in runs])),
        departed=round(float(np.mean([run.departed for run in runs]))),
        arrived=round(float(np.mean([run.arrived for run in runs]))),
        queue_veh=np.mean([run.queue_veh for run in runs], axis=0),
        wall_s=float(np.mean([run.wall_s for run in runs])),
    )


def table(rows: Sequence[Compared]) -> list[str]:
    """Lines of a Markdown table; with several seeds, how well one run of either side fits SUMO's first."""
    several = any(not math.isnan(row.yardstick[1]) for row in rows)
    lines = [
        "| map | SUMO s | here s | error | queue by approach | and 5 minutes | arrived SUMO, here |"
        + (" one run here | one run of SUMO |" if several else ""),
        "|---|---|---|---|---|---|---|" + ("---|---|" if several else ""),
    ]
    for row in rows:
        note = " (oversaturated)" if row.oversaturated else ""
        line = (
            f"| {row.name}{note} | {row.sumo.travel_s:.1f} | {row.here.travel_s:.1f} | {row.error:+.1%} "
            f"| {row.by_approach:.3f} | {row.correlation:.3f} | {row.sumo.arrived}, {row.here.arrived} |"
        )
        if several:
            line += "".join(f" {whole:.3f}, {flat:.3f} |" for whole, flat in (row.one_run, row.yardstick))
        lines.append(line)
    return lines


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=Path, required=True)
    parser.add_argument("--maps", default="")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    names = [name for name in given.maps.split(",") if name] or None
    rows = []
    for scenario in from_folder(given.scenarios, names):
        if not scenario.name.endswith("-walk"):
            with tempfile.TemporaryDirectory() as directory:
                rows.append(compare(scenario, range(1, given.seeds + 1), Path(directory)))
                print(table(rows)[-1], flush=True)
    print("\n".join(["", *table(rows)]))


if __name__ == "__main__":
    main()
