"""The library's door for live models: whose they are, and what is said where nobody knows them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import porter
from porter import frameworks, live
from porter.source_model import Converter


def test_an_object_of_nobody_is_refused() -> None:
    with pytest.raises(porter.RequestError, match=r"class builtins\.dict is not a live model"):
        porter.to_torch({})


def test_a_framework_that_reads_files_only_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = dataclasses.replace(frameworks.converter("torch"), owns=lambda one: True, read_live=None)
    monkeypatch.setattr(frameworks, "names", lambda: ("torch",))

    def only(name: str) -> Converter:
        return blind

    monkeypatch.setattr(frameworks, "converter", only)
    with pytest.raises(porter.RequestError, match="live models of PyTorch cannot be read yet"):
        porter.to_jax(object())


def test_examples_are_arguments() -> None:
    x = np.zeros(3)
    assert live.examples(None) is None
    assert live.examples((x, x)) == (x, x)
    assert len(live.examples([x, x]) or ()) == 1
