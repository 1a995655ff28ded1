"""GTFS-Realtime, written and read: where buses are, how late, how full (extra `[transit]`).

One FeedMessage holds, for every bus, a VehiclePosition and a TripUpdate. Reading trusts
nothing: whatever does not fit the timetable, the map or the clock is left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.transit import gtfs_realtime_pb2

BYTES_MAX = 1_000_000
ENTITIES_MAX = 10_000
LATE_MAX_S = 7200
AGE_MAX_S = 300
"""A position older than this says nothing any more."""
AHEAD_MAX_S = 60
"""How far a sender's clock may run ahead."""
OCCUPANCY_MAX_PERCENT = 200
M_PER_DEGREE = 111_320.0


class FeedError(ValueError):
    """A message of which nothing can be used; one line that says what was found and what is allowed."""


class MissingBindings(RuntimeError):
    """The extra `[transit]` is not installed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where on earth the city's zero is, and when its midnight was. Good to 1 m within 20 km."""

    latitude: float = 51.5
    longitude: float = -0.1
    midnight_s: int = 1_748_908_800
    """POSIX time of street time 0: by default 2025-06-03, 00:00 UTC, a Tuesday."""

    def degrees(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Latitude and longitude of a place."""
        scale = M_PER_DEGREE * math.cos(math.radians(self.latitude))
        return self.latitude + y_m / M_PER_DEGREE, self.longitude + x_m / scale

    def metres(self, latitude: float, longitude: float) -> tuple[float, float]:
        """The inverse of `degrees`."""
        scale = M_PER_DEGREE * math.cos(math.radians(self.latitude))
        return (longitude - self.longitude) * scale, (latitude - self.latitude) * M_PER_DEGREE


@dataclass(frozen=True, slots=True)
class BusReport:
    """One bus as a feed tells of it."""

    line: str
    trip: str
    lateness_s: float | None
    """Negative = early; None = not told."""
    occupancy: float | None
    """Part of the bus that is full, 1 = nobody more fits; None = not told."""
    x_m: float
    y_m: float
    next_stop: int
    """Number of the stop it stands at or drives to, from 0; -1 = not told."""
    at_stop: bool
    measured_ms: int
    """Street time of the position."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What a reader knows beforehand: the timetable's trips, the map, the clock's zero."""

    line_of_trip: Mapping[str, str]
    stops_of_line: Mapping[str, int]
    x_m: tuple[float, float]
    """West and east end of the map, with a margin."""
    y_m: tuple[float, float]
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True)
class Reading:
    """One message, read."""

    sent_ms: int
    buses: tuple[BusReport, ...]
    rejected: Mapping[str, int]
    """Why entities were left out, and how many."""


def _bindings() -> Any:
    try:
        from google.transit import gtfs_realtime_pb2
    except ImportError as error:
        raise MissingBindings(
            "reading and writing GTFS-Realtime needs the extra: pip install 'belisha[transit]'"
        ) from error
    return gtfs_realtime_pb2


def encode(buses: Sequence[BusReport], now_ms: int, origin: Origin) -> bytes:
    """The feed as it is sent at `now_ms` of street time. Same buses, same bytes."""
    pb = _bindings()
    message = pb.FeedMessage()
    header = message.header
    header.gtfs_realtime_version = "2.0"
    header.incrementality = pb.FeedHeader.FULL_DATASET
    header.timestamp = origin.midnight_s + now_ms // 1000
    for bus in buses:
        entity = message.entity.add(id=f"v-{bus.trip}")
        vehicle = entity.vehicle
        _describe(vehicle.trip, bus)
        vehicle.vehicle.id = bus.trip
        vehicle.position.latitude, vehicle.position.longitude = origin.degrees(bus.x_m, bus.y_m)
        vehicle.timestamp = origin.midnight_s + bus.measured_ms // 1000
        if bus.next_stop >= 0:
            vehicle.current_stop_sequence = bus.next_stop + 1
            status = pb.VehiclePosition.STOPPED_AT if bus.at_stop else pb.VehiclePosition.IN_TRANSIT_TO
            vehicle.current_status = status
        if bus.occupancy is not None:
            vehicle.occupancy_percentage = round(100 * bus.occupancy)
        if bus.lateness_s is not None:
            update = message.entity.add(id=f"t-{bus.trip}").trip_update
            _describe(update.trip, bus)
            update.timestamp = vehicle.timestamp
            update.delay = round(bus.lateness_s)
            stop = update.stop_time_update.add(stop_sequence=max(0, bus.next_stop) + 1)
            stop.departure.delay = round(bus.lateness_s)
    data: bytes = message.SerializeToString(deterministic=True)
    return data


def _describe(trip: gtfs_realtime_pb2.TripDescriptor, bus: BusReport) -> None:
    trip.trip_id, trip.route_id = bus.trip, bus.line


def decode(data: bytes, received_ms: int, expected: Expected) -> Reading:
    """Read a message received at `received_ms`. Raises FeedError when nothing in it can be used.

    Left out and counted are trips the timetable does not hold, places off the map, times that
    are stale or still to come, and figures no bus can have; of two reports of one trip the first
    is taken. Unknown fields are ignored, as the standard asks.
    """
    pb = _bindings()
    if len(data) > BYTES_MAX:
        raise FeedError(f"feed: {len(data)} bytes; allowed are {BYTES_MAX}")
    message = pb.FeedMessage()
    try:
        message.ParseFromString(data)
    except Exception as error:  # the binding's own DecodeError, or whatever its parser raises
        raise FeedError(f"feed: no FeedMessage of GTFS-Realtime ({error})") from None
    if len(message.entity) > ENTITIES_MAX:
        raise FeedError(f"feed: {len(message.entity)} entities; allowed are {ENTITIES_MAX}")
    header = message.header
    version = header.gtfs_realtime_version
    # Where it is no UTF-8, the binding gives bytes for text.
    if not isinstance(version, str) or not version.startswith(("1.", "2.")):
        raise FeedError(f"feed: version {version!r:.20}; allowed are 1.0 and 2.0")
    if header.incrementality != pb.FeedHeader.FULL_DATASET:
        raise FeedError("feed: differential; allowed are full datasets")
    sent_ms = (header.timestamp - expected.origin.midnight_s) * 1000
    _check_time("feed: sent", sent_ms, received_ms)
    reader = _Reader(expected, received_ms)
    for entity in message.entity:
        if entity.HasField("vehicle") and not entity.is_deleted:
            reader.add_vehicle(entity.vehicle, sent_ms)
    for entity in message.entity:
        if entity.HasField("trip_update") and not entity.is_deleted:
            reader.add_update(entity.trip_update)
    return Reading(sent_ms, reader.reports(), reader.rejected)


def _check_time(what: str, at_ms: int, received_ms: int) -> None:
    age_s = (received_ms - at_ms) / 1000
    if age_s > AGE_MAX_S or age_s < -AHEAD_MAX_S:
        raise FeedError(f"{what} {age_s:.0f} s ago; allowed are -{AHEAD_MAX_S} to {AGE_MAX_S} s")


class _Reader:
    """Collects what can be believed of one message."""

    def __init__(self, expected: Expected, received_ms: int) -> None:
        self.expected, self.received_ms = expected, received_ms
        self.rejected: dict[str, int] = {}
        self._buses: dict[str, BusReport] = {}
        self._late_s: dict[str, float] = {}

    def _reject(self, why: str) -> None:
        self.rejected[why] = self.rejected.get(why, 0) + 1

    def _line(self, trip: gtfs_realtime_pb2.TripDescriptor) -> str | None:
        line = self.expected.line_of_trip.get(trip.trip_id)
        if line is None:
            self._reject("trip not in the timetable")
        elif trip.HasField("route_id") and trip.route_id != line:
            self._reject("trip of another line")
            return None
        return line

    def add_vehicle(self, vehicle: gtfs_realtime_pb2.VehiclePosition, sent_ms: int) -> None:
        line = self._line(vehicle.trip)
        if line is None:
            return
        trip = vehicle.trip.trip_id
        if trip in self._buses:
            return self._reject("second report of a trip")
        x_m, y_m = self.expected.origin.metres(vehicle.position.latitude, vehicle.position.longitude)
        # A NaN is between no two numbers.
        if not (
            vehicle.HasField("position")
            and self.expected.x_m[0] <= x_m <= self.expected.x_m[1]
            and self.expected.y_m[0] <= y_m <= self.expected.y_m[1]
        ):
            return self._reject("place off the map")
        measured_ms = sent_ms
        if vehicle.HasField("timestamp"):
            measured_ms = (vehicle.timestamp - self.expected.origin.midnight_s) * 1000
        try:
            _check_time("bus: measured", measured_ms, self.received_ms)
        except FeedError:
            return self._reject("time stale or still to come")
        stop = vehicle.current_stop_sequence - 1 if vehicle.HasField("current_stop_sequence") else -1
        if stop >= self.expected.stops_of_line[line]:
            return self._reject("stop the line does not have")
        occupancy = None
        if vehicle.HasField("occupancy_percentage"):
            if vehicle.occupancy_percentage > OCCUPANCY_MAX_PERCENT:
                return self._reject("more people than a bus holds")
            occupancy = vehicle.occupancy_percentage / 100
        # 1 is STOPPED_AT.
        at_stop = stop >= 0 and vehicle.current_status == 1
        self._buses[trip] = BusReport(line, trip, None, occupancy, x_m, y_m, stop, at_stop, measured_ms)

    def add_update(self, update: gtfs_realtime_pb2.TripUpdate) -> None:
        if self._line(update.trip) is None:
            return
        trip = update.trip.trip_id
        if trip in self._late_s:
            return self._reject("second report of a trip")
        late_s = self._lateness_s(update)
        if late_s is None:
            return
        if abs(late_s) > LATE_MAX_S:
            return self._reject("later than can be believed")
        self._late_s[trip] = float(late_s)

    def _lateness_s(self, update: gtfs_realtime_pb2.TripUpdate) -> int | None:
        """Of the whole trip, or of the first stop that tells it (a feed lists stops in driving order)."""
        if update.HasField("delay"):
            return int(update.delay)
        for stop in update.stop_time_update:
            for event in ("departure", "arrival"):
                if stop.HasField(event) and getattr(stop, event).HasField("delay"):
                    return int(getattr(stop, event).delay)
        return None

    def reports(self) -> tuple[BusReport, ...]:
        """Positions with the lateness of their trips; a trip without a position cannot be used."""
        return tuple(
            BusReport(
                bus.line,
                bus.trip,
                self._late_s.get(trip),
                bus.occupancy,
                bus.x_m,
                bus.y_m,
                bus.next_stop,
                bus.at_stop,
                bus.measured_ms,
            )
            for trip, bus in self._buses.items()
        )
