"""Since when a lane has green: the walk over its signal groups, for the kernels that ask."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import GREEN
from controller.compiling import inner_kernel

_I, _N1, _I1 = types.int64, types.int8[::1], types.int64[::1]


@inner_kernel(_I(_I, _I, _N1, _I1))
def green_since_ms(first, bits, lamp, lamp_since_ms):
    """When the first of a lane's groups that are green became so, ms; -1 = none of them is.

    first: index of its junction's group 0 · bits: its groups · lamp (G) Lamp, lamp_since_ms (G) ms, 0 or more
    """
    g, since_ms = first, -1
    while bits:
        if bits & 1 and lamp[g] == GREEN and (since_ms < 0 or lamp_since_ms[g] < since_ms):
            since_ms = lamp_since_ms[g]
        bits >>= 1
        g += 1
    return since_ms


@inner_kernel(_I(_I, _I, _I, _N1, _I1))
def green_until_ms(now_ms, first, bits, lamp, green_ended_ms):
    """When the last green of a lane ended, ms; now, while it is green. green_ended_ms (G) ms, 0 or more"""
    g, ended_ms = first, 0
    while bits:
        if bits & 1:
            ended_ms = max(ended_ms, now_ms if lamp[g] == GREEN else green_ended_ms[g])
        bits >>= 1
        g += 1
    return ended_ms
