"""A station in one process for tests of foresight: a city under an engine, a desk, a forecaster."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from controller.policy import Policy
from controller.tick import Controller
from override.counter import Counter
from override.desk import Desk
from override.engine import Engine, pack_acts, report_of
from override.forecast import Forecaster
from override.foresight import Foresight
from override.handover import handover_of
from override.places import Places
from override.previews import Forecast, PreviewRequest, Receipt
from override.requests import OrderRequest
from override.reset_words import Tripped
from override.roles import Command
from override.ruling import Act, Person
from override.storage import Change, Storage
from override.telemetry import said
from override.what_if import HELLO, READY, pack_outcome, unpack_question
from sim.city.load import City
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, RunPlan
from sim.city.world import World
from tests.control_room import ANA, header, slot_of

BEGIN_S = 7 * 3600
HAMLET = CityScenario(
    "hamlet",
    city=CityPlan(junctions=12, seed=3),
    demand=DemandPlan(veh_per_h_per_junction=420.0, walks_per_h_per_junction=80.0),
    run=RunPlan(BEGIN_S, BEGIN_S + 1800),
)
WALL_MS = 1_700_000_000_000


class PaperLine:
    """One end of a line inside one process."""

    def __init__(self, out: deque[bytes], back: deque[bytes]) -> None:
        self._out, self._in = out, back
        self.deaf = False

    def send(self, message: bytes) -> bool:
        if not self.deaf:
            self._out.append(message)
        return not self.deaf

    def receive(self) -> bytes | None:
        return self._in.popleft() if self._in else None


def paper_line() -> tuple[PaperLine, PaperLine]:
    one: deque[bytes] = deque()
    other: deque[bytes] = deque()
    return PaperLine(one, other), PaperLine(other, one)


class ForecasterLine(PaperLine):
    """A line with a forecaster at its end that answers at once."""

    def __init__(self, forecaster: Forecaster) -> None:
        super().__init__(deque(), deque())
        self._forecaster = forecaster
        self.silent = False

    def send(self, message: bytes) -> bool:
        if message == HELLO:
            self._in.append(READY)
        elif not self.silent:
            question, handover = unpack_question(message)
            self._in.append(pack_outcome(self._forecaster.answer(question, handover_of(handover))))
        return True


class Room:
    """The city runs a second at a time; the station's clock is the street's."""

    def __init__(self, city: City, file: Path, forecaster: Forecaster | None) -> None:
        self.city = city
        near, far = paper_line()
        self.engine_line = near
        self.line = None if forecaster is None else ForecasterLine(forecaster)
        self.world = World(
            city,
            make_controller=lambda network, now_ms: Engine(
                Controller(network, "adaptive", Policy(), now_ms), far, lambda: self.world.now_ms
            ),
        )
        self.file = file
        self.receipts: list[Receipt] = []
        self.tripped: set[str] = set()
        self._open()
        self.slips = 0

    def _open(self) -> None:
        self.storage = Storage(self.file)
        self.desk = Desk(Places(self.city.network.street))
        self.counter = Counter(self.desk, self.storage, b"boot-one", self._tell)
        self.foresight = Foresight(
            self.city.network, self.counter, self.engine_line, self.line, self.districts(),
            self.receipts.append, lambda name: Tripped(name, name in self.tripped, 7, 1),
        )  # fmt: skip

    def gateway_anew(self) -> None:
        """As if its process had died: the engine goes on, the rest comes from the file."""
        self.storage.close()
        self._open()
        self.counter.start(self.now_ms, WALL_MS)

    def districts(self) -> list[str]:
        names = self.city.roads.districts
        return [names[int(d)] for d in self.city.roads.junction_district]

    @property
    def now_ms(self) -> int:
        return self.world.now_ms

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.world.run_until(self.now_ms + 1000)
            self.turn()

    def turn(self) -> None:
        """As the gateway's: hear the engine, let time do what it does."""
        while (message := self.engine_line.receive()) is not None:
            if self.foresight.hears(message) or said(message) is not None:
                continue
            for order, junction, why in report_of(message).vetoed:
                versions = self.desk.vetoed(order, junction, why, self.now_ms)
                self.counter.move(versions, self.now_ms, WALL_MS, "engine")
        self.counter.tick(self.now_ms, WALL_MS)
        self.foresight.turn(self.now_ms, WALL_MS)

    def request(
        self, command: Command, junctions: Sequence[str], who: Person = ANA, **more: Any
    ) -> OrderRequest:
        self.slips += 1
        usual: dict[str, Any] = {
            "header": header(self.slips, nonce=self.slips.to_bytes(16, "big")), "issuer": who.name,
            "command": command, "slot": slot_of(who, command), "junctions": tuple(junctions),
            "basis": tuple(self.desk.versions[j] for j in junctions), "lease_ms": 60_000, "reason": "test",
        }  # fmt: skip
        return OrderRequest(**{**usual, **more})

    def preview(self, command: Command, junctions: Sequence[str], who: Person = ANA, **more: Any) -> Forecast:
        """Ask, and let the city run until it is answered."""
        order = self.request(command, junctions, who, **more)
        return self.ask(PreviewRequest(order.header, who.name, order), who)

    def ask(self, request: PreviewRequest, who: Person = ANA) -> Forecast:
        told: list[Forecast] = []
        self.foresight.previews.ask(request, who, self.now_ms, told.append)
        for _ in range(12):
            if told:
                return told[0]
            self.run(1)
        raise AssertionError("no answer")

    def order(self, command: Command, junctions: Sequence[str], who: Person = ANA, **more: Any) -> str:
        """Give it, as the counter would; its id."""
        request = self.request(command, junctions, who, **more)
        ruling = self.desk.rule(request, self.slips.to_bytes(32, "big"), who, self.now_ms)
        self.storage.commit(Change(ruling.versions))
        self.desk.take(ruling.versions)
        self._tell(self.desk.acts(self.now_ms))
        return ruling.order

    def _tell(self, acts: tuple[Act, ...]) -> None:
        for message in pack_acts(acts):
            self.engine_line.send(message)
