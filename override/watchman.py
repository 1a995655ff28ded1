"""The watchman: turns what the gateway sees of engine, keys, disk and citizens into alarms and events.

Everything with a cause that can be looked at is told while it is there and ended when it is
gone. He decides nothing; what he says is read by people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from controller.ladder import RUNG_WORDS
from override.alarms import Alarms, Trouble
from override.engine import Report
from override.event_log import EventLog
from override.views import AlarmView, Urgency

SILENT_MS = 1_500
"""An engine that has reported no new tick for so long is an alarm."""
CITIZEN_SILENT_MS = 10_000
LATE_US, LATE_PULSES = 100_000, 3
"""Ticks so late, seen so many seconds in a row."""
LOOK_MS = 500
"""Between two looks at the alarms whose time may be over."""
SETTLE_MS = 15_000
"""After a start: what was wrong before and nobody has seen again is over."""
FAULT_HOLDS_MS = 30_000
ONCE_HOLDS_MS = 60_000
STRANGERS_MANY = 100
"""So many within the time they hold: somebody tries."""
ADAPTIVE, FREE, FLASH = 0, 4, 5
_URGENCY_OF_RUNG = {FREE: Urgency.SOON, FLASH: Urgency.NOW}
_FAULTS = {"C11": Urgency.NOW, "C12": Urgency.NOW}


class Watchman:
    """Watches one station. `clock` gives (monotonic ms, wall ms)."""

    def __init__(
        self,
        names: Sequence[str],
        titles: Sequence[str],
        alarms: Alarms,
        events: EventLog,
        clock: Callable[[], tuple[int, int]],
    ) -> None:
        self.alarms, self.events = alarms, events
        self._names, self._titles, self._clock = names, titles, clock
        n = len(names)
        self._rungs: NDArray[np.int8] = np.zeros(n, np.int8)
        self._latched: NDArray[np.bool_] = np.zeros(n, np.bool_)
        self._unlike: NDArray[np.bool_] = np.zeros(n, np.bool_)
        self._began_ms = clock()[0]
        self._looked_ms = -LOOK_MS
        self._settled = False
        self._progress = 0
        self._progress_ms = -1
        self._lost = 0
        self._late = 0
        self._strangers = 0
        self.citizen_ms = -1
        """When the citizen process was last heard; -1 = it has never connected."""

    # --- telling and ending ----------------------------------------------------------------

    def tell(self, trouble: Trouble) -> None:
        """Something is not as it should be."""
        now_ms, _ = self._clock()
        if (view := self.alarms.tell(trouble, now_ms)) is not None:
            self.note("alarm", view.junction, view.sentence)

    def end(self, alarm: str) -> None:
        """It is so no more."""
        if (view := self.alarms.end(alarm)) is not None:
            self._over(view)

    def once(self, code: str, sentence: str, junction: str = "", urgency: Urgency = Urgency.SOON) -> None:
        """Something that happened and is no state; it stays active for a minute, then until seen."""
        self.tell(Trouble(code, junction, urgency, sentence, ONCE_HOLDS_MS))

    def note(self, kind: str, junction: str, sentence: str) -> None:
        """Only for the tail of events."""
        now_ms, wall_ms = self._clock()
        self.events.add(kind, junction, sentence, now_ms, wall_ms)

    def _state(self, there: bool, trouble: Trouble) -> None:
        if there:
            self.tell(trouble)
        else:
            self.end(trouble.id)

    def _over(self, view: AlarmView) -> None:
        self.note("alarm", view.junction, f"over: {view.sentence}")

    # --- the engine ------------------------------------------------------------------------

    def hear(self, report: Report) -> None:
        """What a report says of every junction, and of the engine itself."""
        now_ms, _ = self._clock()
        if report.progress != self._progress:
            self._progress, self._progress_ms = report.progress, now_ms
        if report.rungs:
            self._hear_rungs(np.frombuffer(report.rungs, np.int8))
        if report.latched:
            latched = np.frombuffer(report.latched, np.bool_)
            for j in np.flatnonzero(latched != self._latched).tolist():
                sentence = (
                    f"the safety monitor has tripped at {self._titles[j]}: flash until two people reset it"
                )
                self._state(bool(latched[j]), Trouble("trip", self._names[j], Urgency.NOW, sentence))
            self._latched = latched
        if report.unlike:
            unlike = np.frombuffer(report.unlike, np.bool_)
            for j in np.flatnonzero(unlike != self._unlike).tolist():
                sentence = f"{self._titles[j]} does not show the lamps it was told to show"
                self._state(bool(unlike[j]), Trouble("shown", self._names[j], Urgency.NOW, sentence))
            self._unlike = unlike
        if report.lost > self._lost:
            sentence = "some of the record of lamps and buttons was lost on the way to the gateway"
            self.tell(Trouble("record-gap", "", Urgency.KNOW, sentence, ONCE_HOLDS_MS))
        self._lost = report.lost
        for at, code, sentence in report.alarms:
            name = self._names[at] if at >= 0 else ""
            urgency = _FAULTS.get(code, Urgency.SOON)
            self.tell(Trouble(code, name, urgency, sentence, FAULT_HOLDS_MS))

    def tripped(self, junction: str) -> bool:
        """Whether the safety monitor has put it to flash until people end that."""
        view = self.alarms.get(Trouble("trip", junction, Urgency.NOW, "").id)
        return view is not None and view.active

    def _hear_rungs(self, rungs: NDArray[np.int8]) -> None:
        for j in np.flatnonzero(rungs != self._rungs).tolist():
            before, rung, name = int(self._rungs[j]), int(rungs[j]), self._names[j]
            way = "down" if rung > before else "up"
            title = self._titles[j]
            self.note("rung", name, f"{title} {way} to rung {rung}: {RUNG_WORDS[rung]}")
            sentence = f"{title} stands on rung {rung}: {RUNG_WORDS[rung]}"
            urgency = _URGENCY_OF_RUNG.get(rung, Urgency.KNOW)
            trouble = Trouble("rung", name, urgency, sentence)
            # The step itself has just been noted: the alarm needs no line of its own.
            if rung > ADAPTIVE:
                self.alarms.tell(trouble, self._clock()[0])
            else:
                self.alarms.end(trouble.id)
        self._rungs = rungs

    def pulse(self, late_us: int) -> None:
        """How late ticks come, once a second."""
        starting = self._clock()[0] - self._began_ms < SETTLE_MS  # programs are still being loaded
        self._late = self._late + 1 if late_us > LATE_US and not starting else 0
        sentence = f"ticks come more than {LATE_US // 1000} ms late: the machine is too slow or too busy"
        trouble = Trouble("lag", "", Urgency.SOON, sentence)
        if self._late >= LATE_PULSES:
            self.tell(trouble)
        elif not self._late:
            self.end(trouble.id)

    # --- the station itself ----------------------------------------------------------------

    def keys(self, complaint: str, doorkeeper_lives: bool) -> None:
        """Whether keys can be trusted, and somebody looks at them at the door."""
        self._state(
            bool(complaint), Trouble("keys", "", Urgency.NOW, f"nobody is known any more: {complaint}")
        )
        sentence = "the doorkeeper has died: nobody new can connect"
        self._state(not doorkeeper_lives, Trouble("doorkeeper", "", Urgency.NOW, sentence))

    def disk(self, waits: bool) -> None:
        """Whether something waits for room on the disk."""
        sentence = "the station's disk is full: only all red, flash and release are taken"
        self._state(waits, Trouble("disk", "", Urgency.NOW, sentence))

    def strangers(self, count: int) -> None:
        """Messages of nobody we know, or that were none, since the start."""
        if count > self._strangers:
            many = count - self._strangers >= STRANGERS_MANY
            sentence = "somebody unknown, or with broken messages, speaks to the station"
            urgency = Urgency.SOON if many else Urgency.KNOW
            self.tell(Trouble("strangers", "", urgency, sentence, ONCE_HOLDS_MS))
            self._strangers = count

    def tick(self) -> None:
        """What only time shows: silence, and alarms whose time is over."""
        now_ms, _ = self._clock()
        silent = self._progress > 0 and now_ms - self._progress_ms > SILENT_MS
        sentence = f"the engine has not ticked for {SILENT_MS / 1000} s"
        self._state(silent, Trouble("C11", "", Urgency.NOW, sentence, place="engine"))
        gone = self.citizen_ms >= 0 and now_ms - self.citizen_ms > CITIZEN_SILENT_MS
        sentence = "the citizen process is silent: nobody hears what people report at the poles"
        self._state(gone, Trouble("citizen", "", Urgency.SOON, sentence))
        if now_ms - self._looked_ms >= LOOK_MS:
            self._looked_ms = now_ms
            for view in self.alarms.tick(now_ms):
                self._over(view)
        if not self._settled and now_ms - self._began_ms >= SETTLE_MS:
            self._settled = True
            for view in self.alarms.settle():
                self._over(view)
