"""The whole layout of a street, as the station knows it, and its parts as they go over the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from controller.junction import Group, Junction, StreetNetwork
from controller.vocabulary import GroupKind
from override import wire
from override.bounds import BOOT_BYTES, NAME_CHARACTERS, NONCE_BYTES
from override.layouts import (
    DetectorLayout,
    GroupLayout,
    JunctionLayout,
    Layout,
    RoadLayout,
    StageLayout,
    StreetLayout,
)
from override.poles import pole_codes
from override.refused import Refused
from override.wire_names import street_for_wire, wire_name

PART_BYTES = 60_000
"""Of the rows of one part: what stands around them has room in the 64 kB of a message."""
ROWS_PER_PART = 200
STAGES_MAX, DETECTORS_MAX, PLANS_MAX = 256, 256, 64
_BOOT, _NONCE = b"\xb0" * BOOT_BYTES, b"\xa5" * NONCE_BYTES
"""Stand in packed parts where boot and nonce come to stand."""
Row = TypeVar("Row")


class LayoutError(ValueError):
    """A street that cannot be told over the wire; one line naming the place."""


def with_street(layout: StreetLayout, street: StreetNetwork) -> StreetLayout:
    """The same places with the stages, promises and plans of another version of the street."""
    made = {junction.name: junction for junction in layout_of_street(street).junctions}
    return replace(
        layout,
        junctions=tuple(
            replace(
                old,
                groups=tuple(
                    replace(g, promise_ms=n.promise_ms, clearance_ms=n.clearance_ms)
                    for g, n in zip(old.groups, made[old.name].groups, strict=True)
                ),
                stages=made[old.name].stages,
                plans=made[old.name].plans,
            )
            for old in layout.junctions
        ),
    )


def layout_of_street(
    street: StreetNetwork,
    districts: Mapping[str, str] | None = None,
    roads: Sequence[RoadLayout] = (),
    corner_m: tuple[float, float] | None = None,
) -> StreetLayout:
    """The layout of a street; `districts` by name of the junction, `corner_m` its south-western one.

    Raises LayoutError for names that are longer than the wire carries.
    """
    x0 = min(j.x_m for j in street.junctions) if corner_m is None else corner_m[0]
    y0 = min(j.y_m for j in street.junctions) if corner_m is None else corner_m[1]
    places = {wire_name(name): district for name, district in (districts or {}).items()}
    street = street_for_wire(street)
    codes = pole_codes(
        (j.name, g.name) for j in street.junctions for g in j.groups if g.kind == GroupKind.PEDESTRIAN
    )
    before = upstream_of_groups(street)
    junctions = tuple(
        _junction(junction, places.get(junction.name, ""), codes, before, x0, y0)
        for junction in street.junctions
    )
    return StreetLayout(_named(street.name, "street"), junctions, tuple(roads))


def _junction(
    junction: Junction,
    district: str,
    codes: Mapping[tuple[str, str], str],
    before: Mapping[tuple[str, str], str],
    x0: float,
    y0: float,
) -> JunctionLayout:
    name = _named(junction.name, f"junction {junction.name}")
    approach = {lane.name: lane.approach for lane in junction.lanes}
    index = {group.name: k for k, group in enumerate(junction.groups)}
    if len(junction.stages) > STAGES_MAX or len(junction.detectors) > DETECTORS_MAX:
        raise LayoutError(
            f"junction {name}: {len(junction.stages)} stages and {len(junction.detectors)} detectors; "
            f"{STAGES_MAX} and {DETECTORS_MAX} are possible"
        )
    return JunctionLayout(
        name,
        junction.title[:NAME_CHARACTERS] or name,
        round(junction.x_m - x0),
        round(junction.y_m - y0),
        district[:NAME_CHARACTERS],
        tuple(
            _group(name, g, codes.get((junction.name, g.name), ""), before.get((junction.name, g.name), ""))
            for g in junction.groups
        ),
        tuple(
            StageLayout(_named(s.name, f"junction {name}, stage {s.name}"), tuple(index[g] for g in s.groups))
            for s in junction.stages
        ),
        tuple(
            DetectorLayout(
                _named(d.name, f"junction {name}, detector {d.name}"),
                d.kind.name.lower(),
                d.group or approach.get(d.lane, "")[:NAME_CHARACTERS],
            )
            for d in junction.detectors
        ),
        tuple(_named(p.name, f"junction {name}, plan {p.name}") for p in junction.plans[:PLANS_MAX]),
    )


def upstream_of_groups(street: StreetNetwork) -> dict[tuple[str, str], str]:
    """(junction, group) → the junction most of its vehicles come from, by the shares of the links."""
    leaves_at = {
        movement.exit_lane: junction.name
        for junction in street.junctions
        for lane in junction.lanes
        for movement in lane.movements
    }
    into: dict[tuple[str, str], dict[str, float]] = {}
    for link in street.links:
        if (source := leaves_at.get(link.exit_lane, "")) and source != link.to_junction:
            shares = into.setdefault((link.to_junction, link.to_lane), {})
            shares[source] = shares.get(source, 0.0) + link.share
    out: dict[tuple[str, str], str] = {}
    for junction in street.junctions:
        for lane in junction.lanes:
            shares = into.get((junction.name, lane.name), {})
            if shares:
                source = max(sorted(shares), key=shares.__getitem__)
                out.update(((junction.name, movement.group), source) for movement in lane.movements)
    return out


def _group(junction: str, group: Group, pole: str, upstream: str) -> GroupLayout:
    return GroupLayout(
        _named(group.name, f"junction {junction}, group {group.name}"),
        group.kind.name.lower(),
        group.approach[:NAME_CHARACTERS],
        group.promise_ms,
        pole,
        round(10 * group.crossing_length_m),
        group.clearance_ms,
        upstream[:NAME_CHARACTERS],
    )


def _named(name: str, place: str) -> str:
    if not 1 <= len(name) <= NAME_CHARACTERS or not name.isprintable():
        raise LayoutError(
            f"{place}: a name of {len(name)} characters; 1 to {NAME_CHARACTERS} printable ones are needed"
        )
    return name


class PackedLayout:
    """A layout ready to be sent: made once, so that who asks for it costs no time.

    Raises LayoutError when a row of it breaks the bounds of the wire.
    """

    def __init__(self, layout: StreetLayout) -> None:
        self.layout = layout
        rows, roads = list(by_bytes(layout.junctions)), list(by_bytes(layout.roads))
        parts = max(1, len(rows) + len(roads))
        self._payloads: list[bytes] = []
        try:
            for k in range(parts):
                junctions = rows[k] if k < len(rows) else ()
                lines = roads[k - len(rows)] if len(rows) <= k < len(rows) + len(roads) else ()
                part = Layout(_BOOT, k, parts, layout.street, junctions, lines, _NONCE)
                self._payloads.append(wire.pack(part))
        except Refused as refused:
            raise LayoutError(f"street {layout.street}: {refused.why}") from None

    def parts(self, boot: bytes, nonce: bytes) -> Iterator[bytes]:
        """Payloads of all parts, for who asked with this nonce."""
        for payload in self._payloads:
            # `boot` is the first field, `answers` the last: no other bytes are touched.
            yield payload[:-NONCE_BYTES].replace(_BOOT, boot, 1) + nonce


def by_bytes(
    rows: Sequence[Row], most: int = PART_BYTES, rows_max: int = ROWS_PER_PART
) -> Iterator[tuple[Row, ...]]:
    """The rows in their order, so many bytes and rows of them in each part."""
    part: list[Row] = []
    size = 0
    for row in rows:
        cost = wire.packed_bytes(row)
        if part and (size + cost > most or len(part) == rows_max):
            yield tuple(part)
            part, size = [], 0
        part.append(row)
        size += cost
    if part:
        yield tuple(part)
