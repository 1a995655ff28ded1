"""The vocabulary's numbers as plain integers: a compiled kernel takes them in as they were when it was made.

Kernels import their names from here, so that no kernel file says for itself what a green is.
"""

from __future__ import annotations

from controller.vocabulary import DetectorKind, GroupKind, Lamp

RED = int(Lamp.RED)
GREEN = int(Lamp.GREEN)
YELLOW = int(Lamp.YELLOW)
CLEARANCE = int(Lamp.CLEARANCE)
FLASH_RED = int(Lamp.FLASH_RED)
FLASH_AMBER = int(Lamp.FLASH_AMBER)
DARK = int(Lamp.DARK)

PEDESTRIAN = int(GroupKind.PEDESTRIAN)

STOPLINE = int(DetectorKind.STOPLINE)
ADVANCE = int(DetectorKind.ADVANCE)
BUTTON = int(DetectorKind.BUTTON)
BUS_LOOP = int(DetectorKind.BUS)

GATES = 3
"""Where a lane's vehicles may be counted on their way."""
STOP, NEAR, FAR = 0, 1, 2
"""The gates: the stop line, loops near it, loops farther up."""

UNTOLD = -1.0
"""Occupancy of a loop that is not believed: it tells neither of somebody nor of nobody."""

NEVER_MS = 1 << 60
"""Later than any time."""
