"""Replay: a journal's frames through a controller made anew, every lamp compared bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from controller.decision_log import DecisionLog
from controller.explain import Decision
from controller.frame import Frame
from controller.journal import JournalError, JournalReader, read_journal, sources_digest
from controller.journal_codec import EndRecord, Header
from controller.journal_orders import BadDeed, do_again
from controller.journal_rulings import RecordedJudge
from controller.monitor import Verdict
from controller.network import Network
from controller.orders import Deed, Orders
from controller.tick import Controller

PROGRESS_TICKS = 600


@dataclass(frozen=True, slots=True)
class Difference:
    """A lamp that came out differently: tick by number from 0, junction and group by name."""

    tick: int
    time_ms: int
    junction: str
    group: str
    recorded: int
    """`Lamp` in the journal."""
    replayed: int
    """`Lamp` of the replay."""


@dataclass(frozen=True, slots=True, eq=False)
class ReplayResult:
    """What a replay found."""

    header: Header
    network: Network
    ticks: int
    first_ms: int
    last_ms: int
    differences: int
    """Ticks with any lamp different."""
    first_difference: Difference | None
    decisions: tuple[Decision, ...]
    """Every change of stage, from the replay."""
    decisions_recorded: int
    first_decision_differing: Decision | None
    """The first replayed decision that the journal has otherwise or lacks, or that only the journal has."""
    dropped_bytes: int
    """Bytes at the end of the file that belong to a record cut off."""
    end: EndRecord | None
    """None when the journal was never closed."""
    same_state: bool | None
    """Whether the state at the end is the recorded one to the last bit; None without an end."""

    same_sources: bool
    """Whether the controller's source files are those that wrote the journal."""

    @property
    def identical(self) -> bool:
        """Whether every lamp and every recorded decision came out the same."""
        return self.differences == 0 and self.first_decision_differing is None


def replay(path: Path | str, progress: Callable[[float], None] | None = None) -> ReplayResult:
    """Replay a journal. `progress` gets the part done, 0-1.

    Raises JournalError, one line naming file and byte, for a journal that cannot be used.
    """
    journal = read_journal(path)
    try:
        return _Replay(journal, progress or (lambda part: None)).run()
    finally:
        journal.close()


class _Replay:
    def __init__(self, journal: JournalReader, progress: Callable[[float], None]) -> None:
        self.journal = journal
        self.progress = progress
        self.controller = _controller(journal)
        self.orders: Orders | None = None
        self.judge: RecordedJudge | None = None
        self.log = DecisionLog(self.controller)
        self.differences = 0
        self.first: Difference | None = None
        self.decisions: list[Decision] = []
        self.decisions_recorded = 0
        self.decision_differing: Decision | None = None

    def run(self) -> ReplayResult:
        frame: Frame | None = None
        recorded: NDArray[np.int8] | None = None
        ticks = 0
        first_ms = last_ms = self.journal.header.start_ms
        for record in self.journal:
            frame = frame if record.frame is None else record.frame
            recorded = recorded if record.lamps is None else record.lamps
            assert frame is not None  # the reader refuses a first tick without both
            assert recorded is not None
            if record.deeds:
                self._order(record.deeds, ticks)
            if record.ruling:
                self._heed(record.ruling, ticks)
            lamps = self.controller.tick(frame, record.now_ms, self.orders)
            self._compare(ticks, record.now_ms, recorded, lamps)
            self._compare_decisions(record.decisions, self.log.observe(record.now_ms))
            first_ms, last_ms = (record.now_ms if ticks == 0 else first_ms), record.now_ms
            ticks += 1
            if ticks % PROGRESS_TICKS == 0:
                self.progress(self.journal.at_byte / max(1, self.journal.size_bytes))
        end = self.journal.end
        return ReplayResult(
            header=self.journal.header,
            network=self.journal.network,
            ticks=ticks,
            first_ms=first_ms,
            last_ms=last_ms,
            differences=self.differences,
            first_difference=self.first,
            decisions=tuple(self.decisions),
            decisions_recorded=self.decisions_recorded,
            first_decision_differing=self.decision_differing if self.decisions_recorded else None,
            dropped_bytes=self.journal.dropped_bytes,
            end=end,
            same_sources=self.journal.header.sources == sources_digest(),
            same_state=None if end is None else end.digest == self.controller.state.digest(),
        )

    def _heed(self, ruling: tuple[Verdict, ...], tick: int) -> None:
        """A monitor in another process ruled so; from the first tick on, or it would have been another."""
        if tick == 0:
            self.judge = RecordedJudge(self.journal.network)
            self.controller.monitor = self.judge
        if self.judge is None:
            raise JournalError(f"{self.journal.path}: tick {tick}: a ruling, and none before it")
        self.judge.hear(ruling)

    def _order(self, deeds: tuple[Deed, ...], tick: int) -> None:
        """Tell the controller what people told it then."""
        if self.orders is None:
            self.orders = Orders(self.journal.network)
        try:
            do_again(self.orders, deeds)
        except BadDeed as error:
            raise JournalError(f"{self.journal.path}: tick {tick}: {error}") from None

    def _compare(
        self, tick: int, now_ms: int, recorded: NDArray[np.int8], replayed: NDArray[np.int8]
    ) -> None:
        if np.array_equal(recorded, replayed):
            return
        self.differences += 1
        if self.first is None:
            network = self.journal.network
            g = int(np.flatnonzero(recorded != replayed)[0])
            j = int(network.group_junction[g])
            junction = network.street.junctions[j]
            name = junction.groups[g - int(network.group_start[j])].name
            self.first = Difference(tick, now_ms, junction.name, name, int(recorded[g]), int(replayed[g]))

    def _compare_decisions(self, recorded: tuple[Decision, ...], replayed: list[Decision]) -> None:
        """A journal may hold no decisions at all; one that holds any must hold these."""
        self.decisions_recorded += len(recorded)
        self.decisions += replayed
        if recorded != tuple(replayed) and self.decision_differing is None:
            pairs = zip((*recorded, None), (*replayed, None), strict=False)
            before, after = next((a, b) for a, b in pairs if a != b)
            self.decision_differing = after or before


def _controller(journal: JournalReader) -> Controller:
    header = journal.header
    try:
        return Controller(journal.network, header.controller, header.policy, header.start_ms)
    except (ValueError, IndexError) as error:
        # A street that reads well may still be one this planner cannot serve.
        reason = " ".join(str(error).split())
        where = f"{journal.path}: its street cannot be run by {header.controller}"
        raise JournalError(f"{where}: {reason}") from None
