"""What the next shift is told: what still acts or waits, most urgent first, and nothing that is over."""

from __future__ import annotations

import json
from dataclasses import replace

from override.client import View
from override.flag_messages import FlagLife
from override.views import Event
from tests.paper_pictures import BOOT, NOW_MS, city
from tui.fairness import Ledger, ledgers, promises, ratio_words
from tui.handover import TOLD_MOST, handover, handover_lines
from tui.training import clean_environment

WALL_MS = 1_780_000_000_000
HOUR_MS = 3_600_000


def view() -> View:
    sight = city(24)
    return View(
        BOOT, 5, NOW_MS, 40_000, True, dict(sight.junctions), dict(sight.orders), dict(sight.alarms),
        dict(sight.flags),
    )  # fmt: skip


def event(number: int, hours_ago: float, kind: str = "rung") -> Event:
    return Event(BOOT, number, 0, round(WALL_MS - hours_ago * HOUR_MS), kind, "", f"thing {number}")


def told(events: list[Event], picture: View | None = None) -> str:
    return "\n".join(
        handover_lines(handover(picture or view(), city(24).layouts, events, "town", WALL_MS, 8))
    )


def test_it_tells_of_orders_alarms_flags_and_lower_rungs() -> None:
    text = told([event(1, 2.0)])
    assert "lockout at 1 junction, by ole: WAITS for a second person" in text
    assert "by ana: effective, 1:24 left" in text
    assert text.index("WAITS for a second person") < text.index("1:24 left")
    assert "ALARMS (2, 1 nobody has seen)" in text
    assert text.index("NOT SEEN") < text.index("seen by ana")
    assert "URGENT" in text
    assert text.index("walk green with cars") < text.index("button does nothing, 4 times")
    assert "the record agrees; the walk comes without a press; nobody sent" in text
    assert "rung 5, flash (1)" in text
    assert "PROMISE BROKEN" in text


def test_a_junction_is_named_once_in_a_line_though_the_sentence_names_it_too() -> None:
    picture, layouts = view(), city(24).layouts
    alarm = picture.alarms["x1"]
    title = layouts[alarm.junction].title
    picture.alarms["x1"] = replace(alarm, sentence=f"{title} stands on rung 3")
    said = replace(event(1, 2.0), junction=alarm.junction, sentence=f"{title}: up to rung 2")
    lines = told([said], picture).splitlines()
    assert any(f"] {title}: stands on rung 3 (" in line for line in lines)
    assert any(line.endswith(f"rung     {title}: up to rung 2") for line in lines)


def test_closed_cases_and_old_events_are_left_out() -> None:
    picture = view()
    picture.flags = {name: replace(flag, life=FlagLife.FIXED) for name, flag in picture.flags.items()}
    text = told([event(1, 9.0), event(2, 1.0)], picture)
    assert "CITIZENS' FLAGS: none open." in text
    assert "thing 2" in text
    assert "thing 1" not in text
    assert "tells no more of it" not in text
    assert "tells no more of it" in told([event(40, 1.0)]), "events before number 40 are not known"
    assert "tells no more of it" in told([])


def test_what_people_did_is_told_before_what_junctions_did_and_not_more_than_can_be_read() -> None:
    events = [event(k, 4.0 - k / 100, "rung") for k in range(1, 200)]
    events += [event(500 + k, 3.9, "order") for k in range(5)]
    made = handover(view(), {}, events, "town", WALL_MS, 8)
    assert len(made.happened) == TOLD_MOST
    assert sum(row["kind"] == "order" for row in made.happened) == 5
    assert made.counts == {"rung": 199, "order": 5}
    walls = [row["wall_ms"] for row in made.happened]
    assert walls == sorted(walls)


def test_a_quiet_night_is_told_in_a_few_lines_and_all_of_it_is_json() -> None:
    quiet = View(BOOT, 5, NOW_MS, 1, True)
    made = handover(quiet, {}, [event(1, 0.5, "station")], "town", WALL_MS, 8)
    lines = list(handover_lines(made))
    assert len(lines) <= 12
    assert "ORDERS: none acts, none waits." in lines
    assert json.loads(json.dumps(made.plain()))["street"] == "town"
    assert json.loads(json.dumps(handover(view(), {}, [], "town", WALL_MS, 8).plain()))["flags"]


def test_the_ledger_puts_the_longest_wait_first_and_says_how_unequal_it_is() -> None:
    pulse = city(24).pulse
    assert pulse is not None
    first, *rest = pulse.districts
    slow = replace(first, modes=tuple(replace(m, mean_wait_ms=2 * m.mean_wait_ms) for m in first.modes))
    (cars, *_) = ledgers(replace(pulse, districts=(*rest, slow)))
    assert cars.worst == first.district
    assert round(cars.ratio, 3) == 2.0
    words, look = ratio_words(cars)
    assert look
    assert "2.0 times as long" in words
    alike, look = ratio_words(ledgers(pulse)[0])
    assert not look
    assert "alike" in alike
    assert "only one district" in ratio_words(Ledger("cars", cars.rows[:1], float("nan")))[0]
    kinds = {promise.kind: promise for promise in promises(city(24).layouts.values())}
    assert kinds["car"].least_ms == 120_000
    assert kinds["foot"].least_ms == 90_000


def test_a_training_knows_of_no_other_station() -> None:
    environment = {"BELISHA_ORDERS": "tcp://10.0.0.1:7101", "BELISHA_KEY": "live.key", "PATH": "/bin"}
    clean = clean_environment(environment, ["", "/somewhere"])
    assert clean == {"PATH": "/bin", "PYTHONPATH": "/somewhere"}
