"""What was sent in a form: bounded before it is read, whatever it claims to be."""

from __future__ import annotations

import logging
from urllib.parse import parse_qsl

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, parse_options_header
from starlette.requests import Request

# The parser logs a warning for each form it cannot read: any stranger could fill the log.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
BODY_BYTES_MAX = 16_384
FIELDS_MAX = 100


class BadForm(ValueError):
    """A form that cannot be read; `status` is the HTTP status to say so with."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


async def read_form(request: Request) -> dict[str, str]:
    """Its fields, of which the last of a name counts; files are dropped. Raises BadForm.

    Text that is no UTF-8 is an error, never guessed at.
    """
    body = await _body(request)
    header = request.headers.get("content-type", "application/x-www-form-urlencoded")
    kind, options = parse_options_header(header)
    try:
        if kind == b"application/x-www-form-urlencoded":
            return dict(parse_qsl(body.decode(), True, errors="strict", max_num_fields=FIELDS_MAX))
        if kind == b"multipart/form-data":
            return _multipart(body, options.get(b"boundary", b""))
    except (FormParserError, UnicodeDecodeError) as error:
        raise BadForm(400, f"the form cannot be read: {error}") from error
    except ValueError as error:
        raise BadForm(413, f"more than {FIELDS_MAX} fields") from error
    raise BadForm(415, "a form is needed: application/x-www-form-urlencoded or multipart/form-data")


def _multipart(body: bytes, boundary: bytes) -> dict[str, str]:
    fields: list[tuple[bytes, bytes]] = []

    def take(field: Field) -> None:
        if len(fields) >= FIELDS_MAX:
            raise ValueError
        fields.append((field.field_name or b"", field.value or b""))

    parser = FormParser("multipart/form-data", take, lambda file: None, boundary=boundary)
    parser.write(body)
    parser.finalize()
    return {name.decode(): value.decode() for name, value in fields}


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BadForm(413, f"more than {BODY_BYTES_MAX} bytes")
    return bytes(body)
