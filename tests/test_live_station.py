"""A station whose engine is killed: flash, a new engine through the start-up, and the orders still stand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from override.audit import entry_of
from override.client import Console
from override.keys import read_secret
from override.roles import Command
from override.storage import Storage
from tests.test_station import READY, Running, with_keys


class Live(Running):
    """The processes of a live station, in the order they were started: street, monitor, engine, gateway."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self.said = folder / "said.txt"
        with self.said.open("w", encoding="utf-8") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.toy_live_station", str(folder), *more], stderr=said
            )

    def says(self, text: str) -> bool:
        return text in self.said.read_text(encoding="utf-8")


def wait_for(console: Console, what: Callable[[], bool], within_s: float = 60.0) -> None:
    end_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end_s
        console.listen(100)


def test_an_order_outlives_the_engine_it_was_given_to(tmp_path: Path) -> None:
    live = Live(with_keys(tmp_path))
    station = live.ready()
    try:
        secret = read_secret(tmp_path / "keys" / "ana.key")
        public = read_secret(tmp_path / "keys" / "station.key").curve_public
        with Console(secret, public, station) as ana:
            ana.look()

            def lamps(name: str) -> str:
                return ana.view.junctions[name].lamps

            wait_for(ana, lambda: "G" in lamps("J0") and "G" in lamps("J1"))
            order = ana.order(
                command=Command.ALL_RED, slot=4, junctions=("J0",), basis=(), lease_ms=120_000, reason="test"
            ).order
            wait_for(ana, lambda: order in ana.view.orders and ana.view.orders[order].state == "effective")
            engine = live.children()[2]
            os.kill(engine, signal.SIGKILL)
            wait_for(ana, lambda: "F" in lamps("J1"))
            wait_for(ana, lambda: "G" in lamps("J1"))
            assert set(lamps("J0")) == {"R"}, "the new engine was told what acts"
            assert ana.look().orders[order].state == "effective"
        assert engine not in live.children()
        assert live.says("the engine has died (exit code -9); it is started anew")
        assert READY.findall(live.said.read_text(encoding="utf-8")) == [station], "nobody else had to start"
    finally:
        live.process.send_signal(signal.SIGTERM)
        assert live.process.wait(20) == 0
    storage = Storage(tmp_path / "station.db")
    noted = [e.what for _, record, _ in storage.chain() if (e := entry_of(record)).kind == "start"]
    storage.close()
    assert "engine" in noted, "the audit knows of it"
