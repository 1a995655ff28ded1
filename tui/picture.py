"""A picture of the overview as SVG: taken without a terminal, from whatever station the console calls."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from tui.app import BelishaConsole
from tui.model import Contact

COLUMNS, ROWS = 120, 36
WAIT_S, STEP_S = 30.0, 0.2
SETTLE_S = 3.0
"""Long enough for the chosen junction to be heard of from near."""


class NoPicture(RuntimeError):
    """There was nothing to be seen; one line saying why."""


def take_picture(console: BelishaConsole, file: Path) -> None:
    """Choose what is most urgent, and write what is then to be seen. Raises NoPicture when nobody answers."""
    trouble = ""

    async def look(pilot: Pilot[object]) -> None:
        nonlocal trouble
        waited_s = 0.0
        while console.sight.contact is not Contact.LIVE and waited_s < WAIT_S:
            await asyncio.sleep(STEP_S)
            waited_s += STEP_S
        if console.sight.contact is Contact.LIVE:
            await pilot.press("n")
            await asyncio.sleep(SETTLE_S)
            file.write_text(console.export_screenshot(title="belisha console"), encoding="utf-8")
        else:
            trouble = console.sight.trouble or "the station does not answer"
        console.wire.stop()
        console.exit()

    console.run(headless=True, size=(COLUMNS, ROWS), auto_pilot=look)  # type: ignore[arg-type]
    if trouble:
        raise NoPicture(f"no picture: {trouble}")
