"""Plausible mistakes, as data: what can be wrong with weights, by their axis strings, and with attributes.

A hypothesis is the right step with one mistake put into it: another op, other weights, or both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, fields, replace
from itertools import permutations
from typing import Any, Literal

import numpy as np

from porter.dataclass import dataclass
from porter.graph.model import Graph, Node
from porter.graph.ops.activation import Elu, Gelu, Relu, Softmax
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.graph.ops.convolution import Conv
from porter.graph.ops.elementwise import Unary
from porter.graph.ops.normalisation import BatchNorm
from porter.graph.ops.op import Op
from porter.graph.ops.pooling import AvgPool, MaxPool
from porter.weights.tensor import Moved

Array = np.ndarray
Params = Mapping[str, Array]
Change = Callable[[Params], Params]

BLOCKS = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True)
class Hypothesis:
    """One mistake: what it is called, what it means to a newcomer, and the step as it is with the mistake."""

    name: str
    sentence: str
    kind: Literal["weights", "code", "inputs"]
    op: Op
    change: Change | None = None
    inputs: Callable[[Array], Array] | None = None
    simple: int = field(default=0, compare=False)  # among equals, the lower is told


def hypotheses(node: Node, graph: Graph, first: bool) -> Iterator[Hypothesis]:
    """Every mistake that this step can hold; `first`: it sees the model's inputs."""
    if node.params:
        yield from _weights(node, graph)
    yield from _attributes(node.op)
    yield from _other_ops(node.op)
    if first:
        yield from _inputs(node.op)


def _weights(node: Node, graph: Graph) -> Iterator[Hypothesis]:
    shapes = {name: param.tensor.shape for name, param in node.params.items()}
    axes = {name.rstrip("?"): text for name, text in type(node.op).PARAMS.items()}
    for name in shapes:
        text = axes.get(name, "")
        if name.startswith("weight"):
            yield from _of_kernel(node, name, text, shapes[name])
            yield from _of_order(node, name)
        if name.startswith("bias"):
            yield _one(node, name, f"{name} dropped", f"the {name} is missing (zero)", np.zeros_like)
            yield _one(node, name, f"{name} twice", f"the {name} is added twice", lambda x: 2 * x)
    yield from _gates(node, axes)
    if isinstance(node.op, BatchNorm):
        yield from _statistics(node)
    yield from _exchanged(node, graph, shapes)


def _of_kernel(node: Node, name: str, axes: str, shape: Sequence[int]) -> Iterator[Hypothesis]:
    words = axes.split()
    if "*s" in words and len(shape) >= len(words):
        start = words.index("*s")
        spatial = tuple(range(start, start + len(shape) - len(words) + 1))
        yield _one(
            node,
            name,
            "kernel flipped",
            "the kernel is stored for true convolution (Theano), the framework computes correlation: "
            "reversing its spatial axes is missing, or was done where it should not have been",
            lambda x: np.flip(x, spatial),
        )
        if len(spatial) == 2:
            h, w = spatial
            yield _one(
                node, name, "kernel upside down", "the kernel is reversed in height", lambda x: np.flip(x, h)
            )
            yield _one(
                node, name, "kernel mirrored", "the kernel is reversed in width", lambda x: np.flip(x, w)
            )
            if shape[h] == shape[w]:
                yield _one(
                    node, name, "height and width exchanged", "the kernel's height and width are exchanged",
                    lambda x: np.swapaxes(x, h, w),
                )  # fmt: skip
    if {"o", "i"} <= set(words) and len(shape) >= len(words):
        out, in_ = words.index("o"), words.index("i")
        if shape[out] == shape[in_]:
            yield _one(
                node, name, "inputs and outputs exchanged", "the weight is transposed: in for out",
                lambda x: np.swapaxes(x, out, in_),
            )  # fmt: skip
    if "i" in words and len(shape) >= 2:
        axis = words.index("i")
        if shape[axis] in (3, 4) and "*s" in words:
            yield _one(
                node, name, "red and blue exchanged",
                "the first layer expects the colours in the reverse order (RGB against BGR)",
                lambda x: _reversed_colours(x, axis),
            )  # fmt: skip


def _reversed_colours(x: Array, axis: int) -> Array:
    order = [2, 1, 0, *range(3, x.shape[axis])]
    return np.take(x, order, axis)


def _of_order(node: Node, name: str) -> Iterator[Hypothesis]:
    """A weight behind a Flatten, left in the order in which the source flattens."""
    tensor = node.params[name].tensor
    if isinstance(tensor, Moved) and " (" in f" {tensor.move}":
        base = tensor.base
        if len(base.shape) == 2 and base.shape[::-1] == tensor.shape:
            yield _one(
                node, name, "flattened in the source's order",
                "the weight behind the Flatten keeps the order in which the source flattens images "
                f"({tensor.move}), which is not the order of the target's",
                lambda x: base.read().T,
            )  # fmt: skip


def _gates(node: Node, axes: Mapping[str, str]) -> Iterator[Hypothesis]:
    """Gates in another order, in all weights at once."""
    found = {name: BLOCKS.search(text) for name, text in axes.items() if name in node.params}
    blocked = {name: match[1].split() for name, match in found.items() if match}
    if not blocked:
        return
    gates = next(iter(blocked.values()))
    for order in permutations(range(len(gates))):
        if order == tuple(range(len(gates))):
            continue
        told = " ".join(gates[k] for k in order)
        sentence = f"the gates are in the order {told}, where {' '.join(gates)} is expected"
        change = _reordered(frozenset(blocked), order)
        yield Hypothesis("gates in another order", sentence, "weights", node.op, change, simple=1)


def _reordered(names: frozenset[str], order: Sequence[int]) -> Change:
    return lambda p: {name: _blocks(array, order) if name in names else array for name, array in p.items()}


def _blocks(array: Array, order: Sequence[int]) -> Array:
    parts = np.split(array, len(order), axis=0)
    return np.concatenate([parts[k] for k in order], axis=0)


def _statistics(node: Node) -> Iterator[Hypothesis]:
    def swapped(one: str, other: str) -> Change:
        return lambda p: {**p, one: p[other], other: p[one]}

    yield _many(
        node, "mean and variance exchanged", "the moving mean and variance are exchanged",
        swapped("mean", "variance"),
    )  # fmt: skip
    if {"scale", "shift"} <= node.params.keys():
        yield _many(
            node, "scale and shift exchanged", "gamma and beta are exchanged", swapped("scale", "shift")
        )
    yield _one(
        node, "variance", "deviation for variance",
        "a standard deviation is stored where a variance is expected", np.sqrt,
    )  # fmt: skip
    yield _one(
        node, "variance", "variance for deviation",
        "a variance is stored where a standard deviation is expected", np.square,
    )  # fmt: skip
    yield _many(
        node, "statistics missing", "the moving statistics were not loaded (mean 0, variance 1)",
        lambda p: {**p, "mean": np.zeros_like(p["mean"]), "variance": np.ones_like(p["variance"])},
    )  # fmt: skip


def _exchanged(node: Node, graph: Graph, shapes: Mapping[str, Sequence[int]]) -> Iterator[Hypothesis]:
    """Another layer's weights, which have the same shapes."""
    for other in graph.nodes:
        if other is node or type(other.op) is not type(node.op) or other.params.keys() != shapes.keys():
            continue
        if all(other.params[name].tensor.shape == tuple(shape) for name, shape in shapes.items()):
            told = f"the layer has the weights of {other.origin.label}"
            yield Hypothesis("another layer's weights", told, "weights", node.op, _of_node(other), simple=2)


def _of_node(node: Node) -> Change:
    return lambda p: {name: param.tensor.read() for name, param in node.params.items()}


EPSILONS = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 1.001e-5, 1e-4, 0.0)
SLOPES = (0.01, 0.1, 0.2, 0.3, 0.0)

VALUES: Mapping[str, tuple[str, Sequence[Any]]] = {
    "epsilon": ("epsilon is {new:g}, where {old:g} is right", EPSILONS),
    "negative_slope": ("the slope for negative numbers is {new:g}, where {old:g} is right", SLOPES),
    "alpha": ("alpha is {new:g}, where {old:g} is right", (1.0, *SLOPES)),
    "max_value": ("the largest value is {new}, where {old} is right", (None, 6.0, 1.0)),
    "scale": ("the scale is {new}, where {old} is right", (None, 1.0)),
    "axis": ("the axis is {new}, where {old} is right", (-1, 0, 1, 2, 3)),
    "approximate": ("GELU is computed {new:gelu}, where {old:gelu} is right", (True, False)),
    "count_padding": ("average pooling counts the padding: {new}; right is {old}", (True, False)),
    "half_pixel": ("pixels are taken at half places: {new}; right is {old}", (True, False)),
    "antialias": ("antialiasing: {new}; right is {old}", (True, False)),
    "reset_after": ("the reset gate acts after the product: {new}; right is {old}", (True, False)),
    "causal": ("causal: {new}; right is {old}", (True, False)),
}
"""Values to try for attributes of these names, and how a wrong one is told."""

SIGMOID, TANH, IDENTITY = Unary("sigmoid"), Unary("tanh"), None


class _Told:
    """A value in a sentence; `gelu` says which GELU a truth stands for."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __format__(self, spec: str) -> str:
        if spec == "gelu":
            return "by tanh" if self.value else "exactly, by erf"
        return format(self.value, spec) if spec and isinstance(self.value, float) else str(self.value)


def _attributes(op: Op) -> Iterator[Hypothesis]:
    for each in fields(op):
        old = getattr(op, each.name)
        sentence, values = VALUES.get(each.name, ("", ()))
        for new in values:
            if new != old and not (each.name == "axis" and old is None):
                told = sentence.format(new=_Told(new), old=_Told(old))
                name = f"another {each.name.replace('_', ' ')}"
                yield Hypothesis(name, told, "code", replace(op, **{each.name: new}))
        if each.name in ("activation", "recurrent_activation"):
            for other in _activations(old):
                said = f"the {each.name.replace('_', ' ')} is {_named(other)}, where {_named(old)} is right"
                yield Hypothesis("another activation", said, "code", replace(op, **{each.name: other}))
    yield from _pads(op)
    if isinstance(op, Conv | MaxPool) and op.dilation and op.strides != op.dilation:
        other = replace(op, strides=op.dilation, dilation=op.strides)
        yield Hypothesis("dilation for stride", "strides and dilation are exchanged", "code", other)


def _pads(op: Op) -> Iterator[Hypothesis]:
    for name in ("padding", "crop"):
        pads = getattr(op, name, None)
        if not isinstance(pads, tuple) or not pads:
            continue
        turned = tuple((high, low) for low, high in pads)
        whole = tuple((low + high, 0) for low, high in pads)
        even = tuple(((low + high + 1) // 2,) * 2 for low, high in pads)
        half = tuple(((low + high) // 2,) * 2 for low, high in pads)
        none = tuple((0, 0) for _ in pads)
        told = {
            turned: "the odd row and column of the padding is on the other side",
            whole: "all of the padding stands in front",
            even: "the padding is the same on both sides",
            half: "the padding is the same on both sides, and less",
            none: "there is no padding",
        }
        for new, sentence in told.items():
            if new != pads:
                said = f"{sentence}: {_sides(new)}, where {_sides(pads)} is right"
                yield Hypothesis("another padding", said, "code", replace(op, **{name: new}))


def _sides(pads: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{low}+{high}" for low, high in pads)


POINTWISE: tuple[Op, ...] = (
    Relu(), Relu(negative_slope=0.01), Relu(negative_slope=0.2), Relu(negative_slope=0.3),
    Relu(max_value=6.0),
    Elu(), Gelu(False), Gelu(True), SIGMOID, TANH, Softmax(), Unary("hard_sigmoid"), Unary("hard_sigmoid_02"),
    Unary("silu"), Unary("softplus"),
)  # fmt: skip


def _activations(old: Op | None) -> Iterator[Op | None]:
    yield from (other for other in (*POINTWISE, IDENTITY) if other != old)


def _named(op: Op | None) -> str:
    if op is None:
        return "none"
    return op.function if isinstance(op, Unary) else repr(op)


def _other_ops(op: Op) -> Iterator[Hypothesis]:
    if op in POINTWISE or isinstance(op, Relu | Elu | Gelu | Softmax):
        for other in _activations(op):
            if other is not None and (type(other) is not type(op) or isinstance(op, Unary)):
                said = f"the activation is {_named(other)}, where {_named(op)} is right"
                yield Hypothesis("another activation", said, "code", other)
        said = f"the activation {_named(op)} is missing"
        yield Hypothesis("activation missing", said, "code", Unary("identity"))
    if isinstance(op, BatchNorm) and not isinstance(op, BatchStatisticsNorm):
        yield Hypothesis(
            "statistics of the batch",
            "normalization uses the statistics of the batch at hand (training mode), not the stored ones",
            "code",
            BatchStatisticsNorm(op.features, op.epsilon, op.momentum, op.axis),
            lambda p: {name: array for name, array in p.items() if name in ("scale", "shift")},
        )
    if isinstance(op, MaxPool):
        mean = AvgPool(op.window, op.strides, op.padding, op.orientation)
        yield Hypothesis("another pooling", "the mean is pooled, where the maximum is right", "code", mean)
    if isinstance(op, AvgPool):
        most = MaxPool(op.window, op.strides, op.padding, op.orientation)
        yield Hypothesis("another pooling", "the maximum is pooled, where the mean is right", "code", most)


def _inputs(op: Op) -> Iterator[Hypothesis]:
    changes: Mapping[str, tuple[str, Callable[[Array], Array]]] = {
        "inputs scaled": ("the inputs are divided by 255 on the way in", lambda x: x / 255),
        "inputs not scaled": ("the inputs are multiplied by 255 on the way in", lambda x: x * 255),
        "inputs centred": (
            "the inputs are brought from 0..255 to -1..1 on the way in",
            lambda x: x / 127.5 - 1,
        ),
    }
    for name, (sentence, change) in changes.items():
        yield Hypothesis(name, sentence, "inputs", op, inputs=change)


def _one(node: Node, name: str, title: str, sentence: str, change: Callable[[Array], Array]) -> Hypothesis:
    return _many(node, title, sentence, lambda p: {**p, name: change(p[name])})


def _many(node: Node, title: str, sentence: str, change: Change) -> Hypothesis:
    return Hypothesis(title, sentence, "weights", node.op, change)
