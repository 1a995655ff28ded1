"""What must not happen at a console: orders from the past, orders by one key."""

from __future__ import annotations

from dataclasses import replace

from override.flag_messages import FlagAction
from override.requests import AlarmAction
from override.roles import Command, Role
from tests.console_stage import Stage
from tests.test_console_orders import PaperStation, chosen, said, to_preview
from tui.doors import DOORS
from tui.offers import REASONS
from tui.order_dialog import OrderDialog


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


def test_who_types_ahead_answers_each_question_with_the_key_that_was_meant_for_it() -> None:
    async def story(stage: Stage) -> None:
        PaperStation(stage)
        chosen(stage)
        await stage.press("o")
        await stage.press_at_once("1", "2", "5")
        await stage.press_at_once(*"14s")
        await stage.press("enter")
        await stage.press_at_once("5", "1", "2")
        dialog = stage.app.screen
        assert isinstance(dialog, OrderDialog)
        draft = dialog.draft()
        assert draft is not None
        assert (draft.stage, draft.lease_ms, draft.reason) == ("ns.left", 14_000, REASONS[4])

    Stage(12).play(story, 100, 30)


def test_no_single_key_anywhere_sends_anything_but_a_release_of_ones_own() -> None:
    """Every key that means something behind each door, and those that answer lists: nothing goes out that is
    not looked at first. A screen that shows something else after a key is left and opened anew for the next.
    """

    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        for door in ("", "enter", "o", "l", "a", "f", "exclamation_mark"):
            shown = await behind(stage, door)
            keys = {*stage.app.screen.active_bindings, "1", "enter", "space", "backspace"}
            for key in sorted(keys - ELSEWHERE):
                await stage.press(key)
                assert not station.approvals, (door, key)
                for what in station.orders:
                    mine = what["command"] is Command.RELEASE or what["renew"]
                    assert mine, (door, key, what)
                    assert what["order"] == "o-17"
                assert set(station.acts) <= TAKEN_BACK, (door, key)
                station.orders.clear()
                if stage.lines() != shown:
                    shown = await behind(stage, door)

    Stage(12, Role.SUPERVISOR).play(story, columns=80, rows=24)


ELSEWHERE = {door.key for door in DOORS} | {"q", "ctrl+q", "ctrl+c", "ctrl+p", "f2", "question_mark", "enter"}
"""They open what is looked at by itself, or leave the console, which ends nothing."""


TAKEN_BACK = {AlarmAction.ACKNOWLEDGE, AlarmAction.RESUME, FlagAction.ACCEPT}
"""What may be done to an alarm or a flag by one key: it comes back by itself, or a remedy that is ended."""


async def behind(stage: Stage, door: str) -> list[str]:
    """What stands on the screen when only this door was opened, with a junction chosen."""
    while len(stage.app.screen_stack) > 2:
        stage.app.pop_screen()
    stage.app._notifications.clear()
    stage.app._refresh_notifications()
    chosen(stage)
    await stage.press(*([door] if door else []))
    return stage.lines()
