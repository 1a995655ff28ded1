"""What citizens may read, as frozen records: a signal, a case, the open data, the data inventory.

Nothing here holds a person. Times are rounded to `ROUND_MS`, counts are None below `PUBLIC_K`.
Sentences are `Phrase`s: a code with values, to be said in any language.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from override.citizen.phrases import Phrase
from override.flag_messages import FlagLife, Kind

ROUND_MS = 300_000
"""Times that are shown to anybody are rounded down to five minutes of the wall clock."""
PUBLIC_K = 5
"""A number of people or reports below this is not published."""


class Showing(StrEnum):
    """What a signal shows now, for somebody on foot (or a driver, where it has no crossing)."""

    WALK = "walk"
    FINISH = "finish"
    """Finish crossing, do not start."""
    WAIT = "wait"
    FLASH = "flash"
    DARK = "dark"
    GREEN = "green"
    """A way of vehicles."""
    YELLOW = "yellow"
    UNKNOWN = "unknown"
    """Nothing was heard from it for so long that saying more would be a guess."""


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One crossing in a list."""

    pole: str
    """Code on its pole; never empty."""
    junction: str
    group: str
    title: str
    """Of the junction, for people."""
    crossing: str
    """Of the crossing, for people."""
    district: str
    showing: Showing
    open_cases: int = 0


@dataclass(frozen=True, slots=True)
class CaseRow:
    """An open case as a page of its signal lists it."""

    case: str
    """Public id."""
    kind: Kind
    life: FlagLife
    urgent: bool
    since_wall_ms: int
    """Rounded."""
    why: Phrase
    remedy: Phrase | None = None
    until_wall_ms: int = 0


@dataclass(frozen=True, slots=True)
class PolicyView:
    """Whose waiting counts how much, and what is promised."""

    version: int
    decided_by: str
    decided_on: str
    """ISO date."""
    rows: tuple[tuple[str, str], ...]
    """(name, value with unit)."""


@dataclass(frozen=True, slots=True)
class SignalPage:
    """All that the page of one signal needs. With an empty `group` it is that of a whole junction."""

    pole: str
    junction: str
    group: str
    title: str
    crossing: str
    district: str
    showing: Showing
    since_s: int
    """How long it has shown that; 0 when unknown."""
    heard_s: int
    """Seconds since the station was last heard."""
    called: bool
    """Somebody has pressed, or is believed to wait."""
    waited_s: int
    """Age of the oldest call that was not yet served."""
    promise_s: int
    """No call waits longer than this; 0 when nothing is promised here."""
    kept_percent: int | None
    """Share of calls served within the promise over the last day; None below `PUBLIC_K` calls."""
    calls: int | None
    """How many calls that is, rounded down to a multiple of `PUBLIC_K`."""
    why: Phrase
    """Why it shows what it shows."""
    sentence: str
    """The controller's own sentence for citizens about its last decision, in English; may be empty."""
    policy: PolicyView
    cases: tuple[CaseRow, ...] = ()
    crossings: tuple[SignalRow, ...] = ()
    """All crossings of the junction."""
    shows_code: bool = False
    """Its pole shows a code for a while, by which people tell that they are there."""
    button: bool = True
    """People call it by a button; False where there is none to press."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a case's life."""

    life: FlagLife
    wall_ms: int
    """Rounded."""
    why: Phrase


@dataclass(frozen=True, slots=True)
class CasePage:
    """One case, as its status page has it."""

    case: str
    """Public id, as in the open data and as Open311's service_request_id."""
    kind: Kind
    life: FlagLife
    urgent: bool
    pole: str
    """Empty when it is about a junction as a whole."""
    junction: str
    group: str
    title: str
    crossing: str
    district: str
    known_since_wall_ms: int
    """Rounded."""
    changed_wall_ms: int
    """Rounded."""
    reports: int | None
    """How many said so; None below `PUBLIC_K`."""
    why: Phrase
    """Why it stands where it stands."""
    steps: tuple[Step, ...]
    """Oldest first."""
    evidence: Phrase | None = None
    """What the signal's own record says."""
    records: tuple[Phrase, ...] = ()
    """The records that rests on."""
    remedy: Phrase | None = None
    """What is done now."""
    until_wall_ms: int = 0
    """Until when, unless it is prolonged; rounded up; 0 = nothing is done."""
    crew: Phrase | None = None
    mine: bool = False
    """It was asked for with the token of a flag: `still` may be said."""
    closed: bool = False


@dataclass(frozen=True, slots=True)
class OpenSignal:
    """The state of one signal in the public feed."""

    junction: str
    title: str
    district: str
    state: str
    """normal, fixed-plan, flash, dark, dark-by-report, unknown."""
    since_wall_ms: int
    """Rounded; 0 = unknown."""
    rung: int
    """Of the ladder, 0 best to 5 flash; -1 = unknown."""
    x_m: int = 0
    y_m: int = 0
    poles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Cases of one kind in one district over the last 30 days. None = below `PUBLIC_K`."""

    district: str
    kind: Kind
    cases: int | None
    reports: int | None
    open_cases: int | None
    fixed: int | None
    not_confirmed: int | None
    to_remedy_s: int | None
    """Median from the first report to the safe remedy."""


@dataclass(frozen=True, slots=True)
class OpenData:
    """The public feed."""

    at_wall_ms: int
    street: str
    signals: tuple[OpenSignal, ...]
    outcomes: tuple[Outcome, ...]
    policy: PolicyView


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """One column of what is kept, for `belisha privacy` and its page."""

    table: str
    column: str
    what: str
    why: str
    where: str
    kept: str
    """How long."""
    readers: str
