"""A button that falls silent: nobody waits a quarter of an hour behind it until its death is certain."""

from __future__ import annotations

import numpy as np
import pytest

from controller import substitute_kernels
from controller.vocabulary import DetectorKind
from sim.city.scenario import FaultKind
from tests.loop_street import WALK_EW, WALK_NS, LoopStreet, fault

BUTTON = "walk.ns.button"
ONSET_S, HOUR_S = 1200, 3600


def test_people_at_a_button_that_died_are_served_after_three_usual_gaps_and_in_every_cycle_then() -> None:
    """Sixty people an hour: after three minutes of silence somebody probably stands there."""
    street = LoopStreet(fault(FaultKind.STUCK_OFF, f"detector:{BUTTON}", onset_s=ONSET_S)).run(HOUR_S)
    onset_ms = street.begin_ms + 1000 * ONSET_S
    walks = [at for at, group in street.walks if group == WALK_NS and at > onset_ms]
    gap_s = float(street.degradation.detectors.health.gap_s[street.named(BUTTON), 8])
    promise_s = int(street.network.promise_ms[WALK_NS]) / 1000
    assert walks[0] - onset_ms <= 1000 * (3 * gap_s + promise_s)
    assert np.diff(walks).max() / 1000 <= promise_s + 30, "and no longer than promised between two of them"
    waits = [s for at, group, s in street.walker_waits if group == WALK_NS and at > onset_ms]
    assert len(waits) > 30
    assert np.mean(waits) <= promise_s
    assert not street.complaints


def test_a_button_that_dies_after_a_few_presses_is_not_waited_for_until_it_is_well_known() -> None:
    """Three presses prove a button. One that died after them was believed for the rest of the hour."""
    street = LoopStreet(fault(FaultKind.STUCK_OFF, f"detector:{BUTTON}", onset_s=600), people_per_h=20).run(
        3000
    )
    assert street.degradation.detectors.health.gaps[street.named(BUTTON), 8] < 5
    waits = [s for at, group, s in street.walker_waits if group == WALK_NS]
    still = [(street.now_ms - at) / 1000 for at in street.kerb[WALK_NS]]
    assert max(waits + still) <= 300 + int(street.network.promise_ms[WALK_NS]) / 1000


def test_a_button_that_is_pressed_again_calls_as_before() -> None:
    """The way back: one press, and WALK comes for those who call only."""
    street = LoopStreet(fault(FaultKind.STUCK_OFF, f"detector:{BUTTON}", ONSET_S, 600.0)).run(ONSET_S + 600)
    assert street.controller.state.unseen_group[WALK_NS]
    street.run(300)
    assert not street.controller.state.unseen_group[WALK_NS]
    assert not street.controller.state.unseen_group[WALK_EW]


def test_at_a_button_that_works_few_walks_are_for_nobody() -> None:
    street = LoopStreet(people_per_h=120).run(HOUR_S)
    served = {(at, group) for at, group, _ in street.walker_waits}
    for_nobody = [walk for walk in street.walks if walk not in served]
    # Until three presses have proven it, it is on recall; that is the other way to be for nobody.
    later = [at for at, _ in for_nobody if at > street.begin_ms + 600_000]
    assert len(later) <= 0.1 * len(street.walks)


def slow_twin(street: LoopStreet) -> tuple[list[bool], list[bool], list[bool], int]:
    """Lanes and crossings nobody sees, of these the quiet ones, and how many detectors are not used."""
    network, detectors = street.network, street.degradation.detectors
    health, lanes, deaf, quiet = detectors.health, set(), set(), set()
    for d in range(len(network.detectors)):
        if network.detector_kind[d] == DetectorKind.STOPLINE and health.masked[d]:
            lanes.add(int(network.detector_lane[d]))
        if network.detector_kind[d] != DetectorKind.BUTTON:
            continue
        silent_s = (detectors.frame_ms - int(health.last_ms[d])) / 1000
        usual_s = float(health.gap_s[d, detectors.hour])
        long_s = 3 * usual_s if health.gaps[d, detectors.hour] >= 20 else min(3 * usual_s, 300)
        if health.trust[d] < 0.5:
            deaf.add(int(network.detector_group[d]))
        elif silent_s > max(90, long_s):
            quiet.add(int(network.detector_group[d]))
    return (
        [lane in lanes for lane in range(network.n_lanes)],
        [g in deaf | quiet for g in range(network.n_groups)],
        [g in quiet - deaf for g in range(network.n_groups)],
        int(health.masked.sum()),
    )


@pytest.mark.parametrize("seed", range(30))
def test_who_is_not_seen_is_what_the_slow_twin_says(seed: int) -> None:
    street, chance = LoopStreet(), np.random.default_rng(seed)
    detectors = street.degradation.detectors
    health, hour, n = detectors.health, detectors.hour, len(street.network.detectors)
    health.masked[:] = chance.random(n) < 0.2
    health.trust[:] = chance.random(n)
    health.gaps[:, hour] = chance.integers(0, 40, n)
    health.gap_s[:, hour] = chance.integers(5, 200, n)
    health.last_ms[:] = detectors.frame_ms - chance.integers(0, 700, n) * 1000
    bare_lane = np.zeros(street.network.n_lanes, np.bool_)
    bare_group = np.zeros(street.network.n_groups, np.bool_)
    no_quiet_lane = np.zeros(street.network.n_lanes, np.int8)
    lanes, groups, quiet = np.ones_like(bare_lane), np.ones_like(bare_group), np.ones_like(bare_group)
    masked = substitute_kernels.mark_unseen(
        detectors.frame_ms,
        hour,
        detectors.laid,
        health,
        bare_lane,
        bare_group,
        no_quiet_lane,
        lanes,
        groups,
        quiet,
    )
    assert (lanes.tolist(), groups.tolist(), quiet.tolist(), masked) == slow_twin(street)
