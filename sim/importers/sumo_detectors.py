"""Where the detectors of an imported street lie, on the chain of lanes of each approach."""

from __future__ import annotations

from controller.junction import Detector, Lane, Reach
from controller.vocabulary import DetectorKind
from sim.importers.sumo_approaches import StreetLanes
from sim.importers.sumo_net_xml import CYCLES, PRIVATE, PUBLIC, RAIL

STOPLINE_M = 2.0
NEAR_M = 40.0
NEAR_MIN_M = 15.0
"""A last street lane at least this long has its near loop on itself, where nobody else drives."""
FAR_S = 10.0
FAR_MAX_M = 150.0
FAR_BEHIND_NEAR_M = 25.0
"""No far loop closer than this to the near one."""
BUS_M = 120.0
BRANCH_SHARE_MIN = 0.25
"""A branch that sends less than this part of its vehicles here gets no detector of its own."""
EDGE_MARGIN_M = 1.0
"""No detector closer than this to the beginning of a street lane."""


def lane_detectors(street: StreetLanes, lane: Lane) -> list[Detector]:
    """Stop-line loop, near and far advance loops (one of each a branch) and bus check-ins of one lane."""
    stop_m = STOPLINE_M if lane.length_m >= 2 * STOPLINE_M else lane.length_m / 2
    found = [
        Detector(
            f"{lane.name}.stop",
            DetectorKind.STOPLINE,
            lane=lane.name,
            street_lane=lane.name,
            distance_to_end_m=round(stop_m, 2),
            distance_m=round(stop_m, 2),
        )
    ]
    near_m = NEAR_M
    if NEAR_MIN_M <= lane.length_m < NEAR_M + EDGE_MARGIN_M:
        near_m = lane.length_m - EDGE_MARGIN_M
    far_m = max(near_m + FAR_BEHIND_NEAR_M, min(FAR_MAX_M, FAR_S * lane.speed_m_per_s))
    found += _upstream(street, lane, DetectorKind.ADVANCE, "near", near_m, stop_m + 1.0)
    found += _upstream(street, lane, DetectorKind.ADVANCE, "far", far_m, near_m + FAR_BEHIND_NEAR_M)
    classes = street.net.lanes[lane.name].classes
    if classes & (PUBLIC | RAIL) or classes & PRIVATE or not classes & CYCLES:
        found += _upstream(street, lane, DetectorKind.BUS, "bus", BUS_M, 1.0)
    return found


def _upstream(
    street: StreetLanes, lane: Lane, kind: DetectorKind, word: str, distance_m: float, least_m: float
) -> list[Detector]:
    """Detectors of one kind at a distance, or as far up as each branch reaches."""
    places = []
    for r in lane.reach:
        if r.share < BRANCH_SHARE_MIN and r.gap_m > 0.0:
            continue
        at_m = _place(street, lane, r, distance_m)
        if at_m is not None and r.gap_m + at_m > least_m - 0.01:
            places.append((r, at_m))
    return [
        Detector(
            f"{lane.name}.{word}" + (str(n) if n > 1 else ""),
            kind,
            lane=lane.name,
            street_lane=r.street_lane,
            distance_to_end_m=round(at_m, 2),
            distance_m=round(r.gap_m + at_m, 2),
        )
        for n, (r, at_m) in enumerate(places, start=1)
    ]


def _place(street: StreetLanes, lane: Lane, r: Reach, distance_m: float) -> float | None:
    """Distance from the end of this stretch, if the detector of its branch belongs here."""
    if r.gap_m >= distance_m:
        return None
    far_m = r.gap_m + r.length_m
    if far_m - EDGE_MARGIN_M >= distance_m:
        return distance_m - r.gap_m
    shares = {x.street_lane: x for x in lane.reach}
    goes_on = False
    for way in street.ways_in.get(r.street_lane, ()):
        up = shares.get(way.from_lane)
        if up is None or way.signalled or up.share < BRANCH_SHARE_MIN:
            continue
        if up.gap_m >= distance_m:  # the distance falls inside the node: take this side of it
            continue
        goes_on = True
    if goes_on:
        return None
    return max(r.length_m - EDGE_MARGIN_M, r.length_m / 2)
