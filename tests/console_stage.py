"""A console on paper for tests: run it headless, press keys, read what stands on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot

from override.roles import Role
from tests.paper_pictures import NOW_S, PaperWire, city
from tui.app import BelishaConsole
from tui.looks import Look


class Stage:
    """A console over a wire of paper, and a clock that stands until it is moved."""

    def __init__(
        self, junctions: int = 24, role: Role = Role.OPERATOR, look: Look | None = None, **changes: Any
    ) -> None:
        self.now_s = NOW_S
        self.wire = PaperWire(city(junctions))
        if changes:
            self.wire.tell(**changes)
        self.app = BelishaConsole(self.wire, "ana", role, now_s=lambda: self.now_s, look=look or Look())
        self.pilot: Pilot[None]

    def play(
        self,
        story: Callable[[Stage], Awaitable[None]],
        columns: int = 120,
        rows: int = 40,
        settle_s: float = 0.0,
    ) -> None:
        """Run the story to its end."""

        async def run() -> None:
            async with self.app.run_test(size=(columns, rows), notifications=True) as pilot:
                self.pilot = pilot
                await self.settled()
                await story(self)

        asyncio.run(run())

    async def press(self, *keys: str) -> None:
        """Keys, one after another, until the screen shows what they brought about."""
        await self.pilot.press(*keys)
        await self.settled()

    async def settled(self) -> None:
        """Wait until nothing is left to be done or drawn."""
        await self.pilot.pause(0.02)
        await self.pilot.pause()

    async def later(self, seconds: float) -> None:
        """Time goes on, and nothing comes."""
        self.now_s += seconds
        self.app._second()
        await self.settled()

    async def tell(self, **changes: Any) -> None:
        """Something comes from the station, now."""
        self.wire.tell(**{"heard_s": self.now_s, **changes})
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
