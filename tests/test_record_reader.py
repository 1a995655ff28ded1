"""Reading records: readers put together once do as the slow obvious one does, in words and in place."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import msgpack
import numpy as np
import pytest

from override.record_reader import Unfit, record_reader
from override.topics import TOPICS
from tests.fuzz_seeds import frames
from tests.slow_record_reader import read_record

SPOILT_OF_EACH = 80
STRANGE: tuple[Any, ...] = (
    None, True, False, -1, 0, 7, 1 << 40, 1 << 64, 1.5, "", "hold", "x" * 300, "a\nb", b"", bytes(8),
    bytes(16), [], [1], ["a"], [None], ["a"] * 300, {}, {"": 1}, {"name": "J1"},
)  # fmt: skip


@cache
def messages() -> tuple[tuple[type, dict[str, Any]], ...]:
    """(kind, plain data) of a good message of many topics."""
    out = []
    for frame in frames():
        topic, _, payload = frame.partition(b"\n")
        known = TOPICS.get(topic.decode())
        if known is not None and len(payload) > 1:
            data = msgpack.unpackb(payload)
            del data["topic"], data["version"]
            out.append((known.message, data))
    return tuple(out)


def told(read: Any) -> tuple[str, Any]:
    """What is wrong, or what it gives."""
    try:
        return "", read()
    except Unfit as unfit:
        return unfit.words, None


def spoil(data: Any, rng: np.random.Generator) -> None:
    """Another value, one less or one more at any depth."""
    keys = list(data) if isinstance(data, dict) else list(range(len(data)))
    if not keys:
        return
    key = keys[rng.integers(len(keys))]
    if isinstance(data[key], dict | list) and data[key] and rng.random() < 0.7:
        spoil(data[key], rng)
    elif isinstance(data, dict) and rng.random() < 0.2:
        del data[key]
    elif isinstance(data, dict) and rng.random() < 0.1:
        data["stranger"] = 1
    else:
        data[key] = copy.deepcopy(STRANGE[rng.integers(len(STRANGE))])


@pytest.mark.parametrize("at", range(len(messages())))
def test_a_spoilt_record_is_refused_in_the_same_words(at: int) -> None:
    kind, good = messages()[at]
    rng = np.random.default_rng(at)
    assert record_reader(kind)(good) == read_record(kind, good, "")
    refused = 0
    for _ in range(SPOILT_OF_EACH):
        data = copy.deepcopy(good)
        for _ in range(rng.integers(1, 3)):
            spoil(data, rng)
        words, message = told(lambda data=data: record_reader(kind)(data))
        assert (words, message) == told(lambda data=data: read_record(kind, data, ""))
        refused += bool(words)
    assert refused
