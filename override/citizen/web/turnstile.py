"""Turns a flood of reports away before it costs anything: BUSY from a page that was made before.

Only what the report itself says is looked at (its signal, and the number by which it is known if it
comes twice), and only where that signal hears nobody now. The page is the one that everybody
is told BUSY with, and keeps what was written, to be sent again.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import parse_qsl, quote

from markupsafe import escape
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from override.citizen.language import TAGS, asked_for, plain
from override.citizen.web.headers import safe_headers
from override.citizen.web.render import Renderer

CODE, FIELDS = "belisha-code-here", "belisha-fields-here"
"""What a page that was made before says where a report's own code and words go."""
_FIELDS = f'<input type="hidden" name="{FIELDS}" value="">'
PAGES_MAX = 2_000
FORM_BYTES = 4_096
"""Longer ones are read by whom it is meant for, as are forms in parts."""
TOLD = ("kind", "words", "nonce", "shown")
_PLAIN_FORM = "application/x-www-form-urlencoded"


class Full(Protocol):
    """Whether there is room."""

    def full_s(self, signal: str, nonce: bytes, source: str) -> int:
        """Seconds until a flag may be heard there; 0 = hand it in."""


class Turnstile:
    """In front of everything."""

    def __init__(self, app: ASGIApp, crowd: Full, renderer: Renderer) -> None:
        self.app, self.crowd, self.renderer = app, crowd, renderer
        self._pages: dict[tuple[str, str, int], str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a report there is no room for; hand everything else on, as it came."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        language, code = self._reported(scope)
        source = source_of(scope)
        if not code or not self.crowd.full_s(code, b"", source) or not short_form(scope):
            await self.app(scope, receive, send)
            return
        body, again = await whole_body(receive)
        form = dict(parse_qsl((body or b"").decode("utf-8", "replace")))
        if body is None or not (wait_s := self.crowd.full_s(code, _nonce(form), source)):
            await self.app(scope, again, send)
            return
        await self._refuse(scope, language, code, form, wait_s, send)

    async def _refuse(
        self, scope: Scope, tag: str, code: str, form: dict[str, str], wait_s: int, send: Send
    ) -> None:
        rows = [(name, plain(form[name])) for name in TOLD if name in form]
        fields = "".join(f'<input type="hidden" name="{name}" value="{escape(v)}">' for name, v in rows)
        page = self._page(scope, tag, wait_s).replace(CODE, quote(code, safe=""))
        body = page.replace(_FIELDS, fields).encode("utf-8", "replace")
        headers = {
            **safe_headers(self.renderer.policy), "content-type": "text/html; charset=utf-8",
            "content-length": str(len(body)), "retry-after": str(wait_s), "content-language": tag,
            "vary": "Accept-Language",
        }  # fmt: skip
        start = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 503, "headers": start})
        await send({"type": "http.response.body", "body": body})

    def _page(self, scope: Scope, tag: str, wait_s: int) -> str:
        key = (str(scope.get("root_path", "")), tag, wait_s)
        if (page := self._pages.get(key)) is None:
            path = f"{key[0]}/{tag}/s/{CODE}"
            request = Request({**scope, "path": path, "raw_path": path.encode(), "query_string": b""})
            speak = self.renderer.speak(request)
            made = self.renderer.page(
                request, "refusal.html", heading=speak.say("Not sent yet"), meant=(), ask=False,
                sentences=(speak.coded("busy", retry_s=wait_s),),
                again={"action": path, "fields": ((FIELDS, ""),)},
            )  # fmt: skip
            if len(self._pages) >= PAGES_MAX:
                self._pages.clear()
            page = self._pages[key] = bytes(made.body).decode()
        return page

    def _reported(self, scope: Scope) -> tuple[str, str]:
        """(language, signal) of a report from a signal's page; no signal = it is something else."""
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        first, _, rest = path.strip("/").partition("/")
        tag = first if first in TAGS else asked_for(_header(scope, b"accept-language"))
        kind, _, code = (rest if first in TAGS else path.strip("/")).partition("/")
        return tag, plain(code)[:64] if kind == "s" else ""


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def short_form(scope: Scope) -> bool:
    """Whether what comes is a form that can be looked at in passing."""
    length, kind = _header(scope, b"content-length"), _header(scope, b"content-type")
    short = length.isascii() and length.isdigit() and int(length[:9]) <= FORM_BYTES
    return short and kind.partition(";")[0].strip().lower() in ("", _PLAIN_FORM)


def _nonce(form: dict[str, str]) -> bytes:
    try:
        return bytes.fromhex(form.get("nonce", ""))
    except ValueError:
        return b""


def source_of(scope: Scope) -> str:
    """The address a request comes from; empty where nobody knows."""
    return str(scope["client"][0]) if scope.get("client") else ""


async def whole_body(receive: Receive) -> tuple[bytes | None, Receive]:
    """(body, how somebody else receives it); no body = it comes in parts, or never."""
    first = await receive()
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    whole = first["type"] == "http.request" and not first.get("more_body")
    return first.get("body", b"") if whole else None, again
