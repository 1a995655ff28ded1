"""Inputs kept from fuzzing: one file for each target, a verdict and an input on each line.

`python -m bench.fuzz TARGET --minutes 0` writes a file anew after a change of what is accepted.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass

from tests.conftest import ROOT

CORPUS = ROOT / "tests" / "corpus"
FILE_BYTES_MAX = 24_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One input and what becomes of it: `accepted`, or the error, with its code where it has one."""

    verdict: str
    data: bytes


def packed(data: bytes) -> str:
    """An input as it stands on its line."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


def read_corpus(name: str) -> list[Entry]:
    """What is kept for a target; nothing where there is no file yet."""
    path = CORPUS / f"{name}.txt"
    if not path.is_file():
        return []
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    return [Entry(said, zlib.decompress(base64.b64decode(data))) for said, data in lines]


def write_corpus(name: str, entries: list[Entry]) -> None:
    """Keep these."""
    text = "".join(f"{entry.verdict} {packed(entry.data)}\n" for entry in entries)
    (CORPUS / f"{name}.txt").write_text(text, encoding="ascii")
