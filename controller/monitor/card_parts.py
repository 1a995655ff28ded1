"""Cards made of other cards: one junction as another card has it, or one junction alone."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from controller.monitor.card import Card, CardError

GROUND = ("junction_names", "group_names", "junction", "pedestrian", "lamp_resolution_ms", "mark")
"""What two cards of the same ground have in common, whatever times stand on them."""
BY_GROUP = ("yellow_ms", "min_green_ms", "clearance_ms", "promise_ms", "turn_on_red")
PAIRS = ("pair_ending", "pair_starting", "pair_intergreen_ms")
YIELDS = ("yield_drivers", "yield_to", "yield_lead_ms")
BEFORE = 0
"""In the place of a version's number: the card to come back to."""


def same_ground(card: Card, other: Card) -> bool:
    """Whether both are of the same junctions, groups and lamps."""
    pairs = ((getattr(card, name), getattr(other, name)) for name in (*GROUND, "max_max_green_ms"))
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


def with_junction(card: Card, other: Card, junction: int) -> Card:
    """`card`, but with `junction` (index) as it stands on `other`. Raises CardError for another ground."""
    if not same_ground(card, other):
        raise CardError("a card of another ground: its junctions, groups or lamps differ")
    here = card.junction == junction
    values = {name: np.where(here, getattr(other, name), getattr(card, name)) for name in BY_GROUP}
    for names in (PAIRS, YIELDS):
        theirs = other.junction[getattr(other, names[0])] == junction
        mine = card.junction[getattr(card, names[0])] != junction
        for name in names:
            values[name] = np.concatenate([getattr(card, name)[mine], getattr(other, name)[theirs]])
    return replace(card, **values)


def only(card: Card, junction: int) -> Card:
    """The card of one junction (index), as if there were no other."""
    first, end = np.searchsorted(card.junction, [junction, junction + 1])
    values = {name: getattr(card, name)[first:end] for name in (*BY_GROUP, "pedestrian")}
    for names in (PAIRS, YIELDS):
        at = card.junction[getattr(card, names[0])] == junction
        for name in names:
            shift = 0 if name.endswith("_ms") else first
            values[name] = getattr(card, name)[at] - shift
    return replace(
        card,
        junction_names=card.junction_names[junction : junction + 1],
        group_names=card.group_names[first:end],
        junction=np.zeros(end - first, np.int64),
        **values,
    )


def junctions_that_differ(card: Card, other: Card) -> np.ndarray:
    """(J) bool: where two cards of the same ground say something else. Raises CardError."""
    if not same_ground(card, other):
        raise CardError("a card of another ground: its junctions, groups or lamps differ")
    differs = np.zeros(card.junction_count, np.bool_)
    for name in BY_GROUP:
        differs[card.junction[getattr(card, name) != getattr(other, name)]] = True
    for first, second, times in (PAIRS, YIELDS):
        keys = [getattr(one, first) * card.group_count + getattr(one, second) for one in (card, other)]
        both, mine, theirs = np.intersect1d(*keys, return_indices=True)
        other_time = getattr(card, times)[mine] != getattr(other, times)[theirs]
        found = np.concatenate([both[other_time], np.setxor1d(*keys)])
        differs[card.junction[found // card.group_count]] = True
    return differs


assert {f.name for f in fields(Card)} == {*GROUND, "max_max_green_ms", *BY_GROUP, *PAIRS, *YIELDS}, (
    "a new field of the card must be given to one of these"
)
