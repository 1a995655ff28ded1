"""The pages people read and the forms they send: a signal, a report, the rules, what is kept."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from override.bounds import NONCE_BYTES, REASON_CHARACTERS
from override.citizen.decisions import decision
from override.citizen.desk import CitizenDesk
from override.citizen.language import TAGS, Language, plain
from override.citizen.near import near
from override.citizen.pages import CasePage, InventoryRow, SignalPage
from override.citizen.sentences import (
    CODE_NOTES,
    SHOWING,
    WHY_ELSE,
    WHY_TITLE,
    code_note,
    place,
    reworded,
)
from override.citizen.web.forms import BadForm, read_form
from override.citizen.web.render import Renderer, address
from override.citizen.web.symbols import LAMPS
from override.flag_messages import Channel, FlagReply, FlagRequest, Kind, Presence
from override.poles import code_in, joined, parted, spoken

PROMISE_RESTS = frozenset({"why-flash", "why-dark", "why-all-red"})
"""Reasons for which nobody can be promised a green."""
LOST_S = 10
"""A station silent for so long is said to be out of reach."""


class CitizenPages:
    """The handlers of all pages. `public_url` is where people find them, if that is known."""

    def __init__(self, desk: CitizenDesk, renderer: Renderer, public_url: str = "") -> None:
        self.desk = desk
        self.public_url = public_url.rstrip("/")
        self.renderer = renderer

    def routes(self) -> list[Route]:
        """Each page without a language and in each."""
        handlers: tuple[tuple[str, Any, list[str]], ...] = (
            ("/", self.home, ["GET"]),
            ("/s", self.find, ["GET"]),
            ("/s/{code:path}/now", self.signal_now, ["GET"]),
            ("/s/{code:path}", self.signal, ["GET"]),
            ("/s/{code:path}", self.flag, ["POST"]),
            ("/f/{token}/now", self.status_now, ["GET"]),
            ("/f/{token}", self.status, ["GET"]),
            ("/f/{token}", self.still, ["POST"]),
            ("/policy", self.policy, ["GET"]),
            ("/privacy", self.privacy, ["GET"]),
            ("/data", self.data, ["GET"]),
        )
        prefixes = ("", *(f"/{tag}" for tag in TAGS))
        return [Route(p + path, h, methods=methods) for p in prefixes for path, h, methods in handlers]

    async def home(self, request: Request) -> Response:
        """Where somebody types a code."""
        return self.renderer.page(request, "home.html", typed="")

    async def find(self, request: Request) -> Response:
        """From the typed code to its page."""
        code = plain(request.query_params.get("code", ""))[:64]
        if not code:
            return await self.home(request)
        page = self.desk.signal(code)
        if page is None:
            return self._unknown(request, code)
        return self._see(request, "s", _code(page, parted(code)[1]))

    async def signal(self, request: Request) -> Response:
        """What a signal does, why, what is known, and the form."""
        code = plain(request.path_params["code"])[:64]
        if not code:
            return await self.home(request)
        page = self.desk.signal(code)
        if page is None:
            return self._unknown(request, code)
        return self.renderer.page(
            request, "signal.html", **self._now(request, page),
            live=bool(page.group) or page.why.code in PROMISE_RESTS,
            place=place(page, self._speak(request)), nonce=secrets.token_hex(NONCE_BYTES),
            here=address(request, self._speak(request), "s", _code(page, parted(code)[1])),
            code_spoken=f"{_said(page.pole)} {parted(code)[1]}".rstrip(), shown=parted(code)[1],
        )  # fmt: skip

    async def signal_now(self, request: Request) -> Response:
        """The part of a signal's page that changes."""
        page = self.desk.signal(plain(request.path_params["code"])[:64])
        if page is None:
            return Response(status_code=404)
        return self.renderer.page(request, "now.html", **self._now(request, page))

    async def flag(self, request: Request) -> Response:
        """One tap on what is wrong."""
        code = plain(request.path_params["code"])[:64]
        form = await read_form(request)
        speak = self._speak(request)
        nonce, words = form.get("nonce", ""), plain(form.get("words", ""))
        kind = form.get("kind", "").strip()
        if kind not in set(Kind):
            raise BadForm(400, speak.say("Please choose what is wrong."))
        if len(words) > REASON_CHARACTERS:
            raise BadForm(400, speak.say("Please write at most {count} letters.", count=REASON_CHARACTERS))
        if len(code) < 1:
            return self._unknown(request, code)
        shown = plain(form.get("shown", ""))[:32]
        typed = f"{parted(code)[0]}-{shown}"
        signal = typed if parted(typed)[1] else code
        asked = FlagRequest(_nonce(nonce), signal, Kind(kind), Channel.PAGE, words)
        reply = await run_in_threadpool(self.desk.flag, asked, _source(request))
        if reply.accepted:
            said = Presence.WRONG if reply.presence is Presence.NONE and shown else reply.presence
            return self._see(request, "f", reply.token, query=f"?code={said}" if said in CODE_NOTES else "")
        fields = (("kind", kind), ("words", words), ("nonce", asked.nonce.hex()), ("shown", shown))
        return self._refused(request, reply, code, fields)

    async def status(self, request: Request) -> Response:
        """Where a report stands."""
        token = request.path_params["token"]
        case = self.desk.case(token)
        if case is None:
            return self._no_report(request)
        speak = self._speak(request)
        return self.renderer.page(
            request, "status.html", live=True, case=case, token=token, place=place(case, speak),
            here=address(request, speak, "f", token), again="again" in request.query_params,
            code_note=_code_note(request, case, speak), beyond=self._beyond(case, speak),
        )  # fmt: skip

    async def status_now(self, request: Request) -> Response:
        """The part of a report's page that changes."""
        case = self.desk.case(request.path_params["token"])
        if case is None:
            return Response(status_code=404)
        speak = self._speak(request)
        where, beyond = place(case, speak), self._beyond(case, speak)
        return self.renderer.page(request, "standing.html", case=case, place=where, beyond=beyond)

    async def still(self, request: Request) -> Response:
        """One tap: still broken."""
        token = request.path_params["token"]
        await read_form(request)
        reply = await run_in_threadpool(self.desk.still, token, _source(request))
        if reply.accepted:
            return self._see(request, "f", token, query="?again=1")
        if reply.code == "unknown-token":
            return self._no_report(request)
        return self._refused(request, reply, "", ())

    async def policy(self, request: Request) -> Response:
        """Whose wait counts how much, who decided it and when."""
        return self.renderer.page(request, "policy.html", policy=self.desk.open_data().policy)

    async def privacy(self, request: Request) -> Response:
        """The data inventory."""
        tables: dict[tuple[str, ...], list[InventoryRow]] = {}
        for row in self.desk.inventory():
            tables.setdefault((row.table, row.kept, row.readers, row.where), []).append(row)
        return self.renderer.page(request, "privacy.html", tables=list(tables.values()))

    async def data(self, request: Request) -> Response:
        """What there is for programs."""
        return self.renderer.page(request, "data.html")

    def refusal(
        self, request: Request, status: int, heading: str, *sentences: str, **values: Any
    ) -> Response:
        """A page that says what is wrong and what to do."""
        given = {"meant": (), "again": None, "ask": False, "headers": {}, **values}
        return self.renderer.page(
            request, "refusal.html", status, heading=heading, sentences=sentences, **given
        )

    def _see(self, request: Request, *parts: str, query: str = "") -> Response:
        """Go and look there. Whole, where we know our own address: old browsers take no other."""
        there = address(request, self._speak(request), *parts)
        return RedirectResponse(f"{self.public_url}{there}{query}", 303)

    def _speak(self, request: Request) -> Language:
        return self.renderer.speak(request)

    def _now(self, request: Request, page: SignalPage) -> dict[str, Any]:
        speak = self._speak(request)
        return {
            "page": page,
            "shows": speak.say(SHOWING[page.showing]),
            "lamp_symbol": LAMPS[page.showing],
            "why_title": speak.say(WHY_TITLE.get(page.showing, WHY_ELSE)),
            "own_words": decision(page.sentence, speak),
            "rests": page.why.code in PROMISE_RESTS,
            "lost": page.heard_s > LOST_S,
        }

    def _beyond(self, case: CasePage, speak: Language) -> str:
        """Why what is done for a case may not help just now; empty where the signal works and is heard."""
        page = None if case.closed else self.desk.signal(case.pole or case.junction)
        if page is None:
            return ""
        if page.heard_s > LOST_S:
            return speak.say(
                "We cannot reach the signals now. You can still tell us what is wrong: we keep it."
            )
        return speak.phrase(page.why) if page.why.code in PROMISE_RESTS else ""

    def _unknown(self, request: Request, code: str) -> Response:
        speak = self._speak(request)
        meant = [
            {"pole": row.pole, "pole_spoken": _said(row.pole), "place": place(row, speak)}
            for row in near(code, self.desk.signals())
        ]
        heading = speak.say("We know no signal “{code}”", code=code)
        if self.desk.signals():
            why = speak.coded("unknown-signal")
        else:
            why = speak.say("We cannot reach the signals now, so we know no codes yet. Try again soon.")
        return self.refusal(request, 404, heading, why, meant=meant, ask=True)

    def _no_report(self, request: Request) -> Response:
        speak = self._speak(request)
        heading = speak.coded("unknown-token")
        return self.refusal(request, 404, heading, speak.say("Old reports are erased."), ask=True)

    def _refused(
        self, request: Request, reply: FlagReply, code: str, fields: tuple[tuple[str, str], ...]
    ) -> Response:
        speak = self._speak(request)
        if reply.code == "unknown-signal":
            return self._unknown(request, code)
        again = {"action": request.url.path, "fields": fields}
        if reply.busy or reply.code in ("busy", "not-kept"):
            why = speak.coded(reply.code or "busy", retry_s=reply.retry_s)
            headers = {"Retry-After": str(max(1, reply.retry_s))}
            heading = speak.say("Not sent yet")
            return self.refusal(request, 503, heading, why, again=again, headers=headers)
        why = reworded(reply.code, reply.why, speak)
        return self.refusal(request, 400, speak.say("This report cannot be taken."), why)


def _code(page: SignalPage, shown: str = "") -> str:
    return joined(page.pole, shown) or page.junction


def _code_note(request: Request, case: CasePage, speak: Language) -> str:
    told = request.query_params.get("code", "")
    return code_note(Presence(told), case.life, speak) if told in set(Presence) else ""


def _said(pole: str) -> str:
    return spoken(pole) if code_in(pole) else pole


def _nonce(text: str) -> bytes:
    try:
        nonce = bytes.fromhex(text)
    except ValueError:
        nonce = b""
    return nonce if len(nonce) == NONCE_BYTES else secrets.token_bytes(NONCE_BYTES)


def _source(request: Request) -> str:
    return request.client.host if request.client else ""
