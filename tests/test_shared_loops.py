"""Two lanes behind one street: whose queue it is that stands on a loop both share."""

import dataclasses

import pytest

from controller.junction import Detector, Reach
from tests import toy_street
from tests.test_loop_estimate import ADVANCE, STOPLINE, Watched

STRAIGHT, LEFT = (lane.name for lane in toy_street.junction().lanes[:2])


def behind_one_street(straight: tuple[Reach, ...], left: tuple[Reach, ...], *loops: Detector) -> Watched:
    """The toy junction with these loops; to its first two lanes one also comes over these ways."""
    plain = toy_street.junction()
    ways = (straight, left, *((),) * (len(plain.lanes) - 2))
    lanes = tuple(
        dataclasses.replace(lane, reach=(*lane.reach, *way))
        for lane, way in zip(plain.lanes, ways, strict=True)
    )
    return Watched(toy_street.network(dataclasses.replace(plain, lanes=lanes, detectors=loops)))


def test_who_stands_on_a_shared_street_while_his_stop_line_is_clear_waits_for_the_lane_beside() -> None:
    """A street that one lane's drivers and a few of the other's use; those in front turn left."""
    watched = behind_one_street(
        (Reach("shared", 20.0, 60.0, 0.7),),
        (Reach("shared", 20.0, 60.0, 0.3),),
        Detector("stop", STOPLINE, STRAIGHT, "", STRAIGHT, 2.0, 2.0),
        Detector("near", ADVANCE, STRAIGHT, "", "shared", 20.0, 40.0),
        Detector("left.stop", STOPLINE, LEFT, "", LEFT, 2.0, 2.0),
        Detector("far", ADVANCE, STRAIGHT, "", "shared", 70.0, 90.0),
    )
    for _ in range(4):
        watched.second({3: 1}).seconds(2, on=(1, 2))
    straight, left = watched.seconds(12, on=(1, 2)).state.queue_veh[:2]
    assert straight < 0.1
    assert left > 2.5
    watched.seconds(12, on=(0, 1, 2))
    assert watched.state.queue_veh[0] >= 1.0, "one who comes to his own stop line is his own lane's"


def shared_way() -> Watched:
    """Two lanes behind one street: loops at both stop lines, one the left turn's own, one both share."""
    shared = Reach("shared", 80.0, 50.0, 0.5)
    return behind_one_street(
        (Reach("left.only", 10.0, 40.0, 0.0), shared),
        (Reach("left.only", 10.0, 40.0, 1.0), shared),
        Detector("stop", STOPLINE, STRAIGHT, "", STRAIGHT, 2.0, 2.0),
        Detector("far", ADVANCE, STRAIGHT, "", "shared", 70.0, 120.0),
        Detector("left.stop", STOPLINE, LEFT, "", LEFT, 2.0, 2.0),
        Detector("left.near", ADVANCE, LEFT, "", "left.only", 5.0, 45.0),
    )


def test_a_shared_loop_that_nobody_leaves_proves_the_lane_full_that_waits() -> None:
    """Nobody is at the other lane's stop line: whoever stands there for ten seconds waits to turn left."""
    watched = shared_way()
    straight, left = watched.seconds(25, on=(1, 2, 3)).state.queue_veh[:2]
    assert straight < 0.1
    assert left == pytest.approx(120.0 / 7.5 + 1.0, abs=1.0)
    assert shared_way().seconds(25, on=(0, 1, 2, 3)).state.queue_veh[1] < 8.0, "both may stand there"


def test_a_queue_behind_a_loop_that_is_not_believed_lasts_as_long_as_its_stop_line_is_taken() -> None:
    """Its silence proved that nobody stood there; sixteen stood for forty minutes."""
    watched = shared_way()
    watched.unbelieved = (3,)
    assert watched.seconds(25, on=(1, 2)).state.queue_veh[1] > 14.0
    assert watched.seconds(5, on=(2,)).state.queue_veh[1] > 14.0
    assert watched.seconds(20).state.queue_veh[1] < 0.5, "nobody has come to the stop line: it was given up"
