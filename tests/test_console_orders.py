"""Orders from the console, on paper: guided, previewed, compared, sent by a key of its own, proven."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.widgets import Input

from override.client import NoAnswer
from override.deploy_messages import Versions, VersionState, VersionView, Way
from override.flag_messages import FlagAction
from override.previews import CostRow, Forecast
from override.refused import Refused
from override.requests import AlarmAction
from override.roles import Command, Role
from override.views import AuditPage, Event, OrderView, Outcome, Reply
from tests.console_stage import Stage
from tests.paper_pictures import NOW_MS, order_view
from tui.offers import offers

ROWS = (
    CostRow("Old Town", "cars", 600, 900, 60_000, 80_000),
    CostRow("Old Town", "pedestrians", 300, 100, 60_000, 40_000),
)
VERSIONS = Versions(
    2,
    (
        VersionView(
            2,
            bytes(32),
            VersionState.IN_FORCE,
            Way.LIVE,
            1,
            "eng",
            "sam",
            1_780_000_000_000,
            0,
            24,
            24,
            "the council weighed buses anew",
            "",
            ("policy: persons_per_bus 30 becomes 45",),
        ),
        VersionView(1, bytes(32), VersionState.FORMER, Way.LIVE, 0, "station", "", 1_770_000_000_000),
    ),
    weights=("version=1", "persons_per_car=1.3", "persons_per_bus=45", "glow=2"),
)


class PaperStation:
    """Answers as a station would, and keeps what it was asked."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.orders: list[dict[str, Any]] = []
        self.previews: list[dict[str, Any]] = []
        self.approvals: list[tuple[bytes, bool]] = []
        self.acts: list[AlarmAction | FlagAction] = []
        self.preview_error: Exception | None = None
        self.order_error: Exception | None = None
        self.outcome = Outcome.ACCEPTED
        self.changes: dict[str, Any] = {}
        stage.wire._answer = lambda job: job(self)

    def preview(self, **what: Any) -> Forecast:
        self.previews.append(what)
        if self.preview_error:
            raise self.preview_error
        forecast = Forecast(
            bytes(16), self.stage.wire.sight.now_ms, 120_000, ROWS, tuple(what["basis"]),
            "People in cars wait longer.", error_permille=180, checked=40,
        )  # fmt: skip
        return replace(forecast, **self.changes)

    def order(self, **what: Any) -> Reply:
        self.orders.append(what)
        if self.order_error:
            raise self.order_error
        now_ms = self.stage.wire.sight.now_ms
        return Reply(
            bytes(32), self.outcome, f"ana-{len(self.orders)}", now_ms=now_ms, expires_ms=now_ms + 60_000
        )

    def approve(self, digest: bytes, agrees: bool = True) -> Reply:
        self.approvals.append((digest, agrees))
        return Reply(bytes(32), Outcome.DONE, "o-18")

    def act_on_alarm(self, alarm: str, action: AlarmAction, for_ms: int = 0, reason: str = "") -> Reply:
        self.acts.append(action)
        return Reply(bytes(32), Outcome.DONE)

    def act_on_flag(self, flag: str, action: FlagAction, reason: str = "") -> Reply:
        self.acts.append(action)
        return Reply(bytes(32), Outcome.DONE)

    def versions(self, number: int = 0) -> Versions:
        return VERSIONS

    def audit(self, before: int = 0, order: str = "") -> AuditPage:
        return AuditPage(bytes(16), ())

    def earlier(self, before: int = 0, junction: str = "") -> tuple[Event, ...]:
        return ()

    @property
    def commands(self) -> list[Command]:
        return [what["command"] for what in self.orders]


def chosen(stage: Stage) -> str:
    name = list(stage.wire.sight.layouts)[2]
    stage.app.choose(name)
    return name


def title(stage: Stage, name: str) -> str:
    return stage.wire.sight.layouts[name].title


def said(stage: Stage) -> str:
    """All of the screen as running text, whatever frames stand between."""
    return " ".join(word for word in stage.words().split() if word not in "│┃▌▊▎")


async def to_preview(stage: Stage) -> PaperStation:
    station = PaperStation(stage)
    chosen(stage)
    await stage.press("o", "1", "1", "2", "1")
    return station


def test_a_hold_is_guided_previewed_sent_and_done_when_the_lamps_prove_it() -> None:
    async def story(stage: Stage) -> None:
        station = await to_preview(stage)
        assert stage.shows("Hold a stage: ns for 1 min at")
        assert stage.shows("everybody")
        assert stage.shows("+5 min")
        assert stage.shows("Earlier forecasts were wrong by 18 %")
        assert not station.orders
        await stage.press("s")
        sent = station.orders[0]
        assert (sent["command"], sent["stage"], sent["lease_ms"]) == (Command.HOLD, "ns", 60_000)
        assert sent["basis"] == (7,)
        assert sent["reason"]
        assert stage.shows("ACCEPTED, NOT YET ON THE STREET")
        assert not stage.shows("Done")
        view = order_view("ana-1", "ana", Command.HOLD, "accepted", 60_000)
        await stage.tell(now_ms=NOW_MS + 1_000, orders={"ana-1": view})
        assert not stage.shows("Done")
        await stage.tell(now_ms=NOW_MS + 5_000, orders={"ana-1": replace(view, state="effective")})
        await stage.pilot.pause(0.3)
        assert stage.shows("ON THE STREET")
        assert stage.shows("Done: the lamps prove it.")

    Stage(12).play(story, 100, 30)


def test_enter_held_down_sends_nothing() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        chosen(stage)
        await stage.press("o", *["enter"] * 14)
        assert stage.shows("everybody")
        assert not station.orders

    Stage(12).play(story, 100, 30)


def test_one_undo_key_gives_it_back() -> None:
    async def story(stage: Stage) -> None:
        station = await to_preview(stage)
        await stage.press("s")
        view = order_view("ana-1", "ana", Command.HOLD, "accepted", 60_000)
        await stage.tell(now_ms=NOW_MS + 1_000, orders={"ana-1": view})
        await stage.press("u")
        assert station.commands == [Command.HOLD, Command.RELEASE]
        assert station.orders[1]["order"] == "ana-1"
        await stage.tell(now_ms=NOW_MS + 20_000)
        await stage.press("u")
        assert len(station.orders) == 2, "it is offered for ten seconds"

    Stage(12).play(story, 100, 30)


def test_a_refusal_is_told_in_words_with_what_to_do() -> None:
    async def story(stage: Stage) -> None:
        station = await to_preview(stage)
        station.order_error = Refused(
            "basis", "c2r0 changed: you saw version 7, it is 8; hold by ole acts there"
        )
        await stage.press("s")
        assert "hold by ole acts there" in said(stage)
        assert "look again, then preview again" in said(stage)
        assert len(station.previews) == 2, "and it is previewed anew"

    Stage(12).play(story, 100, 30)


def test_what_is_not_known_is_said_to_be_not_known() -> None:
    async def story(stage: Stage) -> None:
        station = await to_preview(stage)
        station.order_error = NoAnswer("no answer in 3 tries")
        await stage.press("s")
        assert "whether the station acted is NOT known" in said(stage)
        await stage.press("s", "s")
        assert len(station.orders) == 1, "nothing is sent again by itself or by another press"

    Stage(12).play(story, 100, 30)


def test_an_old_forecast_is_asked_for_again() -> None:
    async def story(stage: Stage) -> None:
        station = await to_preview(stage)
        stage.now_s += 31
        await stage.tell(now_ms=NOW_MS + 31_000)
        await stage.press("s")
        assert not station.orders
        assert "more than 30 s old" in said(stage)

    Stage(12).play(story, 100, 30)


def test_without_previews_only_what_is_safer_goes_out() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        station.preview_error = Refused("topic", "this station has no previews")
        chosen(stage)
        await stage.press("o", "1", "1", "2", "1")
        assert "This station cannot foresee" in said(stage)
        await stage.press("s")
        assert not station.orders
        await stage.press("escape", "escape", "escape", "escape", "escape")
        layout = stage.wire.sight.layouts[chosen(stage)]
        at = [offer.command for offer in offers(Role.OPERATOR, layout)].index(Command.ALL_RED)
        await stage.press("o", *["down"] * at, "enter", "1", "1", "1")
        assert "ALL RED" in said(stage)
        await stage.press("s")
        assert station.commands == [Command.ALL_RED]
        assert station.orders[0]["basis"] == ()

    Stage(12).play(story, 100, 30)


def test_what_the_station_would_refuse_is_not_sent() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        station.changes = {"refusal": "slot 7 is held by ole", "needs": "", "warnings": ("A bus is near.",)}
        chosen(stage)
        await stage.press("o", "1", "1", "2", "1", "s")
        assert not station.orders
        assert "slot 7 is held by ole" in said(stage)
        assert "A bus is near." in said(stage)
        station.changes = {}
        await stage.press("T")
        assert "displacing who holds it" in said(stage)
        await stage.press("s")
        assert station.orders[0]["takeover"] is True

    Stage(12).play(story, 100, 30)


def test_a_viewer_is_offered_nothing() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        chosen(stage)
        await stage.press("o", "1", "enter", "s")
        assert "A viewer may order nothing here." in said(stage)
        await stage.press("escape", "exclamation_mark", "enter")
        assert "may not stop traffic from here" in said(stage)
        assert not station.orders

    Stage(12, Role.VIEWER).play(story, 100, 30)


def test_traffic_is_stopped_only_by_typing_the_name_of_the_place() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        name = chosen(stage)
        await stage.press("exclamation_mark", *["enter"] * 10)
        assert not station.orders
        stage.app.screen.query_one("#typed", Input).value = "c9r9"
        await stage.press("enter")
        assert not station.orders
        stage.app.screen.query_one("#typed", Input).value = title(stage, name).upper().replace(" ", "")
        await stage.press("enter")
        assert station.commands == [Command.ALL_RED]
        assert station.orders[0]["junctions"] == (name,)
        await stage.press("enter", "enter")
        assert len(station.orders) == 1

    Stage(12).play(story, 100, 30)


def test_a_whole_district_is_stopped_by_its_name_even_from_a_stale_screen() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        name = chosen(stage)
        district = stage.wire.sight.layouts[name].district
        await stage.later(60)
        await stage.press("exclamation_mark", "down", "down", "down", "enter")
        stage.app.screen.query_one("#typed", Input).value = district
        await stage.press("enter")
        assert station.commands == [Command.FLASH]
        names = {n for n, layout in stage.wire.sight.layouts.items() if layout.district == district}
        assert set(station.orders[0]["junctions"]) == names
        assert len(names) > 2

    Stage(12).play(story, 100, 30)


def orders_of(*views: OrderView) -> dict[str, OrderView]:
    return {view.order: view for view in views}


def test_own_leases_are_renewed_and_released_with_one_key() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        hold = replace(order_view("ana-7", "ana", Command.HOLD, "effective", 84_000), lease_ms=90_000)
        await stage.tell(orders=orders_of(hold))
        await stage.press("l")
        assert stage.shows("1:24")
        await stage.press("r")
        assert station.orders[0]["renew"] is True
        assert station.orders[0]["lease_ms"] == 90_000
        await stage.press("x")
        assert station.commands == [Command.HOLD, Command.RELEASE]

    Stage(12).play(story, 100, 30)


def test_letting_traffic_go_again_or_ending_anothers_order_is_asked_once_more() -> None:
    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        for view in (
            order_view("ana-8", "ana", Command.ALL_RED, "effective", 84_000),
            order_view("ole-3", "ole", Command.HOLD, "effective", 84_000),
        ):
            station.orders.clear()
            await stage.tell(orders=orders_of(view))
            await stage.press("l", "x", "x", "x", "enter", "y")
            assert not station.orders, view
            await stage.press("Y")
            assert station.commands == [Command.RELEASE]
            assert station.orders[0]["takeover"] is (view.issuer == "ole")
            await stage.press("escape")

    Stage(12).play(story, 100, 30)


def test_the_second_person_sees_what_they_sign_and_answers_with_a_capital_letter() -> None:
    digest = bytes(range(32))
    waits = replace(
        order_view("ole-9", "ole", Command.LOCKOUT, "requested", 41_000), digest=digest, at=("c2r0",),
        lease_ms=3_600_000,
    )  # fmt: skip

    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        await stage.tell(orders=orders_of(waits))
        await stage.press("l", "enter")
        assert "digest begins with 0001 0203" in said(stage)
        assert title(stage, "c2r0") in said(stage)
        await stage.press("a", "d", "enter", "s", "y")
        assert not station.approvals
        await stage.press("A")
        assert station.approvals == [(digest, True)]

    Stage(12, Role.SUPERVISOR).play(story, 100, 30)

    async def not_mine(stage: Stage) -> None:
        station = PaperStation(stage)
        await stage.tell(orders=orders_of(replace(waits, issuer="ana")))
        await stage.press("l", "enter", "A")
        assert "must be another one" in said(stage)
        assert not station.approvals

    Stage(12, Role.SUPERVISOR).play(not_mine, 100, 30)


def test_an_order_that_waits_no_longer_is_not_agreed_to() -> None:
    waits = order_view("ole-9", "ole", Command.LOCKOUT, "requested", 41_000)

    async def story(stage: Stage) -> None:
        station = PaperStation(stage)
        await stage.tell(orders=orders_of(waits))
        await stage.press("l", "enter")
        await stage.tell(orders={})
        await stage.press("A")
        assert not station.approvals

    Stage(12, Role.SUPERVISOR).play(story, 100, 30)
