"""Recurrent ops against torch as it is written for them, in every combination of what they can be asked."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from porter.graph.builder import Builder
from porter.graph.dims import BATCH, Sym
from porter.graph.layouts import Inner, Layout, Request
from porter.graph.model import Graph, Origin, Param, Spec, Value
from porter.graph.ops.elementwise import Unary
from porter.graph.ops.recurrent import AnyRecurrent, Gru, Lstm, SimpleRnn
from porter.graph.run import run
from porter.layout import lay_out
from porter.weights.tensor import Constant

STEPS, CHANNELS, UNITS = 6, 3, 4
GATES = {"SimpleRnn": 1, "Lstm": 4, "Gru": 3}
KINDS = {"SimpleRnn": SimpleRnn, "Lstm": Lstm, "Gru": Gru}

torch_only = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")


def _noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype("float32")


def _params(op: AnyRecurrent) -> dict[str, Param]:
    rows = GATES[type(op).__name__] * UNITS
    shapes = {"weight_ih": (rows, CHANNELS), "weight_hh": (rows, UNITS), "bias_ih": (rows,)}
    if isinstance(op, Gru) and op.reset_after:
        shapes["bias_hh"] = (rows,)
    return {
        name + ending: Param(Constant(_noise(*shape, seed=place) / 2))
        for place, ending in enumerate(("", "_reverse")[: op.walks])
        for name, shape in shapes.items()
    }


def _graph(op: AnyRecurrent, used: tuple[int, ...]) -> tuple[Graph, list[np.ndarray]]:
    """One op whose outputs `used` are the graph's; its mask has gaps at the start, inside and all along."""
    states = op.walks * op.STATES
    inputs = [Value("x", Spec((BATCH, Sym("t"), CHANNELS)))]
    arrays = [_noise(4, STEPS, CHANNELS)]
    if op.masked:
        inputs.append(Value("mask", Spec((BATCH, Sym("t")), "bool")))
        rows = ("011011", "110000", "000000", "101101")
        arrays.append(np.array([[step == "1" for step in row] for row in rows]))
    if op.started:
        inputs += [Value(f"start_{k}", Spec((BATCH, UNITS))) for k in range(states)]
        arrays += [_noise(4, UNITS, seed=k) for k in range(states)]
    builder = Builder()
    builder.origin = Origin("layer")
    outputs = builder.add(op, *inputs, params=_params(op))
    return builder.graph("model", inputs, [outputs[place] for place in used]), arrays


def _combinations() -> Iterator[Any]:
    yes_no = (False, True)
    for kind, both, started, gaps in product(KINDS, yes_no, yes_no, (None, "repeat", "zeros", "state")):
        for function in ("tanh", "softsign"):
            asked: dict[str, Any] = {"both": both, "started": started, "activation": Unary(function)}
            if gaps is not None:
                asked.update(masked=True, gaps=gaps)
            op = KINDS[kind](CHANNELS, UNITS, **asked)
            words = [kind, function, *(["both"] if both else []), *(["started"] if started else [])]
            yield pytest.param(op, id="-".join([*words, str(gaps)]))


@torch_only
@pytest.mark.parametrize("op", list(_combinations()))
def test_torch_computes_what_the_op_means(op: AnyRecurrent) -> None:
    states = tuple(range(2, 2 + op.walks * op.STATES))
    for used in ((0,), (1,), (0, 1), (1, *states), (0, 1, *states), (states[-1],)):
        graph, arrays = _graph(op, used)
        want = run(graph, arrays)
        for got, there in zip(_torch(graph, arrays), want, strict=True):
            np.testing.assert_allclose(got, there, rtol=0, atol=2e-6)


def _torch(graph: Graph, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs of the generated code."""
    import torch

    from converters.torch.write import write

    written = write(lay_out(graph, "first", "native"))
    space: dict[str, Any] = {"__name__": "generated", "__file__": "model.py"}
    exec(compile(written.source, "model.py", "exec"), space)
    model = space["Model"]()
    held = {key: torch.from_numpy(weight.tensor.read()) for key, weight in written.weights.items()}
    model.load_state_dict(held)
    with torch.no_grad():
        result = model(*map(torch.from_numpy, arrays))
    return [part.numpy() for part in (result if isinstance(result, tuple) else (result,))]


def test_a_merged_axis_in_another_order_is_taken_in_by_the_input_weights() -> None:
    op = Lstm(6, UNITS, both=True)
    x, flat = Spec((BATCH, STEPS, 6)), Inner((2, 3), (1, 0))
    layout = Layout((0, 1, 2), {2: flat})
    answer = op.relayout(Request((layout,), (x,), op.infer(x), "first"))
    assert answer.inputs == (layout,)
    assert set(answer.params) == {"weight_ih", "weight_ih_reverse"}
    move, sizes = answer.params["weight_ih"]
    weight = _noise(4 * UNITS, 6)
    np.testing.assert_array_equal(
        move.apply(weight, sizes), weight.reshape(-1, 2, 3).swapaxes(1, 2).reshape(-1, 6)
    )


def test_shapes_that_do_not_fit_are_named() -> None:
    from porter.errors import GraphError

    with pytest.raises(GraphError, match=r"a sequence of 5 features, got \(batch, 6, 3\)"):
        Lstm(5, UNITS).infer(Spec((BATCH, 6, 3)))
    with pytest.raises(GraphError, match="expects 2 inputs beside the sequence, got 0"):
        Lstm(3, UNITS, started=True).infer(Spec((BATCH, 6, 3)))
    with pytest.raises(GraphError, match=r"states of 4 numbers, got \(batch, 5\)"):
        Gru(3, UNITS, started=True).infer(Spec((BATCH, 6, 3)), Spec((BATCH, 5)))
