"""Chance changes of an input: of bytes, numbers, lines, words of its language, and msgpack trees."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped]

from tests.fuzz_files import of_records, records_of
from tests.fuzz_targets import Form, Target

BYTES_MAX = 20_000
EDGES = (0, 1, 2, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 257, 1000, 4096, 65535, 65536, 1 << 20,
         (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 53, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip
NUMBERS = (b"-1", b"0", b"-0.0", b"nan", b"inf", b"1e308", b"1e-9", b"00000000000000001", b"9" * 20,
           b"9" * 5000, b"0x" + b"f" * 5000,
           b"0x7f", b"1_0", b"true", b"\"\"", b"[]", b"{}", b"1.5", b"2026-02-30", b"12:61")  # fmt: skip
ODD = (
    "",
    "x",
    "\0",
    "\x1b[31m",
    "\u202e",
    "ä" * 30,
    "x" * 70,
    "x" * 300,
    "a\nb",
    "J1",
    "7",
    "\ud7ff",
    "٣",
    "ﷺ",
)
_DIGITS = re.compile(rb"-?\d[\d.]*")
Change = Callable[[bytearray, bytes, Target, random.Random], None]


def changed(data: bytes, other: bytes, target: Target, chance: random.Random) -> bytes:
    """Another input: `data` with up to eight changes, some of them by parts of `other`."""
    head = b""
    if target.form is Form.MSGPACK and chance.random() < 0.7:
        head, _, body = data.partition(b"\n")
        _, _, theirs = other.partition(b"\n")
        if (made := _tree_changed(body, theirs, chance)) is not None:
            return (head + b"\n" + made)[:BYTES_MAX]
    if target.form is Form.RECORDS and chance.random() < 0.7 and (mine := records_of(data)):
        return of_records(data[:1], _records_changed(mine, records_of(other), chance))[:BYTES_MAX]
    out = bytearray(data)
    changes = _FOR_TEXT if target.form is Form.TEXT else _FOR_BYTES
    for _ in range(1 << chance.randrange(4)):
        chance.choice(changes)(out, other, target, chance)
        if chance.random() < 0.5:
            break
    return bytes(out[:BYTES_MAX])


# --- of bytes --------------------------------------------------------------------------------


def _span(out: bytearray, chance: random.Random) -> slice:
    begin = chance.randint(0, len(out))
    longest = chance.choice((1, 2, 4, 8, 32, 200, len(out)))
    return slice(begin, min(len(out), begin + chance.randint(0, longest)))


def _flip(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    if out:
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)


def _byte(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    if out:
        out[chance.randrange(len(out))] = chance.randrange(256)


def _length(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    """Write a number of one to eight bytes over what is there."""
    size = chance.choice((1, 2, 4, 8))
    if len(out) >= size:
        at = chance.randint(0, len(out) - size)
        order = chance.choice(("big", "little"))
        number = chance.choice(EDGES) & (1 << 8 * size) - 1
        out[at : at + size] = number.to_bytes(size, order)  # type: ignore[arg-type]


def _cut(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    del out[_span(out, chance)]


def _again(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    part = out[_span(out, chance)]
    at = chance.randint(0, len(out))
    out[at:at] = part * chance.choice((1, 1, 1, 2, 8, 300))


def _splice(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    out[_span(out, chance)] = other[_span(bytearray(other), chance)]


def _word(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    at = _span(out, chance) if chance.random() < 0.5 else slice(k := chance.randint(0, len(out)), k)
    out[at] = chance.choice(target.words) if target.words else chance.randbytes(2)


# --- of text ---------------------------------------------------------------------------------


def _number(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    found = list(_DIGITS.finditer(bytes(out)))
    if found:
        at = chance.choice(found)
        edge = str(chance.choice(EDGES)).encode()
        out[at.start() : at.end()] = chance.choice((edge, chance.choice(NUMBERS)))


def _value(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    """Put something else behind an equals sign or a colon."""
    found = [m for m in re.finditer(rb"(?<=[=:&]) ?[^\n&,}]*", bytes(out)) if m.group()]
    if found:
        at = chance.choice(found)
        words = [m.group() for m in re.finditer(rb"(?<=[=:&]) ?[^\n&,}]*", other)] or [b""]
        odd = chance.choice(ODD).encode("utf-8", "replace")
        new = chance.choice((chance.choice(words), chance.choice(NUMBERS), b'"' + odd + b'"', odd))
        out[at.start() : at.end()] = new


def _line(out: bytearray, other: bytes, target: Target, chance: random.Random) -> None:
    """Drop, repeat, move or take over a line."""
    lines, theirs = bytes(out).split(b"\n"), other.split(b"\n")
    at = chance.randrange(len(lines))
    what = chance.randrange(4)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, chance.choice(lines))
    elif what == 2:
        lines.insert(chance.randrange(len(lines)), lines.pop(at))
    else:
        lines.insert(at, chance.choice(theirs))
    out[:] = b"\n".join(lines)


_FOR_BYTES: tuple[Change, ...] = (_flip, _byte, _length, _cut, _again, _splice, _word)
_FOR_TEXT: tuple[Change, ...] = (_flip, _cut, _again, _splice, _word, _word, _number, _value, _value, _line)


# --- of msgpack ------------------------------------------------------------------------------


def _tree_changed(body: bytes, other: bytes, chance: random.Random) -> bytes | None:
    """The same tree with one or two places changed; None where it is no msgpack."""
    try:
        tree, theirs = (_unpacked(part) for part in (body, other))
        for _ in range(chance.choice((1, 1, 2, 4))):
            tree = _other_tree(tree, theirs, chance)
        made: bytes = msgpack.packb(tree)
    except Exception:  # whatever a garbled tree does to msgpack, then its bytes are changed instead
        return None
    return made


def _records_changed(mine: list[bytes], theirs: list[bytes], chance: random.Random) -> list[bytes]:
    """One record changed, dropped, repeated, moved or taken over."""
    at, what = chance.randrange(len(mine)), chance.random()
    if what < 0.1:
        del mine[at]
    elif what < 0.2:
        mine.insert(chance.randrange(len(mine)), mine[at])
    elif what < 0.3:
        mine.insert(at, chance.choice(theirs or mine))
    else:
        body = chance.choice(theirs or mine)[1:]
        if (made := _tree_changed(mine[at][1:], body, chance)) is not None:
            mine[at] = mine[at][:1] + made
    return mine


def _unpacked(data: bytes) -> Any:
    return msgpack.unpackb(data, strict_map_key=False, max_array_len=4096, max_map_len=4096)


def _other_tree(tree: Any, theirs: Any, chance: random.Random) -> Any:
    if isinstance(tree, dict) and tree and chance.random() < 0.9:
        key = chance.choice(list(tree))
        out = dict(tree)
        if chance.random() < 0.12:
            out[chance.choice((key, chance.choice(ODD)))] = _leaf(theirs, chance)
        elif chance.random() < 0.12:
            del out[key]
        elif isinstance(theirs, dict) and theirs and chance.random() < 0.15:
            taken = chance.choice(list(theirs))
            out[taken] = theirs[taken]
        else:
            out[key] = _other_tree(tree[key], theirs, chance)
        return out
    if isinstance(tree, list) and tree and chance.random() < 0.9:
        at, copy = chance.randrange(len(tree)), list(tree)
        what = chance.random()
        if what < 0.1:
            del copy[at]
        elif what < 0.25:
            copy[at:at] = [copy[at]] * chance.choice((1, 2, 16, 64, 65))
        else:
            copy[at] = _other_tree(copy[at], theirs, chance)
        return copy
    if isinstance(tree, bool) or chance.random() < 0.3:
        return _leaf(theirs, chance)
    if isinstance(tree, int):
        return max(-(1 << 63), min((1 << 64) - 1, tree + chance.choice((-1, 1, -1000, 1 << 40))))
    if isinstance(tree, bytes):
        out_bytes = bytearray(tree)
        chance.choice(_FOR_BYTES[:6])(out_bytes, tree, _NO_WORDS, chance)
        return bytes(out_bytes)
    if isinstance(tree, str):
        at = chance.randint(0, len(tree))
        return tree[:at] + chance.choice(ODD) + tree[at + chance.randrange(2) :]
    return _leaf(theirs, chance)


def _leaf(theirs: Any, chance: random.Random) -> Any:
    number = chance.choice(EDGES)
    return chance.choice(
        (None, True, False, number, -min(number, 1 << 63), float("nan"), 1e308, 1.0, 0.5, chance.choice(ODD),
         b"", bytes(32), [], {}, [[]], {"": 1}, theirs)
    )  # fmt: skip


_NO_WORDS = Target("", Form.BYTES, lambda data: None, (), ())
