"""Loads and runs everything a controller needs before it takes a street over.

Kernels carry explicit signatures and so compile when they are imported (or come from the
cache); nothing may compile, load or be called for the first time while people wait for a lamp.
"""

from __future__ import annotations

from functools import cache

from controller.frame import TICK_MS, empty_frame
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
from controller.network import build_network
from controller.orders import Orders
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import DetectorKind, GroupKind, Sensors, StageSource, Timing

WARM_UP_MS = 40_000
"""Street time that is played: every stage begins and ends in it."""
_ROADS = ("main", "side")
_WALK = "walk"


@cache
def warm_up(controller: str, sensors: Sensors) -> None:
    """Play a small junction with this controller and these sensors, so that nothing is new later.

    Costs a few tenths of a second once a process, and the compilation where the cache of
    kernels is cold. Raises ValueError for a controller that is not in `vocabulary.CONTROLLERS`.
    """
    network = build_network(_crossroads())
    player = Controller(network, controller, Policy(), 0)
    orders = Orders(network)
    orders.hold(0, 0, 3 * WARM_UP_MS // 4)
    orders.call(0, WARM_UP_MS)
    orders.ignore(0, WARM_UP_MS)
    frame = empty_frame(network, sensors)
    frame.n_tracks = len(_ROADS) if sensors is Sensors.FULL else 0
    frame.track_segment[: len(_ROADS)] = range(len(_ROADS))
    for now_ms in range(0, WARM_UP_MS, TICK_MS):
        if now_ms % 1000 == 0:
            frame.time_ms, frame.sequence = now_ms, frame.sequence + 1
            frame.detector_on[:] = now_ms % 7_000 < 4_000
            frame.detector_count[:] = now_ms % 3_000 == 0
        frame.lamps_shown[:] = player.tick(frame, now_ms, orders if now_ms > WARM_UP_MS // 2 else None)


def _crossroads() -> StreetNetwork:
    """Two one-way roads and a crossing beside one of them; a button, loops and a bus point."""
    groups = (
        *(Group(road, GroupKind.VEHICLE, road, (), 5_000, 40_000, 3_000, 0, 120_000) for road in _ROADS),
        Group(_WALK, GroupKind.PEDESTRIAN, _WALK, (), 7_000, 60_000, 0, 8_000, 120_000, False, 8.0),
    )
    pairs = ((0, 1), (1, 0), (0, 2), (2, 0))
    junction = Junction(
        name="crossroads",
        title="crossroads",
        x_m=0.0,
        y_m=0.0,
        groups=groups,
        lanes=tuple(_lane(road) for road in _ROADS),
        stages=(
            Stage("a", ("main",), StageSource.GIVEN),
            Stage("b", ("side", _WALK), StageSource.GIVEN),
        ),
        intergreens=tuple(
            Intergreen(groups[a].name, groups[b].name, 11_000 if a == 2 else 4_000) for a, b in pairs
        ),
        yields=(),
        detectors=(
            *(d for road in _ROADS for d in _detectors(road)),
            Detector("button", DetectorKind.BUTTON, group=_WALK),
        ),
        plans=(FixedPlan("day", 40_000, 0, (PlanStep("a", 18_000), PlanStep("b", 22_000))),),
    )
    return StreetNetwork("warm-up", Timing.COMPUTED, (junction,))


def _lane(road: str) -> Lane:
    movement = Movement(0, road, "straight", f"{road}.out", 13.9)
    return Lane(road, road, 200.0, 13.9, 0.5, (movement,), (Reach(road, 200.0, 0.0, 1.0),))


def _detectors(road: str) -> list[Detector]:
    places = ((DetectorKind.STOPLINE, 1.0), (DetectorKind.ADVANCE, 50.0), (DetectorKind.BUS, 80.0))
    return [
        Detector(f"{road}.{kind.name}", kind, road, "", road, distance_m, distance_m)
        for kind, distance_m in places
    ]
