"""Copies of a station's file: made while it runs, taken back only when it does not, and said in the audit.

A copy taken back is older than what the witness has seen: `belisha audit verify` will say that the chain
was cut short, which is the truth, and its first new record says who did it. Orders recorded since the
copy was made are not executed again: they are long stale by then (rules 5.4).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from controller.file_words import why_not
from override import audit
from override.audit import Entry
from override.storage import Change, Storage

LEFTOVERS = ("-wal", "-shm")


class BackupError(ValueError):
    """A copy that cannot be made or taken back; one line naming the file."""


def back_up(file: Path, target: Path) -> int:
    """Copy the station's file, whole, also while a station writes to it; gives how many records it holds.

    Raises BackupError. Nothing is overwritten.
    """
    if not file.is_file():
        raise BackupError(f"{file}: no such file")
    if target.exists():
        raise BackupError(f"{target}: is there already; a copy is never overwritten")
    try:
        target.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise BackupError(f"{target}: cannot be written ({why_not(error)})") from None
    try:
        with (
            closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
        return records(target)
    except (sqlite3.Error, OSError, BackupError) as error:
        target.unlink(missing_ok=True)
        raise BackupError(f"{file}: cannot be copied ({why_not(error)})") from None


def take_back(copy: Path, file: Path, who: str, now_ms: int, wall_ms: int) -> tuple[int, Path | None]:
    """Put a copy in the place of the station's file; gives its records, and where what stood there is kept.

    Raises BackupError where the copy is damaged, or a station uses the file.
    """
    if not copy.is_file():
        raise BackupError(f"{copy}: no such file")
    count = records(copy)
    unused(file)
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    back_up(copy, new)
    kept = _free_name(file) if file.exists() else None
    if kept is not None:
        _gather(file)
        file.replace(kept)
    for tail in LEFTOVERS:
        file.with_name(file.name + tail).unlink(missing_ok=True)
    new.replace(file)
    storage = Storage(file)
    try:
        result = f"{count} records, from {copy.name}"
        storage.commit(Change(entries=(Entry(now_ms, wall_ms, who, "restore", "backup", "", result),)))
    finally:
        storage.close()
    return count, kept


def records(file: Path) -> int:
    """How many records the audit of a file holds, each link recomputed. Raises BackupError."""
    before, count = audit.GENESIS, 0
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            (sound,) = database.execute("PRAGMA quick_check").fetchone()
            if sound != "ok":
                raise BackupError(f"{file}: damaged ({sound})")
            for number, record, link in database.execute(
                "SELECT number, record, link FROM audit ORDER BY number"
            ):
                if number != count + 1 or audit.link(before, record) != link:
                    raise BackupError(f"{file}: record {count + 1} of its audit does not fit the chain")
                before, count = link, number
    except sqlite3.Error as error:
        raise BackupError(f"{file}: not a station's storage ({error})") from None
    return count


def unused(file: Path) -> None:
    """Raise BackupError where a process has the file open."""
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=0.0, isolation_level=None)) as database:
            # Nobody else may be connected for this to be granted (sqlite.org/wal.html).
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("COMMIT")
            database.execute("PRAGMA locking_mode=NORMAL")
    except sqlite3.OperationalError:
        raise BackupError(f"{file}: a station uses it; end it first") from None
    except sqlite3.Error as error:
        raise BackupError(f"{file}: not a station's storage ({error})") from None


def _gather(file: Path) -> None:
    """Bring what still lies in the log into the file itself, before it is put aside."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _free_name(file: Path) -> Path:
    for number in range(1, 1000):
        name = file.with_name(f"{file.name}.before-{number}")
        if not name.exists():
            return name
    raise BackupError(f"{file}: a thousand files that stood there before are kept; put some away")
