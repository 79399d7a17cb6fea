"""The report in a real browser: opened, searched, filtered, followed; in the dark, on a phone, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from porter import report
from tests.report.browser import MISSING, Browser, browser
from tests.report.facts import HOSTILE, comparison

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

SHOWN = "[...document.querySelectorAll('.layer')].filter(e => e.checkVisibility()).length"
OPEN = "[...document.querySelectorAll('.layer[open]')].map(e => e.id)"
WIDE = "document.documentElement.scrollWidth - innerWidth"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    rows = {
        "wrong": comparison(wrong_from=6),
        "fine": comparison(),
        "hostile": comparison(wrong_from=4, names=HOSTILE),
        "long": comparison(wrong_from=700, layers=1000),
    }
    for name, found in rows.items():
        (folder / name).mkdir()
        report.write(folder / name, found)
    return folder


def shown(window: Browser, page: Path) -> Browser:
    window.open(page / report.HTML)
    return window


def test_it_is_searched_filtered_and_expanded(window: Browser, pages: Path) -> None:
    shown(window, pages / "wrong")
    assert window.run(OPEN) == ["layer-6"]
    assert window.run(SHOWN) == 12
    window.type("#search", "conv_1")
    assert window.run(SHOWN) == 3
    assert window.run("document.getElementById('count').textContent") == "3 of 12"
    window.type("#search", "nothing like it")
    assert window.run("document.getElementById('none').checkVisibility()")
    window.run("document.getElementById('search').value = ''")
    window.click("[data-show=off]")
    assert window.run(SHOWN) == 5
    window.click("[data-show=all]")
    window.click("#order")
    assert window.run("document.querySelector('.layer').dataset.state") == "off"
    window.click("#order")
    assert window.run("document.querySelector('.layer').id") == "layer-0"
    window.click("#layer-2 > summary")
    assert window.run(OPEN) == ["layer-2", "layer-6"]
    window.click("#expand")
    assert len(window.run(OPEN)) == 12


def test_a_point_of_the_curve_leads_to_its_layer(window: Browser, pages: Path) -> None:
    shown(window, pages / "wrong")
    window.click("a[href='#layer-3'] circle")
    assert window.comes("document.getElementById('layer-3').open", True)


@pytest.mark.parametrize("name", ["wrong", "fine", "hostile"])
def test_it_is_alone_and_quiet(name: str, window: Browser, pages: Path) -> None:
    window.requests()
    window.log("browser")
    shown(window, pages / name)
    asked = [url for url in window.requests() if not url.startswith("data:image/png")]
    assert asked == [(pages / name / report.HTML).as_uri()]
    assert window.log("browser") == []
    assert window.run("document.querySelectorAll('script').length") == 1


def test_what_a_name_could_smuggle_in_would_not_run(window: Browser, pages: Path) -> None:
    """The page allows its own script by its hash, and no other."""
    shown(window, pages / "fine")
    script = "const s = document.createElement('script'); s.textContent = 'window.ran = 1'"
    window.run(f"(() => {{ {script}; document.body.append(s) }})()")
    assert window.run("window.ran === undefined")
    assert any("Content Security Policy" in entry["message"] for entry in window.log("browser"))


@pytest.mark.parametrize("name", ["wrong", "hostile"])
def test_it_fits_a_phone_and_the_dark(name: str, window: Browser, pages: Path) -> None:
    shown(window, pages / name)
    light = window.run(BACKGROUND)
    try:
        window.media(scheme="dark")
        assert window.run(BACKGROUND) != light
        window.phone()
        assert window.run(WIDE) <= 0
        assert window.cut_off() == 0
    finally:
        window.emulate("Emulation.clearDeviceMetricsOverride")
        window.media()


def test_it_prints(window: Browser, pages: Path) -> None:
    shown(window, pages / "wrong")
    paper = window.tell("print")
    assert len(paper) > 10_000
    assert window.run("document.querySelectorAll('.layer.off[open]').length") == 5


def test_a_thousand_layers(window: Browser, pages: Path) -> None:
    shown(window, pages / "long")
    assert window.run(OPEN) == ["layer-700"]
    window.type("#search", "conv_701")
    assert window.run(SHOWN) == 1
