"""Listening fairly: quiet districts are heard as soon as loud ones, and a brigade gains nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from override.citizen.dealing import REPEATS_A_WINDOW
from override.citizen.fairness import P999, STANDING, Listening
from override.citizen.phrases import say
from override.citizen.record import Code
from override.citizen.remedies import DISTRICT_LEAST, DISTRICT_SHARE, UNCERTAIN_SHARE
from override.flag_messages import Channel, FlagLife, Kind
from sim.city.people.citizens import Brigade, Citizens
from tests.citizen_street import CitizenStreet


def heard(rates: dict[str, float], presses: float = 3_000.0) -> Listening:
    """What would be learnt of districts whose people report at these rates."""
    listening = Listening()
    for district, rate in rates.items():
        listening.learnt(district, rate * presses, presses)
    return listening


def mean_presses(rate: float, limit: float) -> float:
    """Presses in vain before the earlier of the first flag and the limit: simulated, not the formula."""
    random = np.random.default_rng(7)
    gaps = random.exponential(1.0, (20_000, 80)).cumsum(axis=1)
    tells = random.random(gaps.shape) < rate
    first = np.where(tells.any(axis=1), gaps[np.arange(len(gaps)), np.argmax(tells, axis=1)], np.inf)
    return float(np.minimum(first, limit).mean())


@pytest.mark.parametrize("loud", [0.02, 0.05, 0.1])
def test_a_threefold_gap_in_reporting_moves_the_time_to_remedy_by_little(loud: float) -> None:
    listening = heard({"loud": loud, "quiet": loud / 3})
    times = {
        name: mean_presses(rate, listening.silence_presses(name))
        for name, rate in (("loud", loud), ("quiet", loud / 3))
    }
    assert times["quiet"] / times["loud"] == pytest.approx(1.0, abs=0.2)
    alone = mean_presses(loud / 3, STANDING)
    assert alone / times["loud"] > 1.25 or loud < 0.05, "under the standing rule alone it would not be so"


def test_nobody_is_heard_later_than_the_standing_rule_and_no_button_is_judged_rashly() -> None:
    for rates in ({"a": 0.5, "b": 0.0}, {"a": 0.001, "b": 0.9, "c": 0.2}, {"a": 0.1}):
        listening = heard(rates)
        for district in rates:
            assert P999 <= listening.silence_presses(district) <= STANDING
    assert heard({"a": 0.5}).silence_presses("a") == STANDING
    assert math.isclose(STANDING, 3 * P999)


def test_a_brigade_only_ever_makes_others_be_heard_sooner() -> None:
    before = heard({"brigade": 0.05, "others": 0.05})
    after = heard({"brigade": 0.6, "others": 0.05})
    assert after.silence_presses("brigade") >= before.silence_presses("brigade")
    assert after.silence_presses("others") <= before.silence_presses("others")


def test_few_repeats_count_in_a_window_however_many_shout(tmp_path: Path) -> None:
    street = CitizenStreet(tmp_path)
    for k in range(15):
        street.flag(Kind.SOUND, source=f"s{k}")
    assert street.office.dealing.listening.districts["North"].repeats == REPEATS_A_WINDOW
    street.wait(600)
    street.flag(Kind.SOUND)
    assert street.office.dealing.listening.districts["North"].repeats == REPEATS_A_WINDOW + 1
    street.close()


@pytest.fixture
def wide(tmp_path: Path) -> Iterator[CitizenStreet]:
    street = CitizenStreet(tmp_path, 40, districts=("North", "South"))
    yield street
    street.close()


def test_a_button_that_fell_silent_speaks_for_those_who_do_not_report(wide: CitizenStreet) -> None:
    """Everybody presses as often as everywhere; then one button is dead, and nobody says a word."""

    def round_of_presses(*dead: int) -> None:
        for k in range(6):
            if k not in dead:
                wide.note(Code.PRESSED, k)
                wide.note(Code.CALLED, k)
                wide.note(Code.SERVED, k)
        wide.wait(40)

    for _ in range(25):
        round_of_presses()
    assert not wide.office.cases()
    rounds = 0
    while not wide.orders:
        rounds += 1
        assert rounds < 40
        round_of_presses(2)
    assert P999 <= rounds <= STANDING + 2
    (page,) = wide.office.cases()
    assert page.junction == "J2"
    assert page.life is FlagLife.REMEDIED
    assert "one comes every 40 seconds" in page.evidence.english  # type: ignore[union-attr]
    wide.wait(3 * 3600)
    assert len(wide.office.cases()) == 1, "a night in which nobody presses makes no button suspect"


def test_a_brigade_of_a_thousand_gets_no_more_than_the_ceiling(wide: CitizenStreet) -> None:
    wide.wait(150)  # a quiet hour: every button looks as if it might be dead
    poles = tuple(wide.pole(k) for k in range(40))
    brigade = Brigade(poles, 1_000, wide.street_ms, wide.street_ms + 600_000, seed=1, every_ms=120_000)
    accepted = 0
    for _ in range(60):
        accepted += sum(reply.accepted for reply in wide.send_all(brigade.due(wide.street_ms)))
        wide.wait(5)
    assert brigade.said > 2_000
    assert accepted <= 2 * 200 * (1 + 5.1), "200 at once and 200 a minute in each district"
    for district in ("North", "South"):
        here = sum(
            wish.junction in {f"J{k}" for k in range(40) if (k < 20) == (district == "North")}
            for wish in wide.orders.values()
        )
        assert here <= UNCERTAIN_SHARE * max(DISTRICT_LEAST, DISTRICT_SHARE * 20)
    assert all(page.life is not FlagLife.FIXED for page in wide.office.cases())
    for k in list({int(wish.junction[1:]) for wish in wide.orders.values()}):
        for _ in range(3):
            wide.note(Code.PRESSED, k)
            wide.wait(5)
    before = len(wide.orders)
    wide.wait(10)
    assert len(wide.orders) <= before, "three genuine presses end what was never needed"


def test_a_quiet_hour_explains_one_walk_at_a_junction_and_the_second_word_is_a_person_s(
    wide: CitizenStreet,
) -> None:
    """Half of the bound of a junction, as of its district: a silent button may be a working one."""
    wide.wait(1_000)
    wide.flag(Kind.BUTTON_DEAD)
    second = wide.flag(Kind.WAITED_LONG)
    assert len(wide.orders) == 1
    page = wide.office.case(second.token)
    assert page is not None
    assert page.life is FlagLife.WITH_A_PERSON
    assert page.why == say("remedy-full")
    wide.note(Code.LOST, 0, 1)
    wide.wait(10)
    assert len(wide.orders) == 2, "what is certain has room"


def test_people_tell_as_often_as_their_district_does_and_by_many_ways() -> None:
    citizens = Citizens({"loud": 0.3, "quiet": 0.1}, seed=3)
    for k in range(3_000):
        citizens.meet("23456H", Kind.BUTTON_DEAD, "loud" if k % 2 else "quiet", 1_000)
    told = citizens.due(1_000_000_000)
    assert len(told) == pytest.approx(0.2 * 3_000, rel=0.1)
    assert {one.request.channel for one in told} == {Channel.PAGE, Channel.TEXT, Channel.OPEN311}
    assert len({one.request.nonce for one in told}) == len(told)
    again = Citizens({"loud": 0.3, "quiet": 0.1}, seed=3)
    for k in range(3_000):
        again.meet("23456H", Kind.BUTTON_DEAD, "loud" if k % 2 else "quiet", 1_000)
    assert again.due(1_000_000_000) == told, "same seed, same people"
