"""A street in SUMO (libsumo, extra `[sumo]`): gives frames, shows lamps, makes time pass.

The only file that imports libsumo, which holds one simulation a process. A step of SUMO
is `step_ms`; lamps can change only between steps.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame, empty_frame
from controller.junction import StreetNetwork
from controller.network import Network, build_network
from controller.vocabulary import Sensors
from sim.importers.sumo_net_xml import read_net
from sim.sumo_lamps import Signals, crossings_of
from sim.sumo_libraries import prepare
from sim.sumo_options import SumoOptions
from sim.sumo_sensors import SumoSensors
from sim.sumo_traffic import BUS_CLASSES, Lanes, Vehicles, Walkers

if TYPE_CHECKING:
    from sim.city.scenario import FaultPlan
    from sim.sumo_faults import StreetFaults

try:
    prepare()
    import libsumo
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "SUMO is not installed: pip install 'belisha[sumo]'", name=_error.name
    ) from None

_C_LIBRARY = ctypes.CDLL(None)


class SumoFailure(RuntimeError):
    """SUMO refused or gave up; the message is one line."""


class SumoStreet:
    """One simulation. Use as a context manager: leaving it writes SUMO's output files.

    Raises SumoFailure when SUMO refuses the files or options, ValueError when the street
    and the network file do not belong together.
    """

    def __init__(
        self,
        street: StreetNetwork,
        net_path: Path,
        route_paths: Sequence[Path],
        begin_s: int,
        end_s: int,
        seed: int,
        sensors: Sensors,
        extra_options: Sequence[str] = (),
        step_ms: int = 1000,
        additional: Sequence[Path] = (),
        faults: Sequence[FaultPlan] = (),
    ) -> None:
        self.network: Network = build_network(street, lamp_resolution_ms=step_ms)
        self.lamp_resolution_ms = step_ms
        self.begin_ms, self.end_ms = begin_s * 1000, end_s * 1000
        self.time_ms = self.begin_ms
        self.vehicles, self.walkers = Vehicles(), Walkers()
        self.ailing = self._ailing(faults, seed, sensors)
        self._files = [str(path) for path in (net_path, *route_paths)]
        self._folder = tempfile.TemporaryDirectory(prefix="belisha-")
        # Who gives SUMO options of their own may want to hear what it answers.
        self._messages = _Messages(Path(self._folder.name) / "messages", repeat=bool(extra_options))
        self._open = False
        try:
            self.options = SumoOptions.merge(
                net_path,
                route_paths,
                begin_s,
                end_s,
                seed,
                step_ms,
                Path(self._folder.name),
                extra_options,
                additional,
            )
            with self._said_in_one_line():
                libsumo.start(["sumo", *self.options.arguments])
            self._open = True
            self._fit_out(street, sensors)
        except BaseException:
            self.close()
            self._folder.cleanup()
            raise

    def _ailing(self, plans: Sequence[FaultPlan], seed: int, sensors: Sensors) -> StreetFaults | None:
        """What breaks; nothing of it is even loaded where nothing does."""
        if not plans:
            return None
        from sim.sumo_faults import StreetFaults

        return StreetFaults(self.network, plans, self.begin_ms, self.end_ms, seed, sensors)

    def _fit_out(self, street: StreetNetwork, sensors: Sensors) -> None:
        """Signals, lanes and sensors, once SUMO has loaded its network."""
        known = set(libsumo.trafficlight.getIDList())
        for junction in street.junctions:
            if junction.name not in known:
                raise ValueError(f"{self._files[0]}: no signal {junction.name}, which the street has")
        controlled = {
            j.name: [
                [(a, b) for a, b, _ in links] for links in libsumo.trafficlight.getControlledLinks(j.name)
            ]
            for j in street.junctions
        }
        net = read_net(Path(self._files[0]))
        self._signals = Signals(self.network, net, controlled)
        self._crossings = crossings_of(self.network, controlled, net)
        self._near = {area for area, _ in self._crossings}
        self.lanes = self._read_lanes()
        self._sensors = SumoSensors(self.network, self.lanes, sensors, self._crossings)
        self._frame = empty_frame(self.network, sensors)
        self._frame.time_ms = self.time_ms
        self._has_walkers = bool(self._crossings)
        self._lamps = np.zeros(self.network.n_groups, np.int8)
        self._shown = b""
        self._look()

    def _read_lanes(self) -> Lanes:
        ids = ("", *libsumo.lane.getIDList())
        edges: dict[str, int] = {"": 0}
        edge = [0] + [edges.setdefault(libsumo.lane.getEdgeID(i), len(edges)) for i in ids[1:]]
        index = {name: k for k, name in enumerate(ids)}

        def successors(lane: int) -> tuple[int, ...]:
            # A way leads through its inner lane where the node has one, else straight to the next lane.
            return tuple(
                index[via or to]
                for to, _, _, _, via, *_ in libsumo.lane.getLinks(ids[lane])
                if (via or to) in index
            )

        length = np.array([0.0] + [libsumo.lane.getLength(i) for i in ids[1:]])
        return Lanes(ids, index, length, np.array(edge, np.int64), successors)

    # --- the port -------------------------------------------------------------------------

    def read(self) -> Frame:
        """The reading taken after the last step. The frame is refilled by `step`."""
        return self._frame

    def show(self, lamps: NDArray[np.int8]) -> None:
        """Show these lamps (groups,) from now on. What does not change costs nothing."""
        key = lamps.tobytes()
        if key == self._shown:
            return
        self._shown = key
        self._lamps[:] = lamps
        for name, text in self._signals.changed(self._lamps, self.time_ms):
            libsumo.trafficlight.setRedYellowGreenState(name, text)

    def step(self) -> None:
        """Let one step of street time pass, then read everything."""
        for name, text in self._signals.due(self.time_ms):
            libsumo.trafficlight.setRedYellowGreenState(name, text)
        with self._said_in_one_line():
            libsumo.simulationStep()
        self.time_ms += self.lamp_resolution_ms
        self._look()

    @property
    def finished(self) -> bool:
        """The last second asked for has passed."""
        return self.time_ms >= self.end_ms

    def close(self) -> None:
        """End SUMO, which completes its output files. Harmless when repeated.

        Output files of ours stay until the `with` block is left.
        """
        if self._open:
            self._open = False
            with self._said_in_one_line():
                libsumo.close()
        self._messages.close()

    def __enter__(self) -> SumoStreet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except SumoFailure:
            if error is None:
                raise
        finally:
            self._folder.cleanup()

    # --- what stands and moves ------------------------------------------------------------

    def _look(self) -> None:
        vehicle = libsumo.vehicle
        ids = vehicle.getIDList()
        index = self.lanes.index
        self.vehicles.refill(
            ids,
            [index[lane] for lane in map(vehicle.getLaneID, ids)],
            list(map(vehicle.getLanePosition, ids)),
            list(map(vehicle.getSpeed, ids)),
            _describe,
        )
        if self._has_walkers:
            self._look_at_kerbs()
        frame = self._frame
        frame.time_ms = self.time_ms
        frame.detector_time_ms.fill(self.time_ms)
        frame.sequence += 1
        states = [libsumo.trafficlight.getRedYellowGreenState(name) for name in self._signals.names]
        self._signals.read_back(states, self._lamps, frame.lamps_shown)
        self._sensors.sense(self.vehicles, self.walkers, frame.lamps_shown, frame)
        if self.ailing is not None:
            self.ailing.afflict(frame)

    def _look_at_kerbs(self) -> None:
        person = libsumo.person
        walkers, near, crossings = self.walkers, self._near, self._crossings
        walkers.ids.clear()
        walkers.crossing.clear()
        walkers.waiting_s.clear()
        for someone in person.getIDList():
            area = person.getRoadID(someone)
            if area in near:
                crossing = (area, person.getNextEdge(someone))
                if crossing in crossings:
                    walkers.ids.append(someone)
                    walkers.crossing.append(crossing)
                    walkers.waiting_s.append(person.getWaitingTime(someone))

    def waiting_s(self, vehicle: str) -> float:
        """How long a vehicle has now stood without a break, scheduled stops not counted."""
        return float(libsumo.vehicle.getWaitingTime(vehicle))

    def insertion_queue_veh(self) -> int:
        """Vehicles that should have departed and find no room."""
        return len(libsumo.simulation.getPendingVehicles())

    def pending_s(self) -> dict[str, float]:
        """For each vehicle in the insertion queue how long it has been due."""
        return {v: float(libsumo.vehicle.getDepartDelay(v)) for v in libsumo.simulation.getPendingVehicles()}

    def bus_types(self) -> frozenset[str]:
        """Vehicle types whose vehicles are buses, coaches or trams."""
        types = libsumo.vehicletype
        return frozenset(t for t in types.getIDList() if types.getVehicleClass(t) in BUS_CLASSES)

    @contextlib.contextmanager
    def _said_in_one_line(self) -> Iterator[None]:
        """Keep SUMO's own printing away from our output; an error of SUMO becomes one line."""
        try:
            with self._messages.caught():
                yield
        except (libsumo.TraCIException, libsumo.FatalTraCIError) as error:
            # SUMO has closed itself; closing again would hang on a half-loaded network.
            self._open = False
            raise SumoFailure(self._messages.as_one_line(str(error), self._files)) from None


def _describe(vehicle: str) -> tuple[float, bool]:
    is_bus = libsumo.vehicle.getVehicleClass(vehicle) in BUS_CLASSES
    return float(libsumo.vehicle.getLength(vehicle)), is_bus


class _Messages:
    """Where SUMO's C++ prints go while it runs: a file, so that ours stay clean."""

    def __init__(self, path: Path, repeat: bool) -> None:
        self._path, self._repeat = path, repeat
        self._sink = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._own = (os.dup(1), os.dup(2))

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Standard output and error go to the file within."""
        os.dup2(self._sink, 1)
        os.dup2(self._sink, 2)
        try:
            yield
        finally:
            _C_LIBRARY.fflush(None)
            os.dup2(self._own[0], 1)
            os.dup2(self._own[1], 2)

    def as_one_line(self, error: str, files: Sequence[str]) -> str:
        """SUMO's error as one line that names the file."""
        self._repeat = False
        text = self._path.read_text(errors="replace") or error
        text = text.partition("Error: ")[2] or text
        text = " ".join(text.partition("Error: ")[0].partition("Quitting")[0].split()) or "no reason given"
        if any(name in text for name in files):
            return text
        place = _file_of(text, files)
        return f"{place}: SUMO says: {text}" if place else f"SUMO says: {text}"

    def close(self) -> None:
        if self._sink >= 0:
            said = self._path.read_bytes() if self._repeat else b""
            if said:
                os.write(self._own[1], said)
            for descriptor in (self._sink, *self._own):
                os.close(descriptor)
            self._sink = -1


def _file_of(text: str, files: Sequence[str]) -> str:
    """The route file that holds all the names SUMO quotes; none if there is no such file."""
    quoted = [part for part in text.split("'")[1::2] if part]
    for name in files[1:]:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            content = Path(name).read_text(encoding="utf-8")
            if quoted and all(part in content for part in quoted):
                return name
    return ""
