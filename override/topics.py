"""Every topic and message there is, in one table: version, size, who signs it.

The messages are frozen records of `requests` and `views`; `wire` turns them into bytes and
back and knows no field by name. A field's bounds stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from override.deploy_messages import (
    DeployRequest,
    StreetFile,
    StreetRequest,
    VersionPart,
    Versions,
    VersionsRequest,
)
from override.details import Detail, Pulse, Record, WatchRequest
from override.flag_messages import CasesRequest, FlagActRequest, FlagReply, FlagRequest, FlagStatusRequest
from override.layouts import Layout, LayoutRequest
from override.previews import Forecast, PreviewRequest, Receipt, ReceiptRequest
from override.requests import (
    AlarmRequest,
    Approval,
    AuditRequest,
    EventsRequest,
    OrderRequest,
    SnapshotRequest,
)
from override.roles import Command
from override.views import AuditPage, Delta, Event, Events, Reply, Snapshot


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table."""

    name: str
    version: int
    message: type
    most_bytes: int
    """Of the whole frame, signature included."""
    signed: bool
    """Requests are signed by their sender; what the station says CURVE answers for."""


_SMALL, _LARGE = 4096, 65536

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        # from people and programs to the station
        Topic("order", 1, OrderRequest, _SMALL, True),
        Topic("approve", 1, Approval, _SMALL, True),
        Topic("preview", 1, PreviewRequest, _SMALL, True),
        Topic("receipt-please", 1, ReceiptRequest, _SMALL, True),
        Topic("alarm-act", 1, AlarmRequest, _SMALL, True),
        Topic("flag-act", 1, FlagActRequest, _SMALL, True),
        Topic("version-part", 1, VersionPart, _SMALL, True),
        Topic("deploy", 1, DeployRequest, _SMALL, True),
        Topic("versions-please", 1, VersionsRequest, _SMALL, True),
        Topic("street-please", 1, StreetRequest, _SMALL, True),
        Topic("cases", 1, CasesRequest, _LARGE, True),
        Topic("picture", 1, SnapshotRequest, _SMALL, True),
        Topic("layout-please", 1, LayoutRequest, _SMALL, True),
        Topic("watch", 1, WatchRequest, _SMALL, True),
        Topic("events-please", 1, EventsRequest, _SMALL, True),
        Topic("audit-please", 1, AuditRequest, _SMALL, True),
        # answers
        Topic("reply", 1, Reply, _SMALL, False),
        Topic("forecast", 1, Forecast, _LARGE, False),
        Topic("snapshot", 1, Snapshot, _LARGE, False),
        Topic("layout", 1, Layout, _LARGE, False),
        Topic("events", 1, Events, _LARGE, False),
        Topic("versions", 1, Versions, _LARGE, False),
        Topic("street", 1, StreetFile, _LARGE, False),
        Topic("audit-page", 1, AuditPage, _LARGE, False),
        # published
        Topic("delta", 1, Delta, _LARGE, False),
        Topic("detail", 1, Detail, _LARGE, False),
        Topic("pulse", 1, Pulse, _LARGE, False),
        Topic("record", 1, Record, _LARGE, False),
        Topic("event", 1, Event, _SMALL, False),
        Topic("receipt", 1, Receipt, _LARGE, False),
        # from citizens to the citizen process, and back
        Topic("flag", 1, FlagRequest, 1024, False),
        Topic("flag-status", 1, FlagStatusRequest, 1024, False),
        Topic("flag-reply", 1, FlagReply, _SMALL, False),
    )
}
"""The whole language. A new field with a default keeps the version; anything else raises it."""

NEEDS: dict[Command, frozenset[str]] = {
    Command.HOLD: frozenset({"stage"}),
    Command.FORCE_OFF: frozenset({"stage"}),
    Command.OMIT: frozenset({"group"}),
    Command.CALL: frozenset({"group"}),
    Command.PLAN: frozenset({"plan"}),
    Command.SPLIT_BIAS: frozenset({"stage", "bias_ms"}),
    Command.DETECTOR_DISABLE: frozenset({"detector"}),
    Command.DETECTOR_RECALL: frozenset({"detector"}),
    Command.LONGER_WALK: frozenset({"group", "bias_ms"}),
    Command.MANUAL_STEP: frozenset(),
    Command.ALL_RED: frozenset(),
    Command.FLASH: frozenset(),
    Command.RELEASE: frozenset(),
    Command.LOCKOUT: frozenset(),
    Command.CORRIDOR: frozenset({"legs"}),
    Command.EVENT_PLAN: frozenset({"plan"}),
    Command.CONFIGURE: frozenset({"plan"}),
    Command.RESET_TRIP: frozenset(),
}
"""The arguments each command must have; it may have no other of ARGUMENTS."""
ARGUMENTS = frozenset({"stage", "group", "detector", "plan", "bias_ms", "legs"})
