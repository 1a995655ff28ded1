"""`belisha citizen`, `belisha flag`, `belisha words` and `belisha privacy`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.file_words import why_not
from override.connect_options import PICTURES
from override.flag_messages import Kind
from override.keys_commands import DEFAULT_FOLDER, Folder

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from override.citizen.pages import PolicyView
    from override.flag_messages import FlagReply

CITIZENS = "tcp://127.0.0.1:7103"
FLAGS = "tcp://127.0.0.1:7104"
PAGE = "127.0.0.1:7180"
DEFAULT_NAME = "citizen"
CITIZEN_FILE = Path("citizen.db")
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
File = Annotated[Path, typer.Option(metavar="FILE", help="Where the citizen process keeps flags.")]
EXIT_REFUSED = 1


class BadCitizen(ValueError):
    """Options that cannot be used."""


def citizen(
    station: Annotated[
        str, typer.Option(metavar="ENDPOINTS", help="Of the station: for citizens, for pictures.")
    ] = f"{CITIZENS},{PICTURES}",
    keys: Folder = DEFAULT_FOLDER,
    name: Annotated[str, typer.Option(help="Whose key: one of role citizen-gateway.")] = DEFAULT_NAME,
    file: File = CITIZEN_FILE,
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the pages are.")] = PAGE,
    flags: Annotated[str, typer.Option(metavar="ENDPOINT", help="Where programs hand in flags.")] = FLAGS,
    policy: Annotated[Path | None, typer.Option(metavar="FILE", help="Policy in force.")] = None,
    decided_by: Annotated[str, typer.Option(help="Who decided the policy.")] = "Belisha's default",
    decided_on: Annotated[str, typer.Option(metavar="DATE", help="When, as 2026-01-15.")] = "",
    zone: Annotated[str, typer.Option(help="The city's time zone.")] = "UTC",
    text_secret: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Secret of the gateway for text messages.")
    ] = None,
    open311_keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keys for filing by Open311, one a line.")
    ] = None,
    public_url: Annotated[str, typer.Option(help="Where the pages are found from outside.")] = "",
    pole_codes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Secret of the codes that poles show for a while.")
    ] = None,
) -> None:
    """Listen to citizens: pages, text messages, Open311, flags; safe remedies through the station."""
    from override.citizen.process import CitizenPlan, CitizenProcess

    orders, comma, pictures = station.partition(",")
    if not comma or not orders or not pictures:
        raise BadCitizen(f"--station {station}: two endpoints with a comma between are needed")
    plan = CitizenPlan(
        keys, name, file, (orders.strip(), pictures.strip()), _host_and_port(http), flags,
        policy_view(policy, decided_by, decided_on), _zone(zone), _first_line(text_secret),
        frozenset(_lines(open311_keys)), public_url, pole_codes,
    )  # fmt: skip
    CitizenProcess(plan, lambda line: typer.echo(line, err=True)).run()


def flag(
    signal: Annotated[str, typer.Argument(help="Code on the pole, or name of a junction; or: status.")],
    token: Annotated[str, typer.Argument(metavar="[TOKEN]", help="With status: of an earlier flag.")] = "",
    kind: Annotated[Kind | None, typer.Option(help="What is wrong.")] = None,
    words: Annotated[str, typer.Option(help="In your own words; erased once somebody has read it.")] = "",
    still: Annotated[str, typer.Option(metavar="TOKEN", help="An earlier flag is still true.")] = "",
    flags: Annotated[str, typer.Option(metavar="ENDPOINT", help="Where flags are handed in.")] = FLAGS,
    server: Annotated[str, typer.Option(metavar="KEY", help="Public CURVE key of the citizen process.")] = "",
    keys: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Say that something is wrong with a signal; `flag status TOKEN` tells how it stands.

    Exit code 0: kept; 1: refused, or too busy (send it again later).
    """
    import secrets

    from override.bounds import NONCE_BYTES
    from override.citizen.flagging import FlagLine
    from override.flag_messages import FlagRequest

    asks = signal == "status" and bool(token)
    if not asks and kind is None and not still:
        raise BadCitizen(f"--kind is needed: one of {', '.join(Kind)}")
    with FlagLine(flags, _server_key(server, keys)) as line:
        if asks:
            reply = line.status(token)
        else:
            nonce = secrets.token_bytes(NONCE_BYTES)
            reply = line.flag(FlagRequest(nonce, signal, kind or Kind.OTHER, words=words, still=still))
    typer.echo(json.dumps(_plain(reply), indent=2) if as_json else _sentences(reply))
    if not reply.accepted:
        raise typer.Exit(EXIT_REFUSED)


def words(
    case: Annotated[str, typer.Argument(help="Public id of a case, as the console shows it.")],
    file: File = CITIZEN_FILE,
) -> None:
    """What people wrote about a case, while nobody has dealt with it yet."""
    from override.citizen.store import Store

    if not file.exists():
        raise BadCitizen(f"{file}: not there; the citizen process makes it")
    store = Store(file)
    for text in store.words_of(case):
        typer.echo(text)
    store.close()


def privacy(
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Erase there what is due.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is kept of citizens: what, why, where, how long, who reads it. From the tables themselves."""
    from override.citizen.inventory import inventory

    if file is not None:
        typer.echo(_erase(file), err=True)
    rows = inventory()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    table = ""
    for row in rows:
        if row.table != table:
            table = row.table
            typer.echo(f"\n{table}\n  kept: {row.kept}; read by: {row.readers}; in {row.where}")
        typer.echo(f"  {row.column:<11} {row.what}\n  {'':<11} because {row.why}")


def policy_view(path: Path | None, decided_by: str, decided_on: str) -> PolicyView:
    """The policy in force, for the public."""
    from controller.policy import Policy, read_policy
    from override.citizen.pages import PolicyView

    policy = read_policy(path) if path else Policy()
    rows = (
        ("people in a car", f"{policy.persons_per_car:g}"),
        ("people on a bus", f"{policy.persons_per_bus:g}"),
        ("a person on foot", f"{policy.persons_per_walker:g}"),
        ("one stop of a vehicle", f"{policy.stop_s:g} s of waiting"),
        ("waiting counts double after", f"{policy.impatience_s:g} s"),
    )
    return PolicyView(policy.version, decided_by, decided_on, rows)


def _erase(file: Path) -> str:
    from override.citizen.link import clock
    from override.citizen.store import Store

    if not file.exists():
        raise BadCitizen(f"{file}: not there; the citizen process makes it")
    store = Store(file)
    latest_ms = max((rows[-4] for rows in store.rows()), default=0)
    erased = store.tidy(clock()[1], latest_ms)
    store.close()
    return f"{file}: {erased} texts erased."


def _server_key(server: str, keys: Path) -> bytes:
    from override import z85
    from override.keys import PEOPLE_FILE, KeysError, read_people
    from override.roles import Role

    if server:
        try:
            return z85.decode(server)
        except ValueError as error:
            raise BadCitizen(f"--server: {error}") from None
    if (keys / PEOPLE_FILE).exists():
        for person in read_people(keys):
            if person.role is Role.CITIZEN_GATEWAY and not person.revoked:
                return person.curve_public
    raise KeysError(f"{keys}: no key of a citizen gateway there; give it with --server")


def _plain(reply: FlagReply) -> dict[str, object]:
    row = asdict(reply)
    del row["answers"]
    return row


def _sentences(reply: FlagReply) -> str:
    from override.citizen.sentences import CODE_NOTES

    lines = [reply.why]
    if reply.accepted and reply.presence in CODE_NOTES:
        lines.append(CODE_NOTES[reply.presence])
    if reply.remedy:
        until = f" For {reply.until_ms // 60_000} minutes, or longer." if reply.until_ms else ""
        lines.append(f"{reply.remedy}{until}")
    if reply.known_ms >= 60_000:
        lines.append(f"Known for {reply.known_ms // 60_000} minutes.")
    if reply.token:
        lines.append(f"How it goes on: belisha flag status {reply.token}")
    return "\n".join(lines)


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65_535:
        raise BadCitizen(f"--http {text}: HOST:PORT is needed, as {PAGE}")
    return host.strip("[]") or "127.0.0.1", int(port)


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadCitizen(f"--zone {name}: no such time zone, as Europe/London") from None


def _lines(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadCitizen(f"{path}: cannot be read ({why_not(error)})") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _first_line(path: Path | None) -> str:
    lines = _lines(path)
    if path is not None and not lines:
        raise BadCitizen(f"{path}: empty; a secret of one line is needed")
    return lines[0] if lines else ""
