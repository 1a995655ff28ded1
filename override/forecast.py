"""Forecasting: what people wait at a few junctions over the coming minutes, with an order and without.

The state the engine handed over is played forward twice by the controller's own kernels, each time
under the orders that would act by the desk's own rules. Both runs begin alike, so that what differs
comes from the order; what both leave out (new events, lane changes, drivers' whims) differs in neither.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from controller.forecast import SECOND_MS, Outlook, Part
from controller.junction import StreetNetwork
from controller.ladder import Rung
from controller.local_clock import plan_of_the_hour
from controller.network import Network
from controller.orders import Done, Kind
from controller.policy import Policy
from controller.present import CARS, WALKERS
from controller.stage_table import StageTable
from controller.state import NEVER_MS
from override.acting import Acting
from override.desk import Desk
from override.handover import Handover
from override.orders import Order
from override.places import Places
from override.ruling import Act
from override.what_if import HORIZON_MS, RECOVERY_MS, STEP_S, Outcome, Question, Run

REPLAN_S = 90e-6
"""One junction planned anew, on an ordinary core (`bench/bench_preview.py`)."""
REPLANS_S = 0.12
"""So much of a forecast goes into planning; junctions are planned more seldom where it would be more."""
PERIOD_MAX_S = 8
PARTS_KEPT = 32


class Forecaster:
    """Answers questions about one street. Keeps what never changes of the parts asked about lately."""

    def __init__(
        self,
        network: Network,
        policy: Policy,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        built: Callable[[int], tuple[StreetNetwork, Policy]] | None = None,
    ) -> None:
        self.network = network
        self.policy = policy
        self.places = Places(network.street)
        self._clock_ns = clock_ns
        self._built = built
        self._parts: OrderedDict[tuple[int, ...], Part] = OrderedDict()

    def answer(self, question: Question, now: Handover) -> Outcome:
        """Play both runs, at the same time on two cores where there are two."""
        begin_ns = self._clock_ns()
        part = self._part(question.junctions)
        other_part = self._of_version(question, part)
        runs: list[Run | None] = [None, None]
        plays = [
            _Play(played, self.places, orders, _without_strange_stages(now, part, played), question)
            for played, orders in ((part, question.without), (other_part, question.with_order))
        ]

        def play(k: int) -> None:
            runs[k] = plays[k].run()

        other = threading.Thread(target=play, args=(1,))
        other.start()
        play(0)
        other.join()
        without, with_order = runs
        assert without is not None
        assert with_order is not None
        with_order = _counted_as(part.policy, other_part.policy, with_order)
        took_us = (self._clock_ns() - begin_ns) // 1000
        return Outcome(
            question.number, question.junctions, plays[0].horizon_ms, without, with_order, int(took_us)
        )

    def _of_version(self, question: Question, part: Part) -> Part:
        """The junctions asked about in the version asked about. Raises ValueError, KeyError."""
        if not question.version or self._built is None:
            return part
        street, policy = self._built(question.version)
        return Part(street, part.junctions, policy)

    def _part(self, junctions: tuple[int, ...]) -> Part:
        part = self._parts.pop(junctions, None)
        if part is None:
            part = Part(self.network.street, np.array(junctions, np.int64), self.policy)
        self._parts[junctions] = part
        while len(self._parts) > PARTS_KEPT:
            self._parts.popitem(last=False)
        return part


def _without_strange_stages(now: Handover, part: Part, played: Part) -> Handover:
    """What was handed over; another version begins, where its stages are others, from the lamps alone."""
    if played is part or now.present is None:
        return now
    apart = StageTable(part.network, played.network).apart
    arrays = dict(now.present.arrays)
    nothing = {"target_stage": -1, "wanted_stage": -1, "target_bits": 0, "in_transition": 0}
    for name, none in nothing.items():
        arrays[name] = np.where(apart, none, arrays[name]).astype(arrays[name].dtype)
    return replace(now, present=replace(now.present, arrays=arrays))


def _counted_as(policy: Policy, played_by: Policy, run: Run) -> Run:
    """The run with persons counted as by `policy`: another policy shall not change how many wait, but who."""
    if policy == played_by:
        return run
    scale = np.ones(run.waited_s.shape[-1])
    scale[CARS] = policy.persons_per_car / played_by.persons_per_car
    scale[WALKERS] = policy.persons_per_walker / played_by.persons_per_walker
    return replace(run, waited_s=np.rint(run.waited_s * scale).astype(np.int64))


def horizon_ms(question: Question, now: Handover) -> int:
    """How far to look, in street time: the lease and the recovery after it."""
    return min(HORIZON_MS, round(now.speed * max(0, question.lease_ms)) + RECOVERY_MS)


class _Play:
    """One run: the desk's orders, acted out second by second."""

    def __init__(
        self, part: Part, places: Places, orders: tuple[Order, ...], now: Handover, question: Question
    ) -> None:
        assert now.present is not None
        self.part, self.now, self.horizon_ms = part, now, horizon_ms(question, now)
        self.outlook: Outlook = part.begin(now.present, now.bus_persons)
        self.acting = Acting(part.network, self.outlook.orders, now.speed)
        self.names = {junction.name for junction in part.network.street.junctions}
        self.desk = Desk(places)
        self.desk.take(orders)
        self.orders = orders
        self.ended_s: dict[int, int] = {}
        street = part.network.street
        hour = plan_of_the_hour(street.timetable, street.clock.at(SECOND_MS * self.outlook.now_s))
        self.fixed = [
            (j, hour if hour in {plan.name for plan in junction.plans} else junction.plans[0].name)
            for j, junction in enumerate(street.junctions)
            if junction.plans and now.rungs[j] >= Rung.COORDINATED
        ]

    def run(self) -> Run:
        outlook = self.outlook
        begin_s = outlook.now_s
        seconds = -(-self.horizon_ms // SECOND_MS)
        size = self.part.network.n_junctions * seconds * REPLAN_S
        period_s = min(PERIOD_MAX_S, max(1, -(-int(1000 * size) // int(1000 * REPLANS_S))))
        edges = self._edges_s(begin_s, seconds)
        sums = []
        for at_s in sorted({*edges, *range(0, seconds, STEP_S)}):
            outlook.run(begin_s + at_s, period_s)
            if at_s % STEP_S == 0 and at_s:
                sums.append(outlook.waited_s.copy())
            if at_s in edges or at_s == 0:
                self._act(begin_s + at_s)
            self._taken_back(at_s)
            self._base_plans()
        outlook.run(begin_s + seconds, period_s)
        self._taken_back(seconds)
        sums.append(outlook.waited_s.copy())
        waited = np.rint(np.array(sums)).astype(np.int64)
        return Run(waited, outlook.longest_ms.copy(), outlook.least_slack_ms.copy(), self.ended_s)

    def _edges_s(self, begin_s: int, seconds: int) -> set[int]:
        """Seconds from the beginning at which an order begins or ends somewhere here."""
        edges = {0}
        for order in self.orders:
            for name in self.names & order.held:
                for desk_ms in order.span_ms(name):
                    street_ms = self.now.street_ms + self.now.speed * (desk_ms - self.now.clock_ms)
                    edges.add(-(-round(street_ms) // SECOND_MS) - begin_s)
        return {edge for edge in edges if 0 <= edge < seconds}

    def _act(self, street_s: int) -> None:
        street_ms = SECOND_MS * street_s
        desk_ms = self.now.clock_ms + math.ceil((street_ms - self.now.street_ms) / self.now.speed)
        self.desk.take(self.desk.due(desk_ms))
        acts: tuple[Act, ...] = self.desk.acts(desk_ms)
        self.acting.take(tuple(a for a in acts if a.junction in self.names), desk_ms, street_ms)

    def _taken_back(self, at_s: int) -> None:
        for j in np.flatnonzero(self.outlook.orders.book.done):
            if self.outlook.orders.taken_back(int(j)) is not Done.SERVED:
                self.ended_s.setdefault(int(self.part.junctions[j]), at_s)

    def _base_plans(self) -> None:
        """Where a fixed plan is played anyway, it goes on when no order acts."""
        for j, name in self.fixed:
            if self.outlook.orders.book.kind[j] == Kind.NONE:
                self.outlook.orders.play(j, name, NEVER_MS)
