"""The pages of diagnoses and checks: every fact is on them, and nothing that a name says is markup."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from porter import report
from porter.checking.findings import Check, Finding
from porter.checking.preprocessing import compare
from porter.compare.heat import Heat
from porter.diagnosis.findings import Cause, Diagnosis, Mended, Place, Tried
from tests.report.browser import MISSING, browser

HOSTILE = '<script>alert("x")</script>\u202e'


def diagnosis(name: str) -> dict[str, Any]:
    heat = Heat(0.5, ((0, 128), (255, 3)))
    cause = Cause(
        "another epsilon",
        "epsilon is 1e-05, where 0.001 is right",
        "code",
        (Place(name, "BatchNormalization", "norm", 0.01, 1e-7),),
        ("model.py:3: " + name,),
        (Tried("another epsilon", "epsilon is 0.0001, where 0.001 is right", 9e-4),),
        12,
        heat,
        heat,
    )
    seen = Cause("kernel flipped", "it is reversed", "weights", (Place("c1", "Conv2D", "c1", 2.0, None),))
    rest = (Place("last", "Dense", "last", 0.2, 0.2),)
    mended = Mended(Path("out"), ("c1.weight",), (cause.text,), False, "not equivalent: still off")
    return Diagnosis("a", name, False, "not equivalent", (cause, seen), rest, 0.9, 0.1, mended).to_dict()


def check(name: str) -> dict[str, Any]:
    findings = (
        Finding("twice in a row", "same", True),
        Finding("a row alone", "rounding", True, "out", 1e-7, 1e-7, 2.0, 0.5, (0, 1), name, "Dense"),
        Finding("in a batch of 2", "batch coupling", False, "out", 0.1, 0.1, 1e6, 1e6, (0, 1), name, "Dense"),
        Finding("eager against compiled", "not run", True, why=name),
    )
    return Check(name, findings, {"porter": "0", "rows": 32}).to_dict()


def preprocessing(name: str) -> dict[str, Any]:
    images = [np.cumsum(np.random.default_rng(k).random((16, 18, 3)), 0).astype("float32") for k in range(2)]
    files = [Path(f"{name.replace('/', '')}{k}.png") for k in range(2)]
    return compare(name, "two.py:g", files, images, [x[..., ::-1] / 255 for x in images]).to_dict()


PAGES = {"diagnosis": diagnosis, "check": check, "preprocessing": preprocessing}


@pytest.mark.parametrize("kind", PAGES)
def test_every_fact_is_on_the_page(kind: Any, tmp_path: Path) -> None:
    facts = PAGES[kind]("layer_7")
    report.write_facts(tmp_path, kind, facts)
    page = (tmp_path / report.HTML).read_text(encoding="utf-8")
    assert json.loads((tmp_path / report.JSON).read_text(encoding="utf-8")) == json.loads(json.dumps(facts))
    for text in re.findall(r'"(?:name|sentence|test|layer|verdict)": "([^"\\]+)"', json.dumps(facts)):
        assert text in page or text[:1].upper() + text[1:] in page, text


@pytest.mark.parametrize("kind", PAGES)
def test_names_are_no_markup(kind: Any, tmp_path: Path) -> None:
    report.write_facts(tmp_path, kind, PAGES[kind](HOSTILE))
    page = (tmp_path / report.HTML).read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "\u202e" not in page


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    for kind, facts in PAGES.items():
        (tmp_path / kind).mkdir()
        report.write_facts(tmp_path / kind, kind, facts("layer_7"))  # type: ignore[arg-type]
    return tmp_path


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_browser_shows_them_without_complaint(pages: Path) -> None:
    with browser() as window:
        for kind in PAGES:
            window.open(pages / kind / report.HTML)
            assert window.log("browser") == []
            assert window.run("document.querySelector('h1').checkVisibility()")
            window.phone()
            assert window.run("document.documentElement.scrollWidth - innerWidth") <= 0, kind
            assert window.cut_off() == 0, kind
