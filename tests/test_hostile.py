"""Hostile commands: anybody's orders, through the desk and past it, trip nothing and leave nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench.station_memory import slope_of
from controller.junction import StreetNetwork
from override.roles import Command
from tests import hostile
from tests.conftest import ROOT
from tests.hostile import Hostile, one, with_another_plan
from tests.killings import judge
from tests.storm import NOISE, StormFailure
from tests.storm_command import generated


@pytest.fixture(scope="module")
def street() -> StreetNetwork:
    return with_another_plan(generated(12))


def test_whatever_anybody_of_any_role_orders_harms_nobody_and_silence_ends_it(street: StreetNetwork) -> None:
    storm = one(street, 2, 120)
    assert storm.through_desk
    assert storm.given == 120 * hostile.PER_TICK
    assert storm.accepted > 60, "some of it is let through"
    assert storm.effective > 10, "and is seen on the lamps"


def test_a_mistake_in_the_engine_is_found_with_seed_and_tick(street: StreetNetwork) -> None:
    storm = Hostile(street, 3, NOISE, "fixed")
    storm.network.intergreen_ms[:] -= 500 * (storm.network.intergreen_ms > 500)
    with pytest.raises(StormFailure, match=r"seed 3, tick \d+: the engine tripped the monitor"):
        storm.run(800)


def test_an_order_that_outlives_the_silence_is_found(
    street: StreetNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A desk whose leases never end."""
    storm = Hostile(street, 2, NOISE, "fixed")
    monkeypatch.setattr(storm.room.desk, "due", lambda now_ms: ())
    with pytest.raises(StormFailure, match="silence an order still stands"):
        storm.run(100)


def test_from_a_desk_that_was_taken_over_as_well_says_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--commands", "100", "--ticks", "60", "--junctions", "12", "--seed", "1", "--once"]
    assert hostile.main(asked) == 0
    found = re.search(r"(\d+) hostile commands, (\d+) of them past the desk", capsys.readouterr().out)
    assert found is not None
    assert int(found[1]) == int(found[2]) > 100


# --- the judge of kill -9 ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (["engine", "a J0 hold 500 100"], Counter()),
        (["engine", "a J0 hold 500 100", "engine", "a J0 hold 500 200"], Counter()),
        (["engine", "a J0 hold 500 100", "b J0 all-red 900 200", "a J0 hold 500 300"], Counter()),
        (["engine", "b J0 all-red 900 100", "b J0 all-red 900 200"], Counter()),
        (["engine", "a J0 hold 500 600"], Counter()),
        (["engine", "a J0 hold 500 100", "a J0 hold 500 200"], Counter({"twice": 1})),
        (["engine", "b J0 all-red 900 100", "b J0 all-red 950 200"], Counter({"twice": 1})),
        (["engine", "x J0 hold 500 100"], Counter({"not written down": 1})),
    ],
    ids=["once", "new engine", "covered", "resumed", "held up", "twice", "longer", "unwritten"],
)
def test_the_judge_knows_what_is_twice(told: list[str], wrong: Counter[str]) -> None:
    found = judge(told, {"a", "b"}, {"a": Command.HOLD})
    assert Counter(word for line in found for word in ("twice", "not written down") if word in line) == wrong
    assert len(found) == wrong.total()


def test_the_judge_misses_what_was_acknowledged() -> None:
    assert judge([], {"a"}, {"a": Command.HOLD, "c": Command.HOLD}) == ["c: acknowledged and lost"]


# --- memory ------------------------------------------------------------------------------------------


def test_growth_is_told_with_how_sure_it_is() -> None:
    at_s = [10.0 * k for k in range(361)]
    noise = [50.0 * ((7 * k) % 11 - 5) for k in range(361)]
    flat = slope_of(at_s, [500_000 + n for n in noise])
    assert flat.low < 0 < flat.high
    leak = slope_of(at_s, [500_000 + 3_000 * t / 3600 + n for t, n in zip(at_s, noise, strict=True)])
    assert 0 < leak.low < 3_000 < leak.high
    with pytest.raises(ValueError, match="too few"):
        slope_of([0.0, 10.0], [1.0, 2.0])


def test_a_measured_station_ends_when_whoever_measures_is_ended(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from bench.station_memory import running\n"
        "sleeps = [sys.executable, '-c', 'import time; time.sleep(100)']\n"
        "with running(sleeps, Path(sys.argv[1])) as station:\n"
        "    print(station.pid, flush=True)\n"
        "    time.sleep(100)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "said.txt")]
    measures = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert measures.stdout is not None
    station = int(measures.stdout.readline())
    os.kill(station, 0)
    measures.terminate()
    assert measures.wait(20) == 128 + signal.SIGTERM
    measures.stdout.close()
    with pytest.raises(ProcessLookupError):
        os.kill(station, 0)
