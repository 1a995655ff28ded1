"""From what the citizen process knows to what citizens, consoles and programs may read of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from override.citizen.cases import Case
from override.citizen.dealing import Dealing
from override.citizen.directory import ON_FOOT, Signal
from override.citizen.pages import (
    PUBLIC_K,
    ROUND_MS,
    CasePage,
    CaseRow,
    OpenData,
    OpenSignal,
    Outcome,
    PolicyView,
    Showing,
    SignalPage,
    SignalRow,
    Step,
)
from override.citizen.phrases import Phrase, say
from override.citizen.record import UNLIT, Code
from override.citizen.remedies import Remedy
from override.details import Detail
from override.flag_messages import FlagLife, FlagView, Kind
from override.roles import Command

SILENT_MS = 5_000
"""Nothing heard for so long: whatever the signal shows now is a guess."""
DETAIL_MS = 3_000
OUTCOME_DAYS = 30
DAY_MS = 86_400_000
FIXED_PLAN_RUNG = 3
REPORTED_DARK = 3
"""Flags from which a signal counts as dark by report, when no person has said so yet."""
SHOWS = {
    Code.RED: Showing.WAIT, Code.YELLOW: Showing.YELLOW, Code.CLEARANCE: Showing.FINISH,
    Code.FLASH_RED: Showing.FLASH, Code.FLASH_AMBER: Showing.FLASH, Code.DARK: Showing.DARK,
}  # fmt: skip
FLASHING = frozenset({Code.FLASH_RED, Code.FLASH_AMBER})
WHY = {
    Showing.WALK: "why-green", Showing.FINISH: "why-finish", Showing.GREEN: "why-car-green",
    Showing.FLASH: "why-flash", Showing.DARK: "why-dark", Showing.YELLOW: "why-clearing",
}  # fmt: skip
DECIDED = {
    "cars": "why-vehicles", "stops": "why-vehicles", "later": "why-vehicles", "buses": "why-buses",
    "pedestrians": "why-pedestrians", "promise": "why-promise",
}  # fmt: skip
BESIDE = {Command.CALL, Command.LONGER_WALK, Command.DETECTOR_RECALL, Command.DETECTOR_DISABLE}
TAKEN_OVER = frozenset(set(Command) - BESIDE)
DONE: dict[str, str] = {Remedy.DETECTOR: "remedy-detector", Remedy.WALK: "remedy-walk"}
CREW = {"sent": "remedy-crew", "on-site": "remedy-crew-there"}


@dataclass(slots=True)
class Heard:
    """What the station said last, beside the record."""

    wall_ms: int = 0
    """When anything was heard of it; 0 = never."""
    details: dict[str, tuple[int, Detail]] = field(default_factory=dict)
    """By junction: (when it was heard, what)."""
    acting: dict[str, frozenset[Command]] = field(default_factory=dict)
    """By junction: what people have ordered there."""


class Reading:
    """Reads one `Dealing`. `wall_ms` is now."""

    def __init__(self, dealing: Dealing, heard: Heard, policy: PolicyView, shows_codes: bool = False) -> None:
        self.dealing, self.heard, self.policy = dealing, heard, policy
        self.shows_codes = shows_codes

    # --- signals -----------------------------------------------------------------------

    def rows(self, wall_ms: int) -> tuple[SignalRow, ...]:
        """Every crossing."""
        rows = [self._row(signal, wall_ms) for signal in self.dealing.directory.crossings]
        return tuple(sorted(rows, key=lambda row: (row.district, row.title, row.crossing, row.pole)))

    def signal(self, signal: Signal, wall_ms: int) -> SignalPage:
        """Its page."""
        record, junction = self.dealing.record, signal.junction
        past = record.group(signal.number, max(0, signal.at))
        silent = self.silent(wall_ms)
        showing = self.showing(signal, wall_ms)
        known = showing is not Showing.UNKNOWN and signal.at >= 0
        waited_ms = record.now_ms - past.called_ms if known and past.called_ms >= 0 else 0
        detail = self._detail(junction.name, wall_ms)
        if detail is not None and 0 <= signal.at < len(detail.groups):
            waited_ms = max(waited_ms, detail.groups[signal.at].waited_ms)
        calls, kept = record.kept(signal.number, signal.at) if signal.at >= 0 else (0, 0)
        number = signal.number
        return SignalPage(
            signal.pole, junction.name, signal.name, junction.title, signal.crossing, junction.district,
            showing, (record.now_ms - past.since_ms) // 1000 if known else 0,
            (wall_ms - self.heard.wall_ms) // 1000 if self.heard.wall_ms else 0,
            known and (past.called_ms >= 0 or waited_ms > 0), waited_ms // 1000,
            -(-signal.promise_ms // 1000),
            100 * kept // calls if calls >= PUBLIC_K else None,
            calls // PUBLIC_K * PUBLIC_K if calls >= PUBLIC_K else None,
            self.why(signal, showing, wall_ms), detail.citizen if detail and not silent else "", self.policy,
            tuple(_case_row(c) for c in self._open_cases(signal)),
            tuple(self._row(s, wall_ms) for s in self.dealing.directory.crossings_at(number)),
            self.shows_codes and signal.at >= 0, bool(signal.buttons) or signal.at < 0,
        )  # fmt: skip

    def silent(self, wall_ms: int) -> bool:
        """Whether the station was not heard lately."""
        return not self.heard.wall_ms or wall_ms - self.heard.wall_ms > SILENT_MS

    def showing(self, signal: Signal, wall_ms: int) -> Showing:
        """What it shows now; of a junction as a whole only what is wrong with it."""
        if self.silent(wall_ms):
            return Showing.UNKNOWN
        if signal.at < 0:
            here = self.dealing.record.groups.get(signal.number, {}).values()
            unlit = next((p.lamp for p in here if p.lamp in UNLIT), 0)
            return SHOWS[Code(unlit)] if unlit else Showing.UNKNOWN
        record = self.dealing.record
        lamp = record.group(signal.number, signal.at).lamp
        here = record.groups.get(signal.number, {}).values()
        if lamp == Code.RED and any(past.lamp in FLASHING for past in here):
            return Showing.FLASH  # its cars flash: who waits here for a green waits for ever
        if lamp == Code.GREEN:
            return Showing.WALK if signal.group and signal.group.kind == ON_FOOT else Showing.GREEN
        return SHOWS.get(Code(lamp), Showing.UNKNOWN) if lamp else Showing.UNKNOWN

    def why(self, signal: Signal, showing: Showing, wall_ms: int) -> Phrase:
        """Why it shows that, from the terms of the decision itself."""
        if self.silent(wall_ms):
            silent_ms = wall_ms - self.heard.wall_ms if self.heard.wall_ms else SILENT_MS
            return say("why-silent", silent_s=min(silent_ms // 1000, 86_400))
        record, junction = self.dealing.record, signal.junction
        acting = self.heard.acting.get(junction.name, frozenset())
        if Command.ALL_RED in acting and showing in (Showing.WAIT, Showing.UNKNOWN):
            return say("why-all-red")
        if showing in WHY:
            return say(WHY[showing])
        if acting & TAKEN_OVER:
            return say("why-order")
        past = record.group(signal.number, signal.at)
        if signal.at >= 0 and signal.buttons and past.called_ms < 0 and not self._recalled(signal):
            return say("why-not-called")
        lamps = {p.lamp for p in record.groups.get(signal.number, {}).values()}
        if Code.GREEN not in lamps:
            return say("why-clearing")
        if record.junction(signal.number).rung >= FIXED_PLAN_RUNG:
            return say("why-fixed-plan")
        detail = self._detail(junction.name, wall_ms)
        return say(DECIDED.get(detail.decided_by, "why-others-turn") if detail else "why-others-turn")

    def _row(self, signal: Signal, wall_ms: int) -> SignalRow:
        junction = signal.junction
        return SignalRow(
            signal.pole, junction.name, signal.name, junction.title, signal.crossing, junction.district,
            self.showing(signal, wall_ms), len(self._open_cases(signal)),
        )  # fmt: skip

    def _open_cases(self, signal: Signal) -> list[Case]:
        """Open cases of the crossing, and of its junction as a whole; of all for a junction."""
        return [
            case for case in self.dealing.open_at(signal.junction.name)
            if signal.at < 0 or case.group in ("", signal.name)
        ]  # fmt: skip

    def _recalled(self, signal: Signal) -> bool:
        return any(
            case.order and case.target == signal.name for case in self.dealing.open_at(signal.junction.name)
        )

    def _detail(self, junction: str, wall_ms: int) -> Detail | None:
        at_ms, detail = self.heard.details.get(junction, (0, None))
        return detail if detail is not None and wall_ms - at_ms <= DETAIL_MS else None

    # --- cases -------------------------------------------------------------------------

    def case(self, case: Case, mine: bool = False) -> CasePage:
        """Its page."""
        signal = self.dealing.directory.place(case.junction, case.group)
        return CasePage(
            case.id, case.kind, case.life, case.urgent,
            signal.pole if signal else "", case.junction, case.group,
            signal.junction.title if signal else case.junction, signal.crossing if signal else case.group,
            case.district, rounded(case.first_ms), rounded(case.changed_ms),
            case.count if case.count >= PUBLIC_K else None, case.why,
            tuple(Step(s.life, rounded(s.wall_ms), s.why) for s in case.steps),
            case.evidence, case.records, doing(case), rounded_up(case.until_ms) if case.order else 0,
            say(CREW[case.crew]) if case.crew in CREW else None, mine, case.closed,
        )  # fmt: skip

    def flag_view(self, case: Case, wall_ms: int) -> FlagView:
        """As consoles see it."""
        remedy = doing(case)
        return FlagView(
            case.id, case.junction, case.group, case.district, case.kind, case.life, case.count,
            max(0, wall_ms - case.first_ms), case.urgent,
            case.evidence.english[:400] if case.evidence else "", case.agrees,
            remedy.english[:200] if remedy else "", case.order,
            max(0, case.until_ms - wall_ms) if case.order else 0, case.crew, case.why.english[:400],
        )  # fmt: skip

    # --- the public feed ---------------------------------------------------------------

    def open_data(self, wall_ms: int) -> OpenData:
        """All of it."""
        directory = self.dealing.directory
        signals = tuple(self._open_signal(whole, wall_ms) for whole in directory.wholes)
        since_ms = wall_ms - OUTCOME_DAYS * DAY_MS
        rows: dict[tuple[str, Kind], list[Case]] = {}
        for case in self.dealing.cases.values():
            if case.first_ms >= since_ms:
                rows.setdefault((case.district, case.kind), []).append(case)
        outcomes = tuple(_outcome(d, k, found) for (d, k), found in sorted(rows.items()))
        return OpenData(rounded(wall_ms), directory.street, signals, outcomes, self.policy)

    def _open_signal(self, signal: Signal, wall_ms: int) -> OpenSignal:
        record, junction = self.dealing.record, signal.junction
        past = record.junction(signal.number)
        showing = self.showing(signal, wall_ms)
        here = record.groups.get(signal.number, {}).values()
        ago_ms = 0
        if self.silent(wall_ms) or past.rung < 0:
            state = "unknown"
        elif showing in (Showing.FLASH, Showing.DARK):
            state = showing.value
            ago_ms = record.now_ms - min(p.since_ms for p in here if p.lamp in UNLIT)
        elif any(_dark_by_report(case) for case in self.dealing.open_at(junction.name)):
            state = "dark-by-report"
        else:
            state = "fixed-plan" if past.rung >= FIXED_PLAN_RUNG else "normal"
            ago_ms = record.now_ms - past.rung_ms
        poles = tuple(s.pole for s in self.dealing.directory.crossings_at(signal.number))
        return OpenSignal(
            junction.name, junction.title, junction.district, state,
            rounded(wall_ms - ago_ms) if ago_ms else 0, past.rung if state != "unknown" else -1,
            junction.x_m, junction.y_m, poles,
        )  # fmt: skip


def rounded(wall_ms: int) -> int:
    """As times are shown."""
    return wall_ms // ROUND_MS * ROUND_MS


def rounded_up(wall_ms: int) -> int:
    """As ends are shown."""
    return -(-wall_ms // ROUND_MS) * ROUND_MS


def doing(case: Case) -> Phrase | None:
    """What is done for it now."""
    if case.closed:
        return None
    if case.order:
        return say(DONE.get(case.remedy, "remedy-recall"))
    if case.crew in CREW:
        return say(CREW[case.crew])
    if case.urgent:
        return say("remedy-urgent")
    return say("remedy-person") if case.life is FlagLife.WITH_A_PERSON else None


def _case_row(case: Case) -> CaseRow:
    until_ms = rounded_up(case.until_ms) if case.order else 0
    since_ms = rounded(case.first_ms)
    return CaseRow(case.id, case.kind, case.life, case.urgent, since_ms, case.why, doing(case), until_ms)


def _dark_by_report(case: Case) -> bool:
    return case.kind is Kind.DARK and (bool(case.by_person) or case.count >= REPORTED_DARK)


def _outcome(district: str, kind: Kind, found: list[Case]) -> Outcome:
    def public(number: int) -> int | None:
        return number if number >= PUBLIC_K else None

    to_remedy_s = [case.to_remedy_ms // 1000 for case in found if case.to_remedy_ms >= 0]
    return Outcome(
        district, kind, public(len(found)), public(sum(c.count for c in found)),
        public(sum(not c.closed for c in found)),
        public(sum(c.life is FlagLife.FIXED for c in found)),
        public(sum(c.life is FlagLife.NOT_CONFIRMED for c in found)),
        round(median(to_remedy_s)) if len(to_remedy_s) >= PUBLIC_K else None,
    )  # fmt: skip
