"""Made-up runs of a small city, for the tests of what is summed up, shown and compared."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from controller.policy import Policy
from sim.city.measuring.measures import measure
from sim.city.measuring.results import CityJob, CityStore
from sim.city.measuring.run_files import RunFiles, pack_run
from sim.city.measuring.trip_table import PASSENGER, Table
from sim.city.scenario import CityPlan, CityScenario, RunPlan
from sim.city.trips import MODES, Mode
from sim.run_pool import Progress

DISTRICTS = ("Centre", "Riverside", "Edge")
BLOCKS = 6
SCENARIO = CityScenario("market-town", city=CityPlan(), run=RunPlan(begin_s=25_200, end_s=28_800))
SPEED = {"adaptive": 0.6, "fixed": 1.0}
"""How much of the usual loss is left under each controller."""


def job(controller: str = "adaptive", seed: int = 1, policy: Policy | None = None) -> CityJob:
    """One run of the made-up city."""
    return CityJob(SCENARIO, controller, policy or Policy(), seed)


def grid_map() -> dict[str, object]:
    """Streets in both directions on a grid, three districts from left to right."""
    edges, junctions, crossings = [], [], []
    for x in range(BLOCKS):
        for y in range(BLOCKS):
            at = [200.0 * x, 200.0 * y]
            district = min(2, x // 2)
            junctions.append({"title": f"{x + 1}. Street / {y + 1}. Avenue", "at": at})
            crossings.append({"name": f"c{x}_{y}", "district": district, "at": at})
            for dx, dy in ((1, 0), (0, 1)):
                if x + dx < BLOCKS and y + dy < BLOCKS:
                    there = [200.0 * (x + dx), 200.0 * (y + dy)]
                    for k, shape in enumerate(([at, there], [there, at])):
                        name = f"{x}_{y}_{dx}{dy}{k}"
                        edges.append({"name": name, "district": district, "lanes": 1, "shape": shape})
    return {"districts": list(DISTRICTS), "edges": edges, "crossings": crossings, "junctions": junctions}


MAP = json.dumps(grid_map()).encode()


def a_trip_table(
    rows: Sequence[tuple[str, int, int, float, float]], red: Sequence[int] | None = None
) -> Table:
    """Trips from (id, mode, district, persons, lost in s); all arrived, standing half of the loss."""
    n = len(rows)
    lost_s = np.array([row[4] for row in rows], float)
    return {
        "id": np.array([row[0] for row in rows], np.str_),
        "mode": np.array([row[1] for row in rows], np.int8),
        "persons": np.array([row[3] for row in rows], float),
        "home_district": np.array([row[2] for row in rows], np.int64),
        "depart_ms": 25_200_000 + 1000 * np.arange(n),
        "arrived_ms": 25_800_000 + 1000 * np.arange(n),
        "lost_s": lost_s,
        "entry_s": np.zeros(n),
        "worst_wait_s": lost_s / 2,
        "stops": np.ones(n, np.int64),
        "red_crossings": np.zeros(n, np.int64) if red is None else np.array(red, np.int64),
    }


def made_tables(controller: str, seed: int) -> dict[str, Table]:
    """A town in which the edge waits longest and adaptive signals help cars most.

    Who travels hangs on the seed alone, so that runs of the same seed are the same people.
    """
    people, chance = np.random.default_rng(seed), np.random.default_rng([seed, len(controller)])
    share = SPEED.get(controller, 0.9)
    rows = []
    for k in range(600):
        mode = int(people.choice([Mode.CAR, Mode.BICYCLE, Mode.WALK, PASSENGER], p=[0.5, 0.1, 0.3, 0.1]))
        district = int(people.integers(len(DISTRICTS)))
        usual_s = people.exponential(20.0) * (1 + 0.5 * district)
        own = 1.05 if mode == Mode.WALK and controller == "adaptive" and district == 2 else share
        rows.append((f"t{k}", mode, district, 1.3 if mode == Mode.CAR else 1.0,
                     own * usual_s + chance.exponential(1.0)))  # fmt: skip
    red = [int(mode == Mode.WALK and lost_s > 40) for _, mode, _, _, lost_s in rows]
    tables = {"trips": a_trip_table(rows, red)}
    streets = grid_map()
    tables |= _place_tables(streets, share, chance)
    minutes = np.arange(60)
    hump = np.sin(np.pi * minutes / 60)
    tables["minutes"] = {
        "minute": minutes,
        "driving_veh": 80 * hump,
        "entry_queue_veh": np.zeros(60, np.int64),
        "arrived_veh": np.full(60, 9),
        "crossed_on_red": np.zeros(60, np.int64),
    }
    for mode in MODES:
        tables["minutes"][f"standing_{mode}"] = share * 30 * hump + chance.random(60)
        tables["minutes"][f"lost_person_s_{mode}"] = share * 900 * hump
    return tables


def _place_tables(streets: dict, share: float, chance: np.random.Generator) -> dict[str, Table]:
    e, k = len(streets["edges"]), len(streets["crossings"])
    used = chance.integers(0, 60, e).astype(float)
    edges: Table = {
        "edge": np.array([one["name"] for one in streets["edges"]], np.str_),
        "district": np.array([one["district"] for one in streets["edges"]]),
        "length_m": np.full(e, 200.0),
        "lanes": np.ones(e, np.int64),
        "vehicles": used.astype(np.int64),
        "people": 1.3 * used,
        "full_s": np.zeros(e, np.int64),
        "stood_late": np.zeros(e, np.int64),
    }
    for mode in MODES[:-1]:
        edges[f"lost_person_s_{mode}"] = used * share * chance.exponential(6.0, e)
    came = chance.integers(0, 40, k)
    crossings: Table = {
        "crossing": np.array([one["name"] for one in streets["crossings"]], np.str_),
        "junction": np.arange(k),
        "district": np.array([one["district"] for one in streets["crossings"]]),
        "came": came,
        "crossed": came,
        "standing_s": came * share * chance.exponential(20.0, k),
        "worst_s": np.full(k, 80.0),
        "on_red": np.zeros(k, np.int64),
        "caught": np.zeros(k, np.int64),
        "promise_s": np.full(k, 90.0),
        "late": (came > 35).astype(np.int64),
        "late_noticed": np.zeros(k, np.int64),
        "gave_up": np.zeros(k, np.int64),
    }
    passed = chance.integers(1, 200, k)
    mean_s = share * chance.exponential(25.0, k)
    junctions: Table = {
        "junction": np.array([one["title"] for one in streets["junctions"]], np.str_),
        "index": np.arange(k),
        "district": crossings["district"],
        "mode": np.zeros(k, np.int8),
        "passed": passed,
        "people": 1.3 * passed,
        "delay_person_s": 1.3 * passed * mean_s,
        "mean_s": mean_s,
        "p50_s": mean_s,
        "p95_s": 2 * mean_s,
        "worst_s": 4 * mean_s,
        "worst_wait_s": 2 * mean_s,
        "queue_max_veh": np.full(k, 7),
    }
    groups: Table = {
        "group": np.array(["north", "south"], np.str_),
        "junction": np.zeros(2, np.int64),
        "kind": np.zeros(2, np.int8),
        "promise_s": np.full(2, 120.0),
        "calls": np.array([50, 50]),
        "calls_late": np.array([0, 1]),
    }
    return {"edges": edges, "crossings": crossings, "junctions": junctions, "groups": groups}


def files_of(one: CityJob, tables: dict[str, Table]) -> RunFiles:
    """The files of a run with these tables."""
    record = {
        "scenario": one.scenario.name,
        "controller": one.controller,
        "seed": one.seed,
        "districts": list(DISTRICTS),
        "measures": measure(tables, DISTRICTS, 3600, gridlock=False).to_json(),
    }
    return pack_run(record, tables)


def keep(out: Path, jobs: Sequence[CityJob]) -> None:
    """Put made-up runs into a folder of results."""
    store = CityStore(out)
    for one in jobs:
        store.open(one, MAP)
        store.keep(one, files_of(one, made_tables(one.controller, one.seed)))


# Runners for processes of their own: what each does is told by the controller's name.


def told_by_name(one: CityJob, progress: Progress) -> RunFiles:
    """`crash`, `mistake`, `refuse`, `slow` do so; anything else runs well and leaves a mark."""
    progress(0.5)
    marks = Path(os.environ["BELISHA_MARKS"])
    with (marks / f"{one.controller}-{one.seed}").open("a") as mark:
        mark.write(f"{os.getpid()}\n")
    if one.controller == "crash":
        os._exit(7)
    if one.controller == "mistake":
        raise IndexError("index 9 is out of bounds")
    if one.controller == "refuse":
        raise ValueError("market-town: no signal J1\nmore")
    if one.controller == "slow":
        time.sleep(600)
    if one.controller == "unhurried":
        time.sleep(1.5)
    return files_of(one, made_tables(one.controller, one.seed))
