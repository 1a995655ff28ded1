"""What is not ours, measured by the same ruler: SUMO's own programs and a floor nobody can reach.

A yardstick is a network as it is plus one additional file that gives every signal another
program; SUMO then runs its lamps itself.

* `sumo-static`: the network's own program, untouched.
* `sumo-actuated`, `sumo-delay-based`: the same phases in the same order as SUMO's
  `type="actuated"` and `type="delay_based"`; greens without bounds of their own may last 5 to
  50 s, every other phase keeps its length. Under comparison timing yellows last 3 s and
  phases with nothing but red are left out, as for everyone else.
* `all-green`: one phase, every link `G`, collisions ignored (`--collision.action none`). Drivers
  still see each other where their ways cross, so this is what the streets cost without signals
  and without caution.

Format: https://sumo.dlr.de/docs/Simulation/Traffic_Lights.html
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO, cast
from xml.etree import ElementTree

from controller.vocabulary import Timing
from sim.importers.sumo_net_xml import RAIL_SIGNAL_TYPES, read_net

YARDSTICKS = ("sumo-static", "sumo-actuated", "sumo-delay-based", "all-green")
"""Rows that are measured but not ranked, by name."""

_TYPES = {"sumo-actuated": "actuated", "sumo-delay-based": "delay_based"}
MIN_GREEN_S = 5
MAX_GREEN_S = 50
COMPARISON_YELLOW_S = 3
PROGRAM = "yardstick"


def additional_file(net: Path, yardstick: str, timing: str, folder: Path) -> Path | None:
    """Write the signals' programs for `yardstick` into `folder`; None when the network's own are meant.

    Raises sim.importers.sumo_net_xml.UnusableNetwork when the network cannot be read or has no signal.
    """
    if yardstick not in YARDSTICKS:
        raise ValueError(f"no yardstick {yardstick!r}; allowed: {', '.join(YARDSTICKS)}")
    # Reads it for the sake of its errors, which name file, line and reason.
    read_net(net)
    if yardstick == "sumo-static":
        return None
    root = ElementTree.Element("additional")
    for logic in _running_programs(net):
        root.append(
            _all_green(logic) if yardstick == "all-green" else _self_timed(logic, _TYPES[yardstick], timing)
        )
    path = folder / f"{yardstick}.add.xml"
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def sumo_options(yardstick: str) -> tuple[str, ...]:
    """What SUMO must be told besides."""
    return ("--collision.action", "none") if yardstick == "all-green" else ()


def _running_programs(net: Path) -> list[ElementTree.Element]:
    """For each signal the program SUMO would run: the last one in the file."""
    with _open(net) as stream:
        logics = {logic.attrib["id"]: logic for logic in ElementTree.parse(stream).getroot().iter("tlLogic")}
    return [logic for logic in logics.values() if logic.get("type") not in RAIL_SIGNAL_TYPES]


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def _all_green(logic: ElementTree.Element) -> ElementTree.Element:
    links = max(len(phase.attrib["state"]) for phase in logic.iter("phase"))
    made = ElementTree.Element(
        "tlLogic", {"id": logic.attrib["id"], "type": "static", "programID": PROGRAM, "offset": "0"}
    )
    ElementTree.SubElement(made, "phase", {"duration": "3600", "state": "G" * links})
    return made


def _self_timed(logic: ElementTree.Element, type_: str, timing: str) -> ElementTree.Element:
    made = ElementTree.Element(
        "tlLogic", {"id": logic.attrib["id"], "type": type_, "programID": PROGRAM, "offset": "0"}
    )
    made.extend(ElementTree.Element("param", param.attrib) for param in logic.iter("param"))
    phases = list(logic.iter("phase"))
    comparison = timing == Timing.COMPARISON
    if comparison and not any("next" in phase.attrib for phase in phases):
        phases = [phase for phase in phases if set(phase.attrib["state"]) != {"r"}]
    for index, phase in enumerate(phases):
        attributes = dict(phase.attrib)
        state, before = attributes["state"], phases[index - 1].attrib["state"]
        if comparison and _is_yellow(state):
            attributes["duration"] = str(COMPARISON_YELLOW_S)
        elif _is_green(state) and not _clears_crossing(state, before):
            attributes.setdefault("minDur", str(MIN_GREEN_S))
            attributes.setdefault("maxDur", str(MAX_GREEN_S))
        ElementTree.SubElement(made, "phase", attributes)
    return made


def _is_yellow(state: str) -> bool:
    return bool(set(state) & set("yY"))


def _is_green(state: str) -> bool:
    return bool(set(state) & set("Gg")) and not _is_yellow(state)


def _clears_crossing(state: str, before: str) -> bool:
    """Nothing turns green here, but something green before is red at once, as only crossings are."""
    turned_green = any(now in "Gg" and was not in "Gg" for now, was in zip(state, before, strict=False))
    turned_red = any(now == "r" and was in "Gg" for now, was in zip(state, before, strict=False))
    return turned_red and not turned_green
