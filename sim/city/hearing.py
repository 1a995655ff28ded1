"""How well citizens are heard where they report three times less: hundreds of dead buttons, measured.

The office, its evidence, its thresholds and its file are the real ones; the street is one of presses
only (`press_street`), the station says yes at once. The same faults and the same people are played
twice: once all districts report alike, once half of them a third as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory

from override.citizen.inbox import Waiting
from override.citizen.office import Office
from override.citizen.pages import PolicyView
from override.citizen.store import Store
from override.details import Record
from override.flag_messages import FlagReply, Kind
from override.roles import Command
from sim.city.people.citizens import Citizens, Told
from sim.city.people.press_street import PressStreet

STEP_MS = 4_000
WALL_MS = 1_767_225_600_000
RATE, GAP = 0.1, 3.0
FAULTS, MEND_MS, WARM_MS = 2.0, 5_400_000, 7_200_000
"""Of each button in a day; mended after so long; counted from then on."""
DISTRICTS = tuple(f"district {k}" for k in range(6))
QUIET = DISTRICTS[::2]
POLICY = PolicyView(1, "", "", ())


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one run."""

    faults: int
    remedied: int
    to_remedy_s: dict[str, float]
    """By district: mean from the first press in vain to the remedy."""
    presses_in_vain: dict[str, float]
    """By district: mean number of them before the remedy."""
    flag_to_remedy_s: float
    """Median over the cases that began with a flag."""
    wrong: int
    """Remedies at buttons that worked."""


class OfficeBy:
    """An office in the street's own time, with a station that grants every wish."""

    def __init__(self, folder: Path, street: PressStreet) -> None:
        self.now_ms = 0
        self.store = Store(folder / "citizen.db", durable=False)
        self.office = Office(self.store, lambda: (self.now_ms, WALL_MS + self.now_ms), POLICY)
        self.office.hear_layout(street.layout())
        self.granted: list[tuple[int, str]] = []
        self.replies: list[FlagReply] = []
        self._orders: dict[str, str] = {}
        self._seq = 0

    def turn(self, now_ms: int, rows: list[int], told: list[Told]) -> None:
        """Hear what happened until now, take what people say, deal with it."""
        self.now_ms = now_ms
        office, wall_ms = self.office, WALL_MS + now_ms
        for at in range(0, max(1, len(rows)), 240):
            self._seq += 1
            part = tuple(rows[at : at + 240])
            office.dealing.record.hear(Record(bytes(8), self._seq, now_ms, now_ms, part), wall_ms)
        office.heard.wall_ms = wall_ms
        office.turn([Waiting(one.request, one.source, self.replies.append) for one in told])
        for wish in office.wished():
            if wish.command is Command.RELEASE:
                self._orders.pop(wish.order, None)
                office.dealing.released(wish)
                continue
            order = wish.order or f"order-{len(self.granted)}"
            if not wish.renew:
                self.granted.append((now_ms, wish.junction))
            self._orders[order] = wish.junction
            office.dealing.granted(wish, order, wall_ms)
        office.dealing.live_orders = frozenset(self._orders)

    def close(self) -> None:
        """Close the file."""
        self.store.close()


def play(rates: dict[str, float], hours: float, seed: int, crossings: int = 12) -> Heard:
    """One run. The first two hours are for learning and are not counted."""
    street = PressStreet(DISTRICTS, crossings, hours, FAULTS * hours / 24, MEND_MS, WARM_MS, seed)
    citizens = Citizens(rates, seed)
    poles = [junction.groups[0].pole for junction in street.layout().junctions]
    with TemporaryDirectory() as folder:
        office = OfficeBy(Path(folder), street)
        for now_ms in range(STEP_MS, street.end_ms, STEP_MS):
            rows, vain = street.play(now_ms)
            for k, ms in vain:
                citizens.meet(poles[k], Kind.BUTTON_DEAD, street.district_of[k], ms)
            office.turn(now_ms, rows, citizens.due(now_ms))
        cases = office.office.dealing.cases.values()
        flagged = [c.to_remedy_ms / 1000 for c in cases if c.to_remedy_ms >= 0 and not c.by_record]
        wrong = _attribute(street, office.granted)
        office.close()
    return _heard(street, flagged, wrong)


def _attribute(street: PressStreet, granted: list[tuple[int, str]]) -> int:
    """Which remedy was for which fault; gives those that were for none."""
    wrong = 0
    for ms, junction in granted:
        k = int(junction[1:])
        fault = next((f for f in street.faults if f.crossing == k and f.begin_ms <= ms < f.end_ms), None)
        if fault is None:
            wrong += 1
        elif fault.remedy_ms < 0:
            fault.remedy_ms = ms
    return wrong


def _heard(street: PressStreet, flagged: list[float], wrong: int) -> Heard:
    met = [f for f in street.faults if f.met_ms >= 0]
    to_remedy_s: dict[str, float] = {}
    in_vain: dict[str, float] = {}
    for district in street.districts:
        here = [f for f in met if street.district_of[f.crossing] == district]
        # A fault that was never remedied counts until it was mended.
        ends = [(f, f.remedy_ms if f.remedy_ms >= 0 else f.end_ms) for f in here]
        to_remedy_s[district] = mean((ms - f.met_ms) / 1000 for f, ms in ends)
        in_vain[district] = mean(
            sum(f.met_ms <= int(p) < ms for p in street.presses_ms[f.crossing]) for f, ms in ends
        )
    return Heard(
        len(met), sum(f.remedy_ms >= 0 for f in met), to_remedy_s, in_vain,
        median(flagged) if flagged else -1.0, wrong,
    )  # fmt: skip


def gap(hours: float, seed: int, ratio: float = GAP) -> tuple[Heard, Heard]:
    """(all report alike, the districts of QUIET report `ratio` times less); same faults, same people."""
    alike = dict.fromkeys(DISTRICTS, RATE)
    quiet = {d: RATE / ratio if d in QUIET else RATE for d in DISTRICTS}
    return play(alike, hours, seed), play(quiet, hours, seed)
