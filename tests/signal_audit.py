"""An audit of SUMO's own record of what the signals showed, against the network file alone.

It shares no code with the importer or the controller: it parses both files itself, so that a
mistake there cannot hide here. The record comes from an additional file with
`<timedEvent type="SaveTLSStates" dest="record.xml"/>`.

    python -m tests.signal_audit NET RECORD [RECORD ...]

prints the number of violations by kind and the first of each; exit code 1 if there are any.
"""

from __future__ import annotations

import gzip
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

YELLOW_S = 3.0
GREEN_S = 5.0
WALK_S = 7.0
WALKING_M_PER_S = 1.2
CLOSE_S = 1e-6

GREEN = frozenset("Gg")
YELLOW = frozenset("yY")
ACTIVE = GREEN | YELLOW
STOP = frozenset("rsu")

KINDS = (
    "conflicting greens",
    "green to red without yellow",
    "yellow back to green",
    "short yellow",
    "short green",
    "short walk",
    "pedestrian clearance cut",
)


@dataclass(frozen=True)
class Violation:
    kind: str
    signal: str
    time_s: float
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: signal {self.signal}, {self.time_s:.2f} s: {self.what}"


@dataclass
class Signal:
    """What the network says about one signal's links."""

    crossing_m: dict[int, float] = field(default_factory=dict)
    """Link → length, for links that speak to people on foot."""
    foes: set[tuple[int, int]] = field(default_factory=set)
    """Both orders of every pair whose ways cross."""
    responds: set[tuple[int, int]] = field(default_factory=set)
    """(a, b): a has to give way to b."""
    links: set[int] = field(default_factory=set)


# --- the network --------------------------------------------------------------------------


def _root(path: Path) -> ElementTree.Element:
    data = path.read_bytes()
    return ElementTree.fromstring(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)


def read_signals(net: Path) -> dict[str, Signal]:
    """Every signal of a network file, by id."""
    root = _root(net)
    function = {edge.attrib["id"]: edge.get("function", "") for edge in root.iter("edge")}
    length_m = {lane.attrib["id"]: float(lane.attrib["length"]) for lane in root.iter("lane")}
    matrix = {}
    requests = {}
    for node in root.iter("junction"):
        if node.get("type") == "internal":
            continue
        for row, lane in enumerate(node.get("intLanes", "").split()):
            matrix[lane] = (node.attrib["id"], row)
        for request in node.iter("request"):
            place = (node.attrib["id"], int(request.attrib["index"]))
            requests[place] = (request.attrib["response"][::-1], request.attrib["foes"][::-1])
    onward = {}
    for way in root.iter("connection"):
        if way.get("via") and way.attrib["from"].startswith(":"):
            onward[f"{way.attrib['from']}_{way.attrib['fromLane']}"] = way.attrib["via"]
    signals: dict[str, Signal] = {}
    link_at: dict[tuple[str, int], tuple[str, int]] = {}
    for way in root.iter("connection"):
        if "tl" not in way.attrib or "linkIndex" not in way.attrib:
            continue
        signal = signals.setdefault(way.attrib["tl"], Signal())
        link = int(way.attrib["linkIndex"])
        sides = {end: f"{way.attrib[end]}_{way.attrib[end + 'Lane']}" for end in ("from", "to")}
        walks = [sides[end] for end in ("from", "to") if function[way.attrib[end]] == "crossing"]
        if walks:
            signal.crossing_m[link] = max(length_m[walks[0]], signal.crossing_m.get(link, 0.0))
        elif sides["from"].startswith(":"):
            continue  # the second stop inside a junction repeats the head of another stream
        lane = walks[0] if walks else way.get("via", "")
        while lane not in matrix and lane in onward:
            lane = onward[lane]
        if lane not in matrix:
            raise ValueError(f"{net}: link {link} of {way.attrib['tl']} is not in any right-of-way matrix")
        link_at[matrix[lane]] = (way.attrib["tl"], link)
        signal.links.add(link)
    for place, (tl, link) in link_at.items():
        response, foes = requests.get(place, ("", ""))
        for row, bit in enumerate(foes):
            other = link_at.get((place[0], row))
            if bit == "1" and other and other[0] == tl and other[1] != link:
                signals[tl].foes |= {(link, other[1]), (other[1], link)}
        for row, bit in enumerate(response):
            other = link_at.get((place[0], row))
            if bit == "1" and other and other[0] == tl:
                signals[tl].responds.add((link, other[1]))
    return signals


# --- the record ---------------------------------------------------------------------------


def read_record(path: Path) -> dict[str, list[tuple[float, str]]]:
    """Signal → (time in s, letters) whenever the letters changed, and the last row of all."""
    shown: dict[str, list[tuple[float, str]]] = {}
    last: dict[str, tuple[float, str]] = {}
    for _, row in ElementTree.iterparse(path):
        if row.tag == "tlsState":
            moment = (float(row.attrib["time"]), row.attrib["state"])
            rows = shown.setdefault(row.attrib["id"], [])
            if not rows or rows[-1][1] != moment[1]:
                rows.append(moment)
            last[row.attrib["id"]] = moment
        row.clear()
    for name, moment in last.items():
        if shown[name][-1] != moment:
            shown[name].append(moment)
    return shown


# --- the checks ---------------------------------------------------------------------------


def audit(net: Path, *records: Path) -> list[Violation]:
    """Every violation in the records, in the order of the checks."""
    signals = read_signals(net)
    found: list[Violation] = []
    for record in records:
        shown = read_record(record)
        if not shown:
            raise ValueError(f"{record}: no signal states")
        for name, rows in shown.items():
            signal = signals[name]
            if any(len(text) <= max(signal.links) for _, text in rows):
                raise ValueError(f"{record}: {name} has fewer letters than links")
            found += _conflicts(name, signal, rows)
            for link in sorted(signal.links):
                found += _changes(name, link, link in signal.crossing_m, rows)
            for link in sorted(signal.crossing_m):
                found += _cut_clearances(name, link, signal, rows)
    return found


def _conflicts(name: str, signal: Signal, rows: list[tuple[float, str]]) -> Iterator[Violation]:
    """Pairs of foes both green or yellow, neither of which is one that gives way to the other."""
    pairs = sorted((a, b) for a, b in signal.foes if a < b)
    green_as: dict[int, str] = {}
    standing: set[tuple[int, int]] = set()
    for time_s, text in rows:
        for link in signal.links:
            if text[link] in GREEN:
                green_as[link] = text[link]
        for a, b in pairs:
            both = text[a] in ACTIVE and text[b] in ACTIVE
            if both and not _gives_way(signal, green_as, a, b) and not _gives_way(signal, green_as, b, a):
                if (a, b) not in standing:
                    letters = f"link {a} shows {text[a]}, link {b} shows {text[b]}"
                    yield Violation("conflicting greens", name, time_s, letters)
                standing.add((a, b))
            else:
                standing.discard((a, b))


def _gives_way(signal: Signal, green_as: dict[int, str], a: int, b: int) -> bool:
    """Whether drivers of a know that they must yield to b: they have, or before yellow had, a g."""
    return green_as.get(a) == "g" and (a, b) in signal.responds


def _changes(name: str, link: int, on_foot: bool, rows: list[tuple[float, str]]) -> Iterator[Violation]:
    """Colours of one link that were too short or followed each other wrongly."""
    before, since_s, seen_beginning = _colour(rows[0][1][link]), rows[0][0], False
    for time_s, text in rows[1:]:
        now = _colour(text[link])
        if now == before:
            continue
        lasted_s = time_s - since_s
        what = f"link {link}, {lasted_s:.2f} s of {before}"
        if before == "green":
            least_s, kind = (WALK_S, "short walk") if on_foot else (GREEN_S, "short green")
            if seen_beginning and lasted_s < least_s - CLOSE_S:
                yield Violation(kind, name, time_s, what)
            if now == "red" and not on_foot:
                yield Violation("green to red without yellow", name, time_s, f"link {link}")
        elif before == "yellow":
            if seen_beginning and lasted_s < YELLOW_S - CLOSE_S:
                yield Violation("short yellow", name, time_s, what)
            if now == "green":
                yield Violation("yellow back to green", name, time_s, f"link {link}")
        before, since_s, seen_beginning = now, time_s, True


def _colour(letter: str) -> str:
    if letter in GREEN:
        return "green"
    if letter in YELLOW:
        return "yellow"
    return "red" if letter in STOP else "unregulated"


def _cut_clearances(
    name: str, link: int, signal: Signal, rows: list[tuple[float, str]]
) -> Iterator[Violation]:
    """Foes that got a green without having to yield while people could still be on the crossing."""
    needed_s = signal.crossing_m[link] / WALKING_M_PER_S
    foes = sorted(b for a, b in signal.foes if a == link)
    ended_s = None
    for (_, old), (time_s, new) in pairwise(rows):
        if old[link] in GREEN and new[link] not in GREEN:
            ended_s = time_s
        if ended_s is None or new[link] in GREEN or time_s >= ended_s + needed_s - CLOSE_S:
            continue
        for foe in foes:
            if _frees(signal, link, foe, new[foe]) and not _frees(signal, link, foe, old[foe]):
                after = f"{time_s - ended_s:.2f} s after WALK, {needed_s:.2f} s needed"
                what = f"link {foe} shows {new[foe]} across crossing link {link} {after}"
                yield Violation("pedestrian clearance cut", name, time_s, what)


def _frees(signal: Signal, crossing: int, foe: int, letter: str) -> bool:
    """Whether drivers need not watch for people on the crossing."""
    return letter == "G" or (letter == "g" and (foe, crossing) not in signal.responds)


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = audit(Path(arguments[0]), *map(Path, arguments[1:]))
    counts = Counter(one.kind for one in found)
    for kind in KINDS:
        print(f"{counts[kind]:6d}  {kind}")
        for one in [one for one in found if one.kind == kind][:5]:
            print(f"        {one}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
