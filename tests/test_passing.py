"""No more vehicles pass a stop line than can; what a loop counts beyond that is left out (rules A5)."""

from __future__ import annotations

import numpy as np
import pytest

from controller import substitute_kernels as kernels
from tests.loop_street import LoopStreet

STOP = "ns.left_0.stopline"


class Doubled(LoopStreet):
    """In every second of green in which nobody comes over the loop, it tells of one who does."""

    lies = True

    def _move(self) -> None:
        super()._move()
        d, lane = self.named(STOP), 1
        if self.lies and self._shown[lane] and self.frame.detector_count[d] == 0:
            self.frame.detector_count[d] = 1
            self.frame.detector_on[d] = True

    def counted(self, seconds: int) -> tuple[int, int]:
        """What the loop told, and what of it was used."""
        told = used = 0
        for _ in range(seconds):
            self.run(1)
            d = self.named(STOP)
            told += int(self.frame.detector_count[d])
            used += int(self.degradation.see(self.frame, self.now_ms).detector_count[d])
        return told, used


def test_of_one_a_second_no_more_are_counted_out_than_can_cross() -> None:
    told, used = Doubled().counted(1200)
    assert told > 150
    assert used <= 0.75 * told


def test_a_true_queue_is_counted_to_the_last() -> None:
    street = Doubled()
    street.lies = False
    told, used = street.counted(1200)
    assert used == told > 20


def slow_beyond(
    passed_s: list[float], stands: list[bool], counts: list[int], most_veh_per_s: float
) -> list[int]:
    """Vehicle by vehicle: each takes the room of one, and room for two at most is kept."""
    room, beyond = 0.0, []
    for seconds, standing, count in zip(passed_s, stands, counts, strict=True):
        room = min(2.0, room + most_veh_per_s * seconds) if standing else 2.0
        left = 0
        for _ in range(count):
            if room >= 1.0:
                room -= 1.0
            else:
                left += 1
        beyond.append(left)
    return beyond


@pytest.mark.parametrize("seed", range(20))
def test_what_cannot_have_passed_is_what_the_slow_twin_says(seed: int) -> None:
    street, chance = LoopStreet(), np.random.default_rng(seed)
    laid, n = street.degradation.detectors.laid, len(street.network.detectors)
    room, beyond = np.zeros(n), np.zeros(n, np.int32)
    passed_s = chance.choice([0.5, 1.0, 3.0], 40).tolist()
    counts, on = chance.integers(0, 4, (40, n)).astype(np.int32), chance.random((40, n)) < 0.8
    found = []
    for seconds, stands, row in zip(passed_s, on, counts, strict=True):
        here = kernels.find_beyond(seconds, laid, stands, row, room, beyond)
        assert here == (beyond > 0).sum()
        found.append(beyond.copy())
    d = street.named(STOP)
    most = max(0.6, 1.3 * float(street.network.lane_saturation_veh_per_s[1]))
    assert [int(row[d]) for row in found] == slow_beyond(
        passed_s, on[:, d].tolist(), counts[:, d].tolist(), most
    )
    far = street.named("ns.left_0.advance")
    assert not any(row[far] for row in found), "farther up nobody starts from a queue"
