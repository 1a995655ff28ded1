"""Another card for one junction, asked for by the engine, decided by the monitor.

The monitor makes the card of the version named by itself, from the ground and the file of versions, beside
its turns; the engine's word is only a digest it must come to as well. What it begins with is the base: to
that a junction may go back at any time, through flash at once, as all do when an engine begins anew. Where
only a junction's stages change its card stays as it is: asked for, proved and taken like any other.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from controller.monitor import Card, SafetyMonitor
from controller.monitor.card_parts import BEFORE, junctions_that_differ, with_junction

CardOf = Callable[[int], Card]
"""The card of a version, by its number, from the ground. Raises ValueError where nobody may have it."""
KEEP = -1
"""In the place of a junction: the card in force is the base from now on."""
MAKING_SWITCH_S, USUAL_SWITCH_S = 0.0005, sys.getswitchinterval()
"""While a card is made beside the turns, they come ten times sooner than Python's usual."""


@dataclass(frozen=True, slots=True)
class CardWish:
    """Engine to monitor: judge this junction by that version from now on."""

    junction: int
    version: int
    """`BEFORE` = back to the base."""
    digest: bytes
    """Of the whole card that would be in force then, as the engine made it."""
    at_once: bool = False
    """Through flash from whatever is shown; only back to the base."""
    number: int = 0
    """Of the wish, however often it is said; each of an engine has another one, from 1 on."""


@dataclass(frozen=True, slots=True)
class CardAnswer:
    """Monitor to engine: the card of that wish is in force; or, with `why`, is not going to be."""

    junction: int
    digest: bytes
    why: str = ""
    number: int = 0


class CardChanges:
    """What one monitor process does about wishes for other cards."""

    def __init__(self, card: Card, card_of: CardOf | None = None) -> None:
        self.base = card
        self._card_of = card_of
        self._done_number = 0
        """The last wish that was done."""
        self._number = 0
        self._made: Card | str = ""
        self._thread: threading.Thread | None = None

    def answer(self, wish: CardWish, monitor: SafetyMonitor) -> CardAnswer | None:
        """Do it, or say why not; None = the card is still being made, and the engine asks again."""
        try:
            if not self._done(wish, monitor):
                return None
        except ValueError as refused:
            return CardAnswer(wish.junction, wish.digest, str(refused)[:400], wish.number)
        return CardAnswer(wish.junction, wish.digest, "", wish.number)

    def comes_back(self, digest: bytes, monitor: SafetyMonitor) -> bool:
        """An engine begins anew, bound by this card: whether that is in force, or now is, being the base."""
        self._done_number = 0
        if digest == _digest(self.base):
            for j in np.flatnonzero(junctions_that_differ(monitor.card, self.base)).tolist():
                monitor.take_card(j, with_junction(monitor.card, self.base, j), at_once=True)
        return digest == _digest(monitor.card)

    def _done(self, wish: CardWish, monitor: SafetyMonitor) -> bool:
        """False = not yet. Raises ValueError."""
        held = wish.digest == _digest(monitor.card)
        if held and wish.junction == KEEP:
            self.base = monitor.card
            return True
        if held and wish.number == self._done_number:
            return True  # the answer was lost
        if not 0 <= wish.junction < monitor.card.junction_count:
            raise ValueError("another card is in force")
        theirs = self.base if wish.version == BEFORE else self._of(wish.version)
        if theirs is None:
            return False
        if wish.at_once and wish.version != BEFORE:
            raise ValueError("at once only back to the card before")
        card = with_junction(monitor.card, theirs, wish.junction)
        if wish.digest != _digest(card):
            raise ValueError(f"engine and monitor made different cards of version {wish.version} (C15)")
        monitor.take_card(wish.junction, card, at_once=wish.at_once)
        self._done_number = wish.number
        return True

    def _of(self, version: int) -> Card | None:
        """The card of a version; None as long as it is being made. Raises ValueError."""
        if version != self._number:
            if self._thread is not None and self._thread.is_alive():
                return None
            self._number, self._made = version, ""
            sys.setswitchinterval(MAKING_SWITCH_S)
            self._thread = threading.Thread(target=self._make, args=(version,), daemon=True)
            self._thread.start()
        if self._thread is not None and self._thread.is_alive():
            return None
        sys.setswitchinterval(USUAL_SWITCH_S)
        if isinstance(self._made, str):
            raise ValueError(self._made or f"no card of version {version} can be made here")
        return self._made

    def _make(self, version: int) -> None:
        if self._card_of is None:
            return
        try:
            self._made = self._card_of(version)
        except Exception as error:  # nothing in a file of somebody's may end the monitor
            self._made = " ".join(str(error).split()) or type(error).__name__


def _digest(card: Card) -> bytes:
    return bytes.fromhex(card.digest())
