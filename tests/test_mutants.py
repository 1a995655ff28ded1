"""The mutation run: a wrong is known by its site, a survivor by its reason, and too long is not unlawful."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.mutant_drive import Drive, StreetLaw, judged, junction
from bench.mutant_report import NO_REASON, REASONS, reasons_in, report
from bench.mutant_sites import Site, mutants, mutated
from controller.vocabulary import Lamp
from tests.lamp_law import LampLaw

SOURCE = '''
class Clock:
    def late(self, a, b):
        """Not this 1."""
        text = "nor this"
        if a + 1 < b + 1:
            return max(a, b)
        for x in a:
            self.ok = True
            continue
'''


def test_a_site_says_in_words_what_is_made_of_a_place() -> None:
    found = [mutant.site for mutant in mutants("clock.py", SOURCE)]
    assert {site.where for site in found} == {"clock.py Clock.late"}
    assert [(site.line, site.change) for site in found] == [
        ("if a + 1 < b + 1:", "never"),
        ("if a + 1 < b + 1:", "a + 1 < b + 1: < -> <="),
        ("if a + 1 < b + 1:", "a + 1: + -> -"),
        ("if a + 1 < b + 1:", "1 -> 2"),
        ("if a + 1 < b + 1:", "b + 1: + -> -"),
        ("if a + 1 < b + 1:", "1 -> 2 #2"),
        ("return max(a, b)", "max -> min"),
        ("self.ok = True", "drop"),
        ("self.ok = True", "True -> False"),
        ("continue", "go on"),
    ]
    for number, part in ((1, "a + 1 <= b + 1"), (4, "a + 1 < b - 1"), (5, "a + 1 < b + 2"), (6, "min(a, b)")):
        assert part in mutated(SOURCE, number)


def test_a_site_stays_what_it_is_when_other_lines_change() -> None:
    longer = SOURCE.replace("class Clock", "def another(x):\n    return x + 1\n\n\nclass Clock")
    before = [mutant.site for mutant in mutants("clock.py", SOURCE)]
    assert [m.site for m in mutants("clock.py", longer) if "Clock" in m.site.where] == before


KNOWN = Site("controller/monitor/a.py f", "x = 1", "drop")
OTHER = Site("controller/monitor/a.py g", "y", "drop")


def row(fate: str, site: Site = KNOWN, file: str = "controller/monitor/a.py") -> dict[str, Any]:
    return {
        "mutant": f"{file}:0", "line": 7, "what": "drop: x = 1", "site": list(site), "fate": fate,
        "reason": "no test tells",
    }  # fmt: skip


def test_a_survivor_is_told_with_its_reason_and_one_without_is_a_failure() -> None:
    text, code = report([row("survived")], {KNOWN: "nobody reads x"}, [KNOWN], 1)
    assert code == 0
    assert "survived controller/monitor/a.py:7: drop: x = 1 | nobody reads x" in text
    text, code = report([row("survived")], {}, [KNOWN], 1)
    assert code == 1
    assert NO_REASON in text


def test_a_wrong_of_the_sequencer_that_changes_no_lamp_needs_a_reason_too() -> None:
    same = row("same", file="controller/sequencer.py")
    text, code = report([same], {KNOWN: "nobody reads x"}, [KNOWN], 1)
    assert code == 0
    assert "same     controller/sequencer.py:7: drop: x = 1 | nobody reads x" in text
    text, code = report([same], {}, [KNOWN], 1)
    assert code == 1
    assert NO_REASON in text


def test_a_reason_whose_site_is_no_more_is_told_and_one_that_is_not_needed_too() -> None:
    text, code = report([row("caught")], {OTHER: "nobody reads y"}, [KNOWN], 1)
    assert code == 1
    assert "gone     controller/monitor/a.py g | y | drop" in text
    text, code = report([row("caught")], {KNOWN: "nobody reads x"}, [KNOWN], 1)
    assert code == 0
    assert "needless controller/monitor/a.py:7" in text


def test_a_missed_wrong_of_the_sequencer_is_a_failure_and_one_that_lasts_too_long_is_none() -> None:
    for fate, code in (("missed", 1), ("too long", 0), ("lawful", 0)):
        text, given = report([row(fate, file="controller/sequencer.py")], {}, [KNOWN], 1)
        assert given == code
        assert f"{fate:<9}controller/sequencer.py:7" in text
        assert f"sequencer {fate:<9}    1" in text


def test_the_reasons_that_are_written_down_can_be_read() -> None:
    assert all(reasons_in(REASONS.read_text("utf-8")).values())
    twice = '[[reason]]\nwhy = "x"\nsites = [["a", "b", "c"], ["a", "b", "c"]]\n'
    with pytest.raises(ValueError, match="has two"):
        reasons_in(twice)
    with pytest.raises(ValueError, match="expected where, line and change"):
        reasons_in('[[reason]]\nwhy = "x"\nsites = [["a", "b"]]\n')


def walked(law: LampLaw, clearance_ms: int) -> None:
    """One WALK and its clearance at the toy junction."""
    lamps, walk = [Lamp.RED] * 6, [g.name for g in law.groups].index("walk.ns")
    for now_ms, lamp in (
        (20_000, Lamp.GREEN), (40_000, Lamp.CLEARANCE), (40_000 + clearance_ms, Lamp.RED),
    ):  # fmt: skip
        lamps[walk] = lamp
        law.look(now_ms, [int(lamp) for lamp in lamps])


def test_a_clearance_that_lasts_too_long_is_lawful_and_told_and_one_too_short_is_not() -> None:
    made = junction()
    needed_ms = next(g.clearance_ms for g in made.groups if g.name == "walk.ns")
    law = StreetLaw(made, 500, 0)
    walked(law, law.up(needed_ms))
    assert law.overlong == ""
    walked(law := StreetLaw(made, 500, 0), law.up(needed_ms) + 500)
    assert "walk.ns CLEARANCE -> RED" in law.overlong
    for strict, off_ms in ((StreetLaw(made, 500, 0), -500), (LampLaw(made, 500, 0), 500)):
        with pytest.raises(AssertionError, match="CLEARANCE -> RED"):
            walked(strict, strict.up(needed_ms) + off_ms)


def test_six_seconds_after_a_flash_are_red() -> None:
    law = StreetLaw(replace(junction(), intergreens=()), 500, 0).after_flash(0)
    law.look(5_500, [int(Lamp.RED)] * 6)
    with pytest.raises(AssertionError, match="not all red at 5500"):
        law.look(5_500, [int(Lamp.GREEN)] + [int(Lamp.RED)] * 5)


TRUE = Drive(b"lamps", 100, "", -1, "", "", "")


@pytest.mark.parametrize(
    ("run", "fate"),
    [
        (TRUE, "same"),
        (replace(TRUE, lamps=b"others"), "lawful"),
        (replace(TRUE, lamps=b"others", overlong="walk.ns"), "too long"),
        (replace(TRUE, unlawful="both active", overlong="walk.ns"), "missed"),
        (replace(TRUE, unlawful="both active", said="C1", caught_after_ms=0), "caught"),
        (replace(TRUE, crash="IndexError"), "crashed"),
    ],
)
def test_what_becomes_of_a_wrong(run: Drive, fate: str) -> None:
    assert judged([TRUE, run], [TRUE, TRUE])["fate"] == fate
