"""Slow tampering: green times that creep away from what they were are found before they matter (A7).

Each stage's duration is watched by a cumulative sum (Page, "Continuous inspection schemes", Biometrika
1954): what a duration is off its usual length, less an allowance of half its usual spread, adds up
until it crosses a threshold. A change that comes and goes adds up to nothing; a second more in each
cycle crosses it within twenty. What is usual is learned slowly, so that creeping does not teach it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.network import Network
from controller.state import State

LEARN_CYCLES = 30
"""Nothing is said of a stage that has been shown less often."""
MEMORY_CYCLES = 300
"""What is usual is the mean of about so many."""
ALLOWANCE = 0.5
THRESHOLD = 8.0
"""In usual spreads; together with the allowance one false alarm in about 2,000 cycles of pure chance."""
SPREAD_LEAST_S = 1.0
SPREAD_MOST_S = 6.0
"""A planner that answers to demand spreads its greens; an attacker may not hide behind that without end."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A stage that has crept away from its usual duration."""

    junction: int
    stage: int
    usual_s: float
    latest_s: float

    def sentence(self, network: Network) -> str:
        """For people."""
        junction = network.street.junctions[self.junction]
        stage = junction.stages[self.stage - int(network.stage_start[self.junction])].name
        word = "longer" if self.latest_s > self.usual_s else "shorter"
        return (
            f"{junction.title}: stage {stage} has crept away from its usual {self.usual_s:.0f} s; "
            f"it is {abs(self.latest_s - self.usual_s):.0f} s {word} now and nobody ordered it"
        )


class DriftWatch:
    """Watches every stage of a network. `seen` (S) counts how often each was shown."""

    def __init__(self, network: Network) -> None:
        stages = network.n_stages
        self.seen = np.zeros(stages, np.int64)
        self._network = network
        self._mean_s = np.zeros(stages)
        self._var = np.zeros(stages)
        self._up = np.zeros(stages)
        self._down = np.zeros(stages)
        self._shown = np.full(network.n_junctions, -1, np.int64)
        self._since_ms = np.zeros(network.n_junctions, np.int64)
        self._told = np.zeros(stages, np.bool_)

    def look(self, state: State, now_ms: int, ordered: np.ndarray) -> list[Drift]:
        """What has crept away, said once until it is back. Call it every tick.

        ordered (J) bool: junctions where people ordered something teach nothing and are not accused.
        """
        changed = np.flatnonzero((state.target_stage != self._shown) & ~state.in_transition)
        found = []
        for j in changed.tolist():
            stage, lasted_s = int(self._shown[j]), (now_ms - int(self._since_ms[j])) / 1000.0
            self._shown[j], self._since_ms[j] = state.target_stage[j], now_ms
            if stage < 0 or ordered[j]:
                continue
            if (drift := self._add(j, stage, lasted_s)) is not None:
                found.append(drift)
        return found

    def forget(self, junction: int) -> None:
        """Another plan is played there from now on: what was usual no longer is."""
        stages = slice(int(self._network.stage_start[junction]), int(self._network.stage_start[junction + 1]))
        for learned in (self.seen, self._mean_s, self._var, self._up, self._down, self._told):
            learned[stages] = 0

    def _add(self, j: int, stage: int, lasted_s: float) -> Drift | None:
        seen = int(self.seen[stage])
        off_s = lasted_s - self._mean_s[stage]
        spread_s = min(SPREAD_MOST_S, max(SPREAD_LEAST_S, float(np.sqrt(self._var[stage]))))
        self.seen[stage] += 1
        part = 1.0 / min(seen + 1, MEMORY_CYCLES)
        self._mean_s[stage] += part * off_s
        self._var[stage] += part * (off_s * off_s - self._var[stage]) if seen else 0.0
        if seen < LEARN_CYCLES:
            return None
        # One odd cycle proves nothing: it counts as three spreads at most.
        step = max(-3.0, min(3.0, off_s / spread_s))
        self._up[stage] = max(0.0, self._up[stage] + step - ALLOWANCE)
        self._down[stage] = max(0.0, self._down[stage] - step - ALLOWANCE)
        far = max(self._up[stage], self._down[stage])
        if far < THRESHOLD:
            self._told[stage] = self._told[stage] and far > 0.0
            return None
        self._up[stage] = self._down[stage] = THRESHOLD / 2
        if self._told[stage]:
            return None
        self._told[stage] = True
        return Drift(j, stage, float(self._mean_s[stage]), lasted_s)
