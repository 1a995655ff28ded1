"""The city's sensors read what the detectors in SUMO read on the same trajectories."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from controller.frame import Frame, empty_frame
from controller.network import Network, build_network
from controller.vocabulary import DetectorKind, Lamp, Sensors
from sim.city.movement.status import Status
from sim.city.movement.traffic import Traffic, new_traffic
from sim.city.net_roads import roads_of_net
from sim.city.people.walkers_model import empty_walkers
from sim.city.roads import Roads
from sim.city.sensing.sensors import CitySensors, Fitting
from sim.city.trips import Mode
from sim.importers.sumo import import_sumo
from sim.importers.sumo_net_xml import SumoNet, read_net
from sim.sumo_sensors import SumoSensors
from sim.sumo_traffic import Lanes, Vehicles, Walkers
from tests.small_nets import cross


def drives_of(lengths_m: list[float], buses: set[int]) -> SimpleNamespace:
    n = len(lengths_m)
    return SimpleNamespace(
        n=n,
        length_m=np.array(lengths_m, np.float64),
        mode=np.array([Mode.BUS if v in buses else Mode.CAR for v in range(n)], np.int8),
        route=np.zeros(n, np.int64),
        route_start=np.zeros(2, np.int64),
        halt_start=np.zeros(n + 1, np.int64),
        persons=np.ones(n),
    )


class Places:
    """Where SUMO's lanes, inner ones too, are in the city's arrays."""

    def __init__(self, net: SumoNet, roads: Roads) -> None:
        self.of = {name: (k, -1, 0.0) for k, name in enumerate(roads.lanes)}
        length_m = {lane.id: lane.length_m for lane in net.lanes.values()}
        for c, via in enumerate(roads.connection_via):
            at_m = 0.0
            for name in via:
                self.of[name] = (-1, c, at_m)
                at_m += length_m[name]

    def put(self, traffic: Traffic, rows: dict[int, tuple[str, float, float]]) -> None:
        """Let exactly these vehicles drive: vehicle -> lane, position in m, speed in m/s."""
        traffic.status[traffic.driving[: traffic.n_driving[0]]] = Status.ARRIVED
        traffic.n_driving[0] = len(rows)
        traffic.driving[: len(rows)] = list(rows)
        for v, (name, at_m, speed_m_per_s) in rows.items():
            lane, connection, before_m = self.of[name]
            traffic.status[v], traffic.lane[v], traffic.connection[v] = Status.DRIVING, lane, connection
            traffic.position_m[v], traffic.speed_m_per_s[v] = before_m + at_m, speed_m_per_s


def compare(ours: Frame, sumos: Frame, at: object) -> None:
    assert ours.detector_count.tolist() == sumos.detector_count.tolist(), at
    assert ours.detector_on.tolist() == sumos.detector_on.tolist(), at
    assert ours.detector_occupancy == pytest.approx(sumos.detector_occupancy, abs=1e-9), at
    assert tracks(ours) == tracks(sumos), at


def tracks(frame: Frame) -> list[tuple[int, float, float, int]]:
    n = frame.n_tracks
    rows = zip(
        frame.track_segment[:n].tolist(),
        frame.track_distance_m[:n].round(6).tolist(),
        frame.track_speed_m_per_s[:n].tolist(),
        frame.track_kind[:n].tolist(),
        strict=True,
    )
    return sorted(rows)


def sumo_lanes(net: SumoNet) -> Lanes:
    ids = ("", *net.lanes)
    index = {name: k for k, name in enumerate(ids)}
    edges: dict[str, int] = {"": 0}
    edge = [0] + [edges.setdefault(name.rpartition("_")[0], len(edges)) for name in ids[1:]]
    after: dict[int, list[int]] = {}
    for c in net.connections:
        after.setdefault(index[c.from_lane], []).append(index[c.via or c.to_lane])
    length_m = np.array([0.0] + [lane.length_m for lane in net.lanes.values()])
    return Lanes(ids, index, length_m, np.array(edge), lambda lane: tuple(after.get(lane, ())))


@pytest.fixture
def crossing(tmp_path: Path) -> tuple[SumoNet, Network, Roads]:
    """Two one-way streets; from the west the last lane is a metre long, after an inner lane."""
    ends = "".join(
        f'    <junction id="{n}" type="dead_end" x="{x}" y="{y}" incLanes="" intLanes=""/>\n'
        for n, x, y in (("W", -315, 0), ("E", 310, 0), ("S", 0, -100), ("N", 0, 310))
    )
    path = cross(tmp_path, ('    <connection from="west" ', ends + '    <connection from="west" '))
    network = build_network(import_sumo(path), 1000)
    net = read_net(path)
    return net, network, roads_of_net(net, network)


ROUTES = (("west_0", ":M_0_0", "last_0", ":C_0_0", "east_0"), ("south_0", ":C_1_0", "north_0"))


@pytest.mark.parametrize("sensors", [Sensors.LOOPS, Sensors.FULL])
@pytest.mark.parametrize("seed", range(3))
def test_the_same_trajectories_give_the_same_readings(
    crossing: tuple[SumoNet, Network, Roads], sensors: Sensors, seed: int
) -> None:
    """Cars that creep, stand and leap over the one-metre lane within a second; some begin on a loop."""
    net, network, roads = crossing
    rng = random.Random(seed)
    lanes, places = sumo_lanes(net), Places(net, roads)
    n = 12
    lengths_m = [rng.uniform(3.0, 14.0) for _ in range(n)]
    buses = {v for v in range(n) if rng.random() < 0.3}
    drives = drives_of(lengths_m, buses)
    traffic, vehicles = new_traffic(roads, drives, 0), Vehicles()
    ours = CitySensors(network, roads, drives, Fitting(sensors))
    theirs = SumoSensors(network, lanes, sensors, {})
    frame, sumos = empty_frame(network, sensors), empty_frame(network, sensors)
    route = [ROUTES[rng.random() < 0.4] for _ in range(n)]
    front_m = [rng.uniform(0.0, 280.0) for _ in range(n)]
    born = [rng.randrange(20) for _ in range(n)]
    counted = 0
    for second in range(70):
        rows = {}
        for v in range(n):
            if second < born[v]:
                continue
            front_m[v] += rng.choice([0.0, 0.2, 3.0, 9.0, 14.0, 25.0]) * rng.random() * (second > born[v])
            at_m = front_m[v]
            for name in route[v]:
                if at_m <= net.lanes[name].length_m:
                    rows[v] = (name, at_m, float(second))
                    break
                at_m -= net.lanes[name].length_m
        names = tuple(f"{v}" for v in rows)
        vehicles.refill(
            names, [lanes.index[r[0]] for r in rows.values()], [r[1] for r in rows.values()],
            [r[2] for r in rows.values()], lambda name: (lengths_m[int(name)], int(name) in buses),
        )  # fmt: skip
        theirs.sense(vehicles, Walkers(), np.zeros(network.n_groups, np.int8), sumos)
        places.put(traffic, rows)
        ours.sense(traffic, None, frame)
        compare(frame, sumos, second)
        counted += int(frame.detector_count.sum())
    assert counted >= (10 if sensors is Sensors.LOOPS else 2)


@pytest.mark.sumo
@pytest.mark.parametrize("sensors", [Sensors.LOOPS, Sensors.FULL])
def test_what_sumo_drives_is_read_alike_lane_changes_and_all(tmp_path: Path, sensors: Sensors) -> None:
    from sim.demo import build_demo_street
    from sim.sumo_street import SumoStreet

    path, routes = build_demo_street(tmp_path, seed=3, duration_s=400)
    net, street = read_net(path), import_sumo(path)
    counted = 0
    with SumoStreet(street, path, routes, 0, 300, 1, sensors) as city:
        roads = roads_of_net(net, city.network)
        places, row_of = Places(net, roads), {}
        drives = drives_of([0.0] * 2000, set())
        traffic = new_traffic(roads, drives, 0)
        ours = CitySensors(city.network, roads, drives, Fitting(sensors))
        frame, apart = empty_frame(city.network, sensors), 0
        buttons = city.network.detector_kind == DetectorKind.BUTTON
        while not city.finished:
            city.step()
            vehicles = city.vehicles
            rows = {}
            for k, name in enumerate(vehicles.ids):
                v = row_of.setdefault(name, len(row_of))
                ours._length_m[v] = vehicles.length_m[vehicles.slot[k]]
                ours._is_bus[v] = vehicles.is_bus[vehicles.slot[k]]
                at = (float(vehicles.position_m[k]), float(vehicles.speed_m_per_s[k]))
                rows[v] = (city.lanes.ids[vehicles.lane[k]], *at)
            places.put(traffic, rows)
            ours.sense(traffic, None, frame)
            counted += int(frame.detector_count.sum())
            read = city.read()
            assert tracks(frame) == tracks(read), city.time_ms
            differs = (frame.detector_count != read.detector_count) & ~buttons
            differs |= (frame.detector_on != read.detector_on) & ~buttons
            differs |= ~np.isclose(frame.detector_occupancy, read.detector_occupancy, atol=1e-6) & ~buttons
            apart += int(differs.sum())
    assert counted > 500
    # Who moves over just before leaving a lane is followed here and lost there, for a second or two.
    assert apart <= 10


def test_a_share_of_vehicles_tells_where_it_is(crossing: tuple[SumoNet, Network, Roads]) -> None:
    net, network, roads = crossing
    drives = drives_of([4.0] * 400, set())
    traffic, places = new_traffic(roads, drives, 0), Places(net, roads)
    places.put(traffic, {v: ("west_0", 299.0 - v % 150, 5.0) for v in range(400)})
    seen = {}
    for share in (None, 0.0, 0.25, 1.0):
        frame = empty_frame(network, Sensors.LOOPS)
        CitySensors(network, roads, drives, Fitting(connected_share=share, seed=4)).sense(
            traffic, None, frame
        )
        seen[share] = frame.n_tracks
    assert seen[None] == seen[0.0] == 0
    assert 60 <= seen[0.25] <= 140
    assert seen[1.0] == 400
    with pytest.raises(ValueError, match=r"connected_share is 1\.5; allowed is 0 to 1"):
        Fitting(connected_share=1.5)


def test_where_no_detector_was_ever_installed_nobody_is_seen(
    crossing: tuple[SumoNet, Network, Roads],
) -> None:
    net, network, roads = crossing
    drives = drives_of([4.0] * 3, set())
    traffic, places = new_traffic(roads, drives, 0), Places(net, roads)
    fitted = np.array([d.lane != "last_0" for d in network.detectors])
    assert 0 < fitted.sum() < len(fitted)
    west = {0: ("west_0", 290.0, 5.0), 1: ("last_0", 0.5, 5.0)}
    south = {2: ("south_0", 89.0, 5.0)}
    for sensors in (Sensors.LOOPS, Sensors.FULL):
        ours = CitySensors(network, roads, drives, Fitting(sensors), fitted)
        frame = empty_frame(network, sensors)
        places.put(traffic, {v: (lane, 0.0, 0.0) for v, (lane, _, _) in {**west, **south}.items()})
        ours.sense(traffic, None, frame)
        places.put(traffic, {**west, **south})
        ours.sense(traffic, None, frame)
        lit = {network.detectors[d].lane for d in np.flatnonzero(frame.detector_on)}
        lit |= {network.segments[k] for k in frame.track_segment[: frame.n_tracks]}
        assert lit == {"south_0"}


def test_a_crossing_that_sees_people_calls_for_those_who_do_not_press() -> None:
    network = SimpleNamespace(
        detectors=(SimpleNamespace(kind=DetectorKind.BUTTON, name="b"),),
        detector_group=np.array([0]), detector_kind=np.array([DetectorKind.BUTTON]),
        detector_lane=np.array([-1]), segments=(), segment_length_m=np.zeros(0), segment_gap_m=np.zeros(0),
        segment_start=np.zeros(1, np.int64), segment_lane=np.zeros(0, np.int64),
    )  # fmt: skip
    nothing = np.zeros(0, np.int64)
    roads = SimpleNamespace(
        lanes=(), n_lanes=0, n_edges=0, n_connections=0, connection_start=np.zeros(1, np.int64),
        connection_from=nothing, connection_to=nothing, connection_via=(), lane_length_m=np.zeros(0),
        connection_length_m=np.zeros(0), lane_edge=nothing, crossings=("c",), crossing_group=np.array([0]),
    )  # fmt: skip
    drives = drives_of([], set())
    traffic = SimpleNamespace(
        n_driving=np.zeros(1, np.int64), driving=nothing, status=np.zeros(0, np.int8), lane=nothing,
        connection=nothing, position_m=np.zeros(0), speed_m_per_s=np.zeros(0),
    )  # fmt: skip
    frame = Frame(Sensors.LOOPS, 0, 0, np.zeros(1, np.bool_), np.zeros(1, np.int32), np.zeros(1))
    for passive_share, expected in ((0.0, (0, False)), (1.0, (1, True))):
        walkers = empty_walkers(2, 1, 0)
        walkers.crossing_lamp[0] = Lamp.RED
        sensors = CitySensors(network, roads, drives, Fitting(passive_share=passive_share))
        walkers.crossing_came[0] = walkers.crossing_waiting[0] = 1
        sensors.sense(traffic, walkers, frame)
        assert (frame.detector_count[0], frame.detector_on[0]) == expected
        walkers.crossing_presses[0] = walkers.crossing_came[0] = 2
        sensors.sense(traffic, walkers, frame)
        assert frame.detector_on[0]
        assert frame.detector_count[0] == 2
