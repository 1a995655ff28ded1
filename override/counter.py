"""The counter: a frame from an authenticated sender comes in, one reply goes out.

In this order (rules 5.4): size and signature on raw bytes, decoding, schema, whose name, whether
it was answered before, freshness, sequence, the desk's ruling; then it is stored, then it acts,
then it is answered. No clock and no socket: time is given with each call.
"""

from __future__ import annotations

import secrets
from collections import Counter as Counts
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from override import wire
from override.alarm_file import kept_alarm
from override.audit import Entry, sign_head, text_hash
from override.deploy_messages import DeployRequest
from override.desk import Desk
from override.flag_messages import FlagActRequest
from override.keys import PANIC, Identity, Secret
from override.orders import Life, Order
from override.refused import Refused
from override.requests import AlarmRequest, Approval, Header, OrderRequest
from override.roles import LEASE_ALONE_MS, SAFER, Command, Role, Slot
from override.ruling import Act, Person, Ruling
from override.storage import Change, Storage, StorageFull
from override.topics import TOPICS
from override.views import Outcome, Reply

SKEW_MS = 30_000
"""Wall clocks further apart prove nothing (rules 5.4)."""
PICTURE_MS = 2_000
"""A picture older than this is no basis (10.7)."""
STRAYS_EVERY_MS = 1_000
"""Frames nothing of which was used are counted, and the counts written so often."""
WAITING_MAX = 10_000
"""So many changes wait for a full disk in memory; further ones act and are lost to the audit."""
AHEAD_MS = 60_000
"""An order may not ask to be good for longer than this after it was made."""


Request = OrderRequest | Approval | AlarmRequest | FlagActRequest | DeployRequest
Other = Callable[[Any, Person, int], Ruling]
"""Rules on a request that is about no order; raises Refused."""


class Counter:
    """Takes requests for one desk and one storage.

    `act` tells the controller what acts where from now on; it is called after the storage has
    it and before the reply is given. `alarm` is told what everybody shall hear.
    """

    def __init__(
        self,
        desk: Desk,
        storage: Storage,
        boot: bytes,
        act: Callable[[tuple[Act, ...]], None],
        alarm: Callable[[str], None] = lambda sentence: None,
        salt: Callable[[], bytes] = lambda: secrets.token_bytes(16),
    ) -> None:
        self.desk = desk
        self.storage = storage
        self.boot = boot
        self._act = act
        self._alarm = alarm
        self._salt = salt
        self.others: dict[type, Other] = {}
        """Who rules on what is about no order, by kind of request."""
        self.settled: Callable[[Request, Ruling], None] = lambda request, ruling: None
        """Told of every request that was stored, and what was ruled."""
        self.stepped: Callable[[Order, Life | None], None] = lambda order, before: None
        """Told of every step of an order, with its life before."""
        self._waiting: list[Change] = []
        """What had to act while the disk was full, in its order."""
        self._replies: dict[tuple[str, int, int], tuple[bytes, bytes]] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._strays: Counts[tuple[str, str]] = Counts()
        self._strays_ms = 0

    def start(self, now_ms: int, wall_ms: int) -> tuple[Order, ...]:
        """Take up what was live before a restart, or end it; gives what ended. No full disk hinders it."""
        stored = self.storage.unfinished()
        lives = {order.id: order.life for order in stored}
        versions = self.desk.after_restart(stored, now_ms)
        entries = [_step_entry(v, lives[v.id], now_ms, wall_ms, "station") for v in versions]
        found = Entry(now_ms, wall_ms, "station", "start", "start", "", f"{len(versions)} orders found")
        self._store_or_keep(Change(versions, (found, *entries)))
        self.desk.take(versions)
        self._act(self.desk.acts(now_ms))
        return tuple(v for v in versions if not v.live)

    def receive(self, frame: bytes, topic: str, who: Identity, now_ms: int, wall_ms: int) -> bytes:
        """The reply's payload for a frame of `order` or `approve`. Raises nothing for any bytes."""
        digest = wire.digest(frame[wire.SIGNATURE_BYTES :])
        try:
            request, digest = wire.open_sealed(frame, who.sign_public, TOPICS[topic])
            return self._answer(request, digest, who, now_ms, wall_ms)
        except Refused as refused:
            # Nothing of it was used, not even its number, so it may be counted instead of written.
            self._strays[who.name, refused.code] += 1
            return wire.pack(Reply(digest, Outcome.REFUSED, "", refused.code, refused.why[:400], now_ms))

    def panic(self, junctions: tuple[str, ...], now_ms: int, wall_ms: int) -> Ruling:
        """All red by whoever stands at the machine: no key, no number, but recorded. Raises Refused."""
        words = f"{PANIC} {now_ms} {' '.join(junctions)}"
        digest = wire.digest(words.encode())
        header = Header(0, 1, bytes(16), wall_ms, wall_ms, self.boot, now_ms)
        request = OrderRequest(
            header,
            PANIC,
            Command.ALL_RED,
            Slot.EMERGENCY,
            junctions,
            (),
            lease_ms=LEASE_ALONE_MS,
            reason=PANIC,
        )
        ruling = self.desk.rule(request, digest, Person(PANIC, Role.OPERATOR), now_ms)
        entries = tuple(_step_entry(v, self._life_of(v), now_ms, wall_ms, PANIC) for v in ruling.versions)
        self._store_or_keep(Change(ruling.versions, entries))
        self._take(ruling.versions)
        self._act(self.desk.acts(now_ms))
        self._alarm(f"panic at the station itself: all red at {', '.join(junctions)}")
        return ruling

    def tick(self, now_ms: int, wall_ms: int) -> None:
        """Let time do what it does: end leases, tell the controller. Never raises for a full disk."""
        if self._waiting:
            self._write_what_waits()
        if self._strays and now_ms - self._strays_ms >= STRAYS_EVERY_MS:
            self._strays_ms = now_ms
            for (name, code), times in sorted(self._strays.items()):
                self.note(Entry(now_ms, wall_ms, name, "stray", code, "", f"{times} times"))
            self._strays.clear()
        self.move(self.desk.due(now_ms), now_ms, wall_ms, "station")

    def move(self, versions: tuple[Order, ...], now_ms: int, wall_ms: int, actor: str) -> None:
        """Store and do steps nobody asked for: ends, proofs by lamps, vetoes. No full disk delays them."""
        if versions:
            entries = tuple(
                _step_entry(v, self.desk.orders[v.id].life, now_ms, wall_ms, actor)
                for v in versions
                if v.life is not self.desk.orders[v.id].life or v.lost != self.desk.orders[v.id].lost
            )
            self._store_or_keep(Change(versions, entries))
            self._take(versions)
        if acts := self.desk.acts(now_ms):
            self._act(acts)

    def note(self, entry: Entry) -> None:
        """Put something that is no order into the audit: a revocation, an alarm."""
        self._store_or_keep(Change(entries=(entry,)))

    def keep(self, change: Change) -> None:
        """Store something that belongs to no request; a full disk delays it, and loses nothing."""
        self._store_or_keep(change)

    @property
    def disk_is_full(self) -> bool:
        """Whether something waits for room on the disk."""
        return bool(self._waiting)

    def sign_head(self, station: Secret, wall_ms: int) -> None:
        """Sign and keep the head of the chain. Raises StorageFull."""
        index, link = self.storage.head_now()
        if index:
            self.storage.keep_head(sign_head(station, index, link, wall_ms))

    # --- one request -------------------------------------------------------------------

    def _answer(self, request: Request, digest: bytes, who: Identity, now_ms: int, wall_ms: int) -> bytes:
        header = request.header
        if request.issuer != who.name or who.role is None:
            raise Refused("identity", f"the key is {who.name}'s, the message says {request.issuer}")
        number = (who.name, header.epoch, header.seq)
        if known := self._replies.get(number) or self.storage.answered(*number):
            if known[0] == digest:
                return known[1]
            raise Refused("sequence", f"number {header.epoch}/{header.seq} was used for another request")
        last = max(self._last.get(who.name, (0, 0)), self.storage.last_number(who.name))
        if number[1:] <= last:
            raise Refused("sequence", f"number {header.epoch}/{header.seq}; {last[0]}/{last[1]} was there")
        person = Person(who.name, who.role)
        try:
            self._check_fresh(request, now_ms, wall_ms)
            if isinstance(request, Approval):
                ruling = self.desk.approve(request, person, now_ms)
            elif isinstance(request, OrderRequest):
                ruling = self.desk.rule(request, digest, person, now_ms)
            else:
                ruling = self.others[type(request)](request, person, now_ms)
            reply = Reply(digest, ruling.outcome, ruling.order, "", ruling.why, now_ms, ruling.expires_ms)
        except Refused as refused:
            ruling = Ruling(Outcome.REFUSED, "")
            reply = Reply(digest, Outcome.REFUSED, "", refused.code, refused.why[:400], now_ms)
        return self._settle(request, ruling, reply, person, now_ms, wall_ms)

    def _check_fresh(self, request: Request, now_ms: int, wall_ms: int) -> None:
        """By the clocks, or by a picture of ours just seen: a wrong clock must not lock people out (A22).

        What needs a basis must have seen a picture of ours in any case. Raises Refused.
        """
        header = request.header
        if header.not_after_wall_ms - header.issued_wall_ms > AHEAD_MS:
            raise Refused("stale", f"good for more than {AHEAD_MS // 1000} s; send it when it is wanted")
        looked = header.boot == self.boot and 0 <= now_ms - header.snapshot_ms <= PICTURE_MS
        if _needs_picture(request) and not looked:
            raise Refused("stale", "look again: the picture it was made from is more than 2 s old")
        clocks = abs(wall_ms - header.issued_wall_ms) <= SKEW_MS and wall_ms <= header.not_after_wall_ms
        if not looked and not clocks:
            raise Refused("stale", "too old, or made by a clock more than 30 s from ours")

    def _settle(
        self, request: Request, ruling: Ruling, reply: Reply, person: Person, now_ms: int, wall_ms: int
    ) -> bytes:
        """Store, act, answer: in this order."""
        text, first = self._request_entry(request, ruling, reply, person, now_ms, wall_ms)
        steps = (_step_entry(v, self._life_of(v), now_ms, wall_ms, person.name) for v in ruling.versions)
        entries = (first, *steps)
        header = request.header
        number = (person.name, header.epoch, header.seq)

        def change(reply: Reply) -> Change:
            row = (*number, reply.digest, wire.pack(reply), wall_ms)
            alarms = tuple(kept_alarm(view, now_ms, wall_ms) for view in ruling.views)
            act = (header.nonce.hex(), wire.pack(request), wall_ms) if ruling.flag_act else None
            kept = tuple((v.number, v.packed(), content) for v, content in ruling.deployed)
            return Change(ruling.versions, entries, row, text, alarms=alarms, versions=kept, flag_act=act)

        done = change(replace(reply, audit_index=self.storage.audit_index + 1))
        try:
            self._write_what_waits()
            if self._waiting:
                raise StorageFull("earlier changes wait")
            self.storage.commit(done)
        except StorageFull:
            safer = isinstance(request, OrderRequest) and request.command in SAFER
            if (ruling.versions or ruling.deployed or ruling.flag_act) and not safer:
                why = "the disk is full; all red, flash and release still work"
                ruling = Ruling(Outcome.REFUSED, "")
                reply = Reply(reply.digest, Outcome.REFUSED, "", "storage", why, now_ms)
                entries, text = (replace(first, result="refused", what="storage"),), None
            done = change(reply)
            self._keep(done)
        self._take(ruling.versions)
        self._act(self.desk.acts(now_ms))
        for sentence in ruling.alarms:
            self._alarm(sentence)
        self.settled(request, ruling)
        assert done.reply is not None
        return done.reply[4]

    def _request_entry(
        self, request: Request, ruling: Ruling, reply: Reply, person: Person, now_ms: int, wall_ms: int
    ) -> tuple[tuple[int, bytes, str, int] | None, Entry]:
        """The free text apart, and what the audit says of the request, with the text's hash."""
        text = None
        what, junctions = "approve", tuple[str, ...]()
        words, order = "", ruling.order
        if isinstance(request, OrderRequest):
            what, junctions = str(request.command), request.junctions
            words = " ".join(w for w in (request.reason, request.ticket) if w)
        elif isinstance(request, AlarmRequest):
            what, words, order = f"alarm {request.action}", request.reason, request.alarm
        elif isinstance(request, FlagActRequest):
            what, words, order = f"flag {request.action}", request.reason, request.flag
        elif isinstance(request, DeployRequest):
            what, words = f"version {request.action}", request.reason
        if words:
            text = (self.storage.next_text_id(), self._salt(), words, wall_ms)
        entry = Entry(
            now_ms, wall_ms, person.name, "request", what, order, reply.code or str(ruling.outcome),
            junctions, digest=reply.digest,
            text_id=text[0] if text else 0, text_hash=text_hash(text[1], text[2]) if text else b"",
        )  # fmt: skip
        return text, entry

    def _take(self, versions: tuple[Order, ...]) -> None:
        lives = [self._life_of(order) for order in versions]
        self.desk.take(versions)
        for order, before in zip(versions, lives, strict=True):
            self.stepped(order, before)

    def _life_of(self, order: Order) -> Life | None:
        before = self.desk.orders.get(order.id)
        return before.life if before else None

    # --- a full disk -------------------------------------------------------------------

    def _store_or_keep(self, change: Change) -> None:
        try:
            self._write_what_waits()
            if not self._waiting:
                self.storage.commit(change)
                return
        except StorageFull:
            pass
        self._keep(change)

    def _keep(self, change: Change) -> None:
        """What acted though the disk was full is written as soon as it can be."""
        if not self._waiting:
            self._alarm("the station's disk is full: only all red, flash and release are taken")
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(change)
        if change.reply is not None:
            issuer, epoch, seq, digest, reply, _ = change.reply
            self._replies[issuer, epoch, seq] = (digest, reply)
            self._last[issuer] = max(self._last.get(issuer, (0, 0)), (epoch, seq))

    def _write_what_waits(self) -> None:
        if not self._waiting:
            return
        try:
            self.storage.commit(*self._waiting)
        except StorageFull:
            return
        self._waiting.clear()
        self._replies.clear()


def _needs_picture(request: Request) -> bool:
    """Whether the sender must have looked: not to approve, to renew, or to make things safer."""
    return isinstance(request, OrderRequest) and request.command not in SAFER and not request.renew


def _step_entry(order: Order, before: Life | None, now_ms: int, wall_ms: int, actor: str) -> Entry:
    return Entry(
        now_ms, wall_ms, actor, "order", str(order.command), order.id, order.end or order.why,
        tuple(sorted(order.lost)), order.second, order.digest, str(before or ""), str(order.life),
    )  # fmt: skip
