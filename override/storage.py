"""What must not be lost, in one SQLite file: orders, replies, numbers used, audit, free text.

Write-ahead log, `synchronous=FULL`: when `commit` returns, it is on the disk. Everything one
request brings about is one transaction, so a torn write leaves all of it or nothing. A full
disk raises StorageFull, and the station then takes only all red, flash and release.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped]

from override import audit
from override.audit import Entry, Head
from override.orders import LIVE, Life, Order
from override.requests import Leg
from override.roles import Command, Role

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, life TEXT NOT NULL, record BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS replies (
    issuer TEXT, epoch INTEGER, seq INTEGER, digest BLOB NOT NULL, reply BLOB NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (issuer, epoch, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequences (issuer TEXT PRIMARY KEY, epoch INTEGER, seq INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY, record BLOB NOT NULL, link BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS heads (
    number INTEGER PRIMARY KEY, link BLOB NOT NULL, wall_ms INTEGER NOT NULL, signature BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS texts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, salt BLOB NOT NULL, text TEXT NOT NULL, wall_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS receipts (
    id TEXT PRIMARY KEY, wall_ms INTEGER NOT NULL, error INTEGER, receipt BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarms (id TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS flag_acts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, nonce TEXT UNIQUE NOT NULL, payload BLOB NOT NULL,
    wall_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS versions (
    number INTEGER PRIMARY KEY, record BLOB NOT NULL, content BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS open_receipts (
    id TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, wall_ms INTEGER NOT NULL) WITHOUT ROWID;
"""
TABLES = frozenset({"receipts", "alarms", "flag_acts", "marks", "versions", "open_receipts"})
"""Those that files of earlier versions lack; they are added to them."""
FORMAT = 1
REPLIES_KEPT = 100_000
"""Replies remembered; older ones are covered by the sequence numbers, which never go back."""


class StorageError(ValueError):
    """A file that cannot be used; one line naming it."""


class StorageFull(OSError):
    """Nothing more can be written; what was written before is safe."""


class ReceiptRow(NamedTuple):
    """A receipt as it is kept."""

    order: str
    wall_ms: int
    error: int | None
    """How far the forecast was off, in permille; None = it proves nothing about it."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What one request, or one moment, brings about."""

    orders: tuple[Order, ...] = ()
    entries: tuple[Entry, ...] = ()
    reply: tuple[str, int, int, bytes, bytes, int] | None = None
    """(issuer, epoch, seq, digest of the request, reply, wall ms)."""
    text: tuple[int, bytes, str, int] | None = None
    """(id, salt, free text, wall ms)."""
    receipt: ReceiptRow | None = None
    alarms: tuple[tuple[str, bytes], ...] = ()
    """(id, record) of alarms; an empty record = it is gone."""
    versions: tuple[tuple[int, bytes, bytes | None], ...] = ()
    """(number, record, content) of a version; no content = it is there already."""
    open_receipt: tuple[str, bytes] | None = None
    """(order id, record) of what is metered; an empty record = it is over."""
    flag_act: tuple[str, bytes, int] | None = None
    """(nonce in hex, payload, wall ms) of what a person does with a case, until citizens' process has it."""


class Storage:
    """The file of one station. `point` is called before and after every write, for tests of crashes.

    Raises StorageError when it is not such a file, or is one of another version.
    """

    def __init__(self, path: Path, point: Callable[[str], None] = lambda name: None) -> None:
        self.path = path
        self._point = point
        try:
            with ExitStack() as unless_ours:
                self._db = unless_ours.enter_context(
                    closing(sqlite3.connect(path, isolation_level=None, timeout=2.0))
                )
                self._prepare()
                unless_ours.pop_all()
        except sqlite3.Error as error:
            raise StorageError(f"{path}: not a station's storage ({error})") from None
        path.chmod(0o600)
        row = self._db.execute("SELECT number, link FROM audit ORDER BY number DESC LIMIT 1").fetchone()
        self.audit_index: int = row[0] if row else 0
        self._link: bytes = row[1] if row else audit.GENESIS
        (self._text_id,) = self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence").fetchone()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA secure_delete=ON")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, FORMAT):
            raise StorageError(f"{self.path}: format {version}; this version reads {FORMAT}")
        have = {row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if version == 0 or not have >= TABLES:
            self._db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={FORMAT}; COMMIT;")

    def close(self) -> None:
        """Close the file; may be repeated."""
        self._db.close()

    # --- writing -----------------------------------------------------------------------

    def commit(self, *changes: Change) -> None:
        """All of it in one transaction, or nothing. Raises StorageFull."""
        link, index = self._link, self.audit_index
        try:
            self._write("BEGIN IMMEDIATE")
            for change in changes:
                for entry in change.entries:
                    record = entry.packed()
                    link, index = audit.link(link, record), index + 1
                    self._write("INSERT INTO audit VALUES (?, ?, ?)", (index, record, link))
                for order in change.orders:
                    row = (order.id, order.life, pack_order(order))
                    self._write("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", row)
                if change.text:
                    self._write("INSERT INTO texts VALUES (?, ?, ?, ?)", change.text)
                if change.receipt:
                    self._write("INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?)", change.receipt)
                for alarm, kept in change.alarms:
                    if kept:
                        self._write("INSERT OR REPLACE INTO alarms VALUES (?, ?)", (alarm, kept))
                    else:
                        self._write("DELETE FROM alarms WHERE id=?", (alarm,))
                for number, kept, content in change.versions:
                    if content is None:
                        self._write("UPDATE versions SET record=? WHERE number=?", (kept, number))
                    else:
                        self._write("INSERT INTO versions VALUES (?, ?, ?)", (number, kept, content))
                if change.open_receipt:
                    order_id, kept = change.open_receipt
                    if kept:
                        self._write("INSERT OR REPLACE INTO open_receipts VALUES (?, ?)", (order_id, kept))
                    else:
                        self._write("DELETE FROM open_receipts WHERE id=?", (order_id,))
                if change.flag_act:
                    self._write("INSERT OR IGNORE INTO flag_acts VALUES (NULL, ?, ?, ?)", change.flag_act)
                if change.reply:
                    self._write("INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?)", change.reply)
                    self._write("INSERT OR REPLACE INTO sequences VALUES (?, ?, ?)", change.reply[:3])
            self._write("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StorageFull(f"{self.path}: cannot be written ({error})") from None
        self._link, self.audit_index = link, index

    def next_text_id(self) -> int:
        """A number no free text has yet."""
        self._text_id += 1
        return self._text_id

    @property
    def coming_text_id(self) -> int:
        """The number `next_text_id` will give."""
        return self._text_id + 1

    def keep_head(self, head: Head) -> None:
        """Keep a signed head. Raises StorageFull."""
        try:
            self._write(
                "INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?)",
                (head.index, head.link, head.wall_ms, head.signature),
            )
        except sqlite3.Error as error:
            raise StorageFull(f"{self.path}: cannot be written ({error})") from None

    def tidy(self, texts_before_wall_ms: int) -> int:
        """The retention job: erase old texts and replies, from the file and from its log; gives the texts."""
        erased = self._db.execute("DELETE FROM texts WHERE wall_ms < ?", (texts_before_wall_ms,))
        self._db.execute(
            "DELETE FROM replies WHERE at < (SELECT COALESCE(MIN(at), 0) FROM "
            "(SELECT at FROM replies ORDER BY at DESC LIMIT ?))",
            (REPLIES_KEPT,),
        )
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(erased.rowcount)

    def _write(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        name = sql.split(" (")[0]
        self._point(f"before {name}")
        self._db.execute(sql, values)
        self._point(f"after {name}")

    # --- reading -----------------------------------------------------------------------

    def answered(self, issuer: str, epoch: int, seq: int) -> tuple[bytes, bytes] | None:
        """(digest of the request, reply) if this number was answered."""
        row = self._db.execute(
            "SELECT digest, reply FROM replies WHERE issuer=? AND epoch=? AND seq=?", (issuer, epoch, seq)
        ).fetchone()
        return row and (row[0], row[1])

    def last_number(self, issuer: str) -> tuple[int, int]:
        """(epoch, seq) last used by this key."""
        row = self._db.execute("SELECT epoch, seq FROM sequences WHERE issuer=?", (issuer,)).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    def unfinished(self) -> list[Order]:
        """Orders that were waiting or live when they were last written."""
        lives = [Life.REQUESTED, *LIVE]
        marks = ",".join("?" * len(lives))
        rows = self._db.execute(f"SELECT record FROM orders WHERE life IN ({marks})", lives)
        return [unpack_order(row[0]) for row in rows]

    def order(self, order_id: str) -> Order | None:
        """The last version of an order."""
        row = self._db.execute("SELECT record FROM orders WHERE id=?", (order_id,)).fetchone()
        return unpack_order(row[0]) if row else None

    def receipt(self, order_id: str) -> bytes | None:
        """What an order cost, packed as it was published."""
        row = self._db.execute("SELECT receipt FROM receipts WHERE id=?", (order_id,)).fetchone()
        return row and row[0]

    def forecast_errors(self, most: int) -> list[int]:
        """Errors of the latest forecasts that could be checked, in permille."""
        rows = self._db.execute(
            "SELECT error FROM receipts WHERE error IS NOT NULL ORDER BY wall_ms DESC LIMIT ?", (most,)
        )
        return [row[0] for row in rows]

    def alarms(self) -> list[bytes]:
        """Records of all alarms that are kept."""
        return [row[0] for row in self._db.execute("SELECT record FROM alarms ORDER BY id")]

    def versions(self) -> list[bytes]:
        """Records of all versions, in the order of their numbers."""
        return [row[0] for row in self._db.execute("SELECT record FROM versions ORDER BY number")]

    def version(self, number: int) -> tuple[bytes, bytes] | None:
        """(record, content) of one version."""
        row = self._db.execute("SELECT record, content FROM versions WHERE number=?", (number,)).fetchone()
        return row and (bytes(row[0]), bytes(row[1]))

    def open_receipts(self) -> list[tuple[str, bytes]]:
        """(order id, record) of what was metered when the gateway stopped."""
        return [
            (row[0], row[1]) for row in self._db.execute("SELECT id, record FROM open_receipts ORDER BY id")
        ]

    def flag_acts(self) -> list[tuple[str, bytes]]:
        """(nonce, payload) of what the citizen process has not said it has, oldest first."""
        rows = self._db.execute("SELECT nonce, payload FROM flag_acts ORDER BY number LIMIT 1000")
        return [(row[0], row[1]) for row in rows]

    def forget_flag_acts(self, nonces: Iterable[str]) -> None:
        """The citizen process has them. Raises StorageFull."""
        try:
            for nonce in nonces:
                self._write("DELETE FROM flag_acts WHERE nonce=?", (nonce,))
        except sqlite3.Error as error:
            raise StorageFull(f"{self.path}: cannot be written ({error})") from None

    def mark(self, name: str, wall_ms: int) -> None:
        """Remember that something has happened. Raises StorageFull."""
        try:
            self._write("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, wall_ms))
        except sqlite3.Error as error:
            raise StorageFull(f"{self.path}: cannot be written ({error})") from None

    def marked_ms(self, name: str) -> int:
        """When it was marked last; 0 = never."""
        row = self._db.execute("SELECT wall_ms FROM marks WHERE name=?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def chain_back(self, last: int, most: int) -> Iterator[tuple[int, bytes, bytes]]:
        """(number, record, link) of the audit from `last` back to the first, so many at most."""
        yield from self._db.execute(
            "SELECT number, record, link FROM audit WHERE number<=? ORDER BY number DESC LIMIT ?",
            (last, most),
        )

    def link_of(self, number: int) -> bytes:
        """The link of one record; empty when it is not there."""
        row = self._db.execute("SELECT link FROM audit WHERE number=?", (number,)).fetchone()
        return bytes(row[0]) if row else b""

    def chain(self, after: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
        """(number, record, link) of the audit, in order."""
        yield from self._db.execute(
            "SELECT number, record, link FROM audit WHERE number>? ORDER BY number", (after,)
        )

    def heads(self) -> list[Head]:
        """All signed heads."""
        return [Head(*row) for row in self._db.execute("SELECT * FROM heads ORDER BY number")]

    def head_now(self) -> tuple[int, bytes]:
        """(number, link) of the last record."""
        return self.audit_index, self._link

    def text(self, text_id: int) -> tuple[bytes, str] | None:
        """(salt, text), unless it was erased."""
        row = self._db.execute("SELECT salt, text FROM texts WHERE id=?", (text_id,)).fetchone()
        return row and (row[0], row[1])


def pack_order(order: Order) -> bytes:
    """An order as it is stored: a msgpack map of its fields."""
    data = {f.name: getattr(order, f.name) for f in fields(order)}
    data["lost"], data["proven"] = sorted(order.lost), sorted(order.proven)
    data["legs"] = [[leg.junction, leg.stage, leg.after_ms, leg.hold_ms] for leg in order.legs]
    data |= {"role": str(order.role), "command": str(order.command), "life": str(order.life)}
    record: bytes = msgpack.packb(data)
    return record


def unpack_order(record: bytes) -> Order:
    """An order back from its record."""
    data = msgpack.unpackb(record)
    data |= {"lost": frozenset(data["lost"]), "proven": frozenset(data["proven"])}
    data |= {"role": Role(data["role"]), "command": Command(data["command"]), "life": Life(data["life"])}
    data |= {"junctions": tuple(data["junctions"]), "basis": tuple(data["basis"])}
    data["legs"] = tuple(Leg(*leg) for leg in data["legs"])
    return Order(**data)
