"""Arrays that are taken apart once: a kernel sees those that were bundled, and nothing else is touched."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import pytest
from numba import typeof, types

from controller.bundle import BUNDLED, Bundle, put, taken
from controller.compiling import kernel


class Inner(NamedTuple):
    """A part."""

    line: np.ndarray
    table: np.ndarray


class Outer(NamedTuple):
    """A whole: parts, and arrays beside them."""

    first: Inner
    marks: np.ndarray
    second: Inner
    none: np.ndarray


def inner(begin: float) -> Inner:
    return Inner(np.arange(begin, begin + 5.0), np.arange(12, dtype=np.int64).reshape(3, 4))


def outer() -> Outer:
    return Outer(inner(0.0), np.array([3, 4, 5], np.int8), inner(10.0), np.zeros(0))


OUTER = typeof(outer())


@kernel(types.int64(BUNDLED, OUTER))
def lay_outer(memory, value):  # type: ignore[no-untyped-def]
    """Lay."""
    return put(memory, value)


@kernel(types.void(BUNDLED, types.float64[::1]))
def read_all(memory, found):  # type: ignore[no-untyped-def]
    """Something of every array, sizes included; and write into two."""
    value = taken(memory, OUTER)
    found[0] = value.first.line.sum() + 100.0 * value.second.line[4]
    found[1] = value.marks[2] + 10 * len(value.marks) + 100 * len(value.none)
    found[2] = value.second.table[2, 3] + 100 * value.first.table.shape[0] + 1000 * value.first.table.shape[1]
    found[3] = value.second.table[1].sum()
    value.first.line[0] = 77.0
    value.second.table[0, 1] = 78


def test_a_kernel_sees_every_array_as_it_is_and_writes_where_it_was() -> None:
    value, found = outer(), np.zeros(4)
    bundle = Bundle(lay_outer, value)
    read_all(bundle.memory, found)
    assert found.tolist() == [10.0 + 1400.0, 5 + 30, 11 + 300 + 4000, 4 + 5 + 6 + 7]
    assert value.first.line[0] == 77.0
    assert value.second.table[0, 1] == 78
    value.first.line[:] = 1.0
    read_all(bundle.memory, found)
    assert found[0] == 5.0 + 1400.0, "filled anew, they are seen as they are now"


def test_a_bundle_keeps_its_arrays_alive() -> None:
    found = np.zeros(4)
    bundles = [Bundle(lay_outer, outer()) for _ in range(200)]
    rubbish = [np.full(12, 9) for _ in range(500)]
    for bundle in bundles:
        read_all(bundle.memory, found)
        assert found.tolist() == [1410.0, 35.0, 4311.0, 22.0]
    assert len(rubbish) == 500


def test_a_memory_without_room_is_left_as_it_was() -> None:
    memory = np.full(3, -5, np.int64)
    needed = lay_outer(memory, outer())
    assert needed == 2 * ((3 + 2) + (3 + 4)) + 2 * (3 + 2)
    assert (memory == -5).all()


def test_a_memory_of_other_arrays_is_refused() -> None:
    for words in (0, 33, 35):
        with pytest.raises(ValueError, match="a memory of other arrays"):
            read_all(np.zeros(words, np.int64), np.zeros(4))


def test_another_type_is_refused() -> None:
    with pytest.raises(TypeError):
        Bundle(lay_outer, outer()._replace(marks=np.zeros(3)))
    with pytest.raises(TypeError):
        Bundle(lay_outer, outer()._replace(marks=np.zeros(6, np.int8)[::2]))


def test_a_deep_copy_is_of_copied_arrays() -> None:
    value, found = outer(), np.zeros(4)
    twin = copy.deepcopy(Bundle(lay_outer, value))
    read_all(twin.memory, found)
    assert twin.value.first.line[0] == 77.0
    assert value.first.line[0] == 0.0
    del value
    read_all(twin.memory, found)
    assert found.tolist() == [1487.0, 35.0, 4311.0, 22.0]


def test_a_bundle_is_sent_nowhere() -> None:
    with pytest.raises(TypeError, match="holds addresses"):
        copy.copy(Bundle(lay_outer, outer()))
