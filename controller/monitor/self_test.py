"""C16: the monitor proves that it still sees. In its shadow every junction is shown a conflict.

A second monitor on the same card is led to a quiet all-red and then given both groups of one
conflicting pair at every junction at once. It must flash and latch each of them, name C1, and leave
those alone that have no conflict to show. Nothing of it reaches the street.
"""

from __future__ import annotations

import numpy as np

from controller.monitor.card import Card
from controller.monitor.judge import SafetyMonitor
from controller.monitor.lamps import GREEN, RED, Int64s

STEP_MS = 300


def one_pair_each(card: Card, turn: int = 0) -> Int64s:
    """Index of one conflicting pair of every junction that has one; another with every `turn`."""
    of = card.junction[card.pair_starting]
    order = np.lexsort((np.arange(of.size), of))
    junctions, first, count = np.unique(of[order], return_index=True, return_counts=True)
    pairs: Int64s = order[first + turn % np.maximum(count, 1)] if junctions.size else np.zeros(0, np.int64)
    return pairs


def self_test(card: Card, turn: int = 0) -> str:
    """Inject the conflicts. Returns "" or, in words, what was not seen."""
    shadow = SafetyMonitor(card)
    pairs = one_pair_each(card, turn)
    lamps = np.full(card.group_count, RED, np.int8)
    no_calls = np.zeros(card.group_count, np.bool_)
    no = np.zeros(card.junction_count, np.bool_)
    shown = lamps.copy()
    now_ms, sequence = 0, 0
    while now_ms <= int(card.pair_intergreen_ms.max(initial=0)) + STEP_MS:
        verdict = shadow.judge(now_ms, sequence, lamps, shown, no_calls, no, no)
        if verdict.violations:
            return f"all red was refused: {verdict.violations[0].sentence}"
        now_ms, sequence = now_ms + STEP_MS, sequence + 1
    lamps = lamps.copy()
    lamps[card.pair_ending[pairs]] = GREEN
    lamps[card.pair_starting[pairs]] = GREEN
    verdict = shadow.judge(now_ms, sequence, lamps, shown, no_calls, no, no)
    wanted = np.zeros(card.junction_count, np.bool_)
    wanted[card.junction[card.pair_starting[pairs]]] = True
    seen = verdict.flash & verdict.latched
    for j in np.flatnonzero(seen != wanted):
        what = "a conflict was not seen" if wanted[j] else "flashes without a conflict"
        return f"{card.junction_names[j]}: {what}"
    if (verdict.permitted[card.pair_starting[pairs]] == GREEN).any():
        return "a green of a conflict was permitted"
    named = {v.junction for v in verdict.violations if v.check == "C1"}
    if named != set(np.flatnonzero(wanted).tolist()):
        return "a conflict was stopped, but not as C1"
    return ""
