"""The one bridge from a street network to the monitor's permissive card.

It stands outside `controller.monitor`, which imports nothing of ours, and reads the street
file's groups, intergreens and crossings directly, not the engine's matrices. What it can
compute again from geometry it does, and refuses a network that promises people less.
"""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np

from controller.junction import Junction, StreetNetwork
from controller.monitor import Card, CardError
from controller.monitor.card import COMPARISON_MARK
from controller.vocabulary import GroupKind, Timing

WALKING_SPEED_M_PER_S = 1.07
"""R23: 3.5 ft/s."""
ROUNDING_MS = 100
"""Street files hold tenths of a second."""


def card_of(network: StreetNetwork, lamp_resolution_ms: int = 100) -> Card:
    """The card of `network`: groups junction by junction, in the order of `Junction.groups`.

    `lamp_resolution_ms` is the street's (1000 where lamps change once a second). Raises
    `CardError`, naming junction and groups, for anything that may not be shown to people.
    """
    groups = [group for junction in network.junctions for group in junction.groups]
    sizes = [len(junction.groups) for junction in network.junctions]
    firsts = list(accumulate(sizes[:-1], initial=0))
    pairs = [
        pair
        for junction, first in zip(network.junctions, firsts, strict=False)
        for pair in _pairs_of(junction, first)
    ]
    yields = [
        given
        for junction, first in zip(network.junctions, firsts, strict=False)
        for given in _yields_of(junction, first)
    ]
    if network.timing is not Timing.COMPARISON:
        for junction in network.junctions:
            _check_crossings(junction)
    return Card(
        junction_names=tuple(junction.name for junction in network.junctions),
        group_names=tuple(group.name for group in groups),
        junction=np.repeat(np.arange(len(sizes)), sizes),
        pedestrian=np.array([group.kind == GroupKind.PEDESTRIAN for group in groups], dtype=np.bool_),
        yellow_ms=np.array([group.yellow_ms for group in groups], dtype=np.int64),
        min_green_ms=np.array([group.min_green_ms for group in groups], dtype=np.int64),
        clearance_ms=np.array([group.clearance_ms for group in groups], dtype=np.int64),
        promise_ms=np.array([group.promise_ms for group in groups], dtype=np.int64),
        yield_drivers=np.array([drivers for drivers, _, _ in yields], dtype=np.int64),
        yield_to=np.array([to for _, to, _ in yields], dtype=np.int64),
        yield_lead_ms=np.array([ms for _, _, ms in yields], dtype=np.int64),
        turn_on_red=np.array([group.turn_on_red for group in groups], dtype=np.bool_),
        pair_ending=np.array([ending for ending, _, _ in pairs], dtype=np.int64),
        pair_starting=np.array([starting for _, starting, _ in pairs], dtype=np.int64),
        pair_intergreen_ms=np.array([duration_ms for _, _, duration_ms in pairs], dtype=np.int64),
        lamp_resolution_ms=lamp_resolution_ms,
        mark=COMPARISON_MARK if network.timing is Timing.COMPARISON else "",
    )


def _pairs_of(junction: Junction, first: int) -> list[tuple[int, int, int]]:
    """(ending, starting, intergreen ms) of one junction by index on the card."""
    index = {group.name: first + at for at, group in enumerate(junction.groups)}
    if len(index) < len(junction.groups):
        raise CardError(f"junction {junction.name}: two groups have the same name")
    named = [name for pair in junction.intergreens for name in (pair.ending, pair.starting)]
    named += [name for pair in junction.yields for name in (pair.group, pair.to)]
    for name in named:
        if name not in index:
            raise CardError(f"junction {junction.name}: intergreens or yields name an unknown group {name!r}")
    conflicts = {(pair.ending, pair.starting) for pair in junction.intergreens}
    for pair in junction.yields:
        if (pair.group, pair.to) in conflicts or (pair.to, pair.group) in conflicts:
            raise CardError(f"junction {junction.name}: {pair.group} and {pair.to} both conflict and yield")
    return [(index[pair.ending], index[pair.starting], pair.duration_ms) for pair in junction.intergreens]


def _yields_of(junction: Junction, first: int) -> list[tuple[int, int, int]]:
    """(drivers who give way, to whom, lead ms of that WALK or 0) of one junction by index on the card."""
    index = {group.name: first + at for at, group in enumerate(junction.groups)}
    walks = {group.name for group in junction.groups if group.kind is GroupKind.PEDESTRIAN}
    lead_ms = {group.name: group.lead_ms for group in junction.groups}
    given = dict.fromkeys((y.group, y.to) for y in junction.yields if y.group not in walks)
    return [(index[drivers], index[to], lead_ms[to]) for drivers, to in given]


def _check_crossings(junction: Junction) -> None:
    """R23 again from the crossing's own length."""
    for group in junction.groups:
        if group.kind is not GroupKind.PEDESTRIAN:
            continue
        least_ms = math.ceil(group.crossing_length_m / WALKING_SPEED_M_PER_S * 1_000) - ROUNDING_MS
        if group.clearance_ms < least_ms:
            raise CardError(
                f"junction {junction.name}, {group.name}: clearance_ms {group.clearance_ms}, but"
                f" {group.crossing_length_m:.1f} m at {WALKING_SPEED_M_PER_S} m/s need at least {least_ms}"
            )
