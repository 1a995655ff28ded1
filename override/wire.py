"""Bytes on the wire: a signature, then msgpack of one record of `topics`. Strict in all it reads.

Order of reading: size, signature over the raw bytes, decoding, schema. Nothing a stranger
sends raises anything but `Refused`. A page for writers of other clients: `docs/wire.md`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import msgpack  # type: ignore[import-untyped]
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from override.record_reader import Unfit, record_reader
from override.refused import Refused
from override.topics import TOPICS, Topic

CONTEXT = b"belisha wire 1\0"
"""Stands before the payload when it is signed, so that no other use of a key fits here."""
SIGNATURE_BYTES = 64
ITEMS_MAX = 256
MSGPACK_LEAST = (1, 2, 1)
"""Earlier ones can be crashed by a second use of a failed unpacker (A18, GHSA-6v7p-g79w-8964)."""
if msgpack.version < MSGPACK_LEAST:
    raise ImportError(f"msgpack {msgpack.version} can be crashed by strangers; 1.2.1 is needed")
NAMES = {topic.message: topic for topic in TOPICS.values()}


def pack(message: Any, checked: bool = True) -> bytes:
    """Payload of a message: a msgpack map that begins with topic and version. Defaults are left out.

    Raises Refused when the message itself breaks its own bounds or is too long. Telemetry of our
    own making may go unchecked but for its size: reading every message back costs more than making it.
    """
    topic = NAMES[type(message)]
    payload: bytes = msgpack.packb({"topic": topic.name, "version": topic.version, **_plain(message)})
    if len(payload) + (SIGNATURE_BYTES if topic.signed else 0) > topic.most_bytes:
        raise Refused("size", f"{topic.name} of {len(payload)} bytes; {topic.most_bytes} are allowed")
    if checked:
        decode(payload, topic)
    return payload


def packed_bytes(row: Any) -> int:
    """Bytes that a record takes inside a message."""
    return len(msgpack.packb(_plain_value(row)))


def seal(message: Any, sign: Callable[[bytes], bytes]) -> bytes:
    """A signed frame: 64 bytes of Ed25519 over CONTEXT and payload, then the payload."""
    payload = pack(message)
    return sign(CONTEXT + payload) + payload


def open_sealed(frame: bytes, sign_public: bytes, topic: Topic) -> tuple[Any, bytes]:
    """(message, digest of its payload). The key is that of the connection's authenticated owner."""
    if len(frame) > topic.most_bytes:
        raise Refused("size", f"{len(frame)} bytes; {topic.most_bytes} are allowed")
    if len(frame) <= SIGNATURE_BYTES:
        raise Refused("size", f"{len(frame)} bytes are less than a signature and a message")
    signature, payload = frame[:SIGNATURE_BYTES], frame[SIGNATURE_BYTES:]
    try:
        VerifyKey(sign_public).verify(CONTEXT + payload, signature)
    except (BadSignatureError, ValueError, TypeError):
        raise Refused("signature", "the signature does not fit the bytes and the sender's key") from None
    return decode(payload, topic), digest(payload)


def digest(payload: bytes) -> bytes:
    """What a reply and a second person refer to: SHA-256 of the payload."""
    return hashlib.sha256(payload).digest()


def decode(payload: bytes, topic: Topic) -> Any:
    """The message in a payload of this topic. Raises Refused, and nothing else, for any bytes."""
    if len(payload) > topic.most_bytes:
        raise Refused("size", f"{len(payload)} bytes; {topic.most_bytes} are allowed")
    try:
        data = msgpack.unpackb(
            payload,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=_no_duplicates,
            ext_hook=_no_extensions,
            timestamp=0,
            max_array_len=ITEMS_MAX,
            max_map_len=ITEMS_MAX,
            max_ext_len=0,
        )
    except Refused:
        raise
    except (ValueError, TypeError, OverflowError, KeyError, RecursionError, msgpack.UnpackException) as error:
        raise Refused("format", f"not a msgpack map we accept ({type(error).__name__})") from None
    if not isinstance(data, dict):
        raise Refused("format", "a message is a map")
    if data.pop("topic", None) != topic.name:
        raise Refused("topic", f"not a message of topic {topic.name}")
    version = data.pop("version", None)
    if type(version) is not int or version != topic.version:
        # Not even the words for it: a list in a list, hundreds deep, cannot be written down.
        found = str(version)[:20] if type(version) is int else f"of type {type(version).__name__}"
        raise Refused("version", f"version {found}; {topic.name} is at version {topic.version}")
    try:
        return record_reader(topic.message)(data)
    except Unfit as unfit:
        raise Refused("schema", topic.name + unfit.words) from None


def _no_duplicates(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise Refused("format", "a key is there twice")
    return data


def _no_extensions(code: int, data: bytes) -> Any:
    raise Refused("format", f"extension type {code} is not accepted")


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, f.default) for f in fields(kind))


def _plain(message: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, default in _defaults(message.__class__):
        value = getattr(message, name)
        if default is not MISSING and value == default:
            continue
        out[name] = value if type(value) in _AS_THEY_ARE else _plain_value(value)
    return out


_AS_THEY_ARE = frozenset({int, str, bool, bytes})


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        if value and type(value[0]) in _AS_THEY_ARE:
            return list(value)  # names or numbers
        return [_plain_value(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    if is_dataclass(value):
        return _plain(value)
    return value
