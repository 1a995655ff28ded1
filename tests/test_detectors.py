"""Sick detectors are found, healthy ones are not accused: every fault of rules 3.1, on the raw reading."""

from __future__ import annotations

import numpy as np
import pytest

from controller import substitute_kernels
from controller.detectors import DAY_FLOOR_S, Detectors, Judgement, floor_s, hour_of
from controller.detectors_model import NEVER_MS, Cause
from controller.frame import empty_frame
from controller.state import new_state
from controller.vocabulary import DetectorKind, Lamp, Sensors
from sim.city.scenario import FaultKind, FaultPlan
from tests import journal_street
from tests.loop_street import BEGIN_S, NS_LEFT, LoopStreet, fault

STOP, ADVANCE, BUTTON = "ns_0.stopline", "ns_0.advance", "walk.ns.button"
ONSET_S = 600
MINUTES = 60


class Watch:
    """Detectors judged second by second on a street under its fixed plan."""

    def __init__(self, *faults: FaultPlan, **street: object) -> None:
        self.street = LoopStreet(*faults, controller="fixed", **street)  # type: ignore[arg-type]
        self.detectors = Detectors(self.street.network, self.street.now_ms)
        self.blamed: dict[str, tuple[int, Judgement]] = {}
        """When each detector was first not used any more."""

    def run(self, seconds: int) -> Watch:
        street, detectors = self.street, self.detectors
        for _ in range(seconds):
            street.run(1)
            detectors.judge(street.controller.state, street.frame, street.now_ms)
            for d in np.flatnonzero(detectors.health.masked).tolist():
                judged = detectors.judgement(d)
                self.blamed.setdefault(judged.detector, (street.second, judged))
        return self

    def found(self, name: str, onset_s: int = ONSET_S) -> tuple[int, Judgement]:
        """After how many seconds, and as what."""
        second, judged = self.blamed[name]
        return second - onset_s, judged


def one(kind: FaultKind, name: str, **more: float) -> FaultPlan:
    return fault(kind, f"detector:{name}", **more)


@pytest.mark.parametrize(
    ("kind", "name", "cause", "within_s", "words"),
    [
        (FaultKind.STUCK_OFF, STOP, Cause.SILENT, 150, "vehicles passed"),
        (FaultKind.STUCK_OFF, ADVANCE, Cause.SILENT, 150, "vehicles passed"),
        (FaultKind.STUCK_ON, STOP, Cause.STUCK_ON, 240, "occupied without a break"),
        (FaultKind.STUCK_ON, ADVANCE, Cause.STUCK_ON, 150, "occupied without a break"),
        (FaultKind.STUCK_ON, BUTTON, Cause.STUCK_ON, 190, "occupied without a break"),
        (FaultKind.CHATTER, STOP, Cause.THROUGH_RED, 45, "a minute of red"),
        (FaultKind.DROPOUT, STOP, Cause.STALE, 8, "old"),
        (FaultKind.DELAY, STOP, Cause.STALE, 3, "old"),
        (FaultKind.SPOOFED, STOP, Cause.THROUGH_RED, 60, "a minute of red"),
    ],
)
def test_each_fault_is_found_by_name_and_nobody_else_is_blamed(
    kind: FaultKind, name: str, cause: Cause, within_s: int, words: str
) -> None:
    onset_s = 900 if kind is FaultKind.SPOOFED else ONSET_S
    watch = Watch(one(kind, name, onset_s=onset_s)).run(onset_s + within_s)
    after_s, judged = watch.found(name, onset_s)
    assert 0 <= after_s <= within_s
    assert judged.cause is cause
    assert words in judged.sentence
    assert judged.trust < 0.5
    assert list(watch.blamed) == [name]


def test_where_both_loops_of_a_lane_stick_at_once_the_one_no_green_moves_is_found_all_the_same() -> None:
    """Neither has a witness left. A whole street was believed to queue there for ever."""
    watch = Watch(one(FaultKind.STUCK_ON, STOP), one(FaultKind.STUCK_ON, ADVANCE)).run(ONSET_S + 240)
    after_s, judged = watch.found(ADVANCE)
    assert after_s <= 240
    assert judged.cause is Cause.STUCK_ON
    watch.run(900)
    assert set(watch.blamed) == {STOP, ADVANCE}, "of the stop line's it takes a quarter of an hour to be sure"


def test_a_stuck_loop_that_only_gets_short_greens_is_found_in_a_quarter_of_an_hour() -> None:
    """Sixty seconds of green are three quarters of an hour where each green lasts six."""
    network = journal_street.network()
    detectors, state = Detectors(network, 0), new_state(network, 0)
    frame, named = empty_frame(network, Sensors.LOOPS), [d.name for d in network.detectors]
    stuck, beside = named.index("ns.left_0.stopline"), named.index("ns.left_0.advance")
    found_s = 0
    for second in range(1, 1500):
        green = second % 80 < 6
        if green != (state.lamp[NS_LEFT] == Lamp.GREEN):
            state.lamp[NS_LEFT] = Lamp.GREEN if green else Lamp.RED
            state.lamp_since_ms[NS_LEFT] = 1000 * second
        frame.sequence, frame.time_ms = second, 1000 * second
        frame.detector_count[:] = [(second + d) % 11 == 0 for d in range(len(named))]
        frame.detector_count[[stuck, beside]] = 0
        frame.detector_on[[stuck, beside]], frame.detector_occupancy[[stuck, beside]] = True, 1.0
        detectors.judge(state, frame, 1000 * second)
        if not found_s and detectors.health.masked[stuck]:
            found_s = second
    assert detectors.judgement(stuck).cause is Cause.STUCK_ON
    assert 600 < found_s <= 960, "not while a long queue may have been served six seconds at a time"


def test_a_clock_that_is_ahead_changes_nothing_because_our_own_clock_counts() -> None:
    assert not Watch(one(FaultKind.CLOCK_SKEW, STOP)).run(ONSET_S + 120).blamed


def test_half_an_hour_of_saturation_accuses_nobody() -> None:
    """Loops stand occupied through every red; only green tells a queue from a fault."""
    watch = Watch(veh_per_h=(1100, 500, 1100, 500)).run(38 * MINUTES)
    assert not watch.blamed
    assert min(len(queue) for queue in watch.street.queue) >= 8, "it was saturated"
    assert watch.detectors.health.trust[watch.detectors.laid.gate >= 0].min() == 1.0


def test_a_quiet_street_accuses_nobody() -> None:
    watch = Watch(veh_per_h=(40, 8, 40, 0), people_per_h=4).run(40 * MINUTES)
    assert not watch.blamed
    never = watch.detectors.judgement(watch.street.named("ew.left_0.stopline"))
    assert (never.cause, never.sentence) == (Cause.UNPROVEN, "has told of nobody since the start")


def test_a_demand_that_doubles_or_ends_is_no_fault() -> None:
    watch = Watch().run(20 * MINUTES)
    watch.street.rate *= 2.0
    watch.run(10 * MINUTES)
    watch.street.rate /= 6.0
    watch.run(10 * MINUTES)
    assert not watch.blamed


def test_a_mended_detector_is_believed_again_within_three_minutes() -> None:
    watch = Watch(one(FaultKind.STUCK_OFF, STOP, repair_s=300)).run(ONSET_S + 300)
    stop = watch.street.named(STOP)
    assert watch.detectors.health.masked[stop]
    watch.run(180)
    assert not watch.detectors.health.masked[stop]
    watch.run(120)
    assert watch.detectors.judgement(stop).cause is Cause.NONE
    assert watch.detectors.sentence(stop) == "works"


def test_a_cabinet_that_dies_is_found_within_a_minute_or_so_and_comes_back() -> None:
    watch = Watch(fault(FaultKind.STUCK_OFF, repair_s=300)).run(ONSET_S + 90)
    loops = np.flatnonzero(watch.detectors.laid.gate >= 0)
    assert watch.detectors.health.masked[loops].all()
    assert watch.detectors.blind.tolist() == [[4, 4]]
    watch.run(210 + 240)
    assert not watch.detectors.health.masked[loops].any()


def test_a_device_that_reports_its_fault_is_taken_at_its_word() -> None:
    watch = Watch().run(60)
    street, stop = watch.street, watch.street.named(STOP)
    for code, words in ((212.0, "open loop"), (213.0, "shorted loop"), (220.0, "code 220")):
        street.frame.sequence += 1
        street.frame.detector_occupancy[stop] = code
        watch.detectors.judge(street.controller.state, street.frame, street.now_ms)
        assert words in watch.detectors.sentence(stop)
        assert watch.detectors.health.trust[stop] == 0.0


@pytest.mark.parametrize(("count", "occupancy"), [(-1, 0.5), (0, float("nan")), (0, 1.5), (0, -0.1)])
def test_what_no_detector_can_tell_is_not_used(count: int, occupancy: float) -> None:
    watch = Watch().run(60)
    street, stop = watch.street, watch.street.named(STOP)
    street.frame.sequence += 1
    street.frame.detector_count[stop], street.frame.detector_occupancy[stop] = count, occupancy
    watch.detectors.judge(street.controller.state, street.frame, street.now_ms)
    assert watch.detectors.judgement(stop).cause is Cause.IMPOSSIBLE
    assert watch.detectors.health.masked[stop]
    assert np.isfinite(watch.detectors.health.minute_veh).all()


def test_a_frozen_value_is_found_in_a_minute() -> None:
    watch = Watch().run(120)
    street, stop = watch.street, watch.street.named(STOP)
    for _ in range(62):
        street.run(1)
        street.frame.detector_count[stop], street.frame.detector_occupancy[stop] = 0, 0.37
        watch.detectors.judge(street.controller.state, street.frame, street.now_ms)
    assert watch.detectors.judgement(stop).cause is Cause.FROZEN


def test_readings_that_stop_altogether_are_missing_not_zero() -> None:
    watch = Watch().run(300)
    street, detectors = watch.street, watch.detectors
    now_ms = street.now_ms
    assert not detectors.judge(street.controller.state, street.frame, now_ms + 3_000)
    assert not detectors.stale
    assert not detectors.judge(street.controller.state, street.frame, now_ms + 7_000)
    assert detectors.stale
    assert detectors.health.masked.all()
    assert detectors.blind.tolist() == [[4, 4]]
    watch.run(60)
    assert not detectors.stale
    assert not detectors.health.masked.any()


def test_a_button_must_be_pressed_three_times_before_recall_ends_and_a_flag_begins_it_anew() -> None:
    watch = Watch(people_per_h=0).run(60)
    street, button = watch.street, watch.street.named(BUTTON)
    detectors = watch.detectors

    def press() -> float:
        street.run(1)
        street.frame.detector_count[button] = 1
        detectors.judge(street.controller.state, street.frame, street.now_ms)
        return float(detectors.health.trust[button])

    assert detectors.sentence(button) == "not yet pressed three times"
    assert [press() < 0.5 for _ in range(3)] == [True, True, False]
    detectors.suspect_button(button)
    assert [press() < 0.5 for _ in range(3)] == [True, True, False]
    with pytest.raises(ValueError, match=r"ns_0\.stopline is no button"):
        detectors.suspect_button(street.named(STOP))


def test_a_button_nobody_presses_any_more_falls_under_suspicion() -> None:
    watch = Watch(people_per_h=120).run(20 * MINUTES)
    button = watch.street.named(BUTTON)
    assert watch.detectors.health.trust[button] == 1.0
    watch.street.people_rate = 0.0
    watch.run(int(DAY_FLOOR_S) - 60)
    assert watch.detectors.health.trust[button] == 1.0
    watch.run(5 * MINUTES)
    assert watch.detectors.judgement(button).cause is Cause.SILENT
    assert not watch.detectors.health.masked[button], "a press would still be a call"
    watch.street.people_rate = 120 / 3600
    watch.run(5 * MINUTES)
    assert watch.detectors.judgement(button).cause is Cause.NONE


def test_what_is_usual_is_learned_by_the_hour_and_far_less_than_on_other_days_is_flagged() -> None:
    """Five mornings from 8 to 9; on the last of them the loop catches one vehicle in three."""
    watch = Watch(veh_per_h=(0, 0, 0, 0))
    detectors, street, stop = watch.detectors, watch.street, watch.street.named(STOP)
    state, frame = street.controller.state, street.frame
    frame.detector_on[:] = False
    for day in range(6):
        for second in range(0, 3660, 10):
            frame.time_ms = 1000 * (BEGIN_S + 86_400 * day + second)
            frame.sequence += 1
            every = 30 if day < 5 else 90
            frame.detector_count[:] = 0
            frame.detector_count[stop] = second % every == 0 and second < 3600
            detectors.judge(state, frame, frame.time_ms)
        if day < 5:
            assert not detectors.health.low[stop]
    assert detectors.health.low[stop]
    assert detectors.judgement(stop).cause is Cause.LOW_HITS
    assert detectors.health.trust[stop] == 0.7
    assert "far fewer than on other days" in detectors.sentence(stop)
    assert not detectors.health.masked[stop]


def test_where_nobody_is_seen_there_is_still_a_demand() -> None:
    watch = Watch(veh_per_h=(600, 60, 600, 0)).run(20 * MINUTES)
    detectors, network = watch.detectors, watch.street.network
    low, high = detectors.demand_interval(0)
    assert low < 600 / 3600 < high
    assert 0.0 < detectors.demand_interval(3)[0] < detectors.demand_interval(3)[1]
    fresh = Detectors(network, 1000 * BEGIN_S)
    assert all(fresh.demand_interval(lane)[0] > 0.0 for lane in range(network.n_lanes))
    at_night = Detectors(network, 3 * 3_600_000)
    assert at_night.demand_interval(0)[1] < fresh.demand_interval(0)[1]


def test_days_are_local_and_nights_are_quieter() -> None:
    assert [hour_of(h * 3_600_000 + 5) for h in (0, 7, 23, 24)] == [0, 7, 23, 0]
    assert floor_s(3) == floor_s(22) == 4 * floor_s(12) == 3600.0


def test_all_that_is_doubted_is_listed_the_worst_first_as_plain_values() -> None:
    watch = Watch(one(FaultKind.DROPOUT, STOP, onset_s=10), people_per_h=0).run(30)
    listed = watch.detectors.doubted()
    assert listed[0].detector == STOP
    buttons = sum(d.kind == DetectorKind.BUTTON for d in watch.street.network.detectors)
    assert len(listed) == 1 + buttons
    assert listed[0].to_json() == {
        "detector": STOP, "junction": "J1", "trust": 0.0, "cause": "stale",
        "since_ms": listed[0].since_ms, "sentence": "its last reading is old",
    }  # fmt: skip


def test_a_junction_whose_loops_are_all_occupied_and_count_nobody_is_lost_as_a_whole() -> None:
    """Seen by its greens: it is no jam, for there is room beyond the stop lines."""
    watch = Watch(fault(FaultKind.STUCK_ON, repair_s=200)).run(ONSET_S + 90)
    loops = np.flatnonzero(watch.detectors.laid.gate >= 0)
    assert watch.detectors.health.masked[loops].all()
    causes = {watch.detectors.judgement(int(d)).cause for d in loops}
    assert causes == {Cause.STUCK_ON}
    buttons = watch.detectors.laid.kind == DetectorKind.BUTTON
    assert (watch.detectors.health.presses[buttons] == 0).all(), "who presses there is not heard either"
    watch.run(110 + 240)
    assert not watch.detectors.health.masked[loops].any()


def test_one_who_stands_while_all_is_quiet_is_no_dead_cabinet() -> None:
    """Fewer than all loops occupied: somebody looks at his telephone, and nobody else comes."""
    watch = Watch().run(ONSET_S)
    street, detectors, stop = watch.street, watch.detectors, watch.street.named(STOP)
    street.rate[:] = 0.0
    for _ in range(100):
        street.run(1)
        street.frame.detector_on[stop], street.frame.detector_occupancy[stop] = True, 1.0
        detectors.judge(street.controller.state, street.frame, street.now_ms)
    loops = detectors.laid.gate >= 0
    assert detectors.health.masked[loops].sum() <= 1


def test_a_loop_without_a_witness_is_contradicted_by_nobody() -> None:
    """A crowd comes from a match, and no other loop lies on its way."""
    watch = Watch(veh_per_h=(60, 60, 60, 60))
    laid = watch.detectors.laid
    watch.detectors.laid = laid._replace(single=np.zeros_like(laid.single))
    watch.run(20 * MINUTES)
    watch.street.rate *= 8.0
    watch.run(5 * MINUTES)
    assert not watch.blamed
    assert watch.detectors.health.odd.max() == 0


def test_who_may_stand_unseen_calls_since_he_came_or_since_the_last_green() -> None:
    """A green that came after him was his, and kept its promise; what is left of the doubt calls anew."""
    watch = Watch().run(60)
    laid, health, now_ms = watch.detectors.laid, watch.detectors.health, watch.street.now_ms
    stop = watch.street.named(STOP)
    group = int(np.flatnonzero([laid.lane_group_bits[laid.lane[stop]] >> k & 1 for k in range(62)])[0])
    health.doubt_ms[stop] = now_ms - 60_000
    for green_ended_ms, since_ms in ((now_ms - 90_000, now_ms - 60_000), (now_ms - 20_000, now_ms - 20_000)):
        n_groups, n_lanes = len(laid.group_kind), len(laid.lane_junction)
        ended_ms = np.full(n_groups, green_ended_ms, np.int64)
        called_ms, call_since_ms = np.full((2, n_groups), NEVER_MS, np.int64)
        substitute_kernels.call_unproven(
            now_ms, laid, health, np.full(n_lanes, 2, np.int8), np.zeros(n_lanes, np.int8), np.zeros(n_lanes),
            np.zeros(n_groups, np.int8), ended_ms, called_ms, call_since_ms,
        )  # fmt: skip
        assert call_since_ms[group] == since_ms


def test_the_usual_flow_is_the_stop_lines_own_whatever_a_loop_farther_up_tells() -> None:
    watch = Watch()
    detectors, health = watch.detectors, watch.detectors.health
    for name, gap_s in ((STOP, 20.0), (ADVANCE, 4.0)):
        d = watch.street.named(name)
        health.gaps[d], health.gap_s[d] = 50.0, gap_s
    detectors._learn_flows(watch.street.now_ms)
    assert (detectors.rate_veh_per_s[0], detectors.known[0]) == (0.05, 2)
