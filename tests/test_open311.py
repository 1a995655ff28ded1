"""Open311 GeoReport v2: what the standard says, and two clients that others wrote, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from civicbot.http import HttpTransport, RateLimiter
from civicbot.open311 import Open311Client, ValidationError
from civicbot.registry import Endpoint
from georeport import GeoReport
from starlette.testclient import TestClient

from override.citizen.phrases import say
from override.citizen.web.app import make_app
from override.flag_messages import Channel, FlagLife, Kind
from tests.citizen_server import served
from tests.paper_citizens import WALL_MS, PaperDesk

BASE = "/open311/v2"
KEY = "key of the city's app"
DAY = "2025-11-22T"
PERSONAL = {
    "email": "ana@example.org", "first_name": "Ana", "last_name": "Diaz", "phone": "+1 555 0100",
    "device_id": "d-1", "account_id": "a-1", "lat": "40.7", "long": "-74.0", "media_url": "http://x/me.jpg",
}  # fmt: skip


@pytest.fixture
def desk() -> PaperDesk:
    return PaperDesk()


@pytest.fixture
def city(desk: PaperDesk) -> Iterator[TestClient]:
    with TestClient(
        make_app(desk, now_ms=lambda: WALL_MS, public_url="https://lights.example.org")
    ) as client:
        yield client


def file(city: TestClient, **form: str) -> Any:
    sent = {"service_code": "button-dead", "attribute[signal]": "4F7K", **form}
    return city.post(f"{BASE}/requests.json", data=sent)


def test_a_client_written_by_others_lists_files_and_follows(desk: PaperDesk) -> None:
    """civicbot 0.4 looks for services, files and follows; georeport 0.3 reads it, as JSON and as XML."""
    with served(desk, now_ms=lambda: WALL_MS + 3_600_000, open311_keys=frozenset({KEY})) as url:
        endpoint = Endpoint(id="belisha", name="Belisha", base_url=url + BASE, write=True)
        client = Open311Client(endpoint, HttpTransport(timeout=5.0, rate_limiter=RateLimiter(0.0)))
        offered = client.list_services()
        assert {service["service_code"] for service in offered} == {kind.value for kind in Kind}
        definition = client.get_service_definition("button-dead")
        assert [a["code"] for a in definition["attributes"] if a["required"]] == ["signal"]
        with pytest.raises(ValidationError):
            client.create_request("button-dead", address_id="4F7K", validate_remote=True)
        sent = client.create_request(
            "button-dead", address_id="4F7K", attributes={"signal": "4F7K"}, description="nothing lights up",
            email="ana@example.org", phone="+1 555 0100", api_key=KEY, dry_run=False, confirm="SEND",
            validate_remote=True,
        )  # fmt: skip
        (answer,) = sent.response
        assert desk.flags[0].words == "nothing lights up"
        request = client.get_request(answer["service_request_id"])
        assert request is not None
        assert request["status"] == "open"
        assert "The walk comes by itself now" in request["status_notes"]
        assert client.get_token(answer["token"])[0]["service_request_id"] == answer["service_request_id"]
        desk.advance(answer["service_request_id"], FlagLife.FIXED, say("fixed-proof", times=3))
        for format in ("json", "xml"):
            other = GeoReport(url + BASE, output_format=format)
            assert len(other.get_service_list()) == len(Kind)
            assert other.get_service_definition("dark")["service_code"] == "dark"
            (listed,) = _as_list(other.get_service_requests(status="closed", service_code="button-dead,dark"))
            assert listed["service_request_id"] == answer["service_request_id"]
            followed = other.get_service_request(answer["service_request_id"])
            assert followed["status"] == "closed"
            assert "worked 3 times" in followed["status_notes"]
            assert followed["extended_attributes"]["state"] == "fixed"


def _as_list(rows: Any) -> list[Any]:
    return rows if isinstance(rows, list) else [rows]


def test_a_client_that_knows_only_the_citys_address_finds_the_rest(city: TestClient) -> None:
    found = city.get("/open311/discovery.json").json()
    (endpoint,) = found["endpoints"]
    assert endpoint["url"] == "https://lights.example.org" + BASE
    assert city.get(f"{BASE}/services.json").status_code == 200
    assert set(endpoint["formats"]) == {"text/xml", "application/json"}
    root = ElementTree.fromstring(city.get("/open311/discovery.xml").content)
    assert root.tag == "discovery"
    assert root.findtext("endpoints/endpoint/url") == endpoint["url"]
    assert [e.text for e in root.iterfind("endpoints/endpoint/formats/format")] == endpoint["formats"]
    assert found["contact"] == root.findtext("contact")


def test_who_reports_is_dropped_before_anything_is_kept(city: TestClient, desk: PaperDesk) -> None:
    answer = file(city, **PERSONAL, description="it is dead")
    assert answer.status_code == 201
    assert [(f.kind, f.channel, f.signal, f.words) for f in desk.flags] == [
        (Kind.BUTTON_DEAD, Channel.OPEN311, "4F7K", "it is dead")
    ]
    assert not any(value in repr(desk.flags) for value in PERSONAL.values())
    (row,) = answer.json()
    assert row["service_notice"].endswith(f"https://lights.example.org/en/f/{row['token']}")
    assert row["service_notice"].startswith("The walk comes by itself now")
    (request,) = city.get(f"{BASE}/requests/{row['service_request_id']}.json").json()
    assert "it is dead" not in repr(request)
    assert request["address_id"] == "4F7K"
    assert request["requested_datetime"] == "2025-11-22T08:30:00+00:00"
    assert request["extended_attributes"]["state"] == "remedied"


def test_the_same_in_xml(city: TestClient) -> None:
    services = ElementTree.fromstring(city.get(f"{BASE}/services.xml").content)
    assert (services.tag, services[0].tag) == ("services", "service")
    assert services[0].findtext("metadata") == "true"
    definition = ElementTree.fromstring(city.get(f"{BASE}/services/sound.xml").content)
    assert definition.tag == "service_definition"
    assert definition.findtext("attributes/attribute/code") == "signal"
    sent = city.post(f"{BASE}/requests.xml", data={"service_code": "sound", "address_id": "9qxr"})
    assert sent.status_code == 201
    assert sent.headers["content-type"] == "text/xml; charset=utf-8"
    posted = ElementTree.fromstring(sent.content)
    ident = posted.findtext("request/service_request_id")
    assert posted.tag == "service_requests"
    listed = ElementTree.fromstring(city.get(f"{BASE}/requests.xml").content)
    assert [r.findtext("service_request_id") for r in listed.findall("request")] == [ident]
    assert listed.findtext("request/address") == 'Ferry Rd <& "Quay">, across Ferry Rd'
    error = ElementTree.fromstring(city.get(f"{BASE}/requests/nosuch.xml").content)
    assert (error.tag, error.findtext("error/code")) == ("errors", "404")


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"service_code": ""}, 400, "service_code is missing"),
        ({"service_code": "pothole"}, 404, "service_code pothole is unknown"),
        ({"attribute[signal]": ""}, 400, "attribute[signal] or address_id is missing"),
        ({"attribute[signal]": "nosuch"}, 404, "no signal “nosuch”. There is no signal with that code"),
        ({"description": "a" * 201}, 400, "description: Please write at most 200 letters"),
    ],
)
def test_what_is_wrong_is_told_as_a_list_of_errors(
    city: TestClient, desk: PaperDesk, form: dict[str, str], status: int, words: str
) -> None:
    answer = file(city, **form)
    assert answer.status_code == status
    (error,) = answer.json()
    assert error["code"] == status
    assert words in error["description"]
    assert desk.flags == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/services/pothole.json", 404), ("/services.yaml", 404), ("/requests/nosuch.json", 404),
        ("/tokens/nosuch.json", 404), ("/requests.json?status=done", 400),
        ("/requests.json?service_code=x", 404),
        ("/requests.json?start_date=yesterday", 400), ("/requests.json?start_date=2025-11-22", 400),
        ("/requests.json?start_date=2025-01-01T00:00:00Z&end_date=2025-11-22T00:00:00Z", 400),
        ("/requests.json?page_size=0", 400), ("/requests.json?page=-1", 400),
        ("/requests.json?start_date=9999-12-31T23:59:59-12:00", 400),
    ],
)  # fmt: skip
def test_questions_that_cannot_be_answered(city: TestClient, path: str, status: int) -> None:
    answer = city.get(BASE + path)
    assert answer.status_code == status
    assert answer.json()[0]["code"] == status


def test_lists_are_filtered(city: TestClient, desk: PaperDesk) -> None:
    for kind in ("dark", "sound", "stuck"):
        file(city, service_code=kind)
    desk.advance("C00001", FlagLife.NOT_CONFIRMED, say("not-confirmed"))

    def ids(query: str) -> list[str]:
        return [row["service_request_id"] for row in city.get(f"{BASE}/requests.json?{query}").json()]

    assert ids("") == ["C00003", "C00002", "C00001"]
    assert ids("status=open") == ["C00003", "C00002"]
    assert ids("status=open,closed&service_code=dark,sound") == ["C00002", "C00001"]
    assert ids("service_request_id=C00002,nosuch,C00001&status=open") == ["C00002", "C00001"]
    assert ids(f"start_date={DAY}08:00:00Z&end_date={DAY}09:00:00%2B00:00") == ids("")
    assert ids(f"start_date={DAY}08:31:00Z&end_date={DAY}09:00:00Z") == []
    assert ids("page_size=2&page=2") == ["C00001"]
    assert "Encendido" not in city.get(f"{BASE}/services.json", headers={"accept-language": "es"}).text
    spanish = city.get(f"{BASE}/services.json", headers={"accept-language": "es"}).json()
    assert spanish[0]["service_name"] == "El botón no hace nada"


def test_updates_tell_each_step_and_the_sender_says_still_broken(city: TestClient, desk: PaperDesk) -> None:
    (row,) = file(city).json()
    desk.advance("C00001", FlagLife.FIXED, say("fixed-proof", times=3))
    updates = city.get(f"{BASE}/servicerequestupdates.json?service_request_id=C00001").json()
    assert [u["extended_attributes"]["state"] for u in updates] == ["received", "remedied", "fixed"]
    assert updates[-1]["status"] == "CLOSED"
    path = f"{BASE}/servicerequestupdates.json"
    assert city.post(path, data={"service_request_id": "C00001", "status": "OPEN"}).status_code == 403
    closing = city.post(
        path, data={"service_request_id": "C00001", "token": row["token"], "status": "CLOSED"}
    )
    assert closing.status_code == 400
    reopened = city.post(path, data={"service_request_id": row["token"], "status": "REOPENED"})
    assert reopened.status_code == 201
    assert reopened.json()[0]["extended_attributes"]["state"] == "reopened"
    assert city.get(f"{BASE}/requests/C00001.json").json()[0]["status"] == "open"


def test_busy_is_503_with_the_time(city: TestClient, desk: PaperDesk) -> None:
    desk.busy = True
    answer = file(city)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "NOT kept" in answer.json()[0]["description"]


def test_where_keys_are_given_out_only_their_holders_file(desk: PaperDesk) -> None:
    with TestClient(make_app(desk, open311_keys=frozenset({KEY}))) as city:
        assert file(city).status_code == 403
        assert file(city, api_key="guess").status_code == 403
        assert file(city, api_key=KEY).status_code == 201
        assert city.get(f"{BASE}/requests.json").status_code == 200
