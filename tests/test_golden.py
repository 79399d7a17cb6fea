"""Generated code as people read it: accepted by eye, then held to the letter (`scripts/update_golden`)."""

from __future__ import annotations

from pathlib import Path

import pytest

import porter

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
CASES = sorted(path.parent.relative_to(GOLDEN) for path in GOLDEN.rglob("model.py"))


def model_files(fixture: Path) -> list[Path]:
    """The files of a fixture that make up its model."""
    listed = [path for path in sorted(fixture.iterdir()) if path.suffix in (".json", ".h5", ".keras")]
    return [path for path in listed if path.name not in ("meta.json", "full.h5")]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_generated_code(case: Path, tmp_path: Path) -> None:
    fixture, target = ROOT / "fixtures" / case.parent, case.name
    porter.convert(model_files(fixture), to=target, out=tmp_path / "out", verify=False)
    wanted = (GOLDEN / case / "model.py").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "model.py").read_text(encoding="utf-8") == wanted


def test_there_are_golden_files() -> None:
    assert len(CASES) >= 5
