"""Sequencer and safety monitor agree: random wishes on imported streets trip nothing, a flash is obeyed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from controller.frame import Frame, empty_frame
from controller.junction import Junction, StreetNetwork
from controller.monitor import SafetyMonitor, Verdict
from controller.network import Network, build_network
from controller.permissive import card_of
from controller.policy import Policy
from controller.sequencer import ALL_RED_AFTER_FLASH_MS, Sequencer
from controller.state import NEVER_MS, new_state
from controller.tick import Controller
from controller.vocabulary import GroupKind, Lamp, Sensors, Timing
from sim.importers.sumo import import_sumo
from tests import toy_street
from tests.test_import_networks import generated

WITH_WALKERS = ["--sidewalks.guess", "--crossings.guess"]
GRID = ["--grid", "--grid.number=4", "--grid.attach-length=120", "-L2", "--turn-lanes=1", *WITH_WALKERS]
RANDOM = ["--rand", "--rand.iterations=40", "--seed=7", "-L2", *WITH_WALKERS]
SPIDER = [
    "--spider",
    "--spider.arm-number=5",
    "--spider.circle-number=2",
    "--tls.left-green.time=8",
    *WITH_WALKERS,
]


def dithering_planner(street: StreetNetwork, resolution_ms: int, junction_ticks: int, seed: int) -> int:
    """Drive every junction by chance under the monitor's eyes; gives the number of greens begun."""
    network = build_network(street, resolution_ms)
    state, sequencer = new_state(network, 0), Sequencer(network)
    monitor = SafetyMonitor(card_of(street, resolution_ms))
    chance = np.random.default_rng(seed)
    walks = network.group_kind == GroupKind.PEDESTRIAN
    nobody = np.zeros(network.n_junctions, np.bool_)
    no_calls = np.zeros(network.n_groups, np.bool_)  # random wishes keep no promise
    starts = 0
    for tick in range(1 + junction_ticks // network.n_junctions):
        now_ms = 100 * tick
        for j in np.flatnonzero(chance.random(network.n_junctions) < 0.012):
            n_stages = int(network.stage_start[j + 1] - network.stage_start[j])
            state.wanted_stage[j] = network.stage_start[j] + chance.integers(n_stages)
            state.planned_end_ms[j] = NEVER_MS if chance.random() < 0.2 else now_ms + chance.integers(60_000)
        if tick % 10 == 0:
            calls = walks & (chance.random(network.n_groups) < 0.05) & (state.lamp != Lamp.GREEN)
            state.call_since_ms[calls & (state.call_since_ms == NEVER_MS)] = now_ms
            state.recall[:] = walks & (chance.random(network.n_groups) < 0.2)
        before = state.lamp == Lamp.GREEN
        sequencer.advance(state, now_ms)
        starts += int(np.count_nonzero((state.lamp == Lamp.GREEN) & ~before))
        verdict = monitor.judge(now_ms, tick, state.lamp, monitor.permitted.copy(), no_calls, nobody, nobody)
        assert not verdict.violations, verdict.violations[0].sentence
        assert not verdict.alarms, verdict.alarms[0].sentence
    return starts


@pytest.mark.sumo
@pytest.mark.parametrize("timing", list(Timing))
@pytest.mark.parametrize(
    ("options", "resolution_ms"),
    [pytest.param(GRID, 1000, id="grid-1s"), pytest.param(RANDOM, 100, id="random-0.1s"),
     pytest.param(SPIDER, 300, id="spider-0.3s")],
)  # fmt: skip
def test_random_wishes_on_imported_streets_never_trip_the_monitor(
    tmp_path: Path, options: list[str], resolution_ms: int, timing: Timing
) -> None:
    """Six streets, 40,000 junction-ticks each."""
    street = import_sumo(generated(tmp_path, options), timing)
    ticks = 40_000
    starts = dithering_planner(street, resolution_ms, ticks, seed=1)
    assert starts > ticks / 10 / 25, "a green at least every 25 s at every junction"


# --- a monitor that trips ----------------------------------------------------------------


class Street:
    """Two toy junctions under a whole controller; heads show what is permitted, unless told otherwise."""

    def __init__(self, *junctions: Junction) -> None:
        self.network: Network = toy_street.network(*junctions)
        self.controller = Controller(self.network, "fixed", Policy(), 0)
        self.frame: Frame = empty_frame(self.network, Sensors.LOOPS)
        self.now_ms = 0
        self.lie: dict[int, Lamp] = {}
        self.violations: list[str] = []

    def tick(self, step_ms: int = 100) -> list[int]:
        lamps = self.controller.tick(self.frame, self.now_ms).tolist()
        verdict = self.controller.verdict
        assert isinstance(verdict, Verdict)
        self.violations += [v.sentence for v in verdict.violations]
        self.frame.lamps_shown[:] = lamps
        for group, lamp in self.lie.items():
            self.frame.lamps_shown[group] = lamp
        self.now_ms += step_ms
        return lamps

    def run(self, seconds: float) -> dict[int, int]:
        """First green by group in these seconds, ms."""
        first: dict[int, int] = {}
        for _ in range(round(10 * seconds)):
            at_ms = self.now_ms
            for g, lamp in enumerate(self.tick()):
                if lamp == Lamp.GREEN:
                    first.setdefault(g, at_ms)
        return first

    def flash(self) -> list[bool]:
        assert self.controller.verdict is not None
        return self.controller.verdict.flash.tolist()


A, B = slice(0, 6), slice(6, 12)
FLASH = [Lamp.FLASH_RED] * 4 + [Lamp.RED] * 2


@pytest.fixture
def street() -> Street:
    """A minute after the start."""
    street = Street(toy_street.junction("a"), toy_street.junction("b"))
    street.run(60)
    assert not street.violations
    return street


def burn_out(street: Street) -> None:
    """The first head of junction a stays dark, which the monitor sees and latches."""
    street.lie = {0: Lamp.DARK}
    street.run(3)
    street.lie = {}
    assert street.flash() == [True, False]
    assert len(street.violations) == 1


def test_a_junction_in_flash_flashes_and_its_neighbour_goes_on(street: Street) -> None:
    burn_out(street)
    for _ in range(1200):
        assert street.tick()[A] == FLASH
    greens = street.run(120)
    assert not set(greens) & set(range(6))
    assert set(greens) >= {6, 7, 8, 9}, "everybody at b still gets green"
    assert len(street.violations) == 1, "an engine in flash proposes nothing the monitor must stop"


def test_the_engines_own_lamps_are_red_during_a_flash(street: Street) -> None:
    burn_out(street)
    state = street.controller.state
    street.run(60)
    assert (state.lamp[A] == Lamp.RED).all()
    assert state.target_stage[0] == -1
    assert not state.in_transition[0]


def test_after_a_person_has_reset_it_the_junction_starts_again_through_all_red(street: Street) -> None:
    burn_out(street)
    street.run(30)
    street.controller.monitor.reset(0, "R. Engineer", "lamp replaced")
    reset_ms = street.now_ms
    greens = street.run(240)
    assert street.flash() == [False, False]
    first_ms = min(at_ms for g, at_ms in greens.items() if g < 6)
    assert first_ms >= reset_ms + ALL_RED_AFTER_FLASH_MS
    assert first_ms <= reset_ms + 60_000, "and it does start"
    assert set(greens) >= set(range(12)), "everybody gets green or WALK again"
    assert len(street.violations) == 1


def test_drivers_alone_wait_six_seconds_of_red_after_a_flash_though_their_intergreen_is_shorter() -> None:
    roads = tuple(toy_street.group(name) for name in ("ns", "ew"))
    stages, steps = (("ns",), ("ew",)), ((0, 20_000), (1, 20_000))
    street = Street(toy_street.junction("a", roads, stages, steps=steps))
    street.run(30)
    street.tick(step_ms=5_000)
    street.run(1)
    assert street.flash() == [True]
    while street.flash() == [True]:
        street.tick()
    ended_ms = street.now_ms - 100
    assert min(street.run(30).values()) == ended_ms + ALL_RED_AFTER_FLASH_MS
    assert len(street.violations) == 1, street.violations


def test_a_hole_in_time_makes_the_whole_street_flash_and_recover_by_itself(street: Street) -> None:
    street.tick(step_ms=5_000)  # the machine was asleep
    assert street.tick() == FLASH * 2
    begun_ms = street.now_ms - 100
    greens = street.run(200)
    assert street.flash() == [False, False]
    assert min(greens.values()) >= begun_ms + 6_000 + ALL_RED_AFTER_FLASH_MS
    assert set(greens) >= set(range(12))
    assert len(street.violations) == 1, street.violations


def test_a_second_fault_during_the_all_red_after_a_flash_starts_it_anew(street: Street) -> None:
    street.tick(step_ms=5_000)
    street.run(9)
    assert street.flash() == [False, False]
    street.tick(step_ms=5_000)
    begun_ms = street.now_ms
    greens = street.run(200)
    assert min(greens.values()) >= begun_ms + 6_000 + ALL_RED_AFTER_FLASH_MS
    assert len(street.violations) == 2, street.violations


@pytest.mark.parametrize("name", ["adaptive", "actuated", "max-pressure", "greedy"])
def test_every_planner_lives_through_a_flash(name: str) -> None:
    street = Street(toy_street.junction("a"), toy_street.junction("b"))
    street.controller = Controller(street.network, name, Policy(), 0)
    street.run(30)
    burn_out(street)
    street.run(10)
    street.controller.monitor.reset(0, "R. Engineer", "lamp replaced")
    street.controller.state.call_since_ms[[0, 4]] = street.now_ms
    street.controller.state.queue_veh[:] = 3.0
    greens = street.run(90)
    assert set(greens) & set(range(6)), "the first junction serves people again"
    assert len(street.violations) == 1
