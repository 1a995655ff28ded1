"""What people ask of, and are told about, versions of a street's plans, policy, detectors and timings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from override.bounds import DIGEST_BYTES, NONCE_BYTES, REASON_CHARACTERS, Bounds, exactly, items, text, whole
from override.requests import Header

PART_BYTES, PARTS_MAX = 3_500, 16
CONTENT_BYTES_MAX = PART_BYTES * PARTS_MAX
"""Of a proposal, compressed; a few dozen junctions at a time."""
SIGNATURE_BYTES = 64
JUNCTIONS_TOLD_MAX = 32
WORDS_MAX, LINE_CHARACTERS = 40, 200
VERSIONS_PER_PAGE = 16


class DeployAction(StrEnum):
    """What a person may do about versions."""

    PROPOSE = "propose"
    APPROVE = "approve"
    REFUSE = "refuse"
    ROLLBACK = "rollback"
    """Back to the version before the one in force, or to one that is named."""
    BASELINE = "baseline"
    """Back to the version the installation began with."""


class VersionState(StrEnum):
    """Where a version stands."""

    CHECKING = "checking"
    PROPOSED = "proposed"
    """Found good; waits for the second person."""
    REFUSED = "refused"
    ADOPTING = "adopting"
    IN_FORCE = "in force"
    FORMER = "former"
    """Was in force, and is kept."""
    RETURNED = "returned"
    """Could not be taken up, or did not prove itself: the one before is in force."""


class Way(StrEnum):
    """How a version comes onto the street."""

    LIVE = "live"
    """Junction by junction, no lamp notices."""
    IN_TURN = "in turn"
    """Other stages, or times on the monitor's card: each junction through all red and flash, others go on."""
    FLASH = "flash"
    """What cannot be taken up otherwise: every junction goes through flash and begins anew."""


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """Somebody wants another version, or agrees to one. Answered by a `reply`."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    action: DeployAction
    number: Annotated[int, whole()] = 0
    """Approve, refuse: which version. Rollback: to which; 0 = the one before."""
    base: Annotated[int, whole()] = 0
    """Number of the version in force that the sender saw."""
    digest: Annotated[bytes, Bounds(0, DIGEST_BYTES)] = b""
    """SHA-256 of the content that came in parts before, or of the version asked for."""
    signature: Annotated[bytes, Bounds(0, SIGNATURE_BYTES)] = b""
    """Ed25519 over `belisha version 1`, a zero byte and the digest; it is kept with the version for ever."""
    reason: Annotated[str, text(REASON_CHARACTERS)] = ""
    break_glass: bool = False
    """Supervisors, to go back only: alone, with an alarm everywhere."""


@dataclass(frozen=True, slots=True)
class VersionPart:
    """Part of what shall be proposed; sent before the proposal, answered by a `reply`.

    The whole is zlib of a msgpack list of two texts: junctions of a street file, and a policy file.
    """

    header: Header
    issuer: Annotated[str, text(32, 1)]
    digest: Annotated[bytes, exactly(DIGEST_BYTES)]
    """SHA-256 of the whole."""
    part: Annotated[int, whole(PARTS_MAX - 1)]
    parts: Annotated[int, whole(PARTS_MAX, 1)]
    data: Annotated[bytes, Bounds(1, PART_BYTES)]


@dataclass(frozen=True, slots=True)
class VersionsRequest:
    """Ask which versions there are. Answered by `versions`."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    number: Annotated[int, whole()] = 0
    """0 = the latest ones."""


@dataclass(frozen=True, slots=True)
class StreetRequest:
    """Ask for some junctions as the version in force has them, and for its policy. Answered by `street`."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    junctions: Annotated[tuple[str, ...], items(JUNCTIONS_TOLD_MAX)] = ()


@dataclass(frozen=True, slots=True)
class StreetFile:
    """What a proposal begins with: the same two texts, packed in the same way."""

    number: Annotated[int, whole()]
    """The version in force."""
    content: Annotated[bytes, Bounds(0, CONTENT_BYTES_MAX)]
    answers: Annotated[bytes, exactly(NONCE_BYTES)] = bytes(NONCE_BYTES)
    """Nonce of the request."""


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version."""

    number: Annotated[int, whole()]
    digest: Annotated[bytes, exactly(DIGEST_BYTES)]
    state: VersionState
    way: Way
    base: Annotated[int, whole()]
    """The version in force when it was proposed."""
    proposer: Annotated[str, text(32)]
    second: Annotated[str, text(32)] = ""
    wall_ms: Annotated[int, whole()] = 0
    """When it was proposed."""
    returns_to: Annotated[int, whole()] = 0
    """It is a former version again; 0 = it is new."""
    junctions: Annotated[int, whole()] = 0
    """How many differ from the base."""
    adopted: Annotated[int, whole()] = 0
    """At how many of them it is followed already."""
    reason: Annotated[str, text(REASON_CHARACTERS)] = ""
    why: Annotated[str, text(400)] = ""
    """It was refused or returned, or what it waits for."""
    words: Annotated[tuple[str, ...], items(WORDS_MAX, 0, LINE_CHARACTERS)] = ()
    """What differs from the base; only where one version is asked for."""
    forecast: Annotated[str, text(400)] = ""
    """What it would do to people, as it was when it was proposed."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of this installation, the newest first."""

    in_force: Annotated[int, whole()]
    versions: Annotated[tuple[VersionView, ...], items(VERSIONS_PER_PAGE)] = ()
    answers: Annotated[bytes, exactly(NONCE_BYTES)] = bytes(NONCE_BYTES)
    """Nonce of the request."""
    weights: Annotated[tuple[str, ...], items(16, 0, LINE_CHARACTERS)] = ()
    """Of the policy in force, `persons_per_bus=30`; empty = the station does not say."""
