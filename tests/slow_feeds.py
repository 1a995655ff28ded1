"""Which stop lines feed which, read from the street's records instead of its arrays."""

from __future__ import annotations

from controller.network import Network

WEIGHT = {"straight": 3.0, "right": 1.0, "left": 1.0, "turn": 0.1}


def feeds_of(network: Network) -> list[list[tuple[int, float, int]]]:
    """For every lane (lane upstream, share, travel time in s), in the order of lanes upstream."""
    street = network.street
    lanes = [(j, lane) for j in street.junctions for lane in j.lanes]
    index = {(j.name, lane.name): k for k, (j, lane) in enumerate(lanes)}
    feeds: list[list[tuple[int, float, int]]] = [[] for _ in lanes]
    for up, (_, lane) in enumerate(lanes):
        total = sum(WEIGHT[m.direction] for m in lane.movements)
        for movement in lane.movements:
            for link in street.links:
                if link.exit_lane == movement.exit_lane:
                    to = index[link.to_junction, link.to_lane]
                    share = WEIGHT[movement.direction] / total * link.share
                    feeds[to].append((up, share, int(link.length_m / lanes[to][1].speed_m_per_s) + 2))
    return feeds
