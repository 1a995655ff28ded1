"""The safety net from its definition, with names and dictionaries instead of bits: slow and obvious."""

from __future__ import annotations

from dataclasses import dataclass

from controller.network import Network
from controller.stage_play_kernels import MARGIN_MS
from controller.state import NEVER_MS, State
from controller.vocabulary import GroupKind, Lamp, StageSource

SOMEBODY_COMES_S = 100.0
"""A crossing is planned as called when more likely than not somebody comes within this time."""


@dataclass
class Play:
    """One way the junction may go on. Groups by number; times in ms."""

    lit: set[int]
    start: dict[int, int]
    end: dict[int, int]
    calls: set[int]
    time: int
    expected: bool = True
    """Whether everybody who is likely to call does, before his stage comes."""
    slack: int = NEVER_MS
    first: int = -1


class NaiveJunction:
    """One junction at one moment."""

    def __init__(self, network: Network, state: State, now_ms: int, j: int) -> None:
        self.state, self.now_ms, self.j = state, now_ms, j
        self.junction = network.street.junctions[j]
        groups = self.junction.groups
        names = [g.name for g in groups]
        first, n = int(network.group_start[j]), len(names)
        self.stage0 = int(network.stage_start[j])
        self.group0, self.index = first, range(n)
        at = int(network.intergreen_start[j])
        self.table = network.intergreen_ms[at : at + n * n].reshape(n, n)
        self.min_ms, self.max_ms, self.clear_ms = (
            [int(v) for v in a[first : first + n]]
            for a in (network.min_green_ms, network.max_green_ms, network.yellow_ms)
        )
        pairs = {(names.index(i.ending), names.index(i.starting)) for i in self.junction.intergreens}
        self.clash = {a: {b for b in self.index if {(a, b), (b, a)} & pairs} for a in self.index}
        self.gives_way = sorted((names.index(y.group), names.index(y.to)) for y in self.junction.yields)
        self.stages = [{names.index(g) for g in s.groups} for s in self.junction.stages]
        self.walker = {k for k in self.index if groups[k].kind == GroupKind.PEDESTRIAN}
        self.recalled = {k for k in self.walker if state.recall[first + k]}
        people_per_s = state.people_per_s[first : first + n]
        self.likely = {k for k in self.walker if people_per_s[k] * SOMEBODY_COMES_S >= 0.5}
        self.called = [int(v) for v in state.call_since_ms[first : first + n]]
        self.due = [self.called[k] + int(network.promise_ms[first + k]) for k in self.index]

    def now(self, expected: bool = True) -> Play:
        """As it stands, a change already begun played to its end."""
        state, g0 = self.state, self.group0
        lit = {k for k in self.index if state.lamp[g0 + k] == Lamp.GREEN}
        start = {k: int(state.lamp_since_ms[g0 + k]) for k in lit}
        end = {k: int(state.green_ended_ms[g0 + k]) for k in self.index}
        calls = {k for k in self.index if k not in lit and self.called[k] < NEVER_MS}
        play = Play(lit, start, end, calls, self.now_ms, expected)
        if state.in_transition[self.j]:
            target = {k for k in self.index if int(state.target_bits[self.j]) >> k & 1}
            self.move(play, target)
            play.calls -= target
        return play

    def move(self, play: Play, target: set[int]) -> None:
        """Change from what is lit to `target`, beginning at the time of the play."""
        leaving, starting = play.lit - target, target - play.lit
        for k in leaving:
            play.end[k] = max(play.time, play.start[k] + self.min_ms[k])
        for b in starting:
            before = {b} | self.clash[b]
            play.start[b] = max([play.time, *(play.end[a] + int(self.table[a, b]) for a in before)])
        for a in leaving:
            latest = [play.start[b] - int(self.table[a, b]) for b in starting & self.clash[a]]
            if latest:  # drivers keep their green as long as that delays nobody
                play.end[a] = max(play.end[a], min(latest))
        for b in starting:  # at the first time at which nobody who gives way has yellow
            who = [a for a, to in self.gives_way if to == b and a not in play.lit & target]
            yellows = [(play.end[a], play.end[a] + int(self.table[a, b])) for a in who]
            while over := [
                end for begin, end in yellows if begin <= play.start[b] + 1_000 and play.start[b] < end
            ]:
                play.start[b] = min(over)
        times = [play.end[k] for k in leaving] + [play.start[k] for k in starting]
        play.lit, play.time = target, max([play.time, *times])

    def serve(self, play: Play, stage: int) -> None:
        """Go to a stage for its minimum and note how close its calls came to their promises."""
        play.first = stage if play.first < 0 else play.first
        walks = play.calls | play.lit | self.recalled | (self.likely if play.expected else set())
        target = {k for k in self.stages[stage] if k not in self.walker or k in walks}
        self.move(play, target)
        slacks = [self.due[k] - MARGIN_MS - play.start[k] for k in play.calls & target]
        play.slack = min([play.slack, *slacks])
        play.calls -= target

    def best_for(self, urgent: int, play: Play, given_only: bool = False) -> int:
        """The stage that serves `urgent`, most other calls, and keeps most greens."""
        given = [s.source == StageSource.GIVEN for s in self.junction.stages]
        known = [s for s in range(len(given)) if given[s] or not given_only]
        able = [s for s in known if urgent in self.stages[s]]
        stages = self.stages
        worth = [(len(stages[s] & play.calls), len(stages[s] & play.lit), -s) for s in able]
        return -max(worth)[2] if worth else -1

    def most_urgent(self, calls: set[int]) -> int:
        return min(calls, key=lambda k: (self.due[k], k))

    def serve_all(self, play: Play, given_only: bool = False) -> Play:
        """All calls, earliest deadline first."""
        while play.calls:
            urgent = self.most_urgent(play.calls)
            stage = self.best_for(urgent, play, given_only)
            if stage < 0:
                play.calls -= {urgent}
            else:
                self.serve(play, stage)
        return play

    def leave_later(self, given_only: bool) -> tuple[Play, int]:
        """What happens when it leaves one step from now, and when that is; the worse, come who may."""
        plays = []
        for expected in (True, False):
            play = self.now(expected)
            play.time = leave = max(play.time, self.now_ms + 1000)
            plays.append(self.serve_all(play, given_only))
        return min(plays, key=lambda play: play.slack), leave

    def by_way_of(self, stage: int) -> Play:
        """What happens when it goes to `stage` first, now; the worse, come who may."""
        plays = [self.now(expected) for expected in (True, False)]
        for play in plays:
            self.serve(play, stage)
            self.serve_all(play)
        return min(plays, key=lambda play: play.slack)

    def keeps_promises(self, stage: int) -> bool:
        """Whether it may go to `stage` first, now."""
        return self.by_way_of(stage).slack >= 0

    def best_first(self) -> Play | None:
        """Every stage that serves a call tried as the next one, now: the best.

        Of equals the one that serves the most urgent call, then most calls, then the first.
        """
        plays, served = [], []
        for stage in range(len(self.stages)):
            play = self.now()
            if answered := play.calls & self.stages[stage]:
                served.append((self.most_urgent(play.calls) in answered, len(answered)))
                plays.append(self.by_way_of(stage))
        best = max(range(len(plays)), key=lambda k: (plays[k].slack, *served[k], -k), default=-1)
        return plays[best] if best >= 0 else None

    def greens_used_up(self) -> tuple[set[int], int]:
        """Calls whose turn it is by the maximum greens in their way, and when the first is due."""
        play = self.now()
        ends = {}
        for c in play.calls:
            in_the_way = self.clash[c] & play.lit
            if in_the_way:
                counted = {a: min(self.called[k] for k in self.clash[a] & play.calls) for a in in_the_way}
                ends[c] = max(max(play.start[a], counted[a]) + self.max_ms[a] for a in in_the_way)
        return {c for c, end in ends.items() if end <= self.now_ms}, min(ends.values(), default=NEVER_MS)

    def judge(self) -> tuple[int, int]:
        """(stage that must be wanted now or -1, the last time to leave ms)."""
        here = self.now()
        if not here.calls:
            return -1, NEVER_MS
        play, leave = self.leave_later(False)
        if play.slack < 0 and (other := self.leave_later(True)[0]).slack > play.slack:
            play = other
        if play.slack < 0 and (other := self.best_first()) and other.slack > play.slack:
            play = other
            play.slack = min(-1, play.slack)
        waiting, up_ms = self.greens_used_up()
        leave_by_ms = max(self.now_ms, min(up_ms, leave + max(0, play.slack)))
        first = play.first
        if self.state.in_transition[self.j] or (play.slack >= 0 and not waiting):
            return -1, leave_by_ms
        if play.slack >= 0:
            best = self.best_for(self.most_urgent(waiting), here)
            first = best if self.keeps_promises(best) else first
        if self.stage0 + first == self.state.target_stage[self.j]:
            walking = self.stages[first] & here.calls & self.walker
            walks_ms = [self.min_ms[k] + self.clear_ms[k] for k in walking]
            leave_by_ms = self.now_ms + max([0, *walks_ms]) + 1000
        return self.stage0 + first, leave_by_ms
