"""What a city is made of and what happens in it: scenario files, in TOML.

A scenario is either a generated city (`[city]`) or a SUMO network with its demand
(`[sumo]`); who travels (`[demand]`), what breaks (`[[faults]]`) and which hours are played
(`[run]`) are said for both alike. Every key has a default, bounds and one meaning; an
unknown key is an error that names those allowed. `sim.city.load` makes the city.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from controller.file_words import why_not
from controller.street_schema import Flag, Kind, Many, Number, Record, StreetFileError, Text, Whole, Word
from controller.toml_text import NotToml, in_line, table_of
from controller.vocabulary import CONTROLLERS, Sensors, Timing
from sim.scenarios import ScenarioError, busiest_hour_s

VERSION = 1
DAY_S = 86_400
SEED_MAX = 2**31 - 1
MORNING_S = 7 * 3600
HOUR_S = 3600
BUILT_IN = Path(__file__).parent / "scenarios"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WHERE = re.compile(r"all|(district|junction|detector):.+")


class FaultKind(StrEnum):
    """What goes wrong with a detector (rules 3.1)."""

    STUCK_ON = "stuck-on"
    STUCK_OFF = "stuck-off"
    CHATTER = "chatter"
    DRIFT = "drift"
    DELAY = "delay"
    DROPOUT = "dropout"
    CLOCK_SKEW = "clock-skew"
    SPOOFED = "spoofed"


class BusNews(StrEnum):
    """How signals hear of a bus's lateness and of who is aboard."""

    CHECK_IN = "check-in"
    """By its own radio, once a second, near the stop line."""
    FEED = "feed"
    """By the operator's GTFS-Realtime feed, half a minute late and with gaps."""
    NONE = "none"
    """Not at all: a bus is a count over a loop."""


@dataclass(frozen=True, slots=True)
class CityPlan:
    """The streets of a generated city; the same plan gives the same streets."""

    junctions: int = 24
    """How many signals."""
    seed: int = 1
    """Of the streets alone; who travels is drawn from the seed of the run."""
    block_m: float = 150.0
    """Usual distance between neighbouring junctions."""
    arterial_every: int = 4
    """Every n-th street is an arterial of two lanes each way with turning pockets."""
    river: bool = True
    """A river with few bridges parts the city."""
    edge_share: float = 0.2
    """Part of the junctions that lie in the low-income district at the city's edge."""
    edge_sensor_share: float = 0.25
    """Part of the detectors that were ever installed there."""
    bus_lines: int = 2
    headway_s: int = 600
    """Between two buses of a line."""
    school: bool = True
    clinic: bool = True


@dataclass(frozen=True, slots=True)
class SumoPlan:
    """A SUMO network, its demand, and files that name its bus stops."""

    net: Path
    routes: tuple[Path, ...]
    additional: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class DemandPlan:
    """Who travels. Volumes are for generated cities; imported demand brings its own."""

    veh_per_h_per_junction: float = 350.0
    """Vehicles that pass an average signal in the busiest hours; others have their part of it."""
    walks_per_h_per_junction: float = 120.0
    """People who set out on foot in the busiest hours, for each signal."""
    bicycle_share: float = 0.08
    """Part of the vehicle trips made by bicycle."""
    emergency_per_h: float = 2.0
    """Emergency vehicles in the whole city."""
    press_share: float = 0.9
    """Part of the people on foot who press the button."""
    impatient_share: float = 0.1
    """Part of the people on foot who cross on red after waiting long, when no vehicle is near."""
    patience_s: float = 60.0
    """How long those wait first."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """One fault, or a rate of them, of detectors somewhere."""

    kind: FaultKind
    where: str = "all"
    """`all`, `district:NAME`, `junction:NAME` or `detector:NAME`."""
    onset_s: float = 600.0
    """From the beginning of the run."""
    repair_s: float = 0.0
    """How long after its onset it is mended; 0 = not during the run."""
    share: float = 1.0
    """Part of the detectors there that have it, drawn from the seed."""
    rate_per_hour: float = 0.0
    """0: at the onset, once. Else each detector falls ill at this rate after the onset, for
    `repair_s` on average."""
    strength: float = 0.0
    """How bad it is, in the unit of its kind (`sim.city.sensing.faults.STRENGTHS`); 0 = as usual."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Which hours are played, by whom they are controlled, and what he sees."""

    begin_s: int = MORNING_S
    end_s: int = MORNING_S + HOUR_S
    controller: str = "adaptive"
    sensors: Sensors = Sensors.LOOPS
    timing: Timing = Timing.COMPUTED
    connected_share: float | None = None
    """Vehicles that tell where they are; left out: nobody beside loops, everybody with full sensors."""
    passive_share: float = 0.0
    """Crossings that see people who wait, pressing or not."""
    bus_news: BusNews = BusNews.NONE
    emergency_calls: bool = True
    """Emergency vehicles call the signals on their way, and are let through."""

    @property
    def duration_s(self) -> int:
        """Simulated seconds."""
        return self.end_s - self.begin_s


@dataclass(frozen=True, slots=True)
class CityScenario:
    """One scenario: exactly one of `city` and `sumo` is given."""

    name: str
    city: CityPlan | None = None
    sumo: SumoPlan | None = None
    demand: DemandPlan = field(default_factory=DemandPlan)
    faults: tuple[FaultPlan, ...] = ()
    run: RunPlan = field(default_factory=RunPlan)
    file: str = ""
    """Where it was read from; empty when made in memory."""

    def shortened(self, minutes: int | None) -> CityScenario:
        """Its first `minutes` (all of it for None, or when it is shorter anyway)."""
        if minutes is None:
            return self
        end_s = min(self.run.end_s, self.run.begin_s + 60 * minutes)
        return replace(self, run=replace(self.run, end_s=end_s))


# --- every key, its bounds, and the record it fills --------------------------------------------


def _record(make: type[Any], keys: Mapping[str, Kind]) -> Record:
    """A table filling `make`, whose own defaults are those of keys left out."""
    defaults = {f.name: f.default for f in dataclasses.fields(make) if f.default is not dataclasses.MISSING}
    return Record(make, keys, {}, defaults)


SHARE = Number(0.0, 1.0)
SEED = Whole(0, SEED_MAX)
CITY = _record(
    CityPlan,
    {
        "junctions": Whole(12, 10_000),
        "seed": SEED,
        "block_m": Number(80.0, 400.0),
        "arterial_every": Whole(2, 20),
        "river": Flag(),
        "edge_share": Number(0.0, 0.5),
        "edge_sensor_share": SHARE,
        "bus_lines": Whole(0, 500),
        "headway_s": Whole(60, 7200),
        "school": Flag(),
        "clinic": Flag(),
    },
)
DEMAND = _record(
    DemandPlan,
    {
        "veh_per_h_per_junction": Number(0.0, 2000.0),
        "walks_per_h_per_junction": Number(0.0, 2000.0),
        "bicycle_share": SHARE,
        "emergency_per_h": Number(0.0, 1000.0),
        "press_share": SHARE,
        "impatient_share": SHARE,
        "patience_s": Number(1.0, 3600.0),
    },
)
FAULT = _record(
    FaultPlan,
    {
        "kind": Word(FaultKind),
        "where": Text(),
        "onset_s": Number(0.0, DAY_S),
        "repair_s": Number(0.0, DAY_S),
        "share": SHARE,
        "rate_per_hour": Number(0.0, 60.0),
        "strength": Number(-3600.0, 6000.0),
    },
)
RUN = _record(
    RunPlan,
    {
        "begin_s": Whole(0, 7 * DAY_S),
        "end_s": Whole(1, 7 * DAY_S),
        "controller": Text(CONTROLLERS),
        "sensors": Word(Sensors),
        "connected_share": SHARE,
        "passive_share": SHARE,
        "bus_news": Word(BusNews),
        "emergency_calls": Flag(),
        "timing": Word(Timing),
    },
)
_FILES = Many(Text(), 1, 100)


def _plain(make: Callable[..., Any], keys: Mapping[str, Kind], **defaults: Any) -> Record:
    return Record(make, keys, {}, defaults)


SUMO = _plain(dict, {"net": Text(), "routes": _FILES, "additional": Many(Text(), 0, 100)}, additional=())
SCENARIO = _plain(
    dict,
    {
        "version": Whole(VERSION, VERSION),
        "name": Text(),
        "city": CITY,
        "sumo": SUMO,
        "demand": DEMAND,
        "faults": Many(FAULT, 0, 1000),
        "run": RUN,
    },
    name="",
    city=None,
    sumo=None,
    demand=DemandPlan(),
    faults=(),
    run=RunPlan(),
)


# --- reading -----------------------------------------------------------------------------------


def built_in_names() -> tuple[str, ...]:
    """The scenarios that come with Belisha."""
    return tuple(sorted(path.stem for path in BUILT_IN.glob("*.toml")))


def find_scenario(name: str | Path) -> CityScenario:
    """The built-in scenario of that name, else the scenario file at that place.

    Raises ScenarioError: one line naming file, key, what was found and what is allowed.
    """
    path = Path(name)
    if str(name) in built_in_names():
        path = BUILT_IN / f"{name}.toml"
    elif not path.is_file():
        raise ScenarioError(
            f"{name}: no such scenario; allowed: a scenario file, or one of {', '.join(built_in_names())}"
        )
    return read_scenario(path)


def read_scenario(path: Path) -> CityScenario:
    """Read one scenario file; files it names are found from its own folder. Raises ScenarioError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ScenarioError(f"{path}: cannot be read as text ({why_not(error)})") from None
    try:
        table = table_of(text)
    except NotToml as error:
        raise ScenarioError(f"{path}: {error}") from None
    try:
        return _scenario(path, table)
    except StreetFileError as error:
        raise ScenarioError(f"{path}: {error}") from None


def _scenario(path: Path, table: dict[str, Any]) -> CityScenario:
    version = table.get("version")
    if type(version) is int and version > VERSION:
        raise ScenarioError(
            f"{path}: version = {version}: written for a newer Belisha; this one reads version {VERSION}"
        )
    given = SCENARIO.read(table, "")
    if (given["city"] is None) == (given["sumo"] is None):
        which = "both are given" if given["city"] is not None else "neither is given"
        raise ScenarioError(f"{path}: {which}; exactly one of [city] and [sumo] is needed")
    sumo = _sumo_plan(path, given["sumo"]) if given["sumo"] is not None else None
    run = given["run"]
    if sumo is not None and "begin_s" not in table.get("run", {}):
        run = replace(run, begin_s=busiest_hour_s(sumo.routes))
    if "end_s" not in table.get("run", {}):
        run = replace(run, end_s=run.begin_s + HOUR_S)
    scenario = CityScenario(
        name=given["name"] or path.name.removesuffix(".toml"),
        city=given["city"],
        sumo=sumo,
        demand=given["demand"],
        faults=given["faults"],
        run=run,
        file=str(path),
    )
    check_scenario(scenario)
    return scenario


def _sumo_plan(path: Path, given: Mapping[str, Any]) -> SumoPlan:
    def found(name: str, key: str) -> Path:
        place = path.parent / name
        try:
            there = place.is_file()
        except OSError:  # a name no file can have
            there = False
        if not there:
            raise ScenarioError(f"{path}: sumo.{key}: no such file {in_line(name)}")
        return place

    return SumoPlan(
        net=found(given["net"], "net"),
        routes=tuple(found(name, f"routes[{k}]") for k, name in enumerate(given["routes"])),
        additional=tuple(found(name, f"additional[{k}]") for k, name in enumerate(given["additional"])),
    )


def of_sumo(
    net: Path,
    routes: Sequence[Path],
    run: RunPlan,
    additional: Sequence[Path] = (),
    demand: DemandPlan | None = None,
) -> CityScenario:
    """A scenario from SUMO files in which everybody presses and nobody crosses on red, as in SUMO."""
    name = net.name.removesuffix(".gz").removesuffix(".net.xml")
    as_sumo = DemandPlan(press_share=1.0, impatient_share=0.0)
    plan = SumoPlan(net, tuple(routes), tuple(additional))
    scenario = CityScenario(name, sumo=plan, demand=demand or as_sumo, run=run)
    check_scenario(scenario)
    return scenario


def check_scenario(scenario: CityScenario) -> None:
    """What single keys cannot tell. Raises ScenarioError naming file, key and what is allowed."""
    at, run = scenario.file or scenario.name, scenario.run
    if not _NAME.fullmatch(scenario.name):
        raise ScenarioError(
            f"{at}: name: found {scenario.name!r}; allowed is up to 64 letters, digits, '.', '-', '_', "
            "beginning with a letter or digit"
        )
    if run.end_s <= run.begin_s:
        raise ScenarioError(
            f"{at}: run.end_s: found {run.end_s}; allowed is later than run.begin_s = {run.begin_s}"
        )
    for k, fault in enumerate(scenario.faults):
        if not _WHERE.fullmatch(fault.where):
            raise ScenarioError(
                f"{at}: faults[{k}].where: found {fault.where!r}; allowed is all, district:NAME, "
                "junction:NAME or detector:NAME"
            )
