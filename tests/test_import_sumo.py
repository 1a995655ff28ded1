"""A SUMO network comes in whole: who conflicts, who yields, how long each change takes, what was wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from controller.conflicts import UnsafeJunction
from controller.junction import Junction
from controller.street_file import street_from_text, street_to_text
from controller.vocabulary import DetectorKind, GroupKind, StageSource, Timing
from sim.importers.sumo import import_sumo
from sim.importers.sumo_net_xml import UnusableNetwork
from tests.small_nets import PHASES, cross, with_walkers

WALK_PHASES = """        <phase duration="30" state="GrG"/>
        <phase duration="4" state="yrr"/>
        <phase duration="25" state="rGr"/>
        <phase duration="4" state="ryr"/>
"""
"""Walkers share the green of the street they walk along; SUMO gives them 4 s to clear 14 m."""


def imported(path: Path, timing: Timing = Timing.COMPUTED) -> Junction:
    (junction,) = import_sumo(path, timing).junctions
    return junction


def change_ms(junction: Junction, ending: str, starting: str) -> int:
    return next(i.duration_ms for i in junction.intergreens if (i.ending, i.starting) == (ending, starting))


def test_two_crossing_streets_have_two_groups_two_stages_and_times_one_can_check_by_hand(
    tmp_path: Path,
) -> None:
    junction = imported(cross(tmp_path))
    assert [g.name for g in junction.groups] == ["west.all", "south.all"]
    assert [(s.groups, s.source) for s in junction.stages] == [
        (("west.all",), StageSource.GIVEN),
        (("south.all",), StageSource.GIVEN),
    ]
    # R2 at 50 km/h + 11.3 gives 3.8 s; the network's own yellow of 4 s is longer and stays.
    assert [g.yellow_ms for g in junction.groups] == [4000, 4000]
    # From the west: (11.6 + 6) m at 13.89 m/s less 8.4 m at 8.33 m/s is 0.26 s: the floor of 0.5 s.
    assert change_ms(junction, "west.all", "south.all") == 4500
    # From the south: 17.6 m at 8.33 m/s less 8.4 m at 13.89 m/s is 1.51 s, rounded up.
    assert change_ms(junction, "south.all", "west.all") == 5600
    assert {g.min_green_ms for g in junction.groups} == {7000}
    assert {g.promise_ms for g in junction.groups} == {120_000}


def test_the_networks_program_is_the_fixed_plan_with_its_beat(tmp_path: Path) -> None:
    (plan,) = imported(cross(tmp_path)).plans
    assert (plan.name, plan.cycle_ms) == ("network", 60_000)
    # Each step ends where the network's green ends, so the yellow before belongs to it.
    assert [s.duration_ms for s in plan.steps] == [35_000, 25_000]
    # Phase 0 begins at offset 5 s; its step began with the yellow before, 4 s earlier.
    assert plan.offset_ms == 1000


def test_comparison_timing_is_three_seconds_of_yellow_and_nothing_else(tmp_path: Path) -> None:
    junction = imported(cross(tmp_path), Timing.COMPARISON)
    assert {g.yellow_ms for g in junction.groups} == {3000}
    assert {i.duration_ms for i in junction.intergreens} == {3000}
    assert {g.min_green_ms for g in junction.groups} == {5000}


def test_an_approach_whose_last_edge_is_one_metre_long_is_seen_far_up(tmp_path: Path) -> None:
    junction = imported(cross(tmp_path))
    lane = next(lane for lane in junction.lanes if lane.name == "last_0")
    assert [(r.street_lane, r.gap_m, r.share) for r in lane.reach] == [
        ("last_0", 0.0, 1.0),
        ("west_0", 5.0, 1.0),
    ]
    stop, near, far, bus = [d for d in junction.detectors if d.lane == "last_0"]
    assert (stop.kind, stop.street_lane, stop.distance_m) == (DetectorKind.STOPLINE, "last_0", 0.5)
    for advance, distance_m in ((near, 40.0), (far, 10 * 13.89)):
        assert (advance.kind, advance.street_lane) == (DetectorKind.ADVANCE, "west_0")
        assert advance.distance_m == pytest.approx(distance_m, abs=0.01)
        assert advance.distance_to_end_m == pytest.approx(advance.distance_m - 5.0)
    assert (bus.kind, bus.distance_m) == (DetectorKind.BUS, 120.0)


def test_walkers_get_their_time_and_the_plan_is_repaired_and_says_so(tmp_path: Path) -> None:
    street = import_sumo(with_walkers(tmp_path, WALK_PHASES))
    (junction,) = street.junctions
    walk = next(g for g in junction.groups if g.kind == GroupKind.PEDESTRIAN)
    assert (walk.name, walk.links, walk.crossing_length_m) == ("crossing.1", (2,), 14.0)
    assert (walk.min_green_ms, walk.clearance_ms) == (7000, 13_100)
    assert change_ms(junction, "crossing.1", "south.all") == 13_100 + 3000
    assert not [i for i in junction.intergreens if {i.ending, i.starting} == {"crossing.1", "west.all"}]
    # 16.1 s to clear and 7 s of green leave nothing to lengthen: 29 s are there.
    assert junction.plans[0].cycle_ms == 63_000
    short = WALK_PHASES.replace('"25"', '"5"')
    street = import_sumo(with_walkers(tmp_path, short))
    assert street.junctions[0].plans[0].cycle_ms > 43_000
    assert any("step 2 by" in sentence and "C:" in sentence for sentence in street.assumptions)


def test_vehicles_keep_green_while_walkers_clear_where_the_program_does_so(tmp_path: Path) -> None:
    phases = WALK_PHASES.replace(
        '"30" state="GrG"/>', '"30" state="GrG"/>\n        <phase duration="5" state="Grr"/>'
    )
    junction = imported(with_walkers(tmp_path, phases))
    alone = next(s for s in junction.stages if s.groups == ("west.all",))
    assert alone.source == StageSource.GENERATED
    (plan,) = junction.plans
    steps = [(s.stage, s.duration_ms) for s in plan.steps]
    assert plan.cycle_ms == 68_000
    # The next street can start 16.1 s (17 at whole seconds) after WALK ends, and needs 6 s for
    # yellow and red after the vehicles' green: WALK ends 6 s earlier, at no cost for anybody.
    assert [s for s in steps if s[0] == alone.name] == [(alone.name, 5000 + 7000)]


def test_turning_drivers_who_yield_are_declared_and_not_a_conflict(tmp_path: Path) -> None:
    turning = ('tl="C" linkIndex="1"\n        dir="s"', 'tl="C" linkIndex="1"\n        dir="l"')
    phases = PHASES.replace("Gr", "Gg", 1)
    junction = imported(cross(tmp_path, turning, phases=phases))
    assert [(y.group, y.to) for y in junction.yields] == [("south.all", "west.all")]
    assert not junction.intergreens
    assert junction.stages[0].groups == ("west.all", "south.all")
    street = import_sumo(cross(tmp_path, turning, phases=PHASES.replace("Gr", "GG", 1)))
    assert any(
        "shown without yielding" in s and "link 1 (south_0 -> north_0)" in s for s in street.assumptions
    )


def test_two_straight_streams_green_together_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsafeJunction) as caught:
        import_sumo(cross(tmp_path, phases=PHASES.replace("Gr", "GG", 1)))
    message = str(caught.value)
    for part in (
        "cross.net.xml",
        "junction C",
        "link 0 (last_0 -> east_0)",
        "link 1 (south_0 -> north_0)",
        "phase 0",
        "program 0",
    ):
        assert part in message
    assert "\n" not in message


def test_turn_on_red_is_red_with_a_flag_and_gets_a_stage_of_its_own(tmp_path: Path) -> None:
    phases = (
        PHASES.replace('"rG"', '"rs"').replace('"ry"', '"rs"').replace('"Gr"', '"Gs"').replace('"yr"', '"ys"')
    )
    junction = imported(cross(tmp_path, phases=phases))
    flagged = next(g for g in junction.groups if g.turn_on_red)
    assert flagged.name == "south.all"
    assert [s.source for s in junction.stages if flagged.name in s.groups] == [StageSource.GENERATED]


@pytest.mark.parametrize(
    ("classes", "kind", "name"),
    [
        ('allow="bus"', GroupKind.BUS, "south.bus"),
        ('allow="bicycle"', GroupKind.BICYCLE, "south.bicycle"),
        ('disallow="pedestrian tram"', GroupKind.VEHICLE, "south.all"),
        ('allow="bus taxi passenger"', GroupKind.VEHICLE, "south.all"),
    ],
)
def test_a_lane_speaks_to_those_who_may_use_it(
    tmp_path: Path, classes: str, kind: GroupKind, name: str
) -> None:
    junction = imported(cross(tmp_path, ('<lane id="south_0"', f'<lane {classes} id="south_0"')))
    group = next(g for g in junction.groups if 1 in g.links)
    assert (group.kind, group.name) == (kind, name)
    lane = next(lane for lane in junction.lanes if lane.name == "south_0")
    assert lane.bus_only == (kind == GroupKind.BUS)


def test_gzipped_and_plain_networks_are_the_same_street(tmp_path: Path) -> None:
    plain = cross(tmp_path)
    packed = tmp_path / "cross.net.xml.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert import_sumo(packed) == import_sumo(plain)
    assert street_from_text(street_to_text(import_sumo(plain))) == import_sumo(plain)


def test_the_last_program_counts_unless_only_another_serves_everybody(tmp_path: Path) -> None:
    night = (
        '<tlLogic id="C" type="static" programID="night" offset="0">\n'
        + PHASES.replace('"31"', '"11"')
        + '    </tlLogic>\n    <junction id="C"'
    )
    street = import_sumo(cross(tmp_path, ('<junction id="C"', night)))
    assert street.junctions[0].plans[0].cycle_ms == 40_000
    assert any("night" in s for s in street.assumptions)
    useless = night.replace('state="rG"', 'state="rr"').replace('state="ry"', 'state="rr"')
    street = import_sumo(cross(tmp_path, ('<junction id="C"', useless)))
    assert street.junctions[0].plans[0].cycle_ms == 60_000
    assert any("0 is used" in s for s in street.assumptions)


def test_rail_signals_are_left_out_with_a_sentence(tmp_path: Path) -> None:
    rail = ('<junction id="C" type="traffic_light"', '<junction id="C" type="rail_signal"')
    with pytest.raises(UnusableNetwork, match=r"no road signals.*C: a rail signal"):
        import_sumo(cross(tmp_path, rail))


ONE_PHASE = '        <phase duration="60" state="GG"/>\n'
NEVER = PHASES.replace('state="rG"', 'state="rr"').replace('state="ry"', 'state="rr"')


@pytest.mark.parametrize(
    ("changes", "phases", "message"),
    [
        ([], ONE_PHASE, "junction C: program 0 has one phase only"),
        ([], NEVER, r"junction C: program 0: link 1 \(south_0 -> north_0\) is never green"),
        ([], PHASES.replace("Gr", "Or"), "phase 0 shows 'O'"),
        ([], PHASES.replace("Gr", "G"), "has linkIndex 1, but the phases of program 0 have 1 letters"),
        ([], PHASES.replace('"31"', '"0"'), "phase 0 lasts 0.0 s"),
        ([], PHASES.replace('"31"', '"long"'), 'tlLogic id="C".*long'),
        (
            [(' tl="C" linkIndex="1"', ' tl="C"')],
            "",
            "south_0 -> north_0 names the signal without a linkIndex",
        ),
        ([(' tl="C" linkIndex="1"', ' tl="D" linkIndex="1"')], "", "junction D: .*no program"),
        ([(' tl="C" linkIndex="1"', ""), (' tl="C" linkIndex="0"', "")], "", "no road signals"),
        ([('intLanes=":C_0_0 :C_1_0"', 'intLanes=":C_0_0"')], "", "no row in its node's right-of-way matrix"),
        (
            [
                (
                    'to="east" fromLane="0" toLane="0" via=":C_0_0"',
                    'to="moon" fromLane="0" toLane="0" via=":C_0_0"',
                )
            ],
            "",
            "no such lane moon_0",
        ),
        ([('speed="8.33" length="90.00"', 'speed="fast" length="90.00"')], "", 'edge id="south".*fast'),
        ([('<lane id="south_0"', '<lane name="south_0"')], "", 'edge id="south".*id'),
        ([("<net ", "<routes "), ("</net>", "</routes>")], "", "root element is <routes>"),
        ([("</net>", "")], "", "not well-formed XML"),
    ],
)
def test_a_network_that_cannot_be_used_is_one_line_that_says_why(
    tmp_path: Path, changes: list[tuple[str, str]], phases: str, message: str
) -> None:
    path = cross(tmp_path, *changes, phases=phases)
    with pytest.raises(UnusableNetwork, match=message) as caught:
        import_sumo(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_cut_anywhere_is_refused_and_never_half_imported(tmp_path: Path) -> None:
    whole = cross(tmp_path).read_bytes()
    packed = gzip.compress(whole)
    path = tmp_path / "cut.net.xml"
    for data, length in [(whole, len(whole)), (packed, len(packed))]:
        for cut in range(0, length - 8, max(length // 25, 1)):
            path.write_bytes(data[:cut])
            with pytest.raises(UnusableNetwork) as caught:
                import_sumo(path)
            assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableNetwork, match="no such file"):
        import_sumo(tmp_path / "none.net.xml")
    with pytest.raises(UnusableNetwork, match="cannot be read"):
        import_sumo(tmp_path)
