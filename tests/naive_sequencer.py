"""The sequencer once more, slowly and in names: one junction, straight from its record.

Written from the rules, to be compared step by step with `controller.sequencer`. It uses
neither the network's arrays nor any kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.junction import Group, Junction
from controller.vocabulary import GroupKind, Lamp

RED_REVERT_MS = 2_000


@dataclass
class NaiveSequencer:
    """One junction. All times are rounded up to `resolution_ms`; all lamps red from `now_ms`."""

    junction: Junction
    resolution_ms: int
    now_ms: int
    lamp: dict[str, Lamp] = field(init=False)
    since_ms: dict[str, int] = field(init=False)
    ended_ms: dict[str, int] = field(init=False)
    called: set[str] = field(default_factory=set)
    recalled: set[str] = field(default_factory=set)
    stage: str | None = None
    """Name of the stage shown or being approached."""
    goal: set[str] = field(default_factory=set)
    """Groups of the stage that have, or shall get, green."""
    moving: bool = False
    complete_ms: int = field(init=False)

    def __post_init__(self) -> None:
        self.groups: dict[str, Group] = {g.name: g for g in self.junction.groups}
        self.stages = {s.name: set(s.groups) for s in self.junction.stages}
        self.between_ms = {(i.ending, i.starting): self.up(i.duration_ms) for i in self.junction.intergreens}
        self.gives_way = {(y.group, y.to) for y in self.junction.yields}
        self.lamp = dict.fromkeys(self.groups, Lamp.RED)
        self.since_ms = dict.fromkeys(self.groups, self.now_ms)
        self.ended_ms = dict.fromkeys(self.groups, self.now_ms)
        self.complete_ms = self.now_ms

    def up(self, ms: int) -> int:
        """Round a time up to what the street can show."""
        while ms % self.resolution_ms:
            ms += 1
        return ms

    def walker(self, name: str) -> bool:
        return self.groups[name].kind == GroupKind.PEDESTRIAN

    def clear_ms(self, name: str) -> int:
        """Yellow, or the time walkers have to finish crossing."""
        group = self.groups[name]
        return self.up(group.clearance_ms if self.walker(name) else group.yellow_ms)

    def min_ms(self, name: str) -> int:
        return self.up(self.groups[name].min_green_ms)

    def foes(self, name: str) -> set[str]:
        return {a for a, b in self.between_ms if b == name} | {b for a, b in self.between_ms if a == name}

    def step(self, now_ms: int, wanted: str, planned_end_ms: int) -> dict[str, Lamp]:
        """The lamps from `now_ms` on."""
        self.now_ms = now_ms
        for name, lamp in self.lamp.items():
            if lamp in (Lamp.YELLOW, Lamp.CLEARANCE) and now_ms - self.since_ms[name] >= self.clear_ms(name):
                self.show(name, Lamp.RED)
        if not self.moving and wanted != self.stage:
            self.stage, self.moving = wanted, True
            self.goal = {g for g in self.stages[wanted] if self.worth_starting(g)}
        if self.moving:
            self.move()
        else:
            self.walk_meanwhile(planned_end_ms)
        return self.lamp

    def worth_starting(self, name: str) -> bool:
        """WALK is for people who asked for it, or who always get it."""
        wish = name in self.called or name in self.recalled or self.lamp[name] == Lamp.GREEN
        return wish or not self.walker(name)

    def move(self) -> None:
        """A step from whatever is shown to the goal."""
        red = [g for g in self.groups if g in self.goal and self.lamp[g] != Lamp.GREEN]
        starting = {g: self.could_start_ms(g) for g in red}
        for name in self.groups:
            if self.lamp[name] == Lamp.GREEN and name not in self.goal and self.had_minimum(name):
                due_ms = [t - self.between_ms[name, g] for g, t in starting.items() if g in self.foes(name)]
                if self.walker(name) or not due_ms or self.now_ms >= min(due_ms):
                    self.end(name)
        for name in starting:
            if self.may_start(name):
                self.start(name)
        greens = {g for g, lamp in self.lamp.items() if lamp == Lamp.GREEN}
        if greens == self.goal:
            self.moving, self.complete_ms = False, self.now_ms

    def walk_meanwhile(self, planned_end_ms: int) -> None:
        """Inside a full stage only crossings change: they start if it still fits, and clear in time."""
        left_ms = planned_end_ms - self.now_ms
        for name in self.groups:
            if not self.walker(name) or name not in self.stages[str(self.stage)]:
                continue
            if self.lamp[name] == Lamp.GREEN:
                if self.had_minimum(name) and left_ms <= self.clear_ms(name):
                    self.end(name)
                    self.goal.discard(name)
            elif self.lamp[name] == Lamp.RED:
                due = name in self.recalled and self.ended_ms[name] < self.complete_ms
                fits = left_ms >= self.min_ms(name) + self.clear_ms(name)
                if (name in self.called or due) and fits and self.may_start(name):
                    self.start(name)
                    self.goal.add(name)

    def had_minimum(self, name: str) -> bool:
        return self.now_ms - self.since_ms[name] >= self.min_ms(name)

    def could_start_ms(self, name: str) -> int:
        """If every foe stopped as soon as it may."""
        times = [self.ended_ms[name] + self.clear_ms(name) + self.up(RED_REVERT_MS)]
        for foe in self.foes(name):
            end_ms = self.ended_ms[foe]
            if self.lamp[foe] == Lamp.GREEN:
                end_ms = max(self.now_ms, self.since_ms[foe] + self.min_ms(foe))
            times.append(end_ms + self.between_ms[foe, name])
        return max(times)

    def may_start(self, name: str) -> bool:
        if self.lamp[name] != Lamp.RED or any(self.lamp[foe] != Lamp.RED for foe in self.foes(name)):
            return False
        if any(b == name and self.lamp[a] == Lamp.YELLOW for a, b in self.gives_way):
            return False
        return self.could_start_ms(name) <= self.now_ms

    def start(self, name: str) -> None:
        self.show(name, Lamp.GREEN)
        self.called.discard(name)

    def end(self, name: str) -> None:
        self.show(name, Lamp.CLEARANCE if self.walker(name) else Lamp.YELLOW)
        self.ended_ms[name] = self.now_ms

    def show(self, name: str, lamp: Lamp) -> None:
        self.lamp[name] = lamp
        self.since_ms[name] = self.now_ms
