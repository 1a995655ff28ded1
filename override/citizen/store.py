"""The citizen process's own file: SQLite, written so that nothing that was accepted is ever lost to kill -9.

WAL with `synchronous=FULL`: when `commit` returns, it is on the disk, all of it or nothing. The
tables are made from `inventory.TABLES`, which also says of each column what it is for, how long it
is kept and who reads it. One thread writes; tokens may be looked up from any.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
import threading
import zlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields
from pathlib import Path

from override.citizen.cases import CROCKFORD, Case, pack_case, unpack_case
from override.citizen.desk import TOKEN_PATTERN
from override.citizen.inventory import DAY_MS, KEEP, TABLES

FORMAT = 1
HASH_BYTES = 16
SECRET_BYTES = 32
TOKEN_CHARACTERS = 16
TOKEN = re.compile(TOKEN_PATTERN)


class StoreError(ValueError):
    """A file that cannot be used; one line naming it."""


class StoreFull(OSError):
    """Nothing more can be written; what was written before is safe."""


@dataclass(frozen=True, slots=True)
class KeptFlag:
    """One accepted flag: no more than what finds its case again."""

    nonce: bytes
    """Hash."""
    token: bytes
    """Hash."""
    case: str
    window: int


@dataclass(slots=True)
class Writing:
    """What one moment brings about."""

    cases: list[Case]
    flags: list[KeptFlag]
    words: list[tuple[str, str, int]]
    """(case, words, rounded wall ms)."""
    triaged: list[str]
    """Cases whose words have done their work."""
    rows: list[int]
    """Of the signals' record."""
    services: list[tuple[int, int, int, int, int]]
    """(junction, group, hour, calls, kept)."""
    listening: list[tuple[str, float, float]]
    """(district, repeats, presses)."""
    acts: list[tuple[str, int]]
    """(nonce of what a person did, rounded wall ms)."""

    @classmethod
    def nothing(cls) -> Writing:
        """An empty one."""
        return cls(*([] for _ in fields(cls)))

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))


def hashed(value: bytes) -> bytes:
    """How nonces and tokens stand in the file."""
    return hashlib.sha256(b"belisha citizen 1\0" + value).digest()[:HASH_BYTES]


class Store:
    """One file. Raises StoreError when it is not such a file, or is one of another version.

    Not `durable` it survives a killed process, but no loss of power: for measures that keep nothing.
    """

    def __init__(self, path: Path, durable: bool = True) -> None:
        self.path = path
        self._durable = durable
        try:
            with ExitStack() as unless_ours:
                self._db = unless_ours.enter_context(closing(_connected(path)))
                self._prepare()
                self._reads = _connected(path)
                unless_ours.pop_all()
        except sqlite3.Error as error:
            raise StoreError(f"{path}: not a citizen process's file ({error})") from None
        self._reading = threading.Lock()
        path.chmod(0o600)
        self._secret = self._meta("secret") or self._keep_meta("secret", secrets.token_bytes(SECRET_BYTES))
        (self._number,) = self._db.execute("SELECT COALESCE(MAX(number), 0) FROM cases").fetchone()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'OFF'}")
        self._db.execute("PRAGMA secure_delete=ON")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, FORMAT):
            raise StoreError(f"{self.path}: format {version}; this version reads {FORMAT}")
        (tables,) = self._db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if version == 0 and tables:
            raise StoreError(f"{self.path}: a database of something else")
        if version == 0:
            made = "".join(table.sql for table in TABLES)
            self._db.executescript(f"BEGIN; {made} PRAGMA user_version={FORMAT}; COMMIT;")

    def close(self) -> None:
        """Close the file; may be repeated."""
        self._db.close()
        self._reads.close()

    # --- writing -----------------------------------------------------------------------

    def next_number(self) -> int:
        """Of a new case."""
        self._number += 1
        return self._number

    def commit(self, what: Writing) -> None:
        """All of it in one transaction, or nothing. Raises StoreFull."""
        write = self._db.executemany
        try:
            self._db.execute("BEGIN IMMEDIATE")
            cases = [
                (c.id, case_number(c.id), not c.closed, c.first_ms, c.closed_ms, pack_case(c))
                for c in what.cases
            ]
            write("INSERT OR REPLACE INTO cases VALUES (?, ?, ?, ?, ?, ?)", cases)
            flags = [(f.nonce, f.token, f.case, f.window) for f in what.flags]
            write("INSERT OR IGNORE INTO flags VALUES (?, ?, ?, ?)", flags)
            write("INSERT INTO words VALUES (NULL, ?, ?, ?)", what.words)
            write("DELETE FROM words WHERE case_id=?", [(case,) for case in what.triaged])
            if what.rows:
                packed = zlib.compress(array("q", what.rows).tobytes(), 3)
                write("INSERT INTO record VALUES (NULL, ?, ?)", [(max(what.rows[::4]), packed)])
            write("INSERT OR REPLACE INTO service VALUES (?, ?, ?, ?, ?)", what.services)
            write("INSERT OR REPLACE INTO listening VALUES (?, ?, ?)", what.listening)
            write("INSERT OR IGNORE INTO acts VALUES (?, ?)", what.acts)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StoreFull(f"{self.path}: cannot be written ({error})") from None

    def keep_layout(self, parts: Iterable[bytes], anew: bool) -> None:
        """The layout, so that pages tell of their signals before the station is heard. Raises StoreFull."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM layout")
            if anew:  # another street: numbers in the record mean something else
                self._db.execute("DELETE FROM record")
                self._db.execute("DELETE FROM service")
            self._db.executemany("INSERT INTO layout VALUES (?, ?)", list(enumerate(parts)))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StoreFull(f"{self.path}: cannot be written ({error})") from None

    def tidy(self, wall_ms: int, record_ms: int) -> int:
        """The retention job: what has done its work is erased, from the file and its log; gives the words."""
        run = self._db.execute
        erased = run("DELETE FROM words WHERE written_ms < ?", (wall_ms - KEEP["words"] * DAY_MS,)).rowcount
        long_closed = (wall_ms - KEEP["flags"] * DAY_MS,)
        run(
            "DELETE FROM flags WHERE case_id IN (SELECT id FROM cases WHERE open=0 AND closed_ms<?)",
            long_closed,
        )
        run("DELETE FROM cases WHERE open=0 AND closed_ms<?", (wall_ms - KEEP["cases"] * DAY_MS,))
        run("DELETE FROM acts WHERE acted_ms < ?", (wall_ms - KEEP["acts"] * DAY_MS,))
        run("DELETE FROM record WHERE end_ms < ?", (record_ms - round(KEEP["record"] * DAY_MS),))
        run("DELETE FROM service WHERE hour < ?", (record_ms // 3_600_000 - round(24 * KEEP["service"]),))
        run("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(erased)

    # --- reading -----------------------------------------------------------------------

    def token_of(self, nonce: bytes) -> str:
        """The token of the flag with this nonce: the same again and again, and only we can tell it."""
        digest = hashlib.blake2b(nonce, key=self._secret, digest_size=10).digest()
        number = int.from_bytes(digest, "big")
        return "".join(CROCKFORD[number >> 5 * k & 31] for k in range(TOKEN_CHARACTERS))

    def case_of(self, *, token: str = "", nonce: bytes = b"") -> str:
        """Id of the case of a flag; empty when there is no such flag."""
        if token and not TOKEN.fullmatch(token):
            return ""
        column, value = ("token", hashed(token.encode())) if token else ("nonce", hashed(nonce))
        with self._reading:
            row = self._reads.execute(f"SELECT case_id FROM flags WHERE {column}=?", (value,)).fetchone()
        return str(row[0]) if row else ""

    def cases(self) -> list[Case]:
        """All that are kept, oldest first."""
        return [unpack_case(row[0]) for row in self._db.execute("SELECT record FROM cases ORDER BY number")]

    def words_of(self, case: str) -> list[str]:
        """What people wrote about a case, until somebody has dealt with it."""
        with self._reading:
            rows = self._reads.execute(
                "SELECT words FROM words WHERE case_id=? ORDER BY id", (case,)
            ).fetchall()
        return [str(row[0]) for row in rows]

    def rows(self) -> Iterator[list[int]]:
        """The signals' record, oldest first."""
        for (packed,) in self._db.execute("SELECT rows FROM record ORDER BY id"):
            numbers = array("q")
            numbers.frombytes(zlib.decompress(packed))
            yield numbers.tolist()

    def services(self) -> list[tuple[int, int, int, int, int]]:
        """(junction, group, hour, calls, kept), oldest first."""
        return self._db.execute("SELECT * FROM service ORDER BY hour").fetchall()

    def listening(self) -> dict[str, tuple[float, float]]:
        """District: (repeats, presses)."""
        return {row[0]: (row[1], row[2]) for row in self._db.execute("SELECT * FROM listening")}

    def acts(self) -> list[str]:
        """Nonces of what people did, oldest first."""
        return [row[0] for row in self._db.execute("SELECT nonce FROM acts ORDER BY acted_ms")]

    def layout(self) -> list[bytes]:
        """Parts of the layout last heard."""
        return [row[0] for row in self._db.execute("SELECT body FROM layout ORDER BY part")]

    def columns(self) -> dict[str, list[str]]:
        """Tables and columns as the file really has them."""
        tables = self._db.execute(
            "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        ).fetchall()
        return {t: [row[1] for row in self._db.execute(f"PRAGMA table_info({t})")] for (t,) in tables}

    def _meta(self, name: str) -> bytes:
        row = self._db.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return bytes(row[0]) if row else b""

    def _keep_meta(self, name: str, value: bytes) -> bytes:
        self._db.execute("INSERT INTO meta VALUES (?, ?)", (name, value))
        return value


def case_number(case: str) -> int:
    """The number that a public id stands for."""
    number = 0
    for character in case[1:].lower():
        number = 32 * number + CROCKFORD.index(character)
    return number


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
