"""A city's streets, trips and fixed programs as UXsim takes them: nodes, links, greens of phases."""

from __future__ import annotations

from typing import Any

import numpy as np

from controller.network import Network
from controller.vocabulary import Lamp
from sim.city.movement.programs_model import Programs
from sim.city.roads import Roads
from sim.city.trips import Drives

SHORTEST_M = 20.0
"""UXsim's vehicles cross no link in less than a step; shorter ones are taken to be so long."""


def hour_for_uxsim(
    network: Network, roads: Roads, drives: Drives, programs: Programs, begin_s: int, end_s: int
) -> dict[str, Any]:
    """What `bench/uxsim_hour.py` reads, but for `deltan` and `cpp`.

    Trips that end at the node where they begin are left out.
    """
    phases: list[list[int]] = [[] for _ in range(roads.n_edges)]
    greens_s: list[list[int]] = [[] for _ in range(len(roads.node_x_m))]
    for c in np.flatnonzero(roads.connection_group >= 0):
        group = int(roads.connection_group[c])
        j = int(network.group_junction[group])
        edge = int(roads.lane_edge[roads.connection_from[c]])
        first, last = int(programs.phase_start[j]), int(programs.phase_start[j + 1])
        ends_ms = programs.phase_end_ms[first:last]
        greens_s[int(roads.edge_to[edge])] = [int(ms) // 1000 for ms in np.diff(ends_ms, prepend=0)]
        shown = programs.lamp[programs.lamp_start[first:last] + group - programs.group_start[j]]
        green = np.flatnonzero(shown == Lamp.GREEN).tolist()
        phases[edge] = sorted({*phases[edge], *green})
    lane = roads.edge_lane_start[:-1]
    length_m = np.maximum(SHORTEST_M, roads.lane_length_m[lane])
    links = [
        [
            int(roads.edge_from[e]), int(roads.edge_to[e]), float(length_m[e]),
            float(roads.lane_speed_m_per_s[lane[e]]), int(roads.edge_lane_start[e + 1] - lane[e]), phases[e],
        ]
        for e in range(roads.n_edges)
    ]  # fmt: skip
    starts = roads.edge_from[drives.route_edge[drives.route_start[drives.route]]]
    ends = roads.edge_to[drives.route_edge[drives.route_start[drives.route + 1] - 1]]
    due_s = drives.depart_ms / 1000 - begin_s
    return {
        "nodes": [
            [float(x), float(y), green]
            for x, y, green in zip(roads.node_x_m, roads.node_y_m, greens_s, strict=True)
        ],
        "links": links,
        "trips": [[int(a), int(b), float(s)] for a, b, s in zip(starts, ends, due_s, strict=True) if a != b],
        "end_s": end_s - begin_s,
    }
