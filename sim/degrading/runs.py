"""One run for the curves, in the city or in SUMO: what people lost, and how soon the ill were found out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.degradation import Degradation
from controller.network import Network
from controller.vocabulary import DetectorKind
from sim.city.sensing.faults import Faults
from sim.degrading.jobs import DegradeJob
from sim.run_pool import Progress

BELIEVED = 0.5
"""Less trust than this and what a detector says is not used, or answered by recall."""
NEVER = -1


class FoundOut:
    """When each ill detector was no longer believed, seen from outside once a second."""

    def __init__(self, network: Network, onset_ms: int) -> None:
        self.onset_ms = onset_ms
        self._found_ms: NDArray[np.int64] = np.full(len(network.detectors), NEVER, np.int64)
        # A check-in point of buses counts a bus now and then: nothing tells a silent one from a quiet line.
        self._judged = network.detector_kind != DetectorKind.BUS
        self._ill = np.zeros(len(network.detectors), np.bool_)
        self.lowest_rung = 0

    def look(self, now_ms: int, faults: Faults, degradation: Degradation) -> None:
        """Take note of one moment."""
        self.lowest_rung = max(self.lowest_rung, int(degradation.ladder.rungs.rung.max(initial=0)))
        if now_ms < self.onset_ms:
            return
        ill = faults.ill[self._judged[faults.ill]]
        self._ill[ill] = True
        fresh = ill[(degradation.detectors.health.trust[ill] < BELIEVED) & (self._found_ms[ill] == NEVER)]
        self._found_ms[fresh] = now_ms

    @property
    def found_s(self) -> float | None:
        """Seconds after the onset by which half of the ill were found out; None = fewer ever were."""
        found_ms = self._found_ms[self._ill]
        after_s = np.sort((found_ms[found_ms != NEVER] - self.onset_ms) / 1000.0)
        half = -(-len(found_ms) // 2)
        return float(after_s[half - 1]) if 0 < half <= len(after_s) else None

    @property
    def found_share(self) -> float:
        """Part of the ill that was found out at all."""
        found_ms = self._found_ms[self._ill]
        return float((found_ms != NEVER).mean()) if len(found_ms) else 0.0


def run_job(job: DegradeJob, progress: Progress) -> dict[str, Any]:
    """Play a job in its simulator; what `curves` reads, as plain data. Raises errors of one line each."""
    return _in_the_city(job, progress) if job.simulator == "city" else _in_sumo(job, progress)


def _record(
    people_s: float, modes: dict[str, float], districts: dict[str, float], found: FoundOut | None,
    gridlock: bool, violations: int | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "people_s": people_s,
        "modes_s": modes,
        "districts_s": districts,
        "gridlock": gridlock,
        "violations": violations or 0,
        "found_s": None if found is None else found.found_s,
        "found_share": None if found is None else found.found_share,
        "lowest_rung": None if found is None else found.lowest_rung,
    }


def _in_the_city(job: DegradeJob, progress: Progress) -> dict[str, Any]:
    from controller.warm_up import warm_up
    from sim.city.load import load_city
    from sim.city.measuring.measured_run import Watched
    from sim.city.measuring.measures import measure
    from sim.city.measuring.run_tables import tables_of
    from sim.city.world import World

    warm_up(job.controller, job.scenario.run.sensors)
    city = load_city(job.scenario, job.seed)
    world = World(city, job.controller, job.policy, job.seed, faults=job.faults)
    watched = Watched(world, progress)
    degradation = None if world.controller is None else world.controller.degradation
    found = None
    if degradation is not None:
        found = FoundOut(city.network, city.begin_ms + round(1000 * job.onset_s))
        held = degradation, found
        world.on_second.append(lambda w: held[1].look(w.now_ms, w.faults, held[0]))
    world.run()
    tables = tables_of(watched.truth())
    districts = city.roads.districts
    measures = measure(tables, districts, job.scenario.run.duration_s, bool(watched.watch.notes.gridlock[0]))
    modes = {name: measures.modes[name].mean_s for name in ("car", "bus", "walk") if name in measures.modes}
    return _record(
        measures.all_people.mean_s, modes, _at_signals_of(tables["junctions"], districts), found,
        measures.flow.gridlock, world.violations,
    )  # fmt: skip


def _at_signals_of(junctions: dict[str, NDArray[Any]], districts: tuple[str, ...]) -> dict[str, float]:
    """Seconds a person lost for each signal passed, by the district in which the signal stands."""
    found = {}
    for d, name in enumerate(districts):
        here = junctions["district"] == d
        people = float(junctions["people"][here].sum())
        if people > 0:
            found[name] = float(junctions["delay_person_s"][here].sum()) / people
    return found


def _in_sumo(job: DegradeJob, progress: Progress) -> dict[str, Any]:
    from sim.importers.sumo import import_sumo
    from sim.sumo_run import RunSpec, run

    scenario, plan = job.scenario, job.scenario.sumo
    assert plan is not None, "checked before anything runs"
    begin_ms = 1000 * scenario.run.begin_s
    spec = RunSpec(
        street=import_sumo(plan.net, scenario.run.timing),
        net=plan.net,
        routes=plan.routes,
        begin_s=scenario.run.begin_s,
        end_s=scenario.run.end_s,
        controller=job.controller,
        sensors=scenario.run.sensors,
        seed=job.seed,
        policy=job.policy,
        additional=plan.additional,
        faults=job.faults,
    )
    held: list[FoundOut] = []

    def look(controller: Any, faults: Faults | None, now_ms: int) -> None:
        if controller.degradation is None or faults is None:
            return
        if not held:
            held.append(FoundOut(controller.network, begin_ms + round(1000 * job.onset_s)))
        held[0].look(now_ms, faults, controller.degradation)

    result = run(spec, on_progress=progress, on_second=look)
    trips = {name: one.trips for name, one in result.modes.items()}
    weights = (job.policy.persons_per_car, job.policy.persons_per_bus, job.policy.persons_per_walker)
    people = sum(n * weight for n, weight in zip(trips.values(), weights, strict=True))
    words = {"car": "car", "bus": "bus", "pedestrian": "walk"}
    modes = {words[name]: one.mean_s for name, one in result.modes.items() if one.trips}
    return _record(
        result.person_seconds / max(1.0, people), modes, {}, held[0] if held else None,
        result.gridlock, result.violations,
    )  # fmt: skip
