"""Whether a proposed version may come onto the street: proved as at import, held against the monitor's card.

Runs beside the gateway (in the forecaster's process), since a large street takes seconds to read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgpack  # type: ignore[import-untyped]

from controller.junction import StreetNetwork
from controller.policy import Policy
from controller.street_file import street_to_text
from override.deploy_messages import VersionState, Way
from override.keys import Identity
from override.street_change import ChangeRefused, StreetChange, compared, prove
from override.version import BASELINE, Builder, Read, Version, is_signed, version_of, way_down
from override.version_book import VersionBook

CHECK = b"K"
"""First byte of question and answer on the forecaster's line."""
CardDigest = Callable[[StreetNetwork], str]
"""The digest of the card a monitor would hold for this street, from the ground. Raises ValueError."""


@dataclass(frozen=True)
class Installation:
    """The street, policy and ground a station begins with, and the file its versions lie in."""

    street: StreetNetwork
    policy: Policy
    file: Path
    card_digest: CardDigest

    def builder(self) -> Builder:
        """Makes streets of versions from the file."""
        return Builder(self.street, self.policy, stored(self.file))

    def signed(self, number: int, people: Callable[[str], Identity | None]) -> tuple[StreetNetwork, Policy]:
        """Street and policy of a version, of the very bytes whose signatures were checked. Raises as
        `check_signed`, ChangeRefused also where a content does not fit."""
        lies = {version.number: (version, content) for version, content in
                check_signed(stored(self.file), number, people)}  # fmt: skip
        return Builder(self.street, self.policy, lies.__getitem__).build(number)


def stored(file: Path) -> Read:
    """Reads versions from a station's file, whoever else writes to it."""

    def read(number: int) -> tuple[Version, bytes]:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5.0)) as database:
            row = database.execute(
                "SELECT record, content FROM versions WHERE number=?", (number,)
            ).fetchone()
        if row is None:
            raise KeyError(number)
        return version_of(row[0]), bytes(row[1])

    return read


def number_to_begin(installation: Installation) -> int:
    """The version a station starts with: the one in force, or a baseline where the street is another."""
    digest = street_digest(installation.street)
    try:
        with closing(sqlite3.connect(f"file:{installation.file}?mode=ro", uri=True, timeout=5.0)) as database:
            records = database.execute("SELECT record FROM versions").fetchall()
    except sqlite3.Error:
        return BASELINE
    book = VersionBook((version_of(record) for (record,) in records), lambda name: None)
    new = book.begin(digest, 0)
    return new[-1].number if new else book.in_force.number


def street_digest(street: StreetNetwork) -> bytes:
    """What a baseline is known by."""
    return sha256(street_to_text(street).encode()).digest()


def check(installation: Installation, number: int) -> StreetChange:
    """What a version changes. Raises ChangeRefused in words."""
    builder = installation.builder()
    version, _ = stored(installation.file)(number)
    old, new = builder.build(version.base), builder.build(number)
    prove(new[0])
    try:
        same = installation.card_digest(old[0]) == installation.card_digest(new[0])
    except ValueError as error:
        raise ChangeRefused(str(error)) from None
    change = compared(old, new, same)
    if not change.words:
        raise ChangeRefused(f"it changes nothing of version {version.base}")
    return change


def check_signed(
    read: Read, number: int, people: Callable[[str], Identity | None]
) -> list[tuple[Version, bytes]]:
    """Whether this version may come onto the street: agreed to, and signed as it lies there by two people, or
    by one who broke the glass; and so all that it is made of.

    `people` gives who has a name, or had it: under what is or was in force a signature still counts whose key
    was revoked since. Gives what was checked, itself first. Raises ChangeRefused; KeyError where a version
    is missing.
    """
    found = way_down(read, number)
    for version, _ in found:
        first = version.number == number
        proved = (VersionState.IN_FORCE, VersionState.ADOPTING if first else VersionState.FORMER)
        if version.state not in proved:
            raise ChangeRefused(f"version {version.number} is {version.state}: nobody may have it")
        if version.base:
            _check_people(version, people, version.state is VersionState.ADOPTING)
    return found


def _check_people(version: Version, people: Callable[[str], Identity | None], today: bool) -> None:
    """Whether two people signed it, or one who broke the glass. Raises ChangeRefused."""
    signed = {version.proposer: version.signature}
    if not version.glass:
        signed[version.second] = version.second_signature
        if len(signed) < 2:
            raise ChangeRefused(f"version {version.number} was not agreed to by a second person")
    for name, signature in signed.items():
        who = people(name)
        counts = who is not None and not (today and who.revoked)
        if who is None or not counts or not is_signed(who.sign_public, version.digest, signature):
            raise ChangeRefused(
                f"version {version.number} does not carry the signature of {name or 'anybody'}"
            )


def answer_check(installation: Installation, message: bytes) -> bytes:
    """The answer to a question on the line; whatever goes wrong is a refusal in words."""
    number = msgpack.unpackb(message[1:])
    try:
        change = check(installation, number)
        body = [number, str(change.way), list(change.junctions), list(change.words), ""]
        body.append(list(change.restaged))
    except Exception as error:  # a file of somebody's must not end the process
        body = [number, "", [], [], " ".join(str(error).split())[:400] or type(error).__name__, []]
    packed: bytes = msgpack.packb(body)
    return CHECK + packed


def change_of(message: bytes) -> tuple[int, StreetChange | None, str]:
    """(version, what it changes, why not) back from the line."""
    number, way, junctions, words, why, restaged = msgpack.unpackb(message[1:])
    if why:
        return number, None, why
    return number, StreetChange(Way(way), tuple(junctions), tuple(words), tuple(restaged)), ""
