"""A junction whose loops all fall silent: a lost cabinet, or a lull that its neighbours know of?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller import detectors_memory_kernels as memory
from controller.detectors import Detectors
from controller.frame import Frame
from controller.junction import Detector, Junction, StreetLink
from controller.network import Network
from controller.state import new_state
from controller.vocabulary import DetectorKind, Lamp, Sensors
from tests import toy_street

NEAR, FAR = 0, 1
THROUGH, ACROSS = 0, 2
"""Lanes of the near junction: to the far one, and past it."""


def seen(junction: Junction, prefix: str = "") -> Junction:
    """With a loop at every stop line; lanes named after the prefix."""
    lanes = tuple(replace(lane, name=prefix + lane.name) for lane in junction.lanes)
    loops = (
        Detector(f"{lane.name}.stopline", DetectorKind.STOPLINE, lane=lane.name, street_lane=lane.name)
        for lane in lanes
    )
    return replace(junction, lanes=lanes, detectors=tuple(loops))


def street() -> Network:
    """All who go through at `near` come to `far`."""
    near, far = seen(toy_street.junction("near")), seen(toy_street.junction("far"), "far.")
    return toy_street.network(near, far, links=[StreetLink("near.ns.out", "far", "far.ns_0", 300.0, 1.0)])


class Counting:
    """Loops that count what a test says, once a second."""

    def __init__(self) -> None:
        self.network = street()
        self.state = new_state(self.network, 0)
        self.state.lamp[:] = Lamp.GREEN  # who counts through red is not believed
        self.detectors = Detectors(self.network, 0)
        n = len(self.network.detectors)
        self.frame = Frame(
            Sensors.LOOPS, detector_on=np.zeros(n, np.bool_), detector_count=np.zeros(n, np.int32),
            detector_occupancy=np.zeros(n),
        )  # fmt: skip
        self.first_far = int(self.network.lane_start[FAR])
        self.second = 0

    def run(self, seconds: int, through_every_s: int, across_every_s: int, far_every_s: int) -> Counting:
        """Somebody on each of these every so many seconds; 0 = nobody."""
        for _ in range(seconds):
            self.second += 1
            frame, s = self.frame, self.second
            frame.sequence, frame.time_ms = s, 1000 * s
            frame.detector_count[:] = 0
            frame.detector_count[THROUGH] = bool(through_every_s) and s % through_every_s == 0
            frame.detector_count[ACROSS] = bool(across_every_s) and s % across_every_s == 0
            frame.detector_count[self.first_far] = bool(far_every_s) and s % far_every_s == 0
            self.detectors.judge(self.state, frame, frame.time_ms)
        return self

    def lost_after_s(self, through_every_s: int, across_every_s: int) -> int:
        """How long the far junction may be silent before its loop is not used any more."""
        self.run(300, 5, 5, 3)
        for second in range(1, 200):
            self.run(1, through_every_s, across_every_s, 0)
            if self.detectors.health.masked[self.first_far]:
                return second
        return 200


def test_a_junction_to_which_its_neighbours_send_many_is_lost_after_a_minute() -> None:
    assert 60 <= Counting().lost_after_s(through_every_s=5, across_every_s=5) <= 65


def test_a_lull_that_the_neighbours_see_too_is_no_lost_cabinet() -> None:
    """The signals upstream let the other road go, or a train holds everybody back."""
    assert 115 <= Counting().lost_after_s(through_every_s=0, across_every_s=5) <= 125


def test_where_the_neighbours_are_silent_too_nothing_speaks_for_a_lull() -> None:
    assert 60 <= Counting().lost_after_s(through_every_s=0, across_every_s=0) <= 65


def slow_fed_by_the_living(counting: Counting, frame_ms: int, fed_veh: list[float]) -> tuple[bool, float]:
    network, health = counting.network, counting.detectors.health
    told, fed = False, 0.0
    for lane in range(network.n_lanes):
        lives = frame_ms - health.junction_ms[NEAR] < 30_000
        if network.lane_junction[lane] == FAR and lives and fed_veh[lane] >= 0:
            told, fed = True, fed + fed_veh[lane]
    return told, fed


def test_the_kernel_agrees_with_its_twin() -> None:
    chance = np.random.default_rng(4)
    counting = Counting().run(10, 5, 5, 3)
    laid, health, now = counting.detectors.laid, counting.detectors.health, counting.detectors._now
    fed_lanes = np.flatnonzero(np.diff(laid.feed_start) > 0)
    for _ in range(200):
        now.fed_veh[:] = -1.0
        now.fed_veh[fed_lanes] = chance.choice([-1.0, 0.0, 1.5], len(fed_lanes))
        frame_ms = int(chance.integers(10_000, 60_000))
        got = memory.fed_by_the_living(FAR, frame_ms, laid, health, now)
        assert got == slow_fed_by_the_living(counting, frame_ms, now.fed_veh.tolist())
