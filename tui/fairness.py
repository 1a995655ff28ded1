"""Who waits how long where: the pulse as an equity ledger, and what was promised to whom. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from override.details import DistrictPulse, ModePulse, Pulse
from override.layouts import JunctionLayout
from tui.forecast_table import mode_words
from tui.lamps import kind_word
from tui.model import PulsePoint

RATIO_WORTH_A_LOOK = 1.5
"""Worst to best district; beyond this somebody should ask why."""
ALIKE = 1.05
"""Below this nobody would notice the difference."""
PEOPLE_LEAST = 5
"""Fewer people served or waiting are chance, not a district's fate: left out of the ratio."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One mode over the districts."""

    mode: str
    rows: tuple[tuple[str, ModePulse], ...]
    """(district, how it fares there), the longest mean wait first."""
    ratio: float
    """Longest mean wait by shortest; nan where there are no two districts to compare."""

    @property
    def worst(self) -> str:
        """The district that waits longest."""
        return self.rows[0][0] if self.rows else ""


def is_served(pulse: ModePulse) -> bool:
    """Whether there is enough to say something of them."""
    return pulse.mean_wait_ms > 0 or pulse.waiting >= PEOPLE_LEAST


def ledgers(pulse: Pulse) -> list[Ledger]:
    """By mode in the order in which the station tells them."""
    modes = [mode.mode for mode in pulse.modes]
    modes += [m.mode for d in pulse.districts for m in d.modes if m.mode not in modes]
    return [_ledger(mode, pulse.districts) for mode in dict.fromkeys(modes)]


def _ledger(mode: str, districts: Sequence[DistrictPulse]) -> Ledger:
    rows = [(d.district, m) for d in districts for m in d.modes if m.mode == mode and is_served(m)]
    rows.sort(key=lambda row: (-row[1].mean_wait_ms, row[0]))
    waits = [m.mean_wait_ms for _, m in rows if m.mean_wait_ms > 0]
    ratio = max(waits) / min(waits) if len(waits) > 1 else math.nan
    return Ledger(mode, tuple(rows), ratio)


def ratio_words(ledger: Ledger) -> tuple[str, bool]:
    """(how unequal, whether somebody should look)."""
    people = mode_words(ledger.mode)
    if math.isnan(ledger.ratio):
        return f"People {people}: only one district to tell of.", False
    if ledger.ratio < ALIKE:
        return f"People {people} wait alike in all districts.", False
    best = ledger.rows[-1][0] or "the rest"
    worst = ledger.worst or "the rest"
    words = f"People {people} in {worst} wait {ledger.ratio:.1f} times as long as in {best}."
    return words, ledger.ratio >= RATIO_WORTH_A_LOOK


def waits_over_time(points: Sequence[PulsePoint], mode: str, district: str = "") -> list[float]:
    """Mean wait of a mode in seconds at each pulse kept, oldest first; nan where nothing was told of it."""
    return [_seconds(_find(point.pulse, mode, district)) for point in points]


def kept_over_time(points: Sequence[PulsePoint], mode: str) -> list[float]:
    """Promises kept in per cent."""
    found = [_find(point.pulse, mode, "") for point in points]
    return [math.nan if one is None else one.kept_permille / 10 for one in found]


def tick_over_time(points: Sequence[PulsePoint]) -> list[float]:
    """Cost of a tick in milliseconds."""
    return [point.pulse.tick_us / 1000 for point in points]


def _seconds(pulse: ModePulse | None) -> float:
    return math.nan if pulse is None or pulse.mean_wait_ms <= 0 else pulse.mean_wait_ms / 1000


def _find(pulse: Pulse, mode: str, district: str) -> ModePulse | None:
    modes: Iterable[ModePulse] = pulse.modes
    if district:
        modes = next((d.modes for d in pulse.districts if d.district == district), ())
    return next((m for m in modes if m.mode == mode), None)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a kind of group is promised, over the city."""

    kind: str
    least_ms: int
    most_ms: int
    groups: int
    above: int
    """Groups promised more than the least."""


def promises(layouts: Iterable[JunctionLayout]) -> list[Promise]:
    """By kind of group: the published longest waits."""
    found: dict[str, list[int]] = {}
    for layout in layouts:
        for group in layout.groups:
            found.setdefault(kind_word(group.kind), []).append(group.promise_ms)
    return [
        Promise(kind, min(waits), max(waits), len(waits), sum(ms > min(waits) for ms in waits))
        for kind, waits in sorted(found.items())
    ]
