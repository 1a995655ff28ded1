"""The citizen process: flags over ZeroMQ and HTTP, the office with its file, the line to the station.

It shares nothing with the station but that line: killed, flooded or hung it delays no order and no
lamp. Threads: the office's writer, the line, the HTTP server; the flag endpoint turns in the main
one. It keeps no log of who asked for what.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from controller.file_words import why_not
from override.citizen.crowd import Crowd
from override.citizen.door import FlagDoor
from override.citizen.link import Link, clock
from override.citizen.office import Office
from override.citizen.pages import PolicyView
from override.citizen.presence import read_pole_codes
from override.citizen.store import Store
from override.keys import Keyring, KeysError, Secret, read_secret
from override.roles import Role

BACKLOG = 256
CONNECTIONS_MAX = 400
GOODBYE_S = 5.0
NICE = 5
"""A flood of flags must not take the processor from a station on the same machine."""


class CitizenError(ValueError):
    """A citizen process that cannot be started as asked; one line."""


@dataclass(frozen=True, slots=True)
class CitizenPlan:
    """Where everything is."""

    keys: Path
    """Folder with `people.toml` and the key of this process."""
    name: str
    """Whose key it is: a citizen gateway's."""
    file: Path
    station: tuple[str, str]
    """Where the citizen process is served, where pictures are given."""
    http: tuple[str, int]
    flags: str
    policy: PolicyView
    zone: tzinfo
    text_secret: str = ""
    open311_keys: frozenset[str] = frozenset()
    public_url: str = ""
    pole_codes: Path | None = None
    """Secret of the codes that poles show for a while, if they do."""

    def secret(self) -> Secret:
        """Our key. Raises KeysError when it is nobody's, or not a citizen gateway's."""
        ours = Keyring(self.keys).named(self.name)
        secret = read_secret(self.keys / f"{self.name}.key")
        if ours is None or ours.curve_public != secret.curve_public:
            raise KeysError(f"{self.keys / f'{self.name}.key'}: not the key of {self.name} in people.toml")
        if ours.role is not Role.CITIZEN_GATEWAY:
            raise KeysError(
                f"{self.name} is {ours.role or 'a service'}; make a key with: "
                f"belisha keys new NAME --role {Role.CITIZEN_GATEWAY}"
            )
        return secret

    def station_public(self) -> bytes:
        """The station's key. Raises KeysError."""
        ring = Keyring(self.keys)
        station = ring.named("station")
        if station is None:
            raise KeysError(f"{self.keys}: no key of the station in people.toml")
        return station.curve_public


class CitizenProcess:
    """Everything together. `run` it from the main thread."""

    def __init__(self, plan: CitizenPlan, say: Callable[[str], None] = lambda line: None) -> None:
        self.plan, self._say = plan, say
        secret = plan.secret()
        station_public = plan.station_public()
        codes = read_pole_codes(plan.pole_codes) if plan.pole_codes else None
        self._ring = Keyring(plan.keys)
        with ExitStack() as unless_made:
            self._listener = unless_made.enter_context(_listen(plan.http))
            self.store = unless_made.enter_context(closing(Store(plan.file)))
            self.office = Office(self.store, clock, plan.policy, self._role_of, codes)
            self.door = unless_made.enter_context(closing(FlagDoor(self.office, secret, plan.flags)))
            self.link = Link(self.office, secret, station_public, plan.station, clock)
            unless_made.pop_all()
        self._over = threading.Event()
        self._broken = ""

    @property
    def page(self) -> str:
        """Where the pages are."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{host}:{port}"

    def run(self) -> None:
        """Until somebody ends it."""
        import uvicorn

        from override.citizen.web.app import make_app
        from override.citizen.web.http_line import BoundedLine

        plan = self.plan
        app = make_app(
            self.office,
            zone=plan.zone,
            text_secret=plan.text_secret,
            open311_keys=plan.open311_keys,
            public_url=plan.public_url,
            crowd=Crowd(self.office),
        )
        config = uvicorn.Config(
            app, log_level="error", access_log=False, limit_concurrency=CONNECTIONS_MAX, backlog=BACKLOG,
            server_header=False, lifespan="off", timeout_keep_alive=5, http=BoundedLine, ws="none",
        )  # fmt: skip
        web = uvicorn.Server(config)
        threads = [
            threading.Thread(target=self._guarded, args=(what,), name=name, daemon=True)
            for name, what in (
                ("citizen pages", lambda: web.run([self._listener])),
                ("citizen line", lambda: self.link.run(self._over)),
            )
        ]
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError):
                signal.signal(number, lambda *_: self._over.set())
        os.nice(NICE)
        self.office.start()
        for thread in threads:
            thread.start()
        self._say(f"ready: pages at {self.page}, flags at {self.door.endpoint}")
        while not self._over.is_set() and self.office.alive:
            self.door.turn()
        self._over.set()
        web.should_exit = True
        for thread in threads:
            thread.join(GOODBYE_S)
        self.office.stop()
        self._broken = self._broken or self.office.broken
        self.door.close()
        self.store.close()
        if self._broken:
            raise CitizenError(f"ended, because a part of it died: {self._broken}; start it again")

    def _guarded(self, what: Callable[[], None]) -> None:
        """A part that dies ends the process: whoever watches it starts it anew, and nothing is lost."""
        try:
            what()
        except Exception as error:
            self._broken = f"{type(error).__name__}: {error}"
        self._over.set()

    def stop(self) -> None:
        """End it, from any thread."""
        self._over.set()

    def _role_of(self, name: str) -> str:
        self._ring.refresh()
        person = self._ring.named(name)
        return str(person.role) if person and person.role else str(Role.OPERATOR)


def _listen(http: tuple[str, int]) -> socket.socket:
    host, port = http
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as unless_bound:
            made = unless_bound.enter_context(socket.socket(found[0], socket.SOCK_STREAM))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(found[4])
            unless_bound.pop_all()
    except OSError as error:
        raise CitizenError(f"{host}:{port}: cannot listen there ({why_not(error)})") from None
    return made
