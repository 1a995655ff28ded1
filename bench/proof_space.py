"""Exhaustive exploration of one junction: every state the real sequencer can reach, every step lawful.

Time runs in steps of 0.5 s. **Inputs.** At each step the planner may want any stage with any planned
end, any set of crossings may be called, and people may order all-red or flash or take the order
back; the monitor may put the junction to flash and let it out. Hold, force-off, omit, plan, bias and
a vehicle's priority act by the stage that is wanted alone (`overlay_kernels`), and a recall is a
call, so both are among the free inputs.

**Why clamped timers lose nothing.** Of a group the sequencer reads one time only: while green the
start of it, compared with the minimum green; otherwise the end of the last green, compared with
yellow, clearance, red revert and intergreens. A green's age is clamped at its minimum, a red's at
the largest of those sums. Beyond, every comparison is true already. Where a sum itself is used
further (the latest end that delays nobody), it lies in the past for the clamped and the true
age alike, and so the end is due in both. The time of a walk's planned end matters only by which
crossings it ends and which still fit: `lefts_ms` holds one time of every such kind. The law's own
thresholds are among those clamped at. A state reached is therefore one row of ages, and two
histories with the same row have the same future.

**Why less is kept than that** (`bench/proof_key_kernels.py`). Two states with one key take, whatever the
input, lawful steps to states with one key again; so one of them is followed, always a real one. Step 1
is the next step; a time is when something may happen at the soonest.

1. Of all ended greens only the latest leave to start matters to a red group: `earliest_start_ms` is a
   maximum. What may happen in step 1 is as if it might have happened before.
2. A group that can never be green (a crossing nobody calls) waits for nothing. Stages with the same other
   groups are one wanted stage. In an ordered flash no time counts: its end sets them all anew.
3. A red group beside a conflicting green: its start also waits for that green's end and intergreen. Its
   own wait is forgotten where it is over by then; minimum green counts, unless an order may waive it.
4. A change under way runs to its end before another begins, and its end has an earliest step. Until the step
   after it no green that stays can end, and no red outside the target start, nor later than a target's own
   minimum and intergreen allow. What is over by then is forgotten; where orders come at any step,
   only the age of staying drivers, whose minimum an order does not wait for; where they are taken back
   once all is red, also the waits that are over by then.
5. Drivers who leave stay green as long as that delays nobody. Where their minimum is over before that, and
   makes nobody's start later, their age is forgotten.

This leans on the sequencer's code and on its believing in the record's times. The latter is looked up, and
where it does not (a fault planted), nothing is forgotten. The former is tried by `tests/test_proof_key.py`,
which at small junctions compares the steps of all states with one key. For calls followed later rule 2 is
left out; of states that the sequencer cannot tell apart one is followed.

**Crossings.** Crossings do not conflict, and inside a stage each walks by its own clock; four of
them at once are up to 10^8 states. So where all at once do not fit into the room given, every set of
three, two or one crossings is explored in turn, with the others never called, and the table says so;
where there is no time even for one at a time, all are never called.
A step is lawful or not by one group or one pair of them, so sets of two show every kind of wrong step.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np

from bench import proof_kernels as kernels
from bench import proof_model as model
from bench.proof_key_kernels import write_key
from controller.junction import Junction, StreetNetwork
from controller.monitor import Card, SafetyMonitor
from controller.network import Network, build_network
from controller.orders import Orders
from controller.overlay import Overlay
from controller.permissive import card_of
from controller.sequencer import Sequencer
from controller.state import NEVER_MS, State, new_state
from controller.vocabulary import GroupKind, Lamp, Timing

STEP_MS = model.STEP_MS
RED_REVERT_MS = 2_000
NO_CONFLICT = -1
CHANGES_AT_ONCE = 1 << 15
MONITORS = 1024
"""Copies of the junction one monitor judges at once."""
FAR_MS = 1 << 40


class Unlawful(AssertionError):
    """A step that breaks a rule; the message tells the whole way to it."""


class NoRoom(Exception):
    """More states than there is room for."""


@dataclass(frozen=True, slots=True)
class Explored:
    """What one exploration found."""

    states: int
    steps: int
    """Steps taken by the real sequencer, each judged by the law."""
    changes: int
    """Steps with a change of lamps, each judged by the monitor."""
    seconds: float
    """Of the processor."""

    def __add__(self, other: Explored) -> Explored:
        return Explored(
            self.states + other.states, self.steps + other.steps, self.changes + other.changes,
            self.seconds + other.seconds,
        )  # fmt: skip


def up(ms: int) -> int:
    """Rounded up to whole steps."""
    return -(-ms // STEP_MS) * STEP_MS


@dataclass
class Cell:
    """One junction with the controller's own arrays around it."""

    junction: Junction
    timing: Timing = Timing.COMPUTED
    called: frozenset[int] | None = None
    """Crossings, by index, that somebody may call; None = all."""
    network: Network = field(init=False)
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.street = StreetNetwork(self.junction.name, self.timing, (self.junction,), ())
        self.network = build_network(self.street, STEP_MS)
        self.state = new_state(self.network, model.T_MS)
        waived, suspended = np.zeros(1, np.bool_), np.zeros(1, np.bool_)
        self.overlay = Overlay(self.network, self.state, waived, suspended)
        self.scene = self.overlay.scene
        self.plans = self.overlay.plans
        self.book = Orders(self.network).book
        self.sequencer = Sequencer(self.network)

    @property
    def crossings(self) -> list[int]:
        """Indices of the groups for people on foot."""
        return [k for k, g in enumerate(self.junction.groups) if g.kind == GroupKind.PEDESTRIAN]

    @cached_property
    def law(self) -> model.Law:
        """The rules of the junction, read from its record and not from the network's arrays."""
        groups = self.junction.groups
        law = model.empty_law(len(groups), len(self.junction.stages))
        index = {g.name: k for k, g in enumerate(groups)}
        law.between_ms[:] = NO_CONFLICT
        for pair in self.junction.intergreens:
            law.between_ms[index[pair.ending], index[pair.starting]] = up(pair.duration_ms)
        for way in self.junction.yields:
            law.gives_way[index[way.group], index[way.to]] = True
        for k, g in enumerate(groups):
            law.walks[k] = g.kind == GroupKind.PEDESTRIAN
            law.may_call[k] = law.walks[k] and (self.called is None or k in self.called)
            law.least_green_ms[k] = up(g.min_green_ms)
            law.clearing_ms[k] = up(g.clearance_ms if law.walks[k] else g.yellow_ms)
            law.revert_ms[k] = law.clearing_ms[k] + up(RED_REVERT_MS)
            longest_ms = max(int(law.revert_ms[k]), int(law.between_ms[k].max()))
            law.clamp[Lamp.RED, k] = longest_ms // STEP_MS
            law.wait[k] = np.maximum(law.between_ms[k], 0) // STEP_MS
            law.wait[k, k] = law.revert_ms[k] // STEP_MS
            law.clamp[Lamp.GREEN, k] = law.least_green_ms[k] // STEP_MS
        law.clearing[:] = law.clearing_ms // STEP_MS
        in_stages = {index[g] for s in self.junction.stages for g in s.groups}
        law.starts[:] = [k in in_stages and bool(law.may_call[k] or not law.walks[k]) for k in index.values()]
        shown = [frozenset(k for g in s.groups if law.starts[k := index[g]]) for s in self.junction.stages]
        law.alike[:] = [shown.index(s) for s in shown]
        return law._replace(lefts_ms=self._lefts_ms(law))

    def _lefts_ms(self, law: model.Law) -> np.ndarray:
        """One time to the planned end for every set of walks it can end and let begin."""
        walks = [k for k in self.crossings if law.may_call[k]]
        ends = {int(law.clearing_ms[k]) for k in walks}
        fits = {int(law.least_green_ms[k] + law.clearing_ms[k]) for k in walks}
        found: dict[tuple[bool, ...], int] = {}
        for left_ms in sorted({0, NEVER_MS // 4, *ends, *fits, *(t - STEP_MS for t in fits)}):
            found.setdefault((*(left_ms <= t for t in sorted(ends)), *(left_ms >= t for t in sorted(fits))),
                             left_ms)  # fmt: skip
        return np.array(list(found.values()), np.int64)

    @property
    def knows_the_record(self) -> bool:
        """Whether the sequencer believes in the record's times and conflicts; forgetting rests on that."""
        network, law = self.network, self.law
        n = network.n_groups
        table_ms = network.intergreen_ms.reshape(n, n)
        conflicts = (law.between_ms >= 0) | (law.between_ms.T >= 0)
        np.fill_diagonal(conflicts, False)
        believed = (network.conflict_bits[:, None] >> np.arange(n)) & 1 == 1
        waits = conflicts | np.eye(n, dtype=np.bool_)
        return bool(
            (network.min_green_ms == law.least_green_ms).all()
            and (network.yellow_ms == law.clearing_ms).all()
            and (believed == conflicts).all()
            and (table_ms == STEP_MS * law.wait)[waits].all()
        )

    def forget_nothing(self) -> Cell:
        """Every state apart whose ages differ: what the merging is compared with."""
        self.law.merges[0] = 0
        return self.tell_groups_apart()

    def tell_groups_apart(self) -> Cell:
        """Also crossings nobody calls have a future, and every stage is itself: for calls followed later."""
        self.law.starts[:] = True
        self.law.alike[:] = np.arange(len(self.law.alike))
        return self

    def row(self) -> np.ndarray:
        """The state as a row, as if `T_MS` were now."""
        row = np.zeros(model.LAMPS + self.network.n_groups, np.int16)
        kernels.read_scene(model.T_MS, self.scene, self.law, row)
        return row

    def roots(self) -> list[np.ndarray]:
        """Where exploration begins: power on, and out of a flash of the monitor, by the real sequencer."""
        rows = [self.row()]
        flash = np.ones(1, np.bool_)
        self.sequencer.follow_flash(self.state, flash, model.T_MS)
        self.sequencer.follow_flash(self.state, ~flash, model.T_MS)
        return [*rows, self.row()]


class Exploration:
    """All states of one cell. Raises `Unlawful` at the first wrong step, `NoRoom` beyond `room` states."""

    def __init__(self, cell: Cell, room: int) -> None:
        self.cell = cell
        width = model.LAMPS + cell.network.n_groups
        self.space = model.empty_space(room, width, CHANGES_AT_ONCE)
        self.monitors = Monitors(cell)
        if not cell.knows_the_record:
            cell.forget_nothing()
        for row in cell.roots():
            at = int(self.space.counts[0])
            self.space.rows[at] = row
            write_key(self.space.rows[at], cell.law, self.space.keys[at])
            slot = int(kernels.slot_of(self.space.keys, at, self.space.slots, at))
            if slot >= 0:
                self.space.slots[slot], self.space.parent[at] = at + 1, -1
                self.space.counts[0] += 1

    def run(self) -> Explored:
        """Until nothing is left to expand."""
        began, cell, counts = time.process_time(), self.cell, self.space.counts
        start_ms, changes = np.zeros(62, np.int64), 0
        while True:
            outcome = int(kernels.explore(cell.scene, cell.book, cell.plans, cell.law, self.space, start_ms))
            if outcome == 2:
                raise Unlawful(self._story())
            changes += int(counts[3])
            self._ask_monitor()
            if outcome == 0:
                break
            if counts[0] + model.SUCCESSORS_MAX > len(self.space.rows):
                raise NoRoom
        return Explored(int(counts[0]), int(counts[2]), changes, time.process_time() - began)

    def _ask_monitor(self) -> None:
        """Let the safety monitor judge every change of lamps noted so far."""
        space, end = self.space, int(self.space.counts[3])
        for first in range(0, end, MONITORS):
            at = slice(first, min(end, first + MONITORS))
            found = self.monitors.judge(space.rows[space.sources[at]], space.lamps[at], space.waived[at])
            if found:
                raise Unlawful(f"{self.cell.junction.name}: the monitor: {found}")
        space.counts[3] = 0

    def _story(self) -> str:
        rule, source, group = (int(x) for x in self.space.broken)
        way: list[int] = []
        while source >= 0:
            way.append(source)
            source = int(self.space.parent[source])
        names = [g.name for g in self.cell.junction.groups]
        lines = [f"{self.cell.junction.name}/{names[group]}: {model.BROKEN[rule]}, after"]
        for at in reversed(way[:80]):
            row = self.space.rows[at]
            lamps = ", ".join(
                f"{name} {Lamp(int(cell) // model.LAMP).name} {int(cell) % model.LAMP}"
                for name, cell in zip(names, row[model.LAMPS :], strict=True)
            )
            lines.append(f"  stage {row[0]}, flags {row[1]}, red left {row[4]}: {lamps}")
        return "\n".join(lines)


class Monitors:
    """The safety monitor over many copies of the junction, its memory set to each step's beginning."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.one = card_of(cell.street, STEP_MS)
        self.n = self.one.group_count
        self.monitor = SafetyMonitor(_tiled(self.one, MONITORS))
        self.law = cell.law

    def judge(self, rows: np.ndarray, lamps: np.ndarray, waived: np.ndarray) -> str:
        """The first violation in words, or nothing. rows (E, W), lamps (E, n), waived (E)."""
        count = len(rows)
        monitor, memory = self.monitor, self.monitor._memory
        full = np.zeros((MONITORS, rows.shape[1]), np.int16)
        full[:count] = rows
        after = np.zeros((MONITORS, self.n), np.int8)
        after[:count] = lamps
        waive = np.zeros(MONITORS, np.bool_)
        waive[:count] = waived
        before = (full[:, model.LAMPS :] // model.LAMP).astype(np.int8)
        age_ms = STEP_MS * (full[:, model.LAMPS :] % model.LAMP).astype(np.int64)
        memory.permitted[:] = before.ravel()
        memory.since_ms[:] = (FAR_MS - age_ms).ravel()
        memory.green_ended_ms[:] = np.where(before == Lamp.GREEN, 0, FAR_MS - age_ms).ravel()
        left_ms = STEP_MS * full[:, model.RED_LEFT].astype(np.int64)
        memory.flash_ended_ms[:] = np.where(left_ms > 0, FAR_MS - 6_000 + left_ms, 0)
        return self._verdict(monitor, before.ravel(), after.ravel(), waive)

    def _verdict(
        self, monitor: SafetyMonitor, before: np.ndarray, after: np.ndarray, waived: np.ndarray
    ) -> str:
        """Two frames: what was permitted, and 100 ms later what the sequencer proposes."""
        now_ms = FAR_MS + STEP_MS
        nobody = np.zeros(MONITORS, np.bool_)
        calls = np.zeros(len(after), np.bool_)
        gate = monitor._gate
        gate.now_ms, gate._sequence = now_ms - 100, 1
        monitor._running, monitor._seen, monitor._due_ms = True, (b"", b"", b""), 0
        monitor._transitions.due_ms = 0
        monitor._permitted_bytes, monitor._compared = before.tobytes(), (b"", b"")
        verdict = monitor.judge(now_ms, 2, after, before, calls, waived, nobody)
        found = [*verdict.violations, *verdict.alarms]
        return found[0].sentence if found else ""


def _tiled(card: Card, copies: int) -> Card:
    """The card of so many copies of the one junction on `card`."""
    groups = card.group_count
    shift = np.repeat(np.arange(copies) * groups, len(card.pair_ending))
    per_group = {
        name: np.tile(getattr(card, name), copies)
        for name in ("pedestrian", "yellow_ms", "min_green_ms", "clearance_ms", "promise_ms", "turn_on_red")
    }
    return Card(
        junction_names=tuple(f"{card.junction_names[0]} {k}" for k in range(copies)),
        group_names=card.group_names * copies,
        junction=np.repeat(np.arange(copies), groups),
        pair_ending=np.tile(card.pair_ending, copies) + shift,
        pair_starting=np.tile(card.pair_starting, copies) + shift,
        pair_intergreen_ms=np.tile(card.pair_intergreen_ms, copies),
        lamp_resolution_ms=card.lamp_resolution_ms,
        max_max_green_ms=card.max_max_green_ms,
        mark=card.mark,
        **per_group,
    )


def sets_of_crossings(cell: Cell, at_once: int) -> Iterator[frozenset[int]]:
    """Every set of so many crossings; the one set of all where there are no more."""
    crossings = cell.crossings
    yield from map(frozenset, combinations(crossings, min(at_once, len(crossings))))
