"""Open311 over HTTP: `/open311/v2/...`, JSON and XML."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from override.citizen import open311
from override.citizen.desk import CitizenDesk
from override.citizen.language import Language, language
from override.citizen.open311 import Open311Error
from override.citizen.pages import CasePage
from override.citizen.sentences import code_note, done_words, reworded
from override.citizen.web.forms import BadForm, read_form
from override.citizen.web.render import Renderer
from override.flag_messages import FlagReply

Handler = Callable[[Request], Awaitable[Response]]
PREFIX = "/open311/v2"


class Open311Routes:
    """The handlers. With `keys` only their holders may post."""

    def __init__(self, desk: CitizenDesk, renderer: Renderer, keys: frozenset[str], public_url: str) -> None:
        self.desk = desk
        self.renderer = renderer
        self.keys = keys
        self.public_url = public_url.rstrip("/")

    def routes(self) -> list[Route]:
        """All of them, each with its format as an ending."""
        handlers: tuple[tuple[str, Handler, str], ...] = (
            ("/services.{format}", self.services, "GET"),
            ("/services/{code}.{format}", self.definition, "GET"),
            ("/requests.{format}", self.listed, "GET"),
            ("/requests.{format}", self.file, "POST"),
            ("/requests/{id}.{format}", self.one, "GET"),
            ("/tokens/{token}.{format}", self.token, "GET"),
            ("/servicerequestupdates.{format}", self.updates, "GET"),
            ("/servicerequestupdates.{format}", self.still, "POST"),
        )
        found = [
            Route(PREFIX + path, _in_words(handler), methods=[method]) for path, handler, method in handlers
        ]
        return [Route("/open311/discovery.{format}", _in_words(self.discovery), methods=["GET"]), *found]

    async def discovery(self, request: Request) -> Response:
        """Where the rest is found."""
        url = self.public_url or str(request.base_url).rstrip("/")
        row = open311.discovery(url, self._speak(request), bool(self.keys))
        return _answer(request, "discovery", "", row)

    async def services(self, request: Request) -> Response:
        """What may be reported."""
        return _answer(request, "services", "service", open311.services(self._speak(request)))

    async def definition(self, request: Request) -> Response:
        """What must be told with it."""
        row = open311.definition(request.path_params["code"], self._speak(request))
        return _answer(request, "service_definition", "", row)

    async def listed(self, request: Request) -> Response:
        """Cases, the latest first."""
        want = open311.wanted(request.query_params, self.renderer.now_ms())
        return self._requests(request, open311.cases_wanted(want, self.desk))

    async def one(self, request: Request) -> Response:
        """One case, by its public id or by the token of a flag."""
        return self._requests(request, [self._case(request.path_params["id"])])

    async def token(self, request: Request) -> Response:
        """The id that a token stands for."""
        token = request.path_params["token"]
        row = {"service_request_id": self._case(token).case, "token": token}
        return _answer(request, "service_requests", "request", [row])

    async def file(self, request: Request) -> Response:
        """Take a report."""
        form = await read_form(request)
        self._check_key(form)
        speak = self._speak(request)
        flag = open311.filed(form, self.desk, speak)
        reply = await run_in_threadpool(self.desk.flag, flag, _source(request))
        _check(reply, speak)
        case = self.desk.case(reply.token)
        url = self.public_url or str(request.base_url).rstrip("/")
        told = [done_words(case, speak, self.renderer.now_ms()) if case else ""]
        told.append(code_note(reply.presence, reply.life, speak))
        bare = language(speak.tag, bare=True)  # nothing clings to an address
        told.append(bare.say("How it goes on: {url}", url=f"{url}/{speak.tag}/f/{reply.token}"))
        row: open311.Row = {"service_request_id": case.case} if case else {}
        notice = " ".join(one for one in told if one)
        row |= {"token": reply.token, "service_notice": notice, "account_id": None}
        return _answer(request, "service_requests", "request", [row], 201)

    async def updates(self, request: Request) -> Response:
        """What happened to cases, the earliest first."""
        want = open311.wanted(request.query_params, self.renderer.now_ms())
        speak, zone = self._speak(request), self.renderer.zone
        cases = open311.cases_wanted(want, self.desk)
        rows = [row for case in cases for row in open311.update_rows(case, speak, zone)]
        rows.sort(key=lambda row: (row["updated_datetime"], row["update_id"]))
        return _answer(request, "service_request_updates", "request_update", rows[: open311.LISTED_MAX])

    async def still(self, request: Request) -> Response:
        """An update from outside says one thing only: still broken. It takes the token of the report."""
        form = await read_form(request)
        self._check_key(form)
        token = form.get("token") or form.get("service_request_id", "")
        if not self._case(token).mine:
            raise Open311Error(403, "token is missing: the one that came with the answer to the report")
        if form.get("status", "OPEN").upper() not in ("OPEN", "REOPENED", "CONFIRMED", "IN_PROGRESS"):
            raise Open311Error(400, "a report is closed by proof or by a person in charge, not from outside")
        reply = await run_in_threadpool(self.desk.still, token, _source(request))
        _check(reply, self._speak(request))
        rows = open311.update_rows(self._case(token), self._speak(request), self.renderer.zone)
        return _answer(request, "service_request_updates", "request_update", rows[-1:], 201)

    def _case(self, name: str) -> CasePage:
        case = self.desk.case(name) if name else None
        if case is None:
            raise Open311Error(404, "service_request_id or token is unknown")
        return case

    def _requests(self, request: Request, cases: list[CasePage]) -> Response:
        speak = self._speak(request)
        zone, now_ms = self.renderer.zone, self.renderer.now_ms()
        rows = [open311.request_row(case, speak, zone, now_ms) for case in cases]
        return _answer(request, "service_requests", "request", rows)

    def may_file(self, form: dict[str, str]) -> bool:
        """Whether a form has a key, where one is needed."""
        given = form.get("api_key", "").encode()
        return not self.keys or any(hmac.compare_digest(given, key.encode()) for key in self.keys)

    def _check_key(self, form: dict[str, str]) -> None:
        if not self.may_file(form):
            raise Open311Error(403, "api_key is missing or unknown")

    def _speak(self, request: Request) -> Language:
        return self.renderer.speak(request)


def _check(reply: FlagReply, speak: Language) -> None:
    if reply.accepted:
        return
    if reply.busy or reply.code == "not-kept":
        raise _Busy(speak.coded(reply.code or "busy", retry_s=reply.retry_s), reply.retry_s)
    status = 404 if reply.code.startswith("unknown") else 400
    raise Open311Error(status, reworded(reply.code, reply.why, speak))


class _Busy(Open311Error):
    def __init__(self, description: str, retry_s: int) -> None:
        super().__init__(503, description)
        self.retry_s = max(1, retry_s)


def _in_words(handler: Handler) -> Handler:
    """What cannot be answered is a list of errors, in the format asked for."""

    async def answered(request: Request) -> Response:
        try:
            if request.path_params["format"] not in ("json", "xml"):
                raise Open311Error(404, "formats are json and xml")
            return await handler(request)
        except (Open311Error, BadForm) as error:
            return _errors(request.path_params["format"], error)

    return answered


def busy(form: str, wait_s: int, speak: Language) -> Response:
    """What a report is told that there is no room for, in that format."""
    return _errors(form, _Busy(speak.coded("busy", retry_s=wait_s), wait_s))


def _errors(form: str, error: Open311Error | BadForm) -> Response:
    answer = _written(
        form, "errors", "error", [{"code": error.status, "description": str(error)}], error.status
    )
    if isinstance(error, _Busy):
        answer.headers["Retry-After"] = str(error.retry_s)
    return answer


def _answer(request: Request, top: str, each: str, rows: Any, status: int = 200) -> Response:
    return _written(request.path_params["format"], top, each, rows, status)


def _written(form: str, top: str, each: str, rows: Any, status: int) -> Response:
    if form == "xml":
        body = open311.as_xml(top, each, rows)
        answer = Response(body, status, media_type="text/xml; charset=utf-8")
    else:
        answer = JSONResponse(rows, status)
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Vary"] = "Accept-Language"
    return answer


def _source(request: Request) -> str:
    return request.client.host if request.client else ""
