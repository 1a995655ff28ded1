"""Stories of a street whose detectors die: people are still served, and everything comes back by itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from controller.codes import UNTOLD
from controller.junction import FixedPlan, PlanStep
from controller.ladder import Reason, Rung
from controller.network import Network
from controller.orders import Orders
from controller.policy import Policy
from controller.rungs import made_plan, with_plans
from controller.tick import Controller
from controller.vocabulary import CONTROLLERS, StageSource
from sim.city.scenario import FaultKind
from tests import journal_street, toy_street
from tests.loop_street import NS, WALK_NS, LoopStreet, fault

STOP, BUTTON = "ns_0.stopline", "walk.ns.button"
BUSY = 0
ONSET_S = 300
MINUTES = 60


def test_a_dead_loop_on_a_busy_approach_keeps_nobody_waiting_past_the_promise() -> None:
    street = LoopStreet(fault(FaultKind.STUCK_OFF, f"detector:{STOP}", onset_s=ONSET_S)).run(20 * MINUTES)
    assert street.degradation.detectors.health.masked[street.named(STOP)]
    assert street.rung is Rung.SUBSTITUTED
    promise_s = int(street.network.promise_ms[NS]) / 1000
    assert street.worst_wait_s(ONSET_S, BUSY) <= promise_s
    assert street.complaints == []


def test_a_dead_junction_runs_its_fixed_plan_and_waits_are_that_plans() -> None:
    street = LoopStreet(fault(FaultKind.STUCK_OFF, onset_s=ONSET_S), veh_per_h=(300, 100, 300, 100))
    street.run(ONSET_S)
    assert street.until(Rung.COORDINATED, within_s=100) > 0
    street.run(15 * MINUTES)
    since_s = ONSET_S + 180
    plan = LoopStreet(controller="fixed", veh_per_h=(300, 100, 300, 100)).run(street.second)
    assert street.rung is Rung.COORDINATED
    assert street.mean_wait_s(since_s) <= 1.05 * plan.mean_wait_s(since_s)
    reasons = [step.reason for step in street.degradation.ladder.log()]
    assert reasons == [Reason.STOP_LINES_BLIND]
    assert street.complaints == []


def test_everything_mended_and_the_junction_is_back_at_the_top_by_itself_in_the_stated_time() -> None:
    mended_s = ONSET_S + 200
    street = LoopStreet(fault(FaultKind.DROPOUT, onset_s=ONSET_S, repair_s=200)).run(mended_s)
    assert street.rung is Rung.COORDINATED
    believed_s, cycles_s = 60, 3 * 150 + 60
    street.until(Rung.ACTUATED, within_s=600 + believed_s)
    street.until(Rung.SUBSTITUTED, within_s=cycles_s)
    street.until(Rung.ADAPTIVE, within_s=302 + believed_s)  # a loop may be doubted once more on the way
    steps = [(int(s.before), int(s.after)) for s in street.degradation.ladder.log()]
    assert steps == [(0, 3), (3, 2), (2, 1), (1, 0)]
    assert not street.degradation.detectors.health.masked.any()
    assert not street.controller.state.recall.any(), "walks are for those who call again"
    assert street.complaints == []


def test_a_stuck_button_gives_walk_in_each_cycle_and_not_all_the_time() -> None:
    street = LoopStreet(fault(FaultKind.STUCK_ON, f"detector:{BUTTON}", onset_s=ONSET_S)).run(20 * MINUTES)
    assert street.degradation.detectors.health.masked[street.named(BUTTON)]
    since_ms = street.begin_ms + 1000 * (ONSET_S + 200)
    walks = [at for at, group in street.walks if group == WALK_NS and at > since_ms]
    gaps_s = np.diff(walks) / 1000
    promise_s = int(street.network.promise_ms[WALK_NS]) / 1000
    walk_s = int(street.network.min_green_ms[WALK_NS] + street.network.yellow_ms[WALK_NS]) / 1000
    assert gaps_s.max() <= promise_s + walk_s
    assert np.median(gaps_s) >= 40
    assert max(s for _, group, s in street.walker_waits if group == WALK_NS) <= promise_s + walk_s


def test_a_street_that_falls_dumb_falls_to_the_plan_and_goes_on() -> None:
    """No reading at all any more: not a quiet street but an unknown one."""
    street = LoopStreet().run(2 * MINUTES)
    for _ in range(5 * MINUTES * 5):
        street._look_at(street.controller.tick(street.frame, street.now_ms))
        street.frame.lamps_shown[:] = street.controller.monitor.permitted
        street.now_ms += 200
    assert street.rung is Rung.COORDINATED
    assert {group for _, group in street.walks} == {4, 5}
    sure = street.degradation.detectors
    assert sure.stale
    assert "its last reading is old" in {judged.sentence for judged in sure.doubted()}


def test_with_every_detector_believed_nothing_is_changed() -> None:
    """The reading to estimate by is the reading itself."""
    street = LoopStreet(people_per_h=400).run(5 * MINUTES)
    assert street.rung is Rung.ADAPTIVE
    assert street.degradation.see(street.frame, street.now_ms) is street.frame
    assert not street.controller.state.unseen_lane.any()
    assert not street.controller.state.unseen_group.any()


def test_a_dead_advance_loop_proves_nothing_unless_its_stop_line_is_dead_too() -> None:
    """Neither that somebody stands there nor that nobody does; of a lane that nobody sees history tells."""
    one, both = (f"ns_0.{gate}" for gate in ("advance", "stopline"))
    for dead, tells in (((one,), UNTOLD), ((one, both), 0.0)):
        faults = [fault(FaultKind.STUCK_OFF, f"detector:{name}") for name in dead]
        street = LoopStreet(*faults).run(20 * MINUTES)
        advance = [d.name for d in street.network.detectors].index(one)
        believed = street.degradation.see(street.frame, street.now_ms)
        assert street.controller.state.unseen_lane[BUSY] == (len(dead) == 2)
        assert believed.detector_occupancy[advance] == tells


def test_a_clock_nobody_trusts_frees_the_plan_from_it() -> None:
    street = LoopStreet().run(2 * MINUTES)
    street.degradation.clock_trusted = False
    street.until(Rung.FREE, within_s=30)
    street.degradation.clock_trusted = True
    assert street.degradation.ladder.log()[-1].reason is Reason.CLOCK_BAD
    served = set()
    for _ in range(120):
        street.run(1)
        served |= set(np.flatnonzero(street._shown == 1).tolist())
    assert served == set(range(6)), "every group has its turn"
    street.run(10 * MINUTES)
    assert street.rung is Rung.COORDINATED


def test_a_person_can_send_a_junction_down_and_it_comes_back_alone() -> None:
    street = LoopStreet().run(60)
    street.degradation.ladder.order(0, Rung.ACTUATED, street.now_ms + 60_000)
    street.until(Rung.ACTUATED, within_s=30)
    street.run(60)
    street.until(Rung.SUBSTITUTED, within_s=3 * 150 + 60)
    assert street.complaints == []


def test_a_clock_that_jumps_is_flash_first_and_no_plan_by_that_clock_after() -> None:
    """The monitor stops at once; whoever comes back does not go by a clock that has just lied."""
    street = LoopStreet().run(2 * MINUTES)
    street.now_ms += 3_600_000
    street.run(3)
    assert street.rung is Rung.FLASH
    street.run(60)
    assert street.rung in (Rung.FREE, Rung.FLASH)


def test_orders_lie_over_every_rung() -> None:
    street = LoopStreet(fault(FaultKind.DROPOUT, onset_s=10)).run(80)  # no promise ends during the hold
    assert street.rung is Rung.COORDINATED
    orders = Orders(street.network)
    orders.hold(0, 2, street.now_ms + 60_000)
    for _ in range(200):
        street.frame.lamps_shown[:] = street.controller.tick(street.frame, street.now_ms, orders)
        street.now_ms += 200
    assert street.controller.state.target_stage[0] == 2


def test_whom_a_disabled_detector_told_of_is_not_forgotten() -> None:
    """It is made up for like one that is not believed, and heard again when the order ends."""
    sound_s = LoopStreet(veh_per_h=(900, 60, 300, 60)).run(ONSET_S + 20 * MINUTES).mean_wait_s(ONSET_S)
    for gates in (("advance",), ("stopline", "advance")):
        street = LoopStreet(veh_per_h=(900, 60, 300, 60)).run(ONSET_S)
        loops = [street.named(f"ns_0.{gate}") for gate in gates]
        street.orders = Orders(street.network)
        for loop in loops:
            street.orders.ignore(loop, street.now_ms + 20 * MINUTES * 1000)
        street.run(20 * MINUTES)
        health = street.degradation.detectors.health
        assert np.flatnonzero(health.masked).tolist() == sorted(loops)
        assert street.controller.state.unseen_lane[BUSY] == (len(gates) == 2)
        assert street.worst_wait_s(ONSET_S) <= int(street.network.promise_ms[NS]) / 1000
        assert street.mean_wait_s(ONSET_S) <= 1.25 * sound_s
        street.run(1)
        assert not health.masked.any()
        assert street.complaints == []


def test_only_the_adaptive_controller_judges_the_yardsticks_run_on_what_they_are_told() -> None:
    network = journal_street.network()
    for name in CONTROLLERS:
        controller = Controller(network, name, Policy(), 0)
        assert (controller.degradation is not None) == (name == "adaptive")


def test_a_junction_without_a_plan_is_given_one_that_serves_everybody() -> None:
    bare = dataclasses.replace(toy_street.junction("bare"), plans=())
    odd = FixedPlan("odd", 50_000, 0, (PlanStep("s9", 50_000),))
    wrong = dataclasses.replace(toy_street.junction("wrong"), plans=(odd,))
    network: Network = with_plans(toy_street.network(bare, wrong, toy_street.junction("good")))
    good = network.street.junctions[2]
    assert good.plans[0].name == "day"
    for junction in network.street.junctions[:2]:
        plan = junction.plans[0]
        assert sum(step.duration_ms for step in plan.steps) == plan.cycle_ms
        stages = {stage.name: stage for stage in junction.stages}
        served = {group for step in plan.steps for group in stages[step.stage].groups}
        assert served == {group.name for group in junction.groups}
        for step in plan.steps:
            for name in stages[step.stage].groups:
                group = next(g for g in junction.groups if g.name == name)
                assert step.duration_ms >= group.min_green_ms + group.clearance_ms
    whole = toy_street.network(toy_street.junction("good"))
    assert with_plans(whole) is whole


def test_a_junction_with_generated_stages_alone_is_given_a_plan_of_those() -> None:
    plain = toy_street.junction()
    generated = tuple(dataclasses.replace(s, source=StageSource.GENERATED) for s in plain.stages)
    plan = made_plan(dataclasses.replace(plain, stages=generated, plans=()))
    assert [step.stage for step in plan.steps] == [stage.name for stage in generated]


@pytest.mark.parametrize("kind", [FaultKind.STUCK_ON, FaultKind.CHATTER, FaultKind.SPOOFED])
def test_one_lying_source_never_does_worse_than_the_fixed_plan_would(kind: FaultKind) -> None:
    name = "ew.left_0.stopline"
    street = LoopStreet(fault(kind, f"detector:{name}", onset_s=ONSET_S), veh_per_h=(400, 100, 400, 100))
    street.run(15 * MINUTES)
    plan = LoopStreet(controller="fixed", veh_per_h=(400, 100, 400, 100)).run(15 * MINUTES)
    assert street.complaints == []
    assert street.mean_wait_s(ONSET_S) <= plan.mean_wait_s(ONSET_S)
    assert street.worst_wait_s(ONSET_S) <= 240, "twice the promise of one call"
