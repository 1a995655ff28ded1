"""A running city on a terminal: who waits where, for how long, and what was decided last.

`look` takes the figures out of a world, changing nothing; `draw` makes a screen of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from controller.vocabulary import Lamp
from sim.city.movement.traffic import STANDING_M_PER_S, Status
from sim.city.trips import MODES, Mode

if TYPE_CHECKING:
    from sim.city.measuring.watch import Watch
    from sim.city.world import World

JUNCTIONS_SHOWN = 5
LATE_S = 300.0
"""A bus more than five minutes behind its timetable is late."""
_COLUMNS = {"car": "cars", "bus": "buses", "bicycle": "bicycles", "emergency": "emergency", "walk": "on foot"}
TITLE_MAX = 34


@dataclass(frozen=True, slots=True)
class DistrictNow:
    """Who stands in a district: vehicles, and people at kerbs, by `MODES`."""

    name: str
    waiting: tuple[int, ...]
    longest_s: float


@dataclass(frozen=True, slots=True)
class JunctionNow:
    """The one who has stood longest at a junction, against the longest promise there."""

    title: str
    district: str
    waiting_veh: int
    waiting_people: int
    longest_s: float
    promise_s: float
    green: tuple[str, ...]
    """Groups that have it; none while the stage changes."""


@dataclass(frozen=True, slots=True)
class CityNow:
    """One moment of a city, in plain numbers."""

    scenario: str
    controller: str
    time_ms: int
    part: float
    """Of the run that has been played, 0-1."""
    districts: tuple[DistrictNow, ...]
    junctions: tuple[JunctionNow, ...]
    """Those with the longest waits, longest first."""
    driving: int
    queued: int
    """Due, but their street has no room."""
    arrived: int
    walking: int
    walked: int
    on_red: int
    """Times that somebody crossed on red so far."""
    calls: int
    calls_late: int
    buses: int
    late_mean_s: float
    late_worst_s: float
    buses_late: int
    ill: int
    """Detectors that have a fault now."""
    violations: int


def look(world: World, watch: Watch) -> CityNow:
    """The figures of this moment."""
    city, traffic, walkers = world.city, world.traffic, world.walkers
    roads, drives = city.roads, city.drives
    rows = traffic.driving[: int(traffic.n_driving[0])]
    standing = rows[(traffic.speed_m_per_s[rows] < STANDING_M_PER_S) & (traffic.stood_ms[rows] > 0)]
    standing = standing[traffic.lane[standing] >= 0]
    edge = roads.lane_edge[traffic.lane[standing]]
    stood_s = traffic.stood_ms[standing] / 1000.0
    kerb_ms = walkers.crossing_since_ms
    kerb_s = np.where(kerb_ms >= 0, (world.time_ms - kerb_ms) / 1000.0, 0.0)
    districts = []
    for d, name in enumerate(roads.districts):
        here = roads.edge_district[edge] == d
        kerbs = roads.crossing_district == d
        by_mode = np.bincount(drives.mode[standing[here]], minlength=Mode.WALK)[: Mode.WALK]
        on_foot = int(walkers.crossing_waiting[kerbs].sum())
        longest = max(stood_s[here].max(initial=0.0), kerb_s[kerbs].max(initial=0.0))
        districts.append(DistrictNow(name, (*by_mode.tolist(), on_foot), float(longest)))
    late_s = _late_s(world)
    end_ms, begin_ms = city.end_ms, city.begin_ms
    return CityNow(
        scenario=city.scenario.name,
        controller=world.controller_name or "fixed programs",
        time_ms=world.time_ms,
        part=(world.time_ms - begin_ms) / max(1, end_ms - begin_ms),
        districts=tuple(districts),
        junctions=_worst_junctions(world, edge, stood_s, kerb_s),
        driving=len(rows),
        queued=int((traffic.status == Status.QUEUED).sum()),
        arrived=int((traffic.status == Status.ARRIVED).sum()),
        walking=int(walkers.n_out[0]),
        walked=int((walkers.arrived_ms >= 0).sum()),
        on_red=int(walkers.crossing_red.sum()),
        calls=int(watch.notes.group_calls.sum()),
        calls_late=int(watch.notes.group_calls_late.sum()),
        buses=len(late_s),
        late_mean_s=float(late_s.mean()) if len(late_s) else 0.0,
        late_worst_s=float(late_s.max(initial=0.0)),
        buses_late=int((late_s > LATE_S).sum()),
        ill=len(world.faults.ill),
        violations=world.violations,
    )


def _late_s(world: World) -> np.ndarray:
    """Of every bus with a line that is on the street now, seconds behind its timetable."""
    service = world.service
    out = world.traffic.status[service.bus_vehicle] == Status.DRIVING
    return world.transit.bus_late_ms[out & (service.bus_line >= 0)] / 1000.0


def _worst_junctions(
    world: World, edge: np.ndarray, stood_s: np.ndarray, kerb_s: np.ndarray
) -> tuple[JunctionNow, ...]:
    roads, network = world.city.roads, world.city.network
    n = network.n_junctions
    at_signal = roads.node_junction[roads.edge_to[edge]]
    kerb_signal = np.where(roads.crossing_group >= 0, roads.node_junction[roads.crossing_node], -1)
    longest = np.zeros(n)
    np.maximum.at(longest, at_signal[at_signal >= 0], stood_s[at_signal >= 0])
    np.maximum.at(longest, kerb_signal[kerb_signal >= 0], kerb_s[kerb_signal >= 0])
    vehicles = np.bincount(at_signal[at_signal >= 0], minlength=n)
    waiting = world.walkers.crossing_waiting
    people = np.bincount(kerb_signal[kerb_signal >= 0], waiting[kerb_signal >= 0], n)
    order = np.argsort(-longest, kind="stable")[:JUNCTIONS_SHOWN]
    found = []
    for j in order.tolist():
        groups = slice(int(network.group_start[j]), int(network.group_start[j + 1]))
        junction = network.street.junctions[j]
        green = np.flatnonzero(world.street.lamps[groups] == Lamp.GREEN)
        found.append(
            JunctionNow(
                title=junction.title,
                district=roads.districts[roads.junction_district[j]],
                waiting_veh=int(vehicles[j]),
                waiting_people=int(people[j]),
                longest_s=float(longest[j]),
                promise_s=float(network.promise_ms[groups].max()) / 1000.0,
                green=tuple(junction.groups[k].name for k in green.tolist()),
            )
        )
    return tuple(found)


# --- the screen ----------------------------------------------------------------------------------


def draw(now: CityNow, speed: float, paused: bool, why: str = "") -> RenderableType:
    """A screen of 80 columns: clock, districts, junctions with the longest waits, totals, the last reason."""
    pace = "paused" if paused else ("as fast as it can" if speed == 0 else f"{speed:g} times real time")
    head = Text.assemble(
        (f"{now.scenario} ", "bold"),
        (clock(now.time_ms), "bold cyan"),
        f"  {now.controller}, {pace}, {now.part:.0%} played",
    )
    parts: list[RenderableType] = [head, _districts(now), _junctions(now), _totals(now)]
    if why:
        parts.append(Text(why, style="italic", overflow="ellipsis", no_wrap=False))
    parts.append(Text("q stops, space pauses, + and - change the speed", style="dim"))
    return Group(*parts)


def _districts(now: CityNow) -> Table:
    table = Table(
        title="Standing now", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column("district", no_wrap=True)
    for mode in MODES:
        table.add_column(_COLUMNS[mode], justify="right")
    table.add_column("longest", justify="right")
    for one in now.districts:
        table.add_row(one.name, *(str(n) if n else "·" for n in one.waiting), f"{one.longest_s:.0f} s")
    return table


def _junctions(now: CityNow) -> Table:
    table = Table(
        title="Longest waits", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    for name in ("junction", "vehicles", "on foot", "longest", "promise"):
        table.add_column(name, justify="left" if name == "junction" else "right", no_wrap=True)
    table.add_column("green for", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in now.junctions:
        kept = one.longest_s <= one.promise_s
        table.add_row(
            one.title if len(one.title) <= TITLE_MAX else one.title[: TITLE_MAX - 1] + "…",
            str(one.waiting_veh),
            str(one.waiting_people),
            Text(f"{one.longest_s:.0f} s", style="" if kept else "bold red"),
            f"{one.promise_s:.0f} s",
            ", ".join(one.green) or "(changing)",
        )
    return table


def _totals(now: CityNow) -> Text:
    kept = f"{1 - now.calls_late / now.calls:.1%} of {now.calls} calls" if now.calls else "no calls yet"
    text = Text()
    text.append(
        f"Vehicles: {now.driving} driving, {now.queued} cannot enter yet, {now.arrived} arrived. "
        f"On foot: {now.walking} out, {now.walked} arrived, {now.on_red} times on red.\n"
    )
    if now.buses:
        text.append(
            f"Buses: {now.buses} out, {now.late_mean_s:.0f} s late on average, the worst "
            f"{now.late_worst_s:.0f} s, {now.buses_late} more than five minutes.\n"
        )
    text.append(f"Promise kept: {kept}. Detectors ill: {now.ill}. ")
    text.append(f"Safety violations: {now.violations}.", style="bold red" if now.violations else "")
    return text


def clock(time_ms: int) -> str:
    """Street time as hours, minutes and seconds."""
    seconds = time_ms // 1000
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
