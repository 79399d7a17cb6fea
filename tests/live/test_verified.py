"""Live models are verified on the way; a result that computes something else is an error with its figures."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import porter

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_the_bundle_says_how_it_was_verified(tmp_path: Path) -> None:
    import json

    from tests.live import models

    porter.to_torch(models.Masked(name="masked"), models.ids(3, 8, 30), out=tmp_path / "out")
    told = json.loads((tmp_path / "out" / "porter.json").read_text(encoding="utf-8"))
    assert told["verification"]["equivalent"]
    assert told["source"]["format"] == "live model"
    assert {row["file"] for row in told["ledger"]} == {"live model"}


def test_what_differs_is_raised_with_its_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from tests.live import models

    model = models.Twice(name="twice")
    given = (models.floats(3, 5), models.floats(3, 5))
    model(*given)
    plain = type(model).call
    monkeypatch.setattr(  # from now on the model computes otherwise, but when it is looked at
        type(model),
        "call",
        lambda self, a, b: plain(self, a, b) + (0.0 if isinstance(a, keras.KerasTensor) else 1e-2),
    )
    with pytest.raises(porter.NotEquivalent, match="agrees with the reference, but Keras") as caught:
        porter.to_torch(model, given)
    assert not caught.value.comparison.equivalent


@pytest.mark.skipif(importlib.util.find_spec("flax") is None, reason="Flax is not installed")
def test_to_jax() -> None:
    import jax
    import numpy as np

    from tests.live import models

    model, given = models.Pictures(name="pictures"), models.floats(2, 12, 10, 3)
    net = porter.to_jax(model, given, verify=False)
    with jax.default_matmul_precision("highest"):
        got = np.asarray(net(given))
    assert np.max(np.abs(got - np.asarray(model(given)))) < 1e-5
