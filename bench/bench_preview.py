"""A preview of a corridor of twenty junctions: both runs, lease and recovery, within half a second."""

from __future__ import annotations

import time

import msgpack  # type: ignore[import-untyped]
import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from controller.policy import Policy
from controller.present import neighbours
from override.forecast import Forecaster
from override.handover import Meter, ask_for, hand_over, handover_of
from override.orders import Event, Order, order_of, step
from override.requests import Header, Leg, OrderRequest
from override.roles import Command, Role
from override.what_if import Question, around
from sim.city.load import load_city
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, RunPlan
from sim.city.world import World

BEGIN_S, WARM_S, LEASE_S = 7 * 3600, 180, 120
JUNCTIONS = 20
PREVIEW_S = 0.5
CITY = CityScenario(
    "corridor",
    city=CityPlan(junctions=36, seed=2),
    demand=DemandPlan(veh_per_h_per_junction=420.0, walks_per_h_per_junction=80.0),
    run=RunPlan(BEGIN_S, BEGIN_S + 600),
)


def corridor(near: list[frozenset[int]]) -> list[int]:
    """Twenty junctions one beside the other, as far as that goes."""
    path = [0]
    while len(path) < JUNCTIONS:
        ahead = [j for j in sorted(near[path[-1]]) if j not in path]
        path.append(ahead[0] if ahead else next(j for j in range(len(near)) if j not in path))
    return path


def order_along(world: World, path: list[int]) -> Order:
    """A green wave along them, five seconds from one to the next."""
    junctions = [world.city.network.street.junctions[j] for j in path]
    legs = tuple(Leg(j.name, j.stages[0].name, 5_000 * k, 20_000) for k, j in enumerate(junctions))
    request = OrderRequest(
        Header(1, 1, bytes(16), 0, 0, bytes(8), 0), "ana", Command.CORRIDOR, 5, (), (),
        lease_ms=1000 * LEASE_S, legs=legs, reason="fire engine",
    )  # fmt: skip
    names = tuple(junction.name for junction in junctions)
    return step(order_of(request, bytes(32), Role.OPERATOR, names, world.now_ms), Event.ACCEPT, world.now_ms)


def test_a_corridor_of_twenty_junctions_is_foreseen_in_half_a_second(benchmark: BenchmarkFixture) -> None:
    world = World(load_city(CITY), "adaptive")
    world.run_until(world.now_ms + 1000 * WARM_S)
    controller = world.controller
    assert controller is not None
    network = world.city.network
    path = corridor(neighbours(network))
    junctions = around(path, neighbours(network))
    asked = msgpack.unpackb(ask_for(1, np.array(junctions), True))
    meter = Meter(network, Policy())
    begin_s = time.perf_counter()
    message = hand_over(controller, meter, asked, world.now_ms, world.now_ms, 1.0, 1)
    handing_s = time.perf_counter() - begin_s
    now = handover_of(message)
    forecaster = Forecaster(network, Policy())
    question = Question(1, junctions, (), (order_along(world, path),), 1000 * LEASE_S)
    benchmark.pedantic(forecaster.answer, (question, now), rounds=9, warmup_rounds=1)
    benchmark.extra_info |= {"junctions played": len(junctions), "hand-over us": round(1e6 * handing_s)}
    if benchmark.stats is not None:
        assert benchmark.stats.stats.median <= PREVIEW_S
