"""What every channel needs of the citizen process: the page, text messages, Open311, the flag endpoint.

`override.citizen.office.Office` is the real one; `tests/paper_citizens.py` has one on paper.
"""

from __future__ import annotations

from typing import Protocol

from override.citizen.pages import CasePage, InventoryRow, OpenData, SignalPage, SignalRow
from override.flag_messages import FlagReply, FlagRequest

WORDS_CHARACTERS = 200
TOKEN_PATTERN = r"[0-9a-hjkmnp-tv-z]{16}"
"""A token: 16 characters of Crockford's base 32 in lower case (80 bits), easy to type on any phone."""


class CitizenDesk(Protocol):
    """Thread-safe; every method answers within some tens of milliseconds and never raises for what was given.

    `flag` and `still` return after the flag is on the disk (groups of at most 50 ms): an async app
    calls them in a worker thread. The others only read memory.
    """

    def signals(self) -> tuple[SignalRow, ...]:
        """Every crossing there is, by district, title, crossing. Empty while the station was never heard."""

    def signal(self, name: str) -> SignalPage | None:
        """By code on the pole (spaces, dashes and case do not matter), or name or title of a junction."""

    def flag(self, request: FlagRequest, source: str = "") -> FlagReply:
        """Take a flag. `accepted` means: it is on the disk and will be dealt with.

        `source` is the network address it came from: it is hashed with a key that lives in memory
        for an hour, used to put the queue in order, and never written. The same nonce gives the same
        answer. A refusal has a `code` of `phrases.PHRASES`; `busy` has `retry_s` and is no acceptance.
        With `request.still` it is `still(request.still)`.
        """

    def case(self, name: str) -> CasePage | None:
        """By token of a flag (then `mine` is true) or by the case's public id."""

    def cases(
        self, begin_wall_ms: int = 0, end_wall_ms: int = 1 << 62, limit: int = 1000
    ) -> tuple[CasePage, ...]:
        """Cases first reported in that time (rounded times), latest first, open and closed."""

    def still(self, token: str, source: str = "") -> FlagReply:
        """One tap: still broken. Counts as a flag; a closed case is reopened."""

    def open_data(self) -> OpenData:
        """The public feed."""

    def inventory(self) -> tuple[InventoryRow, ...]:
        """What is kept, why, where, how long and who reads it; made from the tables themselves."""
