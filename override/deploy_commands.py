"""`belisha deploy`: another version of plans, policy, detectors or timings on a station that runs."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.file_words import why_not
from override.connect_options import Where, told_where
from override.order_commands import AsJson, Reason, plain

if TYPE_CHECKING:
    from override.client import Console
    from override.deploy_messages import VersionView
    from override.views import Reply

app = typer.Typer(
    help="Change plans, policy, detectors, timings, stages while a street runs: two people, one in force.",
    no_args_is_help=True,
)
CHECK_S, FORECAST_S = 120.0, 8.0
LOOK_S = 0.5
NOT_DONE = 1
"""Exit code: what was asked for did not come about."""
Number = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="As `deploy list` numbers them.")]
Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...", help="A street file (all junctions, or those that change) or a policy."
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Come back when it is in force, or is not going to be.")]
Glass = Annotated[bool, typer.Option("--break-glass", help="Supervisors: alone, with an alarm everywhere.")]


class NoVersion(ValueError):
    """Files that are no proposal, or a version that is not there."""


@app.command()
@partial(told_where, listens=True)
def propose(where: Where, files: Files, reason: Reason, as_json: AsJson = False) -> None:
    """Propose another version: checked as at import, told as a difference, it waits for a second person.

    Exit code 1: it was found wanting, and why.
    """
    from override.deploy_messages import DeployAction

    content, digest = read_proposal(files)
    with where.console() as console:
        base = console.versions().in_force
        reply = console.deploy(DeployAction.PROPOSE, base=base, content=content, digest=digest, reason=reason)
        version = _checked(console, reply)
    _say(version, as_json)


@app.command()
@told_where
def diff(where: Where, version: Number, as_json: AsJson = False) -> None:
    """What a version changes of the one it was made from, and how it would come onto the street."""
    with where.console() as console:
        _say(_one(console, version), as_json)


@app.command()
@partial(told_where, listens=True)
def approve(
    where: Where,
    version: Number,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no.")] = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Be the second person: sign the digest the first one signed. Then it is taken up."""
    from override.deploy_messages import DeployAction

    with where.console() as console:
        digest = _one(console, version).digest
        action = DeployAction.REFUSE if refuse else DeployAction.APPROVE
        reply = console.deploy(action, number=version, digest=digest)
        _follow(console, reply, version, wait and not refuse, as_json)


@app.command()
@partial(told_where, listens=True)
def rollback(
    where: Where,
    reason: Reason,
    to: Annotated[int, typer.Option(help="To this version; default: the one before.")] = 0,
    glass: Glass = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Propose to go back to a version that was in force; a second person approves it as any other."""
    from override.deploy_messages import DeployAction

    with where.console() as console:
        _go_back(console, DeployAction.ROLLBACK, to, reason, glass, wait, as_json)


def restore_baseline(where: Where, reason: str, glass: bool) -> None:
    """Propose the version the installation began with (`belisha restore --baseline`)."""
    from override.deploy_messages import DeployAction

    with where.console() as console:
        _go_back(console, DeployAction.BASELINE, 0, reason, glass, wait=True, as_json=False)


@app.command()
@told_where
def export(
    where: Where,
    junctions: Annotated[
        list[str] | None, typer.Argument(metavar="[JUNCTION...]", help="Which; none = only the policy.")
    ] = None,
    street: Annotated[Path, typer.Option(metavar="FILE", help="Where the junctions go.")] = Path(
        "street.toml"
    ),
    policy: Annotated[Path, typer.Option(metavar="FILE", help="Where the policy goes.")] = Path(
        "policy.toml"
    ),
) -> None:
    """Write junctions and policy as they are in force: to be edited and proposed. Nothing is overwritten."""
    from override.version import unpack_content

    with where.console() as console:
        told = console.street(junctions or [])
    for path, text in zip((street, policy), unpack_content(told.content), strict=True):
        if text:
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                raise NoVersion(f"{path}: cannot be written ({error.strerror})") from None
            typer.echo(f"{path}: as in version {told.number}")


@app.command(name="list")
@told_where
def list_versions(where: Where, as_json: AsJson = False) -> None:
    """Every version of late, the newest first: where it stands, and who signed it."""
    with where.console() as console:
        page = console.versions()
    if as_json:
        views = [_plain(view) for view in page.versions]
        typer.echo(json.dumps({"in_force": page.in_force, "versions": views}, indent=2))
        return
    for view in page.versions:
        typer.echo(line_of(view))


# --- parts ------------------------------------------------------------------------------------


def read_proposal(files: list[Path]) -> tuple[bytes, bytes]:
    """(content, digest) of these files: one street file, one policy, or both. Raises NoVersion."""
    from controller.toml_text import NotToml, table_of
    from override.deploy_messages import CONTENT_BYTES_MAX
    from override.version import pack_content

    texts = {"street": "", "policy": ""}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
            table = table_of(text)
        except (OSError, UnicodeDecodeError, NotToml) as error:
            raise NoVersion(f"{path}: cannot be read as TOML: {why_not(error)}") from None
        kind = "street" if "junction" in table or "format" in table else "policy"
        if texts[kind]:
            raise NoVersion(f"{path}: a second {kind} file; one is possible")
        texts[kind] = text
    content, digest = pack_content(texts["street"], texts["policy"])
    if len(content) > CONTENT_BYTES_MAX:
        raise NoVersion(
            f"{files[0]}: {len(content)} bytes when compressed, {CONTENT_BYTES_MAX} are possible: "
            "leave out the junctions that do not change"
        )
    return content, digest


def line_of(view: VersionView) -> str:
    """One version in one line."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(view.wall_ms / 1000))
    state = str(view.state)
    if view.state == "adopting":
        state = f"adopting, {view.adopted} of {view.junctions} junctions"
    signed = f"{view.proposer} + {view.second}" if view.second else view.proposer
    back = f"  version {view.returns_to} again" if view.returns_to else ""
    why = f"  ({view.why})" if view.why else ""
    return (
        f"{view.number:>4}  {state:<10}  {view.digest.hex()[:12]}  {when}  {signed}{back}  {view.reason}{why}"
    )


def _go_back(
    console: Console, action: Any, to: int, reason: str, glass: bool, wait: bool, as_json: bool
) -> None:
    from override.deploy_messages import DeployAction

    page = console.versions()
    now = next(view for view in page.versions if view.number == page.in_force)
    if action is DeployAction.BASELINE:
        target = _baseline(console, page.in_force)
    else:
        target = to or now.base
    if not target:
        raise NoVersion(f"version {now.number} is in force, and nothing was before it")
    reply = console.deploy(
        action, number=target, base=page.in_force, digest=_one(console, target).digest, reason=reason,
        break_glass=glass,
    )  # fmt: skip
    version = _checked(console, reply)
    if glass and wait:
        version = _until_settled(console, version.number)
    _say(version, as_json)


def _baseline(console: Console, number: int) -> int:
    """The version that was made from none, on the way back from this one."""
    while base := _one(console, number).base:
        number = base
    return number


def _one(console: Console, number: int) -> VersionView:
    page = console.versions(number)
    if not page.versions:
        raise NoVersion(f"no version {number}")
    return page.versions[0]


def _checked(console: Console, reply: Reply) -> VersionView:
    """The version a reply speaks of, once it has been checked."""
    number = int(reply.order.rpartition("-")[2])
    end_s = time.monotonic() + CHECK_S
    while (version := _one(console, number)).state == "checking" and time.monotonic() < end_s:
        console.listen(round(1000 * LOOK_S))
    end_s = time.monotonic() + FORECAST_S
    while version.state == "proposed" and not version.forecast and time.monotonic() < end_s:
        console.listen(round(1000 * LOOK_S))
        version = _one(console, number)
    return version


def _until_settled(console: Console, number: int) -> VersionView:
    while (version := _one(console, number)).state == "adopting":
        console.listen(round(1000 * LOOK_S))
    return version


def _follow(console: Console, reply: Reply, number: int, wait: bool, as_json: bool) -> None:
    version = _until_settled(console, number) if wait else _one(console, number)
    if not as_json:
        typer.echo(f"{reply.outcome} {reply.order}: {reply.why}")
    _say(version, as_json)


def _say(version: VersionView, as_json: bool) -> None:
    """A version in words; ends with `NOT_DONE` where it came to nothing."""
    if as_json:
        typer.echo(json.dumps(_plain(version), indent=2))
    else:
        typer.echo(line_of(version))
        for words in (*version.words, version.forecast):
            if words:
                typer.echo(f"      {words}")
        if version.state == "proposed":
            typer.echo(f"      {_way(version)}")
            typer.echo(f"      It waits for a second person: belisha deploy approve {version.number}")
    if version.state in ("refused", "returned"):
        raise typer.Exit(NOT_DONE)


def _way(version: VersionView) -> str:
    places = f"{version.junctions} junction" + ("s" if version.junctions != 1 else "")
    if version.way == "live":
        return f"At {places}, one first; each takes it up between two changes of its lamps, and none flashes."
    if version.way == "in turn":
        return (
            f"At {places}, one first. Stages, or times on the monitor's card, change: each of them goes "
            "through all red and six seconds of flash; the others go on."
        )
    return f"At {places}. EVERY junction of the street goes through flash and begins anew."


def _plain(view: VersionView) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in plain(view).items()}
