"""Kill -9 of any process of a station, while orders come: `python -m tests.killings --kills 50`.

A station of street, monitor, engine, gateway and the starter of them all. Who dies, and when, is drawn; where
the street or the starter dies the whole station is started again on the same file. Then `judge` reads the
file and what the engines were told: nothing acknowledged is lost, nothing is done twice, nothing acts that
was not written down before, the audit's chain is whole, and every junction comes home.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from typer.testing import CliRunner

from override.audit import entry_of
from override.audit_commands import app as audit_app
from override.client import Console, NoAnswer
from override.keys import read_secret
from override.refused import Refused
from override.roles import SURVIVES_RESTART, Command
from override.storage import Storage
from override.views import Outcome
from tests.test_live_station import Live
from tests.test_station import READY, with_keys

PROCESSES = ("street", "monitor", "engine", "gateway")
"""Children of the starter, in the order they are first started."""
JUNCTIONS = 6
LEASE_MS = 1_500
COMES_BACK_S = 90.0
ENGINES_A_MONITOR = 2
"""The third engine that dies under one monitor is latched, as it should be: only two people end that."""


class Town:
    """One file, the stations that run over it one after the other, and what their people were told."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.chance = with_keys(folder), random.Random(seed)
        self.acknowledged: dict[str, Command] = {}
        self.killed: Counter[str] = Counter()
        self._secret = read_secret(folder / "keys" / "ana.key")
        self._public = read_secret(folder / "keys" / "station.key").curve_public
        self._k = 0
        self.start()

    def start(self) -> None:
        """The whole station, on the same file."""
        self.live = Live(self.folder, str(JUNCTIONS))
        self.live.ready()
        self._engines = 0
        self._pids = dict(zip(PROCESSES, self.live.children(), strict=True))

    def console(self) -> Console:
        """Somebody's line to the station as it is now."""
        return Console(self._secret, self._public, self.live.ready())

    def orders_for(self, seconds: float) -> None:
        """Orders as fast as they are answered."""
        end_s = time.monotonic() + seconds
        with suppress(NoAnswer), self.console() as ana:
            while time.monotonic() < end_s:
                self._k += 1
                with suppress(Refused):
                    self._order(ana, Command.ALL_RED if self._k % 5 == 0 else Command.HOLD)

    def _order(self, ana: Console, command: Command) -> None:
        view, name = ana.look(), f"J{self._k % JUNCTIONS}"
        held = command is Command.HOLD
        reply = ana.order(
            command=command, slot=7 if held else 4, junctions=(name,),
            basis=(view.junctions[name].version,) if held else (), stage=f"s{self._k % 4}" if held else "",
            lease_ms=LEASE_MS, reason="test",
        )  # fmt: skip
        if reply.outcome is Outcome.ACCEPTED:
            self.acknowledged[reply.order] = command

    def kill(self) -> str:
        """Somebody, at a moment of nobody's choosing; gives who it was."""
        who = self.chance.choice((*PROCESSES, "starter", "gateway", "monitor", "engine"))
        if who == "engine" and self._engines == ENGINES_A_MONITOR:
            who = "monitor"
        self._engines = 0 if who == "monitor" else self._engines + (who == "engine")
        self.killed[who] += 1
        starts = len(READY.findall(self.live.said.read_text(encoding="utf-8")))
        before = self.live.children()
        os.kill(self.live.process.pid if who == "starter" else self._pids[who], signal.SIGKILL)
        if who in ("street", "starter"):
            code = self.live.process.wait(COMES_BACK_S)
            assert code == (1 if who == "street" else -signal.SIGKILL), f"{who} killed: exit code {code}"
            _gone(before)
            self.start()
        else:
            self._pids[who] = self._next(before)
            if who == "gateway":
                self.live.ready(starts + 1)
        return who

    def _next(self, before: list[int]) -> int:
        """The process that takes a dead one's place."""
        end_s = time.monotonic() + COMES_BACK_S
        while not (new := set(self.live.children()) - set(before)):
            assert time.monotonic() < end_s, "nobody took its place"
            time.sleep(0.02)
        return new.pop()

    def comes_home(self) -> None:
        """The leases end, nobody's order acts, and every junction shows green again."""
        end_s, greens = time.monotonic() + COMES_BACK_S, set[str]()
        time.sleep(LEASE_MS / 1000 + 0.5)
        with self.console() as ana:
            while True:
                ana.listen(200)
                if not ana.view.whole:
                    ana.look()
                greens |= {j.name for j in ana.view.junctions.values() if "G" in j.lamps}
                if len(greens) == JUNCTIONS and not ana.view.orders:
                    return
                assert time.monotonic() < end_s, f"green: {sorted(greens)}; orders: {list(ana.view.orders)}"

    def end(self) -> None:
        """End it as one should."""
        self.live.process.send_signal(signal.SIGTERM)
        assert self.live.process.wait(30) == 0


def _gone(pids: list[int]) -> None:
    """Nobody of a dead station is left: street and lamps end with their starter."""
    end_s = time.monotonic() + COMES_BACK_S
    while left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < end_s, f"processes {left} live on without their starter"
        time.sleep(0.05)


def judge(told: list[str], kept: set[str], acknowledged: dict[str, Command]) -> list[str]:
    """What is wrong with a history: lines of `told.txt`, orders in the audit, orders acknowledged."""
    wrong = [f"{order}: acknowledged and lost" for order in sorted(acknowledged.keys() - kept)]
    acts: dict[str, tuple[str, int]] = {}
    for line in told:
        if line == "engine":
            acts.clear()  # it knows of nothing that acts, and is told
            continue
        order, junction, command, until, now = line.split()
        until_ms, now_ms = int(until), int(now)
        if until_ms <= now_ms:
            continue  # it was held up until its lease had ended, and did nothing
        if order not in kept:
            wrong.append(f"{order}: acted, and was not written down")
        before = acts.get(junction)
        acts[junction] = order, until_ms
        # What another order had covered acts again when that has ended, and is no second time.
        if before is None or before[0] != order:
            continue
        if command not in SURVIVES_RESTART or until_ms > before[1]:
            wrong.append(f"{order} at {junction}: done twice by one engine")
    return wrong


def main(arguments: list[str]) -> int:
    """Prints who was killed, and what the history says."""
    parser = argparse.ArgumentParser(prog="killings", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="write what the engines were told there")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="belisha-kills-") as name:
        town = Town(Path(name), asked.seed)
        for number in range(1, asked.kills + 1):
            town.orders_for(town.chance.uniform(0.1, 1.0))
            who = town.kill()
            print(f"{number}: {who} killed; {len(town.acknowledged)} orders acknowledged", flush=True)
        town.comes_home()
        town.end()
        storage = Storage(town.folder / "station.db")
        entries = [entry_of(record) for _, record, _ in storage.chain()]
        storage.close()
        told = (town.folder / "told.txt").read_text(encoding="utf-8").splitlines()
        if asked.keep:
            asked.keep.write_text("\n".join(told), encoding="utf-8")
        wrong = judge(told, {e.order for e in entries if e.kind == "order"}, town.acknowledged)
        where = [str(town.folder / "station.db"), "--keys", str(town.folder / "keys")]
        audit = CliRunner().invoke(audit_app, ["verify", *where])
    if audit.exit_code:
        wrong.append(f"the audit: {audit.output}")
    print(", ".join(f"{who} {times}" for who, times in sorted(town.killed.items())))
    print(f"{len(town.acknowledged)} orders acknowledged, {len(told) - told.count('engine')} told to engines,"
          f" {len(entries)} entries of the audit")  # fmt: skip
    print("\n".join(wrong) or "nothing lost, nothing done twice, every junction home, the audit whole")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
