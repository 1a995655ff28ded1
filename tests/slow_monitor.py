"""The safety monitor once more, slow and obvious: one group at a time, plain numbers.

Written from the rules, not from `controller.monitor`; it shares no code and no table with it.
Every finding is (check, junction, groups, measured ms, required ms).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

RED, GREEN, YELLOW, CLEARANCE, FLASH_RED, FLASH_AMBER, DARK = range(7)
LONG_AGO = -(10**15)
Finding = tuple[str, int, tuple[int, ...], int, int]


class SlowMonitor:
    """Same questions, same answers as `SafetyMonitor`, for frames of the right form."""

    def __init__(self, card: Any) -> None:
        self.card = card
        self.groups, self.junctions = range(card.group_count), range(card.junction_count)
        self.junction = [int(j) for j in card.junction]
        self.walks = [bool(p) for p in card.pedestrian]
        self.intergreen = {
            (int(e), int(s)): int(d)
            for e, s, d in zip(card.pair_ending, card.pair_starting, card.pair_intergreen_ms, strict=True)
        }
        self.yields = [
            (int(d), int(to), int(lead))
            for d, to, lead in zip(card.yield_drivers, card.yield_to, card.yield_lead_ms, strict=True)
        ]
        self.permitted = [RED for _ in self.groups]
        self.since = [LONG_AGO for _ in self.groups]
        self.green_ended = [LONG_AGO for _ in self.groups]
        self.flash_ended = [LONG_AGO for _ in self.junctions]
        self.flash = [False for _ in self.junctions]
        self.latched = [False for _ in self.junctions]
        self.flash_since = [0 for _ in self.junctions]
        self.now = self.before = self.sequence = -1
        self.running_ms, self.last_fault_ms = 0, -6_000
        self.trips: list[int] = []
        self.begun = False
        self.wrong_since: dict[int, int] = {}
        self.wrong_told: set[int] = set()
        self.call_since: dict[int, int] = {}
        self.call_told: set[int] = set()
        self.hold_told: set[int] = set()
        self.paused_since: dict[int, int] = {}

    def judge(
        self, now: int, sequence: int, lamps: Sequence[int], feedback: Sequence[int],
        calls: Sequence[bool], waived: Sequence[bool], suspended: Sequence[bool],
    ) -> tuple[list[Finding], list[Finding]]:  # fmt: skip
        """(violations, alarms) of this frame."""
        self.violations: list[Finding] = []
        self.alarms: list[Finding] = []
        first = self.sequence < 0
        step = now - self.now
        bad = not first and (step <= 0 or step > 300 or sequence != self.sequence + 1)
        if self.now >= 0:
            self.running_ms += min(max(step, 0), 300)
        self.before, self.now, self.sequence = self.now, now, sequence
        if bad or any(not 0 <= lamp <= DARK for lamp in lamps):
            self._distrust()
            return self.violations, self.alarms
        if self.begun:
            self._look_at_the_street(feedback)
            self._look_at_old_yellows()
        else:
            # A flash before the first frame that could be believed lasts its time from that frame.
            self.flash_since = [
                now if on else since for on, since in zip(self.flash, self.flash_since, strict=True)
            ]
        self._end_flashes(lamps)
        proposed = [self._flash_lamp(g) if self.flash[self.junction[g]] else lamps[g] for g in self.groups]
        if not self.begun:
            for g in self.groups:
                if lamps[g] in (GREEN, YELLOW, CLEARANCE) and not self.flash[self.junction[g]]:
                    self._violation(9, (g,), 0, 0)
        self._look_at_changes(proposed, waived)
        for check, j, *_ in self.violations:
            assert check != "C12"
            if not self.flash[j]:
                self.flash_since[j] = now
            self.flash[j] = self.latched[j] = True
        self._permit(
            [self._flash_lamp(g) if self.flash[self.junction[g]] else proposed[g] for g in self.groups]
        )
        if not self.begun:
            self.begun = True
            self.since = [now for _ in self.groups]
            self.green_ended = [now for _ in self.groups]
        self._look_at_waiting(calls, [suspended[j] or self.flash[j] for j in self.junctions])
        return self.violations, self.alarms

    def reset(self, junction: int) -> None:
        """A person ends a latch."""
        self.latched[junction] = False

    def _violation(self, check: int, groups: tuple[int, ...], measured: int, required: int) -> None:
        self.violations.append((f"C{check}", self.junction[groups[0]], groups, measured, required))

    def _alarm(self, check: int, groups: tuple[int, ...], measured: int, required: int) -> None:
        self.alarms.append((f"C{check}", self.junction[groups[0]], groups, measured, required))

    def _flash_lamp(self, g: int) -> int:
        return RED if self.walks[g] else FLASH_RED

    def _permit(self, lamps: list[int]) -> None:
        for g in self.groups:
            if lamps[g] == self.permitted[g]:
                continue
            if self.permitted[g] == GREEN:
                self.green_ended[g] = self.now
            if self.permitted[g] in (FLASH_RED, FLASH_AMBER):
                self.flash_ended[self.junction[g]] = self.now
            self.permitted[g] = lamps[g]
            self.since[g] = self.now
            self.hold_told.discard(g)

    def _distrust(self) -> None:
        opens = self.running_ms - self.last_fault_ms >= 6_000
        self.last_fault_ms = self.running_ms
        if opens:
            self.trips = [*self.trips[-2:], self.running_ms]
            if len(self.trips) == 3 and self.trips[2] - self.trips[0] <= 24 * 3_600_000:
                self.latched = [True for _ in self.junctions]
                self.trips = []
            self.violations.append(("C12", -1, (), 0, 0))
        for j in self.junctions:
            self.flash[j] = True
            self.flash_since[j] = self.now
            self.paused_since.setdefault(j, self.now)
        self._permit([self._flash_lamp(g) for g in self.groups])

    def _end_flashes(self, lamps: Sequence[int]) -> None:
        for j in self.junctions:
            mine = [g for g in self.groups if self.junction[g] == j]
            calm = all(lamps[g] in (RED, self._flash_lamp(g)) for g in mine)
            if self.flash[j] and not self.latched[j] and self.now - self.flash_since[j] >= 6_000 and calm:
                self.flash[j] = False
                self.flash_ended[j] = self.now
                for g in mine:
                    self.since[g] = self.green_ended[g] = self.now

    def _look_at_the_street(self, feedback: Sequence[int]) -> None:
        tolerance = 2 * self.card.lamp_resolution_ms - 100
        wrong = [g for g in self.groups if feedback[g] != self.permitted[g]]
        for g in self.groups:
            if g not in wrong:
                self.wrong_since.pop(g, None)
                self.wrong_told.discard(g)
                continue
            lasted = self.now - self.wrong_since.setdefault(g, self.now)
            if lasted >= tolerance and g not in self.wrong_told:
                self.wrong_told.add(g)
                self._violation(2 if feedback[g] == DARK else 3, (g,), lasted, tolerance)
        active = [feedback[g] in (GREEN, YELLOW, CLEARANCE, FLASH_AMBER) for g in self.groups]
        told: set[frozenset[int]] = set()
        for g in wrong:
            for other in self.groups:
                conflict = (other, g) in self.intergreen and active[g] and active[other]
                if conflict and not self.flash[self.junction[g]] and frozenset((g, other)) not in told:
                    told.add(frozenset((g, other)))
                    both_new = other in wrong
                    pair = (min(g, other), max(g, other)) if both_new else (other, g)
                    self._violation(1, pair, 0, 0)

    def _look_at_old_yellows(self) -> None:
        unit = self.card.lamp_resolution_ms
        for g in self.groups:
            if self.permitted[g] == YELLOW:
                plan = int(self.card.yellow_ms[g])
                while plan % unit:
                    plan += 1
                if self.before - self.since[g] >= plan + 100:
                    self._violation(10, (g,), self.now - self.since[g], plan + 100)

    def _look_at_changes(self, proposed: list[int], waived: Sequence[bool]) -> None:
        active = [lamp in (GREEN, YELLOW, CLEARANCE, FLASH_AMBER) for lamp in proposed]
        was_active = [lamp in (GREEN, YELLOW, CLEARANCE, FLASH_AMBER) for lamp in self.permitted]
        starts = [g for g in self.groups if active[g] and not was_active[g]]
        for g in self.groups:
            if proposed[g] != self.permitted[g]:
                self._look_at_one_change(g, self.permitted[g], proposed[g], bool(waived[self.junction[g]]))
                self._look_at_flash_entry(g, proposed)
        told: set[frozenset[int]] = set()
        for g in starts:
            for other in self.groups:
                if (other, g) not in self.intergreen:
                    continue
                if active[other]:
                    if frozenset((g, other)) not in told:
                        told.add(frozenset((g, other)))
                        pair = (min(g, other), max(g, other)) if other in starts else (other, g)
                        self._violation(1, pair, 0, 0)
                    continue
                required = self.intergreen[other, g]
                if not self.walks[other]:
                    required = max(required - 100, 2_700)
                waited = self.now - self.green_ended[other]
                if waited < required:
                    self._violation(8 if self.walks[other] else 5, (other, g), waited, required)
            self._look_at_flash_before(g, proposed)
        self._look_at_who_gives_way(starts, proposed)

    def _look_at_who_gives_way(self, starts: list[int], proposed: list[int]) -> None:
        for drivers, to, lead in self.yields:
            if to in starts and proposed[drivers] == YELLOW:
                yellow = max(int(self.card.yellow_ms[drivers]) - 100, 2_700)
                lasted = self.now - self.since[drivers] if self.permitted[drivers] == YELLOW else 0
                if lasted < yellow:
                    self._violation(8 if self.walks[to] else 5, (drivers, to), lasted, yellow)
            if drivers in starts and proposed[to] == GREEN and lead:
                led = self.now - self.since[to] if self.permitted[to] == GREEN else 0
                if led < lead:
                    self._violation(8, (to, drivers), led, lead)

    def _look_at_one_change(self, g: int, before: int, after: int, waived: bool) -> None:
        lasted = self.now - self.since[g]
        yellow = max(int(self.card.yellow_ms[g]) - 100, 2_700)
        least_green, clearance = int(self.card.min_green_ms[g]), int(self.card.clearance_ms[g])
        if self.walks[g]:
            if (before, after) == (RED, GREEN):
                pass
            elif (before, after) == (GREEN, CLEARANCE):
                if lasted < least_green:
                    self._violation(8, (g,), lasted, least_green)
            elif (before, after) == (CLEARANCE, RED):
                if lasted < clearance:
                    self._violation(8, (g,), lasted, clearance)
            elif (before, after) == (GREEN, RED):
                self._violation(8, (g,), 0, clearance)
            else:
                self._violation(9, (g,), 0, 0)
        elif (before, after) == (GREEN, YELLOW):
            if lasted < least_green and not waived:
                self._alarm(6, (g,), lasted, least_green)
        elif (before, after) == (YELLOW, RED):
            if lasted < yellow:
                self._violation(4, (g,), lasted, yellow)
        elif (before, after) == (GREEN, RED):
            self._violation(4, (g,), 0, yellow)
        elif RED not in (before, after) or {before, after} & {YELLOW, CLEARANCE, FLASH_AMBER, DARK}:
            self._violation(9, (g,), 0, 0)

    def _look_at_flash_entry(self, g: int, proposed: list[int]) -> None:
        flashes = (FLASH_RED, FLASH_AMBER)
        busy = any(
            self.permitted[other] in (GREEN, YELLOW, CLEARANCE) and self.junction[other] == self.junction[g]
            for other in self.groups
        )
        if proposed[g] in flashes and self.permitted[g] not in flashes and busy:
            self._violation(9, (g,), 0, 0)

    def _look_at_flash_before(self, g: int, proposed: list[int]) -> None:
        j, flashes = self.junction[g], (FLASH_RED, FLASH_AMBER)
        red = self.now - self.flash_ended[j]
        if red < 6_000:
            self._violation(9, (g,), red, 6_000)
        beside = any(
            self.junction[other] == j and (proposed[other] in flashes or self.permitted[other] in flashes)
            for other in self.groups
        )
        if beside and proposed[g] not in flashes:
            self._violation(9, (g,), 0, 0)

    def _look_at_waiting(self, calls: Sequence[bool], paused: list[bool]) -> None:
        for j in self.junctions:
            if paused[j]:
                self.paused_since.setdefault(j, self.now)
            elif j in self.paused_since:
                since = self.paused_since.pop(j)
                for g in self.call_since:
                    if self.junction[g] == j:
                        self.call_since[g] += self.now - max(since, self.call_since[g])
        for g in self.groups:
            if calls[g] and self.permitted[g] != GREEN:
                self.call_since.setdefault(g, self.now)
            else:
                self.call_since.pop(g, None)
                self.call_told.discard(g)
        for s in sorted(self.call_since):
            if paused[self.junction[s]]:
                continue
            limit = int(self.card.promise_ms[s]) + 30_000
            waited = self.now - self.call_since[s]
            if waited > limit and s not in self.call_told:
                self.call_told.add(s)
                self._alarm(13, (s,), waited, limit)
            longest = max(self.card.max_max_green_ms, limit)
            for e in self.groups:
                held = self.now - max(self.since[e], self.call_since[s])
                holds = (e, s) in self.intergreen and self.permitted[e] == GREEN
                if holds and held > longest and e not in self.hold_told:
                    self.hold_told.add(e)
                    self._alarm(7, (e, s), held, longest)
