"""Everything that changes in a set of objects, as flat values by path: taken out, put back, hashed.

Objects are walked, not listed: whatever a part begins to remember is carried from that day on,
and what cannot be carried is an error that names its path. Not carried are frozen records and
read-only arrays (they cannot change), functions, and what a class says never changes.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import partial
from pathlib import PurePath
from types import ModuleType
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped]
import numpy as np

Values = dict[str, Any]
"""Path (`controller.state.lamp`) to a copy: an array, or plain data."""

UNCHANGING: dict[str, frozenset[str]] = {
    "controller.plan.Adaptive": frozenset({"model", "_feeds", "_seen_s"}),
    "controller.fixed_time.FixedTime": frozenset({"crossings"}),
}
"""Attributes of classes of others that never change."""
FORGOTTEN: dict[str, frozenset[str]] = {
    "controller.plan.Adaptive": frozenset({"_live", "_live_of"}),
    "controller.degradation.Degradation": frozenset({"_frame"}),
    "controller.overlay.Overlay": frozenset({"_frame"}),
    "controller.tick.Controller": frozenset({"verdict"}),
}
"""Attributes that are made anew from what is carried; until then they are None."""
OURS = ("controller", "override", "sim", "tests")
_PLAIN = (bool, int, float, str, bytes, type(None), Enum, np.generic)
_SKIPPED = (Mapping, ModuleType, type, re.Pattern, PurePath)


class CannotCarry(TypeError):
    """An object remembers something that cannot be taken out; the message names its path."""


class DoesNotFit(ValueError):
    """Values were taken from something built differently; the message says where."""


_Put = Callable[[Any], None]


class _Leaf(NamedTuple):
    path: str
    value: Any
    put: _Put


def take(roots: Mapping[str, object]) -> Values:
    """Copies of everything that changes in these objects. Raises CannotCarry."""
    return {leaf.path: _copied(leaf.value) for leaf in _leaves(roots)}


def put_back(roots: Mapping[str, object], values: Mapping[str, Any]) -> None:
    """Let the objects be as they were when `values` were taken from these or from their twins.

    Arrays are filled in place, so that views of them stay true. Raises DoesNotFit, before anything
    is changed, when paths, shapes or types are others.
    """
    leaves = list(_leaves(roots, values))
    paths = {leaf.path for leaf in leaves}
    if odd := sorted(paths ^ set(values)):
        which = "missing from" if odd[0] in paths else "unknown here but in"
        raise DoesNotFit(f"{odd[0]} is {which} the snapshot (and {len(odd) - 1} others)")
    for leaf in leaves:
        old, new = leaf.value, values[leaf.path]
        alike = (
            isinstance(new, np.ndarray) and (new.dtype, new.ndim) == (old.dtype, old.ndim)
            if isinstance(old, np.ndarray)
            else not isinstance(new, np.ndarray)
        )
        if not alike:
            raise DoesNotFit(f"{leaf.path} holds other things in the snapshot")
    for leaf in leaves:
        leaf.put(values[leaf.path])


def digest(values: Mapping[str, Any]) -> str:
    """SHA-256 over all values: equal digests, equal bytes."""
    sha = hashlib.sha256()
    for path in sorted(values):
        packed = msgpack.packb(values[path], default=encode, strict_types=True)
        sha.update(path.encode() + b"\0" + len(packed).to_bytes(8, "little") + packed)
    return sha.hexdigest()


# --- walking -------------------------------------------------------------------------------


class _Walk:
    """One walk: what has been seen, and what is to be found when values are to be put back."""

    def __init__(self, wanted: Mapping[str, Any] | None) -> None:
        self.seen: set[int] = set()
        self.wanted = wanted

    def made(self, path: str, owner: Any, name: str, make: Callable[[Any], Any]) -> Any:
        """An attribute that is made when first needed: there if the values have it, else None."""
        value = getattr(owner, name)
        if self.wanted is not None:
            there = any(other.startswith(f"{path}.") for other in self.wanted)
            if there != (value is not None):
                value = make(owner) if there else None
                setattr(owner, name, value)
        return value


def _overlay(controller: Any) -> Any:
    from controller.overlay import Overlay

    return Overlay(controller.network, controller.state, controller._waived, controller._suspended)


MADE_LATER: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("controller.tick.Controller", "overlay"): _overlay,
}
"""Class and attribute that is None until it is first needed; how it is made then."""


def _leaves(roots: Mapping[str, object], wanted: Mapping[str, Any] | None = None) -> Iterator[_Leaf]:
    walk = _Walk(wanted)
    for name, root in roots.items():
        if isinstance(root, np.ndarray):
            yield _Leaf(name, root, _filler(root, _fixed(name, root)))
            walk.seen.add(id(root))
        else:
            yield from _of_object(name, root, walk)


def _of_object(path: str, owner: Any, walk: _Walk) -> Iterator[_Leaf]:
    """Leaves of one of our objects, named tuples and containers of such."""
    if id(owner) in walk.seen:
        return
    walk.seen.add(id(owner))
    kind = type(owner)
    if dataclasses.is_dataclass(owner) and owner.__dataclass_params__.frozen:  # type: ignore[union-attr]
        return
    if isinstance(owner, tuple) and hasattr(owner, "_fields"):
        items = [(name, getattr(owner, name)) for name in owner._fields]
        for name, value in items:
            yield from _of_value(f"{path}.{name}", value, _fixed(f"{path}.{name}", value), walk)
        return
    if isinstance(owner, (list, tuple)):
        for k, value in enumerate(owner):
            at = f"{path}[{k}]"
            put = partial(owner.__setitem__, k) if isinstance(owner, list) else _fixed(at, value)
            yield from _of_value(at, value, put, walk)
        return
    whole = f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.partition(".")[0] not in OURS:
        raise CannotCarry(f"{path}: a {whole} cannot be carried in a snapshot")
    left_out = UNCHANGING.get(whole, frozenset()) | getattr(kind, "UNCHANGING", frozenset())
    for name in _attributes(owner):
        put = partial(setattr, owner, name)
        if name in FORGOTTEN.get(whole, ()):
            yield _Leaf(f"{path}.{name}", None, put)
        elif name not in left_out:
            at, make = f"{path}.{name}", MADE_LATER.get((whole, name))
            value = walk.made(at, owner, name, make) if make else getattr(owner, name)
            yield from _of_value(at, value, put, walk)


def _attributes(owner: Any) -> list[str]:
    names = list(getattr(owner, "__dict__", ()))
    for kind in type(owner).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names += [n for n in ((slots,) if isinstance(slots, str) else slots) if hasattr(owner, n)]
    return [n for n in dict.fromkeys(names) if n not in ("__dict__", "__weakref__")]


def _of_value(path: str, value: Any, put: _Put, walk: _Walk) -> Iterator[_Leaf]:
    """Leaves of one value; `put` gives its owner another one."""
    if isinstance(value, np.ndarray):
        if value.flags.writeable and id(value) not in walk.seen:
            walk.seen.add(id(value))
            if value.dtype.hasobject:
                raise CannotCarry(f"{path}: an array of objects cannot be carried in a snapshot")
            yield _Leaf(path, value, _filler(value, put))
    elif isinstance(value, np.random.Generator):
        yield _Leaf(path, value, _reseeder(value))
    elif isinstance(value, deque) and _is_plain(list(value)):
        yield _Leaf(path, value, _refiller(value))
    elif _is_plain(value) or (isinstance(value, (set, frozenset)) and _is_plain(list(value))):
        yield _Leaf(path, value, _setter(value, put))
    elif not callable(value) and not isinstance(value, _SKIPPED):
        yield from _of_object(path, value, walk)
    elif isinstance(value, Mapping):
        yield from _of_mapping(path, value, walk)


def _of_mapping(path: str, value: Mapping[Any, Any], walk: _Walk) -> Iterator[_Leaf]:
    for key, item in value.items():
        at = f"{path}[{key!r}]"
        put = partial(value.__setitem__, key) if isinstance(value, dict) else _fixed(at, item)
        yield from _of_value(at, item, put, walk)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return all(_is_plain(item) for item in value)
    return isinstance(value, _PLAIN)


# --- copying out and in --------------------------------------------------------------------


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (deque, list)):
        return list(value)
    if isinstance(value, Enum):
        return value.value
    return value.item() if isinstance(value, np.generic) else value


def _fixed(path: str, old: Any) -> _Put:
    def put(new: Any) -> None:
        if isinstance(old, np.ndarray) or new != old:
            raise DoesNotFit(f"{path} sits in a tuple and is another in the snapshot")

    return put


def _filler(array: np.ndarray, give: _Put) -> _Put:
    def put(new: np.ndarray) -> None:
        if new.shape == array.shape:
            np.copyto(array, new)
        else:
            # It has grown since; nobody may hold a view of an array that grows.
            give(new.copy())

    return put


def _reseeder(generator: np.random.Generator) -> _Put:
    def put(text: str) -> None:
        generator.bit_generator.state = ast.literal_eval(text)

    return put


def _refiller(queue: deque[Any]) -> _Put:
    def put(items: list[Any]) -> None:
        queue.clear()
        queue.extend(items)

    return put


def _setter(old: Any, give: _Put) -> _Put:
    def put(new: Any) -> None:
        if isinstance(old, (Enum, np.generic, list, set, frozenset)):
            new = type(old)(new)
        if new != old or type(new) is not type(old):
            give(new)

    return put


# --- in files ------------------------------------------------------------------------------

_ARRAY, _TUPLE, _BIG = 1, 2, 3


def encode(value: Any) -> Any:
    """What msgpack has no word for: arrays, tuples, integers of more than 64 bits."""
    if isinstance(value, np.ndarray):
        kind = json.dumps(np.lib.format.dtype_to_descr(value.dtype))
        if value.dtype.names:
            # Field by field: the gaps between fields hold whatever was there before.
            content = [np.ascontiguousarray(value[name]).tobytes() for name in value.dtype.names]
        else:
            content = [np.ascontiguousarray(value).tobytes()]
        body = (kind, list(value.shape), content)
        return msgpack.ExtType(_ARRAY, msgpack.packb(body))
    if isinstance(value, tuple):
        return msgpack.ExtType(_TUPLE, msgpack.packb(list(value), default=encode, strict_types=True))
    if isinstance(value, int):
        return msgpack.ExtType(_BIG, str(int(value)).encode())
    raise TypeError(f"a {type(value).__name__} cannot be written into a snapshot")


def decode(code: int, data: bytes) -> Any:
    """The inverse of `encode`. Raises ValueError for what it never wrote."""
    if code == _ARRAY:
        kind, shape, content = msgpack.unpackb(data, max_bin_len=len(data))
        dtype = np.lib.format.descr_to_dtype(_as_tuples(json.loads(kind)))
        if dtype.hasobject or dtype.kind not in "biufSUV":
            raise ValueError(f"an array of {kind}")
        array = np.zeros(shape, dtype)
        for name, part in zip(dtype.names or (None,), content, strict=True):
            target = array if name is None else array[name]
            target[...] = np.frombuffer(part, target.dtype).reshape(target.shape)
        return array
    if code == _TUPLE:
        return tuple(msgpack.unpackb(data, ext_hook=decode, strict_map_key=False))
    if code == _BIG:
        return int(data)
    raise ValueError(f"an extension {code}")


def _as_tuples(descr: Any) -> Any:
    """A description of a type as numpy has it: fields are tuples, which JSON has not."""
    if isinstance(descr, list):
        return [(name, _as_tuples(kind), *map(tuple, shape)) for name, kind, *shape in descr]
    return descr
