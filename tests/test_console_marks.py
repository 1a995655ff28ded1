"""What a thousand junctions look like: marks made anew only where one changed, and floods in one line."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from override.roles import Role
from override.views import JunctionView, Urgency
from tests.paper_pictures import PaperWire, city
from tui.app import BelishaConsole
from tui.attention import Attention, Notice, folded, without_title, worst_by_junction
from tui.looks import PLAIN_THEME, Look, look_of
from tui.map import places_of
from tui.mark_table import Inks, MarkTable
from tui.marks import BROKEN, BUSY, CALM, busy_level
from tui.model import Sight
from tui.picture import NoPicture, take_picture

VIEW = JunctionView("j", 1, "a", "RG", 0)


def test_marks_that_followed_every_change_are_those_made_afresh() -> None:
    sight, chance = city(60), random.Random(5)
    places = places_of(sight)
    followed = MarkTable(places.names, places.approaches, Inks())
    views = dict(sight.junctions)
    for round_ in range(20):
        for name in chance.sample(places.names, 7):
            views[name] = replace(
                views[name], rung=chance.randrange(6), queue_veh=chance.randrange(60),
                used_percent=chance.randrange(150), orders=("o",) * chance.randrange(2),
            )  # fmt: skip
        worst = worst_by_junction(Attention().notices(replace(sight, junctions=views)))
        letters, plain = round_ % 5 == 4, round_ % 7 == 6
        followed.update(views, worst, letters, plain)
        inks = Inks()
        fresh = MarkTable(places.names, places.approaches, inks)
        fresh.update(views, worst, letters, plain)
        assert followed.characters.tolist() == fresh.characters.tolist()
        assert followed.weight.tolist() == fresh.weight.tolist()
        styles = [[followed._ink.styles[i] for i in row] for row in followed.inks]
        assert styles == [[inks.styles[i] for i in row] for row in fresh.inks]


def test_a_junction_is_as_busy_as_its_longest_queues_or_its_nearest_promise() -> None:
    assert busy_level(VIEW, 4) == CALM
    assert busy_level(replace(VIEW, queue_veh=28), 4) == BUSY
    assert busy_level(replace(VIEW, queue_veh=28), 8) < BUSY, "the same vehicles before twice the approaches"
    assert busy_level(replace(VIEW, used_percent=80), 4) == BUSY
    assert busy_level(replace(VIEW, used_percent=101), 4) == BROKEN


def notices(kind: str, why: str, count: int) -> list[Notice]:
    return [Notice(f"{kind} {why} {k}", f"j{k}", Urgency.SOON, why, 0, kind) for k in range(count)]


def test_one_cause_at_many_junctions_is_one_line_and_few_are_told_one_by_one() -> None:
    many = folded(notices("rung", "on its free fixed plan", 24))
    assert len(many) == 1
    assert many[0].why == "24 junctions: on its free fixed plan"
    assert many[0].junction == "j0", "it leads to the first of them"
    assert len(folded(notices("rung", "on its free fixed plan", 4))) == 4
    assert len(folded(notices("promise", "promise broken", 24))) == 24, "every broken promise is its own"
    both = folded(notices("rung", "flood", 24) + notices("alarm", "conflict", 1))
    assert any("conflict" in n.why or n.more for n in both), "a flood hides no alarm"


def test_alarms_of_one_monitor_trip_are_one_line_and_what_is_over_comes_after_what_is_not() -> None:
    sight = city()
    alarms = {
        str(k): replace(
            sight.alarms["x1"], alarm=str(k), junction=name,
            sentence=f"the safety monitor has tripped at {sight.title(name)}: flash",
        )
        for k, name in enumerate(list(sight.layouts)[:9])
    }  # fmt: skip
    gone = replace(
        sight.alarms["x1"], alarm="gone", active=False, since_ms=0, sentence="somewhere it was dark"
    )
    lines = folded(Attention().notices(replace(sight, alarms={**alarms, "gone": gone}, flags={}, orders={})))
    assert lines[0].why == "9 junctions: the safety monitor has tripped: flash"
    over = next(n for n in lines if "dark" in n.why)
    assert over.why == "over: somewhere it was dark, nobody has seen it"
    assert over.urgency is Urgency.SOON


def test_a_sentence_does_not_say_again_which_junction_it_is_about() -> None:
    title = "Harbour Street / Garden Road"
    assert without_title(f"{title} stands on rung 5: flash", title) == "stands on rung 5: flash"
    assert without_title("Harbour Street / Ga~ 07:00:32 west+east -> north", title).startswith(
        "07:00:32 west"
    )
    assert without_title("Elm Street stands still", title) == "Elm Street stands still"
    assert without_title("about ~ 3 min", title) == "about ~ 3 min"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-256color", "LANG": "en_GB.UTF-8"}, Look()),
        ({"TERM": "vt100", "LANG": "C.UTF-8"}, Look(PLAIN_THEME, no_colour=True)),
        ({"TERM": "linux", "LANG": "C.UTF-8"}, Look(PLAIN_THEME)),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, Look(PLAIN_THEME, no_colour=True)),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, Look()),
        ({"TERM": "xterm-256color", "LANG": "C"}, Look(plain=True)),
        ({"TERM": "xterm-256color", "LANG": "C.UTF-8", "BELISHA_ASCII": "1"}, Look(plain=True)),
    ],
)
def test_the_look_is_what_the_terminal_can_show(environment: dict[str, str], expected: Look) -> None:
    assert look_of(environment) == expected


def test_a_picture_is_written_without_a_terminal_or_why_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.picture.SETTLE_S", 0.2)
    monkeypatch.setattr("tui.picture.WAIT_S", 0.4)
    wire = PaperWire(city())
    take_picture(BelishaConsole(wire, "ana", Role.VIEWER, look=Look()), tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "conflicting" in drawn
    assert wire.stopped
    silent = PaperWire(Sight(trouble="nobody answers"))
    with pytest.raises(NoPicture, match="nobody answers"):
        take_picture(BelishaConsole(silent, "ana", look=Look()), tmp_path / "b.svg")
    assert not (tmp_path / "b.svg").exists()
