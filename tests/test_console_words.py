"""Words, numbers and headings that a tired operator would stumble over: none cut off, none standing still."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from controller.explain import TERMS
from override.client import View
from override.flag_messages import FlagAction, FlagLife
from override.requests import AlarmAction
from override.roles import Command, Slot
from override.views import AlarmView, Delta, Event, OrderView, Outcome, Reply, Urgency
from tests.console_stage import Stage
from tests.paper_pictures import BOOT, NOW_MS, NOW_S, city, detail, order_view
from tests.test_console_orders import PaperStation, said
from tui.attention import Attention
from tui.cut import cut, told_apart
from tui.drafts import Draft, takes_the_place_of
from tui.flag_list import KINDS, flag_rows, flag_text
from tui.following import Following, followed
from tui.following import Stage as Step
from tui.junction_causes import TERM_CELLS, TERM_WORDS
from tui.junction_signals import signals_text
from tui.map import StreetMap
from tui.model import Contact
from tui.order_page import now_text
from tui.palette import Palette
from tui.rows import Rows

LAYOUTS = city(12).layouts


@pytest.mark.parametrize("width", [38, 42, 43, 47, 48, 53, 54, 70, 120])
def test_no_heading_of_a_junctions_signals_is_cut_and_every_row_is_as_wide_as_its_heading(width: int) -> None:
    name, layout = next(iter(LAYOUTS.items()))
    head, *rows = signals_text(layout, detail(name), width, plain=False).plain.splitlines()
    last = ["promise"] if width >= 43 else []
    assert head.split()[3:] in (["who", "waits", *last], ["waiting", "since", *last])
    assert head.split()[:3] == ["group", "for", "ends"]
    assert len(head) <= width
    assert all(cell_len(row) <= width for row in rows)
    assert "south.through" in rows[4] or "…" in rows[4], "what has no room is seen to be cut"


def test_names_that_begin_alike_are_told_apart_where_there_is_no_room_for_them() -> None:
    assert told_apart(["north.through", "north.left"], 11) == ["north.thro…", "north.left"]
    assert told_apart(["c1r0-c2r0.through", "c1r0-c2r0.left"], 11) == ["c1r0-c…ough", "c1r0-c…left"]


def test_a_case_grows_older_and_its_remedy_runs_out_though_nobody_tells_of_it_again() -> None:
    view, flag = View(), city(12).flags["f1"]
    flag = replace(flag, age_ms=60_000, remedy="recall", remedy_left_ms=100_000)
    view.boot, view.whole, view.seq = BOOT, True, 1
    view.take_delta(Delta(BOOT, 2, NOW_MS, 1, (), (), flags=(flag,)))
    for seq in range(3, 6):
        view.take_delta(Delta(BOOT, seq, NOW_MS + 1000 * (seq - 2), 1, (), ()))
    assert view.flags_told_ms == {"f1": NOW_MS}
    sight = replace(
        city(12), now_ms=NOW_MS + 40_000, heard_s=NOW_S, flags={"f1": flag}, flags_told_ms=view.flags_told_ms
    )
    (row,) = flag_rows([flag], sight, sight.now_ms, 80, False)
    assert row.cells[1].plain.strip() == "1m40"
    text = flag_text(flag, sight, sight.now_ms).plain
    assert "first 1 min 40 s ago" in text
    assert "recall, 1:00 left" in text
    (notice,) = (n for n in Attention().notices(sight) if n.kind == "flag")
    assert sight.now_ms - notice.since_ms == 100_000
    view.take_delta(Delta(BOOT, 6, NOW_MS + 4_000, 1, (), (), flags_gone=("f1",)))
    assert not view.flags_told_ms


def test_every_complaint_has_room_in_its_column_and_the_crew_is_seen_at_eighty_columns() -> None:
    sight = city(12)
    rows = [
        replace(flag, flag=str(kind), kind=kind, crew="on-site", life=FlagLife.WITH_A_PERSON)
        for flag in sight.flags.values()
        for kind in KINDS
    ]
    cells = [row.cells for row in flag_rows(rows, sight, sight.now_ms, 80, False)]
    wide = [max(cell.cell_len for cell in column) + 2 for column in zip(*cells, strict=True)]
    assert sum(wide) <= 80
    assert all(row[3].plain in KINDS.values() for row in cells)


class Desk(PaperStation):
    """Says what a real station says to acts."""

    released = "1 released"

    def act_on_alarm(self, alarm: str, action: AlarmAction, for_ms: int = 0, reason: str = "") -> Reply:
        return Reply(bytes(32), Outcome.DONE, why=str(action))

    def act_on_flag(self, flag: str, action: FlagAction, reason: str = "") -> Reply:
        return Reply(bytes(32), Outcome.DONE, why=f"{action}: told to the citizen process")

    def order(self, **what: Any) -> Reply:
        if what["command"] is Command.HOLD:
            return Reply(bytes(32), Outcome.DONE, why="renewed")
        return Reply(bytes(32), Outcome.DONE, why=self.released)


def test_what_was_done_is_said_once_and_in_words() -> None:
    async def story(stage: Stage) -> None:
        desk = Desk(stage)
        await stage.press("a", "k")
        assert "Acknowledged." in said(stage)
        await stage.press("escape", "f", "down", "c")
        assert "Who?" in said(stage)
        await stage.press("1")
        assert "the work order is open" in said(stage).lower()
        assert "citizen process" not in said(stage)
        mine = {"o-17": order_view("o-17", "ana", Command.HOLD, "effective", 60_000)}
        await stage.tell(orders=mine)
        await stage.press("escape", "l", "r")
        assert "Renewed." in said(stage)
        await stage.press("x")
        assert "Released." in said(stage)
        desk.released = "0 released"
        stage.app.clear_notifications()
        await stage.press("x")
        assert "It has ended already" in said(stage)

    Stage(12).play(story, 120, 40)


def test_who_acknowledges_alarms_one_after_another_presses_one_key_for_each() -> None:
    async def story(stage: Stage) -> None:
        seen: list[str] = []

        class Keeps(Desk):
            def act_on_alarm(self, alarm: str, action: AlarmAction, *rest: Any, **more: Any) -> Reply:
                seen.append(alarm)
                return super().act_on_alarm(alarm, action)

        Keeps(stage)
        name = next(iter(stage.wire.sight.layouts))
        alarms = {
            f"a{k}": AlarmView(f"a{k}", name, "C1", Urgency.NOW, "bad", True, False, False, NOW_MS - 1000 + k)
            for k in range(4)
        }
        await stage.tell(alarms=alarms)
        await stage.press("a")
        for _ in range(4):
            await stage.press("k")
            alarms[seen[-1]] = replace(alarms[seen[-1]], acknowledged=True, by="ana")
            await stage.tell(alarms=dict(alarms))
        assert seen == ["a0", "a1", "a2", "a3"]
        assert stage.app.screen.query_one(Rows).chosen == "a3", "nothing is left to go on to"

    Stage(12).play(story, 100, 30)


@pytest.mark.parametrize(
    ("sentence", "end"),
    [
        ("has ended (expired)", "its time was over"),
        ("has ended (expired): done", "it did what it was for"),
        ("has ended (superseded): by sam-2", "another order took its place, by sam-2"),
        ("has ended (vetoed): the stage is not lawful now",
         "the junction could not do it, the stage is not lawful now"),
        ("refused: sam did not agree", "sam did not agree"),
    ],
)  # fmt: skip
def test_how_an_order_ended_is_told_in_words_of_the_street(sentence: str, end: str) -> None:
    order = Following("ana-1", Command.HOLD, "hold", NOW_MS, Step.EFFECTIVE, BOOT, NOW_MS, seen=True)
    event = Event(BOOT, 9, NOW_MS + 900, 0, "order", "c0r0", f"ana-1: hold at c0r0 by ana {sentence}")
    over = followed(order, replace(city(12), now_ms=NOW_MS + 1_000, orders={}, events=(event,)))
    assert over.progress(NOW_MS + 1_000) == f"Ended: {end}."


def test_the_first_person_can_read_to_the_second_what_that_one_sees() -> None:
    order = Following("sam-542a6bbb4e08", Command.LOCKOUT, "lock out", NOW_MS, Step.WAITING, BOOT, NOW_MS)
    assert order.progress(NOW_MS + 1_000).endswith("Read to them: 542a 6bbb.")
    assert "Read" not in replace(order, order="ana-1").progress(NOW_MS)


def acting(command: Command, argument: str = "", slot: int = Slot.OPERATOR) -> OrderView:
    return replace(order_view("o", "ana", command, "effective", 60_000), argument=argument, slot=int(slot))


@pytest.mark.parametrize(
    ("draft", "view", "ends"),
    [
        ({"command": Command.SPLIT_BIAS, "stage": "ns"}, acting(Command.MANUAL_STEP), True),
        ({"command": Command.SPLIT_BIAS, "stage": "ns"}, acting(Command.HOLD, "ns", Slot.SUPERVISOR), False),
        ({"command": Command.CALL, "group": "walk.n"}, acting(Command.CALL, "walk.n"), True),
        ({"command": Command.CALL, "group": "walk.n"}, acting(Command.CALL, "walk.e"), False),
        ({"command": Command.DETECTOR_RECALL, "detector": "d"}, acting(Command.DETECTOR_DISABLE, "d"), True),
        ({"command": Command.HOLD, "stage": "ns"}, acting(Command.CALL, "walk.n"), False),
        ({"command": Command.RESET_TRIP}, acting(Command.HOLD, "ns"), False),
    ],
)
def test_it_is_said_before_sending_which_order_would_lose_its_place(
    draft: dict[str, Any], view: OrderView, ends: bool
) -> None:
    assert takes_the_place_of(Draft(slot=Slot.OPERATOR, junctions=("c0r0",), place="", **draft), view) is ends


def test_what_the_toasts_said_of_a_silent_station_goes_when_it_answers() -> None:
    async def story(stage: Stage) -> None:
        await stage.tell(contact=Contact.LOST, trouble="calling again")
        assert "Station silent" in said(stage)
        await stage.tell(contact=Contact.LIVE, trouble="")
        assert "What you see is live again" in said(stage)
        assert "What you see is the past" not in said(stage)

    Stage(12).play(story, 100, 30)


def test_a_search_without_a_find_does_not_say_that_nothing_happened() -> None:
    async def story(stage: Stage) -> None:
        PaperStation(stage)
        await stage.press("e", "slash", *"zzz")
        assert "No event fits" in said(stage)
        await stage.press("escape", "escape")
        await stage.tell(events=())
        await stage.press("e")
        assert "Nothing has happened since" in said(stage)

    Stage(12).play(story, 100, 30)


def test_what_the_map_writes_beside_a_junction_ends_before_its_neighbour_and_says_that_it_was_cut() -> None:
    assert [cut("Falcon Street / Park Road", cells) for cells in (25, 24, 16, 2, 1, 0, -3)] == [
        "Falcon Street / Park Road", "Falcon Street / Park Ro…", "Falcon Street /…", "F…", "", "", "",
    ]  # fmt: skip

    async def story(stage: Stage) -> None:
        await stage.press("plus", "plus")
        titles = [layout.title for layout in stage.wire.sight.layouts.values()]
        columns = stage.app.screen.query_one(StreetMap).size.width
        words = "\n".join(line[:columns] for line in stage.lines())
        assert any(title in words for title in titles), "names stand there"
        assert not re.search(r"(St|Av)[A-Z]", words), "none runs into the next"

    Stage(12).play(story, 200, 60)


def test_a_term_of_the_cost_is_called_by_a_name_that_fits() -> None:
    assert all(len(TERM_WORDS.get(name, name)) < TERM_CELLS for name in TERMS)


def test_the_palette_begins_with_what_people_do_and_tells_everything_once() -> None:
    async def story(stage: Stage) -> None:
        palette = Palette(stage.app.screen)
        told = [words for words, _, _ in palette._deeds()]
        assert told[:3] == ["Next", "Near", "Find"]
        assert len(set(told)) == len(told)
        assert {"Order", "Alarms", "Corridor", "Guided tour", "Nearer"} <= set(told)
        assert "Focus Next" not in told

    Stage(12).play(story, 100, 30)


def test_closed_cases_are_not_counted_in_the_first_line() -> None:
    async def story(stage: Stage) -> None:
        assert "2 flags" in stage.lines()[0]
        cases = dict(stage.wire.sight.flags)
        cases["f1"] = replace(cases["f1"], life=FlagLife.NOT_CONFIRMED)
        await stage.tell(flags=cases)
        assert "1 flag " in stage.lines()[0]

    Stage(12).play(story, 100, 30)


def test_an_order_just_sent_is_not_said_to_take_its_own_place() -> None:
    sight = city(12)
    name, order = next((view.name, view.orders[0]) for view in sight.junctions.values() if view.orders)
    known = sight.orders[order]
    draft = Draft(known.command, Slot(known.slot), (name,), "there")
    assert "this one takes its place" in now_text(draft, sight, NOW_S).plain
    assert known.issuer not in now_text(draft, sight, NOW_S, (order,)).plain
