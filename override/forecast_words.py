"""A forecast in plain words: who waits longer, who less, and which promises come near. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller.network import Network
from override.previews import CostRow
from override.what_if import Outcome

MODES = ("cars", "buses", "pedestrians")
WORDS = {"cars": "people in cars", "buses": "people on buses", "pedestrians": "people on foot"}
NOTICED_S = 30
NOTICED_PART = 0.02
"""Less than this nobody would notice."""
NAMED_MAX = 2
LONGER_MS = 10_000
PROMISE_NEAR_MS = 15_000
WARNINGS_MAX = 8
ROWS_MAX = 256


def rows_of(outcome: Outcome, districts: Sequence[str], step: int = -1) -> tuple[CostRow, ...]:
    """Sums by district and mode up to a step of the runs; rows without anybody are left out.

    districts (J): of all junctions of the street.
    """
    return cost_rows(
        outcome.junctions, districts, outcome.without.waited_s[step], outcome.with_order.waited_s[step],
        outcome.without.longest_ms, outcome.with_order.longest_ms,
    )  # fmt: skip


def cost_rows(
    junctions: Sequence[int],
    districts: Sequence[str],
    without_s: np.ndarray,
    with_s: np.ndarray,
    longest_without_ms: np.ndarray,
    longest_with_ms: np.ndarray,
) -> tuple[CostRow, ...]:
    """The same of any arrays (J, MODES)."""
    here = [districts[j] for j in junctions]
    rows = []
    for district in dict.fromkeys(here):
        mine = np.array([name == district for name in here])
        for mode, name in enumerate(MODES):
            without, with_order = (max(0, int(sums[mine, mode].sum())) for sums in (without_s, with_s))
            row = CostRow(
                district, name, without, with_order,
                int(longest_without_ms[mine, mode].max()), int(longest_with_ms[mine, mode].max()),
            )  # fmt: skip
            if row.without or row.with_order:
                rows.append(row)
    return tuple(rows[:ROWS_MAX])


def sentence_of(rows: Sequence[CostRow]) -> str:
    """Who waits longer and who less: those for whom it changes most, by name."""
    longer = [row for row in rows if _change(row) > _noticed(row)]
    less = [row for row in rows if -_change(row) > _noticed(row)]
    if not longer and not less:
        return "Nobody would wait noticeably longer or shorter."
    parts = []
    for group, word in ((longer, "longer"), (less, "less")):
        ranked = sorted(group, key=lambda row: -abs(_change(row)))
        if ranked:
            named = " and ".join(f"{_who(row)} {_time(abs(_change(row)))}" for row in ranked[:NAMED_MAX])
            more = len(ranked) - NAMED_MAX
            others = f" (and {more} more {'groups' if more > 1 else 'group'})" if more > 0 else ""
            parts.append(f"{named} {word} in all{others}")
    text = f"{parts[0][0].upper()}{parts[0][1:]}" + (f"; {parts[1]}" if len(parts) > 1 else "") + "."
    worst = max(rows, key=lambda row: row.longest_with_ms - row.longest_without_ms)
    if worst.longest_with_ms - worst.longest_without_ms >= LONGER_MS:
        text += f" The longest wait {_place(worst)} grows to {worst.longest_with_ms // 1000} s."
    return text if any(_change(row) for row in longer) else f"{text} Nobody waits noticeably longer."


def warnings_of(outcome: Outcome, network: Network, suspends: bool) -> tuple[str, ...]:
    """Promises that would be broken, suspended or come near, and holds the controller itself would end."""
    out = []
    for j, at_s in sorted(outcome.with_order.ended_s.items()):
        name = network.street.junctions[j].title
        if j not in outcome.without.ended_s:
            out.append(f"{name}: it would end after about {at_s} s, because a promised wait comes near.")
    pairs = zip(outcome.junctions, outcome.with_order.slack_ms, outcome.without.slack_ms, strict=True)
    for j, slack_ms, before_ms in pairs:
        name = network.street.junctions[j].title
        if slack_ms < 0 <= before_ms:
            why = "its promise is suspended meanwhile" if suspends else "its promise would not be kept"
            out.append(f"{name}: somebody would wait {-slack_ms // 1000 + 1} s longer than promised; {why}.")
        elif slack_ms < PROMISE_NEAR_MS <= before_ms:
            out.append(
                f"{name}: a promised wait would be kept with only {max(0, slack_ms) // 1000} s to spare."
            )
    return tuple(text[:200] for text in out[:WARNINGS_MAX])


def _change(row: CostRow) -> int:
    return row.with_order - row.without


def _noticed(row: CostRow) -> float:
    return max(NOTICED_S, NOTICED_PART * row.without)


def _who(row: CostRow) -> str:
    return WORDS[row.mode] + (f" in {row.district}" if row.district else "") + " wait"


def _place(row: CostRow) -> str:
    words = {"cars": "in a car", "buses": "on a bus", "pedestrians": "on foot"}[row.mode]
    return words + (f" in {row.district}" if row.district else "")


def _time(person_s: int) -> str:
    return f"{person_s} s" if person_s < 120 else f"{round(person_s / 60)} min"
