"""What citizens' flags are on the wire: between the citizen process, the station and its consoles.

A flag holds no person: no name, account, address, device or place but the signal's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from override.bounds import NONCE_BYTES, exactly, items, text, whole
from override.requests import Header


class Kind(StrEnum):
    """What may be wrong: a closed list."""

    BUTTON_DEAD = "button-dead"
    WALK_SHORT = "walk-short"
    WAITED_LONG = "waited-long"
    STUCK = "stuck"
    DARK = "dark"
    """Dark, or flashing."""
    TURNED = "turned"
    """Turned the wrong way, or damaged."""
    GREEN_TOGETHER = "green-together"
    """Cars and walk green at the same time: urgent."""
    SOUND = "sound"
    """The sound for blind people is broken."""
    BUS_STUCK = "bus-stuck"
    OTHER = "other"


class FlagLife(StrEnum):
    """Where a flag stands."""

    RECEIVED = "received"
    KNOWN = "known"
    """Others said so before; it counts with theirs."""
    CONFIRMED = "confirmed"
    """The signal's own record agrees."""
    REMEDIED = "remedied"
    """Something safe is being done until it is mended."""
    WITH_A_PERSON = "with-a-person"
    FIXED = "fixed"
    NOT_CONFIRMED = "not-confirmed"
    REOPENED = "reopened"


class Channel(StrEnum):
    """By which way it came."""

    PAGE = "page"
    TEXT = "text"
    OPEN311 = "open311"
    COMMAND = "command"
    BUTTON = "button"
    OPERATOR = "operator"
    """Entered for a caller."""


class Presence(StrEnum):
    """What a flag said of the code that its pole shows for a while."""

    UNUSED = "unused"
    """The poles of this street show no such codes: every flag counts alike."""
    NONE = "none"
    """No code came with it: it counts where the signal's record or a person agrees."""
    CURRENT = "current"
    OLD = "old"
    """It was right once; it counts as none."""
    WRONG = "wrong"
    """It could not be matched; it counts as none."""


@dataclass(frozen=True, slots=True)
class FlagView:
    """One case: all flags of one kind at one crossing or junction, folded together."""

    flag: Annotated[str, text(32, 1)]
    junction: Annotated[str, text(shortest=1)]
    group: Annotated[str, text()]
    """The crossing; empty = the junction as a whole."""
    district: Annotated[str, text()]
    kind: Kind
    life: FlagLife
    count: Annotated[int, whole(low=1)]
    """Flags folded into it."""
    age_ms: Annotated[int, whole()]
    """Since the first of them, as of the delta or snapshot that tells of it."""
    urgent: bool = False
    evidence: Annotated[str, text(400)] = ""
    """What the signal's own record says, in words."""
    agrees: bool = False
    """Whether that record agrees with the flag."""
    remedy: Annotated[str, text(200)] = ""
    """What is being done, in words; empty = nothing."""
    order: Annotated[str, text()] = ""
    """The order by which it is done."""
    remedy_left_ms: Annotated[int, whole()] = 0
    crew: Annotated[str, text(16)] = ""
    """Work order: empty, sent, on-site, done."""
    why: Annotated[str, text(400)] = ""
    """Why it stands where it stands, as the citizen reads it."""


class FlagAction(StrEnum):
    """What a person may do with a case."""

    ACCEPT = "accept"
    REJECT = "reject"
    """Not confirmed; the reason is what the citizens read."""
    CREW_SENT = "crew-sent"
    CREW_ON_SITE = "crew-on-site"
    CREW_DONE = "crew-done"
    FIXED = "fixed"
    """Closed by a named role with a reason: the proof is theirs."""
    END_REMEDY = "end-remedy"


@dataclass(frozen=True, slots=True)
class FlagActRequest:
    """A person acts on a case. Answered by a `reply` when it is kept; then published under this topic
    on the picture endpoint, unsigned, again and again until the citizen process has named its nonce."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    flag: Annotated[str, text(32, 1)]
    action: FlagAction
    reason: Annotated[str, text(200)] = ""


@dataclass(frozen=True, slots=True)
class CasesRequest:
    """The citizen process tells the station all cases that are open or changed lately. Replaces the last."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    part: Annotated[int, whole(100)]
    parts: Annotated[int, whole(100, 1)]
    flags: Annotated[tuple[FlagView, ...], items(100)]
    handled: Annotated[tuple[str, ...], items(100)] = ()
    """Nonces (32 hexadecimal digits) of `flag-act`s that are done and kept: told again until named here."""


@dataclass(frozen=True, slots=True)
class FlagRequest:
    """Somebody says that something is wrong; to the flag endpoint of the citizen process."""

    nonce: Annotated[bytes, exactly(NONCE_BYTES)]
    """The same nonce is the same flag, however often it comes."""
    signal: Annotated[str, text(64, 1)]
    """Code on the pole (and what the pole shows now, `K7M4XR-9QYH4`), or name or title of the junction."""
    kind: Kind
    channel: Channel = Channel.COMMAND
    """For the sender's own use: whatever comes to the flag endpoint counts as `command`, one way of all."""
    words: Annotated[str, text(200)] = ""
    """Read by people until triage, then erased."""
    still: Annotated[str, text(64)] = ""
    """Token of an earlier flag that is still true."""


@dataclass(frozen=True, slots=True)
class FlagReply:
    """What the sender reads at once."""

    answers: Annotated[bytes, exactly(NONCE_BYTES)]
    accepted: bool
    token: Annotated[str, text(64)] = ""
    """Opens its status page; unguessable."""
    busy: bool = False
    retry_s: Annotated[int, whole(3600)] = 0
    code: Annotated[str, text()] = ""
    """Of a refusal, for programs."""
    why: Annotated[str, text(400)] = ""
    life: FlagLife = FlagLife.RECEIVED
    known_ms: Annotated[int, whole()] = 0
    """For how long it has been known."""
    remedy: Annotated[str, text(200)] = ""
    until_ms: Annotated[int, whole()] = 0
    """The remedy stands for so long from now."""
    presence: Presence = Presence.UNUSED
    """What its code said, where poles show one."""


@dataclass(frozen=True, slots=True)
class FlagStatusRequest:
    """How does it stand? Answered by a `flag-reply`; counts as nothing."""

    nonce: Annotated[bytes, exactly(NONCE_BYTES)]
    token: Annotated[str, text(64, 1)]
