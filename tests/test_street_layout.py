"""What a console knows of the streets: everything that has a name, in parts that fit the wire."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from controller.frame import empty_frame
from controller.junction import StreetLink
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import GroupKind, Sensors
from override import wire
from override.desk import Desk
from override.engine import Engine
from override.layouts import RoadLayout
from override.line import LocalLine, line_pair
from override.places import Places
from override.poles import ALPHABET, code_in, pole_codes, spoken
from override.street_layout import LayoutError, PackedLayout, layout_of_street
from override.topics import TOPICS
from override.wire_names import network_for_wire
from tests.control_room import street
from tests.order_street import Street as ToyStreet
from tests.test_gateway import Station

CROSSINGS = [(f"junction {j}", f"crossing.{k}") for j in range(1000) for k in range(4)]


def test_a_pole_keeps_its_code_when_the_street_grows_and_no_two_have_the_same() -> None:
    few, many = pole_codes(CROSSINGS[:400]), pole_codes(CROSSINGS)
    assert len(set(many.values())) == len(CROSSINGS)
    assert pole_codes(reversed(CROSSINGS)) == many
    assert sum(few[crossing] != many[crossing] for crossing in few) <= 2


def test_a_code_is_understood_as_people_type_it_and_a_slip_is_noticed() -> None:
    luck = random.Random(7)
    for code in list(pole_codes(CROSSINGS[:300]).values()):
        assert code_in(spoken(code).lower()) == code_in(f" {code[:3]}-{code[3:]}") == code
        at = luck.randrange(6)
        wrong = luck.choice([c for c in ALPHABET if c != code[at]])
        assert not code_in(code[:at] + wrong + code[at + 1 :])
        swapped = code[:2] + code[3] + code[2] + code[4:]
        assert swapped == code or not code_in(swapped)
    assert not code_in("K7M")
    assert not code_in("")


def test_everything_with_a_name_is_in_the_layout_and_comes_back_from_its_parts() -> None:
    town = street(300)
    roads = [RoadLayout((0, k, 100, k), 2, "east") for k in range(700)]
    layout = layout_of_street(town, {"J7": "east"}, roads)
    parts = [wire.decode(p, TOPICS["layout"]) for p in PackedLayout(layout).parts(b"boot-one", b"n" * 16)]
    assert {(p.boot, p.answers, p.parts) for p in parts} == {(b"boot-one", b"n" * 16, len(parts))}
    assert tuple(j for p in parts for j in p.junctions) == layout.junctions
    assert tuple(r for p in parts for r in p.roads) == layout.roads
    seven = layout.junctions[7]
    assert (seven.name, seven.district, layout.districts()) == ("J7", "east", ("", "east"))
    assert [g.name for g in seven.groups] == [g.name for g in town.junctions[7].groups]
    assert [bool(g.pole) for g in seven.groups] == [
        g.kind == GroupKind.PEDESTRIAN for g in town.junctions[7].groups
    ]
    assert seven.stages[0].groups == (0, 4)
    assert seven.plans == ("day",)


def test_a_name_the_wire_cannot_carry_is_refused_with_its_place() -> None:
    town = street(2)
    group = replace(town.junctions[1].groups[0], name="x" * 65)
    stages = tuple(replace(s, groups=()) for s in town.junctions[1].stages)
    junction = replace(town.junctions[1], groups=(group,), stages=stages)
    with pytest.raises(LayoutError, match=r"junction J1, group x+: a name of 65 characters"):
        layout_of_street(replace(town, junctions=(town.junctions[0], junction)))


def test_a_junction_of_a_very_long_name_is_known_by_a_shorter_one_everywhere() -> None:
    """As joined junctions of imported networks are."""
    town = street(2)
    long = [replace(town.junctions[k], name=f"{'cluster_' * 20}{k}", title=f"J{k}") for k in range(2)]
    town = replace(town, junctions=tuple(long))
    layout = layout_of_street(town, {long[1].name: "east"})
    names = [junction.name for junction in layout.junctions]
    assert max(map(len, names)) <= 64
    assert len(set(names)) == 2
    assert layout.junctions[1].district == "east"
    network = ToyStreet(*town.junctions).network
    desk = Desk(Places(network_for_wire(network).street))
    assert list(desk.versions) == names
    ends = line_pair()
    lines = [LocalLine(end) for end in ends]
    engine = Engine(Controller(network, "actuated", Policy(), 0), lines[1], lambda: 0)
    assert engine.acting._junctions == {name: j for j, name in enumerate(names)}
    near = engine.telemetry.near.detail(1, empty_frame(network, Sensors.LOOPS), bytes(8), 0, 0)
    assert near.junction == names[1]
    for line in lines:
        line.close()


def test_a_console_asks_for_the_layout_and_gets_all_of_it(tmp_path: Path) -> None:
    station = Station(tmp_path, junctions=3, layout_junctions=400)
    try:
        with station.console("ana") as ana:
            layout = ana.layout()
            assert layout == station.layout
            assert len(layout.junctions) == 400
            ana.look()
            assert ana.layout() == layout, "as often as he likes"
    finally:
        station.close()


def test_a_group_knows_the_junction_most_of_its_vehicles_come_from() -> None:
    town = street(3)
    lane = town.junctions[1].lanes[0]
    leaves = town.junctions[0].lanes[0].movements[0].exit_lane
    assert leaves
    renamed = tuple(
        replace(
            junction,
            lanes=tuple(
                replace(
                    one,
                    movements=tuple(
                        replace(m, exit_lane=f"{junction.name}/{m.exit_lane}") for m in one.movements
                    ),
                )
                for one in junction.lanes
            ),
        )
        for junction in town.junctions
    )
    links = (
        StreetLink(f"J0/{leaves}", "J1", lane.name, 300.0, 0.7),
        StreetLink(f"J2/{leaves}", "J1", lane.name, 200.0, 0.3),
        StreetLink(f"J1/{leaves}", "J1", lane.name, 200.0, 0.9),
    )
    layout = layout_of_street(replace(town, junctions=renamed, links=links))
    served = {movement.group for movement in lane.movements}
    assert served
    for group in layout.junctions[1].groups:
        assert group.upstream == ("J0" if group.name in served else "")
    assert not any(group.upstream for group in layout.junctions[0].groups)
