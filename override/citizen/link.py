"""The line to the station: what it says goes to the office, what the office wishes goes to it.

One thread, one console with the citizen gateway's key. It hears the record, the picture and details
of junctions somebody looks at; it asks for remedies, as any order is asked for; it tells all cases
every two seconds, which also says that citizens are still being listened to.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import zmq

from override import wire
from override.citizen.office import Clock, Office
from override.citizen.remedies import Wish
from override.client import Console, NoAnswer
from override.details import Record
from override.flag_messages import CasesRequest, FlagView
from override.keys import Secret
from override.refused import Refused
from override.roles import Command, Slot
from override.street_layout import by_bytes

TURN_MS = 50
CASES_MS = 2_000
"""Cases are told so often, and at once when any has changed."""
CASES_SOONEST_MS = 300
WATCH_MS = 4_000
WATCHED_MAX = 16
WISHES_PER_TURN = 5
LAYOUT_AGAIN_MS = 5_000
PART_ROWS, PART_BYTES, PARTS_MAX = 100, 60_000, 100
SILENT_AGAIN_S = 1.0


class CitizenConsole(Console):
    """A console that also tells cases."""

    def tell_cases(self, views: tuple[FlagView, ...], handled: tuple[str, ...]) -> None:
        """The whole list, in parts, and which acts of people are done; told again soon, so nobody waits."""
        while self._asks.poll(0):
            self._asks.recv_multipart()  # the answers to the last ones
        parts = list(by_bytes(views, PART_BYTES, PART_ROWS))[:PARTS_MAX] or [()]
        for at, part in enumerate(parts):
            request = CasesRequest(
                self._header(), self._secret.name, at, len(parts), part, () if at else handled
            )
            with suppress(zmq.Again):
                frame = wire.seal(request, self._secret.sign)
                self._asks.send_multipart((b"cases", frame), zmq.NOBLOCK)


class Link:
    """Carries between one office and one station. `turn` it again and again, from one thread."""

    def __init__(
        self,
        office: Office,
        secret: Secret,
        station_public: bytes,
        endpoints: tuple[str, str],
        clock: Clock,
    ) -> None:
        self.office = office
        self.console = CitizenConsole(secret, station_public, endpoints)
        self.console.keep_records = True
        self.silent = True
        self._clock = clock
        self._boot = b""
        self._layout_ms = self._told_ms = self._watched_ms = -(1 << 60)
        self._told: tuple[FlagView, ...] = ()
        self._gaps = 0

    def run(self, over: threading.Event) -> None:
        """Until it is over."""
        while not over.is_set():
            if not self.turn():
                over.wait(SILENT_AGAIN_S)
        self.console.close()

    def turn(self, timeout_ms: int = TURN_MS) -> bool:
        """Hear, ask, tell. False = the station is not there."""
        try:
            if not self.console.view.whole:
                self.console.look()
            self.console.listen(timeout_ms)
            self._layout()
        except (NoAnswer, Refused):
            self._lost()
            self._hear()
            return False
        self._hear()
        if self.console.station_is_silent:
            self._lost()
            return True
        self.silent = False
        self._grant()
        self._tell()
        return True

    # --- hearing -----------------------------------------------------------------------

    def _hear(self) -> None:
        console, office = self.console, self.office
        records, console.records[:] = console.records[:], []
        acts, console.acts[:] = console.acts[:], []
        console.events.clear()
        console.receipts.clear()
        wall_ms = self._clock()[1]
        with office.lock:
            record = office.dealing.record
            for message in records:
                record.hear(message, wall_ms)
            if (pulse := console.pulse) is not None:
                console.pulse = None
                record.tick(pulse.boot, pulse.street_ms, wall_ms)
            for name, detail in console.details.items():
                office.heard.details[name] = (wall_ms, detail)
            console.details.clear()
            if not console.station_is_silent and console.view.whole:
                office.heard.wall_ms = wall_ms - console.silent_ms
                self._picture(records)
        for request in acts:
            office.act(request)

    def _picture(self, records: list[Record]) -> None:
        """What acts where; and, after a gap, what the lamps show."""
        view, dealing, heard = self.console.view, self.office.dealing, self.office.heard
        dealing.live_orders = frozenset(view.orders)
        heard.acting = {
            junction.name: frozenset(view.orders[o].command for o in junction.orders if o in view.orders)
            for junction in view.junctions.values()
            if junction.orders
        }
        record = dealing.record
        if record.begin_ms >= 0 and record.breaks != self._gaps and not records:
            self._gaps = record.breaks
            for name, junction in view.junctions.items():
                if (number := dealing.directory.number.get(name)) is not None:
                    record.lamps(number, junction.lamps, junction.rung)

    def _layout(self) -> None:
        now_ms = self._clock()[0]
        if self.console.view.boot == self._boot or now_ms - self._layout_ms < LAYOUT_AGAIN_MS:
            return
        self._layout_ms = now_ms
        self.office.hear_layout(self.console.layout())
        self._boot = self.console.view.boot

    def _lost(self) -> None:
        with self.office.lock:
            self.office.dealing.live_orders = None
            if not self.silent:
                self.office.dealing.record.silent()
        self.silent = True

    # --- asking ------------------------------------------------------------------------

    def _grant(self) -> None:
        wishes = self.office.wished()[:WISHES_PER_TURN]
        if not wishes:
            return
        try:
            self.console.look()
        except NoAnswer:
            return
        for wish in wishes:
            self._ask(wish)

    def _ask(self, wish: Wish) -> None:
        dealing, lock = self.office.dealing, self.office.lock
        try:
            reply = self.console.order(**self._words(wish))
        except Refused as refused:
            with lock:
                if wish.command is Command.RELEASE:
                    dealing.released(wish)  # it has ended already, or ends with its lease
                else:
                    dealing.failed(wish, refused.code, refused.why, self._clock()[1])
            return
        except NoAnswer:
            with lock:
                dealing.failed(wish, "", "", self._clock()[1])
            return
        with lock:
            if wish.command is Command.RELEASE:
                dealing.released(wish)
            else:
                dealing.granted(wish, reply.order, self._clock()[1])
            self.office.keep()

    def _words(self, wish: Wish) -> dict[str, object]:
        usual: dict[str, object] = {"command": wish.command, "slot": int(Slot.ASSISTANCE), "basis": ()}
        if wish.command is Command.RELEASE:
            return usual | {"junctions": (), "order": wish.order}
        if wish.renew:
            return usual | {
                "junctions": (), "order": wish.order, "renew": True, "lease_ms": wish.lease_ms,
                "reason": wish.reason,
            }  # fmt: skip
        seen = self.console.view.junctions.get(wish.junction)
        more: dict[str, object] = {"group": wish.group} if wish.group else {"detector": wish.detector}
        if wish.longer_ms:
            more["bias_ms"] = wish.longer_ms
        return usual | more | {
            "junctions": (wish.junction,), "basis": (seen.version if seen else 0,),
            "lease_ms": wish.lease_ms, "reason": wish.reason,
        }  # fmt: skip

    # --- telling -----------------------------------------------------------------------

    def _tell(self) -> None:
        now_ms = self._clock()[0]
        since_ms = now_ms - self._told_ms
        if since_ms >= CASES_SOONEST_MS:
            views = self.office.flag_views()
            if since_ms >= CASES_MS or _news(views, self._told):
                self._told_ms, self._told = now_ms, views
                self.console.tell_cases(views, self.office.handled())
        watched = self.office.watched()[:WATCHED_MAX]
        if watched and now_ms - self._watched_ms >= WATCH_MS:
            self._watched_ms = now_ms
            self.console.watch(watched)


def _news(views: tuple[FlagView, ...], told: tuple[FlagView, ...]) -> bool:
    """Whether anything but the time is other than it was told."""
    return list(_timeless(views)) != list(_timeless(told))


def _timeless(views: tuple[FlagView, ...]) -> Iterator[tuple[object, ...]]:
    for view in views:
        yield view.flag, view.life, view.count, view.order, view.crew, view.why, view.evidence


def clock() -> tuple[int, int]:
    """(monotonic ms, wall ms)."""
    return time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000
