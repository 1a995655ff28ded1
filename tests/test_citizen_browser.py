"""The page in a real browser: with and without script, by keyboard alone, on a narrow phone, in Arabic."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_selenium_python import Axe
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from override.citizen.kinds import KINDS
from override.citizen.language import TAGS, language
from override.citizen.pages import Showing
from override.citizen.phrases import say
from override.citizen.sentences import LIFE, SHOWING
from override.flag_messages import FlagLife, FlagRequest, Kind
from tests.chromium import browser, phone, script
from tests.citizen_server import served
from tests.paper_citizens import WALL_MS, PaperDesk

NARROW_PX = 320
TAP_PX_MIN = 44
"""Smallest side of a button, after WCAG 2.5.5."""
TEXT_PX_MIN = 16
PATHS = ("/", "/s/4F7K", "/s/J7", "/s?code=4F7X", "/policy", "/privacy", "/data", "/nosuch")
LIVE_S = 30.0


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with browser() as driver:
        yield driver


@pytest.fixture(scope="module")
def desk() -> PaperDesk:
    return PaperDesk()


@pytest.fixture(scope="module")
def url(desk: PaperDesk) -> Iterator[str]:
    with served(desk, now_ms=lambda: WALL_MS) as address:
        yield address


def until(seen: Callable[[], bool]) -> bool:
    """Whether it comes true in the time a page may take on a busy machine."""
    end_s = time.monotonic() + LIVE_S
    while time.monotonic() < end_s:
        try:
            if seen():
                return True
        except WebDriverException:
            pass  # between two pages
        time.sleep(0.05)
    return False


def words(chrome: Chrome) -> str:
    """What the page says; the page that comes next where one is just leaving."""
    text = ""

    def read() -> bool:
        nonlocal text
        text = chrome.find_element(By.TAG_NAME, "body").text
        return True

    assert until(read)
    return " ".join(text.replace("\u2068", "").replace("\u2069", "").split())


def click(chrome: Chrome, by: str, what: str) -> None:
    """Click it as soon as it is there: the page before may still be leaving."""
    assert until(lambda: chrome.find_element(by, what).click() is None)


def button(chrome: Chrome, kind: Kind) -> WebElement:
    return chrome.find_element(By.CSS_SELECTOR, f"button[value={kind.value}]")


def violations(chrome: Chrome) -> list[str]:
    axe = Axe(chrome)
    axe.inject()
    return [f"{found['id']}: {found['nodes'][0]['html']}" for found in axe.run()["violations"]]


def token_of(desk: PaperDesk, kind: Kind, nonce: int) -> str:
    return desk.flag(FlagRequest(bytes([nonce]) * 16, "4F7K", kind)).token


@pytest.mark.parametrize("tag", TAGS)
def test_the_whole_flow_without_script_in_each_language(
    chrome: Chrome, url: str, desk: PaperDesk, tag: str
) -> None:
    speak = language(tag)
    phone(chrome)
    script(chrome, allowed=False)
    try:
        chrome.get(f"{url}/{tag}/s/4F8M")
        assert speak.say(SHOWING[Showing.WALK]) in words(chrome)
        for link in chrome.find_elements(By.CSS_SELECTOR, "nav a"):
            assert link.is_displayed()
        button(chrome, Kind.GREEN_TOGETHER).click()
        assert until(lambda: f"/{tag}/f/" in chrome.current_url)
        assert until(lambda: speak.phrase(say("remedy-urgent")) in words(chrome))
        assert speak.say("Is someone in danger? Call the emergency number now.") in words(chrome)
        click(chrome, By.CSS_SELECTOR, "button.big")
        assert until(lambda: speak.say("Thank you. We noted that it is still wrong.") in words(chrome))
        assert speak.say(LIFE[FlagLife.REMEDIED]) in words(chrome) or speak.say(
            LIFE[FlagLife.KNOWN]
        ) in words(chrome)
        chrome.get("data:text/html,<title>still</title><script>document.title='ran'</script>")
        assert chrome.title == "still", "the test must have switched scripts off"
    finally:
        script(chrome, allowed=True)


def test_what_is_shown_follows_the_signal_where_scripts_run(
    chrome: Chrome, url: str, desk: PaperDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone(chrome)
    chrome.get_log("browser")
    chrome.get(f"{url}/es/s/4F7K")
    speak = language("es")
    lamp = chrome.find_element(By.ID, "lamp")
    assert lamp.text == speak.say(SHOWING[Showing.WAIT])
    assert chrome.execute_script("return performance.getEntriesByType('resource').length") == 0
    heard = desk.signal

    def walks(name: str) -> Any:
        page = heard(name)
        return page and replace(page, showing=Showing.WALK, why=say("why-green"))

    monkeypatch.setattr(desk, "signal", walks)
    assert until(lambda: lamp.text == speak.say(SHOWING[Showing.WALK]))
    assert "walk" in (lamp.get_attribute("class") or "").split()
    assert speak.phrase(say("why-green")) in words(chrome)
    asked = chrome.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert asked
    assert all(name.startswith(url) for name in asked)
    assert [entry for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert chrome.get_cookies() == []
    assert chrome.execute_script("return localStorage.length + sessionStorage.length") == 0


@pytest.mark.parametrize("tag", TAGS)
def test_nothing_bars_anybody(chrome: Chrome, url: str, desk: PaperDesk, tag: str) -> None:
    """axe-core finds nothing to complain about, and nothing is wider than a narrow phone."""
    number = TAGS.index(tag)
    token = token_of(desk, Kind.BUTTON_DEAD, 100 + number)
    phone(chrome, NARROW_PX, dark=tag == "bn", contrast=tag == "zh")
    paths = PATHS if tag == "en" else ("/s/4F7K", "/s/J7") if tag == "ar" else ("/s/4F7K",)
    for path in (*paths, f"/f/{token}?again=1"):
        chrome.get(f"{url}/{tag}{path}")
        assert violations(chrome) == [], path
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= NARROW_PX, path
    chrome.get(f"{url}/{tag}/s/4F7K")
    for row in KINDS.values():
        size = button(chrome, row.kind).size
        assert min(size["width"], size["height"]) >= TAP_PX_MIN
    small = chrome.execute_script(
        "return [...document.querySelectorAll('main *')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(small) >= TEXT_PX_MIN


def test_busy_and_unknown_pages_bar_nobody_either(chrome: Chrome, url: str, desk: PaperDesk) -> None:
    phone(chrome, NARROW_PX, dark=True, contrast=True)
    desk.busy = True
    try:
        chrome.get(f"{url}/ar/s/9QXR")
        chrome.find_element(By.ID, "shown").send_keys("9qyh4", Keys.ENTER)
        assert "/s/9QXR" in chrome.current_url, (
            "a key in the field of the pole's code sends nothing by itself"
        )
        assert violations(chrome) == []
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= NARROW_PX
        button(chrome, Kind.STUCK).click()
        assert until(lambda: language("ar").coded("busy", retry_s=30) in words(chrome))
        assert violations(chrome) == []
    finally:
        desk.busy = False
    click(chrome, By.CSS_SELECTOR, "button.big")
    assert until(lambda: "/ar/f/" in chrome.current_url)


def test_the_checker_would_complain(chrome: Chrome) -> None:
    chrome.get("data:text/html,<html><body><img src='x'><button></button><p style='color:%23eee'>pale</p>")
    assert len(violations(chrome)) >= 3


def test_by_keyboard_alone(chrome: Chrome, url: str, desk: PaperDesk) -> None:
    """Past the languages by the skip link, to a kind, told, and still broken; the focus is always seen."""
    phone(chrome)
    chrome.get(f"{url}/en/s/9QXR")

    def press(key: str) -> None:
        ActionChains(chrome).send_keys(key).perform()

    def focus() -> WebElement:
        element = chrome.switch_to.active_element
        style = chrome.execute_script(
            "const s = getComputedStyle(arguments[0]); return [s.outlineStyle, s.outlineWidth]", element
        )
        assert "none" not in style, element.get_attribute("outerHTML")
        assert "0px" not in style, element.get_attribute("outerHTML")
        return element

    press(Keys.TAB)
    assert focus().text == "Skip to the content"
    assert focus().is_displayed()
    press(Keys.ENTER)
    assert until(lambda: chrome.switch_to.active_element.get_attribute("id") == "main")
    for _ in range(20):
        press(Keys.TAB)
        if focus().get_attribute("value") == Kind.SOUND.value:
            break
    press(Keys.ENTER)
    assert until(lambda: "/en/f/" in chrome.current_url and "Still broken" in words(chrome))
    for _ in range(20):
        press(Keys.TAB)
        if focus().text == "Still broken":
            break
    press(Keys.SPACE)
    assert until(lambda: "Thank you. We noted that it is still wrong." in words(chrome))
    assert desk.flags[-1].kind is Kind.SOUND


def test_arabic_runs_from_the_right(chrome: Chrome, url: str) -> None:
    phone(chrome)
    chrome.get(f"{url}/ar/s/4F7K")
    links = chrome.find_elements(By.CSS_SELECTOR, "nav a")
    assert links[0].location["x"] > links[1].location["x"]
    lamp = chrome.find_element(By.ID, "lamp")
    symbol, said = (lamp.find_element(By.TAG_NAME, name) for name in ("svg", "span"))
    assert symbol.location["x"] > said.location["x"]
    assert chrome.execute_script("return getComputedStyle(document.querySelector('h2')).direction") == "rtl"
    code = chrome.find_element(By.CSS_SELECTOR, "main b")
    assert (code.text, code.get_attribute("dir")) == ("4F7K", "ltr")


def test_who_mistypes_finds_the_signal(chrome: Chrome, url: str) -> None:
    phone(chrome)
    chrome.get(f"{url}/es/")
    field = chrome.find_element(By.ID, "code")
    field.send_keys("4f7x", Keys.ENTER)
    assert until(lambda: "4F7X" in words(chrome).upper())
    click(chrome, By.PARTIAL_LINK_TEXT, "4F7K")
    assert until(lambda: chrome.current_url == f"{url}/es/s/4F7K")
    click(chrome, By.LINK_TEXT, "العربية")
    assert until(lambda: chrome.current_url == f"{url}/ar/s/4F7K")


@pytest.mark.parametrize(
    "command", ["w3m -dump -cols 60 -O UTF-8", "lynx -dump -width=60 -display_charset=UTF-8 -nolist"]
)
def test_a_text_browser_shows_and_sends_everything(
    url: str, desk: PaperDesk, tmp_path: Path, command: str
) -> None:
    program, *options = command.split()
    if not shutil.which(program):
        pytest.skip(f"NO TEXT BROWSER: {program} is not installed; with root: apt-get install w3m lynx")

    def shown(*more: str, sent: str = "") -> str:
        done = subprocess.run(
            [program, *options, *more], input=sent, capture_output=True, text=True, timeout=30, check=True,
            env={**os.environ, "LANG": "C.UTF-8", "HOME": str(tmp_path)},
        )  # fmt: skip
        return " ".join(done.stdout.replace("\u2068", "").replace("\u2069", "").split())

    speak = language("es")
    seen = shown(f"{url}/es/s/4F7K")
    assert speak.say(SHOWING[Showing.WAIT]) in seen
    assert speak.phrase(say("why-vehicles")) in seen
    assert all(speak.say(row.english) in seen for row in KINDS.values())
    before = len(desk.flags)
    form = tmp_path / "form"
    form.write_text("kind=turned")
    if program == "w3m":
        told = shown("-post", str(form), f"{url}/es/s/4F7K")
    else:
        told = shown("-post_data", f"{url}/es/s/4F7K", sent="kind=turned\n---\n")
    assert len(desk.flags) == before + 1
    assert speak.say("What happened so far") in told
