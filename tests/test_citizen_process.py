"""Citizen process and station as they run: real sockets, real keys, kill -9 of either."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import zmq
from typer.testing import CliRunner

from belisha import app
from override.citizen.flagging import FlagLine
from override.citizen.store import hashed
from override.client import Console, NoAnswer
from override.flag_messages import FlagAction, FlagLife, FlagRequest, Kind
from override.keys import add_person, init_keys, new_secret, read_secret
from override.poles import pole_codes
from override.refused import Refused
from override.roles import Command, Role
from override.sockets import client
from tests.button_station import CROSSINGS

CITIZENS = re.compile(r"citizens at (\S+)")
pytestmark = pytest.mark.long
READY = re.compile(r"ready: orders at (\S+), pictures at (\S+)")
CITIZEN_READY = re.compile(r"ready: pages at (\S+), flags at (\S+)")


def until(condition: Callable[[], object], within_s: float = 30.0) -> None:
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "it did not come"
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    made = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in made]
    for one in made:
        one.close()
    return ports


class Town:
    """A station of processes over a toy street, ten street seconds a second, and a citizen process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keys = folder, folder / "keys"
        init_keys(self.keys)
        for name, role in (("ana", Role.OPERATOR), ("citizen", Role.CITIZEN_GATEWAY)):
            add_person(self.keys, name, role)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.starts = 0

    def begin(self) -> None:
        # A gateway that is started anew must be found where it was.
        endpoints = [f"tcp://127.0.0.1:{port}" for port in free_ports(3)]
        self.station = self.start("station", "tests.button_station", str(self.folder), *endpoints)
        self.endpoints = self.ready("station", READY)
        self.door = self.ready("station", CITIZENS)
        self.citizen_begins()

    def start(self, name: str, module: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.txt").open("a", encoding="utf-8") as said:
            process = subprocess.Popen([sys.executable, "-m", module, *words], stderr=said)
        self.processes.append(process)
        return process

    def ready(self, name: str, line: re.Pattern[str], times: int = 1) -> Any:
        said = self.folder / f"{name}.txt"
        until(lambda: len(line.findall(said.read_text(encoding="utf-8"))) >= times, 120)
        return line.findall(said.read_text(encoding="utf-8"))[-1]

    def citizen_begins(self) -> None:
        self.starts += 1
        self.citizen = self.start(
            "citizen", "belisha", "citizen", "--keys", str(self.keys),
            "--file", str(self.folder / "citizen.db"), "--station", f"{self.door},{self.endpoints[1]}",
            "--http", "127.0.0.1:0", "--flags", "tcp://127.0.0.1:*",
        )  # fmt: skip
        self.page, self.flags = self.ready("citizen", CITIZEN_READY, self.starts)

    def pole(self, junction: int, crossing: str = CROSSINGS[0]) -> str:
        return pole_codes((f"J{k}", name) for k in range(6) for name in CROSSINGS)[f"J{junction}", crossing]

    def line(self) -> FlagLine:
        return FlagLine(self.flags, read_secret(self.keys / "citizen.key").curve_public)

    def console(self) -> Console:
        secret, station = (read_secret(self.keys / f"{name}.key") for name in ("ana", "station"))
        return Console(secret, station.curve_public, self.endpoints)

    def gateway(self) -> int:
        """The station's youngest child."""
        children = Path(f"/proc/{self.station.pid}/task/{self.station.pid}/children")
        return max(int(pid) for pid in children.read_text(encoding="utf-8").split())

    def close(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    try:
        town.begin()
        with town.line() as line:  # until it has the layout
            until(lambda: line.flag(request(town.pole(5), Kind.OTHER)).code != "not-kept")
        yield town
    finally:
        town.close()


def request(signal: str, kind: Kind) -> FlagRequest:
    return FlagRequest(secrets.token_bytes(16), signal, kind)


def remedies(console: Console) -> list[tuple[str, Command, int]]:
    return [(o.issuer, o.command, o.slot) for o in console.look().orders.values()]


def test_from_the_flag_to_the_remedy_to_the_operator_and_back(town: Town) -> None:
    with town.line() as line, town.console() as ana:
        begun_s = time.monotonic()
        reply = line.flag(request(town.pole(0), Kind.BUTTON_DEAD))
        answered_s = time.monotonic() - begun_s
        assert reply.accepted
        assert answered_s < 1.0, "flags are written in groups of some milliseconds"
        # The record has just begun: two minutes of it must be there before a silence means anything.
        until(lambda: line.status(reply.token).life is FlagLife.REMEDIED, 40)
        before_s = time.monotonic()
        second = line.flag(request(town.pole(4), Kind.BUTTON_DEAD))
        until(lambda: line.status(second.token).life is FlagLife.REMEDIED, 10)
        assert time.monotonic() - before_s < 10, "from the flag to the remedy"
        working = line.flag(request(town.pole(5), Kind.BUTTON_DEAD))
        assert working.life is FlagLife.NOT_CONFIRMED, "somebody pressed that one, and was served"
        assert ("citizen", Command.CALL, 9) in remedies(ana)
        until(lambda: any(v.order and v.junction == "J0" for v in ana.look().flags.values()))
        (view,) = [v for v in ana.view.flags.values() if v.junction == "J0"]
        assert view.agrees
        assert "No press has reached the signal" in view.evidence
        ana.act_on_flag(view.flag, FlagAction.FIXED, "wire mended")
        until(lambda: line.status(reply.token).life is FlagLife.FIXED, 10)
        assert "wire mended" in line.status(reply.token).why
        until(lambda: len(remedies(ana)) == 1, 10)


def test_urgent_flags_reach_the_console_at_once(town: Town) -> None:
    with town.line() as line, town.console() as ana:
        line.flag(request("J1", Kind.GREEN_TOGETHER))
        until(lambda: any(v.urgent and v.junction == "J1" for v in ana.look().flags.values()), 5)


def test_the_pages_are_there_and_keep_no_log_of_visitors(town: Town) -> None:
    answer = httpx2.get(f"{town.page}/en/s/{town.pole(2)}", timeout=30)
    assert answer.status_code == 200
    assert town.pole(2)[:3] in answer.text
    assert "127.0.0.1" not in (town.folder / "citizen.txt").read_text(encoding="utf-8").replace(
        town.page, ""
    ).replace(town.flags, "")


def test_the_command_line_flags_and_asks(town: Town) -> None:
    server = ["--flags", town.flags, "--keys", str(town.keys)]
    run = CliRunner().invoke
    done = run(app, ["flag", town.pole(3), "--kind", "sound", "--words", "silent", *server, "--json"])
    assert done.exit_code == 0, done.output
    token = json.loads(done.output)["token"]
    asked = run(app, ["flag", "status", token, *server])
    assert asked.exit_code == 0
    assert "person" in asked.output
    assert run(app, ["flag", "status", "no-such-token", *server]).exit_code == 1
    assert run(app, ["flag", "NOSUCH", "--kind", "dark", *server]).exit_code == 1


def test_what_nobody_can_read_is_answered_with_words_and_harms_nothing(town: Town) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    public = read_secret(town.keys / "citizen.key").curve_public
    stranger = client(context, zmq.DEALER, town.flags, new_secret("anybody"), public)
    stranger.poll(2_000, zmq.POLLOUT)
    for frames in (
        (b"flag", b"\xc1"),
        (b"flag", b""),
        (b"order", b"x"),
        (b"flag",),
        (b"flag", b"\x80", b"z"),
    ):
        stranger.send_multipart(frames)
    stranger.send_multipart((b"flag", b"x" * 100_000))  # too large: the sender is disconnected
    with town.line() as line:
        assert line.flag(request(town.pole(4), Kind.SOUND)).accepted
    stranger.close(0)
    context.term()


def test_killed_citizen_process_tells_the_truth_when_it_is_back(town: Town) -> None:
    with town.line() as line:
        kept = [line.flag(request(town.pole(k), Kind.SOUND)).token for k in (0, 1, 2)]
        remedied = line.flag(request(town.pole(1), Kind.BUTTON_DEAD)).token
        until(lambda: line.status(remedied).life is FlagLife.REMEDIED, 20)
    os.kill(town.citizen.pid, signal.SIGKILL)
    town.citizen.wait()
    with town.console() as ana:
        assert ("citizen", Command.CALL, 9) in remedies(ana), "the lease goes on by itself"
    town.citizen_begins()
    with town.line() as line:
        for token in kept:
            assert line.status(token).life is FlagLife.WITH_A_PERSON
        assert line.status(remedied).life is FlagLife.REMEDIED


def test_killed_gateway_is_asked_again_for_what_the_evidence_still_needs(town: Town) -> None:
    with town.line() as line:
        token = line.flag(request(town.pole(2), Kind.BUTTON_DEAD)).token
        # After the restart of the process the record has a gap; two quiet minutes on it speaks again.
        until(lambda: line.status(token).life is FlagLife.REMEDIED, 40)
        os.kill(town.gateway(), signal.SIGKILL)
        town.ready("station", READY, 2)

        def given_again() -> bool:
            try:
                with town.console() as ana:
                    return ("citizen", Command.CALL, 9) in remedies(ana)
            except NoAnswer:
                return False

        until(given_again, 40)
        assert line.status(token).life is FlagLife.REMEDIED


def test_a_hundred_thousand_flags_a_minute_change_nothing_for_operators(town: Town) -> None:
    """1,700 a second: operators' answers stay as they were, BUSY is told, what is accepted is in the file."""

    def operate(seconds: float) -> list[float]:
        took = []
        with town.console() as ana:
            end_s = time.monotonic() + seconds
            while time.monotonic() < end_s:
                begun_s = time.monotonic()
                with suppress(Refused):
                    ana.order(command=Command.RELEASE, slot=7, junctions=("J5",), basis=(), reason="")
                took.append(time.monotonic() - begun_s)
                time.sleep(0.02)
        return sorted(took)

    before = operate(4)
    public = read_secret(town.keys / "citizen.key").curve_public.hex()
    floods = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.flag_flood", where, public, town.pole(3), "850", "9"],
            stdout=subprocess.PIPE,
        )
        for where in (town.flags, town.page)
    ]
    time.sleep(1)
    during = operate(7)
    told = [json.loads(flood.communicate()[0]) for flood in floods]
    counts = {name: sum(one[name] for one in told) for name in ("sent", "busy", "accepted", "other")}
    file = sqlite3.connect(f"{(town.folder / 'citizen.db').as_uri()}?mode=ro", uri=True)
    in_file = {row[0] for row in file.execute("SELECT nonce FROM flags")}
    file.close()
    assert all(hashed(bytes.fromhex(nonce)) in in_file for one in told for nonce in one["kept"])
    assert not counts["other"]
    p99 = [one[int(0.99 * len(one))] for one in (before, during)]
    print(
        f"{60 * counts['sent'] / 9:.0f} a minute: {counts}; p99 {1000 * p99[0]:.0f}, {1000 * p99[1]:.0f} ms"
    )
    assert counts["busy"] > 0.9 * (counts["busy"] + counts["accepted"])
    assert p99[1] < max(0.25, 2 * p99[0])
