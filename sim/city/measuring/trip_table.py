"""What a table is, and the modes of its trips; known to everybody who reads results."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from sim.city.trips import MODES

Table = dict[str, NDArray[Any]]
"""Columns by name, all of one length."""
TRIP_MODES = (*MODES, "passenger")
"""As numbers in every `mode` column; a passenger rides a bus."""
PASSENGER = len(MODES)
