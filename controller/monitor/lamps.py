"""The monitor's own copy of the lamp numbers, and which change of lamp is lawful.

It is a copy on purpose: a mistake in the engine's numbering must meet a second opinion.
A test compares the two.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

RED, GREEN, YELLOW, CLEARANCE, FLASH_RED, FLASH_AMBER, DARK = range(7)
LAMPS = 7
LAMP_NAMES = ("red", "green", "yellow", "clearance", "flashing red", "flashing amber", "dark")

OK = 0
"""Cell of `TRANSITIONS`: lawful. Any other cell is the number of the check it breaks."""

TRANSITIONS: Int8s = np.array(
    [
        # Vehicles, buses, bicycles (R10; R11's yellow back to green is never used, design 10.5).
        # to: red green yellow clear. fl.red fl.amber dark      from:
        [
            [OK, OK, 9, 9, OK, 9, 9],  # red; into flash by program only from red (R37), and red only (R38)
            [4, OK, OK, 9, 9, 9, 9],  # green; straight to red is a skipped yellow (C4)
            [OK, 9, OK, 9, 9, 9, 9],  # yellow
            [9, 9, 9, 9, 9, 9, 9],  # clearance: vehicles have none
            [OK, 9, 9, 9, OK, 9, 9],  # flashing red; out of flash through red (R39)
            [9, 9, 9, 9, 9, 9, 9],  # flashing amber: nobody is waved through (R38)
            [9, 9, 9, 9, 9, 9, 9],  # dark
        ],
        # Pedestrians: don't walk, walk, clearance, don't walk (R22-R26, R31); steady in flash.
        [
            [OK, OK, 9, 9, 9, 9, 9],  # red
            [8, OK, 9, OK, 9, 9, 9],  # green; straight to red is a clearance cut to nothing (C8)
            [9, 9, 9, 9, 9, 9, 9],  # yellow: pedestrians have none
            [OK, 9, 9, OK, 9, 9, 9],  # clearance: atomic (R31)
            [9, 9, 9, 9, 9, 9, 9],  # flashing red: pedestrians keep steady red
            [9, 9, 9, 9, 9, 9, 9],  # flashing amber
            [9, 9, 9, 9, 9, 9, 9],  # dark
        ],
    ],
    dtype=np.int8,
)
"""(kind: 0 vehicle, 1 pedestrian; lamp before; lamp after) -> 0 or the check broken.

The whitelist of valid states and changes, C9 (GHENA: a whitelist stopped what an attacker
with full control of the controller proposed). Whatever is not listed is refused.
"""
TRANSITIONS.setflags(write=False)

ACTIVE: Bools = np.array([False, True, True, True, False, True, False])
"""By lamp: does it let anybody be in the conflict area? Yellow and pedestrian clearance count
(C1); flashing amber too, for it says "go with care": heads that show two of them conflict."""
ACTIVE.setflags(write=False)

FLASHING: Bools = np.array([False, False, False, False, True, True, False])
"""By lamp: is it a flash?"""
FLASHING.setflags(write=False)
