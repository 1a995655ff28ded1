"""The real office behind every channel: what is hostile, private or foreign comes through as it should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from override.citizen.language import TAGS, language
from override.citizen.phrases import PHRASES
from override.citizen.record import Code
from override.citizen.web.app import make_app
from override.flag_messages import Kind
from tests.citizen_street import CAR, CitizenStreet
from tests.test_citizen_pages import HOSTILE, Reader

SECRET = "of the gateway"
PERSON = {
    "email": "ana.diaz@example.org", "first_name": "Anastasia", "last_name": "Diazgarcia",
    "phone": "+15550100123",
    "device_id": "device-77", "account_id": "account-77", "media_url": "http://example.org/me-at-home.jpg",
}  # fmt: skip


@pytest.fixture
def street(tmp_path: Path) -> Iterator[CitizenStreet]:
    street = CitizenStreet(tmp_path)
    for _ in range(4):
        street.cycle()
    street.office.start()
    yield street
    street.office.stop()
    street.close()


@pytest.fixture
def phone(street: CitizenStreet) -> Iterator[TestClient]:
    app = make_app(street.office, text_secret=SECRET, now_ms=lambda: street.wall_ms)
    with TestClient(app, follow_redirects=True, raise_server_exceptions=False) as client:
        yield client


def test_hostile_words_come_through_as_words_or_not_at_all(phone: TestClient, street: CitizenStreet) -> None:
    """In every field of every channel; afterwards each page is still what it was."""
    pole = street.pole()
    for words in (*HOSTILE, "a" * 5000):
        for answer in (
            phone.post(f"/en/s/{pole}", data={"kind": "other", "words": words, "nonce": words}),
            phone.post(
                "/open311/v2/requests.xml",
                data={"service_code": "dark", "address_id": pole, "description": words},
            ),
            phone.post("/open311/v2/requests.json", data={"service_code": words, "address_id": words}),
            phone.post("/text", data={"from": words, "text": f"{pole} 0 {words}"}, auth=("x", SECRET)),
            phone.post("/text", data={"from": words, "text": words, "id": words}, auth=("x", SECRET)),
            phone.get(f"/en/s?code={pole}", headers={"accept-language": "es"}),
        ):
            assert answer.status_code in (200, 201, 400, 404, 503), answer.text
            if answer.headers["content-type"].startswith("text/html"):
                assert "<script>alert" not in answer.text
                Reader(answer.text)
    page = Reader(phone.get(f"/en/s/{pole}").text)
    assert page.forms == [f"/en/s/{pole}"]
    assert "alert" not in page.text
    kept = [text for case in street.office.cases() for text in street.store.words_of(case.case)]
    assert kept
    assert all(text.isprintable() and len(text) <= 200 for text in kept)


def test_nothing_of_the_sender_is_in_the_file(phone: TestClient, street: CitizenStreet) -> None:
    sent = {
        "service_code": "sound",
        "address_id": street.pole(),
        "lat": "40.712812",
        "long": "-74.006012",
        **PERSON,
    }
    assert phone.post("/open311/v2/requests.json", data=sent).status_code == 201
    texted = phone.post(
        "/text",
        data={"From": "+15550100123", "Body": f"{street.pole()} 3", "MessageSid": "S1"},
        auth=("x", SECRET),
    )
    assert "<Response>" in texted.text
    on_disk = b"".join(path.read_bytes() for path in street.file.parent.iterdir())
    assert b"Mill Lane" in on_disk, "the file must hold what it may"
    for personal in (*PERSON.values(), "15550100123", "40.712812", "-74.006012", "testclient", "MessageSid"):
        assert personal.encode() not in on_disk, personal


@pytest.mark.parametrize("kind", list(Kind))
def test_what_the_office_finds_is_told_in_every_language(
    phone: TestClient, street: CitizenStreet, kind: Kind
) -> None:
    """Reason, evidence and records of each kind; no English is left in another language."""
    street.wait(400)
    answer = phone.post(f"/en/s/{street.pole()}", data={"kind": kind.value})
    assert answer.status_code == 200
    token = str(answer.url).rpartition("/")[2]
    case = street.office.case(token)
    assert case is not None
    told = [case.why, *(step.why for step in case.steps), *case.records]
    told += [phrase for phrase in (case.evidence, case.remedy, case.crew) if phrase]
    for tag in TAGS:
        seen = Reader(phone.get(f"/{tag}/f/{token}").text).text
        for phrase in told:
            spoken = re.sub(r"[\u2068\u2069]", "", language(tag).phrase(phrase))
            assert " ".join(unescape(spoken).split()) in seen
            if tag != "en":
                assert phrase.english not in seen
    assert set(phrase.code for phrase in told) <= set(PHRASES)
    assert f"/f/{token}" not in phone.get("/open311/v2/requests.json").text


def test_refused_words_are_explained_in_the_language(phone: TestClient, street: CitizenStreet) -> None:
    refused = phone.post("/es/s/nosuch", data={"kind": "dark"})
    assert refused.status_code == 404
    assert language("es").coded("unknown-signal") in Reader(refused.text).text


def test_where_the_cars_flash_nobody_waits_for_a_green(phone: TestClient, street: CitizenStreet) -> None:
    """In flash the heads for people on foot stay red; the page says what that means."""
    before = Reader(phone.get(f"/en/s/{street.pole()}").text).text
    assert "Red. Please wait" in before
    assert "The promise rests" not in before
    street.note(Code.FLASH_RED, 0, CAR)
    street.wait(5)
    seen = Reader(phone.get(f"/en/s/{street.pole()}").text).text
    assert "Flashing. Take great care" in seen
    assert "Nobody has right of way" in seen
    assert "The promise rests for now" in seen
    whole = Reader(phone.get("/en/s/J0").text).text
    assert "Which crossing?" in whole
    assert "Nobody has right of way" in whole
    assert "Flashing" not in Reader(phone.get(f"/en/s/{street.pole(1)}").text).text


def test_who_asks_how_it_stands_is_told_when_nothing_can_help_just_now(
    phone: TestClient, street: CitizenStreet
) -> None:
    """The walk does not come by itself while the signal flashes, and nobody knows while it is not heard."""
    address = phone.post(f"/en/s/{street.pole()}", data={"kind": "sound"}).url.path
    assert "Nobody has right of way" not in phone.get(address).text
    street.note(Code.FLASH_AMBER, 0, CAR)
    street.tell()
    for page in (address, f"{address}/now"):
        assert "Nobody has right of way" in phone.get(page).text
    street.wall_ms += 20_000
    for page in (address, f"{address}/now"):
        assert "We cannot reach the signals now" in phone.get(page).text
