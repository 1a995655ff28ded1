"""The adaptive planner: its arithmetic against a slow twin, and what it does for people on a toy street."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import plan_kernels as kernels_search
from controller import plan_lanes_kernels as kernels
from controller.junction import StreetLink, Yield
from controller.plan import Adaptive, build_model
from controller.plan_model import HORIZON_S, STAGES_MAX
from controller.policy import Policy, PolicyError, read_policy
from sim.city.load import load_city
from sim.city.scenario import find_scenario
from tests.naive_plan import change, hold, still_to_come
from tests.toy_street import EW, NS, NS_LEFT, WALK_EW, Traffic, group, junction, network

LANES, STAGES = 5, 3


@st.composite
def scenes(draw):
    """Queues, arrivals, weights, rates and give-way relations of a small junction."""
    seed = draw(st.integers(0, 2**32 - 1))
    chance = np.random.default_rng(seed)
    arrival = chance.random((LANES, HORIZON_S)) * (chance.random((LANES, HORIZON_S)) < 0.3)
    rate = chance.choice([0.0, 0.45, 0.5], (STAGES, LANES))
    opposing = chance.integers(0, 1 << LANES, (STAGES, LANES)) & ~(1 << np.arange(LANES))
    opposing[chance.random((STAGES, LANES)) < 0.5] = 0
    return {
        "queue": np.floor(chance.random(LANES) * 8),
        "arrival": arrival,
        "weight": 1.0 + chance.random(LANES),
        "rate": rate,
        "opposing": opposing,
        "share": chance.random((STAGES, LANES)),
        "clearing_s": chance.choice([1.0, 1.1], LANES),
    }


def sums(arrival):
    """Arrivals cumulated once and twice, as the kernels want them."""
    arrived = np.zeros((LANES, HORIZON_S + 1))
    arrived[:, 1:] = np.cumsum(arrival, axis=1)
    return arrived, np.cumsum(arrived, axis=1)


@settings(max_examples=60, deadline=None)
@given(scenes(), st.integers(0, STAGES - 1), st.integers(0, HORIZON_S - 1))
def test_one_more_second_costs_what_the_slow_twin_says(scene, stage, t):
    queue = scene["queue"].copy()
    cost = kernels.hold_second(
        stage, t, 2.0, queue, scene["arrival"], scene["weight"], scene["rate"][stage].copy(),
        scene["opposing"], scene["share"],
    )  # fmt: skip
    slow_cost, slow_queue = hold(
        stage, t, 2.0, scene["queue"], scene["arrival"], scene["weight"], scene["rate"], scene["opposing"],
        scene["share"],
    )  # fmt: skip
    assert cost == pytest.approx(slow_cost)
    assert queue == pytest.approx(np.array(slow_queue))


@settings(max_examples=100, deadline=None)
@given(
    scenes(),
    st.permutations(range(STAGES)),
    st.integers(0, HORIZON_S - 1),
    st.integers(1, 9),
    st.integers(1, 12),
)
def test_a_change_of_stage_costs_what_the_slow_twin_says(scene, stages, t, intergreen_s, green_s):
    old, new = stages[0], stages[1]
    start = min(HORIZON_S, t + intergreen_s)
    end = min(HORIZON_S, start + green_s)
    queue = scene["queue"].copy()
    arrived, waited = sums(scene["arrival"])
    sights = (queue, arrived, waited, scene["weight"], scene["rate"][old].copy(), scene["rate"][new].copy())
    red_cost, red_left = kernels.leave_at_red(t, end, 2.0, *sights, scene["clearing_s"])
    green_cost, green_left = kernels.serve_at_green(
        new, t, start, end, 2.0, queue, scene["arrival"], *sights[1:], scene["clearing_s"],
        scene["opposing"], scene["share"],
    )  # fmt: skip
    slow_cost, slow_queue = change(
        old, new, t, start, end, 2.0, scene["queue"], scene["arrival"], scene["weight"], scene["rate"],
        scene["opposing"], scene["share"],
    )  # fmt: skip
    assert red_cost + green_cost == pytest.approx(slow_cost)
    assert queue == pytest.approx(np.array(slow_queue))
    slow_left = still_to_come([], [], queue, scene["weight"], scene["rate"][new], scene["clearing_s"])
    assert red_left + green_left == pytest.approx(slow_left)
    held_left = kernels.cost_to_go(queue, scene["weight"], scene["rate"][new].copy(), scene["clearing_s"])
    assert held_left == pytest.approx(slow_left)


def adaptive(**traffic):
    """The toy street under the adaptive planner."""
    street = network()
    return Traffic(street, Adaptive(street, Policy()), **traffic)


def test_a_queue_at_red_gets_green_while_nobody_else_is_there():
    traffic = adaptive().run(20)
    traffic.put(EW, 6.0)
    traffic.state.call_since_ms[EW] = traffic.now_ms
    traffic.run(20)
    assert "ew" in traffic.lit()


def test_nothing_changes_for_nobody():
    traffic = adaptive().run(30)
    before = len(traffic.greens)
    traffic.run(300)
    assert len(traffic.greens) == before


def test_a_stream_is_not_cut_for_one_car_that_can_wait_a_little():
    traffic = adaptive(veh_per_s=[0.45, 0.0, 0.0, 0.0]).run(60)
    assert "ns" in traffic.lit()
    traffic.put(NS, 12.0)
    traffic.put(NS_LEFT, 1.0)
    traffic.state.call_since_ms[NS_LEFT] = traffic.now_ms
    traffic.run(8)
    assert "ns" in traffic.lit()


@pytest.mark.parametrize("seed", range(4))
def test_nobody_waits_longer_than_promised_in_a_full_street(seed):
    traffic = adaptive(seed=seed, veh_per_s=[0.3, 0.1, 0.3, 0.1], people_per_s=[0, 0, 0, 0, 0.05, 0.05]).run(
        1800
    )
    promise_ms = traffic.network.promise_ms
    assert np.all(traffic.longest_wait_ms <= promise_ms)
    assert traffic.longest_wait_ms[WALK_EW] > 0, "somebody walked at all"


def test_a_full_bus_at_red_is_worth_more_than_a_few_cars_at_green():
    def left_after(persons: float) -> int:
        traffic = adaptive(veh_per_s=[0.25, 0.0, 0.0, 0.0]).run(60)
        traffic.put(EW, 1.0)
        traffic.state.call_since_ms[EW] = traffic.now_ms
        lane_of_ew = 2
        for second in range(60):
            traffic.state.persons_per_veh[lane_of_ew] = persons
            traffic.run(1)
            if "ew" in traffic.lit():
                return second
        return 60

    assert left_after(30.0) < left_after(1.3)


def test_the_terms_of_both_plans_add_up_to_what_the_search_found():
    traffic = adaptive(seed=3, veh_per_s=[0.25, 0.08, 0.2, 0.05], people_per_s=[0, 0, 0, 0, 0.03, 0.03])
    planner = traffic.planner
    told = 0
    for _ in range(900):
        traffic.state.persons_per_veh[2] = 6.0
        planner.terms[0] = 0.0
        traffic.run(1)
        if planner.terms[0].any():
            told += 1
            assert planner.terms[0, 0].sum() == pytest.approx(planner.winner_cost[0], rel=1e-9)
            if planner.loser_cost[0] < kernels_search.INFINITE:
                assert planner.terms[0, 1].sum() == pytest.approx(planner.loser_cost[0], rel=1e-9)
    assert told > 20


def test_people_in_buses_and_on_foot_stand_in_their_own_terms():
    cars, buses, people, *_ = range(6)
    traffic = adaptive().run(60)
    traffic.put(EW, 3.0)
    traffic.state.persons_per_veh[2] = 10 * Policy().persons_per_car
    traffic.state.call_since_ms[EW] = traffic.now_ms
    traffic.run(5)
    staying = traffic.planner.terms[0, 1]
    assert staying[buses] == pytest.approx(9 * staying[cars])
    assert staying[people] == 0.0


def people_staying_costs(*, heard):
    """Person-seconds on foot in the plan that stays; a twentieth of somebody is at a called crossing."""
    people = 2
    traffic = adaptive(veh_per_s=[0.3, 0.0, 0.0, 0.0]).run(60)
    state, terms = traffic.state, traffic.planner.terms
    state.unseen_group[WALK_EW] = not heard
    state.call_since_ms[WALK_EW], state.waiting_people[WALK_EW] = traffic.now_ms, 0.05
    while not terms[0, 1, people]:
        traffic.run(1)
    return terms[0, 1, people]


def test_a_call_weighs_as_one_who_pressed_and_where_nobody_can_press_as_those_who_probably_stand_there():
    assert people_staying_costs(heard=False) == pytest.approx(0.05 * people_staying_costs(heard=True))


def test_the_plan_is_the_same_for_the_same_state():
    first, second = adaptive(seed=5, veh_per_s=[0.2] * 4), adaptive(seed=5, veh_per_s=[0.2] * 4)
    assert first.run(300).state.digest() == second.run(300).state.digest()


def test_every_lane_has_a_stage_that_serves_it():
    street = network()
    assert np.all(build_model(street).rate[0].max(axis=0)[: street.n_lanes] > 0.0)


def test_no_stage_worth_searching_is_left_out_at_a_junction_with_many_crossings():
    """The first twelve were searched once; one that let a crossing go beside drivers came after these."""
    streets = load_city(find_scenario("small-city")).network
    searched = build_model(streets).n_stages
    stages = np.diff(streets.stage_start)
    assert 12 < searched.max() == stages.max() < STAGES_MAX


def test_a_stage_with_drivers_who_give_way_is_long_enough_for_the_first_of_them_to_go():
    """After five seconds they stand inside the junction, and the next stage starts into them."""
    opposed = junction(
        groups=[group(name) for name in ("ns", "ns.left", "ew")],
        stages=(("ns", "ns.left"), ("ew",)),
        compatible={("ns", "ns.left")},
        steps=((0, 30_000), (1, 30_000)),
    )
    lanes = [
        replace(lane, movements=(replace(lane.movements[0], direction="left"),))
        if lane.approach == "ns.left"
        else lane
        for lane in opposed.lanes
    ]
    opposed = replace(opposed, lanes=tuple(lanes), yields=(Yield("ns.left", "ns"),))
    model = build_model(network(opposed))
    assert model.min_s[0, :2].tolist() == [8, 5]


def test_a_lane_whose_exit_is_full_is_not_fed():
    link = StreetLink("up.ns.out", "down", "ns_0", 150.0, 1.0)
    street = network(junction("up"), junction("down"), links=[link])
    planner = Adaptive(street, Policy())
    traffic = Traffic(street, planner)
    into = int(street.lane_start[1])
    lost = []
    for standing in (0.0, 16.0, 20.0):
        traffic.put(into, standing)
        planner.propose(traffic.state, 1000 * (len(lost) + 1))
        lost.append(traffic.state.blocked[0])
    assert lost[0] == 0.0
    assert 0.0 < lost[1] < 1.0
    assert lost[2] == 1.0


def test_a_policy_says_what_is_wrong_with_it(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text("persons_per_car = 1.5\nbusses = 3\n")
    with pytest.raises(PolicyError, match=r"policy\.toml: unknown key 'busses'"):
        read_policy(file)
    file.write_text("persons_per_bus = 9000")
    with pytest.raises(PolicyError, match=r"persons_per_bus is 9000.*1\.0 to 300"):
        read_policy(file)
    file.write_text("persons_per_bus = 40")
    assert read_policy(file).persons_per_bus == 40
