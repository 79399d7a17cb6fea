"""Recurrent convolutions padded on Theano's side, said with odd kernels for Keras: the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converters.keras.writing.states import odd_kernels
from porter.graph.builder import Builder, input_value
from porter.graph.model import Graph, Param, Spec
from porter.graph.ops.convolution import Pads
from porter.graph.ops.recurrent_convolution import ConvLstm
from porter.graph.run import run
from porter.weights.tensor import Constant as Numbers

ROWS: list[tuple[dict[str, Any], tuple[int, ...], Pads]] = [
    # settings, kernel, padding of the state
    ({}, (3, 2), ((1, 1), (1, 0))),
    ({}, (2, 4), ((1, 0), (2, 1))),
    ({"strides": (2, 1)}, (2, 3), ((1, 0), (1, 1))),
    ({"padding": "same"}, (2, 2), ((1, 0), (1, 0))),
    ({"dilation": (2, 1)}, (2, 2), ((1, 0), (1, 0))),
    ({"orientation": "first"}, (2, 3), ((1, 0), (1, 1))),
]


def graph(settings: dict[str, Any], kernel: tuple[int, ...], pads: Pads) -> Graph:
    rng = np.random.default_rng(3)
    usual = {"strides": (1, 1), "dilation": (1, 1), "padding": ((0, 0), (0, 0))}
    op = ConvLstm(2, 3, kernel, state_padding=pads, **{**usual, **settings})
    shapes = {"weight_ih": (12, 2, *kernel), "weight_hh": (12, 3, *kernel), "bias": (12,)}
    params = {
        name: Param(Numbers(rng.standard_normal(shape).astype("float32"))) for name, shape in shapes.items()
    }
    shape = (2, 3, 2, 7, 6) if op.orientation == "first" else (2, 3, 7, 6, 2)
    builder = Builder()
    x = input_value("x", Spec(shape, "float32"))
    return builder.graph("g", [x], builder.add(op, x, params=params)[:1])


@pytest.mark.parametrize(("settings", "kernel", "pads"), ROWS)
def test_computes_the_same(settings: dict[str, Any], kernel: tuple[int, ...], pads: Pads) -> None:
    before = graph(settings, kernel, pads)
    after = odd_kernels(before)
    assert all(node.op.state_padding is None for node in after.nodes if isinstance(node.op, ConvLstm))
    x = np.random.default_rng(4).standard_normal(before.inputs[0].shape).astype("float32")
    np.testing.assert_allclose(run(after, (x,))[0], run(before, (x,))[0], rtol=1e-5, atol=1e-6)


def test_other_paddings_stay() -> None:
    before = graph({}, (3, 2), ((2, 0), (1, 0)))
    assert odd_kernels(before).nodes == before.nodes
