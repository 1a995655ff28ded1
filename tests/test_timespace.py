"""The time-space diagram: greens where they were, and lines that show who drives through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from override.details import Detail, StageSpan
from override.layouts import GroupLayout, JunctionLayout, StageLayout
from tui.timespace import (
    Band,
    axis,
    band_of,
    chain_through,
    diagram,
    distances_m,
    heading_of,
    joined,
    main_group,
    rows_of,
)


def junction(name: str, x_m: int, y_m: int) -> JunctionLayout:
    groups = (
        GroupLayout("ew", "vehicle", "e", 120_000),
        GroupLayout("ns", "vehicle", "n", 120_000),
        GroupLayout("walk", "pedestrian", "", 90_000),
    )
    stages = (StageLayout("a", (0,)), StageLayout("b", (1, 2)), StageLayout("c", (0, 2)))
    return JunctionLayout(name, name.title(), x_m, y_m, "centre", groups, stages, ())


def detail(name: str, shown: list[StageSpan], planned: list[StageSpan]) -> Detail:
    return Detail(bytes(8), 0, 0, name, (), (), (), (), tuple(shown), tuple(planned))


STREET = [junction(f"j{k}", 300 * k, 10 * (k % 2)) for k in range(5)]
ASIDE = [junction("aside", 300, 400), junction("far", 5000, 0)]


def test_a_chain_follows_the_street_and_leaves_what_is_aside_or_far() -> None:
    found = chain_through([*ASIDE, *STREET], "j2")
    assert [one.name for one in found] == ["j0", "j1", "j2", "j3", "j4"]
    assert distances_m(found) == pytest.approx([0, 300, 600, 900, 1200], abs=2)
    back = chain_through([*ASIDE, *STREET], "j2", 270.0)
    assert [one.name for one in back] == ["j4", "j3", "j2", "j1", "j0"]
    assert [one.name for one in chain_through([*ASIDE, *STREET], "j1", 0.0)] == ["j1", "aside"]
    assert [one.name for one in chain_through(STREET, "j2", most=3)] == ["j1", "j2", "j3"]
    assert chain_through(STREET, "nobody") == []
    assert heading_of(STREET[0], STREET[2]) == 90.0


def test_greens_are_those_of_the_stages_a_group_is_green_in() -> None:
    here = detail(
        "j0",
        [StageSpan(0, -60_000, 20_000), StageSpan(2, -40_000, 10_000), StageSpan(1, -30_000, 30_000)],
        [StageSpan(1, 0, 10_000), StageSpan(0, 10_000, 15_000)],
    )
    band = band_of(STREET[0], 0.0, "ew", {"j0": here})
    assert band.shown == ((-60_000, -30_000),)
    assert band.planned == ((10_000, 25_000),)
    assert (band.known_from_ms, band.known_to_ms) == (-60_000, 25_000)
    assert main_group(STREET[0], {"j0": here}) == "ew"
    assert main_group(STREET[0], {}) == "ew"
    others = replace(here, stages=("x", "y", "z"))
    assert band_of(STREET[0], 0.0, "ew", {"j0": others}).shown == (), "stages this console does not know"
    unknown = band_of(STREET[0], 0.0, "ew", {})
    assert unknown.shown == unknown.planned == ()
    assert joined([(5, 9), (0, 3), (3, 5), (11, 11)]) == ((0, 9),)


def test_bands_stand_by_distance_and_never_on_one_row() -> None:
    near = [Band(str(k), along, ()) for k, along in enumerate((0, 10, 20, 1000))]
    rows = rows_of(near, 10)
    assert rows == [0, 1, 2, 9]
    assert rows_of([*near, Band("4", 1001, ())], 10) == [0, 1, 2, 8, 9]
    assert rows_of(near, 3) == [0, 1, 2, 3]


def test_green_is_drawn_when_it_was_and_what_nobody_knows_is_left_blank() -> None:
    band = Band("a", 0.0, ((-60_000, -30_000),), ((15_000, 30_000),), -90_000, 45_000)
    drawn = diagram([band], 18, 1, -120_000, 60_000, plain=True)
    # Ten seconds a cell; unknown until -90 s, green from -60 s to -30 s, planned from 15 s to 30 s.
    assert drawn.text[0] == "   ---###----==-  "
    assert drawn.band == (0,)


def test_a_line_of_platoons_rises_from_green_to_green() -> None:
    # 300 m at 10 m/s are 30 s: green at j0 at -60 s meets green at j1 at -30 s.
    bands = [
        Band("j0", 0.0, ((-60_000, -50_000),), (), -120_000, 60_000),
        Band("j1", 300.0, ((-30_000, -20_000),), (), -120_000, 60_000),
    ]
    drawn = diagram(bands, 60, 9, -120_000, 60_000, speed_m_per_s=10.0, plain=True)
    assert drawn.band[0] == 1
    assert drawn.band[-1] == 0
    assert "###" in drawn.text[0]
    marks = [
        min((c for c, character in enumerate(row) if character in "/-|+" and c < 38), default=None)
        for row in reversed(drawn.text[1:-1])
    ]
    seen = [mark for mark in marks if mark is not None]
    assert len(seen) >= 5
    assert seen == sorted(seen)
    assert seen[0] in range(19, 24)
    assert seen[-1] in range(26, 31)
    assert seen[-1] - drawn.text[0].index("#") in range(-4, 1)


def test_sizes_and_the_axis() -> None:
    bands = [Band(str(k), 300.0 * k, ((-20_000, 0),), (), -60_000, 0) for k in range(9)]
    for columns, height in ((40, 4), (7, 3), (120, 30), (0, 0)):
        drawn = diagram(bands, columns, height)
        assert len(drawn.text) == len(drawn.band) == height
        assert all(len(line) == columns for line in drawn.text)
    line = axis(60, -120_000, 60_000, plain=True)
    assert len(line) == 60
    assert abs(line.index("now") + 1 - 40) <= 1
