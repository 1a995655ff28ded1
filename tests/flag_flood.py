"""A flood of flags by a process of its own: `-m tests.flag_flood WHERE KEY POLE PER_S SECONDS`.

WHERE is the flag endpoint, or the address of the pages (`http://...`, KEY unused). What is sent was
made before the flood begins and answers are only counted, so that a sender costs less than whom it
floods; the nonces of accepted flags are told at the end, to be looked for in the file.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Protocol

import zmq

from override import wire
from override.bounds import NONCE_BYTES
from override.flag_messages import FlagReply, FlagRequest, Kind
from override.keys import new_secret
from override.sockets import client
from override.topics import TOPICS

BURST, ON_THE_WAY = 64, 90
"""Flags at a time; flags that may wait for an answer (the endpoint keeps 100 answers for a sender)."""
CONNECTIONS, AHEAD = 8, 32
"""Of a flood of pages: lines kept open, and forms on the way in each."""
_BUSY = b"NOT kept"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_MARK = bytes(range(NONCE_BYTES))


class Way(Protocol):
    """How flags are sent. `counts` by what came back."""

    counts: dict[str, int]
    kept: list[str]

    def send(self) -> bool:
        """One flag; False = there is no room now."""

    def hear(self, timeout_ms: int) -> None:
        """Whatever has come back; waits so long for the first answer."""


class Frames:
    """By the flag endpoint."""

    def __init__(self, endpoint: str, key: str, pole: str) -> None:
        self.counts = dict.fromkeys(("sent", "busy", "accepted", "other"), 0)
        self.kept: list[str] = []
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._line = client(context, zmq.DEALER, endpoint, new_secret("anybody"), bytes.fromhex(key))
        self._line.poll(2_000, zmq.POLLOUT)
        frame = wire.pack(FlagRequest(_MARK, pole, Kind.OTHER))
        self._before, _, self._after = frame.partition(_MARK)
        self._nonces = _nonces()

    def send(self) -> bool:
        """One flag; False = there is no room now."""
        if 2 * self.counts["sent"] - sum(self.counts.values()) >= ON_THE_WAY:
            return False
        try:
            frame = self._before + next(self._nonces) + self._after
            self._line.send_multipart((b"flag", frame), zmq.NOBLOCK)
        except zmq.Again:
            return False
        self.counts["sent"] += 1
        return True

    def hear(self, timeout_ms: int) -> None:
        """Whatever has come back; waits so long for the first answer."""
        if not self._line.poll(timeout_ms):
            return
        while True:
            try:
                body = self._line.recv_multipart(zmq.NOBLOCK)[1]
            except zmq.Again:
                return
            if _BUSY in body:
                self.counts["busy"] += 1
                continue
            reply: FlagReply = wire.decode(body, TOPICS["flag-reply"])
            self.counts["accepted" if reply.accepted else "busy" if reply.busy else "other"] += 1
            if reply.accepted:
                self.kept.append(reply.answers.hex())


class Pages:
    """By the form of a signal's page, many at a time on a few open lines (RFC 9112, 9.3.2)."""

    def __init__(self, address: str, pole: str) -> None:
        self.counts = dict.fromkeys(("sent", "busy", "accepted", "other"), 0)
        self.kept: list[str] = []
        host, _, port = address.removeprefix("http://").partition(":")
        self._lines = [socket.create_connection((host, int(port))) for _ in range(CONNECTIONS)]
        self._rest = {line: b"" for line in self._lines}
        self._sent: dict[socket.socket, list[bytes]] = {line: [] for line in self._lines}
        body = f"kind=other&nonce={_MARK.hex()}"
        head = f"POST /en/s/{pole} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
        form = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        self._form = (head + form + body).encode()
        self._nonces, self._turn = _nonces(), 0

    def send(self) -> bool:
        """One form; False = each line has as many on the way as it may."""
        for _ in self._lines:
            self._turn = (self._turn + 1) % CONNECTIONS
            line = self._lines[self._turn]
            if len(self._sent[line]) < AHEAD:
                nonce = next(self._nonces).hex().encode()
                line.sendall(self._form.replace(_MARK.hex().encode(), nonce))
                self._sent[line].append(nonce)
                self.counts["sent"] += 1
                return True
        return False

    def hear(self, timeout_ms: int) -> None:
        """Whatever has come back; waits so long for the first answer."""
        for line in select.select(self._lines, [], [], timeout_ms / 1000)[0]:
            text = self._rest[line] + line.recv(1 << 20)
            found = list(_STATUS.finditer(text))
            for one in found:
                nonce, status = self._sent[line].pop(0), one[1]
                what = {b"503": "busy", b"303": "accepted"}.get(status, "other")
                self.counts[what] += 1
                if what == "accepted":
                    self.kept.append(nonce.decode())
            self._rest[line] = text[-16:] if not found else text[found[-1].end() :][-16:]


def _nonces() -> Iterator[bytes]:
    while True:
        many = secrets.token_bytes(NONCE_BYTES * 1024)
        yield from (many[k : k + NONCE_BYTES] for k in range(0, len(many), NONCE_BYTES))


def main() -> None:
    """Send at that rate, and count what comes back; ended early, it tells what it did until then."""
    where, key, pole, per_s, seconds = sys.argv[1:6]
    os.nice(15)
    way: Way = Pages(where, pole) if where.startswith("http://") else Frames(where, key, pole)
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: over.append(number))
    begun_s = time.monotonic()
    sent, busy_s = 0, time.process_time()
    while (passed_s := time.monotonic() - begun_s) < float(seconds) and not over:
        due = min(BURST, int(passed_s * float(per_s)) - sent)
        went = 0
        while went < due and way.send():
            went += 1
        sent += went
        way.hear(0 if went == BURST else 5)
    end_s = time.monotonic() + 5.0
    while sum(way.counts.values()) < 2 * way.counts["sent"] and time.monotonic() < end_s:
        way.hear(50)  # everybody is answered
    cpu_s = time.process_time() - busy_s
    told = {"seconds": round(passed_s, 2), "cpu_s": round(cpu_s, 2), "kept": way.kept}
    print(json.dumps(way.counts | told))


if __name__ == "__main__":
    main()
