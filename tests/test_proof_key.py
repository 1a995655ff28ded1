"""What the proof forgets of a state changes nothing of its future.

A junction's states are found once with nothing forgotten. Then, whichever of them have the same key must
lead, over all inputs, to the same keys again; so by induction the smaller exploration shows every lamp and
every wrong step that the larger one does. Keys hold the lamps.
"""

from __future__ import annotations

import numpy as np
import pytest

from bench import proof_kernels as kernels
from bench import proof_model as model
from bench.proof_key_kernels import write_key
from bench.proof_space import Cell, Exploration, Unlawful
from bench.prove import cell_of
from controller.junction import Junction
from controller.vocabulary import Timing
from tests import toy_street
from tests.test_proof import cut, shipped

ROOM = 400_000
NOTHING: frozenset[int] = frozenset()
CROSSINGS = (NOTHING, frozenset({4}), frozenset({4, 5}))
ORDERS = (0, 1, 2)
CHECKED = 12_000


def followers(cell: Cell, row: np.ndarray, space: model.Space, start_ms: np.ndarray) -> frozenset[bytes]:
    """The keys of all states one step after this one, under every input."""
    space.counts[:] = 0
    space.counts[0] = 1
    space.slots[:] = 0
    space.rows[0] = row
    assert kernels.expand(0, cell.scene, cell.book, cell.plans, cell.law, space, start_ms)
    return frozenset(key.tobytes() for key in space.keys[1 : int(space.counts[0])])


def merged(junction: Junction, called: frozenset[int], orders: int, forget: bool = True) -> int:
    """Compare the futures of all states (or of so many) with one key; how many were merged."""
    whole = Exploration(cell_of(junction, Timing.COMPUTED, called, orders).forget_nothing(), ROOM)
    whole.run()
    rows = whole.space.rows[: int(whole.space.counts[0])]
    rows = rows[np.random.default_rng(1).permutation(len(rows))[:CHECKED]]
    cell = cell_of(junction, Timing.COMPUTED, called, orders)
    if not forget:
        cell.law.clamp[1] -= 2  # as if a green might end a second before its minimum
    space = model.empty_space(2 * model.SUCCESSORS_MAX, rows.shape[1], 2 * model.SUCCESSORS_MAX)
    key, start_ms = np.zeros(rows.shape[1], np.int16), np.zeros(62, np.int64)
    futures: dict[bytes, frozenset[bytes]] = {}
    for row in rows:
        write_key(row, cell.law, key)
        future = followers(cell, row, space, start_ms)
        assert futures.setdefault(key.tobytes(), future) == future, f"{key.tolist()}: {row.tolist()}"
    return len(rows) - len(futures)


@pytest.mark.parametrize("called", CROSSINGS)
@pytest.mark.parametrize("orders", ORDERS)
def test_states_of_the_toy_junction_with_one_key_have_one_future(called: frozenset[int], orders: int) -> None:
    assert merged(toy_street.junction(), called, orders) > 50


@pytest.mark.parametrize(("shape", "others"), [("6 groups, 5 stages", 1), ("8 groups, 5 stages", 0)])
@pytest.mark.parametrize("orders", ORDERS)
def test_states_of_our_cities_junctions_with_one_key_have_one_future(
    shape: str, others: int, orders: int
) -> None:
    junction = shipped()[shape]
    called = frozenset(Cell(junction).crossings[:others])
    assert merged(junction, called, orders) > 50


def test_a_key_that_forgets_too_much_is_found() -> None:
    with pytest.raises(AssertionError):
        merged(toy_street.junction(), NOTHING, 0, forget=False)


@pytest.mark.parametrize("called", CROSSINGS)
@pytest.mark.parametrize("orders", ORDERS)
def test_the_smaller_exploration_shows_the_same_lamps_in_the_same_turn(
    called: frozenset[int], orders: int
) -> None:
    shown = []
    for forget in (False, True):
        cell = cell_of(toy_street.junction(), Timing.COMPUTED, called, orders)
        exploration = Exploration(cell if forget else cell.forget_nothing(), ROOM)
        exploration.run()
        rows = exploration.space.rows[: int(exploration.space.counts[0])]
        turns = {(tuple(rows[p, 6:] // 512), tuple(row[6:] // 512))
                 for row, p in zip(rows, exploration.space.parent, strict=False) if p >= 0}  # fmt: skip
        shown.append(({tuple(lamps) for lamps in rows[:, model.LAMPS :] // model.LAMP}, len(rows), turns))
    assert shown[0][0] == shown[1][0]
    assert shown[1][1] < shown[0][1]


@pytest.mark.parametrize("orders", ORDERS)
def test_half_a_second_too_little_of_any_time_is_found(orders: int) -> None:
    """Drivers' red revert alone binds nobody who is never stopped by an order."""
    missed, planted = [], 0
    for name, size in (("min_green_ms", 6), ("yellow_ms", 6), ("intergreen_ms", 36)):
        for at in range(size):
            cell = cell_of(toy_street.junction(), Timing.COMPUTED, frozenset({4, 5}), orders)
            if getattr(cell.network, name)[at] <= 0:
                continue
            planted += 1
            try:
                Exploration(cut(cell, name, at), ROOM).run()
                missed.append((name, at))
            except Unlawful:
                pass
    assert planted == 44
    assert missed == ([] if orders else [("intergreen_ms", 7 * k) for k in range(4)])


def test_less_is_forgotten_only_of_a_sequencer_that_believes_in_the_record() -> None:
    for junction in (toy_street.junction(), *shipped().values()):
        cell = Cell(junction)
        assert cell.knows_the_record
        Exploration(cell, 5_000)
        assert cell.law.merges[0]
    for name in ("min_green_ms", "yellow_ms", "conflict_bits"):
        cell = Cell(toy_street.junction())
        getattr(cell.network, name)[2] += 1
        assert not cell.knows_the_record
        Exploration(cell, 5_000)
        assert not cell.law.merges[0]
