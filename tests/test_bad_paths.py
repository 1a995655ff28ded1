"""Paths that cannot be used: one line that names the path and says what to do, exit code 2, no number of the
system's and no traceback, whichever command is given them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import belisha
from override.keys import add_person, init_keys
from override.roles import Role
from override.storage import Storage

KEYS = {
    "station": "station small-city --keys PATH",
    "console": "console --keys PATH",
    "handover": "handover --keys PATH",
    "citizen": "citizen --keys PATH",
    "keys list": "keys list --keys PATH",
    "keys new": "keys new bo --role viewer --keys PATH",
    "keys revoke": "keys revoke ana --reason left --keys PATH",
    "audit verify": "audit verify good.db --keys PATH",
    "audit attest": "audit attest good.db --witness lines --keys PATH",
}
FILES = {
    "order": "order list --key PATH",
    "watch": "watch --key PATH",
    "alarm": "alarm list --key PATH",
    "case": "case list --key PATH",
    "deploy": "deploy propose PATH --reason mended --key good/ana.key",
    "restore": "restore PATH --file other.db",
    "baseline": "restore --baseline --reason mended --key PATH",
    "backup": "backup copy.db --file PATH",
    "audit show": "audit show PATH",
    "audit verify": "audit verify good.db --keys good --witness PATH",
    "policy": "citizen --keys good --policy PATH",
    "text secret": "citizen --keys good --text-secret PATH",
    "keys of open311": "citizen --keys good --open311-keys PATH",
    "pole codes": "poles code K7M4XR --codes PATH",
    "import": "import PATH -o street.toml",
    "journal": "journal export PATH -o log.parquet",
    "replay": "replay PATH",
    "words": "words A1 --file PATH",
    "scenario": "check PATH",
}
OUTPUTS = {
    "backup": "backup PATH --file good.db",
    "journal": "station small-city --keys good --file other.db --journal PATH",
    "audit export": "audit export good.db -o PATH",
    "pole secret": "poles secret -o PATH",
}
UNUSABLE = [
    pytest.param(command, path, id=f"{name}-{path}")
    for commands, bad in ((FILES, ("binary", "binary/inside")), (OUTPUTS, ("empty", "empty/inside")))
    for name, command in commands.items()
    for path in ("nowhere/inside", "folder", *bad)
]
"""What is read and what is written, with what cannot be used as either."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys and a station's file that can be used, and what cannot be."""
    init_keys(tmp_path / "good")
    add_person(tmp_path / "good", "ana", Role.SUPERVISOR)
    add_person(tmp_path / "good", "citizen", Role.CITIZEN_GATEWAY)
    Storage(tmp_path / "good.db").close()
    (tmp_path / "folder").mkdir(mode=0o700)
    for name, content in (("empty", b""), ("binary", bytes(range(256)))):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command line says; it must be one line, and exit code 2."""
    monkeypatch.setattr(sys, "argv", ["belisha", *words.split()])
    with pytest.raises(SystemExit) as ended:
        belisha.main()
    said = capsys.readouterr()
    assert ended.value.code == 2, said
    assert said.out == ""
    assert len(said.err.splitlines()) == 1, said.err
    assert "Errno" not in said.err
    assert "codec" not in said.err
    return said.err


@pytest.mark.parametrize("command", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("path", ["nowhere", "nowhere/inside", "folder", "empty", "empty/inside"])
def test_a_folder_that_holds_no_keys_is_named_and_how_keys_are_made(
    command: str, path: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(command.replace("PATH", path), monkeypatch, capsys)
    assert path in said
    assert f"belisha keys init --keys {path}" in said


@pytest.mark.parametrize(("command", "path"), UNUSABLE)
def test_a_file_that_cannot_be_read_or_written_is_named(
    command: str, path: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert path in refusal(command.replace("PATH", path), monkeypatch, capsys)


def test_a_private_key_that_is_not_there_is_made_by_another_command(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "belisha keys new NAME --role ROLE" in refusal("order list --key good/bo.key", monkeypatch, capsys)
    said = refusal("poles code K7M4XR --codes there.toml", monkeypatch, capsys)
    assert "belisha poles secret -o there.toml" in said


def test_keys_are_not_made_where_a_file_is(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in ("empty", "empty/inside"):
        assert path in refusal(f"keys init --keys {path}", monkeypatch, capsys)
