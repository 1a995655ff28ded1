"""What fuzzing has found and kept is read as it was: nothing a stranger sends surprises a reader."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any
from unicodedata import normalize

import msgpack  # type: ignore[import-untyped]
import pytest

from tests.fuzz_corpus import CORPUS, FILE_BYTES_MAX, read_corpus

pytest.importorskip("google.transit", reason="needs pip install 'belisha[transit]'")

from override.citizen import kinds
from override.citizen.texts import READ_CHARACTERS
from tests import fuzz_seeds
from tests.fuzz_files import of_records, records_of
from tests.fuzz_targets import TARGETS, Target, targets, verdict

DEEP, LONG, LONG_HEX = b"[" * 3000, b"9" * 5000, b"0x" + b"f" * 5000
REPLY = {"topic": "reply", "version": 1, "digest": bytes(32), "outcome": "done"}


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    return {target.name: target for target in targets(tmp_path_factory.mktemp("fuzz"))}


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_accepted_still_is_and_what_was_refused_is_so_in_one_line(
    name: str, readers: dict[str, Target]
) -> None:
    entries = read_corpus(name)
    assert len(entries) >= 10
    wrong = [
        f"{entry.data[:80]!r}: {entry.verdict} before, {found} now"
        for entry in entries
        if (found := verdict(readers[name], entry.data)) != entry.verdict
    ]
    assert not wrong, f"python -m bench.fuzz {name} --minutes 0 writes the corpus anew"


@pytest.mark.parametrize("name", TARGETS)
def test_each_corpus_gets_past_the_door(name: str) -> None:
    """One that is refused throughout, or accepted throughout, would test next to nothing."""
    said = {entry.verdict for entry in read_corpus(name)}
    assert "accepted" in said
    assert len(said) >= 2 or name == "texts"


def test_every_target_has_its_corpus_and_all_of_it_is_small(readers: dict[str, Target]) -> None:
    files: list[Path] = sorted(CORPUS.glob("*.txt"))
    assert sorted(path.stem for path in files) == sorted(TARGETS) == sorted(readers)
    assert all(path.stat().st_size <= FILE_BYTES_MAX * 3 // 2 for path in files)
    assert sum(path.stat().st_size for path in files) <= 300_000


# --- what was found, and is so no more -----------------------------------------------------------


def reply(**changes: object) -> bytes:
    return b"reply\n" + msgpack.packb({**REPLY, **changes})


def nested(depth: int) -> list[Any]:
    """A list in a list, and so on."""
    return functools.reduce(lambda inner, _: [inner], range(depth), [])


def sumo(net: str) -> bytes:
    """A scenario of a SUMO network of this name."""
    return f'version = 1\n[sumo]\nnet = "{net}"\nroutes = ["one.toml"]'.encode()


def journal_with_an_order_called(name: object) -> bytes:
    """A good journal, but for one order of its second tick."""
    whole = fuzz_seeds.journals()[1]
    header, street, tick = records_of(whole)
    now_ms, frame, lamps, decisions = msgpack.unpackb(tick[1:])[:4]
    body = [now_ms, frame, lamps, decisions, [[name, 0, 1]]]
    return of_records(b"\1", [header, street, b"T" + msgpack.packb(body)])


PEOPLE_CALLED = b"""people
[[person]]
name = "NAME"
role = "station"
curve = "2mp[K6bzD9a0J0Vd>SLkh-:8!lQ<TvpF$g{tv7-G"
sign = "65686b6e7174777a7d808386898c8f9295989b9ea1a4a7aaadb0b3b6b9bcbfc2"
revoked = ""
"""


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("frames", reply(), "accepted"),
        ("frames", reply(version=1.0), "Refused:version"),  # equal to 1, but no whole number
        ("frames", reply(version="\0"), "Refused:version"),  # was told again as it came
        ("frames", reply(version=nested(1000)), "Refused:version"),  # too deep to be told again
        ("frames", reply(**{"": 1}), "Refused:schema"),  # a field without a name was overlooked
        ("open311-query", b"page_size=00000000019999", "Open311Error:400"),  # its first nine digits counted
        ("open311-query", b"page_size=000000001" + b"0" * 5000, "Open311Error:400"),  # not even a number
        *((name, first + b"stop_s = " + worst, error) for worst in (DEEP, LONG, LONG_HEX)
          for name, first, error in (
              ("policies", b"", "PolicyError"), ("streets", b"", "StreetFileError"),
              ("proposals", b"", "ChangeRefused"), ("proposals", b"\n----\n", "ChangeRefused"),
              ("scenarios", b"", "ScenarioError"), ("scenarios", b"windows\n", "ScenarioError"),
              ("keys", b"people\n", "KeysError"), ("keys", b"secret\n", "KeysError"))),
        ("streets", b"a." * 200_000 + b"a = 1", "StreetFileError"),  # ten minutes of work
        ("proposals", b"[a" + b". a" * 200_000 + b"]", "ChangeRefused"),
        ("policies", b"x" * 5000 + b" = 1", "PolicyError"),  # said in full
        ("streets", b'"\\u001b[31m" = 1', "StreetFileError"),  # a key that colours the terminal
        ("streets", b'junction = "a list of\\n"', "StreetFileError"),  # on two lines
        ("keys", b"people\nperson = 3", "KeysError"),  # TypeError, in the middle of a running gateway
        ("keys", b"people\n" + b"a" * 5000 + b" = 1", "KeysError"),
        ("keys", PEOPLE_CALLED.replace(b"NAME", "\u202e".encode()), "KeysError"),  # turned the line around
        ("scenarios", sumo("\u202e"), "ScenarioError"),  # a name that turns the terminal's line around
        ("scenarios", sumo("x" * 5000), "ScenarioError"),  # OSError: no file is called so
        ("feeds", b"\n\x07\n\x03\xcf.0\x10\x00", "FeedError"),  # a version that is no UTF-8
        ("journals", journal_with_an_order_called([]), "JournalError"),  # TypeError
        ("journals", journal_with_an_order_called({}), "JournalError"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)  # fmt: skip
def test_what_fuzzing_found_is_refused_as_it_should_be(
    name: str, data: bytes, said: str, readers: dict[str, Target]
) -> None:
    assert verdict(readers[name], data) == said


def test_a_text_of_letters_that_are_whole_sentences_is_read_in_no_time(
    readers: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One letter that is written out as eighteen, a thousand times: four seconds of the citizen process."""
    folded: list[str] = []
    monkeypatch.setattr(kinds, "normalize", lambda form, text: folded.append(text) or normalize(form, text))
    for _ in range(2):  # the words of all languages are folded once
        folded.clear()
        verdict(readers["texts"], ("4F7K " + "\ufdfa" * 1000).encode())
    assert len(folded) <= 2 * READ_CHARACTERS


def test_a_form_that_cannot_be_read_leaves_no_line_in_the_log(
    readers: dict[str, Target], caplog: pytest.LogCaptureFixture
) -> None:
    """The parser warned of each: a stranger could fill the disk."""
    spoiled = b"multipart/form-data; boundary=x\n--y\r\nContent-Disposition: form-data\r\n\r\n1\r\n--y--"
    assert verdict(readers["open311"], spoiled) == "BadForm:400"
    assert not caplog.records
