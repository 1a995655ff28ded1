"""The audit: whoever deletes, alters, reorders, cuts or rewrites it is found (A23)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from override import audit
from override.audit import GENESIS, Attestation, Entry, Head, Witness, entry_of, link, sign_head, verify
from override.audit_commands import app
from override.audit_file import append_attestation, check_file, read_attestations
from override.keys import add_person, init_keys, new_secret, read_secret
from override.roles import Command, Role
from override.storage import Change, Storage
from tests.control_room import ANA

STATION, WITNESS = new_secret("station"), new_secret("witness")
Rows = list[tuple[int, bytes, bytes]]


def entry(k: int) -> Entry:
    return Entry(1000 * k, 5_000 + k, ANA.name, "order", Command.HOLD, f"ana-{k}", "accepted", ("J1", "J2"))


def chain(n: int, mark: str = "") -> Rows:
    rows: Rows = []
    before = GENESIS
    for k in range(1, n + 1):
        record = entry(k).packed() + mark.encode()
        before = link(before, record)
        rows.append((k, record, before))
    return rows


def judged(rows: Rows, heads: list[Head], seen: list[Attestation] | None = None) -> tuple[str, ...]:
    return verify(rows, heads, seen or [], STATION.sign_public, WITNESS.sign_public).faults


def head_of(rows: Rows, index: int) -> Head:
    return sign_head(STATION, index, rows[index - 1][2], 7_000)


def test_an_entry_survives_its_record() -> None:
    assert entry_of(entry(3).packed()) == entry(3)
    with pytest.raises(ValueError, match="not a record"):
        entry_of(b"\x01")


def test_a_whole_chain_has_no_faults() -> None:
    rows = chain(50)
    assert judged(rows, [head_of(rows, 20), head_of(rows, 50)]) == ()
    assert judged([], []) == ()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a23_every_single_change_to_a_chain_is_found(data: st.DataObject) -> None:
    rows = chain(30)
    heads = [head_of(rows, 10), head_of(rows, 30)]
    at = data.draw(st.integers(0, 29))
    match data.draw(st.sampled_from(["delete", "alter", "swap", "double", "cut", "relink", "rewrite"])):
        case "delete":
            del rows[at]
        case "alter":
            number, record, stored = rows[at]
            byte = data.draw(st.integers(0, len(record) - 1))
            flipped = bytes([record[byte] ^ data.draw(st.integers(1, 255))])
            rows[at] = (number, record[:byte] + flipped + record[byte + 1 :], stored)
        case "swap":
            other = data.draw(st.integers(0, 29).filter(lambda k: k != at))
            a, b = rows[at], rows[other]
            rows[at], rows[other] = (a[0], b[1], b[2]), (b[0], a[1], a[2])
        case "double":
            rows.insert(at, rows[at])
        case "cut":
            del rows[at:]
        case "relink":
            number, record, stored = rows[at]
            rows[at] = (number, record, bytes([stored[0] ^ 1]) + stored[1:])
        case "rewrite":
            rows = chain(30, mark="x")
    assert judged(rows, heads)


def test_who_rewrites_the_chain_and_its_heads_with_the_stations_key_still_meets_the_witness() -> None:
    true, false = chain(30), chain(30, mark="x")
    witness = Witness(WITNESS, STATION.sign_public)
    seen = witness.attest(head_of(true, 20), [record for _, record, _ in true[:20]])
    assert judged(true, [], [seen]) == ()
    assert "made anew" in judged(false, [head_of(false, 30)], [seen])[0]
    assert "cut short" in judged(true[:10], [], [seen])[0]


def test_a_witness_takes_only_what_grows_out_of_what_it_saw() -> None:
    true, false = chain(30), chain(30, mark="x")
    witness = Witness(WITNESS, STATION.sign_public)
    witness.attest(head_of(true, 10), [r for _, r, _ in true[:10]])
    witness.attest(head_of(true, 20), [r for _, r, _ in true[10:20]])
    with pytest.raises(ValueError, match="does not continue"):
        witness.attest(head_of(false, 30), [r for _, r, _ in false[20:30]])
    with pytest.raises(ValueError, match="not signed"):
        witness.attest(Head(30, true[29][2], 7_000, bytes(64)), [r for _, r, _ in true[20:30]])


def test_a_forged_head_or_attestation_is_named() -> None:
    rows = chain(5)
    head = head_of(rows, 5)
    assert "genuinely" in judged(rows, [Head(4, rows[3][2], 7_000, head.signature)])[0]
    assert "genuinely" in judged(rows, [], [Attestation(head, bytes(64))])[0]


@pytest.fixture
def station(tmp_path: Path) -> Path:
    """A storage with 12 entries, two heads and a witness's file beside it; keys in `keys`."""
    init_keys(tmp_path / "keys")
    add_person(tmp_path / "keys", "ana", Role.OPERATOR)
    secret = read_secret(tmp_path / "keys" / "station.key")
    storage = Storage(tmp_path / "station.db")
    witness = Witness(read_secret(tmp_path / "keys" / "witness.key"), secret.sign_public)
    for part in range(2):
        storage.commit(Change(entries=tuple(entry(6 * part + k) for k in range(6))))
        head = sign_head(secret, *storage.head_now(), 9_000)
        storage.keep_head(head)
        records = [record for _, record, _ in storage.chain(6 * part)]
        append_attestation(tmp_path / "witness.jsonl", witness.attest(head, records))
    storage.close()
    return tmp_path


def run(folder: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def test_verify_says_so_when_all_is_well_and_when_it_is_not(station: Path) -> None:
    words = ["verify", str(station / "station.db"), "--keys", str(station / "keys")]
    witness = ["--witness", str(station / "witness.jsonl")]
    assert run(station, *words, *witness) == (0, "12 records, 4 heads: 0 faults\n")
    storage = Storage(station / "station.db")
    storage._db.execute("DELETE FROM audit WHERE number > 8")
    storage._db.execute("DELETE FROM heads WHERE number > 8")
    storage.close()
    assert run(station, *words)[0] == 0, "without its witness a chain cut at a head cannot be told"
    code, text = run(station, *words, *witness)
    assert code == 1
    assert "cut short" in text


def test_show_and_export_give_every_entry(station: Path) -> None:
    code, text = run(station, "show", str(station / "station.db"), "--last", "3")
    assert code == 0
    assert text.count("\n") == 3
    assert "ana  order  hold  J1 J2" in text
    out = station / "audit.jsonl"
    assert run(station, "export", str(station / "station.db"), "-o", str(out))[0] == 0
    before = audit.GENESIS
    for line in out.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        before = link(before, bytes.fromhex(row["record"]))
        assert row["link"] == before.hex()
    assert row["number"] == 12


def test_a_torn_line_of_the_witness_is_left_out_a_spoiled_one_is_named(station: Path) -> None:
    path = station / "witness.jsonl"
    with path.open("a", encoding="utf-8") as file:
        file.write('{"index": 13, "li')
    assert len(read_attestations(path)) == 2
    assert check_file(station / "station.db", station / "keys", path).faults == ()
    path.write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1"):
        read_attestations(path)


def test_the_witness_command_follows_a_growing_chain_and_notices_a_new_one(station: Path) -> None:
    kept, file = station / "elsewhere.jsonl", station / "station.db"
    words = ["attest", str(file), "--witness", str(kept), "--keys", str(station / "keys")]
    assert run(station, *words) == (0, "record 12 countersigned\n")
    assert run(station, *words) == (0, "nothing new is signed\n")
    secret = read_secret(station / "keys" / "station.key")
    storage = Storage(file)
    storage.commit(Change(entries=(entry(13),)))
    storage.keep_head(sign_head(secret, *storage.head_now(), 9_000))
    storage.close()
    assert run(station, *words) == (0, "record 13 countersigned\n")
    file.unlink()
    for rest in (file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
        rest.unlink(missing_ok=True)
    storage = Storage(file)  # whoever has the station's key writes another history
    storage.commit(Change(entries=tuple(entry(100 + k) for k in range(20))))
    storage.keep_head(sign_head(secret, *storage.head_now(), 9_000))
    storage.close()
    code, text = run(station, *words)
    assert code == 1
    assert "does not continue" in text
    assert len(read_attestations(kept)) == 2


def test_old_free_text_is_erased_by_a_command_and_the_chain_stays_whole(station: Path) -> None:
    file = station / "station.db"
    storage = Storage(file)
    storage.commit(Change(entries=(entry(13),), text=(1, b"salt", "call 555-0199", 5_000)))
    storage.close()
    assert run(station, "erase", str(file), "--older-than", "0") == (0, "1 texts erased\n")
    assert b"555-0199" not in b"".join(path.read_bytes() for path in station.glob("station.db*"))
    assert run(station, "verify", str(file), "--keys", str(station / "keys"))[0] == 0
