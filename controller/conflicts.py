"""Proves at load that a junction is safe to run, and makes stages that are.

A junction is refused unless: every conflict has an intergreen in both directions, no stage
holds two conflicting groups, no pair is conflict and yield at once, every group is in some
stage, every plan names existing stages, adds up to its cycle and serves every group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controller.junction import GROUPS_PER_JUNCTION_MAX, FixedPlan, Junction, Lane, StreetNetwork
from controller.vocabulary import DetectorKind, GroupKind

CLIQUES_MAX = 4096
"""Maximal compatible sets looked at for one junction; more are not needed to choose a few."""


class UnsafeJunction(ValueError):
    """A junction that must not be run; the message names junction, pair or links, and reason."""


def prove_network(network: StreetNetwork) -> None:
    """Prove every junction and the links between them. Raises `UnsafeJunction`."""
    _unique("network", "junction names", [j.name for j in network.junctions])
    _unique("network", "junction titles", [j.title for j in network.junctions])
    if not network.junctions:
        raise UnsafeJunction("network: no junction; at least one is needed")
    lanes = {(j.name, lane.name) for j in network.junctions for lane in j.lanes}
    for link in network.links:
        if (link.to_junction, link.to_lane) not in lanes:
            raise UnsafeJunction(
                f"link from {link.exit_lane}: no lane {link.to_lane} at junction {link.to_junction}"
            )
    for junction in network.junctions:
        prove(junction)
    _prove_timetable(network)


def _prove_timetable(network: StreetNetwork) -> None:
    """Every plan of the timetable is known somewhere, and nobody says two things of one moment."""
    known = {plan.name for junction in network.junctions for plan in junction.plans}
    _unique("timetable", "times of one kind of day", [
        f"{day.value} {hour.from_ms // 3_600_000:02d}:{hour.from_ms // 60_000 % 60:02d}:"
        f"{hour.from_ms // 1000 % 60:02d}"
        for hour in network.timetable
        for day in hour.days
    ])  # fmt: skip
    for hour in network.timetable:
        if hour.plan not in known:
            raise UnsafeJunction(
                f"timetable: no junction has a plan {hour.plan}; known are {', '.join(sorted(known))}"
            )


def prove(junction: Junction) -> None:
    """Prove one junction. Raises `UnsafeJunction` naming the first thing that is wrong."""
    where = f"junction {junction.name}"
    names = [g.name for g in junction.groups]
    if not 1 <= len(names) <= GROUPS_PER_JUNCTION_MAX:
        raise UnsafeJunction(f"{where}: {len(names)} groups; allowed are 1 to {GROUPS_PER_JUNCTION_MAX}")
    _unique(where, "group names", names)
    _unique(where, "stage names", [s.name for s in junction.stages])
    _unique(where, "lane names", [lane.name for lane in junction.lanes])
    _unique(where, "detector names", [d.name for d in junction.detectors])
    _prove_references(junction, set(names))
    conflicts = _prove_matrix(junction)
    _prove_stages(junction, conflicts)
    _unique(where, "plan names", [p.name for p in junction.plans])
    _prove_preempt(junction)
    _prove_leads(junction)
    for plan in junction.plans:
        _prove_plan(junction, plan)


def conflict_bits(junction: Junction) -> list[int]:
    """For each group, the groups it conflicts with as bits, from the intergreens."""
    index = {g.name: k for k, g in enumerate(junction.groups)}
    bits = [0] * len(index)
    for ig in junction.intergreens:
        bits[index[ig.ending]] |= 1 << index[ig.starting]
    return bits


def _unique(where: str, what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UnsafeJunction(f"{where}: {what} must differ; {name} is there twice")
        seen.add(name)


def _known(where: str, name: str, names: set[str]) -> None:
    if name not in names:
        raise UnsafeJunction(f"{where}: no group {name}; known are {', '.join(sorted(names))}")


def _prove_references(junction: Junction, names: set[str]) -> None:
    where = f"junction {junction.name}"
    lanes = {lane.name for lane in junction.lanes}
    served: set[str] = set()
    for lane in junction.lanes:
        _prove_lane(where, lane, names)
        served |= {m.group for m in lane.movements}
    for group in junction.groups:
        if group.kind == GroupKind.PEDESTRIAN:
            if group.name in served:
                raise UnsafeJunction(f"{where}: lane movements belong to {group.name}, a crossing")
        elif group.yellow_ms <= 0:
            raise UnsafeJunction(f"{where}: group {group.name} has no yellow; only crossings have none")
    for d in junction.detectors:
        if d.kind == DetectorKind.BUTTON:
            _known(f"{where}: detector {d.name}", d.group, names)
        elif d.lane not in lanes:
            raise UnsafeJunction(f"{where}: detector {d.name}: no lane {d.lane}")


def _prove_lane(where: str, lane: Lane, names: set[str]) -> None:
    if not lane.movements:
        raise UnsafeJunction(f"{where}: lane {lane.name} has no movement")
    if not lane.reach or lane.reach[0].street_lane != lane.name or lane.reach[0].gap_m != 0.0:
        raise UnsafeJunction(f"{where}: lane {lane.name}: its reach must begin with itself at gap 0")
    for movement in lane.movements:
        _known(f"{where}: lane {lane.name}", movement.group, names)


def _prove_matrix(junction: Junction) -> list[int]:
    where = f"junction {junction.name}"
    names = {g.name for g in junction.groups}
    pairs: set[tuple[str, str]] = set()
    for ig in junction.intergreens:
        _known(f"{where}: intergreen", ig.ending, names)
        _known(f"{where}: intergreen", ig.starting, names)
        if ig.ending == ig.starting:
            raise UnsafeJunction(f"{where}: group {ig.ending} cannot conflict with itself")
        if (ig.ending, ig.starting) in pairs:
            raise UnsafeJunction(f"{where}: intergreen {ig.ending} -> {ig.starting} is there twice")
        pairs.add((ig.ending, ig.starting))
        _prove_intergreen(junction, ig.ending, ig.starting, ig.duration_ms)
    for ending, starting in sorted(pairs):
        if (starting, ending) not in pairs:
            raise UnsafeJunction(
                f"{where}: {ending} and {starting} conflict, but the intergreen "
                f"{starting} -> {ending} is missing; both directions are needed"
            )
    for y in junction.yields:
        _known(f"{where}: yield", y.group, names)
        _known(f"{where}: yield", y.to, names)
        if (y.group, y.to) in pairs:
            raise UnsafeJunction(f"{where}: {y.group} and {y.to} are listed as conflict and as yield")
    return conflict_bits(junction)


def _prove_intergreen(junction: Junction, ending: str, starting: str, duration_ms: int) -> None:
    """An intergreen is never shorter than the yellow or pedestrian clearance it contains."""
    group = next(g for g in junction.groups if g.name == ending)
    least = group.clearance_ms if group.kind == GroupKind.PEDESTRIAN else group.yellow_ms
    if duration_ms < max(least, 1):
        what = "pedestrian clearance" if group.kind == GroupKind.PEDESTRIAN else "yellow"
        raise UnsafeJunction(
            f"junction {junction.name}: intergreen {ending} -> {starting} is "
            f"{duration_ms} ms, shorter than the {what} of {ending}, {least} ms"
        )


def _prove_stages(junction: Junction, conflicts: Sequence[int]) -> None:
    where = f"junction {junction.name}"
    names = [g.name for g in junction.groups]
    index = {name: k for k, name in enumerate(names)}
    served = 0
    for stage in junction.stages:
        bits = 0
        for name in stage.groups:
            _known(f"{where}: stage {stage.name}", name, set(names))
            bits |= 1 << index[name]
        if not bits:
            raise UnsafeJunction(f"{where}: stage {stage.name} serves no group")
        for name in stage.groups:
            clash = bits & conflicts[index[name]]
            if clash:
                other = names[(clash & -clash).bit_length() - 1]
                raise UnsafeJunction(
                    f"{where}: stage {stage.name} has {name} and {other} green together, but they conflict"
                )
        served |= bits
    for k, name in enumerate(names):
        if not served >> k & 1:
            raise UnsafeJunction(f"{where}: no stage serves group {name}")


def _prove_leads(junction: Junction) -> None:
    """A WALK leads drivers who give way to it, and for no longer than it lasts at least."""
    for group in junction.groups:
        where = f"junction {junction.name}: {group.name} has lead_ms {group.lead_ms}"
        if group.lead_ms and group.kind != GroupKind.PEDESTRIAN:
            raise UnsafeJunction(f"{where}, but is no crossing")
        if group.lead_ms > group.min_green_ms:
            raise UnsafeJunction(f"{where}, longer than its minimum WALK, {group.min_green_ms} ms")


def _prove_preempt(junction: Junction) -> None:
    stages = [s.name for s in junction.stages]
    for name in junction.preempt.exit_stages:
        if name not in stages:
            raise UnsafeJunction(
                f"junction {junction.name}: preempt exit: no stage {name}; known are {', '.join(stages)}"
            )


def _prove_plan(junction: Junction, plan: FixedPlan) -> None:
    where = f"junction {junction.name}: plan {plan.name}"
    stages = {s.name: s for s in junction.stages}
    served: set[str] = set()
    for step in plan.steps:
        if step.stage not in stages:
            raise UnsafeJunction(f"{where}: no stage {step.stage}; known are {', '.join(stages)}")
        if step.duration_ms <= 0:
            raise UnsafeJunction(f"{where}: step {step.stage} lasts {step.duration_ms} ms")
        served |= set(stages[step.stage].groups)
    total = sum(step.duration_ms for step in plan.steps)
    if total != plan.cycle_ms:
        raise UnsafeJunction(f"{where}: steps add up to {total} ms, the cycle is {plan.cycle_ms} ms")
    if not 0 <= plan.offset_ms < plan.cycle_ms:
        raise UnsafeJunction(f"{where}: offset {plan.offset_ms} ms; allowed are 0 to {plan.cycle_ms - 1} ms")
    for group in junction.groups:
        if group.name not in served and not group.turn_on_red:
            raise UnsafeJunction(f"{where}: never serves group {group.name}")


# --- maximal compatible sets -----------------------------------------------------------------


def maximal_sets(conflicts: Sequence[int], limit: int = CLIQUES_MAX) -> list[int]:
    """Maximal conflict-free sets of groups as bits, in a fixed order, at most `limit`.

    `conflicts[k]` has a bit for every group k conflicts with. Bron-Kerbosch with pivoting
    (Bron, Kerbosch 1973; Tomita 2006) on the graph of compatible groups. If the limit cuts
    the search short, every group is still in one of the sets returned.
    """
    n = len(conflicts)
    everyone = (1 << n) - 1
    compatible = [everyone & ~conflicts[k] & ~(1 << k) for k in range(n)]
    found: list[int] = []
    stack: list[tuple[int, int, int]] = [(0, everyone, 0)]
    while stack and len(found) < limit:
        chosen, candidates, excluded = stack.pop()
        if not candidates and not excluded:
            if chosen:
                found.append(chosen)
            continue
        pivot = max(
            _members(candidates | excluded), key=lambda k: ((candidates & compatible[k]).bit_count(), -k)
        )
        branches = []
        for k in _members(candidates & ~compatible[pivot]):
            branches.append((chosen | 1 << k, candidates & compatible[k], excluded & compatible[k]))
            candidates &= ~(1 << k)
            excluded |= 1 << k
        stack.extend(reversed(branches))
    covered = 0
    for bits in found:
        covered |= bits
    for k in _members(everyone & ~covered):
        found.append(_grown(1 << k, conflicts))
    return found


def choose_sets(sets: Sequence[int], weights: Sequence[float], needed: int, count: int) -> list[int]:
    """At most `count` of the sets: first what covers the `needed` bits, then the weightiest.

    `weights` has one value a group (saturation flow served). The order is fixed: weight,
    then bits.
    """
    ranked = sorted(sets, key=lambda bits: (-sum(weights[k] for k in _members(bits)), bits))
    chosen: list[int] = []
    for bits in ranked:
        if needed & bits:
            chosen.append(bits)
            needed &= ~bits
    for bits in ranked:
        if len(chosen) >= count:
            break
        if bits not in chosen:
            chosen.append(bits)
    return chosen


def _members(bits: int) -> list[int]:
    members = []
    while bits:
        low = bits & -bits
        members.append(low.bit_length() - 1)
        bits ^= low
    return members


def _grown(bits: int, conflicts: Sequence[int]) -> int:
    for k in range(len(conflicts)):
        if not any(conflicts[m] >> k & 1 or conflicts[k] >> m & 1 for m in _members(bits)):
            bits |= 1 << k
    return bits
