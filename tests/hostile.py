"""Hostile commands, a million of them: nobody's wish trips the monitor, and silence brings everything home.

A storm in which nothing breaks and everybody orders. With an even seed the commands go through the desk,
as anybody of any role, with nonsense, old pictures, takeovers and broken glass among them; with an odd one
past it, as from a desk that has been taken over. Controller and monitor are the production ones over their
own sockets; `storm_law` judges the lamps besides. `python -m tests.hostile --commands 1000000` goes on until
so many have been given; a failure prints seed and tick, and `--seed` with `--once` brings it back.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.frame import TICK_MS
from controller.junction import FixedPlan, Junction, StreetNetwork
from controller.orders import Kind
from controller.vocabulary import CONTROLLERS
from override.acting import Acting
from override.desk import Desk
from override.orders import Life
from override.places import Places
from override.refused import Refused
from override.requests import Approval, Leg
from override.roles import HOUR_MS, Command, Role
from override.ruling import Person
from override.topics import NEEDS
from tests.control_room import Room, header, slot_of
from tests.storm import NOISE, Storm, StormFailure
from tests.storm_command import generated, storm_options, tell_failure
from tests.test_overlay_storm import any_order

PER_TICK = 100
"""Commands through the desk in a tenth of a second."""
LEASES_MS = (0, 1, 1_000, 1_000, 5_000, 5_000, 20_000, 60_000, 180_000, 900_000, 4 * HOUR_MS, 24 * HOUR_MS)
LONGEST_ORDER_MS = 60_000
"""Of those that go past the desk."""
SILENCE_MS = 24 * HOUR_MS + 3 * 150_000
"""T: the longest lease and three cycles (design 10.3)."""
CROWD = tuple(Person(f"{role}-{k}", role) for role in Role for k in range(4))


def with_another_plan(street: StreetNetwork) -> StreetNetwork:
    """Each junction may play its first plan the other way round, too."""

    def doubled(junction: Junction) -> Junction:
        if not junction.plans:
            return junction
        first = junction.plans[0]
        other = FixedPlan("round", first.cycle_ms, first.cycle_ms // 3, first.steps[::-1])
        return replace(junction, plans=(*junction.plans, other))

    return replace(street, junctions=tuple(doubled(j) for j in street.junctions))


class StreetRoom(Room):
    """The control room of any street."""

    def __init__(self, street: StreetNetwork, now_ms: int) -> None:
        self.desk = Desk(Places(street))
        self.now_ms, self.slips = now_ms, 0


class Hostile(Storm):
    """One storm of commands. `given` counts them; `accepted` those that were let through."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.given = self.accepted = self.effective = 0
        self.through_desk = self.seed % 2 == 0
        self._words = random.Random(self.seed)
        self._pace = 10 ** self.chance.uniform(-1.0, 0.0, self.network.n_junctions)
        self._names = [j.name for j in self.street.junctions]
        self.room = StreetRoom(self.street, self.clock_ms)
        self.acting = Acting(self.network, self.orders)

    # --- who orders ------------------------------------------------------------------------

    def _people_order(self) -> None:
        if not self.through_desk:
            for j in np.flatnonzero(self.chance.random(len(self._pace)) < self._pace):
                any_order(self.orders, self.chance, int(j), self.tick * TICK_MS)
                self.given += 1
            return
        for _ in range(PER_TICK):
            self._somebody_agrees() if self._words.random() < 0.15 else self._somebody_wishes()
            self.given += 1
        self._desk_acts(self.room.now_ms + TICK_MS)

    def _desk_acts(self, now_ms: int) -> None:
        """The desk's time passes; it hears what the lamps prove, and tells what acts."""
        room, desk = self.room, self.room.desk
        room.now_ms = now_ms
        if self._controller is not None:
            found = self.acting.look(self._controller.state, self.frame.lamps_shown)
            for order, junction in found.proven:
                versions = desk.proven(order, [junction], now_ms)
                self.effective += sum(v.life is Life.EFFECTIVE for v in versions)
                desk.take(versions)
            for order in found.completed:
                desk.take(desk.completed(order, now_ms))
            for order, junction, why in found.vetoed:
                desk.take(desk.vetoed(order, junction, why, now_ms))
            for order, junction in found.served:
                desk.take(desk.served(order, junction, now_ms))
        desk.take(desk.due(now_ms))
        self.acting.take(desk.acts(now_ms), now_ms, self.tick * TICK_MS)
        self.acting.once.clear()

    def _somebody_wishes(self) -> None:
        """Anybody wants anything somewhere, as the tables have it or quite otherwise."""
        chance, desk = self._words, self.room.desk
        who, command = chance.choice(CROWD), chance.choice(list(Command))
        names = chance.sample(self._names, min(len(self._names), chance.choice((1, 1, 1, 1, 2, 4, 21))))
        more = self._arguments(command, names)
        more["lease_ms"] = chance.choice(LEASES_MS)
        more["slot"] = slot_of(who, command) if chance.random() < 0.95 else chance.randrange(1, 17)
        more["takeover"] = chance.random() < 0.5
        more["break_glass"] = chance.random() < 0.1
        more["suspends_promise"] = chance.random() < 0.1
        if command is Command.CORRIDOR:
            more["basis"] = tuple(desk.versions[j] for j in names)
            names = []
        if desk.orders and chance.random() < (0.7 if command is Command.RELEASE else 0.05):
            more["order"] = chance.choice(list(desk.orders))
            more["renew"] = command is not Command.RELEASE
        if chance.random() < 0.05:
            more["basis"] = tuple(chance.randrange(5) for _ in names)
        if chance.random() < 0.01:
            names, more["whole_city"] = [], True
        try:
            self.room.ask(who, command, names, **more)
        except Refused:
            return
        self.accepted += 1

    def _arguments(self, command: Command, names: list[str]) -> dict[str, Any]:
        chance, place = self._words, self.room.desk.places.by_name[names[0]]
        choices: dict[str, tuple[str, ...]] = {
            "stage": place.stages, "plan": tuple(sorted(place.plans)),
            "group": tuple(sorted(place.crossings if command is Command.LONGER_WALK else place.groups)),
            "detector": tuple(sorted(place.detectors)),
        }  # fmt: skip
        found: dict[str, Any] = {}
        for need in NEEDS[command]:
            if need == "bias_ms":
                found[need] = chance.randint(-10_000, 10_000)
            elif need == "legs":
                found[need] = tuple(
                    Leg(j, chance.choice(self.room.desk.places.by_name[j].stages), 500 * k,
                        chance.randrange(1_000, 20_000))
                    for k, j in enumerate(names)
                )  # fmt: skip
            else:
                found[need] = chance.choice(choices[need] or ("nothing",))
        return found

    def _somebody_agrees(self) -> None:
        desk, chance = self.room.desk, self._words
        waiting = [o for o in desk.orders.values() if o.life is Life.REQUESTED or o.countersign_by_ms]
        if not waiting:
            return
        who, order = chance.choice(CROWD), chance.choice(waiting)
        try:
            answer = desk.approve(
                Approval(header(), who.name, order.digest, chance.random() < 0.8), who, self.room.now_ms
            )
        except Refused:
            return
        desk.take(answer.versions)
        self.accepted += 1

    # --- what must come of it ----------------------------------------------------------------

    def _hear(self) -> None:
        super()._hear()
        if self.stopped:
            raise StormFailure(f"{self._where}: the monitor stepped in: {self.stopped}")

    def _people_fall_silent(self) -> None:
        if self.through_desk:
            self._desk_acts(self.room.now_ms + SILENCE_MS)
            if self.room.desk.orders or self.acting._acting:
                raise StormFailure(f"{self._where}: after {SILENCE_MS} ms of silence an order still stands")

    def _clear_up(self) -> None:
        """Silence, a green for everybody, and nothing in the engine's book at any junction."""
        if not self.through_desk:
            self.calm = True
            for _ in range(LONGEST_ORDER_MS // TICK_MS):
                self._one_tick()
        super()._clear_up()
        if self._off_base.any():
            names = ", ".join(np.array(self._names)[self._off_base][:3])
            raise StormFailure(f"{self._where}: {names}: not at base, though nobody orders anything")

    @property
    def _off_base(self) -> NDArray[np.bool_]:
        """(J) where something that was ordered still acts."""
        book, now_ms, network = self.orders.book, self.tick * TICK_MS, self.network
        off = (book.kind != Kind.NONE) & (book.until_ms > now_ms)
        if self._controller is not None and self._controller.overlay is not None:
            off |= self._controller.overlay.scene.in_flash
        for until_ms in (book.call_until_ms, book.walk_until_ms):
            off[network.group_junction[until_ms > now_ms]] = True
        for until_ms in (book.ignore_until_ms, book.recall_until_ms):
            off[network.detector_junction[until_ms > now_ms]] = True
        return off


def one(street: StreetNetwork, seed: int, ticks: int) -> Hostile:
    """One storm, survived. Raises StormFailure."""
    storm = Hostile(street, seed, NOISE, CONTROLLERS[seed // 2 % len(CONTROLLERS)])
    storm.run(ticks)
    return storm


def main(arguments: list[str]) -> int:
    """Prints a line for each storm."""
    parser = storm_options("hostile", __doc__, ticks=1_500, junctions=60)
    parser.add_argument("--commands", type=int, default=1_000_000, help="until so many have been given")
    asked = parser.parse_args(arguments)
    street = with_another_plan(generated(asked.junctions))
    seed, given, effective, begun_s = asked.seed, [0, 0], 0, time.process_time()
    while sum(given) < asked.commands:
        try:
            storm = one(street, seed, asked.ticks)
        except StormFailure as failure:
            tell_failure(failure, seed, asked)
            return 1
        given[storm.through_desk] += storm.given
        effective += storm.effective
        through = "past the desk"
        if storm.through_desk:
            through = f"{storm.accepted} let through, {storm.effective} effective"
        print(f"seed {seed} ({storm.controller}): {storm.given} commands, {through}; {sum(given)} so far,"
              f" {time.process_time() - begun_s:.0f} s of processor time", flush=True)  # fmt: skip
        if asked.once:
            break
        seed += 1
    print(f"{sum(given)} hostile commands, {given[0]} of them past the desk: the monitor had nothing to say,"
          f" no lamp broke a rule, and silence brought every junction home")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
