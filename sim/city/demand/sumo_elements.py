"""What a SUMO route or additional file says, as records: who departs when, over which edges.

Types, routes and stops may stand in any of the files; flows are expanded here, with their
random departures drawn from the seed. Nothing here knows the streets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from sim.city.demand.sumo_types import DEFAULTS, VehicleType, read_factor, read_type
from sim.scenarios import ScenarioError, elements, seconds

VEHICLES = ("vehicle", "trip", "flow")
PEOPLE = ("person", "personFlow")
STOP_PLACES = ("busStop", "trainStop")
_EXPONENTIAL = re.compile(r"exp\((.*)\)")
DEFAULT_TYPES = {
    "DEFAULT_VEHTYPE": "passenger",
    "DEFAULT_BIKETYPE": "bicycle",
    "DEFAULT_PEDTYPE": "pedestrian",
    "DEFAULT_TAXITYPE": "taxi",
}


@dataclass(frozen=True, slots=True)
class Halt:
    """A stop on the street: front bumper at `position_m` of the edge, negative from its end."""

    edge: str
    position_m: float
    dwell_s: float
    until_s: float
    """Not before this; negative = as soon as possible."""


@dataclass(frozen=True, slots=True)
class Departure:
    """One vehicle. `edges` is its whole route, or, when `routed` is False, places to come by."""

    who: str
    """`FILE: vehicle 'id'`, for messages."""
    id: str
    depart_s: float
    kind: VehicleType
    factor: float | None
    """Speed factor where the vehicle has its own; else drawn."""
    edges: tuple[str, ...]
    routed: bool
    halts: tuple[Halt, ...]
    line: str


@dataclass(frozen=True, slots=True)
class Walk:
    """One person's way on foot: streets that follow one another, or only the first and last."""

    who: str
    id: str
    depart_s: float
    kind: VehicleType
    edges: tuple[str, ...]
    routed: bool
    depart_m: float
    arrive_m: float | None
    speed_m_per_s: float | None


@dataclass(slots=True)
class Demand:
    """All who depart within the window, in file order, and what had to be left out."""

    departures: list[Departure] = field(default_factory=list)
    walks: list[Walk] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    """Reason to how often."""


def read_demand(
    routes: Sequence[Path], additional: Sequence[Path], begin_s: float, end_s: float, seed: int
) -> Demand:
    """Everybody who departs in `[begin_s, end_s)`. Raises ScenarioError naming file, element, reason."""
    reader = _Reader(begin_s, end_s, np.random.default_rng(seed))
    for path in (*additional, *routes):
        reader.read(path)
    return reader.demand


class _Reader:
    def __init__(self, begin_s: float, end_s: float, chance: np.random.Generator) -> None:
        self.begin_s, self.end_s, self.chance = begin_s, end_s, chance
        self.demand = Demand()
        self.types = {name: DEFAULTS[v_class] for name, v_class in DEFAULT_TYPES.items()}
        self.mixes: dict[str, tuple[list[str], list[float]]] = {}
        self.routes: dict[str, tuple[tuple[str, ...], tuple[Halt, ...]]] = {}
        self.stops: dict[str, tuple[str, float]] = {}
        self.path = Path()

    def read(self, path: Path) -> None:
        """Take one file. Top-level elements are forgotten once taken, so memory stays flat."""
        self.path = path
        depth = 0
        for element, is_start in elements(path):
            depth += 1 if is_start else -1
            if is_start or depth != 1:
                continue
            try:
                self._take(element)
            except KeyError as error:
                raise ScenarioError(f"{self._who(element)}: attribute {error} is missing") from None
            except ScenarioError:
                raise
            except ValueError as error:
                raise ScenarioError(f"{self._who(element)}: {error}") from None
            element.clear()

    def _who(self, element: ElementTree.Element) -> str:
        return f"{self.path}: {element.tag} {element.get('id', '?')!r}"

    def _take(self, element: ElementTree.Element) -> None:
        tag = element.tag
        if tag == "vType":
            self.types[element.attrib["id"]] = read_type(element.attrib)
        elif tag in ("vTypeDistribution", "routeDistribution"):
            self._take_mix(element)
        elif tag == "route":
            self._take_route(element, element.attrib["id"])
        elif tag in STOP_PLACES:
            end_m = float(element.get("endPos", "-0.1"))
            self.stops[element.attrib["id"]] = (element.attrib["lane"].rpartition("_")[0], end_m)
        elif tag in VEHICLES:
            self._take_vehicle(element)
        elif tag in PEOPLE:
            self._take_person(element)

    def _take_mix(self, element: ElementTree.Element) -> None:
        """A distribution of types or routes, listed in an attribute or as children."""
        names: list[str] = []
        weights: list[float] = []
        what = "vTypes" if element.tag == "vTypeDistribution" else "routes"
        if what in element.attrib:
            names = element.attrib[what].split()
            given = element.get("probabilities", "").split()
            weights = [float(w) for w in given] if given else [1.0] * len(names)
        for child in element:
            name = child.get("id") or child.get("refId") or f"{element.attrib['id']}#{len(names)}"
            if child.tag == "vType":
                self.types[name] = read_type(child.attrib)
            elif "edges" in child.attrib:
                self._take_route(child, name)
            names.append(name)
            weights.append(float(child.get("probability", "1")))
        if not names or len(names) != len(weights) or not sum(weights) > 0 or min(weights) < 0:
            raise ValueError("nothing can be drawn from it; allowed: members with probabilities above 0")
        self.mixes[element.attrib["id"]] = (names, weights)

    def _drawn(self, name: str) -> str:
        if name not in self.mixes:
            return name
        names, weights = self.mixes[name]
        return names[int(self.chance.choice(len(names), p=np.array(weights) / sum(weights)))]

    def _take_route(self, element: ElementTree.Element, name: str) -> None:
        edges = tuple(element.attrib["edges"].split())
        if not edges:
            raise ValueError("no edges")
        repeat = int(element.get("repeat", "0"))
        self.routes[name] = (edges * (repeat + 1), self._halts(element))

    def _type(self, element: ElementTree.Element, fallback: str) -> VehicleType:
        name = self._drawn(element.get("type", fallback))
        if name not in self.types:
            raise ValueError(f"type {name!r} is not defined before it")
        return self.types[name]

    def _halts(self, element: ElementTree.Element, shift_s: float = 0.0) -> tuple[Halt, ...]:
        halts = []
        for stop in element.iter("stop"):
            if stop.get("parking", "false") not in ("false", "0") or stop.get("parkingArea"):
                self._leave_out("stops beside the street (parking); those vehicles drive on")
                continue
            place = next((stop.attrib[key] for key in STOP_PLACES if key in stop.attrib), None)
            if place is not None:
                if place not in self.stops:
                    raise ValueError(f"stop {place!r} is not defined; name its file under additional")
                edge, end_m = self.stops[place]
            elif "lane" in stop.attrib or "edge" in stop.attrib:
                edge = stop.get("edge") or stop.attrib["lane"].rpartition("_")[0]
                end_m = float(stop.get("endPos", "-0.1"))
            else:
                self._leave_out("stops that name neither busStop, lane nor edge; those vehicles drive on")
                continue
            until_s = seconds(self.path, stop, "until")
            dwell_s = seconds(self.path, stop, "duration") or 0.0
            until_s = -1.0 if until_s is None else until_s + shift_s
            halts.append(Halt(edge, end_m, max(dwell_s, 0.0), until_s))
        return tuple(halts)

    def _take_vehicle(self, element: ElementTree.Element) -> None:
        edges, routed, on_route = self._edges(element)
        own = element.get("speedFactor")
        factor = float(read_factor(own)["factor_mean"]) if own else None
        for number, depart_s in self._moments(element):
            shift_s = depart_s - (seconds(self.path, element, "begin") or 0.0) if number else 0.0
            if not edges:
                edges_now, routed, on_route = self.routes[self._drawn(element.attrib["route"])][0], True, ()
            else:
                edges_now = edges
            self.demand.departures.append(
                Departure(
                    who=self._who(element),
                    id=element.attrib["id"] + number,
                    depart_s=depart_s,
                    kind=self._type(element, "DEFAULT_VEHTYPE"),
                    factor=factor,
                    edges=edges_now,
                    routed=routed,
                    halts=(*on_route, *self._halts(element, shift_s)),
                    line=element.get("line", ""),
                )
            )

    def _edges(self, element: ElementTree.Element) -> tuple[tuple[str, ...], bool, tuple[Halt, ...]]:
        """The route of a vehicle; no edges where it is drawn for each from a distribution."""
        nested = element.find("route")
        if nested is not None:
            return tuple(nested.attrib["edges"].split()), True, ()
        name = element.get("route")
        if name is not None:
            if name in self.mixes:
                return (), True, ()
            if name not in self.routes:
                raise ValueError(f"route {name!r} is not defined before it")
            return (*self.routes[name][0],), True, self.routes[name][1]
        if "from" not in element.attrib or "to" not in element.attrib:
            raise ValueError("no route; allowed: edges, route, or from and to (edges, no zones)")
        by = element.get("via", "").split()
        return (element.attrib["from"], *by, element.attrib["to"]), False, ()

    def _take_person(self, element: ElementTree.Element) -> None:
        walks = [child for child in element if child.tag in ("walk", "personTrip")]
        if any(child.tag == "ride" for child in element):
            self._leave_out("rides; those people walk only to where they get in")
            first_ride = next(k for k, child in enumerate(element) if child.tag == "ride")
            walks = [c for c in list(element)[:first_ride] if c.tag in ("walk", "personTrip")]
        if not walks:
            return
        edges, routed = self._foot_edges(walks)
        first, last = walks[0], walks[-1]
        speed = next((float(w.attrib["speed"]) for w in walks if "speed" in w.attrib), None)
        depart_m = element.get("departPos", first.get("departPos", "0"))
        arrive_m = last.get("arrivalPos")
        for number, depart_s in self._moments(element):
            self.demand.walks.append(
                Walk(
                    who=self._who(element),
                    id=element.attrib["id"] + number,
                    depart_s=depart_s,
                    kind=self._type(element, "DEFAULT_PEDTYPE"),
                    edges=edges,
                    routed=routed,
                    depart_m=0.0 if depart_m.replace("_", "").isalpha() else float(depart_m),
                    arrive_m=None if arrive_m is None or arrive_m.isalpha() else float(arrive_m),
                    speed_m_per_s=speed,
                )
            )

    def _foot_edges(self, walks: list[ElementTree.Element]) -> tuple[tuple[str, ...], bool]:
        edges: list[str] = []
        routed = True
        for walk in walks:
            if "edges" in walk.attrib:
                own = walk.attrib["edges"].split()
            else:
                routed = False
                start = walk.get("from", edges[-1] if edges else "")
                end = walk.get("to") or self.stops.get(walk.get("busStop", ""), ("", 0.0))[0]
                if not start or not end:
                    raise ValueError(f"{walk.tag} without edges, or from and to")
                own = [start, end]
            edges.extend(own[1:] if edges and edges[-1] == own[0] else own)
        return tuple(edges), routed

    # --- when -----------------------------------------------------------------------------------

    def _moments(self, element: ElementTree.Element) -> Iterator[tuple[str, float]]:
        """Number in its flow (`.0`; empty for single ones) and moment of each departure in the window."""
        if element.tag not in ("flow", "personFlow"):
            depart_s = seconds(self.path, element, "depart")
            if depart_s is None:
                self._leave_out(f"departures that wait for something ({element.get('depart')})")
            elif self.begin_s <= depart_s < self.end_s:
                yield "", depart_s
            return
        for number, depart_s in enumerate(self._flow(element)):
            if depart_s >= self.begin_s:
                yield f".{number}", depart_s

    def _flow(self, element: ElementTree.Element) -> Iterator[float]:
        begin_s = seconds(self.path, element, "begin") or 0.0
        end_s = seconds(self.path, element, "end")
        stop_s = self.end_s if end_s is None else min(end_s, self.end_s)
        limit = int(element.get("number", "-1"))
        if "probability" in element.attrib:
            chance = float(element.attrib["probability"])
            yield from (s for s in np.arange(begin_s, stop_s) if self.chance.random() < chance)
            return
        period, random = self._period_s(element, begin_s, end_s, limit)
        moment_s = begin_s + (float(self.chance.exponential(period)) if random else 0.0)
        count = 0
        while moment_s < stop_s and count != limit:
            yield moment_s
            count += 1
            gap_s = float(self.chance.exponential(period)) if random else period
            moment_s = moment_s + gap_s if random else begin_s + count * period

    def _period_s(
        self, element: ElementTree.Element, begin_s: float, end_s: float | None, limit: int
    ) -> tuple[float, bool]:
        """Mean seconds between two of a flow, and whether they come at random (Poisson)."""
        text = element.get("period", "")
        bracketed = _EXPONENTIAL.fullmatch(text.strip())
        per_hour = next(
            (element.attrib[k] for k in ("vehsPerHour", "perHour", "personsPerHour") if k in element.attrib),
            None,
        )
        if bracketed:
            period = 1.0 / float(bracketed[1])
        elif text:
            period = float(text)
        elif per_hour is not None:
            period = 3600.0 / float(per_hour)
        elif limit >= 0 and end_s is not None:
            period = (end_s - begin_s) / max(limit, 1)
        else:
            raise ValueError("allowed: period, vehsPerHour, probability, or number with begin and end")
        if not period > 0:
            raise ValueError(f"one every {period:g} s; allowed: more than 0 s")
        return period, bool(bracketed)

    def _leave_out(self, what: str) -> None:
        self.demand.left_out[what] = self.demand.left_out.get(what, 0) + 1
