"""The road signals of a SUMO network: their programs and their signal groups.

Links that come from the same edge, speak to the same people and always show the same
colours are one group.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from controller.vocabulary import GroupKind
from sim.importers.sumo_links import DIRECTION_WORDS, TURNING, Link, matrix_rows, read_links
from sim.importers.sumo_net_xml import (
    CYCLES,
    FOOT,
    PRIVATE,
    PUBLIC,
    RAIL_SIGNAL_TYPES,
    NetConnection,
    NetPhase,
    NetProgram,
    SumoNet,
    UnusableNetwork,
)


@dataclass(slots=True)
class SignalGroup:
    """Links that always show the same; `column` has one letter of `G y r` a phase."""

    name: str
    approach: str
    kind: GroupKind
    links: list[Link]
    column: str
    turn_on_red: bool

    def turning_only(self) -> bool:
        """Whether every way of the group turns."""
        return all(w.direction in TURNING for link in self.links for w in link.ways)


@dataclass(slots=True)
class Signal:
    """One signal of the network with everything derived from links and program."""

    name: str
    program: NetProgram
    phases: tuple[NetPhase, ...]
    """In the order they are run."""
    links: dict[int, Link]
    groups: list[SignalGroup] = field(default_factory=list)
    foes: set[tuple[int, int]] = field(default_factory=set)
    """Pairs of link indices (both orders) that conflict."""
    yields: set[tuple[int, int]] = field(default_factory=set)
    """(a, b): drivers of link a give way to b; the pair may be green together."""
    assumptions: list[str] = field(default_factory=list)

    def nodes(self) -> list[str]:
        """The nodes the signal controls, in order of first appearance."""
        return list(dict.fromkeys(node for link in self.links.values() for node, _ in link.rows))


def read_signals(net: SumoNet) -> tuple[list[Signal], list[str]]:
    """All road signals of a network in file order, and a sentence for each signal left out.

    Raises `UnusableNetwork` naming junction, links and reason.
    """
    ways_by_tl: dict[str, list[NetConnection]] = {}
    for connection in net.connections:
        if connection.tl:
            ways_by_tl.setdefault(connection.tl, []).append(connection)
    rows = matrix_rows(net)
    signals, skipped = [], []
    for tl, ways in ways_by_tl.items():
        if tl not in net.programs and not _rail_only(net, tl, ways):
            raise UnusableNetwork(
                f"{net.file}: junction {tl}: connections name this signal, "
                "but the network has no program (tlLogic) for it"
            )
    for tl, programs in net.programs.items():
        ways = ways_by_tl.get(tl, [])
        if programs[-1].type in RAIL_SIGNAL_TYPES or (ways and _rail_only(net, tl, ways)):
            skipped.append(f"{tl}: a rail signal, left out; Belisha controls road signals only.")
            continue
        if not ways:
            skipped.append(f"{tl}: a signal program that controls no connection, left out.")
            continue
        signal = Signal(
            name=tl,
            program=programs[-1],
            phases=programs[-1].phases,
            links=read_links(net, tl, programs[-1], ways, rows),
        )
        _choose_program(net, signal, programs)
        _group_links(net, signal)
        signals.append(signal)
    return signals, skipped


def _rail_only(net: SumoNet, tl: str, ways: list[NetConnection]) -> bool:
    junction = net.junctions.get(tl)
    if junction is not None and junction.type in RAIL_SIGNAL_TYPES:
        return True
    road = PRIVATE | PUBLIC | CYCLES | FOOT
    return not any(
        (net.lanes[w.from_lane].classes & w.classes) & road for w in ways if w.from_lane in net.lanes
    )


def _run_order(program: NetProgram) -> tuple[NetPhase, ...]:
    """Phases by their `next` where given, unless that leaves one out; else in file order."""
    if not any(p.next_phases for p in program.phases):
        return program.phases
    order: list[int] = []
    at = 0
    while at not in order and at < len(program.phases):
        order.append(at)
        phase = program.phases[at]
        at = phase.next_phases[0] if phase.next_phases else (at + 1) % len(program.phases)
    if len(order) < len(program.phases):
        return program.phases
    return tuple(program.phases[k] for k in order)


def _choose_program(net: SumoNet, signal: Signal, programs: list[NetProgram]) -> None:
    """The last program, as SUMO does, unless it leaves links out that another one serves.

    Where only all programs together serve every link (they are meant to be switched by
    hand or by a schedule), they are run one after the other.
    """
    in_turn = NetProgram(
        signal.name,
        programs[-1].type,
        "+".join(p.program for p in programs),
        programs[-1].offset_s,
        tuple(ph for p in programs for ph in p.phases),
    )
    choices = [*reversed(programs), in_turn]
    problems = []
    for program in choices:
        signal.program, signal.phases = program, _run_order(program)
        try:
            _check_program(net, signal)
            break
        except UnusableNetwork as error:
            problems.append(error)
    else:
        raise problems[0]
    if len(programs) == 1:
        return
    if program is in_turn:
        how = "no single one serves every link, so they are run one after the other"
    elif problems:
        how = f"{program.program} is used, the last that serves every link"
    else:
        how = f"the last, {program.program}, is used, as SUMO does"
    signal.assumptions.append(f"{signal.name}: of {len(programs)} programs {how}.")


def _check_program(net: SumoNet, signal: Signal) -> None:
    where = f"{net.file}: junction {signal.name}: program {signal.program.program}"
    if len(signal.phases) < 2:
        how_many = "one phase" if signal.phases else "no phase"
        raise UnusableNetwork(f"{where} has {how_many} only; a signal needs at least two")
    if not any("G" in p.state or "g" in p.state for p in signal.phases):
        raise UnusableNetwork(f"{where} shows no green in any phase")
    widths = {len(p.state) for p in signal.phases}
    if len(widths) > 1:
        raise UnusableNetwork(f"{where}: phases of different length ({sorted(widths)} letters)")
    for number, phase in enumerate(signal.phases):
        wrong = sorted(set(phase.state) - set("GgyYrsu"))
        if wrong:
            raise UnusableNetwork(
                f"{where}: phase {number} shows '{wrong[0]}'; allowed are G g y r "
                "s u (a switched-off signal cannot be controlled)"
            )
        if not phase.duration_s > 0:
            raise UnusableNetwork(
                f"{where}: phase {number} lasts {phase.duration_s} s; a phase must last longer than 0 s"
            )
    for link in signal.links.values():
        letters = {p.state[link.index] for p in signal.phases}
        if not letters & set("GgsS"):
            raise UnusableNetwork(f"{where}: {link.text()} is never green; a stage must serve it")


# --- groups ----------------------------------------------------------------------------------


GroupKey = tuple[tuple[str, ...], GroupKind, str, bool, int]
"""Incoming edges, kind, column, turn on red, and the link itself for a crossing."""


def _group_links(net: SumoNet, signal: Signal) -> None:
    found: dict[GroupKey, list[Link]] = {}
    for link in signal.links.values():
        letters = "".join(p.state[link.index] for p in signal.phases)
        column = letters.translate(str.maketrans("gYsu", "Gyrr"))
        own = link.index if link.kind == GroupKind.PEDESTRIAN else -1
        found.setdefault((link.edges(), link.kind, column, "s" in letters, own), []).append(link)
    names = _approach_names(net, signal)
    groups_of_arm = Counter(key[:2] for key in found)
    taken: Counter[str] = Counter()
    crossings = 0
    for key, links in found.items():
        edges, kind, column, turn_on_red, _ = key
        if kind == GroupKind.PEDESTRIAN:
            crossings += 1
            approach = name = f"crossing.{crossings}"
        else:
            approach = names[edges]
            name = f"{approach}.{_movement(links, kind, groups_of_arm[key[:2]] == 1)}"
        taken[name] += 1
        if taken[name] > 1:
            name = f"{name}{taken[name]}"
        signal.groups.append(SignalGroup(name, approach, kind, links, column, turn_on_red))


def _movement(links: list[Link], kind: GroupKind, alone: bool) -> str:
    prefix = {GroupKind.BUS: "bus", GroupKind.BICYCLE: "bicycle"}.get(kind, "")
    words = {DIRECTION_WORDS.get(w.direction, "straight") for link in links for w in link.ways}
    if alone:
        return prefix or "all"
    if "straight" in words:
        move = "through"
    elif "left" in words:
        move = "turns" if "right" in words else "left"
    else:
        move = "right" if "right" in words else "turn"
    return f"{prefix}-{move}" if prefix else move


def _approach_names(net: SumoNet, signal: Signal) -> dict[tuple[str, ...], str]:
    """`north` is the arm traffic comes from. Eight directions only where four would collide."""
    edges = list(
        dict.fromkeys(link.edges() for link in signal.links.values() if link.kind != GroupKind.PEDESTRIAN)
    )
    angles = [_arm_angle(net, edge[0]) for edge in edges]
    four = ("east", "north", "west", "south")
    eight = ("east", "northeast", "north", "northwest", "west", "southwest", "south", "southeast")
    best: list[str] = []
    for compass in (four, eight):
        step = 2 * math.pi / len(compass)
        words = [compass[round(a / step) % len(compass)] for a in angles]
        if len(set(words)) > len(set(best)):
            best = words
    names: dict[tuple[str, ...], str] = {}
    count: dict[str, int] = {}
    for edge, word in zip(edges, best, strict=True):
        count[word] = count.get(word, 0) + 1
        names[edge] = word if count[word] == 1 else f"{word}{count[word]}"
    return names


def _arm_angle(net: SumoNet, edge: str) -> float:
    """Direction from the stop line up the last 30 m of the edge, radians from east."""
    shape = net.lanes[net.edges[edge].lanes[0]].shape
    x, y = shape[-1]
    for px, py in reversed(shape[:-1]):
        if math.hypot(px - x, py - y) >= 30.0:
            break
    else:
        px, py = shape[0]
    return math.atan2(py - y, px - x) % (2 * math.pi)
