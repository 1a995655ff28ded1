"""What a console knows of a street at one moment, frozen, so that screens may read it while more arrives.

The connection's thread makes a new `Sight` whenever something came; screens hold the last one.
Nothing in it is ever changed, and nothing in it pretends: how old it is can be asked at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from override.bounds import BOOT_BYTES
from override.details import Detail, Pulse
from override.flag_messages import FlagView
from override.layouts import JunctionLayout, RoadLayout
from override.previews import Receipt
from override.views import AlarmView, Event, JunctionView, OrderView

STALE_S = 3.0
"""Nothing heard for so long: what is on the screen is the past, and is shown as such."""
ORDER_FRESH_S = 2.0
"""Only who has seen the street within this time may send an order that needs a basis (10.7)."""
EVENTS_KEPT = 500
RECEIPTS_KEPT = 50


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


class Contact(StrEnum):
    """How the console stands with its station."""

    CALLING = "calling"
    """Nobody has answered yet."""
    LIVE = "live"
    LOST = "lost"
    """It answered once, and is silent now."""


@dataclass(frozen=True, slots=True)
class DetailSeen:
    """A junction from near, and when this console heard of it."""

    detail: Detail
    heard_s: float


@dataclass(frozen=True, slots=True)
class PulsePoint:
    """One pulse, and when this console heard of it."""

    pulse: Pulse
    heard_s: float


@dataclass(frozen=True, slots=True)
class Sight:
    """All of it. Mappings are never changed after they are put here."""

    contact: Contact = Contact.CALLING
    trouble: str = ""
    """Why there is no contact, in words, and what is being done about it."""
    boot: bytes = bytes(BOOT_BYTES)
    starts_seen: int = 0
    """Runs of the station that this console has met; more than one = it was started anew meanwhile."""
    now_ms: int = 0
    """The station's clock in the last message."""
    heard_s: float = 0.0
    """This console's monotonic clock when that came; 0 = never."""
    lag_ms: int = 0
    """How long a message took, about: half a question and answer, and what came on top of the fastest."""
    progress: int = 0
    street: str = ""
    layout_number: int = 0
    """Grows when layout or roads are others."""
    layouts: Mapping[str, JunctionLayout] = field(default_factory=_nothing)
    roads: tuple[RoadLayout, ...] = ()
    junctions: Mapping[str, JunctionView] = field(default_factory=_nothing)
    orders: Mapping[str, OrderView] = field(default_factory=_nothing)
    alarms: Mapping[str, AlarmView] = field(default_factory=_nothing)
    flags: Mapping[str, FlagView] = field(default_factory=_nothing)
    details: Mapping[str, DetailSeen] = field(default_factory=_nothing)
    pulse: Pulse | None = None
    pulses: tuple[PulsePoint, ...] = ()
    """One every few seconds over the last hour, for plots."""
    events: tuple[Event, ...] = ()
    """The latest last."""
    receipts: tuple[Receipt, ...] = ()
    flags_told_ms: Mapping[str, int] = field(default_factory=_nothing)
    """The station's clock when each citizen case was told; without an entry: that of the last message."""

    def age_s(self, now_s: float) -> float:
        """How old what is shown is, by this console's monotonic clock; infinite = nothing came yet."""
        return now_s - self.heard_s if self.heard_s else float("inf")

    def is_stale(self, now_s: float) -> bool:
        """Whether it is the past: silent for too long, whatever the connection says."""
        return self.contact is not Contact.LIVE or self.age_s(now_s) > STALE_S

    def may_order(self, now_s: float) -> str:
        """Why no order that needs a basis may be sent from this screen now; empty = it may."""
        if self.is_stale(now_s):
            return "the station is silent: what you see is the past, and nothing can be ordered from it"
        if (age_s := self.age_s(now_s)) > ORDER_FRESH_S:
            return f"what you see is {age_s:.0f} s old; an order needs one of the last {ORDER_FRESH_S:.0f} s"
        return ""

    def station_ms(self, now_s: float) -> int:
        """What the station's clock shows now, about."""
        return self.now_ms + round(1000 * max(0.0, now_s - self.heard_s)) if self.heard_s else 0

    def left_s(self, until_ms: int, now_s: float) -> int:
        """Whole seconds until that moment of the station's clock; 0 when it is over."""
        return max(0, until_ms - self.station_ms(now_s) + 999) // 1000

    def flag_began_ms(self, flag: FlagView) -> int:
        """The station's clock when the first report of this case came."""
        return max(0, self.flags_told_ms.get(flag.flag, self.now_ms) - flag.age_ms)

    def remedy_left_ms(self, flag: FlagView, at_ms: int) -> int:
        """What is left of its remedy at this moment of the station's clock; 0 = nothing, or it has no end."""
        since_ms = at_ms - self.flags_told_ms.get(flag.flag, self.now_ms)
        return max(0, flag.remedy_left_ms - since_ms) if flag.remedy_left_ms else 0

    def title(self, junction: str) -> str:
        """What people call it, where that is known."""
        layout = self.layouts.get(junction)
        return layout.title if layout else junction
