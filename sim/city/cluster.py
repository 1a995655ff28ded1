"""Runs of a sweep on a Dask cluster: the same jobs, the same results, other machines.

Results come back through the scheduler, so workers and the caller need no common disk; input files
travel with the job. A worker that dies loses nothing: the scheduler gives its jobs to another.
Workers must have this very version of Belisha installed; a job on another one fails and says so.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sim.city.measuring.results import CityJob
from sim.run_pool import Failure, OnEnd, OnPart, Work, failure_of

TOPIC = "belisha-progress"
CONNECT_S = 15
MISSING = "a Dask cluster needs the extra: pip install 'belisha[cluster]'"


class ClusterError(Exception):
    """The cluster cannot be used; the message is one line."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A job with the files it needs, as one thing to send."""

    key: int
    job: CityJob
    files: tuple[tuple[str, bytes], ...]
    """Network, routes, additional files in the order of the scenario."""


def pack(key: int, job: CityJob) -> Parcel:
    """Read the job's input files into a parcel. Raises OSError."""
    plan = job.scenario.sumo
    paths = () if plan is None else (plan.net, *plan.routes, *plan.additional)
    return Parcel(key, job, tuple((path.name, path.read_bytes()) for path in paths))


def unpack(parcel: Parcel, folder: Path) -> CityJob:
    """The job of a parcel, its files written below `folder`."""
    plan = parcel.job.scenario.sumo
    if plan is None:
        return parcel.job
    paths = []
    for k, (name, content) in enumerate(parcel.files):
        place = folder / str(k) / name
        place.parent.mkdir()
        place.write_bytes(content)
        paths.append(place)
    routes_end = 1 + len(plan.routes)
    here = replace(
        plan, net=paths[0], routes=tuple(paths[1:routes_end]), additional=tuple(paths[routes_end:])
    )
    return replace(parcel.job, scenario=replace(parcel.job.scenario, sumo=here))


def do_parcel(parcel: Parcel, work: Work) -> tuple[Any, float]:
    """On a worker: unpack, run, and say how it ended (result or Failure) and after how long."""
    from distributed import get_worker

    begun_s = time.monotonic()

    def progress(part: float) -> None:
        get_worker().log_event(TOPIC, (parcel.key, part))

    try:
        with tempfile.TemporaryDirectory(prefix="belisha-") as folder:
            result = work(unpack(parcel, Path(folder)), progress)
    except Exception as error:
        result = failure_of(error)
    return result, time.monotonic() - begun_s


def run_on_cluster(jobs: Sequence[CityJob], work: Work, address: str, on_part: OnPart, on_end: OnEnd) -> None:
    """Do every job on the workers of the scheduler at `address`; as `sim.run_pool.run_in_processes`.

    Raises ClusterError when there is no cluster; whatever the callbacks raise, and KeyboardInterrupt,
    takes the other jobs back and is raised again.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise ClusterError(MISSING) from None
    refusal = None
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        refusal = f"--cluster {address}: no Dask scheduler answers there ({error})"
    if refusal is not None:
        # What is left of the client closes itself when it is collected. Were that in the middle of the
        # next client's start, both would wait for one lock for ever.
        gc.collect()
        raise ClusterError(refusal)
    with client:
        jobs_by_key = dict(enumerate(jobs))
        ended: set[int] = set()

        def hear(event: Any) -> None:
            key, part = event[1]
            if key not in ended:
                on_part(jobs_by_key[key], min(part, 0.999))

        client.subscribe_topic(TOPIC, hear)
        futures = {
            client.submit(do_parcel, pack(key, job), work, pure=False): key
            for key, job in jobs_by_key.items()
        }
        try:
            for future in as_completed(list(futures), loop=client.loop):
                key = futures.pop(future)
                ended.add(key)
                on_end(jobs_by_key[key], *_outcome(future))
                future.release()
        finally:
            client.cancel(list(futures))
            client.unsubscribe_topic(TOPIC)


def _outcome(future: Any) -> tuple[Any, float]:
    if future.status == "finished":
        result, wall_s = future.result()
        return result, wall_s
    if future.status == "cancelled":
        return Failure("the cluster gave the run up"), 0.0
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        return Failure("several workers died while they had this run"), 0.0
    return failure_of(error), 0.0
