"""Everything the citizen process keeps, column by column: what, why, for how long, who reads it.

The tables of its file are made from this, so that nothing can be kept that does not stand here;
`belisha privacy` and the public page print it. No name, account, address, device or place of a
person has a column.
"""

from __future__ import annotations

from dataclasses import dataclass

from override.citizen.pages import PUBLIC_K, ROUND_MS, InventoryRow

DAY_MS = 86_400_000
KEEP: dict[str, float] = {"words": 7, "flags": 30, "cases": 90, "record": 0.25, "service": 1, "acts": 14}
"""Days; of flags and cases after the case was closed, of the record in the street's own time."""
WHERE = "the file of the citizen process, on the machine of the street's keeper"
NOBODY, OPERATORS, EVERYBODY = "nobody", "people who drive the street", "everybody, on the public page"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type for SQLite, and why it is there."""

    name: str
    sql: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    name: str
    kept: str
    readers: str
    columns: tuple[Column, ...]
    more: str = ""
    """Of its definition: keys."""

    @property
    def sql(self) -> str:
        """What makes it."""
        columns = ", ".join(f"{c.name} {c.sql}" for c in self.columns)
        index = f"CREATE INDEX {self.name}_token ON {self.name} (token); " if self.name == "flags" else ""
        return f"CREATE TABLE {self.name} ({columns}{self.more}); {index}"


def _whole(name: str, what: str, why: str) -> Column:
    return Column(name, "INTEGER NOT NULL", what, why)


def _text(name: str, what: str, why: str) -> Column:
    return Column(name, "TEXT NOT NULL", what, why)


def _real(name: str, what: str, why: str) -> Column:
    return Column(name, "REAL NOT NULL", what, why)


def _bytes(name: str, what: str, why: str) -> Column:
    return Column(name, "BLOB NOT NULL", what, why)


_FIND = "the sender of a flag reads how it stands, and no other"
_PAGES = "pages tell of their signals when the station is silent"
_IN_TIME = "it is erased in time"
_PROMISES = "how often the promise was kept"
TABLES: tuple[Table, ...] = (
    Table(
        "meta",
        "as long as the file",
        NOBODY,
        (
            Column("name", "TEXT PRIMARY KEY", "name of a setting", "settings are found by it"),
            _bytes("value", "a random key of the first start", "tokens cannot be guessed"),
        ),
    ),
    Table(
        "flags",
        f"{KEEP['flags']:.0f} days after its case was closed",
        NOBODY,
        (
            Column("nonce", "BLOB PRIMARY KEY", "hash of a random number", "a flag sent twice counts once"),
            _bytes("token", "hash of the token the sender got", _FIND),
            _text("case_id", "the case it counts for", _FIND),
            _whole(
                "window",
                "ten-minute window of its arrival",
                "flags at once are one voice",
            ),
        ),
    ),
    Table(
        "words",
        f"until a person has dealt with the case, {KEEP['words']:.0f} days at most",
        OPERATORS,
        (
            Column("id", "INTEGER PRIMARY KEY", "a number", "words are read in their order"),
            _text("case_id", "the case", "words are read with their case"),
            _text(
                "words",
                "what somebody wrote, without numbers of phones, addresses of mail and pages",
                "a person understands what no list of kinds can say",
            ),
            _whole(
                "written_ms",
                f"time, rounded to {ROUND_MS // 60_000} minutes",
                "words are erased in time",
            ),
        ),
    ),
    Table(
        "cases",
        f"{KEEP['cases']:.0f} days after it was closed",
        f"{EVERYBODY}; numbers from {PUBLIC_K} on only",
        (
            Column("id", "TEXT PRIMARY KEY", "public id of the case", "people speak about it"),
            _whole("number", "the same as a number", "cases are listed in their order"),
            _whole("open", "whether it is open", "open cases are found after a restart"),
            _whole(
                "first_ms",
                "time of the first flag; rounded once it is closed",
                "known since",
            ),
            _whole("closed_ms", "rounded time of its end", _IN_TIME),
            _bytes(
                "record",
                "junction, crossing, kind, life, number of flags, windows and channels they came by, how many"
                " came with a code of the pole, what the signal's record says, what is done, and reasons"
                " that named roles gave",
                "the case is dealt with, and its page tells the truth after a restart",
            ),
        ),
    ),
    Table(
        "acts",
        f"{KEEP['acts']:.0f} days",
        NOBODY,
        (
            Column(
                "nonce", "TEXT PRIMARY KEY", "number of what a person did", "what comes twice is done once"
            ),
            _whole("acted_ms", "rounded time of it", _IN_TIME),
        ),
    ),
    Table(
        "listening",
        "as long as the file",
        EVERYBODY,
        (
            Column("district", "TEXT PRIMARY KEY", "a district", "the rate is its"),
            _real(
                "repeats",
                "flags that followed others, one a window",
                "places that report less are listened to sooner",
            ),
            _real("presses", "presses of buttons while faults stood", "the rate is per press"),
        ),
    ),
    Table(
        "record",
        f"{KEEP['record'] * 24:.0f} hours",
        NOBODY,
        (
            Column("id", "INTEGER PRIMARY KEY", "a number", "the record is read in its order"),
            _whole("end_ms", "street time of its last row", _IN_TIME),
            _bytes(
                "rows",
                "lamps, presses of buttons, calls, sensors not believed",
                "complaints are compared with it",
            ),
        ),
    ),
    Table(
        "service",
        f"{KEEP['service'] * 24:.0f} hours",
        f"{EVERYBODY}; from {PUBLIC_K} calls on only",
        (
            _whole("junction", "number of a junction", "the promise is kept or not there"),
            _whole("signal", "number of a signal group", "the promise is its"),
            _whole("hour", "hour of the street's clock", _IN_TIME),
            _whole("calls", "calls served in the hour", _PROMISES),
            _whole("kept", "of them within the promise", _PROMISES),
        ),
        ", PRIMARY KEY (junction, signal, hour)",
    ),
    Table(
        "layout",
        "until the street changes",
        EVERYBODY,
        (
            Column("part", "INTEGER PRIMARY KEY", "number of a part", _PAGES),
            _bytes("body", "names and places of signals, codes on their poles", _PAGES),
        ),
    ),
)
MEMORY: tuple[InventoryRow, ...] = (
    InventoryRow(
        "(memory)", "source", "network address of a sender, hashed with a key that changes every hour",
        "newcomers come before those who send again and again", "memory only, never written",
        "an hour at most", NOBODY,
    ),
    InventoryRow(
        "(memory)", "token", "the token of a flag, while it is answered", _FIND,
        "memory only; its hash is kept",
        "a second", "its sender",
    ),
)  # fmt: skip


def inventory() -> tuple[InventoryRow, ...]:
    """The data inventory: every column of every table, and what is held in memory only."""
    rows = [
        InventoryRow(table.name, column.name, column.what, column.why, WHERE, table.kept, table.readers)
        for table in TABLES
        for column in table.columns
    ]
    return (*rows, *MEMORY)
