"""Templates to pages: in the language of the address or the browser, with the links every page has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from override.citizen.kinds import KINDS
from override.citizen.language import TAGS, Language, asked_for, language
from override.citizen.sentences import LIFE, SHOWING, crossing_name
from override.citizen.web.headers import content_policy

HERE = Path(__file__).parent
_SECONDS = re.compile(r"(\d+) s(?: of waiting)?")


class Renderer:
    """Makes pages. `now_ms` is the wall clock, `zone` the city's."""

    def __init__(self, now_ms: Callable[[], int], zone: tzinfo = UTC) -> None:
        self.now_ms = now_ms
        self.zone = zone
        self.style = (HERE / "style.css").read_text(encoding="utf-8").strip()
        self.script = (HERE / "live.js").read_text(encoding="utf-8").strip()
        self.policy = content_policy(self.style, self.script)

    def speak(self, request: Request) -> Language:
        """The language of the address, else the one that the browser asks for."""
        first = request.url.path.removeprefix(root(request)).strip("/").partition("/")[0]
        tag = first if first in TAGS else asked_for(request.headers.get("accept-language", ""))
        return language(tag, self.zone)

    def page(
        self,
        request: Request,
        template: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """A page of that template."""
        speak = self.speak(request)
        now_ms = self.now_ms()
        html = (
            _templates()
            .get_template(template)
            .render(
                speak=speak,
                say=speak.say,
                say_count=speak.say_count,
                crossing=lambda name: crossing_name(name, speak),
                say_table=partial(_from_a_table, speak),
                clock=lambda wall_ms: speak.clock(wall_ms, now_ms),
                lang_code=code_of(speak),
                base=f"{root(request)}/{speak.tag}",
                languages=_links(request, speak),
                style=Markup(self.style),
                script=Markup(self.script),
                kinds=list(KINDS.values()),
                names={kind: row.english for kind, row in KINDS.items()},
                symbols={kind: row.symbol for kind, row in KINDS.items()},
                life=LIFE,
                showing=SHOWING,
                **{"live": False, **values},
            )
        )
        answer = HTMLResponse(html, status, dict(headers or {}))
        answer.headers["Content-Language"] = code_of(speak)
        answer.headers["Vary"] = "Accept-Language"
        return answer


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def root(request: Request) -> str:
    """Where the page is mounted, without a slash at its end."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def code_of(speak: Language) -> str:
    """The tag for browsers and screen readers (BCP 47)."""
    return str(speak.locale).replace("_", "-")


def address(request: Request, speak: Language, *parts: str) -> str:
    """An address on this page's own host, in a language."""
    return "/".join((root(request), speak.tag, *(quote(part, safe="") for part in parts)))


def _links(request: Request, speak: Language) -> list[dict[str, Any]]:
    path = request.url.path.removeprefix(root(request))
    first, _, rest = path.lstrip("/").partition("/")
    if first not in TAGS:
        rest = path.lstrip("/")
    query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
    return [
        {
            "address": f"{root(request)}/{tag}/{quote(rest, safe='/%')}{query}",
            "code": code_of(other),
            "name": other.own_name,
            "here": tag == speak.tag,
        }
        for tag in TAGS
        for other in (language(tag),)
    ]


def _from_a_table(speak: Language, english: str) -> Markup:
    """Words or a value of a table of the program; marked as English where the catalogue has none."""
    if time := _SECONDS.fullmatch(english):
        return escape(speak.seconds(int(time[1])))
    spoken = str(speak.translations.ugettext(english)) if english else ""
    if spoken == english and speak.tag != "en" and any(c.isalpha() for c in english):
        return Markup('<span lang="en" dir="ltr">{}</span>').format(english)
    return escape(speak.own_digits(spoken) if spoken == english else spoken)
