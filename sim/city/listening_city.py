"""A city whose citizens speak: world, engine, desk and citizen office in one process and one clock.

The same classes as in the live processes; only what lies between them is left out (sockets, keys
and the station's file). Times are street milliseconds.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from controller.network import Network
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import DetectorKind
from override import wire
from override.bounds import BOOT_BYTES, NONCE_BYTES
from override.citizen.inbox import Waiting
from override.citizen.office import Office
from override.citizen.pages import PolicyView
from override.citizen.remedies import Wish
from override.citizen.store import Store
from override.desk import Desk
from override.engine import Engine, pack_acts
from override.flag_messages import FlagReply, Kind
from override.places import Places
from override.refused import Refused
from override.requests import Header, OrderRequest
from override.roles import Command, Role, Slot
from override.ruling import Person
from override.telemetry import pack_wish, said
from override.topics import TOPICS
from sim.city.layout import layout_of_city
from sim.city.load import City
from sim.city.people.citizens import Brigade, Citizens
from sim.city.people.walkers_model import Stage
from sim.city.scenario import FaultKind, FaultPlan
from sim.city.world import World

BOOT = b"listens."
GATE = Person("citizen", Role.CITIZEN_GATEWAY)
WALL_MS = 1_767_225_600_000
POLICY = PolicyView(1, "", "", ())
assert len(BOOT) == BOOT_BYTES


class InsideLine:
    """The engine's line where nothing lies between: what it tells is kept, what it is told is waiting."""

    def __init__(self) -> None:
        self.told: list[tuple[bytes, bytes]] = []
        self.waiting: deque[bytes] = deque([pack_wish("boot", BOOT)])

    def send(self, message: bytes) -> bool:
        """From the engine."""
        if (one := said(message)) is not None:
            self.told.append(one)
        return True

    def receive(self) -> bytes | None:
        """For the engine."""
        return self.waiting.popleft() if self.waiting else None


@dataclass(slots=True)
class Met:
    """A dead button that somebody met."""

    junction: str
    group: str
    district: str
    met_ms: int
    remedy_ms: int = -1


class ListeningCity:
    """One run. `citizens` tell of dead buttons they meet; a `brigade` says what it likes."""

    def __init__(
        self, city: City, folder: Path, controller: str = "adaptive", faults: Sequence[FaultPlan] = (),
        citizens: Citizens | None = None, brigade: Brigade | None = None,
    ) -> None:  # fmt: skip
        self.city, self.citizens, self.brigade = city, citizens, brigade
        self.line = InsideLine()
        self._network = city.network
        self._seq = 0
        self.replies: list[FlagReply] = []
        self.met: dict[tuple[str, str], Met] = {}
        self.orders_max = 0
        """Most remedies at a time."""
        self.refused = 0
        self._controller = controller
        self._begin_ms = city.begin_ms
        self._world: World | None = None
        self.desk = Desk(Places(city.street))
        self._world = World(
            city, controller, faults=faults, on_second=[self._second], make_controller=self._engine
        )
        self.store = Store(folder / "citizen.db", durable=False)
        self.office = Office(self.store, lambda: (self._now_ms(), WALL_MS + self._now_ms()), POLICY)
        self.office.hear_layout(layout_of_city(city))

    @property
    def world(self) -> World:
        """The city itself."""
        assert self._world is not None
        return self._world

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def _now_ms(self) -> int:
        return self._begin_ms if self._world is None else self._world.now_ms

    def _engine(self, network: Network, now_ms: int) -> Engine:
        return Engine(Controller(network, self._controller, Policy(), now_ms), self.line, self._now_ms)

    def _second(self, world: World) -> None:
        now_ms = world.now_ms
        self._hear(now_ms)
        if self.citizens is not None:
            self._meet(world, self.citizens, now_ms)
        told = [one for who in (self.citizens, self.brigade) if who is not None for one in who.due(now_ms)]
        self.office.turn([Waiting(one.request, one.source, self.replies.append) for one in told])
        for wish in self.office.wished():
            self.ask(wish, now_ms)
        self.desk.take(self.desk.due(now_ms))
        self.office.dealing.live_orders = frozenset(self.desk.orders)
        self.orders_max = max(self.orders_max, len(self.desk.orders))
        self.line.waiting += pack_acts(self.desk.acts(now_ms))

    def _hear(self, now_ms: int) -> None:
        told, self.line.told = self.line.told, []
        dealing, wall_ms = self.office.dealing, WALL_MS + now_ms
        for topic, payload in told:
            if topic == b"record":
                dealing.record.hear(wire.decode(payload, TOPICS["record"]), wall_ms)
            elif topic == b"pulse":
                pulse = wire.decode(payload, TOPICS["pulse"])
                dealing.record.tick(pulse.boot, pulse.street_ms, wall_ms)
        self.office.heard.wall_ms = wall_ms

    def _meet(self, world: World, citizens: Citizens, now_ms: int) -> None:
        """Who has come to a crossing in this second, would press, and finds its button dead."""
        dead = world.faults.having(FaultKind.STUCK_OFF)
        dead = dead[self._network.detector_kind[dead] == DetectorKind.BUTTON]
        if not len(dead):
            return
        groups = self._network.detector_group[dead]
        people, ways = world.walkers, world.footways.pavements
        out = people.out[: int(people.n_out[0])]
        new = out[(people.status[out] == Stage.WAITING) & (people.since_ms[out] > now_ms - 1000)]
        for row in new[ways.presses[new]].tolist():
            group = int(ways.crossing_group[ways.leg_crossing[people.leg_at[row]]])
            if group not in groups:
                continue
            j = int(np.searchsorted(self._network.group_start, group, side="right")) - 1
            at = group - int(self._network.group_start[j])
            signal = self.office.dealing.directory.at(j, at)
            assert signal is not None
            place = (signal.junction.name, signal.name)
            self.met.setdefault(place, Met(*place, signal.junction.district, now_ms))
            citizens.meet(signal.pole, Kind.BUTTON_DEAD, signal.junction.district, now_ms)

    def ask(self, wish: Wish, now_ms: int) -> None:
        """Ask the desk as the gateway would be asked."""
        dealing, wall_ms = self.office.dealing, WALL_MS + now_ms
        if wish.command is not Command.RELEASE and wish.order and wish.order not in self.desk.orders:
            dealing.failed(wish, "order", "", wall_ms)
            return
        self._seq += 1
        header = Header(1, self._seq, bytes(NONCE_BYTES), wall_ms, wall_ms, BOOT, now_ms)
        named = () if wish.order else (wish.junction,)
        request = OrderRequest(
            header, GATE.name, wish.command, int(Slot.ASSISTANCE), named,
            tuple(self.desk.versions[j] for j in named), lease_ms=wish.lease_ms, reason=wish.reason or "-",
            group=wish.group, detector=wish.detector, order=wish.order, renew=wish.renew,
        )  # fmt: skip
        try:
            ruling = self.desk.rule(request, hashlib.sha256(repr(request).encode()).digest(), GATE, now_ms)
        except Refused as refused:
            self.refused += 1
            if wish.command is Command.RELEASE:
                dealing.released(wish)
            else:
                dealing.failed(wish, refused.code, refused.why, wall_ms)
            return
        self.desk.take(ruling.versions)
        if wish.command is Command.RELEASE:
            dealing.released(wish)
            return
        dealing.granted(wish, ruling.order, wall_ms)
        met = self.met.get((wish.junction, wish.group))
        if met is not None and met.remedy_ms < 0:
            met.remedy_ms = now_ms
