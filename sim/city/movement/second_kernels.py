"""One second of everybody in a city, and many of them on end, without leaving compiled code."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from typing import NamedTuple

import numpy as np
from numba import types

from controller.bundle import BUNDLED, put, taken
from controller.compiling import inner_kernel, kernel
from sim.city.movement.fixed_program_kernels import drive_second
from sim.city.movement.movement_model import (
    DOORS,
    FLEET,
    LEDGER,
    MOTION,
    STREETS,
    Doors,
    Fleet,
    Ledger,
    Motion,
    Streets,
)
from sim.city.people.oncoming_kernels import look_for_gaps
from sim.city.people.oncoming_model import ONCOMING, Oncoming
from sim.city.people.transit_kernels import serve_buses
from sim.city.people.transit_model import SERVICE, TRANSIT, Service, Transit
from sim.city.people.walkers_kernels import step_people
from sim.city.people.walkers_model import PAVEMENTS, WALKERS, Pavements, Walkers

STEP_MS = 1000


class Town(NamedTuple):
    """All arrays of a city that runs; the same ones, nothing is copied."""

    streets: Streets
    fleet: Fleet
    motion: Motion
    ledger: Ledger
    doors: Doors
    lamp_seen: np.ndarray  # (G+1) int8, as in `Traffic`
    walkers: Walkers
    pavements: Pavements
    oncoming: Oncoming
    transit: Transit
    service: Service


class Table(NamedTuple):
    """Fixed programs by time, see `sim.city.movement.program`. G groups."""

    step_ms: np.ndarray  # (1)
    rows: np.ndarray  # (G) lamp times in one round
    start: np.ndarray  # (G+1) into lamp
    lamp: np.ndarray  # int8


_I, _I1, _LAMPS = types.int64, types.int64[::1], types.int8[::1]
TOWN = types.NamedTuple(
    (STREETS, FLEET, MOTION, LEDGER, DOORS, _LAMPS, WALKERS, PAVEMENTS, ONCOMING, TRANSIT, SERVICE), Town
)
TABLE = types.NamedTuple((_I1, _I1, _I1, _LAMPS), Table)


@kernel(_I(BUNDLED, TOWN))
def lay_town(memory, town):
    """Lay a town into the memory of its `Bundle`; gives how many words it needs."""
    return put(memory, town)


@inner_kernel(types.void(_LAMPS, TOWN))
def pass_second_of(group_lamp, town):
    """Let a second pass under these lamps (groups,): vehicles, then buses at stops, then people."""
    motion, ledger, walkers = town.motion, town.ledger, town.walkers
    now_ms = motion.time_ms[0]
    for k in range(len(walkers.crossing_people)):
        motion.crossing_people[k] = walkers.crossing_people[k]
    drive_second(group_lamp, town.lamp_seen, town.streets, town.fleet, motion, ledger, town.doors)
    serve_buses(
        now_ms,
        motion.status,
        motion.halt_at,
        motion.halt_until_ms,
        ledger.lost_s,
        ledger.persons,
        town.transit,
        town.service,
    )
    look_for_gaps(
        now_ms,
        walkers.crossing_asks,
        group_lamp,
        motion.n_driving[0],
        motion.driving,
        ledger.lane,
        ledger.connection,
        ledger.position_m,
        ledger.speed_m_per_s,
        ledger.route_at,
        walkers.crossing_vehicle_s,
        town.oncoming,
    )
    step_people(now_ms, group_lamp, walkers, town.pavements)


@kernel(types.void(_LAMPS, BUNDLED))
def pass_second(group_lamp, memory):
    """`pass_second_of` for the town that was laid into a memory."""
    pass_second_of(group_lamp, taken(memory, TOWN))


@kernel(types.void(_I, TABLE, _LAMPS))
def read_table(now_ms, table, group_lamp):
    """What a table shows at a time. Written: group_lamp (groups,)."""
    at = now_ms // table.step_ms[0]
    for g in range(len(group_lamp)):
        group_lamp[g] = table.lamp[table.start[g] + at % table.rows[g]]


@kernel(types.void(_I, TABLE, _LAMPS, BUNDLED))
def pass_seconds(end_ms, table, group_lamp, memory):
    """Play fixed programs until `end_ms`. group_lamp (groups,): written, the lamps of the last second.

    memory: the town's
    """
    town = taken(memory, TOWN)
    while town.motion.time_ms[0] < end_ms:
        read_table(town.motion.time_ms[0], table, group_lamp)
        pass_second_of(group_lamp, town)
