"""What would an order do? Told in time, by the desk's own rules, for whom it would matter."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller.policy import Policy
from controller.present import neighbours
from override.forecast import Forecaster
from override.handover import JUNCTIONS_MAX
from override.preview_commands import lines_of
from override.previews import Forecast, PreviewRequest
from override.requests import Leg
from override.reset_words import Tripped, reset_words
from override.roles import Command
from override.what_if import AROUND_MAX, RECOVERY_MS, around
from sim.city.load import City, load_city
from tests.control_room import ENG, SAM
from tests.foresight_room import HAMLET, Room

WARM_S = 240


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(HAMLET)


@pytest.fixture(scope="module")
def forecaster(city: City) -> Forecaster:
    return Forecaster(city.network, Policy())


@pytest.fixture(scope="module")
def room(city: City, forecaster: Forecaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A city after some minutes; tests ask, and give no orders."""
    room = Room(city, tmp_path_factory.mktemp("room") / "station.db", forecaster)
    room.run(WARM_S)
    yield room
    room.storage.close()


def busiest(room: Room) -> int:
    """The junction with the most traffic."""
    flow = room.world.controller.controller.state.flow_veh_per_s  # type: ignore[union-attr]
    network = room.city.network
    return int(np.argmax(np.bincount(network.lane_junction, flow, network.n_junctions)))


def name_of(room: Room, j: int) -> str:
    return room.city.network.street.junctions[j].name


def total(forecast: Forecast, field: str) -> int:
    return sum(getattr(row, field) for row in forecast.rows)


def test_an_all_red_costs_people_and_says_whom(room: Room) -> None:
    j = busiest(room)
    told = room.preview(Command.ALL_RED, [name_of(room, j)], lease_ms=120_000)
    assert told.horizon_ms == 120_000 + RECOVERY_MS
    assert total(told, "with_order") > 1.2 * total(told, "without") > 0
    district = room.districts()[j]
    worse = [row for row in told.rows if row.with_order > row.without and row.district == district]
    assert worse
    assert "longer" in told.sentence
    assert any(row.longest_with_ms >= 100_000 for row in worse), "somebody waits through the whole all-red"
    assert not told.refusal
    assert not told.needs


def test_without_a_difference_nobody_is_alarmed(room: Room) -> None:
    """A detector on recall where somebody is always there changes next to nothing."""
    j = busiest(room)
    junction = room.city.network.street.junctions[j]
    told = room.preview(Command.SPLIT_BIAS, [junction.name], stage=junction.stages[0].name, bias_ms=0 + 1_000)
    assert abs(total(told, "with_order") - total(told, "without")) < 0.25 * total(told, "without")


def test_the_same_question_has_the_same_answer_and_nothing_is_stored_or_done(room: Room) -> None:
    name = name_of(room, busiest(room))
    before = room.storage.audit_index, dict(room.desk.versions), dict(room.desk.orders)
    order = room.request(Command.ALL_RED, [name])
    request = PreviewRequest(order.header, "ana", order)
    first = room.ask(request)
    assert room.ask(request) is first, "a repeated request is not worked out anew"
    assert (room.storage.audit_index, room.desk.versions, room.desk.orders) == before


def test_the_desk_itself_says_what_it_would_say(room: Room) -> None:
    names = [j.name for j in room.city.network.street.junctions]
    stage = room.city.network.street.junctions[0].stages[0].name
    told = room.preview(Command.HOLD, names[:1], stage="no such stage")
    assert "no stage" in told.refusal
    assert not told.rows, "what makes no sense is not forecast"
    told = room.preview(Command.HOLD, names[:1], stage=stage, lease_ms=900_000)
    assert "a lease of 15 min" in told.refusal
    assert told.rows, "what is only not allowed is forecast all the same"
    told = room.preview(Command.LOCKOUT, names[:1], SAM, lease_ms=600_000)
    assert told.needs.startswith("a second person")
    assert told.basis == (room.desk.versions[names[0]],)
    told = room.preview(Command.HOLD, names[:1], stage=stage, basis=(), reason="")
    assert not told.refusal, "basis and reason are given when it is sent"


def test_a_reset_of_the_monitor_is_told_as_flash_and_red_and_not_as_no_change(room: Room) -> None:
    one, other = (junction.name for junction in room.city.network.street.junctions[:2])
    told = room.preview(Command.RESET_TRIP, [one], ENG, slot=1)
    assert told.sentence == f"At {one} the safety monitor has not tripped: nothing would happen there."
    room.tripped.add(one)
    told = room.preview(Command.RESET_TRIP, [one, other], ENG, slot=1)
    assert told.sentence == (
        f"At {one} the lamps flash since the safety monitor tripped. Once this is agreed to, the flash ends "
        "(it lasts 6 s at least), all is red for 6 s, and the signals begin anew. Until then nobody on foot "
        "has WALK and drivers give way to each other; 7 people on foot and 1 vehicle wait there now, as far "
        "as is known."
    )
    assert len(told.warnings) == 2
    assert f"At {other} the safety monitor has not tripped" in told.warnings[1]
    assert told.needs.startswith("a second person")
    assert (told.horizon_ms, told.rows) == (0, ())
    assert not told.refusal
    assert lines_of(told)[:2] == [told.sentence, f"Warning: {told.warnings[0]}"]
    assert not any("forecast" in line for line in lines_of(told)), "nothing was forecast"


def test_the_longest_names_leave_room_for_what_a_reset_does() -> None:
    rows = [Tripped("x" * 64, True, 100_000, 100_000)] * 3
    sentence, warnings = reset_words(rows)
    assert len(sentence) <= 400
    assert all(len(text) <= 200 for text in warnings)
    assert "2 more junctions" in sentence
    sentence, _ = reset_words([Tripped("Mill Street", True, 1, 0)])
    assert sentence.endswith("1 person on foot waits there now, as far as is known.")
    sentence, _ = reset_words([Tripped("Mill Street", True, 0, 0)])
    assert sentence.endswith("nobody is believed to wait there now.")


def test_a_hold_that_would_break_a_promise_is_foreseen_to_end(room: Room) -> None:
    j = busiest(room)
    junction = room.city.network.street.junctions[j]
    told = room.preview(Command.HOLD, [junction.name], stage=junction.stages[0].name, lease_ms=180_000)
    assert any("would end after about" in text for text in told.warnings), told.warnings
    seconds = int(next(text for text in told.warnings if "would end" in text).split("about ")[1].split()[0])
    assert 10 <= seconds < 180


def test_an_engine_or_a_forecaster_that_is_silent_is_said_and_holds_nobody_up(
    room: Room, city: City, tmp_path: Path
) -> None:
    name = name_of(room, 0)
    room.engine_line.deaf = True
    assert "engine" in room.preview(Command.ALL_RED, [name]).sentence
    room.engine_line.deaf = False
    assert room.line is not None
    room.line.silent = True
    assert "took too long" in room.preview(Command.ALL_RED, [name]).sentence
    room.line.silent = False
    assert room.preview(Command.ALL_RED, [name]).rows, "and it goes on afterwards"
    alone = Room(city, tmp_path / "station.db", None)
    assert "no forecaster" in alone.preview(Command.ALL_RED, [name]).sentence
    alone.storage.close()


def test_a_flood_of_previews_is_answered_in_turn_or_told_to_wait(room: Room) -> None:
    name = name_of(room, 0)
    told: list[Forecast] = []
    for _ in range(30):
        order = room.request(Command.ALL_RED, [name])
        room.foresight.previews.ask(PreviewRequest(order.header, "ana", order), SAM, room.now_ms, told.append)
    assert sum("too many forecasts" in forecast.sentence for forecast in told) == 30 - 8
    room.run(10)
    assert len(told) == 30
    assert sum(bool(forecast.rows) for forecast in told) == 8


def test_neighbours_are_played_with_as_far_as_can_be_afforded(city: City) -> None:
    near = neighbours(city.network)
    chosen = around([0], near)
    assert set(chosen) == {0} | near[0]
    assert chosen == tuple(sorted(chosen))
    line = [frozenset({max(0, k - 1), min(199, k + 1)} - {k}) for k in range(200)]
    assert len(around(range(20), line)) == 21
    assert len(around(range(0, 40, 2), line)) == AROUND_MAX
    assert around(range(100), line) == tuple(range(JUNCTIONS_MAX))


def test_a_corridor_helps_those_on_its_way(room: Room) -> None:
    """The junctions of a green wave are held one after the other, and go home when it is over."""
    junctions = room.city.network.street.junctions[:3]
    legs = tuple(Leg(j.name, j.stages[0].name, 10_000 * k, 20_000) for k, j in enumerate(junctions))
    told = room.preview(Command.CORRIDOR, [], legs=legs, lease_ms=60_000)
    assert not told.refusal
    assert told.rows
    assert total(told, "with_order") != total(told, "without")
    assert replace(told, rows=()).horizon_ms == 60_000 + RECOVERY_MS


def test_handing_over_costs_the_engine_little(room: Room) -> None:
    """Less than a millisecond a tick for as many junctions as can be asked for, here all of them."""
    from override.handover import ask_for

    engine = room.world.controller
    handing = engine.handing  # type: ignore[union-attr]
    question = ask_for(1, np.arange(room.city.network.n_junctions), True)

    class Nowhere:
        def send(self, message: bytes) -> bool:
            return bool(message)

    costs_s = []
    for _ in range(30):
        handing.takes(question)
        begin_s = time.thread_time()
        handing.after_tick(Nowhere(), 0, room.now_ms)
        costs_s.append(time.thread_time() - begin_s)
    assert sorted(costs_s)[15] < 1e-3, f"median {1e6 * sorted(costs_s)[15]:.0f} us"
