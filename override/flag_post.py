"""What people do with citizens' cases, on its way to the citizen process: kept until it says it has it.

The station keeps an act before it answers whoever asked for it, publishes it, and publishes it
again until the citizen process names its nonce among those it has handled. Whoever hears it
twice knows it by its nonce.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from override.alarms import ACTORS
from override.cases import Cases
from override.flag_messages import FlagAction, FlagActRequest
from override.refused import Refused
from override.ruling import Person, Ruling
from override.views import Outcome

AGAIN_MS = (2_000, 5_000, 15_000, 60_000)
"""Between one publishing and the next; the last for ever."""
PUBLISHED_PER_TURN = 20
WITH_REASON = frozenset({FlagAction.REJECT, FlagAction.FIXED, FlagAction.END_REMEDY})
"""Citizens read why."""


def rule_on_flag(cases: Cases) -> Callable[[FlagActRequest, Person, int], Ruling]:
    """Whether somebody may do that with a case the station knows of. Raises Refused."""

    def rule(request: FlagActRequest, who: Person, now_ms: int) -> Ruling:
        if who.role not in ACTORS:
            raise Refused("role", f"a role of {who.role} may not act on citizens' cases")
        if cases.heard_ms < 0:
            raise Refused("arguments", "the citizen process has not been heard yet: no case is known")
        case = cases.get(request.flag)
        if case is None:
            raise Refused("arguments", f"no case {request.flag}")
        if request.action in WITH_REASON and not request.reason.strip():
            raise Refused("arguments", f"{request.action} needs a reason: citizens read it")
        return Ruling(Outcome.DONE, "", f"{request.action}: told to the citizen process", flag_act=True)

    return rule


class FlagPost:
    """Acts under way. `kept` are those of before a restart: (nonce in hex, payload)."""

    def __init__(self, kept: Iterable[tuple[str, bytes]]) -> None:
        self._acts: dict[str, tuple[bytes, int, int]] = {nonce: (payload, 0, 0) for nonce, payload in kept}

    def __len__(self) -> int:
        return len(self._acts)

    def add(self, nonce: str, payload: bytes) -> None:
        """One more, that has just been stored."""
        self._acts.setdefault(nonce, (payload, 0, 0))

    def due(self, now_ms: int) -> list[bytes]:
        """Payloads that must be published now."""
        out: list[bytes] = []
        for nonce, (payload, times, next_ms) in self._acts.items():
            if len(out) == PUBLISHED_PER_TURN:
                break
            if now_ms >= next_ms:
                wait_ms = AGAIN_MS[min(times, len(AGAIN_MS) - 1)]
                self._acts[nonce] = (payload, times + 1, now_ms + wait_ms)
                out.append(payload)
        return out

    def confirm(self, nonces: Iterable[str]) -> list[str]:
        """The citizen process has these; gives those that were under way."""
        return [nonce for nonce in nonces if self._acts.pop(nonce, None) is not None]
