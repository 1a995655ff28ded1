"""How citizens are heard, in a small measure of each kind; the long ones are `belisha hearing`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from belisha import app
from override.citizen.inventory import inventory
from override.citizen.record import Code
from sim.city.hearing import Heard
from sim.city.hearing_commands import gap_words, moved_words
from sim.city.people.press_street import HOUR_MS, PressStreet
from sim.city.spoken_city import Brigaded, Shift, moved


def test_privacy_prints_the_inventory_for_people_and_programs() -> None:
    said = CliRunner().invoke(app, ["privacy"])
    assert said.exit_code == 0
    assert "kept: until a person has dealt with the case, 7 days at most" in said.output
    rows = json.loads(CliRunner().invoke(app, ["privacy", "--json"]).output)
    assert len(rows) == len(inventory())
    assert {"table", "column", "what", "why", "where", "kept", "readers"} == set(rows[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flag", "J1"], "--kind is needed"),
        (["citizen", "--http", "nowhere"], "HOST:PORT"),
        (["citizen", "--station", "tcp://one"], "two endpoints"),
        (["citizen", "--zone", "Mars/North"], "no such time zone"),
        (["words", "C00001", "--file", "no-such.db"], "not there"),
        (["privacy", "--file", "no-such.db"], "not there"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, words)
    assert said in str(result.exception)


def test_a_press_street_tells_what_happens_and_hides_what_a_dead_button_hides() -> None:
    street = PressStreet(("a", "b"), 2, 4, 2.0, HOUR_MS // 2, HOUR_MS, seed=1)
    assert street.faults
    rows, vain = street.play(street.end_ms)
    fours = [tuple(rows[k : k + 4]) for k in range(0, len(rows), 4)]
    assert [row[0] for row in fours] == sorted(row[0] for row in fours)
    dead = [(f.crossing, f.begin_ms, f.end_ms) for f in street.faults]
    pressed = [(row[1], row[0]) for row in fours if row[2] == Code.PRESSED]
    assert not [p for p in pressed for k, a, b in dead if p[0] == k and a <= p[1] < b]
    assert all(any(k == c and a <= ms < b for c, a, b in dead) for k, ms in vain)
    assert len(pressed) + len(vain) == sum(len(p) for p in street.presses_ms)
    again = PressStreet(("a", "b"), 2, 4, 2.0, HOUR_MS // 2, HOUR_MS, seed=1)
    assert again.play(again.end_ms) == (rows, vain), "same seed, same street"


def test_the_words_of_a_gap_say_by_how_much_it_moves_the_remedy() -> None:
    alike = Heard(10, 10, {f"district {k}": 100.0 for k in range(6)}, {}, 0.0, 0)
    quiet = Heard(10, 10, {f"district {k}": 110.0 if k % 2 == 0 else 100.0 for k in range(6)}, {}, 0.0, 0)
    assert "moves the time to remedy by +10 %" in gap_words(alike, quiet)


def test_over_seeds_chance_goes_and_what_a_brigade_moves_remains() -> None:
    """Three pairs of cities: one group parts up and down, the other is moved by a tenth each time."""

    def pair(by_chance_s: float) -> Brigaded:
        rows = (
            Shift("riverside", "walk", 60, 30.0, 30.0 + by_chance_s),
            Shift("centre", "all", 500, 50.0, 55.0),
            *((Shift("hill", "car", 50, 70.0, 71.0),) if by_chance_s > 0 else ()),
        )
        return Brigaded("centre", 1_000, 120, 880, 3, rows, ())

    runs = [(seed, pair(s)) for seed, s in ((1, 3.4), (2, -3.5), (3, 0.1))]
    centre, riverside = moved(runs)
    assert (centre.district, riverside.district) == ("centre", "riverside"), "hill: too few in one run"
    assert centre.percent == pytest.approx(10.0)
    assert centre.interval_percent == pytest.approx((10.0, 10.0))
    assert riverside.percent == pytest.approx(0.0)
    low, high = riverside.interval_percent or (0.0, 0.0)
    assert high == -low == pytest.approx(4.303 * 3.4511 / 3**0.5 / 30 * 100, rel=1e-3)
    assert moved(runs[:1])[0].interval_percent is None
    said = moved_words([run for _, run in runs], moved(runs))
    assert "3000 flags, 360 taken, 3 remedies at most" in said
    assert "+10.0 %  [+10.0, +10.0] %  (flagged)" in said


@pytest.mark.long
def test_in_a_living_city_dead_buttons_are_remedied_within_seconds_of_a_flag() -> None:
    from sim.city.load import load_city
    from sim.city.scenario import find_scenario
    from sim.city.spoken_city import dead_buttons

    city = load_city(find_scenario("small-city").shortened(14), 1)
    found = dead_buttons(city, "actuated", 0.3, seed=1)
    assert found.met > 5
    assert found.remedied > 2
    assert 0.0 <= found.flag_to_remedy_s <= 10.0
