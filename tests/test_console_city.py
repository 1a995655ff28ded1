"""The city overview as an operator meets it: what needs him, where it is, what of it is old."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from textual.widgets import Static

from override.roles import Command, Role
from tests.console_stage import Stage
from tests.paper_pictures import NOW_MS, PaperWire, city, junction_views, order_view
from tui.app import BelishaConsole
from tui.attention import Attention, folded
from tui.city import CityScreen
from tui.junction import JunctionScreen
from tui.keys_help import keys_of
from tui.map import StreetMap
from tui.marks import mark_of
from tui.model import Contact
from tui.notice_list import NoticeList
from tui.palette import FRAMEWORK


def the_map(stage: Stage) -> StreetMap:
    return stage.app.screen.query_one(StreetMap)


def test_the_most_urgent_stands_first_with_its_reason_and_since_when() -> None:
    sight = city()
    notices = folded(Attention().notices(sight))
    assert [n.urgency.value for n in notices] == sorted(
        (n.urgency.value for n in notices), key=["now", "soon", "know"].index
    )
    assert notices[0].kind == "alarm"
    assert "the monitor flashes the junction" in notices[0].why

    async def story(stage: Stage) -> None:
        first = next(line for line in stage.lines() if "│!" in line)
        assert notices[0].junction in first
        assert "3m05" in first, "since when: 185 s ago"

    Stage().play(story)


def test_acknowledged_alarms_come_after_those_nobody_has_seen() -> None:
    sight = city()
    notices = Attention().notices(sight)
    flashing = next(n for n in notices if n.key == "alarm x1")
    seen = {"x1": replace(sight.alarms["x1"], acknowledged=True), "x2": sight.alarms["x2"]}
    later = Attention().notices(replace(sight, alarms=seen))
    assert notices[0] == flashing
    assert later[0].key != "alarm x1"
    assert later[0].urgency == flashing.urgency


def test_what_lasts_keeps_its_beginning_and_what_returns_begins_anew() -> None:
    sight, attention = city(), Attention()
    name = next(n.junction for n in attention.notices(sight) if n.kind == "promise")

    def since(s: object) -> int | None:
        return next((n.since_ms for n in attention.notices(s) if n.key == f"promise {name}"), None)  # type: ignore[arg-type]

    assert since(replace(sight, now_ms=NOW_MS + 60_000)) == NOW_MS
    kept = {**sight.junctions, name: replace(sight.junctions[name], used_percent=10)}
    assert since(replace(sight, now_ms=NOW_MS + 70_000, junctions=kept)) is None
    assert since(replace(sight, now_ms=NOW_MS + 80_000)) == NOW_MS + 80_000


def test_n_goes_from_trouble_to_trouble_and_map_list_and_card_agree() -> None:
    async def story(stage: Stage) -> None:
        want = [n.junction for n in folded(stage.app.notices) if n.junction][:2]
        for name in want:
            await stage.press("n")
            while not stage.app.chosen:  # the street as a whole may be a line of the list
                await stage.press("n")
            assert stage.app.chosen == name
            assert stage.shows(f"] {name} "), "the map marks it by brackets and name, not by colour alone"
            assert stage.app.screen.query_one(NoticeList).chosen == name
            assert stage.wire.watched[-1] == (name,), "it is looked at from near"
        await stage.press("p")
        assert stage.app.chosen == want[0]

    Stage().play(story)


def test_arrows_walk_to_the_neighbour_in_that_direction() -> None:
    async def story(stage: Stage) -> None:
        layouts = stage.app.sight.layouts
        await stage.press("right")
        begin = layouts[stage.app.chosen]
        await stage.press("right")
        assert layouts[stage.app.chosen].x_m > begin.x_m
        await stage.press("left")
        assert stage.app.chosen == begin.name
        await stage.press("up")
        assert layouts[stage.app.chosen].y_m > begin.y_m

    Stage().play(story)


def test_find_by_a_part_of_a_street_and_by_nothing_that_is_there() -> None:
    async def story(stage: Stage) -> None:
        await stage.press_at_once("slash", *"harb")
        assert "Harbour" in stage.app.sight.title(stage.app.chosen)
        await stage.press("enter")
        assert isinstance(stage.app.focused, StreetMap)
        before = stage.app.chosen
        await stage.press("slash", *"xyzzy", "enter")
        await stage.pilot.pause(0.3)
        assert stage.shows("No junction, street or district"), "said, not silently ignored"
        await stage.press("escape")
        assert stage.app.chosen == before, "a search that is given up leaves things as they were"

    Stage().play(story)


def test_zoom_pan_and_the_whole_city_again() -> None:
    async def story(stage: Stage) -> None:
        street_map = the_map(stage)
        whole = street_map.window
        await stage.press("plus", "plus")
        assert street_map.window.metres_a_dot == pytest.approx(whole.metres_a_dot / 2.25)
        near = street_map.window
        await stage.press("L")
        assert street_map.window.middle_x_m > near.middle_x_m
        await stage.press("K")
        assert street_map.window.middle_y_m > near.middle_y_m
        await stage.press("minus", "0")
        assert street_map.window == whole

    Stage().play(story)


def test_the_map_follows_a_chosen_junction_that_is_out_of_sight() -> None:
    async def story(stage: Stage) -> None:
        street_map = the_map(stage)
        for _ in range(5):
            await stage.press("plus")
        for name in stage.app.sight.layouts:
            stage.app.screen.choose(name)  # type: ignore[attr-defined]
            at = stage.app.sight.layouts[name]
            _, _, inside = street_map.window.cells([at.x_m], [at.y_m])  # type: ignore[arg-type]
            assert inside.all()

    Stage().play(story)


def test_a_mouse_chooses_opens_drags_and_zooms() -> None:
    async def story(stage: Stage) -> None:
        street_map = the_map(stage)
        name = list(stage.app.sight.layouts)[5]
        at = stage.app.sight.layouts[name]
        columns, rows, _ = street_map.window.cells([at.x_m], [at.y_m])  # type: ignore[arg-type]
        place = (int(columns[0]), int(rows[0]))
        await stage.pilot.click(StreetMap, offset=place)
        await stage.settled()
        assert stage.app.chosen == name
        whole = street_map.window
        await stage.pilot.mouse_down(StreetMap, offset=(20, 10))
        await stage.pilot.hover(StreetMap, offset=(30, 12))
        await stage.pilot.mouse_up(StreetMap, offset=(30, 12))
        await stage.settled()
        assert street_map.window.middle_x_m < whole.middle_x_m, "dragged to the right, the west comes in"
        await stage.pilot.click(StreetMap, offset=(0, 0))
        await stage.press("0")
        await stage.pilot.click(StreetMap, offset=place, times=2)
        await stage.settled()
        assert isinstance(stage.app.screen, JunctionScreen)

    Stage().play(story)


def test_a_district_narrows_map_and_list_and_the_next_goes_on() -> None:
    async def story(stage: Stage) -> None:
        districts = sorted({layout.district for layout in stage.app.sight.layouts.values()})
        await stage.press("d")
        assert stage.shows(f"Needs attention in {districts[0]}")
        shown = {n.junction for n in stage.app.screen.query_one(NoticeList).notices if n.junction}
        assert {stage.app.sight.layouts[n].district for n in shown} <= {districts[0]}
        for _ in districts:
            await stage.press("d")
        assert stage.app.screen.district == ""  # type: ignore[attr-defined]
        assert len(stage.app.screen.query_one(NoticeList).notices) == len(folded(stage.app.notices))

    Stage().play(story)


def test_districts_that_lie_in_one_another_keep_their_names_apart() -> None:
    names = ("Riverside Gardens", "Cathedral Quarter")
    layouts = {
        name: replace(layout, district=names[k % 2])
        for k, (name, layout) in enumerate(city().layouts.items())
    }

    async def story(stage: Stage) -> None:
        for name in names:
            assert stage.shows(name)

    Stage(layouts=layouts).play(story, columns=80, rows=24)


def test_every_rung_has_a_shape_of_its_own_on_the_map_and_letters_can_take_their_place() -> None:
    view = next(iter(junction_views(["j"]).values()))
    for plain in (False, True):
        shapes = [
            mark_of(replace(view, rung=r, orders=()), level, None, False, plain).alone
            for r, level in ((0, 0), (0, 3), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0))
        ]
        assert len(set(shapes)) == len(shapes), shapes
        assert not plain or all(s.isascii() for s in shapes)

    async def story(stage: Stage) -> None:
        await stage.press("z")
        text = "\n".join(stage.lines())
        assert "▣" not in text.split("Needs", 1)[1], "numbers of rungs instead of shapes"

    Stage().play(story)


def test_too_narrow_for_a_map_is_said_in_one_line_and_the_list_remains() -> None:
    async def story(stage: Stage) -> None:
        assert not stage.app.screen.query_one(StreetMap).display
        assert stage.shows("60×20: the map needs 80×16")
        assert any("!" in line and "conflicting" in line for line in stage.lines())
        await stage.press("n", "enter")
        assert isinstance(stage.app.screen, JunctionScreen), "everything else works as before"
        await stage.press("escape")
        await stage.pilot.resize_terminal(100, 30)
        await stage.settled()
        assert stage.app.screen.query_one(StreetMap).display
        assert not stage.shows("the map needs")

    Stage().play(story, columns=60, rows=20)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 60), (20, 6)])
def test_every_size_shows_how_the_console_stands_first(columns: int, rows: int) -> None:
    async def story(stage: Stage) -> None:
        assert stage.lines()[0].lstrip().startswith("● live")
        assert len(stage.lines()) == rows

    Stage().play(story, columns=columns, rows=rows)


def test_a_lost_station_is_said_greyed_aged_and_nothing_can_be_ordered_from_it() -> None:
    async def story(stage: Stage) -> None:
        street_map = the_map(stage)
        assert stage.app.sight.may_order(stage.now_s) == ""
        stage.now_s += 3.5
        stage.wire.tell(contact=Contact.LOST, trouble="the station has said nothing; calling again (try 2)")
        await stage.settled()
        assert stage.lines()[0].lstrip().startswith("✖ STATION SILENT – this is 3.7 s old")
        assert stage.shows("calling again (try 2)")
        assert {street_map._ink.styles[ink] for ink in street_map._inks.flat} == {"dim"}
        assert "the past" in stage.app.sight.may_order(stage.now_s)
        await stage.later(60)
        assert stage.shows("this is 1 min 03 s old"), "the age grows though nothing comes"
        await stage.tell(contact=Contact.LIVE, trouble="", now_ms=NOW_MS + 64_000)
        assert stage.lines()[0].lstrip().startswith("● live 0.0 s")
        assert stage.app.sight.may_order(stage.now_s) == ""
        assert len({street_map._ink.styles[ink] for ink in street_map._inks.flat}) > 2

    Stage().play(story)


def test_a_connection_that_calls_itself_live_does_not_make_old_data_young() -> None:
    async def story(stage: Stage) -> None:
        await stage.later(2.1)
        assert "an order needs" in stage.app.sight.may_order(stage.now_s), "2 s is the limit of 10.7"
        assert "live" in stage.lines()[0]
        await stage.later(1.0)
        assert "STATION SILENT" in stage.lines()[0], "three seconds of nothing, whatever the contact says"
        assert stage.app.screen.has_class("stale")

    Stage().play(story)


def test_a_street_that_stands_still_behind_a_station_that_answers_is_no_live_street() -> None:
    async def story(stage: Stage) -> None:
        stage.now_s += 5
        stage.wire.tell(trouble="the station answers, but its street does not tick")
        await stage.settled()
        assert "STREET STANDS STILL – this is 5.2 s old" in stage.lines()[0]
        assert stage.shows("its street does not tick")

    Stage().play(story)


def test_another_run_of_the_station_is_told_and_its_layout_is_taken() -> None:
    async def story(stage: Stage) -> None:
        await stage.press("n")
        other = city(12, seed=9)
        await stage.tell(
            boot=b"paper-02", starts_seen=2, layouts=other.layouts, roads=other.roads, layout_number=2,
            junctions=other.junctions, alarms={}, flags={}, orders={}, details={},
        )  # fmt: skip
        await stage.pilot.pause(0.3)
        assert stage.shows("Another run of the station")
        assert len(the_map(stage)._places.names) == 12

    Stage().play(story)


def test_quitting_asks_nothing_ends_nothing_and_says_what_goes_on() -> None:
    wire = PaperWire(city())
    wire.tell(orders={
        "o-1": order_view("o-1", "ana", Command.HOLD, "effective", 84_000),
        "o-2": order_view("o-2", "ole", Command.FLASH, "effective", 20_000),
    })  # fmt: skip
    stage = Stage()
    stage.wire = wire
    stage.app = BelishaConsole(wire, "ana", Role.OPERATOR, now_s=lambda: stage.now_s)

    async def story(stage: Stage) -> None:
        words = stage.app.farewell()
        assert "The street goes on" in words
        assert "Your hold o-1 ends by itself in 84 s." in words
        assert "1 order of others acts." in words
        await stage.press("q")

    stage.play(story)
    assert wire.stopped
    assert not wire.asked, "nothing was asked of the station"
    assert stage.app.return_code in (0, None)


def test_the_shell_is_one_key_away_wherever_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    suspended: list[str] = []
    monkeypatch.setattr(
        BelishaConsole, "action_suspend_process", lambda app: suspended.append(type(app.screen).__name__)
    )

    async def story(stage: Stage) -> None:
        await stage.press("n", "ctrl+z", "slash", "ctrl+z", "escape", "enter", "ctrl+z", "o", "ctrl+z")
        assert suspended == ["CityScreen", "CityScreen", "JunctionScreen", "OrderDialog"]

    Stage().play(story)


def test_help_names_every_key_that_works_here_and_what_the_signs_mean() -> None:
    async def story(stage: Stage) -> None:
        city_screen = stage.app.screen
        described = {
            FRAMEWORK.get(active.binding.description, active.binding.tooltip or active.binding.description)
            for active in city_screen.active_bindings.values()
            if active.binding.description and not active.binding.system
        }
        await stage.press("question_mark")
        assert {words for _, words in keys_of(city_screen)} == described
        assert stage.app.screen.query(Static)
        await stage.press("escape")
        assert isinstance(stage.app.screen, CityScreen)

    Stage().play(story)


def test_the_command_palette_finds_a_junction_by_its_street() -> None:
    async def story(stage: Stage) -> None:
        await stage.press(
            "ctrl+p",
            *"quarry",
        )
        await asyncio.sleep(0.6)
        await stage.press("escape", "escape")
        await stage.press("ctrl+p", *"castle")
        for _ in range(20):
            await asyncio.sleep(0.1)
            if stage.shows("Castle St"):
                break
        await stage.press("down", "enter")
        for _ in range(20):
            await asyncio.sleep(0.1)
            if isinstance(stage.app.screen, JunctionScreen):
                break
        assert isinstance(stage.app.screen, JunctionScreen)
        assert "Castle" in stage.app.sight.title(stage.app.chosen)

    Stage(40).play(story)
