"""`belisha watch`, as somebody at a terminal reads it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from belisha import app
from override.views import Urgency
from tests.test_gateway import Station, release, stop


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("watch"))
    yield station
    station.close()


def watch(station: Station, *words: str, seconds: int = 4) -> Result:
    where = ["--key", str(station.keys / "ana.key"), "--orders", station.endpoints[0],
             "--pictures", station.endpoints[1], "--seconds", str(seconds)]  # fmt: skip
    return CliRunner().invoke(app, ["watch", *words, *where])


def test_a_street_is_watched_by_what_changes(station: Station) -> None:
    def acting() -> None:
        for k in range(10):  # nobody says when whoever watches has connected
            time.sleep(0.5)
            station.gateway.watchman.once(f"test-{k}", "something odd", "J1", Urgency.SOON)
            with station.console("sam") as sam:
                release(sam, stop(sam, "J1"))

    thread = threading.Thread(target=acting)
    thread.start()
    result = watch(station, seconds=7)
    thread.join()
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    shown = [line.split()[1:3] for line in lines if line.startswith("J")]
    assert [words for words in shown if len(words[-1]) == 6], "its lamps, after its stage if it has one"
    assert "alarm: something odd" in lines
    assert [line for line in lines if line.startswith("order: ") and "all-red at J1 by sam accepted" in line]


def test_junctions_from_near_are_told_once_a_second_and_as_json(station: Station) -> None:
    result = watch(station, "J1", "J2")
    near = [line for line in result.output.splitlines() if line[2:3] == ":"]
    assert {line.split()[1] for line in near} == {"J1", "J2"}
    assert 2 <= len(near) <= 2 * 6
    result = watch(station, "J0", "--json")
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert [row for row in rows if row.get("junction") == "J0" and len(row.get("groups", ())) == 6]
    result = watch(station, "J9")
    assert "no junction J9" in str(result.exception)
