"""A whole city at one moment, in memory or in a file: to restore it, or to ask what would have been.

A file is a line that names the format, a checksum, and msgpack; it is refused, with the
reason in one line, when it is damaged, of another version, or of another city.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np

from sim.city.carried import Values, decode, digest, encode

FORMAT = "belisha city snapshot 1"
_FIRST_LINE = FORMAT.encode() + b"\n"
_SHA_BYTES = 32
FILE_BYTES_MAX = 1 << 32


class SnapshotError(ValueError):
    """A snapshot that cannot be used; the message is one line naming the file or the difference."""


@dataclass(frozen=True)
class Snapshot:
    """What a city and its controller are at `time_ms`, before the tick of that moment."""

    time_ms: int
    made_of: dict[str, str]
    """What it was taken from: name to digest or word. Only an equal world can take it back."""
    values: Values

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that changes: equal digests, equal futures."""
        return digest(self.values)

    def save(self, path: Path) -> None:
        """Write it, whole or not at all. Raises SnapshotError."""
        body = msgpack.packb(
            {"time_ms": self.time_ms, "made_of": self.made_of, "values": self.values},
            default=encode,
            strict_types=True,
        )
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            unfinished.write_bytes(_FIRST_LINE + hashlib.sha256(body).digest() + body)
            unfinished.replace(path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise SnapshotError(f"{path}: cannot be written ({error.strerror})") from None

    @classmethod
    def load(cls, path: Path) -> Snapshot:
        """Read one. Raises SnapshotError for whatever is not a whole snapshot of this format."""
        try:
            if path.stat().st_size > FILE_BYTES_MAX:
                raise SnapshotError(f"{path}: larger than any snapshot of ours")
            data = path.read_bytes()
        except OSError as error:
            raise SnapshotError(f"{path}: cannot be read ({error.strerror})") from None
        line, _, rest = data.partition(b"\n")
        if line + b"\n" != _FIRST_LINE:
            raise SnapshotError(f"{path}: no snapshot that begins with {FORMAT!r}")
        if hashlib.sha256(rest[_SHA_BYTES:]).digest() != rest[:_SHA_BYTES]:
            raise SnapshotError(f"{path}: damaged or cut off")
        try:
            table = msgpack.unpackb(rest[_SHA_BYTES:], ext_hook=decode, strict_map_key=False)
            return cls(int(table["time_ms"]), dict(table["made_of"]), dict(table["values"]))
        except (ValueError, KeyError, TypeError, msgpack.UnpackException) as error:
            raise SnapshotError(f"{path}: not what a snapshot holds ({error})") from None

    def check(self, made_of: dict[str, str]) -> None:
        """Raise SnapshotError naming what differs when it belongs to something else."""
        for name in dict.fromkeys((*made_of, *self.made_of)):
            here, there = made_of.get(name, "nothing"), self.made_of.get(name, "nothing")
            if here != there:
                short = [text if len(text) < 40 else f"{text[:12]}…" for text in (there, here)]
                raise SnapshotError(f"the snapshot is of another {name}: {short[0]}, here is {short[1]}")


def content_digest(*things: Any) -> str:
    """SHA-256 over what never changes: arrays, frozen records and plain data, in order."""
    sha = hashlib.sha256()
    for thing in things:
        _feed(sha, thing)
    return sha.hexdigest()


def _feed(sha: Any, thing: Any) -> None:
    if isinstance(thing, np.ndarray):
        sha.update(f"{thing.dtype.str}{thing.shape}".encode())
        sha.update(np.ascontiguousarray(thing).tobytes())
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        for item in dataclasses.fields(thing):
            sha.update(item.name.encode())
            _feed(sha, getattr(thing, item.name))
    elif isinstance(thing, (tuple, list)) and any(
        isinstance(part, np.ndarray) or dataclasses.is_dataclass(part) for part in thing
    ):
        for part in thing:
            _feed(sha, part)
    else:
        sha.update(repr(thing).encode())
