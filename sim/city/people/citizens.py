"""Citizens who tell, or do not: who meets a fault, thinks a moment, and says so; and who shout together.

Plain schedulers: whoever drives them asks once a step what is due. Draws come from their own seed,
one for each fault that somebody meets, so that other rates elsewhere change nobody's mind here.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from override.bounds import NONCE_BYTES
from override.flag_messages import Channel, FlagRequest, Kind

THINK_MS = 8_000
"""Median time from meeting a fault to saying so; drawn lognormal with a spread of half its logarithm."""
CHANNELS = (Channel.PAGE, Channel.TEXT, Channel.OPEN311)
CHANNEL_SHARES = (0.7, 0.2, 0.1)


@dataclass(frozen=True, slots=True)
class Told:
    """A flag on its way."""

    request: FlagRequest
    source: str
    """Who says it: only for the queue of the office."""


class Citizens:
    """People who may tell of what they meet; `rates` is the share who do, by district."""

    def __init__(self, rates: dict[str, float], seed: int) -> None:
        self.rates = rates
        self.met_faults = 0
        self._random = np.random.default_rng((seed, 1))
        self._due: list[tuple[int, int, Told]] = []

    def meet(self, pole: str, kind: Kind, district: str, now_ms: int) -> bool:
        """Somebody meets a fault; True = he will say so."""
        self.met_faults += 1
        tells, thought, channel = self._random.random(), self._random.normal(), self._random.random()
        nonce = self._random.bytes(NONCE_BYTES)
        if tells >= self.rates.get(district, 0.0):
            return False
        at_ms = now_ms + round(THINK_MS * float(np.exp(0.5 * thought)))
        by = CHANNELS[int(np.searchsorted(np.cumsum(CHANNEL_SHARES)[:-1], channel, side="right"))]
        told = Told(FlagRequest(nonce, pole, kind, by), f"citizen {self.met_faults}")
        heapq.heappush(self._due, (at_ms, self.met_faults, told))
        return True

    def due(self, now_ms: int) -> list[Told]:
        """What is said by now."""
        out = []
        while self._due and self._due[0][0] <= now_ms:
            out.append(heapq.heappop(self._due)[2])
        return out


class Brigade:
    """So many people who agreed to flag the same poles as dead, in turn, whatever is true.

    Each comes by a network of his own and by any channel, once every `every_ms`.
    """

    def __init__(
        self,
        poles: tuple[str, ...],
        members: int,
        begin_ms: int,
        end_ms: int,
        seed: int,
        every_ms: int = 60_000,
    ) -> None:
        self.poles, self.members = poles, members
        self.begin_ms, self.end_ms, self.every_ms = begin_ms, end_ms, every_ms
        self.said = 0
        self._random = np.random.default_rng((seed, 2))

    def due(self, now_ms: int) -> list[Told]:
        """What is said by now."""
        if not self.begin_ms <= now_ms < self.end_ms or not self.poles:
            return []
        until = (now_ms - self.begin_ms) * self.members // self.every_ms
        out = []
        while self.said < until:
            nonce = self._random.bytes(NONCE_BYTES)
            pole = self.poles[self.said % len(self.poles)]
            by = CHANNELS[self.said % len(CHANNELS)]
            kind = Kind.BUTTON_DEAD if self.said % 2 else Kind.WAITED_LONG
            out.append(Told(FlagRequest(nonce, pole, kind, by), f"member {self.said % self.members}"))
            self.said += 1
        return out
