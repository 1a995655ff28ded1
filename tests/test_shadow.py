"""The fixed plan in shadow: same demand, other greens; where it clearly costs less it takes over."""

from __future__ import annotations

import numpy as np
import pytest

from controller import ladder_kernels
from controller import shadow_kernels as kernels
from controller.detectors import lay
from controller.fixed_time import FixedTime
from controller.ladder import DEMANDS, Ladder, Reason, Rung
from controller.policy import Policy
from controller.shadow import PlanInShadow
from controller.vocabulary import Lamp
from tests import journal_street, toy_street

PLANNED = Policy()


class Side:
    """A junction whose lamps are set by hand, beside its plan; a cycle is a minute."""

    def __init__(self, doubted: int = 2, learned: int = 2) -> None:
        self.network = journal_street.network()
        self.laid = lay(self.network)
        self.watch = PlanInShadow(FixedTime(self.network), PLANNED, 0)
        self.failed = np.array([[8, doubted, 0]], np.int64)
        self.known = np.full(4, learned, np.int8)
        self.rung = np.zeros(1, np.int8)
        self.lamp = np.zeros(6, np.int8)
        self.since_ms = np.zeros(6, np.int64)
        self.second = 0

    def run(self, seconds: int, green: int | None) -> Side:
        """Green for one group alone, or (None) for whoever the plan gives it to."""
        for _ in range(seconds):
            self.second += 1
            now_ms = 1000 * self.second
            bits = kernels.plan_greens(0, now_ms, self.watch.table)[0] if green is None else 1 << green
            lamps = np.array([Lamp.GREEN if bits >> k & 1 else Lamp.RED for k in range(6)], np.int8)
            np.copyto(self.since_ms, now_ms, where=lamps != self.lamp)
            self.lamp[:] = lamps
            kernels.play_shadow(
                now_ms, 1.0, 1.3, 1.0, self.laid, self.watch.table, self.lamp, self.since_ms, self.rung,
                np.full(4, 0.05), np.full(6, 0.01), self.watch.shadow,
            )  # fmt: skip
            kernels.judge_shadows(
                now_ms, self.laid, self.failed, self.known, self.rung,
                np.array([self.second // 60], np.int64), self.watch.shadow,
            )  # fmt: skip
        return self

    @property
    def until_s(self) -> float:
        return float(self.watch.shadow.until_ms[0]) / 1000


def test_the_plan_itself_costs_what_the_plan_costs() -> None:
    side = Side().run(50, None)
    shadow = side.watch.shadow
    assert shadow.own_s[0] > 0.0
    assert shadow.own_s[0] == pytest.approx(shadow.plan_s[0], rel=0.15)
    assert side.run(600, None).until_s == 0


def test_who_holds_one_green_for_ever_is_worse_after_three_windows_and_the_plan_runs_ten_minutes() -> None:
    side = Side().run(170, green=0)
    assert side.until_s == 0
    side.run(75, green=0)
    assert side.until_s == pytest.approx(180 + 600, abs=61)


def test_next_time_it_runs_twice_as_long_and_sound_detectors_end_it() -> None:
    side = Side().run(245, green=0)
    first_s = side.until_s
    side.rung[0] = Rung.COORDINATED
    side.run(300, green=0)
    assert side.until_s == first_s, "on the plan there is nothing to judge"
    side.rung[0] = Rung.ADAPTIVE
    side.run(245, green=0)
    assert side.until_s - side.second >= 1200 - 90
    side.failed[0, 1] = 0
    assert side.run(1, green=0).until_s == 0
    assert side.watch.shadow.hold_ms[0] == kernels.HOLD_MS


@pytest.mark.parametrize(("doubted", "learned"), [(0, 2), (1, 2), (2, 1)])
def test_sound_detectors_one_alone_and_unknown_demand_accuse_nobody(doubted: int, learned: int) -> None:
    assert Side(doubted, learned).run(600, green=0).until_s == 0


def test_it_is_a_reason_of_the_ladders_own_table() -> None:
    """Every reason that is not an order leads to the rung the table says, and the kernel agrees."""
    network = toy_street.network(toy_street.junction("west"))
    ladder = Ladder(network, 0)
    ladder.reasons.failed[0, 0], ladder.reasons.blind[0, 0] = 10, 4
    ladder.reasons.plan_until_ms[0] = 60_000
    for reasoned in (ladder_kernels.reasoned_rung, getattr(ladder_kernels.reasoned_rung, "py_func", None)):
        if reasoned is not None:
            rung, reason = reasoned(0, 30_000, ladder.reasons)
            assert (Rung(rung), Reason(reason)) == (Rung.COORDINATED, Reason.WORSE_THAN_PLAN)
            assert reasoned(0, 60_000, ladder.reasons) == (0, 0)
    assert set(DEMANDS) == set(Reason)
    assert DEMANDS[Reason.WORSE_THAN_PLAN] is Rung.COORDINATED
