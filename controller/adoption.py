"""A new version of policy, plans or detectors taken up while the street runs, junction by junction.

The new controller looks on for a while with what the old one has learned; then one junction after the
other follows it, each at a moment when its stage is complete and no order acts there: first one alone,
the others when its lamps have proved it. Both go on deciding about the whole street until the end, on the
lamps that are really shown, so that either can go on from them lawfully at any moment: what times lamps
must keep is the same for both, else they would not be here. The safety monitor judges as ever.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame
from controller.monitor import Verdict
from controller.network import Ints
from controller.orders import Book, Done, Kind, Orders
from controller.preemption import Phase as Preempt
from controller.stage_table import StageTable
from controller.state import NEVER_MS
from controller.tick import Controller

LOOKS_ON_MS = 10_000
"""The new controller plans for nobody so long: every junction has been planned ten times by then."""
CALM_MS = 60_000
"""Who has shown what he was told for so long has proved it, though nobody asked for another stage."""
UNLIKE_MS = 2_000
"""Heads that differ for longer from what they were told do not just follow late."""
LIMIT_MS = 1_800_000
"""A version that is not taken up everywhere within this street time is taken back."""
BY_JUNCTION = ("target_bits", "in_transition", "stage_since_ms", "all_red_until_ms")
"""What both know of a junction with the same stages in both, beside the stage itself."""
NAMES_STAGE = (Kind.HOLD, Kind.FORCE_OFF, Kind.BIAS)
WRITTEN_BY_GROUP = {"called_ms", "walk_given"}
"""Of the orders' book, what the overlay writes."""
BY_GROUP = ("lamp", "lamp_since_ms", "green_ended_ms", "call_since_ms")


class Phase(StrEnum):
    """How far it is."""

    LOOKS_ON = "looks on"
    SPREADS = "spreads"
    DONE = "done"
    """Every junction follows it and has proved it; nothing is final before `finish`."""
    GOES_BACK = "goes back"
    BACK = "back"
    """Nobody follows it any more."""


class Adoption:
    """Ticks two controllers of the same street in the place of `old`. Holds no clock and no randomness.

    `new` must be made for a street with the same parts and the same lamp times, and not have ticked;
    `places` are the junctions that differ, all of them where a policy does.
    """

    takes_other_stages = False
    """Whether junctions may have other stages; without a flash of their own they may not."""

    def __init__(self, old: Controller, new: Controller, places: Ints, now_ms: int) -> None:
        a, b = old.network, new.network
        self.stages = StageTable(a, b)
        if self.stages.apart.any() and not self.takes_other_stages:
            raise ValueError("other stages: such a junction begins anew through flash")
        self.old, self.new = old, new
        same = [mine == theirs for mine, theirs in zip(a.detectors, b.detectors, strict=True)]
        new.carry_on(old, np.array(same, np.bool_), self.stages)
        self.phase = Phase.LOOKS_ON
        self.why = ""
        """Why it goes, or went, back."""
        self.adopted: NDArray[np.bool_] = np.zeros(a.n_junctions, np.bool_)
        self.proven: NDArray[np.bool_] = np.zeros(a.n_junctions, np.bool_)
        self.renewing: NDArray[np.bool_] = np.zeros(a.n_junctions, np.bool_)
        """Junctions whose flash is part of their change."""
        self.limit_ms = LIMIT_MS
        self.places = places
        self._began_ms = now_ms
        self._since_ms: Ints = np.zeros(a.n_junctions, np.int64)
        self._stage: Ints = np.zeros(a.n_junctions, np.int64)
        self._unlike_ms: Ints = np.full(a.n_junctions, -1, np.int64)
        self._orders = Orders(b)
        self._plans = _plan_numbers(old, new)
        self._told: NDArray[np.int8] = old.state.lamp.copy()
        self._turn = 0
        self._set_apart()

    # --- one tick --------------------------------------------------------------------------

    def tick(self, frame: Frame, now_ms: int, orders: Orders | None = None) -> NDArray[np.int8]:
        """Lamps (groups,) to show from `now_ms` on, as `Controller.tick` gives them."""
        old, new = self.old, self.new
        before = None if orders is None else Book(*(array.copy() for array in orders.book))
        laid = old.decide(frame, now_ms, orders)
        try:
            laid |= new.decide(frame, now_ms, None if orders is None else self._same_orders(orders, before))
        except Exception as error:  # whatever a new version breaks in, the street goes on under the old one
            self._break(f"the new version failed: {type(error).__name__}: {error}")
        else:
            if orders is not None:
                self._take_back(orders)
            self._join()
        old._sequence += 1
        acting = orders if laid else None
        words = old.word_to_the_monitor(acting), new.word_to_the_monitor(acting)
        lamps, suspended = old.state.lamp, np.where(self.adopted, words[1][0], words[0][0])
        told = [leases for _, leases in words if leases is not None]
        leases = np.maximum(told[0], told[-1]) if told else None
        np.less(old.state.call_since_ms, now_ms + 1, out=old._called)
        verdict = old.verdict = new.verdict = old.monitor.judge(
            now_ms, old._sequence, lamps, frame.lamps_shown, old._called,
            np.where(self.adopted, new._waived, old._waived), suspended, leases,
        )  # fmt: skip
        self._watch(frame, verdict, now_ms)
        old.heed(verdict, now_ms)
        new.heed(verdict, now_ms)
        if self.stages.apart.any():
            self._join()  # who does not lead has heeded a flash, or its end, that is not his
        self._go_on(verdict, orders, now_ms)
        self._told[:] = old.monitor.permitted
        return old.monitor.permitted

    def go_back(self, why: str) -> None:
        """Give every junction back to the old version, each at a lawful boundary."""
        if self.phase not in (Phase.GOES_BACK, Phase.BACK):
            self.phase = Phase.GOES_BACK if self.adopted.any() else Phase.BACK
            self.why = why

    def finish(self) -> Controller:
        """The old controller, which from now on is the new one. Raises ValueError where it is not `DONE`."""
        if self.phase is not Phase.DONE:
            raise ValueError(f"a version that {self.phase.value} cannot be made final")
        self.old.become(self.new)
        return self.old

    def other_stages(self) -> list[tuple[int, str]]:
        """(junction, name of the stage it is in) where only the new version knows this stage."""
        state, network = self.new.state, self.new.network
        led = self.stages.apart & self.adopted & (state.target_stage >= 0)
        out = []
        for j in np.flatnonzero(led).tolist():
            stages, at = network.street.junctions[j].stages, state.target_stage[j] - network.stage_start[j]
            out.append((j, stages[int(at)].name))
        return out

    def orders_after(self, orders: Orders) -> Orders:
        """What is ordered now, for who ticks with the new version alone."""
        self._same_orders(orders, orders.book)
        self._orders.keeps_deeds = orders.keeps_deeds
        return self._orders

    def waits_for(self, orders: Orders | None) -> str:
        """What a junction that does not follow yet waits for, in words; empty where all do."""
        names = self.old.network.street.junctions
        for j in self.places[~self.adopted[self.places]].tolist():
            if orders is not None and orders.book.kind[j] != Kind.NONE:
                return f"{names[j].name}: an order acts there"
            if self.old.preemption.phase[j] != Preempt.NONE:
                return f"{names[j].name}: somebody who goes first is let through"
            if self.old.verdict is not None and self.old.verdict.flash[j] and not self.renewing[j]:
                return f"{names[j].name}: it flashes"
        left = self.places[self.adopted[self.places] & ~self.proven[self.places]]
        return f"{names[left[0]].name}: its lamps have not proved it yet" if len(left) else ""

    # --- parts -----------------------------------------------------------------------------

    def _same_orders(self, orders: Orders, before: Book | None) -> Orders:
        """The orders as they stood before this tick, under the new version's numbers of plans and stages."""
        assert before is not None
        for mine, theirs in zip(self._orders.book, before, strict=True):
            np.copyto(mine, theirs)
        book = self._orders.book
        playing = np.flatnonzero(book.kind == Kind.PLAN)
        book.plan[playing] = self._plans[book.plan[playing]]
        lost = playing[book.plan[playing] < 0]
        book.kind[lost], book.plan[lost], book.done[lost] = Kind.NONE, 0, Done.GONE
        names_stage = np.isin(book.kind, NAMES_STAGE)
        np.copyto(book.stage, self.stages.to_new(book.stage), where=names_stage)
        gone = names_stage & self.stages.apart
        book.kind[gone], book.done[gone] = Kind.NONE, Done.GONE
        self._orders.lasts_as(orders)
        return self._orders

    def _take_back(self, orders: Orders) -> None:
        """What became of orders at junctions that follow the new version is for it to say."""
        here, groups = self.adopted, self.adopted[self.old.network.group_junction]
        for name in ("kind", "done", "left_ms"):
            np.copyto(getattr(orders.book, name), getattr(self._orders.book, name), where=here)
        for name in WRITTEN_BY_GROUP & set(Book._fields):
            np.copyto(getattr(orders.book, name), getattr(self._orders.book, name), where=groups)

    def _join(self) -> None:
        """Each junction's lamps are those of the version it follows; both know all of them.

        Where stages differ they share the lamps alone.
        """
        mine, theirs, table = self.old.state, self.new.state, self.stages
        same = ~table.apart
        here, groups = self.adopted & same, self.adopted[self.old.network.group_junction]
        for name in BY_GROUP:
            np.copyto(getattr(mine, name), getattr(theirs, name), where=groups)
            np.copyto(getattr(theirs, name), getattr(mine, name))
        for name in BY_JUNCTION:
            np.copyto(getattr(mine, name), getattr(theirs, name), where=here)
            np.copyto(getattr(theirs, name), getattr(mine, name), where=same)
        for name in ("target_stage", "wanted_stage"):
            np.copyto(getattr(mine, name), table.to_old(getattr(theirs, name)), where=here)
        np.copyto(theirs.target_stage, table.to_new(mine.target_stage), where=same)
        np.copyto(mine.planned_end_ms, theirs.planned_end_ms, where=here)
        self._set_apart()

    def _set_apart(self) -> None:
        """Where stages differ, whoever does not lead holds the junction to be in flash."""
        for one, leads in ((self.old, ~self.adopted), (self.new, self.adopted)):
            away, state, preemption = self.stages.apart & ~leads, one.state, one.preemption
            state.target_stage[away], state.target_bits[away] = -1, 0
            state.in_transition[away], state.all_red_until_ms[away] = False, NEVER_MS
            preemption.phase[away], preemption._laid[away] = Preempt.NONE, False
            np.copyto(preemption.away, away)

    def _break(self, why: str) -> None:
        """Back at once: the old controller knows every lamp and goes on lawfully from where they are."""
        self._come_home()
        self.phase, self.why = Phase.BACK, why

    def _come_home(self) -> None:
        """The old version leads everywhere again, from the lamps as they are."""
        taken = self.stages.apart & self.adopted
        np.copyto(self.old.state.all_red_until_ms, self.new.state.all_red_until_ms, where=taken)
        self.adopted[:] = False
        self._set_apart()

    def _watch(self, frame: Frame, verdict: Verdict, now_ms: int) -> None:
        """What speaks against the new version where it is followed, and what proves it."""
        if self.phase not in (Phase.SPREADS, Phase.DONE):
            return
        network = self.old.network
        names = network.street.junctions
        for fault in (*verdict.violations, *verdict.alarms):
            if fault.junction < 0 or self.adopted[fault.junction]:
                self.go_back(f"the safety monitor: {fault.sentence}")
        differs = np.logical_or.reduceat(frame.lamps_shown != self._told, network.group_start[:-1])
        self._unlike_ms[~differs] = -1
        self._unlike_ms[differs & (self._unlike_ms < 0)] = now_ms
        unlike = self.adopted & (self._unlike_ms >= 0) & (now_ms - self._unlike_ms > UNLIKE_MS)
        flashes = self.adopted & verdict.flash & ~self.renewing
        if unlike.any():
            name = names[int(np.flatnonzero(unlike)[0])].name
            self.go_back(f"{name}: the heads have shown other lamps than they were told for two seconds")
        elif flashes.any():
            self.go_back(f"{names[int(np.flatnonzero(flashes)[0])].name} flashes")
        stage, moves = self._led("target_stage"), self._led("in_transition")
        changed = (stage != self._stage) & ~moves & (stage >= 0)
        calm = now_ms - self._since_ms >= CALM_MS
        self.proven |= self.adopted & ~differs & (changed | calm) & ~verdict.flash

    def _go_on(self, verdict: Verdict, orders: Orders | None, now_ms: int) -> None:
        if self.phase is Phase.LOOKS_ON and now_ms - self._began_ms >= LOOKS_ON_MS:
            self.phase = Phase.SPREADS
        if self.phase is Phase.SPREADS:
            self._spread(verdict, orders, now_ms)
        elif self.phase is Phase.GOES_BACK:
            back = self.adopted & (self._at_boundary(verdict) | verdict.flash)
            self.adopted &= ~back
            if not self.adopted.any():
                self.phase = Phase.BACK

    def _spread(self, verdict: Verdict, orders: Orders | None, now_ms: int) -> None:
        waiting = self.places[~self.adopted[self.places]]
        if not len(waiting):
            if self.proven[self.places].all():
                self.phase = Phase.DONE
        elif not self.adopted.any() or self.proven.any():
            ready = self._at_boundary(verdict) & (self.old.preemption.phase == Preempt.NONE)
            if orders is not None:
                ready &= orders.book.kind == Kind.NONE
            # One a tick, in turn, so that whoever is never ready holds up nobody.
            able = waiting[ready[waiting]]
            if len(able):
                self._follow(int(able[self._turn % len(able)]), now_ms)
                self._turn += 1
        if self.phase is Phase.SPREADS and now_ms - self._began_ms > self.limit_ms:
            self.go_back(f"not taken up everywhere in time; {self.waits_for(orders)}")

    def _follow(self, j: int, now_ms: int) -> None:
        self.adopted[j], self.proven[j] = True, False
        self._since_ms[j], self._stage[j] = now_ms, self.new.state.target_stage[j]
        self._unlike_ms[j] = -1

    def _at_boundary(self, verdict: Verdict) -> NDArray[np.bool_]:
        """(junctions) whose stage is complete and shown, and who do not flash."""
        complete = (self._led("target_stage") >= 0) & ~self._led("in_transition")
        ready: NDArray[np.bool_] = complete & ~verdict.flash
        return ready

    def _led(self, name: str) -> NDArray[Any]:
        """(junctions) this part of the state, of whoever leads there, in his own numbers."""
        found: NDArray[Any] = np.where(
            self.adopted, getattr(self.new.state, name), getattr(self.old.state, name)
        )
        return found


def _plan_numbers(old: Controller, new: Controller) -> Ints:
    """(plans of the old street) their numbers in the new one; -1 = it is there no more."""
    known = {
        key: number
        for number, key in enumerate(
            (j, plan.name) for j, jn in enumerate(new.network.street.junctions) for plan in jn.plans
        )
    }
    keys = [(j, plan.name) for j, jn in enumerate(old.network.street.junctions) for plan in jn.plans]
    return np.array([known.get(key, -1) for key in keys] or [-1], np.int64)
