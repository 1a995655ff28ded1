"""What a signal head really lights, bit by bit, and what that says: one lamp, none, or two at once.

Feedback comes from lamps, not from wishes, so it can be what nobody ever commanded: a
dark head, or red and green together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from controller.monitor.lamps import (
    CLEARANCE,
    DARK,
    FLASH_AMBER,
    FLASH_RED,
    GREEN,
    LAMPS,
    RED,
    YELLOW,
    Bools,
    Int8s,
)

Bits = npt.NDArray[np.uint8]

RED_BIT, YELLOW_BIT, GREEN_BIT, WALK_BIT, DONT_WALK_BIT, FLASHING_BIT = 1, 2, 4, 8, 16, 32
"""Lenses of a head, and whether what is lit goes on and off."""

DUAL = LAMPS
"""Feedback only: lenses lit together that say two things, or those of another kind of head."""

_VEHICLE = {
    0: DARK,
    RED_BIT: RED,
    YELLOW_BIT: YELLOW,
    GREEN_BIT: GREEN,
    RED_BIT | FLASHING_BIT: FLASH_RED,
    YELLOW_BIT | FLASHING_BIT: FLASH_AMBER,
}
_PEDESTRIAN = {
    0: DARK,
    DONT_WALK_BIT: RED,
    WALK_BIT: GREEN,
    DONT_WALK_BIT | FLASHING_BIT: CLEARANCE,
}


def _reading() -> Int8s:
    table = np.full((2, 256), DUAL, np.int8)
    for kind, lawful in enumerate((_VEHICLE, _PEDESTRIAN)):
        for bits, lamp in lawful.items():
            table[kind, bits] = lamp
        table[kind, FLASHING_BIT] = DARK
    return table


def _lighting() -> Bits:
    table = np.zeros((2, LAMPS), np.uint8)
    for kind, lawful in enumerate((_VEHICLE, _PEDESTRIAN)):
        for bits, lamp in lawful.items():
            table[kind, lamp] = bits
    return table


_LAMP_OF = _reading()
_BITS_OF = _lighting()


def lamps_lit(bits: Bits, pedestrian: Bools) -> Int8s:
    """Lamp codes (G) that heads (G) show: `DARK` where nothing is lit, `DUAL` where too much is."""
    lamps: Int8s = _LAMP_OF[pedestrian.astype(np.intp), bits]
    return lamps


def bits_lit(lamps: Int8s, pedestrian: Bools) -> Bits:
    """What sound heads (G) light for these lamps (G); nothing for a lamp that such a head does not have."""
    known = (lamps >= 0) & (lamps < LAMPS)
    bits: Bits = np.where(known, _BITS_OF[pedestrian.astype(np.intp), np.where(known, lamps, DARK)], 0)
    return bits.astype(np.uint8)
