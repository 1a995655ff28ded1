"""The monitor's own process: the only one that may let a street show anything.

It hears of the heads from the street itself, of wishes from the engine, and answers with permits that
are good for 300 ms. It keeps its own time, asks the engine questions it must answer to count as
alive, tests itself at the start and every day, and never waits for anybody.
"""

from __future__ import annotations

import json
import os
import secrets
import select
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from controller.monitor import Card, SafetyMonitor, Verdict
from controller.monitor.heads import lamps_lit
from controller.monitor.heartbeat import QUESTION_BYTES, Challenger
from controller.monitor.self_test import self_test
from controller.monitor.vigil import Vigil
from override.card_change import CardChanges, CardOf, CardWish
from override.lamp_line import (
    BadMessage,
    Heads,
    Hello,
    LampLine,
    Permit,
    Proposal,
    Ruling,
    Unlatch,
    array_of,
    listen_at,
    pack,
    take_line,
    told,
    unpack,
)

TURN_MS = 50
"""Looks at its clock so often, whatever comes."""
DAY_MS = 24 * 3_600_000
MESSAGES_PER_TURN = 32
LATE_READINGS = 2
"""A first proposal for an older reading than so many ago is no beginning."""
HELD_MS = 200
"""A street that runs ahead of its engine is held up no longer than this, so that they can meet."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the lamps' processes meet: a folder only their user may enter."""

    folder: Path

    @property
    def monitor(self) -> Path:
        """The monitor's door."""
        return self.folder / "monitor"

    @property
    def street(self) -> Path:
        """The street's door, for the engine."""
        return self.folder / "street"


class MonitorProcess:
    """One safety monitor between one street and one engine, whichever come.

    `own_ms` is its clock (monotonic, ms). `latches` is a file that remembers what only a person
    may reset, over restarts. `say` is told, in one line each, what it stopped. `disturb` is called
    once a turn (drills). `card_of` gives the cards of other versions.
    """

    def __init__(
        self,
        card: Card,
        places: Places,
        own_ms: Callable[[], int],
        speed: float = 1.0,
        latches: Path | None = None,
        say: Callable[[str], None] = lambda line: None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        disturb: Callable[[MonitorProcess], None] = lambda process: None,
        card_of: CardOf | None = None,
    ) -> None:
        self.card = card
        self.places = places
        self._own_ms, self._say, self._random, self._disturb = own_ms, say, random_bytes, disturb
        self._changes = CardChanges(card, card_of)
        self._latches = latches
        latched = self._read_latches()
        self.monitor = SafetyMonitor(card, latched, starts_in_flash=True)
        self._written = latched.tobytes()
        self._vigil = Vigil(speed)
        self._challenger = Challenger()
        self._door = listen_at(places.monitor)
        self.unknown: list[LampLine] = []
        """Lines whose holder has not said who he is."""
        self.engine: LampLine | None = None
        self.street: LampLine | None = None
        self._shown: NDArray[np.int8] | None = None
        """What the heads show, as the street that is here has told; None = it has told nothing yet."""
        self._reading = -1
        self._permits = 0
        self._by_itself = False
        self._meeting = False
        self._held_ms: int | None = None
        self._refused = False
        self._turn_of_test = 0
        self._next_test_ms = 0
        self._poller = select.poll()
        self._poller.register(self._door, select.POLLIN)
        self._test(own_ms())

    # --- the loop ------------------------------------------------------------------------

    def run(self, over: Callable[[], bool] = lambda: False) -> None:
        """Until `over` says so."""
        while not over():
            self.turn()

    def turn(self, timeout_ms: int = TURN_MS) -> None:
        """One round: who comes, who has gone, what was said, and what the clock says."""
        self._poller.poll(timeout_ms)
        self._disturb(self)
        while (line := take_line(self._door)) is not None:
            self.unknown.append(line)
            self._poller.register(line, select.POLLIN)
        for line in list(self.unknown):
            self._meet(line)
        # The street first: what its heads show is what a proposal is judged by.
        if self.street is not None:
            self._hear(self.street)
        if self.engine is not None:
            self._hear(self.engine)
        own_ms = self._own_ms()
        if self._held_ms is not None and not 0 <= own_ms - self._held_ms <= HELD_MS:
            self._meeting, self._held_ms = False, None
            self._permit()
        check, reason = self._vigil.overdue(own_ms)
        if check:
            self._lose(check, reason)
        if own_ms >= self._next_test_ms:
            self._test(own_ms)

    def close(self) -> None:
        """Every line ends; the street flashes."""
        for line in (*self.unknown, self.engine, self.street):
            if line is not None:
                line.close()
        self._door.close()

    def cut(self) -> None:
        """Lose every line, as if they had been cut; the others knock again (drills)."""
        for line in (self.street, self.engine):
            if line is not None:
                self._drop(line)

    # --- who is there --------------------------------------------------------------------

    def _meet(self, line: LampLine) -> None:
        data = line.receive()
        if data is None:
            if line.closed:
                self._drop(line)
            return
        try:
            hello = unpack(data)
        except BadMessage:
            hello = None
        self.unknown.remove(line)
        if not isinstance(hello, Hello) or hello.role not in ("engine", "street"):
            self._drop(line)
        elif hello.role == "street":
            if self.street is not None:
                self._drop(self.street)
            self.street = line
            self._permit()
        else:
            if self.engine is not None:
                self._drop(self.engine)
            self.engine = line
            if not self._changes.comes_back(hello.card, self.monitor):
                self._refuse("C15", "the engine is bound by another card than the monitor")
            self._challenger.forget(another=True)
            self._rule(0, None)

    def _drop(self, line: LampLine) -> None:
        """Its process is gone, or is none of ours."""
        self._poller.unregister(line)
        line.close()
        if line in self.unknown:
            self.unknown.remove(line)
        if line is self.engine:
            self.engine = None
            self._lose("C11", "the engine's process has ended")
        if line is self.street:
            self.street, self._shown = None, None
            self._lose("C12", "the street's process has ended")

    def _lose(self, check: str, reason: str) -> None:
        if not self._vigil.awake:
            return
        self._vigil.rest()
        self._challenger.forget()
        verdict = self.monitor.lose(check, reason)
        self._tell(verdict)
        self._permit()
        self._rule(0, verdict)

    def _refuse(self, check: str, reason: str) -> None:
        if not self._refused:
            self._refused = True
            self._tell(self.monitor.refuse(check, reason))
            self._permit()

    # --- what is said --------------------------------------------------------------------

    def _hear(self, line: LampLine) -> None:
        for _ in range(MESSAGES_PER_TURN):
            data = line.receive()
            if data is None:
                if line.closed:
                    self._drop(line)
                return
            try:
                message = unpack(data)
                if line is self.street and isinstance(message, Heads):
                    self._look(message)
                elif line is self.engine and isinstance(message, Proposal):
                    self._consider(message)
                elif line is self.engine and isinstance(message, Unlatch):
                    self._unlatch(message)
                elif line is self.engine and isinstance(message, CardWish):
                    self._consider_card(message)
                elif line is self.street and isinstance(message, Hello):
                    self._vigil.rest()  # it ends as it should: nobody has fallen silent
            except BadMessage as error:
                if line is self.engine:
                    self._lose("C12", f"a message of the engine cannot be read: {error}")

    def _look(self, heads: Heads) -> None:
        self._shown = lamps_lit(array_of(heads.bits, np.uint8, self.card.group_count), self.card.pedestrian)
        self._reading = heads.reading
        began, self._by_itself = heads.by_itself and not self._by_itself, heads.by_itself
        if began:
            self._lose("C12", "the street flashes by itself: no fresh permit reached it")
        if self._vigil.awake:
            self._vigil.asked(self._own_ms(), heads.reading)
        elif self._meeting and self.engine is not None:
            self._held_ms = self._own_ms()
        else:
            self._permit()  # the flash goes on by permit while there is no engine

    def _consider(self, proposal: Proposal) -> None:
        own_ms = self._own_ms()
        if not self._challenger.accepts(proposal.answer, proposal.number, proposal.lamps):
            return  # a heartbeat that proves nothing is none: its silence is counted
        late = proposal.reading < self._reading - LATE_READINGS
        if proposal.lamps and late and not self._vigil.awake:
            # Who has just come, or come back, begins with the street as it is; the next reading waits.
            self._meeting = True
            self._rule(0, None)
            return
        self._meeting, self._held_ms = False, None
        self._vigil.heard(own_ms)
        if not proposal.lamps:
            self._rule(proposal.sequence, None)
            return
        groups, junctions = self.card.group_count, self.card.junction_count
        leases = proposal.lease_until_ms
        lamps = array_of(proposal.lamps, np.int8, groups)
        calls = array_of(proposal.calls, np.bool_, groups)
        waived = array_of(proposal.waived, np.bool_, junctions)
        suspended = array_of(proposal.suspended, np.bool_, junctions)
        until_ms = array_of(leases, np.int64, junctions) if leases else None
        if doubt := self._vigil.answered(own_ms, proposal.reading, proposal.street_ms):
            self._tell(self.monitor.lose("C12", doubt))
        # Until the street has spoken nobody knows what it shows; without a permit it flashes by itself.
        shown = self.monitor.permitted.copy() if self._shown is None else self._shown
        verdict = self.monitor.judge(
            proposal.street_ms, proposal.sequence, lamps, shown, calls, waived, suspended, until_ms
        )
        # First the ruling: the next reading, which the permit brings about, must find it there.
        self._rule(proposal.sequence, verdict)
        self._permit(max(self._reading, proposal.reading))
        if verdict.violations or verdict.alarms:
            self._tell(verdict)
        self._keep_latches()

    def _unlatch(self, asked: Unlatch) -> None:
        if self._refused:
            self._say("a card or a self-test that failed is not reset; mend it and start anew")
            return
        try:
            self.monitor.reset(asked.junction, asked.by, asked.reason)
        except ValueError as error:
            self._say(str(error))
        self._keep_latches()

    def _consider_card(self, wish: CardWish) -> None:
        before = self.monitor.card
        answer = self._changes.answer(wish, self.monitor)
        if self.monitor.card is not before:
            same, self.card = self.monitor.card.digest() == before.digest(), self.monitor.card
            what = "begins anew with the card it had" if same else "has the card of another version"
            self._say(f"monitor: {self.card.junction_names[wish.junction]} {what}")
            self._permit()
        if answer is not None and self.engine is not None:
            self.engine.send(pack(answer))

    def _permit(self, reading: int | None = None) -> None:
        if self.street is None:
            return
        self._permits += 1
        answers = self._reading if reading is None else reading
        permit = Permit(self._permits, answers, self.monitor.permitted.tobytes())
        self.street.send(pack(permit))

    def _rule(self, sequence: int, verdict: Verdict | None) -> None:
        if self.engine is None:
            return
        quiet = self.monitor.quiet if verdict is None else verdict
        question = self._challenger.ask(self._random(QUESTION_BYTES))
        ruling = Ruling(
            sequence, question, quiet.flash.tobytes(), quiet.latched.tobytes(), quiet.permitted.tobytes(),
            told(quiet),
        )  # fmt: skip
        self.engine.send(pack(ruling))

    def _tell(self, verdict: Verdict) -> None:
        for finding in verdict.violations:
            self._say(f"monitor: {finding.check}: {finding.sentence}")
        self._keep_latches()

    # --- latches and self-test -------------------------------------------------------------

    def _test(self, own_ms: int) -> None:
        """Now, and tomorrow at a time nobody can foresee (C16)."""
        failed = self_test(self.monitor.card, self._turn_of_test)
        self._turn_of_test += 1
        chance = int.from_bytes(self._random(4), "little") / (1 << 32)
        self._next_test_ms = own_ms + round(DAY_MS * (0.5 + chance / 2))
        if failed:
            self._refuse("C16", f"the monitor failed its own test: {failed}")

    def _read_latches(self) -> np.ndarray:
        latched = np.zeros(self.card.junction_count, np.bool_)
        if self._latches is None or not self._latches.is_file():
            return latched
        try:
            names = set(json.loads(self._latches.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            latched[:] = True  # what was latched is not known: so everything is
            self._say(
                f"{self._latches}: cannot be read; every junction is latched in flash until it is reset"
            )
            return latched
        for j, name in enumerate(self.card.junction_names):
            latched[j] = name in names
        return latched

    def _keep_latches(self) -> None:
        latched = self.monitor.latched
        if self._latches is None or latched.tobytes() == self._written:
            return
        self._written = latched.tobytes()
        names = [self.card.junction_names[j] for j in np.flatnonzero(latched)]
        unfinished = self._latches.with_name(f".{self._latches.name}.unfinished")
        try:
            unfinished.write_text(json.dumps(names), encoding="utf-8")
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            unfinished.replace(self._latches)
        except OSError as error:
            self._say(f"{self._latches}: latches cannot be kept over a restart ({error.strerror})")
