"""Vehicles that ask for a green by chance, some of which cannot be."""

from __future__ import annotations

import numpy as np

from controller.frame import Frame, fit_buses, fit_preempts
from controller.network import Network


def anybody(
    frame: Frame, network: Network, chance: np.random.Generator, most: int = 4, preempts: bool = True
) -> None:
    """Some vehicles ask, now and then with values that cannot be."""
    odd = [np.nan, -1.0, 1e9, np.inf]
    for kind, fit, count in (("preempt", fit_preempts, "n_preempts"), ("bus", fit_buses, "n_buses")):
        n = int(chance.integers(0, most)) if most and (preempts or kind == "bus") else 0
        fit(frame, n)
        setattr(frame, count, n)
        rows = slice(0, n)
        wild = chance.random(n) < 0.1
        lanes = chance.integers(0, network.n_lanes, n)
        getattr(frame, f"{kind}_lane")[rows] = np.where(wild, chance.integers(-9, 99, n), lanes)
        distance_m = chance.uniform(0, 400, n)
        getattr(frame, f"{kind}_distance_m")[rows] = np.where(wild, chance.choice(odd, n), distance_m)
        getattr(frame, f"{kind}_age_s")[rows] = chance.choice([0.0, 1.0, 40.0], n)
        getattr(frame, f"{kind}_vehicle")[rows] = chance.integers(0, 5, n)
    frame.preempt_number[: frame.n_preempts] = chance.integers(0, 11, frame.n_preempts)
    frame.bus_late_s[: frame.n_buses] = chance.choice([-100.0, 0.0, 200.0, 900.0], frame.n_buses)
    frame.bus_persons[: frame.n_buses] = chance.choice([np.nan, 5.0, 80.0], frame.n_buses)
