"""What the lamps look like, as inside of an SVG of 24 by 24: told apart by shape, not by colour."""

from __future__ import annotations

from markupsafe import Markup

from override.citizen.pages import Showing

_STANDS = '<circle cx="12" cy="4" r="2"/><path d="M12 7v8M9 8v6M15 8v6M10.5 15v7M13.5 15v7"/>'
_WALKS = '<circle cx="12" cy="4" r="2"/><path d="M12 7v7l-4 8M12 14l4 8M7 13l5-5 5 4"/>'
_BOX = '<rect x="7" y="2" width="10" height="20" rx="3"/>'
LAMPS: dict[Showing, Markup] = {
    showing: Markup(inside)
    for showing, inside in {
        Showing.WALK: _WALKS,
        Showing.FINISH: _WALKS + '<path d="M19 4v8M19 16v.5"/>',
        Showing.WAIT: _STANDS,
        Showing.FLASH: '<circle cx="12" cy="12" r="4"/>'
        '<path d="M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2"/>',
        Showing.DARK: _BOX + '<path d="M4 4l16 16"/>',
        Showing.GREEN: _BOX + '<circle cx="12" cy="17.5" r="2.5" fill="currentColor"/>',
        Showing.YELLOW: _BOX + '<circle cx="12" cy="12" r="2.5" fill="currentColor"/>',
        Showing.UNKNOWN: '<path d="M8 8a4 4 0 1 1 6 3.5c-1.5 1-2 1.5-2 3.5M12 19.5v.5"/>',
    }.items()
}  # fmt: skip
