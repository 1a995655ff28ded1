"""The last look at every line of a screen where only ASCII can be shown: nothing else goes to the terminal.

What the console itself draws has shapes of its own in ASCII; frames, bars for scrolling, the mark of what
was cut and names of places come from elsewhere, and are put into the nearest letters here, cell for cell.
"""

from __future__ import annotations

from unicodedata import combining, name, normalize

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from tui.lamps import RUNGS

UNKNOWN = "?"
_LIKE = {sign.shape: sign.plain for sign in RUNGS} | {
    "…": "~", "×": "x", "·": ".", "•": "*", "–": "-", "—": "-", "−": "-", "±": "+", "→": ">", "←": "<",
    "↑": "^", "↓": "v", "▲": "^", "▼": "v", "▶": ">", "◀": "<", "✔": "v", "⚠": "!", "‼": "!", "≥": ">",
    "≤": "<", "’": "'", "‘": "'", "“": '"', "”": '"', "°": "o", "▔": "-", "▁": "_", "█": "#", "▒": "=",
    "ß": "s", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "»": ">", "«": "<", "⏎": "<", "🔎": "/ ",
}  # fmt: skip


class _Nearest(dict[int, str]):
    """By character, as `str.translate` asks: what is written in its place, as wide as it was."""

    def __missing__(self, code: int) -> str:
        self[code] = found = chr(code) if code < 128 else nearest(chr(code))
        return found


def nearest(character: str) -> str:
    """ASCII as wide as this character; empty for one without width, as an accent that is written after."""
    cells = cell_len(character)
    if cells == 0 or combining(character):
        return ""
    found = _LIKE.get(character) or _frame(name(character, "")) or normalize("NFKD", character)[0]
    return found if found.isascii() and len(found) == cells else UNKNOWN * cells


def _frame(words: str) -> str:
    """Of lines and corners, by the name that Unicode has for them; empty of what is none."""
    if words.startswith("BOX DRAWINGS"):
        if " AND " in words or "DIAGONAL" in words:
            return "+"
        return "|" if any(way in words for way in ("VERTICAL", "UP", "DOWN")) else "-"
    if words.endswith("BLOCK") or words.startswith("QUADRANT"):
        return "|" if "LEFT" in words or "RIGHT" in words else "#"
    return ""


class AsciiOnly(LineFilter):
    """Writes every line in ASCII."""

    def __init__(self) -> None:
        super().__init__()
        self._table = _Nearest()

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line, cell for cell."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(segment.text.translate(self._table), segment.style)
            for segment in segments
        ]
