"""The console in a browser: a token that works once, one browser, this origin; and the command for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import belisha
from override.keys import add_person, init_keys
from override.roles import Role
from tui.commands import ConsoleRefused, next_port, sitter
from tui.web import COOKIE, GOODBYE_S, HOST, Locks, WebMissing, free_port, guard, guarded, serve

ORIGIN = "http://127.0.0.1:8123"
PLACE = "127.0.0.1:8123"


def test_a_token_opens_once_and_then_only_its_browser_gets_in() -> None:
    locks = Locks(ORIGIN)
    token = locks.token
    assert locks.spend("") == ""
    assert locks.spend("wrong") == ""
    cookie = locks.spend(token)
    assert cookie
    assert locks.spend(token) == "", "whoever reads the terminal's history comes too late"
    assert locks.refusal(cookie, ORIGIN, PLACE) == ""
    assert locks.refusal(cookie, "", PLACE) == "", "a plain visit names no origin"
    assert "works once" in locks.refusal("", "", PLACE)
    assert "its own page only" in locks.refusal(cookie, "http://evil.example", PLACE)
    assert "own address" in locks.refusal(cookie, "", "evil.example"), "a name that was made to point here"


def test_no_two_consoles_share_a_token() -> None:
    assert Locks(ORIGIN).token != Locks(ORIGIN).token
    assert len(Locks(ORIGIN).token) >= 32


def test_the_locks_stand_before_every_address() -> None:
    web = pytest.importorskip("aiohttp.web")
    from aiohttp import ClientSession, CookieJar
    from aiohttp.test_utils import TestServer

    async def story() -> None:
        app = web.Application()

        async def inside(request: object) -> object:
            return web.Response(text="inside")

        async def page(request: object) -> object:
            return web.Response(text="<html><body>the terminal</body></html>", content_type="text/html")

        app.router.add_get("/", inside)
        app.router.add_get("/page", page)
        app.router.add_get("/ws", inside)
        server = TestServer(app, host=HOST)
        locks = Locks("")
        app.middlewares.append(guard(locks))
        await server.start_server()
        locks.origin = str(server.make_url("")).rstrip("/")
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            for path in ("/", "/ws", "/nowhere", "/?token=guess"):
                async with browser.get(server.make_url(path)) as answer:
                    assert answer.status == 403, path
            async with browser.get(server.make_url("/").with_query(token=locks.token)) as answer:
                assert (answer.status, await answer.text()) == (200, "inside")
                assert "token" not in str(answer.url), "it does not stay in the address line"
                assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            async with browser.get(
                server.make_url("/ws"), headers={"Origin": "http://evil.example"}
            ) as answer:
                assert answer.status == 403
            async with browser.get(server.make_url("/ws"), headers={"Origin": locks.origin}) as answer:
                assert answer.status == 200
            async with browser.get(server.make_url("/page")) as answer:
                text = await answer.text()
                assert "keys.focus()" in text, "who opens it can press keys without a click"
                assert text.endswith("</body></html>")
            flags = next(cookie for cookie in browser.cookie_jar if cookie.key == COOKIE)
            assert flags["httponly"]
            assert flags["samesite"] == "Strict"
        await server.close()

    asyncio.run(story())


def test_told_to_end_it_ends_though_browsers_look_on(monkeypatch: pytest.MonkeyPatch) -> None:
    web = pytest.importorskip("aiohttp.web")
    textual_serve = pytest.importorskip("textual_serve.server")
    from aiohttp import ClientSession, CookieJar
    from aiohttp.test_utils import TestServer

    left = []

    async def looks_on_for_ever(self: object, request: object) -> object:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        try:
            async for _ in socket:
                pass
        finally:
            left.append("its console")
        return socket

    monkeypatch.setattr(textual_serve.Server, "handle_websocket", looks_on_for_ever)
    monkeypatch.setattr(textual_serve.Server, "on_startup", lambda self, app: asyncio.sleep(0))

    async def story() -> None:
        port = free_port()
        locks = Locks(f"http://{HOST}:{port}")
        server = TestServer(await guarded("true", port, locks)._make_app(), host=HOST, port=port)
        await server.start_server()
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            async with browser.get(server.make_url("/").with_query(token=locks.token)) as answer:
                assert answer.status == 200
            async with browser.ws_connect(server.make_url("/ws"), headers={"Origin": locks.origin}):
                await asyncio.wait_for(server.close(), GOODBYE_S + 5)
        assert left == ["its console"]

    asyncio.run(story())


def test_without_textual_serve_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    with pytest.raises(WebMissing, match=r"belisha\[web\]"):
        serve([], free_port(), lambda line: None)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    init_keys(tmp_path / "keys")
    return tmp_path / "keys"


def test_who_sits_there_is_found_by_name_or_because_nobody_else_could(keys: Path) -> None:
    with pytest.raises(ConsoleRefused, match="belisha keys new"):
        sitter(keys, "")
    add_person(keys, "ana", Role.OPERATOR)
    assert sitter(keys, "").name == "ana"
    add_person(keys, "sam", Role.SUPERVISOR)
    with pytest.raises(ConsoleRefused, match="--as NAME"):
        sitter(keys, "")
    assert sitter(keys, "sam").role is Role.SUPERVISOR
    with pytest.raises(ConsoleRefused, match="known are ana, sam"):
        sitter(keys, "eve")


def test_an_endpoint_gives_the_next_port_for_pictures_or_a_clear_no() -> None:
    assert next_port("tcp://10.0.0.7:7101") == "tcp://10.0.0.7:7102"
    assert next_port("tcp://[::1]:7101") == "tcp://[::1]:7102"
    for bad in ("10.0.0.7:7101", "tcp://host", "tcp://host:65535", "tcp://host:0", "udp://h:1"):
        with pytest.raises(ConsoleRefused, match="tcp://HOST:PORT"):
            next_port(bad)


def test_the_command_says_in_one_line_what_it_lacks_and_loads_no_compiler(tmp_path: Path) -> None:
    said = CliRunner().invoke(belisha.app, ["console", "--connect", "nonsense", "--keys", str(tmp_path)])
    assert isinstance(said.exception, ConsoleRefused)
    code = (
        "import sys, override.client, tui.app, tui.link, tui.commands, tui.web; from tui.doors import DOORS; "
        "late = ('textual.widgets._data_table', 'markdown_it', 'tui.order_dialog', 'tui.keys_help'); "
        "print([m for m in late if m in sys.modules]); "
        "import importlib; [importlib.import_module(d.module) for d in DOORS]; "
        "print([m for m in sys.modules if m in ('numba', 'networkx', 'simpy') or m.endswith('_kernels')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, screens = done.stdout.splitlines()
    assert first == "[]", "the first picture waits for nothing that only other screens need"
    assert screens == "[]", "a screen waits for no compiler"
