"""Training on a copy of the living city: wished by a file, written by a child, lived on by another world."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from override.forking import ForkRefused, Places, Played, take_copy
from sim.city.forking import Forks
from sim.city.load import City, load_city
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, RunPlan
from sim.city.snapshot import Snapshot, SnapshotError
from sim.city.world import World

PLAYED = Played("hamlet", 2, None, "fixed")


@pytest.fixture(scope="module")
def city() -> City:
    scenario = CityScenario(
        "hamlet",
        city=CityPlan(junctions=12, seed=3),
        demand=DemandPlan(veh_per_h_per_junction=400, walks_per_h_per_junction=150),
        run=RunPlan(begin_s=25_200, end_s=25_200 + 900),
    )
    return load_city(scenario, seed=2)


def wished(file: Path, into: Path) -> tuple[threading.Thread, list[Played]]:
    """Somebody asks for a copy, beside the street."""
    told: list[Played] = []
    asks = threading.Thread(target=lambda: told.append(take_copy(file, into)))
    asks.start()
    while not Places(file).wish.exists():
        time.sleep(0.005)
    return asks, told


def test_a_training_begins_as_the_living_city_is_and_the_city_does_not_notice(
    city: City, tmp_path: Path
) -> None:
    file, into = tmp_path / "station.db", tmp_path / "copy.fork"
    world = World(city, "fixed")
    forks = Forks(Places(file), PLAYED)
    world.run_until(city.begin_ms + 90_000)
    forks.look(world)
    before = world.digest()
    asks, told = wished(file, into)
    world.run_until(world.now_ms + 1000)
    at_ms, people = world.now_ms, world.snapshot_of_street()
    forks.look(world)
    asks.join()
    assert told == [PLAYED]
    assert into.stat().st_mode & 0o077 == 0, "only its owner reads it"
    assert not Places(file).wish.exists()
    assert world.snapshot_of_street().digest == people.digest, "the street does not notice"
    assert world.digest() != before
    training = World(city, "actuated")
    training.restore(Snapshot.load(into))
    assert training.now_ms == at_ms
    assert training.snapshot_of_street().digest == people.digest, "the same people stand there"
    training.run_until(at_ms + 30_000)
    assert training.time_ms == at_ms + 30_000
    with pytest.raises(SnapshotError, match="another seed"):
        World(city, "fixed", seed=5).restore(Snapshot.load(into))


def test_where_no_station_is_the_trainee_reads_what_is_possible(tmp_path: Path) -> None:
    with pytest.raises(ForkRefused, match=r"station's own machine; from elsewhere .* --city"):
        take_copy(tmp_path / "station.db", tmp_path / "copy")
    Places(tmp_path / "station.db").played.write_text("[]", encoding="utf-8")
    with pytest.raises(ForkRefused, match="not what a station writes there"):
        take_copy(tmp_path / "station.db", tmp_path / "copy")


def test_a_wish_of_yesterday_is_not_granted_today(city: City, tmp_path: Path) -> None:
    places = Places(tmp_path / "station.db")
    places.wish.touch()
    world = World(city, "fixed")
    Forks(places, PLAYED).look(world)
    assert not places.wish.exists()
    assert not places.copy.exists()
