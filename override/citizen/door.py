"""The flag endpoint: where any program hands in flags, encrypted, without a key of its own that counts.

Every turn takes a bounded number of messages; what cannot be read is answered with a reason, what
is too much with BUSY. A flood fills this process's queues and nobody else's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import zmq

from override import wire
from override.bounds import NONCE_BYTES
from override.citizen.office import Office
from override.citizen.phrases import say
from override.citizen.wording import refusal
from override.flag_messages import Channel, FlagReply
from override.keys import Secret
from override.refused import Refused
from override.sockets import OpenDoor, address_of, public_server
from override.topics import TOPICS

FLAGS_PER_TURN = 200
TURN_MS = 20
ANSWERS_MAX = 10_000


class FlagDoor:
    """One public endpoint in front of an office. `turn` it again and again, from one thread."""

    def __init__(self, office: Office, secret: Secret, endpoint: str) -> None:
        self.unread = 0
        """Messages that were none of ours."""
        self._office = office
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.keeper = OpenDoor(self.context)
        self._socket = public_server(self.context, endpoint, secret)
        self._answers: deque[tuple[bytes, FlagReply]] = deque(maxlen=ANSWERS_MAX)

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return str(self._socket.getsockopt_string(zmq.LAST_ENDPOINT))

    def turn(self, timeout_ms: int = TURN_MS) -> None:
        """Take some flags, give the answers that are there. Raises nothing that comes from outside."""
        if self._socket.poll(timeout_ms if not self._answers else 0):
            for _ in range(FLAGS_PER_TURN):
                try:
                    frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
                except zmq.Again:
                    break
                self._serve(frames)
        for _ in range(len(self._answers)):
            back, reply = self._answers.popleft()
            try:
                self._socket.send_multipart(
                    (back, b"flag-reply", wire.pack(reply, checked=False)), zmq.NOBLOCK
                )
            except zmq.ZMQError:
                continue  # gone, or reads nothing: the same nonce gets the same answer again

    def close(self) -> None:
        """Shut it."""
        self._socket.close(0)
        self.keeper.stop()
        self.context.term()

    def _serve(self, frames: list[zmq.Frame]) -> None:
        if len(frames) != 3:
            self.unread += 1
            return
        back, topic, body = (bytes(frame.bytes) for frame in frames)
        answer = self._answer_to(back)
        try:
            if topic == b"flag":
                flag = wire.decode(body, TOPICS["flag"])
                # Which way a flag came is ours to say: two ways are two witnesses (10.8).
                flag = replace(flag, channel=Channel.COMMAND)
                self._office.submit(flag, address_of(frames[2]), answer)
            elif topic == b"flag-status":
                status = wire.decode(body, TOPICS["flag-status"])
                answer(self._office.status(status.nonce, status.token))
            else:
                self.unread += 1
        except Refused as refused:
            self.unread += 1
            answer(refusal(bytes(NONCE_BYTES), say("bad-flag", what=refused.why[:120])))

    def _answer_to(self, back: bytes) -> Callable[[FlagReply], None]:
        return lambda reply: self._answers.append((back, reply))
