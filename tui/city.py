"""The city overview: the map, beside it what needs attention, beneath that the chosen junction."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from tui.attention import Notice, folded, worst_by_junction
from tui.card import Card
from tui.key_line import KeyLine
from tui.map import StreetMap
from tui.model import Sight
from tui.notice_list import NoticeList
from tui.sight_screen import SightScreen
from tui.status import StatusLine

MAP_COLUMNS, MAP_ROWS = 80, 16
"""On a smaller terminal there is no map, only the list."""
LEAST_COLUMNS, LEAST_ROWS = 30, 8
STREET_DOORS = {"alarm": "alarms", "order": "orders", "flag": "flags"}
"""Where a notice leads that is about no junction."""


class CityScreen(SightScreen):
    """The whole street."""

    AUTO_FOCUS = "#map"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "urgent(1)", "Next", tooltip="The next junction that needs somebody"),
        Binding("p", "urgent(-1)", "The one before that needs somebody", show=False),
        Binding("enter", "enter", "Near", tooltip="See the chosen junction from near"),
        # Priority, so that what is typed at once after it goes into the line.
        Binding("slash", "search", "Find", key_display="/", tooltip="Find by name or street", priority=True),
        Binding("d", "district(1)", "The next district only", show=False),
        Binding("D", "district(-1)", "The district before", show=False),
        Binding("z", "toggle_letters", "Rungs as numbers", show=False),
        Binding("escape", "whole", "The whole city again", show=False),
        Binding("plus,equals_sign", "map_zoom(1)", "Nearer", key_display="+", show=False),
        Binding("minus", "map_zoom(-1)", "Farther", show=False),
        Binding("0", "whole", "The whole city", show=False),
    ]
    CSS = """
    CityScreen #city { height: 1fr; }
    CityScreen #map { width: 1fr; height: 1fr; }
    CityScreen #side { dock: right; width: 36; border-left: solid $primary; }
    CityScreen #what { height: 1; padding: 0 1; text-style: bold; }
    CityScreen #find { display: none; height: 3; }
    CityScreen #find.open { display: block; }
    CityScreen #narrow { display: none; height: auto; max-height: 3; padding: 0 1; text-style: bold reverse; }
    CityScreen.wide #side { width: 48; }
    CityScreen.wider #side { width: 64; }
    CityScreen.narrow #map { display: none; }
    CityScreen.narrow #side { dock: none; width: 1fr; border-left: none; }
    CityScreen.narrow #narrow { display: block; }
    CityScreen.low #card { display: none; }
    CityScreen.high #card { height: 15; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.district = ""
        self._before_search = ""
        self._heading = ""
        self._notices: list[Notice] = []

    def compose(self) -> ComposeResult:
        """Status, list and card first: that is the order in which a screen reader reads."""
        plain = self.console_app.plain
        yield StatusLine()
        yield Static(id="narrow")
        with Horizontal(id="city"):
            with Vertical(id="side"):
                yield Static("Needs attention", id="what")
                yield Input(placeholder="junction, street or district", id="find")
                yield NoticeList(plain)
                yield Card(plain)
            yield StreetMap(plain)
        yield KeyLine()

    @property
    def chosen(self) -> str:
        """The junction that is chosen; empty = none."""
        return self.console_app.chosen

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Map, list and card of this sight."""
        app = self.console_app
        notices = app.notices
        if self.district:
            notices = [n for n in notices if not n.junction or self._is_here(sight, n.junction)]
        self._notices = notices
        self.query_one(StreetMap).see(sight, worst_by_junction(app.notices), stale)
        lines = folded(notices)
        self.query_one(NoticeList).see(lines, sight.station_ms(now_s), stale)
        self._see_card(now_s, stale)
        where = f" in {self.district}" if self.district else ""
        heading = f"Needs attention{where}: {len(lines)}"
        if app.corridor_from:
            heading = "Choose the end of the way, then c"
        if heading != self._heading:
            self._heading = heading
            self.query_one("#what", Static).update(heading)

    def _see_card(self, now_s: float, stale: bool) -> None:
        under = self.query_one(NoticeList).notice
        mine = [n for n in self._notices if n.junction == self.chosen and self.chosen]
        if not self.chosen and under is not None and not under.junction:
            mine = [under]
        self.query_one(Card).see(self.sight, self.chosen, mine, now_s, stale)

    def _is_here(self, sight: Sight, junction: str) -> bool:
        layout = sight.layouts.get(junction)
        return layout is not None and layout.district == self.district

    def choose(self, junction: str) -> None:
        """Choose it everywhere: on the map, in the list, on the card."""
        app = self.console_app
        app.choose(junction)
        self.query_one(StreetMap).choose(junction)
        self.query_one(NoticeList).choose(junction)
        now_s = app.now_s()
        self._see_card(now_s, self.sight.is_stale(now_s))

    # --- messages and keys -----------------------------------------------------------------

    @on(StreetMap.Opened)
    @on(NoticeList.Opened)
    def _open(self, message: StreetMap.Opened | NoticeList.Opened) -> None:
        message.stop()
        self.choose(message.junction)
        self.action_enter()

    @on(StreetMap.Chosen)
    @on(NoticeList.Chosen)
    def _choose(self, message: StreetMap.Chosen | NoticeList.Chosen) -> None:
        message.stop()
        self.choose(message.junction)

    def action_urgent(self, step: int) -> None:
        """The next junction that needs somebody."""
        self.query_one(NoticeList).step(step)

    def action_enter(self) -> None:
        """See the chosen junction from near."""
        notice = self.query_one(NoticeList).notice
        if self.chosen:
            self.console_app.open_door("junction")
        elif notice is not None and notice.kind in STREET_DOORS:
            self.console_app.open_door(STREET_DOORS[notice.kind])
        else:
            self.notify("Choose a junction first: arrows on the map, n for the next urgent, / to find one.")

    def action_search(self) -> None:
        """Type a part of a name."""
        self._before_search = self.chosen
        box = self.query_one("#find", Input)
        box.add_class("open")
        box.value = ""
        self.set_focus(box)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the line itself a slash is a slash."""
        return not (action == "search" and isinstance(self.focused, Input))

    @on(Input.Changed, "#find")
    def _found(self, event: Input.Changed) -> None:
        if (name := self.console_app.find(event.value)) and event.value:
            self.choose(name)

    @on(Input.Submitted, "#find")
    def _close_search(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value and not self.console_app.find(event.value):
            self.notify(
                f"No junction, street or district has {event.value!r} in its name.", severity="warning"
            )
            return
        self._end_search()

    def _end_search(self) -> None:
        self.query_one("#find", Input).remove_class("open")
        self._focus_first()

    def action_whole(self) -> None:
        """No search and what was chosen before it; else no district, and the whole city."""
        box = self.query_one("#find", Input)
        if box.has_class("open"):
            self.choose(self._before_search)
            self._end_search()
            return
        self.district = self.console_app.corridor_from = ""
        self.query_one(StreetMap).action_fit()
        self.catch_up()

    def action_district(self, step: int) -> None:
        """The next district: its part of the map and its notices only; after the last one the whole city."""
        names = ["", *sorted({layout.district for layout in self.sight.layouts.values()} - {""})]
        at = names.index(self.district) if self.district in names else 0
        self.district = names[(at + step) % len(names)]
        self.query_one(StreetMap).show_district(self.district)
        self.catch_up()

    def action_map_zoom(self, direction: int) -> None:
        """Nearer or farther, wherever the cursor is."""
        self.query_one(StreetMap).action_zoom(direction)

    def action_toggle_letters(self) -> None:
        """Numbers of rungs instead of shapes, and back."""
        street_map = self.query_one(StreetMap)
        street_map.letters = not street_map.letters
        self.catch_up()

    # --- size ----------------------------------------------------------------------------------

    def fit_to(self, width: int, height: int) -> None:
        """A map where there is room for one; otherwise the list, and a line that says so."""
        narrow = width < MAP_COLUMNS or height < MAP_ROWS
        self.set_class(narrow, "narrow")
        self.set_class(110 <= width < 160, "wide")
        self.set_class(width >= 160, "wider")
        self.set_class(height < 20, "low")
        self.set_class(height >= 36, "high")
        words = f"{width}×{height}: the map needs {MAP_COLUMNS}×{MAP_ROWS}; make the window larger. The list:"
        if width < LEAST_COLUMNS or height < LEAST_ROWS:
            words = f"{width}×{height} is too small; {MAP_COLUMNS}×24 please."
        self.query_one("#narrow", Static).update(words)
        if narrow and self.focused is self.query_one(StreetMap):
            self.query_one(NoticeList).focus()
        elif not narrow and self.focused is None:
            self._focus_first()

    def _focus_first(self) -> None:
        (self.query_one(NoticeList) if self.has_class("narrow") else self.query_one(StreetMap)).focus()
