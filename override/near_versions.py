"""Junctions from near while another version is taken up: each told by the version that decides there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from controller.adoption import Adoption
from controller.frame import Frame
from controller.network import Network
from controller.tick import Controller
from override.acting import Acting
from override.details import Detail
from override.near import Near

AT_ONCE = 4
"""Junctions change hands one a tick; where all go back in one, most keep what was seen of them before."""


class NearVersions:
    """As `Near`, of a controller and, as long as `coming` gives one, of the version that is to follow it."""

    def __init__(
        self, controller: Controller, acting: Acting, coming: Callable[[], Adoption | None] = lambda: None
    ) -> None:
        self._controller, self._coming = controller, coming
        self._here = Near(controller, acting)
        self._there: Near | None = None
        self._led: NDArray[np.bool_] = np.zeros(controller.network.n_junctions, np.bool_)
        """Junctions at which the coming version decides."""

    @property
    def network(self) -> Network:
        """Of the version that is final."""
        return self._here.network

    def observe(self, frame: Frame, now_ms: int) -> None:
        """As `Near.observe`; call it after every tick."""
        adoption = self._coming()
        if adoption is None:
            if self._there is not None:
                for j in np.flatnonzero(self._led & ~self._there.strange)[:AT_ONCE].tolist():
                    self._here.take_over(self._there, j)
                self._there, self._led[:] = None, False
            self._here.observe(frame, now_ms)
            return
        if self._there is None or self._there.controller is not adoption.new:
            self._there = self._here.of_version(adoption.new, adoption.stages.apart)
            self._led[:] = False
        self._here.observe(frame, now_ms, ~adoption.adopted)
        self._there.observe(frame, now_ms, adoption.adopted)
        changed = (adoption.adopted != self._led) & ~adoption.stages.apart
        for j in np.flatnonzero(changed)[:AT_ONCE].tolist():
            before, after = self._here, self._there
            if not adoption.adopted[j]:
                before, after = after, before
            after.take_over(before, j)
        np.copyto(self._led, adoption.adopted)

    def detail(self, j: int, frame: Frame, boot: bytes, clock_ms: int, now_ms: int) -> Detail:
        """As `Near.detail`."""
        near = self._there if self._there is not None and self._led[j] else self._here
        return near.detail(j, frame, boot, clock_ms, now_ms)

    def another_version(self) -> None:
        """The coming version is final: the controller, which everybody knows, is that one from now on.

        Where stages have other numbers, what was seen elsewhere begins anew.
        """
        there, here = self._there, self._here
        self._there = None
        if there is None:
            self._here = Near(self._controller, here.acting)
        else:
            there.is_final(self._controller)
            if not there.strange.any():
                for j in np.flatnonzero(~self._led).tolist():
                    there.take_over(here, j, explained=False)
            there.strange[:] = False
            self._here = there
        self._led[:] = False
