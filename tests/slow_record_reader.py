"""The slow obvious twin of `override.record_reader`: it asks the annotations anew for each value."""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from override.record_reader import Unfit


def read_record(kind: type, data: Any, place: str) -> Any:
    """The record; raises Unfit with the whole place."""
    if not isinstance(data, dict):
        raise Unfit(f"{place}: a map is needed")
    values: dict[str, Any] = {}
    hints = _hints(kind)
    for key in data:
        if key not in hints:
            raise Unfit(f"{place}: unknown field {key[:40]!r}")
    for f in fields(kind):
        if f.name in data:
            values[f.name] = _value(hints[f.name], data[f.name], f"{place}.{f.name}")
        elif f.default is MISSING:
            raise Unfit(f"{place}.{f.name} is missing")
    return kind(**values)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


def _value(hint: Any, value: Any, place: str) -> Any:
    low = high = characters = 0
    if typing.get_origin(hint) is typing.Annotated:
        hint, bounds = typing.get_args(hint)
        low, high, characters = bounds.low, bounds.high, bounds.characters
    if isinstance(hint, types.GenericAlias):
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise Unfit(f"{place}: a list of {low} to {high} is needed")
        item = typing.get_args(hint)[0]
        return tuple(_item(item, one, f"{place}[{k}]", characters) for k, one in enumerate(value))
    if is_dataclass(hint) and isinstance(hint, type):
        return read_record(hint, value, place)
    if hint is bool:
        if not isinstance(value, bool):
            raise Unfit(f"{place}: true or false is needed")
        return value
    if hint is int:
        return _whole(value, low, high, place)
    if hint is bytes:
        if not isinstance(value, bytes) or not low <= len(value) <= high:
            needed = f"{low}" if low == high else f"{low} to {high}"
            raise Unfit(f"{place}: {needed} bytes are needed")
        return value
    if issubclass(hint, StrEnum):
        if not isinstance(value, str) or value not in list(hint):
            raise Unfit(f"{place}: one of {', '.join(hint)} is needed")
        return hint(value)
    return _text(value, low, high, place)


def _item(kind: Any, value: Any, place: str, characters: int) -> Any:
    if kind is str:
        return _text(value, 1, characters, place)
    if kind is int:
        return _whole(value, 0, (1 << 63) - 1, place)
    return read_record(kind, value, place)


def _whole(value: Any, low: int, high: int, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Unfit(f"{place}: a whole number from {low} to {high} is needed")
    return value


def _text(value: Any, low: int, high: int, place: str) -> str:
    if not isinstance(value, str) or not low <= len(value) <= high:
        raise Unfit(f"{place}: text of {low} to {high} characters is needed")
    if not value.isprintable():
        raise Unfit(f"{place}: control characters are not accepted")
    return value
