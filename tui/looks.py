"""Colours: names of the sixteen that every terminal has, so that a console looks the same over any ssh."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console as Terminal
from rich.terminal_theme import TerminalTheme
from textual.theme import Theme

NIGHT = Theme(
    name="belisha",
    primary="#3b6ea5",
    secondary="#4c8c8c",
    accent="#d7a000",
    foreground="#d8dee4",
    background="#0c1117",
    surface="#0c1117",
    panel="#18222d",
    success="#3fae5a",
    warning="#d7a000",
    error="#e5534b",
    dark=True,
)
SIXTEEN = TerminalTheme(
    (12, 17, 23),
    (216, 222, 228),
    [(24, 34, 45), (214, 72, 66), (63, 174, 90), (204, 150, 20), (90, 150, 220), (196, 110, 200),
     (76, 170, 180), (216, 222, 228)],
    [(110, 122, 134), (255, 99, 90), (98, 214, 120), (250, 200, 60), (130, 180, 245), (240, 140, 240),
     (110, 220, 230), (255, 255, 255)],
)  # fmt: skip
"""What the names of the sixteen colours are on a terminal that can show more."""
PLAIN_THEME = "ansi-dark"
"""The terminal's own sixteen colours, or none."""

CSS = """
Screen { background: $background; }
Screen.stale { color: $text-muted; }
Screen.training StatusLine { margin-top: 1; }
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal can show."""

    theme: str = NIGHT.name
    no_colour: bool = False
    plain: bool = False
    """ASCII only."""


_COLOURLESS = re.compile(r"(dumb|vt[1-3]\d\d)(-.*)?|.*-(m|mono)")
"""Terminals that terminfo gives no colours: the VT100 to VT320, and what calls itself monochrome."""


def look_of(environment: Mapping[str, str] = os.environ) -> Look:
    """What this terminal can show, and what its user wants of it.

    NO_COLOR (no-color.org) set to anything but nothing, or a terminal without any = no colour at all; a
    terminal of sixteen colours gets its own sixteen; BELISHA_ASCII, or a locale that is not UTF-8, = ASCII.
    """
    no_colour = bool(environment.get("NO_COLOR") or _COLOURLESS.fullmatch(environment.get("TERM", "")))
    few = Terminal(force_terminal=True, _environ=environment).color_system in (None, "standard", "windows")
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or "C.UTF-8"
    plain = bool(environment.get("BELISHA_ASCII")) or "utf" not in locale.lower()
    return Look(PLAIN_THEME if few or no_colour else NIGHT.name, no_colour, plain)
