"""Which lane leads where along a route: found once, backwards from the route's end, over arrays."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import numpy as np
from numba import typeof, types

from controller.compiling import inner_kernel, kernel
from sim.city.movement.movement_model import ROW, STREETS

_I, _I1 = types.int64, types.int64[::1]
_ROWS = typeof(np.zeros(1, ROW))
LOOK_AHEAD_M = 3000.0
"""Lane changes needed farther ahead matter to nobody yet (SUMO's limit)."""
FAR = 100


@inner_kernel(types.void(_I, _I, _ROWS))
def count_changes(n, row0, rows):
    """Lane changes from every one of `n` lanes to the nearest of those that lead farthest."""
    farthest_m = -1.0
    for k in range(n):
        farthest_m = max(farthest_m, rows[row0 + k].onward_m)
    for k in range(n):
        nearest = FAR
        for other in range(n):
            if rows[row0 + other].onward_m >= farthest_m - 0.5 and abs(other - k) < abs(nearest):
                nearest = other - k
        rows[row0 + k].offset = nearest


@kernel(types.void(_I1, _I1, _I1, _I1, _I1, _I1, _I1, STREETS, _ROWS))
def find_lanes(
    itinerary_start, itinerary_route, itinerary_permit, route_start, route_edge, connection_start, row_start,
    streets, rows,
):  # fmt: skip
    """Best connection, lane changes needed and way without any, for every lane of every edge of a route.

    itinerary_* (U, starts U+1 into places): route and permit · connection_start (L+1)
    row_start (places) first row of a place, one row a lane · rows: written
    """
    edge_lane_start, links, n_lanes = streets.edge_lane_start, streets.links, streets.n_lanes
    ways = streets.ways
    lanes = n_lanes[0]
    for u in range(len(itinerary_route)):
        first = route_start[itinerary_route[u]]
        n = itinerary_start[u + 1] - itinerary_start[u]
        permit = itinerary_permit[u]
        for i in range(n - 1, -1, -1):
            place = itinerary_start[u] + i
            edge = route_edge[first + i]
            lane0 = edge_lane_start[edge]
            for lane in range(lane0, edge_lane_start[edge + 1]):
                row = rows[row_start[place] + lane - lane0]
                row.connection = -1
                row.onward_m = -1.0
                if not ways[lane].permits & permit:
                    continue
                row.onward_m = LOOK_AHEAD_M if i == n - 1 else ways[lane].length_m
                best_m, best_changes = -1.0, FAR
                for c in range(connection_start[lane], connection_start[lane + 1]):
                    to = links[c].to_lane
                    if i == n - 1 or not ways[lanes + c].permits & permit:
                        continue
                    following = route_edge[first + i + 1]
                    if ways[to].edge != following:
                        continue
                    beyond = rows[row_start[place + 1] + to - edge_lane_start[following]]
                    if beyond.onward_m < 0.0:
                        continue
                    changes = abs(beyond.offset)
                    if beyond.onward_m > best_m or (beyond.onward_m == best_m and changes < best_changes):
                        best_m, best_changes = beyond.onward_m, changes
                        row.connection = c
                if row.connection >= 0:
                    # Lanes only: a few metres more or less over a node make no lane the better one.
                    row.onward_m = min(LOOK_AHEAD_M, ways[lane].length_m + best_m)
            count_changes(edge_lane_start[edge + 1] - lane0, row_start[place], rows)
