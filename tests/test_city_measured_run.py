"""A city that really ran: every trip, every wait at a kerb and every lost second is accounted for once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from controller.policy import Policy
from controller.vocabulary import DetectorKind
from sim.city.load import load_city
from sim.city.measuring.measured_run import Buttons, Watched
from sim.city.measuring.run_tables import Truth, tables_of
from sim.city.measuring.trip_table import PASSENGER, Table
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, FaultKind, FaultPlan, RunPlan
from sim.city.trips import MODES, Mode
from sim.city.world import World

BEGIN_S = 25_200
SCENARIO = CityScenario(
    "hamlet",
    city=CityPlan(junctions=12, bus_lines=1, headway_s=120),
    demand=DemandPlan(veh_per_h_per_junction=120.0, impatient_share=0.5, patience_s=15.0),
    run=RunPlan(begin_s=BEGIN_S, end_s=BEGIN_S + 590),
)


@pytest.fixture(scope="module")
def run() -> tuple[Truth, dict[str, Table]]:
    """Nine minutes and fifty seconds under the fixed plans."""
    world = World(load_city(SCENARIO, 3), None, Policy(), 3)
    watched = Watched(world)
    world.run()
    truth = watched.truth()
    return truth, tables_of(truth)


def test_the_watch_hears_where_promises_are_suspended() -> None:
    world = World(load_city(SCENARIO, 3), "fixed", Policy(), 3)
    watched = Watched(world)
    world.run_until(1000 * (BEGIN_S + 20))
    assert world.controller is not None
    world.controller.preemption.suspended[4] = True
    world.run_until(1000 * (BEGIN_S + 50))
    world.controller.preemption.suspended[4] = False
    world.run_until(1000 * (BEGIN_S + 60))
    expected = [0] * 12
    expected[4] = 30_000
    assert watched.watch.notes.suspended_ms.tolist() == expected


def test_everybody_who_was_due_has_a_trip_and_nobody_else(run: tuple[Truth, dict[str, Table]]) -> None:
    truth, tables = run
    trips, end_ms = tables["trips"], 1000 * (BEGIN_S + 590)
    assert (trips["mode"] < Mode.WALK).sum() == (truth.drives.depart_ms < end_ms).sum()
    assert (trips["mode"] == Mode.WALK).sum() == (truth.walks.depart_ms < end_ms).sum()
    assert (trips["mode"] == PASSENGER).sum() > 0
    assert truth.riders is not None
    arrivals = (truth.traffic.arrived_ms, truth.walkers.arrived_ms, truth.riders["arrived_ms"])
    assert (trips["arrived_ms"] >= 0).sum() == sum((times >= 0).sum() for times in arrivals)
    assert (trips["lost_s"] >= 0).all()
    assert len(np.unique(np.char.add(trips["mode"].astype(np.str_), trips["id"]))) == len(trips["id"])


def test_everybody_who_came_to_a_signal_on_foot_is_booked_once(run: tuple[Truth, dict[str, Table]]) -> None:
    _, tables = run
    crossings, junctions = tables["crossings"], tables["junctions"]
    signal = crossings["junction"] >= 0
    on_foot = junctions["mode"] == Mode.WALK
    assert crossings["came"][signal].sum() > 200
    assert junctions["passed"][on_foot].sum() == crossings["came"][signal].sum()
    assert junctions["delay_person_s"][on_foot].sum() == pytest.approx(crossings["standing_s"][signal].sum())
    assert tables["trips"]["red_crossings"].sum() == crossings["on_red"].sum() > 0
    assert (crossings["late"] + crossings["gave_up"] <= crossings["came"])[signal].all()
    assert crossings["gave_up"].sum() >= crossings["on_red"].sum() - crossings["late"].sum()


def test_minutes_and_places_add_up_to_the_whole(run: tuple[Truth, dict[str, Table]]) -> None:
    truth, tables = run
    minutes, edges = tables["minutes"], tables["edges"]
    assert len(minutes["minute"]) == 10
    for k, mode in enumerate(MODES[: Mode.WALK]):
        whole = truth.traffic.lane_lost_person_s[:, k].sum()
        assert edges[f"lost_person_s_{mode}"].sum() == pytest.approx(whole)
        assert minutes[f"lost_person_s_{mode}"].sum() == pytest.approx(whole)
    on_foot = tables["trips"]["lost_s"][tables["trips"]["mode"] == Mode.WALK].sum()
    assert minutes["lost_person_s_walk"].sum() == pytest.approx(on_foot)
    assert minutes["arrived_veh"].sum() == (truth.traffic.arrived_ms >= 0).sum()
    assert minutes["entry_queue_veh"][-1] == (truth.traffic.status == 1).sum()


def test_signals_are_passed_as_often_as_streets_behind_them_are_entered(
    run: tuple[Truth, dict[str, Table]],
) -> None:
    """Counted in another way: along each route, edges ending at a signal that were left behind."""
    truth, tables = run
    roads, drives, traffic = truth.roads, truth.drives, truth.traffic
    at_signal = roads.node_junction[roads.edge_to]
    expected = 0
    for v in np.flatnonzero(traffic.status >= 2):
        first, last = drives.route_start[drives.route[v]], drives.route_start[drives.route[v] + 1]
        left = drives.route_edge[first : traffic.route_at[v]]
        expected += int((at_signal[left] >= 0).sum())
        ahead = drives.route_edge[traffic.route_at[v] : last - 1]
        expected += bool(traffic.status[v] == 2 and (at_signal[ahead] >= 0).any())
    junctions = tables["junctions"]
    assert junctions["passed"][junctions["mode"] < Mode.WALK].sum() == expected


def test_a_dead_button_is_unheard_until_its_group_is_on_recall() -> None:
    faults = (FaultPlan(FaultKind.STUCK_OFF, "all", onset_s=0.0),)
    scenario = dataclasses.replace(SCENARIO.shortened(1), faults=faults)
    city = load_city(scenario, 1)
    world = World(city, "fixed", Policy(), 1)
    world.run_until(city.begin_ms + 1000)
    groups = city.roads.crossing_group
    buttons = Buttons(city.network, groups, None)
    recall = np.zeros(city.network.n_groups, np.bool_)
    unheard = buttons.unheard(world.faults, recall)
    assert unheard is not None
    network = city.network
    fitted = network.detector_group[network.detector_kind == DetectorKind.BUTTON]
    np.testing.assert_array_equal(unheard, np.isin(groups, fitted))
    assert unheard.any()
    recall[:] = True
    heard = buttons.unheard(world.faults, recall)
    assert heard is not None
    assert not heard.any()
