"""What the lamps of one junction may do, checked from the lamps alone."""

from __future__ import annotations

from controller.junction import Junction
from controller.vocabulary import GroupKind, Lamp

RED_REVERT_MS = 2_000
LAWFUL = {
    (Lamp.RED, Lamp.GREEN), (Lamp.GREEN, Lamp.YELLOW), (Lamp.YELLOW, Lamp.RED),
    (Lamp.GREEN, Lamp.CLEARANCE), (Lamp.CLEARANCE, Lamp.RED),
}  # fmt: skip


class LampLaw:
    """Show it the lamps at every lamp time; it fails at the first step that breaks a rule.

    Times are rounded up to `resolution_ms`. At `now_ms` every green counts as just ended.
    """

    def __init__(self, junction: Junction, resolution_ms: int, now_ms: int) -> None:
        self.junction, self.groups = junction, junction.groups
        self.resolution_ms = resolution_ms
        index = {g.name: k for k, g in enumerate(junction.groups)}
        self.between_ms = {
            (index[i.ending], index[i.starting]): self.up(i.duration_ms) for i in junction.intergreens
        }
        self.leads_ms = {
            (index[y.to], index[y.group]): self.up(junction.groups[index[y.to]].lead_ms)
            for y in junction.yields
        }
        self.gives_way = [(index[y.group], index[y.to]) for y in junction.yields]
        self.lamp = [Lamp.RED] * len(index)
        self.since_ms = [now_ms] * len(index)
        self.ended_ms = [now_ms] * len(index)
        self.starts = 0
        """Greens and WALKs begun so far."""

    def up(self, ms: int) -> int:
        return -(-ms // self.resolution_ms) * self.resolution_ms

    def look(self, now_ms: int, lamps: list[int]) -> None:
        changed = [g for g, lamp in enumerate(lamps) if lamp != self.lamp[g]]
        for g in changed:
            if self.lamp[g] == Lamp.GREEN:
                self.ended_ms[g] = now_ms
        for g in changed:
            self._check_change(now_ms, g, lamps)
        for (walk, drivers), lead_ms in self.leads_ms.items():
            together = walk in changed and drivers in changed
            assert not (lead_ms and together and lamps[walk] == lamps[drivers] == Lamp.GREEN), (
                f"{self._name(walk)} does not lead {self._name(drivers)} at {now_ms}"
            )
        for g in changed:
            self.lamp[g], self.since_ms[g] = Lamp(lamps[g]), now_ms
        active = [g for g, lamp in enumerate(lamps) if lamp != Lamp.RED]
        for a in active:
            for b in active:
                both = f"{self._name(a)} and {self._name(b)} both active at {now_ms}"
                assert (a, b) not in self.between_ms, both

    def _check_change(self, now_ms: int, g: int, lamps: list[int]) -> None:
        group, before, after = self.groups[g], self.lamp[g], Lamp(lamps[g])
        lasted_ms = now_ms - self.since_ms[g]
        where = f"{group.name} {before.name} -> {after.name} at {now_ms} after {lasted_ms} ms"
        assert (before, after) in LAWFUL, where
        assert (Lamp.YELLOW in (before, after)) <= (group.kind != GroupKind.PEDESTRIAN), where
        assert (Lamp.CLEARANCE in (before, after)) <= (group.kind == GroupKind.PEDESTRIAN), where
        if before == Lamp.GREEN:
            assert lasted_ms >= self.up(group.min_green_ms), where
        if before == Lamp.YELLOW:
            assert lasted_ms == self.up(group.yellow_ms), where
        if before == Lamp.CLEARANCE:
            assert lasted_ms >= self.up(group.clearance_ms), where
            if lasted_ms > self.up(group.clearance_ms):
                self.too_long(where)
        if after == Lamp.GREEN:
            self.starts += 1
            self._check_start(now_ms, g, lamps, where)

    def too_long(self, where: str) -> None:
        """People had longer to cross than they need: lawful, but nothing of ours does it."""
        raise AssertionError(where)

    def _check_start(self, now_ms: int, g: int, lamps: list[int], where: str) -> None:
        group = self.groups[g]
        clearing_ms = self.up(group.yellow_ms or group.clearance_ms)
        assert now_ms - self.ended_ms[g] >= clearing_ms + self.up(RED_REVERT_MS), where
        for (a, b), between_ms in self.between_ms.items():
            if b == g:
                since = f"{where}, {self._name(a)} ended {self.ended_ms[a]}"
                assert now_ms - self.ended_ms[a] >= between_ms, since
        for (walk, drivers), lead_ms in self.leads_ms.items():
            if drivers == g and self.lamp[walk] == Lamp.GREEN:
                led_ms = now_ms - self.since_ms[walk]
                assert led_ms >= lead_ms, f"{where}: led by {led_ms} ms"
        for a, b in self.gives_way:
            if b == g and self.lamp[a] == Lamp.YELLOW:
                yellow_ms = now_ms - self.since_ms[a]
                assert yellow_ms >= self.up(self.groups[a].yellow_ms), f"{where}: {self._name(a)} is yellow"
            elif b == g:
                assert lamps[a] != Lamp.YELLOW, f"{where}: {self._name(a)} turns yellow with it"

    def _name(self, g: int) -> str:
        return self.groups[g].name
