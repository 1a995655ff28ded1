"""In which order a junction's stages may be played: every sequence here serves everybody.

The sequencer makes any change from stage to stage lawful, so an order is lawful when no group is
left out; which is best, delay decides.
"""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np

from controller.junction import Junction
from controller.network import Floats
from controller.vocabulary import StageSource

STAGES_MAX = 5
"""Stages of one sequence that are put into other orders; longer given plans stay as they are."""
OTHER_SETS = 8
"""Sets of stages beside the given plan's that are looked at, the most promising first."""
ORDERS_PER_SET = 3
"""Of the given set four times as many."""
STAGES_LOOKED_AT = 14
SETS_OF_MOST = 5


def sequences(junction: Junction, group_load: Floats) -> list[tuple[int, ...]]:
    """Sequences of stage numbers of the junction, the given plan's own first.

    group_load (groups) s of green each group needs of every second: its busiest lane's flow over
    saturation.
    """
    names = [stage.name for stage in junction.stages]
    index = {group.name: k for k, group in enumerate(junction.groups)}
    bits = [sum(1 << index[name] for name in stage.groups) for stage in junction.stages]
    everyone = sum(1 << k for k, g in enumerate(junction.groups) if not g.turn_on_red)
    own: list[int] = []
    for step in junction.plans[0].steps if junction.plans else ():
        stage = names.index(step.stage)
        if not own or own[-1] != stage:
            own.append(stage)
    if len(own) > 1 and own[0] == own[-1]:
        own.pop()
    found = [tuple(own)] if _serves(own, bits, everyone) else []
    given = list(dict.fromkeys(own))
    sets = [tuple(given)] if 0 < len(given) <= STAGES_MAX else []
    sets += _other_sets(junction, bits, everyone, group_load)
    for chosen in sets:
        orders = [(chosen[0], *rest) for rest in permutations(chosen[1:])]
        most = ORDERS_PER_SET if chosen != tuple(given) else 4 * ORDERS_PER_SET
        every = -(-len(orders) // most)
        found += [order for order in orders[::every] if order not in found]
    return found


def _serves(stages: list[int] | tuple[int, ...], bits: list[int], everyone: int) -> bool:
    served = 0
    for stage in stages:
        served |= bits[stage]
    return bool(stages) and served & everyone == everyone


def _other_sets(
    junction: Junction, bits: list[int], everyone: int, group_load: Floats
) -> list[tuple[int, ...]]:
    """Other sets of stages that serve everybody and need little green in all, none of them to spare."""
    weight = [float(sum(group_load[k] for k in range(len(group_load)) if b >> k & 1)) for b in bits]
    given = [s for s, stage in enumerate(junction.stages) if stage.source == StageSource.GIVEN]
    ranked = sorted(range(len(bits)), key=lambda s: (-weight[s], s))
    looked = sorted(set(given) | set(ranked[:STAGES_LOOKED_AT]))[: STAGES_LOOKED_AT + 2]
    found: list[tuple[float, tuple[int, ...]]] = []
    for size in range(1, SETS_OF_MOST + 1):
        for chosen in combinations(looked, size):
            if not _serves(chosen, bits, everyone):
                continue
            if any(_serves([s for s in chosen if s != out], bits, everyone) for out in chosen):
                continue
            found.append((_green_needed(chosen, bits, group_load) + 0.08 * size, chosen))
    found.sort()
    return [chosen for _, chosen in found[:OTHER_SETS]]


def _green_needed(chosen: tuple[int, ...], bits: list[int], group_load: Floats) -> float:
    """Green every second of all stages together, at least: each group's load spread over its stages.

    The critical flow of the set: loads are laid on stages one after another, heaviest group with the
    fewest stages first, on green that is there already before new green is made.
    """
    green = np.zeros(len(chosen))
    order = sorted(
        range(len(group_load)), key=lambda g: (sum(bits[s] >> g & 1 for s in chosen), -group_load[g])
    )
    for g in order:
        own = [k for k, s in enumerate(chosen) if bits[s] >> g & 1]
        lacks = float(group_load[g] - green[own].sum()) if own else 0.0
        if lacks > 0:
            green[own] += lacks / len(own)
    return float(green.sum())
