"""A street with the plans of its day: designed plans beside its own, and a timetable that says when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from controller.conflicts import prove_network
from controller.junction import PlanHour, StreetNetwork
from controller.vocabulary import DayKind
from sim.plan_design.counts_file import DAY_S, Span
from sim.plan_design.design import Designed

_LETTER = {DayKind.WORKDAY: "", DayKind.SATURDAY: "-saturday", DayKind.SUNDAY: "-sunday"}


def plan_name(span: Span) -> str:
    """`p0700` for workdays, `p0700-saturday`, `p0700-sunday`."""
    return f"p{span.begin_s // 3600:02d}{span.begin_s // 60 % 60:02d}{_LETTER[span.day]}"


def spans_of(begin_s: int, end_s: int, period_min: int, days: Sequence[DayKind]) -> list[Span]:
    """The window cut into periods of at most so many minutes; seconds past midnight, days repeat."""
    step_s = 60 * period_min
    cuts = sorted({*range(begin_s, end_s, step_s), end_s})
    return [Span(days[0], a, b) for a, b in pairwise(cuts)]


def with_day_plans(
    street: StreetNetwork, found: Mapping[Span, Designed], days: Sequence[DayKind] = ()
) -> StreetNetwork:
    """The street with those plans and their hours, proved; plans and hours of the same name are replaced.

    days: the kinds of day every span stands for; without it each span stands for its own. When a span
    ends and no other begins, the street's own first plans are played again, where they have one name.
    """
    names = {plan_name(span) for span in found}
    junctions = []
    for j, junction in enumerate(street.junctions):
        kept = tuple(plan for plan in junction.plans if plan.name not in names)
        made = tuple(found[span].plans[j] for span in sorted(found))
        junctions.append(replace(junction, plans=(*kept, *made)))
    hours = [hour for hour in street.timetable if hour.plan not in names]
    firsts = {j.plans[0].name for j in street.junctions if j.plans} - names
    begins = {(day, span.begin_s) for span in found for day in (days or (span.day,))}
    taken = {(day, 1000 * begin_s) for day, begin_s in begins}
    hours = [
        replace(hour, days=left)
        for hour in hours
        if (left := tuple(day for day in hour.days if (day, hour.from_ms) not in taken))
    ]
    for span in sorted(found):
        own_days = tuple(days) or (span.day,)
        hours.append(PlanHour(own_days, 1000 * span.begin_s, plan_name(span)))
        after = tuple(
            day
            for day in own_days
            if (day, span.end_s) not in begins
            and not any(day in h.days and h.from_ms == 1000 * span.end_s for h in hours)
        )
        if after and len(firsts) == 1 and span.end_s < DAY_S:
            hours.append(PlanHour(after, 1000 * span.end_s, next(iter(firsts))))
    order = list(DayKind)
    hours.sort(key=lambda hour: (order.index(hour.days[0]), hour.from_ms))
    changed = replace(street, junctions=tuple(junctions), timetable=tuple(hours))
    prove_network(changed)
    return changed
