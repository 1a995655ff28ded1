"""Alarms as they are kept over a restart: their moments as wall time, since monotonic clocks begin anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import msgpack  # type: ignore[import-untyped]

from override.views import AlarmView, Urgency

_NAMES = tuple(f.name for f in fields(AlarmView))


def kept_alarm(view: AlarmView, now_ms: int, wall_ms: int) -> tuple[str, bytes]:
    """(id, record); an empty record when nothing of it need be kept."""
    if not view.active and view.acknowledged and not view.suspended:
        return view.alarm, b""
    values = {name: getattr(view, name) for name in _NAMES}
    values["urgency"] = str(view.urgency)
    values["since_ms"] = wall_ms - (now_ms - view.since_ms)
    values["until_ms"] = wall_ms - (now_ms - view.until_ms) if view.until_ms else 0
    record: bytes = msgpack.packb(values)
    return view.alarm, record


def alarms_kept(records: Iterable[bytes], now_ms: int, wall_ms: int) -> list[AlarmView]:
    """Alarms back from their records."""
    out = []
    for record in records:
        values = msgpack.unpackb(record)
        values["urgency"] = Urgency(values["urgency"])
        values["since_ms"] = max(0, now_ms - (wall_ms - values["since_ms"]))
        if values["until_ms"]:
            values["until_ms"] = max(0, now_ms - (wall_ms - values["until_ms"]))
        out.append(AlarmView(**values))
    return out
