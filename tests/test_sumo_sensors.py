"""Our detectors against a slow obvious twin, and against SUMO's own induction loops."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from controller.frame import Frame
from controller.junction import Detector
from controller.vocabulary import DetectorKind, Lamp, Sensors
from sim.demo import build_demo_street
from sim.importers.sumo import import_sumo
from sim.sumo_sensors import LOOP_LENGTH_M, Buttons, Loops
from sim.sumo_traffic import Lanes, Vehicles, Walkers

# One street of three lanes in a row; the middle one is a metre long, as in real networks.
LENGTHS_M = (0.0, 90.0, 1.0, 60.0)
STARTS_M = (0.0, 0.0, 90.0, 91.0)


def a_street() -> Lanes:
    index = {"": 0, "up": 1, "short": 2, "down": 3}
    following = {1: (2,), 2: (3,), 3: ()}
    return Lanes(tuple(index), index, np.array(LENGTHS_M), np.arange(4), following.__getitem__)


def laid(*places: tuple[str, float], kind: DetectorKind = DetectorKind.STOPLINE) -> SimpleNamespace:
    """A network of nothing but loops at (lane, distance to its end in m)."""
    loops = tuple(
        Detector(f"d{k}", kind, lane=lane, street_lane=lane, distance_to_end_m=to_end_m)
        for k, (lane, to_end_m) in enumerate(places)
    )
    return SimpleNamespace(detectors=loops)


def frame_of(n: int) -> Frame:
    return Frame(Sensors.LOOPS, 0, 0, np.zeros(n, np.bool_), np.zeros(n, np.int32), np.zeros(n))


@dataclass
class Car:
    name: str
    length_m: float
    fronts_m: list[float]
    """Position of the front on the whole street at every reading."""


def drive(rng: random.Random, name: str, ahead: Car | None, readings: int) -> Car:
    """A car that never overtakes the one ahead, stops now and then, and leaves at the end."""
    length_m = rng.uniform(3.0, 14.0)
    at_m = rng.uniform(0.0, 20.0)
    fronts = [at_m]
    for t in range(1, readings):
        wish_m = at_m + rng.choice([0.0, 0.0, 1.0, 5.0, 13.9, 20.0]) * rng.random()
        limit_m = ahead.fronts_m[t] - ahead.length_m - 2.5 if ahead else 1e9
        at_m = max(at_m, min(wish_m, limit_m))
        fronts.append(at_m)
    return Car(name, length_m, fronts)


def on_lane(front_m: float) -> tuple[int, float]:
    lane = max(k for k in (1, 2, 3) if front_m >= STARTS_M[k])
    return lane, front_m - STARTS_M[lane]


def slow_twin(cars: list[Car], at_m: float, t: int) -> tuple[int, bool, float]:
    """Count, on and occupancy of the loop at `at_m` between readings t-1 and t, by looking closely."""
    count, parts = 0, 2000
    occupied = np.zeros(parts, np.bool_)
    on = False
    for car in cars:
        before, now = car.fronts_m[t - 1], car.fronts_m[t]
        count += before < at_m <= now
        fronts = before + (now - before) * (np.arange(parts) + 0.5) / parts
        occupied |= (fronts >= at_m) & (fronts - car.length_m < at_m + LOOP_LENGTH_M)
        on |= now >= at_m and now - car.length_m < at_m + LOOP_LENGTH_M
    return count, on, float(occupied.mean())


@pytest.mark.parametrize("seed", range(12))
def test_loops_report_what_a_close_look_sees(seed: int) -> None:
    rng = random.Random(seed)
    places = [("up", 40.0), ("up", 2.0), ("short", 0.5), ("down", 55.0), ("down", 20.0)]
    at_m = [STARTS_M[a_street().index[lane]] + LENGTHS_M[a_street().index[lane]] - d for lane, d in places]
    cars: list[Car] = []
    for k in range(5):
        cars.append(drive(rng, f"car{k}", cars[-1] if cars else None, readings=60))
    # Everybody starts upstream of the first loop: the slow twin knows no insertion.
    assert all(car.fronts_m[0] < at_m[0] for car in cars)
    loops, vehicles, frame = Loops(laid(*places), a_street()), Vehicles(), frame_of(len(places))
    for t in range(60):
        rows = [(car, *on_lane(car.fronts_m[t])) for car in cars if car.fronts_m[t] < 151.0]
        lengths = {car.name: (car.length_m, False) for car in cars}
        names = tuple(car.name for car, _, _ in rows)
        vehicles.refill(
            names, [r[1] for r in rows], [r[2] for r in rows], [0.0] * len(rows), lengths.__getitem__
        )
        frame.detector_on[:], frame.detector_count[:], frame.detector_occupancy[:] = False, 0, 0.0
        loops.sense(vehicles, frame)
        here = [car for car, _, _ in rows]
        for d, place_m in enumerate(at_m if t else ()):
            count, on, occupancy = slow_twin(here, place_m, t)
            assert frame.detector_count[d] == count, (t, d)
            assert frame.detector_on[d] == on, (t, d)
            assert frame.detector_occupancy[d] == pytest.approx(occupancy, abs=0.01), (t, d)


def one_step(
    loops: Loops, vehicles: Vehicles, frame: Frame, lane: int, at_m: float, is_bus: bool = False
) -> None:
    frame.detector_on[:], frame.detector_count[:], frame.detector_occupancy[:] = False, 0, 0.0
    vehicles.refill(("x",), [lane], [at_m], [10.0], lambda _: (5.0, is_bus))
    loops.sense(vehicles, frame)


def two_lanes() -> Lanes:
    index = {"": 0, "right": 1, "left": 2}
    return Lanes(tuple(index), index, np.array([0.0, 100.0, 100.0]), np.array([0, 1, 1]), lambda _: ())


def test_who_enters_the_map_on_a_loop_is_counted_once_and_who_enters_past_it_never() -> None:
    loops, vehicles, frame = Loops(laid(("right", 99.0)), two_lanes()), Vehicles(), frame_of(1)
    one_step(loops, vehicles, frame, 1, 5.1)
    assert (frame.detector_count[0], frame.detector_on[0]) == (1, True), (
        "front at 5.1 m, rear on the loop at 1 m"
    )
    one_step(loops, vehicles, frame, 1, 5.5)
    assert (frame.detector_count[0], frame.detector_on[0]) == (0, True)
    one_step(loops, vehicles, frame, 1, 20.0)
    assert (frame.detector_count[0], frame.detector_on[0]) == (0, False)
    loops, vehicles = Loops(laid(("right", 99.0)), two_lanes()), Vehicles()
    one_step(loops, vehicles, frame, 1, 30.0)
    assert (frame.detector_count[0], frame.detector_on[0]) == (0, False)


def test_a_lane_change_on_the_loop_is_counted_once_and_moves_the_presence_over() -> None:
    loops, vehicles, frame = (
        Loops(laid(("right", 50.0), ("left", 50.0)), two_lanes()),
        Vehicles(),
        frame_of(2),
    )
    one_step(loops, vehicles, frame, 1, 45.0)
    one_step(loops, vehicles, frame, 2, 52.0)
    assert frame.detector_count.tolist() == [1, 0]
    assert frame.detector_on.tolist()[1]
    one_step(loops, vehicles, frame, 2, 53.0)
    assert frame.detector_count.tolist() == [0, 0]
    assert frame.detector_on.tolist() == [False, True]
    one_step(loops, vehicles, frame, 2, 70.0)
    assert frame.detector_on.tolist() == [False, False]


def test_only_buses_check_in() -> None:
    for is_bus in (True, False):
        network = laid(("right", 50.0), kind=DetectorKind.BUS)
        loops, vehicles, frame = Loops(network, two_lanes()), Vehicles(), frame_of(1)
        one_step(loops, vehicles, frame, 1, 45.0, is_bus)
        one_step(loops, vehicles, frame, 1, 55.0, is_bus)
        assert frame.detector_count.tolist() == [int(is_bus)]


def test_a_person_presses_once_on_arrival_and_not_while_walk_shows() -> None:
    network = SimpleNamespace(detector_group=np.array([0]), detector_kind=np.array([DetectorKind.BUTTON]))
    kerb = ("w0", "c0")
    buttons, frame = Buttons(network, {kerb: 0}), frame_of(1)
    red, walk = np.array([Lamp.RED], np.int8), np.array([Lamp.GREEN], np.int8)

    def presses(lamps: np.ndarray, *people: str) -> int:
        frame.detector_on[:], frame.detector_count[:] = False, 0
        walkers = Walkers(list(people), [kerb] * len(people), [0.0] * len(people))
        buttons.sense(walkers, lamps, frame)
        assert frame.detector_on[0] == (frame.detector_count[0] > 0)
        return int(frame.detector_count[0])

    assert presses(walk, "early") == 0
    assert presses(red, "early", "ann") == 2, "who finds WALK and loses it presses then"
    assert presses(red, "early", "ann", "bob") == 1
    assert presses(red, "early", "ann", "bob") == 0
    assert presses(walk, "bob") == 0
    assert presses(red, "bob") == 1, "who could not go on WALK presses again"
    assert presses(red, "bob") == 0
    assert presses(walk) == 0
    assert presses(red, "ann") == 1, "coming back is a new arrival"


@pytest.mark.sumo
def test_counts_agree_with_sumos_own_induction_loops(tmp_path: Path) -> None:
    from sim.sumo_street import SumoStreet

    net, routes = build_demo_street(tmp_path, seed=2, duration_s=400)
    street = import_sumo(net)
    length_m = {
        lane.attrib["id"]: float(lane.attrib["length"]) for lane in ElementTree.parse(net).iter("lane")
    }
    loops = [
        d
        for j in street.junctions
        for d in j.detectors
        if d.kind in (DetectorKind.STOPLINE, DetectorKind.ADVANCE)
    ]
    root = ElementTree.Element("additional")
    for loop in loops:
        at_m = length_m[loop.street_lane] - loop.distance_to_end_m
        attributes = {"id": loop.name, "lane": loop.street_lane, "pos": f"{at_m:.3f}", "freq": "10000"}
        ElementTree.SubElement(root, "inductionLoop", {**attributes, "file": str(tmp_path / "e1.xml")})
    ElementTree.ElementTree(root).write(tmp_path / "e1.add.xml")
    ours: Counter[str] = Counter()
    options = ("--additional-files", str(tmp_path / "e1.add.xml"))
    with SumoStreet(street, net, routes, 0, 400, 1, Sensors.LOOPS, options) as city:
        while not city.finished:
            city.step()
            frame = city.read()
            for d in np.flatnonzero(frame.detector_count):
                ours[city.network.detectors[d].name] += int(frame.detector_count[d])
    sumos = {
        e.attrib["id"]: int(e.attrib["nVehEntered"])
        for e in ElementTree.parse(tmp_path / "e1.xml").iter("interval")
    }
    assert sum(sumos.values()) > 500
    # SUMO counts a vehicle again on the loop it moves over to sideways; ours counts each front once.
    apart = {name: (ours[name], sumos[name]) for name in sumos if not -1 <= sumos[name] - ours[name] <= 4}
    assert apart == {}
    total = sum(ours[name] for name in sumos)
    assert 0.98 * sum(sumos.values()) <= total <= sum(sumos.values())
