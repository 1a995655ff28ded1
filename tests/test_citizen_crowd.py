"""A flood of reports at the page: told BUSY before it is read, and in the same words as everybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from override.citizen.admission import SIGNAL_PER_MIN
from override.citizen.crowd import Crowd
from override.citizen.web.app import make_app
from override.citizen.web.http_line import HEAD_BYTES, BoundedLine
from override.flag_messages import FlagReply, FlagRequest, Kind
from tests.citizen_street import CitizenStreet
from tests.test_citizen_pages import HOSTILE


class Counted:
    """The office, and how many reports came as far as that."""

    def __init__(self, street: CitizenStreet) -> None:
        self.street, self.flags = street, 0

    def flag(self, request: FlagRequest, source: str = "") -> FlagReply:
        self.flags += 1
        return self.street.send(request, source)

    def __getattr__(self, name: str) -> object:
        return getattr(self.street.office, name)


@pytest.fixture
def street(tmp_path: Path) -> Iterator[CitizenStreet]:
    street = CitizenStreet(tmp_path)
    yield street
    street.close()


def client(street: CitizenStreet, desk: Counted, guarded: bool) -> TestClient:
    crowd = Crowd(street.office) if guarded else None
    app = make_app(desk, now_ms=lambda: street.wall_ms, crowd=crowd)  # type: ignore[arg-type]
    return TestClient(app, follow_redirects=False)


def filled(street: CitizenStreet) -> bytes:
    """A signal that hears nobody more; the number of its first report."""
    nonces = [os.urandom(16) for _ in range(SIGNAL_PER_MIN)]
    for k, nonce in enumerate(nonces):
        flag = FlagRequest(nonce, street.pole(), Kind.OTHER)
        assert street.send(flag, f"s{k}").accepted
    return nonces[0]


def test_a_flood_is_turned_away_unread_in_the_words_that_everybody_is_told(street: CitizenStreet) -> None:
    desk = Counted(street)
    with client(street, desk, True) as guarded, client(street, desk, False) as plain:
        assert guarded.post(f"/s/{street.pole()}", data={"kind": "other"}).status_code == 303
        filled_for = street.pole()
        for k in range(SIGNAL_PER_MIN - 1):
            assert street.flag(Kind.OTHER, source=f"s{k}").accepted
        for tag in ("en", "es", "bn", "zh", "ar"):
            for words in ("it is bent", *HOSTILE):
                form = {"kind": "other", "words": words[:200], "nonce": "ab" * 16}
                desk.flags = 0
                quick = guarded.post(f"/{tag}/s/{filled_for}", data=form)
                assert desk.flags == 0, "nobody has read it"
                slow = plain.post(f"/{tag}/s/{filled_for}", data=form)
                assert quick.status_code == 503
                if slow.status_code != 503:
                    continue  # words that nobody can take: said when there is room to read them
                assert quick.headers["retry-after"] == slow.headers["retry-after"]
                assert quick.headers["content-security-policy"] == slow.headers["content-security-policy"]
                shown = slow.text.replace('<input type="hidden" name="shown" value="">', "")
                assert "".join(quick.text.split()) == "".join(shown.split())
        assert guarded.get(f"/s/{filled_for}").status_code == 200, "who only looks is shown everything"
        assert guarded.post(f"/s/{street.pole(1)}", data={"kind": "other"}).status_code == 303
        street.wait(60)
        assert guarded.post(f"/s/{filled_for}", data={"kind": "other"}).status_code == 303


def test_who_was_taken_is_not_told_busy_when_he_sends_it_again(street: CitizenStreet) -> None:
    desk = Counted(street)
    nonce = filled(street)
    with client(street, desk, True) as page:
        here = f"/en/s/{street.pole()}"
        again = page.post(here, data={"kind": "other", "nonce": nonce.hex()})
        assert again.status_code == 303, "kept is kept"
        assert page.post(here, data={"kind": "other", "nonce": "cd" * 16}).status_code == 503
        parts = page.post(here, files={"kind": (None, "other"), "words": (None, "x" * 9_000)})
        assert parts.status_code in (400, 503), "long ones and those in parts are read by the page"
        assert page.post("/en/s/NOSUCH", data={"kind": "other"}).status_code == 404


def test_a_flood_of_open311_is_turned_away_unread_in_the_words_that_everybody_is_told(
    street: CitizenStreet,
) -> None:
    desk = Counted(street)
    filled(street)
    report = {"service_code": "other", "attribute[signal]": street.pole(), "description": "it is bent"}
    with client(street, desk, True) as guarded, client(street, desk, False) as plain:
        for ending in ("json", "xml"):
            path = f"/open311/v2/requests.{ending}"
            for tag in ("en", "ar", "xx"):
                desk.flags = 0
                headers = {"Accept-Language": tag}
                quick = guarded.post(path, data=report, headers=headers)
                assert (quick.status_code, desk.flags) == (503, 0), "nobody has handed it in"
                slow = plain.post(path, data=report, headers=headers)
                assert (slow.status_code, desk.flags) == (503, 1)
                assert quick.content == slow.content
                assert dict(quick.headers) == dict(slow.headers)
            desk.flags = 0
            others: tuple[tuple[dict[str, str], int], ...] = (
                ({"service_code": "nonsense"}, 404),
                ({"attribute[signal]": "", "address_id": ""}, 400),
                ({"attribute[signal]": "NOSUCH"}, 404),
                ({"attribute[signal]": street.pole(1), "address_id": f"{ending}"}, 201),
            )
            for changed, status in others:
                assert guarded.post(path, data=report | changed).status_code == status, changed
        assert guarded.get("/open311/v2/requests.json").status_code == 200
        street.wait(60)
        assert guarded.post("/open311/v2/requests.json", data=report).status_code == 201


def test_who_has_no_key_is_told_so_and_not_that_there_is_no_room(street: CitizenStreet) -> None:
    desk = Counted(street)
    filled(street)
    app = make_app(desk, crowd=Crowd(street.office), open311_keys=frozenset({"key"}))  # type: ignore[arg-type]
    report = {"service_code": "other", "attribute[signal]": street.pole()}
    with TestClient(app) as city:
        assert city.post("/open311/v2/requests.json", data=report).status_code == 403
        assert city.post("/open311/v2/requests.json", data=report | {"api_key": "key"}).status_code == 503
    assert desk.flags == 0


class Wire:
    """The transport of a line; remembers whether it was cut."""

    def __init__(self) -> None:
        self.cut = False

    def abort(self) -> None:
        self.cut = True


def test_a_head_without_end_ends_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the parser itself would keep."""
    line = object.__new__(BoundedLine)
    wire = Wire()
    line.transport = wire  # type: ignore[assignment]
    for name in ("on_message_begin", "on_headers_complete", "data_received"):
        monkeypatch.setattr(BoundedLine.__mro__[1], name, lambda *_: None)
    line.on_message_begin()
    for _ in range(HEAD_BYTES // 1024):
        line.data_received(b"X" * 1024)
    assert not wire.cut
    line.on_headers_complete()
    for _ in range(100):
        line.data_received(b"a body may be long: others bound it" * 100)
    assert not wire.cut
    line.on_message_begin()
    for _ in range(HEAD_BYTES // 1024 + 1):
        line.data_received(b"X" * 1024)
    assert wire.cut
