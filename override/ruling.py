"""Who asks, what the desk answers, and what then acts: the records between desk, counter and engine."""

from __future__ import annotations

from dataclasses import dataclass

from override.orders import Order
from override.roles import Role
from override.version import Version
from override.views import AlarmView, Outcome


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, as his key says."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Ruling:
    """The answer, and what must be stored before it is given."""

    outcome: Outcome
    order: str
    why: str = ""
    expires_ms: int = 0
    versions: tuple[Order, ...] = ()
    alarms: tuple[str, ...] = ()
    views: tuple[AlarmView, ...] = ()
    """Alarms as they are after what somebody did with them."""
    deployed: tuple[tuple[Version, bytes | None], ...] = ()
    """Versions as they are after it, with their content where they are new."""
    flag_act: bool = False
    """The request is for the citizen process, and must not be lost on the way."""


@dataclass(frozen=True, slots=True)
class Act:
    """What acts now at one point of a junction; no order = nothing, the base state."""

    junction: str
    point: str
    order: Order | None
    until_ms: int = 0
