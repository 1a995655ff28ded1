"""Which files make a scenario, and which hour of their demand counts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sim.scenarios import Scenario, ScenarioError, busiest_hour_s, from_files, from_folder


def demand(path: Path, *departs_s: object) -> Path:
    trips = "".join(f'<trip id="{k}" depart="{depart}"/>' for k, depart in enumerate(departs_s))
    path.write_text(f"<routes>{trips}</routes>")
    return path


def place(folder: Path, name: str, walk: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    for stem in (name, f"{name}-walk") if walk else (name,):
        (folder / f"{stem}.net.xml").write_text("<net/>")
        demand(folder / f"{stem}.rou.xml", 7205, 7300)
    return folder


def test_warm_up_traffic_of_the_hour_before_does_not_move_the_hour(tmp_path: Path) -> None:
    routes = demand(tmp_path / "a.rou.xml", *range(6000, 7200, 100), *range(7200, 10800, 100))
    assert busiest_hour_s([routes]) == 7200


def test_cars_and_walkers_are_counted_together(tmp_path: Path) -> None:
    cars = demand(tmp_path / "a.rou.xml", 10, 4000)
    walkers = tmp_path / "b.rou.xml"
    walkers.write_text('<routes><person id="p" depart="1:10:00"><walk edges="x"/></person></routes>')
    assert busiest_hour_s([cars, walkers]) == 3600


@pytest.mark.parametrize(
    "rate",
    ['number="40"', 'vehsPerHour="20"', 'period="180"', 'period="exp(0.0055)"', 'probability="0.0055"'],
)
def test_a_flow_counts_with_what_it_brings_into_each_hour(tmp_path: Path, rate: str) -> None:
    path = tmp_path / "a.rou.xml"
    single = "".join(f'<trip id="{k}" depart="{3600 + k}"/>' for k in range(15))
    path.write_text(f'<routes>{single}<flow id="f" begin="7200" end="14400" {rate}/></routes>')
    assert busiest_hour_s([path]) == 7200


def test_demand_may_be_packed_and_may_have_vehicles_that_wait_to_be_called(tmp_path: Path) -> None:
    path = tmp_path / "a.rou.xml.gz"
    text = '<routes><vehicle id="a" depart="triggered"/><vehicle id="b" depart="3700.5"/></routes>'
    path.write_bytes(gzip.compress(text.encode()))
    assert busiest_hour_s([path]) == 3600


def test_a_folder_gives_its_maps_and_their_walking_variants(tmp_path: Path) -> None:
    place(tmp_path / "one", "harbour", walk=True)
    place(tmp_path, "lane")
    (tmp_path / "lonely.net.xml").write_text("<net/>")
    found = {one.name: one for one in from_folder(tmp_path)}
    assert sorted(found) == ["harbour", "harbour-walk", "lane"]
    assert [path.name for path in found["harbour"].routes] == ["harbour.rou.xml"]
    assert [path.name for path in found["harbour-walk"].routes] == ["harbour.rou.xml", "harbour-walk.rou.xml"]
    assert (found["lane"].begin_s, found["lane"].end_s) == (7200, 10800)


def test_the_folders_own_times_rule_over_the_demand_and_the_command_line_over_both(tmp_path: Path) -> None:
    place(tmp_path, "harbour", walk=True)
    (tmp_path / "scenarios.toml").write_text("[harbour]\nbegin_s = 7000\nend_s = 9000\n")
    assert {(one.begin_s, one.end_s) for one in from_folder(tmp_path)} == {(7000, 9000)}
    (chosen,) = from_folder(tmp_path, ["harbour"], end_s=8000)
    assert (chosen.begin_s, chosen.end_s) == (7000, 8000)


def test_fewer_minutes_cut_the_end_never_the_begin(tmp_path: Path) -> None:
    whole = Scenario("a", tmp_path, (), 3600, 7200)
    assert whole.shortened(15).end_s == 4500
    assert whole.shortened(90) == whole.shortened(None) == whole


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<routes><trip id="a" depart="1"/>', "line 1"),
        ("<net></net>", "<net> is no SUMO demand"),
        ('<routes><trip id="t7" depart="1x"/></routes>', "'t7': depart='1x'"),
        ('<routes><flow id="f2" begin="0" number="many"/></routes>', "'f2': number='many'"),
        ("<routes/>", "nobody departs"),
    ],
)
def test_broken_demand_is_refused_with_file_and_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.rou.xml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as refusal:
        busiest_hour_s([path])
    assert str(path) in str(refusal.value)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[harbour]\nbegin = 1\n", "[harbour] begin: unknown"),
        ('[harbour]\nbegin_s = "7"\n', "begin_s = '7'"),
        ("[harbour\n", "not TOML"),
        ("harbour = 3\n", "harbour = 3"),
    ],
)
def test_a_wrong_times_file_is_refused(tmp_path: Path, toml: str, said: str) -> None:
    place(tmp_path, "harbour")
    (tmp_path / "scenarios.toml").write_text(toml)
    with pytest.raises(ScenarioError, match=r"scenarios\.toml") as refusal:
        from_folder(tmp_path)
    assert said in str(refusal.value)


def test_what_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    place(tmp_path, "harbour")
    with pytest.raises(ScenarioError, match="no map 'harbor'; found: harbour"):
        from_folder(tmp_path, ["harbor"])
    with pytest.raises(ScenarioError, match="no such network"):
        from_files(tmp_path / "x.net.xml", [])
    with pytest.raises(ScenarioError, match="no route file named"):
        from_files(tmp_path / "harbour.net.xml", [])
    with pytest.raises(ScenarioError, match="begin 9 s, end 9 s"):
        from_files(tmp_path / "harbour.net.xml", [tmp_path / "harbour.rou.xml"], 9, 9)
    with pytest.raises(ScenarioError, match="cannot be a scenario's name"):
        from_files(tmp_path / "harbour.net.xml", [tmp_path / "harbour.rou.xml"], 0, 9, name="../x")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ScenarioError, match="no scenario found"):
        from_folder(empty)


def test_two_maps_of_one_name_are_refused(tmp_path: Path) -> None:
    place(tmp_path / "a", "harbour")
    place(tmp_path / "b", "harbour")
    with pytest.raises(ScenarioError, match="second scenario named 'harbour'"):
        from_folder(tmp_path)
