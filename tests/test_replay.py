"""Replay: the same lamps and the same sentences from the file alone, or the place where they differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from controller.explain import explanation
from controller.journal import FIRST_LINE, JournalError
from controller.journal_disk import framed
from controller.replay import Difference, ReplayResult, replay
from controller.vocabulary import CONTROLLERS, Lamp, Sensors
from tests.command_line import Done, belisha
from tests.journal_street import Drive, journal_of
from tests.test_journal import records


def rewrite(source: Path, target: Path, tick: int, change: Any) -> Path:
    """The journal with one tick's body changed and every checksum put right again."""
    payloads = [payload for _, payload in records(source.read_bytes())]
    body = msgpack.unpackb(payloads[2 + tick][1:])
    change(body)
    payloads[2 + tick] = b"T" + msgpack.packb(body)
    target.write_bytes(FIRST_LINE + b"".join(framed(k, p) for k, p in enumerate(payloads)))
    return target


@pytest.mark.parametrize("sensors", list(Sensors))
@pytest.mark.parametrize("name", CONTROLLERS)
def test_every_planner_does_the_same_again(name: str, sensors: Sensors, tmp_path: Path) -> None:
    drive = journal_of(tmp_path / "a.journal", name, 150, sensors)
    result = replay(tmp_path / "a.journal")
    assert result.identical
    assert (result.ticks, result.differences, result.dropped_bytes) == (1500, 0, 0)
    assert result.same_state is True
    assert result.same_sources is True
    assert len(drive.decisions) > 2
    assert list(result.decisions) == drive.decisions
    assert result.decisions_recorded == len(drive.decisions)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "day.journal"
    journal_of(path, "actuated", 120)
    return path


def test_one_lamp_bit_changed_in_the_file_is_found_by_name(day: Path, tmp_path: Path) -> None:
    ticks = [msgpack.unpackb(p[1:]) for _, p in records(day.read_bytes())[2:-1]]
    at = next(k for k in range(600, 1200) if ticks[k][2] is not None)

    def flip(body: list[Any]) -> None:
        body[2] = bytes([body[2][0], body[2][1], body[2][2] ^ 1, *body[2][3:]])

    result = replay(rewrite(day, tmp_path / "forged.journal", at, flip))
    assert not result.identical
    was = ticks[at][2][2]
    assert result.first_difference == Difference(at, ticks[at][0], "square", "ew", was ^ 1, was)
    assert result.differences >= 1

    done = belisha("replay", tmp_path / "forged.journal")
    assert done.returncode == 1, done.stderr
    assert f"tick {at} at 08:1" in done.stdout
    assert f"group ew: recorded {Lamp(was ^ 1).name}, replayed {Lamp(was).name}" in done.stdout


def test_an_input_changed_in_the_file_makes_other_lamps(day: Path, tmp_path: Path) -> None:
    """Not only the lamps are evidence: a reading nobody made does not lead to the lamps that were shown."""

    def silence(body: list[Any]) -> None:
        if body[1] is not None:
            for column in (2, 3, 4):  # on, count, occupancy
                body[1][column] = bytes(len(body[1][column]))

    payloads = [payload for _, payload in records(day.read_bytes())]
    for k in range(2, len(payloads) - 1):
        body = msgpack.unpackb(payloads[k][1:])
        silence(body)
        payloads[k] = b"T" + msgpack.packb(body)
    quiet = tmp_path / "quiet.journal"
    quiet.write_bytes(FIRST_LINE + b"".join(framed(k, p) for k, p in enumerate(payloads)))
    result = replay(quiet)
    assert result.differences > 0
    assert result.same_state is False


def test_a_reason_changed_in_the_file_is_found(day: Path, tmp_path: Path) -> None:
    ticks = [msgpack.unpackb(p[1:]) for _, p in records(day.read_bytes())[2:-1]]
    at = next(k for k, body in enumerate(ticks) if body[3])

    def lie(body: list[Any]) -> None:
        body[3][0][12] = []

    result = replay(rewrite(day, tmp_path / "lie.journal", at, lie))
    assert result.differences == 0
    assert result.first_decision_differing is not None
    assert result.first_decision_differing.time_ms == ticks[at][0]
    assert not result.identical
    gone = replay(rewrite(day, tmp_path / "gone.journal", at, lambda body: body[3].clear()))
    assert gone.first_decision_differing == result.first_decision_differing


def test_a_journal_cut_off_is_replayed_up_to_the_cut(day: Path, tmp_path: Path) -> None:
    data = day.read_bytes()
    at = records(data)[700][0]
    torn = tmp_path / "torn.journal"
    torn.write_bytes(data[: at + 20])
    result = replay(torn)
    assert result.identical
    assert (result.ticks, result.dropped_bytes, result.end, result.same_state) == (698, 20, None, None)
    done = belisha("replay", torn)
    assert done.returncode == 0
    assert "the last 20 bytes are no whole record" in done.stdout


def test_a_street_the_planner_cannot_run_is_refused(day: Path, tmp_path: Path) -> None:
    payloads = [payload for _, payload in records(day.read_bytes())]
    header = {**msgpack.unpackb(payloads[0][1:]), "controller": "fixed"}
    street = payloads[1].decode().partition("[[junction.plan]]")[0].encode()
    path = tmp_path / "planless.journal"
    path.write_bytes(FIRST_LINE + framed(0, b"H" + msgpack.packb(header)) + framed(1, street))
    with pytest.raises(JournalError, match=r"its street cannot be run by fixed: .*no fixed plan"):
        replay(path)


def test_progress_goes_up_to_the_end(day: Path) -> None:
    parts: list[float] = []
    replay(day, parts.append)
    assert parts == sorted(parts)
    assert 0 < parts[0] <= parts[-1] <= 1


def test_the_command_says_why_each_stage_began(day: Path) -> None:
    result = replay(day)
    done = belisha("replay", day, "--explain", "J1")
    assert done.returncode == 0, done.stderr
    assert "identical" in done.stdout
    expected = [explanation(d, result.network) for d in result.decisions]
    for register in ("operator", "engineer", "citizen"):
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"{register}:")]
        assert [line.partition(":")[2].strip() for line in lines] == [change[register] for change in expected]
    as_json = json.loads(belisha("replay", day, "--explain", "square", "--json").stdout)
    assert as_json["identical"] is True
    assert as_json["ticks"] == 1200
    assert as_json["explanations"] == expected


def test_unusable_files_are_one_line_and_exit_code_2(day: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.journal"
    short.write_bytes(day.read_bytes()[:100])
    for words, reason in (
        (("replay", tmp_path / "none"), "no such file"),
        (("replay", short), "short.journal: byte"),
        (("replay", day, "--explain", "J7"), "no junction J7; known are J1 (square)"),
    ):
        done = belisha(*words)
        assert done.returncode == 2, done.stdout
        assert reason in done.stderr
        assert done.stderr.startswith("belisha: ")
        assert len(done.stderr.splitlines()) == 1


# --- a whole street in SUMO ------------------------------------------------------------------


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    from sim.demo import build_demo_street

    return build_demo_street(tmp_path_factory.mktemp("town"), 5, 240)


def sumo(town: tuple[Path, list[Path]], *words: str | Path) -> Done:
    routes = [word for route in town[1] for word in ("--route", route)]
    return belisha("sumo", "--net", town[0], *routes, "--begin", "0", "--end", "180", *words)


@pytest.mark.sumo
@pytest.mark.parametrize("sensors", ["loops", "full"])
def test_three_minutes_of_a_town_replay_to_the_bit_and_to_the_word(
    town: tuple[Path, list[Path]], tmp_path: Path, sensors: str
) -> None:
    path = tmp_path / "town.journal"
    words = ("--controller", "adaptive", "--sensors", sensors, "--explain", "J5", "--json")
    done = sumo(town, *words, "--journal", path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["explanations"]
    assert len(told) >= 3
    assert {change["title"] for change in told} == {"J5"}

    result: ReplayResult = replay(path)
    assert result.identical
    assert (result.ticks, result.same_state, result.dropped_bytes) == (1800, True, 0)
    j = result.network.junction_index("J5")
    assert [explanation(d, result.network) for d in result.decisions if d.junction == j] == told


@pytest.mark.sumo
def test_an_unknown_junction_or_a_journal_in_the_way_stops_the_run(
    town: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("evidence", encoding="utf-8")
    for words, reason in (
        (("--explain", "J77"), "no junction J77; known are J1"),
        (("--journal", tmp_path / "there"), "is there already; a journal is never overwritten"),
    ):
        done = sumo(town, "--controller", "fixed", *words)
        assert done.returncode == 2
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "there").read_text(encoding="utf-8") == "evidence"


def test_two_runs_of_the_same_chance_write_the_same_bytes(tmp_path: Path) -> None:
    drives = [journal_of(tmp_path / f"{k}.journal", "adaptive", 30, Sensors.FULL) for k in (1, 2)]
    assert (tmp_path / "1.journal").read_bytes() == (tmp_path / "2.journal").read_bytes()
    assert drives[0].lamps == drives[1].lamps
    assert len(set(drives[0].lamps)) > 1
    assert isinstance(drives[0], Drive)
    assert np.frombuffer(drives[0].lamps[-1], np.int8).max() <= max(Lamp)
