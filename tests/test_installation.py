"""Whether a station could run here: each thing that is wrong is named, and nothing is changed."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belisha import app
from override.installation import Grade, check_installation
from override.keys import add_person, init_keys, read_secret
from override.roles import Role
from override.storage import Change, Storage
from tests.test_audit import entry

WALL_MS = 1_800_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init_keys(tmp_path / "keys")
    for name, role in (("sam", Role.SUPERVISOR), ("sue", Role.SUPERVISOR), ("gate", Role.CITIZEN_GATEWAY)):
        add_person(tmp_path / "keys", name, role)
        (tmp_path / "keys" / f"{name}.key").unlink()
    return tmp_path


def wrong(folder: Path, *endpoints: str, wall_ms: int = WALL_MS) -> list[str]:
    findings = check_installation(folder / "keys", folder / "station.db", endpoints, wall_ms)
    return [f"{finding.part}: {finding.sentence}" for finding in findings if finding.grade is Grade.WRONG]


def look(folder: Path) -> str:
    findings = check_installation(folder / "keys", folder / "station.db", (), WALL_MS)
    return " ".join(finding.sentence for finding in findings if finding.grade is Grade.LOOK)


def test_a_good_installation_has_nothing_wrong_before_and_after_its_first_start(folder: Path) -> None:
    assert wrong(folder) == []
    storage = Storage(folder / "station.db")
    storage.commit(Change(entries=(entry(1),)))
    storage.close()
    before = (folder / "station.db").read_bytes()
    assert wrong(folder) == []
    assert (folder / "station.db").read_bytes() == before
    assert "supervisors" not in look(folder)


def test_keys_that_others_can_read_or_nobody_can_drive_with(folder: Path) -> None:
    (folder / "keys" / "station.key").chmod(0o644)
    assert "station.key" in wrong(folder)[0]
    init_keys(folder / "other")
    add_person(folder / "other", "vic", Role.VIEWER)
    found = check_installation(folder / "other", folder / "station.db", (), WALL_MS)
    assert [f.sentence for f in found if f.grade is Grade.WRONG and "nobody could give orders" in f.sentence]
    assert [f for f in found if f.grade is Grade.LOOK and "vic.key" in f.sentence]


def test_a_storage_that_is_open_to_others_broken_or_altered(folder: Path) -> None:
    file = folder / "station.db"
    storage = Storage(file)
    storage.commit(Change(entries=(entry(1), entry(2))))
    storage._db.execute("UPDATE audit SET record=? WHERE number=1", (entry(9).packed(),))
    storage.close()
    file.chmod(0o640)
    first, second = wrong(folder)
    assert "mode 640" in first
    assert "does not fit the chain" in second
    file.write_bytes(b"no database" * 100)
    file.chmod(0o600)
    assert "not a station's storage" in wrong(folder)[0]


def test_endpoints_clock_and_folder(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        assert "not this station" in wrong(folder, endpoint)[0]
    assert wrong(folder, endpoint) == []
    assert "tcp://HOST:PORT" in wrong(folder, "ipc://x")[0]
    assert "before 2025" in wrong(folder, wall_ms=1_000)[0]
    nowhere = check_installation(folder / "keys", folder / "none" / "station.db", (), WALL_MS)
    assert [f for f in nowhere if f.grade is Grade.WRONG and "no such folder" in f.sentence]


def test_the_command_says_it_in_lines_and_with_its_exit_code(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    words = ["check", "--station", str(folder / "station.db"), "--keys", str(folder / "keys"),
             "--endpoint", endpoint]  # fmt: skip
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "A station can run here." in result.output
    secret = read_secret(folder / "keys" / "station.key")
    assert secret.name == "station"
    (folder / "keys" / "people.toml").unlink()
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output)[0]["grade"] == "wrong"
