"""Every reader that a stranger's bytes reach, with what it promises: only these errors, in one line, and
whatever is accepted comes out again as it went in. For `bench.fuzz` and for the replay of its corpus."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]

from override.citizen import open311, texts
from override.citizen.gsm import PARTS_MAX, part_count
from override.citizen.language import language
from override.citizen.open311 import Open311Error
from override.citizen.web.forms import BadForm, read_form
from override.keys import Secret
from override.refused import Refused
from override.topics import TOPICS
from override.wire import CONTEXT, decode, open_sealed, pack
from tests import fuzz_files, fuzz_seeds
from tests.paper_citizens import WALL_MS, PaperDesk

MESSAGE_CHARACTERS_MAX = 4_000
"""Of an error, which somebody must read."""
KEY = Secret("fuzz", bytes(range(1, 33)), bytes(range(2, 34)))
RAW = b"raw "
"""Before a topic: the frame as it is, not signed by us."""


class Form(Enum):
    """How an input is best changed: any bytes, lines of text, `topic\\n` and msgpack, or a byte and records:
    each two bytes for its length, a letter and msgpack."""

    BYTES = auto()
    TEXT = auto()
    MSGPACK = auto()
    RECORDS = auto()


@dataclasses.dataclass(frozen=True)
class Target:
    """One reader."""

    name: str
    form: Form
    read: Callable[[bytes], str | None]
    """Gives what it answers, if anything. Raises one of `errors`; AssertionError for a broken promise."""
    errors: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    """Of its language."""


def verdict(target: Target, data: bytes, words: bool = False) -> str:
    """`accepted`, or the kind of error and its code; with `words` what it says, too."""
    try:
        answer = target.read(data)
    except target.errors as error:
        said = str(error)
        assert said.isprintable(), f"an error that is more than a line of plain text: {said!r}"
        assert 0 < len(said) <= MESSAGE_CHARACTERS_MAX, f"an error of {len(said)} characters"
        code = getattr(error, "code", getattr(error, "status", ""))
        kind = f"{type(error).__name__}:{code}" if code else type(error).__name__
        return f"{kind} {said}" if words else kind
    return f"accepted {answer or ''}".rstrip() if words else "accepted"


# --- the wire ----------------------------------------------------------------------------------


def frame(data: bytes) -> None:
    """A frame: its topic and a newline, then its payload, which we sign where the topic is signed."""
    name, _, payload = data.partition(b"\n")
    topic = TOPICS.get(name.removeprefix(RAW).decode("ascii", "replace"))
    if topic is None:
        raise Refused("topic", "no topic")
    if name.startswith(RAW):
        open_sealed(payload, KEY.sign_public, topic)
        raise AssertionError("a frame that nobody signed was taken")
    if topic.signed:
        message, _ = open_sealed(KEY.sign(CONTEXT + payload) + payload, KEY.sign_public, topic)
    else:
        message = decode(payload, topic)
    said = msgpack.unpackb(payload)
    assert type(said.pop("version")) is int, "a version that is no whole number"
    assert said.pop("topic") == topic.name
    assert says(message, said), "something was read otherwise than it was said"
    try:
        again = decode(pack(message), topic)
    except Refused as refused:
        raise AssertionError(f"accepted, but it cannot be sent: {refused}") from None
    assert again == message


def says(message: Any, said: Any) -> bool:
    """Whether everything said is in the message, in the very same type."""
    if dataclasses.is_dataclass(message):
        return isinstance(said, dict) and all(
            hasattr(message, key) and says(getattr(message, key), value) for key, value in said.items()
        )
    if isinstance(message, tuple):
        return (
            isinstance(said, list)
            and len(said) == len(message)
            and all(says(mine, theirs) for mine, theirs in zip(message, said, strict=True))
        )
    return bool(message == said) and isinstance(message, type(said))


# --- citizens ------------------------------------------------------------------------------------


def text_message(data: bytes) -> str:
    """Whatever is texted is answered, in at most two parts."""
    text = data.decode("utf-8", "replace")
    answer = texts.answer(text, "somebody", PaperDesk(), now_ms=WALL_MS, nonce=bytes(16))
    assert answer, "no answer"
    assert part_count(answer) <= PARTS_MAX, f"an answer of {part_count(answer)} messages"
    # A report's number is another each time.
    return re.sub("[0-9a-z]{16}", "", answer)


class _Body:
    """A request of which only the body and its kind are read."""

    def __init__(self, kind: str, body: bytes) -> None:
        self.headers = {"content-type": kind} if kind else {}
        self._body = body

    async def stream(self) -> Any:
        yield self._body


def form_of(data: bytes) -> dict[str, str]:
    """Its content type in the first line, then the body. Raises BadForm."""
    kind, _, body = data.partition(b"\n")
    reading: Any = read_form(_Body(kind.decode("latin-1"), body))  # type: ignore[arg-type]
    try:
        reading.send(None)
    except StopIteration as done:
        form: dict[str, str] = done.value
        return form
    raise AssertionError("a form that waits for something")


def open311_post(data: bytes) -> None:
    """A posted form becomes a flag that the wire carries, or an error with a status of the 400s."""
    form, desk, speak = form_of(data), PaperDesk(), language("en")
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in form.items())
    flag = open311.filed(form, desk, speak)
    assert decode(pack(flag), TOPICS["flag"]) == flag
    reply = desk.flag(flag)
    if reply.accepted and (case := desk.case(reply.token)):
        row = open311.request_row(case, speak, WALL_ZONE, WALL_MS)
        assert open311.as_xml("service_requests", "request", [row])


def open311_query(data: bytes) -> None:
    """The filters of a list stay within what may be asked at once."""
    form = form_of(b"\n" + data)
    want = open311.wanted(form, WALL_MS)
    assert 1 <= want.count <= open311.LISTED_MAX, f"{want.count} rows at once"
    assert 0 <= want.first <= 1_000_000 * open311.LISTED_MAX, f"from row {want.first} on"
    assert 0 <= want.end_ms - want.begin_ms <= open311.DAYS_MAX * open311.DAY_MS
    assert len(want.ids) <= open311.LISTED_MAX
    assert want.statuses <= {"open", "closed"}
    open311.cases_wanted(want, PaperDesk())


WALL_ZONE = language("en").zone

# --- all of them ---------------------------------------------------------------------------------


def targets(folder: Path) -> tuple[Target, ...]:
    """Every target; those that read files write them into `folder` first."""
    files = fuzz_files.Files(folder)
    citizen = (Open311Error, BadForm)
    return (
        Target("frames", Form.MSGPACK, frame, (Refused,), fuzz_seeds.frames(), fuzz_seeds.WIRE_WORDS),
        Target("console", Form.RECORDS, fuzz_files.console, fuzz_files.CONSOLE_ERRORS, fuzz_seeds.console(),
               fuzz_seeds.WIRE_WORDS),
        Target("texts", Form.TEXT, text_message, (), fuzz_seeds.TEXTS, fuzz_seeds.TEXT_WORDS),
        Target("open311", Form.TEXT, open311_post, citizen, fuzz_seeds.FORMS, fuzz_seeds.FORM_WORDS),
        Target("open311-query", Form.TEXT, open311_query, citizen, fuzz_seeds.QUERIES, fuzz_seeds.FORM_WORDS),
        Target("streets", Form.TEXT, fuzz_files.street, fuzz_files.STREET_ERRORS, fuzz_seeds.streets(),
               fuzz_seeds.TOML_WORDS),
        Target("proposals", Form.TEXT, fuzz_files.proposal, fuzz_files.PROPOSAL_ERRORS,
               fuzz_seeds.proposals(), fuzz_seeds.TOML_WORDS),
        Target("policies", Form.TEXT, fuzz_files.policy, fuzz_files.POLICY_ERRORS, fuzz_seeds.policies(),
               fuzz_seeds.TOML_WORDS),
        Target("scenarios", Form.TEXT, files.scenario, fuzz_files.SCENARIO_ERRORS, fuzz_seeds.scenarios(),
               fuzz_seeds.TOML_WORDS),
        Target("keys", Form.TEXT, files.keys, fuzz_files.KEYS_ERRORS, fuzz_seeds.keys(),
               fuzz_seeds.TOML_WORDS),
        Target("journals", Form.RECORDS, files.journal, fuzz_files.JOURNAL_ERRORS, fuzz_seeds.journals()),
        Target("feeds", Form.BYTES, fuzz_files.feed, fuzz_files.FEED_ERRORS, fuzz_seeds.feeds()),
    )  # fmt: skip


TARGETS = (
    "frames", "console", "texts", "open311", "open311-query", "streets", "proposals", "policies", "scenarios",
    "keys", "journals", "feeds",
)  # fmt: skip
