"""A street on paper that tells its record to a citizen office: lamps, buttons, people, minute by minute."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from override.citizen.inbox import Waiting
from override.citizen.office import Office
from override.citizen.pages import PolicyView
from override.citizen.presence import PoleCodes
from override.citizen.record import Code
from override.citizen.remedies import Wish
from override.citizen.store import Store
from override.details import Record
from override.flag_messages import Channel, FlagReply, FlagRequest, Kind
from override.layouts import DetectorLayout, GroupLayout, JunctionLayout, StageLayout, StreetLayout
from override.poles import pole_codes
from override.roles import Command
from sim.city.people.citizens import Told

WALL_MS = 1_763_800_200_000
POLICY = PolicyView(1, "nobody yet", "", ())
CAR, WALK = 0, 1
LONGEST_MS = 90_000


def layout(junctions: int = 4, districts: tuple[str, ...] = ("North", "South")) -> StreetLayout:
    """Junctions J0, J1, ...: one way of cars and one crossing of 12 m each, never green together."""
    poles = pole_codes((f"J{k}", "walk") for k in range(junctions))
    return StreetLayout(
        "paper town",
        tuple(
            JunctionLayout(
                f"J{k}", f"Mill Lane {k}", 100 * k, 0, districts[k * len(districts) // junctions],
                (
                    GroupLayout("cars", "vehicle", "from the west", 120_000),
                    GroupLayout(
                        "walk", "pedestrian", "over Mill Lane", LONGEST_MS, poles[f"J{k}", "walk"],
                        120, 12_000,
                    ),
                ),
                (StageLayout("drive", (CAR,)), StageLayout("walk", (WALK,))),
                (
                    DetectorLayout("loop", "stopline", "from the west"),
                    DetectorLayout("button", "button", "walk"),
                ),
            )
            for k in range(junctions)
        ),
    )  # fmt: skip


class CitizenStreet:
    """An office over a real file, a street that only says what happens, and a station that says yes."""

    def __init__(
        self,
        folder: Path,
        junctions: int = 4,
        durable: bool = False,
        codes: PoleCodes | None = None,
        **how: Any,
    ) -> None:
        self.durable, self.codes = durable, codes
        self.file = folder / "citizen.db"
        self.layout = layout(junctions, **how)
        self.now_ms, self.wall_ms = 1_000_000, WALL_MS
        self.street_ms, self.boot, self.seq = 8 * 3_600_000, b"boot-one", 0
        self.rows: list[int] = []
        self.asked: list[Wish] = []
        self.orders: dict[str, Wish] = {}
        self.answers = "yes"
        """Or the code of a refusal, or `silence`."""
        self.open()

    def open(self) -> None:
        self.store = Store(self.file, self.durable)
        self.office = Office(
            self.store, lambda: (self.now_ms, self.wall_ms), POLICY, lambda name: "operator", self.codes
        )
        self.office.hear_layout(self.layout)
        self.tell()

    def close(self) -> None:
        self.store.close()

    # --- the street --------------------------------------------------------------------

    def tell(self) -> None:
        """What happened goes to the office."""
        self.seq += 1
        message = Record(self.boot, self.seq, self.now_ms, self.street_ms, tuple(self.rows))
        self.rows = []
        self.office.dealing.record.hear(message, self.wall_ms)
        self.office.heard.wall_ms = self.wall_ms

    def note(self, code: int, junction: int = 0, parameter: int = WALK) -> None:
        self.rows += [self.street_ms, junction, code, parameter]

    def wait(self, seconds: float) -> None:
        """Time passes; the office looks around every five seconds."""
        left_ms = round(1000 * seconds)
        while left_ms > 0:
            step_ms = min(5_000, left_ms)
            left_ms -= step_ms
            for name in ("now_ms", "wall_ms", "street_ms"):
                setattr(self, name, getattr(self, name) + step_ms)
            self.tell()
            self.turn()

    def turn(self, *batch: Waiting) -> None:
        self.office.turn(list(batch))
        self.answer()

    def cycle(self, junction: int = 0, pressed: bool = True, red_s: int = 20, walk_s: int = 25) -> None:
        """Somebody presses, waits, walks; then the cars drive."""
        if pressed:
            self.note(Code.PRESSED, junction)
            self.note(Code.CALLED, junction)
        self.wait(red_s)
        self.note(Code.RED, junction, CAR)
        self.note(Code.GREEN, junction)
        if pressed:
            self.note(Code.SERVED, junction)
        self.wait(walk_s - 12)
        self.note(Code.CLEARANCE, junction)
        self.wait(12)
        self.note(Code.RED, junction)
        self.note(Code.GREEN, junction, CAR)
        self.wait(5)

    # --- people ------------------------------------------------------------------------

    def request(self, kind: Kind = Kind.BUTTON_DEAD, signal: str = "", **more: Any) -> FlagRequest:
        return FlagRequest(secrets.token_bytes(16), signal or self.pole(), kind, **more)

    def pole(self, junction: int = 0) -> str:
        return self.layout.junctions[junction].groups[WALK].pole

    def flag(
        self, kind: Kind = Kind.BUTTON_DEAD, signal: str = "", source: str = "", **more: Any
    ) -> FlagReply:
        """Somebody says so, and is answered."""
        return self.send(self.request(kind, signal, **more), source)

    def send(self, request: FlagRequest, source: str = "") -> FlagReply:
        replies: list[FlagReply] = []
        self.office.submit(request, source, replies.append)
        batch = [self.office._inbox.popleft() for _ in range(len(self.office._inbox))]
        self.turn(*batch)
        return replies[0]

    def send_all(self, told: Sequence[Told]) -> list[FlagReply]:
        """Many at the same moment."""
        replies: list[FlagReply] = []
        self.turn(*(Waiting(one.request, one.source, replies.append) for one in told))
        return replies

    def still(self, token: str, channel: Channel = Channel.PAGE) -> FlagReply:
        return self.send(replace(self.request(), still=token, channel=channel))

    # --- the station -------------------------------------------------------------------

    def answer(self) -> None:
        """The station answers what it was asked."""
        dealing = self.office.dealing
        for wish in self.office.wished():
            if self.answers == "silence":
                continue
            self.asked.append(wish)
            if self.answers != "yes":
                dealing.failed(wish, self.answers, "because", self.wall_ms)
            elif wish.command is Command.RELEASE:
                self.orders.pop(wish.order, None)
                dealing.released(wish)
            else:
                order = wish.order or f"gate-{len(self.asked)}"
                self.orders[order] = wish
                dealing.granted(wish, order, self.wall_ms)
        dealing.live_orders = None if self.answers == "silence" else frozenset(self.orders)
