"""Plots in characters: nothing that happened is drawn as nothing, gaps are not zeros, widths are kept."""

from __future__ import annotations

import math

import pytest
from rich.cells import cell_len

from tui.plots import BLOCKS, PLAIN_BLOCKS, Bar, bar, bars, nice_top, number, plot, sparkline

NAN = math.nan


def test_a_sparkline_rises_with_its_values_and_keeps_its_peaks() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 9, 0, 0, 0], 3) == "▁█▁"
    assert sparkline([1, NAN, 1], 5) == "  █ █"
    assert sparkline([4, 8], 2, top=8) == "▄█"
    assert sparkline([], 4) == "    "
    assert set(sparkline([0.001, 100], 2)) <= set(BLOCKS[1:])
    assert all(c in PLAIN_BLOCKS for c in sparkline([1, 5, 9], 3, plain=True))


def test_a_bar_is_as_long_as_its_value_and_says_when_it_goes_beyond() -> None:
    assert bar(5, 10, 8) == "████    "
    assert bar(0, 10, 8) == "        "
    assert bar(0.0001, 10, 8).strip() != ""
    assert bar(11, 10, 4) == "███▶"
    assert bar(10, 10, 4) == "████"
    assert bar(5, 10, 8, plain=True) == "####    "
    for value in (0, 0.3, 3.3, 9.99, 10, 12, NAN):
        assert cell_len(bar(value, 10, 7)) == 7
        assert len(bar(value, 10, 7, plain=True)) == 7


def test_bars_stand_in_columns() -> None:
    text = bars([Bar("cars", 10, "10 s"), Bar("on foot", 20, "20 s")], 30)
    assert all(cell_len(line) == 30 for line in text)
    assert text[0].startswith("cars ")
    assert text[1].endswith("20 s")
    assert text[1].count("█") == 17
    assert "████████▌ " in text[0], "half of it, to the eighth of a cell"
    assert bars([], 30) == []


def test_scales_people_can_read() -> None:
    assert [nice_top(value) for value in (0, 0.7, 3, 5, 51, 1234)] == [1.0, 1.0, 5.0, 5.0, 100.0, 2000.0]
    assert [number(value) for value in (0, 2.5, 50, 1500, 25_000, NAN)] == [
        "0",
        "2.5",
        "50",
        "1.5k",
        "25k",
        "-",
    ]


@pytest.mark.parametrize("plain", [False, True])
def test_a_plot_is_exactly_as_large_as_asked_and_its_lines_are_where_they_belong(plain: bool) -> None:
    falling, low = [10, 8, 6, 4, 2, 0], [0, 0, 0, NAN, 0, 0]
    drawn = plot([falling, low], 30, 8, unit="s", since="15 min ago", plain=plain)
    assert [cell_len(line) for line in drawn.text] == [30] * 8
    assert [len(row) for row in drawn.owner] == [30] * 8
    assert all(line.isascii() for line in drawn.text) or not plain
    assert drawn.text[0].lstrip().startswith("10")
    assert drawn.text[-1].rstrip().endswith("now")
    first_rows = [r for r, row in enumerate(drawn.owner) if 0 in row[:10]]
    last_rows = [r for r, row in enumerate(drawn.owner) if 0 in row[-6:]]
    assert max(first_rows) < min(last_rows), "it falls"
    assert {r for r, row in enumerate(drawn.owner) if 1 in row} == {6}, "it lies on the ground"


def test_a_gap_is_a_gap() -> None:
    whole = plot([[5] * 20], 40, 6)
    torn = plot([[5] * 8 + [NAN] * 6 + [5] * 6], 40, 6)
    lit = [sum(k == 0 for row in p.owner for k in row) for p in (whole, torn)]
    assert 0 < lit[1] < 0.8 * lit[0]


def test_a_promise_is_drawn_where_it_is() -> None:
    drawn = plot([[1, 1, 1, 1]], 30, 11, limit=90)
    dashed = [r for r, line in enumerate(drawn.text) if "╌" in line]
    assert dashed == [0], "nine tenths of a scale to 100"


def test_too_little_room_gives_blanks_not_an_error() -> None:
    for width, height in ((3, 3), (0, 0), (10, 1), (5, 9)):
        drawn = plot([[1, 2]], width, height)
        assert len(drawn.text) == height
        assert all(cell_len(line) == width for line in drawn.text)
