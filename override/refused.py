"""The one error for anything that came from outside and is not taken."""

from __future__ import annotations


class Refused(ValueError):
    """A message or order that is not taken; `code` is for programs, the text one line for people."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why
