"""Listening as well where people report little as where they report much.

How readily the people of a district report is learnt from repeats: once a fault is known (by its
first flag, or by the record), further flags come at the district's own rate until it is mended, so
that no knowledge of unreported faults is needed (Liu and Garg, arXiv 2204.08620: the rate is
repeats over exposure). Exposure is counted in presses of buttons, so that a quiet street is not
taken for a silent people.

Where the rate is lower, the record speaks sooner by itself: a button that fell silent is taken for
dead after fewer presses that should have come. Nobody is listened to later than the standing rule
(10.9), whatever anybody reports: so brigades can neither gain nor take anything away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

P999 = -math.log(0.001)
"""Presses that should have come in a gap that only one in a thousand exceeds: 6.9 (exponential gaps)."""
STANDING = 3 * P999
"""The standing rule: three times its p99.9 gap (10.9)."""
SOONEST = P999
"""Never sooner than this: one false alarm in a thousand gaps, and what follows only adds a walk."""
PRIOR_REPEATS, PRIOR_PRESSES = 2.0, 40.0
"""What a district counts for before anything is known of it: a repeat in twenty presses."""
FORGET_PRESSES = 4_000.0
"""Beyond this the older half counts half."""
FLAGS_NEEDED, FLAGS_NEEDED_QUIET = 3, 2
QUIET = 0.5
"""A district whose rate is below this part of the highest one is quiet."""


@dataclass(slots=True)
class Heard:
    """What was learnt of one district."""

    repeats: float = 0.0
    presses: float = 0.0

    @property
    def rate(self) -> float:
        """Reports for each press of a button that found a fault."""
        return (self.repeats + PRIOR_REPEATS) / (self.presses + PRIOR_PRESSES)


class Listening:
    """The districts of one street."""

    def __init__(self) -> None:
        self.districts: dict[str, Heard] = {}
        self._limits: dict[str, float] = {}
        """What `silence_presses` gave, until something more is learnt."""

    def repeat(self, district: str) -> None:
        """Another flag of a fault that is known, from people or from the record; few count in a window."""
        self._of(district).repeats += 1
        self._limits.clear()

    def exposed(self, district: str, presses: float) -> None:
        """So many presses of buttons came while a fault stood that had been reported."""
        heard = self._of(district)
        heard.presses += presses
        self._limits.clear()
        if heard.presses > FORGET_PRESSES:
            heard.repeats, heard.presses = heard.repeats / 2, heard.presses / 2

    def rate(self, district: str) -> float:
        """Reports for each press."""
        return self._of(district).rate

    def learnt(self, district: str, repeats: float, presses: float) -> None:
        """What was learnt before a restart."""
        self.districts[district] = Heard(repeats, presses)
        self._limits.clear()

    def silence_presses(self, district: str) -> float:
        """Presses that should have come before a silent button is taken for dead without any flag.

        Chosen so that the mean of the earlier of (first flag, this) is the same as in the district
        that reports most readily under the standing rule; for a rate r and a limit T presses that
        mean is (1 - exp(-r T)) / r.
        """
        if (known := self._limits.get(district)) is not None:
            return known
        rate = self.rate(district)
        most = max(heard.rate for heard in self.districts.values())
        limit = STANDING
        if rate < most:
            mean = (1 - math.exp(-most * STANDING)) / most
            limit = min(STANDING, max(SOONEST, -math.log(1 - rate * mean) / rate))
        self._limits[district] = limit
        return limit

    def flags_needed(self, district: str) -> int:
        """Flags that count without the record's word: three, two where people report little."""
        most = max((heard.rate for heard in self.districts.values()), default=0.0)
        return FLAGS_NEEDED_QUIET if self.rate(district) < QUIET * most else FLAGS_NEEDED

    def _of(self, district: str) -> Heard:
        if district not in self.districts:
            self._limits.clear()
        return self.districts.setdefault(district, Heard())
