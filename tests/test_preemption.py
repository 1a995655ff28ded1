"""An emergency vehicle is let through, nobody is cut short for it, and afterwards it is everybody's turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller.conflicts import UnsafeJunction, prove_network
from controller.decision_log import DecisionLog
from controller.explain import REGISTERS, explain
from controller.hires import HighResolution
from controller.journal import JournalWriter, read_journal
from controller.junction import PreemptTimes
from controller.preemption import Phase, What
from controller.replay import replay
from controller.street_file import StreetFileError, street_from_text, street_to_text
from controller.vocabulary import Lamp, Sensors
from tests import toy_street
from tests.asking_anybody import anybody
from tests.asking_street import EW, EW_LEFT, NS, NS_LEFT, WALK_EW, WALK_NS, AskingStreet
from tests.journal_street import Drive
from tests.toy_street import network


def phases(street: AskingStreet) -> list[str]:
    return [What(event.what).name for event in street.preemption.new_events(0)[0]]


def street_with(times: PreemptTimes) -> AskingStreet:
    return AskingStreet(network(replace(toy_street.junction(), preempt=times), lamp_resolution_ms=100))


def test_the_whole_sequence_in_order() -> None:
    street = AskingStreet().run(40)
    street.call(NS_LEFT, 350.0)
    waited_s = street.seconds_until_green(NS_LEFT)
    assert waited_s < 30
    street.run(10)
    assert street.preemption.phase[0] == Phase.DWELL
    assert street.lamp(NS_LEFT) == Lamp.GREEN
    assert "an emergency vehicle from ns.left has its green" in street.preemption.sentence(0, street.now_ms)
    street.preempts.clear()  # it has passed
    street.run(60)
    assert phases(street) == ["CALLED", "ENTRY", "DWELL", "EXIT", "ENDED"]
    assert street.preemption.phase[0] == Phase.NONE
    assert not street.preemption.sentence(0, street.now_ms)
    assert not street.found, "the monitor has nothing to say"


def test_it_arrives_to_a_green_whatever_had_just_begun() -> None:
    """From whatever stage it meets: over a whole cycle of the junction, its green is there before it is."""
    for begins_s in (31, 42, 53, 64):
        street = AskingStreet().run(begins_s)
        street.call(EW_LEFT, 900.0, speed=13.9)
        street.run(900 / 13.9 - 1)
        assert street.lamp(EW_LEFT) == Lamp.GREEN, f"called {begins_s} s after the start"
        assert not street.found


def test_a_walk_just_begun_keeps_its_whole_time() -> None:
    street = AskingStreet()
    street.seconds_until_green(WALK_EW)
    street.call(NS_LEFT, 60.0)
    began = len(street.log)
    street.seconds_until_green(NS_LEFT)
    walks = [Lamp(int(lamps[WALK_EW])) for lamps in street.log[began:]]
    assert walks.count(Lamp.GREEN) >= 69, "seven seconds of WALK"
    assert walks.count(Lamp.CLEARANCE) == 120, "and all of its clearance"


def test_nobody_new_is_let_onto_the_carriageway_beside_it() -> None:
    street = AskingStreet().run(30)
    street.call(NS, 300.0, speed=0.0)
    street.seconds_until_green(NS)
    street.run(30)
    assert street.preemption.phase[0] == Phase.DWELL
    assert street.lamp(WALK_NS) == Lamp.RED
    assert street.controller.state.call_since_ms[WALK_NS] < street.now_ms - 20_000, "somebody waits there"


def test_far_away_it_changes_nothing_yet() -> None:
    quiet, street = AskingStreet().run(20), AskingStreet().run(20)
    street.call(NS_LEFT, 1900.0, speed=0.0)
    assert np.array_equal(quiet.run(40).log, street.run(40).log)
    assert not phases(street)


def test_the_delay_of_the_street_file_comes_before_the_entry() -> None:
    street = street_with(PreemptTimes(delay_ms=6_000)).run(30)
    street.call(NS_LEFT, 100.0, speed=1.0)
    street.run(5)
    assert street.preemption.phase[0] == Phase.DELAY
    street.run(2)
    assert street.preemption.phase[0] == Phase.ENTRY


def test_the_dwell_is_never_shorter_than_its_least() -> None:
    street = street_with(PreemptTimes(min_dwell_ms=20_000)).run(30)
    street.call(NS_LEFT, 100.0)
    street.seconds_until_green(NS_LEFT)
    street.preempts.clear()
    street.run(19)
    assert street.lamp(NS_LEFT) == Lamp.GREEN
    street.run(15)
    assert street.lamp(NS_LEFT) != Lamp.GREEN


def test_the_harder_to_stop_goes_first_and_equals_as_they_come() -> None:
    street = AskingStreet().run(30)
    street.call(NS_LEFT, 200.0, number=3, vehicle=1)
    street.run(2)
    street.call(EW_LEFT, 200.0, number=3, vehicle=2)
    street.run(2)
    assert street.preemption.vehicle[0] == 1, "first come, first served"
    street.call(EW, 300.0, number=1, vehicle=3)
    street.run(2)
    assert street.preemption.vehicle[0] == 3, "rails go before all"
    street.seconds_until_green(EW)
    street.preempts[:] = [row for row in street.preempts if row["vehicle"] != 3]
    street.run(30)
    assert street.preemption.vehicle[0] == 1, "then the one that came before the other"
    assert not street.found


def test_who_stays_too_long_is_an_alarm_and_gives_the_others_their_turn() -> None:
    street = street_with(PreemptTimes(max_presence_ms=60_000)).run(30)
    street.call(NS_LEFT, 150.0, speed=2.0)
    street.run(62)
    assert "TOO_LONG" in phases(street)
    for group in (EW, NS, WALK_EW):
        street.seconds_until_green(group, within=120)
    assert not street.found


def test_a_stream_of_forged_vehicles_stops_nobody_for_long() -> None:
    """A new number every few seconds: their time together is what counts."""
    street = street_with(PreemptTimes(max_presence_ms=40_000)).run(30)
    begun_ms, longest_ms = street.now_ms, 0
    for vehicle in range(60):
        street.preempts.clear()
        street.call((NS_LEFT, EW_LEFT)[vehicle % 2], 50.0, vehicle=vehicle, speed=0.0)
        street.run(4)
        state = street.controller.state
        waits = state.call_since_ms < street.now_ms
        if waits.any():
            longest_ms = max(longest_ms, int((street.now_ms - state.call_since_ms[waits]).max()))
    assert street.now_ms - begun_ms == 240_000
    assert longest_ms < 120_000 + 40_000 + 30_000
    assert not street.found


def test_a_train_that_stands_is_an_alarm_but_keeps_its_way() -> None:
    street = street_with(PreemptTimes(max_presence_ms=30_000)).run(30)
    street.call(EW, 50.0, number=1, speed=0.0)
    street.run(80)
    assert phases(street).count("TOO_LONG") == 1
    assert street.lamp(EW) == Lamp.GREEN


def test_promises_do_not_run_meanwhile_and_do_again_afterwards() -> None:
    street = AskingStreet().run(30)
    street.call(NS_LEFT, 100.0, speed=1.0)
    street.run(20)
    assert street.controller.word_to_the_monitor(None)[0][0]
    assert street.controller.promises_suspended[0]
    street.preempts.clear()
    street.run(60)
    assert not street.controller.word_to_the_monitor(None)[0].any()
    assert not street.controller.promises_suspended.any()
    assert not street.found, "no lease of it outlasts it"


def test_the_exit_is_the_street_files_or_whoevers_promise_ends_first() -> None:
    street = street_with(PreemptTimes(exit_stages=("s3",))).run(30)
    street.call(NS_LEFT, 60.0)
    street.seconds_until_green(NS_LEFT)
    street.preempts.clear()
    while street.preemption.phase[0] != Phase.EXIT:
        street.run(0.1)
    street.seconds_until_green(EW_LEFT, within=15)


def test_an_order_to_stop_stands_before_it_and_a_hold_after_it() -> None:
    street = AskingStreet().run(30)
    street.orders.hold(0, 2, street.now_ms + 60_000)
    street.run(10)
    street.call(NS_LEFT, 60.0)
    street.seconds_until_green(NS_LEFT, within=40)
    street.run(8)
    street.orders.all_red(0, street.now_ms + 20_000)
    street.run(10)
    assert (street.log[-1] == Lamp.RED).all(), "all red by order, whoever comes"
    street.run(25)
    street.preempts.clear()
    street.run(60)
    assert not street.found


def test_rubbish_is_no_vehicle() -> None:
    quiet, street = AskingStreet().run(20), AskingStreet().run(20)
    for lane, distance_m, number, age_s in (
        (99, 10.0, 3, 0.0), (-1, 10.0, 3, 0.0), (1, np.nan, 3, 0.0), (1, -5.0, 3, 0.0), (1, 1e9, 3, 0.0),
        (1, 10.0, 0, 0.0), (1, 10.0, 99, 0.0), (1, 10.0, 3, 60.0), (1, 10.0, 3, np.nan),
    ):  # fmt: skip
        street.preempts.append(
            dict(lane=lane, distance_m=distance_m, number=number, vehicle=1, age_s=age_s, speed=0.0)
        )
    assert np.array_equal(quiet.run(30).log, street.run(30).log)


def test_it_is_said_in_everybodys_words() -> None:
    street = AskingStreet().run(30)
    log = DecisionLog(street.controller)
    said: list[dict[str, str]] = []
    street.call(NS_LEFT, 60.0)
    for _ in range(600):
        street.run(0.1)
        for decision in log.observe(street.now_ms):
            said.append(
                {r: explain(decision, street.network, r) for r in REGISTERS} | {"rule": decision.rule}
            )
        if street.lamp(NS_LEFT) == Lamp.GREEN:
            street.preempts.clear()
    by_rule = {row["rule"]: row for row in reversed(said)}
    assert by_rule["preempt"]["citizen"] == "Green now for ns left: an emergency vehicle is coming."
    assert "an emergency vehicle comes at ns.left" in by_rule["preempt"]["operator"]
    assert "actuated/preempt" in by_rule["preempt"]["engineer"]
    assert "an emergency vehicle has passed, now it is this way's turn" in by_rule["preempt-exit"]["citizen"]


def test_a_street_file_keeps_its_times_and_refuses_what_cannot_be() -> None:
    times = PreemptTimes(2_000, 9_000, 90_000, ("s1",))
    plain = toy_street.junction()
    plain = replace(plain, groups=tuple(replace(g, links=(k,)) for k, g in enumerate(plain.groups)))
    street = replace(toy_street.network().street, junctions=(replace(plain, preempt=times),))
    text = street_to_text(street)
    assert street_from_text(text).junctions[0].preempt == times
    usual = replace(street, junctions=(plain,))
    assert "preempt" not in street_to_text(usual), "usual times need no words"
    with pytest.raises(StreetFileError, match=r"junction\[0\]\.preempt\.min_dwell_ms: found 10"):
        street_from_text(text.replace("min_dwell_ms = 9000", "min_dwell_ms = 10"))
    wrong = replace(street, junctions=(replace(plain, preempt=replace(times, exit_stages=("nowhere",))),))
    with pytest.raises(UnsafeJunction, match="preempt exit: no stage nowhere"):
        prove_network(wrong)


def test_a_journal_replays_it_to_the_last_bit(tmp_path: Path) -> None:
    """Vehicles that ask, possible and impossible ones, come out of the file as they went in."""
    drive = Drive("adaptive")
    chance = np.random.default_rng(4)
    with JournalWriter(tmp_path / "a.journal", drive.controller, "adaptive", Sensors.LOOPS) as journal:
        for _ in range(24):
            anybody(drive.frame, drive.network, chance)
            drive.run(5, journal)
    assert journal.failed is None
    result = replay(tmp_path / "a.journal")
    assert result.identical
    assert result.same_state is True
    assert {"preempt"} <= {decision.rule for decision in result.decisions}
    codes = {
        int(event.code)
        for event in HighResolution(drive.network).events(read_journal(tmp_path / "a.journal"))
    }
    assert {102, 104, 105, 112, 115} <= codes, "preempt called, gone, entered; a bus checked in and out"
