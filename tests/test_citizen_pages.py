"""The page as a browser without script asks for it: every flow in every language, and what is hostile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from override.citizen.commands import policy_view
from override.citizen.inventory import inventory
from override.citizen.kinds import KINDS
from override.citizen.language import TAGS, language
from override.citizen.phrases import say
from override.citizen.sentences import LIFE, SHOWING
from override.citizen.web.app import make_app
from override.flag_messages import Channel, FlagLife, FlagReply, FlagRequest, Kind
from tests.paper_citizens import ROWS, WALL_MS, PaperDesk

FIRST_LOAD_BYTES_MAX = 30_000
NONCE = "ab" * 16
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "Robert'); DROP TABLE flags;--",
    "\u202egnihtemos esle\u2066",
    "a\x00b\x1b[31m\r\nSet-Cookie: a=b",
    "{{ 7*7 }} {0} {code.__class__} %s %(x)s",
    "𝕏" * 60,
    "../../../etc/passwd",
)


class Reader(HTMLParser):
    """What a page would load, where its forms go, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.forms: list[str] = []
        self.fields: dict[str, str] = {}
        self.languages: list[str] = []
        self.words: list[str] = []
        self._quiet = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = dict(attrs)
        assert not any(name.startswith("on") or name == "style" for name in got), (tag, got)
        self._quiet += tag in ("script", "style")
        if "src" in got or (tag == "link" and got.get("href") != "data:,"):
            self.loads.append(str(got))
        if tag == "a":
            self.links.append(got.get("href") or "")
            if "hreflang" in got:
                self.languages.append(got["hreflang"] or "")
        if tag == "form":
            self.forms.append(got.get("action") or "")
        if tag == "input":
            self.fields[got.get("name") or ""] = got.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[\u2068\u2069]", "", " ".join("".join(self.words).split()))


@pytest.fixture
def desk() -> PaperDesk:
    return PaperDesk()


@pytest.fixture
def phone(desk: PaperDesk) -> Iterator[TestClient]:
    app = make_app(desk, now_ms=lambda: WALL_MS)
    with TestClient(app, follow_redirects=True, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("tag", TAGS)
def test_somebody_looks_taps_and_follows(phone: TestClient, desk: PaperDesk, tag: str) -> None:
    """The whole story without script: look, tell, read what was done, say that it is still broken."""
    speak = language(tag)
    page = phone.get(f"/{tag}/s/4F7K")
    seen = Reader(page.text)
    assert speak.say(SHOWING[ROWS[0].showing]) in seen.text
    assert speak.phrase(say("why-vehicles")) in seen.text
    assert speak.seconds(90) in seen.text
    assert all(speak.say(row.english) in seen.text for row in KINDS.values())
    answer = phone.post(
        seen.forms[0], data={"kind": "button-dead", "words": "ouch", "nonce": seen.fields["nonce"]}
    )
    assert answer.status_code == 200
    assert [(f.signal, f.kind, f.channel, f.words) for f in desk.flags] == [
        ("4F7K", Kind.BUTTON_DEAD, Channel.PAGE, "ouch")
    ]
    assert re.search(rf"/{tag}/f/[0-9a-z]{{16}}\Z", str(answer.url))
    told = Reader(answer.text)
    assert speak.say(LIFE[FlagLife.REMEDIED]) in told.text
    assert speak.phrase(say("remedy-recall")) in told.text
    assert speak.clock(WALL_MS + 900_000, WALL_MS) in told.text
    assert speak.phrase(say("rec-button-silent", minutes=4)) in told.text
    desk.advance("C00001", FlagLife.FIXED, say("fixed-proof", times=3))
    assert speak.say(LIFE[FlagLife.FIXED]) in Reader(phone.get(str(answer.url)).text).text
    again = Reader(phone.post(told.forms[0]).text)
    assert speak.say("Thank you. We noted that it is still wrong.") in again.text
    assert speak.say(LIFE[FlagLife.REOPENED]) in again.text
    listed = Reader(phone.get(f"/{tag}/s/4F7K").text)
    assert speak.say("We know of this") in listed.text


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(
    "path", ["/", "/s/4F7K", "/s/J7", "/s?code=nosuch", "/policy", "/privacy", "/data", "/f/none"]
)
def test_every_page_speaks_every_language_loads_nothing_else_and_is_small(
    phone: TestClient, tag: str, path: str
) -> None:
    answer = phone.get(f"/{tag}{path}")
    seen = Reader(answer.text)
    code = {"zh": "zh-Hans"}.get(tag, tag)
    assert f'<html lang="{code}" dir="{"rtl" if tag == "ar" else "ltr"}">' in answer.text
    assert seen.languages == ["en", "es", "bn", "zh-Hans", "ar"]
    assert seen.loads == []
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in seen.links + seen.forms)
    assert len(answer.content) <= FIRST_LOAD_BYTES_MAX
    if tag != "en":
        english = phone.get(f"/en{path}").text
        assert Reader(english).words != seen.words


def test_nothing_follows_anybody(phone: TestClient) -> None:
    for answer in (
        phone.get("/s/4F7K"),
        phone.post("/en/s/4F7K", data={"kind": "dark"}),
        phone.get("/nosuch"),
    ):
        headers = answer.headers
        assert "set-cookie" not in headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "geolocation=()" in headers["permissions-policy"]


def test_the_browser_chooses_where_the_address_does_not(phone: TestClient) -> None:
    answer = phone.get("/s/4F7K", headers={"accept-language": "ar-EG,en;q=0.5"})
    assert 'lang="ar" dir="rtl"' in answer.text
    assert "accept-language" in answer.headers["vary"].lower()
    assert 'lang="es"' in phone.get("/es/s/4F7K", headers={"accept-language": "ar"}).text.split("<head>")[0]


def test_a_tap_sent_twice_is_one_report(phone: TestClient, desk: PaperDesk) -> None:
    sent = {"kind": "stuck", "nonce": NONCE}
    first, second = phone.post("/en/s/4F7K", data=sent), phone.post("/en/s/4F7K", data=sent)
    assert first.url == second.url
    assert len(desk.flags) == 1
    assert desk.flags[0].nonce == bytes.fromhex(NONCE)


def test_a_form_may_come_in_parts_and_its_files_are_dropped(phone: TestClient, desk: PaperDesk) -> None:
    files = {"media": ("me.jpg", b"\xff\xd8\xffface", "image/jpeg")}
    assert phone.post("/en/s/4F7K", data={"kind": "sound", "words": "¿sí?"}, files=files).status_code == 200
    assert [(f.kind, f.words) for f in desk.flags] == [(Kind.SOUND, "¿sí?")]


def test_who_mistypes_is_asked_what_was_meant(phone: TestClient) -> None:
    answer = phone.get("/en/s?code=4F7X")
    assert answer.status_code == 404
    seen = Reader(answer.text)
    assert "/en/s/4F7K" in seen.links
    assert "Canal St & Mill Ln, across Canal St" in seen.text
    assert phone.get("/s?code=4f7+k").url.path == "/en/s/4F7K"
    assert Reader(phone.get("/en/s?code=zzzzzz").text).forms == ["/en/s"]
    assert Reader(phone.get("/en/s?code=").text).forms == Reader(phone.get("/en/s/").text).forms == ["/en/s"]


def test_busy_says_when_and_keeps_what_was_typed(phone: TestClient, desk: PaperDesk) -> None:
    desk.busy = True
    answer = phone.post("/es/s/4F7K", data={"kind": "dark", "words": "¿hola?", "nonce": NONCE})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    seen = Reader(answer.text)
    assert language("es").coded("busy", retry_s=30) in seen.text
    assert "30 segundos" in seen.text
    desk.busy = False
    sent = phone.post(seen.forms[0], data=seen.fields)
    assert sent.status_code == 200
    assert [(f.kind, f.words, f.nonce.hex()) for f in desk.flags] == [(Kind.DARK, "¿hola?", NONCE)]


def test_where_no_station_is_heard_the_page_says_so_and_takes_reports(
    phone: TestClient, desk: PaperDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = desk.signal
    monkeypatch.setattr(desk, "signal", lambda name: (page := heard(name)) and replace(page, heard_s=600))
    seen = Reader(phone.get("/en/s/4F7K").text)
    assert "We cannot reach the signals now. You can still tell us" in seen.text
    assert phone.post("/en/s/4F7K", data={"kind": "dark"}).status_code == 200
    assert len(desk.flags) == 1
    monkeypatch.setattr(desk, "signal", lambda name: None)
    monkeypatch.setattr(desk, "signals", lambda: ())
    never = phone.get("/en/s/4F7K")
    assert never.status_code == 404
    assert "so we know no codes yet" in Reader(never.text).text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text_or_refused_in_words(
    phone: TestClient, desk: PaperDesk, text: str
) -> None:
    for answer in (
        phone.get("/en/s", params={"code": text}),
        phone.post("/en/s/4F7K", data={"kind": "other", "words": text, "nonce": text}),
        phone.post("/en/s/4F7K", data={"kind": text}),
        phone.get(
            "/en/s/4F7K",
            headers={"accept-language": text.encode("ascii", "ignore").decode().replace("\r\n", "")},
        ),
    ):
        assert answer.status_code in (200, 400, 404)
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert "\u202e" not in answer.text
        assert "set-cookie" not in answer.headers
        Reader(answer.text)
    assert all(
        "\u202e" not in f.words and "\x00" not in f.words and f.words.isprintable() for f in desk.flags
    )
    assert all(len(f.words) <= 200 for f in desk.flags)


def test_huge_and_broken_forms_are_refused_in_words(phone: TestClient, desk: PaperDesk) -> None:
    refused = {
        413: {
            "content": b"words=" + b"a" * 100_000,
            "headers": {"content-type": "application/x-www-form-urlencoded"},
        },
        415: {"json": {"kind": "dark"}},
        400: {"content": b"kind=%ff%fe", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    }
    for status, sent in refused.items():
        answer = phone.post("/en/s/4F7K", **sent)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        assert "This report cannot be taken." in Reader(answer.text).text
    broken = phone.post(
        "/en/s/4F7K", content=b"--x\r\nnonsense", headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert broken.status_code == 400
    assert (
        phone.post("/en/s/4F7K", content=b"", headers={"content-type": "multipart/form-data"}).status_code
        == 400
    )
    many = phone.post("/en/s/4F7K", data={f"f{k}": "x" for k in range(200)})
    assert many.status_code == 413
    long = phone.post("/en/s/4F7K", data={"kind": "other", "words": "a" * 201})
    assert long.status_code == 400
    assert "at most 200" in Reader(long.text).text
    assert desk.flags == []


def test_what_does_not_exist_or_breaks_is_said_in_the_right_language(
    phone: TestClient, desk: PaperDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak = language("ar")
    assert speak.say("There is no such page.") in Reader(phone.get("/ar/nosuch/page").text).text
    assert phone.delete("/ar/s/4F7K").status_code == 405
    assert speak.coded("unknown-token") in Reader(phone.get("/ar/f/abc").text).text
    assert phone.post("/ar/f/abc").status_code == 404

    def breaks(name: str) -> None:
        raise RuntimeError("secret words of the inside")

    monkeypatch.setattr(desk, "signal", breaks)
    broken = phone.get("/ar/s/4F7K")
    assert broken.status_code == 500
    assert speak.say("Something broke on our side.") in Reader(broken.text).text
    assert "secret" not in broken.text
    assert "default-src 'none'" in broken.headers["content-security-policy"]


def test_other_refusals_of_the_desk_are_told(
    phone: TestClient, desk: PaperDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: FlagRequest, source: str = "") -> FlagReply:
        return FlagReply(request.nonce, False, code="bad-words", why="These words cannot be taken: <b>.")

    monkeypatch.setattr(desk, "flag", refuse)
    answer = phone.post("/en/s/4F7K", data={"kind": "other"})
    assert answer.status_code == 400
    assert "These words cannot be taken: <b>." in Reader(answer.text).text
    assert "<b>." not in unescape(answer.text).replace("These words cannot be taken: <b>.", "")


@pytest.mark.parametrize("tag", TAGS)
def test_what_is_kept_and_the_rules_are_told_whole_in_every_language(
    phone: TestClient, desk: PaperDesk, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    monkeypatch.setattr(desk, "inventory", inventory)
    data = replace(desk.open_data(), policy=policy_view(None, "the city council", "2026-01-15"))
    monkeypatch.setattr(desk, "open_data", lambda: data)
    kept, rules = phone.get(f"/{tag}/privacy"), phone.get(f"/{tag}/policy")
    for page in (kept, rules):
        assert '<span lang="en"' not in page.text
        assert len(page.content) <= FIRST_LOAD_BYTES_MAX
    assert all(f"({row.column})</code>" in kept.text for row in inventory())
    assert language(tag).seconds(120) in Reader(rules.text).text


def test_the_part_that_changes_is_asked_for_alone(phone: TestClient) -> None:
    part = phone.get("/bn/s/4F7K/now").text
    assert "<html" not in part
    assert language("bn").say(SHOWING[ROWS[0].showing]) in part
    assert phone.get("/bn/s/nosuch/now").status_code == 404
    token = str(phone.post("/bn/s/4F7K", data={"kind": "dark"}).url).rpartition("/")[2]
    assert language("bn").say(LIFE[FlagLife.WITH_A_PERSON]) in phone.get(f"/bn/f/{token}/now").text


def test_open_data_is_json_and_csv_with_small_numbers_left_out(phone: TestClient) -> None:
    signals = phone.get("/data/signals.json").json()
    assert [(s["junction"], s["state"], s["poles"]) for s in signals["signals"]] == [
        ("J2", "flash", ["9QXR"]), ("J7", "normal", ["4F7K", "4F8M"]),
    ]  # fmt: skip
    table = phone.get("/data/signals.csv").text.splitlines()
    assert table[0] == "junction,title,district,state,rung,x_m,y_m,poles,since"
    assert len(table) == 3
    flags = phone.get("/data/flags.json").json()
    assert flags["k"] == 5
    assert flags["flags"][1]["cases"] is None
    row = phone.get("/data/flags.csv").text.splitlines()[2]
    assert row.startswith("South,dark,,,")
    policy = phone.get("/data/policy.json").json()
    assert (policy["decided_by"], policy["decided_on"]) == ("the city council", "2026-01-15")
    rules = Reader(phone.get("/en/policy").text).text
    assert "Decided by the city council on January 15, 2026" in rules
    assert "what somebody wrote" in Reader(phone.get("/en/privacy").text).text
