"""Storms of orders by anybody: nobody gets what he may not have, and silence brings everything home."""

from __future__ import annotations

import random

import pytest

from override.orders import LIVE, Life, Order
from override.refused import Refused
from override.requests import Approval, Leg
from override.roles import (
    COUNTERSIGN_MS,
    HOUR_MS,
    JUNCTIONS_ALONE,
    LEASE_ALONE_MS,
    ONCE,
    TABLE,
    Command,
    Need,
    Role,
    Slot,
    may_approve,
    permission,
)
from tests.control_room import ARGUMENT, EVERYBODY, Room, header, slot_of

CITY = 26
STAGES = ("s0", "s1", "s2", "s3")
LEASES_MS = (0, 1, 30_000, 120_000, 180_000, 900_000, 901_000, 4 * HOUR_MS, 24 * HOUR_MS)
LONGEST_CYCLE_MS = 150_000
SILENCE_MS = 24 * HOUR_MS + 3 * LONGEST_CYCLE_MS
"""The longest lease (lockout) and three cycles (10.3)."""


def one_wish(room: Room, chance: random.Random) -> None:
    """Anybody asks for anything, sometimes nonsense, sometimes with an old picture."""
    who = chance.choice(EVERYBODY)
    command = chance.choice(list(Command))
    names = [f"J{k}" for k in range(CITY)]
    few = chance.sample(names, chance.choice((1, 1, 1, 2, 3, 21, CITY)))
    more = dict(ARGUMENT.get(command, {}))
    if command is Command.CORRIDOR:
        legs = tuple(
            Leg(j, chance.choice(STAGES), 2_000 * k, chance.randrange(1_000, 30_000))
            for k, j in enumerate(few)
        )
        more["legs"] = legs
        more["basis"] = tuple(room.desk.versions[j] for j in few)
        few = []
    more["lease_ms"] = chance.choice(
        (0, 1, 30_000, 120_000, 180_000, 900_000, 901_000, 4 * HOUR_MS, 24 * HOUR_MS)
    )
    more["slot"] = slot_of(who, command) if chance.random() < 0.9 else chance.randrange(1, 17)
    more["takeover"] = chance.random() < 0.3
    more["break_glass"] = chance.random() < 0.1
    more["suspends_promise"] = chance.random() < 0.1
    if room.desk.orders and chance.random() < 0.2:
        more["order"] = chance.choice(list(room.desk.orders))
        more["renew"] = command is not Command.RELEASE
    if chance.random() < 0.1:
        more["basis"] = tuple(chance.randrange(5) for _ in range(len(few)))
    if chance.random() < 0.05:
        few, more["whole_city"] = [], True
    try:
        room.ask(who, command, few, **more)
    except Refused:
        return


def somebody_agrees(room: Room, chance: random.Random) -> None:
    waiting = [o for o in room.desk.orders.values() if o.life is Life.REQUESTED or o.countersign_by_ms]
    if not waiting:
        return
    who, order = chance.choice(EVERYBODY), chance.choice(waiting)
    approval = Approval(header(), who.name, order.digest, chance.random() < 0.8)
    try:
        room.desk.take(room.desk.approve(approval, who, room.now_ms).versions)
    except Refused:
        return


def check_lawful(room: Room, order: Order) -> None:
    """What lives, somebody of that role may have, alone or with the second person he needs."""
    role = next(p.role for p in EVERYBODY if p.name == order.issuer)
    assert order.role is role
    answer = permission(
        role, order.command, Slot(order.slot), len(order.junctions), CITY, order.lease_ms,
        order.break_glass, order.suspends_promise,
    )  # fmt: skip
    assert not answer.refusal, order
    if answer.need is Need.APPROVAL:
        assert order.second, order
    if answer.need is Need.COUNTERSIGN:
        assert order.second or room.now_ms < order.accepted_ms + COUNTERSIGN_MS
    if order.second:
        second = next(p for p in EVERYBODY if p.name == order.second)
        assert order.second != order.issuer
        assert may_approve(second.role, order.command)
    most_ms = TABLE[role, order.command, Slot(order.slot)].lease_max_ms
    if order.command not in ONCE:
        assert room.now_ms < order.until_ms <= room.now_ms + most_ms


@pytest.mark.parametrize("seed", range(12))
def test_whatever_anybody_asks_for_the_rules_hold_and_silence_brings_everything_home(seed: int) -> None:
    """12 storms of 400 wishes; after each wish every live order is checked against the table."""
    chance = random.Random(seed)
    room = Room(junctions=CITY)
    ever_live = 0
    for _ in range(400):
        for _ in range(chance.randrange(3)):
            one_wish(room, chance)
        if chance.random() < 0.3:
            somebody_agrees(room, chance)
        room.wait(chance.choice((0, 0, 1_000, 1_000, 11_000)))
        for order in room.desk.orders.values():
            if order.life in LIVE:
                check_lawful(room, order)
                ever_live += 1
        for (junction, point), slots in room.desk._slots.items():
            assert slots
            for slot, order_id in slots.items():
                order = room.desk.orders[order_id]
                assert (order.slot, order.point) == (slot, point)
                assert junction in order.held
    assert ever_live > 400
    room.now_ms += SILENCE_MS
    room.desk.take(room.desk.due(room.now_ms))
    assert not room.desk.orders
    assert not room.desk._slots
    room.desk.acts(room.now_ms)
    assert not room.desk._acting


def test_silence_frees_every_junction_within_an_operators_lease_where_only_operators_spoke() -> None:
    chance = random.Random(5)
    room = Room(junctions=CITY)
    for _ in range(300):
        who = next(p for p in EVERYBODY if p.role is Role.OPERATOR)
        try:
            room.ask(who, chance.choice(list(ARGUMENT)), [f"J{chance.randrange(CITY)}"], lease_ms=900_000)
        except Refused:
            room.wait(1_000)
    room.wait(LEASE_ALONE_MS)
    assert not room.desk.orders


def test_a_wave_of_many_is_counted_in_junctions_not_in_orders() -> None:
    assert JUNCTIONS_ALONE < CITY, "the storms reach beyond what one person may do alone"
