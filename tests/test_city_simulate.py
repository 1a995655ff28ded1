"""A sweep of the city goes on after anything: a failed run, a crash, Ctrl-C, a dead machine."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.city.cluster import ClusterError, pack, unpack
from sim.city.measuring.results import CityJob, CityStore
from sim.city.scenario import RunPlan, of_sumo
from sim.city.simulate import Outcomes, plan_jobs, sweep_city
from sim.run_pool import Failure
from tests.conftest import ROOT
from tests.made_city_runs import MAP, SCENARIO, job, told_by_name


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CityStore:
    (tmp_path / "marks").mkdir()
    monkeypatch.setenv("BELISHA_MARKS", str(tmp_path / "marks"))
    return CityStore(tmp_path / "out")


@pytest.fixture(autouse=True)
def nobody_left_behind() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def times_run(one: CityJob) -> int:
    mark = Path(os.environ["BELISHA_MARKS"]) / f"{one.controller}-{one.seed}"
    return len(mark.read_text().splitlines()) if mark.exists() else 0


def sweep(jobs: list[CityJob], store: CityStore, cluster: str | None = None) -> Outcomes:
    return sweep_city(jobs, told_by_name, store, MAP, 2, cluster)


def test_one_bad_run_stops_no_other(store: CityStore) -> None:
    jobs = [job(name) for name in ("crash", "mistake", "refuse", "fixed")]
    seen: dict[CityJob, list[float]] = {}
    outcomes = sweep_city(
        jobs, told_by_name, store, MAP, 2, on_step=lambda one, part: seen.setdefault(one, []).append(part)
    )
    assert list(outcomes) == jobs
    crash, mistake, refuse, fixed = outcomes.values()
    assert isinstance(crash, Failure)
    assert "exit code 7" in crash.reason
    assert isinstance(mistake, Failure)
    assert mistake.reason == "IndexError: index 9 is out of bounds"
    assert "told_by_name" in (store.out / "mistake" / "seed-1.failed.txt").read_text()
    assert refuse == Failure("market-town: no signal J1")
    assert not isinstance(fixed, Failure)
    assert fixed["measures"].all_people.trips == 600
    assert seen[jobs[3]] == [0.5, 1.0]


def test_a_product_changed_under_way_is_not_mixed_in(
    store: CityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "sources", "of yesterday")
    (outcome,) = sweep([job("fixed")], store).values()
    assert isinstance(outcome, Failure)
    assert "install the same version" in outcome.reason
    assert times_run(job("fixed")) == 0


@pytest.fixture
def listening_to_ctrl_c() -> Iterator[None]:
    """A shell that starts the tests in the background tells them to ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening_to_ctrl_c")
def test_ctrl_c_keeps_what_is_finished_and_the_next_sweep_runs_only_what_is_missing(store: CityStore) -> None:
    def press(one: CityJob, part: float) -> None:
        if one.controller == "slow":
            threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    jobs = [job("fixed"), job("slow")]
    begin_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sweep_city(jobs, told_by_name, store, MAP, 1, on_step=press)
    assert time.monotonic() - begin_s < 60
    assert store.load(jobs[0]) is not None
    assert store.load(jobs[1]) is None
    jobs = [job("fixed"), job("fixed", seed=2)]
    outcomes = sweep(jobs, CityStore(store.out))
    assert [times_run(one) for one in jobs] == [1, 1]
    assert not any(isinstance(outcome, Failure) for outcome in outcomes.values())


def test_all_controllers_of_a_seed_follow_each_other() -> None:
    planned = plan_jobs(SCENARIO, ["adaptive", "fixed"], [1, 2], job().policy)
    assert [(one.controller, one.seed) for one in planned] == [
        ("adaptive", 1), ("fixed", 1), ("adaptive", 2), ("fixed", 2),
    ]  # fmt: skip


# --- on a cluster ------------------------------------------------------------------------------


def test_a_parcel_carries_its_files_to_a_machine_that_has_none(tmp_path: Path) -> None:
    for name in ("a.net.xml", "a.rou.xml", "b.rou.xml", "stops.xml"):
        (tmp_path / name).write_text(f"<{name[0]}/>")
    routes = [tmp_path / "a.rou.xml", tmp_path / "b.rou.xml"]
    scenario = of_sumo(tmp_path / "a.net.xml", routes, RunPlan(), [tmp_path / "stops.xml"])
    parcel = pack(3, CityJob(scenario, "fixed", job().policy, 1))
    for path in tmp_path.glob("*.xml"):
        path.unlink()
    there = tmp_path / "there"
    there.mkdir()
    plan = unpack(parcel, there).scenario.sumo
    assert plan is not None
    texts = [path.read_text() for path in (plan.net, *plan.routes, *plan.additional)]
    assert texts == ["<a/>", "<a/>", "<b/>", "<s/>"]


def test_no_cluster_is_one_line(store: CityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("sim.city.cluster.CONNECT_S", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ClusterError, match="no Dask scheduler answers there") as refusal:
        sweep([job("fixed")], store, address)
    assert "\n" not in str(refusal.value)
    clients = [found for found in gc.get_objects() if type(found).__name__ == "Client"]
    assert not clients, "collected later, in another client's start, it would wait for ever"
    with pytest.raises(ClusterError, match="no Dask scheduler"):
        sweep([job("fixed")], store, "nonsense")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(*words: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def cluster(store: CityStore, tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers of one thread, each a process of its own, without nannies."""
    pytest.importorskip("distributed")
    address = f"tcp://127.0.0.1:{free_port()}"
    host, port = address.removeprefix("tcp://").split(":")
    started = [start("scheduler", "--host", host, "--port", port, "--no-dashboard")]
    for _ in range(2):
        started.append(
            start("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                  "--local-directory", str(tmp_path))
        )  # fmt: skip
    yield address, started[1:]
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.long
@pytest.mark.usefixtures("listening_to_ctrl_c")
def test_a_worker_dies_in_the_middle_and_nothing_is_lost(
    store: CityStore, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    """Six runs on two workers; the first to finish a run is the signal to kill one worker for good."""
    address, workers = cluster
    jobs = [job("unhurried", seed) for seed in range(1, 6)] + [job("mistake")]
    killed: list[int] = []

    def kill_one(one: CityJob, part: float) -> None:
        if part == 1.0 and not killed:
            workers[0].send_signal(signal.SIGKILL)
            killed.append(workers[0].wait())

    outcomes = sweep_city(jobs, told_by_name, store, MAP, 1, address, kill_one)
    assert killed == [-signal.SIGKILL]
    assert list(outcomes) == jobs
    failed = [str(outcome) for outcome in outcomes.values() if isinstance(outcome, Failure)]
    assert len(failed) == 1, failed
    for one in jobs[:5]:
        assert store.load(one) == outcomes[one]
    assert sum(times_run(one) for one in jobs[:5]) >= 5
    mistake = outcomes[jobs[5]]
    assert isinstance(mistake, Failure)
    assert mistake.reason == "IndexError: index 9 is out of bounds"
    heard = interrupted_on(address, store)
    assert heard == [0.5], "progress comes from where the run is"


def interrupted_on(address: str, store: CityStore) -> list[float]:
    """Press Ctrl-C as soon as the worker that is left says how far it is; what it said."""
    heard: list[float] = []

    def press(one: CityJob, part: float) -> None:
        heard.append(part)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        sweep_city([job("unhurried", 9)], told_by_name, store, MAP, 1, address, press)
    assert store.load(job("unhurried", 9)) is None
    return heard
