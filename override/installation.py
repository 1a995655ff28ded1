"""Whether a station could be started here, or runs as it should: keys, storage, endpoints, clock, disk.

Everything is looked at, nothing is changed; each finding is a sentence with what to do.
"""

from __future__ import annotations

import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from controller.file_words import named
from override.audit_file import check_file
from override.keys import Keyring, KeysError, read_people, read_secret
from override.roles import DRIVERS, Role
from override.sockets import SocketsError, check_version, stranger_is_refused
from override.storage import Storage, StorageError

LITTLE_BYTES, LEAST_BYTES = 2_000_000_000, 200_000_000
"""Of disk: a month of orders and audit fits the first; below the second the end is near."""
EARLIEST_WALL_MS = 1_735_689_600_000
"""1 January 2025: no station of this version can run before."""
TIMESYNC = Path("/") / "run" / "systemd" / "timesync" / "synchronized"


class Grade(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    LOOK = "look"
    """It would start; somebody should look at it."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    part: str
    grade: Grade
    sentence: str

    def to_json(self) -> dict[str, str]:
        """Plain values for scripts."""
        return {"part": self.part, "grade": str(self.grade), "sentence": self.sentence}


def check_installation(keys: Path, file: Path, endpoints: tuple[str, ...], wall_ms: int) -> list[Finding]:
    """All findings, in the order in which a start would meet them."""
    found = list(_keys(keys))
    found += _storage(keys, file, wall_ms)
    found += [_endpoint(endpoint, keys) for endpoint in endpoints]
    found.append(_clock(wall_ms))
    found.append(_disk(file))
    found.append(_library())
    return found


def _wrong(part: str, look: Callable[[], str]) -> Finding:
    """What `look` says, or why it could not."""
    try:
        return Finding(part, Grade.OK, look())
    except (KeysError, StorageError, SocketsError, OSError) as error:
        return Finding(part, Grade.WRONG, named(error))


def _keys(folder: Path) -> Iterator[Finding]:
    def ring() -> str:
        people = [p for p in Keyring(folder) if p.role is not None and not p.revoked]
        secret = read_secret(folder / "station.key")
        ours = next((p for p in Keyring(folder) if p.name == "station"), None)
        if ours is None or ours.curve_public != secret.curve_public:
            raise KeysError(f"{folder / 'station.key'}: not the station's key of people.toml")
        return f"{folder}: the station's own key and {len(people)} of people and programs"

    found = _wrong("keys", ring)
    yield found
    if found.grade is not Grade.OK:
        return
    valid = [p for p in read_people(folder) if p.role is not None and not p.revoked]
    roles = [p.role for p in valid]
    if not DRIVERS & set(roles):
        yield Finding(
            "keys", Grade.WRONG, f"{folder}: nobody is operator or supervisor: nobody could give orders"
        )
    if sum(role in (Role.SUPERVISOR, Role.ENGINEER) for role in roles) < 2:
        yield Finding(
            "keys",
            Grade.LOOK,
            f"{folder}: fewer than two supervisors or engineers: lockout and the reset of a trip need two",
        )
    if Role.CITIZEN_GATEWAY not in roles:
        yield Finding("keys", Grade.LOOK, f"{folder}: no citizen-gateway: nobody hears citizens' flags")
    private = [path for path in sorted(folder.glob("*.key")) if path.stem not in ("station", "witness")]
    named = {p.name for p in valid}
    if lying := [path.name for path in private if path.stem in named]:
        sentence = f"{folder}: private keys of people lie here still ({', '.join(lying[:5])}): hand them over"
        yield Finding("keys", Grade.LOOK, sentence)


def _storage(keys: Path, file: Path, wall_ms: int) -> Iterator[Finding]:
    if not file.exists():
        there = file.absolute().parent.is_dir()
        sentence = f"{file}: is made at the first start" if there else f"{file.parent}: no such folder"
        yield Finding("storage", Grade.OK if there else Grade.WRONG, sentence)
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        yield Finding("storage", Grade.WRONG, f"{file}: mode {mode:o}; others can read it; use chmod 600")

    def holds() -> str:
        verdict = check_file(file, keys, None)
        if verdict.faults:
            raise StorageError(f"{file}: {verdict.faults[0]} (belisha audit verify tells all)")
        return f"{file}: {verdict.records} records in a chain that holds, {verdict.heads} heads signed"

    found = _wrong("storage", holds)
    yield found
    if found.grade is Grade.OK:
        storage = Storage(file)
        last_ms = max((head.wall_ms for head in storage.heads()), default=0)
        orders = len(storage.unfinished())
        storage.close()
        if last_ms > wall_ms + 60_000:
            yield Finding(
                "clock", Grade.WRONG, f"{file}: its newest head is from the future: the clock is behind"
            )
        if orders:
            yield Finding("storage", Grade.OK, f"{file}: {orders} orders live or wait")


def _endpoint(endpoint: str, keys: Path) -> Finding:
    host, colon, port = endpoint.removeprefix("tcp://").rpartition(":")
    if not endpoint.startswith("tcp://") or not colon or not port.isdigit():
        return Finding("endpoint", Grade.WRONG, f"{endpoint}: tcp://HOST:PORT is needed")
    try:
        with socket.create_server((host if host != "*" else "0.0.0.0", int(port))):
            pass
    except OSError as error:
        if error.errno not in (98, 48):
            return Finding("endpoint", Grade.WRONG, f"{endpoint}: cannot be bound ({error.strerror})")
    else:
        return Finding("endpoint", Grade.OK, f"{endpoint}: free")
    try:
        public = read_secret(keys / "station.key").curve_public
    except (KeysError, OSError):
        return Finding("endpoint", Grade.WRONG, f"{endpoint}: taken by another program")
    if stranger_is_refused(endpoint.replace("//*:", "//127.0.0.1:"), public):
        return Finding("endpoint", Grade.OK, f"{endpoint}: a station runs there, and refuses strangers")
    return Finding("endpoint", Grade.WRONG, f"{endpoint}: taken by something that is not this station")


def _clock(wall_ms: int) -> Finding:
    if wall_ms < EARLIEST_WALL_MS:
        return Finding("clock", Grade.WRONG, "the clock is before 2025: set it, orders carry its time")
    if not TIMESYNC.exists():
        sentence = "nothing says that the clock is kept in step (systemd-timesyncd does not run)"
        return Finding("clock", Grade.LOOK, sentence)
    return Finding("clock", Grade.OK, "the clock is kept in step")


def _disk(file: Path) -> Finding:
    folder = file.absolute().parent
    if not folder.is_dir():
        return Finding("disk", Grade.WRONG, f"{folder}: no such folder")
    free = shutil.disk_usage(folder).free
    sentence = f"{folder}: {free / 1e9:.1f} GB free"
    if free < LEAST_BYTES:
        return Finding(
            "disk", Grade.WRONG, f"{sentence}; without room only all red, flash and release are taken"
        )
    return Finding("disk", Grade.LOOK if free < LITTLE_BYTES else Grade.OK, sentence)


def _library() -> Finding:
    def look() -> str:
        check_version()
        return "libzmq has CURVE and is new enough"

    return _wrong("library", look)
