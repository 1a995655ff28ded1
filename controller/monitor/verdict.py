"""What the monitor says: frozen records."""

from __future__ import annotations

from dataclasses import dataclass

from controller.monitor.card import Card
from controller.monitor.lamps import Bools, Int8s

WHOLE_STREET = -1
"""`Violation.junction` when a fault is of the frame and so of every junction."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule, or one alarm, found in this tick."""

    check: str
    """`C1` to `C13` of the rules."""
    junction: int
    """Index on the card, or `WHOLE_STREET`."""
    groups: tuple[int, ...]
    """Indices on the card; for pairs (ending or already active, starting)."""
    measured_ms: int
    required_ms: int
    sentence: str
    """For people, with names."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The answer to one frame. The arrays are read-only views of the monitor's own, and so
    change with the next frame: copy what you keep."""

    flash: Bools
    """(J) this junction flashes, latched or waiting for its restart."""
    latched: Bools
    """(J) only a person ends this flash (`SafetyMonitor.reset`)."""
    permitted: Int8s
    """(G) the lamps to show: as proposed, or the flash."""
    violations: tuple[Violation, ...]
    """New in this tick; they put the junction to flash."""
    alarms: tuple[Violation, ...]
    """New in this tick; C6, C7, C13: nobody is in danger, the junction should go down to rung 3."""


@dataclass(frozen=True, slots=True)
class Reset:
    """A person has ended a latch; for the audit."""

    junction: int
    by: str
    reason: str
    at_ms: int


class Findings:
    """What one frame was found guilty of, while it is being judged."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self.violations: list[Violation] = []
        self.alarms: list[Violation] = []

    def violation(
        self, check: int, groups: tuple[int, ...], measured_ms: int, required_ms: int, text: str
    ) -> None:
        """Note a broken rule; `text` follows the names of the groups."""
        self.violations.append(self._finding(check, groups, measured_ms, required_ms, text))

    def alarm(
        self, check: int, groups: tuple[int, ...], measured_ms: int, required_ms: int, text: str
    ) -> None:
        """Note an alarm; `text` follows the names of the groups."""
        self.alarms.append(self._finding(check, groups, measured_ms, required_ms, text))

    def _finding(
        self, check: int, groups: tuple[int, ...], measured_ms: int, required_ms: int, text: str
    ) -> Violation:
        who = " and ".join(self._card.where(group) for group in groups)
        junction = int(self._card.junction[groups[0]])
        return Violation(f"C{check}", junction, groups, measured_ms, required_ms, f"{who}: {text}")
