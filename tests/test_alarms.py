"""Alarms: three bits each, nothing lost over a restart, and no flood that hides the one that matters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from override.alarm_file import alarms_kept, kept_alarm
from override.alarms import SHOWN_OF_ONE_CODE, SUSPEND_MAX_MS, Alarms, Trouble, rule_on_alarm
from override.refused import Refused
from override.requests import AlarmAction, AlarmRequest
from override.ruling import Person
from override.views import AlarmView, Urgency
from tests.control_room import ANA, ENG, GATE, SAM, header

HOUR_MS = 3_600_000
FLASHES = Trouble("rung", "J7", Urgency.NOW, "J7 flashes")
DOWN = Trouble("rung", "J7", Urgency.KNOW, "J7 is actuated")


def act(alarms: Alarms, who: Person, alarm: str, action: AlarmAction, now_ms: int, **more: object) -> None:
    request = AlarmRequest(header(), who.name, alarm, action, **more)  # type: ignore[arg-type]
    alarms.take(rule_on_alarm(alarms)(request, who, now_ms).views)


def bits(alarms: Alarms, alarm: str = "rung:J7") -> str:
    """As `AKS`, small for a bit that is not set; empty = gone."""
    view = alarms.get(alarm)
    if view is None:
        return ""
    flags = (view.active, view.acknowledged, view.suspended)
    return "".join(letter if on else letter.lower() for letter, on in zip("AKS", flags, strict=True))


def test_an_alarm_is_gone_when_its_cause_is_and_somebody_has_seen_it() -> None:
    alarms = Alarms()
    assert alarms.tell(FLASHES, 1_000) is not None
    assert alarms.tell(FLASHES, 2_000) is None, "it is the same one"
    assert bits(alarms) == "Aks"
    act(alarms, ANA, "rung:J7", AlarmAction.ACKNOWLEDGE, 3_000)
    assert bits(alarms) == "AKs"
    alarms.end("rung:J7")
    assert bits(alarms) == ""
    alarms.tell(FLASHES, 5_000)
    alarms.end("rung:J7")
    assert bits(alarms) == "aks", "over, and nobody has seen it"
    alarms.tell(FLASHES, 6_000)
    view = alarms.get("rung:J7")
    assert view is not None
    assert (view.count, view.since_ms) == (2, 6_000)


def test_a_suspension_ends_with_its_time_or_when_it_gets_worse() -> None:
    alarms = Alarms()
    alarms.tell(DOWN, 0)
    act(alarms, SAM, "rung:J7", AlarmAction.SUSPEND, 0, for_ms=HOUR_MS, reason="works until noon")
    assert bits(alarms) == "AKS"
    alarms.end("rung:J7")
    alarms.tell(DOWN, 1_000)
    assert bits(alarms) == "AKS", "as bad as it was: still not to be heard of"
    assert alarms.tell(FLASHES, 2_000) is not None
    assert bits(alarms) == "Aks", "worse: heard of at once"
    act(alarms, SAM, "rung:J7", AlarmAction.SUSPEND, 3_000, for_ms=HOUR_MS, reason="seen")
    alarms.tick(3_000 + HOUR_MS - 1)
    assert bits(alarms) == "AKS"
    alarms.tick(3_000 + HOUR_MS)
    assert bits(alarms) == "Aks"


def test_who_may_act_and_how_long_is_bounded() -> None:
    alarms = Alarms()
    alarms.tell(FLASHES, 0)
    for who in (Person("vic", GATE.role), GATE):
        with pytest.raises(Refused, match="may not act on alarms"):
            act(alarms, who, "rung:J7", AlarmAction.ACKNOWLEDGE, 0)
    with pytest.raises(Refused, match="no alarm rung:J9"):
        act(alarms, ENG, "rung:J9", AlarmAction.ACKNOWLEDGE, 0)
    with pytest.raises(Refused, match="suspended for 1 to"):
        act(alarms, ANA, "rung:J7", AlarmAction.SUSPEND, 0, for_ms=SUSPEND_MAX_MS + 1, reason="x")
    with pytest.raises(Refused, match="says why"):
        act(alarms, ANA, "rung:J7", AlarmAction.SUSPEND, 0, for_ms=HOUR_MS)
    with pytest.raises(Refused, match="is not suspended"):
        act(alarms, ANA, "rung:J7", AlarmAction.RESUME, 0)
    assert bits(alarms) == "Aks"


def test_what_nobody_tells_of_any_more_ends_by_itself() -> None:
    alarms = Alarms()
    fault = Trouble("C7", "J1", Urgency.SOON, "waits too long", holds_ms=30_000)
    alarms.tell(fault, 0)
    alarms.tell(fault, 20_000)
    assert not alarms.tick(49_000)
    assert [view.alarm for view in alarms.tick(50_000)] == ["C7:J1"]
    assert bits(alarms, "C7:J1") == "aks"


def test_a_flood_of_one_kind_is_one_line_and_hides_nothing_else() -> None:
    alarms = Alarms()
    alarms.tell(Trouble("disk", "", Urgency.NOW, "full"), 0)
    for k in range(500):
        alarms.tell(Trouble("rung", f"J{k}", Urgency.SOON, f"J{k} is free"), k)
    shown = {view.alarm: view for view in alarms.changes()}
    assert len(shown) == SHOWN_OF_ONE_CODE + 2
    assert "disk" in shown
    assert shown["*:rung"].sentence.startswith(f"{500 - SHOWN_OF_ONE_CODE} more alarms like these (rung): ")
    alarms.tell(Trouble("rung", "J480", Urgency.NOW, "J480 flashes"), 600)
    (top,) = [view for view in alarms.changes() if view.alarm == "rung:J480"]
    assert top.urgency is Urgency.NOW, "the worst are always among those shown"
    act(alarms, ANA, "*:rung", AlarmAction.ACKNOWLEDGE, 700)
    assert sum(not view.acknowledged for view in alarms.active("rung")) == SHOWN_OF_ONE_CODE
    for k in range(500):
        alarms.end(f"rung:J{k}")
    gone = [view for view in alarms.changes() if not view.active and view.acknowledged]
    assert "*:rung" in {view.alarm for view in gone}


def test_what_was_suspended_in_a_flood_is_found_again() -> None:
    alarms = Alarms()
    for k in range(100):
        alarms.tell(Trouble("rung", f"J{k}", Urgency.SOON, f"J{k} is free"), k)
    alarms.changes()
    act(alarms, ANA, "rung:J0", AlarmAction.SUSPEND, 200, for_ms=HOUR_MS, reason="crew is there")
    told = {view.alarm: view for view in alarms.changes()}
    assert (told["rung:J0"].suspended, told["rung:J0"].by) == (True, "ana")
    assert {view.alarm for view in alarms.told()} >= {"rung:J0", "rung:J8", "*:rung"}, "the next one moves up"
    act(alarms, ANA, "*:rung", AlarmAction.SUSPEND, 300, for_ms=HOUR_MS, reason="all known")
    alarms.changes()
    told = {view.alarm: view for view in alarms.told()}
    assert sum(view.suspended for view in told.values()) == SHOWN_OF_ONE_CODE + 1
    assert told["*~:rung"].suspended
    assert "*:rung" not in told, "the eight that are open stand by themselves"
    act(alarms, ANA, "rung:J0", AlarmAction.RESUME, 400)
    act(alarms, ANA, "*~:rung", AlarmAction.RESUME, 400)
    still = [view.alarm for view in alarms.active("rung") if view.suspended]
    assert len(still) == SHOWN_OF_ONE_CODE - 1, "those shown one by one are resumed one by one"


def test_what_consoles_are_told_adds_up_to_what_is_there() -> None:
    alarms = Alarms()
    heard: dict[str, AlarmView] = {}

    def listen() -> None:
        for view in alarms.changes():
            heard[view.alarm] = view
            if not view.active and view.acknowledged:
                del heard[view.alarm]

    for step in range(200):
        k, what = step * 7 % 13, step * 5 % 4
        if what < 2:
            alarms.tell(Trouble("rung", f"J{k}", Urgency.SOON, "down"), step)
        elif what == 2:
            alarms.end(f"rung:J{k}")
        elif alarms.get(f"rung:J{k}"):
            act(alarms, ANA, f"rung:J{k}", AlarmAction.ACKNOWLEDGE, step)
        listen()
        assert heard == {view.alarm: view for view in alarms.told()}


def test_alarms_outlive_a_restart_and_those_that_are_over_are_ended() -> None:
    alarms = Alarms()
    alarms.tell(DOWN, 10_000)
    alarms.tell(Trouble("rung", "J8", Urgency.SOON, "down"), 20_000)
    act(alarms, SAM, "rung:J7", AlarmAction.SUSPEND, 30_000, for_ms=HOUR_MS, reason="works")
    kept = [kept_alarm(view, 40_000, 9_000_000)[1] for view in alarms.active()]
    # The machine was started anew: another monotonic clock, five minutes later.
    later = Alarms()
    later.start(alarms_kept(kept, 1_000_000, 9_300_000))
    view = later.get("rung:J7")
    assert view is not None
    assert bits(later) == "AKS"
    assert view.until_ms == 1_000_000 + HOUR_MS - 10_000 - 300_000
    assert view.since_ms == 1_000_000 - 30_000 - 300_000
    later.tell(DOWN, 1_001_000)
    assert [ended.alarm for ended in later.settle()] == ["rung:J8"]
    assert bits(later) == "AKS"
    later.end("rung:J7")
    ended = later.get("rung:J7")
    assert ended is not None
    assert kept_alarm(ended, 0, 0)[1], "a suspension is kept while it lasts"


def test_a_name_too_long_for_the_wire_still_has_an_id_of_its_own() -> None:
    ids = {Trouble("rung", "x" * 64 + str(k), Urgency.SOON, "s").id for k in range(3)}
    assert len(ids) == 3
    assert max(map(len, ids)) <= 64


def test_one_order_of_urgency_sorts_alarms_wherever_they_are_listed() -> None:
    assert sorted(Urgency, key=lambda urgency: urgency.rank) == [Urgency.NOW, Urgency.SOON, Urgency.KNOW]
    calm = AlarmView("z", "", "z", Urgency.SOON, "z", True, False, False, since_ms=9)
    pressing = [
        replace(calm, alarm="now", urgency=Urgency.NOW),
        replace(calm, alarm="older", since_ms=1),
        calm,
        replace(calm, alarm="over", active=False),
        replace(calm, alarm="seen", acknowledged=True, urgency=Urgency.NOW),
        replace(calm, alarm="suspended", acknowledged=True, suspended=True, urgency=Urgency.NOW),
    ]
    assert sorted(reversed(pressing), key=lambda alarm: alarm.order) == pressing
