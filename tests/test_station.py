"""A whole station of processes: killed without warning, it loses no acknowledged order, does none twice."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter as Counts
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from override.audit import entry_of
from override.audit_commands import app as audit_app
from override.client import Console, NoAnswer
from override.keys import add_person, init_keys, read_secret
from override.order_commands import app as order_app
from override.panic import PanicError, panic
from override.refused import Refused
from override.roles import Command, Role
from override.storage import Storage
from override.views import Outcome

KILLS = int(os.environ.get("BELISHA_KILLS", "10"))
"""More of them where there is time."""
READY = re.compile(r"ready: orders at (\S+), pictures at (\S+)")


class Running:
    """The processes, what they said, and somebody who gives orders."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self.said = folder / "said.txt"
        with self.said.open("w", encoding="utf-8") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.toy_station", str(folder), *more], stderr=said
            )

    def ready(self, times: int = 1) -> tuple[str, str]:
        end_s = time.monotonic() + 120
        while len(found := READY.findall(self.said.read_text(encoding="utf-8"))) < times:
            assert time.monotonic() < end_s, self.said.read_text(encoding="utf-8")
            assert self.process.poll() is None, self.said.read_text(encoding="utf-8")
            time.sleep(0.02)
        return found[-1]

    def children(self) -> list[int]:
        """Engine and gateway, in the order they were started."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(
            encoding="utf-8"
        )
        return sorted(int(pid) for pid in listed.split())

    def console(self, name: str) -> Console:
        secret = read_secret(self.folder / "keys" / f"{name}.key")
        station = read_secret(self.folder / "keys" / "station.key")
        return Console(secret, station.curve_public, self.ready())


def with_keys(folder: Path) -> Path:
    init_keys(folder / "keys")
    add_person(folder / "keys", "ana", Role.OPERATOR)
    add_person(folder / "keys", "sam", Role.SUPERVISOR)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_keys(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A station that several tests may use, since none of them harms it."""
    running = Running(with_keys(tmp_path_factory.mktemp("shared")))
    running.ready()
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(20) == 0


@pytest.fixture
def running(folder: Path) -> Iterator[Running]:
    running = Running(folder)
    running.ready()
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0


def give(console: Console, k: int) -> str:
    """One order at one junction after the other, asked for as people do; empty = it was not taken."""
    view = console.look()
    name = f"J{k % 6}"
    if view.junctions[name].orders:
        return ""
    reply = console.order(
        command=Command.HOLD, slot=7, junctions=(name,), basis=(view.junctions[name].version,),
        stage=f"s{k % 4}", lease_ms=1_000, reason="test",
    )  # fmt: skip
    return reply.order if reply.outcome is Outcome.ACCEPTED else ""


def test_killed_gateways_lose_no_acknowledged_order_and_do_none_twice(running: Running) -> None:
    """Kill -9 of the gateway at moments of no choosing, while orders come as fast as they are answered."""
    acknowledged: list[str] = []
    where = running.ready()
    for kill in range(1, KILLS + 1):
        until_s = time.monotonic() + 0.15 + 0.11 * (kill % 4)
        with running.console("ana") as ana:
            k = kill
            while time.monotonic() < until_s:
                k += 1
                try:
                    if order := give(ana, k):
                        acknowledged.append(order)
                except Refused:
                    continue
        os.kill(running.children()[-1], signal.SIGKILL)
        assert running.ready(kill + 1) == where, "whoever had found the one before finds the next"
    assert len(acknowledged) > KILLS / 2
    time.sleep(1.5)
    with running.console("sam") as sam:
        assert not sam.look().orders, "every junction is home after the leases end"
    told = (running.folder / "told.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line, times in Counts(told).items() if times > 1]
    storage = Storage(running.folder / "station.db")
    kept = {entry.order for _, record, _ in storage.chain() if (entry := entry_of(record)).kind == "order"}
    assert set(acknowledged) <= kept
    assert {line.split()[0] for line in told} <= kept, "nothing acted that was not written before"
    storage.close()
    result = CliRunner().invoke(
        audit_app,
        ["verify", str(running.folder / "station.db"), "--keys", str(running.folder / "keys")],
    )
    assert result.exit_code == 0, result.output


def test_a2_nothing_listens_but_what_was_asked_for(shared: Running) -> None:
    citizens = re.findall(r"citizens at (\S+)", shared.said.read_text(encoding="utf-8"))[-1]
    asked = {int(endpoint.rsplit(":", 1)[1]) for endpoint in (*shared.ready(), citizens)}
    listening = set()
    for pid in (shared.process.pid, *shared.children()):
        mine = set()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                mine.add(str(link.readlink()))
        for table in ("tcp", "tcp6", "udp", "udp6"):
            for row in Path(f"/proc/{pid}/net/{table}").read_text(encoding="utf-8").splitlines()[1:]:
                field = row.split()
                if f"socket:[{field[9]}]" in mine and (field[3] == "0A" or table.startswith("udp")):
                    listening.add((field[1].split(":")[0], int(field[1].split(":")[1], 16)))
    assert {port for _, port in listening} == asked
    assert {address for address, _ in listening} == {"0100007F"}, "and on loopback only"


def test_an_all_red_outlives_its_gateway_without_a_gap(running: Running) -> None:
    with running.console("ana") as ana:
        ana.look()
        order = ana.order(
            command=Command.ALL_RED, slot=4, junctions=("J0",), basis=(), lease_ms=60_000, reason="test"
        ).order
        end_s = time.monotonic() + 10
        while ana.view.orders.get(order) is None or ana.view.orders[order].state != "effective":
            assert time.monotonic() < end_s
            ana.listen(200)
    os.kill(running.children()[-1], signal.SIGKILL)
    running.ready(2)
    with running.console("sam") as sam:
        end_s = time.monotonic() + 3
        while time.monotonic() < end_s and sam.look().junctions["J0"].orders != (order,):
            time.sleep(0.1)
        view = sam.look()
        assert view.junctions["J0"].orders == (order,)
        assert set(view.junctions["J0"].lamps) == {"R"}
    os.kill(running.children()[0], signal.SIGKILL)
    assert running.process.wait(20) == 1, "without its engine a station has ended"
    assert "the street has ended" in running.said.read_text(encoding="utf-8")


def test_panic_needs_no_key_and_no_network_and_is_recorded(shared: Running) -> None:
    door = shared.folder / "keys" / "panic.sock"
    assert door.stat().st_mode & 0o077 == 0
    order = panic(door, ("J1", "J2")).rsplit(" ", 1)[1]
    with pytest.raises(PanicError, match="no junction J9"):
        panic(door, ("J9",))
    with pytest.raises(PanicError, match="no junction"):
        panic(door, ("\x00\xff" * 500,))
    silent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    silent.connect(str(door))
    with shared.console("ana") as ana:
        view = ana.look()
        assert view.junctions["J1"].orders == view.junctions["J2"].orders == (order,)
        assert view.orders[order].issuer == "local-panic"
        ana.order(command=Command.RELEASE, slot=4, junctions=(), basis=(), order=order, takeover=True)
    silent.close()
    storage = Storage(shared.folder / "station.db")
    assert [e for _, r, _ in storage.chain() if (e := entry_of(r)).actor == "local-panic"]
    storage.close()
    with pytest.raises(PanicError, match="no station answers"):
        panic(shared.folder / "nowhere.sock", ("J1",))


def test_an_endpoint_that_is_taken_is_said_in_one_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        running = Running(folder, endpoint)
        assert running.process.wait(60) == 2
    said = running.said.read_text(encoding="utf-8").splitlines()
    assert [line for line in said if "cannot be bound" in line]


def test_the_command_line_orders_lists_and_releases(shared: Running) -> None:
    orders, pictures = shared.ready()
    where = ["--key", str(shared.folder / "keys" / "sam.key"), "--orders", orders, "--pictures", pictures]

    def run(*words: str) -> str:
        result = CliRunner().invoke(order_app, [*words, *where])
        assert result.exit_code == 0, (words, result.output, result.exception)
        return result.output

    taken = run("omit", "J3", "--group", "ns.left", "--for", "90s", "--reason", "works")
    order = taken.split()[1].rstrip(",")
    assert taken == f"accepted {order}, 90 s\n"
    assert order in run("list")
    assert "renewed" in run("renew", order, "--for", "5min")
    assert "released" in run("release", order)
    assert order not in run("list")
    waits = run("lockout", "J4", "--for", "1h", "--reason", "works")
    assert waits.startswith("waiting")
    bad = CliRunner().invoke(order_app, ["hold", "J9", "--stage", "s0", "--reason", "x", *where])
    assert "no junction J9" in str(bad.exception)


def test_a_station_that_is_not_there_is_said_and_not_waited_for_long(folder: Path) -> None:
    secret, station = (read_secret(folder / "keys" / f"{name}.key") for name in ("ana", "station"))
    began_s = time.monotonic()
    with (
        Console(secret, station.curve_public, ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1")) as ana,
        pytest.raises(NoAnswer, match="look what acts"),
    ):
        ana.look()
    assert time.monotonic() - began_s < 6
