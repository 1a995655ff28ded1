"""The life of an order, as one frozen record and one literal table of what may follow what.

REQUESTED → REFUSED(why) | ACCEPTED → EFFECTIVE (the lamps prove it) → ENDED(expired, released,
superseded, vetoed). An order never changes: each step gives a new version of it, which is
stored before it acts. Times are the station's monotonic clock, so no change of wall time
lengthens or shortens a lease (A22).
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from enum import StrEnum

from override.requests import Leg, OrderRequest
from override.roles import JUNCTIONS_ALONE, ONCE, Command, Role


class Life(StrEnum):
    """Where an order is."""

    REQUESTED = "requested"
    """Waits for the second person."""
    REFUSED = "refused"
    ACCEPTED = "accepted"
    EFFECTIVE = "effective"
    ENDED = "ended"


class Event(StrEnum):
    """What can happen to it; the last four are the ways to end."""

    REFUSE = "refuse"
    ACCEPT = "accept"
    PROVE = "prove"
    EXPIRE = "expired"
    RELEASE = "released"
    SUPERSEDE = "superseded"
    VETO = "vetoed"


NEXT: dict[tuple[Life, Event], Life] = {
    (Life.REQUESTED, Event.REFUSE): Life.REFUSED,
    (Life.REQUESTED, Event.ACCEPT): Life.ACCEPTED,
    (Life.ACCEPTED, Event.PROVE): Life.EFFECTIVE,
    (Life.ACCEPTED, Event.EXPIRE): Life.ENDED,
    (Life.ACCEPTED, Event.RELEASE): Life.ENDED,
    (Life.ACCEPTED, Event.SUPERSEDE): Life.ENDED,
    (Life.ACCEPTED, Event.VETO): Life.ENDED,
    (Life.EFFECTIVE, Event.EXPIRE): Life.ENDED,
    (Life.EFFECTIVE, Event.RELEASE): Life.ENDED,
    (Life.EFFECTIVE, Event.SUPERSEDE): Life.ENDED,
    (Life.EFFECTIVE, Event.VETO): Life.ENDED,
}
"""Nothing else is possible: an order that ended never acts again."""
LIVE = frozenset({Life.ACCEPTED, Life.EFFECTIVE})

STAGE_POINT = "stage"
"""What an order says about the stage; calls and detectors are points of their own."""
ONCE_POINT = "once"
JUNCTIONS_PER_S = 10
"""A district is stopped so many junctions a second, in the order named (10.6)."""


@dataclass(frozen=True, slots=True)
class Order:
    """One version of one order. Free text is not in it: the audit keeps that apart."""

    id: str
    digest: bytes
    """Of the request's payload; the second person signs it."""
    issuer: str
    role: Role
    command: Command
    slot: int
    junctions: tuple[str, ...]
    basis: tuple[int, ...]
    lease_ms: int
    requested_ms: int
    life: Life = Life.REQUESTED
    end: str = ""
    """The event that ended it, or nothing."""
    why: str = ""
    stage: str = ""
    group: str = ""
    detector: str = ""
    plan: str = ""
    bias_ms: int = 0
    legs: tuple[Leg, ...] = ()
    takeover: bool = False
    suspends_promise: bool = False
    break_glass: bool = False
    accepted_ms: int = 0
    until_ms: int = 0
    """End of the lease."""
    second: str = ""
    """The second person."""
    countersign_by_ms: int = 0
    """Released then unless a second person has agreed; 0 = nobody needs to."""
    effective_ms: int = 0
    complete_ms: int = 0
    """All red: the last crossing has cleared."""
    broken_since_ms: int = 0
    """A corridor that lost a junction is released when it stays so; 0 = whole."""
    lost: frozenset[str] = frozenset()
    """Junctions where it acts no more, though it does elsewhere."""
    proven: frozenset[str] = frozenset()
    """Junctions whose lamps have shown its effect."""

    @property
    def live(self) -> bool:
        """Whether it holds its slots."""
        return self.life in LIVE

    @property
    def held(self) -> frozenset[str]:
        """Junctions where it holds its slot."""
        return frozenset(self.junctions) - self.lost if self.live else frozenset()

    @property
    def point(self) -> str:
        """What it is about, at each of its junctions: the stage, one call, one detector."""
        if self.command is Command.CALL:
            return f"call:{self.group}"
        if self.command is Command.LONGER_WALK:
            return f"walk:{self.group}"
        if self.command in (Command.DETECTOR_DISABLE, Command.DETECTOR_RECALL):
            return f"detector:{self.detector}"
        return ONCE_POINT if self.command in ONCE else STAGE_POINT

    def leg(self, junction: str) -> Leg | None:
        """Its leg at a junction, if it is a corridor."""
        return next((leg for leg in self.legs if leg.junction == junction), None)

    def span_ms(self, junction: str) -> tuple[int, int]:
        """From when to when it acts at a junction."""
        if leg := self.leg(junction):
            start_ms = self.accepted_ms + leg.after_ms
            return start_ms, min(self.until_ms, start_ms + leg.hold_ms)
        if len(self.junctions) > JUNCTIONS_ALONE:
            wave = self.junctions.index(junction) // JUNCTIONS_PER_S
            return self.accepted_ms + 1000 * wave, self.until_ms
        return self.accepted_ms, self.until_ms


class WrongStep(RuntimeError):
    """A step the table does not know: a mistake of ours, never of a message."""


def step(order: Order, event: Event, now_ms: int, why: str = "") -> Order:
    """The next version of an order. Raises WrongStep where the table has no such step."""
    if (after := NEXT.get((order.life, event))) is None:
        raise WrongStep(f"order {order.id}: {event} cannot happen to an order that is {order.life}")
    if event is Event.ACCEPT:
        return replace(order, life=after, accepted_ms=now_ms, until_ms=now_ms + order.lease_ms, why=why)
    if event is Event.PROVE:
        return replace(order, life=after, effective_ms=now_ms)
    end = event.value if after is Life.ENDED else ""
    return replace(order, life=after, end=end, why=why)


def without(order: Order, junctions: Set[str], event: Event, why: str, now_ms: int) -> Order:
    """An order that lost some of its junctions, and has ended when it has none left."""
    order = replace(order, lost=order.lost | junctions)
    return step(order, event, now_ms, why) if order.lost >= set(order.junctions) else order


def order_of(
    request: OrderRequest, digest: bytes, role: Role, junctions: tuple[str, ...], now_ms: int
) -> Order:
    """A fresh order. Its id comes from its bytes, so the same bytes are the same order."""
    return Order(
        id=f"{request.issuer}-{digest[:6].hex()}",
        digest=digest,
        issuer=request.issuer,
        role=role,
        command=request.command,
        slot=request.slot,
        junctions=junctions,
        basis=request.basis,
        lease_ms=0 if request.command in ONCE else request.lease_ms,
        requested_ms=now_ms,
        stage=request.stage,
        group=request.group,
        detector=request.detector,
        plan=request.plan,
        bias_ms=request.bias_ms,
        legs=request.legs,
        takeover=request.takeover,
        suspends_promise=request.suspends_promise,
        break_glass=request.break_glass,
    )
