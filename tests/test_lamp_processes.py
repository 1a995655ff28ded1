"""Engine, monitor and street as processes: who may light what, and what becomes of it when one dies."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from controller.frame import empty_frame
from controller.monitor import Card
from controller.monitor.heads import bits_lit
from controller.monitor.heartbeat import answer
from controller.monitor.lamps import FLASH_RED, GREEN, RED
from controller.network import Network, build_network
from controller.permissive import card_of
from controller.vocabulary import Sensors
from controller.warm_up import warm_up
from override import lamp_line
from override.lamp_drill import Harm, LampDrill
from override.lamp_line import (
    BadMessage,
    Heads,
    Hello,
    LampLine,
    Permit,
    Proposal,
    Ruling,
    knock_at,
    pack,
    pack_reading,
    unpack,
    unpack_reading,
)
from override.monitor_process import MonitorProcess, Places
from override.street_process import PermitGate
from sim.city.generator.generate import generate, street_of_city
from sim.city.scenario import CityPlan
from tests.control_room import street as toy_town


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network(street_of_city(generate(CityPlan(junctions=12))), 100)


@pytest.fixture(scope="module")
def toy() -> tuple[Network, Card]:
    town = toy_town(2)
    return build_network(town, 100), card_of(town)


# --- the real processes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("process", "harm"), [("engine", Harm.KILL), ("monitor", Harm.KILL), ("street", Harm.KILL)]
)
def test_a_process_that_is_killed_is_flash_at_once_and_a_start_up_later(
    network: Network, tmp_path: Path, process: str, harm: Harm
) -> None:
    warm_up("actuated", Sensors.LOOPS)
    drill = LampDrill(network, card_of(network.street), tmp_path, speed=20.0)
    outcome = drill.harm(process, harm)
    assert outcome.flash_ms is not None
    assert outcome.flash_ms < 2_000, "500 ms on a machine that is not busy with other tests"
    assert outcome.back_s is not None, "and greens come back by themselves"
    assert outcome.conflicts == 0
    assert outcome.journal == "", "every journal left behind can be read"
    assert f"the {process} has died (exit code -9); it is started anew" in drill.said


# --- what the monitor lets pass ----------------------------------------------------------------


class Table:
    """A monitor with a clock in a test's hand, and the test as engine and street."""

    def __init__(self, toy: tuple[Network, Card], folder: Path) -> None:
        self.network, self.card = toy
        self.now_ms = 10_000
        self.said: list[str] = []
        self.latches = folder / "latches"
        self.places = Places(folder)
        self.monitor = self.new_monitor()
        self.number = self.sequence = self.reading = 0
        self.question = b""
        self.permitted = b""

    def new_monitor(self) -> MonitorProcess:
        return MonitorProcess(
            self.card, self.places, lambda: self.now_ms, latches=self.latches, say=self.said.append
        )

    def sit_down(self, card: bytes = b"") -> None:
        self.street, self.engine = self._knock(Hello("street")), self._knock(
            Hello("engine", card or bytes.fromhex(self.card.digest()))
        )  # fmt: skip
        self.hear()

    def _knock(self, hello: Hello) -> LampLine:
        line = knock_at(self.places.monitor)
        assert line is not None
        line.send(pack(hello))
        for _ in range(2):
            self.monitor.turn(0)
        return line

    def tick(self, lamps: np.ndarray, step_ms: int = 100) -> np.ndarray:
        self.now_ms += step_ms
        self.reading += 1
        self.sequence += 1
        lit = bits_lit(self.shown(), self.card.pedestrian).tobytes()
        self.street.send(pack(Heads(self.reading, 100 * self.reading, False, lit)))
        self.propose(lamps.astype(np.int8).tobytes())
        return self.shown()

    def propose(self, lamps: bytes, given: bytes | None = None) -> None:
        self.number += 1
        if given is None:
            given = answer(self.question, self.number, lamps)
        calls, no = bytes(self.card.group_count), bytes(self.card.junction_count)
        street_ms = 100 * self.reading
        proposal = Proposal(self.number, self.sequence, street_ms, self.reading, given, lamps, calls, no, no)
        self.engine.send(pack(proposal))
        self.monitor.turn(0)
        self.hear()

    def hear(self) -> None:
        while (data := self.engine.receive()) is not None:
            message = unpack(data)
            assert isinstance(message, Ruling)
            self.question = message.question
        while (data := self.street.receive()) is not None:
            message = unpack(data)
            assert isinstance(message, Permit)
            self.permitted = message.lamps

    def shown(self) -> np.ndarray:
        return np.frombuffer(self.permitted, np.int8)

    def flashes(self) -> bool:
        return bool((self.shown()[~self.card.pedestrian] == FLASH_RED).all())

    def begun(self) -> np.ndarray:
        """Through start-up flash and all-red, until greens are lawful."""
        red = np.zeros(self.card.group_count, np.int8)
        for _ in range(300):
            self.tick(red)
        assert not self.flashes()
        return red


@pytest.fixture
def desk(toy: tuple[Network, Card], tmp_path: Path) -> Iterator[Table]:
    desk = Table(toy, tmp_path)
    yield desk
    for end in (desk.street, desk.engine, desk.monitor):
        end.close()


def test_a_green_comes_through_the_start_up_and_only_then(desk: Table) -> None:
    desk.sit_down()
    assert desk.flashes()
    red = desk.begun()
    green = red.copy()
    green[0] = GREEN
    assert desk.tick(green)[0] == GREEN
    assert desk.said == []


def test_an_engine_that_finds_a_new_monitor_before_the_street_does_latches_nothing(desk: Table) -> None:
    """Once the street was taken to show red where nobody had said so: a flash that only a person ends."""
    red = np.zeros(desk.card.group_count, np.int8)
    desk.engine = desk._knock(Hello("engine", bytes.fromhex(desk.card.digest())))
    desk.question = unpack(desk.engine.receive() or b"").question  # type: ignore[union-attr]
    for _ in range(5):
        desk.now_ms, desk.reading, desk.sequence = desk.now_ms + 100, desk.reading + 1, desk.sequence + 1
        desk.number += 1
        lamps, number = red.tobytes(), desk.number
        calls, no = bytes(desk.card.group_count), bytes(desk.card.junction_count)
        given = answer(desk.question, number, lamps)
        proposal = Proposal(
            number, desk.sequence, 100 * desk.reading, desk.reading, given, lamps, calls, no, no
        )
        desk.engine.send(pack(proposal))
        desk.monitor.turn(0)
        while (data := desk.engine.receive()) is not None:
            desk.question = unpack(data).question  # type: ignore[union-attr]
    desk.street = desk._knock(Hello("street"))
    desk.hear()
    desk.begun()
    assert not desk.monitor.monitor.latched.any()
    assert desk.said == []


def test_an_engine_that_ends_is_flash_in_the_same_moment(desk: Table) -> None:
    desk.sit_down()
    desk.begun()
    desk.engine.close()
    desk.monitor.turn(0)
    while (data := desk.street.receive()) is not None:
        desk.permitted = unpack(data).lamps  # type: ignore[union-attr]
    assert desk.flashes()
    assert desk.said == ["monitor: C11: whole street: the engine's process has ended"]


def test_a_heartbeat_without_the_right_answer_is_silence(desk: Table) -> None:
    desk.sit_down()
    red = desk.begun()
    for _ in range(5):
        desk.now_ms += 100
        desk.propose(red.tobytes(), given=bytes(8))
    assert desk.flashes()
    assert any("C11" in line and "heartbeat" in line for line in desk.said)


def test_the_third_silence_in_a_day_is_latched_and_survives_a_restart(desk: Table) -> None:
    desk.sit_down()
    red = desk.begun()
    for _ in range(3):
        desk.now_ms += 400
        desk.monitor.turn(0)
        desk.hear()
        assert desk.flashes()
        for _ in range(130):
            desk.tick(red)
    assert desk.flashes(), "the third time nothing ends it but a person"
    assert "the third time in 24 h, latched" in desk.said[-1]
    desk.monitor.close()
    desk.monitor = desk.new_monitor()
    assert desk.monitor.monitor.latched.all(), "nor a loss of power"


def test_a4_one_bit_of_another_card_and_the_street_stays_in_flash(desk: Table) -> None:
    own = bytearray(bytes.fromhex(desk.card.digest()))
    own[5] ^= 1
    desk.sit_down(bytes(own))
    red = np.zeros(desk.card.group_count, np.int8)
    for _ in range(200):
        desk.tick(red)
    assert desk.flashes()
    assert [line for line in desk.said if "C15" in line]


def test_latches_that_cannot_be_read_latch_everything(toy: tuple[Network, Card], tmp_path: Path) -> None:
    (tmp_path / "latches").write_text("{half", encoding="utf-8")
    desk = Table(toy, tmp_path)
    assert desk.monitor.monitor.latched.all()
    assert "every junction is latched" in desk.said[0]
    desk.monitor.close()


# --- what the street shows -----------------------------------------------------------------------


def permit(card: Card, number: int, reading: int, lamp: int = FLASH_RED) -> Permit:
    lamps = np.where(card.pedestrian, RED, lamp).astype(np.int8)
    return Permit(number, reading, lamps.tobytes())


def test_a_permit_is_fresh_for_300_ms_from_its_reading(toy: tuple[Network, Card]) -> None:
    _, card = toy
    gate = PermitGate(card)
    gate.given(1, 1000)
    assert gate.take(permit(card, 1, 1), 1020)
    gate.given(2, 1100)
    assert gate.take(permit(card, 2, 2, RED), 1110)
    assert (gate.lamps(1400) == RED).all()
    assert (gate.lamps(1401)[~card.pedestrian] == FLASH_RED).all(), "it flashes by itself"
    gate.given(3, 1500)
    assert not gate.take(permit(card, 3, 3, RED), 1510), "nothing but the monitor's own flash leads out"
    assert gate.take(permit(card, 4, 3), 1520)
    assert gate.take(permit(card, 5, 3, RED), 1530)


def test_permits_that_are_late_old_or_nonsense_light_nothing(toy: tuple[Network, Card]) -> None:
    _, card = toy
    gate = PermitGate(card)
    gate.given(1, 1000)
    assert not gate.take(permit(card, 1, 1), 1301), "held up on its way"
    assert not gate.take(permit(card, 1, 9), 1100), "for a reading nobody gave"
    assert not gate.take(Permit(1, 1, b"\x01"), 1100), "for another street"
    assert not gate.take(permit(card, 1, 1, 99), 1100), "no such lamp"
    assert not gate.take(permit(card, 1, 1), 999), "the clock went back"
    assert gate.take(permit(card, 1, 1), 1100)
    assert not gate.take(permit(card, 1, 1), 1100), "a recording"
    assert gate.refused == 6


# --- the line ----------------------------------------------------------------------------------


def line_of_two() -> tuple[LampLine, LampLine]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return LampLine(one), LampLine(other)


def test_long_messages_arrive_whole_and_an_end_is_seen_at_once() -> None:
    one, other = line_of_two()
    long = bytes(range(256)) * 2000
    assert one.send(long)
    assert one.send(b"short")
    assert other.receive() == long
    assert other.receive() == b"short"
    assert other.receive() is None
    assert not other.closed
    one.close()
    assert other.receive() is None
    assert other.closed
    other.close()


def test_a_full_line_loses_whole_messages_and_never_waits() -> None:
    one, other = line_of_two()
    sent = [k for k in range(3000) if one.send(bytes([k % 251]) * 150_000)]
    assert 0 < len(sent) < 3000
    heard = []
    while (message := other.receive()) is not None:
        assert len(message) == 150_000
        heard.append(message[0])
    assert heard == [k % 251 for k in sent]
    one.close()
    other.close()


def test_only_the_same_user_comes_in(tmp_path: Path) -> None:
    door = lamp_line.listen_at(tmp_path / "door")
    assert stat.S_IMODE((tmp_path / "door").stat().st_mode) == 0o600
    assert lamp_line.take_line(door) is None
    knocked = knock_at(tmp_path / "door")
    let_in = lamp_line.take_line(door)
    assert knocked is not None
    assert let_in is not None
    assert knock_at(tmp_path / "nobody") is None
    for end in (knocked, let_in):
        end.close()
    door.close()


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\x93\x01\x02", b"\x91\x09", pack(Hello("street"))[:-1], b"\x90"]
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        unpack(data)


def test_a_reading_arrives_as_it_was_taken_with_more_tracks_and_buses_than_before(
    toy: tuple[Network, Card],
) -> None:
    network, _ = toy
    given, taken = empty_frame(network, Sensors.FULL), empty_frame(network, Sensors.FULL)
    given.sequence, given.time_ms, given.n_tracks, given.n_buses = 5, 700, 900, 3
    for name in lamp_line.TRACK_FIELDS:
        setattr(given, name, np.arange(1000).astype(getattr(given, name).dtype))
    for name in lamp_line.BUS_FIELDS:
        setattr(given, name, np.arange(3).astype(getattr(given, name).dtype))
    given.lamps_shown[:] = GREEN
    assert unpack_reading(pack_reading(9, 800, given, whole=True), network, taken) == (9, 800)
    assert (taken.n_tracks, taken.n_buses, taken.sequence, taken.time_ms) == (900, 3, 5, 700)
    assert taken.track_distance_m[:900].tolist() == given.track_distance_m[:900].tolist()
    assert taken.bus_persons[:3].tolist() == [0.0, 1.0, 2.0]
    given.lamps_shown[:] = RED
    given.sequence = 6
    unpack_reading(pack_reading(10, 900, given, whole=False), network, taken)
    assert taken.lamps_shown.tolist() == given.lamps_shown.tolist()
    assert taken.n_tracks == 900
    with pytest.raises(BadMessage):
        unpack_reading(
            pack_reading(11, 900, empty_frame(build_network(toy_town(3), 100), Sensors.LOOPS), True),
            network,
            taken,
        )


# --- the table ---------------------------------------------------------------------------------
