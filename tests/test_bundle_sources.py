"""Bundles as sources: what porter wrote for one framework goes on to another, from its manifest and weights,
and the bundle itself is run to verify it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import porter
from tests.conftest import ROOT
from tests.layers.saved_rows import KERAS_MARKS
from tests.test_golden import model_files

for framework in ("torch", "jax", "keras"):
    pytest.importorskip(framework)

pytestmark = KERAS_MARKS

PAIRS = [("torch", "tf"), ("torch", "jax"), ("jax", "torch"), ("jax", "tf"), ("tf", "torch"), ("tf", "jax")]


def bundle(name: str, to: str, folder: Path) -> Path:
    """A right bundle of a fixture."""
    source = model_files(ROOT / "fixtures" / name)
    return porter.convert(source, to=to, out=folder / f"{name}-{to}", verify=False).path


@pytest.mark.parametrize(("first", "then"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_a_bundle_goes_on_to_another_framework(first: str, then: str, tmp_path: Path) -> None:
    made = porter.convert(bundle("demo_cnn", first, tmp_path), to=then, out=tmp_path / "out")
    assert made.verification is not None
    assert made.verification.equivalent
    assert any(row.a is not None for row in made.verification.outputs)  # the first bundle was run, too
    assert made.verification.layers


@pytest.mark.parametrize("name", ["bilstm_classifier", "multi_io"])
def test_and_comes_back(name: str, tmp_path: Path) -> None:
    """Round the circle: what comes out is what the file says that it all began with."""
    there = bundle(name, "torch", tmp_path)
    for step, to in enumerate(("jax", "tf", "torch")):
        there = porter.convert(there, to=to, out=tmp_path / f"step{step}", verify=False).path
    found = porter.verify(model_files(ROOT / "fixtures" / name), there)
    assert found.equivalent, found.verdict


def test_reading_a_bundle_of_torch_imports_no_torch(tmp_path: Path) -> None:
    made = bundle("demo_cnn", "torch", tmp_path)
    script = (
        "import sys; sys.modules['torch'] = None; import porter; "
        f"porter.convert({str(made)!r}, to='jax', out={str(tmp_path / 'out')!r}, verify=False)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "model.py").is_file()
