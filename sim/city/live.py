"""A city played in front of somebody: on a terminal with a picture that moves, else in silence.

The world is the same either way, and so is what happens in it; only the pace differs.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from controller.decision_log import DecisionLog
from controller.explain import explain
from sim.city.live_view import draw, look
from sim.city.measuring.measured_run import Watched
from sim.city.measuring.measures import CityMeasures, measure
from sim.city.measuring.run_tables import tables_of
from sim.city.measuring.watch import Clock
from sim.city.pace import Pace
from sim.city.world import World

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sim.city.load import City

PICTURES_PER_S = 4.0
SPEEDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 0.0)
"""What + and - step through; 0 = as fast as it can."""

Keys = Callable[[], str]
"""The key pressed since the last call, empty for none."""


class Stopped(Exception):
    """Somebody has seen enough."""


def played(city: City, controller: str | None, end_ms: int) -> CityMeasures:
    """A run until `end_ms` as fast as it can, measured; None for each signal's own fixed program."""
    world = World(city, controller)
    watched = Watched(world)
    world.run_until(end_ms)
    return measured(watched)


def play_live(
    city: City, controller: str, console: Console, speed: float, keys: Keys
) -> tuple[CityMeasures, int]:
    """The run on a screen, until it ends or somebody stops it; its measures and when it ended, in ms.

    `q` and Ctrl-C stop, space pauses, + and - change the speed.
    """
    from rich.live import Live

    world = World(city, controller)
    watched = Watched(world)
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        show = _Show(world, watched, speed, keys, lambda picture: live.update(picture, refresh=True))
        try:
            world.run(show.pace, show.tick)
        except (Stopped, KeyboardInterrupt):
            world.run_until(-(-world.now_ms // 1000) * 1000)
    return measured(watched), world.time_ms


class _Show:
    """What happens between two ticks: keys, and now and then a new picture."""

    def __init__(
        self,
        world: World,
        watched: Watched,
        speed: float,
        keys: Keys,
        update: Callable[[RenderableType], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pace = Pace(speed)
        self.watched, self.keys, self.update, self.now_s = watched, keys, update, now_s
        assert world.controller is not None, "a show has a controller to explain"
        self.log = DecisionLog(world.controller)
        self.why = ""
        self.paused = False
        self._shown_s = float("-inf")

    def tick(self, world: World) -> None:
        """Called after every tick of the controller. Raises Stopped."""
        decisions = self.log.observe(world.now_ms)
        if decisions:
            self.why = explain(decisions[-1], world.city.network, "operator")
        due = self.now_s() - self._shown_s >= 1.0 / PICTURES_PER_S
        if due:
            self._picture(world)
            self._heed(self.keys(), world)
        while self.paused:
            time.sleep(1.0 / PICTURES_PER_S)
            self._heed(self.keys(), world)
            self._picture(world)

    def _picture(self, world: World) -> None:
        self._shown_s = self.now_s()
        self.update(draw(look(world, self.watched.watch), self.pace.speed, self.paused, self.why))

    def _heed(self, key: str, world: World) -> None:
        if key in ("q", "Q", "\x03"):
            raise Stopped
        if key == " ":
            self.paused = not self.paused
            self.pace.set_speed(self.pace.speed, world.now_ms)
        if key in ("+", "=", "-"):
            at = SPEEDS.index(self.pace.speed) if self.pace.speed in SPEEDS else 0
            at = min(max(at + (-1 if key == "-" else 1), 0), len(SPEEDS) - 1)
            self.pace.set_speed(SPEEDS[at], world.now_ms)


def measured(watched: Watched) -> CityMeasures:
    """The measures of a run up to where it has come."""
    world, watch = watched.world, watched.watch
    watch.clock = Clock(world.city.begin_ms, world.time_ms)
    minutes = {name: rows[: watch.clock.minutes] for name, rows in watch.notes._asdict().items()
                if name.startswith("minute_")}  # fmt: skip
    watch.notes = watch.notes._replace(**minutes)
    simulated_s = (world.time_ms - world.city.begin_ms) // 1000
    gridlock = bool(watch.notes.gridlock[0])
    return measure(tables_of(watched.truth()), world.city.roads.districts, simulated_s, gridlock)


@contextmanager
def terminal_keys() -> Iterator[Keys]:
    """Single keys from the terminal while the block runs; none where there is no terminal."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed() -> str:
        ready, _, _ = select.select([descriptor], [], [], 0)
        return os.read(descriptor, 1).decode("latin-1") if ready else ""

    try:
        tty.setcbreak(descriptor)
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
