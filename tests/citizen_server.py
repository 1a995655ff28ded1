"""The citizen's page on a real socket, for tests that come over HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from override.citizen.desk import CitizenDesk
from override.citizen.web.app import make_app
from override.citizen.web.http_line import BoundedLine

START_S = 10.0


@contextmanager
def served(desk: CitizenDesk, **options: Any) -> Iterator[str]:
    """Its address, on a free port of this machine, until the end of the block."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        make_app(desk, **options),
        log_level="error",
        access_log=False,
        ws="none",
        lifespan="off",
        http=BoundedLine,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    end_s = time.monotonic() + START_S
    while not server.started and time.monotonic() < end_s:
        time.sleep(0.01)
    assert server.started, "the page did not come up"
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_S)
        listening.close()
