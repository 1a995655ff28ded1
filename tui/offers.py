"""What a role may order at a junction, as a dialog offers it: pure, from the table of roles and the layout.

Nothing is offered that the table would refuse or the junction does not have; the station checks it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from override.layouts import GroupLayout, JunctionLayout
from override.roles import (
    HOUR_MS,
    LEASE_ALONE_MS,
    LEASE_DEFAULT_MS,
    MINUTE_MS,
    TABLE,
    Command,
    Grant,
    Need,
    Role,
    Second,
    Slot,
    permission,
)
from override.topics import NEEDS
from tui.ages import duration
from tui.lamps import kind_word


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a list."""

    value: str
    label: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One command that may be given here."""

    command: Command
    slot: Slot
    title: str
    words: str
    asks: tuple[str, ...]
    """Arguments still to be chosen, in the order in which they are asked."""
    lease_max_ms: int
    """0 = done once, without a lease."""
    second: Second
    many: bool
    """Whether it can be given to a whole district at once."""


SAID: dict[Command, tuple[str, str]] = {
    Command.HOLD: ("Hold a stage", "and stay, until a promise comes near"),
    Command.FORCE_OFF: ("End a stage", "leave a stage now, once"),
    Command.CALL: ("Call a group", "serve it whenever it is not green"),
    Command.OMIT: ("Leave out a group", "choose no stage with it"),
    Command.MANUAL_STEP: ("Step by hand", "go on to the next stage"),
    Command.SPLIT_BIAS: ("Lengthen or shorten a stage", "by up to ten seconds"),
    Command.PLAN: ("Play a fixed plan", "one of the junction's own"),
    Command.DETECTOR_DISABLE: ("Stop hearing a detector", "whom it served is called instead"),
    Command.DETECTOR_RECALL: ("Call for a detector", "whatever it reads"),
    Command.LONGER_WALK: ("Longer walk", "people get more time to cross"),
    Command.EVENT_PLAN: ("Play an event plan", "here, or in the whole district"),
    Command.ALL_RED: ("ALL RED", "within yellow and a tick"),
    Command.FLASH: ("FLASH", "through all red into flash"),
    Command.LOCKOUT: ("Lock out", "first plan and no orders; two people"),
    Command.RESET_TRIP: ("Reset the monitor", "end its latch after a conflict trip; two people"),
}
"""In the order in which they are offered. A release has a key of its own; a corridor is made of several
junctions, and no configuration is taken by order."""
MANY = frozenset({Command.ALL_RED, Command.FLASH, Command.EVENT_PLAN, Command.PLAN, Command.LOCKOUT})
ASK_ORDER = ("stage", "group", "detector", "plan", "bias_ms")
BIASES_S = (10, 5, -5, -10)
REASONS = (
    "incident on the street",
    "emergency services ask for it",
    "road works",
    "crowd or event",
    "a detector is broken",
    "a citizen's report",
    "people wait too long",
    "test agreed with the supervisor",
)
_LEASES_MS = (
    30_000, MINUTE_MS, LEASE_DEFAULT_MS, 3 * MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS,
    24 * HOUR_MS,
)  # fmt: skip


def cell(role: Role, command: Command) -> tuple[Slot, Grant] | None:
    """The slot in which a role gives a command, and what the table grants there."""
    found = [(slot, grant) for (who, what, slot), grant in TABLE.items() if (who, what) == (role, command)]
    return max(found, key=lambda one: one[0], default=None)


def offers(role: Role, layout: JunctionLayout) -> tuple[Offer, ...]:
    """All that this role may order at this junction and that the junction has something to offer for."""
    out = []
    for command, (title, words) in SAID.items():
        if (found := cell(role, command)) is None:
            continue
        slot, grant = found
        asks = tuple(name for name in ASK_ORDER if name in NEEDS[command])
        if all(choices(layout, command, name) for name in asks):
            out.append(
                Offer(command, slot, title, words, asks, grant.lease_max_ms, grant.second, command in MANY)
            )
    return tuple(out)


def choices(layout: JunctionLayout, command: Command, argument: str) -> tuple[Choice, ...]:
    """What may be answered where a command asks for an argument."""
    if argument == "stage":
        return tuple(Choice(s.name, s.name, stage_words(layout, k)) for k, s in enumerate(layout.stages))
    if argument == "group":
        groups = [g for g in layout.groups if command is not Command.LONGER_WALK or g.kind == "pedestrian"]
        return tuple(Choice(group.name, group.name, group_words(group)) for group in groups)
    if argument == "detector":
        return tuple(
            Choice(d.name, d.name, f"{d.kind}, {d.watches}" if d.watches else d.kind)
            for d in layout.detectors
        )
    if argument == "plan":
        return tuple(Choice(plan, plan) for plan in layout.plans)
    if argument == "bias_ms":
        allowed = [s for s in BIASES_S if s > 0 or command is not Command.LONGER_WALK]
        return tuple(Choice(str(1000 * s), f"{abs(s)} s {'longer' if s > 0 else 'shorter'}") for s in allowed)
    return ()


def stage_words(layout: JunctionLayout, stage: int) -> str:
    """Who is green in it."""
    groups = [layout.groups[k] for k in layout.stages[stage].groups if k < len(layout.groups)]
    return ", ".join(f"{kind_word(group.kind)} {group.name}" for group in groups) or "nobody"


def group_words(group: GroupLayout) -> str:
    """Who it speaks to, and the code on its pole."""
    pole = f", pole {group.pole}" if group.pole else ""
    return f"{kind_word(group.kind)}{pole}"


def leases(offer: Offer) -> tuple[Choice, ...]:
    """Times worth offering, each saying where it needs a second person."""
    out = []
    for ms in _LEASES_MS:
        if not 0 < ms <= offer.lease_max_ms:
            continue
        long = ms > LEASE_ALONE_MS and offer.second is not Second.ALWAYS
        out.append(Choice(str(ms), duration(ms), "with a second person" if long else ""))
    if offer.lease_max_ms and str(offer.lease_max_ms) not in [choice.value for choice in out]:
        out.append(Choice(str(offer.lease_max_ms), duration(offer.lease_max_ms)))
    return tuple(out)


def need_words(
    role: Role, offer: Offer, junctions: int, city_junctions: int, lease_ms: int, glass: bool = False
) -> str:
    """What the table says of it in words: the second person it needs, or why it is refused; empty = alone."""
    answer = permission(role, offer.command, offer.slot, junctions, city_junctions, lease_ms, glass)
    if answer.refusal:
        return f"refused: {answer.refusal}"
    return "" if answer.need is Need.NOTHING else f"needs {answer.need.value}"


def district_of(layout: JunctionLayout, layouts: Sequence[JunctionLayout]) -> tuple[str, ...]:
    """Names of all junctions of its district, itself first; itself alone where it has none."""
    others = [
        one.name
        for one in layouts
        if layout.district and one.district == layout.district and one.name != layout.name
    ]
    return (layout.name, *sorted(others))


def places(
    offer: Offer, layout: JunctionLayout, layouts: Sequence[JunctionLayout], plan: str = ""
) -> tuple[tuple[Choice, tuple[str, ...]], ...]:
    """Where it can be given: here, or in the district where every junction of it has that plan."""
    here = (Choice("here", layout.title, "this junction"), (layout.name,))
    district = district_of(layout, layouts)
    if not offer.many or len(district) == 1:
        return (here,)
    if plan and any(plan not in one.plans for one in layouts if one.name in district):
        return (here,)
    return here, (Choice("district", layout.district, f"all {len(district)} junctions of it"), district)
