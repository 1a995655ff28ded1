"""What needs a person, most urgent first: why, where and since when. Pure, but for when it began."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from override.flag_messages import FlagLife, FlagView, Kind
from override.views import AlarmView, JunctionView, Urgency
from tui.lamps import rung as rung_sign
from tui.model import Sight

FLASH_RUNG = 5
PLAN_RUNGS = (3, 4)
BROKEN_PERCENT = 100
"""A call has waited for longer than it was promised."""
FAR_BROKEN_PERCENT = 150
ENDS_SOON_MS = 30_000
ALIKE = ("alarm", "rung", "detectors")
"""Kinds of which many are one trouble."""
FLOOD = 5
"""So many junctions with the same trouble are told in one line."""
WAITING = "requested"
"""State of an order that needs a second person."""
CLOSED = frozenset({FlagLife.FIXED, FlagLife.NOT_CONFIRMED})
"""A citizen's case in which nothing is left to do."""
MARKS = {Urgency.NOW: "!", Urgency.SOON: "*", Urgency.KNOW: "i"}
STYLES = {Urgency.NOW: "bold bright_red", Urgency.SOON: "bright_yellow", Urgency.KNOW: "cyan"}


@dataclass(frozen=True, slots=True)
class Notice:
    """One reason why a person should look somewhere."""

    key: str
    """The same trouble at the same place has the same key."""
    junction: str
    """Empty = the whole street."""
    urgency: Urgency
    why: str
    since_ms: int
    """The station's clock when it began, as far as this console knows."""
    kind: str
    """alarm, promise, rung, detectors, flag, order."""
    acknowledged: bool = False
    more: int = 0
    """Other, lesser reasons at the same place that are folded into this line."""

    @property
    def order(self) -> tuple[int, bool, int, str]:
        """Most urgent first, nobody's before somebody's, then the oldest."""
        return self.urgency.rank, self.acknowledged, self.since_ms, self.key


class Attention:
    """Finds the notices of each sight; remembers when those began that carry no time of their own."""

    def __init__(self) -> None:
        self._began_ms: dict[str, int] = {}
        self._boot = b""

    def notices(self, sight: Sight) -> list[Notice]:
        """All of them, one after another by urgency."""
        if sight.boot != self._boot:
            self._boot, self._began_ms = sight.boot, {}
        found = list(_found(sight))
        self._began_ms = {
            n.key: self._began_ms.get(n.key, sight.now_ms) if n.since_ms < 0 else n.since_ms for n in found
        }
        found = [replace(n, since_ms=self._began_ms[n.key]) if n.since_ms < 0 else n for n in found]
        return sorted(found, key=lambda notice: notice.order)


def folded(notices: list[Notice]) -> list[Notice]:
    """One line a junction: its most urgent reason, with the number of the others."""
    first: dict[str, int] = {}
    out: list[Notice] = []
    for notice in _without_floods(notices):
        at = first.get(notice.junction)
        if at is None or not notice.junction:
            first.setdefault(notice.junction, len(out))
            out.append(notice)
        else:
            out[at] = replace(out[at], more=out[at].more + 1)
    return out


def _without_floods(notices: list[Notice]) -> list[Notice]:
    """Many junctions with one trouble are one line, at the first of them: one cause, one look."""
    alike: dict[str, list[Notice]] = {}
    for notice in notices:
        if notice.kind in ALIKE:
            alike.setdefault(_cause(notice), []).append(notice)
    floods = {cause: len(many) for cause, many in alike.items() if len(many) >= FLOOD}
    out, told = [], set()
    for notice in notices:
        cause = _cause(notice)
        if notice.kind not in ALIKE or cause not in floods:
            out.append(notice)
        elif cause not in told:
            told.add(cause)
            out.append(replace(notice, why=f"{floods[cause]} junctions: {cause}"))
    return out


def _cause(notice: Notice) -> str:
    return "detectors that are not believed" if notice.kind == "detectors" else notice.why


def worst_by_junction(notices: list[Notice]) -> dict[str, Notice]:
    """The most urgent notice of each junction that has one; `notices` as `Attention` sorts them."""
    worst: dict[str, Notice] = {}
    for notice in notices:
        worst.setdefault(notice.junction, notice)
    return worst


def _found(sight: Sight) -> Iterator[Notice]:
    told: set[str] = set()
    for alarm in sight.alarms.values():
        if not alarm.suspended and (alarm.active or not alarm.acknowledged):
            told.add(alarm.junction)
            yield _of_alarm(alarm, sight.title(alarm.junction))
    for junction in sight.junctions.values():
        yield from _of_junction(junction, junction.name in told)
    for flag in sight.flags.values():
        if flag.life not in CLOSED:
            yield _of_flag(flag, sight.flag_began_ms(flag))
    yield from _of_orders(sight)


def without_title(sentence: str, title: str) -> str:
    """A sentence that begins with the name of its junction, where that stands beside it anyway.

    Sentences of the controller cut long names and end them in `~`.
    """
    begin, _, rest = sentence.partition("~")
    if title and rest and len(begin) > 3 and title.startswith(begin):
        return rest.lstrip(" :,")
    return sentence[len(title) :].lstrip(" :,") if title and sentence.startswith(title) else sentence


def _of_alarm(alarm: AlarmView, title: str) -> Notice:
    why, urgency = without_title(alarm.sentence, title), alarm.urgency
    if title:
        why = why.replace(f" at {title}", "")
    if not alarm.active:
        why = f"over: {why}, nobody has seen it"  # what it was comes first: a narrow list shows no more
        urgency = Urgency.SOON if urgency is Urgency.NOW else Urgency.KNOW
    if alarm.count > 1:
        why = f"{why} ({alarm.count} times)"
    return Notice(
        f"alarm {alarm.alarm}", alarm.junction, urgency, why, alarm.since_ms, "alarm",
        alarm.acknowledged,
    )  # fmt: skip


def _of_junction(view: JunctionView, has_alarm: bool) -> Iterator[Notice]:
    name = view.name
    if view.rung == FLASH_RUNG and not has_alarm:
        yield Notice(f"rung {name}", name, Urgency.NOW, "it flashes", -1, "rung")
    if view.used_percent > BROKEN_PERCENT:
        urgency = Urgency.NOW if view.used_percent >= FAR_BROKEN_PERCENT else Urgency.SOON
        why = f"promise broken: somebody waits for {view.longest_s} s, {view.used_percent} % of it"
        yield Notice(f"promise {name}", name, urgency, why, -1, "promise")
    if view.rung in PLAN_RUNGS and not has_alarm:
        yield Notice(f"rung {name}", name, Urgency.SOON, f"on its {rung_sign(view.rung).words}", -1, "rung")
    elif 0 < view.rung < PLAN_RUNGS[0] and not view.faults:
        yield Notice(f"rung {name}", name, Urgency.KNOW, rung_sign(view.rung).words, -1, "rung")
    if view.faults:
        detectors = "detector is" if view.faults == 1 else "detectors are"
        why = f"{view.faults} {detectors} not believed"
        yield Notice(f"detectors {name}", name, Urgency.KNOW, why, -1, "detectors")


def _of_flag(flag: FlagView, began_ms: int) -> Notice:
    mine = flag.life in (FlagLife.WITH_A_PERSON, FlagLife.REOPENED)
    urgency = Urgency.NOW if flag.urgent else Urgency.SOON if mine else Urgency.KNOW
    times = f", {flag.count} times" if flag.count > 1 else ""
    remedy = f"; {flag.remedy}" if flag.remedy else ""
    what = flag.kind.replace("-", " ") if flag.kind is not Kind.OTHER else "something else"
    where = f" {flag.group}" if flag.group else ""
    why = f"citizens: {what}{where}{times}{remedy}"
    return Notice(f"flag {flag.flag}", flag.junction, urgency, why, began_ms, "flag")


def _of_orders(sight: Sight) -> Iterator[Notice]:
    places: dict[str, list[str]] = {}
    for junction in sight.junctions.values():
        for order in junction.orders:
            places.setdefault(order, []).append(junction.name)
    for view in sight.orders.values():
        where = places.get(view.order, [""])[0]
        if view.state == WAITING:
            why = f"{view.command} of {view.issuer} needs a second person"
            yield Notice(f"second {view.order}", where, Urgency.NOW, why, -1, "order")
        elif 0 < view.expires_ms - sight.now_ms <= ENDS_SOON_MS and view.state == "effective":
            left_s = (view.expires_ms - sight.now_ms) // 1000
            why = f"{view.command} of {view.issuer} ends in {left_s} s"
            yield Notice(f"ends {view.order}", where, Urgency.KNOW, why, -1, "order")
