"""Receipts: what an order that has ended did cost whom, against what had been foreseen when it was given.

While an order acts and through its recovery the engine's meter runs at its junctions and those around;
what would have been without it nobody can measure, that is the forecast made at its acceptance. How
far the forecasts of waiting with the order were off is kept, and told with every later forecast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgpack  # type: ignore[import-untyped]
import numpy as np

from override import wire
from override.asking import Asking
from override.audit import Entry
from override.desk import Desk
from override.forecast_words import cost_rows, sentence_of
from override.handover import Handover
from override.orders import Event, Order
from override.previews import CostRow, Receipt
from override.roles import ONCE
from override.storage import Change, ReceiptRow, Storage
from override.what_if import (
    HORIZON_MS,
    RECOVERY_MS,
    STEP_S,
    Outcome,
    Question,
    pack_outcome,
    unpack_outcome,
)

POLL_MS = 5_000
OPEN_MAX = 64
"""So many orders are metered at a time; what is beyond gets no receipt."""
CHECKED_MAX = 200
"""The mean error is that of so many of the latest."""
LEAST_PERSON_S = 300
"""An error is told in parts of what was measured, but not of next to nothing."""
AS_FORESEEN_MS = 15_000
"""An order that ended so much earlier than foreseen proves nothing about the forecast."""


class Asks(Protocol):
    """Makes the question of what becomes of an order."""

    def question(self, versions: Sequence[Order], now_ms: int, taken: bool = False) -> Question | None:
        """As `Previews.question`."""


@dataclass(slots=True)
class _Open:
    """An order that is metered."""

    order: Order
    junctions: tuple[int, ...]
    foreseen: Outcome | None = None
    begun: Handover | None = None
    polled_ms: int = 0
    ended_ms: int = 0
    """0 = it acts."""
    longest_ms: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    closing: bool = False
    why: str = ""
    """There is no forecast."""


class Receipts:
    """Watches one desk's orders. `publish` is told each receipt, after it was stored."""

    def __init__(
        self,
        desk: Desk,
        asks: Asks,
        asking: Asking,
        storage: Storage,
        districts: Sequence[str],
        keep: Callable[[Change], None],
        publish: Callable[[Receipt], None],
    ) -> None:
        self._desk, self._asks, self._asking, self._storage = desk, asks, asking, storage
        self._districts, self._keep, self._publish = districts, keep, publish
        self._open: dict[str, _Open] = {}
        for name, record in storage.open_receipts():
            if (order := storage.order(name)) is not None:
                self._open[name] = unpack_open(order, record)
        self._seen: set[str] = set(desk.orders)
        self._error: tuple[int, int] | None = None

    def error(self) -> tuple[int, int]:
        """(mean error in permille, how many were checked) of the latest forecasts that could be checked."""
        if self._error is None:
            errors = self._storage.forecast_errors(CHECKED_MAX)
            self._error = (round(sum(errors) / len(errors)), len(errors)) if errors else (0, 0)
        return self._error

    def stored(self, order: str) -> Receipt | None:
        """The receipt of an order, if it has one."""
        payload = self._storage.receipt(order)
        return None if payload is None else wire.decode(payload, wire.NAMES[Receipt])

    def turn(self, now_ms: int, wall_ms: int) -> None:
        """Look what began and what ended, and read the meter where it is time."""
        live = {order.id: order for order in self._desk.orders.values() if order.live}
        for name in live.keys() - self._seen:
            if live[name].command not in ONCE and name not in self._open and len(self._open) < OPEN_MAX:
                self._begin(live[name], now_ms)
        self._seen = set(live)
        for name, job in list(self._open.items()):
            if name in live:
                job.order = live[name]
            elif not job.ended_ms:
                job.ended_ms = now_ms
                self._remember(job)
            if job.begun is None or job.closing:
                continue
            if self._is_over(job, now_ms):
                job.closing = True
                self._read(job, now_ms, wall_ms)
            elif now_ms - job.polled_ms >= POLL_MS:
                job.polled_ms = now_ms
                self._read(job, now_ms, wall_ms)

    def _begin(self, order: Order, now_ms: int) -> None:
        question = self._asks.question((order,), now_ms, taken=True)
        if question is None:
            return
        job = _Open(order, question.junctions, polled_ms=now_ms)
        self._open[order.id] = job

        def begun(handover: Handover | None) -> None:
            if handover is None:
                self._open.pop(order.id, None)
                return
            job.begun, job.longest_ms = handover, handover.longest_ms.copy()
            self._remember(job)

        def foreseen(outcome: Outcome | None, handover: Handover | None, why: str) -> None:
            if outcome is None or handover is None:
                job.why = why
                self._asking.meter(job.junctions, begun, now_ms)
                return
            job.foreseen = outcome
            begun(handover)

        self._asking.forecast(question, foreseen, now_ms)

    def _remember(self, job: _Open) -> None:
        """What the gateway must find again when it starts anew."""
        if job.begun is not None and not job.closing:
            self._keep(Change(open_receipt=(job.order.id, pack_open(job))))

    def _is_over(self, job: _Open, now_ms: int) -> bool:
        assert job.begun is not None
        speed = job.begun.speed
        if job.ended_ms and (now_ms - job.ended_ms) * speed >= RECOVERY_MS:
            return True
        return (now_ms - job.begun.clock_ms) * speed >= HORIZON_MS

    def _read(self, job: _Open, now_ms: int, wall_ms: int) -> None:
        # Answers come later: one asked for before the last must neither close the job nor find it open.
        last = job.closing

        def read(handover: Handover | None) -> None:
            if self._open.get(job.order.id) is not job:
                return
            if handover is not None and job.begun is not None and handover.run == job.begun.run:
                longest_ms = np.maximum(job.longest_ms, handover.longest_ms)
                if (longest_ms > job.longest_ms).any():
                    job.longest_ms = longest_ms
                    self._remember(job)
            elif handover is not None or last:
                self._open.pop(job.order.id, None)  # another engine, or none: nothing can be compared
                self._keep(Change(open_receipt=(job.order.id, b"")))
                return
            if last and handover is not None:
                del self._open[job.order.id]
                self._close(job, handover, now_ms, wall_ms)

        self._asking.meter(job.junctions, read, now_ms)

    def _close(self, job: _Open, now: Handover, now_ms: int, wall_ms: int) -> None:
        assert job.begun is not None
        order = self._storage.order(job.order.id) or job.order
        known = job.foreseen
        measured = np.rint(now.waited_s - job.begun.waited_s).astype(np.int64)
        passed_s = (now.street_ms - job.begun.street_ms) / 1000.0
        without, foreseen = measured, np.zeros_like(measured)
        longest = job.longest_ms
        if known is not None:
            without, foreseen = (
                at_second(run.waited_s, passed_s) for run in (known.without, known.with_order)
            )
            longest = known.without.longest_ms
        rows = cost_rows(job.junctions, self._districts, without, measured, longest, job.longest_ms)
        ended_ms = job.ended_ms or now_ms
        sums = int(measured.sum()), int(foreseen.sum())
        error = (
            error_permille(*sums) if known is not None and self._as_foreseen(order, job, ended_ms) else None
        )
        receipt = Receipt(
            order.id, order.digest, now_ms, max(0, ended_ms - order.accepted_ms), rows,
            told(rows, job.why)[:400], sums[1],
        )  # fmt: skip
        payload = wire.pack(receipt)
        result = f"{sums[0]} person-s, {int(without.sum())} without, {sums[1]} foreseen"
        entry = Entry(
            now_ms, wall_ms, "station", "receipt", str(order.command), order.id, result,
            order.junctions, digest=wire.digest(payload),
        )  # fmt: skip
        row = ReceiptRow(order.id, wall_ms, error, payload)
        self._keep(Change(entries=(entry,), receipt=row, open_receipt=(order.id, b"")))
        self._error = None
        self._publish(receipt)

    def _as_foreseen(self, order: Order, job: _Open, ended_ms: int) -> bool:
        """Whether the order lasted as long as the forecast took it to."""
        assert job.begun is not None
        assert job.foreseen is not None
        lasted_ms = ended_ms - order.accepted_ms
        ends_s = job.foreseen.with_order.ended_s
        if ends_s and len(ends_s) >= len(order.junctions):
            return abs(lasted_ms - 1000 * max(ends_s.values()) / job.begun.speed) <= AS_FORESEEN_MS
        return not ends_s and order.end in ("", Event.EXPIRE) and lasted_ms >= order.lease_ms - AS_FORESEEN_MS


def pack_open(job: _Open) -> bytes:
    """What is metered, as it is stored; the engine's meter runs on whether or not there is a gateway."""
    begun = job.begun
    assert begun is not None
    record: bytes = msgpack.packb([
        list(job.junctions), None if job.foreseen is None else pack_outcome(job.foreseen), job.ended_ms,
        job.why, [begun.number, begun.clock_ms, begun.street_ms, begun.speed, begun.run],
        [begun.waited_s.tobytes(), job.longest_ms.tobytes()],
    ])  # fmt: skip
    return record


def unpack_open(order: Order, record: bytes) -> _Open:
    """It back, with the order as it was stored last."""
    junctions, foreseen, ended_ms, why, when, (waited, longest) = msgpack.unpackb(record)
    shape = (len(junctions), -1)
    longest_ms = np.frombuffer(longest, np.int64).reshape(shape).copy()
    number, clock_ms, street_ms, speed, run = when
    waited_s = np.frombuffer(waited, np.float64).reshape(shape).copy()
    rungs = np.zeros(len(junctions), np.int64)
    begun = Handover(number, clock_ms, street_ms, speed, run, waited_s, longest_ms, rungs, np.zeros(0))
    outcome = None if foreseen is None else unpack_outcome(foreseen)
    return _Open(order, tuple(junctions), outcome, begun, 0, ended_ms, longest_ms.copy(), False, why)


def at_second(waited_s: np.ndarray, passed_s: float) -> np.ndarray:
    """(J, MODES) of sums kept every STEP_S (T, J, MODES), at any moment between; no further than they go."""
    sums = np.concatenate([np.zeros((1, *waited_s.shape[1:])), waited_s])
    place = min(max(0.0, passed_s / STEP_S), len(sums) - 1.0)
    k = min(int(place), len(sums) - 2)
    part = place - k
    return np.rint((1.0 - part) * sums[k] + part * sums[k + 1]).astype(np.int64)


def error_permille(measured: int, foreseen: int) -> int:
    """How far a forecast was off, in thousandths of what was measured."""
    return min(100_000, round(1000 * abs(foreseen - measured) / max(LEAST_PERSON_S, measured)))


def told(rows: Sequence[CostRow], why: str) -> str:
    """The receipt in words; `why` there was no forecast to compare with."""
    if why:
        return f"There was no forecast when it was given, only what was measured is told: {why}."
    text = sentence_of(rows)
    return text.replace("would wait", "waited").replace(" wait ", " waited ").replace("grows to", "grew to")
