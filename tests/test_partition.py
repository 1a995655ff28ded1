"""Console and station over sockets that are slow, held up or cut: it is said, and nothing is done twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from override.audit import entry_of
from override.client import GOOD_FOR_MS, Console, NoAnswer
from override.keys import read_secret
from override.roles import Command
from override.storage import Storage
from override.views import Outcome, Reply
from tests.bad_line import NoNetwork, OwnNetwork, Relay
from tests.test_gateway import Station, wait_for


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("station"))
    yield station
    station.close()


@contextmanager
def over_relays(station: Station) -> Iterator[tuple[Console, tuple[Relay, Relay]]]:
    relays = Relay(station.endpoints[0]), Relay(station.endpoints[1])
    secret = read_secret(station.keys / "ana.key")
    try:
        with Console(
            secret, station.secret.curve_public, (relays[0].endpoint, relays[1].endpoint)
        ) as console:
            console.look()
            wait_for(lambda: console.listen(100), 20)
            yield console, relays
    finally:
        for relay in relays:
            relay.close()


def stop(console: Console, junction: str) -> Reply:
    return console.order(
        command=Command.ALL_RED, slot=4, junctions=(junction,), basis=(), lease_ms=60_000, reason="a test"
    )


def given(file: Path, junction: str) -> list[tuple[str, str]]:
    """(order, result) of every request for this junction that the audit has."""
    storage = Storage(file)
    entries = [entry_of(record) for _, record, _ in storage.chain()]
    storage.close()
    return [(e.order, e.result) for e in entries if e.kind == "request" and junction in e.junctions]


def test_a_cut_is_said_a_lost_answer_is_not_asked_anew_and_the_picture_comes_back(station: Station) -> None:
    """The order arrived, its answer did not: three tries of the same bytes are one order."""
    with over_relays(station) as (ana, relays):
        for relay in relays:
            relay.held.add("down")
        with pytest.raises(NoAnswer, match="look what acts before you ask again"):
            stop(ana, "J0")
        wait_for(lambda: ana.listen(100) is not None and ana.station_is_silent, 10)
        for relay in relays:
            relay.held.clear()
        wait_for(lambda: ana.listen(100) is not None and not ana.station_is_silent, 20)
        view = ana.look()
        here = [
            order for order in view.orders.values() if "J0" in view.junctions and order.command == "all-red"
        ]
        assert len(here) == 1, "it is seen that it acts after all"
        assert view.whole
        done = given(station.file, "J0")
        assert done == [(here[0].order, "accepted")]


def test_what_was_held_up_until_it_was_old_is_not_done_any_more(station: Station) -> None:
    with over_relays(station) as (ana, relays):
        relays[0].held.add("up")
        began_s = time.monotonic()
        with pytest.raises(NoAnswer):
            stop(ana, "J1")
        while time.monotonic() - began_s < GOOD_FOR_MS / 1000 + 0.5:
            ana.listen(100)
        assert not ana.station_is_silent, "only one way was held up"
        relays[0].held.clear()
        wait_for(lambda: given(station.file, "J1"), 20)
        assert {result for _, result in given(station.file, "J1")} == {"stale"}
        assert not ana.look().junctions["J1"].orders


def test_over_a_slow_line_an_order_is_sent_again_and_done_once(station: Station) -> None:
    with over_relays(station) as (ana, relays):
        relays[0].delay_s = 0.7  # there and back is longer than one try
        began_s = time.monotonic()
        reply = stop(ana, "J2")
        assert reply.outcome is Outcome.ACCEPTED
        assert time.monotonic() - began_s > 1.3
        relays[0].delay_s = 0.0
        wait_for(lambda: reply.order in ana.look().orders, 20)
        assert given(station.file, "J2") == [(reply.order, "accepted")]


def test_hosts_whose_wire_is_pulled_find_each_other_again(tmp_path: Path) -> None:
    try:
        network = OwnNetwork()
    except NoNetwork as reason:
        pytest.skip(f"no network of one's own here: {reason}")
    station = Station(tmp_path, host=network.here)
    try:

        def console() -> None:
            with station.console("ana") as ana:
                ana.look()
                order = stop(ana, "J0").order
                network.pull()
                with pytest.raises(NoAnswer):
                    stop(ana, "J1")
                wait_for(lambda: ana.listen(100) is not None and ana.station_is_silent, 10)
                network.plug_in()
                wait_for(lambda: ana.listen(100) is not None and not ana.station_is_silent, 60)
                view = ana.look()
                assert order in view.orders
                assert view.whole
                assert stop(ana, "J2").outcome is Outcome.ACCEPTED

        network.on_the_other_host(console)
        assert len(given(station.file, "J1")) <= 1
    finally:
        station.close()
        network.close()
