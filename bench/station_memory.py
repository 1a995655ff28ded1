"""What a station of many junctions holds in memory, minute after minute: `python -m bench.station_memory`.

A station as `belisha station` starts it, with every process it consists of; a console looks on and its
operator gives an order every few seconds, so that leases, audit and pictures go on as in service. Every ten
seconds the kernel is asked what each process holds. Pages that forked processes share count for each in
`rss`, once in `pss`: what the machine has to have is `pss`.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.living_town import READY
from override.client import Console, NoAnswer
from override.keys import add_person, init_keys, read_secret
from override.refused import Refused
from override.roles import Command, Role
from tests.conftest import ROOT

PROCESSES = ("starter", "street", "monitor", "engine", "forecaster", "gateway")
"""In the order they are started."""
ORDER_EVERY_S = 5.0
MORE_MIN = 5
"""The street goes on for so long after the last sample."""
BATCHES = 10
T_OF_BATCHES = 2.306
"""Student's t, two sides of 95 %, for ten batches less two."""
GOODBYE_S = 30.0
_SCENARIO = """version = 1
name = "memory"
[city]
junctions = {junctions}
[run]
begin_s = 25200
end_s = {end_s}
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What all processes hold at one moment."""

    at_s: float
    street_s: float
    """Street time that has passed, as the pictures tell."""
    rss_kb: dict[str, int]
    pss_kb: dict[str, int]

    @property
    def total_pss_kb(self) -> int:
        """What the machine must have for all of them."""
        return sum(self.pss_kb.values())


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast something grows, and between which bounds with 95 % confidence, per hour."""

    per_h: float
    low: float
    high: float


def slope_of(at_s: Sequence[float], kb: Sequence[float]) -> Slope:
    """Least squares over means of ten batches: samples ten seconds apart are no independent ones."""
    batches = [b for b in np.array_split(np.arange(len(at_s)), BATCHES) if len(b)]
    if len(batches) < BATCHES:
        raise ValueError(f"{len(at_s)} samples are too few for {BATCHES} batches")
    x = np.array([np.mean(np.asarray(at_s)[b]) for b in batches]) / 3600
    y = np.array([np.mean(np.asarray(kb)[b]) for b in batches])
    about = x - x.mean()
    per_h = float(about @ y / (about @ about))
    rest = y - y.mean() - per_h * about
    wide = T_OF_BATCHES * math.sqrt(float(rest @ rest) / (BATCHES - 2) / float(about @ about))
    return Slope(per_h, per_h - wide, per_h + wide)


def held_kb(pid: int) -> tuple[int, int]:
    """(rss, pss) in kB of one process, as the kernel counts them."""
    found = {"Rss:": 0, "Pss:": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        name, *rest = line.split()
        if name in found:
            found[name] = int(rest[0])
    return found["Rss:"], found["Pss:"]


def children(pid: int) -> list[int]:
    """Processes it has started, in their order."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return sorted(int(child) for child in listed.split())


def sample(pid: int, at_s: float, street_s: float) -> Sample:
    """All processes of the station, now."""
    rss, pss = {}, {}
    for k, each in enumerate((pid, *children(pid))):
        name = PROCESSES[k] if k < len(PROCESSES) else f"other {k}"
        with suppress(OSError):  # it has ended in this moment
            rss[name], pss[name] = held_kb(each)
    return Sample(at_s, street_s, rss, pss)


class Operator:
    """Looks on, and holds a stage that runs somewhere, or stops a junction, every few seconds."""

    def __init__(self, console: Console) -> None:
        self.console, self.given, self._k = console, 0, 0
        self._next_s = 0.0

    def passes(self, until_s: float) -> None:
        """Time, until then."""
        while (now_s := time.monotonic()) < until_s:
            try:
                if now_s >= self._next_s:
                    self._next_s = now_s + ORDER_EVERY_S
                    self._order()
                self.console.listen(int(1000 * min(0.5, until_s - now_s)))
                if not self.console.view.whole:
                    self.console.look()
            except (Refused, NoAnswer):
                continue

    def _order(self) -> None:
        view = self.console.view
        names = sorted(view.junctions)
        self._k = (self._k + 37) % len(names)
        junction = view.junctions[names[self._k]]
        # Where a street flashes, on a machine too busy for it, nobody has a stage to hold.
        held = bool(junction.stage)
        self.console.order(
            command=Command.HOLD if held else Command.ALL_RED, slot=7 if held else 4,
            junctions=(junction.name,), basis=(junction.version,) if held else (), stage=junction.stage,
            lease_ms=30_000, reason="bench",
        )  # fmt: skip
        self.given += 1


def watch(folder: Path, asked: argparse.Namespace) -> list[Sample]:
    """One station, sampled until the time is over."""
    keys, said = folder / "keys", folder / "said.txt"
    init_keys(keys)
    add_person(keys, "ana", Role.OPERATOR)
    scenario = folder / "memory.toml"
    end_s = 25_200 + 60 * int(asked.speed * (asked.minutes + MORE_MIN))
    scenario.write_text(_SCENARIO.format(junctions=asked.junctions, end_s=end_s), encoding="utf-8")
    anywhere = "tcp://127.0.0.1:*"
    command = [
        sys.executable, "-m", "belisha", "station", str(scenario), "--keys", str(keys),
        "--file", str(folder / "station.db"), "--speed", str(asked.speed),
        "--orders", anywhere, "--pictures", anywhere, "--citizens", anywhere,
    ]  # fmt: skip
    with running(command, said) as station:
        while not (ready := READY.findall(said.read_text(encoding="utf-8"))):
            if station.poll() is not None:
                raise SystemExit(said.read_text(encoding="utf-8"))
            time.sleep(0.2)
        ana, public = read_secret(keys / "ana.key"), read_secret(keys / "station.key").curve_public
        with Console(ana, public, ready[-1]) as console:
            console.look()
            operator, taken = Operator(console), list[Sample]()
            begun_s, began_ticks = time.monotonic(), console.view.progress
            for k in range(int(60 * asked.minutes / asked.every) + 1):
                operator.passes(begun_s + k * asked.every)
                street_s = (console.view.progress - began_ticks) / 10
                taken.append(sample(station.pid, time.monotonic() - begun_s, street_s))
                _tell(taken[-1], operator.given)
                if asked.json:
                    asked.json.write_text(json.dumps([asdict(s) for s in taken]), encoding="utf-8")
            for line in said.read_text(encoding="utf-8").splitlines()[3:]:
                print("the station said:", line)
        return taken


@contextmanager
def running(command: list[str], said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when we do, also by SIGTERM; what it says goes to a file."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    with said.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stderr=file, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
        signal.signal(signal.SIGTERM, before)


def _tell(one: Sample, orders: int) -> None:
    parts = "  ".join(f"{name} {kb / 1024:.1f}" for name, kb in one.pss_kb.items())
    print(f"{one.at_s:6.0f} s  street {one.street_s:6.0f} s  pss {one.total_pss_kb / 1024:.1f} MB ({parts})"
          f"  rss {sum(one.rss_kb.values()) / 1024:.0f} MB  {orders} orders", flush=True)  # fmt: skip


def report(taken: Sequence[Sample], settle_min: float) -> list[str]:
    """The most that was held, and how it grows once it has settled."""
    settled = [s for s in taken if s.at_s >= 60 * settle_min]
    most = max(s.total_pss_kb for s in taken) / 1024
    most_rss = max(sum(s.rss_kb.values()) for s in taken) / 1024
    lines = [f"most: {most:.0f} MB (pss); {most_rss:.0f} MB with shared pages counted for each (rss)"]
    at_s = [s.at_s for s in settled]
    for name in ("all", *settled[-1].pss_kb):
        kb = [s.total_pss_kb if name == "all" else s.pss_kb.get(name, 0) for s in settled]
        slope = slope_of(at_s, kb)
        lines.append(f"{name}: {slope.per_h:+.0f} kB an hour (95 %: {slope.low:+.0f} to {slope.high:+.0f})")
    return lines


def main(arguments: list[str]) -> int:
    """Prints a line a sample, then the most that was held and its slope."""
    parser = argparse.ArgumentParser(prog="station_memory", description=__doc__)
    parser.add_argument("--junctions", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=60.0, help="of the clock")
    parser.add_argument("--settle", type=float, default=10.0, help="minutes that count for no slope")
    parser.add_argument("--speed", type=float, default=1.0, help="street seconds in a second")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two samples")
    parser.add_argument("--json", type=Path, help="keep the samples there")
    asked = parser.parse_args(arguments)
    if asked.minutes <= asked.settle:
        parser.error(
            f"--minutes {asked.minutes:g} ends before --settle {asked.settle:g}: no slope could be told"
        )
    with tempfile.TemporaryDirectory(prefix="belisha-memory-") as name:
        taken = watch(Path(name), asked)
    print("\n".join(report(taken, asked.settle)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
