"""A4: one bit of the matrix flipped, on either side, and nothing leaves flash."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from controller.monitor import Card, CardError
from controller.permissive import card_of
from override.engine_process import MonitorLink
from override.monitor_process import MonitorProcess, Places
from tests.control_room import street

CARD = card_of(street(2))


def turned(card: Card, field: str, chance: np.random.Generator) -> Card | None:
    """The card with one bit of one array turned; None where such a card refuses to be made."""
    values = getattr(card, field).copy()
    at = int(chance.integers(0, values.size))
    if values.dtype == np.bool_:
        values[at] = not values[at]
    else:
        values[at] ^= np.int64(1 << int(chance.integers(0, 13)))
    try:
        return replace(card, **{field: values})
    except CardError:
        return None


def test_a4_every_bit_of_the_card_is_in_its_digest() -> None:
    """What an attacker turns either makes no card at all, or another digest."""
    chance = np.random.default_rng(1)
    found = {f.name: getattr(CARD, f.name) for f in fields(Card)}
    arrays = [name for name, values in found.items() if isinstance(values, np.ndarray) and values.size]
    assert len(arrays) >= 10
    other = refused = 0
    for _ in range(200):
        for name in arrays:
            card = turned(CARD, name, chance)
            if card is None:
                refused += 1
                continue
            other += 1
            assert card.digest() != CARD.digest(), name
    assert other > 500
    assert refused > 100


def without_a_conflict(card: Card) -> Card:
    """Two groups that must never be green together are not in it any more."""
    one, other = int(card.pair_ending[0]), int(card.pair_starting[0])
    pairs = set(zip(card.pair_ending.tolist(), card.pair_starting.tolist(), strict=True))
    kept = [k for k, pair in enumerate(sorted(pairs)) if pair not in {(one, other), (other, one)}]
    order = sorted(range(len(card.pair_ending)), key=lambda k: (card.pair_ending[k], card.pair_starting[k]))
    rows = [order[k] for k in kept]
    return replace(
        card, **{f.name: getattr(card, f.name)[rows] for f in fields(Card) if f.name.startswith("pair_")}
    )


@pytest.mark.parametrize("tampered", ["engine", "monitor", "nobody"])
def test_a4_an_engine_bound_by_another_matrix_never_leaves_flash(tampered: str, tmp_path: Path) -> None:
    forged = without_a_conflict(CARD)
    places = Places(tmp_path)
    said: list[str] = []
    clock = [0]
    monitor = MonitorProcess(
        forged if tampered == "monitor" else CARD, places, lambda: clock[0], say=said.append
    )
    link = MonitorLink(forged if tampered == "engine" else CARD, places)
    red = np.zeros(CARD.group_count, np.int8)
    none = np.zeros(CARD.group_count, np.bool_)
    nowhere = np.zeros(CARD.junction_count, np.bool_)
    try:
        link.find()
        for step in range(1, 120):
            clock[0] += 100
            monitor.turn(timeout_ms=0)
            verdict = link.judge(clock[0], step, red, red, none, nowhere, nowhere)
        monitor.turn(timeout_ms=0)
        link.listen()
        told = " ".join(said)
        if tampered == "nobody":
            assert "C15" not in told
            assert "another card" not in told
        else:
            assert "another card" in told
            assert verdict.flash.all(), "all-red flash, and no reset but a new start with the right card"
            assert verdict.latched.all()
    finally:
        link.lose()
        monitor.close()
