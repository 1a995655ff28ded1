"""A street of nothing but crossings: people press, wait, walk; buttons die and are mended.

For measures that need hundreds of faults and many hours: it plays the record that a station would
tell, and no vehicle. Presses are Poisson, each crossing with a rate of its own; a press is served
within a minute. The office that hears it is the real one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from override.citizen.record import Code
from override.layouts import DetectorLayout, GroupLayout, JunctionLayout, StageLayout, StreetLayout
from override.poles import pole_codes

WALK, BUTTON = 0, 0
PROMISE_MS = 90_000
HOUR_MS = 3_600_000
SERVED_MS = (5_000, 60_000)
"""A call is served after a time between these."""
WALK_MS, CLEARANCE_MS = 8_000, 12_000


@dataclass(slots=True)
class Fault:
    """One button, dead for a while."""

    crossing: int
    begin_ms: int
    end_ms: int
    met_ms: int = -1
    """When somebody pressed it in vain for the first time."""
    remedy_ms: int = -1


class PressStreet:
    """`districts` of `crossings` each. Times are street milliseconds from 0."""

    def __init__(
        self, districts: tuple[str, ...], crossings: int, hours: float, faults_per_crossing: float,
        mend_ms: int, warm_ms: int, seed: int,
    ) -> None:  # fmt: skip
        self.districts = districts
        self.count = len(districts) * crossings
        self.district_of = [districts[k // crossings] for k in range(self.count)]
        random = np.random.default_rng((seed, 3))
        end_ms = round(hours * HOUR_MS)
        self.end_ms = end_ms
        self.per_hour = random.uniform(30, 90, self.count)
        self.presses_ms = [
            np.sort(random.uniform(0, end_ms, random.poisson(rate * hours))).astype(np.int64)
            for rate in self.per_hour
        ]
        self._served_in_ms = [random.integers(*SERVED_MS, len(p)) for p in self.presses_ms]
        self._at = [0] * self.count
        self._red_at: list[tuple[int, int, int]] = []
        self._called = [-1] * self.count
        self.faults = _faults(random, self.count, faults_per_crossing, warm_ms, end_ms, mend_ms)
        self._fault_of: dict[int, list[Fault]] = {}
        for fault in self.faults:
            self._fault_of.setdefault(fault.crossing, []).append(fault)

    def layout(self) -> StreetLayout:
        """A junction for each crossing."""
        poles = pole_codes((f"P{k}", "walk") for k in range(self.count))
        return StreetLayout(
            "press street",
            tuple(
                JunctionLayout(
                    f"P{k}", f"Press Lane {k}", 100 * k, 0, self.district_of[k],
                    (
                        GroupLayout(
                            "walk", "pedestrian", "walk", PROMISE_MS, poles[f"P{k}", "walk"], 100, 11_000
                        ),
                    ),
                    (StageLayout("walk", (WALK,)), StageLayout("rest", ())),
                    (DetectorLayout("button", "button", "walk"),),
                )
                for k in range(self.count)
            ),
        )  # fmt: skip

    def play(self, until_ms: int) -> tuple[list[int], list[tuple[int, int]]]:
        """(rows of the record, (crossing, ms) of presses in vain) up to then."""
        rows: list[tuple[int, int, int, int]] = []
        vain: list[tuple[int, int]] = []
        for k in range(self.count):
            presses = self.presses_ms[k]
            while self._at[k] < len(presses) and presses[self._at[k]] < until_ms:
                ms, wait_ms = int(presses[self._at[k]]), int(self._served_in_ms[k][self._at[k]])
                self._at[k] += 1
                fault = next((f for f in self._fault_of.get(k, ()) if f.begin_ms <= ms < f.end_ms), None)
                if fault is not None:
                    if fault.met_ms < 0:
                        fault.met_ms = ms
                    vain.append((k, ms))
                    continue
                rows.append((ms, k, Code.PRESSED, WALK))
                if ms >= self._called[k]:
                    served_ms = ms + wait_ms
                    self._called[k] = served_ms + WALK_MS + CLEARANCE_MS
                    self._red_at += [
                        (ms, k, Code.CALLED), (served_ms, k, Code.GREEN), (served_ms, k, Code.SERVED),
                        (served_ms + WALK_MS, k, Code.CLEARANCE), (self._called[k], k, Code.RED),
                    ]  # fmt: skip
        due = [row for row in self._red_at if row[0] < until_ms]
        self._red_at = [row for row in self._red_at if row[0] >= until_ms]
        rows += [(ms, k, code, WALK) for ms, k, code in due]
        rows.sort(key=lambda row: row[0])
        return [number for row in rows for number in row], vain


def _faults(
    random: np.random.Generator, count: int, per_crossing: float, warm_ms: int, end_ms: int, mend_ms: int
) -> list[Fault]:
    faults = []
    for k in range(count):
        begin_ms = warm_ms
        while True:
            begin_ms += round(random.exponential((end_ms - warm_ms) / per_crossing))
            if begin_ms + mend_ms > end_ms:
                break
            faults.append(Fault(k, begin_ms, begin_ms + mend_ms))
            begin_ms += mend_ms + HOUR_MS // 2
    return faults
