"""A version of a street's plans, policy, detectors and timings: signed, kept, built from the baseline on.

What people propose is only what differs from the version they saw, so that a street is built from the
baseline, which the installation began with, and every step after it. Contents are never changed nor
thrown away: each is known by its digest, which two people have signed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import msgpack  # type: ignore[import-untyped]
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from override.deploy_messages import VersionState, Way
from override.refused import Refused

if TYPE_CHECKING:
    from controller.junction import StreetNetwork
    from controller.policy import Policy

CONTEXT = b"belisha version 1\0"
TEXT_BYTES_MAX = 4_000_000
BASELINE = 1
"""Number of the version an installation begins with."""
STATION = "station"


@dataclass(frozen=True, slots=True)
class Version:
    """One version as it is kept."""

    number: int
    digest: bytes
    """SHA-256 of its content; of a baseline, of the whole street."""
    state: VersionState
    way: Way = Way.LIVE
    base: int = 0
    """The version it was made from, and replaced when it came into force."""
    proposer: str = STATION
    signature: bytes = b""
    """Over `statement(digest)`."""
    second: str = ""
    second_signature: bytes = b""
    glass: bool = False
    """Nobody agreed; a supervisor broke the glass."""
    wall_ms: int = 0
    returns_to: int = 0
    """It is that version again."""
    junctions: tuple[str, ...] = ()
    """Those that differ from the base."""
    restaged: tuple[str, ...] = ()
    """Those of them with other stages."""
    words: tuple[str, ...] = ()
    forecast: str = ""
    """What it would do to people, when it was proposed."""
    why: str = ""
    text_id: int = 0
    """Of the reason given, which may be erased."""

    def packed(self) -> bytes:
        """As it is stored."""
        data = asdict(self) | {"state": str(self.state), "way": str(self.way)}
        if not self.restaged:
            del data["restaged"]  # an older program knows nothing of it
        record: bytes = msgpack.packb(data)
        return record


def version_of(record: bytes) -> Version:
    """A version back from its record."""
    data = msgpack.unpackb(record)
    data |= {"state": VersionState(data["state"]), "way": Way(data["way"])}
    data |= {"junctions": tuple(data["junctions"]), "words": tuple(data["words"])}
    data["restaged"] = tuple(data.get("restaged", ()))
    return Version(**data)


def statement(digest: bytes) -> bytes:
    """What proposer and second person sign."""
    return CONTEXT + digest


def is_signed(public: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether the holder of this key signed exactly this version."""
    try:
        VerifyKey(public).verify(statement(digest), signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def pack_content(street: str, policy: str) -> tuple[bytes, bytes]:
    """(content, its digest) of the text of a street file and of a policy file; either may be empty."""
    content = zlib.compress(msgpack.packb([street, policy]), 9)
    return content, hashlib.sha256(content).digest()


def unpack_content(content: bytes) -> tuple[str, str]:
    """Both texts. Raises Refused for anything else."""
    if not content:
        return "", ""
    try:
        opened = zlib.decompressobj()
        packed = opened.decompress(content, TEXT_BYTES_MAX)
        if opened.unconsumed_tail or not opened.eof:
            raise Refused("size", f"a proposal of more than {TEXT_BYTES_MAX} characters")
        street, policy = msgpack.unpackb(packed, max_array_len=2, max_map_len=0)
    except (zlib.error, ValueError, TypeError, msgpack.UnpackException):
        raise Refused("format", "a proposal that cannot be unpacked") from None
    if not isinstance(street, str) or not isinstance(policy, str):
        raise Refused("format", "a proposal is two texts")
    return street, policy


Read = Callable[[int], tuple[Version, bytes]]
"""Gives a version and its content by its number. Raises KeyError."""


class Builder:
    """Makes the street and policy of any version, from the baseline on."""

    def __init__(self, street: StreetNetwork, policy: Policy, read: Read) -> None:
        self.street, self.policy, self._read = street, policy, read

    def build(self, number: int) -> tuple[StreetNetwork, Policy]:
        """Street and policy. Raises ChangeRefused where a content does not fit or is not what was signed."""
        from override.street_change import with_content

        street, policy = self.street, self.policy
        for version, content in reversed(way_down(self._read, number)):
            if version.base and not version.returns_to:
                street, policy = with_content(street, policy, content)
        return street, policy


def way_down(read: Read, number: int) -> list[tuple[Version, bytes]]:
    """The version and all that it is made of, down to its baseline, each with its content.

    Raises ChangeRefused where a content is not the one its version is known by, or one made of others is not
    what it says it returns to; KeyError where one is missing.
    """
    from override.street_change import ChangeRefused

    found: list[tuple[Version, bytes]] = []
    below = number
    while True:
        version, content = read(below)
        if version.number != below or (found and below >= found[-1][0].number):
            raise ChangeRefused(f"version {below} lies where another belongs")
        if found and found[-1][0].returns_to and found[-1][0].digest != version.digest:
            raise ChangeRefused(f"version {found[-1][0].number} does not return to what was signed")
        found.append((version, content))
        if not version.base:
            return found
        if not version.returns_to and hashlib.sha256(content).digest() != version.digest:
            raise ChangeRefused(f"version {below} is not what was signed")
        below = version.returns_to or version.base


def moved(version: Version, state: VersionState, why: str = "") -> Version:
    """The version in another state."""
    return replace(version, state=state, why=why[:400])
