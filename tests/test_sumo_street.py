"""A street in SUMO: time, lamps and their feedback, tracks, buttons, and the measures of whole runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from controller.vocabulary import DetectorKind, GroupKind, Lamp, Sensors
from sim.demo import build_demo_street
from sim.importers.sumo import import_sumo
from sim.sumo_options import BadOptions
from tests.command_line import Done, belisha

pytestmark = pytest.mark.sumo

Town = tuple[Path, list[Path]]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return build_demo_street(tmp_path_factory.mktemp("town"), seed=5, duration_s=300)


def street_of(
    town: Town, sensors: Sensors = Sensors.FULL, end_s: int = 120, step_ms: int = 1000, **more: object
):  # type: ignore[no-untyped-def]
    from sim.sumo_street import SumoStreet

    return SumoStreet(import_sumo(town[0]), town[0], town[1], 0, end_s, 1, sensors, step_ms=step_ms, **more)  # type: ignore[arg-type]


def stage_lamps(network, stage: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Every junction green for its `stage`-th stage, all else red."""
    lamps = np.zeros(network.n_groups, np.int8)
    for j in range(network.n_junctions):
        bits = int(network.stage_bits[network.stage_start[j] + stage])
        for k in range(int(network.group_start[j + 1] - network.group_start[j])):
            if bits >> k & 1:
                lamps[network.group_start[j] + k] = Lamp.GREEN
    return lamps


def test_time_passes_in_steps_and_every_step_is_a_new_reading(town: Town) -> None:
    with street_of(town, end_s=30) as street:
        first = street.read()
        assert (first.time_ms, first.n_tracks) == (0, 0)
        sequences = []
        while not street.finished:
            street.step()
            sequences.append(street.read().sequence)
            assert street.read().time_ms == street.time_ms
        assert street.time_ms == 30_000
        assert sequences == sorted(set(sequences))


def test_feedback_is_what_the_heads_show(town: Town) -> None:
    with street_of(town) as street:
        lamps = stage_lamps(street.network, 0)
        street.show(lamps)
        street.step()
        assert street.read().lamps_shown.tolist() == lamps.tolist()
        walkers = street.network.group_kind == GroupKind.PEDESTRIAN
        ending = np.where(lamps == Lamp.GREEN, np.where(walkers, Lamp.CLEARANCE, Lamp.YELLOW), lamps).astype(
            np.int8
        )
        street.show(ending)
        street.step()
        assert street.read().lamps_shown.tolist() == ending.tolist()


def test_cars_that_cross_walking_people_show_g_until_the_crossing_has_cleared(town: Town) -> None:
    from sim.sumo_street import libsumo

    with street_of(town, end_s=200) as street:
        network = street.network
        junction = network.street.junctions[0]
        names = [g.name for g in junction.groups]
        pair = next(
            y for y in junction.yields if junction.groups[names.index(y.to)].kind == GroupKind.PEDESTRIAN
        )
        turning, crossing = names.index(pair.group), names.index(pair.to)

        def letters(crossing_lamp: Lamp) -> set[str]:
            lamps = np.zeros(network.n_groups, np.int8)
            lamps[turning], lamps[crossing] = Lamp.GREEN, crossing_lamp
            street.show(lamps)
            street.step()
            text = libsumo.trafficlight.getRedYellowGreenState(junction.name)
            return {text[link] for link in junction.groups[turning].links}

        assert letters(Lamp.RED) == {"G"}
        assert "g" in letters(Lamp.GREEN)
        for _ in range(10):
            assert "g" in letters(Lamp.CLEARANCE)
        buffer = [letters(Lamp.RED) for _ in range(5)]
        assert all("g" in shown for shown in buffer[:3]), "three seconds after the clearance still count"
        assert buffer[4] == {"G"}


def test_full_sensors_see_everybody_within_200_m_and_nobody_beyond(town: Town) -> None:
    from sim.sumo_street import libsumo

    with street_of(town) as street:
        network, seen = street.network, 0
        while not street.finished:
            street.step()
            frame = street.read()
            found = set()
            for t in range(frame.n_tracks):
                k = int(frame.track_segment[t])
                gaps = network.segment_gap_m[network.segment_start[k] : network.segment_start[k + 1]]
                assert frame.track_distance_m[t] + gaps.min() <= 200.0
                found.add((network.segments[k], round(float(frame.track_distance_m[t]), 3)))
            for name in libsumo.vehicle.getIDList():
                lane = libsumo.vehicle.getLaneID(name)
                if lane in network.segments:
                    k = network.segments.index(lane)
                    gap_m = network.segment_gap_m[
                        network.segment_start[k] : network.segment_start[k + 1]
                    ].min()
                    to_end_m = libsumo.lane.getLength(lane) - libsumo.vehicle.getLanePosition(name)
                    if to_end_m + gap_m <= 199.9:
                        assert (lane, round(to_end_m, 3)) in found
                        seen += 1
        assert seen > 500


def test_full_sensors_count_who_crosses_a_stop_line_and_nothing_else(town: Town) -> None:
    from sim.sumo_street import libsumo

    with street_of(town) as street:
        detectors = street.network.detectors
        waited_at: dict[str, str] = {}
        crossed = 0
        while not street.finished:
            street.step()
            counted = {
                detectors[d].lane: int(n)
                for d, n in enumerate(street.read().detector_count)
                if n and detectors[d].kind != DetectorKind.BUTTON
            }
            expected: dict[str, int] = {}
            for name in libsumo.vehicle.getIDList():
                lane, before = libsumo.vehicle.getLaneID(name), waited_at.get(name)
                if before is not None and lane.rpartition("_")[0] != before.rpartition("_")[0]:
                    expected[before] = expected.get(before, 0) + 1
                at_a_stop_line = any(d.lane == lane and d.kind == DetectorKind.STOPLINE for d in detectors)
                waited_at.pop(name, None)
                if at_a_stop_line:
                    waited_at[name] = lane
            assert counted == expected
            crossed += sum(counted.values())
        assert crossed > 20


def test_people_press_for_the_crossing_they_wait_at(town: Town) -> None:
    with street_of(town, Sensors.LOOPS, end_s=250) as street:
        network = street.network
        all_red = np.zeros(network.n_groups, np.int8)
        presses = np.zeros(len(network.detectors), np.int64)
        waiting: set[str] = set()
        while not street.finished:
            street.show(all_red)
            street.step()
            presses += np.where(network.detector_kind == DetectorKind.BUTTON, street.read().detector_count, 0)
            waiting |= set(street.walkers.ids)
        # Nobody gets across, so everybody who came to a kerb pressed there exactly once.
        assert presses.sum() == len(waiting) > 20


@pytest.mark.parametrize("step_ms", [1000, 100])
def test_a_run_gives_the_same_measures_for_the_same_seed(town: Town, step_ms: int) -> None:
    from sim.sumo_run import RunSpec, run

    def once() -> dict[str, object]:
        spec = RunSpec(
            import_sumo(town[0]), town[0], tuple(town[1]), 0, 90, "actuated", seed=4, step_ms=step_ms
        )
        ticks: list[int] = []
        result = run(spec, on_tick=[lambda controller, frame, now_ms, lamps: ticks.append(now_ms)])
        assert ticks == list(range(0, 90_000, 100))
        assert result.violations == result.promises_broken == 0
        return {**result.to_json(), "wall_s": None}

    assert once() == once()


def test_the_users_tripinfo_agrees_with_our_measures(town: Town, tmp_path: Path) -> None:
    from sim.sumo_run import RunSpec, run

    trips = tmp_path / "trips.xml"
    options = ("--tripinfo-output", str(trips))
    spec = RunSpec(import_sumo(town[0]), town[0], tuple(town[1]), 0, 300, "fixed", sumo_options=options)
    result = run(spec)
    records = [e.attrib for e in ElementTree.parse(trips).iter("tripinfo") if float(e.attrib["depart"]) >= 0]
    delay_s = sum(float(a["timeLoss"]) + float(a["departDelay"]) for a in records)
    vehicles = result.modes["car"].trips + result.modes["bus"].trips
    assert vehicles - result.never_departed_veh == len(records)
    assert result.modes["bus"].trips > 0
    assert result.delay_mean_s * vehicles >= delay_s - 1e-6
    if result.never_departed_veh == 0:
        assert result.delay_mean_s * vehicles == pytest.approx(delay_s)


def test_a_network_that_is_not_the_streets_is_refused(town: Town, tmp_path: Path) -> None:
    from sim.sumo_street import SumoStreet

    other, routes = build_demo_street(tmp_path, seed=6, duration_s=60)
    other.write_text(other.read_text().replace('"A0"', '"Z0"'), encoding="utf-8")
    with pytest.raises((ValueError, RuntimeError), match=r"A0|Z0"):
        SumoStreet(import_sumo(town[0]), other, routes, 0, 60, 1, Sensors.FULL)


def test_contradictory_options_start_nothing(town: Town) -> None:
    with pytest.raises(BadOptions):
        street_of(town, extra_options=("--seed", "9"))


# --- the command --------------------------------------------------------------------------


def words_of(town: Town, *more: str) -> list[str]:
    routes = [word for route in town[1] for word in ("--route", str(route))]
    return ["sumo", "--net", str(town[0]), *routes, "--begin", "0", "--end", "60",
            "--controller", "fixed", *more]  # fmt: skip


def belisha_sumo(capfd: pytest.CaptureFixture[str], town: Town, *more: str) -> Done:
    """The command, and on its standard error also what SUMO itself writes there."""
    capfd.readouterr()
    done = belisha(*words_of(town, *more))
    own = capfd.readouterr()
    return Done(done.returncode, own.out + done.stdout, own.err + done.stderr)


def test_json_is_all_there_is_on_standard_output(root: Path, town: Town) -> None:
    import json

    words = [sys.executable, "belisha.py", *words_of(town, "--json", "--", "--verbose")]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["simulated_s"] == 60
    assert "Loading done" in done.stderr, "who asks SUMO to speak hears it, on standard error"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--", "--seed", "3"), "--seed after -- contradicts --seed"),
        (("--", "--no-such-option"), "no-such-option"),
        (("--", "-a", "missing.add.xml"), "missing.add.xml"),
        (("--net", "nowhere.net.xml"), "nowhere.net.xml: no such network file"),
        (("--end", "0"), "begin 0 s, end 0 s"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    capfd: pytest.CaptureFixture[str], town: Town, more: tuple[str, ...], said: str
) -> None:
    done = belisha_sumo(capfd, town, *more)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_vehicle_without_a_way_is_sumos_error_with_our_file_name(
    capfd: pytest.CaptureFixture[str], town: Town, tmp_path: Path
) -> None:
    edges = [e.attrib["id"] for e in ElementTree.parse(town[0]).iter("edge") if e.get("function") is None]
    route = tmp_path / "lost.rou.xml"
    route.write_text(
        f'<routes><vehicle id="lost" depart="1"><route edges="{edges[0]} {edges[0]}"/></vehicle></routes>',
        encoding="utf-8",
    )
    done = belisha_sumo(capfd, town, "--route", str(route))
    assert done.returncode == 2
    assert "lost.rou.xml" in done.stderr
    assert edges[0] in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
