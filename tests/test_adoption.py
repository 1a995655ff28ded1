"""A new version spreads over a running street without a flash, and goes back by itself when it must."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controller.adoption import LIMIT_MS, LOOKS_ON_MS, Adoption, Phase
from controller.junction import FixedPlan, PlanStep
from controller.network import Network, build_network
from controller.orders import Orders
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import Lamp
from tests import toy_street
from tests.order_street import Street

LONG = FixedPlan("day", 140_000, 0, (PlanStep("s0", 70_000), PlanStep("s1", 20_000), PlanStep("s2", 30_000),
                                     PlanStep("s3", 20_000)))  # fmt: skip


class Change(Street):
    """Three junctions under a fixed plan; from some moment on another version is taken up."""

    adoption: Adoption | None = None

    def begin(self, network: Network, places: tuple[int, ...] = (0, 1, 2)) -> Adoption:
        new = Controller(network, self.controller.name, self.controller.policy, self.now_ms)
        self.adoption = Adoption(self.controller, new, np.array(places), self.now_ms)
        return self.adoption

    def decide(self) -> np.ndarray:
        if self.adoption is None or self.adoption.phase is Phase.BACK:
            return super().decide()
        return self.adoption.tick(self.frame, self.now_ms, self.orders)

    def stages(self, seconds: float) -> list[list[int]]:
        """The stage of every junction, second by second."""
        out = []
        for _ in range(round(seconds)):
            self.run(1)
            out.append(self.controller.state.target_stage.tolist())
        return out


def town(controller: str = "fixed") -> Change:
    made = Change(*(toy_street.junction(f"J{k}") for k in range(3)), controller=controller)
    made.run(60)
    return made


def longer(network: Network, plan: FixedPlan = LONG) -> Network:
    street = network.street
    return build_network(
        replace(street, junctions=tuple(replace(j, plans=(plan,)) for j in street.junctions))
    )


def test_a_plan_spreads_without_a_flash_or_a_fault_one_junction_first() -> None:
    street = town()
    adoption = street.begin(longer(street.network))
    first: list[int] = []
    while adoption.phase is not Phase.DONE:
        street.tick()
        assert Lamp.FLASH_RED not in street.lamps
        if not first and adoption.adopted.any():
            first = np.flatnonzero(adoption.adopted).tolist()
            assert street.now_ms >= 60_000 + LOOKS_ON_MS
        if adoption.adopted.sum() > 1:
            assert adoption.proven[first[0]], "the first one proves it before another follows"
        assert street.now_ms < 600_000
    assert adoption.finish() is street.controller
    street.adoption = None
    street.run(300)
    assert street.controller.network.street.junctions[1].plans == (LONG,)
    begun = [s for s in range(140) if street.stages(1)[0][0] == 0]
    assert 60 <= len(begun) <= 75, "the long stage lasts as long as the new plan says"
    assert street.faults == []


def test_what_a_person_ordered_goes_on_and_its_junction_waits() -> None:
    street = town()
    street.orders.hold(1, 4, street.for_s(200), True)
    adoption = street.begin(longer(street.network))
    street.run(150)
    assert adoption.adopted.tolist() == [True, False, True]
    assert adoption.waits_for(street.orders) == "J1: an order acts there"
    assert {row[1] for row in street.stages(20)} == {4}, "held all the while"
    street.orders.all_red(0, street.for_s(40))
    street.run(20)
    assert set(street.lamps[:4]) == {Lamp.RED}, "an order at a junction that follows acts at once"
    street.run(300)
    assert adoption.phase is Phase.DONE
    assert street.faults == []


def test_it_says_that_a_junction_flashes_and_therefore_waits() -> None:
    street = town()
    adoption = street.begin(longer(street.network))
    street.controller.monitor.lose("C11", "somebody fell silent")
    street.tick()
    assert adoption.waits_for(street.orders) == "J0: it flashes"
    while adoption.phase is not Phase.DONE:
        street.tick()
        assert street.now_ms < 600_000
    assert adoption.waits_for(street.orders) == ""


def test_lamps_that_prove_it_not_take_it_back_everywhere() -> None:
    street = town()
    adoption = street.begin(longer(street.network))
    while adoption.adopted.sum() < 3:
        street.tick()
    before = street.controller.network
    while not adoption.why:
        street.tick()
        if street.lamps[0] == Lamp.GREEN:
            street.frame.lamps_shown[0] = Lamp.RED
    street.run(60)
    assert adoption.phase is Phase.BACK
    assert "J0" in adoption.why
    assert not adoption.adopted.any()
    assert street.controller.network is before
    with pytest.raises(ValueError, match="cannot be made final"):
        adoption.finish()


def test_a_version_that_breaks_is_left_in_the_very_tick() -> None:
    street = town()
    adoption = street.begin(longer(street.network))
    while adoption.adopted.sum() < 2:
        street.tick()

    def broken(state: object, now_ms: int) -> None:
        raise IndexError("no such stage")

    adoption.new.planner.propose = broken  # type: ignore[method-assign]
    street.tick()
    assert adoption.phase is Phase.BACK
    assert adoption.why == "the new version failed: IndexError: no such stage"
    green = [set(street.run(1).green()) for _ in range(200)]
    assert len(green[0] | set().union(*green)) > 8, "everybody has green in his turn"
    assert street.faults == []


def test_what_one_junction_never_takes_up_goes_back_in_time() -> None:
    street = town()
    adoption = street.begin(longer(street.network))
    street.orders.hold(2, 8, street.for_s(3_000), True)
    adoption._began_ms -= LIMIT_MS - 200_000
    street.run(240)
    assert adoption.phase in (Phase.GOES_BACK, Phase.BACK)
    assert adoption.why == "not taken up everywhere in time; J2: an order acts there"
    street.run(60)
    assert adoption.phase is Phase.BACK


@pytest.mark.parametrize("name", ["adaptive", "actuated"])
def test_what_was_learned_is_carried_over(name: str) -> None:
    street = town(name)
    street.state.flow_veh_per_s[:] = 0.123
    if street.controller.degradation is not None:
        street.controller.degradation.ladder.rungs.rung[1] = 2
    adoption = street.begin(build_network(street.network.street))
    assert (adoption.new.state.flow_veh_per_s == 0.123).all()
    assert adoption.new.state.lamp.tolist() == street.state.lamp.tolist()
    if adoption.new.degradation is not None:
        rungs = adoption.old.degradation.ladder.rungs.rung  # type: ignore[union-attr]
        assert rungs[1] == 2
        assert adoption.new.degradation.ladder.rungs.rung.tolist() == rungs.tolist()
    street.run(180)
    assert adoption.phase is Phase.DONE
    adoption.finish()
    assert street.controller.policy == Policy()
    assert street.faults == []


def test_a_street_with_other_stages_cannot_be_taken_up_so() -> None:
    street = town()
    pair = ("ew.left", "ns.left")
    junctions = [
        toy_street.junction(
            f"J{k}", stages=(*toy_street.GIVEN[:3], pair), compatible={*toy_street.COMPATIBLE, pair}
        )
        for k in range(3)
    ]
    other = toy_street.network(*junctions, lamp_resolution_ms=100)
    with pytest.raises(ValueError, match="through flash"):
        street.begin(other)


def test_the_plan_an_order_plays_is_found_by_its_name_in_either_version() -> None:
    street = town()
    night = FixedPlan("night", 60_000, 0, (PlanStep("s2", 30_000), PlanStep("s0", 30_000)))
    junctions = [replace(j, plans=(night, *j.plans)) for j in street.network.street.junctions]
    adoption = street.begin(build_network(replace(street.network.street, junctions=tuple(junctions))))
    while adoption.adopted.sum() < 3:
        street.tick()
    street.orders.play(2, "day", street.for_s(100))
    assert isinstance(street.orders, Orders)
    street.run(1)
    assert adoption._orders.plan_names[int(adoption._orders.book.plan[2])] == (2, "day")
    street.run(120)
    assert street.faults == []
