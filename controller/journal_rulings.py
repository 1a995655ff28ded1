"""What a monitor in another process ruled, as a journal keeps it: it comes when it comes, so it is an input.

A station's engine learns of a flash one or two ticks late. Played again with a monitor of its own it would
learn at once, and decide otherwise; so each ruling is written beside the tick that heard it, where it is new.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.monitor import Card, Verdict
from controller.monitor.verdict import Violation
from controller.network import Network
from controller.tick import Judge

SENTENCE_CHARACTERS = 1_000
FINDINGS_MAX = 1 << 12
Row = list[Any]


class BadRuling(ValueError):
    """A ruling that no monitor of this street can have given."""


class HeardJudge:
    """Stands before a judge in another process, and remembers what was asked and answered in a tick."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.asked: NDArray[np.int8] = judge.permitted.copy()
        """(groups) lamps proposed in the last tick."""
        self._row: Row | None = None
        self._last: tuple[bytes, bytes] = (b"", b"")

    @property
    def permitted(self) -> NDArray[np.int8]:
        """(groups) the lamps that may be shown now."""
        return self._judge.permitted

    def judge(self, now_ms: int, sequence: int, lamps: NDArray[np.int8], *rest: Any) -> Verdict:
        """As `Judge.judge`."""
        np.copyto(self.asked, lamps)
        verdict = self._judge.judge(now_ms, sequence, lamps, *rest)
        arrays = verdict.flash.tobytes(), verdict.latched.tobytes()
        if arrays != self._last or verdict.violations or verdict.alarms:
            self._last = arrays
            self._row = [*arrays, _rows(verdict.violations), _rows(verdict.alarms)]
        return verdict

    def reset(self, junction: int, by: str, reason: str) -> object:
        """As `Judge.reset`."""
        return self._judge.reset(junction, by, reason)

    @property
    def card(self) -> Card:
        """As `Judge.card`."""
        return self._judge.card

    def take_card(self, junction: int, card: Card, version: int = 0, at_once: bool = False) -> None:
        """As `Judge.take_card`."""
        self._judge.take_card(junction, card, version, at_once)

    def keep_card(self) -> None:
        """As `Judge.keep_card`."""
        self._judge.keep_card()

    def taken(self) -> Row | None:
        """The ruling of this tick, where it says something new; said once."""
        row, self._row = self._row, None
        return row


class RecordedJudge:
    """Rules as it was ruled then. What is shown, of all that is proposed, it does not know."""

    def __init__(self, network: Network) -> None:
        self.permitted: NDArray[np.int8] = np.zeros(network.n_groups, np.int8)
        """(groups) the lamps of the last proposal: those a journal with rulings holds."""
        junctions = network.n_junctions
        none = np.zeros(junctions, np.bool_)
        self._verdict = Verdict(np.ones(junctions, np.bool_), none, self.permitted, (), ())

    def hear(self, ruling: tuple[Verdict, ...]) -> None:
        """What was ruled in the tick that comes now."""
        for verdict in ruling:
            self._verdict = verdict

    def judge(self, now_ms: int, sequence: int, lamps: NDArray[np.int8], *rest: Any) -> Verdict:
        """As it was ruled then."""
        np.copyto(self.permitted, lamps)
        said = self._verdict
        self._verdict = Verdict(said.flash, said.latched, self.permitted, (), ())
        return Verdict(said.flash, said.latched, self.permitted, said.violations, said.alarms)

    def reset(self, junction: int, by: str, reason: str) -> None:
        """Nothing: what came of it was ruled then."""

    @property
    def card(self) -> Card:
        """None is known, and none is needed: a journal ends before another one is taken."""
        raise NotImplementedError

    def take_card(self, junction: int, card: Card, version: int = 0, at_once: bool = False) -> None:
        """Nothing: a journal ends before that."""

    def keep_card(self) -> None:
        """Nothing, likewise."""


def ruling_of(row: object, network: Network) -> tuple[Verdict, ...]:
    """A ruling back. Raises BadRuling for one that is impossible on this street."""
    if not isinstance(row, list) or len(row) != 4:
        raise BadRuling("a ruling is no list of 4")
    flash, latched = (_bits(part, network.n_junctions) for part in row[:2])
    violations, alarms = (_findings(part, network) for part in row[2:])
    return (Verdict(flash, latched, np.zeros(0, np.int8), violations, alarms),)


def _rows(findings: tuple[Violation, ...]) -> list[Row]:
    return [
        [f.check, f.junction, list(f.groups), f.measured_ms, f.required_ms, f.sentence[:SENTENCE_CHARACTERS]]
        for f in findings
    ]


def _bits(part: object, junctions: int) -> NDArray[np.bool_]:
    if not isinstance(part, bytes) or len(part) != junctions or max(part, default=0) > 1:
        raise BadRuling("a ruling does not say of each junction whether it flashes")
    return np.frombuffer(part, np.bool_).copy()


def _findings(part: object, network: Network) -> tuple[Violation, ...]:
    if not isinstance(part, list) or len(part) > FINDINGS_MAX:
        raise BadRuling("findings are no list")
    return tuple(_finding(row, network) for row in part)


def _finding(row: object, network: Network) -> Violation:
    if not isinstance(row, list) or len(row) != 6:
        raise BadRuling("a finding is no list of 6")
    check, junction, groups, measured_ms, required_ms, sentence = row
    whole = isinstance(groups, list) and all(
        type(v) is int for v in (junction, measured_ms, required_ms, *groups)
    )
    if not whole or not isinstance(check, str) or not isinstance(sentence, str):
        raise BadRuling("a finding is not told in numbers and words")
    if not -1 <= junction < network.n_junctions or any(not 0 <= g < network.n_groups for g in groups):
        raise BadRuling("a finding of a junction or group that is not there")
    return Violation(check, junction, tuple(groups), measured_ms, required_ms, sentence)
