"""Streets to measure on: one ordinary junction, and as many as wanted of a small imported town."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from controller.frame import Frame, empty_frame
from controller.junction import (
    Detector,
    FixedPlan,
    Group,
    Intergreen,
    Junction,
    Lane,
    Movement,
    PlanStep,
    Reach,
    Stage,
    StreetNetwork,
)
from controller.network import Network
from controller.vocabulary import DetectorKind, GroupKind, Sensors, StageSource, Timing

ARMS = ("north", "east", "south", "west")
STAGES = (
    ("north", "south", "walk.east"),
    ("north.left", "south.left"),
    ("east", "west", "walk.north"),
    ("east.left", "west.left"),
)
"""Four stages: through and right with the crossing beside them, then the protected left turns."""


def ordinary_junction() -> Junction:
    """Four arms of three lanes (two through, one left), two crossings, loops and buttons."""
    movements = [name for stage in STAGES for name in stage if not name.startswith("walk")]
    walks = [name for stage in STAGES for name in stage if name.startswith("walk")]
    groups = [Group(n, GroupKind.VEHICLE, n, (), 5_000, 40_000, 3_000, 0, 120_000) for n in movements]
    groups += [
        Group(n, GroupKind.PEDESTRIAN, n, (), 7_000, 60_000, 0, 12_000, 120_000, False, 12.0) for n in walks
    ]
    together = {(a, b) for stage in STAGES for a in stage for b in stage}
    pairs = [
        (a, b) for a in groups for b in groups if (a.name, b.name) not in together and not _walk_both(a, b)
    ]
    lanes = tuple(
        _lane(f"{arm}_{k}", f"{arm}.left" if k == 2 else arm, "left" if k == 2 else "straight")
        for arm in ARMS
        for k in range(3)
    )
    return Junction(
        name="ordinary",
        title="ordinary",
        x_m=0.0,
        y_m=0.0,
        groups=tuple(groups),
        lanes=lanes,
        stages=tuple(Stage(f"s{k}", stage, StageSource.GIVEN) for k, stage in enumerate(STAGES)),
        intergreens=tuple(Intergreen(a.name, b.name, _between_ms(a)) for a, b in pairs),
        yields=(),
        detectors=(
            *(d for lane in lanes for d in _loops(lane.name)),
            *(Detector(f"{n}.button", DetectorKind.BUTTON, group=n) for n in walks),
        ),
        plans=(FixedPlan("day", 100_000, 0, tuple(PlanStep(f"s{k}", 25_000) for k in range(4))),),
    )


def ordinary_street() -> StreetNetwork:
    """That junction alone."""
    return StreetNetwork("ordinary", Timing.COMPUTED, (ordinary_junction(),))


def imported_town(directory: Path) -> StreetNetwork:
    """The demo's town of nine signals as the importer reads it. Raises FileNotFoundError without SUMO."""
    from sim.demo import build_demo_street
    from sim.importers.sumo import import_sumo

    net, _ = build_demo_street(directory, seed=1, duration_s=60)
    return import_sumo(net)


def tiled(town: StreetNetwork, n_junctions: int) -> StreetNetwork:
    """So many junctions: the town beside itself again and again, links inside each copy kept."""
    per_town = len(town.junctions)
    junctions: list[Junction] = []
    links = []
    for copy in range(-(-n_junctions // per_town)):
        kept = town.junctions[: n_junctions - len(junctions)]
        junctions += [_renamed(junction, copy) for junction in kept]
        names = {junction.name for junction in kept}
        links += [
            replace(
                link,
                exit_lane=f"{copy}/{link.exit_lane}",
                to_junction=f"{copy}/{link.to_junction}",
                to_lane=f"{copy}/{link.to_lane}",
            )
            for link in town.links
            if link.to_junction in names
        ]
    return StreetNetwork(f"{town.name} x {n_junctions}", town.timing, tuple(junctions), tuple(links))


def readings(network: Network, seed: int, n: int = 32) -> Iterator[Frame]:
    """Endless readings of busy loops and some buttons, `n` different ones, the frame refilled each time.

    The first one tells of the vehicles that are there already.
    """
    chance = np.random.default_rng(seed)
    frame = empty_frame(network, Sensors.LOOPS)
    button = network.detector_kind == DetectorKind.BUTTON
    bus = network.detector_kind == DetectorKind.BUS
    rate = np.where(button, 0.002, np.where(bus, 0.0005, 0.02))
    counts = (chance.random((n, len(rate))) < rate).astype(np.int32)
    occupied = (counts > 0) | (chance.random(counts.shape) < np.where(button | bus, 0.0, 0.3))
    advance = network.detector_kind == DetectorKind.ADVANCE
    frame.detector_count[advance] = chance.integers(0, 9, int(advance.sum()))
    yield frame
    while True:
        for k in range(n):
            frame.sequence += 1
            frame.detector_count[:] = counts[k]
            frame.detector_on[:] = occupied[k]
            yield frame


def _renamed(junction: Junction, copy: int) -> Junction:
    def lane(old: Lane) -> Lane:
        moves = tuple(replace(m, exit_lane=f"{copy}/{m.exit_lane}") for m in old.movements)
        reach = tuple(replace(r, street_lane=f"{copy}/{r.street_lane}") for r in old.reach)
        return replace(old, name=f"{copy}/{old.name}", movements=moves, reach=reach)

    detectors = tuple(
        replace(d, lane=f"{copy}/{d.lane}" if d.lane else "", street_lane=f"{copy}/{d.street_lane}")
        for d in junction.detectors
    )
    return replace(
        junction,
        name=f"{copy}/{junction.name}",
        title=f"{copy}/{junction.title}",
        lanes=tuple(lane(old) for old in junction.lanes),
        detectors=detectors,
    )


def _walk_both(a: Group, b: Group) -> bool:
    return a.kind == b.kind == GroupKind.PEDESTRIAN


def _between_ms(ending: Group) -> int:
    return ending.clearance_ms + 3_000 if ending.kind == GroupKind.PEDESTRIAN else ending.yellow_ms + 1_500


def _lane(name: str, group: str, direction: str) -> Lane:
    movement = Movement(0, group, direction, f"{name}.out", 13.9)
    return Lane(name, group, 200.0, 13.9, 0.5, (movement,), (Reach(name, 200.0, 0.0, 1.0),))


def _loops(lane: str) -> list[Detector]:
    return [
        Detector(f"{lane}.stop", DetectorKind.STOPLINE, lane, "", lane, 1.0, 1.0),
        Detector(f"{lane}.far", DetectorKind.ADVANCE, lane, "", lane, 60.0, 60.0),
    ]
