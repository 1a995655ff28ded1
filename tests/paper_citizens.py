"""A citizen desk on paper: a small street in memory, for tests of whatever talks to citizens."""

from __future__ import annotations

import secrets
from dataclasses import replace

from override.citizen.pages import (
    CasePage,
    CaseRow,
    InventoryRow,
    OpenData,
    OpenSignal,
    Outcome,
    PolicyView,
    Showing,
    SignalPage,
    SignalRow,
    Step,
)
from override.citizen.phrases import Phrase, say
from override.flag_messages import FlagLife, FlagReply, FlagRequest, Kind

WALL_MS = 1_763_800_200_000
POLICY = PolicyView(
    1, "the city council", "2026-01-15", (("a person on foot", "1"), ("a person in a car", "1"))
)
ROWS = (
    SignalRow("4F7K", "J7", "walk.ns", "Canal St & Mill Ln", "across Canal St", "North", Showing.WAIT),
    SignalRow("4F8M", "J7", "walk.ew", "Canal St & Mill Ln", "across Mill Ln", "North", Showing.WALK),
    SignalRow("9QXR", "J2", "walk.ns", "Ferry Rd <& \"Quay\">", "across Ferry Rd", "South", Showing.FLASH),
)  # fmt: skip
SHOWS_CODES = "9QXR"
"""A pole that shows a code for a while."""
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
REMEDIES = {Kind.BUTTON_DEAD: "remedy-recall", Kind.GREEN_TOGETHER: "remedy-urgent"}
WHY = {
    Showing.WALK: say("why-green"), Showing.WAIT: say("why-vehicles"), Showing.FLASH: say("why-flash"),
}  # fmt: skip


def plain(name: str) -> str:
    """A code as people type it."""
    return "".join(c for c in name.upper() if c.isalnum())


class PaperDesk:
    """A `CitizenDesk`. Set `busy` to have flags refused, `advance` to move a case on."""

    def __init__(self) -> None:
        self.busy = False
        self.flags: list[FlagRequest] = []
        self._pages: dict[str, CasePage] = {}
        self._tokens: dict[str, str] = {}
        self._replies: dict[bytes, FlagReply] = {}

    def signals(self) -> tuple[SignalRow, ...]:
        return tuple(sorted(ROWS, key=lambda row: (row.district, row.title, row.crossing)))

    def signal(self, name: str) -> SignalPage | None:
        row = next((r for r in ROWS if plain(r.pole) == plain(name)), None)
        here = row or next((r for r in ROWS if name in (r.junction, r.title)), None)
        if here is None:
            return None
        row = row or replace(here, pole="", group="", crossing="", showing=Showing.UNKNOWN)
        crossings = tuple(r for r in ROWS if r.junction == row.junction)
        cases = tuple(
            CaseRow(c.case, c.kind, c.life, c.urgent, c.known_since_wall_ms, c.why, c.remedy, c.until_wall_ms)
            for c in self._pages.values()
            if c.junction == row.junction and not c.closed
        )
        return SignalPage(
            row.pole, row.junction, row.group, row.title, row.crossing, row.district, row.showing,
            12, 1, row.showing is Showing.WAIT, 31, 90, 97, 240,
            WHY.get(row.showing, say("why-silent", silent_s=9)),
            "Canal St had 14 cars waiting, so it went first.", POLICY, cases, crossings,
            row.pole == SHOWS_CODES,
        )  # fmt: skip

    def flag(self, request: FlagRequest, source: str = "") -> FlagReply:
        if request.nonce in self._replies:
            return self._replies[request.nonce]
        if request.still:
            return self.still(request.still, source)
        if self.busy:
            why = say("busy", retry_s=30).english
            return FlagReply(request.nonce, False, busy=True, retry_s=30, code="busy", why=why)
        if (page := self.signal(request.signal)) is None:
            return FlagReply(request.nonce, False, code="unknown-signal", why=say("unknown-signal").english)
        self.flags.append(request)
        token = "".join(secrets.choice(CROCKFORD) for _ in range(16))
        case = self._fold(page, request.kind)
        self._tokens[token] = case.case
        remedy = case.remedy.english if case.remedy else ""
        reply = FlagReply(
            request.nonce, True, token, why=case.why.english, life=case.life, remedy=remedy,
            known_ms=600_000 if case.life is FlagLife.KNOWN else 0, until_ms=900_000 if remedy else 0,
        )  # fmt: skip
        self._replies[request.nonce] = reply
        return reply

    def _fold(self, page: SignalPage, kind: Kind) -> CasePage:
        place = (page.junction, page.group, kind)
        old = next((c for c in self._pages.values() if (c.junction, c.group, c.kind) == place), None)
        if old and not old.closed:
            if old.life is FlagLife.REMEDIED:
                return old
            return self.advance(old.case, FlagLife.KNOWN, say("known"))
        remedy = say(REMEDIES[kind]) if kind in REMEDIES else None
        life = FlagLife.REMEDIED if remedy else FlagLife.WITH_A_PERSON
        why = say("remedied" if remedy else "with-a-person")
        case = CasePage(
            f"C{len(self._pages) + 1:05d}", kind, life, kind is Kind.GREEN_TOGETHER, page.pole, page.junction,
            page.group, page.title, page.crossing, page.district, WALL_MS, WALL_MS, None, why,
            (Step(FlagLife.RECEIVED, WALL_MS, say("received")), Step(life, WALL_MS, why)),
            say("rec-button-silent", minutes=4) if remedy else say("rec-cannot-tell"),
            remedy=remedy, until_wall_ms=WALL_MS + 900_000 if remedy else 0,
        )  # fmt: skip
        self._pages[case.case] = case
        return case

    def advance(self, case: str, life: FlagLife, why: Phrase) -> CasePage:
        """Move a case on, as the record or a person would."""
        old = self._pages[case]
        closed = life in (FlagLife.FIXED, FlagLife.NOT_CONFIRMED)
        changed = replace(
            old, life=life, why=why, closed=closed, changed_wall_ms=WALL_MS,
            steps=(*old.steps, Step(life, WALL_MS, why)),
            remedy=None if closed else old.remedy, until_wall_ms=0 if closed else old.until_wall_ms,
        )  # fmt: skip
        self._pages[case] = changed
        return changed

    def case(self, name: str) -> CasePage | None:
        if name in self._tokens:
            return replace(self._pages[self._tokens[name]], mine=True)
        return self._pages.get(name)

    def cases(
        self, begin_wall_ms: int = 0, end_wall_ms: int = 1 << 62, limit: int = 1000
    ) -> tuple[CasePage, ...]:
        found = [c for c in self._pages.values() if begin_wall_ms <= c.known_since_wall_ms < end_wall_ms]
        return tuple(reversed(found))[:limit]

    def still(self, token: str, source: str = "") -> FlagReply:
        nonce = secrets.token_bytes(16)
        if token not in self._tokens:
            return FlagReply(nonce, False, code="unknown-token", why=say("unknown-token").english)
        case = self._pages[self._tokens[token]]
        life, code = (FlagLife.REOPENED, "reopened") if case.closed else (FlagLife.KNOWN, "known")
        case = self.advance(case.case, life, say(code))
        return FlagReply(nonce, True, token, why=case.why.english, life=life)

    def open_data(self) -> OpenData:
        signals = tuple(
            OpenSignal(j, t, d, s, WALL_MS, r, 100, 200, tuple(row.pole for row in ROWS if row.junction == j))
            for j, t, d, s, r in (
                ("J2", ROWS[2].title, "South", "flash", 5), ("J7", ROWS[0].title, "North", "normal", 0),
            )
        )  # fmt: skip
        outcomes = (
            Outcome("North", Kind.BUTTON_DEAD, 12, 40, None, 9, None, 4),
            Outcome("South", Kind.DARK, None, None, None, None, None, None),
        )
        return OpenData(WALL_MS, "paper town", signals, outcomes, POLICY)

    def inventory(self) -> tuple[InventoryRow, ...]:
        row = InventoryRow(
            "words", "words", "what somebody wrote", "read by a person to judge the case",
            "the citizen file", "until triage, 7 days at most", "operators",
        )  # fmt: skip
        return (row,)
