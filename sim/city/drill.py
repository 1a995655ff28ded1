"""A drill: one junction of a city loses its detectors, and everything it does until it is back is told.

The city lives on around it. The truth of the fault, what the controller found out and when, and every
step of the ladder stand in one log, on the street's own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from controller.detectors_model import Cause
from controller.ladder import RUNG_WORDS, Rung
from sim.city.load import City
from sim.city.scenario import CityScenario, FaultKind, FaultPlan
from sim.city.world import World

WAY_BACK_S = 3600
"""Longest time a drill waits for the junction to come back after the detectors are mended."""


@dataclass(frozen=True, slots=True)
class DrillLine:
    """One thing that happened."""

    time_ms: int
    what: str
    """`fault`, `detector`, `approach`, `ladder` or `end`."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Drill:
    """What came of one fault at one junction."""

    junction: str
    fault: FaultKind
    before: Rung
    lowest: Rung
    after: Rung
    onset_ms: int
    mended_ms: int
    found_s: float | None
    """From the onset until the first detector was no longer used; None = none was."""
    all_found_s: float | None
    """Until none of those that were ill was used any more; None = some were to the end."""
    down_s: float | None
    """From the onset until the first step down; None = it took none."""
    back_s: float | None
    """From the repair until it stood where it had stood, with every detector in use; None = it did not."""
    promises_broken: int
    violations: int
    lines: tuple[DrillLine, ...]

    def to_json(self) -> dict[str, object]:
        """Plain values for scripts."""
        return {
            "junction": self.junction,
            "fault": str(self.fault),
            "before": int(self.before),
            "lowest": int(self.lowest),
            "after": int(self.after),
            "onset_ms": self.onset_ms,
            "mended_ms": self.mended_ms,
            "found_s": self.found_s,
            "all_found_s": self.all_found_s,
            "down_s": self.down_s,
            "back_s": self.back_s,
            "promises_broken": self.promises_broken,
            "violations": self.violations,
            "log": [{"time_ms": x.time_ms, "what": x.what, "sentence": x.sentence} for x in self.lines],
        }


def drill_hours(scenario: CityScenario, settle_s: int, lasts_s: int) -> CityScenario:
    """The scenario without faults of its own, as long as a drill may take."""
    end_s = scenario.run.begin_s + settle_s + lasts_s + WAY_BACK_S
    run = replace(scenario.run, end_s=end_s, controller="adaptive")
    return replace(scenario, faults=(), run=run)


def drill(
    city: City,
    junction: str,
    kind: FaultKind,
    settle_s: int,
    lasts_s: int,
    share: float = 1.0,
    on_minute: Callable[[int], None] = lambda minute: None,
) -> Drill:
    """Let a junction's detectors fall ill after `settle_s`, mend them `lasts_s` later, wait until it is back.

    Raises ValueError naming the junctions known, or a share that hits nobody.
    """
    try:
        j = city.network.junction_index(junction)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    name = city.network.street.junctions[j].name
    plan = FaultPlan(kind, f"junction:{name}", onset_s=settle_s, repair_s=lasts_s, share=share)
    return _Playing(city, j, plan).play(on_minute)


class _Playing:
    def __init__(self, city: City, j: int, plan: FaultPlan) -> None:
        self.world = World(city, "adaptive", faults=(plan,), on_second=(self._look,))
        assert self.world.controller is not None
        assert self.world.controller.degradation is not None
        self.controller, self.degradation = self.world.controller, self.world.controller.degradation
        self.j, self.plan, self.network = j, plan, city.network
        self.own = city.network.detector_junction == j
        self.groups = slice(int(city.network.group_start[j]), int(city.network.group_start[j + 1]))
        self.onset_ms = city.begin_ms + round(1000 * plan.onset_s)
        self.mended_ms = self.onset_ms + round(1000 * plan.repair_s)
        self.end_ms = city.end_ms
        self.lines: list[DrillLine] = []
        self.told = self.faults_told = self.approaches_told = 0
        self.masked = np.zeros(len(self.network.detectors), np.bool_)
        self.first_ill = self.found_ms = self.all_found_ms = self.down_ms = -1
        self.before = self.lowest = Rung.ADAPTIVE
        self.broken = 0
        self.booked_ms = np.full(self.groups.stop - self.groups.start, -1, np.int64)

    def play(self, on_minute: Callable[[int], None]) -> Drill:
        world, back_ms = self.world, None
        while world.now_ms < self.end_ms and back_ms is None:
            world.step()
            if world.now_ms % 60_000 == 0:
                on_minute((world.now_ms - (self.onset_ms - round(1000 * self.plan.onset_s))) // 60_000)
            if world.now_ms > self.mended_ms and self._is_back():
                back_ms = world.now_ms
        after = self.degradation.ladder.rung(self.j)
        ending = (
            f"{self._title} is back on rung {int(after)} ({RUNG_WORDS[after]}), every detector in use"
            if back_ms is not None
            else f"the hours are over, {self._title} stands on rung {int(after)} ({RUNG_WORDS[after]})"
        )
        self._say(world.now_ms, "end", ending)

        def since(then_ms: int, at_ms: int | None) -> float | None:
            return None if at_ms is None or at_ms < 0 else (at_ms - then_ms) / 1000

        return Drill(
            self._title, self.plan.kind, self.before, self.lowest, after, self.onset_ms, self.mended_ms,
            since(self.onset_ms, self.found_ms), since(self.onset_ms, self.all_found_ms),
            since(self.onset_ms, self.down_ms), since(self.mended_ms, back_ms), self.broken,
            self.world.violations, tuple(self.lines),
        )  # fmt: skip

    @property
    def _title(self) -> str:
        return self.network.street.junctions[self.j].title

    def _is_back(self) -> bool:
        return self.degradation.ladder.rung(self.j) <= self.before and not self.masked.any()

    def _say(self, time_ms: int, what: str, sentence: str) -> None:
        self.lines.append(DrillLine(time_ms, what, sentence))

    def _look(self, world: World) -> None:
        now_ms = world.now_ms
        self._look_at_faults()
        self._look_at_detectors(now_ms)
        for part in self.degradation.approaches.log(self.approaches_told):
            if part.junction == self._title:
                self._say(part.time_ms, "approach", part.sentence)
        self.approaches_told = self.degradation.approaches.steps_taken
        rung = self.degradation.ladder.rung(self.j)
        for step in self.degradation.ladder.log(self.told):
            if step.junction == self._title:
                self._say(step.time_ms, "ladder", step.sentence)
                if step.time_ms >= self.onset_ms and self.down_ms < 0 and step.after > step.before:
                    self.down_ms = step.time_ms
        self.told = self.degradation.ladder.steps_taken
        if now_ms <= self.onset_ms:
            self.before = rung
        self.lowest = max(self.lowest, rung) if now_ms > self.onset_ms else rung
        since_ms = self.controller.state.call_since_ms[self.groups]
        late = (now_ms - since_ms > self.network.promise_ms[self.groups]) & (since_ms != self.booked_ms)
        self.broken += int(late.sum())
        self.booked_ms[late] = since_ms[late]

    def _look_at_faults(self) -> None:
        records = self.world.faults.log()
        new = records[self.faults_told :]
        self.faults_told = len(records)
        for event in ("onset", "repair"):
            names = [r.detector for r in new if r.event == event]
            if names:
                verb = "fall ill" if event == "onset" else "are mended"
                self._say(new[-1].time_ms, "fault", f"{len(names)} detectors {verb} ({self.plan.kind})")

    def _look_at_detectors(self, now_ms: int) -> None:
        detectors = self.degradation.detectors
        masked = detectors.health.masked & self.own
        for d in np.flatnonzero(masked & ~self.masked).tolist():
            name = self.network.detectors[d].name
            self._say(now_ms, "detector", f"{name} is not used any more: {detectors.sentence(d)}")
        back = np.flatnonzero(self.masked & ~masked)
        if len(back):
            works = sum(detectors.health.cause[back] == Cause.NONE)
            few = ", ".join(self.network.detectors[d].name for d in back[:3])
            more = f" and {len(back) - 3} others" if len(back) > 3 else ""
            self._say(now_ms, "detector", f"{few}{more} in use again, {works} of them trusted in full")
        self.masked = masked
        ill = self.world.faults.ill
        if len(ill) and self.found_ms < 0 and masked[ill].any():
            self.found_ms = now_ms
        if len(ill) and self.all_found_ms < 0 and masked[ill].all():
            self.all_found_ms = now_ms
