"""The gateway's way to a forecast: ask the engine how things stand, hand that to the forecaster.

It waits for neither. At most one forecast is under way, a few others wait their turn. Who is
silent for too long is given up, and whoever asked is told so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgpack  # type: ignore[import-untyped]
import numpy as np

from override.engine import Line
from override.handover import MARK, Handover, ask_for, handover_of
from override.what_if import (
    ANSWER,
    FAILED,
    HELLO,
    READY,
    VERSION,
    Outcome,
    Question,
    pack_question,
    unpack_outcome,
)

WAITING_MAX = 8
ENGINE_MS = 1_000
FORECASTER_MS = 10_000
MESSAGES_PER_TURN = 8
Then = Callable[[Outcome | None, Handover | None, str], None]
"""Told the forecast and what it began with, or neither and why."""
ThenMeter = Callable[[Handover | None], None]


@dataclass(slots=True)
class _Job:
    question: Question
    then: Then
    asked_ms: int
    handover: bytes = b""


class Asking:
    """Questions to engine and forecaster. `line` leads to the forecaster; None = there is none."""

    def __init__(self, ask_engine: Callable[[bytes], bool], line: Line | None) -> None:
        self.ready = False
        """Whether the forecaster has loaded what it needs."""
        self.others: Callable[[bytes], bool] = lambda message: False
        """Takes what the forecaster says that is no forecast."""
        self._ask_engine = ask_engine
        self._line = line
        self._number = 0
        self._jobs: deque[_Job] = deque()
        self._meters: dict[int, tuple[int, ThenMeter]] = {}
        if line is not None:
            line.send(HELLO)

    def meter(self, junctions: tuple[int, ...], then: ThenMeter, now_ms: int) -> None:
        """Read the meter at these junctions."""
        self._number += 1
        self._meters[self._number] = (now_ms, then)
        self._ask_engine(ask_for(self._number, np.array(junctions, np.int64), False))

    def forecast(self, question: Question, then: Then, now_ms: int) -> None:
        """Ask for a forecast; `question.number` is ours to give."""
        if self._line is None:
            then(None, None, "this station has no forecaster")
        elif not self.ready:
            then(None, None, "the forecaster is getting ready; ask again in a minute")
        elif len(self._jobs) >= WAITING_MAX:
            then(None, None, "too many forecasts are asked for at once; ask again")
        else:
            self._jobs.append(_Job(question, then, now_ms))
            if len(self._jobs) == 1:
                self._begin(now_ms)

    def another_version(self, number: int) -> None:
        """From now on forecasts are made by this version."""
        if self._line is not None:
            self._line.send(VERSION + msgpack.packb(number))

    def hears(self, message: bytes) -> bool:
        """Whether a message of the engine was an answer to a question of ours."""
        if not message.startswith(MARK):
            return False
        handover = handover_of(message)
        if handover.present is None:
            _, then_meter = self._meters.pop(handover.number, (0, None))
            if then_meter is not None:
                then_meter(handover)
        elif self._jobs and self._jobs[0].question.number == handover.number and self._line is not None:
            job = self._jobs[0]
            job.handover = message
            if not self._line.send(pack_question(job.question, message)):
                self._end(None, "the forecaster does not listen")
        return True

    def turn(self, now_ms: int) -> None:
        """Take what the forecaster says, and give up who is silent."""
        for _ in range(MESSAGES_PER_TURN):
            if self._line is None or (message := self._line.receive()) is None:
                break
            self._hear_forecaster(message, now_ms)
        for number, (asked_ms, then) in list(self._meters.items()):
            if now_ms - asked_ms > ENGINE_MS:
                del self._meters[number]
                then(None)
        if self._jobs:
            job = self._jobs[0]
            if now_ms - job.asked_ms > (FORECASTER_MS if job.handover else ENGINE_MS):
                self._end(
                    None, "no forecast: " + ("it took too long" if job.handover else "the engine is silent")
                )
                self._begin(now_ms)

    def _begin(self, now_ms: int) -> None:
        while self._jobs:
            job = self._jobs[0]
            self._number += 1
            job.asked_ms = now_ms
            job.question = replace(job.question, number=self._number)
            if self._ask_engine(ask_for(self._number, np.array(job.question.junctions, np.int64), True)):
                return
            self._end(None, "the engine does not listen")

    def _hear_forecaster(self, message: bytes, now_ms: int) -> None:
        if message.startswith(READY):
            self.ready = True
            return
        if self.others(message):
            return
        outcome: Outcome | None = None
        why = ""
        if message.startswith(ANSWER):
            outcome = unpack_outcome(message)
            number = outcome.number
        elif message.startswith(FAILED):
            number, why = msgpack.unpackb(message[len(FAILED) :])
        else:
            return
        if self._jobs and self._jobs[0].question.number == number:
            self._end(outcome, why)
            self._begin(now_ms)

    def _end(self, outcome: Outcome | None, why: str) -> None:
        job = self._jobs.popleft()
        job.then(outcome, handover_of(job.handover) if outcome is not None else None, why)
