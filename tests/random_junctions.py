"""Junctions nobody drew: random groups, conflicts, times and stages, for hypothesis."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from controller.junction import Group, Intergreen, Junction, Stage, Yield
from controller.vocabulary import GroupKind, StageSource
from tests import toy_street

BUFFER_MS = 3_000


def tenths(least_s: float, most_s: float) -> st.SearchStrategy[int]:
    """Milliseconds in steps of 100."""
    return st.integers(round(10 * least_s), round(10 * most_s)).map(lambda t: 100 * t)


@st.composite
def junctions(draw: st.DrawFn, yields: bool = True) -> Junction:
    """One to five movements, up to three crossings; every group is in some stage."""
    vehicles = [f"v{k}" for k in range(draw(st.integers(1, 5)))]
    walks = [f"walk{k}" for k in range(draw(st.integers(0, 3)))]
    groups = [_movement(draw, name) for name in vehicles] + [_crossing(draw, name) for name in walks]
    foes: set[tuple[str, str]] = set()
    gives: set[tuple[str, str]] = set()
    for i, a in enumerate(groups):
        for b in groups[i + 1 :]:
            both_walk = {a.kind, b.kind} == {GroupKind.PEDESTRIAN}
            if not both_walk and draw(st.booleans()):
                foes |= {(a.name, b.name), (b.name, a.name)}
            elif yields and a.kind == GroupKind.VEHICLE and draw(st.integers(0, 3)) == 0:
                gives.add((a.name, b.name))
    by_name = {g.name: g for g in groups}
    intergreens = tuple(Intergreen(a, b, _between_ms(draw, by_name[a])) for a, b in sorted(foes))
    stages = [_stage(draw, first.name, list(by_name), foes) for first in groups]
    lanes = tuple(toy_street.lane(name, f"{name}.out") for name in vehicles)
    return Junction(
        name="square", title="square", x_m=0.0, y_m=0.0, groups=tuple(groups), lanes=lanes,
        stages=tuple(Stage(f"s{k}", s, StageSource.GIVEN) for k, s in enumerate(stages)),
        intergreens=intergreens, yields=tuple(Yield(a, b) for a, b in sorted(gives)),
        detectors=(), plans=(),
    )  # fmt: skip


def _movement(draw: st.DrawFn, name: str) -> Group:
    group = toy_street.group(name)
    return replace(group, min_green_ms=draw(tenths(3, 9)), yellow_ms=draw(tenths(3, 5)))


def _crossing(draw: st.DrawFn, name: str) -> Group:
    group = toy_street.group(name)
    return replace(group, min_green_ms=draw(tenths(4, 9)), clearance_ms=draw(tenths(3, 15)))


def _between_ms(draw: st.DrawFn, ending: Group) -> int:
    if ending.kind == GroupKind.PEDESTRIAN:
        return ending.clearance_ms + BUFFER_MS
    return ending.yellow_ms + draw(tenths(0, 3))


def _stage(draw: st.DrawFn, first: str, names: list[str], foes: set[tuple[str, str]]) -> tuple[str, ...]:
    chosen = [first]
    for name in draw(st.permutations(names)):
        fits = name not in chosen and all((name, other) not in foes for other in chosen)
        if fits and draw(st.integers(0, 3)):
            chosen.append(name)
    return tuple(n for n in names if n in chosen)
