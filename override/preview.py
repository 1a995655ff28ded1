"""Previews: what would an order do? Answered by the desk's own rules and by a forecast; nothing is stored."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from controller.network import Network
from override import wire
from override.asking import Asking
from override.desk import Desk
from override.forecast_words import rows_of, sentence_of, warnings_of
from override.handover import JUNCTIONS_MAX, Handover
from override.orders import Event, Life, Order, order_of, step
from override.previews import Forecast, PreviewRequest
from override.refused import Refused
from override.requests import OrderRequest
from override.reset_words import Tripped, reset_words
from override.roles import Command
from override.ruling import Person
from override.views import Outcome as Said
from override.what_if import Outcome, Question, around

ANSWERS_KEPT = 64
Answer = Callable[[Forecast], None]

VERSION_MAX, VERSION_MS = 12, 120_000
"""Of another version so many junctions are forecast, and so long before the recovery: it waits for nobody."""


class Previews:
    """Answers previews of one desk. `error()`: (mean error in permille, checked) of earlier forecasts."""

    def __init__(
        self,
        network: Network,
        desk: Desk,
        asking: Asking,
        districts: Sequence[str],
        near: Sequence[frozenset[int]],
        to_reset: Callable[[str], Tripped],
        error: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        self.desk = desk
        self._network = network
        self._asking = asking
        self._districts = districts
        self._near = near
        self._to_reset = to_reset
        self._error = error
        self._index = {junction.name: j for j, junction in enumerate(network.street.junctions)}
        self._answered: OrderedDict[bytes, Forecast | Answer] = OrderedDict()

    def ask(self, request: PreviewRequest, person: Person, now_ms: int, answer: Answer) -> None:
        """Have `answer` called with the forecast, now or later; the same request again gets the same one."""
        nonce = request.header.nonce
        if nonce in self._answered:
            if isinstance(known := self._answered[nonce], Forecast):
                answer(known)
            else:
                self._answered[nonce] = answer  # he has hung up and calls anew
            return
        self._answered[nonce] = answer
        while len(self._answered) > ANSWERS_KEPT:
            self._answered.popitem(last=False)

        def settle(forecast: Forecast) -> None:
            to = self._answered.get(nonce)
            self._answered[nonce] = forecast
            if to is not None and not isinstance(to, Forecast):
                to(forecast)

        order = self._as_meant(request.order)
        refusal, needs, versions = self._ruling(order, person, now_ms)
        error_permille, checked = self._error()
        base = Forecast(
            nonce, now_ms, 0, (), order.basis, refusal=refusal, needs=needs,
            error_permille=error_permille, checked=checked,
        )  # fmt: skip
        if versions and order.command is Command.RESET_TRIP:
            here = self.desk.places.junctions_of(order)
            sentence, warnings = reset_words([self._to_reset(name) for name in here])
            settle(replace(base, sentence=sentence[:400], warnings=tuple(text[:200] for text in warnings)))
            return
        question = self.question(versions, now_ms)
        if question is None:
            settle(base)
            return

        def then(outcome: Outcome | None, handover: Handover | None, why: str) -> None:
            settle(self._told(base, outcome, why, order))

        self._asking.forecast(question, then, now_ms)

    def question(self, versions: Sequence[Order], now_ms: int, taken: bool = False) -> Question | None:
        """What to forecast when these versions are taken (or just have been); None where nothing can be."""
        here = {name for order in versions for name in order.junctions}
        if not versions or len(here) > JUNCTIONS_MAX:
            return None
        junctions = around([self._index[name] for name in here], self._near)
        names = {self._network.street.junctions[j].name for j in junctions}
        before = {order.id: order for order in self.desk.orders.values() if order.live and names & order.held}
        after = dict(before)
        if taken:
            before = {name: order for name, order in before.items() if order not in versions}
        lease_ms = 0
        for order in versions:
            known = before.get(order.id)
            lease_ms = max(lease_ms, (order if order.live else known or order).until_ms - now_ms)
            if order.live:
                after[order.id] = order
            else:
                after.pop(order.id, None)
        return Question(0, junctions, tuple(before.values()), tuple(after.values()), max(0, lease_ms))

    def question_of_version(self, number: int, junctions: Sequence[str]) -> Question:
        """What to forecast when another version of the street is taken up at these junctions."""
        here = tuple(sorted(self._index[name] for name in junctions if name in self._index)[:VERSION_MAX])
        names = {self._network.street.junctions[j].name for j in here}
        orders = tuple(order for order in self.desk.orders.values() if order.live and names & order.held)
        return Question(0, here, orders, orders, VERSION_MS, number)

    def _as_meant(self, order: OrderRequest) -> OrderRequest:
        """As it would be sent now: with the versions as they are, and some reason."""
        names: tuple[str, ...] = ()
        with suppress(Refused):
            names = self.desk.places.junctions_of(order)
        basis = tuple(self.desk.versions[name] for name in names)[:JUNCTIONS_MAX]
        return replace(order, basis=basis, reason=order.reason.strip() or "preview")

    def _ruling(self, order: OrderRequest, person: Person, now_ms: int) -> tuple[str, str, tuple[Order, ...]]:
        """(why the desk would refuse, whose agreement is needed, what would act)."""
        digest = wire.digest(repr(order).encode())
        try:
            ruling = self.desk.rule(order, digest, person, now_ms)
        except Refused as refused:
            return refused.why[:400], "", self._anyway(order, digest, person, now_ms)
        versions = tuple(
            step(version, Event.ACCEPT, now_ms) if version.life is Life.REQUESTED else version
            for version in ruling.versions
        )
        needs = ruling.why if ruling.outcome is Said.WAITING else ""
        if not needs and any(version.countersign_by_ms for version in versions):
            needs = "a second person within 10 min afterwards"
        return "", needs[:64], versions

    def _anyway(self, request: OrderRequest, digest: bytes, person: Person, now_ms: int) -> tuple[Order, ...]:
        """What would act if it were not refused; nothing where it makes no sense at all."""
        if request.command is Command.RELEASE or request.renew or request.lease_ms <= 0:
            return ()
        try:
            junctions = self.desk.places.junctions_of(request)
            self.desk.places.check(request, junctions)
        except Refused:
            return ()
        order = order_of(request, digest, person.role, junctions, now_ms)
        legs = zip(junctions, request.legs, strict=False)
        order = replace(order, legs=tuple(replace(leg, junction=name) for name, leg in legs))
        return (step(order, Event.ACCEPT, now_ms),)

    def _told(self, base: Forecast, outcome: Outcome | None, why: str, order: OrderRequest) -> Forecast:
        if outcome is None:
            return replace(base, sentence=f"There is no forecast: {why}."[:400])
        rows = rows_of(outcome, self._districts)
        told = replace(
            base,
            horizon_ms=outcome.horizon_ms,
            rows=rows,
            sentence=sentence_of(rows)[:400],
            warnings=warnings_of(outcome, self._network, order.suspends_promise),
            took_us=outcome.took_us,
        )
        try:
            wire.pack(told)
        except Refused as refused:
            return replace(base, sentence=f"There is no forecast: it cannot be told ({refused.why})."[:400])
        return told
