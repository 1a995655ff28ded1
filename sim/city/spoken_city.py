"""What citizens bring about in a living city: dead buttons remedied, a brigade that gains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory

from override.citizen.cases import Case
from override.citizen.remedies import Wish
from override.roles import Command
from sim.city.layout import layout_of_city
from sim.city.listening_city import ListeningCity
from sim.city.load import City
from sim.city.measuring.compare import Change
from sim.city.measuring.measured_run import Watched
from sim.city.measuring.measures import CityMeasures
from sim.city.measuring.played import measured
from sim.city.people.citizens import Brigade, Citizens
from sim.city.scenario import FaultKind, FaultPlan

TELLS = 0.1
MEMBERS = 1_000
QUIET_MS = 300_000
"""A brigade begins after so long."""
TRIPS_LEAST = 50
"""Means of fewer trips say nothing."""


@dataclass(frozen=True, slots=True)
class DeadButtons:
    """One run in which some buttons die one after the other."""

    dead: int
    met: int
    """Dead buttons at which somebody would have pressed."""
    remedied: int
    flag_to_remedy_s: float
    """Median over the cases that a flag began and the record agreed with; -1 = none."""
    met_to_remedy_s: float
    """Median from the first walker who found it dead."""
    cases: int


@dataclass(frozen=True, slots=True)
class Shift:
    """How the mean loss of a district's people in one mode moved."""

    district: str
    mode: str
    trips: int
    before_s: float
    after_s: float

    @property
    def percent(self) -> float:
        """Of what it was."""
        return 100 * (self.after_s / self.before_s - 1) if self.before_s else 0.0


@dataclass(frozen=True, slots=True)
class Brigaded:
    """The same people with and without a brigade."""

    district: str
    said: int
    accepted: int
    busy: int
    remedies_max: int
    shifts: tuple[Shift, ...]
    by_chance: tuple[Shift, ...]
    """The same comparison with nobody shouting, but one walk called once: what any change does by chance."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Mean loss of the people of a district in a mode, without and with a brigade, over paired runs."""

    district: str
    mode: str
    trips: float
    """A run."""
    loss_s: Change

    @property
    def percent(self) -> float:
        """How far it moved, of what it was."""
        return 100 * self.loss_s.mean / self.loss_s.before

    @property
    def interval_percent(self) -> tuple[float, float] | None:
        """95 % interval of that; None for one run."""
        if (found := self.loss_s.interval) is None:
            return None
        low, high = (100 * end / self.loss_s.before for end in found)
        return low, high


def dead_buttons(city: City, controller: str, share: float, seed: int) -> DeadButtons:
    """Let a share of the buttons die from the fifth minute on; people tell as `TELLS` says."""
    names = sorted({d.name for j in city.street.junctions for d in j.detectors if d.kind.name == "BUTTON"})
    plans = [
        FaultPlan(FaultKind.STUCK_OFF, f"detector:{name}", onset_s=QUIET_MS / 1000 + 60 * k, share=share)
        for k, name in enumerate(names)
    ]
    citizens = Citizens(dict.fromkeys({j.district for j in layout_of_city(city).junctions}, TELLS), seed)
    with TemporaryDirectory() as folder:
        run = ListeningCity(city, Path(folder), controller, plans, citizens)
        run.world.run_until(city.end_ms)
        cases = list(run.office.dealing.cases.values())
        dead = len(run.world.faults.having(FaultKind.STUCK_OFF))
        run.close()
    flagged = [c.to_remedy_ms / 1000 for c in cases if c.to_remedy_ms >= 0 and _by_record(c)]
    times = [(m.remedy_ms - m.met_ms) / 1000 for m in run.met.values() if m.remedy_ms >= 0]
    return DeadButtons(
        dead, len(run.met), len(times), median(flagged) if flagged else -1.0,
        median(times) if times else -1.0, len(cases),
    )  # fmt: skip


def brigade(city: City, controller: str, seed: int, district: str = "", chance: bool = True) -> Brigaded:
    """A thousand people flag every crossing of a district, once a minute each, to the end of the run.

    Without `chance` the third run, which says what any change does by itself, is left out.
    """
    layout = layout_of_city(city)
    district = district or max(
        layout.districts(), key=lambda d: sum(j.district == d for j in layout.junctions)
    )
    poles = tuple(g.pole for j in layout.junctions if j.district == district for g in j.groups if g.pole)
    shouting = Brigade(poles, MEMBERS, city.begin_ms + QUIET_MS, city.end_ms, seed)
    before, _ = _run(city, controller, None)
    after, shouted = _run(city, controller, shouting)
    by_chance = shifts(before, _run(city, controller, None, one_walk(city, district))[0]) if chance else ()
    return Brigaded(
        district, shouting.said,
        sum(reply.accepted for reply in shouted.replies), sum(reply.busy for reply in shouted.replies),
        shouted.orders_max, shifts(before, after), by_chance,
    )  # fmt: skip


def moved(runs: Sequence[tuple[int, Brigaded]]) -> tuple[Moved, ...]:
    """What brigades moved over several seeds, paired by seed, the largest rise first.

    Two cities with the same people part by chance as soon as one lamp differs; what is the
    brigade's doing is what remains over the seeds.
    """
    found: dict[tuple[str, str], list[tuple[int, Shift]]] = {}
    for seed, run in runs:
        for shift in run.shifts:
            found.setdefault((shift.district, shift.mode), []).append((seed, shift))
    out = []
    for (district, mode), rows in found.items():
        if len(rows) < len(runs):
            continue  # too few people in one of the runs
        change = Change(
            mean(s.before_s for _, s in rows),
            mean(s.after_s for _, s in rows),
            tuple((seed, s.after_s - s.before_s) for seed, s in rows),
        )
        out.append(Moved(district, mode, mean(s.trips for _, s in rows), change))
    return tuple(sorted(out, key=lambda one: -one.percent))


def shifts(before: CityMeasures, after: CityMeasures) -> tuple[Shift, ...]:
    """How the mean loss moved, by district and mode, the largest first."""
    out = []
    for entry in before.ledger.entries:
        other = after.ledger.entry(entry.district, entry.mode)
        if other is not None and entry.trips >= TRIPS_LEAST:
            out.append(Shift(entry.district, entry.mode, entry.trips, entry.mean_s, other.mean_s))
    return tuple(sorted(out, key=lambda shift: -abs(shift.percent)))


def worst_percent(moved: Sequence[Shift], district: str) -> float:
    """The largest rise of the mean loss of anybody outside of a district."""
    return max((s.percent for s in moved if s.district != district and s.mode == "all"), default=0.0)


def one_walk(city: City, district: str) -> Wish:
    """One crossing of a district called for a minute: the least that anybody can do to a city."""
    places = ((j, g) for j in layout_of_city(city).junctions if j.district == district for g in j.groups)
    junction, group = next((j.name, g.name) for j, g in places if g.pole)
    return Wish("", Command.CALL, junction, group=group, lease_ms=60_000, reason="one walk")


def _run(
    city: City, controller: str, who: Brigade | None, once: Wish | None = None
) -> tuple[CityMeasures, ListeningCity]:
    with TemporaryDirectory() as folder:
        run = ListeningCity(city, Path(folder), controller, brigade=who)
        watched = Watched(run.world)
        if once is not None:
            run.world.run_until(city.begin_ms + QUIET_MS)
            run.ask(once, run.world.now_ms)
        run.world.run_until(city.end_ms)
        run.close()
    return measured(watched), run


def _by_record(case: Case) -> bool:
    """Begun by a flag, and the record agreed."""
    return not case.by_record and not case.by_reports
