"""The designer of fixed plans: what it finds is lawful, fits the demand, and greets the platoon."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import belisha
from controller.fixed_time import FixedTime
from controller.junction import Junction, StreetLink, StreetNetwork
from controller.network import Network, build_network
from controller.plan_paper import Paper
from controller.policy import Policy
from controller.street_file import read_street, write_street
from controller.vocabulary import DayKind, GroupKind, Timing
from sim.plan_design import climb_kernels, link_kernels
from sim.plan_design.counts_file import BadCounts, read_counts
from sim.plan_design.day_plans import spans_of, with_day_plans
from sim.plan_design.design import Designer, NoPlan, _static, _street
from sim.plan_design.design_demand import Demand, demand_of_movements
from sim.plan_design.design_model import new_plans, new_scratch
from sim.plan_design.stage_orders import sequences
from tests import toy_street
from tests.random_junctions import junctions
from tests.slow_plan_design import slow_arrivals, slow_delay, slow_lit
from tests.small_nets import cross
from tests.test_net_roads import with_all_nodes
from tests.toy_street import Traffic


def demand_of(network: Network, veh_per_h: list[float], walkers_per_h: float = 60.0) -> Demand:
    """One flow a movement; everybody walks everywhere."""
    veh = np.array(veh_per_h) / 3600.0
    walks = (network.group_kind == GroupKind.PEDESTRIAN) * walkers_per_h / 3600.0
    return demand_of_movements(network, veh, 1.3 * veh, walks, 1.0)


def arterial(metres: float = 300.0) -> Network:
    """Two junctions in a row; who goes `ns` at the first comes to `ns` at the second."""
    groups = tuple(replace(toy_street.group(name), links=(k,)) for k, name in enumerate(toy_street.NAMES))
    two = tuple(toy_street.junction(name, groups=groups) for name in ("A", "B"))
    links = (StreetLink("A.ns.out", "B", "ns_0", metres, 1.0),)
    return build_network(StreetNetwork("row", Timing.COMPUTED, two, links), 1000)


# --- the model ---------------------------------------------------------------------------------


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000))
def test_the_kernels_agree_with_the_slow_twin(seed: int) -> None:
    chance = np.random.default_rng(seed)
    network = arterial(float(chance.integers(50, 400)))
    street = _street(network, _static(network), demand_of(network, (chance.random(8) * 700).tolist()))
    plans, scratch = new_plans(2), new_scratch(network.n_groups, network.n_lanes)
    cycle_s = int(chance.integers(70, 110))
    for j in range(2):
        plans.n_steps[j] = 4
        plans.bits[j, :4] = network.stage_bits[4 * j : 4 * j + 4]
        assert climb_kernels.fill_steps(j, cycle_s, street, plans, scratch)
        plans.offset_s[j] = chance.integers(0, cycle_s)
    assert climb_kernels.run_street(cycle_s, street, plans, scratch) < climb_kernels.IMPOSSIBLE
    for j in range(2):
        assert (slow_lit(j, cycle_s, street, plans) == scratch.lit[6 * j : 6 * j + 6, :cycle_s]).all()
    for lane in range(network.n_lanes):
        link_kernels.arrivals(lane, cycle_s, street, scratch)
        arrive = slow_arrivals(lane, cycle_s, street, scratch.out[:, :cycle_s])
        np.testing.assert_allclose(scratch.arrive[:cycle_s], arrive, rtol=2e-2, atol=2e-4)
        served = scratch.lit[network.movement_group[lane], :cycle_s] * street.saturation_veh_per_s[lane]
        cost, out = slow_delay(lane, cycle_s, street, scratch.arrive[:cycle_s].copy(), served)
        assert link_kernels.run_lane(lane, cycle_s, street, scratch, scratch.row) == pytest.approx(cost)
        np.testing.assert_allclose(scratch.row[:cycle_s], out, atol=1e-9)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(junction=junctions(), seed=st.integers(0, 1000))
def test_no_plan_breaks_a_rule_on_paper_or_on_the_street(junction: Junction, seed: int) -> None:
    """Random junctions, random demand: minimums, clearances and promises hold, for real lamps too."""
    network = build_network(StreetNetwork("any", Timing.COMPUTED, (junction,)), 1000)
    chance = np.random.default_rng(seed)
    designer = Designer(network, 40, 120)
    designer.cycles_s = [60, 90, 120]
    demand = demand_of(network, (chance.random(network.n_lanes) * 600).tolist())
    try:
        (plan,) = designer.design(demand, "made").plans
    except NoPlan:
        assume(False)
    assert Paper(junction).broken(plan) == []
    played = replace(junction, plans=(plan,))
    network = build_network(StreetNetwork("any", Timing.COMPUTED, (played,)), 1000)
    traffic = Traffic(network, FixedTime(network)).run(4 * plan.cycle_ms // 1000)
    for g, group in enumerate(junction.groups):
        own = [(start, end) for k, start, end in traffic.greens if k == g and start > plan.cycle_ms]
        assert all(end - start >= group.min_green_ms for start, end in own), group.name
        gaps = [b[0] - a[1] for a, b in pairwise(own)]
        assert all(gap <= group.promise_ms for gap in gaps), group.name
        assert own or traffic.state.lamp[g] == 1, f"{group.name} is served"


def test_every_order_of_stages_serves_everybody_and_the_given_one_comes_first() -> None:
    junction = toy_street.junction(generated=(("ns", "walk.ns"), ("ew.left",)))
    found = sequences(junction, np.array([0.3, 0.1, 0.4, 0.1, 0.0, 0.0]))
    assert found[0] == (0, 1, 2, 3)
    assert len(found) == len(set(found)) > 6
    for order in found:
        assert {name for s in order for name in junction.stages[s].groups} == set(toy_street.NAMES)


# --- what it finds -----------------------------------------------------------------------------


def test_green_goes_where_people_come_from() -> None:
    network = toy_street.network()
    designer = Designer(network, 80, 80)
    (busy,) = designer.design(demand_of(network, [700, 60, 200, 60]), "p").plans
    (other,) = designer.design(demand_of(network, [200, 60, 700, 60]), "p").plans
    lasts = [{step.stage: step.duration_ms for step in plan.steps} for plan in (busy, other)]
    assert lasts[0]["s0"] > lasts[0]["s2"]
    assert lasts[1]["s0"] < lasts[1]["s2"]


def test_a_bus_full_of_people_is_worth_more_than_the_cars_beside_it() -> None:
    network = toy_street.network()
    cars = demand_of(network, [400, 60, 400, 60])
    cars.movement_persons_per_s[2] *= 8
    (plan,) = Designer(network, 80, 80).design(cars, "p").plans
    lasts = {step.stage: step.duration_ms for step in plan.steps}
    assert lasts["s2"] > lasts["s0"]


def test_the_second_signal_is_green_when_the_platoon_arrives() -> None:
    network = arterial()
    demand = demand_of(network, [500, 40, 250, 40] * 2)
    found = Designer(network, 80, 80).design(demand, "p")
    assert found.cycle_s == 80
    a, b = found.plans

    def begins_s(plan: object) -> int:
        assert plan in found.plans
        at_ms = plan.offset_ms  # type: ignore[attr-defined]
        for step in plan.steps:  # type: ignore[attr-defined]
            if step.stage == "s0":
                return at_ms // 1000 % 80
            at_ms += step.duration_ms
        raise AssertionError

    late_s = (begins_s(b) - begins_s(a)) % 80
    assert 8 <= late_s <= 30, "300 m at 13.9 m/s are 22 s"


def test_a_junction_that_fits_into_no_cycle_is_refused_with_its_name() -> None:
    network = toy_street.network()
    with pytest.raises(NoPlan, match="junction square: no cycle of 40 to 44 s keeps its minimums"):
        Designer(network, 40, 44).design(demand_of(network, [100] * 4), "p")


# --- counts and the command --------------------------------------------------------------------

HEAD = "day,begin,end,junction,approach,direction,count,buses\n"
ROWS = """workday,07:00,08:00,A,ns,straight,600,12
workday,07:00,08:00,A,walk.ns,walk,90,0
workday,07:00,08:00,B,ew,straight,300,0
workday,16:30,18:00,A,ew,straight,700,0
sunday,00:00,24:00,B,ns,straight,900,0
"""


def counted(folder: Path, rows: str) -> Path:
    path = folder / "counts.csv"
    path.write_text(HEAD + rows, encoding="utf-8")
    return path


def test_counts_become_flows_by_the_hour(tmp_path: Path) -> None:
    network = arterial()
    spans = read_counts(counted(tmp_path, ROWS), network, Policy())
    assert [(s.day.value, s.begin_s, s.end_s) for s in spans] == [
        ("sunday", 0, 86_400), ("workday", 25_200, 28_800), ("workday", 59_400, 64_800),
    ]  # fmt: skip
    morning = spans[sorted(spans)[1]]
    assert morning.movement_veh_per_s[0] * 3600 == pytest.approx(600)
    assert morning.movement_persons_per_s[0] * 3600 == pytest.approx(588 * 1.3 + 12 * 30)
    assert morning.walkers_per_s.sum() * 3600 == pytest.approx(90)
    assert morning.feeds[0, 4][0] * 3600 == pytest.approx(600), "A's stream goes on to B"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("monday,07:00,08:00,A,ns,straight,1,0", "line 2: day: found 'monday'; allowed is one of workday"),
        ("workday,08:00,07:00,A,ns,straight,1,0", "line 2: begin 08:00, end 07:00; allowed is a span"),
        ("workday,07:00,08:00,C,ns,straight,1,0", "line 2: junction: found 'C'; allowed is one of A, B"),
        ("workday,07:00,08:00,A,ns,left,1,0", "line 2: approach: found 'ns' left at A; allowed is one of"),
        ("workday,07:00,08:00,A,ns,straight,-1,0", "line 2: count: found '-1'; allowed is a whole number"),
        ("workday,07:00,08:00,A,ns,straight,1,2", "line 2: buses: found 2 of 1; allowed is a part"),
        ("workday,07:00", "line 2: found 2 values; allowed are 8"),
    ],
)
def test_counts_that_cannot_be_used_name_line_and_reason(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(BadCounts) as error:
        read_counts(counted(tmp_path, row + "\n"), arterial(), Policy())
    assert words in str(error.value)


def test_plans_of_the_day_stand_beside_the_streets_own(tmp_path: Path) -> None:
    write_street(arterial().street, tmp_path / "street.toml")
    counts = counted(tmp_path, ROWS)
    done = CliRunner().invoke(
        belisha.app,
        ["design-plans", str(tmp_path / "street.toml"), "--counts", str(counts), "-o",
         str(tmp_path / "day.toml"), "--cycle-min", "80", "--cycle-max", "84", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    street = read_street(tmp_path / "day.toml")
    assert [p.name for p in street.junctions[0].plans] == ["day", "p0000-sunday", "p0700", "p1630"]
    assert [(h.plan, h.from_ms // 60_000) for h in street.timetable] == [
        ("p0700", 420), ("day", 480), ("p1630", 990), ("day", 1080), ("p0000-sunday", 0),
    ]  # fmt: skip
    assert told["plans"][1]["plan"] == "p0700"
    assert [row["plan"] for row in told["timetable"]] == [h.plan for h in street.timetable]


def test_the_window_is_cut_into_periods_and_made_again_replaces(tmp_path: Path) -> None:
    spans = spans_of(25_200, 34_000, 60, (DayKind.SATURDAY,))
    assert [(s.begin_s, s.end_s) for s in spans] == [(25_200, 28_800), (28_800, 32_400), (32_400, 34_000)]
    network = arterial()
    found = Designer(network, 80, 80).design(demand_of(network, [100.0] * 8), "p0700-saturday")
    once = with_day_plans(network.street, {spans[0]: found}, (DayKind.SATURDAY,))
    assert with_day_plans(once, {spans[0]: found}, (DayKind.SATURDAY,)) == once


def test_contradictions_on_the_command_line_are_one_line(tmp_path: Path) -> None:
    counts = counted(tmp_path, ROWS)
    for words, said in (
        (["x.toml", "--counts", str(counts), "--begin", "5"], "--counts say when"),
        (["x.toml", "--cycle-min", "90", "--cycle-max", "60"], "the first not the longer"),
        (["x.toml", "--route", "r.xml"], "--route belongs to a SUMO network"),
    ):
        done = CliRunner().invoke(belisha.app, ["design-plans", *words, "-o", str(tmp_path / "o.toml")])
        assert done.exit_code != 0
        assert said in str(done.exception)


def test_a_network_with_its_routes_gets_plans_for_their_hour(tmp_path: Path) -> None:
    net = with_all_nodes(cross(tmp_path))
    routes = tmp_path / "cross.rou.xml"
    flows = '<flow id="a" begin="25200" end="28800" vehsPerHour="{}"><route edges="{}"/></flow>'
    text = flows.format(900, "west last east") + flows.replace('"a"', '"b"').format(150, "south north")
    routes.write_text(f"<routes>{text}</routes>", encoding="utf-8")
    output = tmp_path / "street.toml"
    words = ["design-plans", str(net), "--route", str(routes), "-o", str(output), "--cycle-min", "50",
             "--cycle-max", "54", "--day", "workday"]  # fmt: skip
    done = CliRunner().invoke(belisha.app, words)
    assert done.exit_code == 0, done.output
    assert "p0700, 07:00 to 08:00: each junction its own cycle; 1050 vehicles an hour" in done.stdout
    street = read_street(output)
    plan = street.junctions[0].plans[-1]
    lasts = {step.stage: step.duration_ms for step in plan.steps}
    assert lasts["S1"] > 2 * lasts["S2"], "900 an hour against 150"
    assert [(h.plan, h.days) for h in street.timetable] == [
        ("p0700", (DayKind.WORKDAY,)), ("network", (DayKind.WORKDAY,)),
    ]  # fmt: skip
    assert output.read_text(encoding="utf-8").count("p0700") == 2, "the network file is left alone"
