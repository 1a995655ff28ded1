"""What every dialog of the console has: the latest sight while it is open, and a way back by one key."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList

from tui.model import Sight
from tui.tour import END_KEY, NEXT_KEY, show_tour

if TYPE_CHECKING:
    from tui.app import BelishaConsole

Answer = TypeVar("Answer")
LOOK_S = 0.25
"""Times left are counted down in a dialog so often."""


class Dialog(ModalScreen[Answer | None], Generic[Answer]):
    """Typed by its answer; None = nothing was done. Escape goes back, and does nothing else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding(NEXT_KEY, "app.tour", "Guided tour", show=False),
        Binding(END_KEY, "app.end_tour", "End the tour", show=False),
    ]
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > .box { width: 100%; max-width: 104; height: auto; max-height: 100%; padding: 0 1;
        background: $surface; border: round $primary; }
    Dialog .heading { text-style: bold; height: auto; }
    Dialog .words { height: auto; }
    Dialog OptionList, Dialog OptionList:focus { height: auto; max-height: 16; border: none; padding: 0;
        background: $surface; }
    Dialog Input { display: none; }
    Dialog Input.open { display: block; }
    """

    @property
    def console_app(self) -> BelishaConsole:
        """The application, by its own type."""
        return cast("BelishaConsole", self.app)

    @property
    def sight(self) -> Sight:
        """The latest."""
        return self.console_app.sight

    def on_mount(self) -> None:
        """Look at the sight from now on."""
        self.set_interval(LOOK_S, self._look)
        self.call_after_refresh(self._look)

    def _look(self) -> None:
        self.look()
        show_tour(self, self.console_app.tour, self.console_app)

    def look(self) -> None:
        """Take in what changed on the street. Called a few times a second."""

    # --- lists to choose from, and the line to type into --------------------------------------

    def pick(self, value: str) -> None:
        """An option of the list was chosen. For dialogs that have one."""

    def on_key(self, event: Key) -> None:
        """Digits choose at once, each from the list that stands there when it is read: the next digit of who
        types ahead answers the next question. What is typed before the line has the focus goes into it."""
        boxes, lines = self.query(OptionList), self.query("#typed")
        if not event.character or not event.is_printable or not boxes:
            return
        line, box = lines.first(Input) if lines else None, boxes.first()
        if line is not None and line.has_class("open"):
            event.stop()
            line.insert_text_at_cursor(event.character)
        elif event.character in "123456789" and box.display and int(event.character) <= box.option_count:
            event.stop()
            at = int(event.character) - 1
            box.highlighted = at
            self.pick(box.get_option_at_index(at).id or "")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or the mouse; not one of a list that has been another since."""
        event.stop()
        box, at = event.option_list, event.option_index
        if box.display and at < box.option_count and box.get_option_at_index(at) is event.option:
            self.pick(event.option_id or "")

    def action_back(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)
