"""The watchman on a paper clock: what he sees becomes an alarm while it is there, and a line in the tail."""

from __future__ import annotations

import numpy as np

from controller.vocabulary import Lamp
from override.alarms import Alarms
from override.beliefs import UNLIKE_MS, Heads
from override.cases import Cases
from override.engine import Report
from override.event_log import KEPT, EventLog
from override.flag_messages import CasesRequest, FlagLife
from override.flag_post import AGAIN_MS, FlagPost
from override.views import Urgency
from override.watchman import CITIZEN_SILENT_MS, SETTLE_MS, Watchman
from tests.control_room import header
from tests.test_station_talk import view
from tests.toy_street import network

NAMES = ("J0", "J1", "J2")


class Post:
    """A watchman, his clock and his books."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.alarms, self.events = Alarms(), EventLog(b"boot-one")
        titles = [f"{name} Street" for name in NAMES]
        self.man = Watchman(NAMES, titles, self.alarms, self.events, lambda: (self.now_ms, 0))
        self.progress = 0

    def report(self, **what: object) -> None:
        self.progress += 10
        usual = {"now_ms": self.now_ms, "progress": self.progress, "lamps": b"", "stages": b""}
        self.man.hear(Report(**{**usual, **what}))  # type: ignore[arg-type]
        self.man.tick()

    def wait(self, ms: int) -> None:
        self.now_ms += ms
        self.man.tick()

    def active(self) -> dict[str, Urgency]:
        return {alarm.alarm: alarm.urgency for alarm in self.alarms.active()}

    def said(self) -> list[str]:
        return [f"{event.kind}: {event.sentence}" for event in self.events.unsent(1000)]


def rungs(*values: int) -> bytes:
    return np.array(values, np.int8).tobytes()


def flags(*values: bool) -> bytes:
    return np.array(values, np.bool_).tobytes()


def test_a_step_down_the_ladder_is_as_urgent_as_it_goes_deep() -> None:
    post = Post()
    post.report(rungs=rungs(0, 1, 4))
    assert post.active() == {"rung:J1": Urgency.KNOW, "rung:J2": Urgency.SOON}
    assert post.said()[0].startswith("rung: J1 Street down to rung 1: ")
    post.report(rungs=rungs(0, 1, 5))
    assert post.active()["rung:J2"] is Urgency.NOW
    post.report(rungs=rungs(0, 0, 4))
    assert post.active() == {"rung:J2": Urgency.SOON}


def test_a_trip_and_lamps_unlike_their_orders_are_alarms_while_they_last() -> None:
    post = Post()
    post.report(latched=flags(False, True, False), unlike=flags(True, False, False))
    assert post.active() == {"trip:J1": Urgency.NOW, "shown:J0": Urgency.NOW}
    post.report(latched=flags(False, False, False), unlike=flags(False, False, False))
    assert post.active() == {}
    assert len(post.alarms) == 2, "nobody has seen them yet"


def test_who_asks_what_a_reset_would_do_is_told_where_the_monitor_has_tripped() -> None:
    post = Post()
    assert not post.man.tripped("J1")
    post.report(latched=flags(False, True, False))
    assert [post.man.tripped(name) for name in NAMES] == [False, True, False]
    post.report(latched=flags(False, False, False))
    assert not post.man.tripped("J1"), "over, though nobody has seen the alarm"


def test_what_the_monitor_says_once_is_over_when_it_says_it_no_more() -> None:
    post = Post()
    for _ in range(5):
        post.report(alarms=[(1, "C7", "J1: north has waited too long")])
        post.wait(10_000)
    post.report()
    assert post.active() == {"C7:J1": Urgency.SOON}
    assert len([line for line in post.said() if "north" in line]) == 1, "one line, however often it is told"
    post.wait(31_000)
    post.report()
    assert post.active() == {}


def test_an_engine_that_reports_the_same_tick_is_silent() -> None:
    post = Post()
    post.wait(60_000)
    assert post.active() == {}, "it has not begun yet"
    post.report()
    post.wait(1_000)
    assert post.active() == {}
    post.wait(1_000)
    assert post.active() == {"C11:engine": Urgency.NOW}
    post.report()
    assert post.active() == {}


def test_keys_disk_strangers_lag_and_gaps() -> None:
    post = Post()
    post.man.keys("people.toml: open to others", doorkeeper_lives=False)
    post.man.disk(True)
    assert set(post.active()) == {"keys", "doorkeeper", "disk"}
    post.man.keys("", doorkeeper_lives=True)
    post.man.disk(False)
    post.man.strangers(3)
    post.report(lost=2)
    assert post.active() == {"strangers": Urgency.KNOW, "record-gap": Urgency.KNOW}
    post.man.strangers(500)
    assert post.active()["strangers"] is Urgency.SOON
    for _ in range(5):
        post.man.pulse(250_000)
    assert "lag" not in post.active(), "a start is none: programs are still being loaded"
    post.now_ms += SETTLE_MS
    for _ in range(2):
        post.man.pulse(250_000)
    assert "lag" not in post.active(), "a hiccup is none"
    post.man.pulse(250_000)
    assert "lag" in post.active()
    post.man.pulse(2_000)
    assert "lag" not in post.active()
    post.wait(61_000)
    post.report(lost=2)
    assert post.active() == {}


def test_citizens_who_are_heard_no_more_are_missed_only_if_they_ever_were() -> None:
    post = Post()
    post.wait(10 * CITIZEN_SILENT_MS)
    assert post.active() == {}
    post.man.citizen_ms = post.now_ms
    post.wait(CITIZEN_SILENT_MS + 500)
    assert post.active() == {"citizen": Urgency.SOON}


def test_what_was_wrong_before_a_restart_is_over_unless_it_is_seen_again() -> None:
    before = Post()
    before.report(rungs=rungs(4, 4, 0))
    after = Post()
    after.alarms.start(before.alarms.active())
    after.report(rungs=rungs(4, 0, 0))
    after.now_ms += SETTLE_MS
    after.report(rungs=rungs(4, 0, 0))
    assert after.active() == {"rung:J0": Urgency.SOON}


def test_heads_are_unlike_only_when_they_stay_so() -> None:
    heads = Heads(network())
    told, shown = np.zeros(6, np.int8), np.zeros(6, np.int8)
    heads.look(told, shown, 0)
    shown[2] = Lamp.DARK
    for ms in range(100, UNLIKE_MS + 100, 100):
        assert not heads.unlike(ms).any()
        heads.look(told, shown, ms)
    assert heads.unlike(UNLIKE_MS + 100).all()
    shown[2] = Lamp.RED
    heads.look(told, shown, UNLIKE_MS + 300)
    assert not heads.unlike(UNLIKE_MS + 300).any()


def test_a_list_of_cases_counts_only_when_all_its_parts_are_there() -> None:
    cases = Cases()
    first = CasesRequest(header(), "gate", 0, 2, (view("F1"),))
    second = CasesRequest(header(), "gate", 1, 2, (view("F2"),))
    assert cases.take(second, 0) is None
    assert cases.take(first, 10) is None, "a new list begins with its first part"
    assert [v.flag for v in cases.take(second, 20) or ()] == ["F1", "F2"]
    assert [v.flag for v in cases.changes(20)[0]] == ["F1", "F2"]
    assert cases.take(CasesRequest(header(), "gate", 0, 1, (view("F1"),)), 5_000) == []
    assert cases.changes(5_000) == ([], ("F2",)), "growing older is no news"
    moved = cases.take(CasesRequest(header(), "gate", 0, 1, (view("F1", life=FlagLife.FIXED),)), 6_000)
    assert [v.life for v in moved or ()] == [FlagLife.FIXED]
    cases.changes(6_000)
    assert cases.told(66_000)[0].age_ms == 120_000, "a minute old when it was told, a minute ago"


def test_an_act_is_published_again_at_growing_intervals_until_it_is_handled() -> None:
    post = FlagPost([("aa", b"old")])
    post.add("bb", b"new")
    assert post.due(0) == [b"old", b"new"]
    assert post.due(AGAIN_MS[0] - 1) == []
    assert post.due(AGAIN_MS[0]) == [b"old", b"new"]
    assert post.due(2 * AGAIN_MS[0]) == []
    assert post.confirm(("bb", "cc")) == ["bb"]
    assert post.due(10**9) == [b"old"]


def test_the_tail_keeps_the_latest_and_pages_back_through_them() -> None:
    log = EventLog(b"boot-one")
    for k in range(KEPT + 50):
        log.add("rung", f"J{k % 3}", f"step {k}\n", 0, 0)
    page = log.page(bytes(16), 0, "").events
    assert [e.number for e in page] == list(range(KEPT - 49, KEPT + 51))
    earlier = log.page(bytes(16), page[0].number, "J1").events
    assert len(earlier) == 100
    assert {e.junction for e in earlier} == {"J1"}
    assert earlier[-1].number < page[0].number
    assert "\n" not in page[0].sentence
