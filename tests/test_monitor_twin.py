"""The monitor and its slow twin judge the same random streets alike."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controller.monitor import Card, SafetyMonitor
from controller.monitor.lamps import (
    CLEARANCE,
    DARK,
    FLASH_AMBER,
    FLASH_RED,
    FLASHING,
    GREEN,
    RED,
    YELLOW,
)  # fmt: skip
from controller.monitor.verdict import Violation
from tests.slow_monitor import SlowMonitor

CHECKS = {"C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C12", "C13"}


def random_card(rng: random.Random) -> Card:
    """One to three junctions of one to five groups, conflicting at random."""
    sizes = [rng.randint(1, 5) for _ in range(rng.randint(1, 3))]
    junction = np.repeat(np.arange(len(sizes)), sizes)
    groups = junction.size
    walks = np.array([rng.random() < 0.35 for _ in range(groups)])
    yellow_ms = np.where(walks, 0, [rng.choice((2_700, 3_000, 3_400)) for _ in range(groups)])
    clearance_ms = np.where(walks, [rng.choice((1_000, 2_500)) for _ in range(groups)], 0)
    pairs = []
    for a in range(groups):
        for b in range(a + 1, groups):
            if junction[a] == junction[b] and rng.random() < 0.6:
                pairs += [(a, b), (b, a)]
    yields = [
        (a, b, rng.choice((0, 1_500, 3_000)) if walks[b] else 0)
        for a in range(groups)
        for b in range(groups)
        if a != b
        and junction[a] == junction[b]
        and not walks[a]
        and (a, b) not in pairs
        and rng.random() < 0.6
    ]
    least_ms = [int(clearance_ms[a]) + 3_000 if walks[a] else int(yellow_ms[a]) for a, _ in pairs]
    return Card(
        junction_names=tuple(f"J{j}" for j in range(len(sizes))),
        group_names=tuple(f"g{g}" for g in range(groups)),
        junction=junction, pedestrian=walks, yellow_ms=yellow_ms, clearance_ms=clearance_ms,
        min_green_ms=np.where(walks, 4_000, 2_000),
        promise_ms=np.array([rng.choice((1_000, 5_000, 9_000)) for _ in range(groups)]),
        turn_on_red=np.zeros(groups, dtype=np.bool_),
        pair_ending=np.array([pair[0] for pair in pairs], dtype=np.int64),
        pair_starting=np.array([pair[1] for pair in pairs], dtype=np.int64),
        pair_intergreen_ms=np.array([ms + rng.choice((0, 500)) for ms in least_ms], dtype=np.int64),
        yield_drivers=np.array([one for one, _, _ in yields], dtype=np.int64),
        yield_to=np.array([to for _, to, _ in yields], dtype=np.int64),
        yield_lead_ms=np.array([ms for _, _, ms in yields], dtype=np.int64),
        lamp_resolution_ms=rng.choice((100, 100, 500)), max_max_green_ms=rng.choice((2_000, 36_000)),
    )  # fmt: skip


class Engine:
    """Mostly lawful: now and then it starts, ends or shows something it should not."""

    def __init__(self, card: Card, rng: random.Random, malice: float) -> None:
        self.card, self.rng, self.malice = card, rng, malice
        self.lamps = [RED] * card.group_count
        self.since = [0] * card.group_count
        self.rest_until = [rng.choice((0, 6_000, 12_000)) for _ in range(card.junction_count)]
        self.hold = [rng.random() < 0.1 for _ in range(card.group_count)]
        self.lazy = [rng.random() < 0.05 for _ in range(card.group_count)]

    def advance(self, now_ms: int, verdict_flash: np.ndarray) -> np.ndarray:
        """The lamps proposed for `now_ms` (ms since the start)."""
        rng, card = self.rng, self.card
        for group in range(card.group_count):
            junction = int(card.junction[group])
            if verdict_flash[junction]:
                if rng.random() < 0.3:
                    self._set(group, RED, now_ms)
                self.rest_until[junction] = now_ms + rng.choice((6_000, 12_000))
                continue
            self._set(group, self._next(group, now_ms), now_ms)
            if rng.random() < self.malice:
                self._set(group, rng.choice((RED, RED, GREEN, YELLOW, CLEARANCE, FLASH_RED, DARK)), now_ms)
        if rng.random() < self.malice * 4:
            self._flash(rng.randrange(card.junction_count), now_ms)
        return np.array(self.lamps, dtype=np.int8)

    def _set(self, group: int, lamp: int, now_ms: int) -> None:
        if lamp != self.lamps[group]:
            self.lamps[group], self.since[group] = lamp, now_ms

    def _next(self, group: int, now_ms: int) -> int:
        rng, card, lamp = self.rng, self.card, self.lamps[group]
        lasted_ms = now_ms - self.since[group] + rng.choice((0,) * 200 + (100, 300, -100, -300))
        walks = bool(card.pedestrian[group])
        if lamp == GREEN and lasted_ms >= card.min_green_ms[group] and rng.random() < 0.08:
            return GREEN if self.hold[group] else CLEARANCE if walks else YELLOW
        if lamp == GREEN and not walks and rng.random() < 0.005:
            return YELLOW
        if lamp == YELLOW and lasted_ms >= card.yellow_ms[group]:
            return YELLOW if self.lazy[group] and rng.random() < 0.7 else RED
        if lamp == CLEARANCE and lasted_ms >= card.clearance_ms[group]:
            return RED
        if FLASHING[lamp] and rng.random() < 0.02:
            self.rest_until[int(card.junction[group])] = now_ms + rng.choice((6_000, 12_000))
            return RED
        rested = now_ms >= self.rest_until[int(card.junction[group])]
        if lamp == RED and rested and rng.random() < 0.03 and self._clear(group, now_ms):
            return GREEN
        return lamp

    def _clear(self, group: int, now_ms: int) -> bool:
        card = self.card
        for other in card.pair_ending[card.pair_starting == group]:
            red_ms = now_ms - self.since[other] + self.rng.choice((0, 0, 0, 0, 300))
            needed = 3_500 if card.pedestrian[other] else 500
            if self.lamps[other] != RED or red_ms < needed:
                return False
        for drivers in card.yield_drivers[card.yield_to == group]:
            if self.lamps[drivers] == YELLOW and self.rng.random() < 0.95:
                return False
        for led in np.flatnonzero(card.yield_drivers == group):
            walk = card.yield_to[led]
            led_ms = now_ms - self.since[walk] + self.rng.choice((0,) * 20 + (300,))
            if self.lamps[walk] == GREEN and led_ms < card.yield_lead_ms[led]:
                return False
        return True

    def _flash(self, junction: int, now_ms: int) -> None:
        lamp = self.rng.choice((FLASH_RED,) * 9 + (FLASH_AMBER,))
        for group in np.flatnonzero((self.card.junction == junction) & ~self.card.pedestrian):
            if self.lamps[group] == RED or self.rng.random() < 0.1:
                self._set(int(group), lamp, now_ms)


def as_tuple(found: tuple[Violation, ...]) -> list[tuple[Any, ...]]:
    return sorted((v.check, v.junction, v.groups, v.measured_ms, v.required_ms) for v in found)


def compare(seed: int, frames: int, malice: float) -> set[str]:
    """Play one random street to both; the checks that were seen."""
    rng = random.Random(seed)
    card = random_card(rng)
    fast, slow = SafetyMonitor(card), SlowMonitor(card)
    engine = Engine(card, rng, malice)
    now_ms, sequence, seen = 10_000_000, 0, set()
    feedback = np.full(card.group_count, RED, dtype=np.int8)
    calls = np.zeros(card.group_count, dtype=np.bool_)
    suspended = np.zeros(card.junction_count, dtype=np.bool_)
    flash = np.zeros(card.junction_count, dtype=np.bool_)
    late = rng.random() < 0.05
    dark, dark_until_ms = 0, 0
    for _ in range(frames):
        step_ms = rng.choice((100, 100, 100, 50, 200, 300))
        if rng.random() < malice / 4:
            step_ms = rng.choice((0, -5_000, 301, 10_000))
        now_ms += step_ms
        sequence += 1 if rng.random() >= malice / 8 else 2
        lamps = engine.advance(now_ms, flash)
        if rng.random() < malice / 8:
            lamps[rng.randrange(card.group_count)] = rng.choice((-1, 7, 100))
        calls ^= np.array([rng.random() < (0.001 if call else 0.02) for call in calls])
        suspended ^= np.array([rng.random() < 0.004 for _ in suspended])
        waived = np.array([rng.random() < 0.3 for _ in suspended])
        verdict = fast.judge(now_ms, sequence, lamps, feedback.copy(), calls.copy(), waived, suspended.copy())
        violations, alarms = slow.judge(now_ms, sequence, lamps, feedback, calls, waived, suspended)
        assert as_tuple(verdict.violations) == sorted(violations)
        assert as_tuple(verdict.alarms) == sorted(alarms)
        assert list(verdict.permitted) == slow.permitted
        assert (list(verdict.flash), list(verdict.latched)) == (slow.flash, slow.latched)
        seen |= {v.check for v in verdict.violations + verdict.alarms}
        flash = verdict.flash
        if not late or rng.random() < 0.5:
            feedback = verdict.permitted.copy()
        if rng.random() < malice / 4:
            dark, dark_until_ms = rng.randrange(card.group_count), now_ms + rng.choice((100, 300, 3_000))
        if now_ms < dark_until_ms:
            feedback[dark] = DARK
        if rng.random() < malice:
            feedback[rng.randrange(card.group_count)] = rng.choice((GREEN, DARK, YELLOW, 77))
        for junction in np.flatnonzero(verdict.latched):
            if rng.random() < 0.02:
                fast.reset(int(junction), "Ada", "random")
                slow.reset(int(junction))
    return seen


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32), malice=st.sampled_from((0.0, 0.0004, 0.003, 0.02)))
@example(seed=15237288, malice=0.003)  # nothing before the first frame could be believed
def test_the_monitor_and_its_slow_twin_agree(seed: int, malice: float) -> None:
    compare(seed, 500, malice)


def test_the_random_streets_reach_every_check() -> None:
    seen: set[str] = set()
    for seed in range(24):
        seen |= compare(seed, 900, (0.0, 0.0004, 0.003)[seed % 3])
    assert seen == CHECKS


@pytest.mark.parametrize("seed", range(10))
def test_what_is_permitted_is_never_in_conflict_whatever_is_proposed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    card = random_card(random.Random(seed))
    monitor = SafetyMonitor(card)
    permitted = np.full(card.group_count, RED, dtype=np.int8)
    none, nobody = np.zeros(card.junction_count, dtype=np.bool_), np.zeros(card.group_count, dtype=np.bool_)
    for frame in range(400):
        lamps = rng.integers(0, 7, card.group_count).astype(np.int8)
        lamps[rng.random(card.group_count) < 0.7] = RED
        verdict = monitor.judge(100 * frame, frame, lamps, permitted, nobody, none, none)
        permitted = verdict.permitted.copy()
        going = np.isin(permitted, (GREEN, YELLOW, CLEARANCE, FLASH_AMBER))
        assert not (going[card.pair_ending] & going[card.pair_starting]).any()
        for junction in np.flatnonzero(verdict.latched):
            monitor.reset(int(junction), "Ada", "random")
