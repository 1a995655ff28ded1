"""A copy made while the station runs is whole; taken back it is said; a damaged one is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from override.audit import entry_of
from override.backup import BackupError, back_up, records, take_back
from override.roles import Role
from override.storage import Storage
from tests.paper_station import WALL_MS, Console, Station, hold


@pytest.fixture
def station(tmp_path: Path) -> Station:
    station = Station(tmp_path / "station.db")
    ana = Console("ana", Role.OPERATOR)
    for k in range(3):
        station.receive(hold(station, ana, f"J{k}"), ana)
        station.wait(11_000)
    return station


def test_a_copy_made_while_the_station_writes_is_whole_and_private(station: Station, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    known = station.storage.audit_index
    assert back_up(station.path, copy) == known
    assert copy.stat().st_mode & 0o777 == 0o600
    ana = Console("ana", Role.OPERATOR)
    ana.seq = 50
    station.receive(hold(station, ana, "J4"), ana)
    assert station.storage.audit_index > known, "the station went on"
    assert records(copy) == known
    with pytest.raises(BackupError, match="never overwritten"):
        back_up(station.path, copy)


def test_taken_back_it_is_the_station_of_then_and_the_audit_says_who_did_it(
    station: Station, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    count = back_up(station.path, copy)
    ana = Console("ana", Role.OPERATOR)
    ana.seq = 50
    station.receive(hold(station, ana, "J4"), ana)
    later = station.storage.audit_index
    with pytest.raises(BackupError, match="a station uses it"):
        take_back(copy, station.path, "root", 1, WALL_MS)
    assert station.storage.audit_index == later, "and nothing has happened to it"
    station.storage.close()
    taken, kept = take_back(copy, station.path, "root", 1, WALL_MS)
    assert taken == count
    assert kept is not None
    assert records(kept) == later, "what stood there is kept"
    storage = Storage(station.path)
    entries = [entry_of(record) for _, record, _ in storage.chain()]
    assert len(entries) == count + 1
    assert (entries[-1].kind, entries[-1].actor) == ("restore", "root")
    assert storage.last_number("ana") == (1, 3)
    storage.close()
    assert records(station.path) == count + 1


def test_a_copy_that_was_altered_or_is_none_is_refused_by_name(station: Station, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    back_up(station.path, copy)
    station.storage.close()
    with closing(sqlite3.connect(copy)) as database:
        database.execute("UPDATE audit SET record = x'90' WHERE number = 2")
        database.commit()
    with pytest.raises(BackupError, match=r"record 2 .* does not fit"):
        take_back(copy, station.path, "root", 1, WALL_MS)
    other = tmp_path / "letter.txt"
    other.write_text("dear reader", encoding="utf-8")
    with pytest.raises(BackupError, match=r"letter\.txt: not a station's storage"):
        take_back(other, station.path, "root", 1, WALL_MS)
    with pytest.raises(BackupError, match="no such file"):
        take_back(tmp_path / "nothing", station.path, "root", 1, WALL_MS)
    assert records(station.path) > 0, "the station's own file is as it was"
