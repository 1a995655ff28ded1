"""How long the living city takes to answer: `python -m bench.living_latency [--seconds S] [--docs]`.

Detector edge to lamps, order to ACCEPTED to EFFECTIVE, flag to remedy to WALK, and a process killed to
flash: while nothing else happens, under a flood of flags, and with half of the detectors dead. Real
processes over real sockets, each case with a city of its own.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from bench.latency_report import Case, main_report
from bench.living_station import KILLED, instruments
from bench.living_town import SPEED, Town, flooded, living
from controller.monitor.lamps import FLASH_RED, GREEN
from override.citizen.directory import Directory, Signal
from override.citizen.flagging import FlagLine
from override.client import Console, NoAnswer
from override.flag_messages import FlagLife, FlagRequest, Kind
from override.layouts import JunctionLayout
from override.refused import Refused
from override.roles import Command
from override.views import Outcome

FLAGS = 16
KILLS = ("monitor", "engine", "monitor", "monitor", "engine", "monitor")
"""No engine a third time: the monitor latches then, as it should."""
ALL_RED_EVERY = 8
CHANGE_EVERY_S = 10.5
"""A junction takes one change in ten seconds, but all-red."""
PATIENCE_S = 60.0
RECORD_S = 130.0
"""Street seconds of silence that say something about a button (two minutes, and some)."""


def measure(name: str, seconds: float, brief: bool = False) -> Case:
    """One case: calm, flood or half-dead; brief = orders and detector edges only."""
    case = Case(name)
    with living(half_dead=name == "half-dead") as town, town.console() as ana:
        ana.look()
        directory = Directory("bench", ana.layout().junctions)
        _wait(ana, lambda: "G" in "".join(v.lamps for v in ana.view.junctions.values()))
        begun_s = time.monotonic()
        pole = directory.crossings[-1].pole
        with flooded(town, pole) if name == "flood" else _nothing() as per_min:
            first = int(instruments(town.folder)[0]["ticks"])
            _orders(case, ana, directory, seconds)
            if brief:
                _edges(case, town.folder, first)
                return case
            _listen(ana, max(0.0, RECORD_S / SPEED - (time.monotonic() - begun_s)))
            _flags(case, town, ana, directory, directory.crossings[-1].junction.district)
            _edges(case, town.folder, first)
            _kills(case, town.folder)
    for what, rate in per_min.items():
        case.count(f"flags {what} a minute", rate)
    return case


@contextmanager
def _nothing() -> Iterator[dict[str, int]]:
    yield {}


def _orders(case: Case, ana: Console, directory: Directory, seconds: float) -> None:
    """Holds of stages that run, and now and then an all-red, at one junction after the other."""
    end_s, k = time.monotonic() + seconds, 0
    changed_s: dict[str, float] = {}
    while time.monotonic() < end_s:
        rested = [
            j for j in directory.junctions if time.monotonic() - changed_s.get(j.name, 0.0) > CHANGE_EVERY_S
        ]
        running = [j for j in rested if _runs(ana, j)]
        k += 1
        if k % ALL_RED_EVERY and running:
            junction = running[k % len(running)]
            view = ana.view.junctions[junction.name]
            what: dict[str, Any] = {
                "command": Command.HOLD, "slot": 7, "stage": view.stage, "basis": (view.version,),
            }  # fmt: skip
        elif rested and not k % ALL_RED_EVERY:
            junction = rested[k % len(rested)]
            what = {"command": Command.ALL_RED, "slot": 4, "basis": ()}
        else:
            _listen(ana, 0.2)
            continue
        changed_s[junction.name] = time.monotonic()
        _order(case, ana, junction.name, what)
        _listen(ana, 0.05)


def _runs(ana: Console, junction: JunctionLayout) -> bool:
    """Whether the lamps show the stage that is wanted, all of it."""
    view = ana.view.junctions[junction.name]
    stage = next((s for s in junction.stages if s.name == view.stage), None)
    return stage is not None and all(view.lamps[g] == "G" for g in stage.groups)


def _order(case: Case, ana: Console, junction: str, what: dict[str, Any]) -> None:
    begun_s = time.perf_counter()
    try:
        reply = ana.order(junctions=(junction,), lease_ms=30_000, reason="bench", **what)
    except (NoAnswer, Refused) as error:
        case.count(f"order refused: {error.code}" if isinstance(error, Refused) else "order unanswered")
        return
    accepted_s = time.perf_counter()
    if reply.outcome is not Outcome.ACCEPTED:
        return
    case.took("order: sent to ACCEPTED", 1000 * (accepted_s - begun_s))
    kind = "hold of the running stage" if what["command"] is Command.HOLD else "all-red, yellow included"

    def proven() -> bool:
        order = ana.view.orders.get(reply.order)
        return order is not None and order.state == "effective"

    if _wait(ana, proven, 20.0):
        case.took(f"order: ACCEPTED to EFFECTIVE, {kind}", 1000 * (time.perf_counter() - accepted_s))
    begun_s = time.perf_counter()
    with suppress(NoAnswer, Refused):  # it may have ended by itself
        ana.order(
            command=Command.RELEASE, slot=what["slot"], junctions=(), basis=(), order=reply.order, reason=""
        )
        case.took("order: sent to ACCEPTED", 1000 * (time.perf_counter() - begun_s))


def _flags(case: Case, town: Town, ana: Console, directory: Directory, flooded: str) -> None:
    """Dead buttons, said at many crossings at once; the flood is in another district where there is one."""
    elsewhere = [s for s in directory.crossings if s.buttons and s.junction.district != flooded]
    chosen = (elsewhere or [s for s in directory.crossings if s.buttons])[:: max(1, len(elsewhere) // FLAGS)]
    with FlagLine(town.flags, town.listens_with) as line:
        waiting: dict[str, tuple[Signal, float]] = {}
        for one in chosen[: 2 * FLAGS]:
            begun_s = time.perf_counter()
            try:
                reply = line.flag(FlagRequest(os.urandom(16), one.pole, Kind.BUTTON_DEAD))
            except NoAnswer:
                case.count("flag without an answer")
                continue
            if not reply.accepted:
                case.count("flag told BUSY" if reply.busy else f"flag refused: {reply.code}")
                continue
            case.took("flag: sent to kept and answered", 1000 * (time.perf_counter() - begun_s))
            waiting[reply.token] = (one, begun_s)
        _remedies(case, line, ana, waiting)


def _remedies(case: Case, line: FlagLine, ana: Console, waiting: dict[str, tuple[Signal, float]]) -> None:
    red: dict[str, float] = {}
    """By token: since when a WALK is owed; negative = it still shows the one before."""
    where = {token: signal for token, (signal, _) in waiting.items()}
    end_s = time.perf_counter() + PATIENCE_S
    while (waiting or red) and time.perf_counter() < end_s:
        for token, (_, begun_s) in list(waiting.items()):
            try:
                life, now_s = line.status(token).life, time.perf_counter()
            except NoAnswer:
                continue
            if life in (FlagLife.RECEIVED, FlagLife.KNOWN, FlagLife.CONFIRMED):
                continue
            del waiting[token]
            if life is FlagLife.REMEDIED:
                case.took("flag: sent to remedy in force", 1000 * (now_s - begun_s))
                red[token] = now_s
            else:
                case.count(f"flag {life}")
        ana.listen(20)
        for token, from_s in list(red.items()):
            signal_ = where[token]
            if ana.view.junctions[signal_.junction.name].lamps[signal_.at] == "G":
                del red[token]
                street_ms = 1000 * SPEED * (time.perf_counter() - from_s)
                case.took("remedy to WALK, in time of the street", street_ms)
    case.count("flag without an answer in time", len(waiting) + len(red))


def _edges(case: Case, folder: Path, first: int) -> None:
    """What the street's process took down since the tick `first`."""
    notes = instruments(folder)[0]
    ticks = np.array(notes["tick"][first : int(notes["ticks"])])
    for took_ms in ticks["took_ms"][ticks["edges"] > 0]:
        case.took("detector edge to lamps", float(took_ms))
    due_s = ticks["street_ms"] / (1000.0 * SPEED)
    behind_ms = 1000.0 * (ticks["began_s"] - due_s)
    for late_ms in behind_ms - behind_ms.min():
        case.took("tick after its time", float(late_ms))


def _kills(case: Case, folder: Path) -> None:
    notes = instruments(folder)[0]

    def flashing() -> bool:
        return bool((notes["lamps"] == FLASH_RED).sum() >= notes["drivers"])

    for name in KILLS:
        if not _until(lambda: not flashing() and bool((notes["lamps"] == GREEN).any())):
            case.count("flash did not end, latched")
            return
        pid = int(notes["pids"][KILLED.index(name)])
        begun_s = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        if _until(flashing):
            case.took("process killed to flash", 1000 * (time.perf_counter() - begun_s))


def _until(condition: Callable[[], bool]) -> bool:
    end_s = time.monotonic() + PATIENCE_S
    while not (met := condition()) and time.monotonic() < end_s:
        time.sleep(0.001)
    return met


def _wait(ana: Console, condition: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    end_s = time.monotonic() + within_s
    while not (met := condition()) and time.monotonic() < end_s:
        ana.listen(50)
    return met


def _listen(ana: Console, seconds: float) -> None:
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        ana.listen(max(1, round(1000 * left_s)))


if __name__ == "__main__":
    sys.exit(main_report(measure))
