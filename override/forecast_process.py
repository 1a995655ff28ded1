"""The forecaster's process: beside the gateway, so that neither the tick nor an order ever waits for it."""

from __future__ import annotations

import os
import select
import signal
import time
from multiprocessing.context import ForkContext
from multiprocessing.process import BaseProcess

import msgpack  # type: ignore[import-untyped]

from controller.network import Network, build_network
from controller.policy import Policy
from override.forecast import Forecaster
from override.handover import handover_of
from override.line import LocalLine, line_pair
from override.version import BASELINE
from override.version_check import CHECK, Installation, answer_check, number_to_begin
from override.what_if import FAILED, HELLO, READY, VERSION, pack_outcome, unpack_question

NICE = 2
"""Lamps and orders come first."""
RESTART_S = 5.0


def serve(
    network: Network, policy: Policy, line: LocalLine, installation: Installation | None = None
) -> None:
    """Answer questions until the other end, or whoever started this process, is gone.

    With an `installation` versions are checked here too, and forecasts made by the one in force.
    """
    os.nice(NICE)
    built = None if installation is None else installation.builder().build
    forecaster = Forecaster(network, policy, built=built)
    if installation is not None:
        forecaster = _of_version(forecaster, installation, number_to_begin(installation))
    line.send(READY)
    starter = os.getppid()
    while os.getppid() == starter and not line.closed:
        select.select([line], [], [], 0.5)
        message = line.receive()
        if message is None:
            continue
        if message == HELLO:
            line.send(READY)
            continue
        if installation is not None and message[:1] == CHECK:
            line.send(answer_check(installation, message))
            continue
        if installation is not None and message[:1] == VERSION:
            forecaster = _of_version(forecaster, installation, msgpack.unpackb(message[1:]))
            continue
        question, handover = unpack_question(message)
        try:
            outcome = forecaster.answer(question, handover_of(handover))
        except (ValueError, KeyError, IndexError, AssertionError, OSError) as error:
            line.send(FAILED + msgpack.packb([question.number, f"{type(error).__name__}: {error}"[:200]]))
            continue
        line.send(pack_outcome(outcome))


def _of_version(forecaster: Forecaster, installation: Installation, number: int) -> Forecaster:
    """One that plays by this version; the one there is where it cannot be made."""
    if number <= BASELINE:
        return forecaster
    try:
        street, policy = installation.builder().build(number)
    except (ValueError, KeyError, OSError):
        return forecaster
    resolution_ms = forecaster.network.lamp_resolution_ms
    return Forecaster(build_network(street, resolution_ms), policy, built=installation.builder().build)


class Beside:
    """The forecaster as a process, kept alive by whoever started it. `end` is the gateway's of the line."""

    def __init__(
        self,
        context: ForkContext,
        network: Network,
        policy: Policy,
        installation: Installation | None = None,
    ) -> None:
        self.end, self._far_end = line_pair()
        self.starts = 0
        self._context, self._network, self._policy = context, network, policy
        self._installation = installation
        self._process: BaseProcess | None = None
        self._started_s = -RESTART_S

    def keep(self) -> None:
        """Start it, or start it anew when it has died."""
        alive = self._process is not None and self._process.is_alive()
        if alive or time.monotonic() - self._started_s < RESTART_S:
            return
        self._started_s = time.monotonic()
        self.starts += 1
        self._process = self._context.Process(target=self._serve, name="forecaster")
        self._process.start()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()  # it keeps nothing
            self._process.join()
        self.end.close()
        self._far_end.close()

    def _serve(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        serve(self._network, self._policy, LocalLine(self._far_end), self._installation)
