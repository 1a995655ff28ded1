"""What a street tells the controller, and the port a street must have.

A `Frame` is one reading of all sensors; a `Street` is anything that can give frames and
show lamps: SUMO today, the SimPy city and field protocols later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from controller.network import Network
from controller.vocabulary import Sensors

TICK_MS = 100
"""From one frame to the next, and so from one decision to the next."""

TRACK_CAR = 0
TRACK_BUS = 1

TRACKS_MIN = 256


@dataclass(slots=True)
class Frame:
    """One reading of all sensors of a street. The street owns and refills the arrays.

    Detector arrays follow `Network.detectors`, lamp arrays the network's groups. Detectors
    are filled by every street; tracks only by streets with full sensors, `n_tracks` of the
    rows are valid.
    """

    sensors: Sensors
    time_ms: int = 0
    """Street time at which the reading was taken."""
    sequence: int = 0
    """Grows by one with every NEW reading; the same number means nothing new was read."""
    detector_on: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """(detectors) occupied, or button held, at the moment of the reading."""
    detector_count: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """(detectors) vehicles that arrived over it, or presses, since the previous reading."""
    detector_occupancy: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """(detectors) part of the time since the previous reading it was occupied, 0-1; from 200 on the
    device's own report of a fault (NTCIP 1202: 210 too long occupied, 211 no activity, 212 open loop,
    213 shorted loop)."""
    detector_time_ms: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """(detectors) when each reading was taken, by the detector's own clock: older than `time_ms`
    when it comes late or has not come at all (the other arrays then show nothing), apart from it
    when the clock is wrong; 0 = not told."""
    n_tracks: int = 0
    track_segment: NDArray[np.int32] = field(default_factory=lambda: np.zeros(TRACKS_MIN, np.int32))
    """(tracks) index into `Network.segments`."""
    track_distance_m: NDArray[np.float64] = field(default_factory=lambda: np.zeros(TRACKS_MIN))
    """(tracks) distance of the front bumper to the END of its segment."""
    track_speed_m_per_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(TRACKS_MIN))
    track_kind: NDArray[np.int8] = field(default_factory=lambda: np.zeros(TRACKS_MIN, np.int8))
    """(tracks) TRACK_CAR or TRACK_BUS."""
    n_buses: int = 0
    """Buses told of, by check-in or by the operator's feed, in the first so many rows of `bus_*`."""
    bus_lane: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """(buses) lane of the next signal on its route, index among all lanes of the network."""
    bus_distance_m: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """(buses) way to that lane's stop line when it was measured, `bus_age_s` ago."""
    bus_late_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """(buses) behind its timetable; negative = early."""
    bus_persons: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """(buses) aboard; NaN = not told."""
    bus_age_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """(buses) how old the news is."""
    bus_vehicle: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """(buses) a number of the bus that stays the same while it comes; it names nobody."""
    n_preempts: int = 0
    """Vehicles before which everybody gives way, in the first so many rows of `preempt_*`: one row for
    each signal ahead on the vehicle's route. A row that is not told again is a check-out."""
    preempt_lane: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """(preempts) lane by which it will come to that signal, index among all lanes of the network."""
    preempt_distance_m: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """(preempts) way to that lane's stop line when it was measured, `preempt_age_s` ago."""
    preempt_number: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    """(preempts) 1 = before all others ... 10 (rules R42): 1 and 2 rails, 3 to 6 emergency vehicles."""
    preempt_vehicle: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """(preempts) a number of the vehicle that stays the same while it comes."""
    preempt_age_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """(preempts) how old the news is."""
    lamps_shown: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    """(groups) lamp feedback: what the heads really show, as `Lamp` numbers."""


def empty_frame(network: Network, sensors: Sensors) -> Frame:
    """A frame with arrays of the right shapes, everything off and red."""
    n = len(network.detectors)
    return Frame(
        sensors=sensors,
        detector_on=np.zeros(n, np.bool_),
        detector_count=np.zeros(n, np.int32),
        detector_occupancy=np.zeros(n),
        detector_time_ms=np.zeros(n, np.int64),
        lamps_shown=np.zeros(network.n_groups, np.int8),
    )


BUS_ARRAYS = ("bus_lane", "bus_distance_m", "bus_late_s", "bus_persons", "bus_age_s", "bus_vehicle")
PREEMPT_ARRAYS = (
    "preempt_lane", "preempt_distance_m", "preempt_number", "preempt_vehicle", "preempt_age_s",
)  # fmt: skip


def fit_buses(frame: Frame, buses: int) -> None:
    """Make room for so many buses; what the rows hold is lost when there was none."""
    _fit(frame, BUS_ARRAYS, buses)


def fit_preempts(frame: Frame, preempts: int) -> None:
    """Make room for so many rows of `preempt_*`; what the rows hold is lost when there was none."""
    _fit(frame, PREEMPT_ARRAYS, preempts)


def _fit(frame: Frame, names: tuple[str, ...], rows: int) -> None:
    for name in names:
        if len(getattr(frame, name)) < rows:
            setattr(frame, name, np.zeros(rows, getattr(frame, name).dtype))


class Street(Protocol):
    """The port between the controller and any street."""

    network: Network
    lamp_resolution_ms: int
    """Lamps can change only at multiples of this many milliseconds of street time."""

    def read(self) -> Frame:
        """The latest reading; the same object may be refilled at the next call."""

    def show(self, lamps: NDArray[np.int8]) -> None:
        """Show these lamps (groups,) from now on."""
