"""Arrays taken apart once: a bundle holds what kernels need of them, and is handed over as one array.

numba takes every array apart anew whenever Python calls a kernel, a tenth of a microsecond for each: for
those of a city twenty microseconds, where moving everybody at a junction takes two. A `Bundle` does it once.
Its `memory` holds addresses and shapes, and a kernel reads from it what it uses:

    @kernel(types.int64(BUNDLED, MOTION))
    def lay_motion(memory, motion):
        return put(memory, motion)

    @kernel(types.void(BUNDLED))
    def step(memory):
        motion = taken(memory, MOTION)

Kernels see the arrays that were bundled, whatever has become of the names they had: bundle only arrays
that are filled and never replaced, and hand a memory over only while its bundle lives.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numba import types
from numba.extending import intrinsic

from controller import numba_cache  # noqa: F401  (must come before numba compiles anything)

BUNDLED = types.int64[::1]
"""The type of a bundle's memory in signatures of kernels."""


class Bundle:
    """The arrays of `value`, a named tuple of arrays and of such tuples; they live as long as it does.

    `lay` is the kernel that puts such a value into a memory. Raises TypeError for one of another type.
    """

    UNCHANGING = frozenset({"value", "memory", "_lay"})

    def __init__(self, lay: Callable[[np.ndarray, Any], int], value: Any) -> None:
        self.value = value
        self._lay = lay
        self.memory = np.zeros(0, np.int64)
        self.memory = np.zeros(lay(self.memory, value), np.int64)
        lay(self.memory, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Bundle:
        return Bundle(self._lay, copy.deepcopy(self.value, memo))

    def __reduce__(self) -> NoReturn:
        """Sent nowhere: it holds addresses. Raises TypeError."""
        raise TypeError("a bundle holds addresses; bundle the arrays anew where they come to")


def _leaves(kind: Any) -> list[Any]:
    """The array types of a type in order. Raises TypeError for what is neither array nor tuple."""
    if isinstance(kind, types.Array):
        return [kind]
    if _is_tuple(kind):
        return [leaf for part in kind for leaf in _leaves(part)]
    raise TypeError(f"only arrays and tuples of them can be bundled, not a {kind}")


def _is_tuple(kind: Any) -> bool:
    return isinstance(kind, types.BaseTuple)


def _words(kind: Any) -> int:
    return 3 + 2 * kind.ndim


@intrinsic
def put(typingctx, memory, value):  # type: ignore[no-untyped-def]  # numba asks by position
    """Lay a value into a memory (int64) that has room for it; gives how many words it needs."""
    needed = sum(_words(leaf) for leaf in _leaves(value))

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        target = context.make_array(memory)(context, builder, arguments[0])
        length = builder.extract_value(target.shape, 0)
        word = context.get_value_type(types.int64)
        with builder.if_then(builder.icmp_signed(">=", length, context.get_constant(types.int64, needed))):
            at = 0
            for kind, part in _parts(context, builder, value, arguments[1]):
                array = context.make_array(kind)(context, builder, part)
                words = [array.nitems, array.itemsize, builder.ptrtoint(array.data, word)]
                for sizes in (array.shape, array.strides):
                    words += [builder.extract_value(sizes, k) for k in range(kind.ndim)]
                for one in words:
                    builder.store(one, builder.gep(target.data, [context.get_constant(types.int64, at)]))
                    at += 1
        return context.get_constant(types.int64, needed)

    return types.int64(memory, value), generate


@intrinsic
def taken(typingctx, memory, kind):  # type: ignore[no-untyped-def]
    """The value of a numba type that was laid into a memory with `put`.

    Raises ValueError in the kernel for a memory of another size: what it holds are no such arrays.
    """
    wanted = kind.instance_type
    needed = sum(_words(leaf) for leaf in _leaves(wanted))

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        source = context.make_array(memory)(context, builder, arguments[0])
        length = builder.extract_value(source.shape, 0)
        other = builder.icmp_signed("!=", length, context.get_constant(types.int64, needed))
        with builder.if_then(other, likely=False):
            context.call_conv.return_user_exc(builder, ValueError, ("a memory of other arrays",))
        return _taken(context, builder, wanted, source.data, iter(range(1 << 20)))

    return wanted(memory, kind), generate


def _parts(context, builder, kind, value):  # type: ignore[no-untyped-def]
    if isinstance(kind, types.Array):
        yield kind, value
        return
    for k, part in enumerate(kind):
        yield from _parts(context, builder, part, builder.extract_value(value, k))


def _taken(context, builder, kind, words, at):  # type: ignore[no-untyped-def]
    if _is_tuple(kind):
        parts = [_taken(context, builder, part, words, at) for part in kind]
        return context.make_tuple(builder, kind, parts)

    def word():  # type: ignore[no-untyped-def]
        return builder.load(builder.gep(words, [context.get_constant(types.int64, next(at))]))

    array = context.make_array(kind)(context, builder)
    array.nitems, array.itemsize = word(), word()
    array.data = builder.inttoptr(word(), array.data.type)
    for name in ("shape", "strides"):
        sizes = getattr(array, name)
        for k in range(kind.ndim):
            sizes = builder.insert_value(sizes, word(), k)
        setattr(array, name, sizes)
    # Nobody counts references in kernels, so nobody asks whose the array is.
    array.meminfo = context.get_constant_null(types.MemInfoPointer(types.voidptr))
    array.parent = context.get_constant_null(types.pyobject)
    return array._getvalue()
