"""What a run did to people: delay by mode, waits, stops, gridlock. The words are design's.

Delay of a vehicle trip is SUMO's time loss plus its departure delay, from its tripinfo record;
trips unfinished at the end are in it with what they had lost by then, and those that were due but
never departed with how long they had been due. Delay of a person on foot is the time loss of
their walks; SUMO records none for unfinished walks, for which their standing at signals is
taken. A wait is one uninterrupted standstill below 0.1 m/s on the street, scheduled stops
excepted; waiting to enter the map is counted apart.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from controller.file_words import why_not
from controller.policy import Policy
from sim.sumo_traffic import STANDING_M_PER_S, Vehicles, Walkers

GRIDLOCK_VEH = 10
GRIDLOCK_WAIT_S = 300.0
QUEUE_SAMPLE_S = 60
QUEUE_LAST_S = 1800
QUEUE_GROWS_VEH = 10
"""Growth of the insertion queue over the last 30 minutes from which it is no chance."""
MODES = ("car", "bus", "pedestrian")


@dataclass(frozen=True, slots=True)
class ModeDelay:
    """Delay of one mode over all its trips, in seconds a trip."""

    trips: int
    mean_s: float
    p95_s: float
    worst_s: float
    worst_wait_s: float


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run, measured. `modes` holds car, bus and pedestrian, with 0 trips where there were none."""

    modes: Mapping[str, ModeDelay]
    delay_mean_s: float
    """Over every vehicle trip."""
    person_seconds: float
    """Delay summed over people, by the policy's persons per car, bus and walker."""
    worst_wait_s: float
    """Longest uninterrupted standstill of anybody on the street."""
    stops_per_veh: float
    unfinished_veh: int
    never_departed_veh: int
    unfinished_walks: int
    gridlock: bool
    """Ten or more vehicles stood longer than 300 s at the same time."""
    insertion_queue_half_veh: float
    """Waiting to enter the map 30 minutes before the end (mean of five minutes)."""
    insertion_queue_end_veh: float
    insertion_queue_grows: bool
    promises_broken: int | None
    """Calls that waited longer than promised; None where nothing was promised."""
    violations: int | None
    """What the safety monitor stopped; None where it did not watch."""
    simulated_s: int
    wall_s: float

    def to_json(self) -> dict[str, Any]:
        """Plain data for `json.dumps`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunResult:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        modes = {name: ModeDelay(**data["modes"][name]) for name in MODES}
        return cls(**{**data, "modes": modes})


@dataclass(slots=True)
class Trips:
    """Delays in seconds, one a trip."""

    car_s: list[float] = field(default_factory=list)
    bus_s: list[float] = field(default_factory=list)
    pedestrian_s: list[float] = field(default_factory=list)
    stops: int = 0
    unfinished_veh: int = 0
    never_departed_veh: int = 0
    unfinished_walks: int = 0


class Watch:
    """Looks at the street after every step: waits, gridlock, insertion queue."""

    def __init__(self, begin_s: float, end_s: float) -> None:
        self._begin_s, self._end_s = begin_s, end_s
        self.worst_wait_s = dict.fromkeys(MODES, 0.0)
        self.gridlock = False
        self.kerb_s: dict[str, float] = {}
        """Time each person has stood at signals."""
        self._queue: list[tuple[float, int]] = []
        self._next_sample_s = begin_s

    def look(
        self,
        now_s: float,
        step_s: float,
        vehicles: Vehicles,
        walkers: Walkers,
        waiting_s: Callable[[str], float],
        insertion_queue_veh: Callable[[], int],
    ) -> None:
        """Take note of one moment; `waiting_s(id)` is a vehicle's standstill so far."""
        standing = np.flatnonzero(vehicles.speed_m_per_s < STANDING_M_PER_S).tolist()
        long_veh = 0
        worst = self.worst_wait_s
        for row in standing:
            wait_s = waiting_s(vehicles.ids[row])
            mode = "bus" if vehicles.is_bus[vehicles.slot[row]] else "car"
            if wait_s > worst[mode]:
                worst[mode] = wait_s
            long_veh += wait_s > GRIDLOCK_WAIT_S
        self.gridlock = self.gridlock or long_veh >= GRIDLOCK_VEH
        for person, wait_s in zip(walkers.ids, walkers.waiting_s, strict=True):
            if wait_s > 0.0:
                self.kerb_s[person] = self.kerb_s.get(person, 0.0) + step_s
                worst["pedestrian"] = max(worst["pedestrian"], wait_s)
        if now_s >= self._next_sample_s:
            self._next_sample_s += QUEUE_SAMPLE_S
            self._queue.append((now_s, insertion_queue_veh()))

    def insertion_queue_veh(self) -> tuple[float, float]:
        """Mean queue around 30 minutes before the end (half time of shorter runs), and at the end."""
        split_s = max(self._end_s - QUEUE_LAST_S, (self._begin_s + self._end_s) / 2)
        near = [n for t, n in self._queue if abs(t - split_s) <= 150] or [0]
        last = [n for t, n in self._queue if t >= self._end_s - 300] or [0]
        return float(np.mean(near)), float(np.mean(last))


def read_trips(
    path: Path, bus_types: frozenset[str], pending_s: Mapping[str, float], kerb_s: Mapping[str, float]
) -> Trips:
    """Trips of a tripinfo file; `pending_s` tells how long vehicles that never departed had been due.

    A record that never departed and is not pending was not due before the end: no trip. Raises
    ValueError naming the file when it cannot be read.
    """
    trips = Trips()
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag == "tripinfo":
                _add_vehicle(trips, element, bus_types, pending_s)
                element.clear()
            elif element.tag == "personinfo":
                _add_person(trips, element, kerb_s)
                element.clear()
    except (OSError, ElementTree.ParseError, KeyError) as error:
        raise ValueError(f"{path}: no complete tripinfo file of SUMO ({why_not(error)})") from None
    return trips


def _add_vehicle(
    trips: Trips, record: ElementTree.Element, bus_types: frozenset[str], pending_s: Mapping[str, float]
) -> None:
    a = record.attrib
    delay_s = float(a["timeLoss"]) + float(a["departDelay"])
    if float(a["depart"]) < 0:
        due_s = pending_s.get(a["id"])
        if due_s is None:
            return
        trips.never_departed_veh += 1
        delay_s = max(delay_s, due_s)
    elif float(a["arrival"]) < 0:
        trips.unfinished_veh += 1
    trips.stops += int(a["waitingCount"])
    # A type made for one vehicle is called type@vehicle.
    (trips.bus_s if a["vType"].partition("@")[0] in bus_types else trips.car_s).append(delay_s)


def _add_person(trips: Trips, record: ElementTree.Element, kerb_s: Mapping[str, float]) -> None:
    walks = record.findall("walk")
    if float(record.attrib["depart"]) < 0 or not walks:
        return
    lost_s = sum(max(0.0, float(walk.attrib["timeLoss"])) for walk in walks)
    if any(float(walk.attrib["arrival"]) < 0 for walk in walks):
        trips.unfinished_walks += 1
        lost_s = max(lost_s, kerb_s.get(record.attrib["id"], 0.0))
    trips.pedestrian_s.append(lost_s)


def summarize(
    trips: Trips,
    watch: Watch,
    policy: Policy,
    simulated_s: int,
    wall_s: float,
    promises_broken: int | None,
    violations: int | None,
) -> RunResult:
    """All measures of a run."""
    of_mode = {"car": trips.car_s, "bus": trips.bus_s, "pedestrian": trips.pedestrian_s}
    persons = {
        "car": policy.persons_per_car,
        "bus": policy.persons_per_bus,
        "pedestrian": policy.persons_per_walker,
    }
    vehicle_s = trips.car_s + trips.bus_s
    half_veh, end_veh = watch.insertion_queue_veh()
    return RunResult(
        modes={name: _mode(of_mode[name], watch.worst_wait_s[name]) for name in MODES},
        delay_mean_s=_mean(vehicle_s),
        person_seconds=math.fsum(persons[name] * math.fsum(of_mode[name]) for name in MODES),
        worst_wait_s=max(watch.worst_wait_s.values()),
        stops_per_veh=trips.stops / len(vehicle_s) if vehicle_s else 0.0,
        unfinished_veh=trips.unfinished_veh,
        never_departed_veh=trips.never_departed_veh,
        unfinished_walks=trips.unfinished_walks,
        gridlock=watch.gridlock,
        insertion_queue_half_veh=half_veh,
        insertion_queue_end_veh=end_veh,
        insertion_queue_grows=end_veh - half_veh > QUEUE_GROWS_VEH,
        promises_broken=promises_broken,
        violations=violations,
        simulated_s=simulated_s,
        wall_s=wall_s,
    )


def _mode(delays_s: list[float], worst_wait_s: float) -> ModeDelay:
    if not delays_s:
        return ModeDelay(0, 0.0, 0.0, 0.0, worst_wait_s)
    return ModeDelay(
        trips=len(delays_s),
        mean_s=_mean(delays_s),
        p95_s=float(np.percentile(delays_s, 95)),
        worst_s=max(delays_s),
        worst_wait_s=worst_wait_s,
    )


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
