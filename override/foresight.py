"""Previews and receipts of one gateway: a question, the engine's word, and the passing of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controller.network import Network
from controller.present import neighbours
from override import wire
from override.asking import Asking
from override.counter import Counter
from override.engine import Line
from override.forecast_words import rows_of, sentence_of
from override.handover import Handover
from override.preview import Previews
from override.previews import Forecast, PreviewRequest, Receipt, ReceiptRequest
from override.receipt import Receipts
from override.reset_words import Tripped
from override.ruling import Person
from override.views import Outcome as Said
from override.views import Reply
from override.what_if import Outcome

QUESTIONS = frozenset({b"preview", b"receipt-please"})
Send = Callable[[bytes, bytes], object]
"""Takes (topic, payload) to who asked."""


class Foresight:
    """What would be, and what was. `forecaster` is the line to its process; None = there is none.

    `to_reset` tells how a junction stands of which somebody asks what a reset of its monitor would do.
    """

    def __init__(
        self,
        network: Network,
        counter: Counter,
        engine: Line,
        forecaster: Line | None,
        districts: Sequence[str],
        publish: Callable[[Receipt], None],
        to_reset: Callable[[str], Tripped],
    ) -> None:
        desk = counter.desk
        self._districts = districts
        self.asking = Asking(engine.send, forecaster)
        near = neighbours(network)
        self.previews = Previews(network, desk, self.asking, districts, near, to_reset, self._error)
        self.receipts = Receipts(
            desk, self.previews, self.asking, counter.storage, districts, counter.keep, publish
        )

    def answer(
        self,
        request: PreviewRequest | ReceiptRequest,
        payload: bytes,
        person: Person,
        now_ms: int,
        send: Send,
    ) -> None:
        """Answer a question now or later. `payload` is what the request was signed as."""
        if isinstance(request, PreviewRequest):

            def told(forecast: Forecast) -> None:
                send(b"forecast", wire.pack(forecast))

            self.previews.ask(request, person, now_ms, told)
        elif (receipt := self.receipts.stored(request.order)) is not None:
            send(b"receipt", wire.pack(receipt))
        else:
            why = f"no receipt of {request.order}: it has not recovered yet, or there was no such order"
            refused = Reply(wire.digest(payload), Said.REFUSED, "", "receipt", why, now_ms)
            send(b"reply", wire.pack(refused))

    def hears(self, message: bytes) -> bool:
        """Whether a message of the engine was meant for us."""
        return self.asking.hears(message)

    def of_version(
        self, number: int, junctions: Sequence[str], then: Callable[[str], None], now_ms: int
    ) -> None:
        """Tell `then` in words what another version would do to people here over the next minutes."""
        previews = self.previews
        question = previews.question_of_version(number, junctions)

        def told(outcome: Outcome | None, handover: Handover | None, why: str) -> None:
            if outcome is None:
                then(f"no forecast: {why.removeprefix('no forecast: ')}")
                return
            minutes = round(outcome.horizon_ms / 60_000)
            n = len(outcome.junctions)
            here = f"{n} junction{'s' if n != 1 else ''}, the next {minutes} min"
            then(f"forecast for {here}: {sentence_of(rows_of(outcome, self._districts))}")

        self.asking.forecast(question, told, now_ms)

    def another_version(self, number: int) -> None:
        """Another version of the street is in force."""
        self.asking.another_version(number)

    def turn(self, now_ms: int, wall_ms: int) -> None:
        """Go on with what is under way."""
        self.asking.turn(now_ms)
        self.receipts.turn(now_ms, wall_ms)

    def _error(self) -> tuple[int, int]:
        return self.receipts.error()
