"""A city on paper for consoles: layout and pictures of any size, the same for the same seed, and a wire.

Nothing moves by itself: `PaperWire.tell` says what is seen next, so that a picture is the same at every run.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np

from override.details import (
    ApproachDetail,
    BusDetail,
    Detail,
    DetectorDetail,
    DistrictPulse,
    GroupDetail,
    ModePulse,
    Pulse,
    StageSpan,
    TermDetail,
)  # fmt: skip
from override.flag_messages import FlagLife, FlagView, Kind
from override.layouts import DetectorLayout, GroupLayout, JunctionLayout, RoadLayout, StageLayout
from override.roles import Command
from override.views import AlarmView, Event, JunctionView, OrderView, Urgency
from tui.model import Contact, DetailSeen, PulsePoint, Sight

BOOT = b"paper-01"
NOW_MS = 4_000_000
NOW_S = 1_000.0
STREET_MS = 25_200_000 + 193_000
STREETS = ("Elm", "Mill", "Harbour", "Station", "Castle", "Market", "Bridge", "Chapel", "Garden", "Quarry")
AVENUES = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth")
DISTRICTS = ("Northbank", "Old Town", "Docks", "Hillside")
ARMS = ("north", "east", "south", "west")


def groups(name: str) -> tuple[GroupLayout, ...]:
    cars = [
        GroupLayout(f"{arm}.{turn}", "vehicle", arm, 120_000) for arm in ARMS for turn in ("through", "left")
    ]
    feet = [
        GroupLayout(f"walk.{arm}", "pedestrian", "", 90_000, f"{name.upper()[:4]}{k}", 140, 11_000)
        for k, arm in enumerate(ARMS)
    ]
    return (*cars, *feet)


STAGES = (
    StageLayout("ns", (0, 4, 9, 11)), StageLayout("ns.left", (1, 5)), StageLayout("ew", (2, 6, 8, 10)),
    StageLayout("ew.left", (3, 7)),
)  # fmt: skip


def detectors() -> tuple[DetectorLayout, ...]:
    loops = [DetectorLayout(f"{arm}.{kind}", kind, arm) for arm in ARMS for kind in ("stopline", "advance")]
    return (*loops, *(DetectorLayout(f"button.{arm}", "button", f"walk.{arm}") for arm in ARMS))


def layouts_of(junctions: int, seed: int = 1) -> tuple[dict[str, JunctionLayout], tuple[RoadLayout, ...]]:
    """A bent grid of so many junctions in four districts, and its streets."""
    rng = np.random.default_rng(seed)
    across = max(1, round((junctions * 1.6) ** 0.5))
    places: dict[tuple[int, int], JunctionLayout] = {}
    down = -(-junctions // across)
    for k in range(junctions):
        row, column = divmod(k, across)
        x_m = 300 + 320 * column + int(rng.integers(-70, 70)) + 25 * row
        y_m = 300 + 260 * row + int(rng.integers(-60, 60)) + round(60 * np.sin(column / 2))
        district = DISTRICTS[(row * 2 >= down) * 2 + (column * 2 >= across)]
        name = f"c{column}r{row}"
        title = f"{STREETS[row % len(STREETS)]} St / {AVENUES[column % len(AVENUES)]} Av"
        places[column, row] = JunctionLayout(
            name, title, x_m, y_m, district, groups(name), STAGES, detectors(), ("day", "night")
        )
    roads = []
    for (column, row), place in places.items():
        for other in ((column + 1, row), (column, row + 1)):
            if other in places:
                end = places[other]
                roads.append(RoadLayout((place.x_m, place.y_m, end.x_m, end.y_m), 2, place.district))
    return {place.name: place for place in places.values()}, tuple(roads)


def lamps_of(stage: int) -> str:
    return "".join("G" if k in STAGES[stage].groups else "R" for k in range(12))


def junction_views(names: list[str], seed: int = 1) -> dict[str, JunctionView]:
    """Most of them calm, some busy, a few on a lower rung."""
    rng = np.random.default_rng(seed + 1)
    rungs = rng.choice([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3], len(names))
    out = {}
    for name, rung in zip(names, rungs, strict=True):
        stage = int(rng.integers(4))
        queue_veh, used = int(rng.integers(0, 40)), int(rng.integers(0, 95))
        faults = int(rung > 0) * int(rng.integers(1, 4))
        out[name] = JunctionView(
            name, 7, STAGES[stage].name, lamps_of(stage), int(rung), (), int(rng.integers(0, 9)), queue_veh,
            used * 9 // 10, used, faults,
        )  # fmt: skip
    return out


def order_view(order: str, issuer: str, command: Command, state: str, left_ms: int) -> OrderView:
    return OrderView(order, issuer, command, 7, state, 1, NOW_MS + left_ms, bytes(32))


def pulse(street_ms: int = STREET_MS) -> Pulse:
    modes = (
        ModePulse("cars", 214, 21_000, 96_000, 991), ModePulse("pedestrians", 61, 24_000, 84_000, 1000),
        ModePulse("buses", 33, 14_000, 61_000, 1000),
    )  # fmt: skip
    districts = tuple(DistrictPulse(name, modes) for name in DISTRICTS)
    return Pulse(BOOT, NOW_MS, street_ms, 40_000, modes, districts, (20, 1, 1, 1, 0, 1), 900, 3_000)


def detail(name: str) -> Detail:
    """A junction from near, with something in every part."""
    group_rows = []
    for k, layout in enumerate(groups(name)):
        green = k in STAGES[0].groups
        foot = layout.kind == "pedestrian"
        group_rows.append(
            GroupDetail(
                "G" if green else "R", 12_000 if green else 31_000, 3_000 if green else 0,
                9_000 if green else 24_000, not green, 0 if green else 26_000 + 4_000 * (k % 4),
                (k * 5) % 4 if foot else (k * 7) % 11,
            )
        )  # fmt: skip
    approaches = tuple(
        ApproachDetail(arm, 3 * k + 2, 4, 250 * (k == 1), k != 3) for k, arm in enumerate(ARMS)
    )
    rows = [DetectorDetail(k % 3 == 0, 1000, "", 4_000) for k in range(12)]
    rows[3] = DetectorDetail(True, 0, "occupied for 41 min while its neighbours counted", 2_460_000)
    shown = tuple(StageSpan(k % 4, -120_000 + 20_000 * k, 20_000) for k in range(6))
    planned = (StageSpan(0, 0, 9_000), StageSpan(2, 14_000, 22_000), StageSpan(3, 41_000, 12_000))
    return Detail(
        BOOT, NOW_MS, STREET_MS, name, tuple(group_rows), approaches, tuple(rows),
        (BusDetail("12", "north", 8_000, 140, 31), BusDetail("4", "east", 25_000, -20, 12)), shown, planned,
        12_000,
        "North and south stay green: bus 12 with 31 people is 8 s away and 2 min late.",
        "ns kept: J=412 against ew 455; bus term 96 decides; next decision point in 3 s.",
        "A late bus with many people is about to arrive from the north.",
        "buses",
        (TermDetail("cars", 2_110, 1_890), TermDetail("people", 740, 620), TermDetail("buses", 310, 1_270),
         TermDetail("promise", 0, 0), TermDetail("clearance", 960, 770)),
        "",
    )  # fmt: skip


def city(junctions: int = 24, seed: int = 1) -> Sight:
    """A live sight: one junction flashes, one runs its plan, an order acts, a promise is broken."""
    layouts, roads = layouts_of(junctions, seed)
    views = junction_views(list(layouts), seed)
    names = list(layouts)
    a, b, c, d = names[3], names[7], names[len(names) // 2], names[-2]
    views[a] = replace(views[a], rung=5, lamps="F" * 12, stage="", faults=2)
    views[b] = replace(views[b], orders=("o-17",))
    views[c] = replace(views[c], used_percent=131, longest_s=118, people=6)
    views[d] = replace(views[d], rung=3, faults=4)
    alarms = {
        "x1": AlarmView("x1", a, "C1", Urgency.NOW, "conflicting lamps: the monitor flashes the junction",
                        True, False, False, NOW_MS - 185_000),
        "x2": AlarmView("x2", d, "L3", Urgency.SOON, "no detector is believed; the fixed plan runs",
                        True, True, False, NOW_MS - 1_260_000, 1, "ana"),
    }  # fmt: skip
    flags = {
        "f1": FlagView("f1", c, "walk.east", "Old Town", Kind.BUTTON_DEAD, FlagLife.REMEDIED, 4, 2_400_000,
                       False, "no press in 3 h", True, "the walk comes without a press", "o-9", 700_000),
        "f2": FlagView("f2", b, "", "Docks", Kind.GREEN_TOGETHER, FlagLife.WITH_A_PERSON, 1, 40_000, True),
    }  # fmt: skip
    orders = {
        "o-17": order_view("o-17", "ana", Command.HOLD, "effective", 84_000),
        "o-18": order_view("o-18", "ole", Command.LOCKOUT, "requested", 41_000),
    }
    events = tuple(
        Event(
            BOOT,
            k,
            NOW_MS - 9_000 * (6 - k),
            1_780_000_000_000 + 9_000 * k,
            "rung",
            names[k],
            "something happened",
        )
        for k in range(6)
    )
    return Sight(
        Contact.LIVE, "", BOOT, 1, NOW_MS, NOW_S - 0.2, 3, 40_000, "paper town", 1, layouts, roads, views,
        orders, alarms, flags, {name: DetailSeen(detail(name), NOW_S - 0.4) for name in (a, b, c)}, pulse(),
        tuple(PulsePoint(pulse(STREET_MS + 5_000 * k), NOW_S - 300 + 5 * k) for k in range(60)), events, (),
    )  # fmt: skip


class PaperWire:
    """A wire to nothing: shows what it is told to, keeps what it is asked."""

    def __init__(self, sight: Sight, answer: Callable[[Any], Any] | None = None) -> None:
        self.sight = sight
        self.watched: list[tuple[str, ...]] = []
        self.asked: list[Any] = []
        self.stopped = False
        self._answer = answer
        self._tell: Callable[[Sight], None] = lambda sight: None

    def start(self, tell: Callable[[Sight], None]) -> None:
        self._tell = tell
        tell(self.sight)

    def stop(self) -> None:
        self.stopped = True

    def watch(self, junctions: tuple[str, ...]) -> None:
        self.watched.append(junctions)

    def ask(self, job: Callable[[Any], Any]) -> Future[Any]:
        self.asked.append(job)
        future: Future[Any] = Future()
        try:
            future.set_result(self._answer(job) if self._answer else None)
        except Exception as error:
            future.set_exception(error)
        return future

    def tell(self, **changes: Any) -> None:
        """What is seen next."""
        self.sight = replace(self.sight, **changes)
        self._tell(self.sight)
