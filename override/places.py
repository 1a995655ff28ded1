"""What there is on the street to give orders about, by name. Nothing of how it works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.junction import Junction, StreetNetwork
from controller.vocabulary import GroupKind
from override.refused import Refused
from override.requests import OrderRequest
from override.roles import Command
from override.topics import ARGUMENTS, NEEDS
from override.wire_names import wire_name

BY_STAGE = frozenset(
    {Command.HOLD, Command.CORRIDOR, Command.MANUAL_STEP, Command.FORCE_OFF, Command.SPLIT_BIAS}
)
"""Commands that name a stage, or count them."""


@dataclass(frozen=True, slots=True)
class Place:
    """The names at one junction."""

    stages: tuple[str, ...]
    groups: frozenset[str]
    crossings: frozenset[str]
    """Those of the groups that people walk by."""
    detectors: frozenset[str]
    plans: frozenset[str]


class Places:
    """All junctions of a street, by their own names; titles are understood too."""

    def __init__(self, street: StreetNetwork) -> None:
        self.by_name: dict[str, Place] = {j.name: _place(j) for j in street.junctions}
        self._changing: dict[str, str] = {}
        self._name_of = {j.title: j.name for j in street.junctions} | {n: n for n in self.by_name}

    def change_stages(self, junctions: Mapping[str, str]) -> None:
        """Until told otherwise nobody names a stage at these junctions (names of the street), and why."""
        self._changing = {wire_name(name): why for name, why in junctions.items()}

    def check_changing(self, command: Command, junction: str) -> None:
        """Raise Refused where the command names a stage of a junction whose stages change just now."""
        if command in BY_STAGE and junction in self._changing:
            raise Refused(
                "stale", f"{junction}: {self._changing[junction]}; until then no order names a stage there"
            )

    def __len__(self) -> int:
        return len(self.by_name)

    def named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The junctions' own names. Raises Refused for a stranger and for one named twice."""
        found = tuple(self._name_of.get(name, "") for name in names)
        if "" in found:
            raise Refused("arguments", f"no junction {names[found.index('')]}")
        if len(set(found)) != len(found):
            raise Refused("arguments", "a junction is named twice")
        return found

    def junctions_of(self, request: OrderRequest) -> tuple[str, ...]:
        """Where a request is meant for: the names, the legs, or everywhere. Raises Refused."""
        if request.whole_city + bool(request.junctions) + bool(request.legs) > 1:
            raise Refused("arguments", "junctions, legs or the whole city: only one of them")
        if request.whole_city:
            return tuple(self.by_name)
        return self.named(request.junctions or tuple(leg.junction for leg in request.legs))

    def check(self, request: OrderRequest, junctions: tuple[str, ...]) -> None:
        """Raise Refused unless the arguments are those of the command and exist at each junction."""
        if request.command is Command.CONFIGURE:
            raise Refused("arguments", "this station takes no configuration by order")
        given = {name for name in ARGUMENTS if getattr(request, name)}
        if given != (needed := NEEDS[request.command]):
            text = ", ".join(sorted(needed)) or "nothing"
            raise Refused("arguments", f"{request.command} needs {text}, not {', '.join(sorted(given))}")
        if request.command is Command.LONGER_WALK and request.bias_ms < 0:
            raise Refused("arguments", "no order makes a walk shorter")
        if not request.reason.strip() and request.command is not Command.RELEASE:
            raise Refused("arguments", "an order needs a reason")
        for junction in junctions:
            place = self.by_name[junction]
            for name, known in (
                ("stage", place.stages),
                ("group", place.groups),
                ("detector", place.detectors),
            ):
                value = getattr(request, name)
                if value and value not in known:
                    raise Refused("arguments", f"junction {junction} has no {name} {value}")
            if request.command is Command.LONGER_WALK and request.group not in place.crossings:
                raise Refused("arguments", f"junction {junction}: nobody walks by group {request.group}")
            if request.plan and request.plan not in place.plans:
                raise Refused("arguments", f"junction {junction} has no plan {request.plan}")
        for name, leg in zip(junctions, request.legs, strict=bool(request.legs)):
            if leg.stage not in self.by_name[name].stages:
                raise Refused("arguments", f"junction {name} has no stage {leg.stage}")
            if leg.after_ms + leg.hold_ms > request.lease_ms:
                raise Refused("arguments", f"the leg at {name} ends after the lease")


def _place(junction: Junction) -> Place:
    return Place(
        tuple(s.name for s in junction.stages),
        frozenset(g.name for g in junction.groups),
        frozenset(g.name for g in junction.groups if g.kind is GroupKind.PEDESTRIAN),
        frozenset(d.name for d in junction.detectors),
        frozenset(p.name for p in junction.plans),
    )
