"""A room in which versions are proposed and agreed to: counter, file, engine and toy street."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from controller.junction import FixedPlan, Junction, PlanStep, StreetNetwork
from controller.network import build_network
from controller.permissive import card_of
from controller.policy import Policy
from controller.street_file import street_to_text
from controller.tick import Controller
from override import wire
from override.counter import Counter
from override.deploy_messages import (
    PART_BYTES,
    DeployAction,
    DeployRequest,
    StreetRequest,
    VersionPart,
    VersionState,
)
from override.deploying import Deploying
from override.desk import Desk
from override.engine import Engine
from override.line import LocalLine, line_pair
from override.places import Places
from override.requests import Header
from override.roles import Role
from override.storage import Storage
from override.topics import TOPICS
from override.version import Version, pack_content, statement, unpack_content
from override.version_check import Installation, number_to_begin
from override.views import Reply
from tests.control_room import street
from tests.order_street import Street as ToyStreet
from tests.paper_station import BOOT, WALL_MS, Console

SUE, SAM = Console("sue", Role.SUPERVISOR), Console("sam", Role.SUPERVISOR)
ENG, ANA = Console("eng", Role.ENGINEER), Console("ana", Role.OPERATOR)
EVERYBODY = {c.identity.name: c for c in (SUE, SAM, ENG, ANA)}
LONG = FixedPlan("day", 140_000, 0, (PlanStep("s0", 70_000), PlanStep("s1", 20_000), PlanStep("s2", 30_000),
                                     PlanStep("s3", 20_000)))  # fmt: skip


def wired(base: StreetNetwork) -> StreetNetwork:
    """The same street with a head for each group, so that a file can hold it."""
    return replace(base, junctions=tuple(_wired(junction) for junction in base.junctions))


def _wired(junction: Junction) -> Junction:
    at = {group.name: k for k, group in enumerate(junction.groups)}
    return replace(
        junction,
        groups=tuple(replace(g, links=(at[g.name],)) for g in junction.groups),
        lanes=tuple(
            replace(lane, movements=tuple(replace(m, link=at[m.group]) for m in lane.movements))
            for lane in junction.lanes
        ),
    )


class Deployment:
    """`gateway()` and `engine_anew()` begin a part anew, as if its process had died."""

    def __init__(self, folder: Path, junctions: int = 3) -> None:
        self.file = folder / "station.db"
        self.street = wired(street(junctions))
        self.now_ms, self.street_ms = 1_000_000, 0
        self.alarms: list[str] = []
        self.anew: list[tuple[int, bool]] = []
        self.number = 0
        self.installation = Installation(
            self.street, Policy(), self.file, lambda street: card_of(street).digest()
        )
        self.toy = ToyStreet(*self.street.junctions)
        self.storage: Storage | None = None
        self.lines: list[LocalLine] = []
        self.open()
        self.engine_anew()

    # --- parts that may die ------------------------------------------------------------------

    def open(self) -> None:
        """A gateway, with a line of its own to whatever engine there is."""
        if self.storage is not None:
            self.storage.close()
        self.storage = storage = Storage(self.file)
        self.begins = number_to_begin(self.installation)
        self.desk = Desk(Places(self.street))
        self.counter = Counter(self.desk, storage, BOOT, lambda acts: None, self.alarms.append)
        self.deploying = Deploying(
            self.installation, storage, lambda name: EVERYBODY[name].secret.sign_public, self.counter.keep,
            self.alarms.append, lambda words: None, self, None, self._begin, lambda number: None,
            lambda: self.counter.disk_is_full,
        )  # fmt: skip
        self.deploying.restaging = lambda junctions: self.desk.places.change_stages(junctions)
        self.counter.others[DeployRequest] = lambda r, who, _: self.deploying.rule(r, who, WALL_MS)
        self.counter.settled = lambda r, ruling: self.deploying.settled(r, ruling, self.now_ms)  # type: ignore[arg-type]
        self.counter.start(self.now_ms, WALL_MS)
        self.deploying.start(self.now_ms, WALL_MS)

    def engine_anew(self, number: int = 0) -> None:
        """An engine that begins with what the file says, or with this version."""
        self.number = number or number_to_begin(self.installation)
        ends = line_pair()
        for line in self.lines:
            line.close()
        self.lines = [LocalLine(end) for end in ends]
        self.here, there = self.lines
        made = self._controller(self.number, self.street_ms)
        self.engine = Engine(made, there, lambda: self.now_ms, 1.0, self._controller, self.number)

    def close(self) -> None:
        for line in self.lines:
            line.close()
        if self.storage is not None:
            self.storage.close()

    def send(self, message: bytes) -> bool:
        """What the gateway says to the engine."""
        return self.here.send(message)

    def receive(self) -> bytes | None:
        return None

    def _controller(self, number: int, at_ms: int) -> Controller:
        built, policy = self.installation.builder().build(number)
        return Controller(build_network(built), "fixed", policy, at_ms)

    def _begin(self, number: int, now: bool) -> None:
        self.anew.append((number, now))
        if now:
            self.engine_anew(number)

    # --- time --------------------------------------------------------------------------------

    def run(self, seconds: float) -> Deployment:
        for _ in range(round(10 * seconds)):
            self.tick()
        return self

    def tick(self) -> None:
        lamps = self.engine.tick(self.toy.frame, self.street_ms)
        assert self.engine.verdict is not None
        assert not self.engine.verdict.violations
        self.toy.frame.lamps_shown[:] = lamps
        while (message := self.here.receive()) is not None:
            self.deploying.hears(message)
        self.deploying.turn(self.now_ms, WALL_MS)
        self.street_ms += 100
        self.now_ms += 100
        if self.engine.adopting._making is not None:
            self.engine.adopting._making.join()

    def until(self, state: VersionState, number: int, within_s: int = 900) -> Version:
        """Run until a version is in that state."""
        for _ in range(10 * within_s):
            if (found := self.version(number)).state is state:
                return found
            self.tick()
        raise AssertionError(f"{self.version(number)} is not {state}")

    # --- people ------------------------------------------------------------------------------

    def version(self, number: int) -> Version:
        return self.deploying.book.versions[number]

    def ask(self, who: Console, action: DeployAction, digest: bytes = b"", **more: Any) -> Reply:
        who.seq += 1
        header = Header(1, who.seq, bytes(16), WALL_MS, WALL_MS + 10_000, BOOT, self.now_ms)
        usual = {
            "base": self.deploying.book.in_force.number, "digest": digest,
            "signature": who.secret.sign(statement(digest)), "reason": "a reason",
        }  # fmt: skip
        request = DeployRequest(header, who.identity.name, action, **{**usual, **more})
        frame = wire.seal(request, who.secret.sign)
        payload = self.counter.receive(frame, "deploy", who.identity, self.now_ms, WALL_MS)
        reply: Reply = wire.decode(payload, TOPICS["reply"])
        return reply

    def propose(self, text: str = "", policy: str = "", who: Console = ENG, **more: Any) -> Reply:
        content, digest = pack_content(text, policy)
        parts = [content[at : at + PART_BYTES] for at in range(0, len(content), PART_BYTES)]
        for k, data in enumerate(parts):
            header = Header(1, 1, bytes(16), WALL_MS, WALL_MS, BOOT, self.now_ms)
            part = VersionPart(header, who.identity.name, digest, k, len(parts), data)
            assert self.deploying.take_part(part, who.identity.name)
        return self.ask(who, DeployAction.PROPOSE, digest, **more)

    def file_of(self, *names: str) -> tuple[str, str]:
        """Texts of these junctions and of the policy, as `belisha deploy export` writes them."""
        header = Header(1, 1, bytes(16), WALL_MS, WALL_MS, BOOT, self.now_ms)
        told = self.deploying.street(StreetRequest(header, "ana", names))
        wire.pack(told)
        return unpack_content(told.content)

    def approve(self, number: int, who: Console = SUE) -> Reply:
        return self.ask(who, DeployAction.APPROVE, self.version(number).digest, number=number)

    def back(self, to: int, who: Console = ENG, **more: Any) -> Reply:
        return self.ask(who, DeployAction.ROLLBACK, self.version(to).digest, number=to, **more)


def with_plan(base: StreetNetwork, plan: FixedPlan = LONG, *names: str) -> str:
    """The text of the junctions of these names (all without any) with another plan."""
    here = [j for j in base.junctions if not names or j.name in names]
    part = replace(base, junctions=tuple(replace(j, plans=(plan,)) for j in here), links=())
    return street_to_text(part)
