"""A client that fills a server's queue, reads nothing and is killed: `python -m tests.broken_flood`.

With ZMTP heartbeats libzmq 4.3.5 aborts the whole process of the server then.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import zmq

from override.keys import Secret, new_secret
from override.sockets import Doorkeeper, client, server


def flood(endpoint: str, secret: Secret, station_public: bytes) -> None:
    """Say who I am, then send as fast as it is taken, until killed."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made = client(context, zmq.DEALER, endpoint, secret, station_public)
    assert made.poll(5000, zmq.POLLOUT)
    made.send(b"hello")
    time.sleep(0.5)
    while True:
        try:
            made.send(b"x" * 3000, zmq.NOBLOCK)
        except zmq.Again:
            time.sleep(0.005)


def main() -> int:
    if len(sys.argv) > 1:
        curve, sign, station_public = (bytes.fromhex(text) for text in sys.argv[2:])
        flood(sys.argv[1], Secret("ana", curve, sign), station_public)
    station, ana = new_secret("station"), new_secret("ana")
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    doorkeeper = Doorkeeper(context, [ana.curve_public])
    made = server(context, zmq.ROUTER, "tcp://127.0.0.1:*", station)
    keys = (ana.curve_secret, ana.sign_secret, station.curve_public)
    flooding = subprocess.Popen(
        [sys.executable, "-m", "tests.broken_flood", made.getsockopt_string(zmq.LAST_ENDPOINT)]
        + [key.hex() for key in keys]
    )
    assert made.poll(20_000)
    name = made.recv_multipart()[0]
    until_s = time.monotonic() + 0.4
    while time.monotonic() < until_s:
        try:
            made.send_multipart([name, b"y" * 60_000], zmq.NOBLOCK)
        except zmq.Again:
            time.sleep(0.002)
    time.sleep(0.7)
    os.kill(flooding.pid, signal.SIGKILL)
    flooding.wait()
    time.sleep(1.5)
    taken = 0
    while made.poll(0):
        made.recv_multipart()
        taken += 1
    made.close(0)
    doorkeeper.stop()
    context.term()
    print(f"alive, {taken} messages taken")
    return 0


if __name__ == "__main__":
    sys.exit(main())
