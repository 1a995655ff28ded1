"""Actuated control as an engineer expects it: gap-out, max-out, skipped stages, rest in green, buttons."""

from __future__ import annotations

import numpy as np

from controller.actuated import Actuated, stage_max_ms
from controller.state import NEVER_MS
from tests import toy_street
from tests.toy_street import EW, EW_LEFT, NS, NS_LEFT, WALK_EW, WALK_NS, Traffic


def start(**options: object) -> Traffic:
    """A street at rest in its first stage."""
    network = toy_street.network(toy_street.junction(**options))  # type: ignore[arg-type]
    traffic = Traffic(network, Actuated(network)).run(30)
    assert traffic.lit() == {"ns"}
    return traffic


def test_without_calls_it_rests_in_green() -> None:
    traffic = start().run(300)
    assert traffic.lit() == {"ns"}
    assert traffic.state.planned_end_ms[0] == NEVER_MS
    assert not traffic.greens


def test_stages_nobody_calls_are_skipped_and_the_ring_keeps_its_order() -> None:
    traffic = start()
    traffic.put(EW_LEFT, 3.0)
    traffic.run(60)
    assert traffic.lit() == {"ew.left"}, "straight from the first to the last, and rest there"
    assert [g for g, _, _ in traffic.greens] == [NS]
    for lane in (EW, NS_LEFT, NS):
        traffic.put(lane, 2.0)
    traffic.run(60)
    assert [g for g, _, _ in traffic.greens] == [NS, EW_LEFT, NS, NS_LEFT]
    assert traffic.lit() == {"ew"}


def test_a_green_gaps_out_when_its_queue_has_gone() -> None:
    traffic = start()
    traffic.put(NS, 8.0)
    traffic.put(EW, 1.0)
    traffic.run(40)
    _, _, end_ms = traffic.greens[0]
    # 8 vehicles at 0.5 veh/s.
    assert 30_000 + 15_000 <= end_ms <= 30_000 + 19_000
    assert traffic.lit() == {"ew"}


def test_a_vehicle_due_within_the_passage_time_extends_the_green() -> None:
    def stream(gap_s: int) -> int:
        traffic = start()
        traffic.put(EW, 1.0)

        def roll(traffic: Traffic) -> None:
            traffic.state.arrival_veh[NS] = 0.0
            traffic.state.arrival_veh[NS, gap_s] = 1.0

        traffic.state.arrival_veh[NS, gap_s] = 1.0
        traffic.run(25, roll)
        return len(traffic.greens)

    assert stream(2) == 0, "held for the next vehicle"
    assert stream(5) == 1, "a gap ends it"


def test_a_green_that_never_gaps_ends_at_its_maximum_counted_from_the_first_call() -> None:
    network = toy_street.network()
    traffic = Traffic(network, Actuated(network), 1, [0.9, 0.0, 0.0, 0.0]).run(100)
    assert not traffic.greens, "nobody else called: no maximum"
    traffic.put(EW, 1.0)
    traffic.run(60)
    _, _, end_ms = traffic.greens[0]
    assert 138_000 <= end_ms <= 142_000


def test_a_stage_gets_half_as_much_again_as_its_split_at_most() -> None:
    junction = toy_street.junction(steps=((0, 20_000), (1, 15_000), (2, 35_000), (3, 15_000)))
    assert stage_max_ms(junction, "s0") == 30_000
    assert stage_max_ms(junction, "not in the plan") == NEVER_MS
    network = toy_street.network(junction)
    traffic = Traffic(network, Actuated(network), 1, [0.9, 0.0, 0.0, 0.0]).run(100)
    traffic.put(EW, 1.0)
    traffic.run(50)
    assert 128_000 <= traffic.greens[0][2] <= 132_000


def test_a_blocked_exit_holds_no_green() -> None:
    traffic = start()
    traffic.put(NS, 20.0)
    traffic.state.blocked[NS] = 1.0
    traffic.put(EW, 1.0)
    traffic.run(8)
    assert traffic.greens, "waiting for a queue that cannot move helps nobody"


def test_a_button_at_rest_gets_walk_at_once_and_a_full_clearance_when_called_away() -> None:
    traffic = start()
    traffic.press(WALK_NS)
    traffic.run(2)
    assert traffic.lit() == {"ns", "walk.ns"}
    traffic.run(40)
    assert traffic.lit() == {"ns", "walk.ns"}, "WALK rests while nobody calls elsewhere"
    traffic.put(EW, 1.0)
    called_ms = traffic.now_ms
    traffic.run(30)
    ends = {g: end for g, _, end in traffic.greens}
    assert ends[WALK_NS] <= called_ms + 1_000
    # Crossing the road takes 12 s and 3 s of buffer; drivers lose their green 4 s before the others start.
    assert called_ms + 9_000 <= ends[NS] <= called_ms + 15_000


def test_a_button_alone_brings_its_stage_for_walk_and_clearance() -> None:
    traffic = start()
    traffic.press(WALK_EW)
    traffic.run(12)
    assert traffic.lit() == {"ew", "walk.ew"}
    assert traffic.longest_wait_ms[WALK_EW] <= 10_000


def test_a_turning_lane_with_one_car_an_hour_is_served_beside_full_through_lanes() -> None:
    network = toy_street.network()
    traffic = Traffic(network, Actuated(network), 4, [0.9, 0.0, 0.9, 0.0]).run(200)
    traffic.put(EW_LEFT, 1.0)
    traffic.run(130)
    assert traffic.state.queue_veh[EW_LEFT] == 0.0
    assert traffic.longest_wait_ms[EW_LEFT] <= network.promise_ms[EW_LEFT]


def test_the_same_traffic_gives_the_same_lamps() -> None:
    def play() -> str:
        network = toy_street.network()
        flows = [0.2, 0.05, 0.2, 0.05]
        return Traffic(network, Actuated(network), 9, flows, [0, 0, 0, 0, 0.02, 0.02]).run(300).state.digest()

    assert play() == play()


def test_it_starts_with_the_first_stage_of_the_ring() -> None:
    network = toy_street.network()
    traffic = Traffic(network, Actuated(network)).run(20)
    assert np.flatnonzero(traffic.state.lamp == 1).tolist() == [NS]
