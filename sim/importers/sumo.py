"""A SUMO network as a street: `import_sumo` from a file, `street_of_net` from records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from controller.conflicts import UnsafeJunction, choose_sets, maximal_sets, prove_network
from controller.junction import (
    GROUPS_PER_JUNCTION_MAX,
    Detector,
    FixedPlan,
    Junction,
    Lane,
    Movement,
    PlanStep,
    Stage,
    StreetLink,
    StreetNetwork,
    Yield,
)
from controller.vocabulary import DetectorKind, GroupKind, StageSource, Timing
from sim.importers import sumo_programs as programs
from sim.importers.sumo_approaches import StreetLanes, with_lane_changes
from sim.importers.sumo_conflicts import find_conflicts
from sim.importers.sumo_detectors import lane_detectors
from sim.importers.sumo_links import DIRECTION_WORDS
from sim.importers.sumo_net_xml import SumoNet, UnusableNetwork, read_net
from sim.importers.sumo_signals import Signal, read_signals
from sim.importers.sumo_timing import WALKING_M_PER_S, intergreens, timed_groups

GENERATED_STAGES_MAX = 24
SATURATION_VEH_PER_S = 0.5
TURNING_SATURATION_VEH_PER_S = 0.45
CROSSING_WEIGHT_VEH_PER_S = 0.25
"""What a crossing counts beside lanes when generated stages are ranked."""


def import_sumo(path: Path | str, timing: Timing = Timing.COMPUTED) -> StreetNetwork:
    """Read a SUMO network with traffic lights (`.net.xml` or `.net.xml.gz`).

    What had to be assumed or repaired is in `assumptions`. Raises `UnusableNetwork` for a
    file that cannot become a street and `UnsafeJunction` for one that may not; both are one
    line naming file, junction, links and reason.
    """
    return street_of_net(read_net(Path(path)), timing)


def street_of_net(net: SumoNet, timing: Timing = Timing.COMPUTED) -> StreetNetwork:
    """A street from the records of a SUMO network, read from a file or built in memory.

    It is named after `net.file`. Raises as `import_sumo` does.
    """
    signals, assumptions = read_signals(net)
    if not signals:
        why = f" ({len(assumptions)} left out, the first: {assumptions[0]})" if assumptions else ""
        raise UnusableNetwork(
            f"{net.file}: no road signals in this network; Belisha needs at least one traffic light{why}"
        )
    lanes = StreetLanes(net, frozenset(s.name for s in signals))
    assumptions = [*_assumed_everywhere(timing), *assumptions]
    junctions = []
    for number, signal in enumerate(signals, start=1):
        find_conflicts(net, signal)
        junction = _Importer(net, lanes, signal, timing).junction(f"J{number}")
        junctions.append(junction)
        assumptions.extend(signal.assumptions)
    name = Path(net.file).name
    for ending in (".gz", ".xml", ".net"):
        name = name.removesuffix(ending)
    network = StreetNetwork(
        name=name,
        timing=timing,
        junctions=tuple(junctions),
        links=_links(lanes, junctions),
        assumptions=tuple(assumptions),
    )
    try:
        prove_network(network)
    except UnsafeJunction as error:
        raise UnsafeJunction(f"{net.file}: {error}") from None
    return network


def _assumed_everywhere(timing: Timing) -> list[str]:
    """What no SUMO network says, so that it is the same for all."""
    said = [
        f"A lane discharges {SATURATION_VEH_PER_S * 3600:g} vehicles an hour of green, "
        f"{TURNING_SATURATION_VEH_PER_S * 3600:g} where all of them turn.",
        "Where drivers have a choice of ways, equal parts take each until counts are learnt.",
        f"People need {WALKING_M_PER_S:g} m/s to clear a crossing and have one push button at each.",
    ]
    if timing == Timing.COMPARISON:
        return [
            *said,
            "Yellow is 3 s everywhere without red clearance, minimum green 5 s: to compare with "
            "published results, not for a street.",
        ]
    return [
        *said,
        "Streets are level; on through lanes the fast drivers that yellow is made for go 11.3 km/h above "
        "the limit; a yellow longer in the network is kept.",
    ]


def _links(lanes: StreetLanes, junctions: list[Junction]) -> tuple[StreetLink, ...]:
    stop_lines = {lane.name: j.name for j in junctions for lane in j.lanes}
    exits = dict.fromkeys(m.exit_lane for j in junctions for lane in j.lanes for m in lane.movements)
    return tuple(link for name in exits for link in lanes.downstream(name, stop_lines))


class _Importer:
    """One signal on its way to a junction."""

    def __init__(self, net: SumoNet, lanes: StreetLanes, signal: Signal, timing: Timing) -> None:
        self.net, self.street, self.signal, self.timing = net, lanes, signal, timing
        if len(signal.groups) > GROUPS_PER_JUNCTION_MAX:
            raise UnusableNetwork(
                f"{net.file}: junction {signal.name}: {len(signal.groups)} signal "
                f"groups; at most {GROUPS_PER_JUNCTION_MAX} are possible"
            )
        self.groups = timed_groups(net, signal, timing)
        self.intergreens = intergreens(net, lanes, signal, self.groups, timing)

    def junction(self, title: str) -> Junction:
        lanes = self._lanes()
        stages, given_bits, remnants = self._stages(lanes)
        plan, promised = self._plan(stages, [*given_bits, *remnants])
        groups = tuple(replace(g, promise_ms=p) for g, p in zip(self.groups, promised, strict=True))
        nodes = [self.net.junctions[n] for n in self.signal.nodes()]
        buttons = tuple(
            Detector(f"{g.name}.button", DetectorKind.BUTTON, group=g.name)
            for g in groups
            if g.kind == GroupKind.PEDESTRIAN
        )
        return Junction(
            name=self.signal.name,
            title=title,
            x_m=round(sum(n.x_m for n in nodes) / len(nodes), 2),
            y_m=round(sum(n.y_m for n in nodes) / len(nodes), 2),
            groups=groups,
            lanes=tuple(lanes),
            stages=tuple(stages),
            intergreens=tuple(self.intergreens),
            yields=self._yields(),
            detectors=tuple(d for lane in lanes for d in lane_detectors(self.street, lane)) + buttons,
            plans=(plan,),
        )

    def _lanes(self) -> list[Lane]:
        ways: dict[str, list[Movement]] = {}
        approach: dict[str, str] = {}
        bus_only: dict[str, bool] = {}
        for g in self.signal.groups:
            if g.kind == GroupKind.PEDESTRIAN:
                continue
            for link in g.links:
                for way in link.ways:
                    ways.setdefault(way.from_lane, []).append(
                        Movement(
                            link=link.index,
                            group=g.name,
                            direction=DIRECTION_WORDS.get(way.direction, "straight"),
                            exit_lane=way.to_lane,
                            exit_speed_m_per_s=self.net.lanes[way.to_lane].speed_m_per_s,
                        )
                    )
                    approach.setdefault(way.from_lane, g.approach)
                    bus_only[way.from_lane] = g.kind == GroupKind.BUS and bus_only.get(way.from_lane, True)
        lanes = []
        for name in sorted(ways, key=lambda n: (self.net.lanes[n].edge, self.net.lanes[n].index)):
            moves = sorted(ways[name], key=lambda m: (m.link, m.exit_lane))
            straight = any(m.direction == "straight" for m in moves)
            lanes.append(
                Lane(
                    name=name,
                    approach=approach[name],
                    length_m=self.net.lanes[name].length_m,
                    speed_m_per_s=self.net.lanes[name].speed_m_per_s,
                    saturation_veh_per_s=SATURATION_VEH_PER_S if straight else TURNING_SATURATION_VEH_PER_S,
                    movements=tuple(moves),
                    reach=self.street.reach(name),
                    bus_only=bus_only[name],
                )
            )
        return list(with_lane_changes(tuple(lanes)))

    def _yields(self) -> tuple[Yield, ...]:
        hard = {(i.ending, i.starting) for i in self.intergreens}
        found = {}
        for a in self.signal.groups:
            for b in self.signal.groups:
                gives = any((i.index, j.index) in self.signal.yields for i in a.links for j in b.links)
                if a is not b and gives and (a.name, b.name) not in hard:
                    found[a.name, b.name] = Yield(a.name, b.name)
        return tuple(found.values())

    def _stages(self, lanes: list[Lane]) -> tuple[list[Stage], list[int], list[int]]:
        index = {g.name: k for k, g in enumerate(self.groups)}
        conflicts = [0] * len(self.groups)
        for ig in self.intergreens:
            conflicts[index[ig.ending]] |= 1 << index[ig.starting]
        given, remnants = programs.given_stages(self.signal)
        self._refuse_conflicting(given, conflicts)
        served = 0
        for bits in given:
            served |= bits
        weights = [CROSSING_WEIGHT_VEH_PER_S if g.kind == GroupKind.PEDESTRIAN else 0.0 for g in self.groups]
        for lane in lanes:
            own = {index[m.group] for m in lane.movements}
            for k in own:
                weights[k] += lane.saturation_veh_per_s / len(own)
        everyone = (1 << len(self.groups)) - 1
        fresh = [b for b in maximal_sets(conflicts) if b not in given and b not in remnants]
        generated = choose_sets(fresh, weights, everyone & ~served, GENERATED_STAGES_MAX)
        stages = [self._stage(f"S{k}", bits, StageSource.GIVEN) for k, bits in enumerate(given, start=1)]
        stages += [
            self._stage(f"C{k}", bits, StageSource.GENERATED) for k, bits in enumerate(remnants, start=1)
        ]
        stages += [
            self._stage(f"X{k}", bits, StageSource.GENERATED) for k, bits in enumerate(generated, start=1)
        ]
        return stages, given, remnants

    def _stage(self, name: str, bits: int, source: StageSource) -> Stage:
        return Stage(name, tuple(g.name for k, g in enumerate(self.groups) if bits >> k & 1), source)

    def _refuse_conflicting(self, given: list[int], conflicts: list[int]) -> None:
        for bits in given:
            for k, clash in enumerate(conflicts):
                if bits >> k & 1 and bits & clash:
                    other = (bits & clash).bit_length() - 1
                    a, b = self.signal.groups[k].links[0], self.signal.groups[other].links[0]
                    raise UnsafeJunction(
                        f"{self.net.file}: junction {self.signal.name}: {a.text()} and {b.text()} "
                        "conflict and are green together in the network's program"
                    )

    def _plan(self, stages: list[Stage], known: list[int]) -> tuple[FixedPlan, list[int]]:
        times = programs.PlanTimes(self.groups, self.intergreens)
        steps, offset_ms = programs.program_steps(self.signal, known)
        whole = [programs.Step(s.bits, max(round(s.duration_ms / 1000), 1) * 1000) for s in steps]
        cleared = programs.with_walkers_cleared(whole, times)
        fixed = programs.repaired(cleared, times)
        self._say_repairs(whole, cleared, fixed)
        if len(fixed) == 1:
            self.signal.assumptions.append(
                f"{self.signal.name}: the network's program has a single green stage; nothing conflicts "
                "with it, so Belisha leaves it green."
            )
        promised = programs.promises_ms(fixed, times)
        split, worst = programs.resplit(fixed, times, promised)
        if programs.resplit(split, times, promised)[1]:
            raise UnusableNetwork(
                f"{self.net.file}: junction {self.signal.name}: the network's plan keeps a group red for "
                f"{worst / 1000:g} s, and no split of it keeps the promise of "
                f"{max(promised) / 1000:g} s"
            )
        if worst:
            before_ms = sum(s.duration_ms for s in fixed)
            self.signal.assumptions.append(
                f"{self.signal.name}: the network's plan kept a group red for {worst / 1000:g} s, longer "
                f"than promised; its cycle is shortened from {before_ms / 1000:g} to "
                f"{sum(s.duration_ms for s in split) / 1000:g} s."
            )
        names = {self._bits(s): s.name for s in reversed(stages)}
        cycle_ms = sum(s.duration_ms for s in split)
        return FixedPlan(
            name="network",
            cycle_ms=cycle_ms,
            offset_ms=offset_ms % cycle_ms,
            steps=tuple(PlanStep(names[s.bits], s.duration_ms) for s in split),
        ), promised

    def _bits(self, stage: Stage) -> int:
        return sum(1 << k for k, g in enumerate(self.groups) if g.name in stage.groups)

    def _say_repairs(
        self, own: list[programs.Step], cleared: list[programs.Step], fixed: list[programs.Step]
    ) -> None:
        earlier = sum(max(a.duration_ms - b.duration_ms, 0) for a, b in zip(own, cleared, strict=True))
        if earlier:
            self.signal.assumptions.append(
                f"{self.signal.name}: WALK ends {earlier / 1000:g} s earlier in all than in the network's "
                "program, so that people finish crossing while vehicles beside them still have green."
            )
        longer = [
            (k, b.duration_ms - a.duration_ms)
            for k, (a, b) in enumerate(zip(cleared, fixed, strict=True), start=1)
            if b.duration_ms > a.duration_ms
        ]
        if longer:
            what = ", ".join(f"step {k} by {ms / 1000:g} s" for k, ms in longer)
            before, after = (sum(s.duration_ms for s in steps) / 1000 for steps in (own, fixed))
            self.signal.assumptions.append(
                f"{self.signal.name}: the network's program leaves too little time for minimum green, "
                f"walk or clearance; {what} longer, cycle {before:g} s becomes {after:g} s."
            )
