"""The monitor's alphabet: lamp numbers and the whitelist of changes."""

from __future__ import annotations

import ast
import itertools
import sys
from pathlib import Path

import pytest

from controller.monitor.lamps import (
    ACTIVE,
    CLEARANCE,
    DARK,
    FLASH_AMBER,
    FLASH_RED,
    FLASHING,
    GREEN,
    LAMP_NAMES,
    LAMPS,
    OK,
    RED,
    TRANSITIONS,
    YELLOW,
)
from controller.vocabulary import Lamp
from tests.crossroads import EAST, MARKET_STREET, MILL, MILL_CROSSING, MILL_LANE, Street

VEHICLE, PEDESTRIAN = 0, 1
LAWFUL = {
    VEHICLE: {
        (RED, GREEN), (GREEN, YELLOW), (YELLOW, RED),
        (RED, FLASH_RED), (FLASH_RED, RED),
        *((lamp, lamp) for lamp in (RED, GREEN, YELLOW, FLASH_RED)),
    },
    PEDESTRIAN: {
        (RED, GREEN), (GREEN, CLEARANCE), (CLEARANCE, RED),
        *((lamp, lamp) for lamp in (RED, GREEN, CLEARANCE)),
    },
}  # fmt: skip


def test_the_monitors_own_lamp_numbers_are_the_engines() -> None:
    mine = {"RED": RED, "GREEN": GREEN, "YELLOW": YELLOW, "CLEARANCE": CLEARANCE}
    mine |= {"FLASH_RED": FLASH_RED, "FLASH_AMBER": FLASH_AMBER, "DARK": DARK}
    assert mine == {lamp.name: lamp.value for lamp in Lamp}
    assert len(LAMP_NAMES) == LAMPS == len(Lamp)


def test_the_monitor_imports_nothing_of_ours_but_itself() -> None:
    folder = Path(__file__).resolve().parent.parent / "controller" / "monitor"
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                modules = [node.module or ""]
            else:
                continue
            for module in modules:
                own = module.startswith("controller.monitor")
                assert own or module.split(".")[0] in {*sys.stdlib_module_names, "numpy"}, (file, module)


@pytest.mark.parametrize("kind", [VEHICLE, PEDESTRIAN])
def test_every_change_of_lamp_is_lawful_only_if_listed(kind: int) -> None:
    for before, after in itertools.product(range(LAMPS), repeat=2):
        assert (TRANSITIONS[kind, before, after] == OK) == ((before, after) in LAWFUL[kind]), (before, after)


def test_a_skipped_yellow_and_a_skipped_clearance_are_called_by_their_names() -> None:
    assert TRANSITIONS[VEHICLE, GREEN, RED] == 4
    assert TRANSITIONS[PEDESTRIAN, GREEN, RED] == 8
    assert set(TRANSITIONS[TRANSITIONS != OK]) == {4, 8, 9}


def test_active_and_flashing_lamps() -> None:
    assert [lamp for lamp in range(LAMPS) if ACTIVE[lamp]] == [GREEN, YELLOW, CLEARANCE, FLASH_AMBER]
    assert [lamp for lamp in range(LAMPS) if FLASHING[lamp]] == [FLASH_RED, FLASH_AMBER]


def reach(group: int, lamp: int) -> Street | None:
    """A street whose `group` shows `lamp` lawfully and long enough for any change, or None."""
    road = {
        RED: [],
        GREEN: [GREEN],
        YELLOW: [GREEN, YELLOW],
        FLASH_RED: [FLASH_RED],
    }
    crossing = {RED: [], GREEN: [GREEN], CLEARANCE: [GREEN, CLEARANCE]}
    way = (crossing if group == MILL_CROSSING else road).get(lamp)
    if way is None:
        return None
    street = Street().started()
    for step in way:
        assert street.show(step, group) == []
        assert street.run(2.9 if step == YELLOW else 8) == []
    return street


@pytest.mark.parametrize("group", [MILL, MILL_CROSSING])
@pytest.mark.parametrize(("before", "after"), list(itertools.product(range(LAMPS), repeat=2)))
def test_an_unlisted_change_flashes_its_junction_at_once_and_no_other(
    group: int, before: int, after: int
) -> None:
    street = reach(group, before)
    if street is None:
        assert TRANSITIONS[int(group == MILL_CROSSING), before, after] != OK
        return
    found = street.show(after, group)
    lawful = (before, after) in LAWFUL[int(group == MILL_CROSSING)]
    assert bool(found) is not lawful
    assert all(violation.groups[0] == group and violation.junction == MILL_LANE for violation in found)
    verdict = street.tick()
    assert verdict.latched[MILL_LANE] == (not lawful)
    assert not verdict.flash[MARKET_STREET]
    assert verdict.permitted[EAST] == RED
    if not lawful:
        assert list(verdict.permitted[[MILL, MILL_CROSSING]]) == [FLASH_RED, RED]
