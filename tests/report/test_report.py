"""The report as files: complete, escaped, valid, documented."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from porter import report
from porter.compare import GradientRow, LayerRow, OutputRow, WeightRow
from porter.compare.comparison import SCHEMA
from porter.compare.difference import Distance
from porter.compare.figures import Figures
from porter.compare.heat import Heat
from porter.report.junit import write_junit
from porter.report.page import visible
from porter.report.picture import data_uri
from tests.conftest import ROOT
from tests.report.facts import HOSTILE, comparison


class Page(HTMLParser):
    """Elements, their attributes and their text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.text.append(data)


def written(folder: Path, **how: object) -> tuple[dict[str, object], Page]:
    report.write(folder, comparison(**how))  # type: ignore[arg-type]
    text = (folder / report.HTML).read_text(encoding="utf-8")
    return json.loads((folder / report.JSON).read_text(encoding="utf-8")), Page(text)


def test_nothing_in_the_page_is_asked_for_elsewhere(tmp_path: Path) -> None:
    _, page = written(tmp_path, wrong_from=4)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action", "data"):
            told = attributes.get(name)
            assert told is None or told.startswith(("#", "data:image/png")), (tag, told)
    style = (ROOT / "porter" / "report" / "template" / "page.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    _, page = written(tmp_path, wrong_from=4, names=HOSTILE)
    assert [tag for tag, _ in page.elements].count("script") == 1
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert tag != "img" or (attributes["src"] or "").startswith("data:image/png;base64,")
    seen = "".join(page.text)
    for name in HOSTILE:
        assert visible(name) in seen
    assert "\u202e" not in seen
    assert "\\u202egnp.exe" in seen, "what cannot be seen is spelled out"
    assert "49" not in re.findall(r"(?<!\d)49(?!\d)", seen), "a name was taken for a template"


def test_the_first_divergent_layer_is_open(tmp_path: Path) -> None:
    facts, page = written(tmp_path, wrong_from=6)
    layers = [told for tag, told in page.elements if tag == "details" and "data-words" in told]
    assert len(layers) == 12
    assert [k for k, attributes in enumerate(layers) if "open" in attributes] == [6]
    assert facts["diverges"] == "block_1/conv_6"
    assert "it begins at layer block_1/conv_6" in str(facts["verdict"])


def test_an_equivalent_model_opens_nothing(tmp_path: Path) -> None:
    facts, page = written(tmp_path)
    assert facts["equivalent"] is True
    assert "Equivalent" in "".join(page.text)
    assert not [a for tag, a in page.elements if tag == "details" and "data-words" in a and "open" in a]


def test_few_facts_make_a_page_too(tmp_path: Path) -> None:
    environment = {"porter": "0", "a": None, "b": None, "inputs": []}
    bare = dataclasses.replace(comparison(), outputs=(), layers=(), conversion={}, environment=environment)
    report.write(tmp_path, bare)
    assert (tmp_path / report.HTML).stat().st_size > 10_000


@pytest.mark.parametrize("kind", [OutputRow, LayerRow, WeightRow, GradientRow, Distance, Figures, Heat])
def test_every_field_is_documented(kind: type) -> None:
    text = (ROOT / "docs" / "report.md").read_text()
    assert f"schema {SCHEMA}" in text
    for field in dataclasses.fields(kind):
        assert f"`{field.name}`" in text, f"docs/report.md does not say what {field.name} is"


def test_junit_is_xml_whatever_the_names(tmp_path: Path) -> None:
    facts = comparison(wrong_from=4, names=HOSTILE).to_dict()
    write_junit(tmp_path / "deep" / "junit.xml", HOSTILE[0], facts)
    suite = ElementTree.parse(tmp_path / "deep" / "junit.xml").getroot()
    cases = suite.findall("testcase")
    failed = [case for case in cases if case.find("failure") is not None]
    assert suite.attrib["tests"] == str(len(cases))
    assert suite.attrib["failures"] == str(len(failed))
    assert cases[0].attrib["name"] == "verdict"
    assert len(failed) > 3
    assert any(HOSTILE[0] in case.attrib["name"] for case in cases)


def test_a_picture_is_a_png() -> None:
    import base64
    import zlib

    data = base64.b64decode(data_uri([[0, 128, 255], [1, 2, 3]]).partition(",")[2])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    start = data.index(b"IDAT") + 4
    assert zlib.decompress(data[start : data.index(b"IEND") - 8]) == b"\0\0\x80\xff\0\x01\x02\x03"
