"""The station: processes that tick a street, one that serves people, and one that starts them all.

The line between the two is the starter's own, so that a gateway that was killed is started anew
and goes on talking to the same engine; what it had acknowledged is in its file. The engine
never waits for it. A street may be one process (with its engine in it) or three (`lamp_processes`);
when the street has ended the station has.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING

from controller.network import Network
from override.bounds import BOOT_BYTES
from override.deploying import BeginAnew
from override.free_memory import give_back
from override.gateway import Gateway
from override.keys import Keyring, KeysError, Secret, read_secret
from override.lamp_processes import Anew, LampProcesses, LiveStreet
from override.layouts import StreetLayout
from override.line import LocalLine, line_pair
from override.panic import DOOR, PanicDoor
from override.sockets import SocketsError, stranger_is_refused
from override.storage import Storage
from override.street_layout import PackedLayout, layout_of_street

if TYPE_CHECKING:
    from controller.policy import Policy
    from override.forecast_process import Beside
    from override.version_check import Installation

PROBE_S = 60.0
"""A stranger must be refused, tried so often (A11)."""
RESTART_S = 0.5
GIVE_BACK_S = 60.0
"""So often a gateway gives free memory back: what it needs comes and goes with orders."""
GOODBYE_S = 5.0
EXIT_BAD_INPUT = 2
Drive = Callable[[LocalLine], None]
"""Runs the street to its end, with an engine on this line."""


def clock() -> tuple[int, int]:
    """(monotonic ms, wall ms). The monotonic one is the same in all processes of a machine."""
    return time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class StationPlan:
    """Where everything is."""

    keys: Path
    """Folder with `people.toml` and the station's own key."""
    file: Path
    orders: str
    pictures: str
    citizens: str = "tcp://127.0.0.1:*"
    """For the citizen process alone."""

    def check(self) -> Secret:
        """The station's secret, when keys and file can be used. Raises KeysError, StorageError."""
        Keyring(self.keys)
        secret = read_secret(self.keys / "station.key")
        ours = next((p for p in Keyring(self.keys) if p.name == "station"), None)
        if ours is None or ours.curve_public != secret.curve_public:
            raise KeysError(f"{self.keys / 'station.key'}: not the station's key of people.toml")
        Storage(self.file).close()
        return secret


class Station:
    """Starts engine and gateway, keeps the gateway alive, ends with the engine."""

    def __init__(
        self,
        plan: StationPlan,
        network: Network,
        drive: Drive | LiveStreet,
        say: Callable[[str], None] = lambda line: None,
        layout: StreetLayout | None = None,
        forecasts_by: Policy | None = None,
        installation: Installation | None = None,
    ) -> None:
        self.plan = plan
        """Where a port was left open, the one that was found, once the gateway has."""
        self.installation = installation
        self.layout = PackedLayout(layout or layout_of_street(network.street))
        self.secret = plan.check()
        self.gateway_starts = 0
        self._network, self._drive, self._say = network, drive, say
        self._ends = line_pair()
        self.lamps: LampProcesses | None = None
        self.anew = Anew(0)
        if isinstance(drive, LiveStreet):
            self.anew = Anew(drive.number)
            self.lamps = LampProcesses(drive, say, LocalLine(self._ends[1]), self.anew)
        self._over = False
        # Forked, so that kernels and streets that are loaded once serve both.
        self._context = multiprocessing.get_context("fork")
        self.engine = self._context.Process(target=self._run_engine, name="engine")
        self.forecaster: Beside | None = None
        if forecasts_by is not None:
            from override.forecast_process import Beside

            self.forecaster = Beside(self._context, network, forecasts_by, installation)
        self._listens, self._says_where = self._context.Pipe(duplex=False)
        self.gateway = self._new_gateway()

    def run(self) -> int:
        """Until the engine ends or somebody ends the station; gives the exit code."""
        # What is built is the children's too: a collector that went through it would copy it, page by page.
        gc.collect()
        gc.freeze()
        give_back()
        with _Signals(self.stop):
            if self.lamps is not None:
                self.lamps.start()
            else:
                self.engine.start()
            if self.forecaster is not None:
                self.forecaster.keep()
            self._start_gateway()
            code = self._watch()
        self._end(self.gateway)
        if self.lamps is not None:
            self.lamps.end()
        else:
            self._end(self.engine)
        if self.forecaster is not None:
            self.forecaster.stop()
        for end in self._ends:
            end.close()
        return code

    def stop(self) -> None:
        """End it."""
        self._over = True

    # --- the starter -------------------------------------------------------------------

    def _watch(self) -> int:
        while not self._over:
            street = [self.engine.sentinel] if self.lamps is None else self.lamps.sentinels
            connection.wait([*street, self.gateway.sentinel], timeout=0.2)
            if self.forecaster is not None:
                self.forecaster.keep()
            if self.lamps is not None:
                if (ended := self.lamps.look()) is not None:
                    return ended
            elif not self.engine.is_alive():
                self._say(f"the street has ended (exit code {self.engine.exitcode})")
                return 0 if self.engine.exitcode == 0 else 1
            if not self.gateway.is_alive() and not self._over:
                code = self.gateway.exitcode
                if code == EXIT_BAD_INPUT and self.gateway_starts == 1:
                    return EXIT_BAD_INPUT  # later the street has long begun, and goes on without it
                self._say(f"the gateway has died (exit code {code}); it is started anew, the street goes on")
                time.sleep(RESTART_S)
                self.gateway = self._new_gateway()
                self._start_gateway()
        return 0

    def _new_gateway(self) -> multiprocessing.process.BaseProcess:
        while self._listens.poll():
            # Whoever has found the one before finds the next there too.
            orders, pictures, citizens = self._listens.recv()
            self.plan = replace(self.plan, orders=orders, pictures=pictures, citizens=citizens)
        return self._context.Process(target=self._run_gateway, name="gateway")

    def _start_gateway(self) -> None:
        self.gateway_starts += 1
        self.gateway.start()

    def _end(self, process: multiprocessing.process.BaseProcess) -> None:
        if process.is_alive():
            process.terminate()
            process.join(GOODBYE_S)
            if process.is_alive():
                process.kill()
        process.join()

    # --- the children ------------------------------------------------------------------

    def _run_engine(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Nobody ends a street by accident; an orphan ends with its line's other end and its own hours.
        assert not isinstance(self._drive, LiveStreet)
        self._drive(LocalLine(self._ends[1]))

    def _run_gateway(self) -> None:
        over = threading.Event()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, frame: over.set())
        forecaster = LocalLine(self.forecaster.end) if self.forecaster else None
        try:
            gateway = open_gateway(
                self.plan, self.secret, self._network, self._ends[0], self.layout, forecaster,
                self.installation, self.anew.begin,
            )  # fmt: skip
        except (ValueError, SocketsError, OSError) as error:
            self._say(str(error))
            os._exit(EXIT_BAD_INPUT)
        orders, pictures = gateway.endpoints
        self._says_where.send((orders, pictures, gateway.citizens))
        self._say(f"citizens at {gateway.citizens}")
        self._say(f"ready: orders at {orders}, pictures at {pictures}")
        threading.Thread(target=_probe, args=(gateway, self.secret, over), daemon=True).start()
        starter, given_back_s = os.getppid(), time.monotonic()
        while not over.is_set() and os.getppid() == starter:
            gateway.turn()
            if time.monotonic() - given_back_s > GIVE_BACK_S:
                give_back()
                given_back_s = time.monotonic()
        gateway.close()


def open_gateway(
    plan: StationPlan,
    secret: Secret,
    network: Network,
    end: socket.socket,
    layout: PackedLayout | None = None,
    forecaster: LocalLine | None = None,
    installation: Installation | None = None,
    begin_anew: BeginAnew = lambda number, now: None,
) -> Gateway:
    """A gateway that refuses strangers: tried before it is called ready. Raises SocketsError."""
    gateway = Gateway(
        network,
        Keyring(plan.keys),
        secret,
        Storage(plan.file),
        LocalLine(end),
        (plan.orders, plan.pictures),
        secrets.token_bytes(BOOT_BYTES),
        clock,
        PanicDoor(plan.keys / DOOR),
        layout,
        forecaster,
        plan.citizens,
        installation,
        begin_anew,
    )
    for endpoint in (*gateway.endpoints, gateway.citizens):
        if not stranger_is_refused(reachable(endpoint), secret.curve_public):
            gateway.close()
            raise SocketsError(f"{endpoint}: a stranger was not refused; the station does not start")
    return gateway


def reachable(endpoint: str) -> str:
    """The endpoint as it is connected to from this machine."""
    return endpoint.replace("//0.0.0.0:", "//127.0.0.1:").replace("//*:", "//127.0.0.1:")


def _probe(gateway: Gateway, secret: Secret, over: threading.Event) -> None:
    """Every minute a stranger knocks; if he is let in, or nobody answers, everybody hears of it."""
    while not over.wait(PROBE_S):
        for endpoint in (*gateway.endpoints, gateway.citizens):
            if not stranger_is_refused(reachable(endpoint), secret.curve_public):
                gateway.alarm(f"{endpoint}: a stranger was not refused", code="A11")


class _Signals:
    """SIGINT and SIGTERM call `stop` meanwhile; nothing where this is not the main thread."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        with suppress(ValueError):
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, lambda *_: self._stop())

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
