"""`belisha console --web`: the same console in a browser of this machine, behind a token that works once.

textual-serve runs one console process for each window. Around it stand three locks: it listens on
loopback only; the first visit must bring the token that was printed, which is then spent and replaced by a
cookie; and every later request must carry that cookie and, where it names an origin, this one (10.10).
A browser window watches; it gives orders only where `--unlock` was said.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import shlex
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import web

HOST = "127.0.0.1"
COOKIE = "belisha-console"
TOKEN_BYTES = 24
GOODBYE_S = 5.0
"""A console that is told to leave has hung up by then."""
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws:; img-src 'self' data:; frame-ancestors 'none'"
)
"""The page fetches nothing from anybody else, not even a font, and stands in nobody's frame."""
FOCUS = """<script>
// Keys reach the console at once, without a click on it.
addEventListener("load", () => {
  const looking = setInterval(() => {
    const keys = document.querySelector(".xterm-helper-textarea");
    if (keys) { keys.focus(); clearInterval(looking); }
  }, 100);
});
</script>
</body>"""
Handler = Callable[["web.Request"], Awaitable["web.StreamResponse"]]


class WebMissing(ValueError):
    """What is needed is not installed; one line naming the extra."""


class Locks:
    """Who may come in: whoever brings the token first, and then that browser only."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        """To be printed; empty when it is spent."""
        self._cookie = secrets.token_urlsafe(TOKEN_BYTES)

    def spend(self, token: str) -> str:
        """The cookie for this token, once; empty for any other."""
        if not self.token or not hmac.compare_digest(token.encode(), self.token.encode()):
            return ""
        self.token = ""
        return self._cookie

    def refusal(self, cookie: str, origin: str, host: str) -> str:
        """Why a request may not pass; empty when it may."""
        if host != self.origin.partition("//")[2]:
            return "This console answers under its own address only."
        if origin and origin != self.origin:
            return "This console answers its own page only."
        if not hmac.compare_digest(cookie.encode(), self._cookie.encode()):
            return "Use the address that was printed when the console was started; it works once."
        return ""


def guard(locks: Locks) -> Callable[[Any, Handler], Awaitable[Any]]:
    """The locks as what every request goes through."""
    from aiohttp import web

    @web.middleware
    async def at_the_door(request: web.Request, handler: Handler) -> web.StreamResponse:
        token = request.query.get("token", "")
        if token and request.path == "/" and (cookie := locks.spend(token)):
            inside = web.Response(status=302, headers={"Location": "/", "Cache-Control": "no-store"})
            inside.set_cookie(COOKIE, cookie, httponly=True, samesite="Strict", path="/")
            return inside
        why = locks.refusal(
            request.cookies.get(COOKIE, ""),
            request.headers.get("Origin", ""),
            request.headers.get("Host", ""),
        )
        if why:
            return web.Response(status=403, text=why + "\n", headers={"Cache-Control": "no-store"})
        answer = await handler(request)
        if not answer.prepared:
            if answer.content_type == "text/html" and isinstance(answer, web.Response) and answer.text:
                answer.text = answer.text.replace("</body>", FOCUS, 1)
            answer.headers["Content-Security-Policy"] = POLICY
            answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    return at_the_door


def serve(arguments: list[str], port: int, say: Callable[[str], None]) -> None:
    """Serve `belisha` with these arguments until Ctrl-C. Raises WebMissing, OSError for a port in use."""
    port = port or free_port()
    locks = Locks(f"http://{HOST}:{port}")
    # `exec`: no shell stands between, so that who is ended is the console itself.
    server = guarded("exec " + shlex.join([sys.executable, "-m", "belisha", *arguments]), port, locks)
    say(f"Open this once, in a browser of this machine: {locks.origin}/?token={locks.token}")
    say("Ctrl-C ends it; the street goes on.")
    server.serve()


def guarded(command: str, port: int, locks: Locks) -> Any:
    """textual-serve behind the locks, which hangs up when it is told to end. Raises WebMissing."""
    try:
        from textual_serve.server import Server
    except ModuleNotFoundError as error:
        raise WebMissing(
            f"console --web needs {error.name}, which is not here: pip install 'belisha[web]'"
        ) from None
    consoles: set[asyncio.Task[object]] = set()

    class Guarded(Server):
        """One console for each browser that looks on."""

        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            app.middlewares.append(guard(locks))  # type: ignore[arg-type]
            return app

        async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
            """As always; known, so that it can be ended."""
            task = asyncio.current_task()
            assert task is not None
            consoles.add(task)
            try:
                return await super().handle_websocket(request)
            finally:
                consoles.discard(task)

        async def on_shutdown(self, app: web.Application) -> None:
            """No browser hangs up by itself, and each would be waited for for a minute."""
            started = _children()
            for task in consoles:
                task.cancel()
            if consoles:
                await asyncio.wait(consoles, timeout=GOODBYE_S)
            for pid in started & _children():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)  # it did not leave when it was asked to

    return Guarded(command, host=HOST, port=port, title="Belisha", public_url=locks.origin)


def _children() -> set[int]:
    """Processes that this one started and that live."""
    found: set[int] = set()
    for listed in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        with suppress(OSError):
            found |= {int(pid) for pid in listed.read_text(encoding="utf-8").split()}
    return found


def free_port() -> int:
    """A port of loopback that nobody has just now."""
    with socket.socket() as asks:
        asks.bind((HOST, 0))
        port: int = asks.getsockname()[1]
    return port
