"""Answers that are too long for one message: a few parts a turn, so that nobody else waits for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import zmq

PARTS_PER_TURN = 8
LONG_ANSWERS_MAX = 32
"""So many are under way at a time; for one more the oldest is given up, and asked for again."""


class Outbox:
    """What goes out over one ROUTER, to whoever is still there."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._long: deque[tuple[bytes, bytes, Iterator[bytes], bytes]] = deque()

    def send(self, back: bytes, topic: bytes, payload: bytes) -> bool:
        """A short answer at once; False = he is gone, or reads nothing: he will ask again."""
        try:
            self._socket.send_multipart((back, topic, payload), zmq.NOBLOCK)
        except zmq.ZMQError:
            return False
        return True

    def send_parts(self, back: bytes, topic: bytes, payloads: Iterator[bytes]) -> None:
        """A long answer; who asks for the same anew gets it from the beginning."""
        others = [row for row in self._long if row[:2] != (back, topic)]
        self._long = deque([*others, (back, topic, payloads, b"")][-LONG_ANSWERS_MAX:])

    def drip(self) -> None:
        """Some more parts of the long answers, in turn."""
        full: list[tuple[bytes, bytes, Iterator[bytes], bytes]] = []
        for _ in range(PARTS_PER_TURN):
            if not self._long:
                break
            back, topic, payloads, held = self._long.popleft()
            payload = held or next(payloads, b"")
            if not payload:
                continue
            try:
                self._socket.send_multipart((back, topic, payload), zmq.NOBLOCK)
            except zmq.Again:
                full.append((back, topic, payloads, payload))  # he reads slowly
            except zmq.ZMQError:
                continue  # he is gone
            else:
                self._long.append((back, topic, payloads, b""))
        self._long.extend(full)
