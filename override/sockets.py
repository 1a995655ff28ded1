"""The only file that makes ZeroMQ sockets: CURVE or nothing, as `rules.md` section 6 measured it.

CURVE fails open by default (A11): so every server names the ZAP domain AND enforces it, every
socket is asked for its mechanism before it is used, and a probe with a random key must be
refused before a station calls itself ready. That a peer is dead is found by TCP itself, that it
hangs by the progress number in every delta. ZMTP's own heartbeats stay off: where a queue is full
and the connection breaks, libzmq 4.3.5 aborts the whole process at its next heartbeat (A25;
zeromq/libzmq issues 4364 and 4841), so that anybody who may connect could kill the station.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import zmq
from nacl.public import PrivateKey
from zmq.utils.monitor import recv_monitor_message

from override import z85
from override.keys import KeysError, Secret
from override.topics import TOPICS

if TYPE_CHECKING:
    from zmq.auth.thread import ThreadAuthenticator

LIBZMQ_LEAST = (4, 3, 5)
"""Earlier ones can be crashed or blocked before anybody is authenticated (A19)."""
DOMAIN = "global"
"""Of endpoints for people and their programs."""
PICTURE_DOMAIN = "pictures"
"""Of endpoints that only tell: for everybody who has a key."""
CITIZEN_DOMAIN = "citizens"
"""Of the endpoint of the citizen process, at which nobody else is heard."""
PUBLIC_DOMAIN = "public"
"""Of endpoints to which anybody may speak, encrypted, but about nothing that a key is needed for."""
USER_ID = "User-Id"
COMMAND_BYTES = TOPICS["order"].most_bytes
TELEMETRY_BYTES = TOPICS["snapshot"].most_bytes
FLAG_BYTES = TOPICS["flag"].most_bytes
COMMAND_QUEUE, TELEMETRY_QUEUE = 100, 1000
HANDSHAKE_MS = 2000
KEEPALIVE_IDLE_S, KEEPALIVE_EVERY_S, KEEPALIVE_TRIES = 2, 1, 3
"""A peer that is gone without a word is found after five seconds."""
UNACKNOWLEDGED_MS = 5_000
"""And one to whom something was sent, too."""


class SocketsError(RuntimeError):
    """Sockets that would not be safe; one line saying why."""


def check_version() -> None:
    """Raise SocketsError when libzmq is too old or has no CURVE."""
    if zmq.zmq_version_info() < LIBZMQ_LEAST:
        raise SocketsError(
            f"libzmq {zmq.zmq_version()}; at least {'.'.join(map(str, LIBZMQ_LEAST))} is needed"
        )
    if not zmq.has("curve"):
        raise SocketsError("this libzmq has no CURVE")


class Doorkeeper:
    """The ZAP authenticator of one context: knows the public CURVE keys that may connect.

    `admit` replaces them; who is taken off keeps an open connection, so that each message's
    sender is looked up anew (`sender_of`). Raises KeysError for an empty set.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        public_keys: Iterable[bytes],
        citizens: Iterable[bytes] = (),
    ) -> None:
        check_version()
        self._authenticator = _authenticator(context)
        self._keys: tuple[frozenset[bytes], frozenset[bytes]] = (frozenset(), frozenset())
        self.refused = 0
        """Connections refused so far; our own probe is among them."""
        self.admit(public_keys, citizens)

    def admit(self, public_keys: Iterable[bytes], citizens: Iterable[bytes] = ()) -> None:
        """From now on these keys, and no others, may open a connection; `citizens` only to theirs."""
        people, process = frozenset(public_keys), frozenset(citizens)
        if not people | process:
            raise KeysError("nobody's key is valid: nobody could connect")
        if (people, process) == self._keys:
            return
        self._keys = (people, process)
        for domain, keys in (
            (DOMAIN, people),
            (PICTURE_DOMAIN, people | process),
            (CITIZEN_DOMAIN, process),
        ):
            known = _Known(domain, keys, self._count)
            self._authenticator.configure_curve_callback(domain, credentials_provider=known)

    def _count(self) -> None:
        self.refused += 1

    @property
    def alive(self) -> bool:
        """Whether its thread still runs. Without it nobody new gets in, which is the safe way."""
        return bool(self._authenticator.is_alive())

    def stop(self) -> None:
        """End its thread."""
        self._authenticator.stop()


class OpenDoor:
    """The ZAP authenticator of a context with one endpoint for everybody: any key may connect to it.

    As with a `Doorkeeper` nobody new gets in while its thread is dead. It opens no other endpoint.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        check_version()
        self._authenticator = _authenticator(context)
        self._authenticator.configure_curve_callback(PUBLIC_DOMAIN, credentials_provider=_Anybody())

    @property
    def alive(self) -> bool:
        """Whether its thread still runs."""
        return bool(self._authenticator.is_alive())

    def stop(self) -> None:
        """End its thread."""
        self._authenticator.stop()


def _authenticator(context: zmq.Context[zmq.Socket[bytes]]) -> ThreadAuthenticator:
    # Of servers only: a console is there sooner without it.
    from zmq.auth.thread import ThreadAuthenticator

    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    return authenticator


class _Anybody:
    """Every key is welcome, at the public endpoint and nowhere else."""

    def callback(self, domain: str, key: bytes) -> bool:
        return domain == PUBLIC_DOMAIN


class _Known:
    """The keys that may connect in one domain, as pyzmq asks for them."""

    def __init__(self, domain: str, keys: Iterable[bytes], refused: Callable[[], None]) -> None:
        self._domain, self._refused = domain, refused
        self._texts = frozenset(z85.encode(key).encode() for key in keys)

    def callback(self, domain: str, key: bytes) -> bool:
        known = domain == self._domain and key in self._texts
        if not known:
            self._refused()
        return known


def server(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, endpoint: str, secret: Secret
) -> zmq.Socket[bytes]:
    """A bound CURVE server of kind ROUTER or XPUB that refuses everybody while the doorkeeper is dead.

    Raises SocketsError when it would not be encrypted, OSError when the endpoint is taken.
    """
    domain = PICTURE_DOMAIN if kind == zmq.XPUB else DOMAIN
    return _serve(_socket(context, kind), endpoint, secret, domain)


def citizen_server(
    context: zmq.Context[zmq.Socket[bytes]], endpoint: str, secret: Secret
) -> zmq.Socket[bytes]:
    """A bound ROUTER for the citizen process alone; its lists of cases are longer than orders.

    Raises SocketsError when it would not be encrypted, or cannot be bound.
    """
    made = _socket(context, zmq.ROUTER)
    made.setsockopt(zmq.MAXMSGSIZE, TOPICS["cases"].most_bytes)
    return _serve(made, endpoint, secret, CITIZEN_DOMAIN)


def _serve(made: zmq.Socket[bytes], endpoint: str, secret: Secret, domain: str) -> zmq.Socket[bytes]:
    made.curve_server = True
    made.curve_secretkey = z85.encode(secret.curve_secret).encode()
    made.curve_publickey = z85.encode(secret.curve_public).encode()
    made.zap_domain = domain.encode()
    made.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    kind = made.getsockopt(zmq.TYPE)
    if kind == zmq.ROUTER:
        made.setsockopt(zmq.ROUTER_MANDATORY, 1)
        made.setsockopt(zmq.ROUTER_HANDOVER, 0)
    if kind == zmq.XPUB:
        made.setsockopt(zmq.XPUB_VERBOSE, 0)
    _check_curve(made)
    try:
        made.bind(endpoint)
    except zmq.ZMQError as error:
        made.close()
        raise SocketsError(f"{endpoint}: cannot be bound ({error})") from None
    return made


def public_server(
    context: zmq.Context[zmq.Socket[bytes]], endpoint: str, secret: Secret
) -> zmq.Socket[bytes]:
    """A bound ROUTER for everybody: encrypted, small messages only, a short queue for each sender.

    Raises SocketsError when it would not be encrypted, or cannot be bound.
    """
    made = _socket(context, zmq.ROUTER)
    made.setsockopt(zmq.MAXMSGSIZE, FLAG_BYTES)
    return _serve(made, endpoint, secret, PUBLIC_DOMAIN)


def client(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, endpoint: str, secret: Secret, station_public: bytes
) -> zmq.Socket[bytes]:
    """A connected CURVE client of kind DEALER or SUB that queues nothing for a station that is not there."""
    made = _socket(context, kind)
    made.curve_secretkey = z85.encode(secret.curve_secret).encode()
    made.curve_publickey = z85.encode(secret.curve_public).encode()
    made.curve_serverkey = z85.encode(station_public).encode()
    made.setsockopt(zmq.IMMEDIATE, 1)
    if kind == zmq.SUB:
        made.setsockopt(zmq.SUBSCRIBE, b"")
    _check_curve(made)
    made.connect(endpoint)
    return made


def _socket(context: zmq.Context[zmq.Socket[bytes]], kind: int) -> zmq.Socket[bytes]:
    made = context.socket(kind)
    telemetry = kind in (zmq.SUB, zmq.XPUB)
    # A publisher receives subscriptions only, and they are short (A19).
    most = COMMAND_BYTES if kind in (zmq.ROUTER, zmq.XPUB) else TELEMETRY_BYTES
    queue = TELEMETRY_QUEUE if telemetry else COMMAND_QUEUE
    for option, value in (
        (zmq.MAXMSGSIZE, most),
        (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
        (zmq.TCP_KEEPALIVE, 1),
        (zmq.TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S),
        (zmq.TCP_KEEPALIVE_INTVL, KEEPALIVE_EVERY_S),
        (zmq.TCP_KEEPALIVE_CNT, KEEPALIVE_TRIES),
        (zmq.TCP_MAXRT, UNACKNOWLEDGED_MS),
        (zmq.SNDHWM, queue),
        (zmq.RCVHWM, queue),
        (zmq.LINGER, 0),
    ):
        made.setsockopt(option, value)
    return made


def _check_curve(made: zmq.Socket[bytes]) -> None:
    if made.getsockopt(zmq.MECHANISM) != zmq.CURVE:
        made.close()
        raise SocketsError("a socket without CURVE was about to be opened")


def address_of(frame: zmq.Frame) -> str:
    """Network address of whoever sent this frame; empty when it is not known."""
    try:
        return str(frame.get("Peer-Address"))
    except zmq.ZMQError:
        return ""


def sender_of(frame: zmq.Frame) -> bytes:
    """Public CURVE key of whoever sent this frame, from ZAP; never the routing id (A14)."""
    try:
        return z85.decode(str(frame.get(USER_ID)))
    except (zmq.ZMQError, ValueError):
        return b""


def stranger_is_refused(endpoint: str, station_public: bytes, timeout_ms: int = 1500) -> bool:
    """Try to connect with a random key: True when the station refuses it in so many words.

    The readiness probe (A11, A12): False when the stranger got in, or when nothing came at all.
    """
    stranger = bytes(PrivateKey.generate())
    secret = Secret("stranger", stranger, stranger)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made = _socket(context, zmq.DEALER)
    made.curve_secretkey = z85.encode(secret.curve_secret).encode()
    made.curve_publickey = z85.encode(secret.curve_public).encode()
    made.curve_serverkey = z85.encode(station_public).encode()
    events = made.get_monitor_socket()
    try:
        made.connect(endpoint)
        end_s = time.monotonic() + timeout_ms / 1000
        while (left_ms := round(1000 * (end_s - time.monotonic()))) > 0:
            if not events.poll(left_ms):
                break
            event = recv_monitor_message(events)["event"]
            if event == zmq.Event.HANDSHAKE_SUCCEEDED:
                return False
            if event in (zmq.Event.HANDSHAKE_FAILED_AUTH, zmq.Event.HANDSHAKE_FAILED_PROTOCOL):
                return True
            if event == zmq.Event.HANDSHAKE_FAILED_NO_DETAIL:
                return True
        return False
    finally:
        made.disable_monitor()
        events.close(0)
        made.close(0)
        context.term()
