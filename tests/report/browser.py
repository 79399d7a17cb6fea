"""A real browser, driven over plain HTTP: chromedriver speaks WebDriver, and that is JSON."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = "" if CHROMIUM and DRIVER else "needs chromium and chromedriver (Debian: chromium, chromium-driver)"

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars".split()
OPENER = build_opener(ProxyHandler({}))


class Browser:
    """One session."""

    def __init__(self, address: str, session: str) -> None:
        self.address = f"{address}/session/{session}"

    def tell(self, what: str, **words: Any) -> Any:
        return _post(f"{self.address}/{what}", words)

    def open(self, file: Path) -> None:
        address = file.resolve().as_uri()
        self.tell("url", url=address)
        # a driver under load has been seen to answer before a large page was there
        assert self.comes("[location.href.split('#')[0], document.readyState]", [address, "complete"])

    def run(self, script: str, *values: Any) -> Any:
        return self.tell("execute/sync", script=f"return {script}", args=list(values))

    def comes(self, script: str, wanted: Any, patience: float = 60) -> bool:
        """Whether a script gives what is wanted, by and by: pages answer events when they get to it."""
        until = time.monotonic() + patience
        while not (found := self.run(script) == wanted) and time.monotonic() < until:
            time.sleep(0.02)
        return found

    def click(self, selector: str) -> None:
        found = self.tell("element", using="css selector", value=selector)
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", found)
        self.tell(f"element/{found[ELEMENT]}/click")

    def type(self, selector: str, text: str) -> None:
        found = self.tell("element", using="css selector", value=selector)[ELEMENT]
        self.tell(f"element/{found}/clear")
        self.tell(f"element/{found}/value", text=text)

    def emulate(self, command: str, **params: Any) -> Any:
        return self.tell("goog/cdp/execute", cmd=command, params=params)

    def phone(self) -> None:
        self.emulate(
            "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True
        )

    def cut_off(self) -> int:
        """How many tables are wider than what is seen of them."""
        tables = "[...document.querySelectorAll('.scroll')].filter(e => e.querySelector('table'))"
        found: int = self.run(f"{tables}.filter(e => e.scrollWidth > e.clientWidth).length")
        return found

    def media(self, media: str = "", scheme: str = "light") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.emulate("Emulation.setEmulatedMedia", media=media, features=features)

    def log(self, kind: str) -> list[Any]:
        return list(self.tell("se/log", type=kind))

    def requests(self) -> list[str]:
        """Addresses that were asked for since the last look."""
        told = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        sent = [one["params"] for one in told if one["method"] == "Network.requestWillBeSent"]
        return [params["request"]["url"] for params in sent]

    def picture(self, file: Path, whole: bool = True) -> None:
        shot = self.emulate("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        file.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser for as long as the block lasts."""
    assert DRIVER is not None
    with subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as driver:
        assert driver.stdout is not None
        try:
            said = (re.search(rb"successfully on port (\d+)", line) for line in driver.stdout)
            address = next(f"http://127.0.0.1:{found[1].decode()}" for found in said if found)
            wanted = {
                "goog:chromeOptions": {"binary": CHROMIUM, "args": [*ARGUMENTS, "--window-size=1200,900"]},
                "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
            }
            session = _post(f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
            made = Browser(address, session)
            try:
                yield made
            finally:
                OPENER.open(Request(made.address, method="DELETE"), timeout=60).close()
        finally:
            driver.terminate()


def _post(address: str, words: Any) -> Any:
    asked = Request(address, json.dumps(words).encode(), {"Content-Type": "application/json"})
    try:
        with OPENER.open(asked, timeout=120) as answer:
            return json.loads(answer.read())["value"]
    except HTTPError as error:
        raise AssertionError(json.loads(error.read())["value"]["message"]) from error
