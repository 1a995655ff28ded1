"""Crashes: the process exits at any write, and nothing acknowledged is lost, nothing done twice."""

from __future__ import annotations

import os
from collections import Counter as Counts
from pathlib import Path

from override import wire
from override.audit import entry_of
from override.roles import Command, Role
from override.ruling import Act
from override.storage import Storage
from override.views import Outcome, Reply
from tests.paper_station import Console, Station, hold

CRASHES = int(os.environ.get("BELISHA_CRASHES", "100"))
"""Points at which the process exits; more where there is time."""


class Crash(BaseException):
    """The process is gone; nothing after this line happened."""


class Fuse:
    """Lets so many writes happen, then the process is gone, before or after one."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.points: list[str] = []

    def __call__(self, name: str) -> None:
        self.points.append(name)
        self.left -= 1
        if self.left == 0:
            raise Crash(name)


def a_day(station: Station, ana: Console, sam: Console, acknowledged: dict[str, bytes]) -> None:
    """What people do until the process is gone; what was answered stands in `acknowledged`."""

    def send(frame: bytes, who: Console) -> None:
        reply = station.receive(frame, who)
        if reply.outcome in (Outcome.ACCEPTED, Outcome.DONE):
            acknowledged[reply.order or frame.hex()] = frame

    send(hold(station, ana, "J0"), ana)
    send(ana.order(station, Command.ALL_RED, "J1", "J2"), ana)
    station.wait(5_000)
    send(sam.order(station, Command.PLAN, "J3", "J4"), sam)
    send(ana.order(station, Command.RELEASE, "J2", slot=4), ana)
    station.wait(6_000)
    send(ana.order(station, Command.OMIT, "J0"), ana)
    station.counter.sign_head(sam.secret, station.wall_ms)
    station.wait(120_000)


def judge_history(station: Station, told: list[Act], acknowledged: dict[str, bytes]) -> None:
    """No acknowledged order lost, none begun twice, the street told what the storage knows."""
    begun = Counts((a.order.id, a.junction) for a in told if a.order)
    assert not [k for k, times in begun.items() if times > 1]
    for order_id, frame in acknowledged.items():
        if "-" in order_id:
            assert station.storage.order(order_id) is not None, order_id
        assert wire.digest(frame[64:]) in {
            e.digest for _, r, _ in station.storage.chain() if (e := entry_of(r))
        }
    stored = {o.id for o in station.storage.unfinished()}
    assert stored == set(station.desk.orders)
    for order_id, _ in begun:
        assert station.storage.order(order_id) is not None, "nothing acts that was not recorded before"


def test_a_hundred_crash_points_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    """The process exits at every Nth write, is started again, and people send again what got no answer."""
    ana, sam = Console("ana", Role.OPERATOR), Console("sam", Role.SUPERVISOR)
    fuse = Fuse(0)
    ana.seq = sam.seq = 0
    a_day(Station(tmp_path / "whole.db", point=fuse), ana, sam, {})
    total = len(fuse.points)
    assert total > 100
    survived = 0
    for k in range(1, CRASHES + 1):
        left = 1 + (k * total) // (CRASHES + 1)
        ana.seq = sam.seq = 0
        path = tmp_path / f"{k}.db"
        told: list[Act] = []
        acknowledged: dict[str, bytes] = {}
        sent: list[tuple[bytes, Console]] = []
        fuse = Fuse(left)
        try:
            station = Station(path, point=fuse)
            told = station.told
            watch(station, sent)
            a_day(station, ana, sam, acknowledged)
        except Crash:
            pass
        while Station.opened:
            Station.opened.pop().close()
        again = Station(path, now_ms=1_020_000 + 3_700 * (k % 5))
        resumed = [a for a in again.told if a.order]
        assert all(a.order and a.order.command is Command.ALL_RED for a in resumed)
        mark = len(again.told)
        for frame, who in sent:
            again.receive(frame, who)
        judge_history(again, told + again.told[mark:], acknowledged)
        survived += bool(resumed)
        again.wait(1_000_000)
        assert not again.desk.orders, "every junction is home after the leases end"
        again.storage.close()
    assert survived > CRASHES / 10, "some all-reds were taken up again"


def watch(station: Station, sent: list[tuple[bytes, Console]]) -> None:
    """Remember every frame sent, as a client that sends again what got no answer does."""
    receive = station.receive

    def remembering(frame: bytes, who: Console, topic: str = "order") -> Reply:
        sent.append((frame, who))
        return receive(frame, who, topic)

    station.receive = remembering  # type: ignore[method-assign]


def test_a_log_torn_in_the_middle_of_a_write_is_read_up_to_the_tear(tmp_path: Path) -> None:
    """Everything committed before the torn transaction is there, and the chain is whole."""
    ana = Console("ana", Role.OPERATOR)
    station = Station(tmp_path / "a.db")
    first = station.receive(hold(station, ana, "J0"), ana)
    log = tmp_path / "a.db-wal"
    sure = log.stat().st_size
    station.receive(hold(station, ana, "J1"), ana)
    whole, database = log.read_bytes(), (tmp_path / "a.db").read_bytes()
    station.storage.close()
    for cut in range(sure + 1, len(whole), 997):
        torn = tmp_path / f"torn{cut}.db"
        torn.write_bytes(database)
        torn.with_name(torn.name + "-wal").write_bytes(whole[:cut] + b"\xff" * 50)
        storage = Storage(torn)
        assert storage.order(first.order) is not None
        chain = list(storage.chain())
        assert [number for number, _, _ in chain] == list(range(1, len(chain) + 1))
        storage.close()
