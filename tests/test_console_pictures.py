"""Pictures of every screen of the console, with colours and without any, on the two usual sizes.

A picture is text: what stands there, and beneath it how each cell is drawn, a letter for each style. After a
wanted change: `python -m pytest tests/test_console_pictures.py --snapshot-update`, and look at them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.color import Color
from textual.widgets import Input

from override.roles import Command, Role
from override.views import AuditPage, AuditRow
from tests.console_stage import Stage
from tests.paper_pictures import order_view
from tests.test_console_orders import PaperStation
from tests.test_corridor import joined_city
from tui.ascii_only import AsciiOnly
from tui.looks import PLAIN_THEME, Look
from tui.model import Contact
from tui.tour import END_KEY, NEXT_KEY

SIZES = ((80, 24), (120, 40))
LOOKS = {"colour": Look(), "none": Look(PLAIN_THEME, no_colour=True)}
SCREENS: dict[str, tuple[str, ...]] = {
    "city": (),
    "junction": ("enter",),
    "order-question": ("o", "1"),
    "order-preview": ("o", "1", "1", "2", "1"),
    "order-sent": ("o", "1", "1", "2", "1", "s"),
    "stop-what": ("exclamation_mark",),
    "stop-typed": ("exclamation_mark", "1"),
    "orders": ("l",),
    "approve": ("l", "enter"),
    "alarms": ("a",),
    "suspend": ("a", "s"),
    "flags": ("f", "down"),
    "reject": ("f", "r"),
    "promote": ("f", "down", "p"),
    "caller": ("f", "n"),
    "events": ("e",),
    "audit": ("U",),
    "fairness": ("y",),
    "policy": ("w",),
    "timespace": ("t",),
    "corridor-where": ("c",),
    "corridor-way": ("c", "2", *"c4r2", "enter"),
    "corridor-preview": ("c", "2", *"c4r2", "enter", "enter", "1"),
    "help": ("question_mark",),
    "palette": ("ctrl+p",),
    "tour": (NEXT_KEY,),
}
"""By the keys that lead there from the overview with a junction chosen."""
PAST_SCREENS = {name: SCREENS[name] for name in ("city", "junction")}
"""Looked at once more when the station has been silent for a while: what is seen is the past, and says so."""
SILENT_S = 14.0


class TextPicture(SingleFileSnapshotExtension):
    """A file of text for each picture."""

    _write_mode = WriteMode.TEXT
    _file_extension = "txt"


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Records(PaperStation):
    """With an audit that can be read."""

    def audit(self, before: int = 0, order: str = "") -> AuditPage:
        rows = tuple(AuditRow(k, 1_780_000_000_000 + k, "ole", "hold at J1", f"o-{k}", "") for k in (9, 8))
        return AuditPage(bytes(16), rows, True)


def drawn(stage: Stage) -> str:
    """The picture: rows of characters, then rows of letters, then what the letters mean."""
    rows, inked, letters = [], [], {}
    for strip in stage.app.screen._compositor.render_strips():
        row = ink = ""
        for text, style, _ in strip:
            words = str(style)
            words = words if not (style and style.link) else words.partition(" link")[0]
            letter = letters.setdefault(words, LETTERS[len(letters)])
            row, ink = row + text, ink + letter * len(text)
        rows.append(row.rstrip())
        inked.append(ink)
    legend = [f"{letter} {words}" for words, letter in letters.items()]
    return "\n".join([*rows, "", *inked, "", *legend, ""])


LETTERS = ".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789αβγδεζηθικλμνξοπρστυφχψω"


async def taken_of(stage: Stage, keys: tuple[str, ...]) -> str:
    """What these keys lead to from the overview; back there afterwards."""
    await stage.press(*keys)
    for line in stage.app.screen.query(Input):
        line.cursor_blink = False
    await stage.settled()
    picture = drawn(stage)
    while len(stage.app.screen_stack) > 2:
        stage.app.pop_screen()
    await stage.settled()
    return picture


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_screen_looks_as_it_did(
    size: tuple[int, int], look: str, snapshot: SnapshotAssertion, in_utc: None
) -> None:
    pictures = {}

    async def story(stage: Stage) -> None:
        Records(stage)
        await stage.press("n", "n")
        for name, keys in SCREENS.items():
            pictures[name] = await taken_of(stage, keys)
        await stage.press(END_KEY)
        stop = replace(order_view("o-19", "ole", Command.ALL_RED, "effective", 60_000), at=("c1r1",))
        await stage.tell(orders={"o-19": stop})
        pictures["release"] = await taken_of(stage, ("l", "x"))
        await stage.tell(contact=Contact.LOST, trouble="calling again every second")
        await stage.later(SILENT_S)
        stage.app.clear_notifications()
        for name, keys in PAST_SCREENS.items():
            pictures[f"past-{name}"] = await taken_of(stage, keys)

    Stage(role=Role.SUPERVISOR, look=LOOKS[look], layouts=joined_city()).play(story, *size)
    taken = snapshot.use_extension(TextPicture)
    others = [name for name, picture in pictures.items() if picture != taken(name=name)]
    assert not others


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


def test_where_only_ascii_can_be_shown_no_screen_has_anything_else() -> None:
    places = {name: replace(place, title=f"Rúa {name} 街") for name, place in joined_city().items()}
    strange: dict[str, set[str]] = {}
    overview = ""

    async def story(stage: Stage) -> None:
        nonlocal overview
        Records(stage)
        await stage.press("n", "n")
        for name, keys in SCREENS.items():
            text = (await taken_of(stage, keys)).partition("\n\n")[0]
            strange[name] = {letter for letter in text if not letter.isascii()}
            overview = overview or text

    Stage(role=Role.SUPERVISOR, look=Look(PLAIN_THEME, plain=True), layouts=places).play(story, 100, 30)
    assert {name: letters for name, letters in strange.items() if letters} == {}
    assert "|" in overview
    assert "Rua" in overview
    assert "o live" in overview
    assert "o:" in overview, "how many stand on the top rung"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("│─┼╭╯┏━", "|-++++-"),
        ("Ménd…", "Mend~"),
        ("e\u0301", "e"),
        ("街 ✔", "?? v"),
        ("█▒▊▁▔", "#=|_-"),
        ("● ✖ »", "o X >"),
    ],
)
def test_what_is_no_ascii_is_put_into_it_cell_for_cell(written: str, shown: str) -> None:
    (segment,) = AsciiOnly().apply([Segment(written)], Color(0, 0, 0))
    assert segment.text == shown
    assert cell_len(shown) == cell_len(written)
