"""A forecast as people read it: everybody first, then whom it hits most, and how far to trust it."""

from __future__ import annotations

from dataclasses import replace

from override.previews import CostRow, Forecast, Receipt
from override.roles import Command, Slot
from tui.drafts import Draft
from tui.forecast_table import (
    BETTER,
    SAME,
    WORSE,
    horizon_words,
    person_time,
    receipt_words,
    signed_time,
    table,
    trust_words,
)
from tui.order_page import preview_parts
from tui.sending import Foreseen

ROWS = (
    CostRow("centre", "cars", 600, 300, 60_000, 40_000),
    CostRow("centre", "pedestrians", 100, 500, 30_000, 95_000),
    CostRow("harbour", "cars", 50, 50, 20_000, 20_000),
)


def forecast(**changes: object) -> Forecast:
    return Forecast(bytes(16), 0, 120_000, ROWS, **changes)  # type: ignore[arg-type]


def test_everybody_stands_first_and_whom_it_hits_most_next() -> None:
    rows = table(ROWS)
    assert [row.mode for row in rows] == ["everybody", "on foot", "in cars", "in cars"]
    assert [row.way for row in rows] == [WORSE, WORSE, BETTER, SAME]
    assert [row.change for row in rows] == ["+100 s", "+7 min", "−5 min", "±0"]
    assert rows[0].without == "12 min"
    assert rows[0].longest == "60 → 95 s"
    assert rows[1].bar.count("█") > rows[2].bar.count("█") > rows[3].bar.count("█")
    assert table(()) == []


def test_many_rows_are_folded_and_nothing_is_lost() -> None:
    many = tuple(CostRow(f"d{k}", "cars", 10 * k, 20 * k) for k in range(30))
    rows = table(many, most=6)
    assert len(rows) == 6
    assert rows[-1].mode == "26 others"
    shown = sum(10 * k for k in range(26, 30))
    assert rows[-1].change == signed_time(sum(10 * k for k in range(30)) - shown)


def test_peoples_time_is_said_in_units_people_grasp() -> None:
    assert [person_time(s) for s in (0, 119, 600, 36_000)] == ["0 s", "119 s", "10 min", "10.0 h"]
    assert signed_time(-600) == "−10 min"


def test_how_far_to_trust_it_is_said_and_doubt_is_doubt() -> None:
    assert trust_words(forecast())[1]
    assert "none yet" in trust_words(forecast())[0]
    text, doubt = trust_words(forecast(error_permille=180, checked=40))
    assert "18 %" in text
    assert not doubt
    assert trust_words(forecast(error_permille=900, checked=40))[1]
    assert "2 min" in horizon_words(forecast(took_us=8_000))
    assert "8 ms" in horizon_words(forecast(took_us=8_000))


def test_a_receipt_says_what_it_cost_and_what_was_foreseen() -> None:
    receipt = Receipt("ana-1", bytes(32), 0, 90_000, ROWS, "People on foot waited longer.", 800)
    words = receipt_words(receipt)
    assert words.startswith("lasted 1 min 30 s; +100 s of waiting (foreseen 13 min, was 14 min)")
    assert words.endswith("longer.")


def test_what_was_not_forecast_is_not_told_as_no_change() -> None:
    reset = Draft(Command.RESET_TRIP, Slot.MONITOR, ("J1",), "Mill Street")

    def page(told: Forecast) -> str:
        return "\n".join(str(part) for part in preview_parts(reset, Foreseen(told), "", 80, 3_000, False))

    told = Forecast(bytes(16), 0, 0, (), sentence="The flash ends.", warnings=("It may trip again.",))
    assert page(told) == "The flash ends.\nThis one is 3 s old.\n⚠ It may trip again."
    assert "Nobody's waiting would change" in page(replace(told, horizon_ms=60_000))
