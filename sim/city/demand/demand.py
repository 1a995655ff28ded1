"""Who travels in a generated city, drawn from a seed: `demand`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.city.demand.demand_drives import HOUR_MS, draw_drives
from sim.city.demand.demand_routes import draw_routes, trees_for
from sim.city.demand.demand_walks import draw_walks
from sim.city.generator.generate import GeneratedCity
from sim.city.generator.generate_buses import bus_lines
from sim.city.people.lines import Line
from sim.city.roads import Roads
from sim.city.scenario import DemandPlan
from sim.city.trips import Drives, Walks


class Demand(NamedTuple):
    """Everybody's trips, and the bus lines that `Drives.line` counts."""

    drives: Drives
    walks: Walks
    lines: tuple[Line, ...]


def demand(
    city: GeneratedCity, roads: Roads, plan: DemandPlan, begin_ms: int, end_ms: int, seed: int
) -> Demand:
    """Draw who travels between two street times. The same arguments give the same people.

    Vehicles, people on foot and routes are drawn from streams of their own, so more walkers
    change nobody's drive.
    """
    junctions = city.plan.junctions
    passing = plan.veh_per_h_per_junction * junctions * (end_ms - begin_ms) / HOUR_MS
    trees, ways = trees_for(passing, junctions)
    rng = np.random.default_rng([seed, 11])
    stock = draw_routes(city, roads, plan.veh_per_h_per_junction, trees, ways, rng)
    lines = bus_lines(city, roads, begin_ms, end_ms, seed)
    drives = draw_drives(
        roads, stock, lines, plan, junctions, begin_ms, end_ms, np.random.default_rng([seed, 12])
    )
    walks = draw_walks(city, roads, plan, begin_ms, end_ms, np.random.default_rng([seed, 13]))
    return Demand(drives, walks, lines)
