"""A city from a seed: streets, signals, districts and places.

The city is built as the records of a SUMO network, so that the same code which imports real
networks makes the controller's street and the city's roads of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from controller.junction import Detector, Group, Junction, StreetNetwork
from controller.network import Network
from controller.vocabulary import GroupKind, Timing
from sim.city.generator.generate_geometry import Node, draw_nodes, draw_streets
from sim.city.generator.generate_layout import DISTRICTS, EDGE, District, Layout, lay_out
from sim.city.generator.generate_programs import signal_program
from sim.city.generator.generate_ways import join_node
from sim.city.net_roads import roads_of_net
from sim.city.roads import Roads
from sim.city.scenario import CityPlan
from sim.importers.sumo import street_of_net
from sim.importers.sumo_net_xml import SumoNet


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere particular people walk to: `kind` is `school` or `clinic`, at a junction of the city."""

    name: str
    kind: str
    node: str
    district: str


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedCity:
    """A city before anybody moves in it."""

    name: str
    net: SumoNet
    layout: Layout
    nodes: dict[str, Node]
    districts: tuple[District, ...]
    node_district: dict[str, str]
    """The district of every node of the network, those included where pockets open."""
    titles: dict[str, str]
    """Every signal's name for people: the two streets that meet there."""
    places: tuple[Place, ...]
    plan: CityPlan

    def district_of(self, node: str) -> District:
        """The district a node lies in."""
        return next(d for d in self.districts if d.name == self.node_district[node])


def generate(plan: CityPlan) -> GeneratedCity:
    """Build the city of a plan. Same plan, same city. Raises `ScenarioError`."""
    layout = lay_out(plan)
    net = SumoNet(file=f"city-{plan.junctions}-{plan.seed}")
    nodes = draw_nodes(layout)
    draw_streets(net, layout, nodes)
    for node in nodes.values():
        meeting = join_node(net, node)
        if node.kind == "signal":
            net.programs[node.id] = [signal_program(meeting)]
    graph = layout.graph
    districts = dict(graph.nodes.data("district"))
    for split in net.junctions:
        if split.endswith(".split"):
            districts[split] = districts[split.removesuffix(".split").partition("-")[2]]
    return GeneratedCity(
        name=net.file,
        net=net,
        layout=layout,
        nodes=nodes,
        districts=tuple(
            replace(d, sensor_share=plan.edge_sensor_share) if d.name == EDGE else d for d in DISTRICTS
        ),
        node_district=districts,
        titles={n: data["title"] for n, data in graph.nodes.items() if data["kind"] == "signal"},
        places=_places(layout, plan),
        plan=plan,
    )


PLACES = (("school", "gardens"), ("school", "hill"), ("clinic", "edge"), ("clinic", "centre"))
_SIDES = ("east", "north", "west", "south")
JUNCTIONS_PER_PLACE = 60
"""A city has one of each place, and one more of each for every so many junctions of its district."""


def _places(layout: Layout, plan: CityPlan) -> tuple[Place, ...]:
    """Schools and clinics, at signalised junctions away from the arterials where there are any."""
    rng = np.random.default_rng([plan.seed, 2])
    graph = layout.graph
    places: list[Place] = []
    for kind, district in PLACES:
        if not {"school": plan.school, "clinic": plan.clinic}[kind]:
            continue
        at = [
            n for n, data in graph.nodes.items() if data["kind"] == "signal" and data["district"] == district
        ]
        if not at:
            continue
        quiet = [n for n in at if all(k.rank < 3 for *_, k in graph.edges(n, data="kind"))] or at
        count = min(1 + len(at) // JUNCTIONS_PER_PLACE, len(quiet))
        for k in sorted(rng.choice(len(quiet), count, replace=False)):
            street = graph.nodes[quiet[k]]["title"].partition(" / ")[0]
            places.append(Place(f"{street.partition(' ')[0]} {kind}", kind, quiet[k], district))
    return tuple(places)


def street_of_city(city: GeneratedCity, timing: Timing = Timing.COMPUTED) -> StreetNetwork:
    """The controller's street: junctions and crossings named after streets, with each district's sensors."""
    street = street_of_net(city.net, timing)
    rng = np.random.default_rng([city.plan.seed, 3])
    called = crossing_names(city)
    junctions = tuple(
        replace(
            junction,
            title=city.titles[junction.name],
            groups=tuple(_called(group, junction.name, called) for group in junction.groups),
            detectors=_fitted(junction, city.district_of(junction.name).sensor_share, rng),
        )
        for junction in street.junctions
    )
    return replace(street, junctions=junctions)


def _called(group: Group, junction: str, called: dict[tuple[str, int], str]) -> Group:
    if group.kind != GroupKind.PEDESTRIAN:
        return group
    name = next((called[junction, k] for k in group.links if (junction, k) in called), "")
    return replace(group, approach=name) if name else group


def crossing_names(city: GeneratedCity) -> dict[tuple[str, int], str]:
    """(signal, head) of each crossing -> the street it crosses and on which side, `Mill Street (south)`.

    Where two would be called alike (arms that lie close) the second one keeps its number.
    """
    net, graph = city.net, city.layout.graph
    called: dict[tuple[str, int], str] = {}
    for way in net.connections:
        ends = (net.edges[net.lanes[name].edge] for name in (way.to_lane, way.from_lane) if name in net.lanes)
        crossed = next((edge.crossing_edges for edge in ends if edge.function == "crossing"), ())
        if not way.tl or not crossed:
            continue
        arm = next((a for a in city.nodes[way.tl].arms if a.out_edge in crossed), None)
        if arm is None:
            continue
        side = _SIDES[round(math.atan2(arm.uy, arm.ux) / (math.pi / 2)) % 4]
        name = f"{graph.edges[way.tl, arm.to]['street']} ({side})"
        if name not in [called[at] for at in called if at[0] == way.tl]:
            called[way.tl, way.link_index] = name
    return called


def _fitted(junction: Junction, share: float, rng: np.random.Generator) -> tuple[Detector, ...]:
    """Detectors that were ever built: a lane has all of its own or none, so has a crossing."""
    owners = dict.fromkeys(d.lane or d.group for d in junction.detectors)
    fitted = {owner for owner, luck in zip(owners, rng.random(len(owners)), strict=True) if luck < share}
    return tuple(d for d in junction.detectors if (d.lane or d.group) in fitted)


def roads_of_city(city: GeneratedCity, network: Network) -> Roads:
    """The streets that vehicles and people move on, in arrays that go with `network`."""
    return roads_of_net(city.net, network, city.node_district)
