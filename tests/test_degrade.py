"""Degradation curves: the runs planned, kept and set beside the fixed plan; and what is too long is said."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from controller.vocabulary import Sensors
from sim.city.scenario import CityPlan, CityScenario, FaultKind, FaultPlan, RunPlan
from sim.degrading.commands import parse_shares, tables_of
from sim.degrading.curves import EVERYBODY, curves, to_json, verdict
from sim.degrading.jobs import DegradeError, DegradeJob, RunStore, plan_jobs
from sim.degrading.page import html
from sim.degrading.runs import run_job
from sim.evaluate_commands import BadRequest
from sim.run_pool import Failure

PLACE = CityScenario("hamlet", city=CityPlan(junctions=12, bus_lines=0), run=RunPlan(25_200, 25_260))
KINDS = (FaultKind.DROPOUT, FaultKind.SPOOFED)


def ran(everybody: float, found_s: float | None = None, **modes_s: float) -> dict[str, Any]:
    return {
        "people_s": everybody, "modes_s": modes_s, "districts_s": {"edge": everybody}, "gridlock": False,
        "violations": 0, "found_s": found_s, "found_share": 1.0, "lowest_rung": 3,
    }  # fmt: skip


def told(jobs: tuple[DegradeJob, ...]) -> dict[DegradeJob, dict[str, Any] | Failure]:
    """Dropouts are found at once and cost little; spoofed detectors are never found and cost much."""
    runs: dict[DegradeJob, dict[str, Any] | Failure] = {}
    for job in jobs:
        plan_s = 20.0 + job.seed
        times = {
            None: 0.6,
            FaultKind.DROPOUT: 0.6 + 0.46 * job.share,
            FaultKind.SPOOFED: 0.6 + 0.6 * job.share,
        }
        if job.controller == "fixed":
            runs[job] = ran(plan_s, car=plan_s, walk=30.0)
        else:
            found_s = 12.0 if job.kind is FaultKind.DROPOUT else None
            wait_s = plan_s * times[job.kind]
            runs[job] = ran(wait_s, found_s, car=wait_s, walk=30.0)
    return runs


@pytest.fixture(scope="module")
def jobs() -> tuple[DegradeJob, ...]:
    return plan_jobs(PLACE, "city", KINDS, (0.0, 0.5, 1.0), (1, 2, 3))


def test_shares_are_read_as_people_write_them() -> None:
    assert parse_shares("0-100/10") == tuple(n / 10 for n in range(11))
    assert parse_shares("30, 0,100") == (0.0, 0.3, 1.0)
    for wrong in ("", "a", "101", "0-200/50", "0-100/0"):
        with pytest.raises(BadRequest, match="--shares"):
            parse_shares(wrong)


def test_every_run_has_its_plan_and_sound_detectors_are_run_once(jobs: tuple[DegradeJob, ...]) -> None:
    of_seed = [job for job in jobs if job.seed == 2]
    assert [job.controller for job in of_seed].count("fixed") == 1
    assert [(str(job.kind), job.share) for job in of_seed if job.controller == "adaptive"] == [
        ("None", 0.0), ("dropout", 0.5), ("dropout", 1.0), ("spoofed", 0.5), ("spoofed", 1.0),
    ]  # fmt: skip
    assert of_seed[0].faults == ()
    assert of_seed[-1].faults == (FaultPlan(FaultKind.SPOOFED, "all", 600.0, share=1.0),)


def test_each_run_is_set_beside_the_plan_of_its_own_seed_and_the_median_counts(
    jobs: tuple[DegradeJob, ...],
) -> None:
    found = curves(jobs, told(jobs))
    dropout = {point.share: point for point in found.of("dropout")}
    assert [round(p.times[EVERYBODY], 3) for p in dropout.values()] == [0.6, 0.83, 1.06]
    assert dropout[1.0].wait_s[EVERYBODY] == pytest.approx(22 * 1.06)
    assert dropout[1.0].times["walk"] == 1.0
    assert [seed for seed, _ in dropout[0.5].by_seed] == [1, 2, 3]
    assert found.plan_s["walk"] == 30.0


def test_what_is_too_long_is_said_plainly_with_its_limit(jobs: tuple[DegradeJob, ...]) -> None:
    """Found within a minute 1.05 is allowed, else 1.10; a district may wait 1.10 times."""
    said = verdict(curves(jobs, told(jobs)))
    assert any("TOO LONG: dropout, 100 % ill: 1.06" in s and "1.05 is allowed" in s for s in said)
    assert any("TOO LONG: spoofed, 100 % ill: 1.20" in s and "1.10 is allowed" in s for s in said)
    assert not any("50 %" in s for s in said)
    assert any("districts: edge 1.20 (spoofed 100 %)" in s for s in said)
    assert not any("on foot" in s for s in said)
    bearable = {job: run for job, run in told(jobs).items() if job.share < 1.0}
    assert verdict(curves(jobs, bearable))[0].startswith(
        "Under every share and kind of failure people wait at"
    )


@pytest.mark.parametrize(("parts", "tables"), [(10, 1), (20, 2), (50, 5)])
def test_however_many_shares_each_kind_is_named_with_all_of_them_on_eighty_columns(
    parts: int, tables: int
) -> None:
    shares = tuple(k / parts for k in range(parts + 1))
    every = plan_jobs(PLACE, "city", tuple(FaultKind), shares, (1,))
    written = StringIO()
    console = Console(width=80, file=written, highlight=False)
    found = curves(every, dict.fromkeys(every, ran(20.0)))
    for table in tables_of(found, EVERYBODY):
        console.print(table)
    lines = written.getvalue().splitlines()
    for kind in FaultKind:
        rows = [line for line in lines if line.strip().startswith(str(kind))]
        assert len(rows) == tables, kind
        assert sum(row.count("1.00") for row in rows) == parts + 1
    assert [line.split() for line in lines if line.split()[-1:] == ["100"]], "the last share has its column"


def test_a_failed_run_is_left_out_and_named(jobs: tuple[DegradeJob, ...]) -> None:
    runs = told(jobs)
    lost = next(job for job in jobs if job.controller == "fixed" and job.seed == 3)
    runs[lost] = Failure("no disk")
    found = curves(jobs, runs)
    assert found.of("dropout")[0].seeds == 2
    assert to_json(found)["failed"] == ["fixed, all sound, seed 3: no disk"]
    assert verdict(curves(jobs, dict.fromkeys(jobs, Failure("no disk")))) == [
        "Nothing to compare: no pair of runs was finished."
    ]


def test_the_page_stands_alone_and_draws_every_kind(jobs: tuple[DegradeJob, ...]) -> None:
    page = html(curves(jobs, told(jobs)), "0123456789abcdef")
    assert page.count("<svg") >= 2 * len(KINDS)
    assert "TOO LONG" in page
    assert not any(word in page for word in ("src=", "href=", "<script", "@import"))
    assert (
        "spoofed, times the fixed plan&#39;s wait" in page or "spoofed, times the fixed plan's wait" in page
    )


def test_a_run_is_kept_whole_and_found_again_only_for_the_same_question(
    jobs: tuple[DegradeJob, ...], tmp_path: Path
) -> None:
    store = RunStore(tmp_path / "runs", "city")
    assert store.load(jobs[-1]) is None
    store.keep(jobs[-1], ran(30.0, car=30.0))
    assert RunStore(tmp_path / "runs", "city").load(jobs[-1]) == ran(30.0, car=30.0)
    assert store.load(replace(jobs[-1], where="junction:x")) is None
    assert store.path(replace(jobs[0], where="junction:x")) == store.path(jobs[0]), "nothing is ill there"
    store.path(jobs[-1]).write_text('{"format": "other"}', encoding="utf-8")
    with pytest.raises(DegradeError, match="delete it to run again"):
        store.load(jobs[-1])


def test_a_run_tells_what_people_lost_and_how_soon_the_ill_were_found_out() -> None:
    job = plan_jobs(PLACE, "city", (FaultKind.DROPOUT,), (1.0,), (1,), onset_s=20.0)[-1]
    parts: list[float] = []
    run = run_job(job, parts.append)
    assert parts[-1] == 1.0
    assert run["people_s"] > 0.0
    assert set(run["modes_s"]) >= {"car"}
    assert run["found_s"] == pytest.approx(5.0, abs=2.0), "a reading older than five seconds is none"
    assert run["found_share"] == 1.0
    assert run["violations"] == 0


@pytest.mark.sumo
def test_in_sumo_the_same_faults_befall_the_same_kind_of_reading(tmp_path: Path) -> None:
    from sim.demo import build_demo_street
    from sim.importers.sumo import import_sumo
    from sim.sumo_street import SumoStreet

    net, routes = build_demo_street(tmp_path, seed=5, duration_s=60)
    street = import_sumo(net)
    title = street.junctions[0].name
    fault = FaultPlan(FaultKind.STUCK_ON, f"junction:{title}", onset_s=10.0)
    with SumoStreet(street, net, routes, 0, 20, 1, Sensors.LOOPS, faults=(fault,)) as played:
        own = played.network.detector_junction == 0
        while not played.finished:
            played.step()
            frame = played.read()
            if frame.time_ms >= 10_000:
                assert frame.detector_on[own].all()
        assert not frame.detector_on[~own].all()
    with pytest.raises(ValueError, match="known are"):
        SumoStreet(street, net, routes, 0, 20, 1, Sensors.LOOPS, faults=(replace(fault, where="junction:x"),))
