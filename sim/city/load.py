"""A scenario becomes a city: streets, signals and everybody's trips, ready for a world to run."""

from __future__ import annotations

from dataclasses import dataclass

from controller.junction import StreetNetwork
from controller.network import Network, build_network
from sim.city.demand.demand import demand
from sim.city.demand.sumo_demand import trips_of_sumo
from sim.city.generator.generate import GeneratedCity, generate, roads_of_city, street_of_city
from sim.city.movement.traffic import STEP_MS
from sim.city.net_roads import roads_of_net
from sim.city.people.lines import Line
from sim.city.roads import Roads
from sim.city.scenario import CityPlan, CityScenario, ScenarioError, SumoPlan
from sim.city.sensing.faults import Faults
from sim.city.trips import Drives, Walks
from sim.importers.sumo import street_of_net
from sim.importers.sumo_net_xml import SumoNet, read_net


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """Everything about a city that never changes while it runs."""

    scenario: CityScenario
    seed: int
    """Of who travels, and of whatever else chance decides during a run."""
    street: StreetNetwork
    network: Network
    roads: Roads
    drives: Drives
    walks: Walks
    net: SumoNet
    """The same streets as SUMO's records, for whoever plays or draws them."""
    lines: tuple[Line, ...] = ()
    """Bus lines with their timetables; none in imported demand."""
    generated: GeneratedCity | None = None
    """Districts, places and street names of a generated city."""
    notes: tuple[str, ...] = ()
    """What had to be assumed or left out of the demand, one plain sentence each."""

    @property
    def begin_ms(self) -> int:
        """Street time at which a run begins."""
        return self.scenario.run.begin_s * 1000

    @property
    def end_ms(self) -> int:
        """Street time at which it ends."""
        return self.scenario.run.end_s * 1000


def load_city(scenario: CityScenario, seed: int = 1) -> City:
    """Build the streets of a scenario and draw its demand from `seed`; the same two, the same city.

    Raises ScenarioError, `UnusableNetwork` or `UnsafeJunction`, one line each.
    """
    if scenario.sumo is not None:
        city = _imported(scenario, scenario.sumo, seed)
    else:
        assert scenario.city is not None, "a checked scenario has one of the two"
        city = _generated(scenario, scenario.city, seed)
    _check_faults(city)
    return city


def _check_faults(city: City) -> None:
    """Where a fault is meant to be can only be known now. Raises ScenarioError."""
    run = city.scenario.run
    try:
        Faults(
            city.network, city.roads, city.scenario.faults, city.begin_ms, city.end_ms, city.seed, run.sensors
        )
    except ValueError as error:
        raise ScenarioError(f"{city.scenario.name}: {error}") from None


def _imported(scenario: CityScenario, plan: SumoPlan, seed: int) -> City:
    net = read_net(plan.net)
    street = street_of_net(net, scenario.run.timing)
    network = build_network(street, STEP_MS)
    roads = roads_of_net(net, network)
    trips = trips_of_sumo(
        net,
        roads,
        plan.routes,
        scenario.run.begin_s,
        scenario.run.end_s,
        seed,
        plan.additional,
        scenario.demand,
    )
    return City(scenario, seed, street, network, roads, trips.drives, trips.walks, net, notes=trips.notes)


def _generated(scenario: CityScenario, plan: CityPlan, seed: int) -> City:
    city = generate(plan)
    street = street_of_city(city, scenario.run.timing)
    network = build_network(street, STEP_MS)
    roads = roads_of_city(city, network)
    run = scenario.run
    travel = demand(city, roads, scenario.demand, run.begin_s * 1000, run.end_s * 1000, seed)
    return City(
        scenario,
        seed,
        street,
        network,
        roads,
        travel.drives,
        travel.walks,
        city.net,
        travel.lines,
        generated=city,
    )
