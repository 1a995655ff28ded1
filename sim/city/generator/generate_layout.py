"""The plan of a generated city: where its junctions lie, which streets join them, who lives where.

A bent grid of named streets, closer together in the centre, cut by a river that only some
streets cross. The plan is a networkx graph; lanes and signals are drawn on it by
`generate_geometry` and `generate_programs`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import networkx as nx
import numpy as np

from sim.city.scenario import CityPlan
from sim.scenarios import ScenarioError

JUNCTIONS_RANGE = (12, 10_000)
ASPECT = 1.25
"""Streets running north for each one running east."""
MINOR_SHARE = 0.15
"""Part of the inner junctions that has no signal."""
RIVER_AT = 0.6
"""Part of the city's height that lies south of the river."""
CENTRE_BLOCK, OUTER_BLOCK, ROW_BLOCK = 0.8, 1.2, 0.95
"""Block lengths as parts of the plan's, and how much closer rows lie than columns."""
BLOCK_MIN_M = 80.0
"""Shorter blocks would leave an arterial no room between two stop lines."""
STREET_IMPORTANCE = 0.4
"""How much likelier than a local street's corner one on a busier street has a signal (chance is 0 to 1)."""
RIVER_M = 210.0
"""From the last row of junctions on one bank to the first on the other."""
ENTRY_M = 240.0
JITTER = 0.05
"""Part of a block by which a junction may lie off its grid point."""
BEND = 0.012
"""Amplitude of the city's bend, as part of its extent."""
CLOSED_SHARE = 0.06
"""Part of local streets that was never built: parks, railway yards, school grounds."""
ENTRY_SHARE = 0.25
"""Part of local streets at the border that go on into the country."""


@dataclass(frozen=True, slots=True)
class StreetKind:
    """A cross-section. Offsets are from the centre line to lane centres, rightmost lane first."""

    name: str
    speed_m_per_s: float
    lane_offsets_m: tuple[float, ...]
    kerb_m: float
    pocket_offset_m: float | None
    rank: int
    """Who has priority where no signal stands."""

    @property
    def sidewalk_offset_m(self) -> float:
        """Centre line of the pavement, which is 2 m wide."""
        return self.kerb_m + 1.0


ARTERIAL = StreetKind("arterial", 50 / 3.6, (6.4, 3.2), 8.0, 0.0, 3)
"""Two lanes a direction beside a narrow median, in which the pockets for left turns lie."""
STREET = StreetKind("street", 40 / 3.6, (1.6,), 3.2, None, 2)
LOCAL = StreetKind("local", 30 / 3.6, (1.6,), 3.2, None, 1)


@dataclass(frozen=True, slots=True)
class District:
    """A part of the city and its people. Shares are parts of one."""

    name: str
    income: float
    """Of the city's mean."""
    sensor_share: float
    """Part of the detectors and buttons that was ever fitted."""
    children_share: float
    """Part of the people on foot who are children with a guardian."""
    older_share: float
    reporting_rate: float
    """Part of the faults people meet that they report."""
    homes: float
    """How many people live at a junction here, relative."""
    work: float
    """How many people work or shop at a junction here, relative."""
    car_share: float
    """Cars owned, relative: who has none walks, cycles or takes the bus."""


EDGE = "edge"
DISTRICTS = (
    District("centre", 1.1, 1.0, 0.08, 0.15, 0.10, 0.6, 3.0, 0.7),
    District("riverside", 1.3, 0.9, 0.10, 0.15, 0.14, 1.0, 1.2, 1.0),
    District("gardens", 1.0, 0.8, 0.16, 0.20, 0.09, 1.3, 0.5, 1.0),
    District("north bank", 1.0, 0.9, 0.12, 0.20, 0.08, 1.1, 1.0, 0.9),
    District("hill", 1.4, 0.9, 0.15, 0.25, 0.16, 1.2, 0.3, 1.2),
    District(EDGE, 0.5, 0.25, 0.20, 0.15, 0.02, 1.5, 0.4, 0.6),
)
"""Invented, with the pattern that is found again and again: where incomes are low there are more
children, fewer cars, fewer sensors and fewer reports."""

# fmt: off
_NAMES = (
    "Mill", "Bridge", "Market", "Church", "School", "Station", "Garden", "Orchard", "Park", "Forest",
    "River", "Lake", "Meadow", "Spring", "Castle", "Abbey", "Bell", "Rose", "Cedar", "Maple", "Willow",
    "Elm", "Chestnut", "Birch", "Poplar", "Hazel", "Ivy", "Linden", "Heron", "Swan", "Falcon", "Wren",
    "Robin", "Harbour", "Quarry", "Foundry", "Weaver", "Tanner", "Cooper", "Baker", "Mason", "Fisher",
    "Saddler", "Potter", "Chandler", "Cutler", "Nelson", "Darwin", "Newton", "Curie", "Lovelace", "Turing",
    "Ada", "Hopper", "Franklin", "Tubman", "Parks", "Mandela", "Gandhi", "Noether",
)
# fmt: on
_KINDS_NORTH = ("Street", "Lane", "Row", "Walk", "Court")
_KINDS_EAST = ("Road", "Avenue", "Way", "Terrace", "Drive")


@dataclass(frozen=True, slots=True)
class Layout:
    """The plan. Nodes of `graph` have x_m, y_m, kind (`signal`, `minor`, `entry`), district and title;
    its edges have `kind` (StreetKind) and `street` (name)."""

    graph: nx.Graph
    columns: int
    rows: int
    river_row: int
    """The first row of junctions north of the river."""
    bridges: tuple[tuple[str, str], ...]


def node_name(column: int, row: int) -> str:
    """The name of a grid point."""
    return f"c{column}r{row}"


def lay_out(plan: CityPlan) -> Layout:
    """Draw a city with that many signalised junctions. Raises `ScenarioError`."""
    low, high = JUNCTIONS_RANGE
    if not low <= plan.junctions <= high:
        raise ScenarioError(f"city.junctions: found {plan.junctions}; allowed is {low} to {high}")
    return _Drawing(plan, np.random.default_rng([plan.seed, 1])).layout()


class _Drawing:
    """A city on the drawing board."""

    def __init__(self, plan: CityPlan, rng: np.random.Generator) -> None:
        self.plan, self.rng = plan, rng
        inner = max(math.ceil(plan.junctions / (1.0 - MINOR_SHARE)), 16)
        self.rows = max(4, round(math.sqrt(inner / ASPECT)))
        self.columns = max(4, math.ceil(inner / self.rows))
        self.river_row = math.ceil(RIVER_AT * self.rows - 0.5)
        self.main_columns = set(range(1, self.columns, plan.arterial_every))
        self.main_rows = set(range(1, self.rows, plan.arterial_every))
        self.street_names = self._street_names()
        self.districts = self._districts()
        self.graph = nx.Graph()

    def layout(self) -> Layout:
        self._place_nodes()
        bridges = self._bridge_columns() if self.plan.river else set()
        self._join_nodes(bridges)
        self._close_some()
        self._add_entries()
        self._choose_minor()
        row = self.river_row
        return Layout(
            self.graph,
            self.columns,
            self.rows,
            row,
            tuple((node_name(c, row - 1), node_name(c, row)) for c in sorted(bridges)),
        )

    def _street_names(self) -> list[str]:
        """A name for every column, then for every row; no two the same."""
        names = []
        for count, kinds in ((self.columns, _KINDS_NORTH), (self.rows, _KINDS_EAST)):
            order = self.rng.permutation(len(_NAMES))
            for k in range(count):
                names.append(f"{_NAMES[order[k % len(order)]]} {kinds[k // len(order)]}")
        return names

    def _spacing(self, count: int, middle: tuple[float, float], part: float) -> list[float]:
        gaps = []
        for k in range(1, count):
            centre = middle[0] < k / count < middle[1]
            gap_m = self.plan.block_m * part * (CENTRE_BLOCK if centre else OUTER_BLOCK)
            gaps.append(max(gap_m, BLOCK_MIN_M))
        return gaps

    def _place_nodes(self) -> None:
        across = self._spacing(self.columns, (0.25, 0.65), 1.0)
        up = self._spacing(self.rows, (0.3, RIVER_AT), ROW_BLOCK)
        if self.plan.river:
            up[self.river_row - 1] = max(RIVER_M, up[self.river_row - 1])
        jitter_m = JITTER * min(self.plan.block_m * CENTRE_BLOCK, BLOCK_MIN_M)
        x = np.concatenate([[0.0], np.cumsum(across)])
        y = np.concatenate([[0.0], np.cumsum(up)])
        width, height = float(x[-1]), float(y[-1])
        for r in range(self.rows):
            for c in range(self.columns):
                off = self.rng.uniform(-jitter_m, jitter_m, 2)
                bend_x = BEND * height * math.sin(2 * math.pi * float(y[r]) / height)
                bend_y = BEND * width * math.sin(2 * math.pi * float(x[c]) / width)
                self.graph.add_node(
                    node_name(c, r),
                    x_m=round(float(x[c] + off[0] + bend_x), 2),
                    y_m=round(float(y[r] + off[1] + bend_y), 2),
                    kind="signal",
                    district=self.districts[c, r],
                    title=f"{self.street_names[c]} / {self.street_names[self.columns + r]}",
                )

    def _districts(self) -> dict[tuple[int, int], str]:
        """The district of every grid point. `edge` is the corner in the south-east, around the centre."""
        found, corner = {}, []
        for r in range(self.rows):
            for c in range(self.columns):
                u, v = (c + 0.5) / self.columns, (r + 0.5) / self.rows
                if r >= self.river_row:
                    found[c, r] = "north bank" if v < 0.8 else "hill"
                    continue
                found[c, r] = "gardens" if v < 0.3 else "centre" if 0.2 < u < 0.68 else "riverside"
                if found[c, r] != "centre":
                    corner.append((1.0 - u + v, c, r))
        for _, c, r in sorted(corner)[: round(self.plan.edge_share * self.rows * self.columns)]:
            found[c, r] = EDGE
        return found

    def _kind(self, column: bool, k: int) -> StreetKind:
        if k in (self.main_columns if column else self.main_rows):
            return ARTERIAL
        middle = 0.2 < (k + 0.5) / self.columns < 0.68 if column else 0.3 < (k + 0.5) / self.rows < RIVER_AT
        return STREET if middle else LOCAL

    def _bridge_columns(self) -> set[int]:
        """The arterials cross the river, and at least two streets."""
        bridges = set(self.main_columns)
        for spare in (self.columns - 1, self.columns // 2):
            if len(bridges) < 2:
                bridges.add(spare)
        return bridges

    def _join_nodes(self, bridges: set[int]) -> None:
        for r in range(self.rows):
            for c in range(self.columns):
                here = node_name(c, r)
                if c + 1 < self.columns:
                    self._join(here, node_name(c + 1, r), False, r)
                if r + 1 < self.rows and (r + 1 != self.river_row or c in bridges or not self.plan.river):
                    self._join(here, node_name(c, r + 1), True, c)

    def _join(self, a: str, b: str, column: bool, k: int) -> None:
        name = self.street_names[k if column else self.columns + k]
        self.graph.add_edge(a, b, kind=self._kind(column, k), street=name)

    def _close_some(self) -> None:
        """Leave local streets out, no two near each other, so that every place stays in reach."""
        minor = [(a, b) for a, b, kind in self.graph.edges.data("kind") if kind is not ARTERIAL]
        touched: set[str] = set()
        closed = 0
        for k in self.rng.permutation(len(minor)):
            if closed >= CLOSED_SHARE * len(minor):
                return
            a, b = minor[k]
            near = {a, b, *self.graph[a], *self.graph[b]}
            whole = all(self.graph.degree[n] == 4 for n in (a, b))
            if not whole or near & touched:
                continue
            self.graph.remove_edge(a, b)
            touched |= near
            closed += 1

    def _add_entries(self) -> None:
        """Roads into the country: all arterials, some local streets, and wherever an arm is missing."""
        last_column, last_row = self.columns - 1, self.rows - 1
        columns, rows = range(self.columns), range(self.rows)
        sides = [(c, 0, 0, -1) for c in columns] + [(c, last_row, 0, 1) for c in columns]
        sides += [(0, r, -1, 0) for r in rows] + [(last_column, r, 1, 0) for r in rows]
        for c, r, dx, dy in sides:
            here = node_name(c, r)
            column = dy != 0
            k = c if column else r
            wanted = self.rng.random() < ENTRY_SHARE or self._kind(column, k) is ARTERIAL
            if not wanted and self.graph.degree[here] >= 3:
                continue
            data = self.graph.nodes[here]
            there = f"{here}{'ns'[dy < 0] if column else 'ew'[dx < 0]}"
            self.graph.add_node(
                there,
                x_m=round(data["x_m"] + dx * ENTRY_M, 2),
                y_m=round(data["y_m"] + dy * ENTRY_M, 2),
                kind="entry",
                district=data["district"],
                title=f"{self.street_names[k if column else self.columns + k]}, city limits",
            )
            self._join(here, there, column, k)

    def _choose_minor(self) -> None:
        """Take signals away where only small streets meet until the number is as wished."""
        inner = [n for n, kind in self.graph.nodes.data("kind") if kind == "signal"]
        size = {n: sorted(-k.rank for *_, k in self.graph.edges(n, data="kind")) for n in inner}
        luck = dict(zip(inner, self.rng.random(len(inner)).tolist(), strict=True))

        def importance(n: str) -> tuple[int, int, float]:
            """Arterials that meet here, one arterial, then mostly chance."""
            main = sum(rank == -ARTERIAL.rank for rank in size[n])
            return main // 3, min(main, 1), luck[n] - STREET_IMPORTANCE * size[n][0]

        order = sorted(inner, key=importance)
        for n in order[: len(inner) - self.plan.junctions]:
            self.graph.nodes[n]["kind"] = "minor"
