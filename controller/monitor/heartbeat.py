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
"""So many questions may be underway; older ones are answered too late."""


def answer(question: bytes, sequence: int, lamps: bytes) -> bytes:
    """The one right answer, by who proposes these lamps as number `sequence`."""
    sha = hashlib.blake2b(question, digest_size=ANSWER_BYTES)
    sha.update(sequence.to_bytes(8, "little", signed=True))
    sha.update(lamps)
    return sha.digest()


class Challenger:
    """Remembers what it asked; each question can be answered once."""

    def __init__(self) -> None:
        self._open: deque[bytes] = deque(maxlen=OPEN_QUESTIONS)

    def ask(self, question: bytes) -> bytes:
        """Put a new question (random bytes from the caller). Raises ValueError for one too short to guess."""
        if len(question) != QUESTION_BYTES:
            raise ValueError(f"a question has {QUESTION_BYTES} bytes, not {len(question)}")
        self._open.append(question)
        return question

    def forget(self) -> None:
        """Whoever was asked is gone."""
        self._open.clear()

    def accepts(self, given: bytes, sequence: int, lamps: bytes) -> bool:
        """Whether this answers an open question; that question and older ones are closed then."""
        for question in reversed(self._open):
            if answer(question, sequence, lamps) == given:
                while self._open and self._open[0] is not question:
                    self._open.popleft()
                self._open.popleft()
                return True
        return False
