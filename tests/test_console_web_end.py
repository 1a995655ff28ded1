"""`belisha console --web` as a process, a browser on it: told to end, it ends, and its console with it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from override.keys import add_person, init_keys
from override.roles import Role
from tests.conftest import ROOT

ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/\?token=\S+")


def descendants(pid: int) -> set[int]:
    """All processes that it, or one of these, started and that live."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text(encoding="utf-8").split()):
            found |= {child} | descendants(child)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("hangs", [False, True], ids=["well", "hanging"])
def test_told_to_end_it_leaves_nobody_behind(tmp_path: Path, hangs: bool) -> None:
    pytest.importorskip("textual_serve.server")
    from aiohttp import ClientSession, CookieJar

    init_keys(tmp_path / "keys")
    add_person(tmp_path / "keys", "ana", Role.OPERATOR)
    command = [sys.executable, "-m", "belisha", "console", "--web", "--keys", str(tmp_path / "keys")]
    web = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    left: set[int] = set()

    async def story() -> None:
        assert web.stdout is not None
        printed = ADDRESS.search(web.stdout.readline())
        assert printed is not None
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            for _ in range(600):
                try:
                    async with browser.get(printed[0]) as answer:
                        assert answer.status == 200
                    break
                except OSError:
                    await asyncio.sleep(0.1)  # it has said where it will be, and is not there yet
            socket = f"{printed[1]}/ws?width=80&height=24"
            async with browser.ws_connect(socket, headers={"Origin": printed[1]}) as screen:
                await screen.receive(timeout=60)
                left.update(descendants(web.pid))
                assert left, "a console of its own for this browser"
                if hangs:
                    for pid in left:
                        os.kill(pid, signal.SIGSTOP)
                web.send_signal(signal.SIGTERM)
                code = await asyncio.to_thread(web.wait, 60)
                assert code == 0

    try:
        asyncio.run(story())
        assert not [pid for pid in left if alive(pid)]
    finally:
        web.kill()
        web.communicate()
