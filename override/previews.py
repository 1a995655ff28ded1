"""What an order would cost whom, before it is sent; and what it did cost, after it has ended.

All costs are person-seconds of waiting, whole numbers, as the station believes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from override.bounds import DIGEST_BYTES, NONCE_BYTES, exactly, items, text, whole
from override.requests import Header, OrderRequest


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """What if? The order is not given; its header is that of this request."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    order: OrderRequest


@dataclass(frozen=True, slots=True)
class CostRow:
    """People of one mode in one district."""

    district: Annotated[str, text()]
    mode: Annotated[str, text(shortest=1)]
    without: Annotated[int, whole()]
    """Person-seconds of waiting without the order, over the horizon."""
    with_order: Annotated[int, whole()]
    longest_without_ms: Annotated[int, whole()] = 0
    """Longest wait that is foreseen."""
    longest_with_ms: Annotated[int, whole()] = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The answer to a preview."""

    answers: Annotated[bytes, exactly(NONCE_BYTES)]
    """Nonce of the request."""
    now_ms: Annotated[int, whole()]
    horizon_ms: Annotated[int, whole()]
    rows: Annotated[tuple[CostRow, ...], items(256)]
    basis: Annotated[tuple[int, ...], items(64)] = ()
    """State versions it holds for: what the order is to be sent with."""
    sentence: Annotated[str, text(400)] = ""
    """Who would wait longer, who shorter, in words."""
    refusal: Annotated[str, text(400)] = ""
    """Why the desk would refuse the order as things stand; empty when it would not."""
    needs: Annotated[str, text(64)] = ""
    """The second person it would need; empty when none."""
    warnings: Annotated[tuple[str, ...], items(8, characters=200)] = ()
    error_permille: Annotated[int, whole(100_000)] = 0
    """Mean error of earlier forecasts of this station that could be checked."""
    checked: Annotated[int, whole()] = 0
    """How many those were."""
    took_us: Annotated[int, whole()] = 0


@dataclass(frozen=True, slots=True)
class ReceiptRequest:
    """What did an order cost? Answered by its `receipt`, or by a `reply` that says there is none."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    order: Annotated[str, text(shortest=1)]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an order that has ended cost, published once."""

    order: Annotated[str, text(shortest=1)]
    digest: Annotated[bytes, exactly(DIGEST_BYTES)]
    now_ms: Annotated[int, whole()]
    lasted_ms: Annotated[int, whole()]
    rows: Annotated[tuple[CostRow, ...], items(256)]
    """`with_order` as measured while it acted, `without` as forecast for the same time."""
    sentence: Annotated[str, text(400)] = ""
    foreseen: Annotated[int, whole()] = 0
    """Person-seconds with the order as they were forecast, for comparison."""
