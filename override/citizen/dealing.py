"""What is done with each flag and each case, moment by moment. Pure: no thread, no file, no socket.

A flag is folded into its case; the case is compared with the signal's own record; if that agrees, a
remedy of the closed list is wished for, else a person looks. Everything that must be kept is put
into `writing`, everything that must be asked of the station into `wishes`; whoever drives this
commits the first before anybody is told, and carries out the second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from override.citizen import cases
from override.citizen.admission import Admission
from override.citizen.cases import CLOSED, Case, Event, can, step
from override.citizen.directory import Directory, Signal
from override.citizen.evidence import Finding, Verdict, Witness
from override.citizen.fairness import Listening
from override.citizen.pages import ROUND_MS, Step
from override.citizen.phrases import Phrase, say
from override.citizen.presence import Voice
from override.citizen.record import SignalRecord
from override.citizen.remedies import (
    BY_REPORTS_MS,
    LEASE_MS,
    MOST_MS,
    RECALLABLE,
    RENEW_BEFORE_MS,
    Remedy,
    Wish,
    first_wish,
    has_room,
    release,
    remedy_for,
    renewal,
)
from override.citizen.store import Writing
from override.flag_messages import FlagLife, Kind

SETTLE_MS = 30_000
"""So long an unsure record may make up its mind before a person is asked."""
AGAIN_MS = 5_000
"""A wish that was not answered is tried again after this time."""
REPEATS_A_WINDOW = 3
"""Flags of a known fault that count for how readily a district reports: more at once are a crowd."""
LOST_MS = 3_000
"""An order that the station has not named for so long is gone."""
REOPENS_MS = 24 * 3_600_000
"""A flag so soon after the end of a case opens it again; later ones open another."""
DAY_MS = 86_400_000
PERSONS = {
    Kind.TURNED: "needs-crew",
    Kind.SOUND: "needs-crew",
    Kind.DARK: "needs-crew",
    Kind.WALK_SHORT: "walk-needs-person",
    Kind.GREEN_TOGETHER: "urgent",
}
"""Why a person goes on, where no remedy of the list helps."""


class Dealing:
    """All cases of one street."""

    def __init__(self, kept: Iterable[Case] = ()) -> None:
        self.cases: dict[str, Case] = {case.id: case for case in kept}
        self.latest: dict[tuple[str, str, Kind], str] = {c.place: c.id for c in self.cases.values()}
        self._open: dict[str, dict[str, None]] = {}
        for case in self.cases.values():
            self._list(case)
        self.record = SignalRecord()
        self.directory = Directory()
        self.witness = Witness(self.record, self.directory)
        self.admission = Admission()
        self.listening = Listening()
        self.writing = Writing.nothing()
        self.wishes: dict[str, Wish] = {}
        """By case: what waits to be asked of the station, or for its answer."""
        self.live_orders: frozenset[str] | None = None
        """Ids that the station says are live; None while it is not heard."""
        self._tried_ms: dict[str, int] = {}
        self._missing_ms: dict[str, int] = {}
        self._told: dict[str, tuple[int, int]] = {}
        """By case: (latest window, flags in it)."""

    def look_at(self, directory: Directory) -> bool:
        """Another layout was heard; True = it is another street, and the record was forgotten."""
        anew = bool(self.directory) and not self.directory.same_street(directory)
        if anew:
            self.record.forget()
        self.directory = directory
        self.witness = Witness(self.record, directory)
        self.record.promise_ms = {
            (number, at): group.promise_ms
            for number, junction in enumerate(directory.junctions)
            for at, group in enumerate(junction.groups)
        }
        return anew

    # --- flags -------------------------------------------------------------------------

    def fold(self, signal: Signal, kind: Kind, voice: Voice, number: int, wall_ms: int) -> Case:
        """The case that a flag counts for; a new one gets `number`. It is dealt with at once."""
        case = self.latest_case(signal, kind, wall_ms)
        if case is None:
            case = self.new(signal, kind, voice, number, wall_ms)
        else:
            case = self.another(case, voice, Event.ANOTHER, say("known"), wall_ms)
        return self.deal(case, wall_ms)

    def still(self, case: Case, voice: Voice, wall_ms: int) -> Case:
        """One tap: it is still so."""
        why = say("reopened") if case.closed else say("known")
        case = self.another(case, voice, Event.STILL, why, wall_ms)
        return self.deal(case, wall_ms)

    def latest_case(self, signal: Signal, kind: Kind, wall_ms: int) -> Case | None:
        """The case that a flag would count for: one that is open, or was closed not long ago."""
        found = self.cases.get(self.latest.get((signal.junction.name, signal.name, kind), ""))
        if found is not None and found.closed and wall_ms - found.closed_ms > REOPENS_MS:
            return None
        return found

    def new(self, signal: Signal, kind: Kind, voice: Voice, number: int, wall_ms: int) -> Case:
        """A case that nobody knew of."""
        received = say("urgent") if kind is Kind.GREEN_TOGETHER else cases.RECEIVED
        begun = Case(
            cases.case_id(number), signal.junction.name, signal.name, signal.junction.district, kind,
            wall_ms, wall_ms, round_ms=wall_ms, urgent=kind is Kind.GREEN_TOGETHER, count=0, why=received,
            steps=(Step(FlagLife.RECEIVED, wall_ms, received),), heard_ms=self.record.now_ms,
        )  # fmt: skip
        return self.put(cases.flagged(begun, voice, wall_ms))

    def another(self, case: Case, voice: Voice, event: Event, why: Phrase, wall_ms: int) -> Case:
        """A case that one flag more counts for."""
        before = case
        case = replace(cases.flagged(case, voice, wall_ms), heard_ms=self.record.now_ms)
        window, times = self._told.get(case.id, (0, 0))
        times = times + 1 if window == wall_ms // cases.WINDOW_MS else 1
        self._told[case.id] = (wall_ms // cases.WINDOW_MS, times)
        if not before.closed and times <= REPEATS_A_WINDOW:
            self.listening.repeat(case.district)
        if case.closed:
            case = replace(case, agrees=False, by_record=False, by_person="", crew="", round_ms=wall_ms)
            why = say("reopened")
        elif case.life not in (FlagLife.RECEIVED, FlagLife.KNOWN):
            return self.put(case)  # it counts; where it stands stays as it is
        return self.put(step(case, event, why, wall_ms))

    # --- one case ----------------------------------------------------------------------

    def deal(self, case: Case, wall_ms: int) -> Case:
        """Compare a case with the record and do what follows. Changes nothing when nothing follows."""
        signal = self.directory.place(case.junction, case.group)
        if case.closed or not self.directory:
            return case
        if signal is None:
            return self._hand(case, say("with-a-person"), wall_ms)
        finding = self.witness.judge(case.kind, signal, case.proof_from_ms if case.agrees else case.heard_ms)
        if case.agrees:
            return self._attend(case, finding, signal, wall_ms)
        if finding.verdict is Verdict.AGREES and not finding.certain and not case.voices:
            # A silence is evidence beside somebody who has pressed: nobody of those was at the pole.
            finding = replace(finding, verdict=Verdict.UNSURE)
        if finding.verdict is Verdict.AGREES:
            return self.agree(case, finding, wall_ms)
        case = self.put(replace(case, evidence=finding.words, records=finding.records))
        if finding.verdict is Verdict.REFUTES and can(case, Event.REFUTE) and not self._many_say_so(case):
            return self.close(step(case, Event.REFUTE, say("not-confirmed"), wall_ms), wall_ms)
        if case.by_reports or (case.group and self._many_say_so(case)):
            return self._attend(self._by_reports(case), finding, signal, wall_ms)
        sure = finding.verdict is not Verdict.UNSURE or case.urgent
        if sure or wall_ms - case.changed_ms >= SETTLE_MS:
            return self._hand(case, say(PERSONS.get(case.kind, "with-a-person")), wall_ms)
        return case

    def agree(self, case: Case, finding: Finding, wall_ms: int) -> Case:
        """The record confirms it: something safe is wished for, or a person goes on with it."""
        done = case.life is FlagLife.REMEDIED  # by many reports, and now the record agrees too
        case = step(case, Event.AGREE, say("remedied" if done else "confirmed"), wall_ms)
        remedy, target = remedy_for(case.kind, finding)
        case = replace(
            case, agrees=True, evidence=finding.words, records=finding.records, by_reports=False,
            proof_from_ms=self.record.now_ms,
            remedy="" if remedy is Remedy.PERSON else remedy.value, target=target,
        )  # fmt: skip
        signal = self.directory.place(case.junction, case.group)
        assert signal is not None
        return self._attend(self.put(case), finding, signal, wall_ms)

    def _attend(self, case: Case, finding: Finding, signal: Signal, wall_ms: int) -> Case:
        """A case that somebody's word or the record's has made true, until it is proved to be over."""
        if case.target and case.remedy == Remedy.RECALL:
            signal = self.directory.place(case.junction, case.target) or signal
        button = case.evidence is not None and case.evidence.code.startswith("rec-button")
        if case.agrees and finding.verdict is Verdict.AGREES and not button:
            # The fault shows again: only what comes after this can prove it absent. Not worth a write.
            case = self.cases[case.id] = replace(case, proof_from_ms=self.record.now_ms)
        good, enough = self.witness.good_times(case.kind, case.evidence, signal, case.proof_from_ms)
        if case.remedy == Remedy.WALK and case.order:
            enough = 0  # walks are long enough because of the remedy: that proves nothing mended
        if case.agrees and enough and good >= enough and can(case, Event.PROVE):
            return self.close(step(case, Event.PROVE, say("fixed-proof", times=good), wall_ms), wall_ms)
        if not case.remedy:
            why = say(PERSONS.get(case.kind, "needs-crew" if case.agrees else "with-a-person"))
            return self._hand(case, why, wall_ms)
        return self._remedy(case, finding.certain, wall_ms)

    def _remedy(self, case: Case, certain: bool, wall_ms: int) -> Case:
        """Have the remedy given, prolonged, given anew, or ended."""
        most_ms = BY_REPORTS_MS if case.by_reports else MOST_MS
        if case.remedy_ms and wall_ms - case.remedy_ms >= most_ms:
            why = say("remedy-over", days=MOST_MS // DAY_MS) if case.agrees else say("with-a-person")
            return self._hand(self.end_remedy(case), why, wall_ms)
        if case.id in self.wishes:
            return case
        if case.order and (self._is_lost(case, wall_ms) or wall_ms >= case.until_ms):
            case = self.put(replace(case, order="", until_ms=0))
        if case.order:
            if case.until_ms - wall_ms < RENEW_BEFORE_MS and self._may_try(case, wall_ms):
                self.wishes[case.id] = renewal(case)
            return case
        if not has_room(case, certain, self.open_cases(), self.wishes, self.directory):
            return self._hand(case, say("remedy-full"), wall_ms)
        if self._may_try(case, wall_ms):
            self.wishes[case.id] = first_wish(case)
        return case

    def _is_lost(self, case: Case, wall_ms: int) -> bool:
        """Whether the station has known nothing of the case's order for a while (it was restarted)."""
        if self.live_orders is None or case.order in self.live_orders:
            self._missing_ms.pop(case.order, None)
            return False
        return wall_ms - self._missing_ms.setdefault(case.order, wall_ms) >= LOST_MS

    def _by_reports(self, case: Case) -> Case:
        if case.by_reports:
            return case
        return self.put(replace(case, by_reports=True, remedy=Remedy.RECALL.value, target=case.group))

    def _many_say_so(self, case: Case) -> bool:
        """Enough flags, at different times, by different ways or codes of its pole, at a crossing (10.8)."""
        return (
            case.kind in RECALLABLE
            and bool(case.group)
            and not case.remedy_ms
            and case.voices >= self.listening.flags_needed(case.district)
            and len(case.windows) >= 2
            and max(len(case.channels), len(case.codes)) >= 2
        )

    def _may_try(self, case: Case, wall_ms: int) -> bool:
        if wall_ms - self._tried_ms.get(case.id, -AGAIN_MS) < AGAIN_MS:
            return False
        self._tried_ms[case.id] = wall_ms
        return True

    # --- what the station answers --------------------------------------------------------

    def granted(self, wish: Wish, order: str, wall_ms: int) -> None:
        """The station has accepted or prolonged the remedy."""
        self._answered(wish)
        case = self.cases.get(wish.case)
        if case is None:
            return
        if case.closed or not case.remedy:
            self.wishes[wish.case] = release(replace(case, order=order))  # it came too late
            return
        until_ms = wall_ms + LEASE_MS
        if not case.remedy_ms:
            case = replace(case, remedy_ms=wall_ms)
        if case.to_remedy_ms < 0:
            case = replace(case, to_remedy_ms=wall_ms - case.round_ms)
        case = replace(case, order=order, until_ms=until_ms)
        why = say("enough-reports", minutes=BY_REPORTS_MS // 60_000) if case.by_reports else say("remedied")
        if case.life is not FlagLife.REMEDIED and can(case, Event.REMEDY):
            case = step(case, Event.REMEDY, why, wall_ms)
        self.put(case)

    def released(self, wish: Wish) -> None:
        """The station has ended the remedy, or knows of none."""
        self._answered(wish)

    def failed(self, wish: Wish, code: str, why: str, wall_ms: int) -> None:
        """It was refused (with a code), or nothing was heard (without). Tried again while it is wanted."""
        self._answered(wish)
        case = self.cases.get(wish.case)
        if case is None or case.closed:
            return
        if code == "order":
            self.put(replace(case, order="", until_ms=0))  # prolonging what is gone: given anew
        elif code in ("", "stale", "sequence", "basis", "rate"):
            if not case.order and wall_ms - case.changed_ms >= SETTLE_MS:
                self._hand(case, say("remedy-unheard"), wall_ms)
        else:
            self._hand(case, say("remedy-refused", reason=why[:120]), wall_ms)

    # --- parts -------------------------------------------------------------------------

    def open_at(self, junction: str) -> list[Case]:
        """Open cases at a junction, oldest first."""
        return [self.cases[name] for name in self._open.get(junction, ())]

    def open_cases(self) -> list[Case]:
        """All of them."""
        return [self.cases[name] for here in self._open.values() for name in here]

    def _answered(self, wish: Wish) -> None:
        """No longer waited for, unless another wish of the case has taken its place."""
        if self.wishes.get(wish.case) is wish:
            del self.wishes[wish.case]

    def _hand(self, case: Case, why: Phrase, wall_ms: int) -> Case:
        if case.life is FlagLife.REMEDIED and case.order:
            return case  # what was done goes on; a renewal that failed is tried again
        if case.by_person and case.life is FlagLife.WITH_A_PERSON:
            return case
        if not can(case, Event.HAND) or (case.life is FlagLife.WITH_A_PERSON and case.why == why):
            return case
        return self.put(step(case, Event.HAND, why, wall_ms))

    def end_remedy(self, case: Case) -> Case:
        """Nothing is done any more."""
        if case.order:
            self.wishes[case.id] = release(case)
        return self.put(replace(case, order="", until_ms=0))

    def close(self, case: Case, wall_ms: int) -> Case:
        """A case that has just come to its end: nothing is done any more, its words are erased."""
        assert case.life in CLOSED
        if case.order:
            self.wishes[case.id] = release(case)
        self.writing.triaged.append(case.id)
        rounded = [replace(one, wall_ms=one.wall_ms // ROUND_MS * ROUND_MS) for one in case.steps]
        return self.put(
            replace(
                case, order="", until_ms=0, remedy="", target="", remedy_ms=0, by_reports=False, agrees=False,
                steps=tuple(rounded), first_ms=case.first_ms // ROUND_MS * ROUND_MS,
                changed_ms=wall_ms // ROUND_MS * ROUND_MS, closed_ms=wall_ms // ROUND_MS * ROUND_MS,
            )
        )  # fmt: skip

    def restore(self, before: dict[str, Case]) -> None:
        """Cases as they were, after a write that failed; they are written again with the next."""
        changed = [case for name, case in self.cases.items() if before.get(name) is not case]
        for case in changed:
            self._open.get(case.junction, {}).pop(case.id, None)
            self.wishes.pop(case.id, None)
        self.cases = dict(before)
        self.latest = {c.place: c.id for c in self.cases.values()}
        self.writing.cases = [before[c.id] for c in changed if c.id in before]
        for case in self.writing.cases:
            self._list(case)

    def put(self, case: Case) -> Case:
        """Make this version of a case so, and have it kept."""
        if self.cases.get(case.id) != case:
            self.cases[case.id] = case
            self.latest[case.place] = case.id
            self._list(case)
            self.writing.cases.append(case)
        return case

    def _list(self, case: Case) -> None:
        here = self._open.setdefault(case.junction, {})
        if case.closed:
            here.pop(case.id, None)
        else:
            here[case.id] = None
