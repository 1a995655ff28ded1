"""The city's kernels alone, playing the network's own program: how much faster than SUMO.

The demo's town, or every scenario of the folder named by BELISHA_SCENARIOS (BELISHA_MAPS, a
list with commas, chooses among them). Processor time on both sides, so that what else runs on
the machine matters little, the best of several rounds before and after SUMO's. SUMO's is that of
its plain program without output, microscopic and mesoscopic, less what loading and the first
second take.

BELISHA_UXSIM=PYTHON names a Python that has uxsim (it is not one of ours): then its C++ engine drives the
same trips over the same streets, vehicle by vehicle as here, and in platoons of five, its default.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.bench_sumo_hour import scenarios
from bench.city_validation import sumo_s
from bench.measurements import Measurements
from bench.uxsim_streets import hour_for_uxsim
from controller.network import build_network
from sim.city.demand.sumo_demand import trips_of_sumo
from sim.city.load import load_city
from sim.city.movement.fixed_programs import play, programs_of_net
from sim.city.movement.mover import Mover
from sim.city.movement.traffic import new_traffic
from sim.city.net_roads import roads_of_net
from sim.city.scenario import CityScenario, RunPlan, SumoPlan
from sim.city.world import World
from sim.importers.sumo import street_of_net
from sim.importers.sumo_net_xml import read_net
from sim.scenarios import Scenario

ROUNDS = 3
MESO_ROUNDS = 5
"""An hour of it takes hardly longer than loading, which is subtracted."""
UXSIM = os.environ.get("BELISHA_UXSIM", "")
UXSIM_HOUR = Path(__file__).parent / "uxsim_hour.py"


def kernels_s(scenario: Scenario) -> tuple[float, float]:
    """Best time of the whole scenario in s, and ns for one vehicle and second."""
    net = read_net(scenario.net)
    network = build_network(street_of_net(net), 1000)
    roads = roads_of_net(net, network)
    drives = trips_of_sumo(net, roads, scenario.routes, scenario.begin_s, scenario.end_s, 1).drives
    mover, programs = Mover(roads, drives, network.group_turn_on_red, True), programs_of_net(net, network)
    best_s, driven_s = np.inf, 1.0
    for _ in range(ROUNDS):
        traffic = new_traffic(roads, drives, scenario.begin_s * 1000, network.n_groups)
        group_lamp = np.zeros(network.n_groups, np.int8)
        begun_s = time.process_time()
        play(mover, traffic, programs, group_lamp, scenario.end_s * 1000)
        best_s = min(best_s, time.process_time() - begun_s)
        left_ms = np.where(traffic.arrived_ms >= 0, traffic.arrived_ms, scenario.end_s * 1000)
        driven_s = float((left_ms - traffic.departed_ms)[traffic.departed_ms >= 0].sum() / 1000)
    return best_s, 1e9 * best_s / driven_s


def uxsim_s(scenario: Scenario, deltan: int) -> float:
    """Processor time of UXsim's C++ engine alone for the same streets, trips and programs."""
    net = read_net(scenario.net)
    network = build_network(street_of_net(net), 1000)
    roads = roads_of_net(net, network)
    drives = trips_of_sumo(net, roads, scenario.routes, scenario.begin_s, scenario.end_s, 1).drives
    programs = programs_of_net(net, network)
    hour = hour_for_uxsim(network, roads, drives, programs, scenario.begin_s, scenario.end_s)
    told = subprocess.run(
        [UXSIM, str(UXSIM_HOUR)], check=True, capture_output=True, text=True,
        input=json.dumps({**hour, "deltan": deltan, "cpp": True}), env={**os.environ, "MPLBACKEND": "Agg"},
    )  # fmt: skip
    return float(json.loads(told.stdout.splitlines()[-1])["took_s"])


def _sumo_s(scenario: Scenario, *more: str) -> float:
    """SUMO's best time for the whole scenario less that for its first second."""
    first = replace(scenario, end_s=scenario.begin_s + 1)
    rounds = MESO_ROUNDS if more else 2
    whole_s = min(_processor_s(scenario, *more) for _ in range(rounds))
    return max(0.0, whole_s - min(_processor_s(first, *more) for _ in range(rounds)))


def _processor_s(scenario: Scenario, *more: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    sumo_s(scenario, 1, *more)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def whole_city_s(scenario: Scenario, controller: str) -> float:
    """Processor time of the hour with loops, the production tick ten times a second, and every measure."""
    run = RunPlan(scenario.begin_s, scenario.end_s)
    plan = CityScenario(scenario.name, sumo=SumoPlan(scenario.net, scenario.routes), run=run)
    world = World(load_city(plan, 1), controller, seed=1)
    world.run_until(1000 * (scenario.begin_s + 10))
    begun_s = time.process_time()
    world.run_until(1000 * scenario.end_s)
    return time.process_time() - begun_s


def test_the_kernels_beside_sumo(measurements: Measurements, tmp_path: Path) -> None:
    try:
        found = scenarios(tmp_path)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    micro, meso = [], []
    for scenario in found:
        if scenario.name.endswith("-walk"):
            continue
        own_s, nanoseconds = kernels_s(scenario)
        micro_s, meso_s = _sumo_s(scenario), _sumo_s(scenario, "--mesosim", "true")
        own_s = min(own_s, kernels_s(scenario)[0])
        measurements.told(f"{scenario.name}: the city's kernels", 1000 * own_s, "ms")
        measurements.told(f"{scenario.name}: for a vehicle and second", nanoseconds, "ns")
        measurements.told(f"{scenario.name}: SUMO microscopic takes", micro_s / own_s, "times as long")
        measurements.told(f"{scenario.name}: SUMO mesoscopic takes", meso_s / own_s, "times as long")
        for controller in ("fixed", "adaptive"):
            ratio = micro_s / whole_city_s(scenario, controller)
            what = f"{scenario.name}: SUMO microscopic takes, beside the city under {controller}"
            measurements.told(what, ratio, "times as long")
        for deltan in (1, 5) if UXSIM else ():
            ratio = min(uxsim_s(scenario, deltan) for _ in range(2)) / own_s
            measurements.told(f"{scenario.name}: UXsim, {deltan} a platoon, takes", ratio, "times as long")
        micro.append(own_s / micro_s)
        meso.append(own_s / meso_s)
    measurements.budgeted("city-micro", max(micro))
    measurements.budgeted("city-meso", max(meso))
