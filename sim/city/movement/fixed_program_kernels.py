"""Fixed programs and traffic together: whole stretches of time without leaving compiled code."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel, kernel
from sim.city.movement.departure_kernels import depart, enqueue
from sim.city.movement.lane_change_kernels import change_lanes
from sim.city.movement.movement_model import DOORS, FLEET, LEDGER, MOTION, STREETS
from sim.city.movement.node_kernels import read_lamps
from sim.city.movement.plan_speed_kernels import plan_speeds
from sim.city.movement.programs_model import PROGRAMS
from sim.city.movement.traffic_kernels import move, show

_I, _I1 = types.int64, types.int8[::1]


NEVER_MS = 1 << 60


@inner_kernel(types.void(_I, _I1, _I1, STREETS, FLEET, MOTION, LEDGER, DOORS))
def drive_unseen(end_ms, group_lamp, lamp_seen, streets, fleet, motion, ledger, doors):
    """Seconds under the same lamps until `end_ms`; the rest of the city is not told of them (`show`).

    One function with all kernels of a second inside: handing them so many arrays takes longer than a queue.
    """
    read_lamps(group_lamp, lamp_seen, streets, motion, ledger)
    while motion.time_ms[0] < end_ms:
        n_awake = plan_speeds(streets, fleet, motion)
        move(n_awake, streets, fleet, motion, ledger)
        change_lanes(streets, fleet, motion, ledger)
        enqueue(fleet, motion, doors)
        depart(streets, fleet, motion, ledger, doors)
        motion.time_ms[0] += 1000


@kernel(types.void(_I1, _I1, STREETS, FLEET, MOTION, LEDGER, DOORS))
def drive_second(group_lamp, lamp_seen, streets, fleet, motion, ledger, doors):
    """Let one second pass for everybody on wheels. group_lamp (G) Lamp · the rest as in `movement_model`."""
    end_ms = motion.time_ms[0] + 1000
    drive_unseen(end_ms, group_lamp, lamp_seen, streets, fleet, motion, ledger, doors)
    show(streets, fleet, motion, ledger)


@kernel(_I(_I, PROGRAMS, _I1))
def lamps_at(now_ms, programs, group_lamp):
    """What every signal shows at a time. Written: group_lamp (G) of groups that have a program.

    Returns when the next phase begins, in ms.
    """
    until_ms = NEVER_MS
    for j in range(len(programs.cycle_ms)):
        if programs.cycle_ms[j] <= 0:
            continue
        at_ms = (now_ms - programs.offset_ms[j]) % programs.cycle_ms[j]
        phase = programs.phase_start[j]
        while programs.phase_end_ms[phase] <= at_ms:
            phase += 1
        until_ms = min(until_ms, now_ms + programs.phase_end_ms[phase] - at_ms)
        lamp = programs.lamp_start[phase]
        for g in range(programs.group_start[j], programs.group_start[j + 1]):
            group_lamp[g] = programs.lamp[lamp]
            lamp += 1
    return until_ms


_UNTIL = types.void(_I, PROGRAMS, _I1, _I1, STREETS, FLEET, MOTION, LEDGER, DOORS)


@kernel(_UNTIL)
def drive_until(end_ms, programs, group_lamp, lamp_seen, streets, fleet, motion, ledger, doors):
    """Play the programs and let everybody drive until `end_ms`."""
    while motion.time_ms[0] < end_ms:
        until_ms = min(end_ms, lamps_at(motion.time_ms[0], programs, group_lamp))
        drive_unseen(until_ms, group_lamp, lamp_seen, streets, fleet, motion, ledger, doors)
    show(streets, fleet, motion, ledger)
