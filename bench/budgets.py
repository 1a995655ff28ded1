"""What must be fast, how fast, and why: the budgets every measurement is set beside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit. A measurement at most `limit` keeps it."""

    what: str
    limit: float
    unit: str
    """us, ms, MB, times or count."""
    timed: bool
    """A time, and so worth dividing by the calibration loop's."""


BUDGETS = {
    "replan": Budget("replan, 4 stages, 12 lanes, 60 s ahead: median", 50.0, "us", True),
    "tick-1-p99": Budget("whole tick, 1 junction: p99", 0.3, "ms", True),
    "tick-1000-mean": Budget("whole tick, 1,000 junctions: mean", 5.0, "ms", True),
    "tick-1000-p99": Budget("whole tick, 1,000 junctions: p99", 10.0, "ms", True),
    "tick-13000": Budget("whole tick, 13,000 junctions: slowest", 80.0, "ms", True),
    "kept-blocks": Budget("array blocks kept by 1,000 ticks in steady state", 0.0, "count", False),
    "kept-bytes": Budget("bytes kept by 1,000 ticks in steady state", 1000.0, "count", False),
    "array-blocks": Budget("array blocks taken by kernels, a junction and second", 0.0, "count", False),
    "order-ack-p99": Budget("order acknowledged, signed and on the disk: p99", 15.0, "ms", True),
    "console-first": Budget("console, 1,000 junctions: first screen, warm", 1500.0, "ms", True),
    "console-key-p95": Budget("console, 1,000 junctions: key to redraw, p95", 100.0, "ms", True),
    "console-processor": Budget("console, 1,000 junctions at 1 Hz: of one core", 30.0, "%", False),
    "console-memory": Budget("console, 1,000 junctions: peak memory", 250.0, "MB", False),
    "city-micro": Budget("city's kernels over SUMO microscopic, slowest map", 1 / 30, "times", False),
    "city-meso": Budget("city's kernels over SUMO mesoscopic, slowest map", 1 / 3, "times", False),
    "sumo-hour": Budget("hour with adaptive over SUMO's own, fixed program", 3.0, "times", False),
    "sumo-memory": Budget("peak memory of that hour", 600.0, "MB", False),
}
"""By short name. Budgets of design section 4; two ordinary cores are meant."""
