"""What is the same for every example is computed at conversion, and nothing else is; steps stay steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from porter.graph.builder import Builder, input_value
from porter.graph.check import check
from porter.graph.dims import BATCH
from porter.graph.model import Graph, Param, Spec, Value
from porter.graph.ops.activation import Gelu
from porter.graph.ops.attention import Attention
from porter.graph.ops.elementwise import Binary, Cast, Unary
from porter.graph.ops.indexing import Expand, GatherNd, Stack
from porter.graph.ops.linear import Linear
from porter.graph.ops.reduction import Cumulate
from porter.graph.ops.reshaping import Concat, Reshape, Slice
from porter.graph.regroup import Kept
from porter.graph.run import run
from porter.normalise.drop_neutral import drop_neutral
from porter.normalise.keep_steps import keep_steps
from porter.normalise.settle_rows import settle_rows
from porter.weights.tensor import Constant

STEPS = 4


class Masks:
    """Values in the size of the batch, as models make them."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.x = input_value("x", Spec((BATCH, 2, STEPS, 3)))

    def number(self) -> Value:
        """The number of each example: a running sum of ones, less one."""
        ones = self.builder.one(Expand((Kept(0),)), self.builder.constant(np.ones(1, "int64")), self.x)
        total = self.builder.one(Cumulate("sum", 0), ones)
        return self.builder.one(Binary("subtract"), total, self.builder.constant(np.int64(1)))

    def rows(self, array: np.ndarray) -> Value:
        """The same for every example."""
        return self.builder.one(
            Expand((Kept(0), *(None for _ in array.shape))), self.builder.constant(array[None]), self.x
        )

    def places(self) -> Value:
        """`(n, t)` places, in steps that come to nothing."""
        places = self.rows(np.arange(STEPS))
        first = self.builder.one(Slice(((None, None, 1), (None, 1, 1))), places)
        both = self.builder.one(Concat(1), first, places)
        return self.builder.one(Slice(((None, None, 1), (1, None, 1))), both)

    def looked_up(self, table: Value, own: Value, shape: tuple[int, ...]) -> Value:
        """Each example's row of a table, its cells at places of a shape."""
        ahead = self.builder.one(Reshape((Kept(0), 1, 1, 1)), own)
        wide = self.builder.one(Expand((None, *shape)), ahead)
        index = self.rows(np.arange(STEPS).reshape(shape))
        return self.builder.one(GatherNd(), table, self.builder.one(Stack(4), wide, index))

    def seen(self, own: Value) -> Value:
        """A causal mask."""
        places = self.places()
        query = self.looked_up(places, own, (1, STEPS, 1))
        return self.builder.one(Binary("less_equal"), self.looked_up(places, own, (1, 1, STEPS)), query)

    def graph(self, mask: Value) -> Graph:
        """Attention with a mask."""
        return self.builder.graph("masked", [self.x], [self.builder.one(Attention(), *[self.x] * 3, mask)])


def _causal(masks: Masks) -> Value:
    return masks.seen(masks.number())


def _all_seen(masks: Masks) -> Value:
    return masks.builder.one(Binary("equal"), *[masks.rows(np.ones((1, STEPS, STEPS), "int64"))] * 2)


def _by_number(masks: Masks) -> Value:
    """Each example sees as many keys as its number says, and one more."""
    own = masks.builder.one(Reshape((Kept(0), 1, 1, 1)), masks.number())
    places = masks.rows(np.arange(STEPS).reshape(1, 1, STEPS))
    return masks.builder.one(Binary("less_equal"), places, own)


def _by_input(masks: Masks) -> Value:
    first = masks.builder.one(Slice(((None, None, 1), (None, 1, 1), (None, None, 1), (None, 1, 1))), masks.x)
    return masks.builder.one(Cast("bool"), masks.builder.one(Unary("abs"), first))


def _some(masks: Masks) -> Value:
    band = np.abs(np.subtract.outer(np.arange(STEPS), np.arange(STEPS))) < 2
    return masks.rows(band[None])


MASKS = [
    # the mask, whether attention is causal, what is left of it besides attention
    (_causal, True, 0),
    (_all_seen, False, 0),
    (_some, False, 1),
    (_by_number, False, 8),
    (_by_input, False, 3),
]


@pytest.mark.parametrize(("make", "causal", "left"), MASKS, ids=lambda value: getattr(value, "__name__", ""))
def test_masks(make: Callable[[Masks], Value], causal: bool, left: int) -> None:
    masks = Masks()
    graph = masks.graph(make(masks))
    done = check(settle_rows(graph), "settling")
    for count in (1, 3):
        x = np.random.default_rng(count).normal(size=(count, 2, STEPS, 3))
        np.testing.assert_allclose(run(done, [x])[0], run(graph, [x])[0], rtol=1e-9, atol=1e-9)
    (attention,) = (node for node in done.nodes if isinstance(node.op, Attention))
    assert isinstance(attention.op, Attention)
    assert (attention.op.causal, len(done.nodes) - 1) == (causal, left)


def test_layers_on_merged_steps_are_layers_on_sequences() -> None:
    builder = Builder()
    x = input_value("x", Spec((BATCH, STEPS, 3)))
    rng = np.random.default_rng(0)
    value = builder.one(Reshape((None, 3)), x)
    weight = {"weight": Param(Constant(rng.normal(size=(5, 3))))}
    value = builder.one(Linear(3, 5), value, params=weight)
    value = builder.one(Gelu(), builder.one(Binary("add"), value, builder.constant(rng.normal(size=5))))
    value = builder.one(Reshape((None, STEPS, 5)), value)
    graph = builder.graph("merged", [x], [value])
    done = check(keep_steps(graph), "keeping steps")
    assert not any(isinstance(node.op, Reshape) for node in done.nodes)
    given = rng.normal(size=(2, STEPS, 3))
    np.testing.assert_allclose(run(done, [given])[0], run(graph, [given])[0], rtol=1e-12)


def test_what_changes_nothing_goes() -> None:
    builder = Builder()
    x = input_value("x", Spec((BATCH, STEPS)))
    one, wide = builder.constant(np.ones((), "float32")), builder.constant(np.ones((2, 1, STEPS), "float32"))
    value = builder.one(Binary("multiply"), one, builder.one(Binary("divide"), x, one))
    back = builder.one(Binary("divide"), one, value)  # one by x is another thing
    graph = builder.graph("neutral", [x], [builder.one(Binary("multiply"), back, wide)])  # and so is this
    done = check(drop_neutral(graph), "dropping")
    assert [node.op for node in done.nodes if node.inputs] == [Binary("divide"), Binary("multiply")]
    given = np.random.default_rng(0).normal(size=(1, STEPS))
    np.testing.assert_array_equal(run(done, [given])[0], run(graph, [given])[0])
