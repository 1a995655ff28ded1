"""What every dialog of the console has: the latest sight while it is open, and a way back by one key."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

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

    def action_back(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)
