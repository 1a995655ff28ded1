"""A training beside a station that runs: it takes nothing that belongs to that one."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from override.citizen.commands import citizen
from sim.station_commands import station
from tui.training import TrainingCity

SAID = (
    "citizens at tcp://127.0.0.1:1\nready: orders at tcp://127.0.0.1:2, pictures at tcp://127.0.0.1:3",
    "ready: pages at http://127.0.0.1:4, flags at tcp://127.0.0.1:5",
)
STARTED: dict[str, Callable[..., Any]] = {"station": station, "citizen": citizen}


def test_a_training_binds_no_port_that_a_station_on_this_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    started: dict[str, tuple[str, ...]] = {}

    def start(city: TrainingCity, ready: re.Pattern[str], *words: str) -> re.Match[str]:
        started[words[0]] = words[1:]
        found = next(filter(None, map(ready.search, SAID)))
        return found

    monkeypatch.setattr(TrainingCity, "_start", start)
    with TrainingCity() as city:
        assert city.endpoints.orders == "tcp://127.0.0.1:2"
    assert started.keys() == STARTED.keys()
    for name, command in STARTED.items():
        words = started[name]
        for option, known in inspect.signature(command).parameters.items():
            if re.fullmatch(r"(tcp://)?127\.0\.0\.1:\d+", str(known.default)):
                given = words[words.index(f"--{option.replace('_', '-')}") + 1]
                assert given.endswith((":*", ":0")), f"{name} --{option} {given}"
