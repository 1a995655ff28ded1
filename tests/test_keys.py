"""Keys: made privately, refused when anybody else could know them, gone at once when revoked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import belisha
from override import z85
from override.keys import (
    PEOPLE_FILE,
    SAMPLE_KEYS,
    Keyring,
    KeysError,
    add_person,
    init_keys,
    read_people,
    read_secret,
    revoke,
)
from override.roles import Role


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The station's keys and those of two people."""
    folder = tmp_path / "keys"
    init_keys(folder)
    add_person(folder, "ana", Role.OPERATOR)
    add_person(folder, "sam", Role.SUPERVISOR)
    return folder


def test_the_zeromq_rfc_example_and_any_key_survive_their_text_form() -> None:
    assert z85.encode(bytes.fromhex("864fd26fb559f75b")) == "HelloWorld"
    assert z85.decode("HelloWorld") == bytes.fromhex("864fd26fb559f75b")
    key = os.urandom(32)
    assert z85.decode(z85.encode(key)) == key


@pytest.mark.parametrize("text", ["Hello", "Hell~", "#####"])
def test_text_that_is_no_key_is_refused_or_decodes_to_four_bytes(text: str) -> None:
    if text == "Hello":
        assert len(z85.decode(text)) == 4
    else:
        with pytest.raises(ValueError):
            z85.decode(text)


def test_everything_made_is_readable_by_its_owner_only(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    files = list(folder.iterdir())
    assert {f.name for f in files} == {PEOPLE_FILE, "station.key", "witness.key", "ana.key", "sam.key"}
    assert all(f.stat().st_mode & 0o777 == 0o600 for f in files)


def test_the_private_file_fits_the_public_one_and_signs(folder: Path) -> None:
    from nacl.signing import VerifyKey

    secret = read_secret(folder / "ana.key")
    ana = Keyring(folder).holder(secret.curve_public)
    assert ana is not None
    assert (ana.name, ana.role, ana.sign_public) == ("ana", Role.OPERATOR, secret.sign_public)
    VerifyKey(ana.sign_public).verify(b"all red", secret.sign(b"all red"))


def test_the_two_keys_of_a_person_have_nothing_in_common(folder: Path) -> None:
    secret = read_secret(folder / "ana.key")
    assert secret.curve_secret != secret.sign_secret
    assert secret.curve_public != secret.sign_public


def test_who_is_revoked_is_unknown_at_the_next_look(folder: Path) -> None:
    ring = Keyring(folder)
    key = read_secret(folder / "ana.key").curve_public
    assert ring.holder(key) is not None
    revoke(folder, "ana", "left the department")
    ring.refresh()
    assert ring.holder(key) is None
    assert ring.named("ana") is None
    assert ring.named("sam") is not None
    with pytest.raises(KeysError, match="taken"):
        add_person(folder, "ana", Role.OPERATOR)


@pytest.mark.parametrize("harm", ["removed", "opened", "scribbled"])
def test_a_ring_that_can_no_longer_be_trusted_knows_nobody(folder: Path, harm: str) -> None:
    ring = Keyring(folder)
    path = folder / PEOPLE_FILE
    if harm == "removed":
        path.unlink()
    elif harm == "opened":
        path.chmod(0o644)
    else:
        path.write_text("not toml [", encoding="utf-8")
    ring.refresh()
    assert list(ring) == []
    assert ring.complaint


def test_a_ring_mended_again_knows_people_again(folder: Path) -> None:
    ring = Keyring(folder)
    path = folder / PEOPLE_FILE
    path.chmod(0o640)
    ring.refresh()
    assert ring.named("ana") is None
    path.chmod(0o600)
    ring.refresh()
    assert ring.named("ana") is not None


def test_a_ring_without_any_valid_person_is_no_ring(tmp_path: Path) -> None:
    init_keys(tmp_path / "keys")
    with pytest.raises(KeysError, match="no valid key"):
        Keyring(tmp_path / "keys")


@pytest.mark.parametrize("key", sorted(SAMPLE_KEYS)[:14:3])
def test_a1_sample_keys_from_manuals_are_refused(folder: Path, key: bytes) -> None:
    path = folder / PEOPLE_FILE
    ana = next(p for p in read_people(folder) if p.name == "ana")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(z85.encode(ana.curve_public), z85.encode(key)), encoding="utf-8")
    with pytest.raises(KeysError, match="sample key"):
        Keyring(folder)
    path.write_text(text.replace(ana.sign_public.hex(), key.hex()), encoding="utf-8")
    with pytest.raises(KeysError, match="sample key"):
        Keyring(folder)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('role = "operator"', 'role = "king"', "known are"),
        ('name = "ana"', 'name = "Ana!"', "a-z"),
        ('name = "ana"', 'name = "sam"', "twice"),
        ('revoked = ""', "revoked = false", "text is needed"),
        ('revoked = ""', 'revoked = ""\nadmin = "yes"', "exactly"),
        ("[[person]]", "[extra]\nx = 1\n[[person]]", "only"),
        ('role = "operator"', 'role = "station"', "known are"),
    ],
)
def test_a_spoiled_file_is_refused_in_one_line(folder: Path, old: str, new: str, complaint: str) -> None:
    path = folder / PEOPLE_FILE
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KeysError, match=complaint) as caught:
        Keyring(folder)
    assert "\n" not in str(caught.value)


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(belisha.app, ["keys", *words])
    return (2 if isinstance(result.exception, KeysError) else result.exit_code), (
        str(result.exception) if result.exception else result.output
    )


@pytest.mark.parametrize("reason", ["lost\x07", "left\r\nearly", 'he said "no"', "\u202eback", "x" * 5000])
def test_whatever_the_reason_of_a_revocation_the_others_are_still_known(folder: Path, reason: str) -> None:
    revoke(folder, "ana", reason)
    known = {person.name: person for person in read_people(folder)}
    assert known["ana"].revoked.isprintable()
    assert known["ana"].revoked[:4] in ("lost", "left", "he s", "/u20", "xxxx")
    assert not known["station"].revoked


def test_the_command_line_makes_lists_and_revokes(tmp_path: Path) -> None:
    folder = ["--keys", str(tmp_path / "k")]
    assert run("init", *folder)[0] == 0
    assert run("new", "ana", "--role", "operator", *folder)[0] == 0
    code, text = run("list", *folder)
    assert code == 0
    assert "ana" in text
    assert run("revoke", "ana", "--reason", "left", *folder)[0] == 0
    assert "REVOKED: left" in run("list", *folder)[1]
    secret = (tmp_path / "k" / "ana.key").read_text(encoding="utf-8").split("'")[1]
    assert secret not in run("list", "--json", *folder)[1]


def test_the_command_line_refuses_in_one_line_with_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / PEOPLE_FILE).chmod(0o644)
    monkeypatch.setattr("sys.argv", ["belisha", "keys", "list", "--keys", str(folder)])
    with pytest.raises(SystemExit) as stop:
        belisha.main()
    assert stop.value.code == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert "chmod 600" in complaint


@pytest.mark.parametrize("name", ["station", "witness", "local-panic"])
def test_nobody_gets_the_name_of_a_service_or_of_the_panic_switch(folder: Path, name: str) -> None:
    with pytest.raises(KeysError, match="taken"):
        add_person(folder, name, Role.OPERATOR)


def test_keys_are_never_overwritten(folder: Path) -> None:
    before = (folder / "ana.key").read_bytes()
    with pytest.raises(KeysError, match="never overwritten"):
        init_keys(folder)
    with pytest.raises(KeysError, match="taken"):
        add_person(folder, "ana", Role.SUPERVISOR)
    assert (folder / "ana.key").read_bytes() == before
