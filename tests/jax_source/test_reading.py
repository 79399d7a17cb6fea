"""JAX models to graphs and to torch: JAX's own numbers against the reference and the written module."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from porter.graph.check import check
from porter.graph.dims import Sym
from porter.graph.model import Graph
from porter.graph.run import OWN, run
from porter.normalise import normalise
from porter.source_model import LiveModel, SourceModel

pytest.importorskip("flax")
pytest.importorskip("torch")

from tests.jax_source.functions import FUNCTIONS
from tests.jax_source.models import MODELS
from tests.layers.in_memory import by_torch

os.environ.setdefault("JAX_PLATFORMS", "cpu")

LIMIT = 2e-5


def read(model: Any, inputs: Sequence[np.ndarray]) -> SourceModel:
    from converters.jax.reading.live import read_live

    return read_live(LiveModel(model, tuple(inputs)))


def judged(model: Any, inputs: Sequence[np.ndarray]) -> Graph:
    """The graph of a model, after all who compute it have said the same."""
    source = read(model, inputs)
    assert not source.notices
    assert all(row.used_by or row.reason for row in source.ledger)
    assert source.living is not None
    wanted, _ = source.living.run(inputs)
    graph = check(normalise(source.graph), "normalising")
    assert graph.inputs[0].shape[0] == Sym("batch")
    answers = {
        "as read": run(source.graph, inputs, OWN),
        "the reference": run(graph, inputs, OWN),
        "torch": [answer.numbers for answer in by_torch(graph, inputs, "native")],
    }
    for who, answer in answers.items():
        for place, (got, want) in enumerate(zip(answer, wanted, strict=True)):
            ours, theirs = np.asarray(got, "float64"), np.asarray(want, "float64")
            assert ours.shape == theirs.shape, f"{who}, output {place}: {ours.shape}, wanted {theirs.shape}"
            scale = max(float(np.max(np.abs(theirs), initial=0)), 1e-6)
            distance = float(np.max(np.abs(ours - theirs), initial=0)) / scale
            assert distance <= LIMIT, f"{who}, output {place}: {distance:.1e}"
    return graph


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    function, params, inputs = FUNCTIONS[name]
    judged((function, params), inputs)


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str) -> None:
    """The numbers, and that layers are what they should be: no array is left as a loose parameter."""
    build, inputs, ops = MODELS[name]
    graph = judged(build(), inputs)
    found = Counter(type(node.op).__name__ for node in graph.nodes)
    missing = Counter(ops) - found
    assert not missing, f"{name} has no {', '.join(missing)}: {found}"
    loose = [p.name for n, _, p in graph.params() if type(n.op).__name__ == "Constant" and p.trainable]
    assert loose in ([], ["position"]), loose


def test_weights_of_layers_in_half_precision() -> None:
    """Arrays that a layer turns into bfloat16 before it computes are bfloat16, rounded once."""
    import jax.numpy as jnp
    from flax import nnx

    layer = nnx.Linear(3, 4, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    graph = read(layer, (np.ones((2, 3), "float32"),)).graph
    (weight,) = [param for node, name, param in graph.params() if name == "weight"]
    assert weight.tensor.dtype == "bfloat16"
    found = weight.tensor.read()
    assert found.dtype == jnp.bfloat16
    np.testing.assert_array_equal(found, np.asarray(layer.kernel[...].astype(jnp.bfloat16)).T)


@pytest.mark.parametrize("name", ["f", "path", "ordered_dict", "nn"])
def test_functions_named_like_what_the_module_imports(name: str) -> None:
    """Their class would hide `F`, `Path`, ...; it is called otherwise."""
    import jax.numpy as jnp
    from jax import nn

    def function(params: Any, x: Any) -> Any:
        return nn.softmax(jnp.tanh(x) @ params["w"])

    function.__name__ = name
    judged((function, {"w": np.eye(3, dtype="float32")}), (np.ones((2, 3), "float32"),))
