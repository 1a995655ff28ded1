"""Runs are kept whole or not at all, each folder holds one experiment, and any reader finds them."""

from __future__ import annotations

import builtins
import dataclasses
import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.policy import Policy
from sim.city.measuring import run_files
from sim.city.measuring.results import CityStore, open_experiment
from sim.city.measuring.run_files import ResultError, read_record, read_table
from sim.run_pool import Failure
from tests.made_city_runs import MAP, SCENARIO, files_of, job, keep, made_tables


@pytest.fixture
def store(tmp_path: Path) -> CityStore:
    return CityStore(tmp_path / "out")


@pytest.mark.parametrize("parquet", [True, False])
def test_a_run_comes_back_as_it_was_with_and_without_pyarrow(
    store: CityStore, parquet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if parquet:
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(run_files, "has_parquet", lambda: parquet)
    store.open(job(), MAP)
    record = store.keep(job(), files_of(job(), made_tables("adaptive", 1)))
    assert (record["controller"], record["seed"]) == ("adaptive", 1)
    suffixes = {path.suffix for path in store.path(job()).iterdir()}
    assert suffixes == {".json", ".parquet" if parquet else ".npz"}
    for name, table in made_tables("adaptive", 1).items():
        again = read_table(store.path(job()), name)
        assert list(again) == list(table)
        for column, values in table.items():
            np.testing.assert_array_equal(again[column], values, err_msg=f"{name}.{column}")
            assert again[column].dtype.kind == np.asarray(values).dtype.kind


def test_parquet_without_pyarrow_says_which_extra(store: CityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    store.open(job(), MAP)
    store.keep(job(), files_of(job(), made_tables("adaptive", 1)))
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ResultError, match=r"belisha\[report\]"):
        read_table(store.path(job()), "trips")


def test_a_disk_that_fills_costs_no_finished_run(store: CityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third file of the second run finds the disk full."""
    store.open(job(), MAP)
    store.keep(job(seed=1), files_of(job(), made_tables("adaptive", 1)))
    real, calls = os.fsync, []

    def filling(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", filling)
    with pytest.raises(ResultError, match=r"No space left on device; finished runs are kept") as refusal:
        store.keep(job(seed=2), files_of(job(seed=2), made_tables("adaptive", 2)))
    assert "\n" not in str(refusal.value)
    assert store.load(job(seed=1)) is not None
    assert store.load(job(seed=2)) is None
    assert sorted(path.name for path in store.folder(job()).iterdir()) == [
        "experiment.json",
        "map.json",
        "seed-1",
    ]


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (job(policy=Policy(persons_per_bus=60.0)), "policy"),
        (dataclasses.replace(job(), scenario=SCENARIO.shortened(10)), "hours"),
    ],
)
def test_one_folder_never_mixes_two_experiments(store: CityStore, other: Any, named: str) -> None:
    keep(store.out, [job(seed=1)])
    with pytest.raises(ResultError, match=rf"different .*{named}.*--again"):
        store.open(other, MAP)
    again = CityStore(store.out, again=True)
    again.open(other, MAP)
    assert again.load(job(seed=1)) is None, "a run of the old experiment must not pass for one of the new"


def test_a_place_moved_is_the_same_experiment(store: CityStore) -> None:
    moved = dataclasses.replace(SCENARIO, file="elsewhere/market-town.toml")
    assert store.experiment(job()) == store.experiment(dataclasses.replace(job(), scenario=moved))


def test_what_is_not_ours_is_named(store: CityStore) -> None:
    keep(store.out, [job()])
    path = store.path(job()) / "run.json"
    record = json.loads(path.read_text())
    for text in ("", "[]", json.dumps({**record, "format": "belisha city run 0"}),
                 json.dumps({**record, "measures": {"modes": {}}})):  # fmt: skip
        path.write_text(text)
        with pytest.raises(ResultError, match="no result of ours") as refusal:
            read_record(path.parent)
        assert str(path) in str(refusal.value)


def test_a_folder_is_opened_by_the_only_experiment_below_it(store: CityStore) -> None:
    keep(store.out, [job(seed=2), job(seed=1)])
    one = open_experiment(store.out)
    assert (list(one.runs), one.title) == ([1, 2], "adaptive")
    assert list(one.only([2]).runs) == [2]
    keep(store.out, [job("fixed")])
    with pytest.raises(ResultError, match=r"name one of .*adaptive.*fixed"):
        open_experiment(store.out)
    assert list(open_experiment(store.out / "adaptive" / "seed-1").runs) == [1]
    with pytest.raises(ResultError, match="no results of a simulation there"):
        open_experiment(store.out / "adaptive" / "seed-7")


def test_the_story_of_a_mistake_lies_beside_the_results_until_the_run_succeeds(store: CityStore) -> None:
    store.open(job(), MAP)
    store.keep_trace(job(), Failure("IndexError: 9", "Traceback ..."))
    story = store.folder(job()) / "seed-1.failed.txt"
    assert story.read_text() == "Traceback ..."
    store.keep(job(), files_of(job(), made_tables("adaptive", 1)))
    assert not story.exists()


def test_a_store_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="cannot be written"):
        CityStore(tmp_path / "file")
