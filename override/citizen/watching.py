"""What the record says without being asked: five presses of a button, and buttons that fell silent.

Both speak for people who have no phone, no sight, or no habit of complaining (10.9).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from override.citizen.cases import Event
from override.citizen.dealing import Dealing
from override.citizen.directory import Signal
from override.citizen.evidence import Finding, Verdict
from override.citizen.phrases import say
from override.citizen.presence import Voice
from override.flag_messages import Channel, Kind

MINUTE_MS = 60_000
PRESSED = Voice(Channel.BUTTON)
"""Whoever presses, or would, stands at the pole."""


class Watch:
    """Looks at one `Dealing` once a second."""

    def __init__(self, dealing: Dealing) -> None:
        self.dealing = dealing
        self._episodes = dealing.record.episodes

    def look_around(self, now_ms: int, wall_ms: int, numbers: Iterator[int]) -> None:
        """Every open case, and every button. New cases take their numbers from `numbers`.

        `now_ms` is of the monotonic clock, by which ceilings are counted.
        """
        self._count_exposure()
        for case in self.dealing.open_cases():
            self.dealing.deal(case, wall_ms)
        self._five_presses(numbers, now_ms, wall_ms)
        for signal in self.dealing.directory.crossings:
            if signal.buttons:
                self._silence(signal, numbers, wall_ms)

    def _five_presses(self, numbers: Iterator[int], now_ms: int, wall_ms: int) -> None:
        """Five presses within ten seconds are a flag by themselves."""
        dealing, record = self.dealing, self.dealing.record
        pressed, record.five_presses[:] = record.five_presses[:], []
        for ms, number, at in pressed:
            signal = dealing.directory.at(number, at)
            if signal is None:
                continue
            place = (signal.junction.name, signal.junction.district)
            if dealing.admission.admit(*place, f"button {signal.pole}", now_ms):
                continue
            case = dealing.fold(signal, Kind.BUTTON_DEAD, PRESSED, next(numbers), wall_ms)
            words = say("rec-five-presses", at=record.clock(ms))
            dealing.put(replace(case, records=(*case.records, words)[-3:]))

    def _silence(self, signal: Signal, numbers: Iterator[int], wall_ms: int) -> None:
        """A button at which nobody pressed while many did elsewhere."""
        dealing, record = self.dealing, self.dealing.record
        expected = record.expected_presses(signal.number, signal.at)
        if not expected or expected < dealing.listening.silence_presses(signal.junction.district):
            return
        known = dealing.latest_case(signal, Kind.BUTTON_DEAD, wall_ms)
        if known is not None and not known.closed:
            return
        presses = record.group(signal.number, signal.at).presses
        usual_ms = (presses[-1] - presses[0]) // max(1, len(presses) - 1)
        minutes = (record.now_ms - presses[-1]) // MINUTE_MS
        words = say("rec-button-too-silent", minutes=minutes, usual_s=max(1, usual_ms // 1000))
        if known is None:
            case = dealing.new(signal, Kind.BUTTON_DEAD, PRESSED, next(numbers), wall_ms)
        else:
            why = say("reopened")
            case = dealing.another(known, PRESSED, Event.ANOTHER, why, wall_ms)
        finding = Finding(Verdict.AGREES, words, crossing=signal.name, certain=True)
        dealing.agree(replace(case, by_record=True), finding, wall_ms)

    def _count_exposure(self) -> None:
        """Presses that should have come at reported faults since last asked: what repeats are divided by."""
        record = self.dealing.record
        came, self._episodes = record.episodes - self._episodes, record.episodes
        if came <= 0:
            return
        for case in self.dealing.open_cases():
            signal = self.dealing.directory.place(case.junction, case.group)
            if signal is None:
                continue
            here = (signal,) if signal.at >= 0 else self.dealing.directory.crossings_at(signal.number)
            share = sum(record.group(s.number, s.at).share for s in here)
            if share:
                self.dealing.listening.exposed(case.district, share * came)
