"""Flags that wait to be dealt with, and answers that wait for the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from override.flag_messages import FlagReply, FlagRequest

BATCH, INBOX = 500, 2_000
"""Flags in one transaction; flags that may wait for one. More are told BUSY."""
Done = Callable[[FlagReply], None]


@dataclass(slots=True)
class Waiting:
    """A flag in the inbox."""

    request: FlagRequest
    source: str
    done: Done
    often: int = 0


class Answer(NamedTuple):
    """A flag that was dealt with and is not yet on the disk."""

    waiting: Waiting
    reply: FlagReply
