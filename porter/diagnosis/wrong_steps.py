"""What can be wrong with a step itself: another function in its place, none at all, parts forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace

import numpy as np

from porter.axes import Move
from porter.diagnosis.hypothesis import Array, Hypothesis, OfInputs, code
from porter.graph.model import Node
from porter.graph.ops.activation import Elu, Gelu, LogSoftmax, Relu, Softmax
from porter.graph.ops.attention import Attention, HideScores
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.graph.ops.convolution import from_last, to_last
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.normalisation import BatchNorm
from porter.graph.ops.op import Op
from porter.graph.ops.pooling import AvgPool, MaxPool
from porter.graph.ops.recurrent import Gru, Lstm, SimpleRnn
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.resampling import Resize, Upsample
from porter.graph.ops.reshaping import Concat, Pad, Reshape
from porter.numerics.resampling import resize

SIGMOID, TANH, IDENTITY, NOTHING = Unary("sigmoid"), Unary("tanh"), None, Unary("identity")

POINTWISE: tuple[Op, ...] = (
    Relu(), Relu(negative_slope=0.01), Relu(negative_slope=0.2), Relu(negative_slope=0.3),
    Relu(max_value=6.0),
    Elu(), Gelu(False), Gelu(True), SIGMOID, TANH, Softmax(), LogSoftmax(), Unary("hard_sigmoid"),
    Unary("hard_sigmoid_02"), Unary("silu"), Unary("softplus"),
)  # fmt: skip

CHANNELS_LAST = Move.parse("n c *s -> n *s c")
CHANNELS_FIRST = CHANNELS_LAST.inverse()

JOINS = ("add", "multiply", "subtract")

NAMES: Mapping[Op, str] = {
    Relu(): "relu", Relu(max_value=6.0): "relu6", Elu(): "elu", Gelu(False): "gelu, by erf",
    Gelu(True): "gelu, by tanh", Softmax(): "softmax", LogSoftmax(): "log-softmax",
    Unary("hard_sigmoid"): "hard sigmoid of slope 1/6", Unary("hard_sigmoid_02"): "hard sigmoid of slope 0.2",
}  # fmt: skip


def in_steps(node: Node) -> Iterator[Hypothesis]:
    """Mistakes that put something else in the place of a step."""
    op = node.op
    yield from _inner_activations(op)
    yield from _activations_for(op)
    if isinstance(op, BatchNorm) and not isinstance(op, BatchStatisticsNorm):
        yield _of_the_batch(op)
        yield code("normalization missing", "the normalization is not there", NOTHING, simple=1)
    if isinstance(op, MaxPool):
        mean = AvgPool(op.window, op.strides, op.padding, op.orientation)
        yield code("another pooling", "the mean is pooled, where the maximum is right", mean)
    if isinstance(op, AvgPool):
        most = MaxPool(op.window, op.strides, op.padding, op.orientation)
        yield code("another pooling", "the maximum is pooled, where the mean is right", most)
    if isinstance(op, Reduce) and op.function in ("mean", "max"):
        other = {"mean": "max", "max": "mean"}[op.function]
        told = f"the {other} is taken, where the {op.function} is right"
        yield code("another pooling", told, replace(op, function=other))
    if isinstance(op, Attention | HideScores) or getattr(op, "masked", False):
        yield from _masks(op, len(node.inputs))
    if isinstance(op, Resize | Upsample):
        yield from _resized(op)
    if isinstance(op, Lstm | Gru | SimpleRnn):
        yield from _of_walks(op)
    yield from _joined(op)


def _named(op: Op | None) -> str:
    if op is None:
        return "none"
    if isinstance(op, Relu) and op.negative_slope:
        return f"leaky relu of slope {op.negative_slope:g}"
    return NAMES.get(op) or (op.function if isinstance(op, Unary) else repr(op))


def _inner_activations(op: Op) -> Iterator[Hypothesis]:
    for each in fields(op):
        if each.name not in ("activation", "recurrent_activation"):
            continue
        old = getattr(op, each.name)
        for other in (*POINTWISE, IDENTITY):
            if other != old:
                what = each.name.replace("_", " ")
                said = f"the {what} is {_named(other)}, where {_named(old)} is right"
                yield code("another activation", said, replace(op, **{each.name: other}))


def _activations_for(op: Op) -> Iterator[Hypothesis]:
    if op not in POINTWISE and not isinstance(op, Relu | Elu | Gelu | Softmax):
        return
    for other in POINTWISE:
        if other != op and (type(other) is not type(op) or isinstance(op, Unary)):
            said = f"the activation is {_named(other)}, where {_named(op)} is right"
            yield code("another activation", said, other)
    yield code("activation missing", f"the activation {_named(op)} is missing", NOTHING)
    told = f"the activation {_named(op)} is computed twice"
    yield code("activation twice", told, op, lambda given: list(op.meaning(given, {})), 1)


def _of_the_batch(op: BatchNorm) -> Hypothesis:
    return Hypothesis(
        "statistics of the batch",
        "normalization uses the statistics of the batch at hand (training mode), not the stored ones",
        "code",
        BatchStatisticsNorm(op.features, op.epsilon, op.momentum, op.axis),
        lambda p: {name: array for name, array in p.items() if name in ("scale", "shift")},
    )


def _masks(op: Op, count: int) -> Iterator[Hypothesis]:
    """A mask that says the contrary, or is left out."""
    place = {"Attention": 3}.get(type(op).__name__, 1)
    if count <= place:
        return

    def turned(given: list[Array]) -> list[Array]:
        return [*given[:place], ~given[place].astype(bool), *given[place + 1 :]]

    def all_seen(given: list[Array]) -> list[Array]:
        return [*given[:place], np.ones_like(given[place], dtype=bool), *given[place + 1 :]]

    yield code(
        "mask turned round", "the mask hides what it should show: true and false are exchanged", op, turned
    )
    yield code("mask missing", "nothing is masked", op, all_seen)


def _resized(op: Resize | Upsample) -> Iterator[Hypothesis]:
    """Images brought to their size in another way."""
    for corners in (True, False):
        for method in ("linear", "cubic"):
            where = "corners on corners (align_corners)" if corners else "cells on cells"
            told = f"the image is resized by {method} interpolation with {where}"
            name = "align corners" if corners else "another interpolation"
            yield code(name, told, NOTHING, _resize(op, method, corners), simple=int(not corners))


def _resize(op: Resize | Upsample, method: str, corners: bool) -> OfInputs:
    def change(given: list[Array]) -> list[Array]:
        (right,) = op.meaning(given, {})
        size = to_last(right, op.orientation).shape[1:-1]
        x = to_last(given[0], op.orientation)
        # PyTorch's cubic kernel, which repeats the edge; TensorFlow's is among the attributes of a Resize
        made = resize(x, size, method, half_pixel=not corners, align_corners=corners, cubic=-0.75, clamp=True)
        return [from_last(made, op.orientation)]

    return change


def _of_walks(op: Lstm | Gru | SimpleRnn) -> Iterator[Hypothesis]:
    """Sequences whose ends, or whose two directions, are taken for one another."""

    def ends_at(forward: int, back: int) -> OfInputs:
        def change(given: list[Array]) -> list[Array]:
            walks = [given[0][:, forward, : op.units], given[0][:, back, op.units :]][: op.walks]
            made = [given[0], np.concatenate(walks, axis=-1), *given[2:]]
            for number, walk in enumerate(walks):
                made[2 + number * op.STATES] = walk
            return made

        return change

    def halves(given: list[Array]) -> list[Array]:
        return [*(np.roll(x, op.units, axis=-1) for x in given[:2]), *given[2:]]

    ends = "another end of the sequence"
    told = "the output at the first step is taken, where that at each walk's last step is right"
    yield replace(code(ends, told, op), outputs=ends_at(0, -1))
    if op.both:
        told = "of both directions the output at the last step is taken; the reverse walk ends at the first"
        yield replace(code(ends, told, op), outputs=ends_at(-1, -1))
        told = "the outputs of the two directions are joined in the reverse order"
        yield replace(code("branches exchanged", told, op), outputs=halves)


def _joined(op: Op) -> Iterator[Hypothesis]:
    """Branches that are joined otherwise, or not at all; numbers that are laid out otherwise."""
    if isinstance(op, Binary) and op.function in JOINS:
        told = "only the {} of both branches is used: a shortcut, a scale or a bias is forgotten"
        yield code("branch forgotten", told.format("first"), NOTHING, _only(op, 0))
        yield code("branch forgotten", told.format("second"), NOTHING, _only(op, 1))
        yield code(
            "branches exchanged", "what is taken off is the other branch", op, lambda given: given[::-1]
        )
        for function in JOINS:
            if function != op.function:
                told = f"branches are joined by {function}, where {op.function} is right"
                yield code("branches joined otherwise", told, Binary(function))
    if isinstance(op, Concat):
        yield code(
            "branches exchanged", "branches are joined in the reverse order", op, lambda given: given[::-1]
        )
    if isinstance(op, Reshape):
        yield code(
            "axes in another order", "the numbers are laid out in a row with the last axis first", op,
            lambda given: [CHANNELS_FIRST.apply(given[0])], 1,
        )  # fmt: skip
        yield code(
            "axes in another order", "the numbers are laid out in a row with the first axis last", op,
            lambda given: [CHANNELS_LAST.apply(given[0])], 1,
        )  # fmt: skip
    if isinstance(op, Pad):
        for mode in ("constant", "reflect", "edge", "wrap", "symmetric"):
            if mode != op.mode:
                told = f"the padding is filled in mode {mode}, where {op.mode} is right"
                yield code("another padding mode", told, replace(op, mode=mode))
        back = tuple((high, low) for low, high in op.pads)
        if back != op.pads:
            yield code("another padding", "the padding is on the other side", replace(op, pads=back))
        none = tuple((0, 0) for _ in op.pads)
        yield code("another padding", "there is no padding", replace(op, pads=none))


def _only(op: Binary, place: int) -> OfInputs:
    """One of two branches, in the shape of both."""

    def change(given: list[Array]) -> list[Array]:
        (whole,) = op.meaning(given, {})
        return [np.broadcast_to(given[place], whole.shape)]

    return change
