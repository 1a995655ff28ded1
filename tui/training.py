"""A city to train on: a station of its own, with keys and endpoints of its own, that ends with the console.

It knows no key of any other station and is known to none, it listens on this machine only, and the
environment it is started with names no other station: what is done here cannot reach a street.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from override.forking import take_copy
from override.keys import add_person, init_keys
from override.roles import Role

SCENARIO = "training"
START_S = 300.0
"""The first start compiles kernels; after that it takes seconds."""
GOODBYE_S = 5.0
ANY_PORT = "tcp://127.0.0.1:*"
"""The usual ones belong to the station that may run on this very machine."""
TRAINEE, PARTNER, LISTENER = "trainee", "partner", "citizen"
"""Who sits at the console; a supervisor for the second key; the process through which flags come."""
_HERE = r"(tcp://127\.0\.0\.1:\d+)"
_READY = re.compile(rf"citizens at {_HERE}.*ready: orders at {_HERE}, pictures at {_HERE}", re.DOTALL)
_LISTENS = re.compile(r"ready: pages at (http://\S+), flags at " + _HERE)


class TrainingRefused(RuntimeError):
    """The training city did not come up; one line with what it said last."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the training city is."""

    orders: str
    pictures: str
    flags: str = ""
    page: str = ""


class TrainingCity:
    """Context manager: a station and a citizen process in a folder that is removed afterwards.

    Raises TrainingRefused when they do not come up.
    """

    def __init__(
        self,
        scenario: str = SCENARIO,
        role: Role = Role.OPERATOR,
        speed: float = 1.0,
        more: Sequence[str] = (),
        copy_of: Path | None = None,
    ) -> None:
        """`more`: further options of `belisha station`.

        `copy_of`: the file of a station of this machine; the training begins as its city is now, with its
        scenario, and its lamps with the flash every start begins with.
        """
        self.scenario, self.role, self.speed, self.more = scenario, role, speed, tuple(more)
        self.copy_of = copy_of
        self.endpoints = Endpoints("", "")
        self._folder = tempfile.TemporaryDirectory(prefix="belisha-training-")
        self._children: list[subprocess.Popen[str]] = []
        self._before: dict[int, object] = {}

    @property
    def keys(self) -> Path:
        """The folder of its keys."""
        return Path(self._folder.name) / "keys"

    def __enter__(self) -> TrainingCity:
        for number in (signal.SIGHUP, signal.SIGTERM):
            with suppress(ValueError):  # not the main thread
                self._before[number] = signal.signal(number, _leave)
        try:
            self._begin()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _begin(self) -> None:
        init_keys(self.keys)
        add_person(self.keys, TRAINEE, self.role)
        add_person(self.keys, PARTNER, Role.SUPERVISOR)
        add_person(self.keys, LISTENER, Role.CITIZEN_GATEWAY)
        folder = Path(self._folder.name)
        if self.copy_of is not None:
            self._copy(self.copy_of, folder / "copy.fork")
        found = self._start(
            _READY, "station", self.scenario, "--keys", str(self.keys), "--file", str(folder / "station.db"),
            "--orders", ANY_PORT, "--pictures", ANY_PORT, "--citizens", ANY_PORT,
            "--speed", str(self.speed), *self.more,
        )  # fmt: skip
        listens = self._start(
            _LISTENS, "citizen", "--keys", str(self.keys), "--name", LISTENER, "--station",
            f"{found[1]},{found[3]}", "--file", str(folder / "citizen.db"), "--http", "127.0.0.1:0",
            "--flags", ANY_PORT,
        )  # fmt: skip
        self.endpoints = Endpoints(found[2], found[3], listens[2], listens[1])

    def _copy(self, file: Path, into: Path) -> None:
        """Begin from the city of that station. Raises ForkRefused."""
        played = take_copy(file, into)
        self.scenario = played.scenario
        minutes = () if played.minutes is None else ("--minutes", str(played.minutes))
        self.more = (
            "--begin-from", str(into), "--seed", str(played.seed), "--controller", played.controller, *minutes
        )  # fmt: skip

    def _start(self, ready: re.Pattern[str], *words: str) -> re.Match[str]:
        """Start a command of ours and wait until it says it is ready."""
        child = subprocess.Popen(
            [sys.executable, "-m", "belisha", *words],
            env=clean_environment(os.environ, sys.path), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self._children.append(child)
        said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(child, said), daemon=True).start()
        last, all_said, end_s = "", "", time.monotonic() + START_S
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                line = said.get(timeout=left_s)
            except queue.Empty:
                break
            if line is None:
                raise TrainingRefused(f"the training {words[0]} did not start: {last or 'it said nothing'}")
            all_said += line
            if found := ready.search(all_said):
                return found
            last = line.strip() or last
        raise TrainingRefused(f"the training {words[0]} was not ready within {START_S:.0f} s: {last}")

    def _end(self) -> None:
        for child in reversed(self._children):
            child.terminate()
        for child in reversed(self._children):
            try:
                child.wait(GOODBYE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stderr is not None:
                child.stderr.close()
        self._children.clear()
        self._folder.cleanup()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before.clear()


def _leave(number: int, frame: object) -> None:
    """A terminal that was closed ends its training too: what was started is ended on the way out."""
    raise SystemExit(128 + number)


def _listen(child: subprocess.Popen[str], said: queue.SimpleQueue[str | None]) -> None:
    """All it says, until it has ended: read on, so that it never waits for a reader."""
    assert child.stderr is not None
    try:
        for line in child.stderr:
            said.put(line)
    except ValueError:
        pass  # closed at the end of the training
    said.put(None)


def clean_environment(environment: Mapping[str, str], path: list[str]) -> dict[str, str]:
    """The environment without a word of any other station; our code is found where this process has it."""
    kept = {name: value for name, value in environment.items() if not name.startswith("BELISHA_")}
    kept["PYTHONPATH"] = os.pathsep.join(entry for entry in path if entry)
    return kept
