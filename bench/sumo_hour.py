"""One run in a process of its own, for its time and peak memory: `python -m bench.sumo_hour SPEC`.

SPEC is JSON: net, routes, begin_s, end_s, controller ("" for the network's own programs). Prints
JSON: wall_s, peak_mb, delay_mean_s.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from sim import sumo_run
from sim.importers.sumo import import_sumo


def main(spec: dict[str, object]) -> dict[str, float]:
    """Run it; the street is imported first, which is not part of the hour."""
    net = Path(str(spec["net"]))
    routes = tuple(Path(str(route)) for route in spec["routes"])  # type: ignore[attr-defined]
    controller = str(spec["controller"]) or None
    run = sumo_run.RunSpec(
        street=import_sumo(net),
        net=net,
        routes=routes,
        begin_s=int(str(spec["begin_s"])),
        end_s=int(str(spec["end_s"])),
        controller=controller,
    )
    if controller:
        from controller.warm_up import warm_up

        warm_up(controller, run.sensors)
    begun_s = time.perf_counter()
    result = sumo_run.run(run)
    wall_s = time.perf_counter() - begun_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall_s": wall_s, "peak_mb": peak_mb, "delay_mean_s": result.delay_mean_s}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
