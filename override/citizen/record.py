"""The signals' own record, as the station tells it: lamps, presses, calls, sensors no longer believed.

It is what a complaint is compared with, so it says of itself where it is incomplete: a lost message,
a station that was silent or began anew, leave a gap, and a gap proves nothing. Times are record
milliseconds: street time, made to grow without a break when a station begins its street anew.
Bounded in every direction; what is kept on the disk is given out by `take_unsaved` and read back
by `replay`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from override.details import Record

CHANGES_KEPT, PRESSES_KEPT, WAITS_KEPT, GAPS_KEPT = 300, 100, 100, 100
EPISODE_MS = 10_000
"""Presses closer together than this are one person's."""
LEARNT_AFTER = 20
"""Episodes after which a button's share of all presses is known well enough."""
FORGET_AFTER = 120
"""Episodes after which the older half counts half: buttons change with the hours."""
HOUR_MS = 3_600_000
RUNG_FLASH = 5


class Code(IntEnum):
    """Codes of the record; 100 and more are our own."""

    RED = 1
    GREEN = 2
    YELLOW = 3
    CLEARANCE = 4
    FLASH_RED = 5
    FLASH_AMBER = 6
    DARK = 7
    PRESSED = 20
    CALLED = 21
    SERVED = 22
    LOST = 30
    FOUND = 31
    RUNG = 40
    GAP = 100
    """Between the row before and this one something is missing."""


LETTERS = {
    "R": Code.RED, "G": Code.GREEN, "Y": Code.YELLOW, "C": Code.CLEARANCE,
    "F": Code.FLASH_RED, "A": Code.FLASH_AMBER, "D": Code.DARK,
}  # fmt: skip
AGAIN_MS = 60_000
UNLIT = frozenset({Code.FLASH_RED, Code.FLASH_AMBER, Code.DARK})


@dataclass(slots=True)
class GroupPast:
    """What one group has shown, and who called it."""

    lamp: int = 0
    """A `Code`; 0 = never heard."""
    since_ms: int = 0
    changes: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=CHANGES_KEPT))
    """(ms, code)."""
    presses: deque[int] = field(default_factory=lambda: deque(maxlen=PRESSES_KEPT))
    called_ms: int = -1
    """Since when a call waits; -1 = none does, or it began before the record did."""
    calls_known_ms: int = -1
    """From here on it is known whether a call waits; -1 = not yet, since the last gap."""
    calls: deque[int] = field(default_factory=lambda: deque(maxlen=PRESSES_KEPT))
    waits: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=WAITS_KEPT))
    """(called, served)."""
    episodes: float = 0.0
    """Presses that were not the same person's again, older ones counting less."""
    others: float = 0.0
    """Such presses at all other crossings in the same time."""
    others_at_press: int = 0
    share: float = 0.0
    """Presses here for each one elsewhere, as of the last press; 0 = not known yet."""
    last_episode_ms: int = -EPISODE_MS
    five_ms: int = -1
    """When five presses in ten seconds were last a flag."""
    by_hour: deque[list[int]] = field(default_factory=lambda: deque(maxlen=24))
    """[hour, calls served, of them within the promise]."""

    def knows_calls(self, ms: int) -> None:
        """A call began or was served, or the group is green: what waits from now on is known."""
        if self.calls_known_ms < 0:
            self.calls_known_ms = ms


@dataclass(slots=True)
class JunctionPast:
    """What concerns the whole junction."""

    rung: int = -1
    rung_ms: int = 0
    lost: dict[int, int] = field(default_factory=dict)
    """Detector that is not believed: since when."""
    changed_ms: int = -1
    """When any of its lamps changed last."""


class SignalRecord:
    """Everything remembered of one street. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.heard_wall_ms = 0
        self.begin_ms = -1
        """From here on something is known; -1 = nothing yet."""
        self.groups: dict[int, dict[int, GroupPast]] = {}
        """Junction: group: its past."""
        self.junctions: dict[int, JunctionPast] = {}
        self.gaps: deque[tuple[int, int]] = deque(maxlen=GAPS_KEPT)
        self.breaks = 0
        """Gaps so far, the beginning included."""
        self.episodes = 0
        """At all crossings together."""
        self.promise_ms: dict[tuple[int, int], int] = {}
        """Set by the owner from the layout, for the count of promises kept."""
        self.five_presses: list[tuple[int, int, int]] = []
        """(ms, junction, group) of five presses in ten seconds, until somebody takes them."""
        self._unsaved: list[int] = []
        self._served_at: set[tuple[int, int]] = set()
        self._boot = b""
        self._seq = -1
        self._offset_ms = 0

    # --- hearing -----------------------------------------------------------------------

    def hear(self, message: Record, wall_ms: int) -> None:
        """A message of the station."""
        street_ms = message.street_ms
        if message.boot != self._boot:
            self._new_boot(message, wall_ms)
        elif message.seq <= self._seq:
            return
        elif message.seq != self._seq + 1:
            self._note((street_ms + self._offset_ms, 0, Code.GAP, 0))
        self._seq, self.heard_wall_ms = message.seq, wall_ms
        rows = message.rows
        for at in range(0, len(rows) - 3, 4):
            self._note((rows[at] + self._offset_ms, rows[at + 1], rows[at + 2], rows[at + 3]))
        self.now_ms = max(self.now_ms, street_ms + self._offset_ms)

    def tick(self, boot: bytes, street_ms: int, wall_ms: int) -> None:
        """The station lives, and its street stands at this time; nothing else is said."""
        if boot == self._boot:
            self.now_ms = max(self.now_ms, street_ms + self._offset_ms)
            self.heard_wall_ms = max(self.heard_wall_ms, wall_ms)

    def lamps(self, junction: int, letters: str, rung: int) -> None:
        """What a whole picture says: corrects what a gap has hidden, and is noted as seen now."""
        if self.begin_ms < 0:
            return
        for group, letter in enumerate(letters):
            code = LETTERS.get(letter)
            if code is not None and self.group(junction, group).lamp != code:
                self._note((self.now_ms, junction, code, group))
        if self.junction(junction).rung != rung:
            self._note((self.now_ms, junction, Code.RUNG + rung, 0))

    def silent(self) -> None:
        """The station fell silent: whatever happens until it is heard again is not known."""
        self._seq = -2

    def replay(self, rows: Sequence[int]) -> None:
        """Rows that `take_unsaved` gave out once, oldest first."""
        for at in range(0, len(rows) - 3, 4):
            self._take((rows[at], rows[at + 1], rows[at + 2], rows[at + 3]))
        self.five_presses.clear()
        self._served_at.clear()

    def take_unsaved(self) -> list[int]:
        """Rows since last asked, to be kept on the disk."""
        rows, self._unsaved = self._unsaved, []
        return rows

    def take_served(self) -> list[tuple[int, int]]:
        """(junction, group) of the groups whose count of kept promises has changed since last asked."""
        served, self._served_at = sorted(self._served_at), set()
        return served

    def forget(self) -> None:
        """Another street: nothing of before means anything."""
        fresh = SignalRecord()
        for name, value in vars(fresh).items():
            setattr(self, name, value)

    # --- asking ------------------------------------------------------------------------

    def group(self, junction: int, group: int) -> GroupPast:
        """The past of a group; empty where nothing was heard."""
        here = self.groups.setdefault(junction, {})
        if (past := here.get(group)) is None:
            past = here[group] = GroupPast()
        return past

    def junction(self, number: int) -> JunctionPast:
        """The past of a junction."""
        return self.junctions.setdefault(number, JunctionPast())

    def complete_since(self, begin_ms: int) -> bool:
        """Whether nothing is missing between then and now."""
        return 0 <= self.begin_ms <= begin_ms and not any(end_ms > begin_ms for _, end_ms in self.gaps)

    def known_from_ms(self) -> int:
        """Since when nothing is missing."""
        return max([self.begin_ms, *(end_ms for _, end_ms in self.gaps)])

    def expected_presses(self, junction: int, group: int) -> float:
        """How many people would have pressed since the last one did, by what is pressed elsewhere.

        0 while the share of this button is not known. Night and holidays make no button suspect:
        where nobody presses anywhere, none is expected here.
        """
        past = self.group(junction, group)
        return past.share * (self.episodes - past.others_at_press)

    def kept(self, junction: int, group: int) -> tuple[int, int]:
        """(calls served, of them within the promise) over the last day of the record."""
        oldest = self.now_ms // HOUR_MS - 23
        rows = [row for row in self.group(junction, group).by_hour if row[0] >= oldest]
        return sum(row[1] for row in rows), sum(row[2] for row in rows)

    def greens_since(self, junction: int, group: int, begin_ms: int) -> int:
        """Times the group became green (or walk) after `begin_ms`: cycles, as people count them."""
        return sum(code == Code.GREEN and ms > begin_ms for ms, code in self.group(junction, group).changes)

    def clock(self, record_ms: int) -> str:
        """The street's own clock at that time, `08:14`."""
        seconds = max(0, record_ms - self._offset_ms) // 1000
        return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}"

    # --- parts -------------------------------------------------------------------------

    def _new_boot(self, message: Record, wall_ms: int) -> None:
        away_ms = max(0, wall_ms - self.heard_wall_ms) if self.heard_wall_ms else 0
        self._boot = message.boot
        if self.begin_ms < 0:
            self._note((message.street_ms, 0, Code.GAP, 0))
            return
        if message.street_ms + self._offset_ms < self.now_ms:
            self._offset_ms = self.now_ms + away_ms - message.street_ms
        self._note((message.street_ms + self._offset_ms, 0, Code.GAP, 0))

    def _note(self, row: tuple[int, int, int, int]) -> None:
        self._unsaved += row
        self._take(row)

    def _take(self, row: tuple[int, int, int, int]) -> None:
        ms, number, code, parameter = row
        before_ms, self.now_ms = self.now_ms, max(self.now_ms, ms)
        if code == Code.GAP:
            self._gap(before_ms, ms)
        elif Code.RED <= code <= Code.DARK:
            past = self.group(number, parameter)
            if past.lamp != code:
                if past.lamp in UNLIT:
                    self._promise_again(ms, number)
                past.lamp, past.since_ms = code, ms
                past.changes.append((ms, code))
                if code == Code.GREEN:
                    past.knows_calls(ms)
                self.junction(number).changed_ms = ms
        elif code == Code.PRESSED:
            self._pressed(ms, number, parameter)
        elif code == Code.CALLED:
            past = self.group(number, parameter)
            past.calls.append(ms)
            past.knows_calls(ms)
            if past.called_ms < 0:
                past.called_ms = ms
        elif code == Code.SERVED:
            self._served(ms, number, parameter)
        elif code == Code.LOST:
            self.junction(number).lost.setdefault(parameter, ms)
        elif code == Code.FOUND:
            self.junction(number).lost.pop(parameter, None)
        elif Code.RUNG <= code <= Code.RUNG + RUNG_FLASH:
            junction = self.junction(number)
            junction.rung, junction.rung_ms = code - Code.RUNG, ms

    def _promise_again(self, ms: int, number: int) -> None:
        """While the junction flashed or was dark its promises rested (10.1): they run from now on."""
        for past in self.groups[number].values():
            if past.called_ms >= 0:
                past.called_ms = ms

    def _gap(self, before_ms: int, ms: int) -> None:
        self.breaks += 1
        if self.begin_ms < 0:
            self.begin_ms = ms
            return
        self.gaps.append((before_ms, ms))
        for here in self.groups.values():
            for past in here.values():
                past.called_ms = past.calls_known_ms = -1  # one may have been served meanwhile, one may wait
                past.others_at_press = self.episodes
        for junction in self.junctions.values():
            junction.changed_ms = ms

    def _pressed(self, ms: int, number: int, group: int) -> None:
        past = self.group(number, group)
        past.presses.append(ms)
        recent = [at for at in past.presses if at > ms - EPISODE_MS]
        # Whoever, or whatever, goes on pressing has not been helped by the first flag: another each minute.
        if len(recent) == 5 or (len(recent) > 5 and ms - past.five_ms >= AGAIN_MS):
            past.five_ms = ms
            self.five_presses.append((ms, number, group))
        new = ms - past.last_episode_ms >= EPISODE_MS
        past.last_episode_ms = ms
        if not new:
            return
        past.others += self.episodes - past.others_at_press
        past.episodes += 1
        self.episodes += 1
        past.others_at_press = self.episodes
        if past.episodes >= LEARNT_AFTER and past.others >= 1:
            past.share = past.episodes / past.others
        if past.episodes >= FORGET_AFTER:
            past.episodes, past.others = past.episodes / 2, past.others / 2

    def _served(self, ms: int, number: int, group: int) -> None:
        past = self.group(number, group)
        past.knows_calls(ms)
        if past.called_ms < 0:
            return
        past.waits.append((past.called_ms, ms))
        promise_ms = self.promise_ms.get((number, group), 0)
        if promise_ms:
            self._served_at.add((number, group))
            hour = ms // HOUR_MS
            if not past.by_hour or past.by_hour[-1][0] != hour:
                past.by_hour.append([hour, 0, 0])
            past.by_hour[-1][1] += 1
            past.by_hour[-1][2] += ms - past.called_ms <= promise_ms
        past.called_ms = -1


def rows_of(flat: Iterable[int]) -> list[tuple[int, int, int, int]]:
    """The fours of a flat list of rows."""
    numbers = list(flat)
    return [
        (numbers[k], numbers[k + 1], numbers[k + 2], numbers[k + 3]) for k in range(0, len(numbers) - 3, 4)
    ]
