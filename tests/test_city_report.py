"""The report stands alone, says in words what its tables say, and draws each street where it lies."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sim.city.measuring.report import Made, html, percent, places_of, seconds
from sim.city.measuring.report_map import LOSS_CLASSES_S, WIDTH, Projection, classes_of, draw, read_map
from sim.city.measuring.results import Experiment, open_experiment
from sim.city.measuring.run_files import ResultError, read_table
from sim.city.measuring.sweep_summary import summarize
from sim.city.measuring.time_plots import line_plot, side_plot
from tests.made_city_runs import DISTRICTS, job, keep
from tests.test_report import Outline

MADE = Made("belisha simulate '<i>town</i>'", {"numpy": "2"}, "ab" * 20, "today")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> list[Experiment]:
    out = tmp_path_factory.mktemp("sweep")
    keep(out, [job(name, seed) for name in ("fixed", "adaptive") for seed in (1, 2, 3)])
    return [open_experiment(out / name) for name in ("fixed", "adaptive")]


def test_one_file_with_nothing_to_fetch_and_nothing_that_runs(sweep: list[Experiment]) -> None:
    page = html(sweep, MADE)
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert {"script", "link", "img", "iframe"}.isdisjoint({tag for tag, _ in outline.tags})
    assert not any(name in ("src", "href") for _, attributes in outline.tags for name in attributes)
    assert "url(" not in page
    assert "<i>" not in page, "what comes from outside is text"
    assert len(page) < 200_000


def test_the_first_words_are_the_numbers_of_the_runs(sweep: list[Experiment]) -> None:
    text = re.sub(r"<[^>]+>", " ", html(sweep, MADE)).replace("\N{NO-BREAK SPACE}", " ")
    means = {
        one.decided_by["controller"]: np.mean([r["measures"].all_people.mean_s for r in one.runs.values()])
        for one in sweep
    }
    assert f"Under adaptive signals a person loses {means['adaptive']:.0f} s" in text
    apart = round(means["fixed"]) - round(means["adaptive"])
    assert f"That is {apart} s less than under fixed signals ({means['fixed']:.0f} s), in 3 of 3 runs" in text
    assert "People of Edge lose most" in text
    for district in DISTRICTS:
        assert district in text


def test_places_sum_all_seeds_before_they_divide(sweep: list[Experiment]) -> None:
    one = sweep[0]
    lost, used = 0.0, 0.0
    for seed in one.runs:
        edges = read_table(one.run_folder(seed), "edges")
        lost += sum(edges[f"lost_person_s_{mode}"][5] for mode in ("car", "bus", "bicycle", "emergency"))
        used += edges["people"][5]
    assert places_of(one).edge_s[5] == pytest.approx(lost / used)


def test_a_map_has_north_up_right_sides_apart_and_classes_in_order(sweep: list[Experiment]) -> None:
    street_map = read_map(sweep[0].folder)
    project = Projection(street_map)
    south_west, north_east = project(np.array([[0.0, 0.0], [1000.0, 1000.0]]))
    assert south_west[0] < north_east[0] <= WIDTH
    assert south_west[1] > north_east[1] >= 0
    edge_s = np.full(len(street_map.edge_names), np.nan)
    edge_s[[0, 1]] = (1.0, 50.0)
    picture = draw(street_map, edge_s, np.full(36, np.nan), LOSS_CLASSES_S, {"Edge": "41 s a person"})
    assert [layer.kind for layer in picture.layers] == ["none", "c0", "c5"]
    assert [layer.width for layer in picture.layers] == sorted(layer.width for layer in picture.layers)
    assert picture.dots == ()
    # Eastbound and back between the first two junctions: drawn on their right-hand sides, so south and north.
    (eastward,), (westward,) = (re.findall(r"M\S+ (\S+?)L", layer.path) for layer in picture.layers[1:])
    assert float(eastward) > south_west[1] > float(westward)
    assert [label.note for label in picture.labels if label.text == "Edge"] == ["41 s a person"]


def test_classes_include_their_lower_limit_and_leave_out_what_is_unknown() -> None:
    values = np.array([0.0, 2.0, 39.9, 40.0, np.nan])
    assert classes_of(values, LOSS_CLASSES_S).tolist() == [0, 1, 4, 5, -1]


def test_a_map_that_is_not_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text("{}")
    with pytest.raises(ResultError, match=r"map\.json: no map of ours"):
        read_map(tmp_path)


def test_a_summary_is_the_mean_of_its_seeds_and_the_worst_of_its_worst(sweep: list[Experiment]) -> None:
    told = summarize(sweep[1])
    runs = [run["measures"] for run in sweep[1].runs.values()]
    assert told.everybody_s.mean == pytest.approx(np.mean([run.all_people.mean_s for run in runs]))
    assert told.worst_wait_s.worst == max(run.all_people.worst_wait_s for run in runs)
    edge = next(row for row in told.ledger if (row.district, row.mode) == ("Edge", "walk"))
    entries = [run.ledger.entry("Edge", "walk") for run in runs]
    assert edge.mean_s == pytest.approx(np.mean([entry.mean_s for entry in entries if entry]))


def test_lines_and_bars_lie_where_the_numbers_say() -> None:
    plot = line_plot("queue", "veh", [("adaptive", np.array([0.0, 5.0, 10.0]))], begin_minute=420)
    heights = [float(point.split(",")[1]) for point in plot.lines[0].points.split()]
    assert heights[1] == pytest.approx((heights[0] + heights[2]) / 2, abs=0.1)
    assert heights[2] < heights[0]
    assert [tick.label for tick in plot.x_ticks] == ["07:00", "07:01", "07:02", "07:03"]
    sides = side_plot(
        [("Edge", "less", -10.0, "−10 s", [-12.0, -8.0]), ("Hill", "more", 5.0, "+5 s", [5.0])], "s"
    )
    left, right = sides.bars
    assert left.x + left.width == pytest.approx(sides.zero_x)
    assert right.x == pytest.approx(sides.zero_x)
    assert left.width == pytest.approx(2 * right.width, abs=0.2)
    assert left.dots[0] < left.x < left.dots[1] < sides.zero_x


@pytest.mark.parametrize(
    ("value", "shown"), [(4.24, "4.2 s"), (9.96, "10 s"), (599.0, "599 s"), (840.0, "14 min"), (None, "–")]
)
def test_seconds_are_as_precise_as_people_care_for(value: float | None, shown: str) -> None:
    assert seconds(value).replace("\N{NO-BREAK SPACE}", " ") == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(0.5, "50 %"), (0.987, "98.7 %"), (0.99996, "99.9 %"), (1.0, "100 %"), (0.0, "0 %")]
)
def test_almost_all_is_never_called_all(share: float, shown: str) -> None:
    assert percent(share).replace("\N{NO-BREAK SPACE}", " ") == shown
