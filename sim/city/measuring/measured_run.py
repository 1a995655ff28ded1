"""One run of the city from a job to its files: the city made, the world run, watched and measured."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.network import Network
from controller.vocabulary import DetectorKind
from sim.city.load import load_city
from sim.city.measuring.measures import measure
from sim.city.measuring.results import CityJob
from sim.city.measuring.run_files import RunFiles, pack_run
from sim.city.measuring.run_tables import Truth, tables_of
from sim.city.measuring.trip_table import PASSENGER
from sim.city.measuring.watch import MINUTE_MS, Watch
from sim.city.people.transit import halts_table, riders_table
from sim.city.scenario import FaultKind
from sim.city.sensing.faults import Faults
from sim.city.world import World
from sim.run_pool import Progress

DEAF_KINDS = (FaultKind.STUCK_OFF, FaultKind.DROPOUT)
"""Faults under which a button says nothing."""


class Watched:
    """A world with a watch on it. `watch.notes` goes into the world's snapshots."""

    def __init__(self, world: World, progress: Progress = lambda part: None) -> None:
        city = world.city
        self.world = world
        self.watch = Watch(city.roads, city.network, city.drives, city.walks, city.begin_ms, city.end_ms)
        fitted = getattr(city, "detector_fitted", None)
        self._buttons = Buttons(city.network, city.roads.crossing_group, fitted)
        self._progress = progress
        world.on_second.append(self._look)
        world.accompany("watch", self.watch.notes)

    def _look(self, world: World) -> None:
        calls = unheard = suspended = None
        if world.controller is not None:
            state = world.controller.state
            calls = state.call_since_ms
            unheard = self._buttons.unheard(world.faults, state.recall)
            suspended = world.controller.promises_suspended
        self.watch.look(world.traffic, world.walkers, calls, unheard, suspended)
        clock = self.watch.clock
        if (world.time_ms - clock.begin_ms) % MINUTE_MS == 0:
            self._progress((world.time_ms - clock.begin_ms) / max(1, clock.end_ms - clock.begin_ms))

    def truth(self) -> Truth:
        """What there is to measure when the run has ended; closes the watch."""
        world, city = self.world, self.world.city
        self.watch.close(world.traffic, world.walkers)
        riders = halts = None
        if len(world.service.bus_vehicle):
            end_ms = self.watch.clock.end_ms
            riders = riders_table(
                world.passengers, world.transit, world.service, world.traffic, end_ms, PASSENGER
            )
            halts = halts_table(world.transit, world.service)
        return Truth(
            city.roads, city.network, city.drives, world.traffic, city.walks, world.walkers, self.watch,
            riders if city.lines else None, halts,
        )  # fmt: skip


class Buttons:
    """Which crossings' buttons are dead, or were never there, while the controller believes in them."""

    def __init__(
        self, network: Network, crossing_group: NDArray[np.int64], fitted: NDArray[np.bool_] | None
    ) -> None:
        self._detectors = np.flatnonzero(network.detector_kind == DetectorKind.BUTTON)
        self._groups = network.detector_group[self._detectors]
        missing = np.zeros(len(self._detectors), np.bool_)
        self._missing = missing if fitted is None else ~fitted[self._detectors]
        self._crossing_group = crossing_group
        self._n_groups = network.n_groups

    def unheard(self, faults: Faults, recall: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """(crossings) True where nobody hears a press and the group is not on recall; None for nowhere."""
        deaf = self._missing | np.isin(self._detectors, faults.having(*DEAF_KINDS))
        if not deaf.any():
            return None
        dead = np.zeros(self._n_groups, np.bool_)
        dead[self._groups[deaf]] = True
        groups = self._crossing_group
        return (groups >= 0) & dead[groups] & ~recall[groups]


def run_city(job: CityJob, progress: Progress) -> RunFiles:
    """The runner of real sweeps. Raises what `load_city` and `World` raise, one line each."""
    from controller.warm_up import warm_up

    warm_up(job.controller, job.scenario.run.sensors)
    begun_s = time.perf_counter()
    city = load_city(job.scenario, job.seed)
    world = World(city, job.controller, job.policy, job.seed)
    watched = Watched(world, progress)
    ready_s = time.perf_counter()
    world.run()
    ran_s = time.perf_counter()
    tables = tables_of(watched.truth())
    districts = city.roads.districts
    simulated_s = job.scenario.run.duration_s
    measures = measure(tables, districts, simulated_s, bool(watched.watch.notes.gridlock[0]))
    record: Mapping[str, Any] = {
        "scenario": job.scenario.name,
        "controller": job.controller,
        "seed": job.seed,
        "districts": list(districts),
        "notes": list(city.notes),
        "violations": world.violations,
        "load_s": round(ready_s - begun_s, 3),
        "wall_s": round(ran_s - ready_s, 3),
        "measures": measures.to_json(),
    }
    return pack_run(record, tables)
