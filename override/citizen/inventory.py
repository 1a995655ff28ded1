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


_FIND = "the sender of a flag reads how it stands, and no other"
_PAGES = "pages tell of their signals when the station is silent"
TABLES: tuple[Table, ...] = (
    Table(
        "meta",
        "as long as the file",
        NOBODY,
        (
            Column("name", "TEXT PRIMARY KEY", "name of a setting", "settings are found by it"),
            Column("value", "BLOB NOT NULL", "a random key of the first start", "tokens cannot be guessed"),
        ),
    ),
    Table(
        "flags",
        f"{KEEP['flags']:.0f} days after its case was closed",
        NOBODY,
        (
            Column("nonce", "BLOB PRIMARY KEY", "hash of a random number", "a flag sent twice counts once"),
            Column("token", "BLOB NOT NULL", "hash of the token the sender got", _FIND),
            Column("case_id", "TEXT NOT NULL", "the case it counts for", _FIND),
            Column(
                "window",
                "INTEGER NOT NULL",
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
            Column("case_id", "TEXT NOT NULL", "the case", "words are read with their case"),
            Column(
                "words",
                "TEXT NOT NULL",
                "what somebody wrote, without numbers of phones, addresses of mail and pages",
                "a person understands what no list of kinds can say",
            ),
            Column(
                "written_ms",
                "INTEGER NOT NULL",
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
            Column("number", "INTEGER NOT NULL", "the same as a number", "cases are listed in their order"),
            Column("open", "INTEGER NOT NULL", "whether it is open", "open cases are found after a restart"),
            Column(
                "first_ms",
                "INTEGER NOT NULL",
                "time of the first flag; rounded once it is closed",
                "known since",
            ),
            Column("closed_ms", "INTEGER NOT NULL", "rounded time of its end", "it is erased in time"),
            Column(
                "record",
                "BLOB NOT NULL",
                "junction, crossing, kind, life, number of flags, windows and channels they came by, what the"
                " signal's record says, what is done, and reasons that named roles gave",
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
            Column("acted_ms", "INTEGER NOT NULL", "rounded time of it", "it is erased in time"),
        ),
    ),
    Table(
        "listening",
        "as long as the file",
        EVERYBODY,
        (
            Column("district", "TEXT PRIMARY KEY", "a district", "the rate is its"),
            Column(
                "repeats",
                "REAL NOT NULL",
                "flags that followed others, one a window",
                "places that report less are listened to sooner",
            ),
            Column(
                "presses", "REAL NOT NULL", "presses of buttons while faults stood", "the rate is per press"
            ),
        ),
    ),
    Table(
        "record",
        f"{KEEP['record'] * 24:.0f} hours",
        NOBODY,
        (
            Column("id", "INTEGER PRIMARY KEY", "a number", "the record is read in its order"),
            Column("end_ms", "INTEGER NOT NULL", "street time of its last row", "it is erased in time"),
            Column(
                "rows",
                "BLOB NOT NULL",
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
            Column(
                "junction", "INTEGER NOT NULL", "number of a junction", "the promise is kept or not there"
            ),
            Column("signal", "INTEGER NOT NULL", "number of a signal group", "the promise is its"),
            Column("hour", "INTEGER NOT NULL", "hour of the street's clock", "it is erased in time"),
            Column("calls", "INTEGER NOT NULL", "calls served in the hour", "how often the promise was kept"),
            Column(
                "kept", "INTEGER NOT NULL", "of them within the promise", "how often the promise was kept"
            ),
        ),
        ", PRIMARY KEY (junction, signal, hour)",
    ),
    Table(
        "layout",
        "until the street changes",
        EVERYBODY,
        (
            Column("part", "INTEGER PRIMARY KEY", "number of a part", _PAGES),
            Column("body", "BLOB NOT NULL", "names and places of signals, codes on their poles", _PAGES),
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
