"""A21: any number of flags moves no timing by itself, and a remedy reaches hardly anybody else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from controller.policy import Policy
from controller.present import neighbours
from controller.vocabulary import GroupKind
from override.citizen.admission import DISTRICT_PER_MIN, SIGNAL_PER_MIN
from override.flag_messages import Channel, Kind
from override.forecast import Forecaster
from override.roles import Command, Role
from override.ruling import Person
from override.what_if import Outcome, Question
from sim.city.load import load_city
from tests.citizen_street import CitizenStreet
from tests.foresight_room import HAMLET, Room

FLAGS = int(os.environ.get("BELISHA_FLAGS", "2000"))
"""In one minute; the rule's size is 100,000."""
GATE = Person("gate", Role.CITIZEN_GATEWAY)


def test_a21_a_flood_of_flags_without_evidence_brings_no_remedy_and_is_bounded(tmp_path: Path) -> None:
    """Many invented people, all kinds, two channels, one minute: nothing in the records agrees with them."""
    street = CitizenStreet(tmp_path, 24)
    poles = [street.pole(k) for k in range(24)]
    kinds = [kind for kind in Kind if kind is not Kind.GREEN_TOGETHER]
    chance = np.random.default_rng(1)
    accepted = busy = 0
    for k in range(FLAGS):
        channel = (Channel.PAGE, Channel.TEXT)[k % 2]
        pole = poles[int(chance.integers(0, len(poles)))]
        reply = street.flag(kinds[k % len(kinds)], pole, channel=channel, source=f"sybil {k}")
        accepted += reply.accepted
        busy += reply.busy
    assert accepted <= min(24 * SIGNAL_PER_MIN, 2 * DISTRICT_PER_MIN)
    assert busy == FLAGS - accepted
    assert not street.orders, "flags alone never move a timing"
    street.close()


def foreseen(room: Room, question: Question) -> Outcome:
    told: list[Outcome | None] = []
    room.foresight.asking.forecast(question, lambda outcome, *_: told.append(outcome), room.now_ms)
    while not told:
        room.run(1)
    assert told[0] is not None
    return told[0]


def test_a21_a_remedy_moves_the_neighbours_waits_by_less_than_a_twentieth(tmp_path: Path) -> None:
    """The strongest remedy there is, recall of a crossing, at each junction in turn, as it is foreseen."""
    city = load_city(HAMLET)
    forecaster = Forecaster(city.network, Policy())
    room = Room(city, tmp_path / "station.db", forecaster)
    room.run(240)
    near = neighbours(city.network)
    changes, sums = [], []
    for j, junction in enumerate(city.network.street.junctions[:8]):
        crossing = next((g.name for g in junction.groups if g.kind == GroupKind.PEDESTRIAN), None)
        if crossing is None or not near[j]:
            continue
        order = room.request(Command.CALL, [junction.name], GATE, group=crossing, lease_ms=300_000)
        ruling = room.desk.rule(order, bytes([j]) * 32, GATE, room.now_ms)
        question = room.foresight.previews.question(ruling.versions, room.now_ms)
        assert question is not None
        outcome = foreseen(room, question)
        beside = [k for k, other in enumerate(outcome.junctions) if other in near[j]]
        without = outcome.without.waited_s[-1][beside].sum()
        changes.append(outcome.with_order.waited_s[-1][beside].sum() - without)
        sums.append(without)
    assert len(changes) >= 5
    assert sum(changes) <= 0.05 * sum(sums), (changes, sums)
    room.storage.close()


def test_a21_one_person_with_many_names_is_one_voice(tmp_path: Path) -> None:
    """Three in one window over one channel are no three witnesses."""
    street = CitizenStreet(tmp_path)
    for k in range(10):
        street.flag(Kind.WAITED_LONG, channel=Channel.PAGE, source=f"name {k}")
    assert not street.orders
    street.close()
