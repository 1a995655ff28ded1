"""Strict reading of records out of plain data: for each kind of record one reader, put together once.

A console reads some fifty thousand records before it can show a large city, and a station every word of
strangers: asking the annotations anew for each value took most of that time. Where something does not fit
is found on the way out only, so that what fits pays nothing for it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from override.bounds import U63

Reader = Callable[[Any], Any]
"""Gives what stands for a value of plain data; raises Unfit."""


class Unfit(Exception):
    """A value that does not fit its record; `words` begin with its place, from outside to inside."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words

    def within(self, place: str) -> Unfit:
        """The same, told from one step farther outside."""
        return Unfit(place + self.words)


@cache
def record_reader(kind: type) -> Reader:
    """Of a frozen record whose fields are annotated with their `bounds`."""
    hints = typing.get_type_hints(kind, include_extras=True)
    known = frozenset(f.name for f in fields(kind))
    rows = tuple((f.name, value_reader(hints[f.name]), f.default) for f in fields(kind))

    def read(data: Any) -> Any:
        if type(data) is not dict:
            raise Unfit(": a map is needed")
        if not data.keys() <= known:
            stranger = next(key for key in data if key not in known)  # it may be the empty text
            raise Unfit(f": unknown field {stranger[:40]!r}")
        values = []
        name = ""
        try:
            for name, read_value, default in rows:
                if name in data:
                    values.append(read_value(data[name]))
                elif default is MISSING:
                    raise Unfit(" is missing")
                else:
                    values.append(default)
        except Unfit as unfit:
            raise unfit.within(f".{name}") from None
        return kind(*values)

    return read


def value_reader(hint: Any) -> Reader:
    """Of one field by its annotation."""
    low = high = characters = 0
    if typing.get_origin(hint) is typing.Annotated:
        hint, bounds = typing.get_args(hint)
        low, high, characters = bounds.low, bounds.high, bounds.characters
    if isinstance(hint, types.GenericAlias):
        return _list_reader(_item_reader(typing.get_args(hint)[0], characters), low, high)
    if is_dataclass(hint) and isinstance(hint, type):
        return record_reader(hint)
    if hint is bool:
        return _read_bool
    if hint is int:
        return _whole_reader(low, high)
    if hint is bytes:
        return _bytes_reader(low, high)
    if issubclass(hint, StrEnum):
        return _choice_reader(hint)
    return _text_reader(low, high)


def _item_reader(kind: Any, characters: int) -> Reader:
    if kind is str:
        return _text_reader(1, characters)
    if kind is int:
        return _whole_reader(0, U63)
    return record_reader(kind)


def _list_reader(read_item: Reader, low: int, high: int) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not list or not low <= len(value) <= high:
            raise Unfit(f": a list of {low} to {high} is needed")
        out: list[Any] = []
        try:
            for item in value:
                out.append(read_item(item))
        except Unfit as unfit:
            raise unfit.within(f"[{len(out)}]") from None
        return tuple(out)

    return read


def _read_bool(value: Any) -> Any:
    if type(value) is not bool:
        raise Unfit(": true or false is needed")
    return value


def _whole_reader(low: int, high: int) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not int or not low <= value <= high:  # a truth value is no number
            raise Unfit(f": a whole number from {low} to {high} is needed")
        return value

    return read


def _bytes_reader(low: int, high: int) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not bytes or not low <= len(value) <= high:
            raise Unfit(f": {low if low == high else f'{low} to {high}'} bytes are needed")
        return value

    return read


def _choice_reader(kind: type[StrEnum]) -> Reader:
    choices = {choice.value: choice for choice in kind}

    def read(value: Any) -> Any:
        if type(value) is not str or value not in choices:
            raise Unfit(f": one of {', '.join(kind)} is needed")
        return choices[value]

    return read


def _text_reader(low: int, high: int) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not str or not low <= len(value) <= high:
            raise Unfit(f": text of {low} to {high} characters is needed")
        if not value.isprintable():
            raise Unfit(": control characters are not accepted")
        return value

    return read
