"""What ending the safety monitor's flash would do, in plain words. Pure.

No forecast tells it: both of its runs would begin alike, and neither knows why the monitor tripped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.monitor.frame_gate import MIN_FLASH_MS
from controller.monitor.memory import ALL_RED_AFTER_FLASH_MS

NAMED_MAX = 2
_FLASH_S, _RED_S = MIN_FLASH_MS // 1000, ALL_RED_AFTER_FLASH_MS // 1000


@dataclass(frozen=True, slots=True)
class Tripped:
    """A junction at which the monitor's flash is to end, as the station sees it."""

    title: str
    latched: bool
    """It flashes because the monitor tripped, until people end it."""
    people: int
    """Believed to wait at its crossings."""
    queue_veh: int


def reset_words(junctions: Sequence[Tripped]) -> tuple[str, tuple[str, ...]]:
    """(what would happen to lamps and people, what may spoil it)."""
    latched = [junction for junction in junctions if junction.latched]
    others = [junction for junction in junctions if not junction.latched]
    nothing = f"At {_named(others)} the safety monitor has not tripped: nothing would happen there."
    if not latched:
        return nothing, ()
    sentence = (
        f"At {_named(latched)} the lamps flash since the safety monitor tripped. Once this is agreed to, "
        f"the flash ends (it lasts {_FLASH_S} s at least), all is red for {_RED_S} s, and the signals "
        "begin anew. Until then nobody on foot has WALK and drivers give way to each other; "
        f"{_waiting(latched)}."
    )
    again = "If what tripped the monitor is not mended, it trips again and the lamps flash as before."
    return sentence, (again, nothing) if others else (again,)


def _named(junctions: Sequence[Tripped]) -> str:
    titles = [junction.title for junction in junctions]
    if len(titles) > NAMED_MAX:
        titles[NAMED_MAX - 1 :] = [f"{len(titles) - NAMED_MAX + 1} more junctions"]
    return " and ".join(titles)


def _waiting(junctions: Sequence[Tripped]) -> str:
    people = sum(junction.people for junction in junctions)
    queue_veh = sum(junction.queue_veh for junction in junctions)
    said = []
    if people:
        said.append(f"{people} {'person' if people == 1 else 'people'} on foot")
    if queue_veh:
        said.append(f"{queue_veh} vehicle{'' if queue_veh == 1 else 's'}")
    if not said:
        return "nobody is believed to wait there now"
    wait = "waits" if people + queue_veh == 1 else "wait"
    return f"{' and '.join(said)} {wait} there now, as far as is known"
