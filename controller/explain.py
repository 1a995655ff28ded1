"""Why a junction changed its stage, as a record and as one sentence in three registers.

A `Decision` holds everything its sentences say, so that the same record always gives the
same words. The operator reads who waited and what staying would have cost, the engineer the
numbers, the citizen the reason. What is named as deciding is the term of the cost without
which the planner would have decided otherwise. Sentences fit two lines of 80 columns.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from controller.junction import Junction
from controller.network import Network
from controller.vocabulary import GroupKind

SENTENCE_MAX = 160
"""Two lines of 80 columns."""
NAME_MAX = 20
"""Longer names are cut in sentences."""
PLACE_MAX = 32
"""Of a place where people wait: a street's name and its side."""
INADMISSIBLE = 1e7
"""Person-seconds from which a plan counts as one that breaks a promise: no real hour costs that much."""

Register = Literal["operator", "engineer", "citizen"]
REGISTERS: tuple[Register, ...] = get_args(Register)
Rule = Literal[
    "cost", "clearing", "promise", "max-green", "plan", "gap-out", "pressure", "most-vehicles",
    "preempt", "preempt-exit", "priority",
]  # fmt: skip
RULES: tuple[Rule, ...] = get_args(Rule)


class UnknownJunction(ValueError):
    """A junction to explain that the street does not have; the message names those it has."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Cost of one plan over the planning horizon, by whom it falls on, in person-seconds."""

    cars: float
    buses: float
    pedestrians: float
    promise: float
    """Waiting beyond a promised maximum, priced so high that it all but forbids it."""
    stops: float
    later: float
    """Of the queues the plan leaves behind."""

    def total(self) -> float:
        """Sum of all terms."""
        return sum(getattr(self, name) for name in TERMS)


TERMS = tuple(f.name for f in fields(Terms))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits at one group that the change is about to serve."""

    group: int
    """Index among all groups."""
    count: float
    """People at a crossing, vehicles queued on the lanes of any other group."""
    waited_ms: int
    """Age of the oldest call; 0 when nobody has called."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One change of stage at its beginning. Indices are those of `Network`."""

    time_ms: int
    junction: int
    from_stage: int
    to_stage: int
    source: str
    """Name of the planner."""
    winner: Terms | None
    """Cost of changing now; None for planners without terms."""
    loser: Terms | None
    """Cost of the best plan that does not change now."""
    urgent_group: int | None
    """The group whose promise or conflicting call forced the change, if one did."""
    rule: Rule = "cost"
    """What the planner went by."""
    from_groups: int = 0
    """Groups of the stage left that were really served, as bits of the junction."""
    to_groups: int = 0
    """Groups of the new stage that really get green (crossings only when called), as bits."""
    totals: tuple[float, float] | None = None
    """(change, stay): person-seconds of an adaptive planner, scores of a pressure or greedy one."""
    waiting: tuple[Waiting, ...] = ()
    """Groups that start, the longest waiting first."""
    by_history: int = 0
    """Groups of approaches whose stop lines nobody sees, served by what is usual there, as bits."""


def deciding_term(decision: Decision) -> str | None:
    """The term without which the planner would not have changed; the largest if there are several.

    None when no single term decides, or the planner has no terms.
    """
    winner, loser = decision.winner, decision.loser
    if winner is None or loser is None:
        return None
    saved = loser.total() - winner.total()
    if saved <= 0.0:
        return None
    gain = {name: getattr(loser, name) - getattr(winner, name) for name in TERMS}
    deciding = [name for name in TERMS if saved - gain[name] <= 0.0]
    return max(deciding, key=lambda name: gain[name], default=None)


def junction_to_explain(network: Network, name: str) -> int:
    """Index of the junction of that name or title. Raises `UnknownJunction`, one line."""
    try:
        return network.junction_index(name)
    except KeyError as error:
        known = str(error.args[0])
        raise UnknownJunction(known if len(known) < 500 else known[:500] + " ...") from None


def explain(decision: Decision, network: Network, register: Register) -> str:
    """One sentence of at most 160 characters. Raises ValueError for an unknown register."""
    if register not in REGISTERS:
        raise ValueError(f"no register {register!r}; known are {', '.join(REGISTERS)}")
    sentence = ""
    for names, with_waits in ((6, True), (4, True), (3, True), (2, True), (1, True), (2, False), (1, False)):
        sentence = getattr(_Speaker(decision, network, names, with_waits), register)()
        if len(sentence) <= SENTENCE_MAX:
            return sentence
    return sentence[: SENTENCE_MAX - 4].rstrip() + " ..."


def explanation(decision: Decision, network: Network) -> dict[str, Any]:
    """The decision and its three sentences as plain data for JSON."""
    junction = network.street.junctions[decision.junction]
    first = int(network.stage_start[decision.junction])
    return {
        "time_ms": decision.time_ms,
        "junction": junction.name,
        "title": junction.title,
        "from_stage": junction.stages[decision.from_stage - first].name,
        "to_stage": junction.stages[decision.to_stage - first].name,
        "controller": decision.source,
        "rule": decision.rule,
        "deciding_term": deciding_term(decision),
        **{register: explain(decision, network, register) for register in REGISTERS},
    }


def clock(time_ms: int, decimals: bool = False) -> str:
    """Street time as hours of the day, `08:14:05`."""
    seconds, rest_ms = divmod(time_ms, 1000)
    text = f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{rest_ms // 100}" if decimals else text


_PEOPLE = {
    "cars": "people in cars",
    "buses": "people on buses",
    "pedestrians": "people on foot",
    "promise": "promised waits",
    "stops": "stops",
    "later": "queues left for later",
}
_FOR_CITIZENS = {
    "cars": "this way people in cars wait least",
    "buses": "this way people on buses wait least",
    "pedestrians": "this way people on foot wait least",
    "promise": "nobody shall wait longer than promised",
    "stops": "this way fewer vehicles must stop",
    "later": "this way less waiting is left for the next minutes",
    None: "this way everybody together waits least",
}
_RULES_FOR_OPERATORS: dict[str, str] = {
    "clearing": "those who wait inside the junction to turn are let out first",
    "plan": "the fixed plan goes on by the clock",
    "gap-out": "the green before had no more traffic",
    "pressure": "the longest queues with room beyond are here",
    "most-vehicles": "most traffic is here now",
    "preempt-exit": "an emergency vehicle has passed; whose promise ends first goes first",
}
_RULES_FOR_CITIZENS: dict[str, str] = {
    "clearing": "those who wait inside the junction to turn go first",
    "plan": "it is this way's turn in a plan made beforehand",
    "gap-out": "nobody was coming the other way any more",
    "max-green": "the other way had its longest green",
    "pressure": "the longest queues that can move on were here",
    "most-vehicles": "most traffic was waiting here",
    "preempt": "an emergency vehicle is coming",
    "preempt-exit": "an emergency vehicle has passed, now it is this way's turn",
    "priority": "a bus that is late is coming",
}


UNSEEN_FOR_CITIZENS = "Not all who wait here can be seen: usual traffic is assumed."
"""What follows the reason, where there is room for it and some groups are served without being seen."""


class _Speaker:
    """The words for one decision, with at most `names` group names in a list.

    Without `with_waits` the operator is not told who waited, so that what decided has room.
    """

    def __init__(self, decision: Decision, network: Network, names: int, with_waits: bool) -> None:
        self.decision = decision
        self.network = network
        self.names = names
        self.with_waits = with_waits
        self.junction: Junction = network.street.junctions[decision.junction]
        self.first = int(network.group_start[decision.junction])
        self.term = deciding_term(decision)

    # --- the three registers -----------------------------------------------------------------

    def operator(self) -> str:
        """Who waited, and what staying would have cost."""
        d = self.decision
        change = f"{self.served(d.from_groups)} -> {self.served(d.to_groups)}"
        reasons = [part for part in (self.who_waits(), self.reason(), self.unseen()) if part]
        return f"{_cut(self.junction.title)} {clock(d.time_ms)} {change}: {'; '.join(reasons)}."

    def engineer(self) -> str:
        """Stages by name, the rule, and all numbers."""
        d = self.decision
        first = int(self.network.stage_start[d.junction])
        stages = [_cut(self.junction.stages[s - first].name) for s in (d.from_stage, d.to_stage)]
        when = f"{_cut(self.junction.title)} {clock(d.time_ms, decimals=True)}"
        parts = []
        if d.totals is not None:
            unit = " person-s" if d.source == "adaptive" else ""
            parts.append(f"{_number(d.totals[0])} vs {_number(d.totals[1])}{unit}")
        if d.winner is not None and d.loser is not None:
            gains = " ".join(f"{t} {_number(getattr(d.loser, t) - getattr(d.winner, t), '+')}" for t in TERMS)
            parts.append(f"by {self.term or 'all'}: {gains}")
        elif d.waiting and d.waiting[0].waited_ms > 0:
            w = d.waiting[0]
            call = f"oldest call {self.name(w.group)} {w.waited_ms / 1000:.1f} s"
            parts.append(f"{call}, {w.count:.1f} waiting")
        return f"{when} {stages[0]}>{stages[1]} {d.source}/{d.rule}: {'; '.join(parts) or 'no call'}"

    def citizen(self) -> str:
        """The reason, in everybody's words."""
        d = self.decision
        whom = self.served(d.to_groups & ~d.from_groups or d.to_groups).replace("+", ", ").replace(".", " ")
        waited = self.longest()
        if d.rule == "promise" or self.term == "promise":
            limit = f"nobody here shall wait longer than {self.promise_s(d.urgent_group)} s"
            reason = f"{waited}, and {limit}" if waited else limit
        elif d.rule == "cost":
            reason = f"{waited}, and {_FOR_CITIZENS[self.term]}" if waited else _FOR_CITIZENS[self.term]
        else:
            reason = _RULES_FOR_CITIZENS[d.rule]
        told = f"Green now for {whom}: {reason}." if d.to_groups else f"No green for a moment: {reason}."
        more = f"{told} {UNSEEN_FOR_CITIZENS}"
        return more if d.by_history and len(more) <= SENTENCE_MAX else told

    # --- their parts -------------------------------------------------------------------------

    def reason(self) -> str:
        """The rule in an operator's words, with what deciding otherwise would have cost."""
        d = self.decision
        if d.rule == "promise":
            if d.urgent_group is None:
                return "a promise is about to run out"
            return f"{self.name(d.urgent_group)} must start in time"
        if d.rule in ("preempt", "priority"):
            by = "" if d.urgent_group is None else f" at {self.name(d.urgent_group)}"
            return f"a late bus comes{by}" if d.rule == "priority" else f"an emergency vehicle comes{by}"
        if d.rule == "max-green":
            return "the green before reached its maximum while others called"
        if d.rule != "cost":
            return _RULES_FOR_OPERATORS[d.rule]
        if d.totals is None:
            return "the plan with the least waiting changes now"
        saved = d.totals[1] - d.totals[0]
        if saved < 0.5:
            return "changing now and staying cost about the same"
        if d.totals[1] >= INADMISSIBLE:
            return "staying would break a promise"
        cost = f"staying would cost {max(1.0, saved):.0f} person-second{'s' if saved >= 1.5 else ''}"
        if d.winner is None:
            return cost
        return f"{cost}, decided by {_PEOPLE[self.term] if self.term else 'all together'}"

    def unseen(self) -> str:
        """Which approaches are served without anybody seeing them; empty = all are seen."""
        bits = self.decision.by_history
        names = _listed(self.places(bits), min(2, self.names))
        return f"{names} cannot be seen: usual traffic is assumed" if bits else ""

    def who_waits(self) -> str:
        """The group the sentence is about: how many wait there and for how long."""
        waiting = self.spokesman()
        preempted = self.decision.rule in ("preempt", "priority")
        if waiting is None or waiting.waited_ms <= 0 or not self.with_waits or preempted:
            return ""
        one, many = ("person", "people") if self.is_crossing(waiting.group) else ("vehicle", "vehicles")
        count = max(1, round(waiting.count))
        who = f"{count} {one if count == 1 else many} at {self.name(waiting.group)}"
        limit_s = self.promise_s(waiting.group)
        have = "has waited" if count == 1 else "have waited up to"
        return f"{who} {have} {waiting.waited_ms // 1000} s of {limit_s} s promised"

    def spokesman(self) -> Waiting | None:
        """The urgent group if there is one, else the longest waiting of those the deciding term is about."""
        d = self.decision
        urgent = [w for w in d.waiting if w.group == d.urgent_group]
        on_foot = [w for w in d.waiting if self.is_crossing(w.group)]
        driving = [w for w in d.waiting if not self.is_crossing(w.group)]
        about = {"pedestrians": on_foot, "cars": driving, "buses": driving, "stops": driving}
        return next(iter(urgent or about.get(self.term or "") or d.waiting), None)

    def longest(self) -> str:
        """How long the spokesman has waited, for citizens; empty when nobody has."""
        waiting = self.spokesman()
        if waiting is None or waiting.waited_ms < 1000:
            return ""
        approach = self.junction.groups[waiting.group - self.first].approach
        approach = _cut(approach, PLACE_MAX).replace(".", " ")
        who = f"people at {approach}" if self.is_crossing(waiting.group) else f"drivers from {approach}"
        return f"{who} had waited {waiting.waited_ms // 1000} s"

    def served(self, bits: int) -> str:
        """The groups in these bits as one sign, `north+west+2 more`."""
        names = self.places(bits)
        more = len(names) - self.names
        return "+".join(names[: self.names]) + (f"+{more} more" if more > 0 else "") or "all red"

    def places(self, bits: int) -> list[str]:
        """The groups in these bits by name; an approach all of whose groups are in it by its own."""
        groups = self.junction.groups
        in_it = [g for k, g in enumerate(groups) if bits >> k & 1]
        names: list[str] = []
        for group in in_it:
            approach = [g for g in groups if g.approach == group.approach and g.kind != GroupKind.PEDESTRIAN]
            whole = group.kind != GroupKind.PEDESTRIAN and all(g in in_it for g in approach)
            name = _cut(group.approach if whole else group.name)
            if name not in names:
                names.append(name)
        return names

    def is_crossing(self, group: int) -> bool:
        """Whether people on foot wait at this group."""
        return self.junction.groups[group - self.first].kind == GroupKind.PEDESTRIAN

    def name(self, group: int) -> str:
        """A group's name for people."""
        return _cut(self.junction.groups[group - self.first].name)

    def promise_s(self, group: int | None) -> int:
        """Promised longest wait of that group, or of the spokesman, or the shortest of the junction."""
        waiting = self.spokesman()
        group = waiting.group if group is None and waiting is not None else group
        if group is None:
            return min(g.promise_ms for g in self.junction.groups) // 1000
        return self.junction.groups[group - self.first].promise_ms // 1000


def _listed(names: list[str], most: int) -> str:
    """At most so many names as a person lists them: `north, west and 2 more`."""
    told = [*names[:most], f"{len(names) - most} more"] if len(names) > most else names
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def _cut(name: str, most: int = NAME_MAX) -> str:
    name = " ".join(name.split())
    return name if len(name) <= most else name[: most - 1] + "~"


def _number(value: float, sign: str = "") -> str:
    """A number short enough for a sentence."""
    if abs(value) >= 1e6:
        return f"{value:{sign}.1g}"
    return f"{value:{sign}.0f}" if abs(value) >= 100 or value == round(value) else f"{value:{sign}.1f}"
