"""Help: every key that works on the screen in front, taken from that screen, and what the signs mean."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.attention import MARKS, STYLES
from tui.lamps import LAMPS, RUNGS
from tui.marks import BUSY_MARKS, CALM_SHAPE, ORDER_MARK, ORDER_STYLE
from tui.palette import FRAMEWORK


class KeysHelp(ModalScreen[None]):
    """Leaves at any key that leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "Back", key_display="esc"),
    ]
    DEFAULT_CSS = """
    KeysHelp { align: center middle; }
    KeysHelp VerticalScroll { width: 76; max-width: 100%; height: auto; max-height: 95%;
        border: round $primary; background: $surface; padding: 0 1; }
    """

    def __init__(self, screen: Screen[object]) -> None:
        super().__init__()
        self._keys = keys_of(screen)

    def compose(self) -> ComposeResult:
        """Keys, then signs."""
        with VerticalScroll():
            yield Static(keys_table(self._keys))
            yield Static(signs_text())


def keys_of(screen: Screen[object]) -> list[tuple[str, str]]:
    """(key, what it does) of every key that works there now, in the order in which it was bound."""
    found: dict[str, list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.description and not binding.system:
            key = screen.app.get_key_display(binding)
            words = binding.tooltip or FRAMEWORK.get(binding.description, binding.description)
            if key not in found.setdefault(words, []):
                found[words].append(key)
    ours = {words: keys for words, keys in found.items() if words not in FRAMEWORK.values()}
    return [(" ".join(keys), words) for words, keys in {**ours, **found}.items()]


def keys_table(keys: list[tuple[str, str]]) -> Table:
    """Two columns."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for key, words in keys:
        table.add_row(key, words)
    return table


def signs_text() -> Text:
    """What the signs on the map and the lamps mean."""
    text = Text("\nJunctions\n", "bold")
    text.append(f" {CALM_SHAPE} ", "bold green").append("adaptive, calm\n")
    for sign in RUNGS:
        text.append(f" {sign.shape} ", f"bold {sign.colour}").append(f"{sign.words} (rung {sign.rung})\n")
    text.append("Beside them\n", "bold")
    for urgency, mark in MARKS.items():
        text.append(f" {mark} ", STYLES[urgency]).append(
            {"now": "look now\n", "soon": "look soon\n", "know": "to know\n"}[urgency.value]
        )
    text.append(f" {ORDER_MARK} ", ORDER_STYLE).append("somebody's order acts\n")
    text.append(f" {' '.join(BUSY_MARKS[1:])} ").append("busy: some, much, full, a promise broken\n")
    text.append("Lamps\n", "bold")
    for lamp in LAMPS.values():
        text.append(f" {lamp.cell()} ", lamp.style).append(f"{lamp.words}  ")
    return text
