"""A run under orders is played again bit for bit from its journal; journals of before can still be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from controller.frame import TICK_MS
from controller.journal import FIRST_LINE, JournalError, JournalWriter
from controller.journal_disk import framed
from controller.journal_orders import ARGUMENTS
from controller.orders import Orders
from controller.replay import replay
from controller.vocabulary import Sensors
from tests.journal_street import Drive, journal_of
from tests.test_journal import records
from tests.test_replay import rewrite

SECONDS = 300
DEEDS = {
    5: ("hold", 0, 2, 40, True),
    50: ("step", 0, 20),
    75: ("force_off", 0, 0, 20),
    90: ("omit", 0, 1, 30),
    130: ("play", 0, "day", 40),
    175: ("bias", 0, 0, 5_000, 30),
    176: ("call", 4, 20),
    177: ("ignore", 0, 30),
    178: ("recall", 3, 30),
    179: ("lengthen", 4, 6_000, 40),
    210: ("all_red", 0, 10),
    222: ("release", 0),
    225: ("flash", 0, 15),
}
"""Second: method of `Orders`, its arguments, the last of them (but for a flag) how many seconds."""


def ordered_journal(path: Path, name: str = "adaptive") -> list[bytes]:
    """A run in which people order everything there is; gives the lamps of every tick."""
    drive = Drive(name)
    orders = Orders(drive.network)
    lamps: list[bytes] = []
    with JournalWriter(path, drive.controller, name, Sensors.LOOPS, orders=orders, block_ticks=1) as journal:
        for tick in range(SECONDS * 1000 // TICK_MS):
            second, part = divmod(tick, 1000 // TICK_MS)
            if part == 0:
                drive._read()
            if part == 3 and second in DEEDS:
                give(orders, DEEDS[second], drive.now_ms)
            shown = drive.controller.tick(drive.frame, drive.now_ms, orders)
            journal.write(drive.frame, drive.now_ms, shown)
            lamps.append(shown.tobytes())
            drive.now_ms += TICK_MS
    assert journal.failed is None
    return lamps


def give(orders: Orders, deed: tuple[Any, ...], now_ms: int) -> None:
    name, *arguments = deed
    kinds = ARGUMENTS[name]
    getattr(orders, name)(
        *[now_ms + 1000 * a if kind == "time" else a for kind, a in zip(kinds, arguments, strict=False)]
    )


@pytest.mark.parametrize("name", ["adaptive", "fixed"])
def test_an_ordered_run_is_played_again_bit_for_bit(name: str, tmp_path: Path) -> None:
    lamps = ordered_journal(tmp_path / "a.journal", name)
    plain = Drive(name).run(SECONDS)
    assert lamps != plain.lamps, "the orders did something"
    assert {deed[0] for deed in DEEDS.values()} == set(ARGUMENTS), "every order there is"
    result = replay(tmp_path / "a.journal")
    assert result.header.format == 4
    assert (result.ticks, result.differences) == (len(lamps), 0)
    assert result.same_state is True


def test_an_order_taken_out_of_the_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    ordered_journal(path)
    bodies = [msgpack.unpackb(payload[1:]) for _, payload in records(path.read_bytes())[2:-1]]
    told = [k for k, body in enumerate(bodies) if len(body) == 5]
    assert len(told) == len(DEEDS)
    forged = rewrite(path, tmp_path / "forged.journal", told[0], lambda body: body.pop())
    result = replay(forged)
    assert result.differences > 0
    assert result.same_state is False


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["hold", 1, 0, 5, 0], "junction 1; allowed is a whole number from 0 to 0"),
        (["hold", 0, 99, 5, 0], "stage 99"),
        (["play", 0, "nights", 5], "no plan nights"),
        (["play", 0, 5, 5], "no text"),
        (["open_all", 0], "not known"),
        (["__init__", 0], "not known"),
        (["hold", 0], "takes 4 values, not 1"),
        (["bias", 0, 0, 10**9, 5], "bias 1000000000"),
        ("hold", "not known"),
    ],
)
def test_orders_nobody_can_have_given_are_refused_in_one_line(row: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    journal_of(path, "fixed", 20)
    forged = rewrite(path, tmp_path / "forged.journal", 7, lambda body: body.append([row]))
    with pytest.raises(JournalError, match=said) as refused:
        replay(forged)
    assert "\n" not in str(refused.value)


def test_a_journal_of_the_format_before_is_read_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "now.journal"
    drive = journal_of(path, "actuated", 60)
    payloads = [payload for _, payload in records(path.read_bytes())]
    header = msgpack.unpackb(payloads[0][1:])
    assert header["format"] == 4
    header["format"] = 1
    payloads[0] = b"H" + msgpack.packb(header)
    old = tmp_path / "old.journal"
    old.write_bytes(FIRST_LINE + b"".join(framed(k, p) for k, p in enumerate(payloads)))
    result = replay(old)
    assert result.identical
    assert result.same_state is True
    assert np.array_equal(len(drive.lamps), result.ticks)
