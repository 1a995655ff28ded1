"""A run that is written down: its journal, and why one junction changed its stages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from controller.decision_log import DecisionLog
from controller.explain import Decision, explanation, junction_to_explain
from controller.frame import Frame
from controller.journal import JournalWriter
from controller.network import Network
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import Sensors


class Recording:
    """Makes the controller of a run and listens to its ticks; use as `make_controller` and `on_tick`.

    `journal` is the file to write, `explain` the junction whose changes of stage are kept;
    either may be None. Raises controller.journal.JournalError or controller.explain.UnknownJunction
    when the controller is made, one line each.
    """

    def __init__(
        self,
        name: str,
        policy: Policy,
        sensors: Sensors,
        journal: Path | None,
        explain: str | None,
        on_alarm: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._name, self._policy, self._sensors = name, policy, sensors
        self._path, self._explain, self._on_alarm = journal, explain, on_alarm
        self._network: Network | None = None
        self._junction = -1
        self._log: DecisionLog | None = None
        self._journal: JournalWriter | None = None
        self.decisions: list[Decision] = []

    def make_controller(self, network: Network, now_ms: int) -> Controller:
        """The controller, with its journal begun."""
        self._network = network
        if self._explain is not None:
            self._junction = junction_to_explain(network, self._explain)
        controller = Controller(network, self._name, self._policy, now_ms)
        self._log = DecisionLog(controller)
        if self._path is not None:
            self._journal = JournalWriter(self._path, controller, self._name, self._sensors, self._on_alarm)
        return controller

    def on_tick(self, controller: object, frame: Frame, now_ms: int, lamps: NDArray[np.int8]) -> None:
        """Take a tick down, after its lamps are shown."""
        decisions = cast(DecisionLog, self._log).observe(now_ms)
        self.decisions += [d for d in decisions if d.junction == self._junction]
        if self._journal is not None:
            self._journal.write(frame, now_ms, lamps, decisions)
            if self._journal.due:
                self._journal.flush()

    def close(self) -> None:
        """Complete the journal."""
        if self._journal is not None:
            self._journal.close()

    def explanations(self) -> list[dict[str, Any]]:
        """Every change of stage of the junction asked for, with its sentences."""
        return [explanation(d, cast(Network, self._network)) for d in self.decisions]
