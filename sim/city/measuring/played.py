"""A whole run played in silence, as fast as it can, and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.city.measuring.measured_run import Watched
from sim.city.measuring.measures import CityMeasures, measure
from sim.city.measuring.run_tables import tables_of
from sim.city.measuring.watch import Clock
from sim.city.world import World

if TYPE_CHECKING:
    from sim.city.load import City


def played(city: City, controller: str | None, end_ms: int) -> CityMeasures:
    """A run until `end_ms` as fast as it can, measured; None for each signal's own fixed program."""
    world = World(city, controller)
    watched = Watched(world)
    world.run_until(end_ms)
    return measured(watched)


def measured(watched: Watched) -> CityMeasures:
    """The measures of a run up to where it has come."""
    world, watch = watched.world, watched.watch
    watch.clock = Clock(world.city.begin_ms, world.time_ms)
    minutes = {name: rows[: watch.clock.minutes] for name, rows in watch.notes._asdict().items()
                if name.startswith("minute_")}  # fmt: skip
    watch.notes = watch.notes._replace(**minutes)
    simulated_s = (world.time_ms - world.city.begin_ms) // 1000
    gridlock = bool(watch.notes.gridlock[0])
    return measure(tables_of(watched.truth()), world.city.roads.districts, simulated_s, gridlock)
