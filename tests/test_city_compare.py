"""Who gains and who loses is worked out trip by trip, and nothing is called sure that is not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from controller.policy import Policy
from sim.city.measuring.compare import Change, Comparison, compare, to_json
from sim.city.measuring.compare_report import headline, html, judged, sentences, signed
from sim.city.measuring.report import Made
from sim.city.measuring.results import CityStore
from sim.city.measuring.run_files import ResultError
from sim.city.measuring.trip_table import PASSENGER
from sim.city.trips import Mode
from tests.made_city_runs import MAP, SCENARIO, a_trip_table, files_of, job, keep, made_tables
from tests.test_report import Outline

Trip = tuple[str, int, int, float, float]
MADE = Made("belisha compare a '<b>'", {"numpy": "2"}, "", "today")


def put(out: Path, controller: str, by_seed: Mapping[int, Sequence[Trip]]) -> Path:
    """Runs with these trips, everything else made up."""
    store = CityStore(out)
    for seed, trips in by_seed.items():
        one = job(controller, seed)
        store.open(one, MAP)
        store.keep(one, files_of(one, {**made_tables(controller, seed), "trips": a_trip_table(trips)}))
    return out / controller


def group(of: str, mode: int, district: int, lost_s: float, n: int = 40, persons: float = 1.0) -> list[Trip]:
    return [(f"{of}{k}", mode, district, persons, lost_s) for k in range(n)]


def of(comparison: Comparison, district: str, mode: str) -> Change:
    return next(g.seconds for g in comparison.groups if (g.district, g.mode) == (district, mode))


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Cars of the centre gain 10 to 14 s, walkers of the edge lose 4 s, riverside goes up and down."""
    out, before, after = tmp_path_factory.mktemp("meeting"), {}, {}
    for seed in (1, 2, 3, 4, 5):
        edge_s = 3.0 if seed % 2 else -3.0
        before[seed] = [*group("c", Mode.CAR, 0, 40.0, persons=1.5), *group("w", Mode.WALK, 2, 20.0),
                        *group("r", Mode.BICYCLE, 1, 30.0), *group("q", PASSENGER, 1, 15.0),
                        ("gone", Mode.CAR, 0, 1.5, 900.0)]  # fmt: skip
        after[seed] = [*group("q", PASSENGER, 1, 15.2), *group("r", Mode.BICYCLE, 1, 30.0 + edge_s),
                       *group("w", Mode.WALK, 2, 24.0),
                       *group("c", Mode.CAR, 0, 40.0 - 9.0 - seed, persons=1.5)]  # fmt: skip
    return compare(put(out, "fixed", before), put(out, "adaptive", after))


def test_each_trip_is_set_against_itself_whatever_the_order_of_the_rows(meeting: Comparison) -> None:
    """A trip that is in one run alone (900 s!) belongs to no comparison."""
    cars = of(meeting, "Centre", "car")
    assert cars.by_seed == ((1, -10.0), (2, -11.0), (3, -12.0), (4, -13.0), (5, -14.0))
    assert (cars.before, cars.after, cars.mean) == (40.0, 28.0, -12.0)
    assert cars.words() == "in 5 of 5 runs"
    # 12 ± 2.776 × sqrt(2.5 / 5)
    assert cars.interval == pytest.approx((-12 - 1.963, -12 + 1.963), abs=1e-3)
    # 60 people in cars gain 12 s, 40 walkers lose 4, 40 riders 0.2, 40 cyclists 0.6: -552 s over 180 people.
    assert meeting.everybody.people == 180.0
    assert meeting.everybody.seconds.mean == pytest.approx((-720 + 160 + 8 + 24) / 180)


def test_a_group_gains_or_loses_only_when_every_run_agrees(meeting: Comparison) -> None:
    told = {verdict: [(g.district, g.mode) for g in meeting.of(verdict)]
            for verdict in ("better", "worse", "unsure", "same")}  # fmt: skip
    assert told == {
        "better": [("Centre", "car")],
        "worse": [("Edge", "walk")],
        "unsure": [("Riverside", "bicycle")],
        "same": [("Riverside", "passenger")],
    }
    assert next(g.district for g in meeting.groups if g.district != "all" and g.mode == "all") == "Edge"


def test_people_who_feel_it_are_counted_one_by_one(meeting: Comparison) -> None:
    """60 of 180 gain 10 to 14 s; nobody loses five seconds or more."""
    assert meeting.people.gain_share == pytest.approx(60 / 180)
    assert meeting.people.gain_mean_s == pytest.approx(12.0)
    assert meeting.people.lose_share == 0.0
    assert meeting.people.hardest_s == pytest.approx(4.0)


def test_the_words_say_who_loses_and_how_often(meeting: Comparison) -> None:
    said = " ".join([headline(meeting), *sentences(meeting)]).replace("\N{NO-BREAK SPACE}", " ")
    assert "Under adaptive a person loses 2.9 s less on a trip than under fixed, in 5 of 5 runs." in said
    assert "Lose: Edge, on foot (+4.0 s a person)." in said
    assert "Gain most: Centre, by car (−12 s a person)." in said
    assert "Riverside" not in said


def test_a_single_run_is_called_a_hint(tmp_path: Path) -> None:
    a = put(tmp_path, "fixed", {1: group("c", Mode.CAR, 0, 40.0)})
    b = put(tmp_path, "adaptive", {1: group("c", Mode.CAR, 0, 30.0)})
    told = compare(a, b)
    assert told.everybody.seconds.interval is None
    assert "This rests on one run" in " ".join(sentences(told))
    assert "no more than a hint" in html(a, b, MADE)


def test_runs_that_disagree_are_never_a_result(tmp_path: Path) -> None:
    a = put(tmp_path, "fixed", {s: group("c", Mode.CAR, 0, 40.0) for s in (1, 2)})
    b = put(tmp_path, "adaptive", {s: group("c", Mode.CAR, 0, 20.0 if s == 1 else 41.0) for s in (1, 2)})
    assert "the runs do not agree (in 1 of 2 runs)" in headline(compare(a, b))


def test_only_the_same_people_on_the_same_streets_can_be_compared(tmp_path: Path) -> None:
    keep(tmp_path / "a", [job("fixed")])
    other = dataclasses.replace(job("fixed"), scenario=SCENARIO.shortened(10))
    keep(tmp_path / "b", [other])
    with pytest.raises(ResultError, match="different") as refusal:
        compare(tmp_path / "a", tmp_path / "b")
    assert "\n" not in str(refusal.value)
    keep(tmp_path / "c", [job("adaptive", seed=7)])
    with pytest.raises(ResultError, match="no seed was run in both"):
        compare(tmp_path / "a", tmp_path / "c")


def test_two_policies_of_one_controller_are_told_apart(tmp_path: Path) -> None:
    keep(tmp_path / "today", [job()])
    keep(tmp_path / "tomorrow", [job(policy=Policy(persons_per_bus=60.0))])
    told = compare(tmp_path / "today", tmp_path / "tomorrow")
    assert (told.title_a, told.title_b) == ("adaptive (today)", "adaptive (tomorrow)")
    assert told.differ == ("policy",)


def test_indicators_know_which_way_is_better(meeting: Comparison) -> None:
    by_name = {one.name: one for one in meeting.indicators}
    red = by_name["People who crossed on red"]
    fewer = dataclasses.replace(red, change=Change(9.0, 5.0, ((1, -4.0), (2, -4.0))))
    assert judged(fewer) == "better"
    kept = by_name["People on foot served within the promise"]
    assert judged(dataclasses.replace(kept, change=fewer.change)) == "worse"
    assert judged(dataclasses.replace(kept, change=Change(9.0, 9.0, ((1, 1.0), (2, -1.0))))) == "same"
    assert judged(dataclasses.replace(kept, change=Change(9.0, 9.5, ((1, 2.0), (2, -1.0))))) == "unsure"


def test_the_comparison_is_plain_json(meeting: Comparison) -> None:
    told = json.loads(json.dumps(to_json(meeting), allow_nan=False))
    cars = next(g for g in told["groups"] if (g["district"], g["mode"]) == ("Centre", "car"))
    assert (cars["seconds"]["verdict"], cars["seconds"]["words"]) == ("better", "in 5 of 5 runs")
    assert told["everybody"]["seconds"]["mean"] == pytest.approx(meeting.everybody.seconds.mean)


def test_the_page_for_the_meeting_stands_alone_and_shows_everybody(tmp_path: Path) -> None:
    keep(tmp_path, [job(name, seed) for name in ("fixed", "adaptive") for seed in (1, 2)])
    page = html(tmp_path / "fixed", tmp_path / "adaptive", MADE)
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert not any(name in ("src", "href") for _, attributes in outline.tags for name in attributes)
    # Walkers of the edge lose under adaptive in the made-up town: said in words, bar and table.
    losers = page[page.index("Who loses") :]
    assert "Edge, on foot" in losers[: losers.index("</table>")]
    assert 'class="map change"' in page


def test_signs_are_typeset(meeting: Comparison) -> None:
    shown = [signed(value).replace("\N{NO-BREAK SPACE}", " ") for value in (-4.23, 12.4, 0.0, -0.01, 700.0)]
    assert shown == ["−4.2 s", "+12 s", "0.0 s", "0.0 s", "+12 min"]
