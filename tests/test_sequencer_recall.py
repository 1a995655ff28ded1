"""A crossing on recall is served as if somebody had called, once in every stage that has it."""

from __future__ import annotations

import pytest

from tests.test_sequencer import Crossroads, at_rest
from tests.toy_street import WALK_EW, WALK_NS


@pytest.fixture
def square() -> Crossroads:
    return at_rest()


def test_a_crossing_on_recall_gets_its_walk_in_every_round_without_a_button(square: Crossroads) -> None:
    square.state.recall[WALK_EW] = True
    for _ in range(3):
        square.want(2, square.now_ms + 40_000)
        assert square.run(40)[WALK_EW][0] > 0
        square.want(0)
        assert WALK_NS not in square.run(40)


def test_a_recalled_walk_comes_once_a_stage_however_often_the_stage_is_extended(square: Crossroads) -> None:
    square.state.recall[WALK_EW] = True
    square.want(2, square.now_ms + 30_000)
    assert square.run(30)[WALK_EW][1] > 0, "walked, and cleared before the planned end"
    walks = square.law.starts
    square.want(2, square.now_ms + 60_000)
    square.run(60)
    assert square.law.starts == walks, "nobody asked for another"
    square.press(WALK_EW)
    square.want(2, square.now_ms + 60_000)
    assert WALK_EW in square.run(60), "but whoever presses walks"


def test_a_crossing_put_on_recall_while_its_stage_rests_gets_its_walk(square: Crossroads) -> None:
    """Nothing else would end the stage: who pressed a button that is dead would wait for ever."""
    square.want(2)
    assert WALK_EW not in square.run(40)
    square.state.recall[WALK_EW] = True
    assert WALK_EW in square.run(20)
