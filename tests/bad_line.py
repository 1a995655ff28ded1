"""Lines between a console and a station that are slow, held up or cut: a relay, and a network of its own."""

from __future__ import annotations

import ctypes
import os
import secrets
import selectors
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

CHUNK_BYTES = 1 << 16
CLONE_NEWNET = 0x40000000


class Relay:
    """Passes bytes between whoever connects and one endpoint. Either way can be delayed or held up."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        self._to = (host, int(port))
        self.delay_s = 0.0
        self.held: set[str] = set()
        """Of `up` (to the station) and `down`: what comes that way waits, as behind a router that lost it."""
        self._door = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._door.getsockname()[1]}"
        self._over = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._waiting: deque[tuple[float, str, socket.socket, bytes]] = deque()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        for one, other in self._pairs:
            one.close()
            other.close()
        self._door.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._door, selectors.EVENT_READ, None)
            while not self._over.is_set():
                for key, _ in selector.select(0.02):
                    if key.data is None:
                        self._join(selector)
                    else:
                        self._take(selector, key)
                self._pass_on()

    def _join(self, selector: selectors.DefaultSelector) -> None:
        near, _ = self._door.accept()
        far = socket.create_connection(self._to)
        self._pairs.append((near, far))
        selector.register(near, selectors.EVENT_READ, ("up", far))
        selector.register(far, selectors.EVENT_READ, ("down", near))

    def _take(self, selector: selectors.DefaultSelector, key: selectors.SelectorKey) -> None:
        way, other = key.data
        source = key.fileobj
        assert isinstance(source, socket.socket)
        try:
            data = source.recv(CHUNK_BYTES)
        except OSError:
            data = b""
        if not data:
            selector.unregister(source)
        self._waiting.append((time.monotonic() + self.delay_s, way, other, data))

    def _pass_on(self) -> None:
        left: deque[tuple[float, str, socket.socket, bytes]] = deque()
        while self._waiting:
            due_s, way, other, data = self._waiting.popleft()
            if way in self.held or due_s > time.monotonic():
                left.append((due_s, way, other, data))
                continue
            with suppress(OSError):
                if data:
                    other.sendall(data)
                else:
                    other.shutdown(socket.SHUT_WR)
        self._waiting = left


class NoNetwork(RuntimeError):
    """This machine lets nobody make a network of his own; the message is what it said."""


class OwnNetwork:
    """Two hosts on one wire that can be pulled: a network namespace. `here` is our address on it."""

    def __init__(self) -> None:
        self.name = f"belisha-{secrets.token_hex(3)}"
        self._near, self._far = f"b{self.name[-6:]}n", f"b{self.name[-6:]}f"
        far = self._far
        block = secrets.randbelow(200) + 20
        self.here = f"10.213.{block}.1"
        self._ip("netns", "add", self.name)
        try:
            self._ip("link", "add", self._near, "type", "veth", "peer", "name", far)
            self._ip("link", "set", far, "netns", self.name)
            self._ip("addr", "add", f"{self.here}/30", "dev", self._near)
            self._ip("link", "set", self._near, "up")
            self._ip("-n", self.name, "addr", "add", f"10.213.{block}.2/30", "dev", far)
            self._ip("-n", self.name, "link", "set", far, "up")
        except NoNetwork:
            self.close()
            raise

    def pull(self) -> None:
        """Nothing passes any more, and nobody is told; for whoever is on the other host."""
        self._ip("link", "set", self._far, "down")

    def plug_in(self) -> None:
        """It passes again."""
        self._ip("link", "set", self._far, "up")

    def close(self) -> None:
        for arguments in (("link", "del", self._near), ("netns", "del", self.name)):
            with suppress(NoNetwork):
                self._ip(*arguments)

    def on_the_other_host(self, work: Callable[[], None]) -> None:
        """Do this with the other host's network: its sockets are made there. Raises what it raises."""
        failed: list[BaseException] = []

        def there() -> None:
            try:
                with open(f"/run/netns/{self.name}", "rb") as file:  # noqa: PTH123
                    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                        raise NoNetwork(os.strerror(ctypes.get_errno()))
                work()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=there)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    def _ip(self, *arguments: str) -> None:
        try:
            done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise NoNetwork("there is no program `ip` (iproute2)") from None
        if done.returncode:
            raise NoNetwork(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
