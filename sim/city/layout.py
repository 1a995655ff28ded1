"""A city as its operators' consoles draw it: districts, and streets as lines in whole metres."""

from __future__ import annotations

from override.layouts import RoadLayout, StreetLayout
from override.street_layout import layout_of_street
from sim.city.load import City
from sim.city.net_roads import ONE_DISTRICT
from sim.city.roads import Roads

POINTS_MAX = 32
"""Of one line; longer ones are drawn as several."""
LANES_MAX = 20


def layout_of_city(city: City) -> StreetLayout:
    """Everything of a city that a console needs to draw it. Raises LayoutError, one line."""
    roads = city.roads
    x0 = min(float(roads.node_x_m.min()), min(x for shape in roads.edge_shape for x, _ in shape))
    y0 = min(float(roads.node_y_m.min()), min(y for shape in roads.edge_shape for _, y in shape))
    districts = {
        junction.name: _named(roads.districts[int(roads.junction_district[j])])
        for j, junction in enumerate(city.street.junctions)
    }
    return layout_of_street(city.street, districts, _lines(roads, x0, y0), (x0, y0))


def _named(district: str) -> str:
    return "" if district == ONE_DISTRICT else district


def _lines(roads: Roads, x0: float, y0: float) -> list[RoadLayout]:
    """Each street once: an edge and the one back between the same nodes are one line, as wide as both."""
    lines = []
    unpaired: dict[tuple[int, int], list[int]] = {}
    back: dict[int, int] = {}
    for edge in range(roads.n_edges):
        ends = (int(roads.edge_from[edge]), int(roads.edge_to[edge]))
        if waiting := unpaired.get(ends[::-1]):
            back[waiting.pop(0)] = edge
        else:
            unpaired.setdefault(ends, []).append(edge)
    paired = set(back.values())
    for edge in range(roads.n_edges):
        if edge in paired:
            continue
        lanes = _lanes(roads, edge) + (_lanes(roads, back[edge]) if edge in back else 0)
        points = [(round(x - x0), round(y - y0)) for x, y in roads.edge_shape[edge]]
        kept = [p for k, p in enumerate(points) if k == 0 or p != points[k - 1]]
        district = _named(roads.districts[int(roads.edge_district[edge])])
        for at in range(0, len(kept) - 1, POINTS_MAX - 1):
            flat = tuple(value for point in kept[at : at + POINTS_MAX] for value in point)
            lines.append(RoadLayout(flat, min(LANES_MAX, max(1, lanes)), district))
    return lines


def _lanes(roads: Roads, edge: int) -> int:
    return int(roads.edge_lane_start[edge + 1] - roads.edge_lane_start[edge])
