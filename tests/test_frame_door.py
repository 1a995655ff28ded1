"""A8: a reading is let in once; replayed and forged ones change nothing, and silence is noticed as ever."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller.frame import Frame
from controller.frame_door import AHEAD_MS, FrameDoor
from controller.ladder import Rung
from controller.vocabulary import Sensors
from tests.journal_street import Drive
from tests.loop_street import LoopStreet


def frame(sequence: int, time_ms: int) -> Frame:
    return Frame(Sensors.LOOPS, time_ms, sequence)


def test_only_what_is_newer_than_the_last_and_not_from_the_future_is_let_in() -> None:
    door = FrameDoor()
    first = frame(7, 10_000)
    assert door.through(first, 10_000) is first
    assert door.through(first, 10_100) is first, "the same one again is nothing new, as it says itself"
    for forged in (frame(6, 9_000), frame(9, 9_900), frame(3, 10_000), frame(8, 10_200 + AHEAD_MS + 1)):
        assert door.through(forged, 10_200).sequence == 7
    assert door.refused == 4
    later = frame(1, 11_000)
    assert door.through(later, 11_000) is later, "a street that was started again counts anew"
    back = frame(2, 5_000)
    assert door.through(back, 5_100) is back, "our own clock went back: the ladder answers for that"


def test_a8_replayed_and_forged_readings_change_no_lamp_and_no_belief() -> None:
    """An hour of recorded readings, replayed between the true ones, against a controller that gets none."""
    honest, attacked = Drive("adaptive"), Drive("adaptive")
    recorded: list[Frame] = []
    chance = np.random.default_rng(3)
    attacks = 0
    for tick in range(6_000):
        if tick % 10 == 0:
            honest._read()
            attacked._read()
            recorded.append(copy_of(attacked.frame))
        lamps = honest.controller.tick(honest.frame, honest.now_ms)
        given = attacked.frame
        if tick > 600 and tick % 10 == 5:
            attacks += 1
            given = copy_of(recorded[int(chance.integers(0, len(recorded) - 1))])
            given.lamps_shown = attacked.frame.lamps_shown
            if attacks % 3 == 0:
                given.sequence += 10_000  # a number nobody has seen, on an old reading
            if attacks % 3 == 1:
                given.time_ms, given.sequence = attacked.now_ms + 3_600_000, given.sequence + 10_000
        assert np.array_equal(lamps, attacked.controller.tick(given, attacked.now_ms))
        honest.now_ms += 100
        attacked.now_ms += 100
    assert attacked.controller.door.refused == attacks > 500
    assert honest.controller.state.digest() == attacked.controller.state.digest()


def copy_of(one: Frame) -> Frame:
    arrays = ("detector_on", "detector_count", "detector_occupancy", "detector_time_ms", "lamps_shown")
    return replace(one, **{name: getattr(one, name).copy() for name in arrays})


def test_a8_a_street_that_gives_only_replays_is_a_silent_one_within_a_minute() -> None:
    street = LoopStreet()
    street.run(120)
    last = copy_of(street.frame)

    class Replayed(LoopStreet):
        def _move(self) -> None:
            super()._move()
            self.frame.sequence, self.frame.time_ms = last.sequence - 1, last.time_ms - 1_000

    street.__class__ = Replayed
    begun_s = street.second
    while street.rung < Rung.ACTUATED:
        street.run(1)
        assert street.second - begun_s <= 60, f"still on rung {street.rung}"
    assert not street.complaints
