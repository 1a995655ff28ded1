"""A street for journals: the toy junction with detectors, played by chance, no simulator."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np

from controller.decision_log import DecisionLog
from controller.explain import Decision
from controller.frame import TICK_MS, empty_frame
from controller.journal import JournalWriter
from controller.junction import Detector, Junction, StreetNetwork
from controller.network import Network, build_network
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import DetectorKind, GroupKind, Sensors, Timing
from tests import toy_street


@cache
def network(title: str = "J1") -> Network:
    """One junction with stop-line and advance loops on every lane and a button at every crossing."""
    return build_network(StreetNetwork("toy", Timing.COMPUTED, (_fitted(title),)), lamp_resolution_ms=1000)


def _fitted(title: str) -> Junction:
    plain = toy_street.junction("square")
    groups = tuple(dataclasses.replace(g, links=(k,)) for k, g in enumerate(plain.groups))
    detectors = []
    for lane in plain.lanes:
        for kind, distance_m in ((DetectorKind.STOPLINE, 2.0), (DetectorKind.ADVANCE, 80.0)):
            name = f"{lane.name}.{kind.name.lower()}"
            detectors.append(Detector(name, kind, lane.name, "", lane.name, distance_m, distance_m))
    for group in groups:
        if group.kind == GroupKind.PEDESTRIAN:
            detectors.append(Detector(f"{group.name}.button", DetectorKind.BUTTON, group=group.name))
    lanes = tuple(
        dataclasses.replace(lane, movements=tuple(dataclasses.replace(m, link=k) for m in lane.movements))
        for k, lane in enumerate(plain.lanes)
    )
    return dataclasses.replace(plain, title=title, groups=groups, lanes=lanes, detectors=tuple(detectors))


class Drive:
    """A controller on that street, fed with seeded chance; a new reading once a second."""

    def __init__(self, name: str, sensors: Sensors = Sensors.LOOPS, seed: int = 1) -> None:
        start_ms = 29_640_000
        self.network = network()
        self.controller = Controller(self.network, name, Policy(), start_ms)
        self.frame = empty_frame(self.network, sensors)
        self.now_ms = start_ms
        self.lamps: list[bytes] = []
        self.decisions: list[Decision] = []
        self._chance = np.random.default_rng(seed)

    def run(self, seconds: int, journal: JournalWriter | None = None) -> Drive:
        """So many seconds; with a journal every tick is written down."""
        log = DecisionLog(self.controller)
        for tick in range(seconds * 1000 // TICK_MS):
            if tick % (1000 // TICK_MS) == 0:
                self._read()
            lamps = self.controller.tick(self.frame, self.now_ms)
            decisions = log.observe(self.now_ms)
            if journal is not None:
                journal.write(self.frame, self.now_ms, lamps, decisions)
            self.lamps.append(lamps.tobytes())
            self.decisions += decisions
            self.now_ms += TICK_MS
        return self

    def _read(self) -> None:
        frame, chance, n = self.frame, self._chance, len(self.network.detectors)
        frame.sequence += 1
        frame.time_ms = self.now_ms
        frame.lamps_shown[:] = self.controller.monitor.permitted
        frame.detector_on[:] = chance.random(n) < 0.3
        frame.detector_count[:] = chance.random(n) < 0.1
        frame.detector_occupancy[:] = chance.random(n)
        if frame.sensors is Sensors.FULL:
            frame.n_tracks = int(chance.integers(0, 12))
            at = slice(0, frame.n_tracks)
            frame.track_segment[at] = chance.integers(0, len(self.network.segments), frame.n_tracks)
            frame.track_distance_m[at] = chance.uniform(0, 200, frame.n_tracks)
            frame.track_speed_m_per_s[at] = chance.uniform(0, 14, frame.n_tracks)
            frame.track_kind[at] = chance.random(frame.n_tracks) < 0.1


def journal_of(
    path: Path,
    name: str = "greedy",
    seconds: int = 60,
    sensors: Sensors = Sensors.LOOPS,
    block_ticks: int = 1,
) -> Drive:
    """A run written down in `path` and closed in good order; a record a tick unless told otherwise."""
    drive = Drive(name, sensors)
    with JournalWriter(path, drive.controller, name, sensors, block_ticks=block_ticks) as journal:
        drive.run(seconds, journal)
    assert journal.failed is None
    return drive
