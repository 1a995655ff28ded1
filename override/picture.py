"""The picture of the street that consoles get: whole on request, then what changed, numbered (A20)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TypeVar

import numpy as np

from controller.network import Network
from override.bounds import JUNCTIONS_PER_PART
from override.desk import Desk
from override.engine import Report
from override.orders import Order
from override.views import Delta, JunctionView, OrderView, Snapshot

LETTERS = np.array(list("RGYCFAD"))
"""By lamp number; `JunctionView.lamps`."""
BEAT_MS = 1000
"""A delta comes at least so often, with the number of ticks done: a liveness that means something."""
ENDED = "ended"
Item = TypeVar("Item")


class Picture:
    """What is to be seen of one street and its desk, and what of it has been told."""

    def __init__(self, network: Network, desk: Desk, boot: bytes) -> None:
        self.network = network
        self.seq = 0
        self.progress = 0
        self._desk = desk
        self._boot = boot
        self._lamps = np.zeros(network.n_groups, np.int8)
        self._stages = np.full(network.n_junctions, -1, np.int64)
        self._rungs = np.zeros(network.n_junctions, np.int8)
        self._stage_names = [s.name for jn in network.street.junctions for s in jn.stages]
        self._told: dict[str, JunctionView] = {}
        self._told_orders: dict[str, OrderView] = {}
        self._beat_ms = -BEAT_MS

    def hear(self, report: Report) -> None:
        """Take in what the engine says; a junction on another rung is another one to who saw it before."""
        self.progress = report.progress
        self._lamps = np.frombuffer(report.lamps, np.int8)
        self._stages = np.frombuffer(report.stages, np.int64)
        if report.rungs:
            rungs = np.frombuffer(report.rungs, np.int8)
            for j in np.flatnonzero(rungs != self._rungs):
                self._desk.changed(self.network.street.junctions[j].name)
            self._rungs = rungs

    def deltas(self, now_ms: int) -> list[Delta]:
        """What changed since last asked; none when nothing did and the last one is not a second old."""
        junctions = [view for view in self._junctions() if self._told.get(view.name) != view]
        orders = self._changed_orders()
        if not junctions and not orders and now_ms - self._beat_ms < BEAT_MS:
            return []
        self._beat_ms = now_ms
        self._told.update((view.name, view) for view in junctions)
        out = []
        rows, more = _parts(junctions), _parts(orders)
        for k in range(max(len(rows), len(more), 1)):
            self.seq += 1
            part = tuple(rows[k]) if k < len(rows) else ()
            others = tuple(more[k]) if k < len(more) else ()
            out.append(Delta(self._boot, self.seq, now_ms, self.progress, part, others))
        return out

    def snapshot(self, now_ms: int) -> list[Snapshot]:
        """All of it, as of the last delta: whoever has this goes on with the delta after `seq`."""
        rows = _parts(list(self._told.values()) or list(self._junctions()))
        more = _parts(list(self._told_orders.values()))
        parts = max(len(rows), len(more), 1)
        return [
            Snapshot(
                self._boot, self.seq, now_ms, k, parts,
                tuple(rows[k]) if k < len(rows) else (), tuple(more[k]) if k < len(more) else (),
            )
            for k in range(parts)
        ]  # fmt: skip

    def _changed_orders(self) -> list[OrderView]:
        views = {order.id: _order_view(order) for order in self._desk.orders.values()}
        changed = [view for view in views.values() if self._told_orders.get(view.order) != view]
        for gone in self._told_orders.keys() - views.keys():
            changed.append(replace(self._told_orders[gone], state=ENDED))
        self._told_orders = views
        return changed

    def _junctions(self) -> Iterator[JunctionView]:
        network = self.network
        letters = LETTERS[np.clip(self._lamps, 0, len(LETTERS) - 1)]
        acting = self._desk.acting_orders()
        for j, junction in enumerate(network.street.junctions):
            stage = int(self._stages[j])
            yield JunctionView(
                name=junction.name,
                version=self._desk.versions[junction.name],
                stage=self._stage_names[stage] if stage >= 0 else "",
                lamps="".join(letters[network.group_start[j] : network.group_start[j + 1]]),
                rung=int(self._rungs[j]),
                orders=acting.get(junction.name, ()),
            )


def _order_view(order: Order) -> OrderView:
    return OrderView(
        order.id,
        order.issuer,
        order.command,
        order.slot,
        str(order.life),
        len(order.junctions),
        order.until_ms,
        order.digest,
    )


def _parts(rows: list[Item]) -> list[list[Item]]:
    source = iter(rows)
    return list(iter(lambda: list(islice(source, JUNCTIONS_PER_PART)), []))
