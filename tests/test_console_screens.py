"""Alarms, flags, events, audit, fairness, time-space, tour and training: what stands there, and the keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from override.deploy_messages import Versions
from override.flag_messages import Channel, FlagAction, FlagLife, FlagReply, FlagRequest, Kind
from override.refused import Refused
from override.requests import AlarmAction
from override.roles import Command, Role
from override.views import AlarmView, AuditPage, AuditRow, Event, Outcome, Reply, Urgency
from tests.console_stage import Stage
from tests.paper_pictures import BOOT, NOW_MS
from tests.test_console_orders import VERSIONS
from tui.app import BelishaConsole
from tui.doors import DOORS
from tui.flags_screen import FlagsScreen
from tui.looks import Look
from tui.order_dialog import OrderDialog
from tui.rows import Rows
from tui.tour import STEPS


class PaperDesk:
    """Keeps what people do with alarms and flags."""

    def __init__(self, stage: Stage) -> None:
        self.acts: list[tuple[Any, ...]] = []
        self.events: tuple[Event, ...] = ()
        self.pages: dict[int, AuditPage] = {}
        self.asked_before: list[int] = []
        stage.wire._answer = lambda job: job(self)

    def act_on_alarm(self, alarm: str, action: AlarmAction, for_ms: int = 0, reason: str = "") -> Reply:
        self.acts.append((alarm, action, for_ms, reason))
        return Reply(bytes(32), Outcome.DONE)

    def act_on_flag(self, flag: str, action: FlagAction, reason: str = "") -> Reply:
        self.acts.append((flag, action, reason))
        return Reply(bytes(32), Outcome.DONE)

    def earlier(self, before: int = 0, junction: str = "") -> tuple[Event, ...]:
        self.asked_before.append(before)
        return self.events

    def versions(self, number: int = 0) -> Versions:
        return VERSIONS

    def audit(self, before: int = 0, order: str = "") -> AuditPage:
        self.asked_before.append(before)
        if before not in self.pages:
            raise Refused("role", "a role of operator may not read the audit")
        return self.pages[before]

    def preview(self, **what: Any) -> None:
        raise Refused("topic", "no previews")


def said(stage: Stage) -> str:
    return " ".join(word for word in stage.words().split() if word not in "│┃▌▊▎")


def test_an_alarm_is_acknowledged_suspended_for_a_time_with_a_reason_and_woken() -> None:
    async def story(stage: Stage) -> None:
        desk = PaperDesk(stage)
        await stage.press("a")
        assert "1 nobody has seen" in said(stage)
        await stage.press("k")
        assert desk.acts == [("x1", AlarmAction.ACKNOWLEDGE, 0, "")]
        await stage.press("s")
        assert "For how long?" in said(stage)
        await stage.press("escape")
        assert len(desk.acts) == 1
        await stage.press("s", "2", "1")
        alarm, action, for_ms, reason = desk.acts[1]
        assert (alarm, action, for_ms) == ("x1", AlarmAction.SUSPEND, 3_600_000)
        assert reason
        alarms = dict(stage.wire.sight.alarms)
        alarms["x1"] = replace(
            alarms["x1"], suspended=True, acknowledged=True, by="ana", until_ms=NOW_MS + 3_600_000
        )
        await stage.tell(alarms=alarms)
        assert "conflicting lamps" not in said(stage), "suspended ones are not among the open ones"
        await stage.press("v")
        assert "suspended, 1 h left" in said(stage)
        await stage.press("w")
        assert desk.acts[2][:2] == ("x1", AlarmAction.RESUME)

    Stage(12).play(story, 100, 30)


def test_alarms_are_filtered_by_words_and_nobodys_come_first() -> None:
    async def story(stage: Stage) -> None:
        name = next(iter(stage.wire.sight.layouts))
        more = AlarmView("x9", name, "L2", Urgency.NOW, "detector stuck", True, True, False, NOW_MS - 10)
        await stage.tell(alarms={**stage.wire.sight.alarms, "x9": more})
        await stage.press("a")
        keys = [row.key for row in stage.app.screen.query_one(Rows).rows_shown]
        assert keys[0] == "x1"
        await stage.press("slash", *"stuck")
        assert [row.key for row in stage.app.screen.query_one(Rows).rows_shown] == ["x9"]
        await stage.press("escape")
        assert len(stage.app.screen.query_one(Rows).rows_shown) == 3

    Stage(12).play(story, 100, 30)


def test_the_cursor_stays_on_its_alarm_when_the_list_moves_under_it() -> None:
    async def story(stage: Stage) -> None:
        await stage.press("a", "down")
        table = stage.app.screen.query_one(Rows)
        assert table.chosen == "x2"
        name = next(iter(stage.wire.sight.layouts))
        more = AlarmView("x0", name, "C1", Urgency.NOW, "new and urgent", True, False, False, NOW_MS)
        await stage.tell(alarms={"x0": more, **stage.wire.sight.alarms})
        assert [row.key for row in table.rows_shown][:2] == ["x1", "x0"]
        assert table.chosen == "x2"

    Stage(12).play(story, 100, 30)


def test_flags_stand_most_urgent_first_with_their_evidence_and_a_person_answers_with_a_reason() -> None:
    async def story(stage: Stage) -> None:
        desk = PaperDesk(stage)
        await stage.press("f")
        screen = stage.app.screen
        assert isinstance(screen, FlagsScreen)
        assert [row.key for row in screen.query_one(Rows).rows_shown] == ["f2", "f1"]
        assert "walk green with cars" in said(stage)
        await stage.press("down")
        assert "the signal's record AGREES: no press in 3 h" in said(stage)
        assert "4 reports of the same" in said(stage)
        assert "the walk comes without a press" in said(stage)
        await stage.press("r")
        assert not desk.acts
        await stage.press("escape", "r", "2")
        assert desk.acts.pop()[:2] == ("f1", FlagAction.REJECT)
        await stage.press("c", "1")
        assert desk.acts.pop()[:2] == ("f1", FlagAction.CREW_SENT)
        flags = dict(stage.wire.sight.flags)
        flags["f1"] = replace(flags["f1"], crew="sent")
        await stage.tell(flags=flags)
        await stage.press("c", "1")
        assert desk.acts.pop()[:2] == ("f1", FlagAction.CREW_ON_SITE)
        await stage.press("m", "1")
        assert desk.acts.pop()[:2] == ("f1", FlagAction.END_REMEDY)
        await stage.press("x", "1")
        flag, action, reason = desk.acts.pop()
        assert (flag, action) == ("f1", FlagAction.FIXED)
        assert reason

    Stage(12).play(story, 120, 40)


def test_a_flag_becomes_an_order_with_what_fits_the_complaint() -> None:
    async def story(stage: Stage) -> None:
        PaperDesk(stage)
        await stage.press("f", "down", "p")
        dialog = stage.app.screen
        assert isinstance(dialog, OrderDialog)
        draft = dialog.draft()
        assert draft is not None
        assert (draft.command, draft.group) == (Command.CALL, "walk.east")
        assert draft.junctions == (stage.wire.sight.flags["f1"].junction,)

    Stage(12).play(story, 100, 30)


def test_closed_cases_are_shown_only_when_asked_for() -> None:
    async def story(stage: Stage) -> None:
        flags = {k: replace(f, life=FlagLife.FIXED) for k, f in stage.wire.sight.flags.items()}
        await stage.tell(flags=flags)
        await stage.press("f")
        assert not stage.app.screen.query_one(Rows).rows_shown
        await stage.press("v")
        assert len(stage.app.screen.query_one(Rows).rows_shown) == 2

    Stage(12).play(story, 100, 30)


def test_a_callers_flag_is_one_flag_and_asks_nothing_about_the_caller() -> None:
    sent: list[FlagRequest] = []

    def hand_in(request: FlagRequest) -> FlagReply:
        sent.append(request)
        return FlagReply(request.nonce, True, "tok-1", life=FlagLife.KNOWN, known_ms=600_000, remedy="recall")

    async def story(stage: Stage) -> None:
        stage.app.hand_in_flag = hand_in
        await stage.press("f", "n", "4", "enter")
        await stage.press(*"dead", "enter")
        for _ in range(100):
            if "tok-1" in said(stage):
                break
            await stage.pilot.pause(0.05)
        assert "It has been known for 10 min" in said(stage)
        assert "recall" in said(stage)
        (request,) = sent
        assert (request.kind, request.channel, request.words) == (Kind.BUTTON_DEAD, Channel.OPERATOR, "dead")
        assert request.signal == stage.app.chosen

    Stage(12).play(story, 100, 30)


def events(count: int, first: int = 100) -> tuple[Event, ...]:
    kinds = ("order", "alarm", "rung")
    return tuple(
        Event(
            BOOT, n, NOW_MS - 1000 * (first + count - n), 1_780_000_000_000 + 1000 * n, kinds[n % 3], "",
            f"thing {n}",
        )
        for n in range(first, first + count)
    )  # fmt: skip


def test_the_tail_follows_until_somebody_looks_up_and_can_be_searched() -> None:
    async def story(stage: Stage) -> None:
        desk = PaperDesk(stage)
        await stage.tell(events=events(60))
        await stage.press("e")
        assert stage.shows("thing 159")
        await stage.tell(events=events(61))
        assert stage.shows("thing 160"), "it follows"
        await stage.press("home")
        assert stage.shows("thing 100")
        await stage.tell(events=events(62))
        assert stage.shows("thing 100")
        assert "stopped here" in said(stage)
        await stage.press("end")
        assert stage.shows("thing 161")
        await stage.press("k")
        assert "alarm only" in said(stage)
        await stage.press("k", "k", "k", "slash", *"thing 133", "enter")
        assert "Events: 1 of 62" in said(stage)
        await stage.press("escape")
        desk.events = events(5, first=95)
        await stage.press("b")
        assert desk.asked_before == [100]
        assert "67 of 67" in said(stage)

    Stage(12).play(story, 100, 30)


def test_the_audit_says_whether_its_chain_holds_and_who_may_not_read_it() -> None:
    async def story(stage: Stage) -> None:
        desk = PaperDesk(stage)
        await stage.press("U")
        assert "may not read the audit" in said(stage)
        await stage.press("escape")
        rows = tuple(AuditRow(k, 1_780_000_000_000, "ole", "hold at J1", f"o-{k}", "") for k in (9, 8, 7))
        desk.pages = {0: AuditPage(bytes(16), rows, True), 7: AuditPage(bytes(16), rows[:1], False)}
        await stage.press("U")
        assert "The chain of these holds." in said(stage)
        assert "hold at J1" in said(stage)
        await stage.press("b")
        assert desk.asked_before[-1] == 7
        assert "THE CHAIN IS BROKEN" in said(stage)

    Stage(12, Role.AUDITOR).play(story, 100, 30)


def test_every_screen_of_a_training_fits_the_smallest_terminals_and_says_that_it_is_no_street() -> None:
    """Nothing is drawn beyond the edges, and nothing fails when it is narrow or changes while open."""
    small, tiny = (60, 15), (30, 8)

    async def story(stage: Stage) -> None:
        PaperDesk(stage)
        stage.app.choose(list(stage.wire.sight.layouts)[2])
        await stage.pilot.resize_terminal(*small)
        for number, door in enumerate(DOORS):
            stage.app.plain = number % 2 == 1
            await stage.press(door.key)
            assert type(stage.app.screen).__name__ == door.screen
            for columns, rows in (tiny, small):
                await stage.resize(columns, rows)
                lines = stage.lines()
                assert [cell_len(line) for line in lines] == [columns] * rows, door
                assert "TRAINING" in lines[0], door
            await stage.press("escape")
            assert len(stage.app.screen_stack) == 2, door
        assert "ends with this console" in stage.app.farewell(), "no street goes on without it"

    stage = Stage(12)
    stage.app = BelishaConsole(stage.wire, "ana", Role.OPERATOR, lambda: stage.now_s, Look(), training=True)
    stage.play(story, *small)


def test_what_is_of_the_past_is_called_so() -> None:
    async def story(stage: Stage) -> None:
        PaperDesk(stage)
        stage.app.choose(list(stage.wire.sight.layouts)[2])
        await stage.later(60)
        for key, words in (("y", "This is the past"), ("t", "THE PAST")):
            await stage.press(key)
            assert words in said(stage)
            await stage.press("escape")

    Stage(12).play(story, 100, 30)


def test_fairness_tells_of_everybody_and_of_who_waits_longest() -> None:
    async def story(stage: Stage) -> None:
        pulse = stage.wire.sight.pulse
        assert pulse is not None
        worse = replace(
            pulse.districts[0], modes=tuple(replace(m, mean_wait_ms=3 * m.mean_wait_ms) for m in pulse.modes)
        )
        await stage.tell(pulse=replace(pulse, districts=(worse, *pulse.districts[1:])))
        await stage.press("y")
        assert f"in {worse.district} wait 3.0 times as long" in said(stage)
        assert "Promised, from the call to the green or walk" in said(stage)

    Stage(12).play(story, 120, 50)


def test_the_policy_in_force_says_who_decided_it_and_what_it_brings_in_each_district() -> None:
    async def story(stage: Stage) -> None:
        desk = PaperDesk(stage)
        await stage.press("w")
        words = said(stage)
        assert "a bus counts as 45 people" in words
        assert "glow: 2" in words, "a weight this console does not know yet"
        assert "version 2, by eng and sam, 28 May 2026" in words
        assert "because: the council weighed buses anew" in words
        assert "policy: persons_per_bus 30 becomes 45" in words
        assert "version 1, former" in words
        assert all(district in words for district in ("Northbank", "Old Town", "Docks", "Hillside"))

        def told(number: int = 0) -> Versions:
            raise Refused("topic", "no versions")

        desk.versions = told  # type: ignore[method-assign]
        await stage.press("r")
        assert "does not tell who decided: no versions" in said(stage)

    Stage(12).play(story, 120, 50)


def test_the_time_space_screen_asks_to_be_told_of_its_whole_chain() -> None:
    async def story(stage: Stage) -> None:
        names = list(stage.wire.sight.layouts)
        stage.app.choose(names[2])
        await stage.press("t")
        assert names[2] in stage.wire.watched[-1]
        assert len(stage.wire.watched[-1]) > 2
        assert "green" in said(stage)
        await stage.press("escape")
        assert stage.wire.watched[-1] == (names[2],)

    Stage(12).play(story, 120, 40)


def test_the_tour_goes_on_when_the_thing_is_done_and_changes_nothing() -> None:
    async def story(stage: Stage) -> None:
        desk = PaperDesk(stage)
        await stage.press("f2")
        assert "Tour 1/" in said(stage)
        await stage.press("f2")
        stage.app.choose(list(stage.wire.sight.layouts)[2])
        await stage.later(0)
        assert "Tour 3/" in said(stage), "a junction was chosen"
        await stage.press("enter")
        await stage.later(0)
        assert "Tour 4/" in said(stage)
        for _ in range(len(STEPS)):
            if "Tour" in said(stage):
                await stage.press("f2")
        assert "Tour" not in said(stage)
        assert not desk.acts

    Stage(12).play(story, 100, 30)


@pytest.mark.parametrize("columns", [80, 120])
def test_a_training_says_on_a_narrow_terminal_too_where_the_citizens_page_is(columns: int) -> None:
    async def story(stage: Stage) -> None:
        assert "TRAINING" in stage.lines()[0]
        assert "http://127.0.0.1:8080/" in stage.lines()[0]

    stage = Stage(12)
    stage.app = BelishaConsole(stage.wire, "ana", Role.OPERATOR, lambda: stage.now_s, Look(), training=True)
    stage.app.citizens_page = "http://127.0.0.1:8080/"
    stage.play(story, columns, 24)
