"""A late bus keeps the green it would just miss; one that is on time weighs what its passengers weigh."""

from __future__ import annotations

import numpy as np
import pytest

from controller.bus_priority import SHIFT_MS, Life, Why
from controller.lateness import Lateness
from controller.policy import LATENESS_FACTOR_MAX, Policy, PolicyError
from controller.state import new_state
from controller.vocabulary import Lamp
from tests.asking_street import EW, NS, AskingStreet

LATE_S = 240.0


class Planned:
    """A planner that goes round by a clock and says so: ns for 30 s, ew for 20 s."""

    def __init__(self, street: AskingStreet) -> None:
        self.street = street

    def propose(self, state, now_ms: int) -> None:  # type: ignore[no-untyped-def]
        position_ms = now_ms % 50_000
        state.wanted_stage[0] = 0 if position_ms < 30_000 else 2
        state.planned_end_ms[0] = now_ms - position_ms + (30_000 if position_ms < 30_000 else 50_000)


def street() -> AskingStreet:
    made = AskingStreet(controller="adaptive")
    made.controller.planner = Planned(made)
    made.controller.degradation = None
    return made


def lives(made: AskingStreet) -> list[tuple[str, str]]:
    events, _ = made.controller.priority.new_events(0)
    return [(Life(event.life).name, Why(event.why).name) for event in events]


def ends_of_green(made: AskingStreet, group: int) -> list[float]:
    green = np.array([lamps[group] == Lamp.GREEN for lamps in made.log])
    return (np.flatnonzero(green[:-1] & ~green[1:]) / 10).tolist()


def usual_end_s() -> float:
    return ends_of_green(street().run(100), NS)[-1]


def until(made: AskingStreet, second: float) -> AskingStreet:
    return made.run(second - made.now_ms / 1000)


def test_a_late_bus_keeps_the_green_it_would_just_miss() -> None:
    made = until(street(), 70)
    made.bus(0, 200.0, LATE_S, speed=12.0)  # there at about 86 s; the green ends at 80 s
    until(made, 88)
    made.buses.clear()
    until(made, 100)
    kept_s = ends_of_green(made, NS)[-1] - usual_end_s()
    assert 5 <= kept_s <= SHIFT_MS / 1000 + 1
    assert lives(made) == [("REQUESTED", "NONE"), ("EXTENDED", "NONE"), ("ENDED", "PASSED")]
    assert not made.found


def test_its_green_comes_a_little_earlier_when_the_other_is_nearly_over() -> None:
    usual = street()
    usual.run(90)
    made = until(street(), 66)
    made.bus(2, 150.0, LATE_S, speed=10.0)
    until(made, 90)
    starts = [next(k for k in range(600, 900) if one.log[k][EW] == Lamp.GREEN) / 10 for one in (usual, made)]
    assert 0 < starts[0] - starts[1] <= SHIFT_MS / 1000
    assert ("EARLY", "NONE") in lives(made)
    assert not made.found


@pytest.mark.parametrize(("late_s", "age_s", "why"), [(30.0, 0.0, "ON_TIME"), (-60.0, 0.0, "ON_TIME"),
                                                     (LATE_S, 31.0, "OLD_NEWS")])  # fmt: skip
def test_only_who_is_late_and_told_of_in_time_is_granted_anything(
    late_s: float, age_s: float, why: str
) -> None:
    made = until(street(), 70)
    made.bus(0, 200.0, late_s, age_s=age_s)
    until(made, 88)
    assert lives(made) == [("REQUESTED", "NONE"), ("REFUSED", why)]
    assert ends_of_green(until(made, 100), NS)[-1] == usual_end_s()


def test_once_in_a_cycle_and_then_locked_out() -> None:
    made = until(street(), 75)
    made.bus(0, 120.0, LATE_S, vehicle=1)
    until(made, 84)
    made.buses.clear()
    until(made, 124)
    made.bus(0, 150.0, LATE_S, vehicle=2)
    until(made, 150)
    assert ("REFUSED", "LOCKED_OUT") in lives(made)
    extended = [life for life, _ in lives(made)].count("EXTENDED")
    assert extended == 1


def test_a_bus_that_never_comes_holds_the_green_ten_seconds_and_no_longer() -> None:
    made = until(street(), 70)
    made.bus(0, 60.0, LATE_S, speed=0.0)
    until(made, 100)
    assert ends_of_green(made, NS)[-1] <= usual_end_s() + SHIFT_MS / 1000 + 0.2
    assert ("ENDED", "OVER") in lives(made)
    until(made, 150)
    assert [life for life, _ in lives(made)].count("EXTENDED") == 1, "it asks no more while it stands there"


def test_orders_and_emergency_vehicles_go_before_it() -> None:
    ordered = until(street(), 70)
    ordered.orders.bias(0, 0, 1_000, 200_000)
    ordered.bus(0, 150.0, LATE_S)
    until(ordered, 90)
    assert ("REFUSED", "ORDERED") in lives(ordered)
    preempted = until(street(), 70)
    preempted.bus(0, 150.0, LATE_S)
    preempted.call(3, 80.0)
    until(preempted, 90)
    assert ("REFUSED", "PREEMPTED") in lives(preempted)
    assert not ordered.found + preempted.found


def test_what_it_asked_for_and_got_can_be_read() -> None:
    made = until(street(), 70)
    made.bus(0, 200.0, LATE_S)
    until(made, 83)
    priority = made.controller.priority
    assert priority.standing(0, 9) == "its green is kept"
    assert priority.standing(0, 1) == ""
    said = [priority.said(event) for event in priority.new_events(0)[0]]
    assert said[0] == "a bus from ns, 4 min late, asks for priority"
    assert said[1] == "a bus from ns, 4 min late, keeps its green a little longer"


# --- what a bus weighs -------------------------------------------------------------------------


def test_nobody_counts_more_for_being_early_and_nobody_without_end() -> None:
    policy = Policy()
    assert (
        policy.lateness_factor(-300.0) == policy.lateness_factor(0.0) == policy.lateness_factor(60.0) == 1.0
    )
    assert policy.lateness_factor(300.0) == 2.0
    assert policy.lateness_factor(1e6) == LATENESS_FACTOR_MAX
    with pytest.raises(PolicyError, match="bus_lateness_s is 0"):
        Policy(bus_lateness_s=0.0)


def weight_of(late_s: float, persons: float, age_s: float = 0.0, distance_m: float = 50.0) -> float:
    """Persons a vehicle of the lane, with one car beside the bus."""
    made = AskingStreet()
    state = new_state(made.network, 0)
    state.near_veh[0] = 2.0
    made.bus(0, distance_m, late_s, persons, age_s)
    made._read()
    lateness = Lateness(made.network, Policy())
    lateness.lay(state, made.frame)
    weight = float(state.persons_per_veh[0])
    lateness.lift(state)
    assert state.persons_per_veh[0] == 1.3, "nothing is left behind"
    return weight


def test_a_bus_weighs_who_is_in_it_and_more_only_when_late() -> None:
    car = Policy().persons_per_car
    assert weight_of(0.0, 20.0) == pytest.approx((20.0 + car) / 2)
    assert weight_of(-200.0, 20.0) == weight_of(0.0, 20.0)
    assert weight_of(300.0, 20.0) == pytest.approx((40.0 + car) / 2)
    assert weight_of(0.0, np.nan) == pytest.approx((Policy().persons_per_bus + car) / 2), "nobody told"


def test_old_news_counts_while_the_bus_may_still_be_there() -> None:
    assert weight_of(0.0, 20.0, age_s=30.0, distance_m=400.0) > 5
    assert weight_of(0.0, 20.0, age_s=30.0, distance_m=50.0) == pytest.approx(1.3), "long gone"
    assert weight_of(0.0, 20.0, age_s=0.0, distance_m=400.0) == pytest.approx(1.3), "not there yet"


def test_a_planner_lets_the_late_bus_go_before_as_many_who_are_not_late() -> None:
    """Two lanes alike, one call each: whoever's bus is late is served first."""
    first = []
    for late_lane in (0, 2):
        made = AskingStreet(controller="adaptive")
        made.controller.degradation = None
        made.run(10)
        for lane in (0, 2):
            made.busy.add(lane)
            made.bus(lane, 30.0, 500.0 if lane == late_lane else 0.0, 40.0, vehicle=lane, speed=0.0)
        made.run(40)
        green = [sum(lamps[g] == Lamp.GREEN for lamps in made.log[100:]) for g in (NS, EW)]
        first.append(green[0] - green[1])
        assert not made.found
    assert first[0] > first[1]
