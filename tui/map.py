"""The map: streets as fine lines, junctions as marks, one widget that redraws only the cells that changed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.attention import Notice
from tui.braille import DOTS_ACROSS, DOTS_DOWN, Drawing, Lines, Window, draw, fitting, lines_of
from tui.cut import cut
from tui.mark_table import ALONE, LEFT, MIDDLE, RIGHT, Inks, MarkTable
from tui.marks import approach_count
from tui.model import Sight

ZOOM_STEP = 1.5
PAN_CELLS = 8
ROAD_STYLE, STALE_STYLE, NAME_STYLE, DISTRICT_STYLE = "dim", "dim", "", "italic dim"
CHOSEN_STYLE = "bold reverse"
WIDE_CELLS = 6
"""From one junction to the next this far apart on average, a mark has its three cells."""
NAMED_CELLS = 15
"""... and its name."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the junctions of a layout are; arrays in the order of `names`."""

    names: tuple[str, ...]
    x_m: np.ndarray
    y_m: np.ndarray
    districts: dict[str, tuple[float, float]]
    """Middle of each."""
    spacing_m: float
    """Of two neighbours, about."""
    approaches: dict[str, int]


def places_of(sight: Sight) -> Places:
    """Read once for each layout."""
    names = tuple(sight.layouts)
    x_m = np.array([layout.x_m for layout in sight.layouts.values()], np.float64)
    y_m = np.array([layout.y_m for layout in sight.layouts.values()], np.float64)
    of_district: dict[str, list[int]] = {}
    for k, layout in enumerate(sight.layouts.values()):
        of_district.setdefault(layout.district, []).append(k)
    districts = {d: (float(x_m[at].mean()), float(y_m[at].mean())) for d, at in of_district.items() if d}
    spacing_m = 1.0
    if len(names) > 1:
        area_m2 = max(float(np.ptp(x_m)), 1.0) * max(float(np.ptp(y_m)), 1.0)
        spacing_m = max(1.0, (area_m2 / len(names)) ** 0.5)
    approaches = {name: approach_count(layout) for name, layout in sight.layouts.items()}
    return Places(names, x_m, y_m, districts, spacing_m, approaches)


class StreetMap(Widget, can_focus=True):
    """Streets and junctions. Says `Chosen` when the user picks a junction, `Opened` when he enters it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(0, 1)", "Next junction that way", show=False),
        Binding("down", "step(0, -1)", "Next junction that way", show=False),
        Binding("left", "step(-1, 0)", "Next junction that way", show=False),
        Binding("right", "step(1, 0)", "Next junction that way", show=False),
        Binding("shift+up,K", "pan(0, -1)", "Move the map", show=False),
        Binding("shift+down,J", "pan(0, 1)", "Move the map", show=False),
        Binding("shift+left,H", "pan(-1, 0)", "Move the map", show=False),
        Binding("shift+right,L", "pan(1, 0)", "Move the map", show=False),
        Binding("plus,equals_sign", "zoom(1)", "Nearer", key_display="+", show=False),
        Binding("minus", "zoom(-1)", "Farther", key_display="-", show=False),
        Binding("0", "fit", "The whole city", show=False),
    ]

    class Chosen(Message):
        """The user picked a junction on the map."""

        def __init__(self, junction: str) -> None:
            self.junction = junction
            super().__init__()

    class Opened(Chosen):
        """The user wants to see it from near."""

    def __init__(self, plain: bool = False) -> None:
        super().__init__(id="map")
        self.plain, self.letters, self.stale = plain, False, False
        self.chosen = ""
        self.window = Window(0.0, 0.0, 10.0, 1, 1)
        self._whole = True
        """The window still shows the whole city, and goes on doing so when the terminal changes its size."""
        self._layout_number = -1
        self._places = places_of(Sight())
        self._place_of: dict[str, int] = {}
        self._lines: Lines = lines_of(())
        self._sight = Sight()
        self._worst: dict[str, Notice] = {}
        self._road: Drawing | None = None
        self._characters: np.ndarray = np.full((0, 0), " ")
        self._inks: np.ndarray = np.zeros((0, 0), np.int16)
        self._ink = Inks()
        self._marks = MarkTable((), {}, self._ink)
        self._ink_styles: list[Style] = []
        """Of each ink on this widget's background; empty = to be made anew."""
        self._labels: list[tuple[int, int, str]] = []
        self._strips: dict[int, Strip] = {}
        self._drag: tuple[int, int] | None = None

    # --- what is shown ------------------------------------------------------------------

    def see(self, sight: Sight, worst: dict[str, Notice], stale: bool) -> None:
        """Show this; `worst` is the most urgent notice of each junction that has one."""
        if sight.layout_number != self._layout_number:
            self._layout_number = sight.layout_number
            self._places = places_of(sight)
            self._place_of = {name: k for k, name in enumerate(self._places.names)}
            self._marks = MarkTable(self._places.names, self._places.approaches, self._ink)
            self._lines = lines_of([road.points_m for road in sight.roads])
            self._whole, self._road = True, None
            if self.chosen not in sight.layouts:
                self.chosen = ""
            self._fit()
        self._sight, self._worst, self.stale = sight, worst, stale
        self._draw_cells()

    def choose(self, junction: str) -> None:
        """Show which junction is meant; the map follows when it is not in sight."""
        self.chosen = junction
        at = self._sight.layouts.get(junction)
        if at is not None and not self._whole:
            (column,), (row,), _ = self.window.cells(np.array([at.x_m]), np.array([at.y_m]))
            if not (2 <= column < self.window.columns - 2 and 1 <= row < self.window.rows - 1):
                self._move(self.window.centred(at.x_m, at.y_m))
                return
        self._draw_cells()

    def show_district(self, district: str) -> None:
        """All junctions of a district; the whole city for none."""
        inside = [k for k, name in enumerate(self._places.names) if self._district(name) == district]
        if not inside:
            self.action_fit()
            return
        x_m, y_m = self._places.x_m[inside], self._places.y_m[inside]
        self._whole = False
        self._move(fitting(x_m, y_m, self.size.width, self.size.height))

    def _district(self, junction: str) -> str:
        return self._sight.layouts[junction].district

    def _fit(self) -> None:
        size = self.size
        if size.width and size.height:
            self.window = fitting(self._places.x_m, self._places.y_m, size.width, size.height)
            self._road = None

    def _move(self, window: Window) -> None:
        self.window, self._road = window, None
        self._draw_cells()

    # --- drawing -------------------------------------------------------------------------

    def _draw_cells(self) -> None:
        """Draw everything into cells, and refresh the rows in which one is another."""
        window = self.window
        if not self.size.width or (window.columns, window.rows) != self.size:
            return
        if self._road is None:
            self._road = draw(self._lines, window, self.plain)
            self._labels = self._district_labels()
        characters: np.ndarray = self._road.characters.copy()
        inks: np.ndarray = np.full(characters.shape, self._ink.number(ROAD_STYLE), np.int16)
        for label_row, column, district in self._labels:
            self._write(characters, inks, label_row, column, district, DISTRICT_STYLE)
        self._marks.update(self._sight.junctions, self._worst, self.letters, self.plain)
        self._draw_junctions(characters, inks)
        if self.stale:
            inks[:] = self._ink.number(STALE_STYLE)
        if characters.shape != self._characters.shape:
            self._strips.clear()
            self._characters, self._inks = characters, inks
            self.refresh()
            return
        differs = (characters != self._characters) | (inks != self._inks)
        self._characters, self._inks = characters, inks
        regions = []
        for row in np.flatnonzero(differs.any(1)):
            self._strips.pop(int(row), None)
            columns = np.flatnonzero(differs[row])
            left, right = int(columns[0]), int(columns[-1])
            regions.append(Region(left, int(row), right - left + 1, 1))
        if regions:
            self.refresh(*regions)

    def _cells_apart(self) -> float:
        return self._places.spacing_m / (self.window.metres_a_dot * DOTS_ACROSS)

    def _district_labels(self) -> list[tuple[int, int, str]]:
        """(row, column, name) of each district, as near to its middle as no junction and no other name is."""
        if self._cells_apart() >= NAMED_CELLS or len(self._places.districts) < 2:
            return []
        columns, rows, inside = self.window.cells(self._places.x_m, self._places.y_m)
        taken = {(int(rows[k]), int(columns[k]) + d) for k in np.flatnonzero(inside) for d in range(-2, 3)}
        out = []
        for district, (x_m, y_m) in self._places.districts.items():
            (column,), (row,), (seen,) = self.window.cells(np.array([x_m]), np.array([y_m]))
            left = int(column) - len(district) // 2
            for at in (int(row) + d for d in (0, 1, -1, 2, -2, 3, -3)) if seen else ():
                cells = {(at, left + k) for k in range(len(district))}
                if not cells & taken:
                    out.append((at, left, district))
                    taken |= cells | {(at, left - 1), (at, left + len(district))}
                    break
        return out

    def _draw_junctions(self, characters: np.ndarray, inks: np.ndarray) -> None:
        """All marks at once, the heaviest last; then names where there is room, and what is chosen."""
        places, marks, apart = self._places, self._marks, self._cells_apart()
        columns, rows, inside = self.window.cells(places.x_m, places.y_m)
        drawn = np.flatnonzero(inside & marks.known)
        drawn = drawn[np.argsort(marks.weight[drawn], kind="stable")]
        for part, shift in ((LEFT, -1), (MIDDLE, 0), (RIGHT, 1)) if apart >= WIDE_CELLS else ((ALONE, 0),):
            at = columns[drawn] + shift
            shown = (at >= 0) & (at < self.window.columns) & (marks.characters[drawn, part] != " ")
            which = drawn[shown]
            characters[rows[which], at[shown]] = marks.characters[which, part]
            inks[rows[which], at[shown]] = marks.inks[which, part]
        if apart >= NAMED_CELLS:
            for k in drawn:
                row, column = int(rows[k]) + 1, int(columns[k]) - 1
                beside = columns[drawn][(rows[drawn] == rows[k]) & (columns[drawn] > columns[k])]
                room = min(int(beside.min()) - 1 if beside.size else self.window.columns, self.window.columns)
                label = cut(self._sight.title(places.names[k]), room - column - 1)
                self._write(characters, inks, row, column, label, NAME_STYLE)
        chosen = self._place_of.get(self.chosen, -1)
        if chosen >= 0 and inside[chosen] and marks.known[chosen]:
            shape = str(marks.characters[chosen, MIDDLE])
            self._draw_chosen(characters, inks, int(rows[chosen]), int(columns[chosen]), shape)

    def _draw_chosen(
        self, characters: np.ndarray, inks: np.ndarray, row: int, column: int, shape: str
    ) -> None:
        self._write(characters, inks, row, column - 1, f"[{shape}]", CHOSEN_STYLE)
        label = f" {self.chosen} "
        at = column + 2 if column + 2 + len(label) <= self.window.columns else column - 1 - len(label)
        self._write(characters, inks, row, at, label, CHOSEN_STYLE)

    def _write(
        self, characters: np.ndarray, inks: np.ndarray, row: int, column: int, text: str, style: str
    ) -> None:
        """Text over what is there; what does not fit is left out."""
        first, last = max(0, column), min(self.window.columns, column + len(text))
        if 0 <= row < self.window.rows and first < last:
            characters[row, first:last] = list(text[first - column : last - column])
            inks[row, first:last] = self._ink.number(style)

    def render_line(self, y: int) -> Strip:
        """One row, as strips of equal style; kept until a cell of it changes."""
        if y not in self._strips:
            self._strips[y] = self._make_strip(y)
        return self._strips[y]

    def _make_strip(self, y: int) -> Strip:
        if len(self._ink_styles) < len(self._ink.styles):
            base = self.rich_style
            self._ink_styles = [base + Style.parse(style or "none") for style in self._ink.styles]
        width = self.size.width
        if y >= len(self._characters) or self._characters.shape[1] != width:
            return Strip.blank(width, self._ink_styles[0])
        line, inks = "".join(self._characters[y].tolist()), self._inks[y]
        starts = [0, *(np.flatnonzero(np.diff(inks)) + 1).tolist(), width]
        segments = [Segment(line[a:b], self._ink_styles[inks[a]]) for a, b in pairwise(starts)]
        return Strip(segments, width)

    def notify_style_update(self) -> None:
        """Another theme: every row is made anew."""
        self._strips.clear()
        self._ink_styles = []
        super().notify_style_update()

    # --- keys and mouse --------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Keep the middle, or the whole city where that was to be seen."""
        if self._whole:
            self._fit()
        else:
            self.window = self.window.resized(event.size.width, event.size.height)
        self._road = None
        self._draw_cells()

    def action_zoom(self, direction: int) -> None:
        """Nearer or farther, around what is chosen."""
        column = row = None
        if (at := self._sight.layouts.get(self.chosen)) is not None:
            (c,), (r,), (inside,) = self.window.cells(np.array([at.x_m]), np.array([at.y_m]))
            if inside:
                column, row = float(c), float(r)
        self._whole = False
        self._move(self.window.zoomed(ZOOM_STEP**direction, column, row))

    def action_pan(self, right: int, down: int) -> None:
        """Move the map by a few cells."""
        self._whole = False
        self._move(self.window.panned(right * PAN_CELLS, down * PAN_CELLS / 2))

    def action_fit(self) -> None:
        """The whole city."""
        self._whole = True
        self._fit()
        self._draw_cells()

    def action_step(self, east: int, north: int) -> None:
        """Choose the nearest junction in that direction."""
        places = self._places
        at = self._sight.layouts.get(self.chosen)
        if at is None:
            x_m, y_m = self.window.middle_x_m, self.window.middle_y_m
        else:
            x_m, y_m = float(at.x_m), float(at.y_m)
        dx, dy = places.x_m - x_m, places.y_m - y_m
        ahead, aside = dx * east + dy * north, np.abs(dx * north) + np.abs(dy * east)
        # Twice as far aside counts as out of the direction; straight ahead beats near by.
        cost = np.where((ahead > 1.0) & (aside <= 2 * ahead), ahead + 2 * aside, np.inf)
        if at is None:
            cost = np.hypot(dx, dy)
        if len(cost) and np.isfinite(cost.min()):
            self.post_message(self.Chosen(places.names[int(cost.argmin())]))

    def junction_at(self, column: int, row: int) -> str:
        """The junction whose mark is there, or next to it; empty when none is."""
        columns, rows, inside = self.window.cells(self._places.x_m, self._places.y_m)
        reach = np.where(inside, np.abs(columns - column) + 2 * np.abs(rows - row), 99)
        return self._places.names[int(reach.argmin())] if len(reach) and reach.min() <= 3 else ""

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Nearer, where the mouse is."""
        self._zoom_at(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Farther."""
        self._zoom_at(event, -1)

    def _zoom_at(self, event: events.MouseEvent, direction: int) -> None:
        event.stop()
        self._whole = False
        self._move(self.window.zoomed(ZOOM_STEP**direction, float(event.x), float(event.y)))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to drag."""
        self._drag = (event.screen_x, event.screen_y)
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag."""
        if self._drag is None:
            return
        right, down = self._drag[0] - event.screen_x, self._drag[1] - event.screen_y
        if right or down:
            self._drag = (event.screen_x, event.screen_y)
            self._whole = False
            self._move(self.window.panned(right, down))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End of dragging."""
        self._drag = None
        self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """Choose; twice opens."""
        if name := self.junction_at(event.x, event.y):
            self.post_message(self.Opened(name) if event.chain > 1 else self.Chosen(name))


assert DOTS_DOWN == 2 * DOTS_ACROSS, "one scale serves both directions"
