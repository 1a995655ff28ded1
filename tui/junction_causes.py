"""Why a junction does what it does, and what it goes by: sentence, costs, orders, detectors, buses."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from override.details import Detail, DetectorDetail, TermDetail
from override.layouts import JunctionLayout
from tui.ages import countdown, duration, lateness, short
from tui.attention import STYLES, Notice, without_title
from tui.lamps import rung as rung_sign
from tui.model import Sight
from tui.plots import bar

REGISTERS = ("operator", "engineer", "citizen")
TERM_CELLS, NUMBER_CELLS = 10, 7
TERM_WORDS = {"pedestrians": "on foot"}
"""Names of cost terms that are too long for their column."""
INADMISSIBLE = 100_000_000
"""Tenths of person-seconds: the price of a plan that breaks a promise, which no real hour costs."""
BELIEVED_PERMILLE = 500
"""A detector with less trust is not believed."""
STALE_DETECTORS_SHOWN = 8


def why_text(detail: Detail | None, register: str, width: int, plain: bool, title: str = "") -> Text:
    """The sentence, and the cost by term of what was chosen beside that of the best it was chosen before."""
    text = Text().append(f"Why ({register}'s words)", "bold underline")
    if detail is None:
        return text.append("\nAsking the station ...", "italic")
    sentence = without_title(getattr(detail, register), title) or "It has not changed its stage yet."
    text.append(f"\n{sentence}")
    if detail.decided_ms:
        text.append(f"\nDecided {duration(detail.decided_ms)} ago", "italic")
        if detail.decided_by:
            text.append(f"; without {detail.decided_by} it would not have", "italic")
    if detail.preempt:
        text.append(f"\n» {detail.preempt}: promises are suspended", "bold bright_magenta")
    if detail.rung_cause:
        text.append(f"\nLower rung: {detail.rung_cause}", "bright_yellow")
    terms = [term for term in detail.terms if term.winner or term.loser]
    if terms:
        text.append_text(_terms(terms, detail.decided_by, width, plain))
    return text


def _terms(terms: Sequence[TermDetail], decided_by: str, width: int, plain: bool) -> Text:
    """A row a term: what it costs as chosen, and instead. What breaks a promise is off every scale."""
    known = [cost for term in terms for cost in (term.winner, term.loser) if cost < INADMISSIBLE]
    most = max(known, default=1)
    cells = min(16, (width - TERM_CELLS - 4 - 2 * NUMBER_CELLS) // 2)
    cells = cells if cells >= 3 else 0
    text = Text("\n").append(f"{'person-s':<{TERM_CELLS}}{'chosen':>{NUMBER_CELLS}}{'':{cells + 2}}", "bold")
    text.append(f"{'instead':>{NUMBER_CELLS}}", "bold")
    for term in terms:
        mark = "*" if term.name == decided_by else " "
        words = TERM_WORDS.get(term.name, term.name)[: TERM_CELLS - 1]
        text.append(f"\n{mark}{words:<{TERM_CELLS - 1}}", "bold" if mark == "*" else "")
        for cost, style, gap in ((term.winner, "green", " "), (term.loser, "bright_yellow", "")):
            text.append(f"{_cost(cost):>{NUMBER_CELLS}} ", style)
            text.append(bar(min(cost, most), most, cells, plain) + gap, style)
    won, lost = sum(t.winner for t in terms), sum(t.loser for t in terms)
    text.append(f"\n{'together':<{TERM_CELLS}}{_cost(won):>{NUMBER_CELLS}}{'':{cells + 2}}", "bold")
    return text.append(f"{_cost(lost):>{NUMBER_CELLS}}", "bold")


def _cost(tenths: int) -> str:
    return "broken" if tenths >= INADMISSIBLE else f"{tenths / 10:.0f}"


def orders_text(sight: Sight, junction: str, now_s: float) -> Text:
    """What acts here, with the leases counting down."""
    text = Text().append("Orders", "bold underline")
    view = sight.junctions.get(junction)
    known = [sight.orders[o] for o in (view.orders if view else ()) if o in sight.orders]
    if not known:
        return text.append("\nNobody orders here.")
    for order in known:
        left_s = sight.left_s(order.expires_ms, now_s)
        style = "bold bright_magenta" if left_s > 15 else "bold reverse bright_magenta"
        left = f"{countdown(1000 * left_s)} left" if order.expires_ms else "no lease"
        text.append(f"\n» {order.command} ", style)
        text.append(f"{left} · {order.issuer} · {order.state} · {order.order}")
    return text


def troubles_text(notices: list[Notice], now_ms: int) -> Text:
    """Alarms, flags and what else needs somebody here."""
    text = Text().append("Needs attention", "bold underline")
    if not notices:
        return text.append("\nNothing here.")
    for notice in notices:
        seen = " (seen)" if notice.acknowledged else ""
        text.append(f"\n{short(now_ms - notice.since_ms):>5} ")
        text.append(f"{notice.why}{seen}", f"{STYLES[notice.urgency]}")
    return text


def detectors_text(layout: JunctionLayout, detail: Detail, full: bool, plain: bool) -> Text:
    """Those that are not believed and why, first; the others counted, or all where `full`."""
    rows = list(zip(layout.detectors, detail.detectors, strict=False))
    sick = [(at, now) for at, now in rows if now.trust_permille < BELIEVED_PERMILLE or now.cause]
    well = [(at, now) for at, now in rows if (at, now) not in sick]
    text = Text().append(f"Detectors: {len(well)} believed, {len(sick)} not", "bold underline")
    for at, now in sick[: None if full else STALE_DETECTORS_SHOWN]:
        text.append(f"\n{'x' if plain else '✖'} {at.name} ({at.watches}) ", "bold bright_red")
        text.append(f"{now.trust_permille / 10:.0f} %: {now.cause or 'doubted'}")
    if not full and len(sick) > STALE_DETECTORS_SHOWN:
        text.append(f"\n... and {len(sick) - STALE_DETECTORS_SHOWN} more (x shows all)", "")
    for at, now in well if full else ():
        text.append(f"\n{_on(now, plain)} {at.name} ")
        text.append(f"{at.kind} at {at.watches}, {short(now.idle_ms)}", "dim")
    if not full and well:
        text.append("\n" + "".join(_on(now, plain) for _, now in well))
        text.append(f" {'on' if plain else '■ occupied'}: {sum(now.on for _, now in well)}", "")
    return text


def _on(now: DetectorDetail, plain: bool) -> str:
    return ("#" if plain else "■") if now.on else ("." if plain else "□")


def approaches_text(detail: Detail) -> Text:
    """Queues and who comes, approach by approach; what nobody sees is said to be believed."""
    text = Text().append("Approaches", "bold underline")
    for approach in detail.approaches:
        text.append(f"\n{approach.name[:12]:<12} {approach.queue_veh:>3} queue ")
        text.append(f"{approach.coming_veh:>3} coming")
        if approach.blocked_permille:
            text.append(f" exit full {approach.blocked_permille / 10:.0f} %", "bright_yellow")
        if not approach.seen:
            text.append(" not seen: believed", "italic")
    return text


def buses_text(detail: Detail) -> Text:
    """Buses on their way, the next first."""
    text = Text().append("Buses", "bold underline")
    if not detail.buses:
        return text.append("\nNone has announced itself.")
    for bus in sorted(detail.buses, key=lambda b: b.arrives_ms):
        style = "bold bright_yellow" if bus.late_s >= 60 else ""
        arrives_s = -(-bus.arrives_ms // 1000)
        text.append(f"\n{bus.line or 'bus':<4} {bus.approach} in {arrives_s} s, ")
        text.append(lateness(bus.late_s), style)
        text.append(f", {bus.people} people")
        if bus.priority:
            text.append(f": {bus.priority}", "italic")
    return text


def title_text(sight: Sight, junction: str) -> Text:
    """Name, title, district, rung, stage: one line."""
    view, layout = sight.junctions.get(junction), sight.layouts.get(junction)
    text = Text(junction, "bold", no_wrap=True, overflow="ellipsis")
    if layout:
        text.append(f" · {layout.title}" * (layout.title != junction))
        text.append(f" · {layout.district}" * bool(layout.district))
    if view:
        sign = rung_sign(view.rung)
        text.append(f" · {sign.shape} {sign.word}, rung {view.rung}", sign.colour)
        text.append(f" · stage {view.stage or 'none'}")
    return text
