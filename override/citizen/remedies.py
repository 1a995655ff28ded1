"""What may be done for a citizen without asking a person: a closed list that can only add protection.

A crossing is called whenever it is red, a walk that the record shows too short lasts longer, or a
sensor that is not believed calls whom it watches; everything else is a person's. A remedy is a lease
(15 minutes, renewed while the evidence stands, 14 days at most), bounded for each junction, each
district and the whole street, so that no number of flags can take more of anybody's time than the
bound allows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from override.citizen.cases import Case
from override.citizen.directory import Directory
from override.citizen.evidence import Finding
from override.flag_messages import Kind
from override.roles import Command

LEASE_MS = 15 * 60_000
RENEW_BEFORE_MS = 10 * 60_000
"""Renewed when less than this is left: two renewals may fail before it ends."""
MOST_MS = 14 * 24 * 3_600_000
BY_REPORTS_MS = 30 * 60_000
"""Without the record's word a remedy is shorter, and then a person's (10.8)."""
JUNCTION_MOST = 2
DISTRICT_SHARE, DISTRICT_LEAST = 0.25, 6
"""Crossings and sensors of a district under remedies at a time."""
STREET_SHARE, STREET_LEAST = 0.2, 8
UNCERTAIN_SHARE = 0.5
"""Of each bound, for what a quiet hour or a crowd of flags might explain as well."""
LONGER_LEAST_S, LONGER_MOST_S = 2, 10
RECALLABLE = frozenset({Kind.BUTTON_DEAD, Kind.WAITED_LONG, Kind.STUCK})


class Remedy(StrEnum):
    """The closed list."""

    RECALL = "recall"
    """Walk comes by itself at a crossing."""
    DETECTOR = "detector"
    """Whom a sensor watches is called, whatever it reads."""
    WALK = "walk"
    """People get longer to cross."""
    PERSON = "person"


COMMANDS = {
    Remedy.RECALL: Command.CALL,
    Remedy.DETECTOR: Command.DETECTOR_RECALL,
    Remedy.WALK: Command.LONGER_WALK,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be asked of the station for a case."""

    case: str
    command: Command
    junction: str
    group: str = ""
    detector: str = ""
    longer_ms: int = 0
    """By how much a walk is to last longer."""
    order: str = ""
    """To be renewed or released."""
    renew: bool = False
    lease_ms: int = LEASE_MS
    reason: str = ""


def remedy_for(kind: Kind, finding: Finding) -> tuple[Remedy, str]:
    """The remedy, and the crossing or detector it is for."""
    if finding.detector:
        return Remedy.DETECTOR, finding.detector
    if kind is Kind.WALK_SHORT and finding.crossing:
        return Remedy.WALK, finding.crossing
    if kind in RECALLABLE and finding.crossing:
        return Remedy.RECALL, finding.crossing
    return Remedy.PERSON, ""


def has_room(
    case: Case, certain: bool, cases: Iterable[Case], wished: Collection[str], directory: Directory
) -> bool:
    """Whether one remedy more stays within the bounds; `wished` are the ids of cases asked for now."""
    others = [c for c in cases if (c.order or c.id in wished) and c.id != case.id]
    district = sum(s.junction.district == case.district for s in directory.crossings)
    bounds = (
        (JUNCTION_MOST, [c for c in others if c.junction == case.junction]),
        (max(DISTRICT_LEAST, DISTRICT_SHARE * district), [c for c in others if c.district == case.district]),
        (max(STREET_LEAST, STREET_SHARE * len(directory.crossings)), others),
    )
    share = 1.0 if certain else UNCERTAIN_SHARE
    return all(len(there) + 1 <= share * most for most, there in bounds)


def longer_ms(case: Case) -> int:
    """What the walk of a case lacked by the record, in whole seconds, within what an order may ask."""
    values = dict(case.evidence.values) if case.evidence else {}
    lacked_s = int(values.get("needed_s", 0)) - int(values.get("given_s", 0))
    return 1000 * min(max(lacked_s, LONGER_LEAST_S), LONGER_MOST_S)


def first_wish(case: Case, lease_ms: int = LEASE_MS) -> Wish:
    """To begin a case's remedy."""
    remedy = Remedy(case.remedy)
    return Wish(
        case.id,
        COMMANDS[remedy],
        case.junction,
        group="" if remedy is Remedy.DETECTOR else case.target,
        longer_ms=longer_ms(case) if remedy is Remedy.WALK else 0,
        detector=case.target if remedy is Remedy.DETECTOR else "",
        lease_ms=lease_ms,
        reason=f"citizens, case {case.id}: {case.kind}",
    )


def renewal(case: Case) -> Wish:
    """To prolong it."""
    command = COMMANDS[Remedy(case.remedy)]
    return Wish(case.id, command, case.junction, order=case.order, renew=True, reason=f"case {case.id}")


def release(case: Case) -> Wish:
    """To end it."""
    return Wish(case.id, Command.RELEASE, case.junction, order=case.order)
