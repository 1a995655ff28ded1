"""What is evaluated: a SUMO network, its demand, and the hour of it that counts.

A scenario is named on the command line or found in a folder of folders: wherever
`NAME.net.xml` stands beside `NAME.rou.xml`, and wherever `NAME-walk.net.xml` stands beside
them with people on foot in `NAME-walk.rou.xml`. Which hour counts is said by the command
line, else by `scenarios.toml` in the folder, else it is the clock hour in which most of the
demand departs.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast
from xml.etree import ElementTree

from controller.file_words import why_not
from controller.toml_text import NotToml, in_line, table_of

HOUR_S = 3600
WINDOWS_FILE = "scenarios.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WINDOW_KEYS = ("begin_s", "end_s")
_DEPARTING = ("vehicle", "trip", "person")
_FLOWS = ("flow", "personFlow")
_WHO = (*_DEPARTING, *_FLOWS, "route")
_EDGE_KEYS = {
    "route": ("edges",),
    "walk": ("edges", "from", "to"),
    "trip": ("from", "to", "via"),
    "flow": ("from", "to", "via"),
    "personTrip": ("from", "to"),
}
"""Where demand names edges of its network."""


class ScenarioError(ValueError):
    """What was asked for cannot be run; the message is one line naming file, place and reason."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One network with its demand and the seconds `[begin_s, end_s)` of it that are simulated."""

    name: str
    """For people and file names: letters, digits, dot, dash, underscore."""
    net: Path
    routes: tuple[Path, ...]
    begin_s: int
    end_s: int

    @property
    def duration_s(self) -> int:
        """Simulated seconds of one run."""
        return self.end_s - self.begin_s

    def shortened(self, minutes: int | None) -> Scenario:
        """The first `minutes` of it (all of it for None, or when it is shorter anyway)."""
        if minutes is None:
            return self
        return replace(self, end_s=min(self.end_s, self.begin_s + 60 * minutes))


def from_files(
    net: Path,
    routes: Sequence[Path],
    begin_s: int | None = None,
    end_s: int | None = None,
    name: str | None = None,
) -> Scenario:
    """One scenario from named files; the demand's busiest clock hour where no time is given.

    Raises ScenarioError for missing or broken files and for an empty window.
    """
    if not net.is_file():
        raise ScenarioError(f"{net}: no such network file")
    if not routes:
        raise ScenarioError(f"{net}: no route file named; allowed: one or more --route FILE")
    for route in routes:
        if not route.is_file():
            raise ScenarioError(f"{route}: no such route file")
    chosen = name if name is not None else net.name.removesuffix(".gz").removesuffix(".net.xml")
    if not _NAME.fullmatch(chosen):
        raise ScenarioError(
            f"{net}: {chosen!r} cannot be a scenario's name; allowed: up to 64 letters, digits, "
            "'.', '-', '_', beginning with a letter or digit (give one with --name)"
        )
    if begin_s is None or end_s is None:
        busiest_s = busiest_hour_s(routes)
        begin_s = begin_s if begin_s is not None else busiest_s
        end_s = end_s if end_s is not None else begin_s + HOUR_S
    if not 0 <= begin_s < end_s:
        raise ScenarioError(f"{chosen}: begin {begin_s} s, end {end_s} s; allowed: 0 <= begin < end")
    return Scenario(chosen, net, tuple(routes), begin_s, end_s)


def from_folder(
    folder: Path,
    maps: Sequence[str] | None = None,
    begin_s: int | None = None,
    end_s: int | None = None,
) -> tuple[Scenario, ...]:
    """Every scenario in `folder` and the folders directly in it, by name; only `maps` when given.

    Raises ScenarioError when there is none, a name of `maps` is not there, two have the
    same name, or a file cannot be read.
    """
    if not folder.is_dir():
        raise ScenarioError(f"{folder}: no such folder of scenarios")
    files = _files_by_name(folder)
    if not files:
        raise ScenarioError(
            f"{folder}: no scenario found; allowed: NAME.net.xml beside NAME.rou.xml, here or one folder down"
        )
    if maps is not None:
        unknown = [name for name in maps if name not in files]
        if unknown:
            raise ScenarioError(f"{folder}: no map {unknown[0]!r}; found: {', '.join(sorted(files))}")
        files = {name: files[name] for name in dict.fromkeys(maps)}
    windows = _read_windows(folder / WINDOWS_FILE)
    found = []
    for name in files if maps is not None else sorted(files):
        net, routes = files[name]
        window = windows.get(name) or windows.get(name.removesuffix("-walk")) or {}
        begin = begin_s if begin_s is not None else window.get("begin_s")
        end = end_s if end_s is not None else window.get("end_s")
        found.append(from_files(net, routes, begin, end, name))
    return tuple(found)


def _files_by_name(folder: Path) -> dict[str, tuple[Path, list[Path]]]:
    files: dict[str, tuple[Path, list[Path]]] = {}
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        for net in sorted(place.glob("*.net.xml")):
            name = net.name.removesuffix(".net.xml")
            own = place / f"{name}.rou.xml"
            if not own.is_file():
                continue
            base = name.removesuffix("-walk")
            cars = place / f"{base}.rou.xml"
            routes = [own] if base == name or not cars.is_file() else [cars, own]
            if name in files:
                raise ScenarioError(f"{net}: a second scenario named {name!r}; first: {files[name][0]}")
            files[name] = (net, routes)
    return files


def _read_windows(path: Path) -> Mapping[str, Mapping[str, int]]:
    """`[NAME]` tables with `begin_s` and `end_s`; nothing when there is no such file."""
    if not path.is_file():
        return {}
    try:
        tables = table_of(path.read_text(encoding="utf-8"))
    except (NotToml, OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: {why_not(error)}") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ScenarioError(
                f"{path}: {in_line(name)} = {repr(table)[:80]}; allowed: tables [NAME] of begin_s, end_s"
            )
        _check_window(path, name, table)
    return cast("Mapping[str, Mapping[str, int]]", tables)


def _check_window(path: Path, name: str, table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if key not in _WINDOW_KEYS:
            raise ScenarioError(
                f"{path}: [{in_line(name)}] {in_line(key)}: unknown; allowed: {', '.join(_WINDOW_KEYS)}"
            )
        if type(value) is not int or value < 0:
            raise ScenarioError(
                f"{path}: [{in_line(name)}] {key} = {repr(value)[:40]}; allowed: whole seconds, 0 or more"
            )


def busiest_hour_s(routes: Iterable[Path]) -> int:
    """First second of the clock hour in which most vehicles and people of `routes` depart.

    Flows count with the number they bring into each hour. The earliest hour wins a tie.
    Raises ScenarioError when a file is no demand or nobody departs.
    """
    departures: Counter[int] = Counter()
    routes = list(routes)
    for path in routes:
        departures.update(_departures_by_hour(path))
    if not departures:
        raise ScenarioError(f"{', '.join(map(str, routes))}: nobody departs; give --begin and --end")
    most = max(departures.values())
    return min(hour for hour, count in departures.items() if count == most) * HOUR_S


def _departures_by_hour(path: Path) -> Counter[int]:
    departures: Counter[int] = Counter()
    for element, is_start in elements(path):
        if is_start or element.tag not in (*_DEPARTING, *_FLOWS):
            continue
        if element.tag in _FLOWS:
            departures.update(_flow_by_hour(path, element))
        elif (depart_s := seconds(path, element, "depart")) is not None:
            departures[int(depart_s) // HOUR_S] += 1
        element.clear()
    return departures


def elements(path: Path) -> Iterator[tuple[ElementTree.Element, bool]]:
    """Every element of a demand file at its start tag (True), then complete (False).

    Raises ScenarioError naming file and place when it is not SUMO demand.
    """
    try:
        with _open(path) as stream:
            root = ""
            for event, element in ElementTree.iterparse(stream, events=("start", "end")):
                if not root:
                    root = element.tag
                    if root not in ("routes", "additional"):
                        raise ScenarioError(f"{path}: <{root}> is no SUMO demand; allowed: <routes>")
                yield element, event == "start"
    except ElementTree.ParseError as error:
        line, column = error.position
        raise ScenarioError(f"{path}, line {line}, column {column}: not XML: {error.msg}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ScenarioError(f"{path}: damaged gzip: {error}") from error
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {why_not(error)}") from error


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def seconds(path: Path, element: ElementTree.Element, key: str) -> float | None:
    """A moment in seconds or as [[days:]hours:]minutes:seconds; None for words such as `triggered`."""
    text = element.get(key)
    if text is None or text.replace("_", "").isalpha():
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not parts or len(parts) > 4 or not all(map(math.isfinite, parts)):
        who = f"{element.tag} {element.get('id', '?')!r}"
        raise ScenarioError(f"{path}: {who}: {key}={text!r}; allowed: seconds or hours:minutes:seconds")
    weights = (1.0, 60.0, 3600.0, 86400.0)
    return sum(part * weight for part, weight in zip(reversed(parts), weights, strict=False))


def _flow_by_hour(path: Path, flow: ElementTree.Element) -> Counter[int]:
    """How many a `<flow>` brings into each clock hour, rounded; one hour where no end is given."""
    begin_s = seconds(path, flow, "begin") or 0.0
    end_s = seconds(path, flow, "end")
    end_s = begin_s + HOUR_S if end_s is None else min(end_s, begin_s + 7 * 24 * HOUR_S)
    duration_s = max(end_s - begin_s, 1.0)
    per_s = 0.0
    for key, to_rate in (
        ("number", lambda n: n / duration_s),
        ("vehsPerHour", lambda n: n / HOUR_S),
        ("perHour", lambda n: n / HOUR_S),
        ("personsPerHour", lambda n: n / HOUR_S),
        ("period", lambda n: 1.0 / n if n > 0 else 0.0),
        ("probability", lambda n: n),
    ):
        value = re.sub(r"^exp\((.*)\)$", r"\1", flow.get(key, ""))
        if value:
            try:
                # `period="exp(0.2)"` gives a rate already.
                rate = float(value)
                per_s = rate if value != flow.get(key) else to_rate(rate)
            except ValueError as error:
                who = f"{flow.tag} {flow.get('id', '?')!r}"
                raise ScenarioError(f"{path}: {who}: {key}={value!r}; allowed: a number") from error
    departures: Counter[int] = Counter()
    for hour in range(int(begin_s) // HOUR_S, math.ceil(end_s / HOUR_S)):
        overlap_s = min(end_s, (hour + 1) * HOUR_S) - max(begin_s, hour * HOUR_S)
        departures[hour] += round(per_s * overlap_s)
    return departures


def check_belongs_together(scenario: Scenario, edges: Container[str]) -> None:
    """Refuse demand that was made for another network: every edge it names must be in `edges`.

    Raises ScenarioError naming file, who departs and the edge.
    """
    for path in scenario.routes:
        who = "?"
        for element, is_start in elements(path):
            if is_start:
                who = f"{element.tag} {element.get('id')!r}" if element.tag in _WHO else who
                continue
            for key in _EDGE_KEYS.get(element.tag, ()):
                for edge in element.get(key, "").split():
                    if edge not in edges:
                        raise ScenarioError(
                            f"{path}: {who}: edge {edge!r} is not in {scenario.net}; is it another network's?"
                        )
            element.clear()
