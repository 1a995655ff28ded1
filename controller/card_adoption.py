"""A version with other lamp times or stages taken up junction by junction, each through a flash of its own.

What stands on the safety monitor's card cannot change while anybody has green, nor can stages that only one
of two versions knows. So one junction after the other is brought to all red, as an order would do it; then
the monitor is asked for the new card of this junction alone, which where only stages differ says the same.
It tests the card, flashes there for six seconds as after a power-up, and the junction begins anew under the
new version, judged by the new card, while the others go on. Back goes the same way; a new version that
breaks is left through flash at once. Without the monitor's word nothing changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.adoption import LIMIT_MS, Adoption, Phase
from controller.frame import Frame
from controller.monitor import Card, Verdict
from controller.monitor.card_parts import BEFORE, junctions_that_differ, with_junction
from controller.monitor.lamps import ACTIVE, FLASHING
from controller.network import Ints
from controller.orders import Kind, Orders
from controller.preemption import Phase as Preempt
from controller.tick import Controller

STOP_MS = 60_000
"""Longest clearance and yellow, and the monitor's answer; then the junction goes on as it was."""
AT_A_TIME = 8
"""So many junctions stand at most, once the first has proved it: the streets around them go on."""
FOR_EACH_MS = 60_000


class CardAdoption(Adoption):
    """As `Adoption`; `card` is the one of the new version. Raises ValueError where the ground differs."""

    takes_other_stages = True

    def __init__(
        self, old: Controller, new: Controller, places: Ints, now_ms: int, card: Card, version: int = 0
    ) -> None:
        super().__init__(old, new, places, now_ms)
        self._judge, self._version = old.monitor, version
        self._mine, self._theirs = self._judge.card, card
        self._renews = junctions_that_differ(self._mine, card) | self.stages.apart
        self._bound = self._mine
        """What the monitor judges by, as it last said."""
        self._wish: tuple[int, Card, int, int] | None = None
        """(junction, card, of which version, until when) that the monitor has been asked for."""
        self._stop_until_ms: Ints = np.zeros(old.network.n_junctions, np.int64)
        """Until when a junction is stopped for its change; 0 = it is not."""
        self._flashed: NDArray[np.bool_] = np.zeros(old.network.n_junctions, np.bool_)
        self._asked_to_stop: list[int] = []
        self._own = Orders(old.network)
        self.limit_ms = LIMIT_MS + FOR_EACH_MS * int(self._renews.sum()) // AT_A_TIME

    def tick(self, frame: Frame, now_ms: int, orders: Orders | None = None) -> NDArray[np.int8]:
        """As `Adoption.tick`."""
        orders = self._own if orders is None else orders
        lamps = super().tick(frame, now_ms, orders)
        if self.phase is not Phase.BACK:
            self._stop(orders, now_ms)
            self._change(frame, orders, now_ms)
        return lamps

    def go_back(self, why: str) -> None:
        """As `Adoption.go_back`; what the monitor has been asked for is waited for."""
        if self.phase not in (Phase.GOES_BACK, Phase.BACK):
            self.phase, self.why = Phase.GOES_BACK, why

    def finish(self) -> Controller:
        """As `Adoption.finish`: the new card is the one to come back to."""
        made = super().finish()
        self._judge.keep_card()
        return made

    def waits_for(self, orders: Orders | None) -> str:
        """As `Adoption.waits_for`."""
        stopped = np.flatnonzero(self._stop_until_ms)
        if len(stopped):
            return f"{self.old.network.street.junctions[int(stopped[0])].name}: it is stopped for its change"
        return super().waits_for(orders)

    # --- parts -----------------------------------------------------------------------------

    def _follow(self, j: int, now_ms: int) -> None:
        if not self._renews[j]:
            super()._follow(j, now_ms)
            return
        most = AT_A_TIME if self.proven.any() else 1
        if np.count_nonzero(self._stop_until_ms) + np.count_nonzero(self.renewing) < most:
            self._asked_to_stop.append(j)

    def _stop(self, orders: Orders, now_ms: int) -> None:
        """Bring to all red who is next; who has been given back, or stopped too long, goes on."""
        for j in self._asked_to_stop:
            if orders.book.kind[j] == Kind.NONE:
                self._stop_until_ms[j] = now_ms + STOP_MS
                orders.all_red(j, now_ms + STOP_MS)
        self._asked_to_stop.clear()
        for j in np.flatnonzero(self._stop_until_ms).tolist():
            ours = orders.book.kind[j] == Kind.ALL_RED and orders.book.until_ms[j] == self._stop_until_ms[j]
            if not ours:
                self._stop_until_ms[j] = 0  # a person has ordered something else, or it took too long

    def _change(self, frame: Frame, orders: Orders, now_ms: int) -> None:
        """Ask the monitor for the card of one junction that stands, and heed its answer."""
        card = self._judge.card
        if self._wish is not None and card is self._wish[1]:
            j, self._bound, *_ = self._wish
            self._wish = None
            self._changed(j, orders, now_ms)
        elif card is not self._bound:
            self._forget("engine and monitor had to begin anew", orders)
            return
        if self._wish is None:
            self._wish = self._next(frame, now_ms)
        if self._wish is None:
            return
        j, wanted, version, until_ms = self._wish
        try:
            if now_ms > until_ms:
                raise ValueError("it has not answered")
            self._judge.take_card(j, wanted, version)
        except ValueError as error:
            self._wish = None
            self.go_back(f"the safety monitor keeps its card: {error}")

    def _next(self, frame: Frame, now_ms: int) -> tuple[int, Card, int, int] | None:
        """A junction that shows nothing but red or flash, and the card with its part of the other version."""
        back = self.phase is Phase.GOES_BACK
        waits = self._renews & (self.adopted if back else (self._stop_until_ms > 0) & ~self.adopted)
        shown, state = self._judge.permitted, self.old.state
        of = self.old.network.group_junction
        for j in np.flatnonzero(waits).tolist():
            here = of == j
            lamps = np.concatenate([shown[here], state.lamp[here], frame.lamps_shown[here]])
            if not (ACTIVE[lamps] & ~FLASHING[lamps]).any():
                card = with_junction(self._bound, self._mine if back else self._theirs, j)
                return j, card, BEFORE if back else self._version, now_ms + STOP_MS
        return None

    def _changed(self, j: int, orders: Orders, now_ms: int) -> None:
        """The monitor has taken the card of a junction, one way or the other."""
        self.adopted[j] = not self.adopted[j]
        self.proven[j] = False
        self._since_ms[j], self._stage[j], self._unlike_ms[j] = now_ms, -1, -1
        self.renewing[j], self._flashed[j] = True, False
        if self._stop_until_ms[j]:
            self._stop_until_ms[j] = 0
            orders.release(j)
        if self.stages.apart[j]:
            leads, here = self.new if self.adopted[j] else self.old, np.arange(len(self.adopted)) == j
            leads.sequencer.begin_red(leads.state, here, now_ms)
            self._join()
        # As at a start: this flash is no fault, for which the junction would go down a rung.
        self.old._begun[j] = self.new._begun[j] = False

    def _watch(self, frame: Frame, verdict: Verdict, now_ms: int) -> None:
        self._flashed |= self.renewing & verdict.flash
        self.renewing &= ~(self._flashed & ~verdict.flash)
        super()._watch(frame, verdict, now_ms)

    def _go_on(self, verdict: Verdict, orders: Orders | None, now_ms: int) -> None:
        if self.phase is not Phase.GOES_BACK:
            super()._go_on(verdict, orders, now_ms)
            return
        ready = self._at_boundary(verdict)
        self.adopted &= ~(self.adopted & ~self._renews & (ready | verdict.flash))
        left = np.flatnonzero(self.adopted)
        for j in left.tolist():
            passes = self.new.preemption.phase[j] != Preempt.NONE
            if not (verdict.flash[j] or self._stop_until_ms[j] or passes):
                self._asked_to_stop.append(j)
        if not len(left) and self._wish is None:
            self._release_all(orders)
            self.phase = Phase.BACK

    def _release_all(self, orders: Orders | None) -> None:
        for j in np.flatnonzero(self._stop_until_ms).tolist():
            if orders is not None and orders.book.until_ms[j] == self._stop_until_ms[j]:
                orders.release(j)
        self._stop_until_ms[:] = 0

    def _break(self, why: str) -> None:
        """Back at once: where the new card holds already through the monitor's own flash."""
        card = self._bound if self._wish is None else self._wish[1]
        here = self._renews & self.adopted
        if self._wish is not None:
            here[self._wish[0]] ^= True
        for j in np.flatnonzero(here).tolist():
            card = with_junction(card, self._mine, j)
            self._judge.take_card(j, card, BEFORE, at_once=True)
        super()._break(why)

    def _forget(self, why: str, orders: Orders) -> None:
        """The monitor, or the way to it, was lost: the whole street flashes, and begins with what was."""
        self._wish = None
        self._come_home()
        self._release_all(orders)
        self.phase, self.why = Phase.BACK, why
