"""How a lamp is told apart: by its letter, by its shape and by its colour, each enough alone.

Letters are those of the wire (`JunctionView.lamps`). Colours are names of the sixteen that every terminal
has; a screen without colour leaves them out and loses nothing. Shapes differ in outline, not in shade.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LampSign:
    """How one lamp is shown."""

    letter: str
    shape: str
    plain: str
    """The shape where only ASCII can be shown; two different lamps never share one."""
    colour: str
    """One of the sixteen, as rich names them; empty = the terminal's own."""
    words: str
    bold: bool = False

    @property
    def style(self) -> str:
        """For a screen with colours."""
        return f"{'bold ' if self.bold else ''}{self.colour}".strip()

    def cell(self, plain: bool = False) -> str:
        """Shape and letter, two cells wide."""
        return (self.plain if plain else self.shape) + self.letter


LAMPS: dict[str, LampSign] = {
    sign.letter: sign
    for sign in (
        LampSign("R", "■", "#", "red", "red"),
        LampSign("G", "▲", "^", "bright_green", "green", bold=True),
        LampSign("Y", "◆", "<", "bright_yellow", "yellow", bold=True),
        LampSign("C", "▽", "v", "bright_cyan", "clearing"),
        LampSign("F", "✖", "x", "bright_red", "flashing red", bold=True),
        LampSign("A", "◇", "*", "yellow", "flashing amber", bold=True),
        LampSign("D", "·", ".", "bright_black", "dark"),
    )
}
"""Every letter of the wire."""
UNKNOWN = LampSign("?", "?", "?", "magenta", "not known", bold=True)
FEET = frozenset({"pedestrian"})
"""Kinds of groups whose lamps speak of walking."""
KIND_SIGNS = {
    "vehicle": ("car", "c"),
    "pedestrian": ("foot", "f"),
    "bus": ("bus", "b"),
    "bicycle": ("bike", "y"),
}
"""Word and letter of a kind of group, as `GroupLayout.kind` has it."""


def lamp(letter: str) -> LampSign:
    """How this letter is shown; what we do not know is said to be unknown, never guessed."""
    return LAMPS.get(letter, UNKNOWN)


def lamp_words(letter: str, kind: str = "vehicle") -> str:
    """What the lamp says to who stands before it."""
    sign = lamp(letter)
    if kind in FEET:
        return {"R": "don't walk", "G": "walk", "C": "finish crossing"}.get(sign.letter, sign.words)
    return sign.words


def kind_word(kind: str) -> str:
    """A kind of group in four letters at most."""
    return KIND_SIGNS.get(kind, (kind[:4], ""))[0]


@dataclass(frozen=True, slots=True)
class RungSign:
    """How a rung of the ladder is shown."""

    rung: int
    shape: str
    plain: str
    colour: str
    word: str
    words: str


RUNGS = (
    RungSign(0, "●", "o", "green", "adaptive", "adaptive, with its neighbours"),
    RungSign(1, "◐", "1", "cyan", "substituted", "adaptive, some data substituted"),
    RungSign(2, "◒", "2", "bright_yellow", "actuated", "local, failed detectors on recall"),
    RungSign(3, "▣", "3", "yellow", "plan", "coordinated fixed plan"),
    RungSign(4, "▢", "4", "bright_magenta", "free plan", "free fixed plan"),
    RungSign(5, "✖", "X", "bright_red", "FLASH", "flash"),
)
"""By rung; shape, letter and colour are each enough to tell them apart."""


def rung(number: int) -> RungSign:
    """How a rung is shown."""
    return (
        RUNGS[number] if 0 <= number < len(RUNGS) else RungSign(number, "?", "?", "magenta", "?", "unknown")
    )
