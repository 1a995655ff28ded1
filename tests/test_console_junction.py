"""A junction from near: every lamp in three ways, what comes next, who waits against the promise, and why."""

from __future__ import annotations

from dataclasses import replace

from override.details import Detail, TermDetail
from override.roles import Command
from tests.console_stage import Stage
from tests.paper_pictures import NOW_MS, NOW_S, city, detail, order_view
from tui.junction import JunctionScreen
from tui.junction_causes import detectors_text, why_text
from tui.junction_signals import countdown_words, promise_cells, signals_text, timeline_text
from tui.lamps import LAMPS
from tui.model import DetailSeen

NAME = "c3r0"
LAYOUT = city().layouts[NAME]
DETAIL = detail(NAME)


def near(**changes: object) -> Detail:
    return replace(DETAIL, **changes)  # type: ignore[arg-type]


def test_every_lamp_has_shape_letter_and_colour_and_its_row_says_who_waits_how_long() -> None:
    letters = "RGYCFAD"
    groups = tuple(replace(group, lamp=letters[k % len(letters)]) for k, group in enumerate(DETAIL.groups))
    for plain in (False, True):
        rows = signals_text(LAYOUT, near(groups=groups), 70, plain).plain.splitlines()[1:]
        assert len(rows) == len(LAYOUT.groups)
        for k, row in enumerate(rows):
            sign = LAMPS[letters[k % len(letters)]]
            assert row.startswith((sign.plain if plain else sign.shape) + sign.letter)
            assert LAYOUT.groups[k].name in row
    text = signals_text(LAYOUT, DETAIL, 70, False)
    called = next(row for row in text.plain.splitlines() if "east.left" in row)
    assert "10 veh" in called
    assert "38s" in called
    assert "█" in called, "38 s of a promise of 120 s as a bar"


def test_a_promise_that_is_broken_looks_otherwise_than_one_that_is_kept() -> None:
    group, place = replace(DETAIL.groups[0], called=True), LAYOUT.groups[0]
    kept = promise_cells(replace(group, waited_ms=60_000), place, 8, False)
    broken = promise_cells(replace(group, waited_ms=150_000), place, 8, False)
    assert kept[0].strip() == "████"
    assert broken[0].endswith("▶"), "beyond its end: seen without colour"
    assert broken[1] != kept[1]


def test_countdowns_say_what_is_certain_and_what_is_expected() -> None:
    group = DETAIL.groups[0]
    words = {
        (3_000, 9_000): "3-9s", (3_000, 0): "≥3s", (0, 9_000): "9s", (0, 0): "any", (9_000, 9_000): "9s",
        (400, 900): "1s",
    }  # fmt: skip
    for (may_ms, will_ms), expected in words.items():
        assert countdown_words(replace(group, may_end_ms=may_ms, will_end_ms=will_ms)) == expected


def test_the_timeline_shows_the_last_minute_and_the_planned_one_on_a_scale() -> None:
    rows = timeline_text(LAYOUT, DETAIL, 70, False).plain.splitlines()
    assert "now" in rows[0]
    assert [row.split()[0] for row in rows[1:]] == ["ns", "ns.left", "ew", "ew.left"]
    ns, east = rows[1][8:], rows[3][8:]
    middle = len(ns) // 2
    assert ns[middle] == "│"
    assert "▒" in ns[middle:]
    assert "█" not in ns[middle:], "what is planned is drawn otherwise than what was"
    assert east[:middle].count("█") == 0
    assert abs(east.index("▒") - (middle + 14 * middle / 60)) <= 1, "planned in 14 s"


def test_why_names_the_term_that_decided_and_sets_winner_beside_loser() -> None:
    text = why_text(DETAIL, "operator", 50, False).plain
    assert "bus 12 with 31 people" in text
    assert "without buses it would not have" in text
    row = next(line for line in text.splitlines() if "*buses" in line)
    assert row.split()[1] == "31"
    assert "127" in row
    assert "412" in text
    assert "455" in text, "sums of both"
    assert "promise" not in text, "a term that costs nobody anything is left out"
    broken = near(terms=(TermDetail("cars", 500, 400), TermDetail("promise", 0, 100_000_000)))
    assert "broken" in why_text(broken, "operator", 50, False).plain
    assert "█" in next(
        line for line in why_text(broken, "operator", 60, False).plain.splitlines() if "cars" in line
    ), "a broken promise does not flatten every other bar"


def test_detectors_that_are_not_believed_come_first_with_their_cause_and_all_are_there_on_demand() -> None:
    few = detectors_text(LAYOUT, DETAIL, False, False).plain
    assert few.startswith("Detectors: 11 believed, 1 not")
    assert "east.advance (east) 0 %: occupied for 41 min while its neighbours counted" in few
    every = detectors_text(LAYOUT, DETAIL, True, False).plain
    assert all(detector.name in every for detector in LAYOUT.detectors)


def test_the_operator_reads_why_in_three_registers_and_goes_on_to_the_next_trouble() -> None:
    async def story(stage: Stage) -> None:
        await stage.press("n", "enter")
        screen = stage.app.screen
        assert isinstance(screen, JunctionScreen)
        assert stage.wire.watched[-1] == (NAME,)
        assert "North and south stay green" in stage.words()
        await stage.press("e")
        assert "engineer's words" in stage.words()
        assert "J=412" in stage.words()
        await stage.press("e")
        assert "A late bus with many people" in stage.words()
        assert "12 north in 8 s, 2 min late, 31 people" in stage.words()
        await stage.press("n")
        assert screen.junction != NAME
        assert stage.wire.watched[-1] == (screen.junction,)
        await stage.press("escape")
        assert stage.app.chosen == screen.junction, "the city shows where he was"

    Stage().play(story)


def test_leases_count_down_and_details_that_stopped_coming_are_shown_as_old() -> None:
    async def story(stage: Stage) -> None:
        stage.app.open_door("junction", NAME)
        await stage.settled()
        view = stage.app.sight.junctions[NAME]
        orders = {"o-5": order_view("o-5", "ana", Command.HOLD, "effective", 84_000)}
        junctions = {**stage.app.sight.junctions, NAME: replace(view, orders=("o-5",))}
        await stage.tell(orders=orders, junctions=junctions)
        assert stage.shows("» hold 1:24 left")
        stage.now_s += 2
        await stage.tell(now_ms=NOW_MS + 2_000)
        assert stage.shows("» hold 1:22 left")
        assert not stage.shows("s old")
        stage.now_s += 4
        await stage.tell(now_ms=NOW_MS + 6_000)
        assert stage.lines()[0].lstrip().startswith("● live"), "the picture goes on"
        assert stage.shows("signals 6.4 s old"), "and says that the near view does not"

    Stage().play(story)


def test_a_junction_nobody_describes_shows_the_lamps_of_the_picture_and_says_that_it_asks() -> None:
    async def story(stage: Stage) -> None:
        stage.app.open_door("junction", NAME)
        await stage.settled()
        assert stage.shows("Asking the station")
        assert stage.shows("✖F")
        await stage.tell(details={NAME: DetailSeen(DETAIL, NOW_S)})
        assert not stage.shows("Asking the station")

    Stage(details={}).play(story)


def test_on_a_narrow_terminal_the_parts_stand_one_under_the_other_in_the_same_order() -> None:
    async def story(stage: Stage) -> None:
        stage.app.open_door("junction", NAME)
        await stage.settled()
        parts = [part.id for part in stage.app.screen.query("Part")]
        assert parts == [
            "signals",
            "timeline",
            "approaches",
            "why",
            "orders",
            "troubles",
            "buses",
            "detectors",
        ]
        tops = [part.region.y for part in stage.app.screen.query("Part")]
        assert tops == sorted(tops)
        for _ in range(4):
            await stage.press("pagedown")
        assert stage.shows("Detectors"), "all of it can be reached by keys"

    Stage().play(story, columns=50, rows=20)


def test_stages_of_a_version_that_is_not_final_yet_are_called_as_that_one_calls_them() -> None:
    names = tuple(f"new{k}" for k in range(len(LAYOUT.stages)))
    text = timeline_text(LAYOUT, replace(DETAIL, stages=names), 70, False).plain
    assert "new0" in text
    assert f"\n{LAYOUT.stages[0].name} " not in text
