"""A control room for tests: places, people, and orders written as one would say them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from controller.junction import StreetNetwork
from controller.vocabulary import Timing
from override.desk import Desk
from override.orders import Order
from override.places import Places
from override.requests import Approval, Header, OrderRequest
from override.roles import Command, Role, Slot
from override.ruling import Person, Ruling
from tests import toy_street

ANA = Person("ana", Role.OPERATOR)
OLE = Person("ole", Role.OPERATOR)
SAM = Person("sam", Role.SUPERVISOR)
SUE = Person("sue", Role.SUPERVISOR)
ENG = Person("eng", Role.ENGINEER)
GATE = Person("gate", Role.CITIZEN_GATEWAY)
EVERYBODY = (ANA, OLE, SAM, SUE, ENG, GATE, Person("vic", Role.VIEWER), Person("aud", Role.AUDITOR))

ARGUMENT: dict[Command, dict[str, Any]] = {
    Command.HOLD: {"stage": "s0"},
    Command.FORCE_OFF: {"stage": "s0"},
    Command.OMIT: {"group": "ns.left"},
    Command.CALL: {"group": "walk.ns"},
    Command.PLAN: {"plan": "day"},
    Command.EVENT_PLAN: {"plan": "day"},
    Command.CONFIGURE: {"plan": "night"},
    Command.SPLIT_BIAS: {"stage": "s0", "bias_ms": 5_000},
    Command.LONGER_WALK: {"group": "walk.ns", "bias_ms": 5_000},
}
SLOT_OF = {
    Command.ALL_RED: Slot.EMERGENCY,
    Command.FLASH: Slot.EMERGENCY,
    Command.CORRIDOR: Slot.EMERGENCY_VEHICLE,
    Command.EVENT_PLAN: Slot.EVENT,
    Command.LOCKOUT: Slot.SUPERVISOR,
}


def street(junctions: int) -> StreetNetwork:
    """Toy junctions J0, J1, ..."""
    return StreetNetwork(
        "town", Timing.COMPUTED, tuple(toy_street.junction(f"J{k}") for k in range(junctions))
    )


def header(seq: int = 1, **changes: Any) -> Header:
    usual: dict[str, Any] = {
        "epoch": 1, "seq": seq, "nonce": bytes(16), "issued_wall_ms": 0, "not_after_wall_ms": 10_000,
        "boot": bytes(8), "snapshot_ms": 0,
    }  # fmt: skip
    return Header(**{**usual, **changes})


def slot_of(who: Person, command: Command) -> Slot:
    """The slot in which somebody of this role gives it."""
    if command in SLOT_OF:
        return SLOT_OF[command]
    if who.role is Role.CITIZEN_GATEWAY:
        return Slot.ASSISTANCE
    return Slot.SUPERVISOR if who.role is Role.SUPERVISOR else Slot.OPERATOR


class Room:
    """A desk, a clock and a stack of numbered slips of paper."""

    def __init__(self, junctions: int = 4, now_ms: int = 1_000_000) -> None:
        self.desk = Desk(Places(street(junctions)))
        self.now_ms = now_ms
        self.slips = 0

    def request(
        self, who: Person, command: Command, junctions: Sequence[str] = ("J0",), **more: Any
    ) -> OrderRequest:
        """As somebody who has just looked would write it."""
        self.slips += 1
        usual: dict[str, Any] = {
            "header": header(self.slips),
            "issuer": who.name,
            "command": command,
            "slot": slot_of(who, command),
            "junctions": tuple(junctions),
            "basis": tuple(self.desk.versions.get(j, 0) for j in junctions),
            "lease_ms": 60_000,
            "reason": "test",
            **ARGUMENT.get(command, {}),
        }
        return OrderRequest(**{**usual, **more})

    def digest(self, request: OrderRequest) -> bytes:
        return hashlib.sha256(repr(request).encode()).digest()

    def ask(self, who: Person, command: Command, junctions: Sequence[str] = ("J0",), **more: Any) -> Ruling:
        """Ask, and do what the desk says. Raises Refused."""
        request = self.request(who, command, junctions, **more)
        ruling = self.desk.rule(request, self.digest(request), who, self.now_ms)
        self.desk.take(ruling.versions)
        return ruling

    def agree(self, who: Person, ruling: Ruling, agrees: bool = True) -> Ruling:
        digest = self.desk.orders[ruling.order].digest
        answer = self.desk.approve(Approval(header(), who.name, digest, agrees), who, self.now_ms)
        self.desk.take(answer.versions)
        return answer

    def wait(self, ms: int) -> list[Order]:
        """Let time pass, a second at a time; gives what it brought about."""
        out: list[Order] = []
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            self.now_ms = min(end_ms, self.now_ms + 1000)
            versions = self.desk.due(self.now_ms)
            self.desk.take(versions)
            out += versions
        return out

    def acting(self, junction: str = "J0", point: str = "stage") -> str:
        """Who acts there, as `ana hold`."""
        order = self.desk.winner(junction, point, self.now_ms)
        return f"{order.issuer} {order.command}" if order else ""
