"""Keras on TensorFlow adds otherwise where a batch has one row: told, and no reason to call a port wrong."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import porter
from tests.layers.cases import CASES

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_adding_in_a_batch_of_one_row(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "add_what_looks_like_a_bias")
    case.model().save(tmp_path / "model.keras")
    bundle = porter.convert(tmp_path / "model.keras", to="torch", out=tmp_path / "out")
    assert bundle.verification is not None
    assert bundle.verification.equivalent
    assert any("for a batch of a single row" in notice for notice in bundle.notices)
