"""A console's side of the wire: ask, wait, ask again with the same bytes, never blindly anew.

Lazy Pirate as the ZeroMQ guide has it: 1 s, three times, with a fresh socket; what was
repeated is answered from the station's file. The picture is whole or known to be stale.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import zmq

from override import wire
from override.bounds import BOOT_BYTES, NONCE_BYTES
from override.deploy_messages import (
    PART_BYTES,
    DeployAction,
    DeployRequest,
    StreetFile,
    StreetRequest,
    VersionPart,
    Versions,
    VersionsRequest,
)
from override.details import Detail, Pulse, Record, WatchRequest
from override.flag_messages import FlagAction, FlagActRequest, FlagView
from override.keys import Secret
from override.layouts import Layout, LayoutRequest, StreetLayout
from override.previews import Forecast, PreviewRequest, Receipt, ReceiptRequest
from override.refused import Refused
from override.requests import (
    AlarmAction,
    AlarmRequest,
    Approval,
    AuditRequest,
    EventsRequest,
    Header,
    OrderRequest,
    SnapshotRequest,
)
from override.sockets import client
from override.topics import TOPICS
from override.tries import TRIES, TRY_MS, NoAnswer, Tries
from override.version import statement
from override.views import (
    AlarmView,
    AuditPage,
    Delta,
    Event,
    Events,
    JunctionView,
    OrderView,
    Reply,
    Snapshot,
)

__all__ = ["TRIES", "TRY_MS", "Console", "NoAnswer", "View"]
GOOD_FOR_MS = 5_000
"""An order is good for so long after it was made: longer than all tries, short enough to be meant."""
SILENT_MS = 3_000
"""No delta for so long: the station is gone (liveness 3 of its 1 s beat)."""


@dataclass(slots=True)
class View:
    """What a console knows of the street."""

    boot: bytes = bytes(BOOT_BYTES)
    seq: int = -1
    now_ms: int = 0
    progress: int = 0
    whole: bool = False
    junctions: dict[str, JunctionView] = field(default_factory=dict)
    orders: dict[str, OrderView] = field(default_factory=dict)
    alarms: dict[str, AlarmView] = field(default_factory=dict)
    flags: dict[str, FlagView] = field(default_factory=dict)
    flags_told_ms: dict[str, int] = field(default_factory=dict)
    """The station's clock when each case was told: its ages are of that moment; time alone is no news."""

    def take_snapshot(self, parts: Sequence[Snapshot]) -> None:
        """A whole new picture."""
        self.junctions = {view.name: view for part in parts for view in part.junctions}
        self.orders = {view.order: view for part in parts for view in part.orders}
        self.alarms = {view.alarm: view for part in parts for view in part.alarms}
        self.flags = {view.flag: view for part in parts for view in part.flags}
        self.boot, self.seq, self.now_ms = parts[0].boot, parts[0].seq, parts[0].now_ms
        self.flags_told_ms = dict.fromkeys(self.flags, self.now_ms)
        self.whole = True

    def take_delta(self, delta: Delta) -> bool:
        """What changed; False = something between is missing, or the station is another: ask anew."""
        if delta.boot == self.boot and delta.seq <= self.seq:
            return True  # older than the picture
        if not self.whole or delta.boot != self.boot or delta.seq != self.seq + 1:
            self.whole = False
            return False
        self.seq, self.now_ms, self.progress = delta.seq, delta.now_ms, delta.progress
        self.junctions.update((view.name, view) for view in delta.junctions)
        for view in delta.orders:
            if view.state == "ended":
                self.orders.pop(view.order, None)
            else:
                self.orders[view.order] = view
        for alarm in delta.alarms:
            if alarm.active or not alarm.acknowledged:
                self.alarms[alarm.alarm] = alarm
            else:
                self.alarms.pop(alarm.alarm, None)
        self.flags.update((flag.flag, flag) for flag in delta.flags)
        self.flags_told_ms.update((flag.flag, delta.now_ms) for flag in delta.flags)
        for gone in delta.flags_gone:
            self.flags.pop(gone, None)
            self.flags_told_ms.pop(gone, None)
        return True


class Console:
    """One person's connection. Raises SocketsError when it would not be encrypted."""

    def __init__(
        self,
        secret: Secret,
        station_public: bytes,
        endpoints: tuple[str, str],
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.view = View()
        self.events: list[Event] = []
        self.details: dict[str, Detail] = {}
        """The last one of each junction that anybody watches."""
        self.pulse: Pulse | None = None
        self.records: list[Record] = []
        """Only with `keep_records`: to be emptied by who reads them, as `events` are."""
        self.keep_records = False
        self.receipts: list[Receipt] = []
        self.acts: list[FlagActRequest] = []
        """What people did with citizens' cases; to be emptied by who reads them."""
        self._secret = secret
        self._station_public = station_public
        self._endpoints = endpoints
        self._wall_ms = wall_ms
        self._epoch = wall_ms()
        self._seq = 0
        self._heard_s = time.monotonic()
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._tries = Tries(lambda: self._connect(zmq.DEALER), endpoints[0])
        self._hears = self._connect(zmq.SUB)

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._tries.close()
        self._hears.close(0)
        self.context.term()

    @property
    def station_is_silent(self) -> bool:
        """Whether nothing has been heard for longer than it may take."""
        return self.silent_ms > SILENT_MS

    @property
    def silent_ms(self) -> int:
        """Since when nothing has been heard."""
        return round(1000 * (time.monotonic() - self._heard_s))

    def order(self, **what: Any) -> Reply:
        """Send an order; fields as in `OrderRequest` but header and issuer. Raises NoAnswer, Refused."""
        request = OrderRequest(header=self._header(), issuer=self._secret.name, **what)
        return self._ask("order", wire.seal(request, self._secret.sign))

    def approve(self, digest: bytes, agrees: bool = True) -> Reply:
        """Agree (or not) to another person's order. Raises NoAnswer, Refused."""
        request = Approval(self._header(), self._secret.name, digest, agrees)
        return self._ask("approve", wire.seal(request, self._secret.sign))

    def preview(self, **what: Any) -> Forecast:
        """What an order (fields as for `order`) would do; nothing is done. Raises NoAnswer, Refused."""
        header = self._header()
        order = OrderRequest(header=header, issuer=self._secret.name, **what)
        request = PreviewRequest(header, self._secret.name, order)
        forecast: Forecast = self._ask_for("preview", "forecast", request)
        return forecast

    def act_on_alarm(self, alarm: str, action: AlarmAction, for_ms: int = 0, reason: str = "") -> Reply:
        """Acknowledge, suspend or resume an alarm. Raises NoAnswer, Refused."""
        request = AlarmRequest(self._header(), self._secret.name, alarm, action, for_ms, reason)
        return self._ask("alarm-act", wire.seal(request, self._secret.sign))

    def act_on_flag(self, flag: str, action: FlagAction, reason: str = "") -> Reply:
        """Act on a citizen's case. Raises NoAnswer, Refused."""
        request = FlagActRequest(self._header(), self._secret.name, flag, action, reason)
        return self._ask("flag-act", wire.seal(request, self._secret.sign))

    def deploy(self, action: DeployAction, **what: Any) -> Reply:
        """Propose another version, or agree to one (`DeployRequest`). Raises NoAnswer, Refused."""
        if digest := what.get("digest", b""):
            what["signature"] = self._secret.sign(statement(digest))
        content = what.pop("content", b"")
        parts = [content[at : at + PART_BYTES] for at in range(0, len(content), PART_BYTES)]
        for k, data in enumerate(parts):
            part = VersionPart(self._header(), self._secret.name, digest, k, len(parts), data)
            self._ask("version-part", wire.seal(part, self._secret.sign))
        request = DeployRequest(self._header(), self._secret.name, action, **what)
        return self._ask("deploy", wire.seal(request, self._secret.sign))

    def versions(self, number: int = 0) -> Versions:
        """Versions of the street, the newest first; one of them whole. Raises NoAnswer, Refused."""
        request = VersionsRequest(self._header(), self._secret.name, number)
        answer: Versions = self._ask_for("versions-please", "versions", request)
        return answer

    def street(self, junctions: Sequence[str]) -> StreetFile:
        """Some junctions as the version in force has them. Raises NoAnswer, Refused."""
        request = StreetRequest(self._header(), self._secret.name, tuple(junctions))
        answer: StreetFile = self._ask_for("street-please", "street", request)
        return answer

    def earlier(self, before: int = 0, junction: str = "") -> tuple[Event, ...]:
        """Up to a hundred events before a number (0 = the latest). Raises NoAnswer, Refused."""
        request = EventsRequest(self._header(), self._secret.name, before, junction)
        answer: Events = self._ask_for("events-please", "events", request)
        return answer.events

    def audit(self, before: int = 0, order: str = "") -> AuditPage:
        """A page of the audit before a number (0 = the latest). Raises NoAnswer, Refused."""
        request = AuditRequest(self._header(), self._secret.name, before, order)
        page: AuditPage = self._ask_for("audit-please", "audit-page", request)
        return page

    def receipt(self, order: str) -> Receipt:
        """What an order that has ended did cost. Raises NoAnswer, and Refused where there is no receipt."""
        request = ReceiptRequest(self._header(), self._secret.name, order)
        frame = wire.seal(request, self._secret.sign)
        known_as = wire.digest(frame[wire.SIGNATURE_BYTES :])
        found: list[Receipt | Reply] = []

        def answers(topic: bytes, payload: bytes) -> bool:
            if topic == b"receipt":
                found.append(wire.decode(payload, TOPICS["receipt"]))
            elif topic == b"reply" and (reply := wire.decode(payload, TOPICS["reply"])).digest == known_as:
                found.append(reply)
            return bool(found)

        self._tries.exchange(b"receipt-please", frame, answers)
        if isinstance(found[0], Reply):
            raise Refused(found[0].code, found[0].why)
        return found[0]

    def look(self) -> View:
        """Ask for the whole picture. Raises NoAnswer."""
        request = SnapshotRequest(self._header(), self._secret.name)
        parts: list[Snapshot] = []

        def complete(topic: bytes, payload: bytes) -> bool:
            if topic != b"snapshot":
                return False
            part = wire.decode(payload, TOPICS["snapshot"])
            if parts and (parts[0].seq, parts[0].boot) != (part.seq, part.boot):
                parts.clear()
            if part.part == len(parts):
                parts.append(part)
            return len(parts) == part.parts

        self._tries.exchange(b"picture", wire.seal(request, self._secret.sign), complete)
        self.view.take_snapshot(parts)
        return self.view

    def watch(self, junctions: Sequence[str]) -> None:
        """Look at these (16 at most) for ten seconds; `details` fills once a second. Waits for no answer."""
        request = WatchRequest(self._header(), self._secret.name, tuple(junctions))
        with suppress(zmq.Again):
            self._asks.send_multipart((b"watch", wire.seal(request, self._secret.sign)), zmq.NOBLOCK)

    def layout(self) -> StreetLayout:
        """Ask where everything is; once for each boot of the station. Raises NoAnswer."""
        request = LayoutRequest(self._header(), self._secret.name)
        parts: dict[int, Layout] = {}

        def complete(topic: bytes, payload: bytes) -> bool:
            if topic != b"layout":
                return False
            part = wire.decode(payload, TOPICS["layout"])
            if part.answers == request.header.nonce:
                parts[part.part] = part
            return bool(parts) and len(parts) == next(iter(parts.values())).parts

        self._tries.exchange(b"layout-please", wire.seal(request, self._secret.sign), complete)
        inorder = [parts[k] for k in sorted(parts)]
        return StreetLayout(
            inorder[0].street,
            tuple(junction for part in inorder for junction in part.junctions),
            tuple(road for part in inorder for road in part.roads),
        )

    def listen(self, timeout_ms: int) -> list[Delta]:
        """Take in what the station publishes, for so long or until something came; asks anew after a gap."""
        out: list[Delta] = []
        while self._hears.poll(0 if out else timeout_ms):
            topic, payload = self._hears.recv_multipart()[:2]
            self._heard_s = time.monotonic()
            if topic == b"event":
                self.events.append(wire.decode(payload, TOPICS["event"]))
            elif topic == b"detail":
                detail = wire.decode(payload, TOPICS["detail"])
                self.details[detail.junction] = detail
            elif topic == b"pulse":
                self.pulse = wire.decode(payload, TOPICS["pulse"])
            elif topic == b"record" and self.keep_records:
                self.records.append(wire.decode(payload, TOPICS["record"]))
            elif topic == b"flag-act":
                self.acts.append(wire.decode(payload, TOPICS["flag-act"]))
            elif topic == b"receipt":
                self.receipts.append(wire.decode(payload, TOPICS["receipt"]))
            elif topic == b"delta":
                delta = wire.decode(payload, TOPICS["delta"])
                if not self.view.take_delta(delta):
                    self.look()
                out.append(delta)
        return out

    # --- parts -------------------------------------------------------------------------

    @property
    def _asks(self) -> zmq.Socket[bytes]:
        """The socket for what waits for no answer."""
        return self._tries.asks

    def _connect(self, kind: int) -> zmq.Socket[bytes]:
        endpoint = self._endpoints[0 if kind == zmq.DEALER else 1]
        return client(self.context, kind, endpoint, self._secret, self._station_public)

    def _header(self) -> Header:
        self._seq += 1
        wall_ms = self._wall_ms()
        return Header(
            self._epoch, self._seq, secrets.token_bytes(NONCE_BYTES), wall_ms, wall_ms + GOOD_FOR_MS,
            self.view.boot, self.view.now_ms,
        )  # fmt: skip

    def _ask(self, topic: str, frame: bytes) -> Reply:
        known_as = wire.digest(frame[wire.SIGNATURE_BYTES :])
        found: list[Reply] = []

        def answers(topic: bytes, payload: bytes) -> bool:
            if topic != b"reply":
                return False
            reply = wire.decode(payload, TOPICS["reply"])
            if reply.digest == known_as:
                found.append(reply)
            return bool(found)

        self._tries.exchange(topic.encode(), frame, answers)
        reply = found[0]
        if reply.code:
            raise Refused(reply.code, reply.why)
        return reply

    def _ask_for(self, topic: str, wanted: str, request: Any) -> Any:
        """The answer of topic `wanted` to a request; a reply instead of it is a refusal."""
        frame = wire.seal(request, self._secret.sign)
        known_as = wire.digest(frame[wire.SIGNATURE_BYTES :])
        found: list[Any] = []

        def answers(topic: bytes, payload: bytes) -> bool:
            if topic == b"reply":
                reply = wire.decode(payload, TOPICS["reply"])
                if reply.digest == known_as:
                    found.append(Refused(reply.code or "refused", reply.why))
            elif topic == wanted.encode():
                answer = wire.decode(payload, TOPICS[wanted])
                if answer.answers == request.header.nonce:
                    found.append(answer)
            return bool(found)

        self._tries.exchange(topic.encode(), frame, answers)
        if isinstance(found[0], Refused):
            raise found[0]
        return found[0]
