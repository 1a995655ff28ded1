"""`belisha order` and `belisha panic`: orders on the command line."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from override.connect_options import Where, told_where
from override.keys_commands import DEFAULT_FOLDER, Folder
from override.roles import EXCLUSIVE, ONCE, TABLE, Command, Role, Slot
from override.topics import ARGUMENTS, NEEDS

if TYPE_CHECKING:
    from override.client import View
    from override.requests import Leg
    from override.views import Reply

app = typer.Typer(help="Tell a street what to do: leases that end by themselves.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Junctions = Annotated[
    list[str], typer.Argument(metavar="JUNCTION...", help="Names, as `order list` has them.")
]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
Lease = Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 90s, 5min, 2h.")]
SlotOption = Annotated[int, typer.Option(help="Authority slot; default: your role's.")]
StageName = Annotated[str, typer.Option(help="Name of a stage.")]
GroupName = Annotated[str, typer.Option(help="Name of a signal group.")]
DetectorName = Annotated[str, typer.Option(help="Name of a detector.")]
PlanName = Annotated[str, typer.Option(help="Name of a fixed plan.")]
BiasSeconds = Annotated[int, typer.Option(help="Seconds longer, or (negative) shorter; -10 to 10.")]
Suspends = Annotated[bool, typer.Option("--suspend-promise", help="Supervisors, hold only.")]
_TIME = re.compile(r"(\d+)(s|min|h)\Z")
_UNIT_MS = {"s": 1_000, "min": 60_000, "h": 3_600_000}

SLOTS = {
    Command.ALL_RED: Slot.EMERGENCY,
    Command.FLASH: Slot.EMERGENCY,
    Command.CORRIDOR: Slot.EMERGENCY_VEHICLE,
    Command.EVENT_PLAN: Slot.EVENT,
    Command.LOCKOUT: Slot.SUPERVISOR,
    Command.CONFIGURE: Slot.SUPERVISOR,
    Command.RESET_TRIP: Slot.MONITOR,
}
HELP = {
    Command.HOLD: "Go to a stage and stay there, until a promise comes near.",
    Command.FORCE_OFF: "Leave a stage now, once.",
    Command.OMIT: "Choose no stage with a group.",
    Command.CALL: "Call a group whenever it is not green.",
    Command.PLAN: "Play one of the junction's fixed plans.",
    Command.EVENT_PLAN: "Play a fixed plan at many junctions.",
    Command.SPLIT_BIAS: "Let a stage last longer or shorter.",
    Command.DETECTOR_DISABLE: "Hear a detector no more; whom it served is called.",
    Command.DETECTOR_RECALL: "Call whom a detector serves, whatever it reads.",
    Command.LONGER_WALK: "Let people walk longer at a crossing, by 1 to 10 seconds.",
    Command.MANUAL_STEP: "Go on to the next stage by hand.",
    Command.ALL_RED: "Everything red, within yellow and a tick.",
    Command.FLASH: "Through all red into flash.",
    Command.LOCKOUT: "First plan and no orders; needs a second person.",
    Command.RESET_TRIP: "End the flash of a safety monitor that tripped; needs a second person.",
}


class BadOrder(ValueError):
    """Words that are no order."""


def milliseconds(text: str) -> int:
    """`90s`, `5min`, `2h`. Raises BadOrder."""
    if not (found := _TIME.match(text)):
        raise BadOrder(f"time {text!r}: a number and s, min or h is needed, as 90s")
    return int(found[1]) * _UNIT_MS[found[2]]


def legs_of(texts: list[str]) -> tuple[Leg, ...]:
    """`JUNCTION:STAGE:AFTER:HOLD`, as `J1:a:0s:20s`. Raises BadOrder."""
    from override.requests import Leg

    out = []
    for text in texts:
        parts = text.rsplit(":", 3)
        if len(parts) != 4:
            raise BadOrder(f"leg {text!r}: JUNCTION:STAGE:AFTER:HOLD is needed, as J1:a:0s:20s")
        out.append(Leg(parts[0], parts[1], milliseconds(parts[2]), milliseconds(parts[3])))
    return tuple(out)


def default_slot(command: Command, role: Role | None) -> int:
    """The slot in which a person of this role gives this order."""
    if command in SLOTS:
        return int(SLOTS[command])
    return int(Slot.SUPERVISOR if role is Role.SUPERVISOR else Slot.OPERATOR)


def has_option(command: Command, name: str) -> bool:
    """Whether an order of this kind can use this option of a command line."""
    if _field(name) in ARGUMENTS:
        return _field(name) in NEEDS[command]
    match name:
        case "lease":
            return command not in ONCE
        case "takeover":
            return command not in ONCE | EXCLUSIVE
        case "suspend":
            return command is Command.HOLD
        case "glass":
            return any(grant.break_glass for (_, known, _), grant in TABLE.items() if known is command)
        case "slot":
            return command not in SLOTS
    return True


def only_of(command: Command, given: Callable[..., None]) -> Callable[..., None]:
    """A command line without the options that this order cannot use; what it needs, it must have."""
    parameters = [
        parameter.replace(default=Parameter.empty) if _field(name) in NEEDS[command] else parameter
        for name, parameter in inspect.signature(given, eval_str=True).parameters.items()
        if has_option(command, name)
    ]
    asked = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in parameters]
    given.__signature__ = inspect.Signature(asked)  # type: ignore[attr-defined]
    given.__doc__ = HELP[command]
    return told_where(given)


def _field(option: str) -> str:
    """What an option is called in a request."""
    return "bias_ms" if option == "by" else option


def _make(command: Command) -> Callable[..., None]:
    def give(
        where: Where,
        junctions: Junctions,
        reason: Reason,
        lease: Lease = "2min",
        stage: StageName = "",
        group: GroupName = "",
        detector: DetectorName = "",
        plan: PlanName = "",
        by: BiasSeconds = 0,
        ticket: Annotated[str, typer.Option(help="Number of a ticket.")] = "",
        takeover: Annotated[bool, typer.Option("--takeover", help="Displace another's order.")] = False,
        suspend: Suspends = False,
        glass: Annotated[bool, typer.Option("--break-glass", help="Alone, 15 min, with an alarm.")] = False,
        slot: SlotOption = 0,
        as_json: AsJson = False,
    ) -> None:
        console, role = where.console_and_role()
        with console:
            view = console.look()
            reply = console.order(
                command=command, slot=slot or default_slot(command, role), junctions=tuple(junctions),
                basis=basis_of(view, junctions), lease_ms=milliseconds(lease), reason=reason, ticket=ticket,
                stage=stage, group=group, detector=detector, plan=plan, bias_ms=1000 * by,
                takeover=takeover, suspends_promise=suspend, break_glass=glass,
            )  # fmt: skip
            say(reply, view.now_ms, as_json)

    return only_of(command, give)


for _command in HELP:
    app.command(name=str(_command))(_make(_command))


@app.command()
@told_where
def corridor(
    where: Where,
    legs: Annotated[list[str], typer.Argument(metavar="JUNCTION:STAGE:AFTER:HOLD...")],
    reason: Reason,
    lease: Lease = "5min",
    takeover: Annotated[bool, typer.Option("--takeover", help="Displace another's corridor.")] = False,
    as_json: AsJson = False,
) -> None:
    """A green wave for an emergency vehicle: each junction in its time, given back behind it."""
    ways = legs_of(legs)
    with where.look() as (console, view):
        reply = console.order(
            command=Command.CORRIDOR, slot=int(Slot.EMERGENCY_VEHICLE), junctions=(), legs=ways,
            basis=basis_of(view, [leg.junction for leg in ways]), lease_ms=milliseconds(lease),
            reason=reason, takeover=takeover,
        )  # fmt: skip
        say(reply, view.now_ms, as_json)


@app.command()
@told_where
def release(
    where: Where,
    what: Annotated[list[str], typer.Argument(metavar="ORDER | JUNCTION...")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    slot: SlotOption = 0,
    takeover: Annotated[bool, typer.Option("--takeover", help="Also another's order.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give back what an order holds, or junctions in one slot."""
    console, role = where.console_and_role()
    with console:
        view = console.look()
        known = view.orders.get(what[0]) if len(what) == 1 else None
        slot = slot or (known.slot if known else default_slot(Command.HOLD, role))
        target: dict[str, Any] = {"order": what[0], "junctions": ()} if known else {"junctions": tuple(what)}
        reply = console.order(
            command=Command.RELEASE, slot=slot, basis=(), reason=reason, takeover=takeover, **target
        )
        say(reply, view.now_ms, as_json)


@app.command()
@told_where
def renew(where: Where, order: str, lease: Lease = "2min", as_json: AsJson = False) -> None:
    """Prolong a lease of your own from now on."""
    with where.look() as (console, view):
        known = view.orders.get(order)
        if known is None:
            raise BadOrder(f"no live order {order}")
        reply = console.order(
            command=known.command, slot=known.slot, junctions=(), basis=(), order=order, renew=True,
            lease_ms=milliseconds(lease), reason="renewed",
        )  # fmt: skip
        say(reply, console.view.now_ms, as_json)


@app.command()
@told_where
def approve(
    where: Where,
    order: str,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no.")] = False,
    as_json: AsJson = False,
) -> None:
    """Be the second person: sign the hash of the very bytes the first one signed."""
    with where.look() as (console, view):
        known = view.orders.get(order)
        if known is None:
            raise BadOrder(f"no order {order} waits")
        say(console.approve(known.digest, not refuse), console.view.now_ms, as_json)


@app.command(name="list")
@told_where
def list_orders(where: Where, as_json: AsJson = False) -> None:
    """Junctions and what acts there; every order that lives or waits."""
    view = where.view()
    if as_json:
        typer.echo(json.dumps(plain_view(view), indent=2))
        return
    for junction in view.junctions.values():
        typer.echo(f"{junction.name:<20} {junction.stage:<8} {junction.lamps}  {' '.join(junction.orders)}")
    for order in view.orders.values():
        left_s = max(0, order.expires_ms - view.now_ms) // 1000
        typer.echo(f"{order.order}  {order.command}  slot {order.slot}  {order.state}  {left_s} s left")


def panic(
    junctions: Annotated[list[str], typer.Argument(metavar="JUNCTION...", help="Names; 20 at most.")],
    keys: Folder = DEFAULT_FOLDER,
) -> None:
    """All red, at once, from the station's own machine: no key and no network needed; it is recorded."""
    from override.panic import DOOR
    from override.panic import panic as press

    typer.echo(press(keys / DOOR, tuple(junctions)))


def basis_of(view: View, junctions: list[str]) -> tuple[int, ...]:
    """Versions of these junctions as just seen. Raises BadOrder for one that is not there."""
    if stranger := next((name for name in junctions if name not in view.junctions), None):
        raise BadOrder(f"no junction {stranger}; known are {', '.join(sorted(view.junctions)[:20])}")
    return tuple(view.junctions[name].version for name in junctions)


def say(reply: Reply, now_ms: int, as_json: bool) -> None:
    """What the station answered."""
    if as_json:
        typer.echo(json.dumps(plain(reply)))
        return
    left = f", {(reply.expires_ms - now_ms) // 1000} s" if reply.expires_ms else ""
    why = f": {reply.why}" if reply.why else ""
    typer.echo(f"{reply.outcome} {reply.order}{left}{why}")


def plain(record: Any) -> dict[str, Any]:
    """A record as JSON can have it."""
    out = {name: getattr(record, name) for name in record.__slots__}
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in out.items()}


def plain_view(view: View) -> dict[str, Any]:
    """The whole picture as JSON can have it."""
    return {
        "now_ms": view.now_ms,
        "junctions": [plain(junction) for junction in view.junctions.values()],
        "orders": [plain(order) for order in view.orders.values()],
    }
