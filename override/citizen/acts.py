"""What a person of the control room does with a case: a named role, with a reason that citizens read."""

from __future__ import annotations

from dataclasses import replace

from override.citizen.cases import Case, Event, can, step
from override.citizen.dealing import Dealing
from override.citizen.phrases import say
from override.flag_messages import FlagAction, FlagActRequest

CREWS = {
    FlagAction.CREW_SENT: "sent",
    FlagAction.CREW_ON_SITE: "on-site",
    FlagAction.CREW_DONE: "done",
}


def act(dealing: Dealing, request: FlagActRequest, role: str, wall_ms: int) -> str:
    """Do it. Gives why not; empty when it was done. The station has checked who it is."""
    case = dealing.cases.get(request.flag)
    if case is None:
        return f"no case {request.flag}"
    if case.closed:
        return f"case {case.id} is closed"
    reason = request.reason.strip() or "-"
    case = replace(case, by_person=role)
    dealing.writing.triaged.append(case.id)
    match request.action:
        case FlagAction.FIXED | FlagAction.REJECT:
            _end(dealing, case, request.action is FlagAction.FIXED, role, reason, wall_ms)
        case FlagAction.END_REMEDY:
            case = dealing.end_remedy(replace(case, remedy="", target="", by_reports=False))
            dealing.put(step(case, Event.HAND, say("remedy-ended", role=role, reason=reason), wall_ms))
        case FlagAction.ACCEPT:
            if not case.order:  # what is done for it goes on
                case = step(case, Event.HAND, say("person-accepts", role=role), wall_ms)
            dealing.put(case)
        case _:
            dealing.put(replace(case, crew=CREWS[request.action], changed_ms=wall_ms))
    return ""


def _end(dealing: Dealing, case: Case, fixed: bool, role: str, reason: str, wall_ms: int) -> None:
    event = Event.SIGN if fixed else Event.REJECT
    assert can(case, event)
    why = say("fixed-person" if fixed else "rejected-person", role=role, reason=reason)
    dealing.close(step(case, event, why, wall_ms), wall_ms)
