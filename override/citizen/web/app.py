"""The web application of the citizen process: every channel that comes over HTTP, on one desk."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, tzinfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from override.citizen.desk import CitizenDesk
from override.citizen.web.citizen_pages import CitizenPages
from override.citizen.web.forms import BadForm
from override.citizen.web.headers import SafeHeaders, safe_headers
from override.citizen.web.open311_routes import Open311Routes
from override.citizen.web.open311_turnstile import Open311Turnstile
from override.citizen.web.open_data import OpenDataRoutes
from override.citizen.web.render import Renderer
from override.citizen.web.text_hook import TextHook
from override.citizen.web.turnstile import Full, Turnstile


def wall_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


def make_app(
    desk: CitizenDesk,
    *,
    zone: tzinfo = UTC,
    text_secret: str = "",
    open311_keys: frozenset[str] = frozenset(),
    public_url: str = "",
    now_ms: Callable[[], int] = wall_ms,
    crowd: Full | None = None,
) -> Starlette:
    """The application.

    `zone` is the city's. Without a `text_secret` the hook for text messages is closed. With
    `open311_keys` only their holders may file by Open311; without, everybody may. `public_url`
    is where the page is found from outside, for links. `crowd` knows which signals hear nobody now,
    so that a flood is turned away before it is read.
    """
    renderer = Renderer(now_ms, zone)
    pages = CitizenPages(desk, renderer, public_url)
    open311 = Open311Routes(desk, renderer, open311_keys, public_url)

    async def http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        speak = renderer.speak(request)
        if status == 404:
            return pages.refusal(request, 404, speak.say("There is no such page."), ask=True)
        if status == 405:
            return pages.refusal(request, 405, speak.say("That does not work here."), ask=True)
        heading = speak.say("Something broke on our side.")
        again = speak.say("Your report may not have reached us. Please try again in a minute.")
        # Starlette answers what nobody expected outside of every middleware.
        return pages.refusal(request, status, heading, again, headers=safe_headers(renderer.policy))

    async def bad_form(request: Request, error: Exception) -> Response:
        status = error.status if isinstance(error, BadForm) else 400
        heading = renderer.speak(request).say("This report cannot be taken.")
        return pages.refusal(request, status, heading, str(error))

    return Starlette(
        routes=[
            *OpenDataRoutes(desk).routes(),
            *open311.routes(),
            *TextHook(desk, renderer, text_secret).routes(),
            *pages.routes(),
        ],
        middleware=[
            *([Middleware(Turnstile, crowd=crowd, renderer=renderer)] if crowd else []),
            Middleware(SafeHeaders, policy=renderer.policy),
            *(
                [Middleware(Open311Turnstile, crowd=crowd, renderer=renderer, may_file=open311.may_file)]
                if crowd
                else []
            ),
            Middleware(GZipMiddleware, minimum_size=500),
        ],
        exception_handlers={HTTPException: http_error, BadForm: bad_form, Exception: http_error},
    )
