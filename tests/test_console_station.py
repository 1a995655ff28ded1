"""The console against a real station of processes: keys pressed here, orders there, lamps that prove them."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from textual.widgets import Input

from override.citizen.link import CitizenConsole
from override.client import Console
from override.flag_messages import FlagAction, FlagLife, FlagView, Kind
from override.keys import add_person, init_keys, read_secret
from override.refused import Refused
from override.roles import Command, Role, Slot
from tests.console_stage import Played
from tests.test_station import Running
from tui.app import BelishaConsole
from tui.corridor_dialog import CorridorDialog
from tui.flags_screen import FlagsScreen
from tui.link import Link
from tui.looks import Look
from tui.model import Contact
from tui.order_dialog import OrderDialog

PEOPLE = {
    "ana": Role.OPERATOR, "ole": Role.OPERATOR, "sam": Role.SUPERVISOR, "sue": Role.SUPERVISOR,
    "citizen": Role.CITIZEN_GATEWAY,
}  # fmt: skip
START_S, WAIT_S = 400.0, 60.0
"""Where kernels are compiled first; for what takes a second on a machine that has nothing else to do."""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("console")
    init_keys(folder / "keys")
    for name, role in PEOPLE.items():
        add_person(folder / "keys", name, role)
    running = Running(folder, "tcp://127.0.0.1:*", "foresees")
    try:
        end_s = time.monotonic() + START_S
        while "ready: " not in running.said.read_text(encoding="utf-8") and running.process.poll() is None:
            assert time.monotonic() < end_s, running.said.read_text(encoding="utf-8")
            time.sleep(0.1)
        running.ready()
        yield running
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    finally:
        running.process.kill()
        running.process.wait()


class Seat(Played):
    """Somebody before a console."""

    def __init__(self, station: Running, name: str) -> None:
        keys = station.folder / "keys"
        secret, public = read_secret(keys / f"{name}.key"), read_secret(keys / "station.key").curve_public
        endpoints = station.ready()
        link = Link(lambda: Console(secret, public, endpoints))
        super().__init__(BelishaConsole(link, name, PEOPLE[name], look=Look()))

    def act(self, story: Callable[[Seat], Awaitable[None]]) -> None:
        """Play the story once the station has answered, and hang up."""

        async def connected(seat: Seat) -> None:
            try:
                await seat.until(lambda: seat.app.sight.contact is Contact.LIVE)
                await story(seat)
            finally:
                seat.app.wire.stop()

        self.play(connected, 100, 30)

    async def until(self, true: Callable[[], object]) -> None:
        """Until the street has brought it about."""
        end_s = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < end_s, "\n".join(self.lines())
            await asyncio.sleep(0.05)

    async def until_it_says(self, words: str) -> None:
        """Until these words stand on the screen."""
        await self.until(lambda: words in self.words())

    async def order(self, junction: str, *answers: str) -> None:
        """Up to the preview, when the forecast has come."""
        self.app.choose(junction)
        await self.press("o")
        for answer in answers:
            if len(answer) == 1:
                await self.press(answer)
            else:
                self.app.screen.query_one("#typed", Input).value = answer
                await self.press("enter")
        await self.until(lambda: isinstance(self.app.screen, OrderDialog) and self.app.screen.foreseen)


def told(station: Running) -> list[str]:
    """Orders the engine was told of: id, junction, command."""
    return (station.folder / "told.txt").read_text(encoding="utf-8").splitlines()


def test_a_hold_is_previewed_sent_proven_by_the_lamps_and_ends_by_itself(station: Running) -> None:
    async def story(seat: Seat) -> None:
        await seat.order("J0", "1", "1", "5", "9s", "1")
        await seat.until_it_says("everybody")
        assert not told_of(station, "J0")
        await seat.press("s")
        await seat.until_it_says("Done: the lamps prove it.")
        (line,) = told_of(station, "J0")
        order = line.split()[0]
        assert line.endswith("J0 hold")
        assert seat.app.sight.orders[order].state == "effective"
        assert seat.app.sight.junctions["J0"].stage == "s0"
        await seat.until(lambda: order not in seat.app.sight.orders)
        await seat.until_it_says("ENDED")

    Seat(station, "ana").act(story)


def told_of(station: Running, junction: str) -> list[str]:
    return [line for line in told(station) if f" {junction} " in line]


def test_an_order_is_released_with_one_key(station: Running) -> None:
    async def story(seat: Seat) -> None:
        await seat.order("J5", "1", "2", "3", "1")
        await seat.press("s")
        await seat.until(lambda: any(o.issuer == "ana" for o in seat.app.sight.orders.values()))
        await seat.press("escape", "l")
        await seat.until_it_says("hold s1")
        await seat.press("x")
        await seat.until(lambda: not seat.app.sight.orders)

    Seat(station, "ana").act(story)


def test_a_way_is_cleared_proven_by_every_lamp_and_given_back_at_once(station: Running) -> None:
    async def story(seat: Seat) -> None:
        seat.app.choose("J2")
        await seat.press("c", "2", *"J4", "enter")
        dialog = seat.app.screen
        assert isinstance(dialog, CorridorDialog)
        way = [leg.junction for leg in dialog.legs]
        assert way == ["J2", "J3", "J4"]
        await seat.press("enter", "1")
        await seat.until_it_says("everybody")
        before = len(told(station))
        await seat.press("s")
        await seat.until_it_says("Done: the lamps prove it.")
        assert {line.split(" ", 1)[1] for line in told(station)[before:]} == {
            f"{name} corridor" for name in way
        }
        (order,) = (o for o in seat.app.sight.orders.values() if o.command == Command.CORRIDOR)
        assert order.state == "effective"
        for leg in dialog.legs:
            assert order.order in seat.app.sight.junctions[leg.junction].orders
        await seat.press("x")
        await seat.until_it_says("Ended: it was given back")
        assert seat.app.corridor is not None
        assert seat.app.corridor.progress(0).endswith("All 3 junctions were open.")
        await seat.until(lambda: not any(order.order in j.orders for j in seat.app.sight.junctions.values()))

    Seat(station, "ana").act(story)


@pytest.mark.long
def test_a_lockout_waits_for_a_second_person_who_signs_what_the_first_has_signed(station: Running) -> None:
    async def first(seat: Seat) -> None:
        seat.app.choose("J1")
        await seat.press("o")
        dialog = seat.app.screen
        assert isinstance(dialog, OrderDialog)
        at = [offer.command for offer in dialog.offers].index(Command.LOCKOUT)
        await seat.press(*["down"] * at, "enter", "1", "1")
        if dialog.step == "why":
            await seat.press("1")
        await seat.until(lambda: dialog.foreseen)
        await seat.until_it_says("needs a second person")
        await seat.press("s")
        await seat.until_it_says("Nothing has changed on the street.")
        assert not told_of(station, "J1")
        with station.console("sue") as sue:
            (waits,) = [o for o in sue.look().orders.values() if o.state == "requested"]
            sue.approve(waits.digest)
        await seat.until_it_says("Done: the lamps prove it.")
        assert told_of(station, "J1")[-1].endswith("lockout")
        await seat.press("escape", "l", "x", "Y")
        await seat.until(lambda: not seat.app.sight.orders)

    Seat(station, "sam").act(first)

    with station.console("sam") as sam:
        version = sam.look().junctions["J4"].version
        sam.order(command=Command.LOCKOUT, slot=int(Slot.SUPERVISOR), junctions=("J4",), basis=(version,),
                  lease_ms=60_000, reason="test")  # fmt: skip

        async def second(seat: Seat) -> None:
            await seat.until(lambda: seat.app.sight.orders)
            await seat.press("l", "enter")
            await seat.until_it_says("digest begins with")
            await seat.press("D")
            await seat.until(lambda: not seat.app.sight.orders)
            assert not any(line.endswith("lockout") for line in told_of(station, "J4"))

        Seat(station, "sue").act(second)


def test_panic_is_typed_and_the_lamps_are_red(station: Running) -> None:
    async def story(seat: Seat) -> None:
        seat.app.choose("J3")
        await seat.press("exclamation_mark", "enter")
        seat.app.screen.query_one("#typed", Input).value = "J3"
        await seat.press("enter")
        await seat.until_it_says("Done: the lamps prove it.")
        await seat.until(lambda: set(seat.app.sight.junctions["J3"].lamps) <= {"R", "C"})
        await seat.press("escape", "l", "x")
        await seat.until_it_says("Release it?")
        await seat.press("Y")
        await seat.until(lambda: not seat.app.sight.orders)
        await seat.until(lambda: "G" in seat.app.sight.junctions["J3"].lamps)

    Seat(station, "ana").act(story)


def test_an_alarm_is_acknowledged_and_suspended_by_name(station: Running) -> None:
    with station.console("sam") as sam:
        version = sam.look().junctions["J2"].version
        reply = sam.order(
            command=Command.LOCKOUT, slot=int(Slot.SUPERVISOR), junctions=("J2",), basis=(version,),
            lease_ms=30_000, reason="test", break_glass=True,
        )  # fmt: skip

        async def story(seat: Seat) -> None:
            await seat.press("a")
            await seat.until(
                lambda: any("glass broken" in a.sentence for a in seat.app.sight.alarms.values())
            )
            alarm = next(a.alarm for a in seat.app.sight.alarms.values() if "glass broken" in a.sentence)
            table = seat.app.screen.query_one("#alarms")
            await seat.until(lambda: table.rows_shown)  # type: ignore[attr-defined]
            table.choose(alarm)  # type: ignore[attr-defined]
            await seat.press("k")
            await seat.until(
                lambda: alarm not in seat.app.sight.alarms or seat.app.sight.alarms[alarm].acknowledged
            )
            if alarm in seat.app.sight.alarms:
                assert seat.app.sight.alarms[alarm].by == "ana"

        Seat(station, "ana").act(story)
        with suppress(Refused):  # its lease may be over by now
            sam.order(
                command=Command.RELEASE, slot=int(Slot.SUPERVISOR), junctions=(), basis=(), order=reply.order
            )


def test_a_flag_is_answered_and_the_answer_reaches_the_citizen_process(station: Running) -> None:
    case = FlagView(
        "f-1", "J0", "walk.ns", "", Kind.BUTTON_DEAD, FlagLife.WITH_A_PERSON, 3, 600_000,
        evidence="no press in three hours", agrees=True,
    )  # fmt: skip
    keys = station.folder / "keys"
    said = station.said.read_text(encoding="utf-8")
    (citizens,) = re.findall(r"citizens at (\S+)", said)
    public = read_secret(keys / "station.key").curve_public
    with CitizenConsole(read_secret(keys / "citizen.key"), public, (citizens, station.ready()[1])) as citizen:
        citizen.look()
        citizen.tell_cases((case, replace(case, flag="f-2", kind=Kind.OTHER, urgent=True)), ())

        async def story(seat: Seat) -> None:
            await seat.until(lambda: len(seat.app.sight.flags) == 2)
            await seat.press("f")
            await seat.until_it_says("no press in three hours")
            screen = seat.app.screen
            assert isinstance(screen, FlagsScreen)
            assert screen.flag is not None
            assert screen.flag.flag == "f-2", "the urgent one first"
            await seat.press("down")
            assert screen.flag.flag == "f-1"
            await seat.press("r")
            await seat.until_it_says("Reject this case?")
            await seat.press("1")

            def heard() -> bool:
                citizen.listen(10)
                return bool(citizen.acts)

            await seat.until(heard)

        Seat(station, "ana").act(story)
        (act,) = citizen.acts
        assert (act.flag, act.action, act.issuer) == ("f-1", FlagAction.REJECT, "ana")
        assert act.reason
