"""The audit as it lies on a disk: a station's storage, and the lines its witness kept."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from controller.file_words import why_not
from override.audit import Attestation, Entry, Head, Verdict, Witness, entry_of, verify
from override.keys import KeysError, read_people, read_secret
from override.storage import Storage, StorageError


def entries(path: Path) -> Iterator[tuple[int, Entry]]:
    """(number, entry) of a storage. Raises StorageError."""
    with closing(_opened(path)) as storage:
        for number, record, _ in storage.chain():
            yield number, entry_of(record)


def exported(path: Path) -> Iterator[dict[str, Any]]:
    """Each entry as plain values, with its record and link in hexadecimal. Raises StorageError."""
    with closing(_opened(path)) as storage:
        for number, record, link in storage.chain():
            entry = entry_of(record)
            plain = {name: getattr(entry, name) for name in Entry.__slots__}
            plain |= {k: v.hex() for k, v in plain.items() if isinstance(v, bytes)}
            yield {"number": number, **plain, "record": record.hex(), "link": link.hex()}


def check_file(path: Path, keys: Path, witness: Path | None) -> Verdict:
    """Check a storage by the public keys of station and witness. Raises StorageError, KeysError."""
    services = {p.name: p for p in read_people(keys) if p.role is None}
    missing = [name for name in ("station", "witness") if name not in services]
    if missing:
        raise KeysError(f"{keys}: no public key of {' and '.join(missing)}")
    attestations = read_attestations(witness) if witness else []
    with closing(_opened(path)) as storage:
        return verify(
            storage.chain(),
            storage.heads(),
            attestations,
            services["station"].sign_public,
            services["witness"].sign_public,
        )


def attest(path: Path, keys: Path, kept: Path) -> Attestation | None:
    """Let the witness look at what came since its last line, and add one; None = nothing new is signed.

    Raises StorageError, KeysError, or ValueError when the chain does not grow out of what it saw.
    """
    people = {p.name: p for p in read_people(keys)}
    secret = read_secret(keys / "witness.key")
    if "station" not in people:
        raise KeysError(f"{keys}: no public key of station")
    seen = read_attestations(kept) if kept.exists() else []
    witness = Witness(secret, people["station"].sign_public, seen[-1] if seen else None)
    after = witness.last.head.index if witness.last else 0
    with closing(_opened(path)) as storage:
        heads = [head for head in storage.heads() if head.index > after]
        if not heads:
            return None
        records = [record for number, record, _ in storage.chain(after) if number <= heads[-1].index]
    attestation = witness.attest(heads[-1], records)
    append_attestation(kept, attestation)
    return attestation


def erase_texts(path: Path, before_wall_ms: int) -> int:
    """Erase free text written before then; gives how many. Raises StorageError."""
    with closing(_opened(path)) as storage:
        return storage.tidy(before_wall_ms)


def _opened(path: Path) -> Storage:
    if not path.is_file():
        raise StorageError(f"{path}: no such file")
    return Storage(path)


def append_attestation(path: Path, attestation: Attestation) -> None:
    """Add a line to the witness's file, on the disk when this returns."""
    head = attestation.head
    row = {
        "index": head.index,
        "link": head.link.hex(),
        "wall_ms": head.wall_ms,
        "station": head.signature.hex(),
        "witness": attestation.signature.hex(),
    }
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")
        lines.flush()
        os.fsync(lines.fileno())


def read_attestations(path: Path) -> list[Attestation]:
    """All lines of a witness's file; a torn last line is left out. Raises StorageError."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path}: cannot be read ({why_not(error)})") from None
    out = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            row = json.loads(line)
            link, signature = bytes.fromhex(row["link"]), bytes.fromhex(row["station"])
            head = Head(int(row["index"]), link, int(row["wall_ms"]), signature)
            out.append(Attestation(head, bytes.fromhex(row["witness"])))
        except (ValueError, KeyError, TypeError):
            raise StorageError(f"{path}: line {number} is not a witness's line") from None
    return out
