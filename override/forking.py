"""How a copy of a living city is asked for: by files beside its station's own, on the station's machine.

Who may write there may ask. The street's process answers (`sim/city/forking.py`); nothing that is asked can
change a lamp, and the copy holds neither lamps nor orders nor keys.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 20.0


class ForkRefused(ValueError):
    """No copy can be had; one line that says why."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a station plays: with this the same city is built again."""

    scenario: str
    seed: int
    minutes: int | None
    controller: str


@dataclass(frozen=True, slots=True)
class Places:
    """The files beside a station's own."""

    file: Path
    """The station's."""

    @property
    def wish(self) -> Path:
        """Made by who wants a copy, taken away by the street."""
        return self.file.with_name(f"{self.file.name}.fork-please")

    @property
    def copy(self) -> Path:
        """The copy; only its owner reads it."""
        return self.file.with_name(f"{self.file.name}.fork")

    @property
    def played(self) -> Path:
        """What the station plays."""
        return self.file.with_name(f"{self.file.name}.played.json")


def take_copy(file: Path, into: Path) -> Played:
    """Wish a copy of the city the station of this file plays; it is then in `into`.

    Raises ForkRefused where there is no such station on this machine, or it does not answer in time.
    """
    places = Places(file)
    try:
        played = Played(**json.loads(places.played.read_text(encoding="utf-8")))
    except OSError:
        raise ForkRefused(
            f"{file}: no station of a simulated city has its file there. A copy is taken on the station's own"
            " machine; from elsewhere train on the same scenario from its beginning, with --city"
        ) from None
    except (ValueError, TypeError):
        raise ForkRefused(f"{places.played}: not what a station writes there") from None
    try:
        places.copy.unlink(missing_ok=True)
        places.wish.touch(mode=0o600)
    except OSError as error:
        raise ForkRefused(f"{places.wish}: cannot be made ({error.strerror})") from None
    end_s = time.monotonic() + PATIENCE_S
    while not places.copy.exists():
        if time.monotonic() > end_s:
            with suppress(OSError):
                places.wish.unlink()
            raise ForkRefused(f"{file}: its station did not answer within {PATIENCE_S:.0f} s; does it run?")
        time.sleep(0.05)
    try:
        places.copy.replace(into)
    except OSError as error:
        raise ForkRefused(f"{into}: cannot be written ({error.strerror})") from None
    return played
