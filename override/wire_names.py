"""Names of junctions as people and programs write them: as the street has them, unless they are too long.

Joined junctions of imported networks are called after all their parts, and some of these names
are longer than the wire carries. Such a one keeps its beginning and gets a mark of its whole.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from controller.junction import StreetNetwork
from controller.network import Network
from override.bounds import NAME_CHARACTERS

_HEAD, _MARK = 40, 10


def wire_name(name: str) -> str:
    """The name itself where the wire carries it."""
    if 1 <= len(name) <= NAME_CHARACTERS and name.isprintable():
        return name
    head = "".join(c if c.isprintable() else "_" for c in name)[:_HEAD]
    return f"{head}~{hashlib.sha256(name.encode()).hexdigest()[:_MARK]}"


def street_for_wire(street: StreetNetwork) -> StreetNetwork:
    """The same street under names the wire carries; the very same where all do."""
    if all(wire_name(junction.name) == junction.name for junction in street.junctions):
        return street
    return replace(
        street,
        junctions=tuple(replace(j, name=wire_name(j.name)) for j in street.junctions),
        links=tuple(replace(link, to_junction=wire_name(link.to_junction)) for link in street.links),
    )


def network_for_wire(network: Network) -> Network:
    """The same arrays over the same street under names the wire carries."""
    street = street_for_wire(network.street)
    return network if street is network.street else replace(network, street=street)
