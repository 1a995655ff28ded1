"""What people ordered, as a journal keeps it: each call of `Orders`, in order, before its tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controller.network import Network
from controller.orders import BIAS_MS_MAX, Deed, Orders

DEEDS_MAX = 1 << 14
"""In one tick; every detector and group of a large city at once."""
TIME_MS_MAX = 1 << 53
NAME_CHARACTERS = 200
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "hold": ("junction", "stage", "time", "flag"),
    "step": ("junction", "time"),
    "force_off": ("junction", "stage", "time"),
    "omit": ("junction", "group", "time"),
    "play": ("junction", "name", "time"),
    "bias": ("junction", "stage", "bias", "time"),
    "all_red": ("junction", "time"),
    "flash": ("junction", "time"),
    "release": ("junction",),
    "call": ("group", "time"),
    "ignore": ("detector", "time"),
    "recall": ("detector", "time"),
    "lengthen": ("group", "bias", "time"),
}
"""Every method of `Orders` that tells it something, and what its arguments are."""


class BadDeed(ValueError):
    """Something nobody can have ordered on this street; the message says what."""


def rows_of(deeds: Sequence[Deed]) -> list[list[Any]]:
    """The calls as plain lists."""
    return [
        [name, *(int(a) if not isinstance(a, str) else a for a in arguments)] for name, arguments in deeds
    ]


def deeds_of(rows: object, network: Network) -> tuple[Deed, ...]:
    """The calls back, each possible on this street. Raises BadDeed."""
    if not isinstance(rows, list) or len(rows) > DEEDS_MAX:
        raise BadDeed(f"orders are no list of at most {DEEDS_MAX}")
    return tuple(_deed(row, network) for row in rows)


def do_again(orders: Orders, deeds: Sequence[Deed]) -> None:
    """Call everything anew. Raises BadDeed where it contradicts the street."""
    for name, arguments in deeds:
        try:
            getattr(orders, name)(*arguments)
        except ValueError as error:
            raise BadDeed(str(error)) from None


def _deed(row: object, network: Network) -> Deed:
    if not isinstance(row, list) or not row or not isinstance(row[0], str) or row[0] not in ARGUMENTS:
        raise BadDeed("an order that is not known")
    kinds = ARGUMENTS[row[0]]
    if len(row) != 1 + len(kinds):
        raise BadDeed(f"{row[0]} takes {len(kinds)} values, not {len(row) - 1}")
    return row[0], tuple(_argument(kind, value, network) for kind, value in zip(kinds, row[1:], strict=True))


def _argument(kind: str, value: object, network: Network) -> Any:
    if kind == "name":
        if not isinstance(value, str) or len(value) > NAME_CHARACTERS:
            raise BadDeed("a plan's name is no text")
        return value
    low, high = 0, TIME_MS_MAX
    if kind == "bias":
        low, high = -BIAS_MS_MAX, BIAS_MS_MAX
    elif kind == "flag":
        high = 1
    elif kind != "time":
        counts = {"junction": network.n_junctions, "stage": network.n_stages, "group": network.n_groups}
        high = counts.get(kind, len(network.detectors)) - 1
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadDeed(f"{kind} {str(value)[:40]}; allowed is a whole number from {low} to {high}")
    return bool(value) if kind == "flag" else value
