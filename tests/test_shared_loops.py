"""Two lanes behind one street: whose queue it is that stands on a loop both share."""

import dataclasses

import pytest

from controller.junction import Detector, Reach
from tests import toy_street
from tests.test_loop_estimate import ADVANCE, STOPLINE, Watched


def test_who_stands_on_a_shared_street_while_his_stop_line_is_clear_waits_for_the_lane_beside() -> None:
    """A street that one lane's drivers and a few of the other's use; those in front turn left."""
    plain = toy_street.junction()
    lanes = list(plain.lanes)
    for lane, share in ((0, 0.7), (1, 0.3)):
        reach = (*lanes[lane].reach, Reach("shared", 20.0, 60.0, share))
        lanes[lane] = dataclasses.replace(lanes[lane], reach=reach)
    loops = (
        Detector("stop", STOPLINE, lanes[0].name, "", lanes[0].name, 2.0, 2.0),
        Detector("near", ADVANCE, lanes[0].name, "", "shared", 20.0, 40.0),
        Detector("left.stop", STOPLINE, lanes[1].name, "", lanes[1].name, 2.0, 2.0),
        Detector("far", ADVANCE, lanes[0].name, "", "shared", 70.0, 90.0),
    )
    watched = Watched(toy_street.network(dataclasses.replace(plain, lanes=tuple(lanes), detectors=loops)))
    for _ in range(4):
        watched.second({3: 1}).seconds(2, on=(1, 2))
    straight, left = watched.seconds(12, on=(1, 2)).state.queue_veh[:2]
    assert straight < 0.1
    assert left > 2.5
    watched.seconds(12, on=(0, 1, 2))
    assert watched.state.queue_veh[0] >= 1.0, "one who comes to his own stop line is his own lane's"


def shared_way() -> Watched:
    """Two lanes behind one street: loops at both stop lines, one the left turn's own, one both share."""
    plain = toy_street.junction()
    lanes = list(plain.lanes)
    for lane in (0, 1):
        reach = (
            *lanes[lane].reach,
            Reach("left.only", 10.0, 40.0, float(lane)),
            Reach("shared", 80.0, 50.0, 0.5),
        )
        lanes[lane] = dataclasses.replace(lanes[lane], reach=reach)
    loops = (
        Detector("stop", STOPLINE, lanes[0].name, "", lanes[0].name, 2.0, 2.0),
        Detector("far", ADVANCE, lanes[0].name, "", "shared", 70.0, 120.0),
        Detector("left.stop", STOPLINE, lanes[1].name, "", lanes[1].name, 2.0, 2.0),
        Detector("left.near", ADVANCE, lanes[1].name, "", "left.only", 5.0, 45.0),
    )
    return Watched(toy_street.network(dataclasses.replace(plain, lanes=tuple(lanes), detectors=loops)))


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
