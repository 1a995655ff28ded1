"""Which screens there are, by which key, and where their code is: one table, read once at the start.

A screen is imported when it is first opened, so that the first picture waits for none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.screen import Screen


@dataclass(frozen=True, slots=True)
class Door:
    """One screen. Its class is made without arguments and finds everything in `self.app`."""

    name: str
    key: str
    title: str
    words: str
    """What one does there, for help and the command palette."""
    module: str
    screen: str
    from_junction: bool = False
    """Made with the name of the selected junction."""
    shown: bool = False
    """Whether its key stands at the foot of every screen; help and the palette have all of them."""

    def open(self, junction: str = "") -> Screen[object]:
        """Make the screen."""
        made = getattr(import_module(self.module), self.screen)
        screen: Screen[object] = made(junction) if self.from_junction else made()
        return screen


DOORS: tuple[Door, ...] = (
    Door("junction", "enter", "Junction", "See the selected junction from near", "tui.junction",
         "JunctionScreen", from_junction=True),
    Door("order", "o", "Order", "Tell the chosen junction what to do, seeing first what it costs whom",
         "tui.order_dialog", "OrderDialog", from_junction=True, shown=True),
    Door("corridor", "c", "Corridor", "Clear the way for an emergency vehicle, from here to there",
         "tui.corridor_dialog", "CorridorDialog", from_junction=True),
    Door("orders", "l", "Orders", "All orders: leases, renewing, releasing, agreeing as the second person",
         "tui.orders_screen", "OrdersScreen", shown=True),
    Door("alarms", "a", "Alarms", "Acknowledge and suspend alarms, with filters", "tui.alarms_screen",
         "AlarmsScreen", shown=True),
    Door("flags", "f", "Flags", "What citizens report, with the evidence beside it", "tui.flags_screen",
         "FlagsScreen", shown=True),
    Door("events", "e", "Events", "What happened, with filters and search", "tui.events_screen",
         "EventsScreen"),
    Door("audit", "U", "Audit", "Who asked for what, in the chain that nobody can alter", "tui.audit_screen",
         "AuditScreen"),
    Door("fairness", "y", "Fairness", "Waits by district and mode, promises kept, the policy in force",
         "tui.fairness_screen", "FairnessScreen"),
    Door("policy", "w", "Policy", "Whose waiting counts how much, who decided it, what it brings where",
         "tui.policy_screen", "PolicyScreen"),
    Door("timespace", "t", "Time-space", "Greens along a street, and who can drive through",
         "tui.timespace_screen", "TimeSpaceScreen"),
    Door("panic", "exclamation_mark", "Stop", "All red or flash, of the chosen junction or its district",
         "tui.panic_dialog", "PanicDialog", from_junction=True, shown=True),
)  # fmt: skip
"""In the order in which they are offered. The overview is always there and has no door."""
