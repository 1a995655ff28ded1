"""Signal groups, conflicts and stages of one SUMO signal, from its links and its program.

A link is one head of the signal (SUMO's link index). Links that come from the same edge,
speak to the same people and always show the same colours are one group. Conflicts are
the network's own foes; two foes shown green together are a declared yield or an error.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from controller.conflicts import UnsafeJunction
from controller.vocabulary import GroupKind
from sim.importers.sumo_net_xml import (
    CYCLES,
    FOOT,
    PRIVATE,
    PUBLIC,
    RAIL,
    RAIL_SIGNAL_TYPES,
    NetConnection,
    NetPhase,
    NetProgram,
    SumoNet,
    UnusableNetwork,
)

TURNING = frozenset("lLrRt")
DIRECTION_WORDS = {"s": "straight", "l": "left", "L": "left", "r": "right", "R": "right",
                   "t": "turn"}


@dataclass(slots=True)
class Link:
    """One head: the ways it governs. `row` places each way in its node's right-of-way matrix."""

    index: int
    kind: GroupKind
    ways: list[NetConnection] = field(default_factory=list)
    rows: list[tuple[str, int]] = field(default_factory=list)
    crossing_lane: str = ""

    def edges(self) -> tuple[str, ...]:
        """Incoming edges, for a crossing its own edge."""
        lanes = [self.crossing_lane] if self.crossing_lane else [w.from_lane for w in self.ways]
        return tuple(sorted({lane.rpartition("_")[0] for lane in lanes}))

    def text(self) -> str:
        """`link 3 (a_0 -> b_1)`, as messages name it."""
        way = self.ways[0]
        return f"link {self.index} ({way.from_lane} -> {way.to_lane})"


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

    Raises `UnusableNetwork` or `UnsafeJunction`, each naming junction, links and reason.
    """
    ways_by_tl: dict[str, list[NetConnection]] = {}
    for connection in net.connections:
        if connection.tl:
            ways_by_tl.setdefault(connection.tl, []).append(connection)
    rows = _matrix_rows(net)
    signals, skipped = [], []
    for tl, ways in ways_by_tl.items():
        if tl not in net.programs and not _rail_only(net, tl, ways):
            raise UnusableNetwork(f"{net.file}: junction {tl}: connections name this signal, "
                                  "but the network has no program (tlLogic) for it")
    for tl, programs in net.programs.items():
        ways = ways_by_tl.get(tl, [])
        if programs[-1].type in RAIL_SIGNAL_TYPES or (ways and _rail_only(net, tl, ways)):
            skipped.append(f"{tl}: a rail signal, left out; Belisha controls road signals only.")
            continue
        if not ways:
            skipped.append(f"{tl}: a signal program that controls no connection, left out.")
            continue
        signal = Signal(name=tl, program=programs[-1], phases=programs[-1].phases,
                        links=_links(net, tl, programs[-1], ways, rows))
        _choose_program(net, signal, programs)
        _group_links(net, signal)
        _find_conflicts(net, signal)
        signals.append(signal)
    return signals, skipped


def _matrix_rows(net: SumoNet) -> dict[str, tuple[str, int]]:
    """Node and row of the right-of-way matrix of every first internal lane and every crossing.

    A node lists the LAST lane of a way that waits inside it, so ways are followed to there.
    """
    rows = {lane: (junction.id, k) for junction in net.junctions.values()
            for k, lane in enumerate(junction.int_lanes)}
    onward = {c.from_lane: c.via for c in net.connections if c.from_lane.startswith(":") and c.via}
    for first in onward:
        lane, seen = first, {first}
        while lane not in rows and onward.get(lane) and onward[lane] not in seen:
            lane = onward[lane]
            seen.add(lane)
        if lane in rows:
            rows.setdefault(first, rows[lane])
    return rows


def _rail_only(net: SumoNet, tl: str, ways: list[NetConnection]) -> bool:
    junction = net.junctions.get(tl)
    if junction is not None and junction.type in RAIL_SIGNAL_TYPES:
        return True
    road = PRIVATE | PUBLIC | CYCLES | FOOT
    return not any((net.lanes[w.from_lane].classes & w.classes) & road
                   for w in ways if w.from_lane in net.lanes)


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


def _links(net: SumoNet, tl: str, program: NetProgram, ways: list[NetConnection],
           rows: dict[str, tuple[str, int]]) -> dict[int, Link]:
    where = f"{net.file}: junction {tl}"
    width = min((len(p.state) for p in program.phases), default=0)
    links: dict[int, Link] = {}
    inside: dict[int, str] = {}
    for way in ways:
        name = f"{way.from_lane} -> {way.to_lane}"
        if way.from_lane.startswith(":") and not _crossing_lane(net, way):
            inside.setdefault(way.link_index, name)
            continue
        if way.link_index < 0:
            raise UnusableNetwork(f"{where}: connection {name} names the signal without a linkIndex")
        if width <= way.link_index:
            raise UnusableNetwork(
                f"{where}: connection {name} has linkIndex {way.link_index}, but the phases of "
                f"program {program.program} have {width} letters")
        for lane in (way.from_lane, way.to_lane):
            if lane not in net.lanes:
                raise UnusableNetwork(f"{where}: connection {name}: no such lane {lane}")
        crossing = _crossing_lane(net, way)
        kind = GroupKind.PEDESTRIAN if crossing else _kind(net, way)
        link = links.setdefault(way.link_index, Link(way.link_index, kind))
        if link.ways and (link.kind, link.crossing_lane) != (kind, crossing):
            raise UnusableNetwork(
                f"{where}: {link.text()} and {name} share one link index, but one speaks to "
                f"{link.kind.name.lower()}s and the other to {kind.name.lower()}s")
        row = rows.get(crossing or way.via)
        if row is None:
            raise UnusableNetwork(
                f"{where}: link {way.link_index} ({name}) has no internal lane in its node's "
                "right-of-way matrix; write the network with internal links")
        link.crossing_lane = crossing
        link.ways.append(way)
        link.rows.append(row)
    for index, name in inside.items():
        # The second stop of a turn in two steps has the head of the stream it then joins.
        if index not in links:
            raise UnusableNetwork(f"{where}: link {index} ({name}) governs only vehicles already "
                                  "inside the junction; Belisha controls stop lines and crossings")
    return dict(sorted(links.items()))


def _crossing_lane(net: SumoNet, way: NetConnection) -> str:
    for lane in (way.to_lane, way.from_lane):
        if lane in net.lanes and net.edges[net.lanes[lane].edge].function == "crossing":
            return lane
    return ""


def _kind(net: SumoNet, way: NetConnection) -> GroupKind:
    classes = net.lanes[way.from_lane].classes & way.classes
    if classes & PRIVATE:
        return GroupKind.VEHICLE
    if classes & (PUBLIC | RAIL):
        return GroupKind.BUS
    if classes & CYCLES:
        return GroupKind.BICYCLE
    return GroupKind.VEHICLE


def _choose_program(net: SumoNet, signal: Signal, programs: list[NetProgram]) -> None:
    """The last program, as SUMO does, unless it leaves links out that another one serves.

    Where only all programs together serve every link (they are meant to be switched by
    hand or by a schedule), they are run one after the other.
    """
    in_turn = NetProgram(signal.name, programs[-1].type, "+".join(p.program for p in programs),
                         programs[-1].offset_s, tuple(ph for p in programs for ph in p.phases))
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
            raise UnusableNetwork(f"{where}: phase {number} shows '{wrong[0]}'; allowed are G g y r "
                                  "s u (a switched-off signal cannot be controlled)")
        if not phase.duration_s > 0:
            raise UnusableNetwork(f"{where}: phase {number} lasts {phase.duration_s} s; a phase "
                                  "must last longer than 0 s")
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
    edges = list(dict.fromkeys(link.edges() for link in signal.links.values()
                               if link.kind != GroupKind.PEDESTRIAN))
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


# --- conflicts -------------------------------------------------------------------------------


def _find_conflicts(net: SumoNet, signal: Signal) -> None:
    links = list(signal.links.values())
    group_of = {link.index: k for k, g in enumerate(signal.groups) for link in g.links}
    for k, a in enumerate(links):
        for b in links[k + 1:]:
            foes, a_yields, b_yields = _right_of_way(net, a, b)
            if not foes:
                continue
            if group_of[a.index] == group_of[b.index] and a.edges() == b.edges():
                continue  # lanes of one edge under one head: drivers sort that out themselves
            _judge_pair(net, signal, a, b, a_yields, b_yields)


def _right_of_way(net: SumoNet, a: Link, b: Link) -> tuple[bool, bool, bool]:
    """Whether two links are foes, whether a must yield to b, and b to a."""
    foes = a_yields = b_yields = False
    for node_a, row_a in a.rows:
        for node_b, row_b in b.rows:
            if node_a != node_b:
                continue
            node = net.junctions[node_a]
            response_a = bool(node.responses.get(row_a, 0) >> row_b & 1)
            response_b = bool(node.responses.get(row_b, 0) >> row_a & 1)
            a_yields |= response_a
            b_yields |= response_b
            foes |= (response_a or response_b or bool(node.foes.get(row_a, 0) >> row_b & 1)
                     or bool(node.foes.get(row_b, 0) >> row_a & 1))
    return foes, a_yields, b_yields


def _judge_pair(net: SumoNet, signal: Signal, a: Link, b: Link, a_yields: bool,
                b_yields: bool) -> None:
    """Conflict, declared yield, or unsafe, from what the program shows together."""
    declared: set[tuple[int, int]] = set()
    silent_phase = -1
    together = False
    for number, phase in enumerate(signal.phases):
        show_a, show_b = phase.state[a.index], phase.state[b.index]
        if show_a not in "gG" or show_b not in "gG":
            continue
        together = True
        if a_yields and show_a == "g":
            declared.add((a.index, b.index))
        elif b_yields and show_b == "g":
            declared.add((b.index, a.index))
        elif a_yields and b.crossing_lane and _turns(a):
            declared.add((a.index, b.index))
        elif b_yields and a.crossing_lane and _turns(b):
            declared.add((b.index, a.index))
        else:
            silent_phase = number
    if not together:
        signal.foes |= {(a.index, b.index), (b.index, a.index)}
        return
    if silent_phase >= 0:
        declared.add(_silent_yield(net, signal, a, b, a_yields, b_yields, silent_phase))
    signal.yields |= declared


def _silent_yield(net: SumoNet, signal: Signal, a: Link, b: Link, a_yields: bool,
                  b_yields: bool, phase: int) -> tuple[int, int]:
    """Two foes both shown as if they had priority: a yield if the net says who gives way."""
    giver, taker = (a, b) if a_yields else (b, a)
    merging = {w.to_lane.rpartition("_")[0] for w in a.ways} & {
        w.to_lane.rpartition("_")[0] for w in b.ways}
    if a_yields != b_yields and (_turns(giver) or merging):
        signal.assumptions.append(
            f"{signal.name}: {giver.text()} and {taker.text()} are shown without yielding in the "
            f"network (phase {phase}); Belisha shows {giver.text()} as yielding.")
        return giver.index, taker.index
    raise UnsafeJunction(
        f"{net.file}: junction {signal.name}: {a.text()} and {b.text()} cross each other and are "
        f"both green in phase {phase} of program {signal.program.program}; no stage may do that")


def _turns(link: Link) -> bool:
    return all(w.direction in TURNING for w in link.ways)
