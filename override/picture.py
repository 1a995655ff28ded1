"""The picture of the street that consoles get: whole on request, then what changed, numbered (A20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.junction import StreetNetwork
from controller.network import Network
from override.alarms import Alarms
from override.beliefs import FAULTS, LONGEST_S, PEOPLE, QUEUE_VEH, ROWS, USED_PERCENT
from override.bounds import JUNCTIONS_PER_PART
from override.cases import Cases
from override.desk import Desk
from override.engine import Report
from override.orders import Order
from override.street_layout import by_bytes
from override.views import Delta, JunctionView, OrderView, Snapshot

LETTERS = b"RGYCFAD"
"""By lamp number; `JunctionView.lamps`."""
BEAT_MS = 1000
"""A delta comes at least so often, with the number of ticks done: a liveness that means something."""
ENDED = "ended"
KINDS = ("junctions", "orders", "alarms", "flags", "flags_gone")
"""Fields of a delta that are lists; a snapshot has all but the last."""


class Picture:
    """What is to be seen of one street and its desk, and what of it has been told."""

    def __init__(
        self,
        network: Network,
        desk: Desk,
        boot: bytes,
        alarms: Alarms | None = None,
        cases: Cases | None = None,
    ) -> None:
        self.network = network
        self.seq = 0
        self.progress = 0
        self.rungs: NDArray[np.int8] = np.zeros(network.n_junctions, np.int8)
        self.alarms = Alarms() if alarms is None else alarms
        self.cases = Cases() if cases is None else cases
        self._desk = desk
        self._boot = boot
        self._names = [junction.name for junction in network.street.junctions]
        self._index = {name: j for j, name in enumerate(self._names)}
        self._stage_names = [s.name for jn in network.street.junctions for s in jn.stages]
        self._others: dict[int, str] = {}
        """Stages of a version that is not final yet, by junction."""
        self._coming, self._runs = (0, self._stage_names), 0
        """(version, its names of stages) next to be used; the version reported of."""
        self._lamps: NDArray[np.int8] = np.zeros(network.n_groups, np.int8)
        self._stages: NDArray[np.int64] = np.full(network.n_junctions, -1, np.int64)
        self._beliefs: NDArray[np.int32] = np.zeros((ROWS, network.n_junctions), np.int32)
        self._versions: NDArray[np.int64] = np.zeros(network.n_junctions, np.int64)
        self._acting: dict[str, tuple[str, ...]] = {}
        self._changed: NDArray[np.bool_] = np.ones(network.n_junctions, np.bool_)
        self._views: dict[str, JunctionView] = {}
        self._told_orders: dict[str, OrderView] = {}
        self._beat_ms = -BEAT_MS

    def name_stages(self, street: StreetNetwork, version: int) -> None:
        """Call stages as this version of the street does, as soon as it is the one reported of."""
        self._coming = (version, [s.name for junction in street.junctions for s in junction.stages])
        self._take_names(self._runs)

    def _take_names(self, runs: int) -> None:
        self._runs = runs
        if not runs or self._coming[0] in (runs, 0):
            self._stage_names = self._coming[1]
            self._changed[:] = True

    def hear(self, report: Report) -> None:
        """Take in what the engine says; a junction on another rung is another one to who saw it before."""
        self.progress = report.progress
        if report.runs != self._runs:
            self._take_names(report.runs)
        lamps, stages = np.frombuffer(report.lamps, np.int8), np.frombuffer(report.stages, np.int64)
        first = self.network.group_start[:-1]
        self._changed |= np.logical_or.reduceat(lamps != self._lamps, first) | (stages != self._stages)
        self._lamps, self._stages = lamps, stages
        others = dict(report.others)
        for junction, _ in others.items() ^ self._others.items():
            self._changed[junction] = True
        self._others = others
        if report.beliefs:
            beliefs = np.frombuffer(report.beliefs, np.int32).reshape(ROWS, -1)
            self._changed |= (beliefs != self._beliefs).any(axis=0)
            self._beliefs = beliefs
        if report.rungs:
            rungs = np.frombuffer(report.rungs, np.int8)
            for j in np.flatnonzero(rungs != self.rungs):
                self._desk.changed(self._names[j])
            self.rungs = rungs

    def waiting(self, junction: str) -> tuple[int, int]:
        """(people believed to wait at its crossings, vehicles at its stop lines)."""
        believed = self._beliefs[:, self._index[junction]]
        return int(believed[PEOPLE]), int(believed[QUEUE_VEH])

    def deltas(self, now_ms: int) -> list[Delta]:
        """What changed since last asked; none when nothing did and the last one is not a second old."""
        flags, gone = self.cases.changes(now_ms)
        rows: dict[str, Sequence[Any]] = {
            "junctions": self._changed_junctions(),
            "orders": self._changed_orders(),
            "alarms": self.alarms.changes(),
            "flags": flags,
            "flags_gone": gone,
        }
        if not any(rows.values()) and now_ms - self._beat_ms < BEAT_MS:
            return []
        self._beat_ms = now_ms
        out = []
        for part in in_parts(rows):
            self.seq += 1
            out.append(Delta(self._boot, self.seq, now_ms, self.progress, **part))
        return out

    def snapshot(self, now_ms: int) -> list[Snapshot]:
        """All of it, as of the last delta: whoever has this goes on with the delta after `seq`."""
        if not self._views:
            self._changed_junctions()
        parts = in_parts(
            {
                "junctions": [self._views[name] for name in self._names],
                "orders": list(self._told_orders.values()),
                "alarms": self.alarms.told(),
                "flags": self.cases.told(now_ms),
            }
        )
        return [Snapshot(self._boot, self.seq, now_ms, k, len(parts), **part) for k, part in enumerate(parts)]

    def _changed_orders(self) -> list[OrderView]:
        views = {order.id: _order_view(order) for order in self._desk.orders.values()}
        changed = [view for view in views.values() if self._told_orders.get(view.order) != view]
        for gone in self._told_orders.keys() - views.keys():
            changed.append(replace(self._told_orders[gone], state=ENDED))
        self._told_orders = views
        return changed

    def _changed_junctions(self) -> list[JunctionView]:
        """New views of the junctions at which anything is another; the others cost nothing."""
        versions = np.fromiter(self._desk.versions.values(), np.int64, len(self._names))
        self._changed |= versions != self._versions
        self._versions = versions
        acting = self._desk.acting_orders()
        if acting != self._acting:
            for name in acting.keys() | self._acting.keys():
                if acting.get(name) != self._acting.get(name):
                    self._changed[self._index[name]] = True
            self._acting = acting
        changed = np.flatnonzero(self._changed).tolist()
        self._changed[:] = False
        if not changed:
            return []
        letters = bytes(LETTERS[lamp] if lamp < len(LETTERS) else LETTERS[-1] for lamp in range(256))
        text = self._lamps.tobytes().translate(letters).decode()
        out = [self._view(j, text) for j in changed]
        self._views.update((view.name, view) for view in out)
        return out

    def _view(self, j: int, letters: str) -> JunctionView:
        network, name = self.network, self._names[j]
        stage = int(self._stages[j])
        believed = self._beliefs[:, j].tolist()
        return JunctionView(
            name=name,
            version=int(self._versions[j]),
            stage=self._stage_names[stage]
            if 0 <= stage < len(self._stage_names)
            else self._others.get(j, ""),
            lamps=letters[int(network.group_start[j]) : int(network.group_start[j + 1])],
            rung=int(self.rungs[j]),
            orders=self._acting.get(name, ()),
            people=believed[PEOPLE],
            queue_veh=believed[QUEUE_VEH],
            longest_s=believed[LONGEST_S],
            used_percent=believed[USED_PERCENT],
            faults=believed[FAULTS],
        )


def in_parts(rows: dict[str, Sequence[Any]]) -> list[dict[str, tuple[Any, ...]]]:
    """Lists in as many messages as their bytes need, one after the other; at least one."""
    parts: list[dict[str, tuple[Any, ...]]] = []
    for kind, items in rows.items():
        if items:
            parts += [{kind: part} for part in by_bytes(items, rows_max=JUNCTIONS_PER_PART)]
    merged = parts[:1]
    for part in parts[1:]:
        ((kind, items),) = part.items()
        # Short lists share a message: nobody sends four of them for one change.
        if kind not in merged[-1] and sum(map(len, (*merged[-1].values(), items))) <= SHARED_ROWS:
            merged[-1][kind] = items
        else:
            merged.append(part)
    for part in merged:
        part.setdefault("junctions", ())
        part.setdefault("orders", ())
    return merged or [{"junctions": (), "orders": ()}]


SHARED_ROWS = 10
"""Even the longest rows of all kinds fit a message that has no more."""


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
        order.junctions[:16],
        _argument(order),
        order.lease_ms,
    )


def _argument(order: Order) -> str:
    """What it is about, for people: never for programs, which have the order itself."""
    bias = f"{order.bias_ms / 1000:+g} s" if order.bias_ms else ""
    named = (order.stage, order.group, order.detector, order.plan, bias)
    return " ".join(filter(None, named))[:200]
