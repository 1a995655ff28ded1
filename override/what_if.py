"""Question and answer between gateway and forecaster: records, and their bytes on the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np

from controller.network import Ints
from override.handover import JUNCTIONS_MAX
from override.orders import Order
from override.storage import pack_order, unpack_order

HORIZON_MS = 600_000
RECOVERY_MS = 180_000
"""After an order queues need some cycles to be as they would have been (rules R46: three)."""
STEP_S = 10
"""Sums are kept so often, so that an order that ends early can be compared too."""
AROUND_MAX = 24
"""Neighbours are played with as long as all together are no more than this."""
HELLO = b"?"
"""A gateway that has just started asks whether the forecaster is ready."""
READY = b"R"
"""Said by a forecaster that has loaded its kernels."""
VERSION = b"W"
"""Said by the gateway: forecasts are made by another version from now on; its number follows."""
ANSWER = b"A"
FAILED = b"F"


@dataclass(frozen=True, slots=True)
class Question:
    """What shall be forecast. Orders have been accepted, or are taken to be."""

    number: int
    junctions: tuple[int, ...]
    """All that are played, ascending."""
    without: tuple[Order, ...]
    with_order: tuple[Order, ...]
    lease_ms: int
    """How long the order lasts, by the station's clock; the forecast goes on into its recovery."""
    version: int = 0
    """The second run is played by this version of the street; 0 = by the one in force, as the first."""


@dataclass(frozen=True, slots=True)
class Run:
    """One of the two."""

    waited_s: Ints
    """(T, J, MODES) person-seconds until STEP_S, 2 STEP_S, ..."""
    longest_ms: Ints
    """(J, MODES)"""
    slack_ms: Ints
    """(J) nearest a call came to the end of its promise; negative = beyond."""
    ended_s: dict[int, int]
    """Junctions where the controller would end an order, for a promise, and after how many seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Both."""

    number: int
    junctions: tuple[int, ...]
    horizon_ms: int
    """Street time, as played."""
    without: Run
    with_order: Run
    took_us: int


def around(asked: Sequence[int], near: Sequence[frozenset[int]]) -> tuple[int, ...]:
    """The junctions asked about and, as far as that can be afforded, those beside most of them."""
    chosen = list(dict.fromkeys(asked))[:JUNCTIONS_MAX]
    known = set(chosen)
    beside: dict[int, int] = {}
    for j in chosen:
        for other in near[j] - known:
            beside[other] = beside.get(other, 0) + 1
    ranked = sorted(beside, key=lambda j: (-beside[j], j))
    return tuple(sorted(chosen + ranked[: max(0, AROUND_MAX - len(chosen))]))


def pack_question(question: Question, handover: bytes) -> bytes:
    """A question and the engine's answer it builds on, for the line."""
    message: bytes = msgpack.packb(
        [
            question.number,
            question.junctions,
            [pack_order(order) for order in question.without],
            [pack_order(order) for order in question.with_order],
            question.lease_ms,
            handover,
            question.version,
        ]
    )
    return message


def unpack_question(message: bytes) -> tuple[Question, bytes]:
    """Both back."""
    number, junctions, without, with_order, lease_ms, handover, version = msgpack.unpackb(message)
    orders = [tuple(unpack_order(record) for record in records) for records in (without, with_order)]
    return Question(number, tuple(junctions), orders[0], orders[1], lease_ms, version), handover


def pack_outcome(outcome: Outcome) -> bytes:
    """For the line."""
    runs = [_packed(outcome.without), _packed(outcome.with_order)]
    body: bytes = msgpack.packb(
        [outcome.number, outcome.junctions, outcome.horizon_ms, outcome.took_us, runs]
    )
    return ANSWER + body


def unpack_outcome(message: bytes) -> Outcome:
    """Back."""
    number, junctions, horizon_ms, took_us, runs = msgpack.unpackb(
        message[len(ANSWER) :], strict_map_key=False
    )
    without, with_order = (_unpacked(run) for run in runs)
    return Outcome(number, tuple(junctions), horizon_ms, without, with_order, took_us)


def _packed(run: Run) -> list[Any]:
    return [
        list(run.waited_s.shape), run.waited_s.tobytes(), run.longest_ms.tobytes(), run.slack_ms.tobytes(),
        list(run.ended_s.items()),
    ]  # fmt: skip


def _unpacked(packed: list[Any]) -> Run:
    shape, waited, longest, slack, ended = packed
    return Run(
        np.frombuffer(waited, np.int64).reshape(shape),
        np.frombuffer(longest, np.int64).reshape(shape[1:]),
        np.frombuffer(slack, np.int64),
        {int(j): int(s) for j, s in ended},
    )
