"""From orders by name to the controller's arrays, and back: what the lamps prove, what was taken back.

Lives beside the controller, holds no clock. The desk's times are monotonic; the street may
have a time of its own, so that only what is left of a lease is carried over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from controller.network import Network
from controller.orders import Done, Orders
from controller.state import State
from controller.vocabulary import GroupKind, Lamp
from override.orders import ONCE_POINT, STAGE_POINT, Order
from override.roles import Command
from override.ruling import Act

WHY = {
    Done.PROMISE: "a promised wait would have been broken",
    Done.IMPOSSIBLE: "no stage is left without this group",
    Done.GONE: "the stage or plan it names is not there any more",
}
BASELINE_PLAN = 0
"""A locked junction plays its first plan and nothing else."""


@dataclass(slots=True)
class Findings:
    """What the street says of orders since the last look: (order id, junction)."""

    proven: list[tuple[str, str]] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)
    vetoed: list[tuple[str, str, str]] = field(default_factory=list)
    """(order id, junction, why)."""
    served: list[tuple[str, str]] = field(default_factory=list)
    """A force-off that has happened, or a configuration taken."""


class Acting:
    """Carries out acts on one network's `Orders` and watches what comes of them.

    `speed` street milliseconds pass in one of the desk's.
    """

    def __init__(self, network: Network, orders: Orders, speed: float = 1.0) -> None:
        self._speed = speed
        self.once: list[Act] = []
        """Acts that are done once, by others: configuration, reset of a trip."""
        self._acting: dict[tuple[str, str], Order] = {}
        self._unproven: set[tuple[str, str]] = set()
        self._red_at: dict[str, set[str]] = {}
        self.of_version(network, orders)
        self._drives: NDArray[np.bool_] = network.group_kind != GroupKind.PEDESTRIAN
        self._detectors = {
            (network.street.junctions[int(network.detector_junction[d])].name, detector.name): d
            for d, detector in enumerate(network.detectors)
        }
        self._junctions = {jn.name: j for j, jn in enumerate(network.street.junctions)}

    def of_version(self, network: Network, orders: Orders) -> None:
        """From now on act on the orders of this version of the street."""
        self.network, self.orders = network, orders
        self._stages = [s.name for jn in network.street.junctions for s in jn.stages]

    def take(self, acts: tuple[Act, ...], desk_ms: int, street_ms: int) -> None:
        """Carry these acts out from now on. `desk_ms` and `street_ms` are the same moment."""
        for act in acts:
            if act.point == ONCE_POINT:
                self.once.append(act)
                continue
            j = self._junctions[act.junction]
            left_ms = round(self._speed * max(0, act.until_ms - desk_ms))
            until_ms = street_ms + left_ms if act.order else 0
            self._acting.pop((act.junction, act.point), None)
            self._unproven.discard((act.junction, act.point))
            if act.order is not None:
                self._acting[act.junction, act.point] = act.order
                self._unproven.add((act.junction, act.point))
            if act.point == STAGE_POINT:
                self._order_stage(j, act.order, until_ms)
            else:
                self._order_beside(act, until_ms)

    def reset(self) -> None:
        """End everything that acts: whoever ordered it is not known any more."""
        for junction, point in list(self._acting):
            self.take((Act(junction, point, None),), 0, 0)

    def who_moves(self, j: int) -> str:
        """Whose order says which stage a junction shows, in words; empty when nobody's does."""
        order = self._acting.get((self._name(j), STAGE_POINT))
        return f"{order.command} by {order.issuer}" if order else ""

    def look(self, state: State, shown: NDArray[np.int8]) -> Findings:
        """What has come of the orders, by the lamps (groups,) that are really shown."""
        found = Findings()
        for (junction, point), order in list(self._acting.items()):
            j = self._junctions[junction]
            if point == STAGE_POINT and self.orders.book.done[j]:
                self._taken_back(j, junction, order, found)
                continue
            if (junction, point) in self._unproven:
                if self._is_proven(j, order, state, shown):
                    self._unproven.discard((junction, point))
                    found.proven.append((order.id, junction))
            elif order.command is Command.ALL_RED:
                self._clears(j, junction, order, shown, found)
        return found

    def _order_stage(self, j: int, order: Order | None, until_ms: int) -> None:
        orders, network = self.orders, self.network
        if order is None:
            orders.release(j)
            return
        leg = order.leg(network.street.junctions[j].name)
        named = leg.stage if leg else order.stage
        stage = self._stage(j, named)
        if (named and stage < 0) or (order.plan and (j, order.plan) not in orders.plan_names):
            orders.release(j)
            orders.book.done[j] = Done.GONE
            return
        match order.command:
            case Command.HOLD | Command.CORRIDOR:
                orders.hold(j, stage, until_ms, leg is not None or order.suspends_promise)
            case Command.MANUAL_STEP:
                orders.step(j, until_ms)
            case Command.FORCE_OFF:
                orders.force_off(j, stage, until_ms)
            case Command.OMIT:
                orders.omit(j, network.group_index(network.street.junctions[j].name, order.group), until_ms)
            case Command.PLAN | Command.EVENT_PLAN:
                orders.play(j, order.plan, until_ms)
            case Command.LOCKOUT:
                orders.play(j, network.street.junctions[j].plans[BASELINE_PLAN].name, until_ms)
            case Command.SPLIT_BIAS:
                orders.bias(j, stage, order.bias_ms, until_ms)
            case Command.ALL_RED:
                orders.all_red(j, until_ms)
            case Command.FLASH:
                orders.flash(j, until_ms)
            case _:
                raise AssertionError(f"{order.command} is not about a stage")

    def _order_beside(self, act: Act, until_ms: int) -> None:
        kind, _, name = act.point.partition(":")
        if kind == "call":
            self.orders.call(self.network.group_index(act.junction, name), until_ms)
            return
        if kind == "walk":
            longer_ms = act.order.bias_ms if act.order else 0
            self.orders.lengthen(self.network.group_index(act.junction, name), longer_ms, until_ms)
            return
        detector = self._detectors[act.junction, name]
        disabled = act.order is not None and act.order.command is Command.DETECTOR_DISABLE
        self.orders.ignore(detector, until_ms if disabled else 0)
        self.orders.recall(detector, 0 if disabled else until_ms)

    def _stage(self, j: int, name: str) -> int:
        """-1 = there is none of this name."""
        first, end = int(self.network.stage_start[j]), int(self.network.stage_start[j + 1])
        return next((s for s in range(first, end) if self._stages[s] == name), -1)

    def _taken_back(self, j: int, junction: str, order: Order, found: Findings) -> None:
        done = self.orders.taken_back(j)
        del self._acting[junction, STAGE_POINT]
        self._unproven.discard((junction, STAGE_POINT))
        if done is Done.SERVED:
            found.served.append((order.id, junction))
        else:
            found.vetoed.append((order.id, junction, WHY[done]))

    def _groups(self, j: int) -> slice:
        return slice(int(self.network.group_start[j]), int(self.network.group_start[j + 1]))

    def _is_proven(self, j: int, order: Order, state: State, shown: NDArray[np.int8]) -> bool:
        here = self._groups(j)
        lamps, drives = shown[here], self._drives[here]
        match order.command:
            case Command.ALL_RED:
                return bool((lamps[drives] == Lamp.RED).all())
            case Command.FLASH:
                return bool((lamps[drives] == Lamp.FLASH_RED).all())
            case Command.CALL:
                return int(shown[self.network.group_index(self._name(j), order.group)]) == Lamp.GREEN
            case Command.OMIT:
                return int(shown[self.network.group_index(self._name(j), order.group)]) == Lamp.RED
            case Command.LONGER_WALK:
                return bool(self.orders.book.walk_given[self.network.group_index(self._name(j), order.group)])
            case Command.DETECTOR_DISABLE | Command.DETECTOR_RECALL:
                return True  # no lamp can prove it; the arrays hold it
            case Command.HOLD | Command.CORRIDOR | Command.MANUAL_STEP:
                return self._shows(j, int(self.orders.book.stage[j]), lamps, drives)
            case Command.SPLIT_BIAS:
                return self._shows(j, self._stage(j, order.stage), lamps, drives)
            case Command.FORCE_OFF:
                return not self._shows(j, self._stage(j, order.stage), lamps, drives)
            case _:
                return self._shows(j, int(state.wanted_stage[j]), lamps, drives)

    def _shows(self, j: int, stage: int, lamps: NDArray[np.int8], drives: NDArray[np.bool_]) -> bool:
        """Whether the drivers' groups of a stage are green, and no others."""
        if stage < 0:
            return False
        bits = int(self.network.stage_bits[stage])
        wanted = np.array([bits >> k & 1 for k in range(len(lamps))], np.bool_)
        if not (wanted & drives).any():
            return bool((lamps[wanted] == Lamp.GREEN).any())
        return bool((((lamps == Lamp.GREEN) == wanted) | ~drives).all())

    def _clears(self, j: int, junction: str, order: Order, shown: NDArray[np.int8], found: Findings) -> None:
        """An all-red is complete when the last crossing is clear at each of its junctions."""
        red = self._red_at.setdefault(order.id, set())
        if junction in red or not (shown[self._groups(j)] == Lamp.RED).all():
            return
        red.add(junction)
        if red >= set(order.junctions) - order.lost:
            del self._red_at[order.id]
            found.completed.append(order.id)
            red.clear()

    def _name(self, j: int) -> str:
        return self.network.street.junctions[j].name
