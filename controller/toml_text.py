"""TOML text as a table, with one error for whatever can be wrong with it.

The standard library's parser raises its own error for most, but a ValueError for a number of more than
4,300 digits and a RecursionError for brackets a thousand deep, and it reads a hexadecimal number of any
length, which then cannot be said in a message. Its time grows with the square of the dots in a key: a
hundred kilobytes of them take minutes. All four reach us in files and proposals.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

_DOTTED = re.compile(r"""(?:\.[\w\-"' \t]++){200}""")
_ENDLESS = re.compile(r"0[xob][0-9a-fA-F_]{1000}")


class NotToml(ValueError):
    """Text that is no TOML; the message is one line and says where."""


def table_of(text: str) -> dict[str, Any]:
    """The table. Raises NotToml."""
    if _ENDLESS.search(text):
        raise NotToml("not TOML we read: a number of more than a thousand digits")
    if _DOTTED.search(text):
        raise NotToml("not TOML we read: nested too deeply")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise NotToml("not TOML we read: nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError is one
        raise NotToml(f"not TOML: {in_line(str(error))}") from None


def in_line(text: str, characters: int = 200) -> str:
    """Somebody's text within a message of ours: one line, nothing that steers a terminal, not too long."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: characters + 1])
    return shown if len(text) <= characters else f"{shown[:characters]}..."
