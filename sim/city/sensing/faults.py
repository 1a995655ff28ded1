"""Detectors that fall ill and are mended: faults of rules 3.1, laid over readings after sensing.

The truth stays untouched. Which detector has which fault from when to when is drawn once, from
the seed and the plans; chance during a fault is a hash of seed, detector and second. When several
plans hit one detector at the same time, the last of them in the list is what it has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame
from controller.network import Network
from controller.toml_text import in_line
from controller.vocabulary import DetectorKind, Sensors
from sim.city.roads import Ints
from sim.city.scenario import FaultKind, FaultPlan
from sim.city.sensing import faults_kernels as kernels
from sim.city.sensing.sensors import make_room, segment_cameras
from sim.city.sensing.sensors_model import Reading, Seen

STRENGTHS: dict[FaultKind, tuple[float, float, float, str]] = {
    FaultKind.CHATTER: (120.0, 1.0, 6000.0, "false counts a minute"),
    FaultKind.DRIFT: (0.6, 0.05, 10.0, "factor of the true count"),
    FaultKind.DELAY: (10.0, 1.0, 300.0, "seconds"),
    FaultKind.CLOCK_SKEW: (120.0, -3600.0, 3600.0, "seconds ahead"),
    FaultKind.SPOOFED: (30.0, 1.0, 6000.0, "vehicles or presses a minute that are none"),
}
"""Usual strength, least, most, and what it is; the other kinds have none."""
GHOSTS_MAX = 20
"""Tracks one ill camera can invent at most."""
DELAYED_TRACKS_MAX = 64
"""Tracks kept for each segment of a camera that is delayed at some time."""
ONSET_S = 600.0
"""Where none is given; the default of a scenario's faults."""
PERIOD_MS = kernels.PERIOD_MS
_NUMBER = {kind: k for k, kind in enumerate(FaultKind)}
_ORDER = re.compile(r"(?P<share>[^@]+)(?:@(?P<onset>[0-9.]+)(?:-(?P<repair>[0-9.]+))?)?")


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """One line of the log."""

    time_ms: int
    detector: str
    fault: str
    """A FaultKind; for the end of one the fault that ended."""
    event: str
    """`onset` or `repair`."""


class Districted(Protocol):
    """What is asked of streets: their districts' names, and in which of them each junction lies (-1 none)."""

    @property
    def districts(self) -> tuple[str, ...]:
        """By index."""

    @property
    def junction_district(self) -> Ints:
        """(J) index."""


class Faults:
    """The faults of one run. Raises ValueError naming a plan that hits nothing or is out of bounds."""

    def __init__(
        self,
        network: Network,
        roads: Districted,
        plans: Sequence[FaultPlan],
        begin_ms: int,
        end_ms: int,
        seed: int,
        sensors: Sensors,
        fitted: NDArray[np.bool_] | None = None,
    ) -> None:
        self.plans = tuple(plans)
        self._strength = np.array([strength_of(plan) for plan in plans], np.float64)
        self._names = tuple(d.name for d in network.detectors)
        self._seed = seed
        n = len(network.detectors)
        usable = np.ones(n, np.bool_) if fitted is None else fitted
        self._time_ms, self._detector, self._plan, self._before = _draw(
            network, roads, self.plans, begin_ms, end_ms, seed, usable
        )
        self._done = np.zeros(1, np.int64)
        column = np.full(n, -1, np.int64)
        delayed = [k for k, plan in enumerate(plans) if plan.kind is FaultKind.DELAY]
        late = np.unique(self._detector[np.isin(self._plan, delayed)])
        column[late] = np.arange(len(late))
        seconds = int(max([self._strength[k] for k in delayed], default=0)) + 1
        self._full = sensors is Sensors.FULL
        self._cameras = _cameras(network)
        watched = np.isin(self._cameras.segment_detector, late).sum() if self._full else 0
        tracks = int(watched) * DELAYED_TRACKS_MAX
        self._ills = kernels.new_ills(n, column, seconds, tracks, begin_ms)
        self._any_late = len(late) > 0

    @property
    def next_ms(self) -> int | None:
        """When the next fault begins or ends; None when nothing more happens."""
        k = int(self._done[0])
        return int(self._time_ms[k]) if k < len(self._time_ms) else None

    @property
    def ill(self) -> Ints:
        """Detectors that have a fault now."""
        return np.flatnonzero(self._ills.fault >= 0).astype(np.int64)

    def having(self, *kinds: FaultKind) -> Ints:
        """Detectors that have one of these faults now."""
        numbers = [_NUMBER[kind] for kind in kinds]
        return np.flatnonzero(np.isin(self._ills.fault, numbers)).astype(np.int64)

    def log(self) -> list[FaultRecord]:
        """What has happened until now, in order."""
        records = []
        for k in range(int(self._done[0])):
            at_ms, name = int(self._time_ms[k]), self._names[self._detector[k]]
            for plan, event in ((int(self._before[k]), "repair"), (int(self._plan[k]), "onset")):
                if plan >= 0:
                    records.append(FaultRecord(at_ms, name, self.plans[plan].kind.value, event))
        return records

    def advance(self, now_ms: int) -> None:
        """Let every fault begin or end that is due."""
        while self._done[0] < len(self._time_ms) and self._time_ms[self._done[0]] <= now_ms:
            k = int(self._done[0])
            d, plan = int(self._detector[k]), int(self._plan[k])
            self._ills.fault[d] = _NUMBER[self.plans[plan].kind] if plan >= 0 else -1
            self._ills.strength[d] = self._strength[plan] if plan >= 0 else 0.0
            self._ills.carry[d] = 0.0
            if plan >= 0 and self.plans[plan].kind is FaultKind.DROPOUT:
                self._ills.heard_ms[d] = max(0, int(self._time_ms[k]) - PERIOD_MS)
            self._done[0] = k + 1

    def afflict(self, frame: Frame) -> None:
        """Turn a frame of the truth into what the detectors report."""
        now_ms = frame.time_ms
        frame.detector_time_ms.fill(now_ms)
        if not self._done[0] and not self._any_late:
            return  # nobody has been ill yet
        ill = self.ill
        if not self._any_late and not len(ill):
            return
        reading = Reading(frame.detector_on, frame.detector_count, frame.detector_occupancy)
        if self._any_late:
            kernels.remember(now_ms, self._ills, reading)
        if self._full:
            self._afflict_tracks(frame, ill)
        if len(ill):
            kernels.afflict(now_ms, self._seed, ill, self._ills, reading, frame.detector_time_ms)

    def _afflict_tracks(self, frame: Frame, ill: Ints) -> None:
        most = 1 + int(max(self._strength[self._plan_of(FaultKind.DRIFT)], default=1.0))
        room = most * frame.n_tracks + GHOSTS_MAX * len(ill) + self._ills.ring_segment.shape[1]
        make_room(frame, room)
        seen = Seen(frame.track_segment, frame.track_distance_m, frame.track_speed_m_per_s, frame.track_kind)
        now_ms, ills, cameras = frame.time_ms, self._ills, self._cameras
        if self._any_late:
            kernels.remember_tracks(now_ms, frame.n_tracks, ills, cameras, seen)
        if len(ill):
            n = kernels.lose_tracks(now_ms, self._seed, frame.n_tracks, ills, cameras, seen)
            frame.n_tracks = kernels.add_tracks(now_ms, self._seed, n, ill, ills, cameras, seen)

    def _plan_of(self, kind: FaultKind) -> list[int]:
        return [k for k, plan in enumerate(self.plans) if plan.kind is kind]


def fault_from_order(text: str) -> FaultPlan:
    """A plan from `KIND:WHERE:SHARE[@onset-repair]`, times in seconds from the beginning of the run.

    Raises ValueError with one line that says what was found and what is allowed.
    """
    kind_text, colon, rest = text.partition(":")
    where, second_colon, order = rest.rpartition(":")
    found = _ORDER.fullmatch(order)
    if not colon or not second_colon or not where or found is None:
        raise ValueError(f"fault {text!r}: allowed is KIND:WHERE:SHARE or KIND:WHERE:SHARE@ONSET-REPAIR")
    if kind_text not in set(FaultKind):
        raise ValueError(f"fault {text!r}: no kind {kind_text!r}; allowed are {', '.join(FaultKind)}")
    if re.fullmatch(r"all|(district|junction|detector):.+", where) is None:
        raise ValueError(
            f"fault {text!r}: where is {where!r}; allowed is all, district:NAME, junction:NAME, detector:NAME"
        )
    try:
        share = float(found["share"])
        onset_s = float(found["onset"] or ONSET_S)
        repair_s = float(found["repair"]) - onset_s if found["repair"] else 0.0
    except ValueError:
        raise ValueError(f"fault {text!r}: share, onset and repair are numbers") from None
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"fault {text!r}: share is {share}; allowed is 0 to 1")
    if found["repair"] and repair_s <= 0.0:
        raise ValueError(f"fault {text!r}: mended before it begins")
    return FaultPlan(FaultKind(kind_text), where, onset_s, repair_s, share)


def strength_of(plan: FaultPlan) -> float:
    """The strength of a plan, the usual one where none is given. Raises ValueError out of bounds."""
    if plan.kind not in STRENGTHS:
        if plan.strength:
            raise ValueError(f"fault {plan.kind}: strength is {plan.strength}; this kind has none")
        return 0.0
    usual, least, most, what = STRENGTHS[plan.kind]
    value = plan.strength or usual
    if not least <= value <= most:
        raise ValueError(f"fault {plan.kind}: strength is {value}; allowed is {least:g} to {most:g} {what}")
    return value


def detectors_at(network: Network, roads: Districted, where: str, usable: NDArray[np.bool_]) -> Ints:
    """Indices of the detectors a plan's `where` means. Raises ValueError naming those known."""
    kind, _, name = where.partition(":")
    said = in_line(where)
    if kind == "all":
        return np.flatnonzero(usable).astype(np.int64)
    if kind == "junction":
        try:
            here = network.detector_junction == network.junction_index(name)
        except KeyError as error:
            raise ValueError(f"fault at {said}: {in_line(str(error.args[0]))}") from None
    elif kind == "district":
        if name not in roads.districts:
            known = ", ".join(roads.districts)
            raise ValueError(f"fault at {said}: no such district; known are {known}")
        of_detector = roads.junction_district[network.detector_junction]
        here = of_detector == roads.districts.index(name)
    else:
        here = np.array([d.name == name for d in network.detectors], np.bool_)
        if not here.any():
            known = ", ".join(d.name for d in network.detectors[:5])
            raise ValueError(f"fault at {said}: no such detector; known are {known} and others")
    return np.flatnonzero(here & usable).astype(np.int64)


def _draw(
    network: Network,
    roads: Districted,
    plans: tuple[FaultPlan, ...],
    begin_ms: int,
    end_ms: int,
    seed: int,
    usable: NDArray[np.bool_],
) -> tuple[Ints, Ints, Ints, Ints]:
    """Every change of a detector's fault in order of time: time, detector, plan after and before it."""
    spells: dict[int, list[tuple[int, int, int]]] = {}
    for k, plan in enumerate(plans):
        luck = np.random.default_rng(np.random.SeedSequence([seed, 0xFA017, k]))
        here = detectors_at(network, roads, plan.where, usable)
        several = plan.share > 0.0 and len(here) > 0
        chosen = luck.permutation(here)[: max(1, round(plan.share * len(here))) if several else 0]
        for d in np.sort(chosen).tolist():
            spells.setdefault(d, []).extend((a, b, k) for a, b in _spells(plan, begin_ms, end_ms, luck))
    rows: list[tuple[int, int, int, int]] = []
    for d, own in spells.items():
        before = -1
        for at_ms in sorted({edge for a, b, _ in own for edge in (a, b)}):
            now = max((k for a, b, k in own if a <= at_ms < b), default=-1)
            if now != before and at_ms <= end_ms:
                rows.append((at_ms, d, now, before))
            before = now
    rows.sort()
    time_ms, detector, after, before_it = (
        np.array([row[column] for row in rows], np.int64) for column in range(4)
    )
    return time_ms, detector, after, before_it


def _spells(plan: FaultPlan, begin_ms: int, end_ms: int, luck: np.random.Generator) -> list[tuple[int, int]]:
    """From when to when one detector has the fault, in whole seconds of street time."""

    def second(at_s: float) -> int:
        return begin_ms + -(-round(1000 * at_s) // PERIOD_MS) * PERIOD_MS

    never_s = (end_ms - begin_ms) / 1000 + 2 * PERIOD_MS
    if plan.rate_per_hour <= 0.0:
        lasts_s = plan.repair_s or never_s
        return [(second(plan.onset_s), second(plan.onset_s + lasts_s))]
    spells: list[tuple[int, int]] = []
    at_s = plan.onset_s
    while True:
        at_s += luck.exponential(3600.0 / plan.rate_per_hour)
        if begin_ms + 1000 * at_s >= end_ms:
            return spells
        lasts_s = luck.exponential(plan.repair_s) if plan.repair_s else never_s
        spells.append((second(at_s), second(at_s + lasts_s) + PERIOD_MS))
        at_s += lasts_s + PERIOD_MS / 1000


def _cameras(network: Network) -> kernels.Cameras:
    watching = segment_cameras(network)
    index = {name: k for k, name in enumerate(network.segments)}
    own = np.full(len(network.detectors), -1, np.int64)
    length_m = np.zeros(len(network.detectors))
    for d, detector in enumerate(network.detectors):
        if detector.kind == DetectorKind.STOPLINE and detector.lane in index:
            own[d] = index[detector.lane]
            length_m[d] = network.segment_length_m[own[d]]
    first = np.array([own_cameras[0] if own_cameras else -1 for own_cameras in watching], np.int64)
    return kernels.Cameras(first, own, length_m)
