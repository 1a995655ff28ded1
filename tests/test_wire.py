"""The wire: what is sent arrives, and nothing else gets in."""

from __future__ import annotations

import importlib
import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from override.keys import Secret, new_secret
from override.refused import Refused
from override.requests import Approval, Header, Leg, OrderRequest
from override.roles import Command
from override.topics import ARGUMENTS, NEEDS, TOPICS
from override.views import Outcome, Reply
from override.wire import CONTEXT, SIGNATURE_BYTES, decode, digest, open_sealed, pack, seal

ANA = new_secret("ana")
ORDER = TOPICS["order"]


def header(**changes: Any) -> Header:
    usual = Header(1, 1, bytes(16), 1_700_000_000_000, 1_700_000_010_000, bytes(8), 0)
    return replace(usual, **changes)


def order(**changes: Any) -> OrderRequest:
    hold = OrderRequest(header(), "ana", Command.HOLD, 7, ("J7",), (3,), lease_ms=60_000, stage="2")
    return replace(hold, **changes)


def test_what_is_sealed_is_what_is_opened() -> None:
    corridor = order(
        command=Command.CORRIDOR, junctions=(), legs=(Leg("J1", "2", 0, 9_000),), reason="Feuer ä"
    )
    for message in (order(), corridor):
        payload = pack(message)
        opened, known_as = open_sealed(seal(message, ANA.sign), ANA.sign_public, ORDER)
        assert opened == message
        assert known_as == digest(payload)


def test_a_typical_order_is_short() -> None:
    assert len(seal(order(reason="march"), ANA.sign)) < 400


def test_nobody_else_can_have_sealed_it() -> None:
    frame = seal(order(), ANA.sign)
    with pytest.raises(Refused, match="signature"):
        open_sealed(frame, new_secret("eve").sign_public, ORDER)


@pytest.mark.parametrize("at", [0, 63, 64, 80, -1])
def test_one_flipped_bit_anywhere_is_found_before_anything_is_decoded(at: int) -> None:
    frame = bytearray(seal(order(), ANA.sign))
    frame[at] ^= 1
    with pytest.raises(Refused) as caught:
        open_sealed(bytes(frame), ANA.sign_public, ORDER)
    assert caught.value.code == "signature"


def test_a_signature_for_another_purpose_does_not_fit() -> None:
    payload = pack(order())
    with pytest.raises(Refused, match="signature"):
        open_sealed(ANA.sign(payload) + payload, ANA.sign_public, ORDER)


def test_a16_a_bomb_is_refused_by_its_size_alone() -> None:
    bomb = ANA.sign(b"") + b"\x90" * 1_000_000
    with pytest.raises(Refused) as caught:
        open_sealed(bomb, ANA.sign_public, ORDER)
    assert caught.value.code == "size"


def bombs() -> list[bytes]:
    """Small frames that would be large in memory, and large ones of nothing at all."""
    out = [kind * size for kind in (b"\x90", b"\x80", b"\xc0", b"\xa0") for size in (4_000, 1_000_000)]
    out += [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
    ]
    out += [b"\x91" * 4_000 + b"\xc0", b"\x81\xa0" * 2_000 + b"\xc0", b"\xdc\x0f\xa0" + b"\x90" * 4_000]
    out += [b"\xde\x07\xd0" + b"".join(b"\xcd" + k.to_bytes(2, "big") + b"\x90" for k in range(2_000))]
    return out


def test_a16_a_thousand_bombs_leave_no_trace_in_memory() -> None:
    """Signed by somebody with a key, or not; the resident set never grows by more than 20 MB."""
    corpus = bombs()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before_kb = peak_kb()
    for k in range(1_000):
        payload = corpus[k % len(corpus)]
        for frame in (payload, ANA.sign(CONTEXT + payload) + payload):
            with pytest.raises(Refused):
                open_sealed(frame, ANA.sign_public, ORDER)
    assert peak_kb() - before_kb <= 20_000


def peak_kb() -> int:
    """Of this process's resident set, since it was last begun anew."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def wrapped(data: Any) -> bytes:
    return msgpack.packb({"topic": "order", "version": 1, **data})


def plain(message: OrderRequest) -> dict[str, Any]:
    data: dict[str, Any] = msgpack.unpackb(pack(message))
    del data["topic"], data["version"]
    return data


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slot", 0), ("slot", 17), ("slot", True), ("slot", 7.0), ("slot", math.nan), ("slot", "7"),
        ("lease_ms", -1), ("lease_ms", math.inf), ("lease_ms", 1 << 70), ("command", "omit-red-clear"),
        ("command", 7), ("junctions", "J7"), ("junctions", ["J"] * 65), ("junctions", [""]),
        ("junctions", [7]), ("junctions", {"J7": 1}), ("basis", [-1]), ("basis", [True]),
        ("reason", "x" * 201), ("reason", "a\nb"), ("reason", "\x1b[31m"), ("issuer", ""), ("admin", True),
        ("renew", 1), ("whole_city", None), ("legs", [{"junction": "J1"}]), ("legs", [[]]), ("header", []),
    ],
)  # fmt: skip
def test_a_field_out_of_its_bounds_is_refused_with_its_name(field: str, value: Any) -> None:
    try:
        payload = wrapped({**plain(order()), field: value})
    except OverflowError:
        payload = wrapped({**plain(order()), field: (1 << 64) - 1})
    with pytest.raises(Refused) as caught:
        decode(payload, ORDER)
    assert caught.value.code == "schema"
    assert field in caught.value.why


def test_a_missing_field_is_refused() -> None:
    data = plain(order())
    for name in ("header", "issuer", "command", "slot", "junctions", "basis"):
        with pytest.raises(Refused, match=f"{name} is missing"):
            decode(wrapped({k: v for k, v in data.items() if k != name}), ORDER)


def test_a17_what_msgpack_itself_lets_pass_is_refused() -> None:
    good = pack(order())
    twice = bytearray(good)
    twice[0] += 1
    duplicate = bytes(twice) + msgpack.packb("slot") + msgpack.packb(4)
    deep = b"\x81\xa1a" + b"\x91" * 3000 + b"\xc0"
    for payload in (
        duplicate, good + b"\xc0", good[:-1], deep, b"", b"\xc1", msgpack.packb([1]), msgpack.packb(7),
        msgpack.packb({1: 2}), b"\x81\xa1a\xd4\x05x", b"\x81\xa1a\xd6\xff\x00\x00\x00\x00",
        b"\x81\xa1a\xa2\xff\xfe",
        b"\xdf\xff\xff\xff\xff", b"\x81\x90\x01", b"\x81\xa1a\xc7\x0c\xff" + b"\xff" * 12,
    ):  # fmt: skip
        with pytest.raises(Refused):
            decode(payload, ORDER)


def test_a18_a19_versions_that_strangers_can_crash_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import zmq

    from override import sockets, wire

    monkeypatch.setattr(zmq, "zmq_version_info", lambda: (4, 3, 2))
    with pytest.raises(sockets.SocketsError, match=r"4\.3\.5"):
        sockets.check_version()
    monkeypatch.setattr(msgpack, "version", (1, 2, 0))
    with pytest.raises(ImportError, match=r"1\.2\.1"):
        importlib.reload(wire)
    monkeypatch.undo()
    importlib.reload(wire)


def test_another_topic_or_version_is_not_guessed_at() -> None:
    reply = pack(Reply(bytes(32), Outcome.DONE))
    with pytest.raises(Refused, match="topic"):
        decode(reply, ORDER)
    for version in (0, 2, True, "1"):
        data = {"topic": "order", "version": version, **plain(order())}
        with pytest.raises(Refused, match="version"):
            decode(msgpack.packb(data), ORDER)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise_anything_but_refused(raw: bytes) -> None:
    for topic in TOPICS.values():
        with pytest.raises(Refused):
            decode(raw, topic)
    with pytest.raises(Refused):
        open_sealed(raw, ANA.sign_public, ORDER)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text(max_size=8)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
NAMES = st.sampled_from([f.name for f in fields(OrderRequest)] + [f.name for f in fields(Header)])


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, ANYTHING, max_size=6), st.dictionaries(NAMES, ANYTHING, max_size=4))
def test_nearly_right_orders_are_read_or_refused(changes: dict[str, Any], inside: dict[str, Any]) -> None:
    data = {**plain(order()), **changes}
    if isinstance(data["header"], dict):
        data["header"] = {**data["header"], **inside}
    try:
        message = decode(wrapped(data), ORDER)
    except Refused:
        return
    assert decode(pack(message), ORDER) == message


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_spoiled_frame_is_never_taken(data: st.DataObject) -> None:
    frame = bytearray(seal(order(), ANA.sign))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Refused):
        open_sealed(bytes(frame), ANA.sign_public, ORDER)


def test_every_command_says_what_it_needs() -> None:
    assert set(NEEDS) == set(Command)
    assert set().union(*NEEDS.values()) == ARGUMENTS
    assert {f.name for f in fields(OrderRequest)} >= ARGUMENTS


def test_an_approval_names_the_very_bytes() -> None:
    payload = pack(order())
    approval = Approval(header(), "sam", digest(payload))
    opened, _ = open_sealed(seal(approval, ANA.sign), ANA.sign_public, TOPICS["approve"])
    assert opened.digest == digest(payload)


# --- docs/wire.md ------------------------------------------------------------------------


def test_the_test_vectors_of_the_page_are_true(root: Path) -> None:
    """Each vector is opened and made again, byte for byte."""
    vectors = json.loads((root / "docs" / "wire-vectors.json").read_text(encoding="utf-8"))
    assert len(vectors["frames"]) >= 4
    for vector in vectors["frames"]:
        topic = TOPICS[vector["topic"]]
        secret = Secret("vector", bytes(32), bytes.fromhex(vector["sign_secret"]))
        assert secret.sign_public.hex() == vector["sign_public"]
        frame = bytes.fromhex(vector["frame"])
        message, known_as = open_sealed(frame, secret.sign_public, topic)
        assert known_as.hex() == vector["digest"]
        assert seal(message, secret.sign) == frame
    for vector in vectors["refused"]:
        frame = bytes.fromhex(vector["frame"])
        with pytest.raises(Refused) as caught:
            open_sealed(frame, bytes.fromhex(vector["sign_public"]), TOPICS[vector["topic"]])
        assert caught.value.code == vector["code"], vector["what"]


def test_the_page_tells_every_topic_every_field_and_its_bounds_as_they_are(root: Path) -> None:
    from override.roles import Slot
    from tests.wire_page import tables

    page = (root / "docs" / "wire.md").read_text(encoding="utf-8")
    assert CONTEXT.decode().rstrip("\0") in page
    assert str(SIGNATURE_BYTES) in page
    assert tables() in page, "python -m tests.wire_page writes the tables anew"
    for command in Command:
        assert f"`{command}`" in page
    for slot in Slot:
        assert f"| {slot.value} |" in page
