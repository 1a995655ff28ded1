"""Streets drawn in characters: what is in the window is drawn where it is, and nothing else is."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tui.braille import Window, draw, fitting, lines_of


def window(columns: int = 10, rows: int = 5, metres_a_dot: float = 1.0) -> Window:
    """Its lower left corner is the place (0, 0)."""
    return Window(columns * metres_a_dot, rows * 2 * metres_a_dot, metres_a_dot, columns, rows)


def dots(text: list[str]) -> set[tuple[int, int]]:
    """(across, down) of every lit dot, read back from the characters."""
    order = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    lit = set()
    for row, line in enumerate(text):
        for column, character in enumerate(line):
            code = ord(character) - 0x2800 if character != " " else 0
            lit |= {(2 * column + x, 4 * row + y) for bit, (x, y) in enumerate(order) if code >> bit & 1}
    return lit


def test_a_street_to_the_east_is_one_row_of_dots() -> None:
    text = draw(lines_of([(0, 10, 20, 10)]), window()).text()
    assert [len(line) for line in text] == [10] * 5
    assert dots(text) == {(x, 10) for x in range(20)}


def test_north_is_up_and_a_diagonal_is_diagonal() -> None:
    lit = dots(draw(lines_of([(0, 0.5, 19, 19.5)]), window()).text())
    assert {(0, 19), (18, 1)} <= lit
    assert all(abs((19 - y) - x) <= 1 for x, y in lit)


def test_what_is_outside_is_clipped_and_what_crosses_is_kept() -> None:
    outside = [(-50, -50, -10, 30), (0, 500, 20, 500), (500, 0, 500, 20)]
    assert not dots(draw(lines_of(outside), window()).text())
    far = draw(lines_of([(-1e6, 10, 1e6, 10)]), window()).text()
    assert dots(far) == {(x, 10) for x in range(20)}


def test_random_streets_are_drawn_as_a_slow_walk_along_them_draws_them() -> None:
    rng = np.random.default_rng(5)
    for _ in range(30):
        x0, y0, x1, y1 = rng.uniform(-15, 35, 4)
        lit = dots(draw(lines_of([(x0, y0, x1, y1)]), window()).text())
        walked = set()
        for part in np.linspace(0, 1, 2001):
            x, y = x0 + part * (x1 - x0), y0 + part * (y1 - y0)
            if 0 <= x < 20 and 0 < y <= 20:
                walked.add((int(x), int(np.floor(20 - y))))
        for x, y in lit:
            assert min((abs(x - a) + abs(y - b) for a, b in walked), default=9) <= 1
        for x, y in walked:
            assert min((abs(x - a) + abs(y - b) for a, b in lit), default=9) <= 1


def test_each_cell_knows_whose_street_it_is() -> None:
    drawing = draw(lines_of([(0, 10, 20, 10), (10, 0, 10, 20)]), window())
    assert drawing.owner[2, 0] == 0
    assert drawing.owner[0, 5] == 1
    assert drawing.owner[2, 5] == 1
    assert drawing.owner[0, 0] == -1


def test_without_braille_strokes_show_the_direction() -> None:
    lines = lines_of([(0, 10, 20, 10), (10, 0, 10, 20), (0, 0, 4, 4), (0, 19, 3, 16)])
    text = draw(lines, window(), plain=True).text()
    assert text[2] == "-----+----"
    assert text[0][5] == "|"
    assert text[4][0] == "/"
    assert text[0][0] == "\\"
    assert all(line.isascii() for line in text)


def test_zooming_keeps_the_place_under_the_pointer() -> None:
    here = window()
    for factor in (2.0, 0.5, 1e9, 1e-9):
        nearer = here.zoomed(factor, 3, 1)
        assert nearer.place(3, 1) == pytest.approx(here.place(3, 1))
    assert here.zoomed(2.0).metres_a_dot == 0.5
    assert 0 < here.zoomed(1e9).metres_a_dot < here.zoomed(1e-9).metres_a_dot < 1e4


def test_panning_moves_the_world_the_other_way() -> None:
    here = window()
    moved = here.panned(3, -1)
    x_m, y_m = here.place(5, 2)
    column, row, inside = moved.cells(np.array([x_m]), np.array([y_m]))
    assert (column[0], row[0], inside[0]) == (2, 3, True)


def test_a_window_fits_every_place_at_every_size() -> None:
    rng = np.random.default_rng(3)
    for columns, rows in ((20, 5), (80, 24), (200, 60), (3, 40)):
        x_m, y_m = rng.uniform(0, 5000, 40), rng.uniform(200, 900, 40)
        assert fitting(x_m, y_m, columns, rows).cells(x_m, y_m)[2].all()
    assert fitting(np.zeros(0), np.zeros(0), 10, 5).metres_a_dot > 0
    one = fitting(np.array([7.0]), np.array([9.0]), 10, 5)
    assert one.cells(np.array([7.0]), np.array([9.0]))[2].all()


def test_a_large_city_is_drawn_well_within_a_tenth_of_a_second() -> None:
    rng = np.random.default_rng(1)
    roads = [tuple(p) for p in np.cumsum(rng.normal(0, 60, (4000, 4, 2)), 1).reshape(4000, 8) + 5000]
    lines = lines_of(roads)
    here = fitting(lines.ends_m[:, 0], lines.ends_m[:, 1], 200, 60)
    draw(lines, here)
    took_s = min(_timed(lines, here) for _ in range(5))
    assert took_s < 0.1, took_s


def _timed(lines: object, here: Window) -> float:
    """Seconds of this process: what else the machine does is none of its business."""
    begin_s = time.process_time()
    draw(lines, here)  # type: ignore[arg-type]
    return time.process_time() - begin_s
