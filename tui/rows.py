"""A table whose rows have names: new contents move neither the cursor off its row nor the view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable
from textual.widgets.data_table import RowDoesNotExist


@dataclass(frozen=True, slots=True)
class Row:
    """One row, known by its key."""

    key: str
    cells: tuple[Text, ...]


class Rows(DataTable[Text]):
    """Says `Moved` when the cursor came to another row, by whatever way."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "First row", show=False),
        Binding("end", "scroll_bottom", "Last row", show=False),
    ]
    DEFAULT_CSS = """
    Rows { height: 1fr; background: $surface; }
    """

    class Moved(Message):
        """The cursor stands on another row; empty = there is none."""

        def __init__(self, table: Rows, key: str) -> None:
            self.table = table
            self.key = key
            super().__init__()

        @property
        def control(self) -> Rows:
            """The table."""
            return self.table

    def __init__(self, columns: Sequence[str], id: str | None = None, empty: str = "") -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False, show_cursor=True)
        self.cell_padding = 1
        self.names = tuple(columns)
        self.empty = empty
        """What is said where there are no rows."""
        self.rows_shown: tuple[Row, ...] = ()
        self._said = ""

    def on_mount(self) -> None:
        """The columns."""
        for name in self.names:
            self.add_column(name, key=name)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """These, in this order."""
        rows = tuple(rows)
        if not self.columns or rows == self.rows_shown:
            return
        if [row.key for row in rows] == [row.key for row in self.rows_shown]:
            for row, before in zip(rows, self.rows_shown, strict=True):
                for name, cell, was in zip(self.names, row.cells, before.cells, strict=True):
                    if cell != was:
                        self.update_cell(row.key, name, cell, update_width=True)
            self.rows_shown = rows
            return
        kept, top = self.chosen, self.scroll_y
        self.clear()
        for row in rows:
            self.add_row(*row.cells, key=row.key)
        self.rows_shown = rows
        self.choose(kept)
        self.scroll_to(y=top, animate=False)
        self._say()

    @property
    def chosen(self) -> str:
        """The key of the row under the cursor; empty = none."""
        at = self.cursor_row
        return self.rows_shown[at].key if 0 <= at < len(self.rows_shown) else ""

    def choose(self, key: str) -> None:
        """Put the cursor on a row, where it is there."""
        if not key:
            return
        try:
            self.move_cursor(row=self.get_row_index(key), animate=False)
        except RowDoesNotExist:
            return

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """The cursor moved."""
        event.stop()
        self._say()

    def _say(self) -> None:
        if self.chosen != self._said:
            self._said = self.chosen
            self.post_message(self.Moved(self, self.chosen))
