"""Who gives way at a node, who is waited for, and for how long."""

from __future__ import annotations

import numpy as np
import pytest

from sim.city.movement.mover import Mover
from sim.city.movement.status import Status
from sim.city.movement.traffic import new_traffic
from tests.toy_roads import cars, joined_edges

NO_LAMP = np.zeros(1, np.int8)
WAIT_M = 9.0


@pytest.mark.parametrize("turns_s", [6.35, 6.7, 7.05, 7.4])
def test_nobody_with_priority_brakes_for_one_who_is_about_to_stop_for_him(turns_s: float) -> None:
    roads = joined_edges([200.0] * 4, [(0, 1), (2, 3)], {1: [0]}, {1: WAIT_M})
    drives = cars(
        [turns_s, 10.0], [0, 1], route=np.array([1, 0]), route_start=np.array([0, 2, 4]),
        route_edge=np.array([0, 1, 2, 3]),
    )  # fmt: skip
    mover, traffic = Mover(roads, drives, rolls_in=True), new_traffic(roads, drives, 0, 1)
    straight, waiting = [], []
    for _ in range(80):
        mover.step(traffic, NO_LAMP)
        if traffic.lane[1] == 0:
            straight.append(float(traffic.speed_m_per_s[1]))
        if traffic.connection[0] == 1:
            waiting.append(float(traffic.speed_m_per_s[0]))
    assert min(waiting) < 1.0, "the one who turns stops for him"
    assert min(straight) > 13.0
    assert (traffic.status == Status.ARRIVED).all()


def test_who_waits_at_a_node_is_waited_for_at_the_next_until_patience_ends() -> None:
    # Way 1 turns across a stream on way 0 and leads by a street of 5 m to way 2, which way 3 minds.
    roads = joined_edges(
        [200.0, 200.0, 100.0, 5.0, 200.0, 100.0], [(0, 1), (2, 3), (3, 4), (5, 4)], {1: [0], 3: [2]},
        {1: WAIT_M},
    )  # fmt: skip
    depart_s = np.sort([13.0, 31.0, *(2.0 * np.arange(200))])
    turner, minor = (int(np.flatnonzero(depart_s == at_s)[0]) for at_s in (13.0, 31.0))
    drives = cars(
        depart_s.tolist(), [], route=np.where(depart_s == 13.0, 1, np.where(depart_s == 31.0, 2, 0)),
        route_start=np.array([0, 2, 5, 7]), route_edge=np.array([0, 1, 2, 3, 4, 5, 4]),
    )  # fmt: skip
    mover, traffic = Mover(roads, drives, rolls_in=True), new_traffic(roads, drives, 0, 1)
    waited_ms = 0
    for _ in range(350):
        mover.step(traffic, NO_LAMP)
        if traffic.lane[minor] == 5:
            waited_ms = int(traffic.stood_ms[turner])
    assert traffic.connection[turner] == 1, "no gap yet"
    assert 180_000 <= waited_ms <= 183_000
    assert traffic.status[minor] == Status.ARRIVED
