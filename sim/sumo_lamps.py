"""Lamps of signal groups as SUMO's letters, one a link, and back.

G and g both are green; g makes drivers give way. A green link shows g while a link it has
to respond to (the right-of-way matrix of its node) belongs to a group that is active: green,
yellow, in pedestrian clearance, or not yet cleared. r for people on foot in clearance: SUMO has
no flashing don't-walk, whoever is on the crossing walks on. All flash states but amber are
shown as r: SUMO's flashing letters (o) mean "unregulated", which a flashing red is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from controller.codes import NEVER_MS
from controller.network import Network
from controller.vocabulary import GroupKind, Lamp
from sim.importers.sumo_links import matrix_rows, row_key
from sim.importers.sumo_net_xml import SumoNet

ACTIVE = (Lamp.GREEN, Lamp.YELLOW, Lamp.CLEARANCE)
CLEARING_VEHICLE_MS = 2000
CLEARING_PEDESTRIAN_MS = 3000
"""How long after its yellow or clearance a group still counts as in the junction (rules R7, R26)."""


Controlled = Mapping[str, Sequence[Sequence[tuple[str, str]]]]
"""Signal → link → the ways (from lane, to lane) it governs."""


class _Head:
    """One signal: its groups, links, and for each link the groups it has to respond to."""

    def __init__(self, network: Network, j: int, n_links: int, responses: dict[int, set[int]]) -> None:
        junction = network.street.junctions[j]
        self.name = junction.name
        self.first = int(network.group_start[j])
        self.links = [tuple(g.links) for g in junction.groups]
        self.turn_on_red = [g.turn_on_red for g in junction.groups]
        self.is_pedestrian = [g.kind == GroupKind.PEDESTRIAN for g in junction.groups]
        group_of = {link: k for k, g in enumerate(junction.groups) for link in g.links}
        self.n_links = max(n_links, *(link + 1 for link in group_of))
        conflicts = network.conflict_bits[self.first : self.first + len(self.links)].tolist()
        self.yields_to = {link: self._allowed(group_of, responses, conflicts, link) for link in group_of}
        self.text = ""
        self.shown: list[int] = [-1] * len(self.links)
        self.cleared_ms = [-NEVER_MS] * len(self.links)
        self.due_ms = NEVER_MS
        """When the letters change although no lamp does: a yielding green becomes a free one."""

    @staticmethod
    def _allowed(
        group_of: dict[int, int], responses: dict[int, set[int]], conflicts: list[int], link: int
    ) -> list[int]:
        """Groups a link gives way to while both are green; groups in conflict never are."""
        groups = {group_of[other] for other in responses.get(link, ()) if other in group_of}
        return sorted(k for k in groups if not conflicts[group_of[link]] >> k & 1)

    def render(self, shown: list[int], now_ms: int) -> str:
        """The letters for these lamps of the junction's groups (n,)."""
        for k, (lamp, before) in enumerate(zip(shown, self.shown, strict=True)):
            if before in ACTIVE and lamp not in ACTIVE:
                after = CLEARING_PEDESTRIAN_MS if self.is_pedestrian[k] else CLEARING_VEHICLE_MS
                self.cleared_ms[k] = now_ms + after
        self.shown = shown
        active = [
            lamp in ACTIVE or now_ms < until for lamp, until in zip(shown, self.cleared_ms, strict=True)
        ]
        letters = ["r"] * self.n_links
        for k, lamp in enumerate(shown):
            for link in self.links[k]:
                letters[link] = self._letter(k, link, lamp, active)
        ends = [
            t for lamp, t in zip(shown, self.cleared_ms, strict=True) if lamp not in ACTIVE and t > now_ms
        ]
        self.due_ms = min(ends, default=NEVER_MS)
        return "".join(letters)

    def _letter(self, k: int, link: int, lamp: int, active: list[bool]) -> str:
        if lamp == Lamp.GREEN:
            return "g" if any(active[other] for other in self.yields_to[link]) else "G"
        if lamp == Lamp.YELLOW:
            return "y"
        if lamp == Lamp.FLASH_AMBER:
            return "o"
        if lamp == Lamp.DARK:
            return "O"
        return "s" if lamp == Lamp.RED and self.turn_on_red[k] else "r"


class Signals:
    """All signals of a street: which texts to set, and what SUMO's texts mean."""

    def __init__(self, network: Network, net: SumoNet, controlled: Controlled) -> None:
        responses = _responses(net)
        self.heads = [
            _Head(network, j, len(controlled[junction.name]), responses.get(junction.name, {}))
            for j, junction in enumerate(network.street.junctions)
        ]
        self.names = [head.name for head in self.heads]
        self._read: list[str] = [""] * len(self.heads)
        self._lamps_read: NDArray[np.int8] = np.zeros(network.n_groups, np.int8)

    def changed(self, lamps: NDArray[np.int8], now_ms: int) -> Iterator[tuple[str, str]]:
        """(signal, letters) of every signal whose letters differ from those last given."""
        for head in self.heads:
            shown = lamps[head.first : head.first + len(head.links)].tolist()
            if shown != head.shown:
                yield from self._rendered(head, shown, now_ms)

    def due(self, now_ms: int) -> Iterator[tuple[str, str]]:
        """(signal, letters) of signals whose letters change by the clock alone."""
        for head in self.heads:
            if head.due_ms <= now_ms:
                yield from self._rendered(head, head.shown, now_ms)

    def _rendered(self, head: _Head, shown: list[int], now_ms: int) -> Iterator[tuple[str, str]]:
        text = head.render(shown, now_ms)
        if text != head.text:
            head.text = text
            yield head.name, text

    def read_back(self, texts: Sequence[str], wanted: NDArray[np.int8], shown: NDArray[np.int8]) -> None:
        """Write into `shown` (groups,) what `texts` mean; r stands for CLEARANCE where that is wanted."""
        for h, (head, text) in enumerate(zip(self.heads, texts, strict=True)):
            if text == self._read[h]:
                continue
            self._read[h] = text
            for k, links in enumerate(head.links):
                self._lamps_read[head.first + k] = _LAMP[text[links[0]]]
        shown[:] = self._lamps_read
        red = self._lamps_read == Lamp.RED
        silent = red & ((wanted == Lamp.CLEARANCE) | (wanted == Lamp.FLASH_RED))
        shown[silent] = wanted[silent]


_LAMP = {
    "G": Lamp.GREEN, "g": Lamp.GREEN, "y": Lamp.YELLOW, "Y": Lamp.YELLOW, "r": Lamp.RED, "s": Lamp.RED,
    "u": Lamp.RED, "o": Lamp.FLASH_AMBER, "O": Lamp.DARK,
}  # fmt: skip


def _responses(net: SumoNet) -> dict[str, dict[int, set[int]]]:
    """Signal → link → links of the same signal it has to give way to."""
    row_of = matrix_rows(net)
    link_of: dict[tuple[str, int], tuple[str, int]] = {}
    for way in net.connections:
        if way.tl and way.link_index >= 0:
            crossing = next((lane for lane in (way.to_lane, way.from_lane) if _is_crossing(net, lane)), "")
            row = row_of.get(row_key(way, crossing))
            if row is not None:
                link_of[row] = (way.tl, way.link_index)
    found: dict[str, dict[int, set[int]]] = {}
    for (node, k), (tl, link) in link_of.items():
        bits = net.junctions[node].responses.get(k, 0)
        others = (link_of.get((node, other)) for other in range(bits.bit_length()) if bits >> other & 1)
        to = {other[1] for other in others if other is not None and other[0] == tl}
        found.setdefault(tl, {}).setdefault(link, set()).update(to - {link})
    return found


def _is_crossing(net: SumoNet, lane: str) -> bool:
    return lane in net.lanes and net.edges[net.lanes[lane].edge].function == "crossing"


def crossings_of(network: Network, controlled: Controlled, net: SumoNet) -> dict[tuple[str, str], int]:
    """(walking area, crossing edge) → index among all groups, for both directions of a crossing."""
    found: dict[tuple[str, str], int] = {}
    group_of_edge: dict[str, int] = {}
    for j, junction in enumerate(network.street.junctions):
        first = int(network.group_start[j])
        for k, group in enumerate(junction.groups):
            if group.kind != GroupKind.PEDESTRIAN:
                continue
            for link in group.links:
                for from_lane, to_lane in controlled[junction.name][link]:
                    area, crossing = _edge(from_lane), _edge(to_lane)
                    if net.edges[area].function == "crossing":  # a second link for the way back
                        area, crossing = crossing, area
                    found[area, crossing] = first + k
                    group_of_edge.setdefault(crossing, first + k)
    # The network lists a crossing's link for one direction; those who come back obey it too.
    for way in net.connections:
        crossing, area = _edge(way.from_lane), _edge(way.to_lane)
        if crossing in group_of_edge and net.edges[area].function == "walkingarea":
            found.setdefault((area, crossing), group_of_edge[crossing])
    return found


def _edge(lane: str) -> str:
    return lane.rpartition("_")[0]
