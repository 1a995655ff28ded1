"""Bounds of the fields of messages: they stand beside each field as its annotation.

`Annotated[int, whole(5)]` is a whole number from 0 to 5; `wire` reads them, nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass

U63 = (1 << 63) - 1
NAME_CHARACTERS = 64
REASON_CHARACTERS = 200
JUNCTIONS_PER_ORDER = 64
LEGS_MAX = 64
JUNCTIONS_PER_PART = 200
NONCE_BYTES = 16
DIGEST_BYTES = 32
BOOT_BYTES = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `low` to `high`: a number, or the length of a text, a list or bytes."""

    low: int
    high: int
    characters: int = NAME_CHARACTERS
    """Of each text in a list."""


def whole(high: int = U63, low: int = 0) -> Bounds:
    """A whole number in low..high."""
    return Bounds(low, high)


def text(longest: int = NAME_CHARACTERS, shortest: int = 0) -> Bounds:
    """Printable text, so many characters long."""
    return Bounds(shortest, longest)


def exactly(size: int) -> Bounds:
    """So many bytes."""
    return Bounds(size, size)


def items(most: int, least: int = 0, characters: int = NAME_CHARACTERS) -> Bounds:
    """A list of so many; its items are texts of 1 to `characters`, whole numbers or records."""
    return Bounds(least, most, characters)
