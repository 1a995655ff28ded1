"""How long the living city takes to answer: calm, flooded, half blind; set against docs/latency.json."""

from __future__ import annotations

import json

import pytest

from bench.latency_report import CASES, DOCS, against, collect
from bench.living_latency import measure
from bench.measurements import Measurements

SECONDS = 25.0


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_a_living_city_answers(measurements: Measurements, name: str) -> None:
    """Nothing fails because a machine is slow: what takes longer than it did is told as such."""
    found = collect(measure, (name,), SECONDS)
    rows = found["cases"][name]["rows"]
    for what, row in rows.items():
        for share in ("p50", "p99", "p999"):
            measurements.told(f"{name}: {what}: {share}", row[f"{share}_ms"], "ms")
    if (kept := DOCS / "latency.json").exists():
        for sentence in against(found, json.loads(kept.read_text(encoding="utf-8"))):
            measurements.told(f"SLOWER {sentence}", 1.0, "count")
    assert {"detector edge to lamps", "order: sent to ACCEPTED", "process killed to flash"} <= rows.keys()
