"""Ticks in which nothing can happen cost next to nothing, and come to what whole ticks would have."""

from __future__ import annotations

import numpy as np
import pytest
import simpy

from controller.frame import TICK_MS, Frame, empty_frame
from controller.network import Network
from controller.orders import Orders
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import CONTROLLERS, Sensors
from sim.city.load import City
from sim.city.world import World
from tests.test_city_world import small_city


class WholeTicks(Controller):
    """One that takes no tick for a quiet one."""

    def _is_quiet(self, frame: Frame, now_ms: int, orders: Orders | None) -> bool:
        return False


@pytest.fixture(scope="module")
def city() -> City:
    return small_city(600)


@pytest.mark.parametrize("name", CONTROLLERS)
def test_lamps_state_and_judgement_are_those_of_whole_ticks(city: City, name: str) -> None:
    network, chance = city.network, np.random.default_rng(5)
    both = [of(network, name, Policy(), 0) for of in (Controller, WholeTicks)]
    frames = [empty_frame(network, Sensors.LOOPS) for _ in both]
    detectors = len(network.detectors)
    quiet = 0
    for now_ms in range(0, 120_000, TICK_MS):
        if chance.random() < 0.1:  # readings come when they like
            on, count = chance.random(detectors) < 0.2, chance.integers(0, 2, detectors)
            for frame in frames:
                frame.time_ms, frame.sequence = now_ms, frame.sequence + 1
                frame.detector_on[:], frame.detector_count[:] = on, count
                frame.detector_time_ms[:] = now_ms
        quiet += both[0]._is_quiet(frames[0], now_ms, None)
        for one, frame in zip(both, frames, strict=True):
            frame.lamps_shown[:] = one.tick(frame, now_ms)
        ours, theirs = both
        assert ours.state.digest() == theirs.state.digest(), now_ms
        assert ours._called.tobytes() == theirs._called.tobytes()
        assert ours.verdict is not None
        assert theirs.verdict is not None
        assert ours.verdict.permitted.tobytes() == theirs.verdict.permitted.tobytes()
        assert (ours.verdict.violations, ours.verdict.alarms) == ((), ())
    assert quiet > 800 or name == "adaptive"


def test_an_order_makes_a_tick_a_whole_one(city: City) -> None:
    network = city.network
    controller, frame = Controller(network, "fixed", Policy(), 0), empty_frame(network, Sensors.LOOPS)
    for now_ms in range(0, 1_000, TICK_MS):
        controller.tick(frame, now_ms)
    assert controller._is_quiet(frame, 1_100, None)
    assert not controller._is_quiet(frame, 1_100, Orders(network))
    assert not controller._is_quiet(frame, 2_000, None)
    controller.preemption.active = True
    assert not controller._is_quiet(frame, 1_100, None)
    controller.preemption.active = False
    frame.sequence += 1
    assert not controller._is_quiet(frame, 1_100, None)


def test_whoever_acts_between_two_ticks_finds_those_before_done_and_those_after_not(city: City) -> None:
    ticked: list[int] = []
    clock: list[int] = []

    def controller(network: Network, now_ms: int) -> Controller:
        made = Controller(network, "fixed", Policy(), now_ms)
        tick = made.tick

        def noted(frame: Frame, at_ms: int, orders: Orders | None = None) -> object:
            ticked.append(at_ms - city.begin_ms)
            clock.append(world.now_ms - city.begin_ms)
            return tick(frame, at_ms, orders)

        made.tick = noted  # type: ignore[method-assign,assignment]
        return made

    world = World(city, "fixed", make_controller=controller)
    found: list[tuple[int, int]] = []

    def other(env: simpy.Environment) -> object:
        for wait_ms in (250, 50, 1_700, 0, 333):
            yield env.timeout(wait_ms)
            found.append((int(env.now) - city.begin_ms, ticked[-1]))

    world.env.process(other(world.env))  # type: ignore[arg-type]
    world.run_until(city.begin_ms + 700)
    assert ticked == list(range(0, 700, 100))
    assert world.now_ms == city.begin_ms + 700
    world.run_until(city.begin_ms + 4_000)
    assert ticked == clock == list(range(0, 4_000, 100))
    assert found == [(250, 200), (300, 300), (2_000, 1_900), (2_000, 1_900), (2_333, 2_300)]
