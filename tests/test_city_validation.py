"""The city beside SUMO on networks made here: same vehicles, same program, nearly the same hour."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sim import sumo_libraries
from sim.demo import sumo_binary
from sim.scenarios import Scenario, from_folder

pytestmark = pytest.mark.sumo

FOLDER = os.environ.get("BELISHA_SCENARIOS", "")
FLOWS = {
    "uncongested": [("left0A0", "A0right0", 250), ("right0A0", "A0left0", 250), ("top0A0", "A0bottom0", 200)],
    "busy": [
        ("left0A0", "A0right0", 650), ("right0A0", "A0left0", 600), ("top0A0", "A0bottom0", 550),
        ("bottom0A0", "A0top0", 500), ("bottom0A0", "A0left0", 120), ("left0A0", "A0top0", 100),
        ("top0A0", "A0left0", 150),
    ],
}  # fmt: skip


def crossroads(directory: Path, flows: list[tuple[str, str, int]], lanes: int) -> Scenario:
    """One signalised crossroads with permissive left turns; vehicles per hour from edge to edge."""
    net, routes = directory / "cross.net.xml", directory / "cross.rou.xml"
    command = [
        str(sumo_binary("netgenerate")), "--grid", "--grid.number", "1", "--grid.attach-length", "300",
        "--default-junction-type", "traffic_light", "-L", str(lanes), "--no-turnarounds", "true",
        "-o", str(net),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, env=sumo_libraries.environment())
    lines = [
        f'<flow id="f{k}" type="car" begin="0" end="1800" probability="{per_h / 3600:.4f}">'
        f'<route edges="{start} {end}"/></flow>'
        for k, (start, end, per_h) in enumerate(flows)
    ]
    routes.write_text(f'<routes><vType id="car" speedDev="0.1"/>{"".join(lines)}</routes>')
    return Scenario("cross", net, (routes,), 0, 1800)


@pytest.mark.parametrize(("flows", "lanes"), [("uncongested", 1), ("busy", 2)])
def test_travel_times_and_queues_are_sumos(tmp_path: Path, flows: str, lanes: int) -> None:
    from bench.city_validation import compare

    found = compare(crossroads(tmp_path, FLOWS[flows], lanes), [1], tmp_path)
    assert abs(found.here.departed - found.sumo.departed) <= 2
    assert found.sumo.departed > 300
    assert abs(found.error) < 0.10
    assert found.by_approach > 0.9
    assert found.correlation > 0.7, "also from five minutes to five minutes"


@pytest.mark.skipif(not FOLDER, reason="BELISHA_SCENARIOS names no folder of networks")
@pytest.mark.long
def test_real_maps_agree_within_a_tenth(tmp_path: Path) -> None:
    from bench.city_validation import compare

    for scenario in from_folder(Path(FOLDER), None):
        if not scenario.name.endswith("-walk"):
            found = compare(scenario, [1], tmp_path)
            if not found.oversaturated:
                assert abs(found.error) <= 0.10, scenario.name
                assert found.by_approach >= 0.9, f"{scenario.name}: queues by approach"
                assert found.correlation >= 0.85, f"{scenario.name}: queues by approach and five minutes"
