"""`belisha alarm` and `belisha case`, as somebody at a terminal without the console uses them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from override.alarms import Trouble
from override.roles import Role
from override.views import Urgency
from tests.command_line import Done, belisha
from tests.test_gateway import Station, wait_for
from tests.test_station_talk import citizen, until, view


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    people = {"vic": Role.VIEWER, "gate": Role.CITIZEN_GATEWAY}
    station = Station(tmp_path_factory.mktemp("alarms"), people=people)
    yield station
    station.close()


def run(station: Station, *words: str, who: str = "ana") -> Done:
    where = ["--key", str(station.keys / f"{who}.key"), "--orders", station.endpoints[0],
             "--pictures", station.endpoints[1]]  # fmt: skip
    return belisha(*words, *where)


def test_an_alarm_is_listed_acknowledged_suspended_and_shown_again(station: Station) -> None:
    station.gateway.watchman.once("odd", "something odd", "J1", Urgency.SOON)
    with station.console("ana") as ana:
        ana.look()
        wait_for(lambda: ana.listen(100) is not None and "odd:J1" in ana.view.alarms)
    listed = run(station, "alarm", "list")
    assert listed.returncode == 1, "somebody has to see it"
    assert listed.stdout.startswith("odd:J1  soon, active, NEW, since ")
    assert listed.stdout.endswith("    something odd\n")
    assert run(station, "alarm", "acknowledge", "odd:J1").stdout.startswith("done")
    listed = run(station, "alarm", "list")
    assert (listed.returncode, "seen by ana" in listed.stdout) == (0, True)
    done = run(station, "alarm", "suspend", "odd:J1", "--for", "2h", "--reason", "crew is there")
    assert done.returncode == 0, done.stderr
    assert run(station, "alarm", "list").stdout == "No alarm.\n"
    rows = json.loads(run(station, "alarm", "list", "--all", "--json").stdout)
    assert [(row["alarm"], row["suspended"], row["by"]) for row in rows] == [("odd:J1", True, "ana")]
    assert "119 min left" in run(station, "alarm", "list", "--all").stdout
    assert run(station, "alarm", "resume", "odd:J1").returncode == 0
    assert "something odd" in run(station, "alarm", "list").stdout


def test_what_cannot_be_done_with_an_alarm_is_said_in_one_line(station: Station) -> None:
    station.gateway.watchman.once("odd", "something odd", "J1", Urgency.SOON)
    asked = {
        ("acknowledge", "odd:J9"): "no alarm odd:J9; there are odd:J1",
        ("suspend", "odd:J1", "--for", "9h", "--reason", "tired of it"): "suspended for 1 to 28800000 ms",
        ("suspend", "odd:J1", "--for", "soon", "--reason", "x"): "time 'soon'",
    }
    for words, why in asked.items():
        done = run(station, "alarm", *words)
        assert (done.returncode, why in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    done = run(station, "alarm", "acknowledge", "odd:J1", who="vic")
    assert (done.returncode, "may not act on alarms" in done.stderr) == (2, True)


def test_a_case_is_listed_with_its_evidence_and_answered(station: Station) -> None:
    with citizen(station) as gate:
        gate.tell()
        assert run(station, "case", "list").stdout == "No case.\n"
        gate.look()
        gate.tell(view("F7", urgent=True, evidence="no press for 3 h"), view("F8"))
        wait_for(lambda: len(station.gateway.cases) == 2)
        listed = run(station, "case", "list").stdout.splitlines()
        assert listed[0].startswith("F7  URGENT  ")
        assert listed[1] == "    record does not agree: no press for 3 h"
        rows = json.loads(run(station, "case", "list", "--json").stdout)
        assert [row["flag"] for row in rows] == ["F7", "F8"]
        assert run(station, "case", "crew-sent", "F7", "--reason", "two people").stdout.startswith("done")
        until(gate, lambda: gate.acts)
        assert (gate.acts[0].flag, gate.acts[0].issuer, gate.acts[0].reason) == ("F7", "ana", "two people")
        no_reason = run(station, "case", "reject", "F8")
        assert no_reason.returncode == 2
        assert no_reason.stderr.count("\n") == 1
    assert "no case F1; open are F7, F8" in run(station, "case", "accept", "F1").stderr


def test_a_release_keeps_why(station: Station) -> None:
    given = run(station, "order", "all-red", "J2", "--for", "60s", "--reason", "burst main")
    order = given.stdout.split()[1].rstrip(",")
    assert run(station, "order", "release", order, "--reason", "mended").returncode == 0
    with station.console("sam") as sam:
        sam.look()
        assert [e.sentence for e in sam.earlier() if order in e.sentence and "by ana: mended" in e.sentence]


def test_what_a_reset_of_the_monitor_would_do_is_told_on_the_command_line(station: Station) -> None:
    told = run(station, "order", "preview", "reset-trip", "J1")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("At J1 the safety monitor has not tripped: nothing would happen there.\n")
    station.gateway.watchman.tell(Trouble("trip", "J1", Urgency.NOW, "the monitor has tripped at J1"))
    told = run(station, "order", "preview", "reset-trip", "J1")
    lines = told.stdout.splitlines()
    assert "all is red for 6 s" in lines[0]
    assert lines[0].endswith("nobody is believed to wait there now.")
    assert lines[1].startswith("Warning: If what tripped the monitor is not mended")
    assert lines[2].startswith("The station would refuse it now: "), "an operator may not"
    asked = run(station, "order", "reset-trip", "J1", "--reason", "mended")
    assert asked.returncode == 2
