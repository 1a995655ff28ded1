"""Designed plans beside SUMO's own tools: same maps, same demand, same seeds, both as fixed programs.

`python -m bench.fixed_plans --scenarios DIR [--maps a,b] [--seeds 2] [--keep DIR]` prints one row a map.
SUMO's way is `tlsCycleAdaptation.py` (cycle and split by Webster) and then `tlsCoordinator.py` (offsets),
with their own settings but for the yellow, which is 3 s here; trips are routed first where they are not,
since the tools read routes only. Ours is `belisha design-plans` with the same bounds of the cycle, 20 to
120 s. Each is then played by the controller `fixed` with the same sensors and timing, one run after another.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from controller.junction import StreetNetwork
from controller.street_file import read_street
from controller.vocabulary import Sensors, Timing
from sim.demo import sumo_binary
from sim.design_commands import CYCLE_MAX_S, CYCLE_MIN_S, design_plans
from sim.importers.sumo import import_sumo
from sim.measures import RunResult
from sim.scenarios import Scenario, from_folder
from sim.sumo_run import RunSpec, run

YELLOW_S = 3
HEADER = """| map | SUMO's tools, s | ours, s | promises broken |
|---|---|---|---|"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=Path, required=True)
    parser.add_argument("--maps", default="")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="where nets and street files are left")
    given = parser.parse_args(arguments)
    found = from_folder(given.scenarios, given.maps.split(",") if given.maps else None)
    print(HEADER, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        keep = given.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        for scenario in found:
            if given.maps or not scenario.name.endswith("-walk"):
                print(row(scenario, keep, range(1, given.seeds + 1)), flush=True)


def row(scenario: Scenario, folder: Path, seeds: Sequence[int]) -> str:
    """One map: mean delay of vehicles over the seeds, and promises broken."""
    theirs = played(scenario, street_of_tools(scenario, folder), seeds)
    ours = played(scenario, street_of_ours(scenario, folder), seeds)
    cells = [f"{statistics.mean(r.delay_mean_s for r in runs):.1f}" for runs in (theirs, ours)]
    broken = [str(sum(r.promises_broken or 0 for r in runs)) for runs in (theirs, ours)]
    return f"| {scenario.name} | {' | '.join(cells)} | {' and '.join(broken)} |"


def played(scenario: Scenario, street: StreetNetwork, seeds: Sequence[int]) -> list[RunResult]:
    """One run a seed under the fixed plans of that street."""
    spec = RunSpec(
        street=street,
        net=scenario.net,
        routes=scenario.routes,
        begin_s=scenario.begin_s,
        end_s=scenario.end_s,
        controller="fixed",
        sensors=Sensors.LOOPS,
    )
    return [run(replace(spec, seed=seed)) for seed in seeds]


def street_of_ours(scenario: Scenario, folder: Path) -> StreetNetwork:
    """Through the command, as anybody would."""
    output = folder / f"{scenario.name}.designed.toml"
    with contextlib.redirect_stdout(io.StringIO()):
        design_plans(
            str(scenario.net), output, list(scenario.routes), begin=scenario.begin_s, end=scenario.end_s,
            period_min=1440, cycle_min=CYCLE_MIN_S, cycle_max=CYCLE_MAX_S, timing=Timing.COMPARISON,
        )  # fmt: skip
    return read_street(output)


def street_of_tools(scenario: Scenario, folder: Path) -> StreetNetwork:
    """The programs SUMO's tools make, written into the network and imported like any other."""
    stem = folder / scenario.name
    routed, adapted, offsets = (
        Path(f"{stem}{end}") for end in (".routed.xml", ".cycles.xml", ".offsets.xml")
    )
    routes = ",".join(map(str, scenario.routes))
    _tool([str(sumo_binary("duarouter")), "-n", str(scenario.net), "-r", routes, "-o", str(routed),
           "--ignore-errors", "-b", "0", "-e", str(scenario.end_s)])  # fmt: skip
    tools = sumo_binary("sumo").parents[1] / "tools"
    net = ["-n", str(scenario.net), "-r", str(routed)]
    _tool([sys.executable, str(tools / "tlsCycleAdaptation.py"), *net, "-o", str(adapted),
           "-b", str(scenario.begin_s), "-y", str(YELLOW_S)])  # fmt: skip
    _tool([sys.executable, str(tools / "tlsCoordinator.py"), *net, "-a", str(adapted), "-o", str(offsets)])
    changed = Path(f"{stem}.tools.net.xml")
    changed.write_bytes(_with_programs(scenario.net, adapted, offsets))
    return import_sumo(changed, Timing.COMPARISON)


def _tool(words: list[str]) -> None:
    home = str(sumo_binary("sumo").parents[1])
    subprocess.run(words, check=True, capture_output=True, env={**os.environ, "SUMO_HOME": home})


def _with_programs(net: Path, adapted: Path, offsets: Path) -> bytes:
    root = ElementTree.parse(net).getroot()
    programs = {logic.get("id"): logic for logic in ElementTree.parse(adapted).getroot().iter("tlLogic")}
    late = {
        logic.get("id"): logic.get("offset") for logic in ElementTree.parse(offsets).getroot().iter("tlLogic")
    }
    for logic in root.findall("tlLogic"):
        if (made := programs.get(logic.get("id"))) is not None:
            for phase in list(logic):
                logic.remove(phase)
            logic.extend(made)
            logic.set("type", "static")
        if (offset := late.get(logic.get("id"))) is not None:
            logic.set("offset", offset)
    return ElementTree.tostring(root)


if __name__ == "__main__":
    main()
