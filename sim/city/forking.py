"""A copy of a living city, taken while it lives: for training on what is going on just now.

Whoever may write beside the station's file asks by a wish, a file of its own; the street's process looks
for one once a street second. It forks for a moment, so that no lamp waits: the child lets go of every line,
writes the people, what moves them and the sensors into a file only its owner reads, and is gone. Lamps,
orders and keys are not in it: a copy can never be taken for the street, nor reach it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from override.forking import Places, Played

if TYPE_CHECKING:
    from sim.city.world import World

LOOK_EVERY_MS = 1000
_FIRST_FREE = 3


class Forks:
    """The street's side: `look` is called after every tick."""

    def __init__(self, places: Places, played: Played) -> None:
        self._places = places
        self._looked_ms = -LOOK_EVERY_MS
        self._child = 0
        with suppress(OSError):
            places.wish.unlink()
        with suppress(OSError):  # a full disk takes a training, not a street
            places.played.write_text(json.dumps(asdict(played)), encoding="utf-8")

    def look(self, world: World) -> None:
        """Whether somebody wishes a copy; waits for nobody."""
        if 0 <= world.now_ms - self._looked_ms < LOOK_EVERY_MS:
            return
        self._looked_ms = world.now_ms
        if self._child:
            with suppress(ChildProcessError):
                if os.waitpid(self._child, os.WNOHANG) == (0, 0):
                    return
            self._child = 0
        if not self._places.wish.exists():
            return
        try:
            self._places.wish.unlink()
            self._child = os.fork()
        except OSError:
            return  # no room for it just now: who wishes hears so by the silence
        if self._child == 0:
            _write_and_leave(world, self._places.copy)


def _write_and_leave(world: World, path: Path) -> None:
    """In the child: it must hold no line open, or nobody would notice the street's own end."""
    code = 1
    try:
        os.closerange(_FIRST_FREE, os.sysconf("SC_OPEN_MAX"))
        os.umask(0o077)
        os.nice(10)
        world.snapshot_of_street().save(path)
        code = 0
    finally:
        os._exit(code)
