"""A counter over a real file, with real signatures and a street that only writes down what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from override import wire
from override.counter import Counter
from override.desk import Desk
from override.keys import Identity, Secret, new_secret
from override.places import Places
from override.requests import Header, OrderRequest
from override.roles import Command, Role
from override.ruling import Act
from override.storage import Storage
from override.topics import TOPICS
from override.views import Reply
from tests.control_room import ARGUMENT, SLOT_OF, street

BOOT = b"boot-one"
WALL_MS = 1_700_000_000_000
STREET = street(6)


class Console:
    """Somebody with keys, who numbers what he sends."""

    def __init__(self, name: str, role: Role) -> None:
        self.secret: Secret = new_secret(name)
        self.identity = Identity(name, role, self.secret.curve_public, self.secret.sign_public)
        self.seq = 0

    def order(self, station: Station, command: Command, *junctions: str, **more: Any) -> bytes:
        self.seq += 1
        slot = SLOT_OF.get(command, 6 if self.identity.role is Role.SUPERVISOR else 7)
        usual: dict[str, Any] = {
            "header": station.header(self.seq), "issuer": self.identity.name,
            "command": command, "slot": slot,
            "junctions": junctions, "basis": tuple(station.desk.versions[j] for j in junctions),
            "lease_ms": 120_000, "reason": "a reason", **ARGUMENT.get(command, {}),
        }  # fmt: skip
        return wire.seal(OrderRequest(**{**usual, **more}), self.secret.sign)


class Station:
    """A counter over a file, with a street that only writes down what it is told."""

    opened: ClassVar[list[Storage]] = []

    def __init__(self, path: Path, now_ms: int = 1_000_000, point: Any = lambda name: None) -> None:
        self.path, self.now_ms, self.wall_ms = path, now_ms, WALL_MS
        self.point = point
        self.told: list[Act] = []
        self.alarms: list[str] = []
        self.boot = BOOT
        self.open()

    def open(self) -> None:
        self.storage = Storage(self.path, self.point)
        self.opened.append(self.storage)
        self.desk = Desk(Places(STREET))
        self.counter = Counter(self.desk, self.storage, self.boot, self.tell, self.alarms.append)
        self.counter.start(self.now_ms, self.wall_ms)

    def tell(self, acts: tuple[Act, ...]) -> None:
        self.point("before telling the street")
        self.told += acts
        self.point("after telling the street")

    def restart(self) -> None:
        self.storage.close()
        self.told.clear()
        self.open()

    def header(self, seq: int) -> Header:
        wall_ms = self.wall_ms
        return Header(1, seq, bytes(16), wall_ms, wall_ms + 10_000, self.boot, self.now_ms)

    def receive(self, frame: bytes, who: Console, topic: str = "order") -> Reply:
        payload = self.counter.receive(frame, topic, who.identity, self.now_ms, self.wall_ms)
        return wire.decode(payload, TOPICS["reply"])

    def wait(self, ms: int) -> None:
        self.now_ms += ms
        self.wall_ms += ms
        self.counter.tick(self.now_ms, self.wall_ms)

    def acting(self, junction: str = "J0") -> str:
        order = self.desk.winner(junction, "stage", self.now_ms)
        return f"{order.issuer} {order.command}" if order else ""


def hold(station: Station, who: Console, *junctions: str) -> bytes:
    return who.order(station, Command.HOLD, *(junctions or ("J0",)))
