"""`belisha poles`: what is screwed to the poles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from override.order_commands import ORDERS, PICTURES, Orders, Pictures
from override.refused import Refused

if TYPE_CHECKING:
    from override.street_layout import StreetLayout

app = typer.Typer(help="Codes on the poles, by which people call a signal.", no_args_is_help=True)


class PolesRefused(ValueError):
    """A sheet that cannot be made as asked."""


@app.callback()
def poles() -> None:
    """Tell typer that the command has a name, even while there is only one."""


@app.command(name="print")
def print_sheet(
    scenario: Annotated[
        str, typer.Argument(help="A scenario that comes with Belisha, or a file; or give --key.")
    ] = "",
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="HTML, to print.")] = Path(
        "poles.html"
    ),
    url: Annotated[str, typer.Option(help="Where people reach the page.")] = "http://127.0.0.1:8311",
    text_number: Annotated[str, typer.Option(help="For text messages.")] = "",
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Ask a running station instead.")] = None,
    station: Annotated[str, typer.Option(help="The station's key, where no people.toml is at hand.")] = "",
    orders: Orders = ORDERS,
    pictures: Pictures = PICTURES,
) -> None:
    """A card with code, QR code and text number for each crossing, on a sheet that prints as it is."""
    if bool(scenario) == bool(key):
        raise PolesRefused("give a scenario, or the key for a running station with --key; one of them")
    from override.citizen.pole_sheet import sheet

    layout = _asked(key, station, orders, pictures) if key else _built(scenario)
    try:
        html = sheet(layout.street, layout.junctions, url, text_number)
    except Refused as refused:
        raise PolesRefused(refused.why) from None
    output.write_text(html, encoding="utf-8")
    typer.echo(f"Wrote {output} with {html.count('<article>')} cards. Print it, cut it, keep it dry.")


def _built(scenario: str) -> StreetLayout:
    from sim.city.layout import layout_of_city
    from sim.city.load import load_city
    from sim.city.scenario import find_scenario

    return layout_of_city(load_city(find_scenario(scenario)))


def _asked(key: Path, station: str, orders: str, pictures: str) -> StreetLayout:
    from override.order_commands import connect

    console, _ = connect(key, station, orders, pictures)
    with console:
        return console.layout()
