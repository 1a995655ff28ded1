"""The overlay: what people ordered, laid over what the planner wants, tick by tick.

Never overwrites: the planner's own wish is put back before the planner is asked again, so
that measured, planned and ordered values stand side by side and an ended order leaves no trace.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller import overlay_kernels as kernels
from controller.frame import Frame, empty_frame
from controller.network import Network
from controller.orders import Orders, plans_of
from controller.overlay_model import Scene
from controller.state import State
from controller.urgency import Urgency

_MASKED = ("detector_on", "detector_count", "detector_occupancy")
_SHARED = tuple(f.name for f in fields(Frame) if f.name not in _MASKED)
"""What a frame without some detectors has in common with the whole one."""


class Overlay:
    """Lays `Orders` over a controller's state. `waived` and `suspended` (J) are its word to the monitor."""

    def __init__(
        self, network: Network, state: State, waived: NDArray[np.bool_], suspended: NDArray[np.bool_]
    ) -> None:
        self.network = network
        self.urgency = Urgency(network)
        self.none = Orders(network)
        self._state = state
        self.plans = plans_of(network)
        self.scene = self._view(state, waived, suspended)
        self._orders = self.none
        self._frame: Frame | None = None
        self._ignored = np.zeros(len(network.detectors), np.bool_)
        self._laid = False
        self.planned_stage = state.wanted_stage.copy()
        """(J) what the planner itself wants."""
        self.planned_end_ms = state.planned_end_ms.copy()
        self._recall = state.recall.copy()

    def needed(self, orders: Orders | None, now_ms: int) -> bool:
        """Whether there is anything to lay, or to take back."""
        self._orders = orders or self.none
        return self._laid or now_ms < self._orders.busy_until_ms

    def ignored(self, now_ms: int) -> NDArray[np.bool_] | None:
        """(D) detectors that somebody has disabled; None = none."""
        if now_ms >= self._orders.ignores_until_ms:
            return None
        return np.greater(self._orders.book.ignore_until_ms, now_ms, out=self._ignored)

    def without(self, frame: Frame, ignored: NDArray[np.bool_]) -> Frame:
        """The frame without the readings of these detectors (D), for who does not judge detectors himself."""
        if self._frame is None:
            self._frame = empty_frame(self.network, frame.sensors)
        mine, heard = self._frame, ~ignored
        for name in _SHARED:
            setattr(mine, name, getattr(frame, name))
        np.logical_and(frame.detector_on, heard, out=mine.detector_on)
        np.multiply(frame.detector_count, heard, out=mine.detector_count)
        np.multiply(frame.detector_occupancy, heard, out=mine.detector_occupancy)
        return mine

    def lift(self) -> None:
        """Put the planner's own wishes back; call it before estimate and planner."""
        if self._laid:
            np.copyto(self._state.wanted_stage, self.planned_stage)
            np.copyto(self._state.planned_end_ms, self.planned_end_ms)
            np.copyto(self._state.recall, self._recall)

    def lay(self, now_ms: int) -> None:
        """Lay the orders over the planner's wishes; call it between planner and sequencer."""
        state, book = self._state, self._orders.book
        np.copyto(self.planned_stage, state.wanted_stage)
        np.copyto(self.planned_end_ms, state.planned_end_ms)
        np.copyto(self._recall, state.recall)
        calls = kernels.lay_calls(now_ms, book, self.scene)
        orders = True
        if now_ms % self.network.lamp_resolution_ms == 0:
            self.urgency.update(state, now_ms)
            orders = kernels.lay_orders(now_ms, book, self.plans, self.scene)
            orders = kernels.lay_walks(now_ms, book, self.scene) or orders
        self._laid = bool(calls or orders or self.scene.in_flash.any())

    def _view(self, state: State, waived: NDArray[np.bool_], suspended: NDArray[np.bool_]) -> Scene:
        own = {
            "stage_given": self.urgency.stage_given,
            "starts_uncalled": self.urgency.starts_uncalled,
            "urgent_stage": self.urgency.stage,
            "leave_by_ms": self.urgency.leave_by_ms,
            "since_ms": self.urgency.since_ms,
            "ended_ms": self.urgency.ended_ms,
            "waived": waived,
            "suspended": suspended,
            "recovers_until_ms": np.zeros(self.network.n_junctions, np.int64),
            "in_flash": np.zeros(self.network.n_junctions, np.bool_),
            "calls": np.zeros(self.network.n_groups, np.bool_),
        }
        values: dict[str, Any] = {}
        for name in Scene._fields:
            values[name] = own[name] if name in own else getattr(state, name, None)
            if values[name] is None:
                values[name] = getattr(self.network, name)
        return Scene(**values)
