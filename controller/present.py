"""Some junctions of a running state, copied: what a forecast begins with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.feeds import find_feeds
from controller.network import Ints, Network
from controller.state import State

CARS, BUSES, WALKERS = 0, 1, 2
"""Whose waiting is counted apart: people in cars, passengers of buses, people on foot."""
MODES = 3
OF_JUNCTIONS = (
    "wanted_stage",
    "planned_end_ms",
    "target_stage",
    "target_bits",
    "in_transition",
    "stage_since_ms",
    "all_red_until_ms",
)
OF_GROUPS = (
    "lamp",
    "lamp_since_ms",
    "green_ended_ms",
    "call_since_ms",
    "recall",
    "unseen_group",
    "quiet_group",
    "waiting_people",
    "people_per_s",
)
OF_LANES = (
    "queue_veh",
    "arrival_veh",
    "flow_veh_per_s",
    "persons_per_veh",
    "empty_s",
    "fed_veh",
    "came_veh",
    "queued_s",
    "unmoved_s",
    "standing_veh",
    "served_veh",
    "foreseen_veh",
)
"""The arrays of `State` that a forecast begins with. Stages are counted within their junction."""


@dataclass(frozen=True, slots=True)
class Present:
    """Some junctions as they are now: the arrays named above, one junction after the other."""

    street_ms: int
    arrays: dict[str, np.ndarray]


def take_present(network: Network, state: State, junctions: Ints, street_ms: int) -> Present:
    """Copy these junctions (indices, ascending) out of a running state."""
    groups = _rows(network.group_start, junctions)
    lanes = _rows(network.lane_start, junctions)
    arrays: dict[str, np.ndarray] = {}
    for names, rows in ((OF_JUNCTIONS, junctions), (OF_GROUPS, groups), (OF_LANES, lanes)):
        for name in names:
            arrays[name] = getattr(state, name)[rows]
    first = network.stage_start[junctions]
    for name in ("wanted_stage", "target_stage"):
        arrays[name] = np.where(arrays[name] >= 0, arrays[name] - first, -1)
    return Present(street_ms, arrays)


def _rows(start: Ints, junctions: Ints) -> Ints:
    """Indices of the rows of these junctions in arrays that lie junction after junction."""
    counts = start[junctions + 1] - start[junctions]
    before = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) + np.repeat(start[junctions] - before, counts)


def neighbours(network: Network) -> list[frozenset[int]]:
    """For every junction those it sends vehicles to or gets them from."""
    feeds = find_feeds(network)
    near: list[set[int]] = [set() for _ in range(network.n_junctions)]
    for lane in range(network.n_lanes):
        here = int(network.lane_junction[lane])
        for up in feeds.lane[feeds.start[lane] : feeds.start[lane + 1]]:
            there = int(network.lane_junction[up])
            near[here].add(there)
            near[there].add(here)
    return [frozenset(others - {j}) for j, others in enumerate(near)]
