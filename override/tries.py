"""Asking a station over a line that may be slow or cut: the same bytes three times, never blindly anew.

Lazy Pirate as the ZeroMQ guide has it, but that earlier sockets are listened to until the last try is
over: on a line whose way there and back takes longer than one try, the answer comes during a later one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import zmq

TRY_MS = 1000
TRIES = 3


class NoAnswer(RuntimeError):
    """The station did not answer in three tries: whether it acted is not known; look before asking anew."""


class Tries:
    """One asker's sockets; `asks` is the one in use. `connect` makes another one."""

    def __init__(self, connect: Callable[[], zmq.Socket[bytes]], endpoint: str) -> None:
        self._connect, self._endpoint = connect, endpoint
        self.asks = connect()

    def close(self) -> None:
        """Hang up."""
        self.asks.close(0)

    def exchange(self, topic: bytes, frame: bytes, answers: Callable[[bytes, bytes], bool]) -> None:
        """Send these bytes until `answers` is content, three times at most, each time over a fresh socket.

        The ones before are still listened to: over a slow line the first answer comes during a later try.
        """
        asked = [self.asks]
        try:
            for k in range(TRIES):
                if k:
                    asked.append(self._connect())
                self.asks = asked[-1]
                if (by := self._answered(asked, (topic, frame), answers)) is not None:
                    self.asks = by
                    return
            asked.append(self._connect())
            self.asks = asked[-1]
            raise NoAnswer(
                f"{self._endpoint}: no answer in {TRIES} tries; look what acts before you ask again"
            )
        finally:
            for made in asked:
                if made is not self.asks:
                    made.close(0)

    def _answered(
        self,
        asked: list[zmq.Socket[bytes]],
        frames: tuple[bytes, bytes],
        answers: Callable[[bytes, bytes], bool],
    ) -> zmq.Socket[bytes] | None:
        """One try over the newest of these sockets; the one the answer came by."""
        poller = zmq.Poller()
        for made in asked:
            poller.register(made, zmq.POLLIN)
        poller.modify(asked[-1], zmq.POLLIN | zmq.POLLOUT)
        end_s = time.monotonic() + TRY_MS / 1000
        while (left_ms := round(1000 * (end_s - time.monotonic()))) > 0:
            for made, events in poller.poll(left_ms):
                if events & zmq.POLLOUT:
                    made.send_multipart(frames, zmq.NOBLOCK)
                    poller.modify(made, zmq.POLLIN)
                if events & zmq.POLLIN:
                    got = made.recv_multipart()
                    if len(got) == 2 and answers(got[0], got[1]):
                        return made
                    end_s = time.monotonic() + TRY_MS / 1000  # it comes in parts, or others are answered
        return None
