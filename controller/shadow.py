"""Never worse than the fixed plan: it runs in shadow, and where it would clearly cost less it takes over.

Only where more than a tenth of the detectors are in doubt: sound ones show when nobody is there, and lamps
that pass him by look worse here than they are. For the same reason a lane that never had a detector is no
doubt. What usual demand waits under the lamps shown is set beside what it would wait under the junction's
plan by the clock; three windows of a cycle and a minute in a row that are clearly worse, and the plan runs
for ten minutes, twice as long the next time. `Reason.WORSE_THAN_PLAN` is the ladder's word for it.
"""

from __future__ import annotations

import numpy as np

from controller import shadow_kernels as kernels
from controller.detectors import Detectors
from controller.fixed_time import FixedTime
from controller.ladder import Ladder
from controller.network import Network
from controller.policy import Policy
from controller.shadow_kernels import Shadow, Table
from controller.state import State
from controller.unseen import USUAL_PEOPLE_PER_S


class PlanInShadow:
    """The shadow of one controller, beside the plans its ladder would go to."""

    def __init__(self, plans: FixedTime, policy: Policy, now_ms: int) -> None:
        network = plans.network
        self.policy = policy
        self._network, self._clock, self._hour = network, plans.hours.clock, ""
        self.table: Table = _table(network, "")
        self.shadow: Shadow = kernels.new_shadow(
            network.n_junctions, network.n_groups, network.n_lanes, now_ms
        )
        self._people_per_s = np.zeros(network.n_groups)

    def carry_on(self, other: PlanInShadow) -> None:
        """Know what `other` has seen of the same street; windows begin anew."""
        for name in ("hold_ms", "until_ms"):
            np.copyto(getattr(self.shadow, name), getattr(other.shadow, name))

    def watch(self, state: State, detectors: Detectors, ladder: Ladder, now_ms: int) -> None:
        """Take in the time since the last reading; writes until when the plan is to run into the ladder."""
        if (hour := self._clock.look(now_ms)) != self._hour:
            self._hour, self.table = hour, _table(self._network, hour)
        np.maximum(state.people_per_s, USUAL_PEOPLE_PER_S, out=self._people_per_s)
        kernels.play_shadow(
            now_ms, detectors.passed_s, self.policy.persons_per_car, self.policy.persons_per_walker,
            detectors.laid, self.table, state.lamp, state.lamp_since_ms, ladder.rungs.rung,
            detectors.rate_veh_per_s, self._people_per_s, self.shadow,
        )  # fmt: skip
        kernels.judge_shadows(
            now_ms, detectors.laid, ladder.reasons.failed, detectors.known, ladder.rungs.rung,
            ladder.rungs.cycle, self.shadow,
        )  # fmt: skip
        np.copyto(ladder.reasons.plan_until_ms, self.shadow.until_ms)


def _table(network: Network, hour: str) -> Table:
    """Every step of that hour's plans with the greens before it and the time its own need to begin."""
    starts, bits, before, ends, change = [0], [], [], [], []
    cycles, offsets = [], []
    for j, junction in enumerate(network.street.junctions):
        plan = next((known for known in junction.plans if known.name == hour), junction.plans[0])
        first = int(network.stage_start[j])
        names = [stage.name for stage in junction.stages]
        own = [int(network.stage_bits[first + names.index(step.stage)]) for step in plan.steps]
        bits += own
        before += [own[k - 1] for k in range(len(own))]
        change += [_change_ms(network, j, own[k - 1], own[k]) for k in range(len(own))]
        ends += np.cumsum([step.duration_ms for step in plan.steps]).tolist()
        starts.append(len(bits))
        cycles.append(plan.cycle_ms)
        offsets.append(plan.offset_ms)
    return Table(*(np.array(row, np.int64) for row in (starts, bits, before, ends, change, cycles, offsets)))


def _change_ms(network: Network, j: int, old: int, new: int) -> int:
    """Longest time from the end of a green that leaves to a green that begins."""
    n, at = int(network.group_start[j + 1] - network.group_start[j]), int(network.intergreen_start[j])
    leaving = [a for a in range(n) if (old & ~new) >> a & 1]
    starting = [b for b in range(n) if (new & ~old) >> b & 1]
    return max((int(network.intergreen_ms[at + a * n + b]) for a in leaving for b in starting), default=0)
