"""Since when a lane has green, and when its last green ended: the kernels beside the definition."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from controller.lane_green_kernels import green_since_ms, green_until_ms
from controller.vocabulary import Lamp

_I, _N1, _I1 = types.int64, types.int8[::1], types.int64[::1]


@njit(_I(_I, _I, _N1, _I1))
def since(first, bits, lamp, lamp_since_ms):  # type: ignore[no-untyped-def]
    return green_since_ms(first, bits, lamp, lamp_since_ms)


@njit(_I(_I, _I, _I, _N1, _I1))
def until(now_ms, first, bits, lamp, green_ended_ms):  # type: ignore[no-untyped-def]
    return green_until_ms(now_ms, first, bits, lamp, green_ended_ms)


def test_the_kernels_answer_as_the_definition_does() -> None:
    random = np.random.default_rng(7)
    for _ in range(300):
        n, first = int(random.integers(1, 12)), int(random.integers(0, 9))
        bits = int(random.integers(0, 1 << n))
        lamp = random.integers(0, 4, first + n).astype(np.int8)
        began_ms, ended_ms = random.integers(0, 90_000, (2, first + n))
        mine = [first + k for k in range(n) if bits >> k & 1]
        greens = [int(began_ms[g]) for g in mine if lamp[g] == Lamp.GREEN]
        assert since(first, bits, lamp, began_ms) == min(greens, default=-1)
        ends = [90_000 if lamp[g] == Lamp.GREEN else int(ended_ms[g]) for g in mine]
        assert until(90_000, first, bits, lamp, ended_ms) == max(ends, default=0)
