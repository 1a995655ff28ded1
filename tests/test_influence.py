"""What one source alone may do: stories of one lane, and the kernels beside their slow twin."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from controller import influence_kernels as kernels
from controller.detectors import Detectors
from controller.detectors_model import NEVER_MS, Cause
from controller.estimate import Estimator
from controller.frame import empty_frame
from controller.influence import Influence
from controller.policy import Policy
from controller.state import HORIZON_S, new_state
from controller.vocabulary import Lamp, Sensors
from tests import journal_street
from tests.loop_street import WALK_NS, LoopStreet
from tests.slow_influence import Seen, SlowLane

STOP, FAR = 0, 1
"""The two loops of the first lane, whose group is the first."""


class Bench:
    """Lanes of the toy square whose estimate and loops are set by hand."""

    def __init__(self) -> None:
        self.network = journal_street.network()
        self.estimator = Estimator(self.network, Policy())
        self.detectors = Detectors(self.network, 0)
        self.influence = Influence(self.detectors, self.estimator.loops, 0)
        self.state = new_state(self.network, 0)
        self.frame = empty_frame(self.network, Sensors.LOOPS)
        self.detectors.known[:], self.detectors.rate_veh_per_s[:] = 2, 0.1
        self.rung = np.zeros(1, np.int8)
        self.now_ms = 0

    def second(self, **said: float) -> Bench:
        """A second later: out, come (veh), stands, green; the estimate queue, held, inside (veh)."""
        self.now_ms += 1000
        state, frame = self.state, self.frame
        state.observed_ms[0] = self.now_ms
        lamp = Lamp.GREEN if said.get("green") else Lamp.RED
        if state.lamp[0] != lamp:
            state.lamp[0], state.lamp_since_ms[0] = lamp, self.now_ms
        frame.detector_count[STOP], frame.detector_count[FAR] = said.get("out", 0), said.get("come", 0)
        frame.detector_on[STOP] = bool(said.get("stands"))
        state.queue_veh[0], state.held_veh[0, 0] = said.get("queue", 0.0), said.get("held", 0.0)
        state.transit_veh[0], state.arrival_veh[0] = 0.0, said.get("coming", 0.0)
        state.transit_veh[0, 2] = said.get("inside", 0.0)
        self.detectors.passed_s = 1.0
        self.influence.bound(state, frame, self.detectors, self.rung, self.now_ms)
        return self

    @property
    def queue(self) -> float:
        return float(self.state.queue_veh[0])


def test_who_stands_at_a_green_and_does_not_move_is_nobody() -> None:
    bench = Bench()
    for second in range(20):
        bench.second(stands=1, queue=1, green=1)
        assert bench.queue == (1.0 if second <= 8 else 0.0)
    assert bench.second(stands=1, queue=1).queue == 1.0, "at red he calls again"
    for second in range(10):
        bench.second(stands=1, queue=1, green=1)
        assert bench.queue == (1.0 if second <= 5 else 0.0), "sooner in the green after"


def test_who_stood_through_two_greens_is_nobody_at_red_either_until_somebody_is_counted_on_the_way() -> None:
    bench = Bench()
    for _ in range(2):
        for _ in range(15):
            bench.second(stands=1, queue=1, green=1)
        bench.second(stands=1, queue=1)
    for _ in range(20):
        bench.second(stands=1, queue=1)
        assert bench.queue == 0.0
    bench.second(come=1, stands=1, queue=1)
    assert bench.queue == 1.0, "he was counted on the way"
    for _ in range(4):
        bench.second(stands=1, queue=1, green=1)
        assert bench.queue == 1.0
    bench.second(queue=0, green=1)
    bench.second(queue=0)
    assert bench.second(stands=1, queue=1).queue == 1.0, "a loop that becomes clear is believed again"


def test_who_gives_way_may_wait_for_his_gap() -> None:
    bench = Bench()
    bench.influence.pairs.still_s[0] = 15.0
    queues = [bench.second(stands=1, queue=1, green=1).queue for _ in range(30)]
    assert (queues[20], queues[21]) == (1.0, 0.0)


def test_a_stream_that_never_comes_is_soon_believed_in_part_only() -> None:
    bench = Bench()
    for _ in range(40):
        bench.second(come=1, queue=8.0, coming=1.0)
    assert bench.queue < 2.0
    assert bench.state.arrival_veh[0, 5] < 0.2


def test_a_loop_whose_vehicles_never_come_is_wrong_where_the_stop_line_counts_as_ever() -> None:
    bench = Bench()
    for second in range(150):
        bench.second(come=second % 10 == 0, out=second % 10 == 6, green=1)
    assert bench.detectors.health.odd[FAR] == 0
    needed_s = 0
    while not bench.detectors.health.odd[FAR]:
        needed_s += 2
        bench.second(come=1, green=1)
        bench.second(out=needed_s % 10 == 0, green=1)
    assert needed_s < 60
    assert bench.detectors.health.odd[STOP] == 0


def test_a_crowd_that_both_loops_count_is_believed() -> None:
    bench = Bench()
    for second in range(120):
        bench.second(come=1, out=1, inside=6, stands=1, queue=7.0, green=1, coming=0.5)
        assert second < 4 or bench.queue == 7.0
    assert bench.state.arrival_veh[0, 5] == 0.5


def test_a_queue_at_red_is_believed_as_far_as_it_is_usual_and_a_little_more() -> None:
    bench = Bench()
    for _ in range(40):
        bench.second(queue=30.0, stands=1, inside=30)
    assert bench.queue == pytest.approx(1 + 4 + 2 * 2)


def test_more_and_more_who_were_never_counted_on_the_way_hold_no_green() -> None:
    bench = Bench()
    for _ in range(10):
        bench.second(come=1, inside=1)
    queues = [bench.second(out=k % 2, stands=1, queue=1, green=1).queue for k in range(30)]
    assert queues[5] > 0.0
    assert set(queues[12:]) == {0.0}


def test_behind_a_dead_loop_the_usual_are_believed_and_it_is_blamed() -> None:
    bench = Bench()
    for _ in range(50):
        bench.second(stands=1, queue=1)
    assert bench.queue == pytest.approx(6.0), "five are usual in this silence"
    for k in range(8):
        bench.second(out=k % 2, stands=1, queue=1, green=1)
    assert bench.queue == 4.0, "he crosses at saturation flow: there are more behind"
    assert bench.detectors.health.missed_veh[FAR] > bench.detectors.laid.room_veh[FAR]
    assert bench.detectors.health.odd[STOP] == 0


def test_where_the_stop_line_alone_tells_of_a_lane_four_more_than_usual_are_believed() -> None:
    bench = Bench()
    bench.detectors.health.masked[FAR] = True
    for _ in range(20):
        bench.second(stands=1, queue=1)
    queues = [bench.second(out=k % 2, stands=1, queue=1, green=1).queue for k in range(40)]
    assert set(queues[4:15]) == {4.0}, "some three are usual by then: seven are believed, and who is behind"
    assert queues[15] == 1.0, "an eighth has nobody behind him"
    assert queues[-1] == 0.0, "a loop that counts on and on holds no green"


def test_one_button_is_one_person_and_the_usual_however_often_it_is_pressed() -> None:
    street = LoopStreet().run(900)
    people = street.controller.state.people_per_s
    usual_per_s, button = float(people[WALK_NS]), street.named("walk.ns.button")
    waited = 0.0
    move = street._move

    def pressed() -> None:
        move()
        street.frame.detector_count[button] += street.second % 2

    street._move = pressed  # type: ignore[method-assign]
    for _ in range(300):
        street.run(1)
        waited = max(waited, float(street.controller.state.waiting_people[WALK_NS]))
    assert waited < 1 + 120 * 3 * usual_per_s
    assert people[WALK_NS] < usual_per_s + 0.02


def test_what_a_dead_stop_line_forgot_still_stands_there() -> None:
    bench = Bench()
    bench.second(held=1.0)
    bench.detectors.health.masked[STOP], bench.detectors.health.missed_veh[STOP] = True, 4.0
    bench.second(held=1.0)
    assert bench.state.held_veh[0, 0] == 5.0
    bench.second(held=1.0)
    assert bench.state.held_veh[0, 0] == 1.0, "once"


every: set[str] = set()
"""Who was blamed in any of the streets of the next test."""


@pytest.mark.parametrize("seed", range(6))
def test_the_kernels_say_what_their_slow_twin_says(seed: int) -> None:
    chance, bench = np.random.default_rng(seed), Bench()
    health, laid, state = bench.detectors.health, bench.detectors.laid, bench.state
    rate = bench.detectors.rate_veh_per_s[0] = float(chance.uniform(0.02, 0.2))
    pairs = bench.influence.pairs
    assert (pairs.stop[0], pairs.far[0], pairs.still_s[0]) == (STOP, FAR, 3.0)
    slow = SlowLane(rate, 3.0, float(laid.storage_veh[0]), float(laid.room_veh[FAR]))
    green_since_ms, now_ms, last_far_ms, blamed = -1, 0, 0, set()
    for second in range(600):
        passed_s = float(chance.choice([1.0, 1.0, 2.0]))
        now_ms += int(1000 * passed_s)
        if chance.random() < 0.05:
            green_since_ms = now_ms if green_since_ms < 0 else -1
        out, come = (
            int(chance.random() < rate * (1 + second // 300)),
            int(second % 200 > 100 and chance.random() < rate * (1 + 5 * (seed % 2))),
        )
        inside, queue = chance.uniform(0, 1), chance.uniform(0, 12)
        held = chance.choice([0.0, 0.0, chance.uniform(0, 9)])
        last_far_ms = now_ms if come else last_far_ms
        health.masked[STOP], health.masked[FAR] = chance.random(2) < 0.15
        health.last_ms[FAR] = last_far_ms
        health.missed_veh[STOP], health.missed_veh[FAR] = chance.uniform(0, 5), 0.0
        health.cause[STOP] = chance.choice([Cause.SILENT, Cause.THROUGH_RED])
        health.red_veh[STOP], health.odd[STOP], health.odd[FAR] = chance.uniform(0, 8), 0, 0
        stands = bool(chance.random() < 0.7)
        state.lamp[0] = Lamp.GREEN if green_since_ms >= 0 else Lamp.RED
        state.lamp_since_ms[0] = max(0, green_since_ms)
        state.transit_veh[0, :] = 0.0
        state.transit_veh[0, int(chance.integers(0, int(pairs.far_s[0]) + 1))] = inside
        state.held_veh[0, 0], state.queue_veh[0], state.arrival_veh[0] = held, queue, 0.5
        state.observed_ms[0] = now_ms
        frame = bench.frame
        frame.detector_count[STOP], frame.detector_count[FAR], frame.detector_on[STOP] = out, come, stands
        bench.detectors.passed_s = passed_s
        seen = Seen(
            now_ms, passed_s, green_since_ms, stands, out, come, bool(health.masked[STOP]),
            bool(health.masked[FAR]), held + inside, inside, held, queue, 0.5,
        )  # fmt: skip
        red_veh = health.red_veh[STOP] if health.cause[STOP] == Cause.THROUGH_RED else 0.0
        forgotten = max(float(health.missed_veh[STOP]), float(red_veh))
        bench.influence.bound(state, frame, bench.detectors, bench.rung, now_ms)
        slow.write_down(seen)
        at_fault = slow.blame(seen, now_ms / 1000, (now_ms - last_far_ms) / 1000)
        blamed.add(at_fault)
        assert (health.odd[STOP] == kernels.ODD_INTERVALS) == ("stop" in at_fault)
        assert (health.missed_veh[FAR] > slow.room) == ("far" in at_fault)
        assert (health.odd[FAR] == kernels.ODD_INTERVALS) == ("phantoms" in at_fault)
        held, queue, coming = slow.bound(seen, forgotten, last_far_ms)
        if seen.stop_sick != seen.far_sick:
            red_s = 0.0 if green_since_ms >= 0 else now_ms / 1000
            queue = min(queue, rate * max(90.0, red_s) + 9.0 * float(laid.saturation_veh_per_s[0]))
        expected = held, queue, coming
        told = (state.held_veh[0, 0], state.queue_veh[0], state.arrival_veh[0, HORIZON_S - 1])
        assert told == pytest.approx(expected)
    assert "" in blamed
    every.update(blamed)
    assert seed < 5 or every >= {"", "stop", "far", "phantoms"}


@pytest.mark.parametrize("seed", range(4))
def test_people_are_what_their_slow_twin_says(seed: int) -> None:
    chance, bench = np.random.default_rng(seed), Bench()
    state, ledger = bench.state, bench.influence.ledger
    rate = waiting = believed = 0.0
    ended_ms = now_ms = pressed = 0
    state.call_since_ms[:] = NEVER_MS
    for _ in range(500):
        now_ms += 1000
        green = bool(chance.random() < 0.1)
        presses = int(chance.integers(0, 3))
        state.lamp[WALK_NS] = Lamp.GREEN if green else Lamp.RED
        ended_ms = now_ms if green else ended_ms
        state.green_ended_ms[WALK_NS] = ended_ms
        state.waiting_people[WALK_NS] = 0.0 if green else believed + presses
        kernels.bound_people(
            now_ms, 1.0, now_ms, state.unseen_group, bench.network.group_kind, state.lamp,
            state.green_ended_ms, ledger, state.waiting_people, state.people_per_s,
        )  # fmt: skip
        before, waiting = waiting, 0.0
        if green:
            pressed, believed = 0, 0.0
        else:
            usual = rate * (now_ms - ended_ms) / 1000
            pressed += presses
            waiting = min(pressed, 1.0 + usual)
            rate += (max(0.0, waiting - before) - rate) / min(600.0, now_ms / 1000 + 60.0)
            assert state.people_per_s[WALK_NS] == pytest.approx(rate)
            believed = min(pressed, 1.0 + usual + sqrt(usual))
        assert state.waiting_people[WALK_NS] == pytest.approx(0.0 if green else believed)


@pytest.mark.parametrize("seed", range(30))
def test_what_one_loop_alone_tells_of_is_bounded_as_the_slow_twin_says(seed: int) -> None:
    """The usual of a cycle, or of the time since the last green, and nine seconds of saturation flow more."""
    bench, chance = Bench(), np.random.default_rng(seed)
    network, detectors, state = bench.network, bench.detectors, bench.state
    laid, now_ms, rung = detectors.laid, 1_000_000, int(chance.integers(0, 3))
    detectors.health.masked[:] = chance.random(len(laid.kind)) < 0.5
    detectors.known[:] = chance.integers(0, 3, network.n_lanes)
    detectors.rate_veh_per_s[:] = chance.random(network.n_lanes) / 3
    state.lamp[:] = np.where(chance.random(network.n_groups) < 0.3, Lamp.GREEN, Lamp.RED)
    state.green_ended_ms[:] = now_ms - 1000 * chance.integers(0, 200, network.n_groups)
    told = chance.integers(0, 40, network.n_lanes).astype(float)
    queue, scratch = told.copy(), np.zeros(network.n_lanes, np.int64)
    kernels.bound_lone_loops(
        now_ms, laid, detectors.health, detectors.known, detectors.rate_veh_per_s, np.full(1, rung, np.int8),
        state.lamp, state.green_ended_ms, scratch, queue,
    )  # fmt: skip
    for lane in range(network.n_lanes):
        here = [d for d in range(len(laid.kind)) if laid.lane[d] == lane and laid.gate[d] >= 0]
        alone = sum(not detectors.health.masked[d] for d in here) == 1
        most = told[lane]
        if alone and detectors.known[lane] == 2:
            green = state.lamp[lane] == Lamp.GREEN
            red_s = 0.0 if green else (now_ms - int(state.green_ended_ms[lane])) / 1000
            usual = float(detectors.rate_veh_per_s[lane]) * max(90.0, red_s)
            most = min(
                most, usual + float(network.lane_saturation_veh_per_s[lane]) * (9.0 if rung == 0 else 4.5)
            )
        assert queue[lane] == pytest.approx(most)
