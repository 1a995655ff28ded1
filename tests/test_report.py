"""The HTML file stands alone, says everything the table says, and lets nobody's names run as code."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sim.evaluate import Comparison, compare
from sim.glossary import GLOSSARY
from sim.measures import ModeDelay
from sim.plots import BAR_HEIGHT, LABEL_WIDTH, VALUE_WIDTH, WIDTH, Series, bar_plot
from sim.report import Made, html
from tests.runs import SCENARIO, a_run, a_sweep

MADE = Made(
    "Five controllers", "belisha evaluate --net '<b>.net.xml'", {"libsumo": "1.28.0"}, "ab" * 32, "today"
)
VOID = {"meta", "br", "link", "img", "input"}


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    walkers = {"pedestrian": ModeDelay(9, 22.5, 40.0, 80.0, 70.0)}
    runs = {
        "adaptive": {1: a_run(14, modes=walkers), 2: a_run(16, modes=walkers)},
        "fixed": {1: a_run(40, gridlock=True), 2: a_run(40)},
        "greedy": {1: "<script>alert(1)</script>", 2: "no licence"},
        "all-green": {1: a_run(4), 2: a_run(4)},
    }
    sweep = a_sweep(runs) | a_sweep(
        runs, dataclasses.replace(SCENARIO, name="quay", net=Path("quay.net.xml"))
    )
    return compare(list(sweep), sweep)


class Outline(HTMLParser):
    """Every tag, and whether they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag != "p" or self.open[-1] == "p":
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def outline(comparison: Comparison) -> Outline:
    parser = Outline()
    parser.feed(html(comparison, MADE))
    assert parser.open == []
    return parser


def test_nothing_is_fetched_and_nothing_runs(comparison: Comparison, outline: Outline) -> None:
    assert {tag for tag, _ in outline.tags} & {"script", "link", "img", "iframe", "object"} == set()
    for tag, attributes in outline.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert "src" not in attributes
        assert tag != "a" or (attributes["href"] or "").startswith("#")
    assert not re.search(r"url\(|@import|https?:", html(comparison, MADE))


def test_names_from_outside_are_text(comparison: Comparison) -> None:
    text = html(comparison, MADE)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;b&gt;.net.xml" in text


def test_every_map_row_word_and_failure_is_there(comparison: Comparison, outline: Outline) -> None:
    text = html(comparison, MADE)
    ids = {attributes.get("id") for _, attributes in outline.tags}
    links = {(attributes["href"] or "")[1:] for tag, attributes in outline.tags if tag == "a"}
    assert links <= ids
    assert len(links) == len(comparison.maps) + 1
    for word, _, _ in GLOSSARY:
        assert f"<dt>{word} " in text
    assert text.count("no run finished") == 2
    assert "libsumo 1.28.0" in text
    for table in comparison.maps:
        assert f"{table.name}</a>" in text


def test_plots_have_words_for_who_cannot_see_them(outline: Outline) -> None:
    pictures = [attributes for tag, attributes in outline.tags if tag == "svg" and "role" in attributes]
    # two maps: cars, walkers, people-weighted, standstill, gridlock
    assert len(pictures) == 2 * 5
    assert any(
        "Cars: mean delay, s: adaptive 15.0; fixed 40.0" in (one["aria-label"] or "") for one in pictures
    )


def test_a_bar_is_as_long_as_its_number_and_everything_stays_inside() -> None:
    seeds = ((1, 0.0), (2, 60.0))
    plot = bar_plot(
        "t", "s",
        [Series("a", 30.0, seeds, frozenset({2}), "ours"), Series("b", 15.0, (), frozenset(), "peer")],
    )  # fmt: skip
    a, b = plot.bars
    assert a.width == pytest.approx(2 * b.width)
    assert [dot.locked for dot in a.dots] == [False, True]
    assert all(LABEL_WIDTH <= dot.x <= WIDTH - VALUE_WIDTH for dot in a.dots)
    assert a.dots[1].x - LABEL_WIDTH == pytest.approx(2 * a.width)
    assert plot.ticks[0].label == "0"
    assert float(plot.ticks[-1].label) >= 60
    assert 3 <= len(plot.ticks) <= 7
    assert b.y + BAR_HEIGHT <= plot.axis_y <= plot.height


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.3, 7.0, 1000.0, 123456.0])
def test_any_scale_has_a_few_round_ticks(value: float) -> None:
    plot = bar_plot("t", "s", [Series("a", value, (), frozenset(), "peer")])
    assert 2 <= len(plot.ticks) <= 7
    assert plot.bars[0].width <= WIDTH - LABEL_WIDTH - VALUE_WIDTH + 0.01
