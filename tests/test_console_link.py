"""The connection against a real gateway: it finds out that the station is gone, back, or another one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from override.client import Console, NoAnswer
from override.gateway import Gateway
from override.keys import Keyring, read_secret
from override.refused import Refused
from override.roles import Command
from override.storage import Storage
from override.street_layout import PackedLayout
from override.views import Outcome
from tests.test_gateway import Station, clock
from tui.link import Link, Watching
from tui.model import STALE_S, Contact, Sight


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path)
    yield station
    station.close()


class Seen:
    """Every sight that was told, and a way to wait for one."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.sights: list[Sight] = []
        self._came = threading.Condition()
        link.start(self.hear)

    def hear(self, sight: Sight) -> None:
        with self._came:
            self.sights.append(sight)
            self._came.notify_all()

    def wait(self, what: Callable[[Sight], bool], within_s: float = 10.0) -> Sight:
        with self._came:
            assert self._came.wait_for(lambda: bool(self.sights) and what(self.sights[-1]), within_s)
            return self.sights[-1]


def dial(station: Station, kind: type[Console] = Console) -> Callable[[], Console]:
    secret = read_secret(station.keys / "ana.key")
    return lambda: kind(secret, station.secret.curve_public, station.endpoints)


def test_the_first_sight_is_whole_and_the_next_ones_follow_by_themselves(station: Station) -> None:
    link = Link(dial(station))
    seen = Seen(link)
    try:
        first = seen.wait(lambda sight: sight.contact is Contact.LIVE)
        assert set(first.junctions) == set(first.layouts) == {"J0", "J1", "J2"}
        assert first.starts_seen == 1
        later = seen.wait(lambda sight: sight.progress > first.progress + 5)
        assert later.now_ms > first.now_ms
        assert later.age_s(time.monotonic()) < 1.0
        assert 0 <= later.lag_ms < 2_000
    finally:
        link.stop()


def test_what_came_before_anybody_listened_is_told_to_who_begins_to_listen(station: Station) -> None:
    link = Link(dial(station))
    link.call()
    try:
        link.ask(lambda console: console.view.seq).result(10)  # answered once the first picture is there
        told: list[Sight] = []
        link.start(told.append)
        assert told[0].contact is Contact.LIVE
        assert set(told[0].layouts) == set(told[0].junctions) != set()
    finally:
        link.stop()


def test_orders_are_sent_from_the_connections_thread_and_come_back_as_futures(station: Station) -> None:
    link = Link(dial(station))
    seen = Seen(link)
    try:
        seen.wait(lambda sight: sight.contact is Contact.LIVE)
        threads: list[str] = []

        def stop_traffic(console: Console) -> Outcome:
            threads.append(threading.current_thread().name)
            return console.order(
                command=Command.ALL_RED, slot=4, junctions=("J0",), basis=(), lease_ms=60_000, reason="test"
            ).outcome

        assert link.ask(stop_traffic).result(5) is Outcome.ACCEPTED
        assert threads == ["station"]
        seen.wait(lambda sight: any(o.state == "effective" for o in sight.orders.values()))
        with pytest.raises(ZeroDivisionError):
            link.ask(lambda console: 1 // 0).result(5)
        assert link.sight.contact is Contact.LIVE, "what goes wrong in a question ends no connection"
    finally:
        link.stop()


def test_a_console_that_only_watches_gives_no_order_whatever_its_key(station: Station) -> None:
    link = Link(dial(station, Watching))
    seen = Seen(link)
    try:
        seen.wait(lambda sight: sight.contact is Contact.LIVE)
        with pytest.raises(Refused, match="only watches"):
            link.ask(lambda console: console.order(command=Command.ALL_RED)).result(5)
    finally:
        link.stop()


def test_a_junction_that_is_looked_at_comes_from_near_as_long_as_it_is(station: Station) -> None:
    link = Link(dial(station))
    seen = Seen(link)
    try:
        seen.wait(lambda sight: sight.contact is Contact.LIVE)
        link.watch(("J1",))
        detail = seen.wait(lambda sight: "J1" in sight.details).details["J1"].detail
        assert len(detail.groups) == len(link.sight.layouts["J1"].groups)
        assert set(link.sight.details) == {"J1"}
    finally:
        link.stop()


def test_a_station_that_hangs_is_called_lost_within_its_silence_and_found_again(station: Station) -> None:
    turn = station.gateway.turn
    hung = threading.Event()
    station.gateway.turn = lambda *a: time.sleep(0.05) if hung.is_set() else turn(*a)  # type: ignore[method-assign]
    link = Link(dial(station))
    seen = Seen(link)
    try:
        seen.wait(lambda sight: sight.contact is Contact.LIVE)
        hung.set()
        began_s = time.monotonic()
        lost = seen.wait(lambda sight: sight.contact is Contact.LOST)
        assert time.monotonic() - began_s < STALE_S + 1.0
        assert "calling again" in lost.trouble
        with pytest.raises(NoAnswer):
            link.ask(lambda console: console.look()).result(8)
        hung.clear()
        seen.wait(lambda sight: sight.contact is Contact.LIVE)
        assert link.sight.starts_seen == 1, "the same run of the station"
    finally:
        hung.clear()
        link.stop()


def test_another_run_of_the_station_is_met_and_its_layout_read_anew(station: Station) -> None:
    restart = threading.Event()

    def serve(first: Gateway, *_: object) -> None:
        if not restart.is_set():
            return Gateway.turn(first)
        first.close()
        station.gateway = Gateway(
            station.toy.network, Keyring(station.keys), station.secret, Storage(station.file),
            station.lines[0], station.endpoints, b"boot-two", clock, layout=PackedLayout(station.layout),
        )  # fmt: skip
        return None

    station.gateway.turn = partial(serve, station.gateway)  # type: ignore[method-assign]
    link = Link(dial(station))
    seen = Seen(link)
    try:
        seen.wait(lambda sight: sight.contact is Contact.LIVE)
        restart.set()
        other = seen.wait(lambda sight: sight.boot == b"boot-two" and sight.contact is Contact.LIVE, 15)
        assert other.starts_seen == 2
        assert other.layout_number == 2
        assert not other.is_stale(time.monotonic())
    finally:
        link.stop()


def test_a_console_that_is_open_learns_what_another_version_calls_its_stages(station: Station) -> None:
    in_force = threading.Event()

    def serve(gateway: Gateway, *_: object) -> None:
        if in_force.is_set():
            in_force.clear()
            first = station.layout.junctions[0]
            stages = tuple(replace(stage, name=f"new {stage.name}") for stage in first.stages)
            junctions = (replace(first, stages=stages), *station.layout.junctions[1:])
            gateway.layout = PackedLayout(replace(station.layout, junctions=junctions))
            gateway.watchman.note("version", "", "version-2 is in force, at 1 junctions")
        Gateway.turn(gateway)

    station.gateway.turn = partial(serve, station.gateway)  # type: ignore[method-assign]
    link = Link(dial(station))
    seen = Seen(link)
    try:
        name = station.layout.junctions[0].name
        before = seen.wait(lambda sight: sight.contact is Contact.LIVE).layouts[name]
        in_force.set()
        after = seen.wait(lambda sight: sight.layouts[name].stages[0].name.startswith("new ")).layouts[name]
        assert [stage.name for stage in after.stages] == [f"new {stage.name}" for stage in before.stages]
    finally:
        link.stop()


def test_a_street_that_does_not_tick_makes_the_sight_old_though_the_station_answers(station: Station) -> None:
    link = Link(dial(station))
    seen = Seen(link)
    try:
        seen.wait(lambda sight: sight.contact is Contact.LIVE and sight.progress > 0)
        station.hung = True
        still = seen.wait(lambda sight: "does not tick" in sight.trouble)
        assert still.is_stale(time.monotonic())
        assert still.may_order(time.monotonic()) != ""
        station.hung = False
        seen.wait(lambda sight: not sight.trouble and not sight.is_stale(time.monotonic()))
    finally:
        link.stop()


def test_who_cannot_be_reached_at_all_is_called_again_and_again_and_the_console_can_be_left(
    station: Station,
) -> None:
    secret = read_secret(station.keys / "ana.key")
    link = Link(
        lambda: Console(secret, station.secret.curve_public, ("tcp://127.0.0.1:9", "tcp://127.0.0.1:9"))
    )
    seen = Seen(link)
    calling = seen.wait(lambda sight: "try 2" in sight.trouble, 8)
    assert calling.contact is Contact.CALLING
    assert not calling.heard_s
    began_s = time.monotonic()
    link.stop()
    assert time.monotonic() - began_s < 4.5
