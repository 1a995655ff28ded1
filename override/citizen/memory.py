"""What a citizen process that begins again knows from its file: street, record, kept promises, rates."""

from __future__ import annotations

from override import wire
from override.citizen.dealing import Dealing
from override.citizen.directory import Directory
from override.citizen.store import Store
from override.topics import TOPICS


def recall(store: Store, dealing: Dealing) -> None:
    """Put it back. Cases are there already; the record ends with a gap, since nobody listened meanwhile."""
    for district, (repeats, presses) in store.listening().items():
        dealing.listening.learnt(district, repeats, presses)
    parts = [wire.decode(body, TOPICS["layout"]) for body in store.layout()]
    if not parts:
        return
    dealing.look_at(Directory(parts[0].street, (j for part in parts for j in part.junctions)))
    for rows in store.rows():
        dealing.record.replay(rows)
    dealing.record.silent()
    for junction, group, hour, calls, kept in store.services():
        by_hour = dealing.record.group(junction, group).by_hour
        if not any(row[0] == hour for row in by_hour):
            by_hour.append([hour, calls, kept])
