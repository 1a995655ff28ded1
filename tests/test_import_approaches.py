"""Chains of lanes: nobody is counted twice, nothing beyond another signal, no loop without end."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.importers.sumo_approaches import StreetLanes
from sim.importers.sumo_net_xml import read_net

Edge = tuple[str, float, int]
Way = tuple[str, str] | tuple[str, str, str]


def network(directory: Path, edges: list[Edge], ways: list[Way]) -> StreetLanes:
    """Lanes `edge_0`... and ways between them, 10 m inside each node; a third word is the signal."""
    lines = ["<net>"]
    for k in range(len(ways)):
        lines.append(
            f'<edge id=":n_{k}" function="internal"><lane id=":n_{k}_0" index="0" speed="13.9" '
            'length="10" shape="0,0 10,0"/></edge>'
        )
    for edge, length_m, n_lanes in edges:
        lanes = "".join(
            f'<lane id="{edge}_{i}" index="{i}" speed="13.9" length="{length_m}" shape="0,0 1,0"/>'
            for i in range(n_lanes)
        )
        lines.append(f'<edge id="{edge}" from="a" to="b">{lanes}</edge>')
    for k, (start, end, *signal) in enumerate(ways):
        (a, i), (b, j) = start.rsplit("_", 1), end.rsplit("_", 1)
        tl = f'tl="{signal[0]}" linkIndex="0"' if signal else ""
        direction = "t" if a.strip("-") == b.strip("-") else "s"
        lines.append(
            f'<connection from="{a}" to="{b}" fromLane="{i}" toLane="{j}" via=":n_{k}_0" '
            f'dir="{direction}" {tl}/>'
        )
    path = directory / "n.net.xml"
    path.write_text("\n".join([*lines, "</net>"]), encoding="utf-8")
    return StreetLanes(read_net(path), frozenset({"K", "L"}))


def shares(street: StreetLanes, lane: str) -> dict[str, tuple[float, float]]:
    return {r.street_lane: (r.gap_m, r.share) for r in street.reach(lane)}


def test_what_comes_to_all_stop_lines_together_is_never_more_than_all(tmp_path: Path) -> None:
    street = network(
        tmp_path,
        [("up", 80, 1), ("last", 20, 3), ("side", 50, 1)],
        [("up_0", "last_0"), ("up_0", "last_1"), ("up_0", "last_2"), ("up_0", "side_0")],
    )
    reaches = [shares(street, f"last_{k}") for k in range(3)]
    assert all(r["up_0"] == (30.0, 0.25) for r in reaches)
    assert sum(r["up_0"][1] for r in reaches) == pytest.approx(0.75)  # a quarter goes into the side street


def test_the_chain_ends_at_two_hundred_metres_and_at_other_signals(tmp_path: Path) -> None:
    street = network(
        tmp_path,
        [("d", 90, 1), ("c", 90, 1), ("b", 90, 1), ("a", 90, 1), ("x", 90, 1)],
        [("d_0", "c_0"), ("c_0", "b_0"), ("b_0", "a_0"), ("x_0", "a_0", "K")],
    )
    assert shares(street, "a_0") == {"a_0": (0.0, 1.0), "b_0": (100.0, 1.0)}
    assert "c_0" in {r.street_lane for r in street.reach("a_0", reach_m=201.0)}


def test_two_ways_from_one_lane_add_up_and_the_shorter_counts(tmp_path: Path) -> None:
    street = network(
        tmp_path,
        [("up", 50, 1), ("short", 10, 1), ("long", 60, 1), ("last", 5, 1)],
        [("up_0", "short_0"), ("up_0", "long_0"), ("short_0", "last_0"), ("long_0", "last_0")],
    )
    assert shares(street, "last_0")["up_0"] == (35.0, 1.0)


def test_a_ring_of_streets_ends(tmp_path: Path) -> None:
    street = network(
        tmp_path,
        [("a", 20, 1), ("b", 20, 1), ("c", 20, 1)],
        [("a_0", "b_0"), ("b_0", "c_0"), ("c_0", "a_0"), ("c_0", "b_0")],
    )
    assert set(shares(street, "a_0")) == {"a_0", "b_0", "c_0"}
    assert all(0.0 < share <= 1.0 for _, share in shares(street, "a_0").values())
    assert [(link.to_lane, link.share) for link in street.downstream("b_0", {"a_0": "K"})] == [("a_0", 0.5)]


def test_turning_round_is_not_expected_where_there_is_another_way(tmp_path: Path) -> None:
    street = network(
        tmp_path,
        [("road", 50, 1), ("-road", 50, 1), ("on", 50, 1)],
        [("road_0", "-road_0"), ("road_0", "on_0")],
    )
    assert "road_0" not in shares(street, "-road_0")
    assert shares(street, "on_0")["road_0"] == (60.0, 1.0)


def test_an_exit_leads_to_the_next_stop_lines_with_shares_and_lengths(tmp_path: Path) -> None:
    street = network(
        tmp_path,
        [("exit", 40, 1), ("to", 300, 2), ("away", 700, 1), ("far", 500, 1)],
        [
            ("exit_0", "to_0"),
            ("exit_0", "away_0"),
            ("away_0", "far_0"),
            ("to_0", "far_0", "L"),
            ("to_1", "far_0", "L"),
        ],
    )
    links = street.downstream("exit_0", {"to_0": "L", "to_1": "L", "far_0": "M"})
    # 300 m are enough to change lanes, so both stop lines share what goes there; `far` is too far.
    assert [(link.to_lane, link.share, link.length_m) for link in links] == [
        ("to_0", 0.25, 350.0),
        ("to_1", 0.25, 350.0),
    ]
