"""Pictures of the console's two main screens, with colours and without any, on the two usual sizes.

After a wanted change: `python -m pytest tests/test_console_pictures.py --snapshot-update`, and look at them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.console_stage import Stage
from tui.looks import PLAIN_THEME, Look

SIZES = ((80, 24), (120, 40))
LOOKS = {"colour": Look(), "none": Look(PLAIN_THEME, no_colour=True)}
SCREENS = {"city": ("n",), "junction": ("n", "n", "enter")}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_did(
    screen: str, size: tuple[int, int], look: str, snap_compare: Callable[..., bool]
) -> None:
    stage = Stage(look=LOOKS[look])
    assert snap_compare(stage.app, terminal_size=size, press=SCREENS[screen])


def test_without_colour_no_colour_is_sent() -> None:
    async def story(stage: Stage) -> None:
        await stage.press("n")
        strips = stage.app.screen._compositor.render_strips()
        colours = {
            style.color.name
            for strip in strips
            for _, style, _ in strip
            if style is not None and style.color is not None
        }
        assert colours <= {"default"}

    Stage(look=LOOKS["none"]).play(story, columns=80, rows=24)
