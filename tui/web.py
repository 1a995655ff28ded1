"""The console in a browser of this machine."""

from __future__ import annotations


class WebMissing(ValueError):
    """textual-serve is not installed."""


def serve(arguments: list[str], port: int) -> None:
    """Serve `belisha` with these arguments. Raises WebMissing."""
    raise WebMissing("console --web is not there yet")
