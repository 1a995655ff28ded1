"""A station's journal: its monitor is another process and rules late; it replays bit for bit all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from controller.frame import TICK_MS
from controller.journal import JournalWriter
from controller.journal_rulings import BadRuling, HeardJudge, ruling_of
from controller.monitor import SafetyMonitor, Verdict
from controller.orders import Orders
from controller.permissive import card_of
from controller.policy import Policy
from controller.replay import replay
from controller.tick import Controller
from controller.vocabulary import Lamp, Sensors
from tests.journal_street import Drive, network

SECONDS = 200
DARK_S, LIT_S, ORDER_S, RESET_S = 60, 70, 30, 100


class LateMonitor:
    """A monitor as an engine knows it: what it says of a frame comes some ticks later."""

    def __init__(self, monitor: SafetyMonitor, late: tuple[int, ...]) -> None:
        self._monitor, self._late = monitor, late
        first = monitor.quiet
        self._said = [(first.flash.copy(), first.latched.copy(), first.permitted.copy(), (), ())]
        self._heard, self._asked = 0, 0

    @property
    def permitted(self) -> NDArray[np.int8]:
        return self._said[self._heard][2]

    def judge(self, *asked: Any) -> Verdict:
        v = self._monitor.judge(*asked)
        self._said.append((v.flash.copy(), v.latched.copy(), v.permitted.copy(), v.violations, v.alarms))
        self._asked += 1
        before = self._heard
        self._heard = max(before, self._asked - self._late[self._asked % len(self._late)])
        news = self._said[before + 1 : self._heard + 1]
        violations = tuple(f for said in news for f in said[3])
        alarms = tuple(f for said in news for f in said[4])
        return Verdict(*self._said[self._heard][:3], violations, alarms)

    def reset(self, junction: int, by: str, reason: str) -> object:
        return self._monitor.reset(junction, by, reason)


def written(path: Path, late: tuple[int, ...] = (1, 2, 1, 3)) -> tuple[list[bytes], list[int]]:
    """(what the monitor permitted, when the engine heard of a flash) of a run with a lamp that went dark."""
    drive = Drive("actuated")
    here = drive.network
    monitor = SafetyMonitor(card_of(here.street, here.lamp_resolution_ms), starts_in_flash=True)
    heard = HeardJudge(LateMonitor(monitor, late))
    controller = Controller(here, "actuated", Policy(), drive.now_ms, heard)
    orders = Orders(here)
    permitted, flashes = [], []
    with JournalWriter(path, controller, "actuated", Sensors.LOOPS, orders=orders, judge=heard) as journal:
        for tick in range(SECONDS * 1000 // TICK_MS):
            second, part = divmod(tick, 1000 // TICK_MS)
            if part == 0:
                drive._read()
                if second == ORDER_S:
                    orders.hold(0, 2, drive.now_ms + 20_000, True)
                if second == RESET_S:
                    controller.monitor.reset(0, "sue", "lamp replaced")
            lamps = controller.tick(drive.frame, drive.now_ms, orders)
            journal.write(drive.frame, drive.now_ms, lamps)
            drive.frame.lamps_shown[:] = lamps
            if DARK_S <= second < LIT_S:
                drive.frame.lamps_shown[:] = Lamp.DARK
            permitted.append(lamps.tobytes())
            assert controller.verdict is not None
            flashes.append(int(controller.verdict.flash[0]))
            drive.now_ms += TICK_MS
    assert journal.failed is None
    return permitted, flashes


def test_a_run_under_a_late_monitor_is_played_again_bit_for_bit(tmp_path: Path) -> None:
    permitted, flashes = written(tmp_path / "a.journal")
    second = 1000 // TICK_MS
    assert flashes[0], "it begins in flash"
    assert not flashes[(DARK_S - 1) * second]
    assert flashes[(LIT_S + 5) * second], "the dark lamp latched it"
    assert not flashes[-1], "a person ended that"
    result = replay(tmp_path / "a.journal")
    assert (result.ticks, result.differences, result.same_state) == (len(permitted), 0, True)


def test_another_lateness_is_another_run_and_each_replays_as_it_was(tmp_path: Path) -> None:
    early, _ = written(tmp_path / "early.journal", (0,))
    late, _ = written(tmp_path / "late.journal", (9,))
    assert early != late
    assert replay(tmp_path / "early.journal").identical
    assert replay(tmp_path / "late.journal").identical


@pytest.mark.parametrize(
    ("ruling", "said"),
    [
        ([b"\x01\x01", b"\x00", [], []], "whether it flashes"),
        ([b"\x02", b"\x00", [], []], "whether it flashes"),
        ([b"\x01", b"\x00", [["C1", 7, [0], 0, 0, "x"]], []], "not there"),
        ([b"\x01", b"\x00", [["C1", 0, 5, 0, 0, "x"]], []], "numbers and words"),
        ([b"\x01"], "no list of 4"),
    ],
)
def test_rulings_no_monitor_can_have_given_are_refused_in_one_line(ruling: list[Any], said: str) -> None:
    with pytest.raises(BadRuling, match=said):
        ruling_of(ruling, network())
