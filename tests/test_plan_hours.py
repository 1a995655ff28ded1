"""Plans of the day: which one at which local time, and how a junction comes from one into the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.conflicts import UnsafeJunction
from controller.fixed_time import FixedTime
from controller.junction import FixedPlan, PlanHour, PlanStep, StreetNetwork
from controller.local_clock import BadClock, LocalClock, OffsetChange, plan_of_the_hour
from controller.network import Network, build_network
from controller.orders import Orders
from controller.plan_change import plan_change
from controller.plan_hours import PlanClock
from controller.plan_paper import Paper
from controller.policy import Policy
from controller.street_file import StreetFileError, street_from_text, street_to_text
from controller.tick import Controller
from controller.vocabulary import DayKind, Lamp, Sensors, Timing
from sim.zone_clock import UnknownZone, zone_clock
from tests import toy_street
from tests.toy_street import WALK_NS, Traffic

H, MIN = 3_600_000, 60_000
EVERY_DAY = tuple(DayKind)
NIGHT = FixedPlan(
    "night", 80_000, 25_000,
    (PlanStep("s2", 28_000), PlanStep("s3", 12_000), PlanStep("s0", 28_000), PlanStep("s1", 12_000)),
)  # fmt: skip
HOURS = (PlanHour(EVERY_DAY, 6 * H, "day"), PlanHour(EVERY_DAY, 22 * H, "night"))


def street(hours: tuple[PlanHour, ...] = HOURS, night: FixedPlan = NIGHT) -> StreetNetwork:
    groups = tuple(replace(toy_street.group(name), links=(k,)) for k, name in enumerate(toy_street.NAMES))
    junction = toy_street.junction(groups=groups, offset_ms=10_000)
    return StreetNetwork(
        "toy", Timing.COMPUTED, (replace(junction, plans=(*junction.plans, night)),), timetable=hours
    )


def network(hours: tuple[PlanHour, ...] = HOURS, night: FixedPlan = NIGHT) -> Network:
    return build_network(street(hours, night), 1000)


# --- the hour ----------------------------------------------------------------------------------


def test_the_night_goes_on_past_midnight_and_other_days_have_other_hours() -> None:
    hours = (*HOURS[:1], PlanHour((DayKind.WORKDAY,), 22 * H, "night"))
    clock = LocalClock(first_weekday=4)  # a Friday
    at = lambda day, hour: plan_of_the_hour(hours, clock.at((24 * day + hour) * H))  # noqa: E731
    assert [at(0, 3), at(0, 6), at(0, 21), at(0, 22)] == ["night", "day", "day", "night"]
    assert [at(1, 3), at(1, 23)] == ["day", "day"], "Saturday has no night"
    free = LocalClock(first_weekday=0, free_days=(0,))
    assert free.at(5 * H).kind is DayKind.SUNDAY
    assert plan_of_the_hour((), clock.at(0)) == ""


def test_the_hour_that_is_skipped_and_the_hour_that_comes_twice() -> None:
    """Plans go by zone time: what begins in the skipped hour begins after it; what begins in the
    repeated hour begins twice, and the hour before it comes back between."""
    hours = (PlanHour(EVERY_DAY, 0, "night"), PlanHour(EVERY_DAY, 2 * H + 30 * MIN, "early"))
    spring = zone_clock("Europe/Berlin", date(2026, 3, 29))
    heard = [plan_of_the_hour(hours, spring.at(k * 30 * MIN)) for k in range(3, 7)]
    assert heard == ["night", "early", "early", "early"], "at 02:00 it is 03:00"
    autumn = zone_clock("Europe/Berlin", date(2026, 10, 25))
    heard = [plan_of_the_hour(hours, autumn.at(k * 30 * MIN)) for k in range(4, 9)]
    assert heard == ["night", "early", "night", "early", "early"]
    assert autumn.at(25 * H).of_day_ms == 0, "that day has 25 hours"
    assert autumn.at(25 * H).kind is DayKind.WORKDAY


def test_clocks_and_zones_that_cannot_be() -> None:
    with pytest.raises(BadClock, match="in order of time"):
        LocalClock((OffsetChange(5, 0), OffsetChange(5, 1)))
    with pytest.raises(UnknownZone, match="'Europe/Nowhere' is not known here"):
        zone_clock("Europe/Nowhere", date(2026, 1, 1))


# --- in a street file --------------------------------------------------------------------------


def test_a_timetable_is_written_as_people_say_it_and_read_back() -> None:
    text = street_to_text(street())
    assert '{ days = ["workday", "saturday", "sunday"], from = "06:00", plan = "day" },' in text
    assert street_from_text(text) == street()
    assert "clock" not in text, "a street that counts from a Monday's midnight says nothing"


def test_a_street_carries_its_clock_so_that_whoever_plays_it_again_hears_the_same_hours() -> None:
    berlin = replace(street(), clock=zone_clock("Europe/Berlin", date(2026, 3, 29), [date(2026, 4, 3)]))
    again = street_from_text(street_to_text(berlin))
    assert again == berlin
    assert PlanClock(build_network(again, 1000)).look(5 * H) == "day", "six o'clock comes after five hours"
    assert PlanClock(build_network(street(), 1000)).look(5 * H) == "night"
    broken = street_to_text(berlin).replace("at_ms = 7200000,", "at_ms = 0,")
    with pytest.raises(StreetFileError, match="clock: a clock's changes must be in order of time"):
        street_from_text(broken)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"06:00"', '"24:00"', "timetable[0].from: found '24:00'; allowed is a time of day"),
        ('from = "06:00"', 'at = "06:00"', "timetable[0].at: unknown key; allowed are days, from, plan"),
        ('["workday", ', '["weekday", ', "allowed is one of workday, saturday, sunday"),
        ('plan = "night"', 'plan = "dusk"', "no junction has a plan dusk; known are day, night"),
        ('"22:00"', '"06:00"', "times of one kind of day must differ; workday 06:00:00 is there twice"),
    ],
)
def test_a_timetable_that_cannot_be_followed_is_refused(old: str, new: str, words: str) -> None:
    with pytest.raises((StreetFileError, UnsafeJunction)) as error:
        street_from_text(street_to_text(street()).replace(old, new, 1))
    assert words in str(error.value)


# --- from one plan to the next -----------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.integers(8, 60), min_size=2, max_size=6),
    slack=st.floats(0.0, 1.0),
    offset=st.integers(0, 400),
    at=st.integers(0, 10_000),
    rest=st.integers(0, 60),
)
def test_every_change_ends_in_step_and_bends_no_step_too_far(
    steps: list[int], slack: float, offset: int, at: int, rest: int
) -> None:
    steps_ms = [1000 * step for step in steps]
    least_ms = [int(step * slack) for step in steps_ms]
    change = plan_change(steps_ms, least_ms, 1000 * offset, 1000 * at, 1000, 1000 * rest)
    end_ms = 1000 * at + sum(sum(cycle) for cycle in change.cycles_ms)
    assert (end_ms - 1000 * offset) % sum(steps_ms) == 0, "the next cycle begins in step"
    assert change.in_time == (change.way != "slowly")
    for cycle in change.cycles_ms:
        for lasts, planned, least in zip(cycle, steps_ms, least_ms, strict=True):
            assert lasts >= least
            assert lasts % 1000 == 0
            if change.way != "dwell":
                assert abs(lasts - planned) * 5 <= planned
    if change.way == "dwell":
        assert end_ms - 1000 * at - sum(steps_ms) <= 1000 * rest


def test_the_short_way_is_taken() -> None:
    steps, least = [30_000, 30_000], [8_000, 8_000]
    assert plan_change(steps, least, 0, 0, 1000, 0).way == "at once"
    assert plan_change(steps, least, 10_000, 0, 1000, 0).cycles_ms == ((35_000, 35_000),)
    assert plan_change(steps, least, 50_000, 0, 1000, 0).cycles_ms == ((25_000, 25_000),)
    assert len(plan_change(steps, least, 30_000, 0, 1000, 0).cycles_ms) == 3
    tight = plan_change(steps, steps, 50_000, 0, 1000, 60_000)
    assert (tight.way, tight.cycles_ms) == ("dwell", ((80_000, 30_000),))
    assert not plan_change(steps, steps, 50_000, 0, 1000, 0).in_time


def run_over_the_change(begin_ms: int, minutes: int) -> Traffic:
    planner = FixedTime(network())
    return Traffic(planner.network, planner, 3, [0.1] * 4, [0, 0, 0, 0, 0.02, 0.02], begin_ms).run(
        60 * minutes
    )


def test_the_plan_changes_with_the_hour_lawfully_and_is_in_step_within_three_cycles() -> None:
    six_ms = 6 * H
    traffic = run_over_the_change(six_ms - 10 * MIN, 20)
    walks = [start for g, start, _ in traffic.greens if g == WALK_NS][1:]
    before = {(start - 25_000) % 80_000 for start in walks if start < six_ms}
    after = {(start - 10_000) % 100_000 for start in walks if start > six_ms + (1 + 3) * 100_000}
    assert len(before) == 1
    assert len(after) == 1, "one beat before, another after, each by the street's clock"
    assert (traffic.longest_wait_ms <= traffic.network.promise_ms).all()
    assert all(end - start >= 5_000 for _, start, end in traffic.greens)


def test_from_one_hour_to_the_next_everybody_is_served_in_every_cycle() -> None:
    """The end of one plan's cycle and the beginning of another's, a fifth longer at most."""
    traffic = run_over_the_change(22 * H - 5 * MIN, 12)
    for group in range(6):
        starts = sorted(start for g, start, _ in traffic.greens if g == group)[1:]
        assert max(np.diff(starts)) <= 100_000 + 6 * 80_000 // 5


def test_who_has_been_away_begins_with_the_plan_of_the_hour_at_once() -> None:
    planner = FixedTime(network())
    state = Traffic(planner.network, planner).state
    planner.propose(state, 12 * H)
    assert planner.steps(0)[2:] == (100_000, 10_000)
    planner.propose(state, 23 * H)
    assert planner.steps(0)[2:] == (80_000, 25_000)
    assert planner.steps(0)[0].tolist() == [2, 3, 0, 1]


def test_a_street_without_a_timetable_plays_its_first_plan_whatever_the_hour() -> None:
    planner = FixedTime(network(hours=()))
    state = Traffic(planner.network, planner).state
    for hour in (3, 12, 23):
        planner.propose(state, hour * H)
        assert planner.steps(0)[2:] == (100_000, 10_000)


def test_a_clock_that_is_not_trusted_keeps_the_plan_and_says_so_once() -> None:
    clock = PlanClock(network())
    planner = FixedTime(clock_network := network(), clock)
    state = Traffic(clock_network, planner).state
    planner.propose(state, 22 * H - 1000)
    clock.trusted = False
    for now_ms in range(22 * H, 22 * H + 300_000, 1000):
        planner.propose(state, now_ms)
    assert planner.steps(0)[2] == 100_000, "it is night, but who says so is not believed"
    (told,) = planner.hours.take_told()
    assert told == (-1, "the local clock cannot be trusted: plan day goes on, whatever the hour")
    clock.trusted = True
    for now_ms in range(22 * H + 300_000, 22 * H + 800_000, 1000):
        planner.propose(state, now_ms)
    assert planner.steps(0)[2:] == (80_000, 25_000)


def test_a_plan_that_cannot_be_bent_raises_the_coordination_alarm() -> None:
    """Every step is as short as it may be, and nobody may wait longer: only longer cycles are left."""
    steps = tuple(PlanStep(f"s{k}", d) for k, d in enumerate([27_000, 9_000] * 2))
    stiff = street(night=FixedPlan("night", 72_000, 60_000, steps))
    groups = tuple(
        replace(g, promise_ms=70_000, min_green_ms=g.min_green_ms + (3_000 if g.clearance_ms else 0))
        for g in stiff.junctions[0].groups
    )
    stiff = replace(stiff, junctions=(replace(stiff.junctions[0], groups=groups),))
    planner = FixedTime(build_network(stiff, 1000))
    state = Traffic(planner.network, planner).state
    for now_ms in range(22 * H - 5_000, 22 * H + 700_000, 1000):
        planner.propose(state, now_ms)
    told = planner.hours.take_told()
    assert len(told) == 1
    assert "coordination alarm: plan night comes into step only after" in told[0][1]
    assert planner.steps(0)[2:] == (72_000, 60_000), "in step in the end"


# --- rungs and orders --------------------------------------------------------------------------


def test_the_lower_rungs_play_the_plan_of_the_hour_and_an_order_plays_any() -> None:
    from controller.frame import empty_frame
    from controller.ladder import Rung

    net, begin_ms = network(), 23 * H
    controller = Controller(net, "adaptive", Policy(), begin_ms)
    assert controller.degradation is not None
    controller.degradation.ladder.order(0, Rung.COORDINATED, begin_ms + 20 * MIN)
    frame, orders, seen = empty_frame(net, Sensors.FULL), Orders(net), []
    for now_ms in range(begin_ms, begin_ms + 150_000, 100):
        if now_ms == begin_ms + 90_000:
            orders.play(0, "day", now_ms + 10 * MIN)
        frame.sequence += 1
        frame.time_ms = now_ms
        frame.lamps_shown[:] = controller.tick(frame, now_ms, orders)
        if now_ms % 1000 == 0:
            seen.append(int(controller.state.wanted_stage[0]))
    position_s = lambda s, plan: (23 * 3600 + s - plan.offset_ms // 1000) % (plan.cycle_ms // 1000)  # noqa: E731
    day = net.street.junctions[0].plans[0]
    night_steps = [k for k, d in ((2, 28), (3, 12), (0, 28), (1, 12)) for _ in range(d)]
    day_steps = [k for k, d in ((0, 35), (1, 15), (2, 35), (3, 15)) for _ in range(d)]
    assert seen[30:90] == [night_steps[position_s(s, NIGHT)] for s in range(30, 90)]
    assert seen[91:] == [day_steps[position_s(s, day)] for s in range(91, len(seen))]
    assert controller.verdict is not None
    assert not controller.verdict.violations


def test_a_plan_on_paper_says_which_rules_it_breaks() -> None:
    junction = toy_street.junction()
    paper = Paper(junction)
    assert paper.broken(junction.plans[0]) == []
    short = FixedPlan("short", 60_000, 0, tuple(PlanStep(f"s{k}", 15_000) for k in range(4)))
    assert paper.broken(short) == [
        "walk.ns lacks 8000 ms of its shortest green",
        "walk.ew lacks 8000 ms of its shortest green",
    ]
    long = FixedPlan("long", 200_000, 0, tuple(PlanStep(f"s{k}", 50_000) for k in range(4)))
    assert "ns.left is red for 154000 ms, its promise is 120000 ms" in paper.broken(long)
    traffic = Traffic(toy_street.network(), FixedTime(toy_street.network())).run(300)
    shown = {(g, end - start) for g, start, end in traffic.greens if start > 100_000 and g < 4}
    bits, durations = paper.steps(junction.plans[0])
    assert shown == {(g.group, g.lit_ms) for g in paper.greens(bits, durations) if g.group < 4}
    assert Lamp.GREEN in traffic.state.lamp
