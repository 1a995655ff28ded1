"""The code on a crossing's pole: six characters that can be read aloud, typed and checked.

It follows from the names of junction and crossing alone, so that a plate stays true when the
street grows. Nineteen characters that neither look nor sound alike are used, and the last is
a check: with weights that all differ and a prime number of characters, any one wrong
character and any two exchanged ones are noticed (as in ISBN-10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

ALPHABET = "23456789HJKLMQRWXYZ"
"""No 0 O D, 1 I, A E U, B P T C G V (they rhyme), F S (they hiss alike), N (as M)."""
PRIME = len(ALPHABET)
BODY = 5
"""2.5 million codes; a sixth character is the check."""
WEIGHTS = (2, 3, 4, 5, 6)
SHOWN = 5
"""Characters of the code that a pole shows for a while only, where it shows one."""
_CONTEXT = b"belisha pole 1\0"


def pole_codes(crossings: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A code for each (junction, group), unique among them, whatever their order.

    Where two would have the same code, the one whose name comes later in the alphabet gets
    its second choice: with 4,000 crossings that happens about three times.
    """
    codes: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for crossing in sorted(set(crossings)):
        choice = 0
        while (code := _choice(crossing, choice)) in taken:
            choice += 1
        taken.add(code)
        codes[crossing] = code
    return codes


def spoken(code: str) -> str:
    """As it stands on the plate: `K7M 4XR`."""
    return f"{code[:3]} {code[3:]}"


def code_in(text: str) -> str:
    """The code somebody typed, in whatever case and with whatever between; empty when it is none."""
    code = _typed(text)
    if len(code) != BODY + 1 or any(c not in ALPHABET for c in code):
        return ""
    return code if code[BODY] == _check(code[:BODY]) else ""


def parted(text: str) -> tuple[str, str]:
    """A pole's code and what it shows for a while, where both were typed; else the text and nothing."""
    code = _typed(text[:64])
    pole, shown = code[: BODY + 1], code[BODY + 1 :]
    if len(shown) != SHOWN or not code_in(pole) or any(c not in ALPHABET for c in shown):
        return text, ""
    return pole, shown


def joined(pole: str, shown: str) -> str:
    """Both in one, as addresses and messages have them: `K7M4XR-9QYH4`."""
    return f"{pole}-{shown}" if shown else pole


def _typed(text: str) -> str:
    return "".join(c for c in text.upper() if not (c.isspace() or c in "-._"))


def _choice(crossing: tuple[str, str], choice: int) -> str:
    words = b"\0".join(name.encode() for name in crossing)
    number = int.from_bytes(hashlib.sha256(_CONTEXT + bytes([choice]) + words).digest()[:8], "big")
    body = ""
    for _ in range(BODY):
        number, digit = divmod(number, PRIME)
        body += ALPHABET[digit]
    return body + _check(body)


def _check(body: str) -> str:
    total = sum(weight * ALPHABET.index(c) for weight, c in zip(WEIGHTS, body, strict=True))
    return ALPHABET[-total % PRIME]
