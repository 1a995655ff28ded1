"""Turns a flood of Open311 reports away before it costs anything, as `turnstile` does for the pages.

A report names its signal in its body, so that the body is read here: of a short form only, and handed on as
it came wherever somebody else has to say more than BUSY.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from override.citizen.open311 import names_in
from override.citizen.web.open311_routes import PREFIX, busy
from override.citizen.web.render import Renderer
from override.citizen.web.turnstile import Full, short_form, source_of, whole_body
from override.flag_messages import Kind

_REPORTS = re.compile(rf"{PREFIX}/requests\.(json|xml)")
_KINDS = frozenset(Kind)


class Open311Turnstile:
    """In front of the routes. `may_file` says whether a form has the key that is needed, if any is."""

    def __init__(
        self, app: ASGIApp, crowd: Full, renderer: Renderer, may_file: Callable[[dict[str, str]], bool]
    ) -> None:
        self.app, self.crowd, self.renderer, self.may_file = app, crowd, renderer, may_file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a report there is no room for; hand everything else on, as it came."""
        path = str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))
        found = _REPORTS.fullmatch(path)
        if scope["type"] != "http" or scope["method"] != "POST" or not found or not short_form(scope):
            await self.app(scope, receive, send)
            return
        body, again = await whole_body(receive)
        if body is None or not (wait_s := self._full_s(body, source_of(scope))):
            await self.app(scope, again, send)
            return
        answer = busy(found[1], wait_s, self.renderer.speak(Request(scope)))
        await answer(scope, receive, send)

    def _full_s(self, body: bytes, source: str) -> int:
        """Seconds until it may be heard; 0 = it may be now, or is none that anybody would hear."""
        try:
            form = dict(parse_qsl(body.decode(), True, errors="strict"))
        except UnicodeDecodeError:
            return 0
        names = names_in(form)
        if not names or form.get("service_code") not in _KINDS or not self.may_file(form):
            return 0
        return self.crowd.full_s(names[0], b"", source)
