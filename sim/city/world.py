"""A city that runs: SimPy wakes controller, streets and whatever breaks; the arrays hold the state.

Order of a second: ten ticks of the controller, each reading the latest frame and showing
lamps; then vehicles, buses, people and sensors take the second that has passed. Faults, and
processes of others on `World.env`, happen before the second that ends at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import simpy

from controller.bundle import Bundle
from controller.frame import TICK_MS
from controller.network import Network
from controller.policy import Policy
from controller.tick import Controller
from sim.city.carried import DoesNotFit, put_back, take
from sim.city.load import City
from sim.city.movement.mover import Mover
from sim.city.movement.program import FixedProgram
from sim.city.movement.second_kernels import Town, lay_town, pass_second, pass_seconds
from sim.city.movement.traffic import STEP_MS, new_traffic
from sim.city.pace import Pace
from sim.city.people import transit, walkers
from sim.city.people.bus_feed import BusFeed
from sim.city.people.check_in import CheckIns
from sim.city.scenario import BusNews, FaultPlan
from sim.city.sensing.faults import Faults
from sim.city.sensing.sensors import CitySensors, Fitting
from sim.city.snapshot import Snapshot, SnapshotError, content_digest
from sim.city.street import CityStreet

MakeController = Callable[[Network, int], Any]
Process = Generator[simpy.Event, Any, None]
OnSecond = Callable[["World"], None]
"""Called after every second with the world as it stands; it may read everything, and change nothing."""


class World:
    """One run of a city, from the beginning of its hours.

    `controller` is a name of `vocabulary.CONTROLLERS`; None plays each junction's own fixed
    program from a table and reads no sensors: the fast path. `fitting` and `faults` are the
    scenario's where none are given. `make_controller(network, now_ms)` gives something that ticks
    like the controller of that name and stands in for it (an engine under orders). Raises
    ValueError, in one line, for what does not fit the city.

    The truth is in `traffic`, `walkers` and `transit`, lamps in `street.lamps`, the latest reading
    in `street.frame`, the controller's own picture in `controller.state`.
    """

    def __init__(
        self,
        city: City,
        controller: str | None = "adaptive",
        policy: Policy | None = None,
        seed: int | None = None,
        fitting: Fitting | None = None,
        faults: Sequence[FaultPlan] | None = None,
        on_second: Sequence[OnSecond] = (),
        make_controller: MakeController | None = None,
    ) -> None:
        self.city, self.controller_name = city, controller
        self.policy = Policy() if policy is None else policy
        self.seed = city.seed if seed is None else seed
        run = city.scenario.run
        fitted_with = Fitting(
            run.sensors, run.connected_share, run.passive_share, self.seed, run.bus_news, run.emergency_calls
        )
        self.fitting = fitted_with if fitting is None else fitting
        self.fault_plans = tuple(city.scenario.faults if faults is None else faults)
        self.on_second = list(on_second)
        network, roads, drives, begin_ms = city.network, city.roads, city.drives, city.begin_ms
        self.traffic = new_traffic(roads, drives, begin_ms, network.n_groups, self.seed)
        rolls_in = city.scenario.sumo is not None
        self.mover = Mover(roads, drives, network.group_turn_on_red, rolls_in)
        self.walkers = walkers.new_walkers(roads, city.walks, begin_ms)
        self.footways = walkers.find_footways(roads, drives, city.walks)
        self.passengers = transit.draw_passengers(roads, city.lines, begin_ms, city.end_ms, self.seed)
        self.service = transit.find_service(drives, city.lines, self.passengers)
        self.transit = transit.new_transit(self.service, begin_ms)
        fitted = getattr(city, "detector_fitted", None)
        self.faults = Faults(
            network, roads, self.fault_plans, begin_ms, city.end_ms, self.seed, self.fitting.sensors, fitted
        )
        sensors = CitySensors(network, roads, drives, self.fitting, fitted)
        self.street = CityStreet(network, sensors, self.faults, begin_ms)
        self.check_ins, self.feed = self._radios()
        self.controller: Controller | None = None
        self.program: FixedProgram | None = None
        self._make_controller = make_controller
        if controller is None:
            self.program = FixedProgram(network)
        else:
            make = make_controller or self._named
            self.controller = make(network, begin_ms)
        self._town = Bundle(lay_town, self._lay_out())
        self.violations = 0
        """What the controller's own safety monitor has stopped so far."""
        self.alarms = 0
        self._made_of: dict[str, str] = {}
        self._companions: dict[str, object] = {}
        self._start(begin_ms)

    def _named(self, network: Network, now_ms: int) -> Controller:
        assert self.controller_name is not None
        return Controller(network, self.controller_name, self.policy, now_ms)

    def _radios(self) -> tuple[CheckIns, BusFeed | None]:
        """How the controller hears of buses and emergency vehicles. Raises MissingBindings for a feed."""
        city, news = self.city, self.fitting.bus_news
        by_radio = news is BusNews.CHECK_IN
        radios = CheckIns(
            city.roads, city.network, city.drives, self.service, by_radio, self.fitting.emergency_calls
        )
        if news is not BusNews.FEED or self.controller_name is None:
            return radios, None
        return radios, BusFeed(city.roads, city.network, city.drives, city.lines, self.service, self.seed)

    def _lay_out(self) -> Town:
        """All arrays as the kernels take them; none of them is ever replaced."""
        motion, ledger, doors = self.mover.arrays(self.traffic)
        return Town(
            self.mover.streets, self.mover.fleet, motion, ledger, doors, self.traffic.lamp_seen,
            self.walkers, self.footways.pavements, self.footways.oncoming, self.transit, self.service,
        )  # fmt: skip

    @property
    def time_ms(self) -> int:
        """Street time up to which everything has moved."""
        return int(self.traffic.time_ms[0])

    @property
    def now_ms(self) -> int:
        """Street time, ticks included."""
        return max(int(self.env.now), self._tick_ms)

    # --- making time pass ------------------------------------------------------------------

    def run_until(self, ms: int) -> None:
        """Let time pass until `ms`, a multiple of TICK_MS; all that comes before has then happened."""
        if ms % TICK_MS:
            raise ValueError(f"the city stops at multiples of {TICK_MS} ms, not at {ms} ms")
        if ms < self.now_ms:
            raise ValueError(f"it is {self.now_ms} ms; a city does not run back to {ms} ms")
        self._target_ms = ms
        if not self._go.triggered:
            self._go.succeed()
        if ms > self.now_ms:
            self.env.run(until=ms)
        while ms % STEP_MS == 0 and self.time_ms < ms:
            self.env.step()

    def step(self) -> None:
        """The coming second, or what is left of it."""
        self.run_until(self.now_ms - self.now_ms % STEP_MS + STEP_MS)

    def run(self, pace: Pace | None = None, on_tick: Callable[[World], None] | None = None) -> None:
        """To the end of the scenario's hours, in step with a clock when a `pace` is given."""
        end_ms = self.city.end_ms
        if pace is None:
            self.run_until(end_ms)
            return
        period_ms = STEP_MS if self.controller is None else TICK_MS
        while self.now_ms < end_ms:
            pace.wait(self.now_ms)
            self.run_until(self.now_ms + period_ms)
            if on_tick is not None:
                on_tick(self)

    def _start(self, now_ms: int) -> None:
        """Processes wait anew from `now_ms`; faults first, so that they precede what they fall upon."""
        self.env = simpy.Environment(initial_time=now_ms)
        self._go = self.env.event()
        self._target_ms = self._tick_ms = now_ms
        self.env.process(self._break_and_mend())
        self.env.process(self._control() if self.controller is not None else self._play())

    def _break_and_mend(self) -> Process:
        while (next_ms := self.faults.next_ms) is not None:
            yield self.env.timeout(max(0, next_ms - self.now_ms))
            self.faults.advance(self.now_ms)

    def _control(self) -> Process:
        """Ticks of 100 ms, at one go those before anything else happens; every tenth ends a second."""
        assert self.controller is not None
        env, street, controller = self.env, self.street, self.controller
        while True:
            now_ms = int(env.now)
            end_ms = min(now_ms - now_ms % STEP_MS + STEP_MS, env.peek())
            tick_ms = now_ms
            while tick_ms < end_ms or tick_ms == now_ms:
                self._tick_ms = tick_ms
                street.show(controller.tick(street.read(), tick_ms))
                verdict = controller.verdict
                if verdict is not None and (verdict.violations or verdict.alarms):
                    self.violations += len(verdict.violations)
                    self.alarms += len(verdict.alarms)
                tick_ms += TICK_MS
            yield env.timeout(tick_ms - now_ms)
            if tick_ms % STEP_MS == 0:
                self._pass_second(tick_ms)
                # Whatever else happens at this moment comes before the tick.
                yield env.timeout(0)

    def _pass_second(self, now_ms: int) -> None:
        """The second that ends now: who moves, what sensors and radios tell of it, and whoever looks on."""
        street = self.street
        pass_second(street.lamps, self._town.memory)
        street.sense(self.traffic, self.walkers, now_ms)
        self.check_ins.tell(self.traffic, self.transit, street.frame)
        if self.feed is not None:
            self.feed.publish(self.transit, self.traffic, now_ms)
            self.feed.tell(street.frame, now_ms)
        self._tell()

    def _play(self) -> Process:
        """The fixed programs, many seconds at a time, up to the next event."""
        assert self.program is not None
        while True:
            last_ms = self._target_ms // STEP_MS * STEP_MS
            if self.now_ms >= last_ms:
                self._go = self.env.event()
                yield self._go
                continue
            # One second where somebody watches, else on to the next thing that happens.
            until_ms = self.time_ms + STEP_MS
            if not self.on_second and self.env.peek() < float("inf"):
                until_ms = max(until_ms, int(self.env.peek()) // STEP_MS * STEP_MS)
            yield self.env.timeout(min(until_ms, last_ms) - self.now_ms)
            pass_seconds(self.now_ms, self.program.table, self.street.lamps, self._town.memory)
            self._tell()

    def _tell(self) -> None:
        for hook in self.on_second:
            hook(self)

    # --- what if ---------------------------------------------------------------------------

    def accompany(self, name: str, companion: object) -> None:
        """Carry what an observer remembers (a watch, a ledger) in snapshots of this world too."""
        self._companions[name] = companion

    def snapshot(self) -> Snapshot:
        """Everything that changes, as it is now, copied."""
        values = take(self._carried())
        values["world"] = [self.violations, self.alarms]
        return Snapshot(self.now_ms, self.made_of, values)

    def snapshot_of_street(self) -> Snapshot:
        """The people, what moves them and the sensors, as now; who controls the lamps is left out."""
        carried = {name: part for name, part in self._carried().items() if name != "controller"}
        values = take(carried)
        values["world"] = [0, 0]
        return Snapshot(self.now_ms, self._street_made_of, values)

    def restore(self, snapshot: Snapshot) -> None:
        """Be as the world was from which it was taken. Processes of others start anew.

        With a snapshot of a street alone the controller stays as it is. Raises SnapshotError when that was
        another city, controller, policy or version.
        """
        street_alone = snapshot.made_of.keys() == self._street_made_of.keys()
        snapshot.check(self._street_made_of if street_alone else self.made_of)
        carried = self._carried()
        if street_alone:
            del carried["controller"]
        values = dict(snapshot.values)
        try:
            self.violations, self.alarms = values.pop("world")
            put_back(carried, values)
        except (DoesNotFit, KeyError, TypeError, ValueError) as error:
            raise SnapshotError(f"the snapshot is of another version: {error}") from None
        self._start(snapshot.time_ms)

    def fork(self, policy: Policy | None = None) -> World:
        """Another world that is as this one now; `policy` lets it go another way from here."""
        twin = World(
            self.city,
            self.controller_name,
            self.policy if policy is None else policy,
            self.seed,
            self.fitting,
            self.fault_plans,
            make_controller=self._make_controller,
        )
        values = take(self._own())
        put_back(twin._own(), values)
        twin.violations, twin.alarms = self.violations, self.alarms
        twin._start(self.now_ms)
        return twin

    def digest(self) -> str:
        """SHA-256 over everything that changes: equal digests, equal futures."""
        return self.snapshot().digest

    @property
    def made_of(self) -> dict[str, str]:
        """Everything that decides a run and never changes, by name."""
        if not self._made_of:
            city = self.city
            self._made_of = {
                "city": content_digest(city.street, city.roads, city.drives, city.walks, list(city.lines)),
                "controller": self.controller_name or "fixed programs",
                "policy": repr(self.policy),
                "seed": str(self.seed),
                "fitting": repr(self.fitting),
                "faults": repr(self.fault_plans),
                "end": str(city.end_ms),
            }
        return self._made_of

    @property
    def _street_made_of(self) -> dict[str, str]:
        return {name: self.made_of[name] for name in ("city", "seed", "fitting", "faults", "end")}

    def _own(self) -> dict[str, object]:
        return {
            "traffic": self.traffic,
            "walkers": self.walkers,
            "looked": self.footways.oncoming.lane_asked,
            "transit": self.transit,
            "street": self.street,
            "feed": self.feed.on_the_way if self.feed is not None else (),
            "controller": self.controller if self.controller is not None else (),
        }

    def _carried(self) -> dict[str, object]:
        return {**self._own(), **self._companions}
