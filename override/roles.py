"""Who may do what: one table of role x command x authority slot, and the one function that reads it.

It knows no person, no key and no junction by name, and imports the standard library only.
Sources: `rules.md` 5.2, 5.3, 5.5, 5.7 and settled questions 10.3 and 10.6 of the design.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum


class Role(StrEnum):
    """What a key stands for. A person has one role."""

    VIEWER = "viewer"
    """Watches."""
    OPERATOR = "operator"
    """Drives the street from the control room."""
    SUPERVISOR = "supervisor"
    """Answers for the operators; may overrule them."""
    ENGINEER = "engineer"
    """Changes plans, detectors and configuration; does not drive."""
    AUDITOR = "auditor"
    """Reads the audit, and nothing moves at his word."""
    CITIZEN_GATEWAY = "citizen-gateway"
    """The process through which citizens' flags become remedies."""


class Command(StrEnum):
    """Every order there is."""

    HOLD = "hold"
    FORCE_OFF = "force-off"
    OMIT = "omit"
    CALL = "call"
    PLAN = "plan"
    SPLIT_BIAS = "split-bias"
    DETECTOR_DISABLE = "detector-disable"
    DETECTOR_RECALL = "detector-recall"
    LONGER_WALK = "longer-walk"
    MANUAL_STEP = "manual-step"
    ALL_RED = "all-red"
    FLASH = "flash"
    RELEASE = "release"
    LOCKOUT = "lockout"
    CORRIDOR = "corridor"
    EVENT_PLAN = "event-plan"
    CONFIGURE = "configure"
    RESET_TRIP = "reset-trip"
    """End the monitor's latch after a conflict trip."""


class Slot(IntEnum):
    """The authority array: the lowest number wins, every slot keeps its own value (rules 5.2).

    13 to 16 are free: beneath the default nothing can matter.
    """

    MONITOR = 1
    LOCAL_CABINET = 2
    RAIL = 3
    EMERGENCY = 4
    EMERGENCY_VEHICLE = 5
    SUPERVISOR = 6
    OPERATOR = 7
    EVENT = 8
    ASSISTANCE = 9
    """Transit priority and citizens' remedies: they only add to what is there."""
    ADAPTIVE = 10
    TIME_OF_DAY = 11
    DEFAULT = 12


SLOTS = 16
SAFER = frozenset({Command.ALL_RED, Command.FLASH, Command.RELEASE})
"""Toward safety nothing may stand in the way: no basis, no rate limit, no second person first."""
EXCLUSIVE = frozenset({Command.ALL_RED, Command.FLASH})
"""Toward safety no takeover is needed: whoever asks for it last gets it."""
ONCE = frozenset({Command.CONFIGURE, Command.RESET_TRIP})
"""Done once, not held: they have no lease and shadow nobody's order."""
SURVIVES_RESTART = frozenset({Command.ALL_RED, Command.FLASH, Command.LOCKOUT})
"""Orders a restarted station takes up again (10.3); the others are reported for re-issue."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LEASE_DEFAULT_MS = 2 * MINUTE_MS
LEASE_ALONE_MS = 15 * MINUTE_MS
"""Longer than this needs a second person (rules 5.7), whatever the command."""
HOLD_MS = 3 * MINUTE_MS
BREAK_GLASS_MS = 15 * MINUTE_MS
JUNCTIONS_ALONE = 20
"""More than this needs a second person (rules 5.7, A24)."""
COUNTERSIGN_MS = 10 * MINUTE_MS
"""A district in all-red or flash is countersigned within this time or released (10.6)."""
APPROVAL_MS = 60_000
"""The second key follows the first within this time."""


class Second(Enum):
    """Whether a second person must agree, and when."""

    NEVER = "never"
    BEYOND = "beyond a limit"
    """Alone up to LEASE_ALONE_MS and JUNCTIONS_ALONE, with a second person beyond."""
    AFTERWARDS = "afterwards"
    """At once; beyond JUNCTIONS_ALONE countersigned afterwards, for the whole city before."""
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a cell of the table allows."""

    lease_max_ms: int
    """0 = the command has no lease."""
    second: Second = Second.BEYOND
    break_glass: bool = False
    """May be done alone for BREAK_GLASS_MS in an emergency, with an alarm everywhere."""


_O, _S, _E, _C = Role.OPERATOR, Role.SUPERVISOR, Role.ENGINEER, Role.CITIZEN_GATEWAY
_DRIVE = Grant(15 * MINUTE_MS)
_DRIVE_LONG = Grant(4 * HOUR_MS)
_HOLD = Grant(HOLD_MS)
_STOP = Grant(15 * MINUTE_MS, Second.AFTERWARDS)
_STOP_LONG = Grant(4 * HOUR_MS, Second.AFTERWARDS)
_FREE = Grant(0, Second.NEVER)
_REMEDY = Grant(15 * MINUTE_MS)
_TWO_KEYS = Grant(0, Second.ALWAYS)
_TWO_KEYS_OR_GLASS = Grant(0, Second.ALWAYS, break_glass=True)

TABLE: dict[tuple[Role, Command, Slot], Grant] = {
    # the operator drives in slot 7, stops in slot 4, clears the way in slot 5, plays events in slot 8
    (_O, Command.HOLD, Slot.OPERATOR): _HOLD,
    (_O, Command.FORCE_OFF, Slot.OPERATOR): _DRIVE,
    (_O, Command.OMIT, Slot.OPERATOR): _DRIVE,
    (_O, Command.CALL, Slot.OPERATOR): _DRIVE,
    (_O, Command.PLAN, Slot.OPERATOR): _DRIVE,
    (_O, Command.SPLIT_BIAS, Slot.OPERATOR): _DRIVE,
    (_O, Command.DETECTOR_DISABLE, Slot.OPERATOR): _DRIVE,
    (_O, Command.DETECTOR_RECALL, Slot.OPERATOR): _DRIVE,
    (_O, Command.LONGER_WALK, Slot.OPERATOR): _DRIVE,
    (_O, Command.MANUAL_STEP, Slot.OPERATOR): _DRIVE,
    (_O, Command.ALL_RED, Slot.EMERGENCY): _STOP,
    (_O, Command.FLASH, Slot.EMERGENCY): _STOP,
    (_O, Command.CORRIDOR, Slot.EMERGENCY_VEHICLE): _DRIVE,
    (_O, Command.EVENT_PLAN, Slot.EVENT): _DRIVE,
    (_O, Command.RELEASE, Slot.EMERGENCY): _FREE,
    (_O, Command.RELEASE, Slot.EMERGENCY_VEHICLE): _FREE,
    (_O, Command.RELEASE, Slot.OPERATOR): _FREE,
    (_O, Command.RELEASE, Slot.EVENT): _FREE,
    # the supervisor the same, one slot above the operator, longer with a second person
    (_S, Command.HOLD, Slot.SUPERVISOR): _HOLD,
    (_S, Command.FORCE_OFF, Slot.SUPERVISOR): _DRIVE_LONG,
    (_S, Command.OMIT, Slot.SUPERVISOR): _DRIVE_LONG,
    (_S, Command.CALL, Slot.SUPERVISOR): _DRIVE_LONG,
    (_S, Command.PLAN, Slot.SUPERVISOR): _DRIVE_LONG,
    (_S, Command.SPLIT_BIAS, Slot.SUPERVISOR): _DRIVE_LONG,
    (_S, Command.DETECTOR_DISABLE, Slot.SUPERVISOR): _DRIVE_LONG,
    (_S, Command.DETECTOR_RECALL, Slot.SUPERVISOR): _DRIVE_LONG,
    (_S, Command.LONGER_WALK, Slot.SUPERVISOR): _DRIVE_LONG,
    (_S, Command.MANUAL_STEP, Slot.SUPERVISOR): _DRIVE_LONG,
    (_S, Command.ALL_RED, Slot.EMERGENCY): _STOP_LONG,
    (_S, Command.FLASH, Slot.EMERGENCY): _STOP_LONG,
    (_S, Command.CORRIDOR, Slot.EMERGENCY_VEHICLE): _DRIVE_LONG,
    (_S, Command.EVENT_PLAN, Slot.EVENT): _DRIVE_LONG,
    (_S, Command.LOCKOUT, Slot.SUPERVISOR): Grant(24 * HOUR_MS, Second.ALWAYS, break_glass=True),
    (_S, Command.CONFIGURE, Slot.SUPERVISOR): _TWO_KEYS_OR_GLASS,
    (_S, Command.RESET_TRIP, Slot.MONITOR): _TWO_KEYS_OR_GLASS,
    (_S, Command.RELEASE, Slot.EMERGENCY): _FREE,
    (_S, Command.RELEASE, Slot.EMERGENCY_VEHICLE): _FREE,
    (_S, Command.RELEASE, Slot.SUPERVISOR): _FREE,
    (_S, Command.RELEASE, Slot.OPERATOR): _FREE,
    (_S, Command.RELEASE, Slot.EVENT): _FREE,
    (_S, Command.RELEASE, Slot.ASSISTANCE): _FREE,
    # the engineer looks after detectors, and changes things for good only with a second key
    (_E, Command.DETECTOR_DISABLE, Slot.OPERATOR): _DRIVE,
    (_E, Command.DETECTOR_RECALL, Slot.OPERATOR): _DRIVE,
    (_E, Command.LOCKOUT, Slot.SUPERVISOR): Grant(24 * HOUR_MS, Second.ALWAYS),
    (_E, Command.CONFIGURE, Slot.SUPERVISOR): _TWO_KEYS,
    (_E, Command.RESET_TRIP, Slot.MONITOR): _TWO_KEYS,
    (_E, Command.RELEASE, Slot.SUPERVISOR): _FREE,
    (_E, Command.RELEASE, Slot.OPERATOR): _FREE,
    # a citizen's remedy can only add protection
    (_C, Command.CALL, Slot.ASSISTANCE): _REMEDY,
    (_C, Command.DETECTOR_RECALL, Slot.ASSISTANCE): _REMEDY,
    (_C, Command.LONGER_WALK, Slot.ASSISTANCE): _REMEDY,
    (_C, Command.RELEASE, Slot.ASSISTANCE): _FREE,
}
"""A cell that is not here is a no. Nobody reaches slots 1 to 3 over a network (but for the reset)."""

APPROVERS: dict[Command, frozenset[Role]] = {
    Command.LOCKOUT: frozenset({_S, _E}),
    Command.CONFIGURE: frozenset({_S, _E}),
    Command.RESET_TRIP: frozenset({_S, _E}),
}
"""Who may be the second person where it is not everyone who drives."""
DRIVERS = frozenset({_O, _S})
REMEDY_JUNCTIONS = 1
"""A citizen's remedy is for the signal it was asked for, one at a time."""


class Need(Enum):
    """What stands between a request and its acceptance."""

    NOTHING = "nothing"
    APPROVAL = "a second person within 60 s"
    COUNTERSIGN = "a second person within 10 min, else it is released"


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer of the table."""

    need: Need = Need.NOTHING
    alarm: bool = False
    """Said to everybody: a district stopped, or glass broken."""
    refusal: str = ""
    """Why not; empty when it is allowed."""


def permission(
    role: Role,
    command: Command,
    slot: Slot,
    junctions: int,
    city_junctions: int,
    lease_ms: int,
    break_glass: bool = False,
    suspends_promise: bool = False,
) -> Permission:
    """May `role` give `command` in `slot` to so many of the city's junctions for so long?"""
    grant = TABLE.get((role, command, slot))
    if grant is None:
        return Permission(refusal=f"a role of {role} may not {command} in slot {slot.value}")
    if suspends_promise and (role is not Role.SUPERVISOR or command is not Command.HOLD):
        return Permission(refusal="only a supervisor may suspend a promise, and only with a hold")
    if role is Role.CITIZEN_GATEWAY and junctions > REMEDY_JUNCTIONS and command is not Command.RELEASE:
        return Permission(refusal=f"a remedy is for one junction, not {junctions}")
    if junctions < 1 or junctions > city_junctions:
        return Permission(refusal=f"{junctions} junctions; 1 to {city_junctions} are possible")
    if grant.lease_max_ms and not 0 < lease_ms <= grant.lease_max_ms:
        return Permission(refusal=f"a lease of {_time(lease_ms)}; {_time(grant.lease_max_ms)} at most")
    if break_glass:
        if not grant.break_glass:
            return Permission(refusal=f"a role of {role} may not break glass for {command}")
        if lease_ms > BREAK_GLASS_MS or junctions > JUNCTIONS_ALONE:
            return Permission(
                refusal=f"broken glass lasts {_time(BREAK_GLASS_MS)} for {JUNCTIONS_ALONE} junctions at most"
            )
        return Permission(alarm=True)
    return _second_person(grant, junctions, city_junctions, lease_ms)


def _second_person(grant: Grant, junctions: int, city_junctions: int, lease_ms: int) -> Permission:
    many = junctions > JUNCTIONS_ALONE
    long = lease_ms > LEASE_ALONE_MS
    if grant.second is Second.ALWAYS:
        return Permission(Need.APPROVAL)
    if grant.second is Second.AFTERWARDS:
        if long or (many and junctions == city_junctions):
            return Permission(Need.APPROVAL, alarm=many)
        return Permission(Need.COUNTERSIGN if many else Need.NOTHING, alarm=many)
    if grant.second is Second.BEYOND and (many or long):
        return Permission(Need.APPROVAL)
    return Permission()


def may_approve(role: Role, command: Command) -> bool:
    """Whether a role may be the second person of this command."""
    return role in APPROVERS.get(command, DRIVERS)


def _time(ms: int) -> str:
    """As people say it: `90 s`, `3 min`, `4 h`."""
    for unit_ms, unit in ((HOUR_MS, "h"), (MINUTE_MS, "min"), (1_000, "s")):
        if ms and ms % unit_ms == 0:
            return f"{ms // unit_ms} {unit}"
    return f"{ms} ms"
