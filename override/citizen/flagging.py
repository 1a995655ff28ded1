"""A program's side of the flag endpoint: the same bytes up to three times, because they count once."""

from __future__ import annotations

import secrets
import time

import zmq

from override import wire
from override.bounds import NONCE_BYTES
from override.client import NoAnswer
from override.flag_messages import FlagReply, FlagRequest, FlagStatusRequest
from override.keys import new_secret
from override.sockets import client
from override.topics import TOPICS

TRY_MS, TRIES = 2_000, 3


class FlagLine:
    """A connection to one flag endpoint, with a key made for it alone. Raises NoAnswer."""

    def __init__(self, endpoint: str, server_public: bytes) -> None:
        self._endpoint, self._server_public = endpoint, server_public
        self._secret = new_secret("anybody")
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._connect()

    def __enter__(self) -> FlagLine:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close(0)
        self.context.term()

    def flag(self, request: FlagRequest) -> FlagReply:
        """Hand in a flag."""
        return self._ask(b"flag", wire.pack(request), request.nonce)

    def status(self, token: str) -> FlagReply:
        """How it stands."""
        request = FlagStatusRequest(secrets.token_bytes(NONCE_BYTES), token)
        return self._ask(b"flag-status", wire.pack(request), request.nonce)

    def _connect(self) -> zmq.Socket[bytes]:
        return client(self.context, zmq.DEALER, self._endpoint, self._secret, self._server_public)

    def _ask(self, topic: bytes, payload: bytes, nonce: bytes) -> FlagReply:
        for _ in range(TRIES):
            end_s = time.monotonic() + TRY_MS / 1000
            if self._socket.poll(TRY_MS, zmq.POLLOUT):
                self._socket.send_multipart((topic, payload), zmq.NOBLOCK)
                while (left_ms := round(1000 * (end_s - time.monotonic()))) > 0 and self._socket.poll(
                    left_ms
                ):
                    got = self._socket.recv_multipart()
                    if len(got) == 2 and got[0] == b"flag-reply":
                        reply: FlagReply = wire.decode(got[1], TOPICS["flag-reply"])
                        if reply.answers in (nonce, bytes(NONCE_BYTES)):
                            return reply
            self._socket.close(0)
            self._socket = self._connect()
        raise NoAnswer(f"{self._endpoint}: no answer in {TRIES} tries; send the same flag again later")
