"""A journal as a standard high-resolution event log: what any tool for signal performance reads.

Codes are those of the Indiana traffic signal high-resolution data logger enumerations (Sturdevant
et al., Purdue 2012, and its 2020 revision). Each signal is a device, numbered from 1 in the street's
order; its groups are phases, its detectors channels, both numbered from 1 in their own order, so that
a walk's and its button's parameter is the crossing's phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from controller.explain import Decision
from controller.frame import Frame
from controller.journal_codec import TickRecord
from controller.network import Network
from controller.vocabulary import DetectorKind, GroupKind, Lamp

HEARTBEAT_MS = 60_000
"""A tool drops five minutes with fewer than three events, so an idle signal speaks once a minute."""
FAULT_OCCUPANCY = 200.0
"""From here on it is a device's report of its own fault (`Frame.detector_occupancy`)."""


class Code(IntEnum):
    """The event codes used."""

    GREEN = 1
    GAP_OUT = 4
    MAX_OUT = 5
    FORCE_OFF = 6
    GREEN_ENDS = 7
    YELLOW = 8
    YELLOW_ENDS = 9
    RED_CLEARANCE = 10
    RED_CLEARANCE_ENDS = 11
    WALK = 21
    PEDESTRIAN_CLEARANCE = 22
    DONT_WALK = 23
    HOLD = 41
    HOLD_RELEASED = 42
    CALL = 43
    CALL_DROPPED = 44
    PEDESTRIAN_CALL = 45
    OMIT = 46
    OMIT_RELEASED = 47
    DETECTOR_OFF = 81
    DETECTOR_ON = 82
    DETECTOR_RESTORED = 83
    DETECTOR_WATCHDOG = 85
    DETECTOR_OPEN = 86
    DETECTOR_SHORTED = 87
    PRESS_ENDS = 89
    PRESS = 90
    PREEMPT_CALL = 102
    PREEMPT_CALL_ENDS = 104
    PREEMPT_ENTRY = 105
    PREEMPT_EXIT = 111
    PRIORITY_CHECK_IN = 112
    PRIORITY_EARLY_GREEN = 113
    PRIORITY_CHECK_OUT = 115
    PATTERN = 131
    FLASH_STATUS = 173
    CONTROL_STATUS = 175
    INTERVAL_ADVANCE = 179


NOT_IN_FLASH, AUTOMATIC_FLASH, FAULT_MONITOR_FLASH = 2, 3, 5
"""Parameters of `FLASH_STATUS`, as NTCIP 1202 unitFlashStatus."""
FAULT_OF: dict[int, Code] = {
    210: Code.DETECTOR_SHORTED, 211: Code.DETECTOR_WATCHDOG,
    212: Code.DETECTOR_OPEN, 213: Code.DETECTOR_SHORTED,
}  # fmt: skip
ASKED: dict[str, Code] = {
    "preempt": Code.PREEMPT_ENTRY, "preempt-exit": Code.PREEMPT_EXIT, "priority": Code.PRIORITY_EARLY_GREEN,
}  # fmt: skip
"""By the rule of a decision that was made for somebody who asked."""
TERMINATION: dict[str, Code] = {
    "max-green": Code.MAX_OUT,
    "plan": Code.FORCE_OFF,
    "promise": Code.FORCE_OFF,
    "preempt": Code.FORCE_OFF,
}
"""By the rule of the decision that ended a green; every other rule is a gap-out."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log."""

    time_ms: int
    device: int
    code: Code
    parameter: int


class HighResolution:
    """Turns a journal's ticks, in order, into events. One object reads one journal."""

    def __init__(self, network: Network) -> None:
        self.network = network
        j, g, d = network.n_junctions, network.n_groups, len(network.detectors)
        self._phase = np.arange(g) - network.group_start[network.group_junction] + 1
        before = np.searchsorted(network.detector_junction, np.arange(j))
        self._channel = np.arange(d) - before[network.detector_junction] + 1 if d else np.zeros(0, np.int64)
        self._lamps = np.zeros(g, np.int8)
        self._on = np.zeros(d, np.bool_)
        self._fault = np.zeros(d, np.int64)
        self._called = np.zeros(g, np.bool_)
        self._flash = np.zeros(j, np.bool_)
        self._clear_ms: dict[int, int] = {}
        self._ordered: dict[int, tuple[Code, int]] = {}
        self._rule: dict[int, str] = {}
        self._asking: dict[tuple[int, str], int] = {}
        self._next_ms = -1
        self._sequence = -1

    def events(self, ticks: Iterable[TickRecord]) -> Iterator[Event]:
        """All events, in the order of time."""
        for tick in ticks:
            yield from self._tick(tick)

    def _tick(self, tick: TickRecord) -> Iterator[Event]:
        now_ms = tick.now_ms
        if self._next_ms < 0:
            for device in range(1, self.network.n_junctions + 1):
                yield Event(now_ms, device, Code.PATTERN, 1)
        if now_ms >= self._next_ms:
            for device in range(1, self.network.n_junctions + 1):
                yield Event(now_ms, device, Code.CONTROL_STATUS, 1)
            self._next_ms = now_ms + HEARTBEAT_MS
        yield from self._orders(tick)
        if tick.frame is not None and tick.frame.sequence != self._sequence:
            self._sequence = tick.frame.sequence
            yield from self._detectors(now_ms, tick.frame)
            yield from self._who_asks(now_ms, tick.frame)
        yield from self._red_clearances(now_ms)
        if tick.lamps is not None:
            yield from self._changes(now_ms, tick.lamps, tick.decisions)

    # --- lamps -----------------------------------------------------------------------------------

    def _changes(
        self, now_ms: int, lamps: NDArray[np.int8], decisions: tuple[Decision, ...]
    ) -> Iterator[Event]:
        for decision in decisions:
            self._rule[decision.junction] = decision.rule
            if decision.rule in ASKED:
                j = decision.junction
                number = self._asking.get((j, "preempt"), 1) if decision.rule != "priority" else 1
                yield Event(now_ms, j + 1, ASKED[decision.rule], number)
        yield from self._flashes(now_ms, lamps)
        # Ends first: a red clearance that ends and the green it was for fall into one tick.
        for g in sorted(np.flatnonzero(lamps != self._lamps), key=lambda g: lamps[g] == Lamp.GREEN):
            yield from self._change(now_ms, int(g), int(self._lamps[g]), int(lamps[g]))
        self._lamps[:] = lamps

    def _change(self, now_ms: int, g: int, before: int, after: int) -> Iterator[Event]:
        device, phase = int(self.network.group_junction[g]) + 1, int(self._phase[g])
        walks = self.network.group_kind[g] == GroupKind.PEDESTRIAN
        codes: list[Code] = []
        if after == Lamp.GREEN:
            codes = [Code.WALK] if walks else [Code.GREEN]
            if self._called[g] and not walks:
                codes.append(Code.CALL_DROPPED)
            self._called[g] = False
        elif after == Lamp.YELLOW:
            ended_by = TERMINATION.get(self._rule.get(device - 1, ""), Code.GAP_OUT)
            codes = [ended_by, Code.GREEN_ENDS, Code.YELLOW]
        elif after == Lamp.CLEARANCE:
            codes = [Code.PEDESTRIAN_CLEARANCE]
        elif before == Lamp.YELLOW:
            codes = [Code.YELLOW_ENDS, Code.RED_CLEARANCE]
            self._clear_ms[g] = now_ms + self._red_ms(g)
        elif before == Lamp.CLEARANCE:
            codes = [Code.DONT_WALK]
        for code in codes:
            yield Event(now_ms, device, code, phase)

    def _red_ms(self, g: int) -> int:
        """Shortest all-red after this group's yellow, before any start that conflicts with it."""
        network = self.network
        j = int(network.group_junction[g])
        first, n = int(network.group_start[j]), int(network.group_start[j + 1] - network.group_start[j])
        at = int(network.intergreen_start[j]) + (g - first) * n
        row = network.intergreen_ms[at : at + n]
        bits = int(network.conflict_bits[g])
        reds = [int(row[b] - network.yellow_ms[g]) for b in range(n) if bits >> b & 1]
        return max(0, min(reds, default=0))

    def _red_clearances(self, now_ms: int) -> Iterator[Event]:
        for g in [g for g, end_ms in self._clear_ms.items() if end_ms <= now_ms]:
            del self._clear_ms[g]
            device = int(self.network.group_junction[g]) + 1
            yield Event(now_ms, device, Code.RED_CLEARANCE_ENDS, int(self._phase[g]))

    def _flashes(self, now_ms: int, lamps: NDArray[np.int8]) -> Iterator[Event]:
        flashing = (lamps == Lamp.FLASH_RED) | (lamps == Lamp.FLASH_AMBER)
        flash = np.zeros(self.network.n_junctions, np.bool_)
        flash[self.network.group_junction[flashing]] = True
        for j in np.flatnonzero(flash != self._flash):
            ordered = self._ordered.get(int(j), (None, 0))[0] is Code.FLASH_STATUS
            status = AUTOMATIC_FLASH if ordered else FAULT_MONITOR_FLASH
            yield Event(now_ms, int(j) + 1, Code.FLASH_STATUS, status if flash[j] else NOT_IN_FLASH)
        self._flash = flash

    # --- detectors -------------------------------------------------------------------------------

    def _detectors(self, now_ms: int, frame: Frame) -> Iterator[Event]:
        """Loops and buttons: what changed, and a whole actuation where one began and ended unseen."""
        for d in np.flatnonzero((frame.detector_on != self._on) | (frame.detector_count > 0)):
            yield from self._actuation(
                now_ms, int(d), bool(frame.detector_on[d]), int(frame.detector_count[d])
            )
        self._on[:] = frame.detector_on
        fault = np.where(frame.detector_occupancy >= FAULT_OCCUPANCY, frame.detector_occupancy, 0).astype(int)
        for d in np.flatnonzero(fault != self._fault):
            device, channel = int(self.network.detector_junction[d]) + 1, int(self._channel[d])
            code = FAULT_OF.get(int(fault[d]), Code.DETECTOR_WATCHDOG)
            yield Event(now_ms, device, code if fault[d] else Code.DETECTOR_RESTORED, channel)
        self._fault = fault

    def _actuation(self, now_ms: int, d: int, on: bool, count: int) -> Iterator[Event]:
        network = self.network
        device = int(network.detector_junction[d]) + 1
        if network.detector_kind[d] == DetectorKind.BUTTON:
            g = int(network.detector_group[d])
            codes, parameter, groups = (Code.PRESS, Code.PRESS_ENDS), int(self._phase[g]), [g]
        else:
            codes, parameter = (Code.DETECTOR_ON, Code.DETECTOR_OFF), int(self._channel[d])
            first, bits = (
                int(network.group_start[device - 1]),
                int(network.lane_group_bits[network.detector_lane[d]]),
            )
            groups = [first + k for k in range(bits.bit_length()) if bits >> k & 1]
        begins = max(count, int(on and not self._on[d]))
        lit = bool(self._on[d])
        for _ in range(begins):
            if lit:
                yield Event(now_ms, device, codes[1], parameter)
            yield Event(now_ms, device, codes[0], parameter)
            lit = True
        if lit and not on:
            yield Event(now_ms, device, codes[1], parameter)
        if begins:
            yield from self._calls(now_ms, device, groups)

    def _calls(self, now_ms: int, device: int, groups: list[int]) -> Iterator[Event]:
        for g in groups:
            if self._lamps[g] == Lamp.GREEN or self._called[g]:
                continue
            self._called[g] = True
            walks = self.network.group_kind[g] == GroupKind.PEDESTRIAN
            yield Event(now_ms, device, Code.PEDESTRIAN_CALL if walks else Code.CALL, int(self._phase[g]))

    def _who_asks(self, now_ms: int, frame: Frame) -> Iterator[Event]:
        """Preempts (by their number) and buses that check in at a signal, and that have left it."""
        asking: dict[tuple[int, str], int] = {}
        for kind, lanes in (("preempt", frame.preempt_lane[: frame.n_preempts]),
                            ("bus", frame.bus_lane[: frame.n_buses])):  # fmt: skip
            for row, lane in enumerate(lanes.tolist()):
                if not 0 <= lane < self.network.n_lanes:
                    continue
                at = int(self.network.lane_junction[lane]), kind
                number = int(frame.preempt_number[row]) if kind == "preempt" else 1
                asking[at] = min(asking.get(at, number), number)
        codes = {
            "preempt": (Code.PREEMPT_CALL, Code.PREEMPT_CALL_ENDS),
            "bus": (Code.PRIORITY_CHECK_IN, Code.PRIORITY_CHECK_OUT),
        }
        for at in sorted(asking.keys() ^ self._asking.keys()):
            j, kind = at
            begins = at in asking
            number = asking[at] if begins else self._asking[at]
            yield Event(now_ms, j + 1, codes[kind][0 if begins else 1], number)
        self._asking = asking

    # --- what people ordered ---------------------------------------------------------------------

    def _orders(self, tick: TickRecord) -> Iterator[Event]:
        for j, (code, until_ms) in list(self._ordered.items()):
            if tick.now_ms >= until_ms:
                yield from self._released(tick.now_ms, j, code)
        for name, arguments in tick.deeds:
            if name in ("call", "ignore", "recall", "lengthen"):
                continue
            j = int(arguments[0])
            if j in self._ordered:
                yield from self._released(tick.now_ms, j, self._ordered[j][0])
            if name == "release":
                continue
            until_ms = int(arguments[-2] if name == "hold" else arguments[-1])
            code = {
                "hold": Code.HOLD, "omit": Code.OMIT, "flash": Code.FLASH_STATUS, "play": Code.PATTERN,
            }.get(name, Code.INTERVAL_ADVANCE)  # fmt: skip
            self._ordered[j] = code, until_ms
            if code is not Code.FLASH_STATUS:  # that is said when the lamps flash
                yield Event(tick.now_ms, j + 1, code, self._ordered_phase(name, j, arguments))

    def _ordered_phase(self, name: str, j: int, arguments: tuple[object, ...]) -> int:
        """The phase an order is about: the omitted one, the first of a held stage, else 1."""
        if name == "omit":
            return int(self._phase[int(str(arguments[1]))])
        if name == "hold":
            bits = int(self.network.stage_bits[int(str(arguments[1]))])
            return (bits & -bits).bit_length()
        return 1

    def _released(self, now_ms: int, j: int, code: Code) -> Iterator[Event]:
        del self._ordered[j]
        ends = {Code.HOLD: Code.HOLD_RELEASED, Code.OMIT: Code.OMIT_RELEASED, Code.PATTERN: Code.PATTERN}
        if code in ends:
            yield Event(now_ms, j + 1, ends[code], 1)


def detector_config(network: Network) -> list[tuple[int, int, int, str]]:
    """(device, phase, channel, function) of every loop, as performance tools want to be told.

    A stop-line loop counts and shows presence; where a lane serves several phases, its first.
    """
    log = HighResolution(network)
    rows = []
    for d, detector in enumerate(network.detectors):
        functions = {DetectorKind.STOPLINE: ("Presence", "Yellow_Red"), DetectorKind.ADVANCE: ("Advance",)}
        bits = int(network.lane_group_bits[network.detector_lane[d]]) if network.detector_lane[d] >= 0 else 0
        for function in functions.get(detector.kind, ()):
            if bits:
                phase = (bits & -bits).bit_length()
                rows.append((int(network.detector_junction[d]) + 1, phase, int(log._channel[d]), function))
    return rows
