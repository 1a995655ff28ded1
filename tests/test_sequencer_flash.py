"""Into a flash and out of it: everything counts as just ended, and nobody goes for six seconds."""

from __future__ import annotations

import numpy as np

from controller.junction import StreetLink
from controller.ladder import _neighbours
from controller.sequencer import ALL_RED_AFTER_FLASH_MS, Sequencer
from controller.state import NEVER_MS, new_state
from controller.vocabulary import Lamp
from tests import toy_street


def test_a_flash_ends_every_green_of_its_junction_and_of_no_other() -> None:
    network = toy_street.network(toy_street.junction("a"), toy_street.junction("b"), lamp_resolution_ms=100)
    state, sequencer = new_state(network, 0), Sequencer(network)
    for now_ms in range(0, 40_000, 100):
        sequencer.advance(state, now_ms)
    assert state.lamp[[0, 6]].tolist() == [Lamp.GREEN, Lamp.GREEN]
    nobody, first = np.zeros(2, np.bool_), np.array([True, False])

    before = state.digest()
    sequencer.follow_flash(state, nobody, 40_000)
    assert state.digest() == before, "without a flash nothing happens"
    sequencer.follow_flash(state, first, 40_000)
    assert state.lamp.tolist() == [Lamp.RED] * 6 + [Lamp.GREEN] + [Lamp.RED] * 5
    assert state.all_red_until_ms.tolist() == [NEVER_MS, 0]
    for now_ms in range(40_000, 50_000, 100):
        sequencer.advance(state, now_ms)
    assert state.lamp[0] == Lamp.RED, "no step is taken in a flash"

    sequencer.follow_flash(state, nobody, 50_000)
    assert state.all_red_until_ms[0] == 50_000 + ALL_RED_AFTER_FLASH_MS
    starts = []
    for now_ms in range(50_000, 80_000, 100):
        sequencer.advance(state, now_ms)
        starts += [now_ms] if state.lamp[0] == Lamp.GREEN else []
    assert starts[0] >= 50_000 + ALL_RED_AFTER_FLASH_MS
    assert state.lamp[6] == Lamp.GREEN, "the neighbour went on all the time"


def test_lamps_of_a_slow_street_change_at_its_own_times_only() -> None:
    network = toy_street.network(lamp_resolution_ms=1000)
    state, sequencer = new_state(network, 0), Sequencer(network)
    before = state.digest()
    sequencer.advance(state, 500)
    assert state.digest() == before


def test_a_road_that_leads_back_to_its_own_junction_makes_it_no_neighbour_of_itself() -> None:
    junction = toy_street.junction("a")
    loop = StreetLink("a.ns.out", "a", "ew_0", 1.0, 90.0)
    start, neighbour = _neighbours(toy_street.network(junction, links=[loop]))
    assert (start.tolist(), neighbour.tolist()) == ([0, 0], [])
