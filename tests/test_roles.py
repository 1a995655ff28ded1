"""The table of roles, over its full product, against the rules said once more in other words."""

from __future__ import annotations

from itertools import product

import pytest

from override.roles import (
    Command,
    Need,
    Permission,
    Role,
    Slot,
    may_approve,
    permission,
)

CITY = 60
MINUTE_MS = 60_000
LEASES_MS = (1, 120_000, 180_000, 180_001, 900_000, 900_001, 14_400_000, 14_400_001, 86_400_000, 86_400_001)
SCOPES = (1, 2, 20, 21, CITY - 1, CITY)


def allowed_cells(role: Role) -> set[tuple[str, int]]:
    """(command, slot) as a person of the trade would say it."""
    drive = ["hold", "force-off", "omit", "call", "plan", "split-bias", "detector-disable",
             "detector-recall", "longer-walk", "manual-step"]  # fmt: skip
    stop_way_event = [("all-red", 4), ("flash", 4), ("corridor", 5), ("event-plan", 8)]
    let_go = lambda *slots: [("release", slot) for slot in slots]  # noqa: E731
    for_good = [("lockout", 6), ("configure", 6), ("reset-trip", 1)]
    return {
        "viewer": set(),
        "auditor": set(),
        "operator": {*((c, 7) for c in drive), *stop_way_event, *let_go(4, 5, 7, 8)},
        "supervisor": {*((c, 6) for c in drive), *stop_way_event, *for_good, *let_go(4, 5, 6, 7, 8, 9)},
        "engineer": {("detector-disable", 7), ("detector-recall", 7), *for_good, *let_go(6, 7)},
        "citizen-gateway": {("call", 9), ("longer-walk", 9), ("detector-recall", 9), *let_go(9)},
    }[role.value]


def longest_ms(role: str, command: str) -> int | None:
    """None where the command has no lease."""
    if command in ("release", "configure", "reset-trip"):
        return None
    if command == "hold":
        return 3 * MINUTE_MS
    if command == "lockout":
        return 24 * 60 * MINUTE_MS
    return 4 * 60 * MINUTE_MS if role == "supervisor" else 15 * MINUTE_MS


def expected(role: str, command: str, junctions: int, lease_ms: int, glass: bool) -> str:
    """no, alone, approval, countersign; `!` where everybody hears of it."""
    longest = longest_ms(role, command)
    if longest is not None and lease_ms > longest:
        return "no"
    if role == "citizen-gateway" and junctions > 1 and command != "release":
        return "no"
    two_keys = command in ("lockout", "configure", "reset-trip")
    if glass:
        may = role == "supervisor" and two_keys and lease_ms <= 15 * MINUTE_MS and junctions <= 20
        return "alone!" if may else "no"
    if two_keys:
        return "approval"
    if command == "release":
        return "alone"
    if command in ("all-red", "flash"):
        loud = "!" if junctions > 20 else ""
        if junctions == CITY or lease_ms > 15 * MINUTE_MS:
            return f"approval{loud}"
        return "countersign!" if loud else "alone"
    return "approval" if junctions > 20 or lease_ms > 15 * MINUTE_MS else "alone"


def said(answer: Permission) -> str:
    if answer.refusal:
        return "no"
    need = {Need.NOTHING: "alone", Need.APPROVAL: "approval", Need.COUNTERSIGN: "countersign"}[answer.need]
    return need + ("!" if answer.alarm else "")


@pytest.mark.parametrize("role", list(Role))
def test_every_cell_of_the_table_says_what_the_rules_say(role: Role) -> None:
    """6 roles x 18 commands x 12 slots x 6 scopes x 10 leases x glass or not: 155,520 questions."""
    cells = allowed_cells(role)
    for command, slot in product(Command, Slot):
        for junctions, lease_ms, glass in product(SCOPES, LEASES_MS, (False, True)):
            answer = permission(role, command, slot, junctions, CITY, lease_ms, glass)
            wanted = "no"
            if (command.value, slot.value) in cells:
                wanted = expected(role.value, command.value, junctions, lease_ms, glass)
            assert said(answer) == wanted, (role, command, slot, junctions, lease_ms, glass, answer)


def test_a_small_town_is_a_whole_city_too_but_one_person_may_stop_it() -> None:
    """Two people for the whole city is meant for more junctions than one person may stop alone."""
    assert permission(Role.OPERATOR, Command.ALL_RED, Slot.EMERGENCY, 8, 8, 60_000) == Permission()


def test_only_a_supervisor_suspends_a_promise_and_only_while_holding() -> None:
    for role, command, slot in product(Role, Command, Slot):
        answer = permission(role, command, slot, 1, CITY, 60_000, suspends_promise=True)
        if not answer.refusal:
            assert (role, command, slot) == (Role.SUPERVISOR, Command.HOLD, Slot.SUPERVISOR)
    assert not permission(
        Role.SUPERVISOR, Command.HOLD, Slot.SUPERVISOR, 1, CITY, 60_000, suspends_promise=True
    ).refusal


def test_nobody_on_a_network_reaches_the_monitor_the_cabinet_or_the_railway() -> None:
    for role, command in product(Role, Command):
        for slot in (Slot.MONITOR, Slot.LOCAL_CABINET, Slot.RAIL):
            answer = permission(role, command, slot, 1, CITY, 60_000)
            assert answer.refusal or (command is Command.RESET_TRIP and answer.need is Need.APPROVAL)


@pytest.mark.parametrize(
    ("lease_ms", "said"),
    [(300 * MINUTE_MS, "a lease of 5 h; 3 min at most"), (190_000, "a lease of 190 s; 3 min at most"),
     (0, "a lease of 0 ms; 3 min at most"), (180_001, "a lease of 180001 ms; 3 min at most")],
)  # fmt: skip
def test_how_long_is_too_long_is_said_as_people_say_it(lease_ms: int, said: str) -> None:
    answer = permission(Role.OPERATOR, Command.HOLD, Slot.OPERATOR, 1, 12, lease_ms)
    assert answer.refusal == said


def test_a_second_person_is_one_who_could_answer_for_it() -> None:
    for role, command in product(Role, Command):
        if command in (Command.LOCKOUT, Command.CONFIGURE, Command.RESET_TRIP):
            assert may_approve(role, command) == (role in (Role.SUPERVISOR, Role.ENGINEER))
        else:
            assert may_approve(role, command) == (role in (Role.OPERATOR, Role.SUPERVISOR))


@pytest.mark.parametrize(("junctions", "lease_ms"), [(0, 60_000), (CITY + 1, 60_000), (1, 0), (1, -5)])
def test_nothing_and_more_than_everything_are_refused(junctions: int, lease_ms: int) -> None:
    assert permission(Role.OPERATOR, Command.HOLD, Slot.OPERATOR, junctions, CITY, lease_ms).refusal
