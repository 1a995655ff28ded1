"""Colours: names of the sixteen that every terminal has, so that a console looks the same over any ssh."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rich.console import Console as Terminal
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
PLAIN_THEME = "ansi-dark"
"""The terminal's own sixteen colours, or none."""

CSS = """
Screen { background: $background; }
Screen.stale { color: $text-muted; }
Footer { background: $panel; }
"""


def wants_no_colour(environment: Mapping[str, str] = os.environ) -> bool:
    """NO_COLOR (no-color.org): set to anything but nothing."""
    return bool(environment.get("NO_COLOR"))


def theme_name(environment: Mapping[str, str] = os.environ) -> str:
    """Our own where the terminal has 256 colours or more; its own sixteen elsewhere."""
    if wants_no_colour(environment):
        return PLAIN_THEME
    few = Terminal(force_terminal=True).color_system in (None, "standard", "windows")
    return PLAIN_THEME if few else NIGHT.name


def wants_plain(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether only ASCII may be drawn: BELISHA_ASCII, or a locale that is not UTF-8."""
    if environment.get("BELISHA_ASCII"):
        return True
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or "C.UTF-8"
    return "utf" not in locale.lower()
