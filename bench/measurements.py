"""Measurements of one bench run: collected, set beside their budgets, kept as JSON."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from bench.budgets import BUDGETS

DISK_ROUNDS = 40
CALIBRATION_ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number; `budget` is its short name in `BUDGETS`, or empty for one that is only told."""

    what: str
    value: float
    unit: str
    budget: str = ""

    def verdict(self) -> str:
        """kept, missed, or nothing where there is no budget."""
        if not self.budget:
            return ""
        return "kept" if self.value <= BUDGETS[self.budget].limit else "MISSED"


@dataclass
class Measurements:
    """Everything one run measured."""

    found: list[Measurement] = field(default_factory=list)
    calibration_ms: float = 0.0

    def budgeted(self, budget: str, value: float) -> None:
        """A number with a budget."""
        known = BUDGETS[budget]
        self.found.append(Measurement(known.what, float(value), known.unit, budget))

    def told(self, what: str, value: float, unit: str) -> None:
        """A number without one."""
        self.found.append(Measurement(what, float(value), unit))

    def keep(self, folder: Path) -> Path:
        """Write `bench.json` into `folder`, which is made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "bench.json"
        rows = [
            asdict(m)
            | {"limit": BUDGETS[m.budget].limit if m.budget else None, "verdict": m.verdict()}
            | {"per_calibration": self.per_calibration(m)}
            for m in self.found
        ]
        machine = {"machine": platform.machine(), "python": platform.python_version()}
        content = {"calibration_ms": self.calibration_ms, **machine, "measurements": rows}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return path

    def per_calibration(self, measurement: Measurement) -> float | None:
        """A time divided by that of the calibration loop: comparable between machines."""
        if measurement.unit not in ("us", "ms") or not self.calibration_ms:
            return None
        in_ms = measurement.value / (1000.0 if measurement.unit == "us" else 1.0)
        return in_ms / self.calibration_ms

    def table(self) -> list[str]:
        """Lines for a terminal."""
        lines = [f"{'measured':<62}{'':>12}{'budget':>11}  {'':<7}{'calibrated':>11}"]
        for m in self.found:
            limit = f"{BUDGETS[m.budget].limit:g} {m.unit}" if m.budget else "-"
            ratio = self.per_calibration(m)
            calibrated = "-" if ratio is None else f"{ratio:.4f}"
            value = f"{m.value:.4g} {m.unit}"
            lines.append(f"{m.what:<62}{value:>12}{limit:>11}  {m.verdict():<7}{calibrated:>11}")
        lines.append(f"calibration loop: {self.calibration_ms:.2f} ms on this machine, in this run")
        return lines


def calibrate() -> float:
    """Best time of a fixed piece of work in ms: Python's own loop, numpy over arrays, compiled code."""
    numbers = np.arange(100_000, dtype=np.float64)
    block = bytes(1 << 20)
    best_ns = 1 << 62
    for _ in range(CALIBRATION_ROUNDS):
        begun_ns = time.perf_counter_ns()
        total = 0
        for k in range(50_000):
            total += k & 7
        for _ in range(10):
            np.sqrt(numbers).sum()
        hashlib.sha256(block).digest()
        best_ns = min(best_ns, time.perf_counter_ns() - begun_ns)
    return best_ns / 1e6


def calibrate_disk() -> float:
    """Median time in ms of 4 kB written to a temporary file and really on the disk."""
    times_ms = []
    with tempfile.TemporaryFile() as file:
        for _ in range(DISK_ROUNDS):
            begun_ns = time.perf_counter_ns()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times_ms.append((time.perf_counter_ns() - begun_ns) / 1e6)
    return float(np.median(times_ms))
