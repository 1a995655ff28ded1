"""A browser without a window for tests, where the machine has one; else the reason why not, loudly."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-extensions", "--hide-scrollbars",
)  # fmt: skip
MISSING = (
    "NO BROWSER: chromium and chromedriver are not on the PATH, so no page was looked at. "
    "With root: apt-get install chromium chromium-driver"
)
PHONE_PX = (360, 740)


@contextmanager
def browser() -> Iterator[Chrome]:
    """One browser. Skips the test, with the reason, where there is none."""
    driver = shutil.which("chromedriver")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not driver or not program:
        pytest.skip(MISSING)
    options = ChromeOptions()
    options.binary_location = program
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        started = Chrome(options=options, service=Service(driver))
    except WebDriverException as error:
        pytest.skip(f"NO BROWSER: {program} does not start here: {error.msg}")
    try:
        started.set_page_load_timeout(60)
        yield started
    finally:
        started.quit()


def phone(driver: Chrome, width_px: int = PHONE_PX[0], dark: bool = False, contrast: bool = False) -> None:
    """Look like a phone of that width, with its owner's wishes."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width_px, "height": PHONE_PX[1], "deviceScaleFactor": 1, "mobile": True},
    )
    features = [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
        {"name": "prefers-contrast", "value": "more" if contrast else "no-preference"},
    ]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def script(driver: Chrome, allowed: bool) -> None:
    """Whether pages may run scripts from their next load on."""
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not allowed})
