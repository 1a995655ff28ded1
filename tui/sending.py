"""Previews and orders over the connection, each answer in words. Nothing is ever sent twice by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from override.client import Console, NoAnswer
from override.flag_messages import FlagAction, FlagView
from override.previews import CostRow, Forecast
from override.refused import Refused
from override.requests import AlarmAction
from override.roles import LEASE_DEFAULT_MS, Command
from override.views import AlarmView, OrderView, Reply
from tui.ages import duration
from tui.drafts import Draft, changed_since, refusal_words
from tui.following import Following, sent
from tui.model import Sight

Answer = TypeVar("Answer")
NOT_KNOWN = (
    "No answer in three tries: whether the station acted is NOT known. "
    "Look what acts there before you send anything again."
)
NO_PREVIEW = "This station cannot foresee what an order does"
CANNOT_PREVIEW = frozenset({"topic", "version", "preview"})
"""Codes by which a station says that it has no previews at all."""
FLAG_DONE = {
    FlagAction.ACCEPT: "accepted; citizens read it in a moment",
    FlagAction.REJECT: "rejected; citizens read your reason in a moment",
    FlagAction.CREW_SENT: "the work order is open: somebody is on the way",
    FlagAction.CREW_ON_SITE: "noted: somebody is there",
    FlagAction.CREW_DONE: "noted: they are done; the record closes the case, or you (x)",
    FlagAction.FIXED: "closed; citizens read it in a moment",
    FlagAction.END_REMEDY: "the remedy ends",
}
PREVIEW_GOOD_MS = 30_000
"""A forecast older than this describes another street."""


class Asks(Protocol):
    """What this needs of the application."""

    sight: Sight
    now_s: Callable[[], float]

    def asked(self, job: Callable[[Console], Answer]) -> Awaitable[Answer]:
        """Have this done with the connection. Raises NoAnswer, Refused."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The answer to a preview: a forecast, or why there is none."""

    forecast: Forecast | None
    words: str = ""
    """Why there is no forecast; empty when there is one."""
    none_at_all: bool = False
    """The station has no previews."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of sending."""

    sent: tuple[Following, ...] = ()
    words: str = ""
    """A refusal or a doubt in words; empty when all was taken."""
    unknown: bool = False
    """Whether it acted is not known."""


async def foresee(app: Asks, draft: Draft) -> Foreseen:
    """Ask what the draft would cost whom. Never raises."""
    sight = app.sight
    forecasts = []
    for part, names in enumerate(draft.parts()):
        basis = tuple(sight.junctions[n].version for n in names if n in sight.junctions)
        wire = draft.wire(basis, part)
        try:
            forecasts.append(await app.asked(lambda console, wire=wire: console.preview(**wire)))  # type: ignore[misc]
        except Refused as refused:
            if refused.code in CANNOT_PREVIEW:
                return Foreseen(None, f"{NO_PREVIEW}: {refused.why}.", none_at_all=True)
            return Foreseen(None, refusal_words(refused.code, refused.why))
        except NoAnswer:
            return Foreseen(None, "No forecast: the station did not answer. Nothing has been sent.")
    return Foreseen(merged(forecasts)) if forecasts else Foreseen(None, "No junction is named.")


def merged(forecasts: list[Forecast]) -> Forecast:
    """One forecast of several parts of an order: rows of the same people added, words of the first."""
    first = forecasts[0]
    if len(forecasts) == 1:
        return first
    rows: dict[tuple[str, str], CostRow] = {}
    for row in (row for forecast in forecasts for row in forecast.rows):
        key = (row.district, row.mode)
        rows[key] = _added(rows[key], row) if key in rows else row
    return replace(
        first,
        rows=tuple(rows.values()),
        basis=tuple(version for forecast in forecasts for version in forecast.basis),
        refusal=next((f.refusal for f in forecasts if f.refusal), ""),
        needs=next((f.needs for f in forecasts if f.needs), ""),
        warnings=tuple(dict.fromkeys(w for f in forecasts for w in f.warnings))[:8],
        sentence="",
    )


def _added(a: CostRow, b: CostRow) -> CostRow:
    return CostRow(
        a.district, a.mode, a.without + b.without, a.with_order + b.with_order,
        max(a.longest_without_ms, b.longest_without_ms), max(a.longest_with_ms, b.longest_with_ms),
    )  # fmt: skip


def may_send(draft: Draft, forecast: Forecast | None, sight: Sight, now_s: float) -> str:
    """Why this draft may not be sent from this screen now, in words; empty = it may.

    What makes the street safer may always be tried. Everything else needs a live picture and a forecast
    that still holds: the station compares again, but who sends must not have looked at the past.
    """
    if draft.safer:
        return ""
    if why := sight.may_order(now_s):
        return f"Not sent: {why}"
    if forecast is None:
        return "Not sent: there is no forecast, and only what makes the street safer goes without one."
    if sight.station_ms(now_s) - forecast.now_ms > PREVIEW_GOOD_MS:
        return "Not sent: the forecast is more than 30 s old. Preview again (p)."
    if len(forecast.basis) != len(draft.junctions):
        return "Not sent: the forecast does not say which state of the street it holds for."
    titles = {name: sight.title(name) for name in draft.junctions}
    if changed := changed_since(draft, forecast.basis, sight.junctions, titles):
        return f"Not sent: {changed}. Preview again (p)."
    if forecast.refusal:
        return f"Not sent: the station would refuse it: {forecast.refusal}"
    return ""


async def send(app: Asks, draft: Draft, forecast: Forecast | None) -> Outcome:
    """Send it, once. Never raises; what is not known is said to be not known."""
    if why := may_send(draft, forecast, app.sight, app.now_s()):
        return Outcome(words=why)
    basis = forecast.basis if forecast is not None and not draft.safer else ()
    out: list[Following] = []
    at = 0
    for part, names in enumerate(draft.parts()):
        wire = draft.wire(basis[at : at + len(names)], part)
        at += len(names)
        try:
            reply = await app.asked(lambda console, wire=wire: console.order(**wire))  # type: ignore[misc]
        except Refused as refused:
            return Outcome(tuple(out), refusal_words(refused.code, refused.why))
        except NoAnswer:
            return Outcome(tuple(out), NOT_KNOWN, unknown=True)
        out.append(sent(reply, draft.command, draft.sentence(), app.sight))
    return Outcome(tuple(out))


async def release(app: Asks, view: OrderView, takeover: bool = False) -> str:
    """Give back what an order holds; what the station said, in words. Never raises."""

    def job(console: Console) -> Reply:
        return console.order(
            command=Command.RELEASE, slot=view.slot, junctions=(), basis=(), order=view.order,
            takeover=takeover,
        )  # fmt: skip

    words = await _said(app, job, "released", echoed="1 released")
    return "It has ended already: there is nothing to release." if words == "Released: 0 released." else words


async def renew(app: Asks, view: OrderView) -> str:
    """Prolong a lease by as long as it was given for. Never raises."""

    def job(console: Console) -> Reply:
        return console.order(
            command=view.command, slot=view.slot, junctions=(), basis=(), order=view.order, renew=True,
            lease_ms=view.lease_ms or LEASE_DEFAULT_MS, reason="renewed",
        )  # fmt: skip

    return await _said(app, job, "renewed", echoed="renewed")


async def approve(app: Asks, digest: bytes, agrees: bool) -> str:
    """Be the second person. Never raises."""
    return await _said(
        app, lambda console: console.approve(digest, agrees), "agreed" if agrees else "refused"
    )


async def undo(app: Asks, sent_orders: Iterable[Following]) -> str:
    """Release what was sent a moment ago. Never raises."""
    words = []
    for one in sent_orders:
        if (view := app.sight.orders.get(one.order)) is not None:
            words.append(await release(app, view))
        elif not one.done:
            words.append("The station does not show it yet; try again in a second.")
    return " ".join(dict.fromkeys(words)) or "There is nothing left to take back."


async def _said(app: Asks, job: Callable[[Console], Reply], done: str, echoed: str = "") -> str:
    """What was done, with what the station says of it, unless it only repeats it."""
    try:
        reply = await app.asked(job)
    except Refused as refused:
        return refusal_words(refused.code, refused.why)
    except NoAnswer:
        return NOT_KNOWN
    why = "" if reply.why == echoed else reply.why
    return f"{done[:1].upper()}{done[1:]}: {why}." if why else f"{done[:1].upper()}{done[1:]}."


async def act_on_alarm(
    app: Asks, alarm: AlarmView, action: AlarmAction, for_ms: int = 0, reason: str = ""
) -> str:
    """Acknowledge, suspend or wake an alarm. Never raises."""
    done = {
        AlarmAction.ACKNOWLEDGE: "acknowledged",
        AlarmAction.SUSPEND: f"suspended for {duration(for_ms)}",
        AlarmAction.RESUME: "shown again",
    }[action]
    return await _said(
        app, lambda console: console.act_on_alarm(alarm.alarm, action, for_ms, reason), done, str(action)
    )


async def act_on_flag(app: Asks, flag: FlagView, action: FlagAction, reason: str = "") -> str:
    """Accept, reject, send somebody, close. Never raises."""
    return await _said(
        app,
        lambda console: console.act_on_flag(flag.flag, action, reason),
        FLAG_DONE[action],
        f"{action}: told to the citizen process",
    )
