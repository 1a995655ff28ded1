"""Where a vehicle is in its life."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Stored as int8 in `Traffic.status`."""

    FUTURE = 0
    QUEUED = 1
    """Due, but its street has no room yet."""
    DRIVING = 2
    ARRIVED = 3


QUEUED, DRIVING, ARRIVED = int(Status.QUEUED), int(Status.DRIVING), int(Status.ARRIVED)
"""For kernels: plain integers."""
