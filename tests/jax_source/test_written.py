"""JAX models written in JAX and in Keras: JAX's own numbers against the bundle that was loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from porter import pipeline
from porter.frameworks import target
from porter.source_model import LiveModel, SourceModel

pytest.importorskip("flax")
pytest.importorskip("keras")

from tests.jax_source.functions import FUNCTIONS
from tests.jax_source.models import MODELS, reals
from tests.layers.in_memory import by_jax
from tests.layers.saved_rows import bundle_module, keras_outputs

LIMIT = 2e-5
Made = tuple[Any, Sequence[np.ndarray]]


def sliding_window(params: Any, x: Any) -> Any:
    """Attention with a bias that the model makes, which is nobody's layer."""
    import jax
    import jax.numpy as jnp

    places = jnp.arange(x.shape[1])
    heads = x.reshape(*x.shape[:2], 2, 3)
    bias = params["slope"][:, None, None] * (places - places[:, None])
    return jax.nn.dot_product_attention(heads, heads, heads, bias=bias[None], is_causal=True)


def _functions() -> dict[str, Callable[[], Made]]:
    return {name: lambda row=row: ((row[0], row[1]), row[2]) for name, row in FUNCTIONS.items()}


def _models() -> dict[str, Callable[[], Made]]:
    return {name: lambda row=row: (row[0](), row[1]) for name, row in MODELS.items()}


OWN: dict[str, Callable[[], Made]] = {
    "sliding_window": lambda: (
        (sliding_window, {"slope": np.array([0.5, 0.25], "float32")}),
        (reals(2, 5, 6),),
    ),
}
ROWS = _functions() | _models() | OWN


def _read(name: str) -> tuple[SourceModel, Sequence[np.ndarray], list[np.ndarray]]:
    from converters.jax.reading.live import read_live

    model, inputs = ROWS[name]()
    source = read_live(LiveModel(model, tuple(inputs)))
    assert source.living is not None
    return source, inputs, [np.asarray(one) for one in source.living.run(inputs)[0]]


def _assert_near(found: Sequence[Any], wanted: Sequence[np.ndarray]) -> None:
    for place, (got, want) in enumerate(zip(found, wanted, strict=True)):
        ours, theirs = np.asarray(got, "float64"), np.asarray(want, "float64")
        assert ours.shape == theirs.shape, f"output {place}"
        scale = max(float(np.max(np.abs(theirs), initial=0)), 1e-6)
        assert float(np.max(np.abs(ours - theirs), initial=0)) <= LIMIT * scale, f"output {place}"


@pytest.mark.parametrize("name", ROWS)
def test_in_keras(name: str, tmp_path: Path) -> None:
    source, inputs, wanted = _read(name)
    bundle = pipeline.convert(source, target("tf"), tmp_path / "out", pipeline.Options("source"))
    _assert_near(keras_outputs(bundle_module(bundle.path).load(), inputs), wanted)


@pytest.mark.parametrize("name", ROWS)
def test_in_jax(name: str) -> None:
    from porter.normalise import normalise

    source, inputs, wanted = _read(name)
    _assert_near([answer.numbers for answer in by_jax(normalise(source.graph), inputs, "native")], wanted)
