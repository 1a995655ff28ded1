"""What a proposed version changes, in words; what of it can come onto a running street, and how.

Plans, timetable, policy, detector settings, longest greens and saturation are taken up live. Times on the
monitor's card and other stages need all red and flash, one junction after the other. What the ground decides
(lanes, heads, wiring, where things lie) is no change to a station that runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from controller.conflicts import UnsafeJunction, prove_network
from controller.junction import Detector, Group, Junction, Lane, StreetNetwork
from controller.policy import Policy, PolicyError, policy_from_text
from controller.street_schema import STREET, StreetFileError
from controller.toml_text import NotToml, table_of
from override.deploy_messages import LINE_CHARACTERS, WORDS_MAX, Way
from override.refused import Refused
from override.version import unpack_content

GROUP_LIVE = frozenset({"max_green_ms"})
GROUP_CARD = frozenset({"min_green_ms", "yellow_ms", "clearance_ms", "promise_ms", "turn_on_red"})
LANE_LIVE = frozenset({"saturation_veh_per_s"})
DETECTOR_LIVE = frozenset({"kind", "lane", "group", "distance_m"})
JUNCTION_WAYS = {"stages": Way.IN_TURN, "intergreens": Way.IN_TURN, "yields": Way.IN_TURN}
WAYS = (Way.LIVE, Way.IN_TURN, Way.FLASH)
"""The farther, the more a change asks of the street."""
GROUND = "is decided by the ground: survey it anew and start another installation"


class ChangeRefused(ValueError):
    """A version that cannot come onto this street; the message says why."""


@dataclass(frozen=True, slots=True)
class StreetChange:
    """What differs between two versions."""

    way: Way
    junctions: tuple[str, ...]
    words: tuple[str, ...]
    restaged: tuple[str, ...] = ()
    """Junctions that get other stages."""


def with_content(street: StreetNetwork, policy: Policy, content: bytes) -> tuple[StreetNetwork, Policy]:
    """The street and policy with what a proposal puts in their place. Raises ChangeRefused."""
    try:
        street_text, policy_text = unpack_content(content)
        if policy_text:
            policy = policy_from_text(policy_text)
        if street_text:
            street = _merged(street, _part(street_text))
    except Refused as refused:
        raise ChangeRefused(refused.why) from None
    except (StreetFileError, UnsafeJunction, PolicyError) as error:
        raise ChangeRefused(str(error)) from None
    return street, policy


def _part(text: str) -> StreetNetwork:
    """Some junctions of a street, as a street file has them; nothing is proved yet."""
    try:
        part = STREET.read(table_of(text), "")
    except NotToml as error:
        raise StreetFileError(str(error)) from None
    assert isinstance(part, StreetNetwork)
    return part


def _merged(street: StreetNetwork, part: StreetNetwork) -> StreetNetwork:
    known = {junction.name: j for j, junction in enumerate(street.junctions)}
    junctions = list(street.junctions)
    for junction in part.junctions:
        if junction.name not in known:
            raise ChangeRefused(f"no junction {junction.name} on this street; a new one {GROUND}")
        junctions[known[junction.name]] = junction
    if part.timing is not street.timing:
        raise ChangeRefused(f"timing {part.timing} in the place of {street.timing} {GROUND}")
    if not set(part.links) <= set(street.links):
        raise ChangeRefused(f"a link between junctions that is not there {GROUND}")
    return replace(street, junctions=tuple(junctions), timetable=part.timetable or street.timetable)


def prove(street: StreetNetwork) -> None:
    """As at import. Raises ChangeRefused naming the first thing that is unsafe."""
    try:
        prove_network(street)
    except UnsafeJunction as error:
        raise ChangeRefused(str(error)) from None


def compared(
    old: tuple[StreetNetwork, Policy], new: tuple[StreetNetwork, Policy], same_card: bool
) -> StreetChange:
    """What differs; `same_card` = the monitor's card would be the same. Raises ChangeRefused."""
    words: list[str] = []
    for item in fields(Policy):
        before, after = getattr(old[1], item.name), getattr(new[1], item.name)
        if before != after:
            words.append(f"policy: {item.name} {before:g} becomes {after:g}")
    every = bool(words)
    if old[0].timetable != new[0].timetable:
        words.append(f"timetable: {len(old[0].timetable)} hours become {len(new[0].timetable)}")
        every = True
    way, changed = Way.LIVE if same_card else Way.IN_TURN, []
    for before, after in zip(old[0].junctions, new[0].junctions, strict=True):
        if before == after:
            continue
        changed.append(after.name)
        lines = list(_junction_words(before, after))
        way = max((way, *(needs for needs, _ in lines)), key=WAYS.index)
        words += [f"{after.title}: {line}" for _, line in lines]
    names = tuple(j.name for j in new[0].junctions) if every else tuple(changed)
    if len(words) > WORDS_MAX:
        words[WORDS_MAX - 1 :] = [f"and {len(words) - WORDS_MAX + 1} more"]
    pairs = zip(old[0].junctions, new[0].junctions, strict=True)
    restaged = tuple(after.name for before, after in pairs if before.stages != after.stages)
    return StreetChange(way, names, tuple(line[:LINE_CHARACTERS] for line in words), restaged)


def _junction_words(old: Junction, new: Junction) -> Iterator[tuple[Way, str]]:
    """(how it can come, what differs). Raises ChangeRefused for what cannot change at all."""
    for name in ("title", "x_m", "y_m"):
        if getattr(old, name) != getattr(new, name):
            raise ChangeRefused(f"{old.title}: {name} {GROUND}")
    yield from _parts(old.title, "group", old.groups, new.groups, GROUP_LIVE, GROUP_CARD)
    yield from _parts(old.title, "lane", old.lanes, new.lanes, LANE_LIVE, frozenset())
    yield from _parts(old.title, "detector", old.detectors, new.detectors, DETECTOR_LIVE, frozenset())
    for name, way in sorted(JUNCTION_WAYS.items()):
        if getattr(old, name) != getattr(new, name):
            before, after = set(getattr(old, name)), set(getattr(new, name))
            moves = f"{len(before - after)} go or change, {len(after - before)} come"
            yield way, f"{name}: {moves if before != after else 'in another order'}"
    plans = {plan.name: plan for plan in old.plans}
    for plan in new.plans:
        if plan.name not in plans:
            yield Way.LIVE, f"plan {plan.name} comes, {plan.cycle_ms / 1000:g} s"
        elif (was := plans.pop(plan.name)) != plan:
            yield Way.LIVE, f"plan {plan.name}: {_plan_words(was)} becomes {_plan_words(plan)}"
    for name in plans:
        yield Way.LIVE, f"plan {name} goes"
    if old.plans and new.plans and old.plans[0].name != new.plans[0].name:
        yield Way.LIVE, f"first plan {old.plans[0].name} becomes {new.plans[0].name}"


def _plan_words(plan: Any) -> str:
    steps = " ".join(f"{step.stage} {step.duration_ms / 1000:g}" for step in plan.steps)
    return f"{steps} s, offset {plan.offset_ms / 1000:g} s"


def _parts(
    title: str,
    what: str,
    old: Sequence[Group | Lane | Detector],
    new: Sequence[Group | Lane | Detector],
    live: frozenset[str],
    card: frozenset[str],
) -> Iterator[tuple[Way, str]]:
    if [part.name for part in old] != [part.name for part in new]:
        raise ChangeRefused(f"{title}: which {what}s there are {GROUND}")
    for before, after in zip(old, new, strict=True):
        for item in fields(type(before)):
            was, becomes = getattr(before, item.name), getattr(after, item.name)
            if was == becomes:
                continue
            if item.name not in live | card:
                raise ChangeRefused(f"{title}: {item.name} of {what} {before.name} {GROUND}")
            yield (
                Way.IN_TURN if item.name in card else Way.LIVE,
                f"{what} {before.name}: {item.name} {_said(was)} becomes {_said(becomes)}",
            )


def _said(value: object) -> str:
    return value.name.lower() if isinstance(value, Enum) else f"{value}"
