"""Delay, waits, gridlock: the words of measurement, on records small enough to add up by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from controller.policy import Policy
from sim.measures import RunResult, Trips, Watch, read_trips, summarize
from sim.sumo_traffic import Vehicles, Walkers

TRIPINFO = """<tripinfos>
    <tripinfo id="done" depart="10.00" departDelay="2.00" arrival="90.00" timeLoss="20.00" waitingCount="2"
        vType="car"/>
    <tripinfo id="driving" depart="20.00" departDelay="0.00" arrival="-1.00" timeLoss="50.00" waitingCount="1"
        vType="car@driving"/>
    <tripinfo id="bus" depart="20.00" departDelay="0.00" arrival="80.00" timeLoss="10.00" waitingCount="1"
        vType="line"/>
    <tripinfo id="outside" depart="-1" departDelay="0.00" arrival="-1.00" timeLoss="0.00" waitingCount="0"
        vType="car"/>
    <tripinfo id="tomorrow" depart="-1" departDelay="0.00" arrival="-1.00" timeLoss="0.00" waitingCount="0"
        vType="car"/>
    <personinfo id="home" depart="5.00"><walk arrival="60.00" timeLoss="7.00"/><walk arrival="90.00"
        timeLoss="3.00"/></personinfo>
    <personinfo id="waiting" depart="5.00"><walk arrival="-1" timeLoss="0.00"/></personinfo>
    <personinfo id="later" depart="-1"><walk arrival="-1" timeLoss="0.00"/></personinfo>
</tripinfos>"""


@pytest.fixture
def trips(tmp_path: Path) -> Trips:
    path = tmp_path / "tripinfo.xml"
    path.write_text(TRIPINFO, encoding="utf-8")
    return read_trips(path, frozenset({"line"}), {"outside": 70.0}, {"waiting": 33.0})


def result(trips: Trips, watch: Watch | None = None) -> RunResult:
    return summarize(trips, watch or Watch(0, 100), Policy(), 100, 1.5, 0, 0)


def test_delay_holds_the_unfinished_and_those_who_never_departed(trips: Trips) -> None:
    assert trips.car_s == [22.0, 50.0, 70.0]
    assert trips.bus_s == [10.0]
    assert (trips.unfinished_veh, trips.never_departed_veh) == (1, 1)


def test_who_was_not_due_before_the_end_is_no_trip(trips: Trips) -> None:
    assert len(trips.car_s) + len(trips.bus_s) == 4


def test_people_on_foot_lose_the_time_of_all_their_walks(trips: Trips) -> None:
    assert trips.pedestrian_s == [10.0, 33.0]
    assert trips.unfinished_walks == 1


def test_a_bus_counts_for_the_people_in_it(trips: Trips) -> None:
    run = result(trips)
    assert run.person_seconds == pytest.approx(1.3 * 142 + 30 * 10 + 43)
    assert run.delay_mean_s == pytest.approx(152 / 4)
    assert run.stops_per_veh == 1.0
    assert run.modes["car"].worst_s == 70.0


def test_a_result_survives_being_written_and_read(trips: Trips) -> None:
    run = result(trips)
    assert RunResult.from_json(json.loads(json.dumps(run.to_json(), allow_nan=False))) == run
    assert result(Trips()).modes["bus"].trips == 0


def test_a_cut_record_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml"
    path.write_text(TRIPINFO[:300], encoding="utf-8")
    with pytest.raises(ValueError, match=r"cut\.xml: no complete tripinfo"):
        read_trips(path, frozenset(), {}, {})


# --- the watch ----------------------------------------------------------------------------


def standing(n: int, buses: int = 0) -> Vehicles:
    vehicles = Vehicles()
    names = tuple(f"v{k}" for k in range(n))
    vehicles.refill(names, [1] * n, [5.0] * n, [0.0] * n, lambda name: (5.0, int(name[1:]) < buses))
    return vehicles


def watched(vehicles: Vehicles, waits_s: dict[str, float]) -> Watch:
    watch = Watch(0, 3600)
    watch.look(1.0, 1.0, vehicles, Walkers(), waits_s.__getitem__, lambda: 0)
    return watch


@pytest.mark.parametrize(("stuck", "gridlock"), [(9, False), (10, True)])
def test_ten_vehicles_stuck_at_the_same_time_are_gridlock(stuck: int, gridlock: bool) -> None:
    waits_s = {f"v{k}": 301.0 if k < stuck else 299.0 for k in range(15)}
    assert watched(standing(15), waits_s).gridlock is gridlock


def test_the_worst_wait_is_kept_by_mode_after_the_queue_moves_again() -> None:
    watch = watched(standing(2, buses=1), {"v0": 40.0, "v1": 90.0})
    moving = standing(2, buses=1)
    moving.speed_m_per_s = np.array([3.0, 3.0])
    watch.look(2.0, 1.0, moving, Walkers(), {}.__getitem__, lambda: 0)
    assert watch.worst_wait_s == {"car": 90.0, "bus": 40.0, "pedestrian": 0.0}


def test_people_at_the_kerb_are_watched_too() -> None:
    watch = Watch(0, 3600)
    for second in range(1, 31):
        crowd = Walkers(ids=["ann"], crossing=[("w", "c")], waiting_s=[float(second)])
        watch.look(float(second), 1.0, standing(0), crowd, {}.__getitem__, lambda: 0)
    assert watch.worst_wait_s["pedestrian"] == 30.0
    assert watch.kerb_s == {"ann": 30.0}


@pytest.mark.parametrize(("growth_veh_per_h", "grows"), [(0, False), (100, True)])
def test_a_queue_at_the_gates_that_still_grows_in_the_last_half_hour_is_oversaturation(
    growth_veh_per_h: int, grows: bool
) -> None:
    watch = Watch(0, 3600)
    for second in range(3601):
        queue = 40 + growth_veh_per_h * second // 3600
        watch.look(float(second), 1.0, standing(0), Walkers(), {}.__getitem__, lambda queue=queue: queue)
    assert result(Trips(), watch).insertion_queue_grows is grows
