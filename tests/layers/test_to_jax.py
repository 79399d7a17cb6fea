"""Every row of the layer tables, from a saved Keras file to JAX: the numbers, and that it trains.

As for torch: a row is saved, converted, and its `model.py` is loaded by itself; Keras and the generated
module must agree on hard inputs.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from tests.layers.cases import CASES, LayerCase, hard_inputs
from tests.layers.saved_rows import (
    KERAS_MARKS,
    OLD_FORMAT,
    Saved,
    assert_near,
    bundle_module,
    io_layouts,
    rows_of,
    save,
    several,
    turned,
)

os.environ.setdefault("JAX_PLATFORMS", "cpu")

pytestmark = [
    *KERAS_MARKS,
    pytest.mark.skipif(importlib.util.find_spec("flax") is None, reason="Flax is not installed"),
]


def _given(arrays: Sequence[np.ndarray], told: Sequence[Any]) -> list[Any]:
    import jax.numpy as jnp

    return [jnp.asarray(array) for array in turned(arrays, told, "source_axes", "axes")]


def _run_jax(bundle: porter.Bundle, saved: Saved) -> list[np.ndarray]:
    """The outputs of the loaded bundle, compiled as one pure function, in the source's axis order."""
    import jax
    from flax import nnx

    told = bundle.manifest
    graphdef, params, rest = nnx.split(bundle_module(bundle.path).load(), nnx.Param, ...)

    @jax.jit
    def apply(params: Any, *inputs: Any) -> Any:
        return nnx.merge(graphdef, params, rest)(*inputs)

    outputs = several(apply(params, *_given(saved.inputs, told["inputs"])))
    return turned([np.asarray(output) for output in outputs], told["outputs"], "axes", "source_axes")


@pytest.mark.parametrize("case", rows_of(CASES, thinned=True))
def test_row_computes_the_same(case: LayerCase, tmp_path: Path) -> None:
    saved, tried = save(case, tmp_path), set()
    for io in io_layouts(saved):
        bundle = porter.convert(saved.file, to="jax", out=tmp_path / io, io_layout=io, verify=False)
        told = _all_that_it_is(bundle)
        if told not in tried:  # where Keras's order is JAX's, both are one
            assert_near(_run_jax(bundle, saved), saved.outputs, saved.limit, f"jax ({io})")
        tried.add(told)
    _assert_trains(tmp_path / "native", case)


def _all_that_it_is(bundle: porter.Bundle) -> tuple[bytes, bytes, str]:
    """Code, weights, and the order of what goes in and comes out."""
    files = [(bundle.path / name).read_bytes() for name in ("model.py", "model.safetensors")]
    return files[0], files[1], json.dumps([bundle.manifest[side] for side in ("inputs", "outputs")])


def _assert_trains(folder: Path, case: LayerCase) -> None:
    """In training mode what is trained, and only that, is an `nnx.Param`, and gets a finite gradient."""
    import jax.numpy as jnp
    from flax import nnx

    told = json.loads((folder / "porter.json").read_text(encoding="utf-8"))
    model = bundle_module(folder).load()
    model.train()
    inputs = _given(hard_inputs(case, seed=3, batch=4), told["inputs"])
    becomes = [entry for row in told["ledger"] for entry in row["becomes"]]
    trained = {entry["key"] for entry in becomes if entry["trainable"]}
    held = {".".join(map(str, path)) for path, _ in nnx.to_flat_state(nnx.state(model, nnx.Param))}
    assert held == trained, f"trained and frozen are confused: {sorted(held ^ trained)}"

    def loss(model: Any) -> Any:
        outputs = [x for x in several(model(*inputs)) if jnp.issubdtype(x.dtype, jnp.floating)]
        weights = [np.random.default_rng(0).random(x.shape) for x in outputs]
        return sum((x * w).sum() for x, w in zip(outputs, weights, strict=True)) + jnp.zeros(())

    grads = nnx.jit(nnx.grad(loss))(model)
    for path, grad in nnx.to_flat_state(grads):
        assert jnp.isfinite(grad.get_value()).all(), f"{path} gets an infinite gradient"


@pytest.mark.parametrize("case", rows_of(case for case in CASES if case.name in OLD_FORMAT))
def test_row_computes_the_same_from_hdf5(case: LayerCase, tmp_path: Path) -> None:
    saved = save(case, tmp_path, "model.h5")
    bundle = porter.convert(saved.file, to="jax", out=tmp_path / "native", weights_format="h5", verify=False)
    assert_near(_run_jax(bundle, saved), saved.outputs, saved.limit, "jax")
