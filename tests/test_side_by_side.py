"""The table fits a terminal of 80 columns and hides nothing."""

from __future__ import annotations

import pytest

from sim import side_by_side
from sim.evaluate import Comparison, compare
from sim.measures import ModeDelay
from tests.runs import a_run, a_sweep


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    everyone = {
        "bus": ModeDelay(30, 1234.5, 2345.6, 3456.7, 999.0),
        "pedestrian": ModeDelay(9, 9.9, 9.9, 9.9, 9.9),
    }
    runs = {
        "adaptive": {1: a_run(14.04, modes=everyone), 2: a_run(14.2, promises_broken=1)},
        "fixed": {1: a_run(1469.4), 2: a_run(999.96, gridlock=True)},
        "max-pressure": {1: a_run(30), 2: "the process ended without a result (signal SIGSEGV) " + "x" * 90},
        "sumo-delay-based": {1: a_run(25), 2: a_run(25)},
        "all-green": {1: a_run(400), 2: a_run(400)},
    }
    sweep = a_sweep(runs)
    return compare(list(sweep), sweep)


def test_no_line_is_wider_than_a_terminal(comparison: Comparison) -> None:
    lines = side_by_side.terminal_lines(comparison)
    assert max(map(len, lines)) <= side_by_side.COLUMNS
    assert not any("\x1b" in line or "\t" in line for line in lines)


def test_columns_stand_under_each_other(comparison: Comparison) -> None:
    lines = side_by_side.terminal_lines(comparison)
    rows = [line for line in lines if line[3:].startswith(("adaptive ", "fixed ", "SUMO delay_b. "))]
    assert {len(line) for line in rows} == {side_by_side.COLUMNS}
    fixed = next(line for line in rows if "fixed" in line).split()
    # rank, name, mean, median, worst: four digits lose their decimal, not their place
    assert fixed[:5] == ["2", "fixed", "1235", "1235", "1469"]
    assert "50%" in fixed


def test_what_must_not_be_missed_is_said_under_the_map(comparison: Comparison) -> None:
    text = "\n".join(side_by_side.terminal_lines(comparison))
    assert "adaptive: 1 promises broken" in text
    assert "fixed: gridlock in seed 2" in text
    assert "max-pressure, seed 2 failed: the process ended without a result" in text
    assert "all-green is not shown: here it is not below every controller" in text


def test_markdown_holds_the_command_every_row_and_every_word(comparison: Comparison) -> None:
    text = side_by_side.markdown(comparison, "belisha evaluate --seeds 2", {"libsumo": "1.28.0"})
    assert "belisha evaluate --seeds 2" in text
    assert "libsumo 1.28.0" in text
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in table if "controller" not in line or "×del" not in line}) <= 2
    assert any(line.startswith("| 1 | adaptive | 14.1 | 14.1 | 14.2 |") for line in table)
    assert any("*sumo-delay-based*" in line for line in table)
    assert "**person-seconds**" in text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0.0"), (999.94, "999.9"), (999.96, "1000"), (12345.6, "12346")]
)
def test_seconds_take_five_characters(value: float | None, text: str) -> None:
    assert side_by_side.seconds(value) == text
