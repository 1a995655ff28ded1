"""The connection to a station, in a thread of its own: sockets never leave it, sights and answers do.

It calls the station, takes in the whole picture and then what changes, calls again by itself when the
station is silent, and reads the layout anew when another run of the station answers.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from override.client import Console, NoAnswer
from override.refused import Refused
from override.views import Delta, Reply
from tui.model import EVENTS_KEPT, RECEIPTS_KEPT, STALE_S, Contact, DetailSeen, PulsePoint, Sight

LISTEN_MS = 50
"""An order waits no longer than this behind the listening."""
TELL_S = 0.2
"""Sights are told no more often than this ..."""
TELL_S_A_JUNCTION = 0.0004
"""... and less often of a large city: drawing it costs by its size, and its map is no place for blinking."""
WATCH_S = 4.0
"""A wish to watch is repeated so often; it lasts ten seconds."""
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 5.0)
PULSE_EVERY_S = 5.0
PULSES_KEPT = 720
FORGET_DETAIL_S = 60.0
STANDS = "the station answers, but its street does not tick: look at the station"
Answer = TypeVar("Answer")


class Wire(Protocol):
    """What screens need of a connection; tests have one made of paper."""

    sight: Sight

    def start(self, tell: Callable[[Sight], None]) -> None:
        """Begin; `tell` is called from another thread."""

    def stop(self) -> None:
        """Hang up."""

    def watch(self, junctions: tuple[str, ...]) -> None:
        """Look at these from near from now on; replaces the last wish."""

    def ask(self, job: Callable[[Console], Answer]) -> Future[Answer]:
        """Have this done with the connection. The future raises what `job` raises: NoAnswer, Refused."""


class Watching(Console):
    """A connection that gives no order, whatever its key may."""

    def order(self, **what: Any) -> Reply:
        """Refused."""
        raise Refused("only-watch", "this console only watches; it was started so")

    def approve(self, digest: bytes, agrees: bool = True) -> Reply:
        """Refused."""
        raise Refused("only-watch", "this console only watches; it was started so")


@dataclass(slots=True)
class _Job:
    do: Callable[[Console], Any]
    future: Future[Any]


class Link:
    """A `Wire` to a real station. `dial` makes the connection, in the thread that will use it."""

    def __init__(self, dial: Callable[[], Console]) -> None:
        self.sight = Sight()
        self._dial = dial
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._over = threading.Event()
        self._watched: tuple[str, ...] = ()
        self._watch_s = float("-inf")
        self._told_s = 0.0
        self._changed = False
        self._clock_gap_ms: int | None = None
        self._half_trip_ms = 0
        self._pulse_s = float("-inf")
        self._ticked_s = 0.0
        self._tell: Callable[[Sight], None] = lambda sight: None
        self._thread = threading.Thread(target=self._run, name="station", daemon=True)

    # --- for screens, from any thread ---------------------------------------------------

    def call(self) -> None:
        """Call the station already, before anybody listens: it answers while screens are being made."""
        if not self._thread.ident:
            self._thread.start()

    def start(self, tell: Callable[[Sight], None]) -> None:
        """Begin; `tell` is called from this connection's thread, and here with what has come already."""
        self._tell = tell
        if self._thread.ident:
            tell(self.sight)
        self.call()

    def stop(self) -> None:
        """Hang up; waits no longer than an unanswered question takes."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(4.0)

    def watch(self, junctions: tuple[str, ...]) -> None:
        """Look at these from near from now on; replaces the last wish."""
        self._watched, self._watch_s = junctions, float("-inf")

    def ask(self, job: Callable[[Console], Answer]) -> Future[Answer]:
        """Have this done with the connection. The future raises what `job` raises: NoAnswer, Refused."""
        future: Future[Answer] = Future()
        self._jobs.put(_Job(job, future))
        return future

    # --- the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        tries = 0
        while not self._over.is_set():
            try:
                console = self._dial()
            except Exception as error:  # whatever it is, the console stays up and says so
                self._say(Contact.LOST if self.sight.heard_s else Contact.CALLING, str(error))
                self._over.wait(BACKOFF_S[min(tries, len(BACKOFF_S) - 1)])
                tries += 1
                continue
            with console:
                tries = self._stay(console, tries)
        self._refuse_jobs("the console is closing")

    def _stay(self, console: Console, tries: int) -> int:
        """With this connection until it must be made anew; gives how often the station was silent."""
        while not self._over.is_set():
            try:
                self._look(console)
                tries = 0
                self._listen(console)
            except NoAnswer as error:
                trouble = str(error).partition(";")[0]
            except Refused as refused:
                trouble = refused.why
            else:
                trouble = "the station has said nothing for three seconds"
            if self._over.is_set():
                break
            wait_s = BACKOFF_S[min(tries, len(BACKOFF_S) - 1)]
            tries += 1
            contact = Contact.LOST if self.sight.heard_s else Contact.CALLING
            self._say(contact, f"{trouble}; calling again (try {tries + 1})")
            self._refuse_jobs("the station does not answer")
            self._await_sign(console, wait_s)
        return tries

    def _await_sign(self, console: Console, wait_s: float) -> None:
        """Wait before calling again; whatever the station publishes meanwhile ends the waiting."""
        end_s = time.monotonic() + wait_s
        with suppress(NoAnswer, Refused):
            while time.monotonic() < end_s and not self._over.is_set():
                console.listen(LISTEN_MS)
                if not console.station_is_silent:
                    return

    def _look(self, console: Console) -> None:
        """The whole picture; and the layout, where this is another run of the station."""
        began_s = time.monotonic()
        boot = self.sight.boot
        console.look()
        self._half_trip_ms = round(500 * (time.monotonic() - began_s))
        if console.view.boot != boot or not self.sight.layout_number:
            self._clock_gap_ms = None
            self._read_layout(console)
            self.sight = replace(self.sight, starts_seen=self.sight.starts_seen + 1, details=_frozen({}))
        self._ticked_s = time.monotonic()
        self._heard(console)
        self._say(Contact.LIVE, "")

    def _read_layout(self, console: Console) -> None:
        layout = console.layout()
        self.sight = replace(
            self.sight,
            street=layout.street,
            layouts=_frozen({junction.name: junction for junction in layout.junctions}),
            roads=layout.roads,
            layout_number=self.sight.layout_number + 1,
        )

    def _listen(self, console: Console) -> None:
        """Until the station is silent or another one; raises NoAnswer when a gap cannot be filled."""
        boot = console.view.boot
        while not self._over.is_set():
            deltas = console.listen(LISTEN_MS)
            if console.view.boot != boot:
                return self._look(console)
            if deltas:
                self._heard(console)
                self._note_lag(deltas[-1])
            self._take_rest(console)
            self._do_jobs(console)
            self._wish(console)
            now_s = time.monotonic()
            tell_s = TELL_S + TELL_S_A_JUNCTION * len(self.sight.junctions)
            if self._changed and now_s - self._told_s >= tell_s:
                self._say(Contact.LIVE, self.sight.trouble)
            if console.station_is_silent:
                return None
        return None

    def _heard(self, console: Console) -> None:
        """A picture came. Of a street that does not tick any more it is as old as the last tick."""
        view, now_s = console.view, time.monotonic()
        if view.progress != self.sight.progress or view.boot != self.sight.boot:
            self._ticked_s = now_s
        stands = now_s - self._ticked_s > STALE_S
        self.sight = replace(
            self.sight, boot=view.boot, now_ms=view.now_ms, progress=view.progress,
            heard_s=self._ticked_s if stands else now_s, trouble=STANDS if stands else "",
            junctions=_frozen(view.junctions), orders=_frozen(view.orders),
            alarms=_frozen(view.alarms), flags=_frozen(view.flags),
            flags_told_ms=_frozen(view.flags_told_ms),
        )  # fmt: skip
        self._changed = True

    def _take_rest(self, console: Console) -> None:
        """Events, details, pulse and receipts that came beside the deltas.

        Another version of the street may call stages and plans otherwise: then the layout is read anew.
        """
        if any(event.kind == "version" for event in console.events):
            self._read_layout(console)
        now_s, sight = time.monotonic(), self.sight
        if console.events:
            events = (*sight.events, *console.events)[-EVENTS_KEPT:]
            console.events.clear()
            sight = replace(sight, events=events)
        if console.receipts:
            sight = replace(sight, receipts=(*sight.receipts, *console.receipts)[-RECEIPTS_KEPT:])
            console.receipts.clear()
        if console.details:
            kept = {n: seen for n, seen in sight.details.items() if now_s - seen.heard_s < FORGET_DETAIL_S}
            kept.update((name, DetailSeen(detail, now_s)) for name, detail in console.details.items())
            console.details.clear()
            sight = replace(sight, details=_frozen(kept))
        if console.pulse is not None and console.pulse is not sight.pulse:
            sight = replace(sight, pulse=console.pulse)
            if now_s - self._pulse_s >= PULSE_EVERY_S:
                self._pulse_s = now_s
                pulses = (*sight.pulses, PulsePoint(console.pulse, now_s))[-PULSES_KEPT:]
                sight = replace(sight, pulses=pulses)
        if sight is not self.sight:
            self.sight, self._changed = sight, True

    def _note_lag(self, delta: Delta) -> None:
        """What a delta took beyond the fastest one, on top of half a question and answer."""
        gap_ms = round(1000 * time.monotonic()) - delta.now_ms
        if self._clock_gap_ms is None or gap_ms < self._clock_gap_ms:
            self._clock_gap_ms = gap_ms
        self.sight = replace(self.sight, lag_ms=self._half_trip_ms + gap_ms - self._clock_gap_ms)

    def _wish(self, console: Console) -> None:
        if self._watched and time.monotonic() - self._watch_s >= WATCH_S:
            self._watch_s = time.monotonic()
            console.watch(self._watched)

    def _do_jobs(self, console: Console) -> None:
        while not self._jobs.empty():
            job = self._jobs.get()
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                job.future.set_result(job.do(console))
            except Exception as error:  # whoever asked gets it; the connection goes on
                job.future.set_exception(error)
            self._heard_again(console)

    def _heard_again(self, console: Console) -> None:
        """An answer is no picture: what is shown grows no younger by it, but what it changed is shown."""
        view = console.view
        if view.seq >= 0 and view.now_ms > self.sight.now_ms:
            self._heard(console)

    def _refuse_jobs(self, why: str) -> None:
        while not self._jobs.empty():
            job = self._jobs.get()
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(NoAnswer(why))

    def _say(self, contact: Contact, trouble: str) -> None:
        self.sight = replace(self.sight, contact=contact, trouble=trouble)
        self._changed, self._told_s = False, time.monotonic()
        self._tell(self.sight)


def _frozen(table: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(table))
