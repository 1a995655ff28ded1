"""Sick detectors: each says what its fault says, from its onset until its repair, and the truth stays."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from controller.frame import Frame, empty_frame
from controller.network import Network, build_network
from controller.vocabulary import DetectorKind, Sensors
from sim.city.scenario import FaultKind, FaultPlan
from sim.city.sensing.faults import Faults, fault_from_order
from sim.importers.sumo import import_sumo
from tests.small_nets import cross

SOUTH, LAST = "south_0.stop", "last_0.stop"
DISTRICTS = SimpleNamespace(districts=("centre", "edge"), junction_district=np.array([1]))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return build_network(import_sumo(cross(tmp_path_factory.mktemp("net"))), 1000)


def named(network: Network, name: str) -> int:
    return [d.name for d in network.detectors].index(name)


class Seconds:
    """Plays a truth of one detector: a vehicle every four seconds, each on the loop for one."""

    def __init__(
        self, network: Network, *plans: FaultPlan, sensors: Sensors = Sensors.LOOPS, seed: int = 1
    ) -> None:
        self.network = network
        self.faults = Faults(network, DISTRICTS, plans, 0, 7_200_000, seed, sensors)
        self.frame = empty_frame(network, sensors)
        self.now_s = 0

    def play(self, seconds: int, name: str = SOUTH) -> list[tuple[bool, int, float, int]]:
        """(on, count, occupancy, age of the reading in s) of each second."""
        d, frame, said = named(self.network, name), self.frame, []
        for _ in range(seconds):
            self.now_s += 1
            self.truth(frame)
            self.faults.advance(frame.time_ms)
            self.faults.afflict(frame)
            said.append((
                bool(frame.detector_on[d]), int(frame.detector_count[d]),
                float(frame.detector_occupancy[d]), (frame.time_ms - int(frame.detector_time_ms[d])) // 1000,
            ))  # fmt: skip
        return said

    def truth(self, frame: Frame) -> None:
        passes = self.now_s % 4 == 0
        frame.time_ms = 1000 * self.now_s
        frame.detector_on.fill(passes)
        frame.detector_count.fill(passes)
        frame.detector_occupancy.fill(0.5 * passes)
        if frame.sensors is Sensors.FULL:
            frame.n_tracks = 2
            frame.track_segment[:2] = [
                self.network.segments.index("south_0"),
                self.network.segments.index("west_0"),
            ]
            frame.track_distance_m[:2] = float(self.now_s)
            frame.track_speed_m_per_s[:2] = 5.0
            frame.track_kind[:2] = 0


def plan(kind: FaultKind, where: str = f"detector:{SOUTH}", **more: float) -> FaultPlan:
    return FaultPlan(kind, where, **{"onset_s": 10, "repair_s": 20, **more})


def test_stuck_on_and_stuck_off_say_the_same_whatever_passes(network: Network) -> None:
    for kind, says in ((FaultKind.STUCK_ON, (True, 0, 1.0, 0)), (FaultKind.STUCK_OFF, (False, 0, 0.0, 0))):
        play = Seconds(network, plan(kind))
        healthy = play.play(9)
        assert sum(count for _, count, _, _ in healthy) == 2
        assert set(play.play(20)) == {says}
        assert sum(count for _, count, _, _ in play.play(8)) == 2
        assert [(r.time_ms, r.fault, r.event) for r in play.faults.log()] == [
            (10_000, kind, "onset"),
            (30_000, kind, "repair"),
        ]


def test_a_chattering_loop_counts_what_no_street_can_hold(network: Network) -> None:
    play = Seconds(network, plan(FaultKind.CHATTER, repair_s=600))
    play.play(9)
    said = play.play(600)
    assert 1100 + 150 <= sum(count for _, count, _, _ in said) <= 1300 + 150, "120 a minute too many"
    assert 250 < sum(on for on, _, _, _ in said) < 350
    beside = Seconds(network, plan(FaultKind.CHATTER)).play(25, LAST)
    assert beside == Seconds(network).play(25, LAST), "the one beside is healthy"


def test_a_drifting_counter_tells_its_part_of_the_vehicles_and_no_half_ones(network: Network) -> None:
    play = Seconds(network, plan(FaultKind.DRIFT, strength=0.6, repair_s=400))
    play.play(9)
    assert sum(count for _, count, _, _ in play.play(400)) == pytest.approx(0.6 * 100, abs=1)
    play = Seconds(network, plan(FaultKind.DRIFT, strength=1.5, repair_s=400))
    play.play(9)
    assert sum(count for _, count, _, _ in play.play(400)) == pytest.approx(150, abs=1)


def test_a_late_detector_tells_old_truth_and_says_how_old(network: Network) -> None:
    play = Seconds(network, plan(FaultKind.DELAY, strength=3))
    before = play.play(9)
    late = play.play(20)
    assert [said[:3] for said in late] == [
        said[:3] for said in (before + Seconds(network).play(29)[9:])[6:26]
    ]
    assert {said[3] for said in late} == {3}


def test_from_a_detector_that_dropped_out_nothing_comes_and_its_reading_grows_old(network: Network) -> None:
    play = Seconds(network, plan(FaultKind.DROPOUT))
    assert {said[3] for said in play.play(9)} == {0}
    assert play.play(20) == [(False, 0, 0.0, age) for age in range(1, 21)]
    assert play.play(1)[0][3] == 0


def test_a_wrong_clock_leaves_the_values_and_spoils_the_time(network: Network) -> None:
    play = Seconds(network, plan(FaultKind.CLOCK_SKEW, strength=-75))
    play.play(9)
    said = play.play(20)
    assert [s[:3] for s in said] == [s[:3] for s in Seconds(network).play(29)[9:]]
    assert {s[3] for s in said} == {75}


def test_spoofed_vehicles_come_on_top_of_the_true_ones(network: Network) -> None:
    play = Seconds(network, plan(FaultKind.SPOOFED, strength=60, repair_s=100))
    play.play(9)
    said = play.play(100)
    assert sum(count for _, count, _, _ in said) == 100 + 25
    assert all(on for on, _, _, _ in said)


def test_one_detector_can_have_several_faults_and_has_the_last_of_the_list(network: Network) -> None:
    play = Seconds(
        network, plan(FaultKind.STUCK_ON, repair_s=30), plan(FaultKind.DROPOUT, onset_s=20, repair_s=5)
    )
    said = play.play(45)
    assert [s[0] for s in said[10:19]] == [True] * 9
    assert [s[3] for s in said[19:24]] == [1, 2, 3, 4, 5]
    assert [s[0] for s in said[24:39]] == [True] * 15
    assert [(r.time_ms // 1000, r.fault, r.event) for r in play.faults.log()] == [
        (10, "stuck-on", "onset"), (20, "stuck-on", "repair"), (20, "dropout", "onset"),
        (25, "dropout", "repair"), (25, "stuck-on", "onset"), (40, "stuck-on", "repair"),
    ]  # fmt: skip


def test_at_random_detectors_fall_ill_at_their_rate_and_are_mended_in_their_time(network: Network) -> None:
    rate = FaultPlan(FaultKind.STUCK_OFF, "all", onset_s=0, repair_s=60, rate_per_hour=6)
    onsets, ill_s = Counter(), 0
    for seed in range(20):
        faults = Faults(network, DISTRICTS, [rate], 0, 3_600_000, seed, Sensors.LOOPS)
        while (next_ms := faults.next_ms) is not None:
            n = len(faults.ill)
            start_ms = faults._time_ms[faults._done[0] - 1] if faults._done[0] else 0
            ill_s += n * (next_ms - start_ms) / 1000
            faults.advance(next_ms)
        onsets.update(r.event for r in faults.log())
    hours = 20 * len(network.detectors)
    assert onsets["onset"] / hours == pytest.approx(6, rel=0.2)
    assert ill_s / onsets["onset"] == pytest.approx(60, rel=0.2)


def test_the_same_seed_breaks_the_same_detectors_and_another_seed_others(network: Network) -> None:
    half = [plan(FaultKind.STUCK_OFF, "all", share=0.5)]

    def broken(seed: int) -> list[int]:
        faults = Faults(network, DISTRICTS, half, 0, 3_600_000, seed, Sensors.LOOPS)
        faults.advance(15_000)
        return faults.ill.tolist()

    assert len(broken(1)) == len(network.detectors) // 2
    assert broken(1) == broken(1)
    assert len({tuple(broken(seed)) for seed in range(6)}) > 1


def test_what_was_never_installed_cannot_break(network: Network) -> None:
    fitted = np.array([d.kind != DetectorKind.ADVANCE for d in network.detectors])
    faults = Faults(
        network, DISTRICTS, [plan(FaultKind.STUCK_ON, "all")], 0, 60_000, 1, Sensors.LOOPS, fitted
    )
    faults.advance(10_000)
    assert faults.ill.tolist() == np.flatnonzero(fitted).tolist()


def test_a_camera_that_is_ill_loses_repeats_and_invents_vehicles(network: Network) -> None:
    south = network.segments.index("south_0")

    def seen(kind: FaultKind, strength: float = 0.0) -> list[list[float]]:
        """Distances of the tracks on the southern lane, second by second during the fault."""
        play = Seconds(network, plan(kind, strength=strength), sensors=Sensors.FULL)
        play.play(9)
        said = []
        for _ in range(20):
            play.play(1)
            n, frame = play.frame.n_tracks, play.frame
            here = frame.track_segment[:n] == south
            assert (frame.track_segment[:n] == network.segments.index("west_0")).sum() == 1
            said.append(sorted(frame.track_distance_m[:n][here].tolist()))
        return said

    truth = [[float(s)] for s in range(10, 30)]
    assert seen(FaultKind.STUCK_OFF) == seen(FaultKind.DROPOUT) == [[]] * 20
    assert seen(FaultKind.STUCK_ON) == [[0.0, *t] for t in truth]
    assert seen(FaultKind.DRIFT, 2.0) == [t * 2 for t in truth]
    assert 0 < sum(map(len, seen(FaultKind.DRIFT, 0.5))) < 20
    assert seen(FaultKind.DELAY, 4) == [[float(s)] for s in range(6, 26)]
    assert seen(FaultKind.SPOOFED, 30) == [sorted([0.0, 7.5, 15.0, *t]) for t in truth]
    assert seen(FaultKind.CLOCK_SKEW, 9) == truth


def test_an_order_on_the_command_line_says_kind_place_share_and_time() -> None:
    assert fault_from_order("stuck-on:all:0.1") == FaultPlan(FaultKind.STUCK_ON, "all", 600.0, 0.0, 0.1)
    assert fault_from_order("dropout:detector:a:b:1@60-90") == FaultPlan(
        FaultKind.DROPOUT, "detector:a:b", 60.0, 30.0, 1.0
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stuck-on", "allowed is KIND:WHERE:SHARE"),
        ("melted:all:1", "no kind 'melted'; allowed are stuck-on"),
        ("dropout:J1:1", "where is 'J1'; allowed is all, district:NAME"),
        ("dropout:all:2", "share is 2.0; allowed is 0 to 1"),
        ("dropout:all:x", "are numbers"),
        ("dropout:all:1@90-60", "mended before it begins"),
    ],
)
def test_a_wrong_order_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        fault_from_order(text)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("district:moon", "no such district; known are centre, edge"),
        ("junction:moon", "no junction moon; known are"),
        ("detector:moon", "no such detector; known are"),
    ],
)
def test_a_fault_nowhere_is_refused(network: Network, where: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Faults(network, DISTRICTS, [plan(FaultKind.DROPOUT, where)], 0, 1000, 1, Sensors.LOOPS)
    with pytest.raises(ValueError, match=r"strength is 99.*allowed is 0.05 to 10 factor"):
        Faults(network, DISTRICTS, [plan(FaultKind.DRIFT, strength=99)], 0, 1000, 1, Sensors.LOOPS)
