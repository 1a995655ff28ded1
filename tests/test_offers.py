"""The order dialog offers exactly what a role may do at a junction, and words fit what is then sent."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from override.layouts import DetectorLayout, GroupLayout, JunctionLayout, StageLayout
from override.refused import Refused
from override.requests import OrderRequest
from override.roles import TABLE, Command, Need, Role, Slot, permission
from override.ruling import Person
from override.topics import ARGUMENTS, NEEDS
from override.views import JunctionView
from tests.conftest import ROOT
from tests.control_room import Room, header
from tui.drafts import REFUSALS, Draft, changed_since, refusal_words
from tui.offers import MANY, SAID, choices, district_of, leases, need_words, offers, places

JUNCTION = JunctionLayout(
    "J0", "Church Street / Mill Lane", 0, 0, "centre",
    (GroupLayout("ns", "vehicle", "n", 120_000), GroupLayout("walk.ns", "pedestrian", "", 90_000, "K7Q")),
    (StageLayout("s0", (0,)), StageLayout("s1", (1,))),
    (DetectorLayout("d1", "stopline", "n"),),
    ("day", "night"),
)  # fmt: skip
NOT_IN_THE_DIALOG = {Command.RELEASE, Command.CORRIDOR, Command.CONFIGURE}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_offered_exactly_what_the_table_grants(role: Role) -> None:
    offered = {offer.command: offer for offer in offers(role, JUNCTION)}
    granted = {command for who, command, _ in TABLE if who is role} - NOT_IN_THE_DIALOG
    assert set(offered) == granted
    for offer in offered.values():
        for lease in [int(choice.value) for choice in leases(offer)] or [0]:
            answer = permission(role, offer.command, offer.slot, 1, 100, lease)
            assert not answer.refusal, (offer, lease)


def test_every_order_has_words_and_asks_for_all_it_needs() -> None:
    assert set(SAID) | NOT_IN_THE_DIALOG == set(Command)
    for offer in offers(Role.SUPERVISOR, JUNCTION):
        assert set(offer.asks) == NEEDS[offer.command] & ARGUMENTS
        for name in offer.asks:
            for choice in choices(JUNCTION, offer.command, name):
                assert choice.label


def test_what_a_junction_does_not_have_is_not_offered() -> None:
    bare = replace(JUNCTION, detectors=(), plans=())
    commands = {offer.command for offer in offers(Role.OPERATOR, bare)}
    assert Command.HOLD in commands
    assert not commands & {Command.PLAN, Command.EVENT_PLAN, Command.DETECTOR_DISABLE}


def test_leases_say_where_a_second_person_is_needed() -> None:
    plan = next(o for o in offers(Role.SUPERVISOR, JUNCTION) if o.command is Command.PLAN)
    words = {choice.label: choice.words for choice in leases(plan)}
    assert words["15 min"] == ""
    assert words["1 h"] == "with a second person"
    hold = next(o for o in offers(Role.OPERATOR, JUNCTION) if o.command is Command.HOLD)
    assert [choice.label for choice in leases(hold)][-1] == "3 min"
    lock = next(o for o in offers(Role.SUPERVISOR, JUNCTION) if o.command is Command.LOCKOUT)
    assert need_words(Role.SUPERVISOR, lock, 1, 10, 60_000) == f"needs {Need.APPROVAL.value}"
    assert need_words(Role.OPERATOR, hold, 1, 10, 60_000) == ""
    assert need_words(Role.OPERATOR, hold, 1, 10, 3_600_000).startswith("refused")


def test_a_district_is_offered_only_where_the_order_fits_all_of_it() -> None:
    other = replace(JUNCTION, name="J1", plans=("day",))
    away = replace(JUNCTION, name="J2", district="harbour")
    city = [JUNCTION, other, away]
    assert district_of(JUNCTION, city) == ("J0", "J1")
    event = next(o for o in offers(Role.OPERATOR, JUNCTION) if o.command is Command.EVENT_PLAN)
    hold = next(o for o in offers(Role.OPERATOR, JUNCTION) if o.command is Command.HOLD)
    assert [names for _, names in places(event, JUNCTION, city, "day")] == [("J0",), ("J0", "J1")]
    assert [names for _, names in places(event, JUNCTION, city, "night")] == [("J0",)]
    assert [names for _, names in places(hold, JUNCTION, city)] == [("J0",)]
    assert Command.HOLD not in MANY
    lonely = replace(JUNCTION, district="")
    assert district_of(lonely, [lonely, replace(other, district="")]) == ("J0",)


def draft(**changes: object) -> Draft:
    usual = Draft(Command.HOLD, Slot.OPERATOR, ("J0",), "Church Street", 60_000, "test", stage="s0")
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_a_draft_reads_as_a_sentence_and_is_taken_by_a_desk() -> None:
    assert draft().sentence() == "Hold a stage: s0 for 1 min at Church Street"
    room = Room()
    request = OrderRequest(header=header(7), issuer="ana", **draft().wire((room.desk.versions["J0"],)))
    ruling = room.desk.rule(request, bytes(32), Person("ana", Role.OPERATOR), room.now_ms)
    assert ruling.order


def test_a_large_district_is_several_orders() -> None:
    many = draft(command=Command.ALL_RED, junctions=tuple(f"J{k}" for k in range(150)), stage="")
    assert [len(part) for part in many.parts()] == [64, 64, 22]
    assert many.wire((), 2)["junctions"][0] == "J128"
    assert many.safer
    assert not draft().safer


def test_what_changed_since_the_preview_is_said() -> None:
    def view(version: int, orders: tuple[str, ...] = ()) -> JunctionView:
        return JunctionView("J0", version, "s0", "RG", 2, orders)

    titles = {"J0": "Church Street"}
    assert changed_since(draft(), (5,), {"J0": view(5)}, titles) == ""
    words = changed_since(draft(), (5,), {"J0": view(6, ("ole-1",))}, titles)
    assert words == "Church Street changed (now rung 2, acting: ole-1)"
    assert "not there" in changed_since(draft(), (5,), {}, titles)


def test_every_refusal_a_person_can_meet_has_advice() -> None:
    codes = set()
    for name in ("desk", "counter", "places"):
        text = (ROOT / "override" / f"{name}.py").read_text(encoding="utf-8")
        codes |= set(re.findall(r'Refused\(\s*"([a-z-]+)"', text))
    assert len(codes) > 6
    assert codes <= set(REFUSALS), codes - set(REFUSALS)
    refused = Refused("taken", "J0: slot 7 is held by ole")
    assert refusal_words(refused.code, refused.why).startswith("Refused: J0: slot 7 is held by ole. Somebody")
    assert refusal_words("odd", "") == "Refused: odd."
