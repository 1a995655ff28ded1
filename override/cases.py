"""Citizens' cases as the citizen process tells them: the last complete list, and what of it is news."""

from __future__ import annotations

from dataclasses import dataclass, replace

from override.flag_messages import CasesRequest, FlagView

CASES_MAX = 2_000
"""More are not shown: the most urgent come first."""


REMEDY_STEP_MS = 5_000
"""A remedy whose end has moved by more than this is told anew."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A case with moments in place of ages."""

    view: FlagView
    born_ms: int
    ends_ms: int

    def now(self, now_ms: int) -> FlagView:
        left_ms = max(0, self.ends_ms - now_ms)
        return replace(self.view, age_ms=max(0, now_ms - self.born_ms), remedy_left_ms=left_ms)

    def is_news_after(self, told: _Case | None) -> bool:
        """Whether it says anything that who was told this does not know; time alone is no news."""
        return told is None or told.view != self.view or abs(told.ends_ms - self.ends_ms) > REMEDY_STEP_MS


class Cases:
    """The list of one citizen process. Times are the station's monotonic clock."""

    def __init__(self) -> None:
        self.heard_ms = -1
        """When the last complete list came; -1 = never."""
        self._now: dict[str, _Case] = {}
        self._told: dict[str, _Case] = {}
        self._parts: dict[int, CasesRequest] = {}
        self._dirty = False

    def __len__(self) -> int:
        return len(self._now)

    def get(self, flag: str) -> FlagView | None:
        """One case, as it was told of last."""
        case = self._now.get(flag)
        return case.view if case else None

    def take(self, request: CasesRequest, now_ms: int) -> list[FlagView] | None:
        """A part of a new list; when with it the list is complete, the cases that stand elsewhere now."""
        if request.part >= request.parts:
            return None
        if request.part == 0 or any(part.parts != request.parts for part in self._parts.values()):
            self._parts.clear()
        self._parts[request.part] = request
        if len(self._parts) < request.parts:
            return None
        rows = [view for k in range(request.parts) for view in self._parts[k].flags]
        self._parts.clear()
        rows.sort(key=lambda view: (not view.urgent, view.age_ms))
        before, self._now = self._now, {view.flag: _case(view, now_ms) for view in rows[:CASES_MAX]}
        self.heard_ms = now_ms
        self._dirty = True
        return [
            case.view
            for flag, case in self._now.items()
            if flag not in before or before[flag].view.life != case.view.life
        ]

    def changes(self, now_ms: int) -> tuple[list[FlagView], tuple[str, ...]]:
        """Cases that are new or other than told, and those that are gone."""
        if not self._dirty:
            return [], ()
        self._dirty = False
        changed = [c for flag, c in self._now.items() if c.is_news_after(self._told.get(flag))]
        gone = tuple(sorted(self._told.keys() - self._now.keys()))
        self._told = dict(self._now)
        return [case.now(now_ms) for case in changed], gone

    def told(self, now_ms: int) -> list[FlagView]:
        """All that consoles know of."""
        return [case.now(now_ms) for case in self._told.values()]


def _case(view: FlagView, now_ms: int) -> _Case:
    ends_ms = now_ms + view.remedy_left_ms if view.remedy_left_ms else 0
    return _Case(replace(view, age_ms=0, remedy_left_ms=0), now_ms - view.age_ms, ends_ms)
