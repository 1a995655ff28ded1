"""Where versions meet the gateway: whose keys count, who is told, and what a street's parts are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from override.deploying import BeginAnew, Deploying
from override.engine import Line
from override.places import Places
from override.storage import Storage
from override.street_layout import PackedLayout, with_street
from override.version_check import Installation
from override.wire_names import street_for_wire

if TYPE_CHECKING:
    from override.gateway import Gateway


def deploying_of(
    gateway: Gateway,
    installation: Installation,
    storage: Storage,
    engine: Line,
    forecaster: Line | None,
    begin_anew: BeginAnew,
) -> Deploying:
    """The versions of this gateway, joined to its keys, its events and alarms, and its forecaster."""

    def public(name: str) -> bytes | None:
        return next((p.sign_public for p in gateway.ring if p.name == name and not p.revoked), None)

    made = Deploying(
        installation,
        storage,
        public,
        gateway.counter.keep,
        lambda sentence: gateway.alarm(sentence, code="version"),
        lambda words: gateway.watchman.note("version", "", words),
        engine,
        forecaster,
        begin_anew,
        lambda number: _take_names(gateway, installation, number),
        lambda: gateway.counter.disk_is_full,
    )
    made.forecast = lambda number, junctions, then: gateway.foresight.of_version(
        number, junctions, then, gateway.clock()[0]
    )
    made.restaging = lambda junctions: gateway.desk.places.change_stages(junctions)
    gateway.foresight.asking.others = lambda message: made.hears_forecaster(message, *gateway.clock())
    return made


def _take_names(gateway: Gateway, installation: Installation, number: int) -> None:
    """Names of stages and plans are those of the version in force from now on."""
    street = street_for_wire(installation.builder().build(number)[0])
    before, after = gateway.desk.places.by_name, Places(street)
    gateway.desk.places = after
    for name, place in after.by_name.items():
        if place != before[name]:
            gateway.desk.changed(name)  # what people saw of it is old
    gateway.picture.name_stages(street, number)
    gateway.layout = PackedLayout(with_street(gateway.layout.layout, street))
    gateway.foresight.another_version(number)
