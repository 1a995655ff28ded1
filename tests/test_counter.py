"""The counter, with real signatures and a real file: what is acknowledged is kept, and done once."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from override import wire
from override.audit import entry_of
from override.orders import Life
from override.requests import Approval
from override.roles import Command, Role
from override.storage import Storage, StorageError
from override.views import Outcome
from tests.paper_station import BOOT, WALL_MS, Console, Station, hold

REPLAYS = int(os.environ.get("BELISHA_REPLAYS", "1500"))
"""The rule's size is 100,000."""


@pytest.fixture
def ana() -> Console:
    return Console("ana", Role.OPERATOR)


@pytest.fixture
def sam() -> Console:
    return Console("sam", Role.SUPERVISOR)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path / "station.db")


def test_an_order_is_taken_told_and_noted(station: Station, ana: Console) -> None:
    reply = station.receive(hold(station, ana), ana)
    assert reply.outcome is Outcome.ACCEPTED
    assert reply.expires_ms == station.now_ms + 120_000
    assert [a.junction for a in station.told] == ["J0"]
    entries = [entry_of(record) for _, record, _ in station.storage.chain()]
    assert [(e.kind, e.actor, e.result or e.after) for e in entries[-2:]] == [
        ("request", "ana", "accepted"), ("order", "ana", "accepted"),
    ]  # fmt: skip


def test_the_same_bytes_get_the_same_answer_and_act_once(station: Station, ana: Console) -> None:
    frame = hold(station, ana)
    first = station.receive(frame, ana)
    station.wait(1_000)
    assert station.receive(frame, ana) == first
    assert len(station.told) == 1


def test_a_refusal_too_is_final(station: Station, ana: Console) -> None:
    """A late copy of a refused order must not act when the reason has gone."""
    station.receive(hold(station, ana), ana)
    rushed = hold(station, ana)
    assert station.receive(rushed, ana).code == "rate"
    station.wait(11_000)
    assert station.receive(rushed, ana).code == "rate"


def test_a9_recorded_orders_replayed_across_a_restart_are_never_executed_again(
    station: Station, ana: Console
) -> None:
    """Replays of 20 recorded frames, before and after a restart, in any order."""
    frames = []
    for k in range(20):
        frames.append(hold(station, ana, f"J{k % 6}"))
        station.receive(frames[-1], ana)
        station.wait(10_000)
    station.wait(600_000)
    station.told.clear()
    chance = random.Random(1)
    for _ in range(2):
        for _ in range(REPLAYS // 2):
            station.receive(chance.choice(frames), ana)
        station.restart()
    station.wait(1_000)
    assert not [a for a in station.told if a.order]
    assert not station.desk.orders


def test_a_number_is_not_used_twice_nor_after_a_higher_one(station: Station, ana: Console) -> None:
    early = hold(station, ana)
    late = hold(station, ana, "J1")
    assert station.receive(late, ana).outcome is Outcome.ACCEPTED
    assert station.receive(early, ana).code == "sequence"
    ana.seq = 1
    assert station.receive(hold(station, ana, "J2"), ana).code == "sequence"
    station.restart()
    ana.seq = 1
    assert station.receive(hold(station, ana, "J3"), ana).code == "sequence"


def test_a14_a_name_in_a_message_is_nobodys_word(station: Station, ana: Console, sam: Console) -> None:
    frame = ana.order(station, Command.LOCKOUT, "J0", issuer="sam")
    assert station.receive(frame, ana).code == "identity"
    assert station.receive(frame, sam).code == "signature"
    assert not station.desk.orders


def test_a22_a_clock_set_wrong_changes_no_lease_and_locks_nobody_out(station: Station, ana: Console) -> None:
    reply = station.receive(hold(station, ana), ana)
    for jump_ms in (3_600_000, -7_200_000):
        station.wall_ms += jump_ms
        station.wait(10_000)
        assert station.desk.orders[reply.order].until_ms == reply.expires_ms
        assert station.acting() == "ana hold"
        late = replace(
            station.header(ana.seq + 1), issued_wall_ms=WALL_MS, not_after_wall_ms=WALL_MS + 10_000
        )
        stop = ana.order(station, Command.ALL_RED, "J1", header=late)
        assert station.receive(stop, ana).outcome is Outcome.ACCEPTED
    station.wait(100_000)
    assert station.acting() == ""


@pytest.mark.parametrize(
    ("command", "looked_ms_ago", "clock_off_ms", "boot", "taken"),
    [
        (Command.HOLD, 2_000, 0, BOOT, True), (Command.HOLD, 2_001, 0, BOOT, False),
        (Command.HOLD, 0, 0, b"boot-two", False), (Command.HOLD, 0, 3_600_000, BOOT, True),
        (Command.ALL_RED, 60_000, 0, BOOT, True), (Command.ALL_RED, 60_000, 31_000, BOOT, False),
        (Command.ALL_RED, 1_000, -31_000, BOOT, True), (Command.ALL_RED, -1, 31_000, BOOT, False),
    ],
)  # fmt: skip
def test_an_order_is_fresh_by_the_clocks_or_by_what_was_seen(
    station: Station, ana: Console, command: Command, looked_ms_ago: int, clock_off_ms: int, boot: bytes,
    taken: bool,
) -> None:  # fmt: skip
    issued_ms = station.wall_ms - clock_off_ms
    header = replace(
        station.header(1), boot=boot, snapshot_ms=station.now_ms - looked_ms_ago,
        issued_wall_ms=issued_ms, not_after_wall_ms=issued_ms + 10_000,
    )  # fmt: skip
    reply = station.receive(ana.order(station, command, "J0", header=header), ana)
    assert (reply.outcome is Outcome.ACCEPTED) == taken
    assert reply.code == ("" if taken else "stale")


def test_an_order_queued_for_a_dead_station_is_late_and_not_taken(station: Station, ana: Console) -> None:
    queued = ana.order(station, Command.ALL_RED, "J0")
    station.wait(11_000)
    assert station.receive(queued, ana).code == "stale"


def test_two_people_over_the_wire(station: Station, ana: Console, sam: Console) -> None:
    eng = Console("eng", Role.ENGINEER)
    frame = sam.order(station, Command.LOCKOUT, "J0", lease_ms=3_600_000)
    assert station.receive(frame, sam).outcome is Outcome.WAITING
    digest = wire.digest(frame[64:])
    approval = wire.seal(Approval(station.header(1), "eng", digest), eng.secret.sign)
    assert station.receive(approval, eng, "approve").outcome is Outcome.ACCEPTED
    assert station.acting() == "sam lockout"
    other = wire.seal(Approval(station.header(2), "eng", bytes(32)), eng.secret.sign)
    assert station.receive(other, eng, "approve").code == "order"


def test_frames_that_are_nothing_are_counted_not_written_one_by_one(station: Station, ana: Console) -> None:
    for _ in range(1000):
        assert station.receive(bytes(200), ana).code == "signature"
    station.wait(1_000)
    entry = entry_of([record for _, record, _ in station.storage.chain()][-1])
    assert (entry.kind, entry.actor, entry.what, entry.result) == ("stray", "ana", "signature", "1000 times")
    assert station.storage.audit_index < 5


# --- the file ----------------------------------------------------------------------------


def test_only_the_owner_can_read_the_file(station: Station) -> None:
    assert station.path.stat().st_mode & 0o777 == 0o600


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database, surely not one" * 100)
    with pytest.raises(StorageError, match=r"a\.db"):
        Storage(tmp_path / "a.db")


def test_free_text_is_in_one_table_and_gone_from_every_file_when_erased(
    station: Station, ana: Console
) -> None:
    secret = "the minister's daughter, call 555-0199"
    station.receive(ana.order(station, Command.HOLD, "J0", reason=secret), ana)
    station.receive(ana.order(station, Command.HOLD, "J1", ticket="T-555-0199"), ana)
    assert secret.encode() in b"".join(p.read_bytes() for p in station.path.parent.iterdir())
    entry = next(e for _, r, _ in station.storage.chain() if (e := entry_of(r)).text_id == 1)
    salt, text = station.storage.text(1) or (b"", "")
    assert text == secret
    from override.audit import text_hash

    assert text_hash(salt, text) == entry.text_hash
    station.storage.tidy(station.wall_ms + 1)
    everything = b"".join(p.read_bytes() for p in station.path.parent.iterdir())
    assert secret.encode() not in everything
    assert b"555-0199" not in everything
    assert station.storage.next_text_id() == 3


def fill_disk(station: Station) -> None:
    """SQLite's own limit: from now on a page that is needed cannot be had."""
    db = station.storage._db
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count={pages}")


def test_with_a_full_disk_only_safe_orders_are_taken_and_written_later(
    station: Station, ana: Console
) -> None:
    station.receive(hold(station, ana, "J5"), ana)
    fill_disk(station)
    refused = hold(station, ana, "J0")
    while (reply := station.receive(refused, ana)).outcome is Outcome.ACCEPTED:
        station.wait(11_000)
        refused = hold(station, ana, "J0")
    assert reply.code == "storage"
    stop = ana.order(station, Command.ALL_RED, "J1", "J2")
    reply = station.receive(stop, ana)
    assert reply.outcome is Outcome.ACCEPTED
    assert station.acting("J1") == "ana all-red"
    station.told.clear()
    assert station.receive(stop, ana) == reply
    assert not station.told, "a repeated order is known though the disk was full"
    station.receive(ana.order(station, Command.RELEASE, "J2", slot=4), ana)
    assert station.acting("J2") == ""
    assert len(station.alarms) == 1
    station.wait(130_000)
    assert station.acting("J1") == "", "a lease ends whatever the disk says"
    station.storage._db.execute("PRAGMA max_page_count=1000000")
    station.wait(1_000)
    station.restart()
    assert station.receive(stop, ana) == reply
    assert station.receive(refused, ana).code == "storage"
    order = station.storage.order(reply.order)
    assert order is not None
    assert order.life is Life.ENDED
