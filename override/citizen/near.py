"""Which signals somebody may have meant who mistyped a code."""

from __future__ import annotations

from collections.abc import Iterable

from override.citizen.pages import SignalRow
from override.poles import BODY, SHOWN

CODE = BODY + 1
NEAR_MOST = 4
SLIPS_MOST = 2
LOOKED_AT = 20_000
_MISREAD = str.maketrans("0OD1IBSNGTPEA", "QQQLJ85M67R34")
"""Characters that no code on a pole has, to the one that was most likely meant."""


def letters(text: str) -> str:
    """What counts of a code: letters and digits, in capitals; at most 24."""
    return "".join(c for c in text.upper() if c.isalnum())[:24]


def slips(typed: str, meant: str) -> int:
    """Characters wrong, missing, too many, or two neighbours exchanged (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, t in enumerate(typed, 1):
        older, before, row = before, row, [i]
        for j, m in enumerate(meant, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (t != m))
            if i > 1 and j > 1 and t == meant[j - 2] and typed[i - 2] == m:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


def near(typed: str, signals: Iterable[SignalRow]) -> list[SignalRow]:
    """The nearest signals, the likeliest first: by code, name of the junction, or the start of a title."""
    wanted = letters(typed)
    if len(wanted) == CODE + SHOWN:
        wanted = wanted[:CODE]  # the rest is what the pole shows for a while
    if len(wanted) < 2:
        return []
    found: list[tuple[int, str, SignalRow]] = []
    for row in list(signals)[:LOOKED_AT]:
        names = (letters(row.pole), letters(row.junction))
        codes = tuple(c for c in names if abs(len(c) - len(wanted)) <= SLIPS_MOST)
        tries = {wanted, wanted.translate(_MISREAD)}
        away = min((slips(t, c) for c in codes for t in tries), default=SLIPS_MOST + 1)
        if len(wanted) >= 4 and letters(row.title).startswith(wanted):
            away = min(away, 1)
        if away <= min(SLIPS_MOST, len(wanted) // 2):
            found.append((away, row.pole, row))
    return [row for _, _, row in sorted(found, key=lambda f: f[:2])[:NEAR_MOST]]
