"""Pulse and record: what they say of a street is what the street did."""

from __future__ import annotations

import numpy as np

from controller.policy import Policy
from controller.state import NEVER_MS
from controller.vocabulary import Lamp
from override import wire
from override.details import Pulse, Record
from override.pulse import Pulsing, TickClock
from override.record import CALLED, SERVED, Served
from override.telemetry import pack_wish, said
from override.topics import TOPICS
from tests.engine_town import Town, no_line_stays_open  # noqa: F401

WALK_NS, WALK_EW = 4, 5


class Heard(Town):
    """A town of three junctions in two districts whose pulse and record somebody hears."""

    def __init__(self, controller: str = "actuated") -> None:
        super().__init__(controller=controller)
        self.pulse: Pulse | None = None
        self.records: list[Record] = []
        self.shown: list[tuple[int, int, int]] = []
        self.calls: list[tuple[int, int, int]] = []
        self.called = np.zeros(18, np.bool_)
        self.engine.telemetry.takes(pack_wish("boot", b"boot-one"))
        self.engine.telemetry.takes(pack_wish("districts", [["hill", "dale"], [0, 0, 1]]))

    def run(self, seconds: float) -> Heard:
        before = list(self.toy.frame.lamps_shown)
        for _ in range(round(10 * seconds)):
            shown = self.toy.frame.lamps_shown.tolist()
            self.shown += [(self.street_ms, g, lamp) for g, lamp in enumerate(shown) if lamp != before[g]]
            before = shown
            calling = self.engine.controller.state.call_since_ms < NEVER_MS
            self.tick()
            calls = self.engine.controller.state.call_since_ms < NEVER_MS
            for g in np.flatnonzero(calling & ~calls & (self.engine.controller.state.lamp == Lamp.GREEN)):
                self.calls.append((self.street_ms, int(g), SERVED))
            for g in np.flatnonzero(calls & ~self.called):
                self.calls.append((self.street_ms, int(g), CALLED))
            self.called = calls
            while (message := self.here.receive()) is not None:
                if (told := said(message)) is None:
                    continue
                payload = wire.decode(told[1], TOPICS[told[0].decode()])
                if isinstance(payload, Record):
                    self.records.append(payload)
                elif isinstance(payload, Pulse):
                    self.pulse = payload
            self.street_ms += 100
            self.room.now_ms += 100
        return self

    def rows(self) -> list[tuple[int, ...]]:
        flat = [value for record in self.records for value in record.rows]
        return [tuple(flat[k : k + 4]) for k in range(0, len(flat), 4)]

    def press(self, g: int) -> None:
        state = self.engine.controller.state
        state.waiting_people[g] += 1
        if state.lamp[g] != Lamp.GREEN:
            state.call_since_ms[g] = min(state.call_since_ms[g], self.street_ms)


def test_the_record_holds_every_change_of_lamps_and_every_call_with_its_end() -> None:
    town = Heard().run(10)
    for second in range(90):
        if second % 15 == 0:
            town.press(WALK_NS if second % 30 else WALK_EW)
        town.run(1)
    told = {(t, 6 * j + k, code - 1) for t, j, code, k in town.rows() if code <= 7}
    settled = [row for row in town.shown if 1000 <= row[0] < town.street_ms - 1000]
    assert len(settled) > 5
    assert set(settled) <= told
    assert {row for row in told if 1000 <= row[0] < town.street_ms - 1000} == set(settled)
    calls = [(t, 6 * j + k, code) for t, j, code, k in town.rows() if code in (CALLED, SERVED)]
    wanted = [row for row in town.calls if row[0] < town.street_ms - 1000]
    assert len({code for _, _, code in wanted}) == 2
    assert set(wanted) <= set(calls)
    assert len(calls) == len(set(calls)) <= len(town.calls)
    assert [record.seq for record in town.records] == list(range(1, len(town.records) + 1))
    assert {record.boot for record in town.records} == {b"boot-one"}
    times = [t for t, *_ in town.rows()]
    assert times == sorted(times)


def test_a_pulse_never_tells_a_time_of_which_the_record_is_still_to_be_told() -> None:
    """Whoever reads both would else take a press for unheard whose call is on its way."""
    town, pulses = Heard(), 0
    for tenth in range(300):
        if tenth % 7 == 0:
            town.press(WALK_NS if tenth % 2 else WALK_EW)
        before = town.pulse
        town.run(0.1)
        if town.pulse is not before:
            pulses += 1
            assert not town.engine.telemetry.recorder.waiting
    assert pulses >= 25


def test_the_pulse_counts_who_waits_where_and_how_promises_were_kept() -> None:
    town = Heard().run(20)
    state = town.engine.controller.state
    for _ in range(120):
        town.press(WALK_NS)
        state.waiting_people[WALK_NS] = 3.0
        state.people_per_s[WALK_NS] = 0.1
        if state.call_since_ms[WALK_EW] > town.street_ms:
            state.call_since_ms[WALK_EW] = town.street_ms  # so that WALK does not rest where it is
        town.run(1)
    town.run(1.1)
    assert town.pulse is not None
    (walking,) = [m for m in town.pulse.modes if m.mode == "pedestrians"]
    hill, dale = town.pulse.districts
    assert (hill.district, dale.district) == ("hill", "dale")
    (in_hill,) = [m for m in hill.modes if m.mode == "pedestrians"]
    (in_dale,) = [m for m in dale.modes if m.mode == "pedestrians"]
    assert (walking.waiting, in_hill.waiting, in_dale.waiting) == (3, 3, 0)
    assert in_dale.mean_wait_ms == 0
    # Three people stood there all the time, one in ten seconds came: thirty seconds each.
    assert 20_000 < in_hill.mean_wait_ms < 40_000
    assert 0 < in_hill.longest_ms <= 120_000
    assert walking.kept_permille == 1000
    assert town.pulse.rungs == (3, 0, 0, 0, 0, 0)
    assert town.pulse.progress > 1400


def test_a_promise_that_was_broken_shows_for_a_quarter_of_an_hour() -> None:
    town = Heard()
    network, no_buses = town.toy.network, np.zeros(town.toy.network.n_lanes)
    pulsing = Pulsing(network, Policy())
    late_ms = int(network.promise_ms[WALK_NS]) + 1
    pulsing.serve(Served(np.array([WALK_NS, WALK_NS]), np.array([10_000, late_ms])), no_buses, 1_000)
    pulsing.serve(Served(np.array([0]), np.array([5_000])), no_buses, 2_000)
    cars, walking = pulsing.modes()
    assert (walking.kept_permille, walking.longest_ms) == (500, late_ms)
    assert (cars.kept_permille, cars.longest_ms) == (1000, 5_000)
    nobody = Served(np.zeros(0, np.int64), np.zeros(0, np.int64))
    pulsing.serve(nobody, no_buses, 14 * 60_000)
    assert pulsing.modes()[1].kept_permille == 500
    pulsing.serve(nobody, no_buses, 15 * 60_000)
    assert (pulsing.modes()[1].kept_permille, pulsing.modes()[1].longest_ms) == (1000, 0)


def test_ticks_are_late_against_the_most_punctual_one() -> None:
    clock = TickClock(speed=2.0)
    late_ns = np.zeros(100, np.int64)
    late_ns[40] = 30_000_000
    for k in range(100):
        began_ns = 10**12 + k * 50_000_000 + int(late_ns[k])
        clock.note(began_ns, began_ns + 700_000, k * 100)
    assert clock.told() == (700, 30_000, 2000)
