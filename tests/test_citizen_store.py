"""What the citizen process keeps: only what the inventory says, only as long as it says, and never lost."""

from __future__ import annotations

import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from override.citizen.admission import KEY_MS, Admission
from override.citizen.inventory import DAY_MS, KEEP, TABLES, inventory
from override.citizen.office import Office
from override.citizen.store import Store, StoreError, StoreFull, Writing
from override.citizen.wording import BadWords, screened
from override.flag_messages import FlagAction, FlagActRequest, FlagLife, Kind
from override.requests import Header
from tests.citizen_street import POLICY, CitizenStreet, layout


def test_the_inventory_is_the_schema(tmp_path: Path) -> None:
    store = Store(tmp_path / "citizen.db")
    assert store.columns() == {
        t.name: [c.name for c in t.columns] for t in sorted(TABLES, key=lambda t: t.name)
    }
    rows = [row for row in inventory() if row.table != "(memory)"]
    assert [(r.table, r.column) for r in rows] == [(t.name, c.name) for t in TABLES for c in t.columns]
    assert all(row.what and row.why and row.kept and row.readers and row.where for row in inventory())
    personal = {"name", "address", "phone", "mail", "device", "ip", "source", "channel", "latitude", "user"}
    assert not personal & {c.name for t in TABLES if t.name != "meta" for c in t.columns}
    store.close()


def test_only_its_owner_reads_it_and_other_files_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "citizen.db")
    assert (tmp_path / "citizen.db").stat().st_mode & 0o077 == 0
    store.close()
    (tmp_path / "text.db").write_text("no database at all, but long enough to be one" * 100)
    other = sqlite3.connect(tmp_path / "other.db")
    other.executescript("CREATE TABLE t (x); PRAGMA user_version=7;")
    other.close()
    for name, words in (("text.db", "not a citizen process's file"), ("other.db", "format 7")):
        with pytest.raises(StoreError, match=words):
            Store(tmp_path / name)


def everything_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


SAID = "the pole by the bakery leans"
ADDRESS = "203.0.113.77"


def test_after_the_retention_job_no_file_holds_what_somebody_wrote(tmp_path: Path) -> None:
    street = CitizenStreet(tmp_path)
    old = street.flag(Kind.OTHER, words=SAID, source=ADDRESS)
    street.wait(60)
    assert SAID.encode() in everything_on_disk(tmp_path)
    street.wall_ms += round(KEEP["words"] * DAY_MS) + 600_000
    assert street.office.tidy() == 1
    assert SAID.encode() not in everything_on_disk(tmp_path)
    page = street.office.case(old.token)
    assert page is not None, "the case itself is still there"
    assert ADDRESS.encode() not in everything_on_disk(tmp_path)
    assert old.token.encode() not in everything_on_disk(tmp_path)
    street.close()


def test_words_are_erased_as_soon_as_a_person_has_dealt_with_them(tmp_path: Path) -> None:
    street = CitizenStreet(tmp_path)
    reply = street.flag(Kind.OTHER, words=SAID)
    page = street.office.case(reply.token)
    assert page is not None
    header = Header(1, 1, secrets.token_bytes(16), 0, 0, bytes(8), 0)
    street.office.act(FlagActRequest(header, "ana", page.case, FlagAction.ACCEPT, "read"))
    street.wait(5)
    assert street.store.words_of(page.case) == []
    street.office.tidy()
    assert SAID.encode() not in everything_on_disk(tmp_path)
    street.close()


def test_closed_cases_and_their_flags_are_gone_in_time(tmp_path: Path) -> None:
    street = CitizenStreet(tmp_path)
    street.wait(900)
    street.cycle()
    reply = street.flag()
    assert reply.life is FlagLife.NOT_CONFIRMED
    for days, there in ((KEEP["flags"] - 1, True), (2, False)):
        street.wall_ms += round(days * DAY_MS)
        street.office.tidy()
        assert (street.office.case(reply.token) is not None) is there
    assert street.store.cases()
    street.wall_ms += round(KEEP["cases"] * DAY_MS)
    street.office.tidy()
    assert not street.store.cases()
    street.close()


def test_a_disk_that_is_full_keeps_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = CitizenStreet(tmp_path)
    street.wait(150)
    commit = street.store.commit

    def full(what: Writing) -> None:
        raise StoreFull("the disk is full")

    monkeypatch.setattr(street.store, "commit", full)
    request = street.request()
    reply = street.send(request)
    assert not reply.accepted
    assert reply.busy
    assert reply.code == "not-kept"
    assert not street.office.cases(), "what was not kept never was"
    assert not street.orders
    monkeypatch.setattr(street.store, "commit", commit)
    assert street.send(request).accepted
    assert len(street.office.cases()) == 1
    street.close()


def test_a_restarted_process_knows_its_cases_tokens_and_record(tmp_path: Path) -> None:
    street = CitizenStreet(tmp_path)
    for _ in range(6):
        street.cycle()
    street.wait(150)
    replies = [street.flag(), street.flag(Kind.SOUND), street.flag(Kind.GREEN_TOGETHER)]
    before = [street.office.case(reply.token) for reply in replies]
    page = street.office.signal(street.pole())
    now_ms = street.office.dealing.record.now_ms
    street.wait(5)
    street.close()
    street.open()
    assert [street.office.case(reply.token) for reply in replies] == before
    assert street.office.dealing.record.now_ms >= now_ms
    after = street.office.signal(street.pole())
    assert page is not None
    assert after is not None
    assert (after.kept_percent, after.calls) == (page.kept_percent, page.calls)
    again = street.still(replies[0].token)
    assert again.accepted
    street.close()


def test_another_street_makes_the_old_record_void(tmp_path: Path) -> None:
    street = CitizenStreet(tmp_path)
    street.cycle()
    street.close()
    street.layout = layout(2)
    street.open()
    assert street.office.dealing.record.begin_ms <= street.office.dealing.record.now_ms
    assert not street.office.dealing.record.group(0, 1).presses
    street.close()


def test_the_network_source_is_hashed_with_a_key_that_changes_and_is_nowhere_kept() -> None:
    keys: list[bytes] = []

    def random_bytes(count: int) -> bytes:
        keys.append(bytes([len(keys)]) * count)
        return keys[-1]

    admission = Admission(random_bytes)
    for _ in range(4):
        admission.admit("J0", "North", ADDRESS, 0)
    assert admission.often(ADDRESS, 0) == 4
    assert ADDRESS not in repr(vars(admission))
    assert admission.often(ADDRESS, KEY_MS) == 0, "another hour, another key: nobody is known"
    assert len(keys) == 2


def test_joiners_that_spelling_needs_are_kept_marks_that_deceive_are_not() -> None:
    assert screened("ক\u200dষ \u06a9\u062a\u0627\u0628\u200c\u0647\u0627", 200)
    for bad in ("a\u202eb", "\ufeffx", "x\u0007"):
        with pytest.raises(BadWords):
            screened(bad, 200)


KEEPER = """
import sys, secrets
from pathlib import Path
from tests.citizen_street import CitizenStreet
street = CitizenStreet(Path(sys.argv[1]), 24, True, districts=tuple("ABCDEFGHIJKL"))
k = 0
while True:
    k += 1
    street.now_ms += 4_000
    reply = street.flag("sound", street.pole(k % 24))
    if reply.accepted:
        print(reply.token, flush=True)
"""


@pytest.mark.parametrize("kill", range(3))
def test_killed_at_any_moment_it_has_every_flag_it_accepted(tmp_path: Path, kill: int) -> None:
    code = KEEPER.replace('"sound"', "__import__('override.flag_messages', fromlist=['Kind']).Kind.SOUND")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    tokens = [process.stdout.readline().decode().strip() for _ in range(15 + 7 * kill)]
    time.sleep(0.003 * kill)
    os.kill(process.pid, signal.SIGKILL)
    tokens += process.stdout.read().decode().split()
    process.stdout.close()
    process.wait()
    store = Store(tmp_path / "citizen.db")
    office = Office(store, lambda: (0, 1_763_800_200_000), POLICY)
    whole = [token for token in tokens if len(token) == 16]
    assert len(whole) >= 15
    assert all(office.case(token) is not None for token in whole)
    assert sum(case.count for case in store.cases()) >= len(whole)
    store.close()
