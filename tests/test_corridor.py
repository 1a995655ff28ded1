"""The way of an emergency vehicle: over the street, in time, previewed, one order, followed, given back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from override.layouts import JunctionLayout
from override.requests import Leg
from override.roles import Command, Role, Slot
from override.street_layout import layout_of_street
from override.views import Outcome
from tests.console_stage import Stage
from tests.control_room import ANA, Room, street
from tests.paper_pictures import NOW_MS, layouts_of, order_view
from tests.test_console_orders import PaperStation, said
from tui.app import BelishaConsole
from tui.corridor import NoWay, arrival_ms, lease_of, legs_of, stages_for, way
from tui.corridor_dialog import CorridorDialog

ARMS = {"north": (0, 1), "east": (1, 0), "south": (0, -1), "west": (-1, 0)}


def joined_city(junctions: int = 24) -> dict[str, JunctionLayout]:
    """The city on paper, with the junction from which each group's vehicles come."""
    out = {}
    names, _ = layouts_of(junctions)
    for name, layout in names.items():
        column, row = (int(n) for n in name[1:].split("r"))
        came = {arm: f"c{column + dx}r{row + dy}" for arm, (dx, dy) in ARMS.items()}
        groups = tuple(
            replace(g, upstream=came[g.approach] if came.get(g.approach, "") in names else "")
            for g in layout.groups
        )
        out[name] = replace(layout, groups=groups)
    return out


def test_the_way_is_over_the_street_straight_where_it_can_and_never_against_a_one_way_street() -> None:
    city = joined_city()
    assert [stop.layout.name for stop in way(city, "c0r1", "c3r1")] == ["c0r1", "c1r1", "c2r1", "c3r1"]
    turned = [stop.layout.name for stop in way(city, "c0r0", "c3r2")]
    assert len(turned) == 6
    corners = sum(a[:2] != c[:2] and a[2:] != c[2:] for a, c in zip(turned, turned[2:], strict=False))
    assert corners == 1, "one corner is enough"
    here = city["c2r1"]
    closed = replace(
        here, groups=tuple(replace(g, upstream="") if g.approach == "west" else g for g in here.groups)
    )
    around = [stop.layout.name for stop in way({**city, "c2r1": closed}, "c0r1", "c3r1")]
    assert ("c1r1", "c2r1") not in list(pairwise(around))
    with pytest.raises(NoWay, match="no way is known from"):
        way(layouts_of(12)[0], "c0r0", "c3r1")


def test_the_stage_is_one_that_lets_it_through_and_who_knows_better_can_choose_another() -> None:
    here = joined_city()["c2r1"]
    assert stages_for(here, "c1r1")[0] == "ew"
    assert set(stages_for(here, "c1r1")) == {"ew", "ew.left"}
    assert stages_for(here, "c2r2")[0] == "ns"
    stops = way(joined_city(), "c0r1", "c3r1")
    assert [leg.stage for leg in legs_of(stops, 40, {"c2r1": "ew.left"})] == ["ew", "ew", "ew.left", "ew"]


def test_every_junction_is_open_before_it_comes_and_a_little_after_however_fast_it_is() -> None:
    stops = way(joined_city(), "c0r1", "c4r1")
    slow, fast = legs_of(stops, 30, {}), legs_of(stops, 60, {})
    for stop, leg in zip(stops, slow, strict=True):
        at_ms = arrival_ms(stop, 30)
        assert leg.after_ms <= max(0, at_ms - stop.clearing_ms())
        assert leg.after_ms + leg.hold_ms > at_ms
        assert leg.hold_ms >= stop.clearing_ms(), "long enough to become green at all"
    assert abs(arrival_ms(stops[-1], 30) - 2 * arrival_ms(stops[-1], 60)) <= 1
    assert lease_of(fast) < lease_of(slow)


def test_the_desk_takes_it_as_one_order_and_gives_back_junction_after_junction() -> None:
    layout = layout_of_street(street(4))
    city = {
        j.name: replace(
            j,
            x_m=400 * k,
            groups=tuple(replace(g, upstream=f"J{k - 1}" if k else "") for g in j.groups),
        )
        for k, j in enumerate(layout.junctions)
    }
    legs = legs_of(way(city, "J0", "J3"), 50, {})
    room = Room()
    ruling = room.ask(
        ANA, Command.CORRIDOR, (), slot=Slot.EMERGENCY_VEHICLE, legs=legs, basis=(0,) * 4,
        lease_ms=lease_of(legs),
    )  # fmt: skip
    assert ruling.outcome is Outcome.ACCEPTED
    order = room.desk.orders[ruling.order]
    spans = [order.span_ms(f"J{k}") for k in range(4)]
    assert spans == sorted(spans)
    assert spans[-1][1] == order.until_ms


def with_streets(role: Role = Role.OPERATOR) -> Stage:
    stage = Stage(24, role)
    stage.wire.tell(layouts=joined_city(), layout_number=2)
    stage.app = BelishaConsole(stage.wire, "ana", role, lambda: stage.now_s, stage.app.look)
    return stage


async def on_the_map(stage: Stage, start: str, end: str) -> CorridorDialog:
    stage.app.choose(start)
    await stage.press("c", "1")
    assert "Choose the end of the way, then c" in said(stage)
    stage.app.choose(end)
    await stage.press("c")
    dialog = stage.app.screen
    assert isinstance(dialog, CorridorDialog)
    return dialog


def acting(legs: tuple[Leg, ...], stage: Stage, green: int) -> dict[str, Any]:
    """The picture when the corridor acts: the first so many of its junctions show its stage."""
    view = replace(order_view("ana-1", "ana", Command.CORRIDOR, "effective", 90_000), slot=5)
    junctions = dict(stage.wire.sight.junctions)
    for number, leg in enumerate(legs):
        shown = leg.stage if number < green else "none of it"
        junctions[leg.junction] = replace(junctions[leg.junction], orders=("ana-1",), stage=shown)
    return {"orders": {"ana-1": view}, "junctions": junctions}


def test_chosen_on_the_map_previewed_sent_once_followed_leg_by_leg_and_released_with_one_key() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        dialog = await on_the_map(stage, "c0r1", "c3r1")
        assert "from Mill St / First Av to Mill St / Fourth Av" in said(stage)
        before = dialog.legs
        await stage.press("plus", "down", "g")
        assert lease_of(dialog.legs) < lease_of(before)
        assert dialog.legs[1].stage != before[1].stage
        await stage.press("enter", "1")
        assert stage.shows("everybody")
        assert not station.orders
        await stage.press("s", "s")
        (sent,) = station.orders
        assert (sent["command"], sent["junctions"], sent["reason"]) == (Command.CORRIDOR, (), "ambulance")
        assert [leg.junction for leg in sent["legs"]] == ["c0r1", "c1r1", "c2r1", "c3r1"]
        assert sent["basis"] == (7, 7, 7, 7)
        assert sent["lease_ms"] == lease_of(sent["legs"])
        await stage.tell(**acting(sent["legs"], stage, green=1))
        await stage.look()
        words = said(stage)
        assert "OPEN" in words
        assert "begins in" in words
        await stage.press("escape", "c")
        assert "Clear the way for" in said(stage), "it is found again while it acts"
        await stage.press("x")
        assert station.commands == [Command.CORRIDOR, Command.RELEASE]
        assert station.orders[1]["order"] == "ana-1"
        await stage.tell(orders={}, now_ms=NOW_MS + 100_000)
        await stage.look()
        assert "Ended" in said(stage)

    with_streets().play(story, 110, 36)


def test_by_name_no_way_and_who_may_not() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        stage.app.choose("c0r1")
        await stage.press("c")
        await stage.press("2")
        await stage.press(*"xyzzy", "enter")
        assert "'xyzzy' is no junction, street or district here" in said(stage)
        await stage.press(*["backspace"] * 5, *"c0r1", "enter")
        assert "'c0r1' is where it begins" in said(stage)
        await stage.press(*["backspace"] * 4, *"station", "enter")
        assert "Clear the way from Mill St / First Av to" in said(stage)
        assert "A viewer may not clear the way" in said(stage)
        await stage.press("enter", "s")
        assert not station.orders
        assert not station.previews

    with_streets(Role.VIEWER).play(story, 110, 36)
