"""Reads a SUMO network file (`.net.xml`, also gzipped) into plain records.

Only what signals need is kept: lanes with their shapes and permissions, connections with
their signal and link index, junctions with the right-of-way matrix, signal programs.
Nothing of SUMO is needed. Format: https://sumo.dlr.de/docs/Networks/SUMO_Road_Networks.html
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast
from xml.etree import ElementTree

from controller.file_words import why_not

RAIL_SIGNAL_TYPES = frozenset({"railSignal", "rail_signal", "railCrossing", "rail_crossing"})

PRIVATE = frozenset(
    {
        "passenger",
        "private",
        "evehicle",
        "hov",
        "vip",
        "custom1",
        "custom2",
        "delivery",
        "truck",
        "trailer",
        "motorcycle",
        "moped",
        "army",
        "authority",
        "emergency",
    }
)
PUBLIC = frozenset({"bus", "coach", "tram", "taxi"})
CYCLES = frozenset({"bicycle", "scooter"})
RAIL = frozenset({"rail", "rail_urban", "rail_electric", "rail_fast", "subway", "cable_car"})
FOOT = frozenset({"pedestrian", "wheelchair"})
CLASSES = PRIVATE | PUBLIC | CYCLES | RAIL | FOOT | frozenset({"ship", "container", "drone", "aircraft"})


class UnusableNetwork(ValueError):
    """The file cannot become a street; the message is one line naming file, place and reason."""


@dataclass(frozen=True, slots=True)
class NetLane:
    """One lane. `shape` is a polyline in metres; `classes` are SUMO vehicle classes."""

    id: str
    edge: str
    index: int
    speed_m_per_s: float
    length_m: float
    width_m: float
    shape: tuple[tuple[float, float], ...]
    classes: frozenset[str]


@dataclass(frozen=True, slots=True)
class NetEdge:
    """One edge; `function` is `normal`, `internal`, `crossing`, `walkingarea` or `connector`."""

    id: str
    function: str
    from_node: str
    to_node: str
    lanes: tuple[str, ...]
    crossing_edges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetConnection:
    """One way from a lane to a lane; `via` is the first internal lane, `tl` the signal or ''."""

    from_lane: str
    to_lane: str
    via: str
    tl: str
    link_index: int
    direction: str
    classes: frozenset[str]


@dataclass(frozen=True, slots=True)
class NetJunction:
    """One node. Row k of the right-of-way matrix belongs to `int_lanes[k]`; rows are bit sets."""

    id: str
    type: str
    x_m: float
    y_m: float
    inc_lanes: tuple[str, ...]
    int_lanes: tuple[str, ...]
    responses: dict[int, int]
    foes: dict[int, int]


@dataclass(frozen=True, slots=True)
class NetPhase:
    """One phase of a program: seconds, one letter a link, the phases that may follow."""

    duration_s: float
    state: str
    next_phases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NetProgram:
    """One signal program."""

    tl: str
    type: str
    program: str
    offset_s: float
    phases: tuple[NetPhase, ...]


@dataclass(slots=True)
class SumoNet:
    """The parts of a network file, by id, in file order."""

    file: str
    lanes: dict[str, NetLane] = field(default_factory=dict)
    edges: dict[str, NetEdge] = field(default_factory=dict)
    junctions: dict[str, NetJunction] = field(default_factory=dict)
    connections: list[NetConnection] = field(default_factory=list)
    programs: dict[str, list[NetProgram]] = field(default_factory=dict)
    """Programs by signal; SUMO runs the last."""


def read_net(path: Path) -> SumoNet:
    """Read a network file.

    Raises `UnusableNetwork` for a file that is missing, cut off, not XML or not a SUMO network.
    """
    net = SumoNet(file=str(path))
    place = "the beginning"
    try:
        with _opened(path) as stream:
            for element in _top_level(stream, path):
                place = f"<{element.tag} {_label(element)}>"
                _take(net, element)
    except FileNotFoundError:
        raise UnusableNetwork(
            f"{path}: no such file; a SUMO network (.net.xml or .net.xml.gz) is needed"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise UnusableNetwork(f"{path}: cannot be read ({why_not(error)})") from None
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise UnusableNetwork(
            f"{path}: line {line}: not well-formed XML ({error}), after "
            f"{place}; the file is cut off or is no SUMO network"
        ) from None
    except UnicodeError as error:
        raise UnusableNetwork(f"{path}: not text in the declared encoding ({error})") from None
    except (KeyError, ValueError) as error:
        if isinstance(error, UnusableNetwork):
            raise
        what = f"attribute {error} is missing" if isinstance(error, KeyError) else str(error)
        raise UnusableNetwork(f"{path}: {place}: {what}") from None
    if not net.edges:
        raise UnusableNetwork(f"{path}: no edges; a SUMO network (<net> with <edge>) is needed")
    return net


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked if it is gzipped, whatever it is called."""
    with path.open("rb") as stream:
        gzipped = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        if not gzipped:
            yield stream
            return
        with gzip.GzipFile(fileobj=stream) as unpacked:
            yield cast(IO[bytes], unpacked)


def _top_level(stream: IO[bytes], path: Path) -> Iterator[ElementTree.Element]:
    """Each child of `<net>` once complete; memory stays flat."""
    depth = 0
    root: ElementTree.Element | None = None
    for event, element in ElementTree.iterparse(stream, events=("start", "end")):
        if event == "start":
            if root is None:
                root = element
                if element.tag != "net":
                    raise UnusableNetwork(
                        f"{path}: root element is <{element.tag}>, a SUMO network has <net>"
                    )
            depth += 1
            continue
        depth -= 1
        if depth == 1 and root is not None:
            yield element
            root.clear()


def _label(element: ElementTree.Element) -> str:
    for key in ("id", "from", "node"):
        if key in element.attrib:
            return f'{key}="{element.attrib[key]}"'
    return ""


def _take(net: SumoNet, element: ElementTree.Element) -> None:
    if element.tag == "edge":
        _take_edge(net, element)
    elif element.tag == "junction":
        _take_junction(net, element)
    elif element.tag == "connection":
        net.connections.append(_connection(element))
    elif element.tag == "tlLogic":
        program = _program(element)
        net.programs.setdefault(program.tl, []).append(program)


def _take_edge(net: SumoNet, element: ElementTree.Element) -> None:
    edge = element.attrib["id"]
    ids = []
    for lane in element.iter("lane"):
        a = lane.attrib
        ids.append(a["id"])
        net.lanes[a["id"]] = NetLane(
            id=a["id"],
            edge=edge,
            index=int(a["index"]),
            speed_m_per_s=float(a["speed"]),
            length_m=float(a["length"]),
            width_m=float(a.get("width", "3.2")),
            shape=_shape(a.get("shape", "")),
            classes=_classes(a),
        )
    net.edges[edge] = NetEdge(
        id=edge,
        function=element.attrib.get("function", "normal"),
        from_node=element.attrib.get("from", ""),
        to_node=element.attrib.get("to", ""),
        lanes=tuple(ids),
        crossing_edges=tuple(element.attrib.get("crossingEdges", "").split()),
    )


def _take_junction(net: SumoNet, element: ElementTree.Element) -> None:
    a = element.attrib
    if a.get("type") == "internal":
        return
    responses: dict[int, int] = {}
    foes: dict[int, int] = {}
    for request in element.iter("request"):
        index = int(request.attrib["index"])
        # The rightmost digit belongs to link 0, so base 2 gives bit k for link k.
        responses[index] = int(request.attrib["response"] or "0", 2)
        foes[index] = int(request.attrib["foes"] or "0", 2)
    net.junctions[a["id"]] = NetJunction(
        id=a["id"],
        type=a.get("type", ""),
        x_m=float(a["x"]),
        y_m=float(a["y"]),
        inc_lanes=tuple(a.get("incLanes", "").split()),
        int_lanes=tuple(a.get("intLanes", "").split()),
        responses=responses,
        foes=foes,
    )


def _connection(element: ElementTree.Element) -> NetConnection:
    a = element.attrib
    return NetConnection(
        from_lane=f"{a['from']}_{a['fromLane']}",
        to_lane=f"{a['to']}_{a['toLane']}",
        via=a.get("via", ""),
        tl=a.get("tl", ""),
        link_index=int(a.get("linkIndex", "-1")),
        direction=a.get("dir", "s"),
        classes=_classes(a),
    )


def _program(element: ElementTree.Element) -> NetProgram:
    a = element.attrib
    phases = tuple(
        NetPhase(
            duration_s=float(p.attrib["duration"]),
            state=p.attrib["state"],
            next_phases=tuple(int(n) for n in p.attrib.get("next", "").split()),
        )
        for p in element.iter("phase")
    )
    offset = a.get("offset", "0")
    return NetProgram(
        tl=a["id"],
        type=a.get("type", "static"),
        program=a.get("programID", "0"),
        offset_s=0.0 if offset == "begin" else float(offset),
        phases=phases,
    )


def _shape(text: str) -> tuple[tuple[float, float], ...]:
    points = []
    for pair in text.split():
        parts = pair.split(",")
        points.append((float(parts[0]), float(parts[1])))
    return tuple(points)


_classes_seen: dict[tuple[str, str], frozenset[str]] = {}


def _classes(attributes: dict[str, str]) -> frozenset[str]:
    """SUMO's permission rule: `allow` lists who may, else `disallow` who may not, else all may."""
    key = (attributes.get("allow", ""), attributes.get("disallow", ""))
    found = _classes_seen.get(key)
    if found is None:
        allow, disallow = key[0].split(), key[1].split()
        if "all" in allow or not (allow or disallow):
            found = CLASSES
        elif allow:
            found = frozenset(allow)
        elif "all" in disallow:
            found = frozenset()
        else:
            found = CLASSES - frozenset(disallow)
        _classes_seen[key] = found
    return found
