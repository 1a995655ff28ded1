"""A city of its own to measure: station with instruments, citizen process, and a flood of strangers' flags.

Real processes over real sockets; everything is gone when the block ends.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from override.client import Console
from override.keys import add_person, init_keys, read_secret
from override.roles import Role
from tests.conftest import ROOT

SPEED = 2.0
"""Street seconds in a second: twice the work of a real street, and a short run."""
FLOOD_PER_MIN = 100_000
SENDERS = 2
GOODBYE_S = 30.0
READY = re.compile(r"ready: orders at (\S+), pictures at (\S+)")
_CITIZENS = re.compile(r"citizens at (\S+)")
_LISTENS = re.compile(r"ready: pages at (\S+), flags at (\S+)")
_SCENARIO = """version = 1
name = "latency"
[city]
junctions = 24
seed = 1
bus_lines = 2
[run]
begin_s = 25200
end_s = 32400
"""
_HALF_DEAD = """[[faults]]
kind = "stuck-off"
where = "all"
onset_s = 1
share = 0.5
"""


@dataclass
class Town:
    """One living city: its station with instruments, its citizen process, who operates it."""

    folder: Path
    endpoints: tuple[str, str] = ("", "")
    flags: str = ""
    children: list[subprocess.Popen[str]] = field(default_factory=list)

    def console(self, name: str = "ana") -> Console:
        """Somebody's line to the station."""
        secret, station = (read_secret(self.folder / "keys" / f"{n}.key") for n in (name, "station"))
        return Console(secret, station.curve_public, self.endpoints)

    @property
    def listens_with(self) -> bytes:
        """Public key of the citizen process."""
        return read_secret(self.folder / "keys" / "citizen.key").curve_public

    def start(self, name: str, *words: str) -> Callable[[re.Pattern[str]], Any]:
        """Start a module; gives what waits for a line it says."""
        said = self.folder / f"{name}.txt"
        with said.open("w", encoding="utf-8") as file:
            child = subprocess.Popen([sys.executable, "-m", *words], stderr=file, cwd=ROOT, text=True)
        self.children.append(child)

        def wait(line: re.Pattern[str]) -> Any:
            end_s = time.monotonic() + 300
            while not (found := line.findall(said.read_text(encoding="utf-8"))):
                assert time.monotonic() < end_s, said.read_text(encoding="utf-8")
                assert child.poll() is None, said.read_text(encoding="utf-8")
                time.sleep(0.05)
            return found[-1]

        return wait


@contextmanager
def living(half_dead: bool) -> Iterator[Town]:
    """A city that has lived for a moment; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="belisha-bench-") as name:
        town = Town(Path(name))
        keys = town.folder / "keys"
        init_keys(keys)
        for who, role in (("ana", Role.OPERATOR), ("citizen", Role.CITIZEN_GATEWAY)):
            add_person(keys, who, role)
        scenario = town.folder / "latency.toml"
        scenario.write_text(_SCENARIO + _HALF_DEAD * half_dead, encoding="utf-8")
        try:
            says = town.start("station", "bench.living_station", str(town.folder), str(scenario), str(SPEED))
            town.endpoints = says(READY)
            door = says(_CITIZENS)
            listens = town.start(
                "citizen", "belisha", "citizen", "--keys", str(keys), "--station",
                f"{door},{town.endpoints[1]}", "--file", str(town.folder / "citizen.db"),
                "--http", "127.0.0.1:0", "--flags", "tcp://127.0.0.1:*",
            )  # fmt: skip
            town.flags = listens(_LISTENS)[1]
            yield town
        finally:
            for child in reversed(town.children):
                child.terminate()
                try:
                    child.wait(GOODBYE_S)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


@contextmanager
def flooded(town: Town, pole: str) -> Iterator[dict[str, int]]:
    """Flags of strangers meanwhile, 100,000 a minute, by processes of the same machine.

    What they did, by the minute, stands in the dictionary at the end.
    """
    per_min: dict[str, int] = {}
    command = [
        sys.executable, "-m", "tests.flag_flood", town.flags, town.listens_with.hex(), pole,
        str(FLOOD_PER_MIN / 60 / SENDERS), "900",
    ]  # fmt: skip
    floods = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(SENDERS)]
    try:
        yield per_min
    finally:
        for flood in floods:
            flood.terminate()
        for flood in floods:
            if told := flood.communicate()[0]:
                done = json.loads(told)
                for what in ("sent", "busy", "accepted"):
                    rate = round(60 * done[what] / done["seconds"])
                    per_min[what] = per_min.get(what, 0) + rate
