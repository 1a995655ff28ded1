"""A sweep of the city: controllers × seeds, in processes or on a cluster, kept run by run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sim.city.measuring.results import CityJob, CityStore, city_source_digest
from sim.city.measuring.run_files import RunFiles
from sim.run_pool import Failure, Progress, run_in_processes

if TYPE_CHECKING:
    from sim.city.load import City

Record = Mapping[str, Any]
"""What `run.json` says, its measures as CityMeasures."""
Outcomes = Mapping[CityJob, Record | Failure]
Runner = Callable[[CityJob, Progress], RunFiles]
"""Runs a job wherever it is; must be importable there by its name."""
OnStep = Callable[[CityJob, float], None]
"""Called with a job and the part of it that is done; 1.0 once when it has ended, well or not."""


def plan_jobs(
    scenario: Any, controllers: Sequence[str], seeds: Sequence[int], policy: Any
) -> tuple[CityJob, ...]:
    """Every run of a sweep; the controllers of one seed follow each other."""
    return tuple(CityJob(scenario, controller, policy, seed) for seed in seeds for controller in controllers)


def open_folders(jobs: Sequence[CityJob], store: CityStore, street_map: bytes) -> None:
    """Make or find the folder of every controller. Raises ResultError when one holds another experiment."""
    for job in {job.controller: job for job in jobs}.values():
        store.open(job, street_map)


def sweep_city(
    jobs: Sequence[CityJob],
    runner: Runner,
    store: CityStore,
    street_map: bytes,
    processes: int,
    cluster: str | None = None,
    on_step: OnStep = lambda job, part: None,
) -> dict[CityJob, Record | Failure]:
    """Run every job that is not in the store yet; what each gave, in the order of `jobs`.

    A run that fails or crashes gives a Failure and stops nothing. KeyboardInterrupt takes back what
    runs and is raised again; finished runs are kept. Raises ResultError when the store fails (before
    any run starts if it holds what is not ours) and ClusterError.
    """
    outcomes: dict[CityJob, Record | Failure] = {}
    open_folders(jobs, store, street_map)
    for job in jobs:
        if (known := store.load(job)) is not None:
            outcomes[job] = known
            on_step(job, 1.0)

    def end(job: CityJob, outcome: RunFiles | Failure, wall_s: float) -> None:
        if isinstance(outcome, Failure):
            store.keep_trace(job, outcome)
            outcomes[job] = outcome
        else:
            outcomes[job] = store.keep(job, outcome)
        on_step(job, 1.0)

    waiting = [job for job in jobs if job not in outcomes]
    work = partial(run_unchanged, runner, store.sources)
    if cluster is None:
        run_in_processes(waiting, work, processes, on_step, end)
    elif waiting:
        from sim.city.cluster import run_on_cluster

        run_on_cluster(waiting, work, cluster, on_step, end)
    return {job: outcomes[job] for job in jobs}


def run_unchanged(runner: Runner, sources: str, job: CityJob, progress: Progress) -> RunFiles:
    """Where the run is: results of two versions must not stand in one table."""
    if city_source_digest() != sources:
        raise RuntimeError(
            "the product's sources here are not those of the command; install the same version, or, if they "
            "changed during the sweep, run the command again"
        )
    return runner(job, progress)


def street_map(city: City) -> bytes:
    """What a report draws: streets, crossings, signals and districts of a city, as JSON."""
    roads = city.roads
    shape = {
        "districts": list(roads.districts),
        "edges": [
            {
                "name": name,
                "district": int(roads.edge_district[e]),
                "lanes": int(roads.edge_lane_start[e + 1] - roads.edge_lane_start[e]),
                "shape": [[round(x, 1), round(y, 1)] for x, y in roads.edge_shape[e]],
            }
            for e, name in enumerate(roads.edges)
        ],
        "crossings": [
            {
                "name": name,
                "district": int(roads.crossing_district[k]),
                "at": [
                    round(float(roads.node_x_m[roads.crossing_node[k]]), 1),
                    round(float(roads.node_y_m[roads.crossing_node[k]]), 1),
                ],
            }
            for k, name in enumerate(roads.crossings)
        ],
        "junctions": [
            {"title": junction.title or junction.name, "at": at}
            for junction, at in zip(city.street.junctions, _junction_places(city), strict=True)
        ],
    }
    return json.dumps(shape, separators=(",", ":")).encode()


def _junction_places(city: City) -> list[list[float]]:
    """The middle of each signal's nodes."""
    roads, places = city.roads, []
    for j in range(len(city.street.junctions)):
        own = roads.node_junction == j
        if own.any():
            places.append([round(float(roads.node_x_m[own].mean()), 1),
                           round(float(roads.node_y_m[own].mean()), 1)])  # fmt: skip
        else:
            places.append([0.0, 0.0])
    return places
