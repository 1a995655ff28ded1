"""Arbitration: of all orders, which one acts at each junction. Pure: no clock, no disk, no socket.

Each junction has points (its stage, each call, each detector), each point an authority array
of 16 slots: the lowest number that holds an order wins, beneath all lies the base state, in
which nothing is ordered. Questions (`rule`, `approve`, `due`, ...) give new versions of orders
and change nothing; when they are stored, `take` makes them so, and `acts` tells what the
controller must now be told. Silence brings everything home, because every order has a lease.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from override.orders import LIVE, ONCE_POINT, STAGE_POINT, Event, Life, Order, order_of, step, without
from override.places import Places
from override.refused import Refused
from override.requests import Approval, OrderRequest
from override.roles import (
    APPROVAL_MS,
    COUNTERSIGN_MS,
    EXCLUSIVE,
    SAFER,
    SURVIVES_RESTART,
    Command,
    Need,
    Permission,
    Role,
    Slot,
    may_approve,
    permission,
)
from override.ruling import Act, Person, Ruling
from override.views import Outcome

CHANGE_EVERY_MS = 10_000
"""One change a junction and person in this time (A24)."""
BROKEN_MS = 5_000
"""A corridor that has lost a junction for so long is released everywhere (rules 5.6)."""
ORDERS_MAX = 500
"""Live orders of one person."""


class Desk:
    """All live orders of a street."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.orders: dict[str, Order] = {}
        """Waiting and live ones by id."""
        self.versions: dict[str, int] = dict.fromkeys(places.by_name, 0)
        self._slots: dict[tuple[str, str], dict[int, str]] = {}
        self._changed_ms: dict[tuple[str, str], int] = {}
        self._acting: dict[tuple[str, str], tuple[str, int]] = {}
        self._once: list[Act] = []
        self._stale = True
        self._edge_ms = 0

    # --- questions: they change nothing ------------------------------------------------

    def rule(self, request: OrderRequest, digest: bytes, who: Person, now_ms: int) -> Ruling:
        """Decide on a request. Raises Refused."""
        if request.command is Command.RELEASE:
            return self._release(request, who, now_ms)
        if request.renew:
            return self._renew(request, who, now_ms)
        if request.whole_city and request.command not in SAFER:
            raise Refused("arguments", f"{request.command} is not for the whole city at once")
        junctions = self.places.junctions_of(request)
        self.places.check(request, junctions)
        answer = self._permission(request, who.role, len(junctions))
        order = order_of(request, digest, who.role, junctions, now_ms)
        legs = zip(junctions, request.legs, strict=False)
        order = replace(order, legs=tuple(replace(leg, junction=name) for name, leg in legs))
        self._check_room(order, now_ms)
        if answer.need is Need.APPROVAL:
            return Ruling(Outcome.WAITING, order.id, answer.need.value, versions=(order,))
        if answer.need is Need.COUNTERSIGN:
            order = replace(order, countersign_by_ms=now_ms + COUNTERSIGN_MS)
        return self._accept(order, answer.alarm, now_ms)

    def approve(self, approval: Approval, who: Person, now_ms: int) -> Ruling:
        """The second person's word. Raises Refused."""
        found = next((o for o in self.orders.values() if o.digest == approval.digest), None)
        if found is None or not (found.life is Life.REQUESTED or found.countersign_by_ms):
            raise Refused("order", "no order with this digest waits for a second person")
        if who.name == found.issuer:
            raise Refused("approval", "the second person must be another one")
        if not may_approve(who.role, found.command):
            raise Refused("approval", f"a role of {who.role} cannot agree to {found.command}")
        if not approval.agrees:
            return self._disagree(found, who, now_ms)
        agreed = replace(found, second=who.name, countersign_by_ms=0)
        if found.live:
            return Ruling(Outcome.DONE, found.id, "countersigned", found.until_ms, (agreed,))
        if now_ms - found.requested_ms > APPROVAL_MS:
            raise Refused("approval", "more than 60 s have passed since it was asked for")
        self._check_room(agreed, now_ms)
        return self._accept(agreed, False, now_ms)

    def due(self, now_ms: int) -> tuple[Order, ...]:
        """What time alone brings about: leases and deadlines that are over, corridors that stay broken."""
        return tuple(new for order in self.orders.values() if (new := self._aged(order, now_ms)) is not order)

    def proven(self, order_id: str, junctions: Iterable[str], now_ms: int) -> tuple[Order, ...]:
        """The lamps of these junctions show the order's effect; EFFECTIVE when those of all do."""
        order = self.orders.get(order_id)
        if order is None or not order.live or order.life is Life.EFFECTIVE:
            return ()
        proven = order.proven | (frozenset(junctions) & frozenset(order.junctions))
        if proven == order.proven:
            return ()
        order = replace(order, proven=proven)
        done = proven >= frozenset(order.junctions) - order.lost
        return (step(order, Event.PROVE, now_ms),) if done else (order,)

    def completed(self, order_id: str, now_ms: int) -> tuple[Order, ...]:
        """An all-red at which nobody is left on any crossing."""
        order = self.orders.get(order_id)
        if order is None or order.life is not Life.EFFECTIVE or order.complete_ms:
            return ()
        return (replace(order, complete_ms=now_ms),)

    def vetoed(self, order_id: str, junction: str, why: str, now_ms: int) -> tuple[Order, ...]:
        """The controller ended it at a junction: a promise came near, or safety forbade it."""
        order = self.orders.get(order_id)
        if order is None or not order.live or junction not in order.junctions or junction in order.lost:
            return ()
        return (without(order, {junction}, Event.VETO, f"{junction}: {why}", now_ms),)

    def served(self, order_id: str, junction: str, now_ms: int) -> tuple[Order, ...]:
        """A force-off that has happened there: nothing is left to do."""
        order = self.orders.get(order_id)
        if order is None or junction not in order.held:
            return ()
        return (without(order, {junction}, Event.EXPIRE, "done", now_ms),)

    def acting_orders(self) -> dict[str, tuple[str, ...]]:
        """Ids of the orders that act at each junction, as last told by `acts`."""
        out: dict[str, tuple[str, ...]] = {}
        for (junction, _), (order_id, _) in sorted(self._acting.items()):
            out[junction] = (*out.get(junction, ()), order_id)[:16]
        return out

    def after_restart(self, stored: Iterable[Order], now_ms: int) -> tuple[Order, ...]:
        """New versions of what was live: flash, all red and lockout go on, nothing else (10.3).

        A lease goes on by the monotonic clock; where that began anew (the machine did), it
        begins anew too, never longer than it was given.
        """
        out = []
        for order in stored:
            if order.life is Life.REQUESTED:
                out.append(step(order, Event.REFUSE, now_ms, "the station was restarted; ask again"))
            elif order.life in LIVE and order.command not in SURVIVES_RESTART:
                why = "not taken up again after a restart; send it again if it is still wanted"
                out.append(step(order, Event.RELEASE, now_ms, why))
            elif order.life in LIVE:
                if now_ms < order.accepted_ms:
                    left_ms = order.countersign_by_ms and now_ms + COUNTERSIGN_MS
                    order = replace(
                        order,
                        accepted_ms=now_ms,
                        until_ms=now_ms + order.lease_ms,
                        countersign_by_ms=left_ms,
                    )
                out.append(order)
        return tuple(out)

    def winner(self, junction: str, point: str, now_ms: int) -> Order | None:
        """The order that acts at a point now."""
        slots = self._slots.get((junction, point), {})
        for slot in sorted(slots):
            order = self.orders[slots[slot]]
            start_ms, end_ms = order.span_ms(junction)
            if start_ms <= now_ms < end_ms:
                return order
        return None

    # --- changes -----------------------------------------------------------------------

    def take(self, versions: Iterable[Order]) -> None:
        """Make these versions so. They must have been stored."""
        for order in versions:
            before = self.orders.get(order.id)
            held = before.held if before else frozenset()
            if order.live or order.life is Life.REQUESTED:
                self.orders[order.id] = order
            elif before is not None:
                del self.orders[order.id]
            self._occupy(order, held, order.held)
            if order.live and (before is None or not before.live):
                if order.point == ONCE_POINT:
                    self._once += [Act(junction, ONCE_POINT, order) for junction in order.junctions]
                for junction in order.junctions:
                    self._changed_ms[order.issuer, junction] = order.accepted_ms
            self._stale = True

    def changed(self, junction: str) -> None:
        """Rung, alarm, plan or configuration of a junction changed: what people saw of it is old."""
        self.versions[junction] += 1

    def acts_anew(self, now_ms: int) -> tuple[Act, ...]:
        """Everything that acts now, for an engine that knows of nothing."""
        self._acting, self._stale = {}, True
        return self.acts(now_ms)

    def acts(self, now_ms: int) -> tuple[Act, ...]:
        """What changed since last asked in what acts where."""
        if not self._stale and now_ms < self._edge_ms:
            return ()
        self._stale, self._edge_ms = False, 1 << 62
        out, self._once = self._once, []
        acting: dict[tuple[str, str], tuple[str, int]] = {}
        for (junction, point), slots in self._slots.items():
            for slot in slots:
                start_ms, end_ms = self.orders[slots[slot]].span_ms(junction)
                self._edge_ms = min([self._edge_ms, *(t for t in (start_ms, end_ms) if t > now_ms)])
            if (order := self.winner(junction, point, now_ms)) is not None:
                end_ms = order.span_ms(junction)[1]
                acting[junction, point] = (order.id, end_ms)
                if self._acting.get((junction, point)) != (order.id, end_ms):
                    out.append(Act(junction, point, order, end_ms))
        out += [
            Act(junction, point, None) for junction, point in self._acting if (junction, point) not in acting
        ]
        self._acting = acting
        return tuple(out)

    # --- parts of them -----------------------------------------------------------------

    def _permission(self, request: OrderRequest, role: Role, junctions: int) -> Permission:
        try:
            slot = Slot(request.slot)
        except ValueError:
            raise Refused("role", f"slot {request.slot} is nobody's") from None
        answer = permission(
            role, request.command, slot, junctions, len(self.places), request.lease_ms,
            request.break_glass, request.suspends_promise,
        )  # fmt: skip
        if answer.refusal:
            raise Refused("role", answer.refusal)
        return answer

    def _accept(self, order: Order, alarm: bool, now_ms: int) -> Ruling:
        accepted = step(order, Event.ACCEPT, now_ms)
        sentence = f"{order.issuer}: {order.command} at {len(order.junctions)} junctions"
        alarms = (sentence + (", glass broken" if order.break_glass else ""),) if alarm else ()
        versions = (*self._displaced(accepted, now_ms), accepted)
        return Ruling(Outcome.ACCEPTED, order.id, "", accepted.until_ms, versions, alarms)

    def _check_room(self, order: Order, now_ms: int) -> None:
        """Lockout, what people saw, who has the slot, how fast. Raises Refused."""
        safer = order.command in SAFER
        if not safer and len(order.basis) != len(order.junctions):
            raise Refused("arguments", "one basis version is needed for each junction")
        if sum(o.issuer == order.issuer for o in self.orders.values()) >= ORDERS_MAX and not safer:
            raise Refused("rate", f"{ORDERS_MAX} orders of {order.issuer} live already")
        for at, junction in enumerate(order.junctions):
            self.places.check_changing(order.command, junction)
            if not safer:
                self._check_lock(order, junction)
                seen, version = order.basis[at], self.versions[junction]
                if seen != version:
                    raise Refused("basis", self._difference(junction, seen, now_ms))
                last_ms = self._changed_ms.get((order.issuer, junction), -CHANGE_EVERY_MS)
                if now_ms - last_ms < CHANGE_EVERY_MS:
                    raise Refused("rate", f"{junction}: one change in {CHANGE_EVERY_MS // 1000} s")
            holder = self._holder(junction, order.point, order.slot)
            if holder is None or holder.issuer == order.issuer:
                continue
            if not order.takeover and order.command not in EXCLUSIVE:
                raise Refused("taken", f"{junction}: slot {order.slot} is held by {holder.issuer}")

    def _check_lock(self, order: Order, junction: str) -> None:
        lock = self._holder(junction, STAGE_POINT, Slot.SUPERVISOR)
        if lock is None or lock.command is not Command.LOCKOUT or lock.issuer == order.issuer:
            return
        if order.slot >= Slot.SUPERVISOR:
            raise Refused("locked", f"{junction} is locked by {lock.issuer}")

    def _difference(self, junction: str, seen: int, now_ms: int) -> str:
        acts = self.winner(junction, STAGE_POINT, now_ms)
        now = f"{acts.command} by {acts.issuer} acts there" if acts else "no order acts there"
        return f"{junction} changed: you saw version {seen}, it is {self.versions[junction]}; {now}"

    def _holder(self, junction: str, point: str, slot: int) -> Order | None:
        order_id = self._slots.get((junction, point), {}).get(slot)
        return None if order_id is None else self.orders[order_id]

    def _displaced(self, order: Order, now_ms: int) -> tuple[Order, ...]:
        lost: dict[str, set[str]] = {}
        for junction in order.junctions:
            holder = self._holder(junction, order.point, order.slot)
            if holder is not None and holder.id != order.id:
                lost.setdefault(holder.id, set()).add(junction)
        why = f"by {order.id}"
        return tuple(without(self.orders[k], v, Event.SUPERSEDE, why, now_ms) for k, v in lost.items())

    def _release(self, request: OrderRequest, who: Person, now_ms: int) -> Ruling:
        city = len(self.places)
        slots = [Slot(request.slot)] if request.slot in list(Slot) else []
        if not slots or (refusal := permission(who.role, Command.RELEASE, slots[0], 1, city, 0).refusal):
            raise Refused("role", refusal if slots else f"slot {request.slot} is nobody's")
        given = [
            name
            for name in ("stage", "group", "detector", "plan", "bias_ms", "legs")
            if getattr(request, name)
        ]
        if given:
            raise Refused("arguments", f"release needs nothing, not {', '.join(given)}")
        places = frozenset(self.places.junctions_of(request))
        found = [
            o for o in self.orders.values()
            if o.live and o.slot == request.slot and (o.id == request.order if request.order else True)
        ]  # fmt: skip
        if request.order and not found:
            raise Refused("order", f"no live order {request.order} in slot {request.slot}")
        versions = []
        for order in found:
            here = set(order.junctions) if request.order else places & set(order.junctions)
            if not here - order.lost:
                continue
            if order.issuer != who.name and who.role is not Role.SUPERVISOR and not request.takeover:
                raise Refused("taken", f"{order.id} is {order.issuer}'s; ask with takeover")
            why = ": ".join(part for part in (f"by {who.name}", request.reason.strip()) if part)
            versions.append(without(order, here, Event.RELEASE, why, now_ms))
        return Ruling(Outcome.DONE, request.order, f"{len(versions)} released", versions=tuple(versions))

    def _renew(self, request: OrderRequest, who: Person, now_ms: int) -> Ruling:
        order = self.orders.get(request.order)
        if order is None or not order.live or order.issuer != who.name:
            raise Refused("order", f"no live order {request.order} of {who.name}")
        if (order.command, order.slot) != (request.command, request.slot) or order.legs:
            raise Refused(
                "arguments", f"{order.id} is {order.command} in slot {order.slot}; no corridor is renewed"
            )
        answer = permission(
            who.role, order.command, Slot(order.slot), len(order.junctions), len(self.places),
            request.lease_ms, suspends_promise=order.suspends_promise,
        )  # fmt: skip
        if answer.refusal or (answer.need is Need.APPROVAL):
            raise Refused("role", answer.refusal or "so long a lease needs a second person: send it anew")
        renewed = replace(order, until_ms=now_ms + request.lease_ms, lease_ms=request.lease_ms)
        return Ruling(Outcome.DONE, order.id, "renewed", renewed.until_ms, (renewed,))

    def _disagree(self, order: Order, who: Person, now_ms: int) -> Ruling:
        event = Event.RELEASE if order.live else Event.REFUSE
        version = step(order, event, now_ms, f"{who.name} did not agree")
        return Ruling(Outcome.DONE, order.id, "refused by the second person", versions=(version,))

    def _aged(self, order: Order, now_ms: int) -> Order:
        if order.life is Life.REQUESTED:
            if now_ms - order.requested_ms > APPROVAL_MS:
                return step(order, Event.REFUSE, now_ms, "no second person within 60 s")
            return order
        if now_ms >= order.until_ms:
            return step(order, Event.EXPIRE, now_ms)
        if order.countersign_by_ms and now_ms >= order.countersign_by_ms:
            return step(order, Event.RELEASE, now_ms, "nobody countersigned within 10 min")
        if not order.legs:
            return order
        if not self._broken(order, now_ms):
            return order if not order.broken_since_ms else replace(order, broken_since_ms=0)
        if not order.broken_since_ms:
            return replace(order, broken_since_ms=now_ms)
        if now_ms - order.broken_since_ms > BROKEN_MS:
            return step(order, Event.RELEASE, now_ms, "the corridor stayed broken for 5 s")
        return order

    def _broken(self, order: Order, now_ms: int) -> bool:
        """Whether a corridor lacks a junction it needs now or later."""
        for junction in order.junctions:
            _, end_ms = order.span_ms(junction)
            if end_ms <= now_ms:
                continue
            slots = self._slots.get((junction, order.point), {})
            if junction in order.lost or min(slots, default=order.slot) < order.slot:
                return True
        return False

    def _occupy(self, order: Order, before: frozenset[str], after: frozenset[str]) -> None:
        for junction in before - after:
            slots = self._slots.get((junction, order.point), {})
            if slots.get(order.slot) == order.id:
                del slots[order.slot]
                self.versions[junction] += 1
                if not slots:
                    del self._slots[junction, order.point]
        for junction in after - before:
            self._slots.setdefault((junction, order.point), {})[order.slot] = order.id
            self.versions[junction] += 1
