"""What the controller hears of buses: late, with gaps, and never more than can be true."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("google.transit", reason="needs pip install 'belisha[transit]'")

from google.transit import gtfs_realtime_pb2 as pb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.frame import Frame
from controller.network import Network
from controller.vocabulary import Sensors
from sim.city.movement.status import Status
from sim.city.movement.traffic import Traffic, new_traffic
from sim.city.people.bus_feed import BusFeed, FeedPlan
from sim.city.people.gtfs_realtime import BusReport, Expected, FeedError, Origin, decode, encode
from sim.city.people.route_map import map_route
from sim.city.people.transit import Line, Passengers, Stop, drives_of_lines, find_service, new_transit, step
from sim.city.roads import Roads
from tests import toy_street
from tests.walk_street import Way, put, street

ORIGIN = Origin()
NOON_MS = 12 * 3_600_000
EXPECTED = Expected({"7-a": "7", "7-b": "7"}, {"7": 4}, (-500.0, 1500.0), (-500.0, 500.0))
BUS = BusReport("7", "7-a", 95.0, 0.5, 640.0, -20.0, 2, False, NOON_MS - 2000)
SURE = FeedPlan(lost_share=0.0, missing_share=0.0)


def test_what_is_written_is_read_again() -> None:
    data = encode([BUS], NOON_MS, ORIGIN)
    reading = decode(data, NOON_MS + 30_000, EXPECTED)
    bus = reading.buses[0]
    assert reading.sent_ms == NOON_MS
    assert (bus.x_m, bus.y_m) == pytest.approx((640.0, -20.0), abs=1.0), "a float's worth of degrees"
    assert dataclasses.replace(bus, x_m=640.0, y_m=-20.0) == BUS
    assert not reading.rejected
    assert data == encode([BUS], NOON_MS, ORIGIN)


def test_the_message_is_what_any_reader_of_the_standard_expects() -> None:
    message = pb.FeedMessage.FromString(encode([BUS], NOON_MS, ORIGIN))
    assert message.header.gtfs_realtime_version == "2.0"
    assert message.header.timestamp == ORIGIN.midnight_s + 12 * 3600
    vehicle, update = message.entity[0].vehicle, message.entity[1].trip_update
    assert (vehicle.trip.trip_id, vehicle.trip.route_id) == ("7-a", "7")
    assert (vehicle.current_stop_sequence, vehicle.occupancy_percentage) == (3, 50)
    assert update.stop_time_update[0].departure.delay == update.delay == 95
    assert message.IsInitialized()


def changed(change: str) -> bytes:
    """The message of one bus with one thing wrong."""
    message = pb.FeedMessage.FromString(encode([BUS], NOON_MS, ORIGIN))
    vehicle = message.entity[0].vehicle
    update = message.entity[1].trip_update
    for statement in change.split("; "):
        target, _, value = statement.partition(" = ")
        owner, _, name = target.rpartition(".")
        at = {"vehicle": vehicle, "update": update, "header": message.header}[owner.split(".")[0]]
        for part in owner.split(".")[1:]:
            at = getattr(at, part)
        setattr(at, name, eval(value, {"nan": float("nan"), "inf": float("inf")}))
    return message.SerializeToString()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("vehicle.trip.trip_id = 'x' * 1000", "trip not in the timetable"),
        ("vehicle.trip.route_id = '8'", "trip of another line"),
        ("vehicle.position.latitude = nan", "place off the map"),
        ("vehicle.position.longitude = inf", "place off the map"),
        ("vehicle.position.latitude = 52.5", "place off the map"),
        ("vehicle.timestamp = 0", "time stale or still to come"),
        ("vehicle.timestamp = 2 ** 63", "time stale or still to come"),
        ("vehicle.current_stop_sequence = 5", "stop the line does not have"),
        ("vehicle.occupancy_percentage = 4000000000", "more people than a bus holds"),
        ("update.delay = 2 ** 31 - 1", "later than can be believed"),
        ("update.delay = -90000", "later than can be believed"),
    ],
)
def test_what_cannot_be_true_is_left_out_and_counted(change: str, why: str) -> None:
    reading = decode(changed(change), NOON_MS + 30_000, EXPECTED)
    assert reading.rejected == {why: 1}
    if change.startswith("update"):
        assert reading.buses[0].lateness_s is None
    else:
        assert not reading.buses


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff" * 40, "no FeedMessage"),
        (b"<html>busy</html>", "no FeedMessage"),
        (b"", "no FeedMessage|version"),
        (b"\0" * 1_000_001, "1000001 bytes; allowed are 1000000"),
        (changed("header.gtfs_realtime_version = '9.0'"), "version '9.0'"),
        (changed("header.incrementality = 1"), "differential"),
        (changed("header.timestamp = 0"), "sent .* s ago; allowed are -60 to 300 s"),
        (changed("header.timestamp = 2 ** 64 - 1"), "sent .* s ago"),
        (b"".join([b"\x12\x03\x0a\x01x"] * 10_001) + encode([], NOON_MS, ORIGIN), "10001 entities"),
    ],
)
def test_a_message_of_no_use_is_refused_in_one_line(data: bytes, words: str) -> None:
    with pytest.raises(FeedError, match=words) as refusal:
        decode(data, NOON_MS + 30_000, EXPECTED)
    assert "\n" not in str(refusal.value)


def test_the_first_of_two_reports_of_one_trip_is_taken() -> None:
    twice = encode([BUS, dataclasses.replace(BUS, lateness_s=-5.0, x_m=0.0)], NOON_MS, ORIGIN)
    reading = decode(twice, NOON_MS, EXPECTED)
    assert [bus.lateness_s for bus in reading.buses] == [95.0]
    assert reading.rejected == {"second report of a trip": 2}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_damage_on_the_way_does_harm(data: st.DataObject) -> None:
    """Bytes changed, dropped or added anywhere: a FeedError, or buses within all bounds."""
    message = bytearray(encode([BUS, dataclasses.replace(BUS, trip="7-b")], NOON_MS, ORIGIN))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        reading = decode(bytes(message), NOON_MS, EXPECTED)
    except FeedError:
        return
    assert len(reading.buses) <= 2
    for bus in reading.buses:
        assert bus.line == "7"
        assert -500.0 <= bus.x_m <= 1500.0
        assert -500.0 <= bus.y_m <= 500.0
        assert bus.lateness_s is None or abs(bus.lateness_s) <= 7200
        assert -1 <= bus.next_stop < 4
        assert bus.occupancy is None or 0.0 <= bus.occupancy <= 2.0
        assert NOON_MS - 300_000 <= bus.measured_ms <= NOON_MS + 60_000


NETWORK: Network = toy_street.network()
LANE = NETWORK.street.junctions[0].lanes[2].name


class Operator:
    """One bus on a bent route of 400 m + 10 m + 300 m; the signal is at the end of the first street."""

    def __init__(self, plan: FeedPlan = SURE) -> None:
        plain = street((400.0, 300.0), (Way(0, 1, 10.0, group=0),), (), ())
        self.roads: Roads = dataclasses.replace(
            plain,
            lanes=(LANE, "beyond"),
            edge_shape=(((0.0, 0.0), (200.0, 0.0), (200.0, 196.0)), ((200.0, 206.0), (500.0, 206.0))),
        )
        stops = (Stop("a", 0, 50.0, 0), Stop("b", 0, 300.0, 10_000), Stop("c", 1, 250.0, 90_000))
        self.line = Line("12", (0, 1), stops, (NOON_MS,), capacity=80)
        self.drives = drives_of_lines(self.roads, [self.line])
        nobody = Passengers(*(np.zeros(0, np.int64) for _ in range(5)))
        self.service = find_service(self.drives, [self.line], nobody)
        self.transit = new_transit(self.service, NOON_MS)
        self.traffic: Traffic = new_traffic(self.roads, self.drives, NOON_MS)
        self.feed = BusFeed(self.roads, NETWORK, self.drives, [self.line], self.service, 3, plan)
        self.frame = Frame(Sensors.LOOPS)
        self.now_ms = NOON_MS

    def drive(self, seconds: int, position_m: float, at: int = 0, speed_m_per_s: float = 0.0) -> Operator:
        """Let time pass with the bus at a place, or on its way from there."""
        self.traffic.route_at[0] = at
        self.traffic.halt_at[0] = 2 if at else int(position_m > 50.0) + int(position_m > 300.0)
        for _ in range(seconds):
            put(self.traffic, 0, position_m, speed_m_per_s, lane=at)
            step(self.transit, self.service, self.traffic, self.now_ms)
            self.now_ms += 1000
            self.feed.publish(self.transit, self.traffic, self.now_ms)
            self.feed.tell(self.frame, self.now_ms)
            position_m += speed_m_per_s
        return self


def test_the_controller_hears_of_a_bus_half_a_minute_late() -> None:
    town = Operator()
    town.transit.bus_load[0] = 20
    town.drive(49, 100.0)
    assert town.frame.n_buses == 0, "sent after 20 s, on its way for 30 s"
    town.drive(1, 350.0)
    assert town.frame.n_buses == 1
    assert town.frame.bus_age_s[0] == 30.0
    assert town.frame.bus_lane[0] == 2
    assert town.frame.bus_distance_m[0] == pytest.approx(300.0, abs=1.5)
    assert town.frame.bus_persons[0] == pytest.approx(20, abs=0.5)
    assert town.frame.bus_late_s[0] == 10.0
    town.drive(19, 350.0)
    assert town.frame.bus_age_s[0] == 49.0, "until the next one comes"
    town.drive(1, 350.0)
    assert (town.frame.bus_age_s[0], town.frame.bus_late_s[0]) == (30.0, 30.0)
    town.drive(20, 350.0)
    assert town.frame.n_buses == 1
    assert town.frame.bus_distance_m[0] == pytest.approx(50.0, abs=1.5)


def test_a_bus_beyond_its_last_signal_is_no_news() -> None:
    assert Operator().drive(60, 100.0, at=1).frame.n_buses == 0


def test_messages_are_lost_and_buses_left_out_as_often_as_planned_and_the_same_for_the_same_seed() -> None:
    town = Operator(FeedPlan(lost_share=0.25, missing_share=0.2, delay_s=0, period_s=5))
    heard = []
    for _ in range(400):
        town.drive(5, 100.0)
        heard.append(town.frame.n_buses == 1 and town.frame.bus_age_s[0] < 5)
    assert town.feed.on_the_way.lost[0] == pytest.approx(100, abs=35)
    assert np.mean(heard) == pytest.approx(0.75 * 0.8, abs=0.08)
    again = Operator(FeedPlan(lost_share=0.25, missing_share=0.2, delay_s=0, period_s=5))
    again.drive(2000, 100.0)
    assert again.feed.on_the_way.messages == town.feed.on_the_way.messages
    assert again.feed.on_the_way.lost == town.feed.on_the_way.lost


def test_news_that_stops_coming_grows_old_and_does_not_last() -> None:
    town = Operator().drive(60, 100.0)
    assert town.frame.n_buses == 1
    town.traffic.status[0] = Status.ARRIVED
    town.feed.plan = dataclasses.replace(SURE, lost_share=1.0)
    for _ in range(100):
        town.now_ms += 1000
        town.feed.publish(town.transit, town.traffic, town.now_ms)
        town.feed.tell(town.frame, town.now_ms)
    assert town.frame.n_buses == 1
    assert town.frame.bus_age_s[0] >= 100
    for _ in range(260):
        town.now_ms += 1000
        town.feed.tell(town.frame, town.now_ms)
    assert town.frame.n_buses == 0


def test_a_place_is_found_again_on_a_route_that_bends_and_returns() -> None:
    town = Operator()
    line = map_route(town.roads, town.line, {})
    for along_m in (0.0, 37.0, 199.0, 320.5, 399.0, 450.0, 705.0):
        x_m, y_m = line.place(along_m)
        assert line.find(x_m + 3.0, y_m - 3.0, -1) == pytest.approx(along_m, abs=5.0)
    assert line.find(-200.0, -200.0, -1) is None
    there_and_back = dataclasses.replace(
        line,
        along_m=np.array([0.0, 300.0, 600.0]),
        x_m=np.array([0.0, 300.0, 0.0]),
        y_m=np.zeros(3),
        stop_m=np.array([100.0, 290.0, 500.0]),
    )
    assert there_and_back.find(150.0, 0.0, 1) == pytest.approx(150.0)
    assert there_and_back.find(150.0, 0.0, 2) == pytest.approx(450.0)


@pytest.mark.parametrize("change", [{"period_s": 0}, {"delay_s": 500}, {"lost_share": 1.5}])
def test_a_feed_that_cannot_be_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"bus feed: {next(iter(change))} is"):
        dataclasses.replace(SURE, **change)
