"""What people have ordered, as arrays the overlay reads: one order a junction, calls and detectors beside it.

Orders ask for stages, never for lamps; each has an end on the controller's own clock, so that a
forgotten order ends by itself. Who may give them is decided elsewhere; what may never happen
is decided by the sequencer and the monitor, whatever stands here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from controller.network import Network
from controller.vocabulary import GroupKind, StageSource

Deed = tuple[str, tuple[int | str, ...]]
"""Name of a method of `Orders` and its arguments."""
BIAS_MS_MAX = 600_000
DEEDS_KEPT = 1 << 14


class Kind(IntEnum):
    """What is ordered at a junction; stored as int8."""

    NONE = 0
    HOLD = 1
    """Go to a stage and stay, until a promise comes near."""
    FORCE_OFF = 2
    """Leave a stage, once."""
    OMIT = 3
    """Choose no stage with these groups, until a promise comes near."""
    PLAN = 4
    """Play a fixed plan by the clock; promises before it."""
    BIAS = 5
    """Leave a stage later than the planner wants, or before its split is over."""
    ALL_RED = 6
    FLASH = 7


class Book(NamedTuple):
    """The orders, for kernels. J junctions, G groups, D detectors."""

    kind: np.ndarray  # (J) int8 Kind
    stage: np.ndarray  # (J) index among all stages; -1 with HOLD = the one after the present one
    bits: np.ndarray  # (J) groups omitted
    bias_ms: np.ndarray  # (J)
    plan: np.ndarray  # (J) index among all plans
    until_ms: np.ndarray  # (J)
    suspends: np.ndarray  # (J) bool, promises do not end it
    done: np.ndarray  # (J) int8 Done, written by the overlay
    left_ms: np.ndarray  # (J) since when the planner wants to leave a stage biased to last longer; 0 = not
    call_until_ms: np.ndarray  # (G)
    called_ms: np.ndarray  # (G) since when an order calls a group that is not green; 0 = it does not
    ignore_until_ms: np.ndarray  # (D) detector disabled
    recall_until_ms: np.ndarray  # (D) detector calls without a break
    walk_until_ms: np.ndarray  # (G) WALK is made longer until then
    walk_longer_ms: np.ndarray  # (G) beyond its minimum
    walk_given: np.ndarray  # (G) bool, written by the overlay: a WALK has lasted so long


class Done(IntEnum):
    """Why the controller itself ended an order."""

    NO = 0
    SERVED = 1
    """A force-off that has happened."""
    PROMISE = 2
    """A promise could not have been kept otherwise."""
    IMPOSSIBLE = 3
    """No stage is left without the groups omitted."""
    GONE = 4
    """The stage or plan it names is not there any more."""


class Orders:
    """The orders of one network. Methods overwrite what stood at the junction before.

    Junctions, stages, groups and detectors are indices of the network; times are the
    controller's `now_ms`. All raise ValueError for an index that is not of that junction.
    """

    def __init__(self, network: Network) -> None:
        j, g, d = network.n_junctions, network.n_groups, len(network.detectors)
        self.network = network
        self.plan_names = tuple(
            (n, p.name) for n, jn in enumerate(network.street.junctions) for p in jn.plans
        )
        self.book = Book(
            kind=np.zeros(j, np.int8),
            stage=np.zeros(j, np.int64),
            bits=np.zeros(j, np.int64),
            bias_ms=np.zeros(j, np.int64),
            plan=np.zeros(j, np.int64),
            until_ms=np.zeros(j, np.int64),
            suspends=np.zeros(j, np.bool_),
            done=np.zeros(j, np.int8),
            left_ms=np.zeros(j, np.int64),
            call_until_ms=np.zeros(g, np.int64),
            called_ms=np.zeros(g, np.int64),
            ignore_until_ms=np.zeros(d, np.int64),
            recall_until_ms=np.zeros(d, np.int64),
            walk_until_ms=np.zeros(g, np.int64),
            walk_longer_ms=np.zeros(g, np.int64),
            walk_given=np.zeros(g, np.bool_),
        )
        self.keeps_deeds = False
        """Set by who keeps a journal, and takes them with `taken_deeds` every tick."""
        self._deeds: list[Deed] = []
        self._busy_until_ms = self._ignores_until_ms = 0
        self._changed = False
        """An order came or went since the two were worked out."""

    @property
    def busy_until_ms(self) -> int:
        """Nothing stands here that lasts longer."""
        self._work_out()
        return self._busy_until_ms

    @property
    def ignores_until_ms(self) -> int:
        """No detector is disabled longer."""
        self._work_out()
        return self._ignores_until_ms

    def _work_out(self) -> None:
        if not self._changed:
            return
        self._changed, book = False, self.book
        ends_ms = (
            book.until_ms[book.kind != Kind.NONE], book.call_until_ms, book.ignore_until_ms,
            book.recall_until_ms, book.walk_until_ms,
        )  # fmt: skip
        self._busy_until_ms = max(int(end_ms.max(initial=0)) for end_ms in ends_ms)
        self._ignores_until_ms = int(book.ignore_until_ms.max(initial=0))

    def lasts_as(self, other: Orders) -> None:
        """The book is a copy of this one's."""
        self._busy_until_ms, self._ignores_until_ms = other.busy_until_ms, other.ignores_until_ms
        self._changed = False

    def taken_deeds(self) -> list[Deed]:
        """What was ordered since last asked, in order."""
        deeds, self._deeds = self._deeds, []
        return deeds

    def _keep(self, name: str, *arguments: int | str) -> None:
        if self.keeps_deeds and len(self._deeds) < DEEDS_KEPT:
            self._deeds.append((name, arguments))

    def hold(self, junction: int, stage: int, until_ms: int, suspends_promise: bool = False) -> None:
        """Go to `stage` and stay there."""
        self._stage_order(Kind.HOLD, junction, until_ms, self._own_stage(junction, stage), suspends_promise)
        self._keep("hold", junction, stage, until_ms, suspends_promise)

    def step(self, junction: int, until_ms: int) -> None:
        """Go to the next stage by hand and stay there."""
        self._stage_order(Kind.HOLD, junction, until_ms, -1)
        self._keep("step", junction, until_ms)

    def force_off(self, junction: int, stage: int, until_ms: int) -> None:
        """Leave `stage` as soon as the rules let it, if it is the one shown."""
        self._stage_order(Kind.FORCE_OFF, junction, until_ms, self._own_stage(junction, stage))
        self._keep("force_off", junction, stage, until_ms)

    def omit(self, junction: int, group: int, until_ms: int) -> None:
        """Choose no stage with `group`."""
        self._own_group(junction, group)
        self._stage_order(Kind.OMIT, junction, until_ms)
        self.book.bits[junction] = 1 << (group - int(self.network.group_start[junction]))
        self._keep("omit", junction, group, until_ms)

    def play(self, junction: int, plan: str, until_ms: int) -> None:
        """Play the fixed plan of that name."""
        if (junction, plan) not in self.plan_names:
            raise ValueError(f"junction {junction} has no plan {plan}")
        self._stage_order(Kind.PLAN, junction, until_ms)
        self.book.plan[junction] = self.plan_names.index((junction, plan))
        self._keep("play", junction, plan, until_ms)

    def bias(self, junction: int, stage: int, bias_ms: int, until_ms: int) -> None:
        """Let `stage` last so much longer, or (negative) so much less than its split."""
        self._stage_order(Kind.BIAS, junction, until_ms, self._own_stage(junction, stage))
        self.book.bias_ms[junction] = bias_ms
        self._keep("bias", junction, stage, bias_ms, until_ms)

    def all_red(self, junction: int, until_ms: int) -> None:
        """Everything red as soon as the rules let it."""
        self._stage_order(Kind.ALL_RED, junction, until_ms)
        self._keep("all_red", junction, until_ms)

    def flash(self, junction: int, until_ms: int) -> None:
        """Through all red into flash."""
        self._stage_order(Kind.FLASH, junction, until_ms)
        self._keep("flash", junction, until_ms)

    def release(self, junction: int) -> None:
        """Nothing is ordered at the junction any more."""
        self.book.kind[junction] = Kind.NONE
        self._changed = True
        self._keep("release", junction)

    def call(self, group: int, until_ms: int) -> None:
        """Call `group` whenever it is not green. 0 ends it."""
        self.book.call_until_ms[group] = until_ms
        self._changed = True
        self._keep("call", group, until_ms)

    def ignore(self, detector: int, until_ms: int) -> None:
        """Take no reading of `detector`; whom it served is called without it. 0 ends it."""
        self.book.ignore_until_ms[detector] = until_ms
        self._changed = True
        self._keep("ignore", detector, until_ms)

    def recall(self, detector: int, until_ms: int) -> None:
        """Call whom `detector` serves, whatever it reads. 0 ends it."""
        self.book.recall_until_ms[detector] = until_ms
        self._changed = True
        self._keep("recall", detector, until_ms)

    def lengthen(self, group: int, longer_ms: int, until_ms: int) -> None:
        """Let WALK of `group` last so much longer than its minimum, where no promise forbids. 0 ends it."""
        if until_ms and self.network.group_kind[group] != GroupKind.PEDESTRIAN:
            raise ValueError(f"group {group} has no WALK")
        self.book.walk_until_ms[group] = until_ms
        self.book.walk_longer_ms[group] = longer_ms
        self.book.walk_given[group] = False
        self._changed = True
        self._keep("lengthen", group, longer_ms, until_ms)

    def taken_back(self, junction: int) -> Done:
        """Why the controller ended the order itself, said once."""
        done = Done(int(self.book.done[junction]))
        self.book.done[junction] = Done.NO
        self._changed |= done is not Done.NO
        return done

    def _stage_order(
        self, kind: Kind, junction: int, until_ms: int, stage: int = 0, suspends: bool = False
    ) -> None:
        if not 0 <= junction < self.network.n_junctions:
            raise ValueError(f"no junction {junction}; allowed are 0 to {self.network.n_junctions - 1}")
        book = self.book
        book.kind[junction] = kind
        book.stage[junction] = stage
        book.until_ms[junction] = until_ms
        book.suspends[junction] = suspends or kind in (Kind.ALL_RED, Kind.FLASH)
        book.done[junction] = Done.NO
        book.left_ms[junction] = 0
        self._changed = True

    def _own_stage(self, junction: int, stage: int) -> int:
        if not 0 <= stage < self.network.n_stages or self.network.stage_junction[stage] != junction:
            raise ValueError(f"stage {stage} is not of junction {junction}")
        return stage

    def _own_group(self, junction: int, group: int) -> None:
        if not 0 <= group < self.network.n_groups or self.network.group_junction[group] != junction:
            raise ValueError(f"group {group} is not of junction {junction}")


class Plans(NamedTuple):
    """All fixed plans of a network, for kernels. P plans, T steps."""

    step_start: np.ndarray  # (P+1)
    step_stage: np.ndarray  # (T) index among all stages
    step_end_ms: np.ndarray  # (T) from the cycle's beginning
    cycle_ms: np.ndarray  # (P)
    offset_ms: np.ndarray  # (P)
    split_ms: np.ndarray  # (S) how long a stage is complete in its junction's first plan, 0 = never
    stage_given: np.ndarray  # (S) bool


def plans_of(network: Network) -> Plans:
    """The plans of all junctions, junction after junction, in their own order."""
    starts, stages, ends, cycles, offsets = [0], [], [], [], []
    split_ms = np.zeros(network.n_stages, np.int64)
    for j, junction in enumerate(network.street.junctions):
        first = int(network.stage_start[j])
        names = [stage.name for stage in junction.stages]
        for number, plan in enumerate(junction.plans):
            end_ms = 0
            for at, step in enumerate(plan.steps):
                stage = first + names.index(step.stage)
                end_ms += step.duration_ms
                stages.append(stage)
                ends.append(end_ms)
                if number == 0:
                    before = names.index(plan.steps[at - 1].stage)
                    split_ms[stage] += max(0, step.duration_ms - _gap_ms(network, j, first + before, stage))
            starts.append(len(stages))
            cycles.append(max(1, plan.cycle_ms))
            offsets.append(plan.offset_ms)
    given = [s.source == StageSource.GIVEN for jn in network.street.junctions for s in jn.stages]
    return Plans(
        step_start=np.array(starts, np.int64),
        step_stage=np.array(stages, np.int64),
        step_end_ms=np.array(ends, np.int64),
        cycle_ms=np.array(cycles, np.int64),
        offset_ms=np.array(offsets, np.int64),
        split_ms=split_ms,
        stage_given=np.array(given, np.bool_),
    )


def _gap_ms(network: Network, j: int, before: int, after: int) -> int:
    """Time from the end of one stage until the next is complete."""
    n = int(network.group_start[j + 1] - network.group_start[j])
    at = int(network.intergreen_start[j])
    ending, starting = int(network.stage_bits[before]), int(network.stage_bits[after])
    pairs = [
        int(network.intergreen_ms[at + a * n + b])
        for a in range(n)
        for b in range(n)
        if (ending & ~starting) >> a & 1
        and (starting & ~ending) >> b & 1
        and network.group_kind[network.group_start[j] + a] != GroupKind.PEDESTRIAN
    ]
    return max(pairs, default=0)
