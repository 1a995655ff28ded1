"""A forecast or a receipt as a table: who waits how much longer or shorter, by mode and district. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from override.previews import CostRow, Forecast, Receipt
from tui.ages import duration
from tui.plots import bar

MODES = {"cars": "in cars", "buses": "on buses", "pedestrians": "on foot", "bicycles": "on bicycles"}
"""Words for a mode; what is not here is said as it came."""
DOUBTFUL_PERMILLE = 500
"""Earlier forecasts were wrong by more than half: said with emphasis."""
CHECKED_LEAST = 5
"""So many earlier forecasts must have been checked before their mean error says anything."""
WORSE, BETTER, SAME = "worse", "better", "same"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line, each column as text, and which way it goes."""

    mode: str
    district: str
    without: str
    with_order: str
    change: str
    longest: str
    bar: str
    way: str


def mode_words(mode: str) -> str:
    """People of a mode, in words."""
    return MODES.get(mode, mode)


def person_time(person_s: int) -> str:
    """Person-seconds as people can grasp them: `40 s`, `12 min`, `3.5 h` of people's time."""
    if person_s < 120:
        return f"{person_s} s"
    if person_s < 7200:
        return f"{person_s / 60:.0f} min"
    return f"{person_s / 3600:.1f} h"


def signed_time(person_s: int) -> str:
    """The same with its sign; `±0` where nothing changes."""
    if person_s == 0:
        return "±0"
    return ("+" if person_s > 0 else "−") + person_time(abs(person_s))


def totals(rows: Sequence[CostRow]) -> CostRow:
    """All people together, the longest wait of any of them."""
    return CostRow(
        "", "everybody",
        sum(row.without for row in rows), sum(row.with_order for row in rows),
        max((row.longest_without_ms for row in rows), default=0),
        max((row.longest_with_ms for row in rows), default=0),
    )  # fmt: skip


def table(rows: Sequence[CostRow], bar_width: int = 8, plain: bool = False, most: int = 12) -> list[TableRow]:
    """Everybody first, then those for whom it changes most; `most` rows at most, the rest folded into one."""
    if not rows:
        return []
    ordered = sorted(rows, key=lambda row: (-abs(row.with_order - row.without), row.district, row.mode))
    shown, rest = (ordered, []) if len(ordered) < most else (ordered[: most - 2], ordered[most - 2 :])
    top = max(abs(row.with_order - row.without) for row in ordered)
    out = [_row(totals(rows), top, 0, plain), *(_row(row, top, bar_width, plain) for row in shown)]
    if rest:
        folded = totals(rest)
        out.append(
            _row(CostRow("", f"{len(rest)} others", folded.without, folded.with_order), top, bar_width, plain)
        )
    return out


def _row(row: CostRow, top: int, bar_width: int, plain: bool) -> TableRow:
    change = row.with_order - row.without
    longest = ""
    if row.longest_with_ms or row.longest_without_ms:
        longest = f"{row.longest_without_ms // 1000} → {row.longest_with_ms // 1000} s"
        longest = longest.replace("→", ">") if plain else longest
    return TableRow(
        mode_words(row.mode),
        row.district,
        person_time(row.without),
        person_time(row.with_order),
        signed_time(change),
        longest,
        bar(abs(change), top, bar_width, plain) if bar_width and top else " " * bar_width,
        WORSE if change > 0 else BETTER if change < 0 else SAME,
    )


def horizon_words(forecast: Forecast) -> str:
    """What the numbers are, and how far to trust them."""
    text = f"People's waiting over the next {duration(forecast.horizon_ms)}, as the station believes"
    return f"{text} ({forecast.took_us / 1000:.0f} ms to work out)." if forecast.took_us else f"{text}."


def trust_words(forecast: Forecast) -> tuple[str, bool]:
    """(how good earlier forecasts were, whether that is a reason for doubt)."""
    if forecast.checked < CHECKED_LEAST:
        few = f"{forecast.checked} so far" if forecast.checked else "none yet"
        return f"Too few earlier forecasts have been checked to say how good they are ({few}).", True
    percent = forecast.error_permille / 10
    text = f"Earlier forecasts were wrong by {percent:.0f} % on average ({forecast.checked} checked)."
    return text, forecast.error_permille > DOUBTFUL_PERMILLE


def receipt_words(receipt: Receipt) -> str:
    """What an order that has ended cost, on one line."""
    sums = totals(receipt.rows)
    text = f"lasted {duration(receipt.lasted_ms)}; {signed_time(sums.with_order - sums.without)} of waiting"
    if receipt.foreseen:
        text += f" (foreseen {person_time(receipt.foreseen)}, was {person_time(sums.with_order)})"
    return f"{text}. {receipt.sentence}".rstrip()
