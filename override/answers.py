"""Answers to who only wants to know something, or tells something that is not kept: nothing is stored.

Every kind of request is one small function of the sender, the request and a way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from override import wire
from override.audit_pages import READERS, audit_page
from override.flag_messages import CasesRequest
from override.foresight import QUESTIONS as FORESIGHT
from override.keys import Identity
from override.refused import Refused
from override.requests import AuditRequest, EventsRequest, SnapshotRequest
from override.roles import Role
from override.ruling import Person
from override.storage import StorageFull
from override.topics import TOPICS
from override.version_book import may_look
from override.views import Outcome, Reply

if TYPE_CHECKING:
    from override.deploy_messages import StreetRequest, VersionPart, VersionsRequest
    from override.details import WatchRequest
    from override.gateway import Gateway
    from override.layouts import LayoutRequest

CITIZEN = "citizen"
"""Mark in the storage: the citizen process has been heard at this station."""
MARK_EVERY_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Back:
    """The way back to who asked."""

    send: Callable[[bytes, bytes], object]
    """(topic, payload) in one message."""
    send_parts: Callable[[bytes, Iterator[bytes]], None]
    digest: bytes
    """Of what he asked, for a refusal."""


class Answers:
    """Knows a gateway's parts, and asks them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._marked_ms = -MARK_EVERY_MS
        self._kinds: dict[bytes, Callable[[Any, Identity, Back, int], None]] = {
            b"picture": self._picture,
            b"layout-please": self._layout,
            b"watch": self._watch,
            b"events-please": self._events,
            b"audit-please": self._audit,
            b"cases": self._cases,
            b"versions-please": self._versions,
            b"version-part": self._version_part,
            b"street-please": self._street,
        }

    def knows(self, topic: bytes) -> bool:
        """Whether it is one of ours."""
        return topic in self._kinds or topic in FORESIGHT

    def answer(self, topic: bytes, body: bytes, who: Identity, back: Back, now_ms: int) -> bool:
        """Answer it; False = no genuine message of this sender."""
        try:
            request, _ = wire.open_sealed(body, who.sign_public, TOPICS[topic.decode()])
        except Refused:
            return False
        if request.issuer != who.name or who.role is None:
            return False
        try:
            if topic in FORESIGHT:
                person, payload = Person(who.name, who.role), body[wire.SIGNATURE_BYTES :]
                self._gateway.foresight.answer(request, payload, person, now_ms, back.send)
            else:
                self._kinds[topic](request, who, back, now_ms)
        except Refused as refused:
            reply = Reply(back.digest, Outcome.REFUSED, "", refused.code, refused.why[:400], now_ms)
            back.send(b"reply", wire.pack(reply))
        return True

    def _picture(self, request: SnapshotRequest, who: Identity, back: Back, now_ms: int) -> None:
        gateway = self._gateway
        gateway.publish(now_ms)  # so that whoever has just been answered sees what he did
        parts = gateway.picture.snapshot(now_ms)
        back.send_parts(b"snapshot", (wire.pack(part, checked=False) for part in parts))

    def _layout(self, request: LayoutRequest, who: Identity, back: Back, now_ms: int) -> None:
        gateway = self._gateway
        back.send_parts(b"layout", gateway.layout.parts(gateway.boot, request.header.nonce))

    def _watch(self, request: WatchRequest, who: Identity, back: Back, now_ms: int) -> None:
        index = self._gateway.index
        self._gateway.watching.wish((index[name] for name in request.junctions if name in index), now_ms)

    def _events(self, request: EventsRequest, who: Identity, back: Back, now_ms: int) -> None:
        page = self._gateway.events.page(request.header.nonce, request.before, request.junction)
        back.send(b"events", wire.pack(page, checked=False))

    def _audit(self, request: AuditRequest, who: Identity, back: Back, now_ms: int) -> None:
        if who.role not in READERS:
            raise Refused(
                "role", f"a role of {who.role} may not read the audit; auditors and supervisors may"
            )
        page = audit_page(self._gateway.counter.storage, request)
        back.send(b"audit-page", wire.pack(page, checked=False))

    def _versions(self, request: VersionsRequest, who: Identity, back: Back, now_ms: int) -> None:
        deploying = self._gateway.deploying
        if who.role is None or not may_look(who.role) or deploying is None:
            why = "this station keeps no versions" if deploying is None else "versions are not for citizens"
            back.send(b"reply", wire.pack(Reply(back.digest, Outcome.REFUSED, "", "role", why, now_ms)))
        else:
            back.send(b"versions", wire.pack(deploying.told(request)))

    def _street(self, request: StreetRequest, who: Identity, back: Back, now_ms: int) -> None:
        deploying = self._gateway.deploying
        try:
            if who.role is None or not may_look(who.role) or deploying is None:
                raise Refused("role", "this station tells you no street file")
            back.send(b"street", wire.pack(deploying.street(request)))
        except Refused as refused:
            reply = Reply(back.digest, Outcome.REFUSED, "", refused.code, refused.why[:400], now_ms)
            back.send(b"reply", wire.pack(reply))

    def _version_part(self, request: VersionPart, who: Identity, back: Back, now_ms: int) -> None:
        taken = self._gateway.deploying is not None and self._gateway.deploying.take_part(request, who.name)
        outcome, code = (Outcome.DONE, "") if taken else (Outcome.REFUSED, "rate")
        why = "" if taken else "too much is on its way already; propose it again in a minute"
        back.send(b"reply", wire.pack(Reply(back.digest, outcome, "", code, why, now_ms)))

    def _cases(self, request: CasesRequest, who: Identity, back: Back, now_ms: int) -> None:
        if who.role is not Role.CITIZEN_GATEWAY:
            raise Refused("role", f"a role of {who.role} tells no cases; the citizen process does")
        gateway, storage = self._gateway, self._gateway.counter.storage
        gateway.watchman.citizen_ms = now_ms
        if (moved := gateway.cases.take(request, now_ms)) is not None:
            for view in moved:
                what = f"{view.flag}: {view.kind} at {view.group or view.junction}, {view.life}"
                times = f", said {view.count} times" if view.count > 1 else ""
                gateway.watchman.note("flag", view.junction, f"{what}{times}")
        try:
            if handled := gateway.flag_post.confirm(request.handled):
                storage.forget_flag_acts(handled)
            if now_ms - self._marked_ms >= MARK_EVERY_MS:
                self._marked_ms = now_ms
                storage.mark(CITIZEN, gateway.clock()[1])
        except StorageFull:
            pass  # it is told again, and known by its nonce
        back.send(b"reply", wire.pack(Reply(back.digest, Outcome.DONE, now_ms=now_ms)))
