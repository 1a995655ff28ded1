"""Alarms with three bits each: active, acknowledged, suspended (after ISA-18.2 and rules 5).

A trouble is known by its id: the same code at the same place is the same alarm, however often
it is told. What has a cause that can be looked at is told and ended by who looks; what is
over as soon as it is seen stays active for a while. An alarm that is neither active nor
unacknowledged is gone. Of one code at many places, so many are shown by themselves and the
rest as one line, so that a flood hides nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from override.bounds import NAME_CHARACTERS
from override.refused import Refused
from override.requests import AlarmAction, AlarmRequest
from override.roles import Role
from override.ruling import Person, Ruling
from override.views import AlarmView, Outcome, Urgency

SUSPEND_MAX_MS = 8 * 3_600_000
"""A shift: whoever comes next looks anew."""
SHOWN_OF_ONE_CODE = 8
ALARMS_MAX = 20_000
"""Further ones are counted with the line that stands for many."""
MANY, MANY_SUSPENDED = "*", "*~"
ACTORS = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.ENGINEER})
"""Who may act on alarms and on citizens' cases."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as it should be."""

    code: str
    junction: str
    """Empty = the station itself."""
    urgency: Urgency
    sentence: str
    holds_ms: int = 0
    """Stays active for so long after it was last told; 0 = until somebody says it is over."""
    place: str = ""
    """What it is about where that is no junction, or not the junction as a whole."""

    @property
    def id(self) -> str:
        """The same trouble at the same place has the same id."""
        name = ":".join(part for part in (self.code, self.junction, self.place) if part)
        if len(name) <= NAME_CHARACTERS:
            return name
        return f"{self.code[:40]}:{hashlib.sha256(name.encode()).hexdigest()[:16]}"


class Alarms:
    """All alarms of a station. Times are its monotonic clock."""

    def __init__(self) -> None:
        self._all: dict[str, AlarmView] = {}
        self._ends_ms: dict[str, int] = {}
        self._told: dict[str, AlarmView] = {}
        self._dirty = False
        self._unsaved: set[str] = set()
        self._unproven: set[str] = set()

    def __len__(self) -> int:
        return len(self._all)

    def get(self, alarm: str) -> AlarmView | None:
        """One of them as it is now."""
        return self._all.get(alarm)

    def active(self, code: str = "") -> list[AlarmView]:
        """Those whose cause is there now."""
        return [view for view in self._all.values() if view.active and code in ("", view.code)]

    # --- what brings them about ------------------------------------------------------------

    def tell(self, trouble: Trouble, now_ms: int) -> AlarmView | None:
        """A trouble is there; gives the alarm when it is new, active again, or has become worse."""
        alarm = trouble.id
        before = self._all.get(alarm)
        if before is None and len(self._all) >= ALARMS_MAX:
            return None
        if trouble.holds_ms:
            self._ends_ms[alarm] = now_ms + trouble.holds_ms
        else:
            self._ends_ms.pop(alarm, None)
        self._unproven.discard(alarm)
        view = AlarmView(
            alarm, trouble.junction, trouble.code, trouble.urgency, trouble.sentence[:400],
            active=True, acknowledged=False, suspended=False, since_ms=now_ms,
        )  # fmt: skip
        if before is not None:
            worse = trouble.urgency.rank < before.urgency.rank
            if before.active and not worse:
                told = replace(before, sentence=view.sentence, urgency=view.urgency)
                self._put(told)
                return None
            # Who suspended it wanted not to hear of it; of something worse he must.
            view = replace(
                view,
                count=min(before.count + (not before.active), 1 << 30),
                acknowledged=before.acknowledged and before.suspended and not worse,
                suspended=before.suspended and not worse,
                by=before.by if before.suspended and not worse else "",
                until_ms=before.until_ms if before.suspended and not worse else 0,
                since_ms=before.since_ms if before.active else now_ms,
            )
        self._put(view)
        return view

    def end(self, alarm: str) -> AlarmView | None:
        """The cause is gone; gives the alarm when that is news."""
        self._ends_ms.pop(alarm, None)
        self._unproven.discard(alarm)
        before = self._all.get(alarm)
        if before is None or not before.active:
            return None
        ended = replace(before, active=False)
        self._put(ended)
        return ended

    def tick(self, now_ms: int) -> list[AlarmView]:
        """What time brings about: suspensions that are over, troubles nobody tells of any more."""
        ended = []
        for alarm in [alarm for alarm, end_ms in self._ends_ms.items() if now_ms >= end_ms]:
            if (view := self.end(alarm)) is not None:
                ended.append(view)
        for view in list(self._all.values()):
            if view.suspended and now_ms >= view.until_ms:
                self._put(replace(view, suspended=False, acknowledged=not view.active, until_ms=0))
        return ended

    # --- what people do with them ----------------------------------------------------------

    def after(self, request: AlarmRequest, by: str, now_ms: int) -> tuple[AlarmView, ...]:
        """The alarms as they would be after what somebody asks for. Changes nothing. Raises Refused."""
        many, _, code = request.alarm.partition(":")
        if many in (MANY, MANY_SUSPENDED):
            suspended = many == MANY_SUSPENDED
            of_code = [v for v in self._all.values() if v.code == code and v.suspended == suspended]
            found = [v for v in of_code if v.alarm not in self._told]
        else:
            found = [v for v in (self._all.get(request.alarm),) if v is not None]
        if not found:
            raise Refused("arguments", f"no alarm {request.alarm}")
        return tuple(_acted(view, request, by, now_ms) for view in found)

    def take(self, views: Iterable[AlarmView]) -> None:
        """Make it so."""
        for view in views:
            self._put(view)

    # --- what consoles are told -------------------------------------------------------------

    def changes(self) -> list[AlarmView]:
        """What is new since last asked; one that is neither active nor unacknowledged is gone after it."""
        if not self._dirty:
            return []
        self._dirty = False
        shown = self._shown()
        out = [view for alarm, view in shown.items() if self._told.get(alarm) != view]
        for alarm in self._told.keys() - shown.keys():
            out.append(replace(self._told[alarm], active=False, acknowledged=True, suspended=False))
        self._told = shown
        return out

    def told(self) -> list[AlarmView]:
        """All that consoles know of, as last told."""
        return list(self._told.values())

    def _shown(self) -> dict[str, AlarmView]:
        alike: dict[tuple[str, bool], list[AlarmView]] = {}
        for view in self._all.values():
            if view.active or not view.acknowledged:  # else only its suspension is remembered
                alike.setdefault((view.code, view.suspended), []).append(view)
        shown: dict[str, AlarmView] = {}
        for (code, suspended), views in alike.items():
            # Who suspended one wants to find it again: it does not go under among those that are open.
            views.sort(key=lambda v: (not v.active, v.urgency.rank, v.since_ms, v.alarm))
            shown.update((view.alarm, view) for view in views[:SHOWN_OF_ONE_CODE])
            if rest := views[SHOWN_OF_ONE_CODE:]:
                many = _many(MANY_SUSPENDED if suspended else MANY, code, rest)
                shown[many.alarm] = many
        return shown

    # --- what is kept over a restart --------------------------------------------------------

    def unsaved(self) -> dict[str, AlarmView | None]:
        """What changed since last asked; None = it is gone."""
        out = {alarm: self._all.get(alarm) for alarm in self._unsaved}
        self._unsaved.clear()
        return out

    def start(self, kept: Iterable[AlarmView]) -> None:
        """Take up what was there before a restart; what nobody tells of again is ended by `settle`."""
        for view in kept:
            self._all[view.alarm] = view
            self._unproven.add(view.alarm)
        self._dirty = True

    def settle(self) -> list[AlarmView]:
        """After a while: causes nobody has seen again are gone."""
        return [view for alarm in sorted(self._unproven) if (view := self.end(alarm)) is not None]

    def _put(self, view: AlarmView) -> None:
        if self._all.get(view.alarm) == view:
            return
        self._dirty = True
        self._unsaved.add(view.alarm)
        if view.active or not view.acknowledged or view.suspended:
            self._all[view.alarm] = view
        else:
            self._all.pop(view.alarm, None)


def rule_on_alarm(alarms: Alarms) -> Callable[[AlarmRequest, Person, int], Ruling]:
    """Whether somebody may do that with an alarm, and what it then is. Raises Refused."""

    def rule(request: AlarmRequest, who: Person, now_ms: int) -> Ruling:
        if who.role not in ACTORS:
            raise Refused("role", f"a role of {who.role} may not act on alarms")
        return Ruling(Outcome.DONE, "", str(request.action), views=alarms.after(request, who.name, now_ms))

    return rule


def _acted(view: AlarmView, request: AlarmRequest, by: str, now_ms: int) -> AlarmView:
    match request.action:
        case AlarmAction.ACKNOWLEDGE:
            return replace(view, acknowledged=True, by=by, count=1)
        case AlarmAction.SUSPEND:
            if not 0 < request.for_ms <= SUSPEND_MAX_MS:
                raise Refused("arguments", f"suspended for 1 to {SUSPEND_MAX_MS} ms, not {request.for_ms}")
            if not request.reason.strip():
                raise Refused("arguments", "who suspends an alarm says why")
            until_ms = now_ms + request.for_ms
            return replace(view, acknowledged=True, suspended=True, by=by, count=1, until_ms=until_ms)
        case AlarmAction.RESUME:
            if not view.suspended:
                raise Refused("arguments", f"{view.alarm} is not suspended")
            return replace(view, suspended=False, until_ms=0, by=by)


def _many(many: str, code: str, views: list[AlarmView]) -> AlarmView:
    """One line for all these."""
    active = [view for view in views if view.active]
    worst = min(views, key=lambda view: view.urgency.rank)
    names = ", ".join(view.junction for view in views[:6] if view.junction)
    more = " ..." if len(views) > 6 else ""
    still = "" if len(active) == len(views) else f", {len(active)} of them still,"
    sentence = f"{len(views)} more alarms like these{still} ({code}): {names}{more}"
    return AlarmView(
        f"{many}:{code}"[:NAME_CHARACTERS],
        "",
        code,
        worst.urgency,
        sentence[:400],
        active=bool(active),
        acknowledged=all(view.acknowledged for view in views),
        suspended=all(view.suspended for view in views),
        since_ms=min(view.since_ms for view in views),
        count=min(sum(view.count for view in views), 1 << 30),
        until_ms=min(view.until_ms for view in views),
    )
