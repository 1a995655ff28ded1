"""The gateway: the process with the sockets, the desk and the file. It never holds a lamp up.

One loop: some requests, the engine's reports, what time brings about, then what consoles shall
see. Every step takes a bounded number of messages, so that a flood of one kind delays no other.
"""

from __future__ import annotations

from collections.abc import Callable

import zmq

from controller.network import Network
from override import wire
from override.audit import HEAD_EVERY, HEAD_EVERY_MS, Entry
from override.counter import Counter
from override.desk import Desk
from override.engine import Line, pack_acts, pack_reset, report_of
from override.foresight import QUESTIONS as FORESIGHT
from override.foresight import Foresight
from override.keys import Identity, Keyring, Secret
from override.outbox import Outbox
from override.panic import PanicDoor
from override.picture import Picture
from override.places import Places
from override.previews import Receipt
from override.refused import Refused
from override.ruling import Act, Person
from override.sockets import Doorkeeper, sender_of, server
from override.storage import Storage, StorageFull
from override.street_layout import PackedLayout, layout_of_street
from override.telemetry import pack_wish, said
from override.topics import TOPICS
from override.views import Event
from override.watching import Watching

REQUESTS_PER_TURN = 20
REPORTS_PER_TURN = 20
PUBLISH_MS = 200
QUESTIONS = frozenset({b"picture", b"layout-please", b"watch"}) | FORESIGHT
TURN_MS = 20
"""A turn waits no longer than this for something to happen."""
SILENT_MS = 1500
"""An engine that has reported no new tick for so long is an alarm."""


class Gateway:
    """Serves consoles over two endpoints, and talks to one engine over a line.

    `clock` gives (monotonic ms, wall ms). Raises KeysError, StorageError, SocketsError with
    one line when keys, file or endpoints cannot be used.
    """

    def __init__(
        self,
        network: Network,
        ring: Keyring,
        secret: Secret,
        storage: Storage,
        line: Line,
        endpoints: tuple[str, str],
        boot: bytes,
        clock: Callable[[], tuple[int, int]],
        door: PanicDoor | None = None,
        layout: PackedLayout | None = None,
        forecaster: Line | None = None,
    ) -> None:
        self.ring = ring
        self.desk = Desk(Places(network.street))
        self.counter = Counter(self.desk, storage, boot, self._tell_engine, self.alarm)
        self.picture = Picture(network, self.desk, boot)
        self.layout = layout or PackedLayout(layout_of_street(network.street))
        districts = [junction.district for junction in self.layout.layout.junctions]
        self.foresight = Foresight(network, self.counter, line, forecaster, districts, self._tell_receipt)
        self.strangers = 0
        self._network = network
        self._index = {junction.name: j for j, junction in enumerate(network.street.junctions)}
        self._watching = Watching()
        self._secret = secret
        self._line = line
        self._boot = boot
        self._clock = clock
        self._door = door
        self._unsent: list[bytes] = []
        self._alarms: list[tuple[str, str, str]] = []
        self._published_ms = self._head_ms = self._progress_ms = -(1 << 60)
        self._head_index = self._progress = 0
        self._complaint = ""
        self._events = 0
        self._silent = False
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.doorkeeper = Doorkeeper(self.context, self._known())
        self._orders = server(self.context, zmq.ROUTER, endpoints[0], secret)
        self._outbox = Outbox(self._orders)
        self._pictures = server(self.context, zmq.XPUB, endpoints[1], secret)
        self._poller = zmq.Poller()
        self._poller.register(self._orders, zmq.POLLIN)
        self._poller.register(self._pictures, zmq.POLLIN)
        names = list(dict.fromkeys(districts))
        places = [names, [names.index(name) for name in districts]]
        self._greeting = [pack_reset(), pack_wish("boot", boot), pack_wish("districts", places)]
        self._unsent += self._greeting
        now_ms, wall_ms = clock()
        for order in self.counter.start(now_ms, wall_ms):
            self.alarm(f"{order.id} ({order.command}) ended: {order.why}")

    @property
    def endpoints(self) -> tuple[str, str]:
        """Where orders are taken and where pictures are given."""
        orders, pictures = (
            str(s.getsockopt_string(zmq.LAST_ENDPOINT)) for s in (self._orders, self._pictures)
        )
        return orders, pictures

    def turn(self, timeout_ms: int = TURN_MS) -> None:
        """One round of everything. Raises nothing that comes from outside."""
        ready = dict(self._poller.poll(timeout_ms))
        now_ms, wall_ms = self._clock()
        self._check_keys(now_ms, wall_ms)
        if self._door is not None:
            self._door.serve(self._panic)
        if self._pictures in ready:
            for _ in range(REQUESTS_PER_TURN):
                try:
                    self._pictures.recv(zmq.NOBLOCK)  # a subscription; everybody gets everything
                except zmq.Again:
                    break
        if self._orders in ready:
            for _ in range(REQUESTS_PER_TURN):
                if not self._serve_one():
                    break
        self._hear_engine()
        now_ms, wall_ms = self._clock()
        self.counter.tick(now_ms, wall_ms)
        self.foresight.turn(now_ms, wall_ms)
        while self._unsent and self._line.send(self._unsent[0]):
            self._unsent.pop(0)
        if (watched := self._watching.news(now_ms)) is not None:
            self._line.send(pack_wish("watch", watched))
        self._outbox.drip()
        if now_ms - self._published_ms >= PUBLISH_MS:
            self._published_ms = now_ms
            self._publish(now_ms)
        self._sign_head(now_ms, wall_ms)

    def alarm(self, sentence: str, junction: str = "", code: str = "station") -> None:
        """Something every console shall hear, and the audit keep."""
        self._alarms.append((junction, code, sentence[:400]))

    def close(self) -> None:
        """End everything that has a thread or a socket."""
        for made in (self._orders, self._pictures):
            made.close(0)
        if self._door is not None:
            self._door.close()
        self.doorkeeper.stop()
        self.context.term()
        self.counter.storage.close()

    # --- parts -------------------------------------------------------------------------

    def _panic(self, junctions: tuple[str, ...]) -> str:
        now_ms, wall_ms = self._clock()
        try:
            ruling = self.counter.panic(junctions, now_ms, wall_ms)
        except Refused as refused:
            return refused.why
        return f"all red at {', '.join(junctions)}: {ruling.order}"

    def _known(self) -> list[bytes]:
        return [p.curve_public for p in self.ring if p.role is not None and not p.revoked]

    def _check_keys(self, now_ms: int, wall_ms: int) -> None:
        self.ring.refresh()
        if self.ring.complaint != self._complaint:
            self._complaint = self.ring.complaint
            if self._complaint:
                self.alarm(f"keys: {self._complaint}", code="keys")
                self.counter.note(Entry(now_ms, wall_ms, "station", "alarm", "keys", "", "nobody is known"))
        if known := self._known():
            self.doorkeeper.admit(known)

    def _serve_one(self) -> bool:
        """Take one request, if there is one, and answer it."""
        try:
            frames = self._orders.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        who = self.ring.holder(sender_of(frames[-1]))
        if who is None or who.role is None or len(frames) != 3:
            self.strangers += 1  # revoked since he connected, or no message of ours: no answer
            return True
        now_ms, wall_ms = self._clock()
        back, topic, body = bytes(frames[0].bytes), bytes(frames[1].bytes), bytes(frames[2].bytes)
        if topic in (b"order", b"approve"):
            self._outbox.send(
                back, b"reply", self.counter.receive(body, topic.decode(), who, now_ms, wall_ms)
            )
        elif topic in QUESTIONS:
            self._answer(back, topic.decode(), body, who)
        return True

    def _answer(self, back: bytes, topic: str, body: bytes, who: Identity) -> None:
        """Answer who only wants to know something: nothing of it is stored."""
        try:
            request, _ = wire.open_sealed(body, who.sign_public, TOPICS[topic])
        except Refused:
            self.strangers += 1
            return
        if request.issuer != who.name:
            self.strangers += 1
            return
        now_ms, _ = self._clock()
        if topic == "picture":
            self._publish(now_ms)  # so that whoever has just been answered sees what he did
            for part in self.picture.snapshot(now_ms):
                self._outbox.send(back, b"snapshot", wire.pack(part))
        elif topic.encode() in FORESIGHT:
            assert who.role is not None

            def send(topic: bytes, payload: bytes) -> None:
                self._outbox.send(back, topic, payload)

            person = Person(who.name, who.role)
            self.foresight.answer(request, body[wire.SIGNATURE_BYTES :], person, now_ms, send)
        elif topic == "watch":
            self._watching.wish(
                (self._index[name] for name in request.junctions if name in self._index), now_ms
            )
        elif topic == "layout-please":
            self._outbox.send_parts(back, b"layout", self.layout.parts(self._boot, request.header.nonce))

    def _tell_receipt(self, receipt: Receipt) -> None:
        self._pictures.send_multipart((b"receipt", wire.pack(receipt)), zmq.NOBLOCK)

    def _tell_engine(self, acts: tuple[Act, ...]) -> None:
        for message in pack_acts(acts):
            if self._unsent or not self._line.send(message):
                self._unsent.append(message)

    def _tell_anew(self) -> None:
        """The engine was started again: it knows of nothing that acts."""
        now_ms, wall_ms = self._clock()
        self._unsent += self._greeting
        self._tell_engine(self.desk.acts_anew(now_ms))
        self.alarm("the engine was started anew; what acts was given to it again", code="engine")
        self.counter.note(Entry(now_ms, wall_ms, "station", "start", "engine", "", "started anew"))

    def _hear_engine(self) -> None:
        for _ in range(REPORTS_PER_TURN):
            if (message := self._line.receive()) is None:
                break
            if self.foresight.hears(message):
                continue
            if (told := said(message)) is not None:
                self._pictures.send_multipart(told, zmq.NOBLOCK)
                continue
            report = report_of(message)
            if report.progress < self.picture.progress:
                self._tell_anew()
            self.picture.hear(report)
            now_ms, wall_ms = self._clock()
            for order, junction in report.proven:
                self.counter.move(self.desk.proven(order, [junction], now_ms), now_ms, wall_ms, "street")
            for order in report.completed:
                self.counter.move(self.desk.completed(order, now_ms), now_ms, wall_ms, "street")
            for order, junction, why in report.vetoed:
                self.counter.move(self.desk.vetoed(order, junction, why, now_ms), now_ms, wall_ms, "engine")
            for order, junction in report.served:
                versions = self.desk.proven(order, [junction], now_ms)
                self.counter.move(versions, now_ms, wall_ms, "street")
                versions = self.desk.served(order, junction, now_ms)
                self.counter.move(versions, now_ms, wall_ms, "street")
            for at, code, sentence in report.alarms:
                name = self._network.street.junctions[at].name if at >= 0 else ""
                self.alarm(sentence, name, code)
                if name:
                    self.desk.changed(name)
        now_ms, _ = self._clock()
        if self.picture.progress != self._progress:
            self._progress, self._progress_ms, self._silent = self.picture.progress, now_ms, False
        elif self._progress and not self._silent and now_ms - self._progress_ms > SILENT_MS:
            self._silent = True
            self.alarm("the engine has not ticked for 1.5 s", code="C11")

    def _publish(self, now_ms: int) -> None:
        for delta in self.picture.deltas(now_ms):
            self._pictures.send_multipart((b"delta", wire.pack(delta)), zmq.NOBLOCK)
        for junction, code, sentence in self._alarms[:REQUESTS_PER_TURN]:
            self._events += 1
            event = Event(self._boot, self._events, now_ms, self._clock()[1], code, junction, sentence)
            self._pictures.send_multipart((b"event", wire.pack(event)), zmq.NOBLOCK)
        del self._alarms[:REQUESTS_PER_TURN]

    def _sign_head(self, now_ms: int, wall_ms: int) -> None:
        index = self.counter.storage.audit_index
        grown = index - self._head_index
        if not grown or (grown < HEAD_EVERY and now_ms - self._head_ms < HEAD_EVERY_MS):
            return
        self._head_ms, self._head_index = now_ms, index
        try:
            self.counter.sign_head(self._secret, wall_ms)
        except StorageFull:
            self.alarm("the disk is full: the audit's head could not be signed")
