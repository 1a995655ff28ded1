"""Z85, ZeroMQ's text form of keys: five printable characters for four bytes (ZeroMQ RFC 32)."""

from __future__ import annotations

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_BASE = len(ALPHABET)


def encode(data: bytes) -> str:
    """Text of `data`. Raises ValueError when its length is no multiple of four."""
    if len(data) % 4:
        raise ValueError(f"{len(data)} bytes; a multiple of 4 is needed")
    out = []
    for at in range(0, len(data), 4):
        word = int.from_bytes(data[at : at + 4], "big")
        out += [ALPHABET[word // _BASE**power % _BASE] for power in (4, 3, 2, 1, 0)]
    return "".join(out)


def decode(text: str) -> bytes:
    """Bytes of `text`. Raises ValueError naming what is wrong with it."""
    if len(text) % 5:
        raise ValueError(f"{len(text)} characters; a multiple of 5 is needed")
    if stranger := next((c for c in text if c not in _VALUE), None):
        raise ValueError(f"character {stranger!r} is not in Z85")
    out = bytearray()
    for at in range(0, len(text), 5):
        word = 0
        for character in text[at : at + 5]:
            word = word * _BASE + _VALUE[character]
        if word >> 32:
            raise ValueError(f"{text[at : at + 5]!r} is more than four bytes")
        out += word.to_bytes(4, "big")
    return bytes(out)
