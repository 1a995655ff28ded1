"""Signal programs of a generated city: two to four stages, people on foot in every cycle.

The larger street goes first. Left turns are protected where two arterials cross, protected
and then permissive where an arterial meets a busy street, permissive elsewhere. Junctions
on arterials share one cycle, so that offsets can follow the traffic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from sim.city.generator.generate_layout import ARTERIAL, LOCAL
from sim.city.generator.generate_ways import Meeting, Way, main_arms
from sim.importers.sumo_net_xml import NetPhase, NetProgram

ARTERIAL_CYCLE_S = 96
"""As long as nobody on foot waits longer than the 90 s promised where four stages follow each other."""
LOCAL_CYCLE_S = 60
WALK_S = 7
CLEARING_M_PER_S = 1.07
BUFFER_S = 3
LEFT_GREEN_MIN_S = 8
GREEN_MIN_S = 8
YELLOW_S = {3: 4, 2: 4, 1: 3}
"""By the rank of the larger street."""
ALL_RED_S = 2
LATE_S = 4
"""People start so much after the all-red where left turns over a wide junction clear first."""
PLATOON_M_PER_S = 11.0
"""Speed of the green wave."""
WEIGHT = {"arterial": 3.0, "street": 1.6, "local": 1.0}
LEFT_WEIGHT = 0.6


@dataclass(frozen=True, slots=True)
class _Stage:
    """What is green together: one letter a row (`G`, `g` or `r`), how long at least, how much it gets."""

    letters: str
    min_s: int
    clear_s: int
    """Of the people who walk in it; 0 if nobody does."""
    weight: float


def signal_program(meeting: Meeting) -> NetProgram:
    """The fixed program of one signalised junction."""
    stages = _stages(meeting)
    rank = max(arm.kind.rank for arm in meeting.node.arms)
    yellow_s = YELLOW_S[rank]
    cycle_s = ARTERIAL_CYCLE_S if rank == ARTERIAL.rank else LOCAL_CYCLE_S
    changes = [_change_s(a.letters, b.letters, yellow_s) for a, b in zip(stages, _after(stages), strict=True)]
    spare_s = max(cycle_s - sum(s.min_s for s in stages) - sum(changes), 0)
    whole = sum(s.weight for s in stages)
    greens = [s.min_s + math.floor(spare_s * s.weight / whole) for s in stages]
    greens[-1] += spare_s - sum(greens) + sum(s.min_s for s in stages)
    phases: list[NetPhase] = []
    for stage, following, green_s in zip(stages, _after(stages), greens, strict=True):
        phases += _phases(meeting, stage, following, green_s, yellow_s)
    length_s = sum(p.duration_s for p in phases)
    offset_s = (meeting.node.x_m + meeting.node.y_m) / PLATOON_M_PER_S % length_s
    # SUMO starts a program `offset` late, so the platoon meets its green further on.
    return NetProgram(meeting.node.id, "static", "fixed", float(round(offset_s) % length_s), tuple(phases))


def _after(stages: list[_Stage]) -> list[_Stage]:
    return [*stages[1:], stages[0]]


def _change_s(before: str, after: str, yellow_s: int) -> int:
    return yellow_s + ALL_RED_S if _ends(before, after) else 0


def _ends(before: str, after: str) -> bool:
    return any(a in "gG" and b == "r" for a, b in zip(before, after, strict=True))


# --- stages --------------------------------------------------------------------------------------


def _stages(meeting: Meeting) -> list[_Stage]:
    node = meeting.node
    main = set(main_arms(node))
    side = set(range(len(node.arms))) - main
    stages = []
    for street, others in ((main, side), (side, main)):
        kind = max((node.arms[k].kind for k in street), key=lambda kind: kind.rank)
        cross = max((node.arms[k].kind for k in others), key=lambda kind: kind.rank)
        lefts = {w.row for w in meeting.ways if w.arm in street and w.turn == "l" and _has_pocket(meeting, w)}
        opposed = len(street) > 1 and lefts
        protected = opposed and kind is ARTERIAL and cross is not LOCAL
        if protected:
            stages.append(_Stage(_letters(meeting, lefts, set()), LEFT_GREEN_MIN_S, 0, LEFT_WEIGHT))
        rows = {w.row for w in meeting.ways if w.arm in street}
        if protected and cross is ARTERIAL:
            rows -= lefts
        walkers = {meeting.crossing_row[k] for k in others if k in meeting.crossing_row}
        clear_s = max(math.ceil(meeting.crossing_length_m[k] / CLEARING_M_PER_S) for k in others)
        late_s = LATE_S if protected else 0
        least_s = max(WALK_S + late_s + clear_s + BUFFER_S - ALL_RED_S, GREEN_MIN_S)
        stages.append(_Stage(_letters(meeting, rows, walkers), least_s, clear_s, WEIGHT[kind.name]))
    return stages


def _has_pocket(meeting: Meeting, way: Way) -> bool:
    return meeting.node.arms[way.arm].in_edge.endswith(".pocket")


def _letters(meeting: Meeting, rows: set[int], walkers: set[int]) -> str:
    """`G` who goes first, `g` who gives way to somebody green at the same time."""
    shown = rows | walkers
    letters = []
    for row in range(len(meeting.foes)):
        if row not in shown:
            letters.append("r")
        else:
            gives = any(meeting.responses[row, other] for other in shown)
            letters.append("g" if gives else "G")
    return "".join(letters)


# --- phases --------------------------------------------------------------------------------------


def _phases(
    meeting: Meeting, stage: _Stage, following: _Stage, green_s: int, yellow_s: int
) -> list[NetPhase]:
    """Walk and green, people clear, yellow, all red; no more than what the next stage needs."""
    walkers = set(meeting.crossing_row.values())
    green = NetPhase(float(green_s), stage.letters, ())
    phases = [green]
    if stage.clear_s:
        clearing = "".join("r" if k in walkers else c for k, c in enumerate(stage.letters))
        stand_s = stage.clear_s + BUFFER_S - ALL_RED_S
        phases = [
            replace(green, duration_s=float(green_s - stand_s)),
            NetPhase(float(stand_s), clearing, ()),
        ]
    if _ends(stage.letters, following.letters):
        kept = "".join(
            c if k not in walkers and n in "gG" else "r"
            for k, (c, n) in enumerate(zip(stage.letters, following.letters, strict=True))
        )
        yellow = "".join(
            "y" if c in "gG" and k not in walkers and n == "r" else e
            for k, (c, n, e) in enumerate(zip(stage.letters, following.letters, kept, strict=True))
        )
        phases += [NetPhase(float(yellow_s), yellow, ()), NetPhase(float(ALL_RED_S), kept, ())]
    return phases
