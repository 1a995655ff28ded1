"""A gateway on paper: a city of any size over real, encrypted sockets; all of it changes every second.

`python -m tests.paper_gateway FOLDER JUNCTIONS SECONDS` makes keys in FOLDER/keys and says its endpoints.
It knows layout, picture, deltas, pulse and details, and takes no orders. Consoles are measured with it.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from override import wire
from override.keys import Keyring, add_person, init_keys, read_secret
from override.layouts import StreetLayout
from override.picture import in_parts
from override.roles import Role
from override.sockets import Doorkeeper, sender_of, server
from override.street_layout import PackedLayout
from override.topics import TOPICS
from override.views import Delta, JunctionView, Snapshot
from tests.paper_pictures import STAGES, city, detail, lamps_of, pulse

BOOT = b"paperway"
STEPS_A_SECOND = 5
ANYWHERE = "tcp://127.0.0.1:*"


class PaperGateway:
    """The sockets, and the picture as it stands."""

    def __init__(self, folder: Path, junctions: int) -> None:
        keys = folder / "keys"
        init_keys(keys)
        add_person(keys, "ana", Role.OPERATOR)
        self.ring = Keyring(keys)
        secret = read_secret(keys / "station.key")
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.doorkeeper = Doorkeeper(self.context, [p.curve_public for p in self.ring if p.role is not None])
        self.orders = server(self.context, zmq.ROUTER, ANYWHERE, secret)
        self.pictures = server(self.context, zmq.XPUB, ANYWHERE, secret)
        sight = city(junctions)
        self.sight, self.views = sight, dict(sight.junctions)
        self.layout = PackedLayout(StreetLayout(sight.street, tuple(sight.layouts.values()), sight.roads))
        self.seq, self.progress = 0, 0
        self.watched: tuple[str, ...] = ()
        self.rng = np.random.default_rng(3)

    @property
    def endpoints(self) -> tuple[str, str]:
        """Of orders and pictures."""
        return (
            self.orders.getsockopt_string(zmq.LAST_ENDPOINT),
            self.pictures.getsockopt_string(zmq.LAST_ENDPOINT),
        )

    def run(self, until_s: float) -> None:
        """Answer, and change a fifth of the city five times a second."""
        names = list(self.views)
        step = 0
        next_s = time.monotonic()
        while time.monotonic() < until_s:
            if self.orders.poll(max(0, round(1000 * (next_s - time.monotonic())))):
                self._answer()
            if time.monotonic() >= next_s:
                next_s += 1 / STEPS_A_SECOND
                self._publish(names[step % STEPS_A_SECOND :: STEPS_A_SECOND], step)
                step += 1

    def _answer(self) -> None:
        frames = self.orders.recv_multipart(copy=False)
        who = self.ring.holder(sender_of(frames[-1]))
        assert who is not None
        back, topic, body = (bytes(frame.bytes) for frame in frames)
        request, _ = wire.open_sealed(body, who.sign_public, TOPICS[topic.decode()])
        if topic == b"watch":
            self.watched = request.junctions
        elif topic == b"layout-please":
            for part in self.layout.parts(BOOT, request.header.nonce):
                self.orders.send_multipart((back, b"layout", part))
        elif topic == b"picture":
            sight, now_ms = self.sight, self._now_ms()
            rows: dict[str, Any] = {
                "junctions": list(self.views.values()), "orders": list(sight.orders.values()),
                "alarms": list(sight.alarms.values()), "flags": list(sight.flags.values()),
            }  # fmt: skip
            parts = in_parts(rows)
            for k, part in enumerate(parts):
                snapshot = Snapshot(BOOT, self.seq, now_ms, k, len(parts), **part)
                self.orders.send_multipart((back, b"snapshot", wire.pack(snapshot)))

    def _publish(self, names: list[str], step: int) -> None:
        self.progress += 2
        now_ms = self._now_ms()
        changed = [self._other(self.views[name]) for name in names]
        self.views.update((view.name, view) for view in changed)
        for part in in_parts({"junctions": changed, "orders": ()}):
            self.seq += 1
            self._say(b"delta", Delta(BOOT, self.seq, now_ms, self.progress, **part))
        if step % STEPS_A_SECOND == 0:
            self._say(b"pulse", replace(pulse(), boot=BOOT, now_ms=now_ms, progress=self.progress))
            for name in self.watched:
                self._say(b"detail", replace(detail(name), boot=BOOT, now_ms=now_ms))

    def _other(self, view: JunctionView) -> JunctionView:
        if view.rung == 5:
            return replace(view, longest_s=view.longest_s + 1)
        stage = int(self.rng.integers(len(STAGES)))
        return replace(
            view, stage=STAGES[stage].name, lamps=lamps_of(stage), people=int(self.rng.integers(9)),
            queue_veh=int(self.rng.integers(40)), longest_s=int(self.rng.integers(90)),
            used_percent=int(self.rng.integers(99)),
        )  # fmt: skip

    def _say(self, topic: bytes, message: Any) -> None:
        self.pictures.send_multipart((topic, wire.pack(message)))

    def _now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


def main() -> None:
    folder, junctions, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    gateway = PaperGateway(folder, junctions)
    print("ready: orders at {}, pictures at {}".format(*gateway.endpoints), flush=True)
    gateway.run(time.monotonic() + seconds)


if __name__ == "__main__":
    main()
