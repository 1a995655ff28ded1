"""A lane whose loops all fall silent at once: nobody is left to say so, and nobody stands there for ever."""

from __future__ import annotations

import numpy as np
import pytest

from controller import substitute_kernels as kernels
from controller.detectors_model import NEVER_MS
from sim.city.scenario import FaultKind
from tests.loop_street import NS_LEFT, LoopStreet, fault

LOOPS = ("ns.left_0.stopline", "ns.left_0.advance")
ONSET_S = 300
"""So early that hardly anything is known of a lane where one comes every half minute."""
GAP_S = 30


def dead(onset_s: int = ONSET_S, controller: str = "adaptive", **street: float) -> LoopStreet:
    """A square one of whose lanes has lost both its loops."""
    harm = (fault(FaultKind.STUCK_OFF, f"detector:{name}", onset_s=onset_s) for name in LOOPS)
    return LoopStreet(*harm, controller=controller, **street)  # type: ignore[arg-type]


def test_who_comes_to_a_lane_whose_loops_all_died_is_served_in_time_and_as_by_the_fixed_plan() -> None:
    street = dead().run(3000)
    promise_s = int(street.network.promise_ms[NS_LEFT]) / 1000
    served_s = ONSET_S + 5 * GAP_S + promise_s  # noticed, and served as promised
    # Who is left behind by a green is seen by nobody, and served by the next.
    assert street.worst_wait_s(int(served_s) + 30, NS_LEFT) <= 2 * promise_s
    assert street.mean_wait_s(ONSET_S) <= 0.9 * dead(controller="fixed").run(3000).mean_wait_s(ONSET_S)
    assert not street.complaints


def test_an_empty_lane_costs_the_others_little_and_is_believed_at_once_when_somebody_comes() -> None:
    street = LoopStreet(veh_per_h=(500, 120, 500, 120)).run(1200)
    street.rate[NS_LEFT] = 0.0
    street.run(600)
    assert street.degradation._quiet_lane[NS_LEFT] == kernels.PLAYED
    others = LoopStreet(veh_per_h=(500, 120, 500, 120)).run(1800)
    begun_ms = street.begin_ms + 1_200_000
    now, before = (
        np.mean([s for at, lane, s in one.vehicle_waits if at > begun_ms and lane != NS_LEFT])
        for one in (street, others)
    )
    assert now <= 1.05 * before, "what it costs them"
    street.rate[NS_LEFT] = 1 / GAP_S
    while not street.queue[NS_LEFT]:
        street.run(1)
    street.run(2)
    assert street.degradation._quiet_lane[NS_LEFT] == 0


def slow_twin(street: LoopStreet) -> list[int]:
    """Of each lane: do its loops tell of somebody (0), of nobody though they should (2), or who knows (1)?"""
    network, detectors = street.network, street.degradation.detectors
    health, told = detectors.health, [[] for _ in range(network.n_lanes)]  # type: ignore[var-annotated]
    for d in range(len(network.detectors)):
        if detectors.laid.gate[d] < 0 or not detectors.laid.own[d] or health.masked[d]:
            continue
        silent_s = (detectors.frame_ms - int(health.last_ms[d])) / 1000
        known = health.gaps[d, detectors.hour] >= 5
        usual_s = max(5 * float(health.gap_s[d, detectors.hour]), float(health.longest_s[d, detectors.hour]))
        quiet = 0
        if health.on_since_ms[d] == NEVER_MS:
            quiet = 2 * (silent_s > max(90, usual_s)) if known else 1 * (silent_s > 300)
        told[int(network.detector_lane[d])].append(int(quiet))
    return [min(of_lane, default=0) for of_lane in told]


@pytest.mark.parametrize("seed", range(20))
def test_which_lanes_are_quiet_is_what_the_slow_twin_says(seed: int) -> None:
    street, chance = LoopStreet(), np.random.default_rng(seed)
    detectors = street.degradation.detectors
    health, hour, n = detectors.health, detectors.hour, len(street.network.detectors)
    health.masked[:] = chance.random(n) < 0.2
    health.gaps[:, hour] = chance.integers(0, 12, n)
    health.gap_s[:, hour] = chance.integers(5, 60, n)
    health.longest_s[:, hour] = chance.integers(5, 200, n)
    health.last_ms[:] = detectors.frame_ms - chance.integers(0, 500, n) * 1000
    health.on_since_ms[:] = np.where(chance.random(n) < 0.1, detectors.frame_ms, NEVER_MS)
    quiet = np.ones(street.network.n_lanes, np.int8)
    played = kernels.mark_quiet(detectors.frame_ms, hour, detectors.laid, health, quiet)
    assert quiet.tolist() == slow_twin(street)
    assert played == quiet.tolist().count(kernels.PLAYED)
