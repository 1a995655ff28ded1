"""Taking out and putting back everything that changes, whatever an object remembers it in."""

from __future__ import annotations

import dataclasses
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from sim.city.carried import CannotCarry, DoesNotFit, digest, put_back, take
from sim.city.snapshot import Snapshot, SnapshotError, content_digest

RECORD = np.dtype([("at_m", np.float64), ("on", np.bool_), ("way", np.int32, (2,))], align=True)


class Pair(NamedTuple):
    left: np.ndarray
    right: np.ndarray


@dataclasses.dataclass(frozen=True)
class Rule:
    values: np.ndarray


@dataclasses.dataclass(slots=True)
class Shelf:
    height_m: float
    book: np.ndarray


class Cupboard:
    """Remembers in every way our parts do."""

    UNCHANGING = frozenset({"plan"})

    def __init__(self) -> None:
        self.rule = Rule(np.arange(3))
        self.plan = np.zeros(4)
        self.rows = np.zeros((2, 2), RECORD)
        self.pair = Pair(np.zeros(3), np.ones(2, np.int8))
        self.view = self.pair.left.view()
        self.view.flags.writeable = False
        self.count, self.word, self.seen = 0, b"", (b"a", 1)
        self.shelves = [Shelf(1.0, np.zeros(2)), Shelf(2.0, np.zeros(1))]
        self.named = {"x": 1, "y": np.zeros(1)}
        self.last: deque[int] = deque(maxlen=3)
        self.chance = np.random.default_rng(3)
        self.grown = np.zeros(2)
        self.alias = self.shelves[0].book
        self.hook = print
        self.nobody: int | None = None
        self.once = {3, 1}

    def live(self) -> None:
        """Changes everything that can change."""
        self.pair.left[:] += self.chance.random(3)
        self.pair.right[1] += 1
        self.rows["at_m"] += 0.1
        self.count += 1
        self.word += b"z"
        self.seen = (self.word, self.count)
        self.shelves[1].height_m *= 1.5
        self.alias[0] -= 1
        self.named["x"] += 1
        self.last.append(self.count)
        self.grown = np.append(self.grown, self.chance.random())
        self.nobody = self.count
        self.once.add(self.count)


def test_who_is_put_back_lives_on_as_if_nothing_had_been() -> None:
    one, other = Cupboard(), Cupboard()
    for _ in range(5):
        one.live()
    values = take({"c": one})
    put_back({"c": other}, values)
    assert digest(take({"c": other})) == digest(values)
    for _ in range(4):
        one.live()
        other.live()
    assert digest(take({"c": other})) == digest(take({"c": one})) != digest(values)
    assert other.view[0] == other.pair.left[0] == one.pair.left[0], "views stay views"
    put_back({"c": one}, values)
    assert one.count == 5
    assert list(one.last) == [3, 4, 5]
    assert one.seen == (b"zzzzz", 5)


def test_what_is_taken_does_not_change_any_more() -> None:
    one = Cupboard()
    values = take({"c": one})
    before = digest(values)
    one.live()
    assert digest(values) == before
    assert "c.plan" not in values
    assert not any(path.startswith(("c.rule", "c.hook", "c.view", "c.alias")) for path in values)


def test_what_cannot_be_carried_is_named() -> None:
    class Odd:
        def __init__(self) -> None:
            self.file: Any = iter([])

    with pytest.raises(CannotCarry, match=r"o\.file: a builtins\.list_iterator"):
        take({"o": Odd()})


def test_values_of_something_built_otherwise_are_refused_before_anything_changes() -> None:
    one, other = Cupboard(), Cupboard()
    one.live()
    values = take({"c": one})
    untouched = digest(take({"c": other}))
    for change in (
        lambda v: v.pop("c.count"),
        lambda v: v.update({"c.more": 1}),
        lambda v: v.update({"c.pair.left": np.zeros(3, np.int8)}),
        lambda v: v.update({"c.pair.left": 7}),
    ):
        broken = dict(values)
        change(broken)
        with pytest.raises(DoesNotFit, match=r"c\."):
            put_back({"c": other}, broken)
        assert digest(take({"c": other})) == untouched


def test_a_file_keeps_it_to_the_bit(tmp_path: Path) -> None:
    one = Cupboard()
    one.live()
    snapshot = Snapshot(12_300, {"city": "abc"}, take({"c": one}))
    snapshot.save(tmp_path / "s")
    read = Snapshot.load(tmp_path / "s")
    assert read.digest == snapshot.digest
    assert (read.time_ms, read.made_of) == (12_300, {"city": "abc"})
    other = Cupboard()
    put_back({"c": other}, read.values)
    assert digest(take({"c": other})) == snapshot.digest
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data[:-5], "damaged or cut off"),
        (lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:], "damaged or cut off"),
        (lambda data: data.replace(b"snapshot 1", b"snapshot 9"), "no snapshot that begins with"),
        (lambda data: b"", "no snapshot that begins with"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, spoil: Any, says: str) -> None:
    path = tmp_path / "s"
    Snapshot(0, {}, take({"c": Cupboard()})).save(path)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(SnapshotError, match=says):
        Snapshot.load(path)
    with pytest.raises(SnapshotError, match="cannot be read"):
        Snapshot.load(tmp_path / "none")


def test_a_snapshot_of_something_else_is_refused_with_the_difference() -> None:
    snapshot = Snapshot(0, {"city": "a", "seed": "1"}, {})
    snapshot.check({"city": "a", "seed": "1"})
    with pytest.raises(SnapshotError, match="another seed: 1, here is 2"):
        snapshot.check({"city": "a", "seed": "2"})


def test_the_digest_of_what_never_changes_sees_every_part() -> None:
    assert content_digest(Rule(np.arange(3))) == content_digest(Rule(np.arange(3)))
    assert len({content_digest(x) for x in (Rule(np.arange(3)), Rule(np.arange(4)), Rule(np.zeros(3)))}) == 3
    assert content_digest([Rule(np.arange(3))]) != content_digest([Rule(np.ones(3))])
