"""How good are forecasts? The same city lived on twice, with an order and without, against what was foreseen.

`python -m bench.forecast_truth [ORDERS]` prints a table: person-seconds of waiting as the station believes
them (what a receipt measures) and people's time lost in truth, each as the change the order made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from controller.network import Network
from controller.orders import Orders
from controller.policy import Policy
from controller.present import neighbours
from controller.tick import Controller
from override.forecast import Forecaster
from override.handover import Meter, ask_for, hand_over, handover_of
from override.orders import Event, order_of, step
from override.requests import Header, OrderRequest
from override.roles import Command, Role
from override.what_if import Outcome, Question, around
from sim.city.load import City, load_city
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, RunPlan
from sim.city.world import World

BEGIN_S = 7 * 3600
CITY = CityScenario(
    "proving-ground",
    city=CityPlan(junctions=16, seed=5),
    demand=DemandPlan(veh_per_h_per_junction=420.0, walks_per_h_per_junction=80.0),
    run=RunPlan(BEGIN_S, BEGIN_S + 3600),
)
WARM_S, LEASE_S, PLAYED_S = 300, 60, 240


class Ordered:
    """A controller that ticks under orders; everything else of it is its own."""

    def __init__(self, controller: Controller, give: Callable[[Orders, int], None]) -> None:
        self._controller, self._give = controller, give
        self._orders = Orders(controller.network)
        self._given = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._controller, name)

    def tick(self, frame: Any, now_ms: int) -> Any:
        if not self._given:
            self._give(self._orders, now_ms)
            self._given = True
        return self._controller.tick(frame, now_ms, self._orders)


@dataclass(frozen=True, slots=True)
class Check:
    """One order: what was foreseen, believed and true, in person-seconds."""

    junction: int
    order: str
    foreseen_without: float
    foreseen_with: float
    believed_without: float
    believed_with: float
    true_without: float
    true_with: float

    @property
    def error(self) -> float:
        """Of the forecast of waiting with the order, in parts of what the meter read."""
        return abs(self.foreseen_with - self.believed_with) / max(300.0, self.believed_with)


def check(world: World, forecaster: Forecaster, j: int, command: Command) -> Check:
    """Foresee an order at junction j of a city, then let it happen, and not happen."""
    network = world.city.network
    junctions = around([j], neighbours(network))
    controller = world.controller
    assert controller is not None
    outcome = _foreseen(world, forecaster, j, junctions, command)
    lived = [_lived(world, junctions, give) for give in (_nothing, _give(network, j, command))]
    step_at = PLAYED_S // 10 - 1
    without, with_order = (
        float(run.waited_s[step_at].sum()) for run in (outcome.without, outcome.with_order)
    )
    return Check(j, str(command), without, with_order, lived[0][0], lived[1][0], lived[0][1], lived[1][1])


def _foreseen(
    world: World, forecaster: Forecaster, j: int, junctions: tuple[int, ...], command: Command
) -> Outcome:
    controller, now_ms = world.controller, world.now_ms
    assert controller is not None
    meter = Meter(world.city.network, Policy())
    question = [*_unpacked(ask_for(1, np.array(junctions), True))]
    now = handover_of(hand_over(controller, meter, question, now_ms, now_ms, 1.0, 1))
    name = world.city.network.street.junctions[j]
    header = Header(1, 1, bytes(16), 0, 0, bytes(8), 0)
    stage = name.stages[0].name if command is Command.HOLD else ""
    request = OrderRequest(
        header, "ana", command, 7, (name.name,), (), lease_ms=1000 * LEASE_S, stage=stage, reason="check"
    )
    order = order_of(request, bytes(32), Role.OPERATOR, (name.name,), now_ms)
    return forecaster.answer(
        Question(1, junctions, (), (step(order, Event.ACCEPT, now_ms),), 1000 * LEASE_S), now
    )


def _unpacked(message: bytes) -> list[Any]:
    import msgpack  # type: ignore[import-untyped]

    return list(msgpack.unpackb(message))


def _nothing(orders: Orders, now_ms: int) -> None:
    """No order."""


def _give(network: Network, j: int, command: Command) -> Callable[[Orders, int], None]:
    def give(orders: Orders, now_ms: int) -> None:
        until_ms = now_ms + 1000 * LEASE_S
        if command is Command.ALL_RED:
            orders.all_red(j, until_ms)
        else:
            orders.hold(j, int(network.stage_start[j]), until_ms)

    return give


def _lived(
    world: World, junctions: tuple[int, ...], give: Callable[[Orders, int], None]
) -> tuple[float, float]:
    """(waiting at these junctions as believed, time lost by everybody in truth), person-seconds."""
    other = world.fork()
    controller = other.controller
    assert controller is not None
    other.controller = Ordered(controller, give)  # type: ignore[assignment]
    meter = Meter(other.city.network, Policy())
    before = float(other.traffic.lane_lost_person_s.sum())
    walked = 0.0
    for _ in range(PLAYED_S):
        other.run_until(other.now_ms + 1000)
        meter.second(controller.state, other.now_ms)
        walked += float(other.walkers.crossing_waiting.sum())
    lost = float(other.traffic.lane_lost_person_s.sum()) - before
    return float(meter.waited_s[list(junctions)].sum()), lost + walked


def checks(city: City, orders: int) -> list[Check]:
    """So many orders, half of them all red, half holds, at the busiest junctions in turn."""
    world = World(city, "adaptive")
    world.run_until(world.now_ms + 1000 * WARM_S)
    assert world.controller is not None
    network = city.network
    flow = np.bincount(network.lane_junction, world.controller.state.flow_veh_per_s, network.n_junctions)
    forecaster = Forecaster(network, Policy())
    busy = np.argsort(-flow).tolist()
    commands = (Command.ALL_RED, Command.HOLD)
    return [check(world, forecaster, busy[k // 2 % len(busy)], commands[k % 2]) for k in range(orders)]


def main() -> None:
    """Print the table."""
    found = checks(load_city(CITY), int(sys.argv[1]) if len(sys.argv) > 1 else 8)
    print("| order | foreseen | believed | change foreseen | change believed | change in truth | error |")
    print("|---|---|---|---|---|---|---|")
    for one in found:
        changes = [
            one.foreseen_with - one.foreseen_without,
            one.believed_with - one.believed_without,
            one.true_with - one.true_without,
        ]
        sums = f"{one.foreseen_with:.0f} | {one.believed_with:.0f}"
        print(f"| {one.order} | {sums} | {' | '.join(f'{c:+.0f}' for c in changes)} | {one.error:.0%} |")
    print(f"mean absolute error {np.mean([one.error for one in found]):.0%} over {len(found)} orders")


if __name__ == "__main__":
    main()
