"""Reads and writes `street.toml`, the file form of a `StreetNetwork`.

Its keys and their bounds are in `controller.street_schema`; an error here adds the file.
Writing is deterministic and reading gives back exactly what was written. A street is
proved safe (`controller.conflicts`) before anybody gets it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from controller.conflicts import UnsafeJunction, prove_network
from controller.file_words import why_not
from controller.junction import StreetNetwork
from controller.street_schema import (
    FORMAT,
    STREET,
    Flag,
    Kind,
    Many,
    Number,
    Record,
    StreetFileError,
    TimeOfDay,
    Whole,
    Word,
    enum_word,
)
from controller.toml_text import NotToml, table_of

__all__ = ["StreetFileError", "read_street", "street_from_text", "street_to_text", "write_street"]


# --- reading ---------------------------------------------------------------------------------


def read_street(path: Path | str) -> StreetNetwork:
    """Read and prove a street file. Raises `StreetFileError` or `UnsafeJunction`, one line each."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StreetFileError(f"{path}: no such file; a street file (street.toml) is needed") from None
    except (OSError, UnicodeError) as error:
        raise StreetFileError(f"{path}: cannot be read as text ({why_not(error)})") from None
    try:
        return street_from_text(text)
    except StreetFileError as error:
        raise StreetFileError(f"{path}: {error}") from None
    except UnsafeJunction as error:
        raise UnsafeJunction(f"{path}: {error}") from None


def street_from_text(text: str) -> StreetNetwork:
    """The street in TOML text, proved. Raises `StreetFileError` or `UnsafeJunction`."""
    try:
        table = table_of(text)
    except NotToml as error:
        raise StreetFileError(str(error)) from None
    street = STREET.read(table, "")
    assert isinstance(street, StreetNetwork)
    prove_network(street)
    return street


# --- writing ---------------------------------------------------------------------------------


def write_street(street: StreetNetwork, path: Path | str) -> None:
    """Write a street file; the same street always gives the same bytes."""
    Path(path).write_text(street_to_text(street), encoding="utf-8", newline="\n")


def street_to_text(street: StreetNetwork) -> str:
    """The street as TOML text. Raises `StreetFileError` for what a file could not hold."""
    lines = [f"format = {FORMAT}"]
    _write_table(lines, STREET, street, "", skip=("format",))
    return "\n".join(lines) + "\n"


def _write_table(
    lines: list[str], record: Record, value: object, path: str, skip: tuple[str, ...] = ()
) -> None:
    """Plain keys first, then lists of tables, as TOML demands."""
    later: list[tuple[str, Record, tuple[Any, ...]]] = []
    for key, kind in record.keys.items():
        if key in skip:
            continue
        item = getattr(value, record.field(key))
        if record.left_out(key, item):
            continue
        if isinstance(kind, Many) and isinstance(kind.of, Record) and not kind.of.inline:
            later.append((key, kind.of, item))
        elif isinstance(kind, Many) and (isinstance(kind.of, Record) or key == "assumptions"):
            lines.append(f"{key} = [")
            lines.extend(f"  {_plain(kind.of, entry)}," for entry in item)
            lines.append("]")
        else:
            lines.append(f"{key} = {_plain(kind, item)}")
    for key, inner, items in later:
        for item in items:
            where = f"{path}.{key}" if path else key
            lines.extend(("", f"[[{where}]]"))
            _write_table(lines, inner, item, where)


def _plain(kind: Kind, value: Any) -> str:
    if isinstance(kind, Record):
        items = [(key, of, getattr(value, kind.field(key))) for key, of in kind.keys.items()]
        parts = [f"{key} = {_plain(of, item)}" for key, of, item in items if not kind.left_out(key, item)]
        return "{ " + ", ".join(parts) + " }"
    if isinstance(kind, Many):
        return "[" + ", ".join(_plain(kind.of, item) for item in value) + "]"
    if isinstance(kind, Word):
        return _quoted(enum_word(value))
    if isinstance(kind, Flag):
        return "true" if value else "false"
    if isinstance(kind, Number):
        number = float(value)
        if not math.isfinite(number):
            raise StreetFileError(f"{number} cannot be written; numbers must be finite")
        return repr(number)
    if isinstance(kind, Whole):
        return str(int(value))
    if isinstance(kind, TimeOfDay):
        return _time_of_day(int(value))
    return _quoted(str(value))


def _time_of_day(ms: int) -> str:
    hour, minute, second = ms // 3_600_000, ms // 60_000 % 60, ms // 1000 % 60
    if ms % 1000 or not 0 <= hour < 24:
        raise StreetFileError(f"{ms} ms is no time of day in whole seconds")
    return f'"{hour:02d}:{minute:02d}"' if not second else f'"{hour:02d}:{minute:02d}:{second:02d}"'


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def _quoted(text: str) -> str:
    escaped = "".join(
        _ESCAPES.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c) for c in text
    )
    return f'"{escaped}"'
