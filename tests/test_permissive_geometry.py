"""The card from the ground: it agrees with the engine, sharing no code with it, or stops the start."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belisha import app
from controller.junction import Intergreen, Junction, StreetNetwork, Yield
from controller.monitor import CardError
from controller.permissive import card_of
from controller.permissive_geometry import Difference, LinkPath, card_of_ground, differences, distances_m
from sim.city.generator.generate import GeneratedCity, generate, street_of_city
from sim.city.scenario import CityPlan
from sim.importers.junction_paths import paths_of_signals
from sim.importers.sumo import street_of_net
from sim.importers.sumo_net_xml import read_net
from tests import small_nets

SCENARIOS = os.environ.get("BELISHA_SCENARIOS", "")
NETS = sorted(Path(SCENARIOS).glob("*/*.net.xml*")) if SCENARIOS else []


@pytest.fixture(scope="module")
def city() -> GeneratedCity:
    return generate(CityPlan(junctions=24))


@pytest.fixture(scope="module")
def street(city: GeneratedCity) -> StreetNetwork:
    return street_of_city(city)


def with_first(street: StreetNetwork, changed: Junction) -> StreetNetwork:
    others = [changed if j.name == changed.name else j for j in street.junctions]
    return replace(street, junctions=tuple(others))


def found(city: GeneratedCity, street: StreetNetwork) -> list[Difference]:
    return differences(street, paths_of_signals(city.net))


def test_ground_and_engine_agree_in_a_generated_city(city: GeneratedCity, street: StreetNetwork) -> None:
    assert sum(len(j.intergreens) for j in street.junctions) > 400
    assert sum(len(j.yields) for j in street.junctions) > 100, "permissive turns are judged too"
    assert found(city, street) == []
    own = card_of(street)
    assert card_of_ground(street, paths_of_signals(city.net), own).digest() == own.digest()


def test_every_single_conflict_that_is_taken_from_the_engine_is_missed_by_name(
    city: GeneratedCity, street: StreetNetwork
) -> None:
    """All conflicts of four junctions, one at a time: none could be lost without the start being refused."""
    paths = paths_of_signals(city.net)
    tried = 0
    for junction in street.junctions[:4]:
        for lost in [i for i in junction.intergreens if i.ending < i.starting]:
            pair = {lost.ending, lost.starting}
            left = tuple(i for i in junction.intergreens if {i.ending, i.starting} != pair)
            without = replace(street, junctions=(replace(junction, intergreens=left),))
            difference = differences(without, paths)
            assert [set(d.groups) for d in difference] == [pair]
            assert difference[0].refuses
            assert junction.name in difference[0].sentence
            assert lost.ending in difference[0].sentence
            assert "the street file has no conflict there" in difference[0].sentence
            tried += 1
    assert tried > 20


def test_a_street_that_lacks_a_conflict_has_no_card(city: GeneratedCity, street: StreetNetwork) -> None:
    first = street.junctions[0]
    pair = {first.intergreens[0].ending, first.intergreens[0].starting}
    left = tuple(i for i in first.intergreens if {i.ending, i.starting} != pair)
    bad = with_first(street, replace(first, intergreens=left))
    with pytest.raises(CardError, match=f"junction {first.name}: .* meet on the ground"):
        card_of_ground(bad, paths_of_signals(city.net), card_of(bad))


def test_a_conflict_turned_into_a_yield_of_those_who_go_straight_on_is_refused(
    city: GeneratedCity, street: StreetNetwork
) -> None:
    """Nobody who drives straight over a crossing, or another road, can be told to give way under green."""
    paths = paths_of_signals(city.net)
    junction = street.junctions[0]
    heads = {p.link: p for p in paths[junction.name]}
    ahead = {k for k, path in heads.items() if path.turn_degrees < 5 and not path.crossing}
    straight = [g.name for g in junction.groups if ahead & set(g.links)]
    roads = [i for i in junction.intergreens if i.ending in straight and i.starting in straight]
    pair = {roads[0].ending, roads[0].starting}
    left = tuple(i for i in junction.intergreens if {i.ending, i.starting} != pair)
    yields = (*junction.yields, Yield(roads[0].ending, roads[0].starting))
    bad = replace(street, junctions=(replace(junction, intergreens=left, yields=yields),))
    (difference,) = differences(bad, paths)
    assert difference.refuses
    assert "neither turns to give way" in difference.sentence


def test_where_the_engine_is_stricter_it_is_said_and_kept(city: GeneratedCity, street: StreetNetwork) -> None:
    first = street.junctions[0]
    hard = {frozenset((i.ending, i.starting)) for i in first.intergreens}
    crossings = [g.name for g in first.groups if g.yellow_ms == 0]
    one, other = crossings[:2]
    assert frozenset((one, other)) not in hard, "people cross side by side"
    more = (Intergreen(one, other, 30_000), Intergreen(other, one, 30_000))
    strict = with_first(street, replace(first, intergreens=(*first.intergreens, *more)))
    (difference,) = found(city, strict)
    assert not difference.refuses
    assert "engine stricter" in difference.sentence
    card = card_of_ground(strict, paths_of_signals(city.net), card_of(strict))
    assert card.digest() == card_of(strict).digest()


def test_lines_on_the_ground_are_as_far_apart_as_they_are() -> None:
    def path(*points: tuple[float, float]) -> LinkPath:
        return LinkPath(0, False, "a", "b", points, 3.2)

    east, beside = path((0, 0), (10, 0)), path((0, 3.2), (10, 3.2))
    across, bent = path((5, -5), (5, 5)), path((-5, 4), (-1, 1), (-1, -4))
    apart = distances_m([east, beside, across, bent])
    assert apart[0].tolist() == [0.0, 3.2, 0.0, 1.0]
    assert apart[1, 3] == pytest.approx(2.36)
    assert apart[2, 3] == 6.0
    assert (apart == apart.T).all()
    assert (east.turn_degrees, bent.turn_degrees) == (0.0, pytest.approx(53.13, abs=0.01))


def test_a_network_file_gives_its_own_ground(tmp_path: Path) -> None:
    net = read_net(small_nets.cross(tmp_path))
    street = street_of_net(net)
    assert differences(street, paths_of_signals(net)) == []
    junction = street.junctions[0]
    assert differences(replace(street, junctions=(replace(junction, intergreens=()),)), paths_of_signals(net))
    with pytest.raises(CardError, match="head 0 has no line on the ground"):
        differences(street, {})


@pytest.mark.skipif(not NETS, reason="BELISHA_SCENARIOS names no folder of networks")
@pytest.mark.parametrize("path", NETS, ids=lambda p: p.stem)
def test_ground_and_engine_agree_on_networks_of_real_towns(path: Path) -> None:
    net = read_net(path)
    lacking = [d for d in differences(street_of_net(net), paths_of_signals(net)) if d.refuses]
    assert lacking == []


def test_the_command_prints_the_card_and_its_identity(tmp_path: Path) -> None:
    path = small_nets.cross(tmp_path)
    shown = CliRunner().invoke(app, ["card", str(path)])
    assert shown.exit_code == 0, shown.output
    assert "1 junctions, 1 conflicts; the engine lacks 0, is stricter in 0" in shown.output
    plain = json.loads(CliRunner().invoke(app, ["card", str(path), "--json"]).output)
    assert [pair["ms"] for pair in plain["conflicts"]["C"]] == [
        int(ms) for ms in card_of(street_of_net(read_net(path))).pair_intergreen_ms
    ]
    assert plain["differences"] == []
    unknown = CliRunner().invoke(app, ["card", str(path), "--junction", "nowhere"])
    assert "no such junction; known are J1" in str(unknown.exception)
