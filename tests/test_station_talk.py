"""What a station tells and takes beside orders, over real sockets: alarms, events, audit, citizens' cases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import zmq

from override import wire
from override.client import Console, NoAnswer
from override.flag_messages import CasesRequest, FlagAction, FlagActRequest, FlagLife, FlagView, Kind
from override.keys import add_person, read_secret
from override.refused import Refused
from override.requests import AlarmAction
from override.roles import Role
from override.storage import Storage
from override.views import Outcome, Urgency
from tests.test_gateway import Station, release, stop, wait_for


def view(flag: str, **more: object) -> FlagView:
    usual: dict[str, object] = {
        "junction": "J1", "group": "walk.ns", "district": "", "kind": Kind.BUTTON_DEAD,
        "life": FlagLife.CONFIRMED, "count": 3, "age_ms": 60_000,
    }  # fmt: skip
    return FlagView(flag, **{**usual, **more})  # type: ignore[arg-type]


class Citizen(Console):
    """The citizen process, as far as the station sees it."""

    def tell(self, *views: FlagView, handled: tuple[str, ...] = (), parts: int = 1) -> None:
        per = -(-len(views) // parts) or 1
        for k in range(parts):
            rows = views[k * per : (k + 1) * per]
            request = CasesRequest(self._header(), self._secret.name, k, parts, rows, handled)
            self._ask("cases", wire.seal(request, self._secret.sign))


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("talk"), people={"aud": Role.AUDITOR, "vic": Role.VIEWER})
    add_person(station.keys, "gate", Role.CITIZEN_GATEWAY)
    time.sleep(0.1)
    yield station
    station.close()


def citizen(station: Station) -> Citizen:
    endpoints = (station.gateway.citizens, station.endpoints[1])
    return Citizen(read_secret(station.keys / "gate.key"), station.secret.curve_public, endpoints)


def until(console: Console, condition: object) -> None:
    wait_for(lambda: console.listen(100) is not None and condition(), 20)  # type: ignore[operator]


def test_an_alarm_is_acknowledged_by_who_may_and_it_stands_in_the_audit(station: Station) -> None:
    with station.console("ana") as ana, station.console("vic") as vic:
        ana.look()
        station.gateway.watchman.once("test", "something is odd at J1", "J1")
        until(ana, lambda: "test:J1" in ana.view.alarms)
        with pytest.raises(Refused, match="may not act on alarms"):
            vic.act_on_alarm("test:J1", AlarmAction.ACKNOWLEDGE)
        reply = ana.act_on_alarm("test:J1", AlarmAction.SUSPEND, 60_000, "works at the corner")
        assert reply.outcome is Outcome.DONE
        until(ana, lambda: ana.view.alarms["test:J1"].suspended)
        assert ana.view.alarms["test:J1"].by == "ana"
        with station.console("aud") as auditor:
            page = auditor.audit()
            assert page.verified
            (row,) = [r for r in page.rows if r.what == "request alarm suspend" and r.actor == "ana"]
            assert row.order == "test:J1"
            assert "works at the corner" in row.words
            older = auditor.audit(before=page.rows[-1].number)
            assert all(r.number < page.rows[-1].number for r in older.rows)
        with pytest.raises(Refused, match="may not read the audit"):
            ana.audit()


def test_events_tell_the_life_of_an_order_and_earlier_ones_can_be_asked_for(station: Station) -> None:
    with station.console("ana") as ana:
        ana.look()
        order = stop(ana, "J2")
        until(ana, lambda: [e for e in ana.events if order in e.sentence and "is shown" in e.sentence])
        release(ana, order)
        until(ana, lambda: [e for e in ana.events if order in e.sentence and "has ended" in e.sentence])
        mine = [e.sentence for e in ana.earlier() if e.kind == "order" and order in e.sentence]
        assert ["accepted" in mine[0], "is shown" in mine[1], "released" in mine[2]] == [True] * 3
        numbers = [e.number for e in ana.earlier(junction="J2")]
        assert numbers == sorted(numbers)
        assert all(e.number < numbers[-1] for e in ana.earlier(before=numbers[-1]))


def test_cases_reach_every_console_and_a_shorter_list_takes_them_away(station: Station) -> None:
    with citizen(station) as gate, station.console("ana") as ana:
        gate.look()
        ana.look()
        gate.tell(*(view(f"F{k}") for k in range(150)), view("F-urgent", urgent=True), parts=3)
        until(ana, lambda: len(ana.view.flags) == 151)
        assert ana.view.flags["F7"].age_ms >= 60_000
        gate.tell(view("F7", life=FlagLife.REMEDIED, remedy="recall", remedy_left_ms=900_000))
        until(ana, lambda: list(ana.view.flags) == ["F7"])
        assert ana.view.flags["F7"].life is FlagLife.REMEDIED
        assert 890_000 < ana.view.flags["F7"].remedy_left_ms <= 900_000
        assert list(ana.look().flags) == ["F7"]
        frame = wire.seal(CasesRequest(ana._header(), "ana", 0, 1, ()), ana._secret.sign)
        with pytest.raises(Refused, match="tells no cases"):
            ana._ask("cases", frame)


def test_what_a_person_does_with_a_case_is_told_until_the_citizen_process_has_it(station: Station) -> None:
    with citizen(station) as gate, station.console("sam") as sam, station.console("vic") as vic:
        gate.look()
        gate.tell(view("F9"))
        sam.look()
        with pytest.raises(Refused, match="no case F8"):
            sam.act_on_flag("F8", FlagAction.ACCEPT)
        with pytest.raises(Refused, match="needs a reason"):
            sam.act_on_flag("F9", FlagAction.FIXED)
        with pytest.raises(Refused, match="may not act on citizens' cases"):
            vic.act_on_flag("F9", FlagAction.ACCEPT)
        assert sam.act_on_flag("F9", FlagAction.FIXED, "button replaced").outcome is Outcome.DONE
        heard: list[FlagActRequest] = []
        until(gate, lambda: bool(heard.extend(gate.acts)) or bool(heard))
        assert (heard[0].flag, heard[0].issuer, heard[0].reason) == ("F9", "sam", "button replaced")
        nonce = heard[0].header.nonce.hex()
        gate.acts.clear()
        until(gate, lambda: gate.acts)
        assert {act.header.nonce.hex() for act in gate.acts} == {nonce}, "again, as long as it is not named"
        gate.tell(view("F9", life=FlagLife.FIXED), handled=(nonce,))
        assert len(station.gateway.flag_post) == 0
        other = Storage(station.file)
        assert other.flag_acts() == []
        other.close()


def test_the_citizen_process_is_heard_at_its_own_endpoint_and_nobody_else_there(station: Station) -> None:
    gate, ana = (read_secret(station.keys / f"{name}.key") for name in ("gate", "ana"))
    public, (orders, pictures) = station.secret.curve_public, station.endpoints
    for secret, endpoint in ((gate, orders), (ana, station.gateway.citizens)):
        console = Console(secret, public, (endpoint, pictures))
        console._asks.setsockopt(zmq.HANDSHAKE_IVL, 500)
        with console, suppress(NoAnswer):
            assert not console._asks.poll(600, zmq.POLLOUT), "the door does not open"


def test_a_flood_at_the_citizens_endpoint_does_not_keep_an_operator_waiting(station: Station) -> None:
    with citizen(station) as gate, station.console("ana") as ana:
        gate.look()
        long = view("F1", evidence="x" * 300)
        frame = wire.seal(CasesRequest(gate._header(), "gate", 0, 2, (long,) * 100), gate._secret.sign)
        calm, flooded = [], []
        for took_ms, flood in ((calm, 0), (flooded, 30)):
            for _ in range(15):
                for _ in range(flood):
                    with suppress(zmq.Again):
                        gate._asks.send_multipart((b"cases", frame), zmq.NOBLOCK)
                began_s = time.monotonic()
                release(ana, stop(ana, "J1"))
                took_ms.append(1000 * (time.monotonic() - began_s) / 2)
        # One of these messages takes about ten milliseconds to read, twenty of them two hundred.
        assert sorted(flooded)[7] < 3 * sorted(calm)[7] + 120


def test_a_silent_citizen_process_is_an_alarm_once_it_has_ever_been_heard(station: Station) -> None:
    with citizen(station) as gate, station.console("ana") as ana:
        gate.look()
        gate.tell()
        ana.look()
        assert "citizen" not in ana.view.alarms
        station.gateway.watchman.citizen_ms -= 11_000
        until(ana, lambda: "citizen" in ana.view.alarms and ana.view.alarms["citizen"].active)
        gate.tell()
        until(ana, lambda: not ana.view.alarms["citizen"].active)


def test_acts_and_alarms_outlive_the_gateway(tmp_path: Path) -> None:
    station = Station(tmp_path, people={"gate": Role.CITIZEN_GATEWAY})
    try:
        with citizen(station) as gate, station.console("sam") as sam:
            gate.look()
            gate.tell(view("F3"))
            sam.look()
            station.gateway.watchman.once("test", "odd", "J1", Urgency.NOW)
            until(sam, lambda: "test:J1" in sam.view.alarms)
            sam.act_on_alarm("test:J1", AlarmAction.SUSPEND, 3_600_000, "later")
            sam.act_on_flag("F3", FlagAction.CREW_SENT)
    finally:
        station.close()
    again = Station(tmp_path, keys_there=True)
    try:
        with citizen(again) as gate, again.console("sam") as sam:
            gate.look()
            until(gate, lambda: gate.acts)
            assert gate.acts[0].action is FlagAction.CREW_SENT
            sam.look()
            assert sam.view.alarms["test:J1"].suspended
            assert sam.view.alarms["test:J1"].by == "sam"
            assert again.gateway.watchman.citizen_ms >= 0, "it knows that there is such a process"
    finally:
        again.close()
