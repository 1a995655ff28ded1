"""Which links of a SUMO signal conflict, and which give way though shown green together.

Conflicts are the network's own foes. Two foes that its program shows green together are a
declared yield if the network says who gives way, else the junction is unsafe.
"""

from __future__ import annotations

from controller.conflicts import UnsafeJunction
from sim.importers.sumo_links import TURNING, Link
from sim.importers.sumo_net_xml import SumoNet
from sim.importers.sumo_signals import Signal


def find_conflicts(net: SumoNet, signal: Signal) -> None:
    """Fill `foes` and `yields` of a signal. Raises `UnsafeJunction` naming both links and phase."""
    links = list(signal.links.values())
    group_of = {link.index: k for k, g in enumerate(signal.groups) for link in g.links}
    for k, a in enumerate(links):
        for b in links[k + 1 :]:
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
            foes |= (
                response_a
                or response_b
                or bool(node.foes.get(row_a, 0) >> row_b & 1)
                or bool(node.foes.get(row_b, 0) >> row_a & 1)
            )
    return foes, a_yields, b_yields


def _judge_pair(net: SumoNet, signal: Signal, a: Link, b: Link, a_yields: bool, b_yields: bool) -> None:
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


def _silent_yield(
    net: SumoNet, signal: Signal, a: Link, b: Link, a_yields: bool, b_yields: bool, phase: int
) -> tuple[int, int]:
    """Two foes both shown as if they had priority: a yield if the net says who gives way."""
    giver, taker = (a, b) if a_yields else (b, a)
    merging = {w.to_lane.rpartition("_")[0] for w in a.ways} & {w.to_lane.rpartition("_")[0] for w in b.ways}
    if a_yields != b_yields and (_turns(giver) or merging):
        signal.assumptions.append(
            f"{signal.name}: {giver.text()} and {taker.text()} are shown without yielding in the "
            f"network (phase {phase}); Belisha shows {giver.text()} as yielding."
        )
        return giver.index, taker.index
    raise UnsafeJunction(
        f"{net.file}: junction {signal.name}: {a.text()} and {b.text()} cross each other and are "
        f"both green in phase {phase} of program {signal.program.program}; no stage may do that"
    )


def _turns(link: Link) -> bool:
    return all(w.direction in TURNING for w in link.ways)
