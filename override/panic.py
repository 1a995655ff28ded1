"""The panic switch: all red for whoever may open one file on this machine, with no network and no login.

IEC 62443 SR 1.1: an emergency action must not be hindered by authentication. The door is a
local socket in a folder of its owner; what comes through it is bounded and recorded.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from controller.file_words import why_not

MESSAGE_BYTES = 4096
KNOCKS_PER_TURN = 5
WAITING_MAX = 16
DOOR = "panic.sock"


class PanicError(ValueError):
    """A door that cannot be opened or is not there; one line naming it."""


class PanicDoor:
    """The station's side. Raises PanicError when the place cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
                raise PanicError(f"{path}: is there already, and is no socket")
            path.unlink(missing_ok=True)
            with ExitStack() as unless_open:
                self._door = unless_open.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
                before = os.umask(0o177)
                try:
                    self._door.bind(str(path))
                finally:
                    os.umask(before)
                self._door.listen(WAITING_MAX)
                unless_open.pop_all()
        except OSError as error:
            raise PanicError(f"{path}: no panic switch can be opened there ({why_not(error)})") from None
        self._door.setblocking(False)
        self._guests: list[socket.socket] = []

    def serve(self, panic: Callable[[tuple[str, ...]], str]) -> None:
        """Do what those at the door ask for, and tell them. Waits for nobody."""
        for _ in range(KNOCKS_PER_TURN):
            try:
                guest, _ = self._door.accept()
            except (BlockingIOError, OSError):
                break
            guest.setblocking(False)
            self._guests.append(guest)
        for guest in self._guests[:]:
            try:
                words = guest.recv(MESSAGE_BYTES)
                if words:
                    answer = panic(tuple(words.decode(errors="replace").split("\0")))
                    guest.send(answer.encode()[:MESSAGE_BYTES])
            except BlockingIOError:
                continue  # he has not said anything yet
            except OSError:
                pass
            self._guests.remove(guest)
            guest.close()
        while len(self._guests) > WAITING_MAX:
            self._guests.pop(0).close()

    def close(self) -> None:
        """Shut it and take the file away."""
        for made in (*self._guests, self._door):
            made.close()
        self.path.unlink(missing_ok=True)


def panic(path: Path, junctions: tuple[str, ...], timeout_s: float = 3.0) -> str:
    """Ask for all red at these junctions; gives the station's answer. Raises PanicError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.settimeout(timeout_s)
        try:
            door.connect(str(path))
            door.send("\0".join(junctions).encode())
            answer = door.recv(MESSAGE_BYTES).decode(errors="replace")
        except OSError as error:
            raise PanicError(f"{path}: no station answers there ({why_not(error)})") from None
    if not answer.startswith("all red"):
        raise PanicError(answer or f"{path}: the station gave no answer")
    return answer
