"""The monitor's permissive card from lines on the ground: which paths over a junction meet.

It shares no code with the engine's conflicts. Where the centre lines of two vehicles' paths come closer
than a car is wide, or a path leads over a crossing, the two groups may not be active together, unless
the street file says that one gives way and the ground agrees that its drivers can: they turn, or the
two merge.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from controller.junction import Junction, StreetNetwork
from controller.monitor import Card, CardError

Point = tuple[float, float]
Floats = npt.NDArray[np.float64]

CAR_WIDTH_M = 1.8
"""Two cars pass side by side where their centre lines are at least so far apart."""
TURN_DEGREES = 20.0
"""Who changes direction by more than this turns, and can watch for those he turns across."""
TOUCH_M = 0.01
"""Who drives over a crossing crosses the line along its middle; who only clips a corner does not."""
PARALLEL = 1e-12


@dataclass(frozen=True, slots=True)
class LinkPath:
    """One way over a junction, or one crossing, as a line on the ground."""

    link: int
    """Its head, as in `Group.links`."""
    crossing: bool
    from_edge: str
    to_edge: str
    line_m: tuple[Point, ...]
    width_m: float

    @property
    def turn_degrees(self) -> float:
        """Change of direction from beginning to end, 0-180."""
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = *self.line_m[:2], *self.line_m[-2:]
        turned = math.atan2(dy - cy, dx - cx) - math.atan2(by - ay, bx - ax)
        return abs(math.degrees(math.remainder(turned, math.tau)))


@dataclass(frozen=True, slots=True)
class Difference:
    """Where ground and street file disagree about two groups of a junction."""

    junction: str
    groups: tuple[str, str]
    refuses: bool
    """The street file lacks a conflict; else it has one that the ground does not show."""
    sentence: str


def distances_m(paths: Sequence[LinkPath]) -> Floats:
    """(P, P) least distance between the centre lines of any two paths; 0 where they cross."""
    lines = [np.array(p.line_m, np.float64) for p in paths]
    starts = np.concatenate([line[:-1] for line in lines])
    ends = np.concatenate([line[1:] for line in lines])
    first = np.cumsum([0, *(len(line) - 1 for line in lines[:-1])])
    apart = np.minimum(_from_points(starts, starts, ends), _from_points(ends, starts, ends))
    apart = np.minimum(apart, apart.T)
    apart[_cross(starts, ends)] = 0.0
    by_row = np.minimum.reduceat(apart, first, axis=0)
    least: Floats = np.minimum.reduceat(by_row, first, axis=1)
    return least


def _from_points(points: Floats, starts: Floats, ends: Floats) -> Floats:
    """(N, N) distance of each point to each segment."""
    along = ends - starts
    length2 = np.maximum((along**2).sum(axis=1), PARALLEL)
    to = points[:, None, :] - starts[None, :, :]
    part = np.clip((to * along[None]).sum(axis=2) / length2[None], 0.0, 1.0)
    gap: Floats = np.hypot(*np.moveaxis(to - part[..., None] * along[None], 2, 0))
    return gap


def _cross(starts: Floats, ends: Floats) -> npt.NDArray[np.bool_]:
    """(N, N) whether two segments cross."""
    along = ends - starts
    between = starts[None, :, :] - starts[:, None, :]
    det = along[:, None, 0] * along[None, :, 1] - along[:, None, 1] * along[None, :, 0]
    parallel = np.abs(det) < PARALLEL
    safe = np.where(parallel, 1.0, det)
    t = (between[..., 0] * along[None, :, 1] - between[..., 1] * along[None, :, 0]) / safe
    u = (between[..., 0] * along[:, None, 1] - between[..., 1] * along[:, None, 0]) / safe
    return ~parallel & (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)


class Ground:
    """What lines on the ground say of one junction's groups. Raises CardError for a head without a line."""

    def __init__(self, junction: Junction, paths: Sequence[LinkPath]) -> None:
        group_of = {link: k for k, group in enumerate(junction.groups) for link in group.links}
        self.junction = junction
        self._paths = [p for p in paths if p.link in group_of and len(p.line_m) > 1]
        for group in junction.groups:
            if missing := set(group.links) - {p.link for p in self._paths}:
                raise CardError(
                    f"junction {junction.name}, {group.name}: head {min(missing)} has no line on the ground"
                )
        self._group = [group_of[p.link] for p in self._paths]
        self.meetings: dict[tuple[int, int], list[tuple[LinkPath, LinkPath]]] = {}
        """By groups (lower, higher): the paths of theirs that meet, in that order."""
        self._meet()

    def _meet(self) -> None:
        apart = distances_m(self._paths)
        for a, b in combinations(range(len(self._paths)), 2):
            p, q, g, h = self._paths[a], self._paths[b], self._group[a], self._group[b]
            if g == h or (p.crossing and q.crossing) or p.line_m[0] == q.line_m[0]:
                continue  # one head; people among people; one lane, from which they part
            if apart[a, b] < (TOUCH_M if p.crossing or q.crossing else CAR_WIDTH_M):
                pair = ((g, h), (p, q)) if g < h else ((h, g), (q, p))
                self.meetings.setdefault(pair[0], []).append(pair[1])

    def without_care(self, low: int, high: int, givers: Collection[int]) -> tuple[LinkPath, LinkPath] | None:
        """Two paths of these groups that meet with neither driver able to give way; None if there are none.

        Of the groups that are to give way (`givers`) the driver turns, or the two merge.
        """
        for pair in self.meetings[low, high]:
            able = [path for path, group in zip(pair, (low, high), strict=True) if group in givers]
            merges = pair[0].to_edge == pair[1].to_edge and not pair[0].crossing and not pair[1].crossing
            if not any(not p.crossing and (merges or p.turn_degrees > TURN_DEGREES) for p in able):
                return pair
        return None


def differences(network: StreetNetwork, paths: Mapping[str, Sequence[LinkPath]]) -> list[Difference]:
    """Every pair of groups about which ground and street file disagree, junction by junction."""
    found = []
    for junction in network.junctions:
        ground = Ground(junction, paths.get(junction.name, ()))
        found += _lacking(junction, ground)
        found += _stricter(junction, ground)
    return found


def _lacking(junction: Junction, ground: Ground) -> list[Difference]:
    names = [group.name for group in junction.groups]
    conflicts = {frozenset((pair.ending, pair.starting)) for pair in junction.intergreens}
    gives = {(pair.group, pair.to) for pair in junction.yields}
    found = []
    for g, h in sorted(ground.meetings):
        one, other = names[g], names[h]
        if frozenset((one, other)) in conflicts:
            continue
        givers = [a for a, b in ((g, h), (h, g)) if (names[a], names[b]) in gives]
        careless = ground.without_care(g, h, givers)
        if careless is None:
            continue
        p, q = careless
        what = "neither turns to give way" if givers else "the street file has no conflict there"
        found.append(
            Difference(
                junction.name, (one, other), True,
                f"junction {junction.name}: {one} and {other} meet on the ground (heads {p.link} and"
                f" {q.link}), and {what}",
            )
        )  # fmt: skip
    return found


def _stricter(junction: Junction, ground: Ground) -> list[Difference]:
    index = {group.name: k for k, group in enumerate(junction.groups)}
    pairs = {tuple(sorted((index[i.ending], index[i.starting]))) for i in junction.intergreens}
    found = []
    for g, h in sorted(pairs - set(ground.meetings)):
        one, other = junction.groups[g].name, junction.groups[h].name
        sentence = f"junction {junction.name}: engine stricter: {one} and {other} do not meet on the ground"
        found.append(Difference(junction.name, (one, other), False, sentence))
    return found


def refuse_what_is_lacking(differences: Sequence[Difference]) -> None:
    """Raise CardError with the first pair that the street file lacks: such a street must not start."""
    lacking = [d for d in differences if d.refuses]
    if lacking:
        more = f" (and {len(lacking) - 1} other pairs)" if len(lacking) > 1 else ""
        raise CardError(lacking[0].sentence + more)


def card_of_ground(network: StreetNetwork, paths: Mapping[str, Sequence[LinkPath]], card: Card) -> Card:
    """The monitor's card: every conflict on the ground, and those in which the street file is stricter.

    Times are `card`'s (`controller.permissive.card_of`), checked there against crossings and floors;
    pairs are found anew. Raises CardError naming the first pair that the street file lacks.
    """
    found = differences(network, paths)
    refuse_what_is_lacking(found)
    first = np.searchsorted(card.junction, np.arange(card.junction_count))
    wanted = {
        (int(first[j]) + a, int(first[j]) + b)
        for j, junction in enumerate(network.junctions)
        for a, b in _pairs(junction, Ground(junction, paths[junction.name]), found)
    }
    times = dict(
        zip(
            zip(card.pair_ending.tolist(), card.pair_starting.tolist(), strict=True),
            card.pair_intergreen_ms.tolist(),
            strict=True,
        )
    )
    pairs = sorted(wanted)
    return replace(
        card,
        pair_ending=np.array([a for a, _ in pairs], np.int64),
        pair_starting=np.array([b for _, b in pairs], np.int64),
        pair_intergreen_ms=np.array([times[pair] for pair in pairs], np.int64),
    )


def _pairs(junction: Junction, ground: Ground, found: Sequence[Difference]) -> Iterator[tuple[int, int]]:
    """Conflicting groups of one junction, in both directions."""
    index = {group.name: k for k, group in enumerate(junction.groups)}
    gives = {(index[pair.group], index[pair.to]) for pair in junction.yields}
    hard = {frozenset((index[i.ending], index[i.starting])) for i in junction.intergreens}
    for g, h in ground.meetings:
        if frozenset((g, h)) in hard or not {(g, h), (h, g)} & gives:
            yield from ((g, h), (h, g))
    for difference in found:
        if difference.junction == junction.name and not difference.refuses:
            g, h = (index[name] for name in difference.groups)
            yield from ((g, h), (h, g))
