"""Fixed plans for one period: the common cycle, and each junction's stages, split and offset.

For every cycle length each junction first finds its best order of stages and split alone; then all
climb together. Where no common cycle is worth its price the junctions keep cycles of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from controller.junction import FixedPlan, PlanStep
from controller.network import Ints, Network
from controller.plan_paper import Paper
from controller.vocabulary import GroupKind
from sim.plan_design import climb_kernels as kernels
from sim.plan_design.design_demand import Demand
from sim.plan_design.design_model import (
    CYCLE_MAX_S,
    STEPS_MAX,
    DesignPlans,
    DesignStreet,
    new_plans,
    new_scratch,
)
from sim.plan_design.stage_orders import sequences

CYCLE_STEP_S = 4
"""Between two lengths that are tried, and a tenth of the length where that is more."""
CYCLES_CLIMBED = 5
"""Common cycles for which everybody climbs: those that are best before anybody does."""
CLIMB_ROUNDS = 12
ORDERS_TRIED = 4
"""Of each junction, the best alone, in the company of the others."""
GRAIN_MS = 1000
VEHICLE_M = 7.5
"""Of lane that a standing vehicle takes."""
NOTHING_PERSONS = 1.3


class NoPlan(ValueError):
    """No plan within the cycle lengths keeps every rule; the message names the junction and why."""


@dataclass(frozen=True, slots=True)
class Designed:
    """What was found for one period."""

    plans: tuple[FixedPlan, ...]
    """One a junction."""
    cost: float
    """Person-seconds of delay a second, as the model sees it."""
    cycle_s: int
    """The common cycle; 0 where junctions keep their own."""


class Designer:
    """Designs plans for a network, period after period. `cycles_s` are the lengths allowed.

    Raises NoPlan when a junction's shortest lawful cycle is longer than allowed.
    """

    def __init__(self, network: Network, cycle_min_s: int, cycle_max_s: int) -> None:
        self.network = network
        self.cycles_s = _lengths(cycle_min_s, min(cycle_max_s, CYCLE_MAX_S))
        self._scratch = new_scratch(network.n_groups, network.n_lanes)
        self._static = _static(network)

    def design(
        self, demand: Demand, name: str, on_progress: Callable[[float], None] = lambda part: None
    ) -> Designed:
        """The plans of that name for a demand. `on_progress` gets the part done."""
        street = _street(self.network, self._static, demand)
        n = self.network.n_junctions
        loads = _group_loads(self.network, demand)
        choices = [
            [s for s in sequences(junction, loads[self._groups(j)]) if len(s) <= STEPS_MAX]
            for j, junction in enumerate(self.network.street.junctions)
        ]
        alone = self._alone(street, choices, lambda part: on_progress(0.6 * part))
        best_cost, best, best_cycle = self._apart(street, alone, choices)
        cycles = self._worth_climbing(street, alone, choices) if n > 1 else []
        for k, cycle_s in enumerate(cycles):
            plans = self._together(street, alone, choices, cycle_s)
            cost = kernels.climb(cycle_s, CLIMB_ROUNDS, street, plans, self._scratch)
            if cost < best_cost:
                best_cost, best, best_cycle = cost, plans, cycle_s
            on_progress(0.6 + 0.3 * (k + 1) / len(cycles))
        if best_cycle:
            best_cost = self._other_orders(street, alone, choices, best, best_cycle, best_cost)
        on_progress(1.0)
        own_s = [
            best_cycle // int(best.laps[j]) if best_cycle else int(best.step_s[j].sum()) for j in range(n)
        ]
        plans_found = tuple(self._plan(j, best, name, own_s[j]) for j in range(n))
        return Designed(plans_found, float(best_cost), best_cycle)

    def _groups(self, j: int) -> slice:
        return slice(int(self.network.group_start[j]), int(self.network.group_start[j + 1]))

    def _alone(
        self,
        street: DesignStreet,
        choices: Sequence[Sequence[tuple[int, ...]]],
        on_progress: Callable[[float], None],
    ) -> dict[tuple[int, int], list[tuple[float, int, list[int]]]]:
        """(junction, cycle): cost, choice and steps of its best orders, everybody coming evenly."""
        found: dict[tuple[int, int], list[tuple[float, int, list[int]]]] = {}
        even = _evenly(street)
        n = self.network.n_junctions
        for j in range(n):
            kept: Sequence[int] = range(len(choices[j]))
            middle = self.cycles_s[len(self.cycles_s) // 2]
            if len(choices[j]) > ORDERS_TRIED:
                ranked = self._ranked(even, choices[j], j, middle, kept, first_only=True)
                if not ranked:
                    ranked = self._ranked(even, choices[j], j, self.cycles_s[-1], kept, first_only=True)
                kept = sorted({0, *(k for _, k, _ in ranked[: ORDERS_TRIED + 1])})
            for at, cycle_s in enumerate(self.cycles_s):
                ranked = self._ranked(even, choices[j], j, cycle_s, kept)
                if ranked:
                    found[j, cycle_s] = ranked[:ORDERS_TRIED]
                on_progress((j + (at + 1) / len(self.cycles_s)) / n)
            if not any((j, c) in found for c in self.cycles_s):
                junction = self.network.street.junctions[j]
                raise NoPlan(
                    f"junction {junction.name}: no cycle of {self.cycles_s[0]} to {self.cycles_s[-1]} s "
                    "keeps its minimums and promises; allow longer ones with --cycle-max"
                )
        return found

    def _ranked(
        self, even: DesignStreet, choices: Sequence[tuple[int, ...]], j: int, cycle_s: int,
        kept: Sequence[int], first_only: bool = False,
    ) -> list[tuple[float, int, list[int]]]:  # fmt: skip
        """Cost, number and steps of the lawful choices, best first; `first_only` by their first splits."""
        plans = new_plans(self.network.n_junctions)
        rows = []
        for k in kept:
            self._set(plans, j, choices[k])
            if first_only:
                whole = kernels.fill_steps(j, cycle_s, even, plans, self._scratch)
                cost = (
                    kernels.cost_near(j, cycle_s, even, plans, self._scratch) if whole else kernels.IMPOSSIBLE
                )
            else:
                cost = kernels.climb_alone(j, cycle_s, even, plans, self._scratch)
            if cost < kernels.IMPOSSIBLE:
                rows.append((float(cost), int(k), plans.step_s[j, : len(choices[k])].tolist()))
        rows.sort()
        return rows

    def _set(self, plans: DesignPlans, j: int, order: tuple[int, ...], steps: Sequence[int] = ()) -> None:
        first = int(self.network.stage_start[j])
        plans.n_steps[j] = len(order)
        plans.bits[j, : len(order)] = self.network.stage_bits[[first + s for s in order]]
        plans.step_s[j] = 0
        if steps:
            plans.step_s[j, : len(order)] = steps

    def _apart(
        self,
        street: DesignStreet,
        alone: dict[tuple[int, int], list[tuple[float, int, list[int]]]],
        choices: Sequence[Sequence[tuple[int, ...]]],
    ) -> tuple[float, DesignPlans, int]:
        """Every junction with the cycle that is best for it alone."""
        plans, total = new_plans(self.network.n_junctions), 0.0
        for j in range(self.network.n_junctions):
            cost, k, steps = min(alone[j, c][0] for c in self.cycles_s if (j, c) in alone)
            self._set(plans, j, choices[j][k], steps)
            total += cost
        return total, plans, 0

    def _worth_climbing(
        self,
        street: DesignStreet,
        alone: dict[tuple[int, int], list[tuple[float, int, list[int]]]],
        choices: Sequence[Sequence[tuple[int, ...]]],
    ) -> list[int]:
        """The common cycles that begin best, offsets not yet looked at."""
        n = self.network.n_junctions
        begun = []
        for cycle_s in self.cycles_s:
            if all((j, cycle_s) in alone for j in range(n)):
                halves = [alone.get((j, cycle_s // 2), []) if cycle_s % 2 == 0 else [] for j in range(n)]
                rows = [alone[j, cycle_s][:1] + halves[j][:1] for j in range(n)]
                begun.append((sum(min(row)[0] for row in rows), cycle_s))
        return [cycle_s for _, cycle_s in sorted(begun)[:CYCLES_CLIMBED]]

    def _together(
        self,
        street: DesignStreet,
        alone: dict[tuple[int, int], list[tuple[float, int, list[int]]]],
        choices: Sequence[Sequence[tuple[int, ...]]],
        cycle_s: int,
    ) -> DesignPlans:
        """A start for a common cycle: half of it where that is clearly better alone."""
        plans = new_plans(self.network.n_junctions)
        for j in range(self.network.n_junctions):
            cost, k, steps = alone[j, cycle_s][0]
            half = alone.get((j, cycle_s // 2)) if cycle_s % 2 == 0 else None
            if half is not None and half[0][0] < cost:
                _, k, steps = half[0]
                plans.laps[j] = 2
            self._set(plans, j, choices[j][k], steps)
        return plans

    def _other_orders(
        self,
        street: DesignStreet,
        alone: dict[tuple[int, int], list[tuple[float, int, list[int]]]],
        choices: Sequence[Sequence[tuple[int, ...]]],
        plans: DesignPlans,
        cycle_s: int,
        cost: float,
    ) -> float:
        """Each junction's other good orders, with everybody else as they are."""
        for j in range(self.network.n_junctions):
            for _, k, steps in alone.get((j, cycle_s // int(plans.laps[j])), [])[1:]:
                before = [np.copy(array) for array in plans]
                self._set(plans, j, choices[j][k], steps)
                found = kernels.climb(cycle_s, 1, street, plans, self._scratch)
                if found < cost:
                    cost = found
                else:
                    for array, old in zip(plans, before, strict=True):
                        array[...] = old
        return min(cost, kernels.climb(cycle_s, CLIMB_ROUNDS, street, plans, self._scratch))

    def _plan(self, j: int, plans: DesignPlans, name: str, cycle_s: int) -> FixedPlan:
        junction = self.network.street.junctions[j]
        first = int(self.network.stage_start[j])
        by_bits = {
            int(self.network.stage_bits[first + s]): stage.name
            for s, stage in reversed(list(enumerate(junction.stages)))
        }
        steps = tuple(
            PlanStep(by_bits[int(plans.bits[j, k])], GRAIN_MS * int(plans.step_s[j, k]))
            for k in range(int(plans.n_steps[j]))
        )
        plan = FixedPlan(name, GRAIN_MS * cycle_s, GRAIN_MS * (int(plans.offset_s[j]) % cycle_s), steps)
        if broken := Paper(junction).broken(plan):
            raise AssertionError(f"junction {junction.name}: {'; '.join(broken)}")
        return plan


def _lengths(least_s: int, most_s: int) -> list[int]:
    """Even cycle lengths from the one to the other, ever further apart."""
    found = [least_s]
    while found[-1] < most_s:
        found.append(min(most_s, found[-1] + max(CYCLE_STEP_S, found[-1] // 20 * 2)))
    return found


def _evenly(street: DesignStreet) -> DesignStreet:
    """The same demand coming evenly to every stop line."""
    return street._replace(
        outside_veh_per_s=street.veh_per_s.copy(),
        feed_start=np.zeros_like(street.feed_start),
        fed_start=np.zeros_like(street.fed_start),
    )


def _group_loads(network: Network, demand: Demand) -> np.ndarray:
    """(G) green a second its busiest lane needs."""
    loads = np.zeros(network.n_groups)
    for lane in range(network.n_lanes):
        here = slice(int(network.movement_start[lane]), int(network.movement_start[lane + 1]))
        load = demand.movement_veh_per_s[here].sum() / network.lane_saturation_veh_per_s[lane]
        for g, veh in zip(network.movement_group[here], demand.movement_veh_per_s[here], strict=True):
            if veh > 0:
                loads[g] = max(loads[g], load)
    return loads


# --- arrays --------------------------------------------------------------------------------------


def _static(network: Network) -> dict[str, np.ndarray]:
    """What no demand changes."""
    waits: list[list[tuple[int, int]]] = []
    min_green, clearance = [], []
    for j, junction in enumerate(network.street.junctions):
        paper = Paper(junction, GRAIN_MS)
        first = int(network.group_start[j])
        min_green += [ms // 1000 for ms in paper.min_green_ms]
        clearance += [ms // 1000 for ms in paper.clearance_ms]
        waits += [[(first + a, ms // 1000) for a, ms in row] for row in paper.waits]
    return {
        "group_start": network.group_start,
        "lane_start": network.lane_start,
        "min_green_s": np.array(min_green, np.int64),
        "clearance_s": np.array(clearance, np.int64),
        "promise_s": network.promise_ms // 1000,
        "turn_on_red": network.group_turn_on_red,
        "wait_start": _starts([len(row) for row in waits]),
        "wait_group": np.array([a for row in waits for a, _ in row], np.int64),
        "wait_s": np.array([s for row in waits for _, s in row], np.int64),
        "saturation_veh_per_s": network.lane_saturation_veh_per_s,
        "storage_veh": np.maximum(1.0, network.lane_storage_m / VEHICLE_M),
        "move_start": network.movement_start,
        "move_group": network.movement_group,
    }


def _street(network: Network, static: dict[str, np.ndarray], demand: Demand) -> DesignStreet:
    lane_of = np.repeat(np.arange(network.n_lanes), np.diff(network.movement_start))
    veh = np.bincount(lane_of, demand.movement_veh_per_s, network.n_lanes)
    persons = np.bincount(lane_of, demand.movement_persons_per_s, network.n_lanes)
    share = np.divide(demand.movement_veh_per_s, veh[lane_of], np.zeros(len(lane_of)), where=veh[lane_of] > 0)
    foes = _foes(network, lane_of, share)
    yields = np.zeros(network.n_lanes, np.bool_)
    for m, rows in enumerate(foes):
        yields[lane_of[m]] |= bool(rows) and share[m] > 0
    feeds: list[list[tuple[int, float, int]]] = [[] for _ in range(network.n_lanes)]
    fed: list[set[int]] = [set() for _ in range(network.n_junctions)]
    inside = np.zeros(network.n_lanes)
    for (lane, to), (flow, travel_s) in sorted(demand.feeds.items()):
        if flow > 0 and veh[lane] > 0 and veh[to] > 0:
            feeds[to].append((lane, flow / veh[lane], round(travel_s)))
            inside[to] += flow
            here, there = int(network.lane_junction[lane]), int(network.lane_junction[to])
            if here != there:
                fed[here].add(there)
    flat = [row for rows in feeds for row in rows]
    foe_rows = [row for rows in foes for row in rows]
    return DesignStreet(
        **static,
        fed_start=_starts([len(row) for row in fed]),
        fed_junction=np.array([j for row in fed for j in sorted(row)], np.int64),
        walkers_per_s=demand.walkers_per_s.astype(np.float64),
        veh_per_s=veh,
        outside_veh_per_s=np.maximum(0.0, veh - inside),
        persons=np.divide(persons, veh, np.full(len(veh), NOTHING_PERSONS), where=veh > 0),
        yields=yields,
        move_share=share,
        foe_start=_starts([len(rows) for rows in foes]),
        foe_lane=np.array([row[0] for row in foe_rows], np.int64),
        foe_group=np.array([row[1] for row in foe_rows], np.int64),
        foe_share=np.array([row[2] for row in foe_rows], np.float64),
        feed_start=_starts([len(rows) for rows in feeds]),
        feed_lane=np.array([row[0] for row in flat], np.int64),
        feed_share=np.array([row[1] for row in flat], np.float64),
        feed_s=np.array([row[2] for row in flat], np.int64),
        period_h=np.array([demand.hours], np.float64),
    )


def _foes(network: Network, lane_of: Ints, share: np.ndarray) -> list[list[tuple[int, int, float]]]:
    """By movement: lanes (or -1 for walkers), group and share of those it gives way to."""
    foes: list[list[tuple[int, int, float]]] = []
    of_group: dict[int, dict[int, float]] = {}
    for m, g in enumerate(network.movement_group.tolist()):
        lanes = of_group.setdefault(g, {})
        lanes[int(lane_of[m])] = lanes.get(int(lane_of[m]), 0.0) + float(share[m])
    gives = [{(a.group, a.to) for a in junction.yields} for junction in network.street.junctions]
    names = [group.name for junction in network.street.junctions for group in junction.groups]
    for g in network.movement_group.tolist():
        j = int(network.group_junction[g])
        rows: list[tuple[int, int, float]] = []
        for other in range(int(network.group_start[j]), int(network.group_start[j + 1])):
            if (names[g], names[other]) not in gives[j]:
                continue
            if network.group_kind[other] == GroupKind.PEDESTRIAN:
                rows.append((-1, other, 1.0))
            rows += [
                (lane, other, part) for lane, part in sorted(of_group.get(other, {}).items()) if part > 0
            ]
        foes.append(rows)
    return foes


def _starts(counts: list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
