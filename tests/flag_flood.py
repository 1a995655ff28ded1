"""A flood of flags by a process of its own: `-m tests.flag_flood ENDPOINT KEY POLE PER_S SECONDS`."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time

import zmq

from override import wire
from override.flag_messages import FlagReply, FlagRequest, Kind
from override.keys import new_secret
from override.sockets import client
from override.topics import TOPICS


def main() -> None:
    """Send at that rate, and count what comes back."""
    endpoint, key, pole, per_s, seconds = sys.argv[1:6]
    os.nice(15)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made = client(context, zmq.DEALER, endpoint, new_secret("anybody"), bytes.fromhex(key))
    made.poll(2_000, zmq.POLLOUT)
    frame = wire.pack(FlagRequest(bytes(range(16)), pole, Kind.OTHER))
    at = frame.index(bytes(range(16)))
    counts = {"sent": 0, "busy": 0, "accepted": 0}
    begun_s = time.monotonic()
    while (passed_s := time.monotonic() - begun_s) < float(seconds):
        while counts["sent"] < passed_s * float(per_s):
            try:
                made.send_multipart(
                    (b"flag", frame[:at] + secrets.token_bytes(16) + frame[at + 16 :]), zmq.NOBLOCK
                )
            except zmq.Again:
                break
            counts["sent"] += 1
        while made.poll(0):
            reply: FlagReply = wire.decode(made.recv_multipart()[1], TOPICS["flag-reply"])
            counts["accepted" if reply.accepted else "busy"] += 1
        time.sleep(0.01)
    made.close(0)
    context.term()
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
