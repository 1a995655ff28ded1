"""The audit: a chain of records that cannot be cut, reordered or altered unseen (rules 5.8, A23).

Link i is SHA-256(0x00 || link i-1 || record i). The station signs a head (index, link) now and
then; a witness with a key of its own keeps the heads somewhere else, so that a chain made
anew, or cut short, does not fit. Free text is not in it, only a salted hash: the text lies in
one table that may be erased.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgpack  # type: ignore[import-untyped]
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from override.keys import Secret

GENESIS = bytes(32)
HEAD_CONTEXT = b"belisha audit head 1\0"
WITNESS_CONTEXT = b"belisha audit witness 1\0"
HEAD_EVERY = 1000
"""A head after so many records, or so much time (rules 5.8)."""
HEAD_EVERY_MS = 60_000


def link(before: bytes, record: bytes) -> bytes:
    """The next link of the chain."""
    return hashlib.sha256(b"\0" + before + record).digest()


def text_hash(salt: bytes, text: str) -> bytes:
    """What the chain says of a free text: it can be proved, and not be read."""
    return hashlib.sha256(salt + text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened (SR 2.8: when, who, category, type, id, result)."""

    now_ms: int
    """Monotonic clock of the station."""
    wall_ms: int
    actor: str
    kind: str
    """request, refusal, order, revocation, alarm, start, cut, ..."""
    what: str
    """Of an order its command, of an alarm its code."""
    order: str
    result: str
    junctions: tuple[str, ...] = ()
    cosigner: str = ""
    digest: bytes = b""
    """Of the request's bytes."""
    before: str = ""
    after: str = ""
    """Life of the order before and after."""
    text_id: int = 0
    text_hash: bytes = b""

    def packed(self) -> bytes:
        """The record as it stands in the chain: a msgpack list in the order of the fields."""
        fields = [getattr(self, name) for name in self.__slots__]
        record: bytes = msgpack.packb([list(f) if isinstance(f, tuple) else f for f in fields])
        return record


def entry_of(record: bytes) -> Entry:
    """An entry back from its record. Raises ValueError."""
    try:
        fields: list[Any] = msgpack.unpackb(record)
        fields[7] = tuple(fields[7])
        return Entry(*fields)
    except (ValueError, TypeError, IndexError, msgpack.UnpackException):
        raise ValueError("not a record of the audit") from None


@dataclass(frozen=True, slots=True)
class Head:
    """The station's word on the chain up to a record."""

    index: int
    """Number of the last record in it, from 1."""
    link: bytes
    wall_ms: int
    signature: bytes

    def statement(self) -> bytes:
        """What is signed."""
        return HEAD_CONTEXT + struct.pack("<QQ", self.index, self.wall_ms) + self.link


def sign_head(station: Secret, index: int, last: bytes, wall_ms: int) -> Head:
    """A head signed by the station's own key."""
    unsigned = Head(index, last, wall_ms, b"")
    return Head(index, last, wall_ms, station.sign(unsigned.statement()))


def head_is_signed(head: Head, station_public: bytes) -> bool:
    """Whether the station signed exactly this."""
    return _signed(station_public, head.statement(), head.signature)


def _signed(public: bytes, statement: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(public).verify(statement, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Attestation:
    """A head as the witness saw it, under the witness's own signature."""

    head: Head
    signature: bytes

    def signed_by(self, witness_public: bytes) -> bool:
        """Whether the witness signed exactly this."""
        return _signed(witness_public, WITNESS_CONTEXT + self.head.statement(), self.signature)


class Witness:
    """Keeps the newest head on another path and never goes back. One a station."""

    def __init__(self, secret: Secret, station_public: bytes, last: Attestation | None = None) -> None:
        self._secret = secret
        self._station_public = station_public
        self.last = last

    def attest(self, head: Head, links_since: Iterable[bytes]) -> Attestation:
        """Take a new head; `links_since` are the records after the last head this witness saw.

        Raises ValueError when the chain does not grow out of the one it knows.
        """
        if not head_is_signed(head, self._station_public):
            raise ValueError("the head is not signed by the station")
        index, chain = (self.last.head.index, self.last.head.link) if self.last else (0, GENESIS)
        for record in links_since:
            chain = link(chain, record)
            index += 1
        if (index, chain) != (head.index, head.link):
            raise ValueError(f"the chain up to {head.index} does not continue the one seen before")
        self.last = Attestation(head, self._secret.sign(WITNESS_CONTEXT + head.statement()))
        return self.last


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the whole audit found."""

    records: int
    heads: int
    faults: tuple[str, ...]
    """One plain sentence each; empty = nothing is wrong."""


def verify(
    rows: Iterable[tuple[int, bytes, bytes]],
    heads: Iterable[Head],
    attestations: Iterable[Attestation],
    station_public: bytes,
    witness_public: bytes,
) -> Verdict:
    """Check a chain of (index, record, link) against itself, its heads and the witness.

    Finds records deleted, altered, put in another order, slipped in, and a chain cut short
    or made anew: a head or attestation then names a record that is not there or is another.
    """
    faults: list[str] = []
    links = {0: GENESIS}
    before, last = GENESIS, 0
    for index, record, stored in rows:
        if index != last + 1:
            faults.append(f"record {last + 1} is missing: {index} follows {last}")
        if link(before, record) != stored:
            faults.append(f"record {index} does not fit the chain: it, or what came before it, was altered")
        links[index] = before = stored
        last = index
    count = 0
    for name, head, genuine in _claims(heads, attestations, station_public, witness_public):
        count += 1
        if not genuine:
            faults.append(f"the {name} of record {head.index} is not genuinely signed")
        elif head.index > last:
            faults.append(f"the {name} knows record {head.index}, the chain ends at {last}: it was cut short")
        elif links.get(head.index) != head.link:
            faults.append(f"the {name} of record {head.index} does not fit: the chain was made anew")
    return Verdict(last, count, tuple(faults))


def _claims(
    heads: Iterable[Head], attestations: Iterable[Attestation], station_public: bytes, witness_public: bytes
) -> Iterator[tuple[str, Head, bool]]:
    for head in heads:
        yield "signed head", head, head_is_signed(head, station_public)
    for attestation in attestations:
        genuine = attestation.signed_by(witness_public) and head_is_signed(attestation.head, station_public)
        yield "witness", attestation.head, genuine
