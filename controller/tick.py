"""One tick: sensor reading in, lawful lamps out. The whole of Belisha in one function.

`Controller.decide` reads top-down as the data flow: estimate → plan → orders → sequence; then `tick` has it
judged.
"""

from __future__ import annotations

from copy import copy
from dataclasses import fields
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from controller.bus_priority import BusPriority
from controller.degradation import Degradation
from controller.estimate import Estimator
from controller.frame import Frame
from controller.frame_door import FrameDoor
from controller.ladder import Rung
from controller.lateness import Lateness
from controller.monitor import Card, SafetyMonitor, Verdict
from controller.network import Network
from controller.orders import Orders
from controller.permissive import card_of
from controller.planner import Planner
from controller.policy import Policy
from controller.preemption import Preemption
from controller.sequencer import Sequencer
from controller.state import State, new_state
from controller.vocabulary import CONTROLLERS

if TYPE_CHECKING:
    from controller.overlay import Overlay
    from controller.plan_hours import PlanHours
    from controller.stage_table import StageTable


class Judge(Protocol):
    """Who judges every frame last: the safety monitor itself, or the way to one in another process."""

    @property
    def permitted(self) -> NDArray[np.int8]:
        """(groups) the lamps that may be shown now."""

    def judge(
        self, now_ms: int, sequence: int, lamps: NDArray[np.int8], feedback: NDArray[np.int8],
        calls: NDArray[np.bool_], min_green_waived: NDArray[np.bool_],
        promise_suspended: NDArray[np.bool_], lease_until_ms: NDArray[np.int64] | None = None,
    ) -> Verdict:  # fmt: skip
        """As `SafetyMonitor.judge`."""

    def reset(self, junction: int, by: str, reason: str) -> object:
        """As `SafetyMonitor.reset`."""

    @property
    def card(self) -> Card:
        """What it judges by, as far as is known here."""

    def take_card(self, junction: int, card: Card, version: int = 0, at_once: bool = False) -> None:
        """As `SafetyMonitor.take_card`; elsewhere it takes a while until `card` is it."""

    def keep_card(self) -> None:
        """As `SafetyMonitor.keep_card`."""


class Controller:
    """A network's state, its planner, the sequencer and the safety monitor.

    `monitor` stands in for a safety monitor of its own. Raises ValueError for a controller name
    that is not in `vocabulary.CONTROLLERS`.
    """

    UNCHANGING = frozenset({"_now_ms"})
    """Scratch."""

    def __init__(
        self,
        network: Network,
        controller: str,
        policy: Policy,
        now_ms: int,
        monitor: Judge | None = None,
    ) -> None:
        self.network = network
        self.name = controller
        self.policy = policy
        self.state: State = new_state(network, now_ms)
        self.estimator = Estimator(network, policy)
        self.planner = make_planner(controller, network, policy)
        self.sequencer = Sequencer(network)
        self.monitor: Judge = monitor or SafetyMonitor(card_of(network.street, network.lamp_resolution_ms))
        # The others are yardsticks: they run as they are, on what they are told.
        self.degradation = (
            Degradation(network, self.state, self.estimator, now_ms) if controller == "adaptive" else None
        )
        self.priority = BusPriority(network, policy, self.state) if controller == "adaptive" else None
        self.lateness = Lateness(network, policy) if controller == "adaptive" else None
        self.preemption = Preemption(network, self.state)
        self.verdict: Verdict | None = None
        self.overlay: Overlay | None = None
        self.door = FrameDoor()
        self._sequence = 0
        self._heard = -1
        self._flashing = False
        self._called = np.zeros(network.n_groups, np.bool_)
        self._now_ms = np.array(now_ms, np.int64)
        self._waived = np.zeros(network.n_junctions, np.bool_)
        self._suspended = np.zeros(network.n_junctions, np.bool_)
        self._word = np.zeros(network.n_junctions, np.bool_)
        self._lease_ms = np.zeros(network.n_junctions, np.int64)
        self._begun = np.zeros(network.n_junctions, np.bool_)
        self._flash = np.zeros(network.n_junctions, np.bool_)

    def tick(self, frame: Frame, now_ms: int, orders: Orders | None = None) -> NDArray[np.int8]:
        """Lamps (groups,) to show from `now_ms` on. Call every 100 ms with the latest reading.

        `orders` are people's; they are laid over what the planner wants, and end by themselves.
        """
        laid = self.decide(frame, now_ms, orders)
        state = self.state
        suspended, leases = self.word_to_the_monitor(orders if laid else None)
        self._sequence += 1
        self.verdict = self.monitor.judge(
            now_ms, self._sequence, state.lamp, frame.lamps_shown, self._called, self._waived,
            suspended, leases,
        )  # fmt: skip
        self.heed(self.verdict, now_ms)
        return self.monitor.permitted

    def decide(self, frame: Frame, now_ms: int, orders: Orders | None = None) -> bool:
        """The tick up to its lamps, which nobody has judged yet; gives whether orders were laid over."""
        state, degradation = self.state, self.degradation
        if self._is_quiet(frame, now_ms, orders):
            self.planner.propose(state, now_ms)
            self._call_over(now_ms)
            return False
        overlay = self._overlay_for(orders, now_ms)
        let_in = self.door.through(frame, now_ms)
        ignored = None if overlay is None else overlay.ignored(now_ms)
        seen = let_in if degradation is None else degradation.see(let_in, now_ms, ignored)
        self._lift(overlay)
        if overlay is not None and ignored is not None and seen is let_in:
            seen = overlay.without(let_in, ignored)
        self._estimate(seen, now_ms)
        if degradation is not None:
            degradation.fill_in(let_in, now_ms)
        self.planner.propose(state, now_ms)
        if degradation is not None:
            degradation.propose(now_ms)
        self._lay(overlay, orders, now_ms)
        self.sequencer.advance(state, now_ms)
        self._call_over(now_ms)
        return overlay is not None

    def _is_quiet(self, frame: Frame, now_ms: int, orders: Orders | None) -> bool:
        """Between two lamp times, with nothing read, ordered or laid over: only the planner is asked.

        All that is left out would change nothing; to find that out takes as long as the judgement.
        """
        return (
            now_ms % self.network.lamp_resolution_ms != 0
            and frame.sequence == self._heard
            and orders is None
            and self.overlay is None
            and self.degradation is None
            and not self.preemption.active
        )

    def _call_over(self, now_ms: int) -> None:
        """Who has called by now, for the monitor."""
        self._now_ms[()] = now_ms
        np.less_equal(self.state.call_since_ms, self._now_ms, self._called)

    def heed(self, verdict: Verdict, now_ms: int) -> None:
        """What follows from the judgement of this tick's lamps."""
        # In every tick: of so few flags bytes are looked through sooner than an array is asked.
        if self._flashing or b"\1" in verdict.flash.tobytes():
            self.sequencer.follow_flash(self.state, verdict.flash, now_ms)
            self._flashing = bool(verdict.flash.any())
        if self.degradation is not None:
            np.logical_not(verdict.flash, self._flash)
            np.logical_or(self._begun, self._flash, self._begun)
            np.logical_and(self._begun, verdict.flash, self._flash)
            self.degradation.hear(verdict, self._flash)

    def carry_on(self, other: Controller, same_detector: NDArray[np.bool_], stages: StageTable) -> None:
        """Know what `other`, of a street with the same parts, has learned; call it before the first tick.

        same_detector (D): whose settings did not change; of the others nothing is known any more.
        """
        wanted = self.state.wanted_stage.copy()
        for item in fields(State):
            if item.name not in ("unseen_lane", "unseen_group", "quiet_group"):
                np.copyto(getattr(self.state, item.name), getattr(other.state, item.name))
        self.door = copy(other.door)
        self.estimator.carry_on(other.estimator)
        if self.priority is not None and other.priority is not None:
            self.priority.carry_on(other.priority)
        self.preemption.carry_on(other.preemption)
        stages.renumber(self, wanted)
        if self.degradation is not None and other.degradation is not None:
            self.degradation.carry_on(other.degradation, same_detector)
        if self.lateness is not None and other.lateness is not None:
            self.lateness.carry_on(other.lateness)
        self._heard = other._heard
        np.copyto(self._begun, other._begun)
        self._flashing, self._sequence = other._flashing, other._sequence

    def become(self, other: Controller) -> None:
        """From now on be `other`, of a street with the same parts, so that who knows this one knows it."""
        for name in ("network", "policy", "state", "estimator", "planner", "sequencer", "degradation"):
            setattr(self, name, getattr(other, name))
        for name in ("priority", "lateness", "preemption", "_heard"):
            setattr(self, name, getattr(other, name))
        for name in ("overlay", "door", "_called", "_waived", "_suspended", "_begun", "_flash", "_flashing"):
            setattr(self, name, getattr(other, name))

    def _plan_hours(self) -> PlanHours | None:
        """Of the planner that plays fixed plans by the clock, on whatever rung; None where there is none."""
        from controller.fixed_time import FixedTime

        if self.degradation is not None:
            return self.degradation.lower.coordinated.hours
        return self.planner.hours if isinstance(self.planner, FixedTime) else None

    def plans_changed(self) -> list[int]:
        """Junctions that turned to the plan of another hour since last asked."""
        hours = self._plan_hours()
        return [] if hours is None else hours.take_turned()

    def plan_alarms(self) -> list[tuple[int, str]]:
        """What there is to say about plans by the hour since last asked: (junction, -1 = all; sentence)."""
        hours = self._plan_hours()
        told = [] if hours is None else hours.take_told()
        if self.degradation is None:
            return told
        rung = self.degradation.ladder.rungs.rung
        return [(j, sentence) for j, sentence in told if j < 0 or rung[j] == Rung.COORDINATED]

    def _estimate(self, seen: Frame, now_ms: int) -> None:
        """Queues, arrivals and calls; who comes that must go first, and which bus is late."""
        state, lateness = self.state, self.lateness
        fresh = seen.sequence != self._heard
        self._heard = seen.sequence
        if lateness is not None and fresh:
            lateness.lift(state)
        self.estimator.update(state, seen, now_ms)
        if lateness is not None and fresh:
            lateness.lay(state, seen)
        self.preemption.hear(seen, now_ms)
        if self.priority is not None:
            self.priority.hear(seen, now_ms)

    def _lift(self, overlay: Overlay | None) -> None:
        """Put the planner's own wishes back, the last laid first."""
        self.preemption.lift()
        if overlay is not None:
            overlay.lift()
        if self.priority is not None:
            self.priority.lift()

    def _lay(self, overlay: Overlay | None, orders: Orders | None, now_ms: int) -> None:
        """Over the planner's wishes a late bus, over it people's orders, over all who cannot wait (5.2)."""
        if self.priority is not None:
            ordered = None if overlay is None or orders is None else orders.book.kind
            self.priority.lay(now_ms, ordered, self.preemption.phase)
        if overlay is not None:
            overlay.lay(now_ms)
        self.preemption.lay(now_ms)

    def word_to_the_monitor(self, laid: Orders | None) -> tuple[NDArray[np.bool_], NDArray[np.int64] | None]:
        """(J) where promises are suspended, and until when the leases of that; `laid`: orders that act."""
        ordered = None if laid is None else laid.book.until_ms
        preemption = self.preemption
        if not preemption.active:
            return self._suspended, ordered
        np.logical_or(self._suspended, preemption.suspended, out=self._word)
        np.multiply(preemption.until_ms, preemption.suspended, out=self._lease_ms)
        if ordered is not None:
            np.maximum(self._lease_ms, ordered, out=self._lease_ms)
        return self._word, self._lease_ms

    @property
    def promises_suspended(self) -> NDArray[np.bool_]:
        """(J) where promises do not run: preemption, all red and lockout by order, flash (design 10.1)."""
        told = self._suspended | self.preemption.suspended
        return told if self.verdict is None else told | self.verdict.flash

    def _overlay_for(self, orders: Orders | None, now_ms: int) -> Overlay | None:
        """The overlay where there is an order, or one just ended; made when the first one comes."""
        if self.overlay is None:
            if orders is None:
                return None
            from controller.overlay import Overlay

            self.overlay = Overlay(self.network, self.state, self._waived, self._suspended)
        return self.overlay if self.overlay.needed(orders, now_ms) else None


def make_planner(name: str, network: Network, policy: Policy) -> Planner:
    """The planner of that name. Raises ValueError naming the known ones."""
    if name == "adaptive":
        from controller.plan import Adaptive

        return Adaptive(network, policy)
    if name == "fixed":
        from controller.fixed_time import FixedTime

        return FixedTime(network)
    if name == "actuated":
        from controller.actuated import Actuated

        return Actuated(network)
    if name == "max-pressure":
        from controller.max_pressure import MaxPressure

        return MaxPressure(network)
    if name == "greedy":
        from controller.greedy import Greedy

        return Greedy(network)
    raise ValueError(f"no controller {name!r}; known are {', '.join(CONTROLLERS)}")
