"""The line between engine and gateway: a pair of connected local sockets that never make either wait."""

from __future__ import annotations

import socket

MESSAGE_BYTES_MAX = 1 << 20
BUFFER_BYTES = 1 << 22


class LocalLine:
    """One end. Whole messages, in order, as long as there is room; SEQPACKET keeps them apart."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self.closed = False
        """The other end is gone: its process has ended."""
        end.setblocking(False)

    def send(self, message: bytes) -> bool:
        """Hand over a message; False = no room, or nobody there."""
        try:
            return self._socket.send(message) == len(message)
        except BlockingIOError:
            return False
        except OSError:
            self.closed = True
            return False

    def receive(self) -> bytes | None:
        """The next message, if there is one."""
        try:
            message = self._socket.recv(MESSAGE_BYTES_MAX)
        except BlockingIOError:
            return None
        except OSError:
            self.closed = True
            return None
        if not message:
            self.closed = True
            return None
        return message

    def fileno(self) -> int:
        """For a poller."""
        return self._socket.fileno()

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


def line_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends, with room for some seconds of reports."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    return ends
