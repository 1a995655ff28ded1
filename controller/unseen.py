"""Streets without sensors are not streets without people: what is taken to come where nothing looks.

A lane without a loop at its stop line keeps a believed queue; a crossing without a button is
called as soon as its WALK is over, for the promise is to the first who comes. How much comes is read off
the junction's own fixed plan: whoever made it gave green in proportion to demand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.network import Floats, Network
from controller.vocabulary import DetectorKind, GroupKind

USUAL_SATURATION = 0.5
"""Part of its green that a stream of ordinary hours uses: plans are made for a busier one."""
USUAL_PEOPLE_PER_S = 0.01
"""36 people an hour at each crossing."""


def lanes_without_loop(network: Network) -> NDArray[np.bool_]:
    """(lanes) no loop at the stop line."""
    unseen = np.ones(network.n_lanes, np.bool_)
    unseen[network.detector_lane[network.detector_kind == DetectorKind.STOPLINE]] = False
    return unseen


def crossings_without_button(network: Network) -> NDArray[np.bool_]:
    """(groups) pedestrian groups nobody can call."""
    unseen = network.group_kind == GroupKind.PEDESTRIAN
    unseen[network.detector_group[network.detector_kind == DetectorKind.BUTTON]] = False
    return unseen


def usual_flow_veh_per_s(network: Network) -> Floats:
    """(lanes) flow that the fixed plan was made for; a fair share where there is no plan."""
    usual = np.zeros(network.n_lanes)
    for j, junction in enumerate(network.street.junctions):
        index = {g.name: k for k, g in enumerate(junction.groups)}
        greens = {s.name: sum(1 << index[name] for name in s.groups) for s in junction.stages}
        plan = junction.plans[0] if junction.plans else None
        steps = (
            [(greens[s.stage], s.duration_ms / plan.cycle_ms) for s in plan.steps]
            if plan is not None
            else [(bits, 1.0 / len(greens)) for bits in greens.values()]
        )
        for lane in range(int(network.lane_start[j]), int(network.lane_start[j + 1])):
            green = sum(part for bits, part in steps if bits & int(network.lane_group_bits[lane]))
            usual[lane] = USUAL_SATURATION * min(1.0, green) * network.lane_saturation_veh_per_s[lane]
    return usual
