"""A sweep goes on after anything: a failed run, a crash, Ctrl-C, a full disk, a changed product."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim import sweep as sweep_module
from sim.scenarios import Scenario
from sim.sweep import Failure, Job, ResultStore, SweepError, source_digest, sweep
from tests.runs import a_run, told_by_name


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    net, route = tmp_path / "harbour.net.xml", tmp_path / "harbour.rou.xml"
    net.write_text("<net/>")
    route.write_text("<routes/>")
    (tmp_path / "marks").mkdir()
    return Scenario("harbour", net, (route,), 0, 3600)


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "results")


@pytest.fixture(autouse=True)
def nobody_left_behind() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def job(scenario: Scenario, controller: str = "fixed", seed: int = 1) -> Job:
    return Job(scenario, controller, "loops", "computed", seed)


def times_run(one: Job) -> int:
    mark = one.scenario.net.parent / "marks" / f"{one.controller}-{one.seed}"
    return len(mark.read_text().splitlines()) if mark.exists() else 0


def test_one_bad_run_stops_no_other(scenario: Scenario, store: ResultStore) -> None:
    jobs = [job(scenario, name) for name in ("crash", "mistake", "refuse", "fixed")]
    seen: dict[Job, list[float]] = {}
    outcomes = sweep(jobs, told_by_name, store, 2, lambda one, part: seen.setdefault(one, []).append(part))
    assert list(outcomes) == jobs
    crash, mistake, refuse, fixed = outcomes.values()
    assert isinstance(crash, Failure)
    assert "SIGSEGV" in crash.reason
    assert isinstance(mistake, Failure)
    assert mistake.reason == "IndexError: index 9 is out of bounds"
    assert "told_by_name" in next(store.folder.glob("*mistake*.failed.txt")).read_text()
    assert refuse == Failure("harbour.net.xml: no signal J1")
    assert fixed == a_run(10.0)
    assert seen[jobs[3]] == [0.5, 1.0]
    # Each in its own process: what one leaves behind, no other can see.
    assert len({(scenario.net.parent / "marks" / f"{one.controller}-1").read_text() for one in jobs}) == 4


def test_a_second_sweep_runs_only_what_is_missing(scenario: Scenario, store: ResultStore) -> None:
    first = [job(scenario, seed=1), job(scenario, "mistake")]
    sweep(first, told_by_name, store, 2)
    jobs = [*first, job(scenario, seed=2)]
    outcomes = sweep(jobs, told_by_name, ResultStore(store.folder), 2)
    assert [times_run(one) for one in jobs] == [1, 2, 1]
    assert outcomes[jobs[0]] == a_run(10.0)
    assert outcomes[jobs[2]] == a_run(20.0)


def test_anything_that_decides_a_run_makes_it_run_again(
    scenario: Scenario, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = job(scenario)
    before = store.path(one)
    for other in (
        job(scenario, "greedy"),
        job(scenario, seed=2),
        Job(scenario, "fixed", "full", "computed", 1),
        Job(scenario, "fixed", "loops", "comparison", 1),
        job(scenario.shortened(15)),
    ):
        assert store.path(other) != before
    scenario.routes[0].write_text("<routes><!-- more --></routes>")
    changed_input = ResultStore(store.folder).path(one)
    assert changed_input != before
    monkeypatch.setattr(sweep_module, "versions", lambda: {"libsumo": "9"})
    assert ResultStore(store.folder).path(one) not in (before, changed_input)


def test_the_digest_sees_planners_but_not_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("controller/plan.py", "sim/report.py", "sim/sumo_run.py", "tui/screen.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(sweep_module, "_SOURCES", tmp_path)
    before = source_digest()
    for name, matters in (("sim/report.py", False), ("tui/screen.py", False), ("controller/plan.py", True)):
        (tmp_path / name).write_text("2")
        assert (source_digest() != before) is matters, name


def test_a_product_changed_under_way_is_not_mixed_into_the_table(
    scenario: Scenario, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_sources", "of yesterday")
    (outcome,) = sweep([job(scenario)], told_by_name, store, 1).values()
    assert isinstance(outcome, Failure)
    assert "sources changed" in outcome.reason
    assert times_run(job(scenario)) == 0


@pytest.fixture
def listening_to_ctrl_c() -> Iterator[None]:
    """A shell that starts the tests in the background tells them to ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening_to_ctrl_c")
def test_ctrl_c_ends_at_once_and_keeps_what_is_finished(scenario: Scenario, store: ResultStore) -> None:
    jobs = [job(scenario), job(scenario, "slow"), job(scenario, seed=2)]

    def press(one: Job, part: float) -> None:
        if one.controller == "slow":
            threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    begin_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sweep(jobs[:2], told_by_name, store, 1, press)
    assert time.monotonic() - begin_s < 60
    assert store.load(jobs[0]) == a_run(10.0)
    assert store.load(jobs[1]) is None


def test_a_full_disk_is_one_line_and_costs_no_finished_run(
    scenario: Scenario, store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.keep(job(scenario), a_run(), 1.0)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SweepError, match=r"No space left on device; finished runs are kept") as refusal:
        sweep([job(scenario), job(scenario, seed=2)], told_by_name, store, 1)
    assert "\n" not in str(refusal.value)
    assert store.load(job(scenario)) == a_run()
    assert [path.suffix for path in store.folder.iterdir()] == [".json"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": "belisha run 0"}', '{"format": "belisha run 1", "result": {"modes": {}}}'],
)
def test_a_file_that_is_not_ours_is_named_before_anything_runs(
    scenario: Scenario, store: ResultStore, text: str
) -> None:
    one = job(scenario)
    store.path(one).write_text(text)
    with pytest.raises(SweepError, match="delete it to run again") as refusal:
        sweep([job(scenario, seed=2), one], told_by_name, store, 1)
    assert str(store.path(one)) in str(refusal.value)
    assert times_run(job(scenario, seed=2)) == 0


def test_a_kept_run_says_what_it_was(scenario: Scenario, store: ResultStore) -> None:
    store.keep(job(scenario, "greedy", 3), a_run(), 2.5)
    record = json.loads(store.path(job(scenario, "greedy", 3)).read_text())
    assert (record["scenario"], record["controller"], record["seed"]) == ("harbour", "greedy", 3)
    assert record["sources"] == source_digest()
    assert record["versions"]["python"]


def test_a_store_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match="cannot keep results here"):
        ResultStore(tmp_path / "file")
