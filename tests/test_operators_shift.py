"""One operator's shift from end to end: real terminals, a real station, only what stands on the screens."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from override.citizen.link import CitizenConsole
from override.client import Console
from override.flag_messages import FlagAction, FlagLife, FlagView, Kind
from override.keys import add_person, init_keys, read_secret
from override.roles import Command, Role
from tests.conftest import ROOT
from tui.offers import offers

PEOPLE = {
    "ana": Role.OPERATOR, "sam": Role.SUPERVISOR, "sue": Role.SUPERVISOR, "citizen": Role.CITIZEN_GATEWAY,
}  # fmt: skip
WAIT_S, START_S = 60.0, 600.0
OVERVIEW = "⏎ Near"
"""A key that stands at the foot of the overview only."""
SAID = re.compile(r"citizens at (\S+)\n(?:.*\n)*?ready: orders at (\S+), pictures at (\S+)")


class Room:
    """A station, and terminals before which people sit."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keys = folder, folder / "keys"
        self.socket = f"belisha-{os.getpid()}-{secrets.token_hex(4)}"
        init_keys(self.keys)
        for name, role in PEOPLE.items():
            add_person(self.keys, name, role)
        self.said = folder / "said.txt"
        with self.said.open("w", encoding="utf-8") as said:
            self.station = subprocess.Popen(
                [sys.executable, "-m", "tests.shift_station", str(folder)], stderr=said, cwd=ROOT
            )
        self.citizens = self.orders = self.pictures = ""

    def ready(self) -> None:
        """Wait for the station, whose kernels may have to be compiled first."""
        found = self.wait(lambda: SAID.search(self.said_so_far()), self.said_so_far, START_S)
        self.citizens, self.orders, self.pictures = found.groups()

    def said_so_far(self) -> str:
        return self.said.read_text(encoding="utf-8")

    def end(self) -> None:
        self.tmux("kill-server", check=False)
        self.station.send_signal(signal.SIGTERM)
        try:
            self.station.wait(60)
        except subprocess.TimeoutExpired:
            self.station.kill()
            self.station.wait()

    def tmux(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.socket, "-f", "/dev/null", *words],
            capture_output=True,
            text=True,
            check=check,
        )
        return done.stdout

    def sit(self, name: str) -> Terminal:
        """Somebody opens a console."""
        command = [
            sys.executable, "-m", "belisha", "console", "--connect", self.orders, "--pictures", self.pictures,
            "--keys", str(self.keys), "--as", name,
        ]  # fmt: skip
        self.tmux(
            "new-session", "-d", "-s", name, "-x", "110", "-y", "60", "-c", str(ROOT),
            f"env -u COLUMNS -u LINES LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=xterm-256color {shlex.join(command)}",
        )  # fmt: skip
        terminal = Terminal(self, name)
        terminal.until("● live")
        return terminal

    def wait(self, found: Callable[[], Any], else_: Callable[[], str], within_s: float = WAIT_S) -> Any:
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            if answer := found():
                return answer
            time.sleep(0.1)
        raise AssertionError(f"not within {within_s:.0f} s:\n{else_()}")

    def console(self, name: str) -> Console:
        public = read_secret(self.keys / "station.key").curve_public
        return Console(read_secret(self.keys / f"{name}.key"), public, (self.orders, self.pictures))

    def citizen(self) -> CitizenConsole:
        public = read_secret(self.keys / "station.key").curve_public
        return CitizenConsole(read_secret(self.keys / "citizen.key"), public, (self.citizens, self.pictures))


class Terminal:
    """One person's terminal."""

    def __init__(self, room: Room, name: str) -> None:
        self.room, self.name = room, name

    def screen(self) -> str:
        return self.room.tmux("capture-pane", "-p", "-t", self.name)

    def words(self) -> str:
        return " ".join(word for word in self.screen().split() if word not in "│┃▌▊▎")

    def press(self, *keys: str) -> None:
        """Keys, one after another; the terminal keeps them until the console reads."""
        for key in keys:
            self.room.tmux("send-keys", "-t", self.name, key)

    def type(self, text: str) -> None:
        self.room.tmux("send-keys", "-t", self.name, "-l", text)

    def until(self, words: str) -> None:
        """Wait until these words stand on the screen."""
        self.room.wait(lambda: words in self.words(), lambda: f"{words!r} is not on:\n{self.screen()}")

    def find(self, junction: str) -> None:
        """By its name, on the overview."""
        self.open("/", "junction, street or district")
        self.type(junction)
        self.until(f"] {junction}")
        self.press("Enter")
        self.room.wait(lambda: "▔" not in self.screen(), self.screen)  # the line is closed again

    def open(self, key: str, words: str) -> None:
        """A key, and what it brings."""
        self.press(key)
        self.until(words)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    if shutil.which("tmux") is None:
        pytest.skip(
            "NO TMUX: an operator's shift is not tested on this machine; install it: apt install tmux"
        )
    made = Room(tmp_path)
    try:
        made.ready()
        yield made
    finally:
        made.end()


@pytest.mark.long
def test_a_shift_from_the_first_look_to_the_lockout(room: Room) -> None:
    case = FlagView(
        "f-1", "J4", "walk.ns", "", Kind.BUTTON_DEAD, FlagLife.WITH_A_PERSON, 3, 600_000,
        evidence="no press in three hours", agrees=True,
    )  # fmt: skip
    with room.console("ana") as watcher:
        watcher.look()
        room.wait(lambda: watcher.listen(50) and watcher.view.junctions["J2"].faults, room.said_so_far)
    ana = room.sit("ana")
    finds_the_broken_button_and_reads_why(ana)
    previews_and_sends_a_hold_and_sees_it_end(ana)
    with room.citizen() as citizen:
        citizen.look()
        citizen.tell_cases((case,), ())
        answers_the_flag(ana, citizen)
    two_people_lock_out(room)
    acknowledges_the_alarms(room, ana)
    ana.press("q")
    room.wait(lambda: "ana" not in room.tmux("list-sessions", check=False), ana.screen)
    with room.console("ana") as still:
        assert still.look().junctions, "the station goes on without the console"


def finds_the_broken_button_and_reads_why(ana: Terminal) -> None:
    ana.until("1 detector is")
    ana.find("J2")
    ana.open("Enter", "button.walk.ns")
    ana.until("occupied")
    ana.open("Escape", OVERVIEW)


def previews_and_sends_a_hold_and_sees_it_end(ana: Terminal) -> None:
    ana.open("o", "What shall happen?")
    ana.press("1")
    ana.until("Which stage?")
    ana.press("1")
    ana.until("For how long?")
    ana.press("5")
    ana.type("12s")
    ana.press("Enter")
    ana.until("Why?")
    ana.press("5")
    ana.until("as the station believes")
    ana.press("s")
    ana.until("Done: the lamps prove it.")
    ana.until("ENDED")
    ana.open("Escape", OVERVIEW)


def answers_the_flag(ana: Terminal, citizen: CitizenConsole) -> None:
    ana.open("f", "no press in three hours")
    ana.press("r")
    ana.until("Reject this case?")
    ana.press("2")

    def heard() -> bool:
        citizen.listen(50)
        return bool(citizen.acts)

    ana.room.wait(heard, ana.screen)
    (act,) = citizen.acts
    assert (act.flag, act.action, act.issuer) == ("f-1", FlagAction.REJECT, "ana")
    ana.open("Escape", OVERVIEW)


def two_people_lock_out(room: Room) -> None:
    with room.console("sam") as console:
        layout = next(j for j in console.layout().junctions if j.name == "J1")
    at = [offer.command for offer in offers(Role.SUPERVISOR, layout)].index(Command.LOCKOUT)
    sam, sue = room.sit("sam"), room.sit("sue")
    sam.find("J1")
    sam.open("o", "What shall happen?")
    sam.press(*["Down"] * at, "Enter")
    sam.until("For how long?")
    sam.press("1")
    sam.until("Why?")
    sam.press("3")
    sam.until("needs a second person")
    sam.press("s")
    sam.until("Nothing has changed on the street.")
    digest = ""
    with room.console("sam") as console:
        (waits,) = [o for o in console.look().orders.values() if o.state == "requested"]
        digest = waits.digest.hex()
    sue.open("l", "WAITS for a second person")
    sue.open("Enter", f"{digest[:4]} {digest[4:8]}")
    sue.press("A")
    sam.until("Done: the lamps prove it.")


def acknowledges_the_alarms(room: Room, ana: Terminal) -> None:
    """Those nobody has seen stand first, so the first one is acknowledged until there is none."""
    ana.open("a", "nobody has seen")
    with room.console("ana") as console:
        console.look()

        def new() -> set[str]:
            console.listen(50)
            return {a.alarm for a in console.view.alarms.values() if not a.acknowledged and not a.suspended}

        def fewer() -> bool:
            """The list may be sorted anew between the two keys: then they are pressed once more."""
            before = new()
            if before:
                ana.press("Home", "k")
                end_s = time.monotonic() + 3
                while time.monotonic() < end_s and new() == before:
                    time.sleep(0.1)
            return not new()

        room.wait(fewer, ana.screen)
    ana.until("0 nobody has seen")
    ana.open("Escape", OVERVIEW)
