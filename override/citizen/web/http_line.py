"""How a line of HTTP is read: by a parser in C, so that a flood can be answered, and never without end.

That parser keeps a header as long as it comes; here a head longer than HEAD_BYTES ends the line.
"""

from __future__ import annotations

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 16_384
"""Address and headers of a request, as much as the pure parser of Python (h11) takes."""


class BoundedLine(HttpToolsProtocol):
    """One line of one client."""

    parser: httptools.HttpRequestParser
    """What keeps the header."""
    _in_head = True
    _head_bytes = 0

    def on_message_begin(self) -> None:
        """Another request."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its body comes now."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Whatever has come."""
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
        if self._head_bytes > HEAD_BYTES:
            self.transport.abort()
