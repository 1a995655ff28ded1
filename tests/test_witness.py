"""A loop that dies early, and two that die together: whoever still counts on the way to them tells."""

from __future__ import annotations

from controller.policy import Policy
from sim.city.load import load_city
from sim.city.scenario import CityPlan, CityScenario, FaultKind, FaultPlan, RunPlan
from sim.city.world import World
from tests.loop_street import NS_LEFT, LoopStreet, fault

BEGIN_S = 25_200
HAMLET = CityScenario(
    "hamlet", city=CityPlan(junctions=12, bus_lines=1), run=RunPlan(begin_s=BEGIN_S, end_s=BEGIN_S + 3600)
)


def test_a_stop_line_that_died_before_it_was_known_is_found_by_the_loop_before_it() -> None:
    """Ten vehicles had come by then: too few to know anything, enough to expect half of those told of."""
    street = LoopStreet(fault(FaultKind.STUCK_OFF, "detector:ns.left_0.stopline", onset_s=300)).run(300)
    stop = next(d for d, one in enumerate(street.network.detectors) if one.name == "ns.left_0.stopline")
    found_s = 0
    while found_s < 600 and not street.degradation.detectors.health.masked[stop]:
        street.run(10)
        found_s += 10
    assert found_s <= 300
    promise_s = int(street.network.promise_ms[NS_LEFT]) / 1000
    assert street.worst_wait_s(300, NS_LEFT) <= found_s + promise_s


def test_two_dead_loops_do_not_speak_for_each_other() -> None:
    """The loop at the stop line and the next one die; the third still counts, and a queue grows to it."""
    city = load_city(HAMLET, 2)
    network = city.network
    lanes = [lane.name for junction in network.street.junctions for lane in junction.lanes]
    lane = lanes.index("c2r0-c2r1_1")
    own = [d for d in range(len(network.detectors)) if network.detector_lane[d] == lane][:3]
    near = sorted(own, key=lambda d: network.detectors[d].distance_m)[:2]
    faults = [FaultPlan(FaultKind.STUCK_OFF, f"detector:{network.detectors[d].name}", 600.0) for d in near]
    world = World(city, "adaptive", Policy(), 2, faults=tuple(faults))
    world.run_until(1000 * (BEGIN_S + 1200))
    assert world.controller is not None
    degradation = world.controller.degradation
    assert degradation is not None
    assert degradation.detectors.health.masked[near].all()
    world.run_until(1000 * (BEGIN_S + 1800))
    assert world.traffic.worst_stood_ms.max() < 300_000
