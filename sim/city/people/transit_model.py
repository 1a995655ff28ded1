"""Buses and their passengers as two named tuples of arrays: what changes, and the timetable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)


class Transit(NamedTuple):
    """B buses, H halts (rows of `Drives.halt_*`), S stops, Q passengers. Copied whole to fork a city."""

    time_ms: np.ndarray  # (1) until then everybody has been served
    bus_serving: np.ndarray  # (B) halt at which its doors are open, -1 none
    bus_next: np.ndarray  # (B) halt at which it will open its doors next, one after its last when done
    bus_ready_ms: np.ndarray  # (B) boarding and alighting so far take until then
    bus_leaves_ms: np.ndarray  # (B) the halt it makes, or made last, is until then
    bus_load: np.ndarray  # (B) passengers aboard
    bus_to: np.ndarray  # (B, stops of the longest line) aboard, by the stop they go to
    bus_late_ms: np.ndarray  # (B) behind the timetable; negative = early
    bus_left_late_ms: np.ndarray  # (B) the same when it left its last stop with a time
    halt_arrived_ms: np.ndarray  # (H) doors opened, -1 not yet or never
    halt_departed_ms: np.ndarray  # (H) -1 not yet
    halt_boarded: np.ndarray  # (H)
    halt_alighted: np.ndarray  # (H)
    halt_aboard: np.ndarray  # (H) when it left
    halt_left_behind: np.ndarray  # (H) people for whom there was no room
    halt_lost_s: np.ndarray  # (H) what the bus had lost since its departure when doors opened
    stop_next: np.ndarray  # (S) the first passenger who has not boarded
    stop_came: np.ndarray  # (S) one after the last who has come
    stop_waiting: np.ndarray  # (S) people standing there now
    stop_since_ms: np.ndarray  # (S) the one who has stood longest came then, -1 nobody
    passenger_halt: np.ndarray  # (Q) halt at which they boarded, -1 not yet
    passenger_boarded_ms: np.ndarray  # (Q) -1 not yet

    def copy(self) -> Transit:
        """The same buses and passengers, once more."""
        return Transit(*(array.copy() for array in self))


class Service(NamedTuple):
    """What never changes. Passengers lie sorted by stop, then by the moment they come."""

    bus_vehicle: np.ndarray  # (B) row of Drives
    bus_line: np.ndarray  # (B) -1 = halts by its own list, nobody boards
    bus_first_halt: np.ndarray  # (B)
    bus_halts: np.ndarray  # (B)
    bus_first_stop: np.ndarray  # (B) row of its line's first stop, -1 without a line
    bus_capacity: np.ndarray  # (B)
    bus_board_ms: np.ndarray  # (B) time one boarding passenger takes
    bus_alight_ms: np.ndarray  # (B)
    schedule_ms: np.ndarray  # (H) timetable departure, -1 none
    stop_passenger: np.ndarray  # (S+1) into passengers
    come_ms: np.ndarray  # (Q)
    to_stop: np.ndarray  # (Q) number of the stop in its line


def empty_transit(buses: int, halts: int, stops: int, longest: int, passengers: int) -> Transit:
    """So many, all still to come."""

    def full(n: int, value: int) -> np.ndarray:
        return np.full(n, value, np.int64)

    return Transit(
        time_ms=full(1, 0),
        bus_serving=full(buses, -1),
        bus_next=full(buses, 0),
        bus_ready_ms=full(buses, 0),
        bus_leaves_ms=full(buses, 0),
        bus_load=full(buses, 0),
        bus_to=np.zeros((buses, longest), np.int64),
        bus_late_ms=full(buses, 0),
        bus_left_late_ms=full(buses, 0),
        halt_arrived_ms=full(halts, -1),
        halt_departed_ms=full(halts, -1),
        halt_boarded=full(halts, 0),
        halt_alighted=full(halts, 0),
        halt_aboard=full(halts, 0),
        halt_left_behind=full(halts, 0),
        halt_lost_s=np.zeros(halts),
        stop_next=full(stops, 0),
        stop_came=full(stops, 0),
        stop_waiting=full(stops, 0),
        stop_since_ms=full(stops, -1),
        passenger_halt=full(passengers, -1),
        passenger_boarded_ms=full(passengers, -1),
    )


def empty_service() -> Service:
    """No bus at all; for the types."""
    return Service(*(np.zeros(0, np.int64) for _ in Service._fields))


TRANSIT = typeof(empty_transit(0, 0, 0, 0, 0))
SERVICE = typeof(empty_service())
