"""The gateway: the process with the sockets, the desk and the file. It never holds a lamp up.

One loop: some requests, the engine's reports, what time brings about, then what consoles shall
see. Every step takes a bounded number of messages, so that a flood of one kind delays no other.
"""

from __future__ import annotations

from collections.abc import Callable

import zmq

from controller.network import Network
from override import wire
from override.alarm_file import alarms_kept, kept_alarm
from override.alarms import Alarms, rule_on_alarm
from override.answers import CITIZEN, Answers, Back
from override.audit import HEAD_EVERY, HEAD_EVERY_MS, Entry
from override.cases import Cases
from override.counter import Counter
from override.deploy_messages import DeployRequest
from override.deploying import BeginAnew, Deploying
from override.desk import Desk
from override.engine import Line, pack_acts, pack_reset, report_of
from override.event_log import EventLog, order_words
from override.flag_messages import FlagActRequest
from override.flag_post import FlagPost, rule_on_flag
from override.foresight import Foresight
from override.keys import Keyring, Secret
from override.orders import Life, Order
from override.outbox import Outbox
from override.panic import PanicDoor
from override.picture import Picture
from override.places import Places
from override.previews import Receipt
from override.refused import Refused
from override.requests import AlarmRequest
from override.reset_words import Tripped
from override.roles import Role
from override.ruling import Act, Ruling
from override.sockets import Doorkeeper, citizen_server, sender_of, server
from override.storage import Change, Storage, StorageFull
from override.street_layout import PackedLayout, layout_of_street
from override.telemetry import pack_wish, said
from override.topics import TOPICS
from override.version_check import Installation
from override.version_gate import deploying_of
from override.watching import Watching
from override.watchman import Watchman
from override.wire_names import network_for_wire

REQUESTS_PER_TURN = 20
CITIZEN_MS = 2
"""Whatever the citizen process sends, operators wait for one message of it, or so long."""
REPORTS_PER_TURN = 20
EVENTS_PER_TURN = 50
PUBLISH_MS = 200
SAVE_MS = 2_000
"""Alarms are written so often; what people did with them is written before they are answered."""
TURN_MS = 20
"""A turn waits no longer than this for something to happen."""
COUNTERS = frozenset({b"order", b"approve", b"alarm-act", b"flag-act", b"deploy"})
REFUSED_A_MINUTE = 20
"""So many connections refused at the door are somebody trying keys; a few are our own probe."""


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
        citizens: str = "tcp://127.0.0.1:*",
        installation: Installation | None = None,
        begin_anew: BeginAnew = lambda number, now: None,
    ) -> None:
        network = self._network = network_for_wire(network)
        self.ring, self.boot, self.clock = ring, boot, clock
        self.desk = Desk(Places(network.street))
        self.counter = Counter(self.desk, storage, boot, self._tell_engine, self.alarm)
        self.alarms, self.cases, self.events = Alarms(), Cases(), EventLog(boot)
        names = [junction.name for junction in network.street.junctions]
        titles = [junction.title for junction in network.street.junctions]
        self.watchman = Watchman(names, titles, self.alarms, self.events, clock)
        self.picture = Picture(network, self.desk, boot, self.alarms, self.cases)
        self.layout = layout or PackedLayout(layout_of_street(network.street))
        districts = [junction.district for junction in self.layout.layout.junctions]
        self.foresight = Foresight(
            network, self.counter, line, forecaster, districts, self._tell_receipt, self._to_reset
        )
        self.deploying: Deploying | None = None
        if installation is not None:
            self.deploying = deploying_of(self, installation, storage, line, forecaster, begin_anew)
        self.flag_post = FlagPost(storage.flag_acts())
        self.watching = Watching()
        self.index = {name: j for j, name in enumerate(names)}
        self.strangers = 0
        self._answers = Answers(self)
        self._secret, self._line, self._door = secret, line, door
        self._unsent: list[bytes] = []
        self._published_ms = self._head_ms = self._saved_ms = self._minute_ms = -(1 << 60)
        self._head_index = self._refused = 0
        self._named = {p.name for p in ring if p.role is not None and not p.revoked}
        self._open(endpoints, citizens, secret)
        self._greeting = _greeting(boot, districts)
        self._unsent += self._greeting
        self._start(storage)

    def _open(self, endpoints: tuple[str, str], citizens: str, secret: Secret) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.doorkeeper = Doorkeeper(self.context, *self._known())
        self._orders = server(self.context, zmq.ROUTER, endpoints[0], secret)
        self._pictures = server(self.context, zmq.XPUB, endpoints[1], secret)
        self._citizens = citizen_server(self.context, citizens, secret)
        self._outboxes = {made: Outbox(made) for made in (self._orders, self._citizens)}
        self._poller = zmq.Poller()
        for made in (self._orders, self._pictures, self._citizens):
            self._poller.register(made, zmq.POLLIN)

    def _start(self, storage: Storage) -> None:
        """Take up what was under way when the station stopped."""
        now_ms, wall_ms = self.clock()
        self.counter.others[AlarmRequest] = rule_on_alarm(self.alarms)
        self.counter.others[FlagActRequest] = rule_on_flag(self.cases)
        if (deploying := self.deploying) is not None:
            deploying.start(now_ms, wall_ms)
            self.counter.others[DeployRequest] = lambda r, who, _: deploying.rule(r, who, self.clock()[1])
        self.counter.settled = self._settled
        self.counter.stepped = self._stepped
        self.alarms.start(alarms_kept(storage.alarms(), now_ms, wall_ms))
        if storage.marked_ms(CITIZEN):
            self.watchman.citizen_ms = now_ms
        for order in self.counter.start(now_ms, wall_ms):
            self.alarm(f"{order.id} ({order.command}) ended: {order.why}")
        self.watchman.note("station", "", "the gateway has started")

    def _to_reset(self, junction: str) -> Tripped:
        title = self._network.street.junctions[self.index[junction]].title
        return Tripped(title, self.watchman.tripped(junction), *self.picture.waiting(junction))

    @property
    def endpoints(self) -> tuple[str, str]:
        """Where orders are taken and where pictures are given."""
        return _bound(self._orders), _bound(self._pictures)

    @property
    def citizens(self) -> str:
        """Where the citizen process is served."""
        return _bound(self._citizens)

    def turn(self, timeout_ms: int = TURN_MS) -> None:
        """One round of everything. Raises nothing that comes from outside."""
        ready = dict(self._poller.poll(timeout_ms))
        now_ms, wall_ms = self.clock()
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
                if not self._serve_one(self._orders):
                    break
        if self._citizens in ready:
            until_ms = self.clock()[0] + CITIZEN_MS
            while self._serve_one(self._citizens) and self.clock()[0] < until_ms:
                pass
        self._hear_engine()
        now_ms, wall_ms = self.clock()
        self.counter.tick(now_ms, wall_ms)
        self.foresight.turn(now_ms, wall_ms)
        if self.deploying is not None:
            self.deploying.turn(now_ms, wall_ms)
        while self._unsent and self._line.send(self._unsent[0]):
            self._unsent.pop(0)
        if (watched := self.watching.news(now_ms)) is not None:
            self._line.send(pack_wish("watch", watched))
        for outbox in self._outboxes.values():
            outbox.drip()
        self._look_around(now_ms, wall_ms)
        if now_ms - self._published_ms >= PUBLISH_MS:
            self._published_ms = now_ms
            self.publish(now_ms)
        self._sign_head(now_ms, wall_ms)

    def alarm(self, sentence: str, junction: str = "", code: str = "station") -> None:
        """Something every console shall hear of, and somebody acknowledge."""
        self.watchman.once(code, sentence, junction)

    def close(self) -> None:
        """End everything that has a thread or a socket."""
        for made in (self._orders, self._pictures, self._citizens):
            made.close(0)
        if self._door is not None:
            self._door.close()
        self.doorkeeper.stop()
        self.context.term()
        self.counter.storage.close()

    # --- parts -------------------------------------------------------------------------

    def _panic(self, junctions: tuple[str, ...]) -> str:
        now_ms, wall_ms = self.clock()
        try:
            ruling = self.counter.panic(junctions, now_ms, wall_ms)
        except Refused as refused:
            return refused.why
        return f"all red at {', '.join(junctions)}: {ruling.order}"

    def _known(self) -> tuple[list[bytes], list[bytes]]:
        """Keys of people and their programs, and those of citizen processes."""
        valid = [p for p in self.ring if p.role is not None and not p.revoked]
        people = [p.curve_public for p in valid if p.role is not Role.CITIZEN_GATEWAY]
        return people, [p.curve_public for p in valid if p.role is Role.CITIZEN_GATEWAY]

    def _check_keys(self, now_ms: int, wall_ms: int) -> None:
        before = self.ring.complaint
        self.ring.refresh()
        if self.ring.complaint != before and self.ring.complaint:
            self.counter.note(Entry(now_ms, wall_ms, "station", "alarm", "keys", "", "nobody is known"))
        names = {p.name for p in self.ring if p.role is not None and not p.revoked}
        for name in sorted(names ^ self._named):
            what = "may connect now" if name in names else "is known no more"
            self.watchman.note("key", "", f"the key of {name} {what}")
            self.counter.note(Entry(now_ms, wall_ms, "station", "key", what, "", name))
        self._named = names
        people, citizens = self._known()
        if people or citizens:
            self.doorkeeper.admit(people, citizens)
        self.watchman.keys(self.ring.complaint, self.doorkeeper.alive)

    def _serve_one(self, made: zmq.Socket[bytes]) -> bool:
        """Take one request, if there is one, and answer it."""
        try:
            frames = made.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        who = self.ring.holder(sender_of(frames[-1]))
        if who is None or who.role is None or len(frames) != 3:
            self.strangers += 1  # revoked since he connected, or no message of ours: no answer
            return True
        now_ms, wall_ms = self.clock()
        outbox = self._outboxes[made]
        name, topic, body = bytes(frames[0].bytes), bytes(frames[1].bytes), bytes(frames[2].bytes)
        if topic in COUNTERS:
            reply = self.counter.receive(body, topic.decode(), who, now_ms, wall_ms)
            outbox.send(name, b"reply", reply)
        elif self._answers.knows(topic):
            back = Back(
                lambda topic, payload: outbox.send(name, topic, payload),
                lambda topic, payloads: outbox.send_parts(name, topic, payloads),
                wire.digest(body[wire.SIGNATURE_BYTES :]),
            )
            self.strangers += not self._answers.answer(topic, body, who, back, now_ms)
        else:
            self.strangers += 1
        return True

    def _settled(self, request: object, ruling: Ruling) -> None:
        """A request that is about no order has been stored."""
        self.alarms.take(ruling.views)
        if isinstance(request, AlarmRequest) and ruling.views:
            self.watchman.note("alarm", "", f"{request.alarm}: {request.action} by {request.issuer}")
        if isinstance(request, FlagActRequest) and ruling.flag_act:
            self.flag_post.add(request.header.nonce.hex(), wire.pack(request))
            case = self.cases.get(request.flag)
            junction = case.junction if case else ""
            self.watchman.note("flag", junction, f"{request.flag}: {request.action} by {request.issuer}")

        if isinstance(request, DeployRequest) and self.deploying is not None:
            self.deploying.settled(request, ruling, self.clock()[0])

    def _stepped(self, order: Order, before: Life | None) -> None:
        if words := order_words(order, before):
            junction = order.junctions[0] if len(order.junctions) == 1 else ""
            self.watchman.note("order", junction, words)

    def _tell_receipt(self, receipt: Receipt) -> None:
        self._tell(b"receipt", wire.pack(receipt))

    def _tell_engine(self, acts: tuple[Act, ...]) -> None:
        for message in pack_acts(acts):
            if self._unsent or not self._line.send(message):
                self._unsent.append(message)

    def _tell_anew(self) -> None:
        """The engine was started again: it knows of nothing that acts."""
        now_ms, wall_ms = self.clock()
        self._unsent += self._greeting
        self._tell_engine(self.desk.acts_anew(now_ms))
        self.alarm("the engine was started anew; what acts was given to it again", code="engine")
        self.counter.note(Entry(now_ms, wall_ms, "station", "start", "engine", "", "started anew"))

    def _hear_engine(self) -> None:
        for _ in range(REPORTS_PER_TURN):
            if (message := self._line.receive()) is None:
                break
            if self.foresight.hears(message) or (self.deploying and self.deploying.hears(message)):
                continue
            if (told := said(message)) is not None:
                self._tell(*told)
                if told[0] == b"pulse":
                    self.watchman.pulse(wire.decode(told[1], TOPICS["pulse"]).late_us)
                continue
            report = report_of(message)
            if report.progress < self.picture.progress:
                self._tell_anew()
            self.picture.hear(report)
            self.watchman.hear(report)
            for at, _, _ in report.alarms:
                if at >= 0:
                    self.desk.changed(self._network.street.junctions[at].name)
            now_ms, wall_ms = self.clock()
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

    def _look_around(self, now_ms: int, wall_ms: int) -> None:
        """Everything that may be wrong and that nobody tells of by himself."""
        self.watchman.tick()
        self.watchman.disk(self.counter.disk_is_full)
        self.watchman.strangers(self.strangers)
        if now_ms - self._minute_ms >= 60_000:
            if self.doorkeeper.refused - self._refused > REFUSED_A_MINUTE:
                self.alarm("many connections were refused at the door within a minute", code="door")
            self._refused, self._minute_ms = self.doorkeeper.refused, now_ms
        if now_ms - self._saved_ms >= SAVE_MS:
            self._saved_ms = now_ms
            rows = tuple(
                kept_alarm(view, now_ms, wall_ms) if view else (alarm, b"")
                for alarm, view in self.alarms.unsaved().items()
            )
            if rows:
                self.counter.keep(Change(alarms=rows))

    def publish(self, now_ms: int) -> None:
        """Tell consoles what has changed and happened since the last time."""
        for delta in self.picture.deltas(now_ms):
            self._tell(b"delta", wire.pack(delta, checked=False))
        for event in self.events.unsent(EVENTS_PER_TURN):
            self._tell(b"event", wire.pack(event, checked=False))
        for payload in self.flag_post.due(now_ms):
            self._tell(b"flag-act", payload)

    def _tell(self, topic: bytes, payload: bytes) -> None:
        self._pictures.send_multipart((topic, payload), zmq.NOBLOCK)

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


def _greeting(boot: bytes, districts: list[str]) -> list[bytes]:
    """What an engine is told first: nothing acts, whose messages it makes, where junctions lie."""
    names = list(dict.fromkeys(districts))
    places = [names, [names.index(name) for name in districts]]
    return [pack_reset(), pack_wish("boot", boot), pack_wish("districts", places)]


def _bound(made: zmq.Socket[bytes]) -> str:
    return str(made.getsockopt_string(zmq.LAST_ENDPOINT))
