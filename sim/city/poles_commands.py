"""`belisha poles`: what is screwed to the poles, and what they show for a while."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from override.citizen.commands import PAGE
from override.connect_options import ORDERS, PICTURES, Orders, Pictures, Where
from override.refused import Refused

if TYPE_CHECKING:
    from override.layouts import StreetLayout

app = typer.Typer(help="Codes on the poles, by which people call a signal.", no_args_is_help=True)


class PolesRefused(ValueError):
    """A sheet that cannot be made as asked."""


@app.command(name="print")
def print_sheet(
    scenario: Annotated[
        str, typer.Argument(help="A scenario that comes with Belisha, or a file; or give --key.")
    ] = "",
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="HTML, to print.")] = Path(
        "poles.html"
    ),
    url: Annotated[str, typer.Option(help="Where people reach the page.")] = f"http://{PAGE}",
    text_number: Annotated[str, typer.Option(help="For text messages.")] = "",
    codes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Secret of the codes shown for a while; prints them too."),
    ] = None,
    ahead: Annotated[int, typer.Option(min=0, max=100, help="With --codes: so many periods from now.")] = 0,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Ask a running station instead.")] = None,
    station: Annotated[str, typer.Option(help="The station's key, where no people.toml is at hand.")] = "",
    orders: Orders = ORDERS,
    pictures: Pictures = PICTURES,
) -> None:
    """A card with code, QR code and text number for each crossing, on a sheet that prints as it is."""
    if bool(scenario) == bool(key):
        raise PolesRefused("give a scenario, or the key for a running station with --key; one of them")
    from override.citizen.pole_sheet import ShownCodes, sheet
    from override.citizen.presence import read_pole_codes

    found = read_pole_codes(codes) if codes else None
    layout = _asked(Where(key, station, orders, pictures)) if key else _built(scenario)
    try:
        shown = ShownCodes(found, found.window(_wall_ms()) + ahead) if found else None
        html = sheet(layout.street, layout.junctions, url, text_number, shown)
    except Refused as refused:
        raise PolesRefused(refused.why) from None
    output.write_text(html, encoding="utf-8")
    typer.echo(f"Wrote {output} with {html.count('<article')} cards. Print it, cut it, keep it dry.")


@app.command()
def secret(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; owner-only.")
    ] = Path("pole-codes.toml"),
    hours: Annotated[
        float, typer.Option(help="A code holds so long: 0.1 on a display, 24 or more on paper.")
    ] = 24.0,
) -> None:
    """Make the secret behind the codes that poles show for a while, so that nobody far away has them."""
    from override.citizen.presence import make_pole_codes

    made = make_pole_codes(output, round(hours * 3600) * 1000)
    grace_min = made.grace_ms // 60_000
    typer.echo(f"Wrote {output}. Each code holds for {hours:g} hours, and {grace_min} minutes beyond.")


@app.command()
def code(
    poles: Annotated[list[str], typer.Argument(metavar="POLE...", help="Codes of poles, as K7M4XR.")],
    codes: Annotated[Path, typer.Option(metavar="FILE", help="The secret.")] = Path("pole-codes.toml"),
    ahead: Annotated[int, typer.Option(min=0, max=1000, help="As many later ones, for a display.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """What poles show now, for a display, a voice, or somebody on the telephone."""
    import json

    from override.citizen.presence import read_pole_codes
    from override.poles import code_in, spoken

    found, rows = read_pole_codes(codes), []
    now = found.window(_wall_ms())
    for typed in poles:
        if not (pole := code_in(typed)):
            raise PolesRefused(f"{typed}: no code of a pole, as K7M4XR; see `belisha poles print`")
        for window in range(now, now + ahead + 1):
            begin, end = (_iso(found.begin_ms(w)) for w in (window, window + 1))
            rows.append({"pole": pole, "code": found.code(pole, window), "from": begin, "until": end})
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        typer.echo(f"{spoken(row['pole'])}  {row['code']}  from {row['from']} until {row['until']}")


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _iso(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1000, UTC).isoformat(timespec="minutes")


def _built(scenario: str) -> StreetLayout:
    from sim.city.layout import layout_of_city
    from sim.city.load import load_city
    from sim.city.scenario import find_scenario

    return layout_of_city(load_city(find_scenario(scenario)))


def _asked(where: Where) -> StreetLayout:
    with where.console() as console:
        return console.layout()
