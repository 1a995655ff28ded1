"""Words where there is less room than they need: that something is left out is seen."""

from __future__ import annotations

from collections.abc import Sequence

LEFT_OUT = "…"
END_CELLS = 4


def cut(words: str, cells: int) -> str:
    """Words in so many cells, the end left out; nothing where not even a letter would be left."""
    if len(words) <= cells:
        return words
    return f"{words[: cells - 1].rstrip()}{LEFT_OUT}" if cells > 1 else ""


def told_apart(names: Sequence[str], cells: int) -> list[str]:
    """Names in so many cells: without the end of a long one, or its middle where ends tell them apart."""
    short = [cut(name, cells) for name in names]
    if len(set(short)) == len(short):
        return short
    begin = max(0, cells - END_CELLS - 1)
    return [n if len(n) <= cells else f"{n[:begin]}{LEFT_OUT}{n[-END_CELLS:]}" for n in names]
