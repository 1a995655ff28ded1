"""What the signal's own record says of each kind of complaint, in words, with the records it rests on.

Four answers are possible: it agrees, it says otherwise, it is not sure (part of it is missing, or
the fault is one it might not see), or it cannot show such a thing at all. It refutes only what it
would certainly have shown. Walking speeds after `rules.md` R24 (MUTCD 2009, 4E.06 paragraph 14).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from override.citizen.directory import BUTTON, ON_FOOT, Directory, Signal
from override.citizen.fairness import P999
from override.citizen.phrases import Phrase, say
from override.citizen.record import UNLIT, Code, SignalRecord
from override.flag_messages import Kind

MINUTE_MS = 60_000
PRESSED_WITHIN_MS = 2 * MINUTE_MS
"""Whoever says that the button does nothing has pressed it within this time."""
LOOK_BACK_MS = 15 * MINUTE_MS
CALL_WITHIN_MS = 3_000
"""A press that is heard is a call within this time."""
SLOW_WALK_M_PER_S = 0.91
BEHIND_KERB_M = 1.8
WALKS_MEASURED = 10
STILL_MS = 5 * MINUTE_MS
"""No lamp of a junction keeps its colour so long while it works (the longest lawful green is 120 s)."""
RESERVE_MS = 30_000
"""As the monitor's starvation checks: a promise and this long is no chance any more (10.1)."""
CYCLES = 5
"""Good cycles in a row that prove a fault absent."""
PRESSES = 3
"""Genuine presses that prove a button (10.9)."""


class Verdict(StrEnum):
    """What the record says of a complaint."""

    AGREES = "agrees"
    REFUTES = "refutes"
    UNSURE = "unsure"
    CANNOT = "cannot tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer, and the crossing or detector that the fault is at."""

    verdict: Verdict
    words: Phrase
    records: tuple[Phrase, ...] = ()
    crossing: str = ""
    detector: str = ""
    certain: bool = False
    """The record alone would show it: no silence that a quiet hour explains as well."""


def slow_walk_ms(length_dm: int) -> int:
    """What walk and clearance together must give a slow walker from behind the kerb (R24)."""
    return round(1000 * (length_dm / 10 + BEHIND_KERB_M) / SLOW_WALK_M_PER_S)


class Witness:
    """Reads one record with one directory."""

    def __init__(self, record: SignalRecord, directory: Directory) -> None:
        self.record = record
        self.directory = directory
        self._by_kind: dict[Kind, Callable[[Signal, int], Finding]] = {
            Kind.BUTTON_DEAD: self._button,
            Kind.WALK_SHORT: self._walk,
            Kind.WAITED_LONG: self._wait,
            Kind.STUCK: self._stuck,
            Kind.DARK: self._dark,
            Kind.GREEN_TOGETHER: self._together,
            Kind.BUS_STUCK: self._bus,
        }

    def judge(self, kind: Kind, signal: Signal, from_ms: int) -> Finding:
        """What the record says of a complaint made at `from_ms` of the record, as of now."""
        look = self._by_kind.get(kind)
        if look is None:
            return Finding(Verdict.CANNOT, say("rec-cannot-tell"))
        return look(signal, from_ms)

    def good_times(self, kind: Kind, words: Phrase | None, signal: Signal, from_ms: int) -> tuple[int, int]:
        """(good cycles in a row since then, how many of them are proof); (0, 0) = it can prove nothing."""
        if words is not None and words.code.startswith("rec-button"):
            return self._good_presses(signal, from_ms), PRESSES
        if kind in (Kind.WAITED_LONG, Kind.BUTTON_DEAD):
            return self._good_waits(signal, from_ms), CYCLES
        if kind is Kind.WALK_SHORT and signal.group is not None:
            walks = self._walks_ms(signal, from_ms)
            needed_ms = slow_walk_ms(signal.group.length_dm)
            return (len(walks) if all(ms >= needed_ms for _, ms in walks) else 0), CYCLES
        if kind in (Kind.STUCK, Kind.DARK, Kind.BUS_STUCK):
            return self._good_greens(signal, from_ms), CYCLES
        return 0, 0

    # --- the kinds ---------------------------------------------------------------------

    def _button(self, signal: Signal, from_ms: int) -> Finding:
        answers = [self._one_button(s, from_ms) for s in self._crossings(signal) if s.buttons]
        if not answers:
            return Finding(Verdict.CANNOT, say("rec-cannot-tell"))
        order = (Verdict.AGREES, Verdict.UNSURE, Verdict.REFUTES, Verdict.CANNOT)
        if signal.at < 0:
            # Which button of the junction is meant nobody said: only what is certain counts.
            answers = [a for a in answers if a.verdict is not Verdict.AGREES or a.certain]
            if not answers:
                return Finding(Verdict.UNSURE, say("rec-cannot-tell"))
        return min(answers, key=lambda answer: order.index(answer.verdict))

    def _one_button(self, signal: Signal, from_ms: int) -> Finding:
        record, name = self.record, signal.name
        past = record.group(signal.number, signal.at)
        lost = record.junction(signal.number).lost
        for button in signal.buttons:
            if button in lost:
                words = say("rec-button-lost", at=record.clock(lost[button]))
                return Finding(Verdict.AGREES, words, crossing=name, certain=True)
        if (late := self._overdue(signal)) is not None:
            return late
        begin_ms = from_ms - PRESSED_WITHIN_MS
        presses = [ms for ms in past.presses if ms > begin_ms]
        for ms in presses:
            if not self._heard(signal, ms):
                words = say("rec-button-unheard", at=record.clock(ms))
                return Finding(Verdict.AGREES, words, crossing=name, certain=True)
        if presses:
            lately = [ms for ms in past.presses if ms > record.now_ms - LOOK_BACK_MS]
            words = say("rec-button-works", presses=len(lately), minutes=LOOK_BACK_MS // MINUTE_MS)
            if len(lately) == 1:
                words = say("rec-button-worked", minutes=LOOK_BACK_MS // MINUTE_MS)
            if not record.complete_since(presses[-1]):
                return Finding(Verdict.UNSURE, _gap(record.now_ms - begin_ms), crossing=name)
            return Finding(Verdict.REFUTES, words, self._last_service(signal), name)
        silent_ms = record.now_ms - max([record.known_from_ms(), *past.presses])
        if record.begin_ms < 0 or silent_ms < PRESSED_WITHIN_MS:
            return Finding(Verdict.UNSURE, _gap(record.now_ms - begin_ms), crossing=name)
        words = say("rec-button-silent", minutes=silent_ms // MINUTE_MS)
        certain = record.expected_presses(signal.number, signal.at) >= P999
        return Finding(Verdict.AGREES, words, self._last_service(signal), name, certain=certain)

    def _wait(self, signal: Signal, from_ms: int) -> Finding:
        record, longest, calls = self.record, (-1, 0, 0), 0
        signals = self._groups(signal)
        for one in signals:
            if (late := self._overdue(one)) is not None:
                return late
            past = record.group(one.number, one.at)
            for called_ms, served_ms in past.waits:
                if served_ms > from_ms - LOOK_BACK_MS:
                    calls += 1
                    waited_ms = served_ms - called_ms
                    longest = max(longest, (waited_ms, one.promise_ms, served_ms))
                    if one.promise_ms and waited_ms > one.promise_ms:
                        words = say(
                            "rec-waited-long", waited_s=waited_ms // 1000, promise_s=one.promise_ms // 1000
                        )
                        return Finding(Verdict.AGREES, words, self._last_service(one), one.name, certain=True)
            calls += past.called_ms >= 0
        if not record.complete_since(from_ms - LOOK_BACK_MS) and not calls:
            return Finding(Verdict.UNSURE, _gap(LOOK_BACK_MS))
        if not calls:
            # Somebody waited and no call was heard: then it is the button.
            if signal.at >= 0 and signal.buttons:
                return self._one_button(signal, from_ms)
            return Finding(Verdict.UNSURE, say("rec-no-call", minutes=LOOK_BACK_MS // MINUTE_MS))
        words = say(
            "rec-waited-kept", minutes=LOOK_BACK_MS // MINUTE_MS,
            waited_s=max(0, longest[0]) // 1000, promise_s=max(longest[1], signal.promise_ms) // 1000,
        )  # fmt: skip
        if not record.complete_since(from_ms - LOOK_BACK_MS):
            return Finding(Verdict.UNSURE, words)
        return Finding(Verdict.REFUTES, words)

    def _walk(self, signal: Signal, from_ms: int) -> Finding:
        worst: tuple[int, int, int, Signal] | None = None
        for one in self._crossings(signal):
            assert one.group is not None
            needed_ms = slow_walk_ms(one.group.length_dm)
            if not one.group.length_dm:
                continue
            for ms, given_ms in self._walks_ms(one, from_ms - LOOK_BACK_MS)[-WALKS_MEASURED:]:
                row = (given_ms - needed_ms, ms, given_ms, one)
                worst = row if worst is None or row[:1] < worst[:1] else worst
        if worst is None:
            return Finding(Verdict.UNSURE, say("rec-walk-unseen", minutes=LOOK_BACK_MS // MINUTE_MS))
        spare_ms, ms, given_ms, one = worst
        assert one.group is not None
        values: dict[str, int | str] = {
            "at": self.record.clock(ms), "given_s": given_ms // 1000,
            "length_m": round(one.group.length_dm / 10),
            "needed_s": -(-slow_walk_ms(one.group.length_dm) // 1000),
        }  # fmt: skip
        if spare_ms < 0:
            return Finding(Verdict.AGREES, say("rec-walk-short", **values), crossing=one.name, certain=True)
        # Who walks slower than that is right too: a person decides.
        return Finding(Verdict.UNSURE, say("rec-walk-enough", **values), crossing=one.name)

    def _stuck(self, signal: Signal, from_ms: int) -> Finding:
        record = self.record
        if (late := self._late_red(signal)) is not None:
            return late
        past = record.junction(signal.number)
        here = record.groups.get(signal.number, {}).values()
        flashes = any(p.lamp in UNLIT for p in here)
        still_ms = record.now_ms - max(past.changed_ms, record.known_from_ms())
        if past.changed_ms >= 0 and still_ms >= STILL_MS and not flashes:
            words = say("rec-stuck", minutes=still_ms // MINUTE_MS)
            return Finding(Verdict.AGREES, words, crossing=signal.name, certain=True)
        if (blind := self._blind(signal)) is not None:
            return blind
        begin_ms = from_ms - LOOK_BACK_MS
        changes = sum(ms > begin_ms for p in here for ms, _ in p.changes)
        words = say("rec-moving", changes=changes, minutes=LOOK_BACK_MS // MINUTE_MS)
        if changes == 1:
            words = say("rec-moved", minutes=LOOK_BACK_MS // MINUTE_MS)
        sure = changes and record.complete_since(begin_ms)
        return Finding(Verdict.REFUTES if sure else Verdict.UNSURE, words)

    def _dark(self, signal: Signal, from_ms: int) -> Finding:
        for past in self.record.groups.get(signal.number, {}).values():
            if past.lamp in UNLIT:
                code = "rec-dark" if past.lamp == Code.DARK else "rec-flash"
                return Finding(Verdict.AGREES, say(code, at=self.record.clock(past.since_ms)), certain=True)
        # A burnt-out lamp may not be in the record: a person looks.
        return Finding(Verdict.UNSURE, say("rec-lit", minutes=LOOK_BACK_MS // MINUTE_MS))

    def _together(self, signal: Signal, from_ms: int) -> Finding:
        begin_ms = from_ms - LOOK_BACK_MS
        groups = signal.junction.groups
        for a, b in self.directory.conflicts(signal.number):
            if signal.at >= 0 and signal.at not in (a, b):
                continue
            at_ms = _overlap_ms(self._greens_ms(signal, a), self._greens_ms(signal, b), begin_ms)
            if at_ms >= 0:
                words = say(
                    "rec-together", first=groups[a].name, second=groups[b].name, at=self.record.clock(at_ms)
                )
                return Finding(Verdict.AGREES, words, crossing=signal.name, certain=True)
        words = say("rec-not-together", minutes=LOOK_BACK_MS // MINUTE_MS)
        if not self.record.complete_since(begin_ms):
            words = _gap(LOOK_BACK_MS)
        return Finding(Verdict.UNSURE, words)

    def _bus(self, signal: Signal, from_ms: int) -> Finding:
        for one in self._groups(self.directory.wholes[signal.number]):
            drives = one.group is not None and one.group.kind != ON_FOOT
            if drives and (late := self._late_red(one)) is not None:
                return late
        if (blind := self._blind(signal)) is not None:
            return blind
        return Finding(Verdict.UNSURE, say("rec-cannot-tell"))

    # --- what they share ---------------------------------------------------------------

    def _crossings(self, signal: Signal) -> tuple[Signal, ...]:
        return (signal,) if signal.at >= 0 else self.directory.crossings_at(signal.number)

    def _groups(self, signal: Signal) -> tuple[Signal, ...]:
        if signal.at >= 0:
            return (signal,)
        groups = signal.junction.groups
        return tuple(Signal(signal.number, k, signal.junction, g, "") for k, g in enumerate(groups))

    def _overdue(self, signal: Signal) -> Finding | None:
        """A call that waits longer than promised; nothing is promised while the junction flashes."""
        past = self.record.group(signal.number, signal.at)
        if any(p.lamp in UNLIT for p in self.record.groups.get(signal.number, {}).values()):
            return None
        waited_ms = self.record.now_ms - past.called_ms if past.called_ms >= 0 else 0
        if not signal.promise_ms or waited_ms <= signal.promise_ms:
            return None
        words = say("rec-waiting-long", waited_s=waited_ms // 1000, promise_s=signal.promise_ms // 1000)
        return Finding(Verdict.AGREES, words, crossing=signal.name, certain=True)

    def _late_red(self, signal: Signal) -> Finding | None:
        """A group that is called, and red for much longer than promised."""
        past = self.record.group(signal.number, signal.at) if signal.at >= 0 else None
        if past is None or past.lamp != Code.RED or past.called_ms < 0 or not signal.promise_ms:
            return None
        red_ms = self.record.now_ms - past.called_ms
        if red_ms <= signal.promise_ms + RESERVE_MS:
            return None
        words = say("rec-stuck-red", red_s=red_ms // 1000, promise_s=signal.promise_ms // 1000)
        foot = signal.group is not None and signal.group.kind == ON_FOOT
        return Finding(Verdict.AGREES, words, crossing=signal.name if foot else "", certain=True)

    def _blind(self, signal: Signal) -> Finding | None:
        """A sensor of vehicles that is not believed."""
        detectors = signal.junction.detectors
        for number, ms in sorted(self.record.junction(signal.number).lost.items()):
            if number < len(detectors) and detectors[number].kind != BUTTON:
                name = detectors[number].name
                words = say("rec-detector-lost", detector=name, at=self.record.clock(ms))
                return Finding(Verdict.AGREES, words, detector=name, certain=True)
        return None

    def _heard(self, signal: Signal, press_ms: int) -> bool:
        """Whether a press became a call, or came while one waited or people walked already."""
        past = self.record.group(signal.number, signal.at)
        if press_ms > self.record.now_ms - CALL_WITHIN_MS:
            return True  # too early to say
        # A call that waited before the record began makes no new one; it is served within its promise.
        waited_ms = self.record.known_from_ms() + signal.promise_ms + RESERVE_MS
        if press_ms < (past.calls_known_ms if past.calls_known_ms >= 0 else waited_ms):
            return True
        if any(press_ms - CALL_WITHIN_MS <= ms <= press_ms + CALL_WITHIN_MS for ms in past.calls):
            return True
        if 0 <= past.called_ms <= press_ms + CALL_WITHIN_MS:
            return True
        if any(
            called - CALL_WITHIN_MS <= press_ms <= served + CALL_WITHIN_MS for called, served in past.waits
        ):
            return True
        before = [code for ms, code in past.changes if ms <= press_ms + CALL_WITHIN_MS]
        return not before or before[-1] == Code.GREEN or not self.record.complete_since(press_ms)

    def _last_service(self, signal: Signal) -> tuple[Phrase, ...]:
        past = self.record.group(signal.number, signal.at)
        if not past.waits:
            return ()
        called_ms, served_ms = past.waits[-1]
        clock = self.record.clock
        return (say("rec-last-service", called=clock(called_ms), served=clock(served_ms)),)

    def _walks_ms(self, signal: Signal, from_ms: int) -> list[tuple[int, int]]:
        """(begin, length) of the finished walks, clearance included, that began after `from_ms`."""
        walks, begin_ms = [], -1
        for ms, code in self.record.group(signal.number, signal.at).changes:
            if code == Code.GREEN:
                begin_ms = ms
            elif code == Code.RED and begin_ms > from_ms:
                walks.append((begin_ms, ms - begin_ms))
                begin_ms = -1
        return walks

    def _greens_ms(self, signal: Signal, group: int) -> list[tuple[int, int]]:
        spans, begin_ms = [], -1
        for ms, code in self.record.group(signal.number, group).changes:
            if begin_ms >= 0 and code != Code.GREEN:
                spans.append((begin_ms, ms))
                begin_ms = -1
            elif code == Code.GREEN:
                begin_ms = ms
        return [*spans, (begin_ms, self.record.now_ms)] if begin_ms >= 0 else spans

    def _good_presses(self, signal: Signal, from_ms: int) -> int:
        lost = self.record.junction(signal.number).lost
        if any(button in lost for button in signal.buttons):
            return 0
        times, last_ms = 0, -1
        for ms in self.record.group(signal.number, signal.at).presses:
            if ms > from_ms and (last_ms < 0 or ms - last_ms >= CALL_WITHIN_MS):
                times, last_ms = times + 1, ms
        return times

    def _good_waits(self, signal: Signal, from_ms: int) -> int:
        times = 0
        for one in self._groups(signal):
            for called_ms, served_ms in self.record.group(one.number, one.at).waits:
                if served_ms > from_ms:
                    kept = not one.promise_ms or served_ms - called_ms <= one.promise_ms
                    times = times + 1 if kept else 0
        return times

    def _good_greens(self, signal: Signal, from_ms: int) -> int:
        """Greens of the group, or of the busiest one of the junction; 0 while anything is wrong."""
        here = self.record.groups.get(signal.number, {})
        if self._blind(signal) is not None or any(p.lamp in UNLIT for p in here.values()):
            return 0
        groups = [signal.at] if signal.at >= 0 else [g for g, p in here.items() if p.lamp]
        from_ms = max(from_ms, self.record.known_from_ms())
        counts = [self.record.greens_since(signal.number, g, from_ms) for g in groups]
        # Crossings that nobody calls are never green: the busiest group stands for the junction.
        return max(counts, default=0)


def _overlap_ms(first: list[tuple[int, int]], second: list[tuple[int, int]], begin_ms: int) -> int:
    """When two of these spans began to overlap after `begin_ms`; -1 = never."""
    for a0, a1 in first:
        for b0, b1 in second:
            start_ms, end_ms = max(a0, b0, begin_ms), min(a1, b1)
            if start_ms < end_ms:
                return start_ms
    return -1


def _gap(window_ms: int) -> Phrase:
    return say("rec-gap", minutes=max(1, window_ms // MINUTE_MS))
