"""Each row read, then held against torch: the reference, the module written anew in torch; some in JAX and
Keras too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from converters.torch.live import read_live
from porter import pipeline
from porter.frameworks import target
from porter.graph.model import Graph
from porter.normalise import normalise
from porter.source_model import LiveModel, SourceModel
from tests.layers.in_memory import Answer, assert_same, by_jax, by_reference, by_torch
from tests.layers.saved_rows import bundle_module, keras_outputs
from tests.torch_source.rows import ROWS as PLAIN
from tests.torch_source.rows import Row
from tests.torch_source.rows_complex import COMPLEX_ROWS
from tests.torch_source.rows_operators import OPERATOR_ROWS

ROWS = (*PLAIN, *COMPLEX_ROWS, *OPERATOR_ROWS)


def read(row: Row) -> tuple[SourceModel, list[Answer]]:
    """The row's model, and what torch makes of the inputs."""
    torch.manual_seed(len(row.name))
    module = row.make().eval()
    _enliven(module)
    inputs = tuple(torch.from_numpy(np.array(x)) for x in row.inputs)
    model = read_live(LiveModel(module, inputs))
    with torch.no_grad():
        found = torch.utils._pytree.tree_leaves(module(*inputs))
    return model, [_answer(tensor) for tensor in found if isinstance(tensor, torch.Tensor)]


def _enliven(module: torch.nn.Module) -> None:
    """Statistics that are not 0 and 1, so that a mistake in them shows."""
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.3)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)


def _answer(tensor: Any) -> Answer:
    return Answer(tensor.detach().numpy(), str(tensor.dtype).removeprefix("torch."))


def _prepared(graph: Graph, name: str) -> Graph:
    prepare = target(name).prepare
    return prepare(graph) if prepare is not None else graph


def _in_jax(answer: Answer) -> Answer:
    """JAX holds whole numbers in 32 bits unless told otherwise."""
    return Answer(answer.numbers, {"int64": "int32"}.get(answer.dtype, answer.dtype))


@pytest.fixture(autouse=True)
def _as_torch_starts() -> None:
    """Other tests run porter's runner in this process, which asks for deterministic algorithms."""
    torch.set_deterministic_debug_mode("default")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row) -> None:
    model, truth = read(row)
    graph = normalise(model.graph)
    for_jax, for_torch = (_prepared(graph, name) for name in ("jax", "torch"))
    assert_same(by_reference(graph, row.inputs), truth, "the reference")
    assert_same(by_torch(for_torch, row.inputs, "source"), truth, "torch")
    if row.jax:
        assert_same(by_jax(for_jax, row.inputs, "native"), [_in_jax(answer) for answer in truth], "jax")


@pytest.mark.parametrize("row", [row for row in ROWS if row.jax], ids=lambda row: row.name)
def test_row_in_keras(row: Row, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    model, truth = read(row)
    bundle = pipeline.convert(model, target("tf"), tmp_path / "out", pipeline.Options("source"))
    found = keras_outputs(bundle_module(bundle.path).load(), row.inputs)
    assert_same([Answer(one, str(one.dtype)) for one in found], truth, "Keras")


def test_rows_have_names_of_their_own() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
