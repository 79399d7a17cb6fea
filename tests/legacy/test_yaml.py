"""Architectures in YAML are read as plain values, whatever their tags and aliases ask for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from converters.keras.legacy.yaml_text import parsed_yaml
from converters.keras.load import load, recognises
from porter.errors import SourceError

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "legacy").glob("*/*/model.json"))


def test_tuples_and_aliases_of_keras_are_lists() -> None:
    text = "a: &id001 !!python/tuple [1, 2]\nb: *id001\nc: !!python/unicode 'x'\n"
    more = "d: !!python/str 'y'\ne: !!python/long '5'\nf: !!binary 'YwE='\n"
    read = parsed_yaml(text + more, "x")
    assert read == {"a": [1, 2], "b": [1, 2], "c": "x", "d": "y", "e": 5, "f": b"c\x01"}


def test_sizes_that_numpy_computed_are_numbers() -> None:
    scalar, dtype = "!!python/object/apply:numpy.core.multiarray.scalar", "!!python/object/apply:numpy.dtype"
    text = (
        f"size: {scalar}\n- &t {dtype}\n  args: [i8, 0, 1]\n"
        '  state: !!python/tuple [3, <, null, null, null, -1, -1, 0]\n- " -\\0\\0\\0\\0\\0\\0"\n'
        f"same: {scalar} [*t, !!binary 'IC0AAAAAAAA=']\n"
    )
    assert parsed_yaml(text, "x") == {"size": 11552, "same": 11552}


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:numpy.dtype {args: [O8]}",
        "a: !!python/object/apply:numpy.core.multiarray.scalar [1, 2]",
        "a: !!python/object/apply:os.system ['true']",
        "a: !!python/name:os.system",
        "a: !!python/module:os",
        "a: [1, 2",
        "a: &x [*x]",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match=r"^x: "):
        parsed_yaml(text, "x")


def test_aliases_of_aliases_are_counted_before_they_are_followed() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 9)]
    with pytest.raises(SourceError, match="aliases stand for more than"):
        parsed_yaml("\n".join(lines), "x")


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: "-".join(file.parts[-3:-1]))
def test_every_generation_is_known_by_its_yaml(file: Path, tmp_path: Path) -> None:
    """Those of Keras 0 have neither a class_name nor a config."""
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(json.loads(file.read_text())))
    weights = file.with_name("weights.h5")
    assert recognises([tmp_path / "model.yaml", weights])
    assert load([tmp_path / "model.yaml", weights]).model == load([file, weights]).model
