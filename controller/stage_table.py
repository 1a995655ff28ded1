"""From the stages of one version of a street to those of another, by their numbers.

Where a junction's stages are the same in both they have only other numbers, since all stages lie in one
row, junction after junction. Where anything of them differs (who is in one, their names, their order)
nothing that is said of a stage in the one version means anything in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from controller.network import Ints, Network
from controller.preemption import Phase

if TYPE_CHECKING:
    from controller.tick import Controller


class StageTable:
    """Both ways between two networks with the same groups; -1 (no stage) stays -1.

    Raises ValueError where groups differ: such a street is another one.
    """

    def __init__(self, old: Network, new: Network) -> None:
        if old.group_start.tolist() != new.group_start.tolist() or _groups(old) != _groups(new):
            raise ValueError("other groups: such a street begins anew through flash")
        before, after = old.street.junctions, new.street.junctions
        self.apart: NDArray[np.bool_] = np.array(
            [a.stages != b.stages for a, b in zip(before, after, strict=True)], np.bool_
        )
        """(J) whose stages differ."""
        # One place more than there are stages, so that -1 leads to -1.
        self._new: Ints = np.full(old.n_stages + 1, -1, np.int64)
        self._old: Ints = np.full(new.n_stages + 1, -1, np.int64)
        for j in np.flatnonzero(~self.apart).tolist():
            here = np.arange(old.stage_start[j], old.stage_start[j + 1])
            there = here - old.stage_start[j] + new.stage_start[j]
            self._new[here], self._old[there] = there, here

    def to_new(self, stages: Ints) -> Ints:
        """Their numbers in the new version; -1 = none, also where stages differ."""
        found: Ints = self._new[stages]
        return found

    def to_old(self, stages: Ints) -> Ints:
        """Their numbers in the old version; -1 = none, also where stages differ."""
        found: Ints = self._old[stages]
        return found

    def renumber(self, new: Controller, wanted: Ints) -> None:
        """After `new` took over what the old version knew: its own numbers, and nothing where stages differ.

        wanted (J): a stage of its own to want there until it plans.
        """
        state, apart = new.state, self.apart
        state.target_stage[:] = self.to_new(state.target_stage)
        state.wanted_stage[:] = np.where(apart, wanted, self.to_new(state.wanted_stage))
        for part in (new.preemption, new.priority):
            if part is not None:
                part.stage[:], part._own_stage[:] = self.to_new(part.stage), self.to_new(part._own_stage)
                part._laid[apart] = False
        new.preemption.phase[apart] = Phase.NONE


def _groups(network: Network) -> list[Any]:
    return [(group.name, group.kind) for junction in network.street.junctions for group in junction.groups]
