"""A console on paper for tests: run it headless, press keys, read what stands on the screen."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any, Self

from textual import events
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot

from override.roles import Role
from tests.paper_pictures import NOW_S, PaperWire, city
from tui.app import BelishaConsole
from tui.dialog import Dialog
from tui.looks import Look

ROUNDS_MAX = 2_000
TURNS = 4
"""Of the event loop in a round, so that what was answered reaches who waits for the answer."""
QUIET_ROUNDS = 2
"""So often in a row nothing may be left to do."""


def key_event(key: str) -> events.Key:
    """A key by its name or its character, as a terminal would send it."""
    name = key if len(key) > 1 or key.isalnum() else _character_to_key(key)
    try:
        character = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(name, name)))
    except KeyError:
        character = key if len(key) == 1 else None
    return events.Key(name, character)


class Played:
    """A console that is run headless, pressed and read."""

    def __init__(self, app: BelishaConsole) -> None:
        self.app = app
        self.pilot: Pilot[None]

    def play(self, story: Callable[[Self], Awaitable[None]], columns: int = 120, rows: int = 40) -> None:
        """Run the story to its end."""

        async def run() -> None:
            async with self.app.run_test(size=(columns, rows), notifications=True) as pilot:
                self.pilot = pilot
                await self.settled()
                await story(self)

        asyncio.run(run())

    async def press(self, *keys: str) -> None:
        """Keys, one after another, until the screen shows what they brought about."""
        for key in keys:
            self._send(key)
            await self.settled()

    async def press_at_once(self, *keys: str) -> None:
        """All of them before the console has looked at the first."""
        for key in keys:
            self._send(key)
        await self.settled()

    def _send(self, key: str) -> None:
        driver, event = self.app._driver, key_event(key)
        assert driver is not None
        event.set_sender(self.app)
        driver.send_message(event)

    async def settled(self) -> None:
        """Wait until nothing is left to be done or drawn: for messages and redraws, never for a time."""
        quiet = 0
        for _ in range(ROUNDS_MAX):
            await self.pilot._wait_for_screen()
            for _ in range(TURNS):
                await asyncio.sleep(0)
            screen = self.app.screen
            screen._on_timer_update()
            pumps = [self.app, *screen.walk_children(with_self=True)]
            busy = screen._callbacks or any(p._message_queue.qsize() or p._next_callbacks for p in pumps)
            quiet = 0 if busy else quiet + 1
            if quiet > QUIET_ROUNDS:
                return
        raise AssertionError("the console does not come to rest")

    async def resize(self, columns: int, rows: int) -> None:
        """The window is given another size."""
        await self.pilot.resize_terminal(columns, rows)
        await self.settled()

    async def look(self) -> None:
        """The dialog in front looks at the street, as it does by itself a few times a second."""
        screen = self.app.screen
        assert isinstance(screen, Dialog)
        screen._look()
        await self.settled()

    def lines(self) -> list[str]:
        """What stands on the screen, row by row."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]

    def shows(self, words: str) -> bool:
        """Whether these words stand on one row of the screen."""
        return any(words in line for line in self.lines())

    def words(self) -> str:
        """All of the screen with single blanks, so that words broken over rows of a part are found."""
        return " ".join(" ".join(self.lines()).split())


class Stage(Played):
    """A console over a wire of paper, and a clock that stands until it is moved."""

    def __init__(
        self, junctions: int = 24, role: Role = Role.OPERATOR, look: Look | None = None, **changes: Any
    ) -> None:
        self.now_s = NOW_S
        self.wire = PaperWire(city(junctions))
        if changes:
            self.wire.tell(**changes)
        super().__init__(
            BelishaConsole(self.wire, "ana", role, now_s=lambda: self.now_s, look=look or Look())
        )

    async def later(self, seconds: float) -> None:
        """Time goes on, and nothing comes."""
        self.now_s += seconds
        self.app._second()
        await self.settled()

    async def tell(self, **changes: Any) -> None:
        """Something comes from the station, now."""
        self.wire.tell(**{"heard_s": self.now_s, **changes})
        await self.settled()
