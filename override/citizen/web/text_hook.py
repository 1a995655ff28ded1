"""Where gateways for text messages knock: `POST /text`, authenticated, one answer a message.

The secret comes as a bearer token (`Authorization: Bearer SECRET`) or as the password of basic
authentication with any user (`https://gateway:SECRET@host/text`), as gateways can be told to.
Fields, by the names that gateways use: the text in `text`, `Body`, `message` or `content`; the
sender in `from`, `From`, `sender` or `msisdn`; an id of the message in `id`, `MessageSid`,
`message_id` or `messageId`: a message that comes twice with the same id is one report.

The answer is the text to send back, as text/plain in UTF-8; where `MessageSid` was sent, as the
XML that makes Twilio-compatible gateways send it. The sender's number is hashed by the desk with
a key of the hour to put its queue in order, and is never written.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from override.bounds import NONCE_BYTES
from override.citizen.desk import CitizenDesk
from override.citizen.texts import answer
from override.citizen.web.forms import BadForm, read_form
from override.citizen.web.render import Renderer

TEXT_FIELDS = ("text", "Body", "message", "content")
SENDER_FIELDS = ("from", "From", "sender", "msisdn")
ID_FIELDS = ("id", "MessageSid", "message_id", "messageId")


class TextHook:
    """The hook. Without a secret it is closed."""

    def __init__(self, desk: CitizenDesk, renderer: Renderer, secret: str) -> None:
        self.desk = desk
        self.renderer = renderer
        self.secret = secret.encode()

    def routes(self) -> list[Route]:
        """One address."""
        return [Route("/text", self.text, methods=["POST"])]

    async def text(self, request: Request) -> Response:
        """Answer a message."""
        if not self.secret:
            return PlainTextResponse("no gateway is set up here", 404)
        if not hmac.compare_digest(_password(request.headers.get("authorization", "")), self.secret):
            headers = {"WWW-Authenticate": 'Basic realm="text"'}
            return PlainTextResponse("the gateway's secret is missing or wrong", 401, headers)
        try:
            form = await read_form(request)
        except BadForm as error:
            return PlainTextResponse(str(error), error.status)
        number, ident = _first(form, SENDER_FIELDS), _first(form, ID_FIELDS)
        nonce = hmac.digest(self.secret, ident.encode(), "sha256")[:NONCE_BYTES] if ident else b""
        said = await run_in_threadpool(
            answer, _first(form, TEXT_FIELDS), f"text {number}", self.desk,
            now_ms=self.renderer.now_ms(), nonce=nonce, zone=self.renderer.zone,
        )  # fmt: skip
        if "MessageSid" not in form:
            return PlainTextResponse(said)
        xml = f'<?xml version="1.0" encoding="UTF-8"?><Response><Message>{escape(said)}</Message></Response>'
        return Response(xml, media_type="text/xml; charset=utf-8")


def _password(header: str) -> bytes:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def _first(form: dict[str, str], names: tuple[str, ...]) -> str:
    return next((form[name] for name in names if name in form), "")
