"""A heartbeat that cannot be made without doing the work: the answer to a question nobody could foresee.

The monitor asks with every verdict; the engine answers with what it proposes next. A counter that
only toggles, a thread that lives on beside a hung engine and a recorded message all fail (C11).
"""

from __future__ import annotations

import hashlib
from collections import deque

QUESTION_BYTES = 16
ANSWER_BYTES = 8
OPEN_QUESTIONS = 4
"""So many may be underway; the answer to an older one comes too late."""


def answer(question: bytes, number: int, lamps: bytes) -> bytes:
    """The one right answer, by who sends these lamps as message `number`."""
    sha = hashlib.blake2b(question, digest_size=ANSWER_BYTES)
    sha.update(number.to_bytes(8, "little", signed=True))
    sha.update(lamps)
    return sha.digest()


class Challenger:
    """Remembers what it asked of one engine, and how far that has counted."""

    def __init__(self) -> None:
        self._open: deque[bytes] = deque(maxlen=OPEN_QUESTIONS)
        self._number = 0

    def ask(self, question: bytes) -> bytes:
        """Put a new question, random bytes from the caller. Raises ValueError for one easily guessed."""
        if len(question) != QUESTION_BYTES:
            raise ValueError(f"a question has {QUESTION_BYTES} bytes, not {len(question)}")
        self._open.append(question)
        return question

    def forget(self, another: bool = False) -> None:
        """What was asked is not asked any more; `another` engine counts anew."""
        self._open.clear()
        if another:
            self._number = 0

    def accepts(self, given: bytes, number: int, lamps: bytes) -> bool:
        """Whether this answers one of the latest questions, by a message newer than all before it."""
        if number <= self._number:
            return False
        right = any(answer(question, number, lamps) == given for question in self._open)
        if right:
            self._number = number
        return right
