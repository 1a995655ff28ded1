"""One hour of a city's streets in UXsim, for its time: `PYTHON bench/uxsim_hour.py < HOUR.json`.

Needs nothing of ours, so that any Python that has uxsim (https://github.com/toruseo/UXsim) can run it.
HOUR.json: nodes [[x_m, y_m, [green_s, ...]]], links [[from, to, length_m, m_per_s, lanes, [phase, ...]]],
trips [[from, to, depart_s]] by number, end_s, deltan (vehicles a platoon), cpp (bool). Prints JSON: the
processor seconds of `exec_simulation` alone, and how many trips UXsim completed.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main(hour: dict[str, Any]) -> dict[str, float]:
    """Build the world, which is not timed, and run it."""
    from uxsim import World  # type: ignore[import-not-found]

    world = World(
        deltan=hour["deltan"], tmax=hour["end_s"], print_mode=0, save_mode=0, show_mode=0, random_seed=1,
        vehicle_logging_timestep_interval=-1, cpp=hour["cpp"],
    )  # fmt: skip
    nodes = [
        world.addNode(f"n{k}", x, y, signal=green_s or [0]) for k, (x, y, green_s) in enumerate(hour["nodes"])
    ]
    for k, (start, end, length_m, speed, lanes, phases) in enumerate(hour["links"]):
        world.addLink(
            f"e{k}", nodes[start], nodes[end], length=length_m, free_flow_speed=speed, number_of_lanes=lanes,
            jam_density_per_lane=1 / 7.5, signal_group=phases or [0],
        )  # fmt: skip
    # A platoon of several starts when its last vehicle is due.
    trips = sorted(hour["trips"], key=lambda trip: (trip[0], trip[1], trip[2]))
    waiting: dict[tuple[int, int], int] = {}
    for start, end, depart_s in trips:
        n = waiting.get((start, end), 0) + 1
        waiting[start, end] = n % hour["deltan"]
        if n == hour["deltan"]:
            world.addVehicle(nodes[start], nodes[end], depart_s)
    begun_s = time.process_time()
    world.exec_simulation()
    took_s = time.process_time() - begun_s
    done = sum(vehicle.state == "end" for vehicle in world.VEHICLES.values()) * hour["deltan"]
    return {"took_s": took_s, "arrived": done}


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
