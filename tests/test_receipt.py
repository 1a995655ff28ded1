"""What an order did cost: measured until the street has recovered, kept, and held against the forecast."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from controller.policy import Policy
from controller.present import neighbours
from override.asking import ThenMeter
from override.audit import entry_of
from override.forecast import Forecaster
from override.previews import Receipt
from override.receipt import at_second, error_permille
from override.roles import Command
from override.what_if import around
from override.wire import NAMES, decode, digest
from sim.city.load import City, load_city
from tests.foresight_room import HAMLET, Room

WARM_S = 240
HOLD_S, RECOVERY_S = 40, 180


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(HAMLET)


@pytest.fixture(scope="module")
def forecaster(city: City) -> Forecaster:
    return Forecaster(city.network, Policy())


def rows_with(receipt: Receipt) -> int:
    return sum(row.with_order for row in receipt.rows)


def test_an_all_red_is_metered_until_its_street_has_recovered(
    city: City, forecaster: Forecaster, tmp_path: Path
) -> None:
    """The forecast made at its acceptance is checked, and its error told with the next one."""
    room = Room(city, tmp_path / "station.db", forecaster)
    room.run(WARM_S)
    meter = room.world.controller.handing.meter  # type: ignore[union-attr]
    flow = room.world.controller.controller.state.flow_veh_per_s  # type: ignore[union-attr]
    j = int(np.argmax(np.bincount(city.network.lane_junction, flow)))
    order = room.order(Command.ALL_RED, [city.network.street.junctions[j].name], lease_ms=1000 * HOLD_S)
    room.run(2)
    begun = meter.waited_s.copy()
    room.run(HOLD_S + RECOVERY_S - 4)
    assert not room.receipts, "the street has not recovered yet"
    room.run(10)
    [receipt] = room.receipts
    assert receipt.order == order
    assert abs(receipt.lasted_ms - 1000 * HOLD_S) <= 1000
    metered = list(around([j], neighbours(city.network)))
    measured = (meter.waited_s - begun)[metered]
    assert rows_with(receipt) == pytest.approx(measured.sum(), rel=0.1), "what the meter at hand says"
    assert rows_with(receipt) > sum(row.without for row in receipt.rows), "an all-red costs people"
    assert receipt.foreseen == pytest.approx(rows_with(receipt), rel=0.5)
    assert "waited" in receipt.sentence

    payload = room.storage.receipt(order)
    assert payload is not None
    assert decode(payload, NAMES[Receipt]) == receipt == room.foresight.receipts.stored(order)
    entries = [entry_of(record) for _, record, _ in room.storage.chain()]
    [kept] = [entry for entry in entries if entry.kind == "receipt"]
    assert kept.digest == digest(payload), "the audit proves the receipt"
    assert kept.order == order

    told = room.preview(Command.ALL_RED, [city.network.street.junctions[0].name])
    assert told.checked == 1
    assert told.error_permille == error_permille(rows_with(receipt), receipt.foreseen)
    room.storage.close()


def test_an_order_taken_back_early_has_a_receipt_that_proves_nothing_about_the_forecast(
    city: City, forecaster: Forecaster, tmp_path: Path
) -> None:
    room = Room(city, tmp_path / "station.db", forecaster)
    room.run(60)
    name = city.network.street.junctions[0].name
    room.order(Command.ALL_RED, [name], lease_ms=300_000)
    room.run(10)
    room.order(Command.RELEASE, [name], slot=4, lease_ms=0, reason="")
    room.run(RECOVERY_S + 8)
    [receipt] = room.receipts
    assert abs(receipt.lasted_ms - 10_000) <= 2_000
    assert room.foresight.receipts.error() == (0, 0)
    room.storage.close()


def test_without_a_forecaster_what_was_measured_is_told_also_by_a_gateway_that_died_twice(
    city: City, tmp_path: Path
) -> None:
    room = Room(city, tmp_path / "station.db", None)
    room.run(30)
    meter = room.world.controller.handing.meter  # type: ignore[union-attr]
    begun = meter.waited_s.copy()
    room.order(Command.ALL_RED, [city.network.street.junctions[0].name], lease_ms=10_000)
    room.run(5)
    room.gateway_anew()
    room.run(60)
    room.gateway_anew()
    room.run(RECOVERY_S - 47)
    [receipt] = room.receipts
    measured = (meter.waited_s - begun)[list(around([0], neighbours(city.network)))].sum()
    assert rows_with(receipt) == pytest.approx(measured, rel=0.1), "from the order's beginning"
    assert abs(receipt.lasted_ms - 10_000) <= 1_000
    assert not room.storage.open_receipts()
    assert "no forecast" in receipt.sentence
    assert all(row.with_order == row.without for row in receipt.rows)
    assert not receipt.foreseen
    room.storage.close()


def test_a_reading_on_its_way_when_the_last_one_is_asked_for_closes_nothing(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It closed the receipt, and the last one, which found none to close, ended the gateway."""
    room = Room(city, tmp_path / "station.db", None)
    room.run(30)
    asking = room.foresight.asking
    asked, meter = list[Callable[[], None]](), asking.meter

    def slowly(junctions: tuple[int, ...], then: ThenMeter, now_ms: int) -> None:
        meter(junctions, lambda handover: asked.append(lambda: then(handover)), now_ms)

    room.order(Command.ALL_RED, [city.network.street.junctions[0].name], lease_ms=10_000)
    room.run(5)
    monkeypatch.setattr(asking, "meter", slowly)
    room.run(10 + RECOVERY_S)
    assert len(asked) >= 2, "the engine has answered many, nobody has read them yet"
    for answer in asked[:-1]:
        answer()
    assert not room.receipts, "the last one is still to come"
    asked[-1]()
    assert len(room.receipts) == 1
    asked[0]()
    assert not room.storage.open_receipts()
    room.storage.close()


def test_sums_are_read_at_any_moment_between() -> None:
    sums = np.array([[[10, 0, 4]], [[30, 0, 8]]])
    assert at_second(sums, 0.0).tolist() == [[0, 0, 0]]
    assert at_second(sums, 5.0).tolist() == [[5, 0, 2]]
    assert at_second(sums, 10.0).tolist() == [[10, 0, 4]]
    assert at_second(sums, 15.0).tolist() == [[20, 0, 6]]
    assert at_second(sums, 99.0).tolist() == [[30, 0, 8]], "no further than was forecast"


def test_an_error_is_a_part_of_what_was_measured() -> None:
    assert error_permille(1_000, 1_000) == 0
    assert error_permille(1_000, 800) == 200
    assert error_permille(1_000, 1_300) == 300
    assert error_permille(0, 30) == 100, "but not of next to nothing"
