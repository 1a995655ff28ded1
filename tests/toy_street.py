"""A toy street for planners: one junction in arrays, queues that grow and leave, people who press.

Two roads cross. Each has a through and a protected left-turn lane in both directions
taken together, and a crossing beside its green. No geometry, no sensors: the truth goes
straight into the state, so that a test sees what the planner alone does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from controller.junction import (
    FixedPlan,
    Group,
    Intergreen,
    Junction,
    Lane,
    Movement,
    PlanStep,
    Reach,
    Stage,
    StreetLink,
    StreetNetwork,
    Yield,
)  # fmt: skip
from controller.network import Network, build_network
from controller.planner import Planner
from controller.sequencer import Sequencer
from controller.state import NEVER_MS, State, new_state
from controller.vocabulary import GroupKind, Lamp, StageSource, Timing

VEHICLES = ("ns", "ns.left", "ew", "ew.left")
CROSSINGS = ("walk.ns", "walk.ew")
NAMES = (*VEHICLES, *CROSSINGS)
COMPATIBLE = {("ns", "walk.ns"), ("ew", "walk.ew")}
GIVEN = (("ns", "walk.ns"), ("ns.left",), ("ew", "walk.ew"), ("ew.left",))
NS, NS_LEFT, EW, EW_LEFT, WALK_NS, WALK_EW = range(6)
SATURATION_VEH_PER_S = 0.5


def group(name: str, promise_ms: int = 120_000, max_green_ms: int = 40_000) -> Group:
    """A crossing when its name begins with `walk`, else a movement."""
    if name.startswith("walk"):
        return Group(name, GroupKind.PEDESTRIAN, name, (), 7_000, 60_000, 0, 12_000, promise_ms, False, 12.0)
    return Group(name, GroupKind.VEHICLE, name, (), 5_000, max_green_ms, 3_000, 0, promise_ms)


GROUPS = tuple(map(group, NAMES))


def lane(group: str, exit_lane: str, name: str = "") -> Lane:
    """A lane 200 m long that serves one group."""
    movement = Movement(0, group, "straight", exit_lane, 13.9)
    name = name or f"{group}_0"
    return Lane(name, group, 200.0, 13.9, SATURATION_VEH_PER_S, (movement,), (Reach(name, 200.0, 0.0, 1.0),))


def junction(
    name: str = "square",
    groups: Sequence[Group] = GROUPS,
    stages: Sequence[tuple[str, ...]] = GIVEN,
    generated: Sequence[tuple[str, ...]] = (),
    compatible: set[tuple[str, str]] = COMPATIBLE,
    steps: Sequence[tuple[int, int]] = ((0, 35_000), (1, 15_000), (2, 35_000), (3, 15_000)),
    offset_ms: int = 0,
) -> Junction:
    """The junction; everything not in `compatible` conflicts. `steps` are (given stage, duration)."""

    def clash(a: Group, b: Group) -> bool:
        return a is not b and not {(a.name, b.name), (b.name, a.name)} & compatible

    def between(a: Group) -> int:
        return a.clearance_ms + 3_000 if a.kind == GroupKind.PEDESTRIAN else a.yellow_ms + 1_000

    named = [Stage(f"s{k}", tuple(s), StageSource.GIVEN) for k, s in enumerate(stages)]
    named += [Stage(f"g{k}", tuple(s), StageSource.GENERATED) for k, s in enumerate(generated)]
    plan_steps = tuple(PlanStep(f"s{s}", d) for s, d in steps)
    plan = FixedPlan("day", sum(d for _, d in steps), offset_ms, plan_steps)
    pairs = [(a, b) for a in groups for b in groups if clash(a, b)]
    return Junction(
        name=name, title=name, x_m=0.0, y_m=0.0, groups=tuple(groups),
        lanes=tuple(lane(g.name, f"{name}.{g.name}.out") for g in groups if g.kind != GroupKind.PEDESTRIAN),
        stages=tuple(named), yields=(), detectors=(), plans=(plan,),
        intergreens=tuple(Intergreen(a.name, b.name, between(a)) for a, b in pairs),
    )  # fmt: skip


def yielding_junction(name: str = "square") -> Junction:
    """One where drivers of two movements give way to a WALK, and are in stages without it."""
    beside = {("ns", "walk.ns"), ("ns.left", "walk.ns"), ("ns", "ns.left"), ("walk.ns", "walk.ew")}
    stages = (("ns.left",), ("ns", "ns.left"), ("ns", "walk.ns"), ("walk.ns", "walk.ew"), ("ew", "walk.ew"))
    groups = [g for g in GROUPS if g.name != "ew.left"]
    plain = junction(name, groups, stages, compatible=beside | {("ew", "walk.ew")}, steps=())
    return replace(plain, yields=(Yield("ns", "walk.ns"), Yield("ns.left", "walk.ns")))


def network(
    *junctions: Junction, links: Sequence[StreetLink] = (), lamp_resolution_ms: int = 1000
) -> Network:
    """The junctions (the toy one if none is named) in arrays."""
    street = StreetNetwork("toy", Timing.COMPUTED, junctions or (junction(),), tuple(links))
    return build_network(street, lamp_resolution_ms)


@dataclass
class Traffic:
    """Queues and people of one network, and a log of what the lamps did to them."""

    network: Network
    planner: Planner
    seed: int = 1
    veh_per_s: Sequence[float] = ()
    people_per_s: Sequence[float] = ()
    now_ms: int = 0
    state: State = field(init=False)
    longest_wait_ms: np.ndarray = field(init=False)
    """(G) longest time from a call to the green that served it, or until now."""
    greens: list[tuple[int, int, int]] = field(default_factory=list)
    """(group, start ms, end ms) of every green and WALK that ended."""

    def __post_init__(self) -> None:
        self.state = new_state(self.network, self.now_ms)
        self.sequencer = Sequencer(self.network)
        self.chance = np.random.default_rng(self.seed)
        self.longest_wait_ms = np.zeros(self.network.n_groups, np.int64)
        self._veh_per_s = np.array(self.veh_per_s or [0.0] * self.network.n_lanes)
        self._people_per_s = np.array(self.people_per_s or [0.0] * self.network.n_groups)

    def run(self, seconds: int, every_s: Callable[[Traffic], None] = lambda traffic: None) -> Traffic:
        """So many seconds, arrivals and departures once a second, the planner at every lamp time."""
        steps = 1000 // self.network.lamp_resolution_ms
        for _ in range(seconds):
            self._arrive()
            for _ in range(steps):
                self._tick()
            self._leave()
            every_s(self)
        return self

    def lit(self) -> set[str]:
        """Names of the groups that show green or WALK."""
        names = [g.name for j in self.network.street.junctions for g in j.groups]
        return {name for name, lamp in zip(names, self.state.lamp, strict=True) if lamp == Lamp.GREEN}

    def put(self, lane: int, veh: float) -> None:
        """So many vehicles stand before the stop line of a lane."""
        self.state.queue_veh[lane] = self.state.near_veh[lane] = veh

    def press(self, crossing: int) -> None:
        """One more person waits at a crossing (index of its group) and presses the button."""
        self.state.waiting_people[crossing] += 1
        if self.state.call_since_ms[crossing] == NEVER_MS and self.state.lamp[crossing] != Lamp.GREEN:
            self.state.call_since_ms[crossing] = self.now_ms

    def _arrive(self) -> None:
        state = self.state
        arriving = self.chance.poisson(self._veh_per_s)
        for lane in np.flatnonzero(arriving):
            self.put(int(lane), state.queue_veh[lane] + arriving[lane])
        for crossing in np.flatnonzero(self.chance.random(self.network.n_groups) < self._people_per_s):
            self.press(int(crossing))
        state.people_per_s[:] = self._people_per_s
        for g in self.network.movement_group[state.queue_veh > 0.0]:
            if state.lamp[g] != Lamp.GREEN and state.call_since_ms[g] == NEVER_MS:
                state.call_since_ms[g] = self.now_ms

    def _tick(self) -> None:
        state = self.state
        self.planner.propose(state, self.now_ms)
        calls, lamps, since_ms = state.call_since_ms.copy(), state.lamp.copy(), state.lamp_since_ms.copy()
        self.sequencer.advance(state, self.now_ms)
        waited_ms = np.where(calls < NEVER_MS, self.now_ms - calls, 0)
        np.maximum(self.longest_wait_ms, waited_ms, out=self.longest_wait_ms)
        for g in np.flatnonzero((lamps == Lamp.GREEN) & (state.lamp != Lamp.GREEN)):
            self.greens.append((int(g), int(since_ms[g]), self.now_ms))
        self.now_ms += self.network.lamp_resolution_ms

    def _leave(self) -> None:
        state = self.state
        for lane, g in enumerate(self.network.movement_group):
            if state.lamp[g] == Lamp.GREEN and self.now_ms - state.lamp_since_ms[g] > 2_000:
                self.put(lane, max(0.0, state.queue_veh[lane] - SATURATION_VEH_PER_S))
        state.waiting_people[state.lamp == Lamp.GREEN] = 0.0
