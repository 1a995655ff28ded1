"""What must not happen at a console: orders from the past, orders by one key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from override.roles import Command, Role
from tests.console_stage import Stage
from tests.test_console_orders import PaperStation, chosen, said, to_preview


def test_a_stale_screen_sends_nothing_and_says_why() -> None:
    async def story(stage: Stage) -> None:
        station = await to_preview(stage)
        await stage.later(2.6)
        await stage.press("s")
        assert not station.orders
        assert "an order needs one of the last 2 s" in said(stage)
        await stage.later(2.0)
        await stage.press("s")
        assert not station.orders
        assert "the station is silent" in said(stage)

    Stage(12).play(story, 100, 30)


def test_a_street_that_changed_since_the_preview_is_previewed_again_first() -> None:
    async def story(stage: Stage) -> None:
        station = await to_preview(stage)
        name = stage.app.chosen
        junctions = dict(stage.wire.sight.junctions)
        junctions[name] = replace(junctions[name], version=8, rung=2)
        await stage.tell(junctions=junctions)
        await stage.press("s")
        assert not station.orders
        assert "changed (now rung 2, no order acts)" in said(stage)
        await stage.press("p", "s")
        assert station.orders[0]["basis"] == (8,)

    Stage(12).play(story, 100, 30)


@pytest.mark.long
def test_no_single_key_anywhere_sends_anything_but_a_release_of_ones_own() -> None:
    """Every key that means something, behind each door: nothing goes out that is not looked at first."""
    keys = [*"aAdDeErRsSxXuUyYnp1!", "enter", "space"]
    keys = [{"!": "exclamation_mark", "/": "slash", "+": "plus", "-": "minus"}.get(k, k) for k in keys]
    doors = ["", "o", "l", "f", "exclamation_mark"]

    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        for door in doors:
            for key in keys:
                if key == "q":
                    continue  # it leaves the console, which ends nothing
                while len(stage.app.screen_stack) > 2:
                    stage.app.pop_screen()
                chosen(stage)
                await stage.pilot.press(*([door] if door else []), key)
            await stage.settled()
            for what in station.orders:
                mine = what["command"] is Command.RELEASE or what["renew"]
                assert mine, (door, what)
                assert what["order"] == "o-17"
            assert not station.approvals

    Stage(12, Role.SUPERVISOR).play(story, columns=80, rows=24)
