"""Storms: whatever goes wrong around the production classes, the lamps stay lawful and come back."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from controller.junction import StreetNetwork
from tests import storm
from tests.storm import MAD, NOISE, ROUGH, Storm, StormFailure
from tests.storm_command import generated


@pytest.fixture(scope="module")
def street() -> StreetNetwork:
    return generated(100)


@pytest.fixture(scope="module")
def small() -> StreetNetwork:
    return generated(12)


def test_sick_detectors_and_many_orders_stop_nobody(street: StreetNetwork) -> None:
    """100,000 junction-ticks: the monitor has nothing to say, and everybody gets a green."""
    calm = Storm(street, 1, NOISE)
    assert calm.run(1000) >= 100 * 1000
    assert not calm.stopped
    assert calm.end.by_itself_ticks <= 1, "only before the very first permit"
    assert calm.law.starts > 800


def test_deaths_cuts_jumps_and_lying_heads_end_in_flash_and_come_back(small: StreetNetwork) -> None:
    rough = Storm(small, 12, ROUGH)
    rough.run(1500)
    assert sum(rough.happened.values()) > 6, rough.happened
    assert set(rough.stopped) <= {"C1", "C2", "C3", "C11", "C12"}
    assert {"C11", "C12"} & set(rough.stopped), "something did stop the street"
    assert rough.law.starts > 100, "and it came back"


def test_an_engine_gone_mad_shows_nobody_a_conflict(small: StreetNetwork) -> None:
    mad = Storm(small, 21, MAD)
    mad.run(800)
    assert mad.happened["madness"] > 4
    assert mad.stopped.get("C1", 0) + mad.stopped.get("C9", 0) > 3, mad.stopped


def test_the_same_seed_is_the_same_storm(small: StreetNetwork) -> None:
    one, other = Storm(small, 5, ROUGH), Storm(small, 5, ROUGH)
    for each in (one, other):
        each.run(300)
    assert one.happened == other.happened
    assert one.law.lamp.tobytes() == other.law.lamp.tobytes()
    assert one.law.since_ms.tobytes() == other.law.since_ms.tobytes()
    assert one.clock_ms == other.clock_ms


def failing(small: StreetNetwork) -> StormFailure:
    """A storm whose engine clears half a second too early, as a mistake in its tables would make it."""
    wrong = Storm(small, 7, NOISE)
    wrong.network.intergreen_ms[:] -= 500 * (wrong.network.intergreen_ms > 500)
    with pytest.raises(StormFailure) as failure:
        wrong.run(800)
    return failure.value


def test_a_mistake_in_the_engine_fails_with_seed_and_tick_and_does_so_again(small: StreetNetwork) -> None:
    first, again = failing(small), failing(small)
    assert str(first).startswith("seed 7, tick ")
    assert "the engine tripped the monitor: monitor: C" in str(first)
    assert str(first) == str(again)


def test_the_law_sees_what_a_blind_monitor_lets_pass(small: StreetNetwork) -> None:
    """With a card that knows no conflict, a mad engine is caught by the law of the storm itself."""
    said = ""
    for seed in range(21, 27):
        blind = Storm(small, seed, replace(MAD, madness=0.03))
        none = blind.card.pair_ending[:0]
        blind.card = replace(blind.card, pair_ending=none, pair_starting=none, pair_intergreen_ms=none)
        try:
            blind.run(800)
        except StormFailure as failure:
            said = str(failure)
            break
    assert re.search(rf"seed {seed}, tick \d+: .*(both active|intergreen)", said), said or "nothing was seen"


def test_the_command_goes_on_until_its_time_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert storm.main(["--once", "--ticks", "200", "--junctions", "12", "--seed", "4"]) == 0
    assert "junction-hours survived" in capsys.readouterr().out
