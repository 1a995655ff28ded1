"""Plays a network's own fixed programs without a controller: for validation and for speed.

Their letters become lamps of signal groups once; then kernels play whole stretches of time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.network import Network
from controller.vocabulary import GroupKind, Lamp
from sim.city.movement.fixed_program_kernels import drive_until, lamps_at
from sim.city.movement.mover import Mover
from sim.city.movement.programs_model import Programs
from sim.city.movement.traffic import Traffic
from sim.importers.sumo_net_xml import NetProgram, SumoNet

LAMP_OF_LETTER = {
    "G": Lamp.GREEN, "g": Lamp.GREEN, "y": Lamp.YELLOW, "Y": Lamp.YELLOW, "r": Lamp.RED, "s": Lamp.RED,
    "u": Lamp.RED, "o": Lamp.FLASH_AMBER, "O": Lamp.DARK,
}  # fmt: skip
"""SUMO's letters; `s` is red for a group whose drivers may turn on red, `u` is red and yellow."""


def programs_of_net(net: SumoNet, network: Network) -> Programs:
    """The program that SUMO would run at every junction (the last one listed).

    Phases of no duration are left out. Raises ValueError for a letter unknown to SUMO or a
    program whose states are shorter than its signal has links.
    """
    cycle_ms, offset_ms, phase_start, phase_end_ms, lamp_start = [], [], [0], [], []
    lamp: list[int] = []
    for junction in network.street.junctions:
        programs = net.programs.get(junction.name)
        program = programs[-1] if programs else None
        end_ms = 0
        for phase in program.phases if program else ():
            duration_ms = round(1000 * phase.duration_s)
            if duration_ms <= 0:
                continue
            end_ms += duration_ms
            phase_end_ms.append(end_ms)
            lamp_start.append(len(lamp))
            for group in junction.groups:
                shown = _lamp(phase.state, group.links[0], program)
                on_foot = group.kind == GroupKind.PEDESTRIAN and shown == Lamp.YELLOW
                lamp.append(int(Lamp.CLEARANCE if on_foot else shown))
        cycle_ms.append(end_ms)
        offset_ms.append(round(1000 * program.offset_s) if program else 0)
        phase_start.append(len(phase_end_ms))
    return Programs(
        cycle_ms=np.array(cycle_ms, np.int64),
        offset_ms=np.array(offset_ms, np.int64),
        phase_start=np.array(phase_start, np.int64),
        phase_end_ms=np.array(phase_end_ms, np.int64),
        lamp_start=np.array(lamp_start, np.int64),
        lamp=np.array(lamp, np.int8),
        group_start=np.array(network.group_start, np.int64),
    )


def _lamp(state: str, link: int, program: NetProgram | None) -> Lamp:
    name = program.tl if program else ""
    if link >= len(state):
        raise ValueError(f"signal {name}: state {state!r} has no letter for link {link}")
    if state[link] not in LAMP_OF_LETTER:
        raise ValueError(f"signal {name}: state {state!r}: unknown letter {state[link]!r}")
    return LAMP_OF_LETTER[state[link]]


def lamps(programs: Programs, now_ms: int, group_lamp: NDArray[np.int8]) -> None:
    """What every signal shows at `now_ms`. Written: group_lamp (groups,) of groups with a program."""
    lamps_at(now_ms, programs, group_lamp)


def play(
    mover: Mover, traffic: Traffic, programs: Programs, group_lamp: NDArray[np.int8], until_ms: int
) -> None:
    """Let everybody drive until `until_ms` while the signals play their programs.

    People on crossings stay as the last step left them. Written: traffic, group_lamp (groups,).
    """
    motion, ledger, doors = mover.arrays(traffic)
    drive_until(
        until_ms, programs, group_lamp, traffic.lamp_seen, mover.streets, mover.fleet, motion, ledger, doors
    )
