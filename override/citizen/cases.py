"""The life of a case, as one frozen record and one literal table of what may follow what.

A case is all flags of one kind at one crossing (or junction), folded together. RECEIVED, KNOWN
(others said so too), CONFIRMED (the record agrees), REMEDIED (something safe is done), WITH A
PERSON, FIXED, NOT CONFIRMED (why), REOPENED. Nothing ends one but proof or a named role.
Times are wall clock milliseconds unless they are called record times.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

import msgpack  # type: ignore[import-untyped]

from override.citizen.pages import Step
from override.citizen.phrases import Phrase, say
from override.citizen.presence import Voice
from override.flag_messages import FlagLife, Kind

STEPS_MAX = 40
"""Steps of a case that are kept: the first, and the latest."""
WINDOW_MS = 600_000
"""Flags of one such window are not independent of each other (10.8)."""
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


RECEIVED = say("received")


class Event(StrEnum):
    """What can happen to a case."""

    ANOTHER = "another flag"
    AGREE = "the record agrees"
    REFUTE = "the record says otherwise"
    REMEDY = "a remedy acts"
    HAND = "handed to a person"
    PROVE = "the record proves it absent"
    SIGN = "a named role closes it"
    REJECT = "a named role does not confirm it"
    STILL = "somebody says that it is still so"


_R, _K, _C, _M = FlagLife.RECEIVED, FlagLife.KNOWN, FlagLife.CONFIRMED, FlagLife.REMEDIED
_P, _F, _N, _A = FlagLife.WITH_A_PERSON, FlagLife.FIXED, FlagLife.NOT_CONFIRMED, FlagLife.REOPENED

NEXT: dict[tuple[FlagLife, Event], FlagLife] = {
    (_R, Event.ANOTHER): _K,
    (_R, Event.AGREE): _C,
    (_R, Event.REFUTE): _N,
    (_R, Event.HAND): _P,
    (_R, Event.SIGN): _F,
    (_R, Event.REJECT): _N,
    (_R, Event.STILL): _K,
    (_K, Event.ANOTHER): _K,
    (_K, Event.AGREE): _C,
    (_K, Event.REFUTE): _N,
    (_K, Event.REMEDY): _M,
    (_K, Event.HAND): _P,
    (_K, Event.SIGN): _F,
    (_K, Event.REJECT): _N,
    (_K, Event.STILL): _K,
    (_C, Event.ANOTHER): _C,
    (_C, Event.REMEDY): _M,
    (_C, Event.HAND): _P,
    (_C, Event.PROVE): _F,
    (_C, Event.SIGN): _F,
    (_C, Event.REJECT): _N,
    (_C, Event.STILL): _C,
    (_M, Event.ANOTHER): _M,
    (_M, Event.AGREE): _M,
    (_M, Event.HAND): _P,
    (_M, Event.PROVE): _F,
    (_M, Event.SIGN): _F,
    (_M, Event.REJECT): _N,
    (_M, Event.STILL): _M,
    (_P, Event.ANOTHER): _P,
    (_P, Event.AGREE): _C,
    (_P, Event.REMEDY): _M,
    (_P, Event.HAND): _P,
    (_P, Event.PROVE): _F,
    (_P, Event.SIGN): _F,
    (_P, Event.REJECT): _N,
    (_P, Event.STILL): _P,
    (_F, Event.ANOTHER): _A,
    (_F, Event.STILL): _A,
    (_N, Event.ANOTHER): _A,
    (_N, Event.STILL): _A,
    (_A, Event.ANOTHER): _A,
    (_A, Event.AGREE): _C,
    (_A, Event.REMEDY): _M,
    (_A, Event.HAND): _P,
    (_A, Event.SIGN): _F,
    (_A, Event.REJECT): _N,
    (_A, Event.STILL): _A,
}
"""Nothing else is possible. What was reopened is never refuted by the record again: a person looks."""
CLOSED = frozenset({_F, _N})


class WrongStep(RuntimeError):
    """A step the table does not know: a mistake of ours, never of a flag."""


@dataclass(frozen=True, slots=True)
class Case:
    """One version of one case."""

    id: str
    junction: str
    group: str
    district: str
    kind: Kind
    first_ms: int
    changed_ms: int
    life: FlagLife = FlagLife.RECEIVED
    round_ms: int = 0
    """When it was first flagged, or flagged again after it was closed."""
    urgent: bool = False
    count: int = 1
    by_record: bool = False
    """Nobody flagged it: the record itself did, for those who do not report."""
    voices: int = 0
    """Flags that count without the record's word (`Voice.counts`), since a person or proof closed it."""
    windows: tuple[int, ...] = ()
    """Windows of WINDOW_MS in which those came, the latest eight."""
    channels: tuple[str, ...] = ()
    """Channels by which those came."""
    codes: tuple[int, ...] = ()
    """Windows of the codes that poles show, of those that came with one; the latest eight."""
    why: Phrase = RECEIVED
    steps: tuple[Step, ...] = ()
    agrees: bool = False
    evidence: Phrase | None = None
    records: tuple[Phrase, ...] = ()
    remedy: str = ""
    """Of `remedies.Remedy`; empty = nothing is done."""
    target: str = ""
    """Crossing or detector that the remedy is for."""
    by_reports: bool = False
    """The remedy rests on reports alone: shorter, and never renewed."""
    order: str = ""
    remedy_ms: int = 0
    """When the remedy began; a remedy given anew after a restart goes on from the first beginning."""
    until_ms: int = 0
    to_remedy_ms: int = -1
    """From the first flag of the round to the first remedy; -1 = none yet."""
    heard_ms: int = 0
    """Record time of the latest flag."""
    proof_from_ms: int = 0
    """Record time from which good cycles count as proof."""
    crew: str = ""
    by_person: str = ""
    """Role of the person who has taken it on; the record asks nobody else then."""
    closed_ms: int = 0

    @property
    def closed(self) -> bool:
        """Whether nobody waits for anything any more."""
        return self.life in CLOSED

    @property
    def place(self) -> tuple[str, str, Kind]:
        """What flags are folded by."""
        return self.junction, self.group, self.kind


def step(case: Case, event: Event, why: Phrase, wall_ms: int) -> Case:
    """The next version of a case. Raises WrongStep where the table has no such step."""
    if (life := NEXT.get((case.life, event))) is None:
        raise WrongStep(f"case {case.id}: {event} cannot happen to a case that is {case.life}")
    if life is case.life and why == case.why:
        return case
    steps = (*case.steps, Step(life, wall_ms, why))
    if len(steps) > STEPS_MAX:
        steps = (steps[0], *steps[-STEPS_MAX + 1 :])
    closed_ms = wall_ms if life in CLOSED else 0
    return replace(case, life=life, why=why, steps=steps, changed_ms=wall_ms, closed_ms=closed_ms)


def can(case: Case, event: Event) -> bool:
    """Whether the table has such a step."""
    return (case.life, event) in NEXT


def flagged(case: Case, voice: Voice, wall_ms: int) -> Case:
    """One flag more, counted; its life goes on by `step`.

    After a person's word, or proof that it was mended, the voices are counted anew.
    """
    if case.closed and (case.by_person or case.life is FlagLife.FIXED):
        case = replace(case, voices=0, windows=(), channels=(), codes=())
    case = replace(case, count=case.count + 1)
    if not voice.counts:
        return case
    codes = case.codes if voice.window < 0 else tuple(sorted({*case.codes, voice.window})[-8:])
    return replace(
        case,
        voices=case.voices + 1,
        windows=tuple(sorted({*case.windows, wall_ms // WINDOW_MS})[-8:]),
        channels=tuple(sorted({*case.channels, voice.channel.value})),
        codes=codes,
    )


def case_id(number: int) -> str:
    """Public id of the case with this number: five or more characters that nobody mistypes."""
    text = ""
    while number or len(text) < 5:
        number, digit = divmod(number, 32)
        text = CROCKFORD[digit] + text
    return "C" + text.upper()


# --- as it is stored -----------------------------------------------------------------------


def pack_case(case: Case) -> bytes:
    """A msgpack map of its fields, phrases as [code, [[name, value], ...]]."""
    data = {f.name: _plain(getattr(case, f.name)) for f in fields(case)}
    record: bytes = msgpack.packb(data)
    return record


def unpack_case(record: bytes) -> Case:
    """A case back from its record; fields that older versions did not have get their defaults."""
    data: dict[str, Any] = msgpack.unpackb(record)
    data["kind"], data["life"] = Kind(data["kind"]), FlagLife(data["life"])
    data.setdefault("voices", data["count"])
    for name in ("windows", "channels", "codes"):
        data[name] = tuple(data.get(name, ()))
    data["why"] = _phrase(data["why"])
    data["evidence"] = data["evidence"] and _phrase(data["evidence"])
    data["records"] = tuple(_phrase(one) for one in data["records"])
    data["steps"] = tuple(Step(FlagLife(life), ms, _phrase(why)) for life, ms, why in data["steps"])
    return Case(**data)


def _plain(value: Any) -> Any:
    if isinstance(value, Phrase):
        return [value.code, [list(pair) for pair in value.values]]
    if isinstance(value, Step):
        return [value.life.value, value.wall_ms, _plain(value.why)]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def _phrase(data: list[Any]) -> Phrase:
    return Phrase(data[0], tuple((name, value) for name, value in data[1]))
