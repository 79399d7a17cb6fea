"""What can be wrong with weights, by their axis strings: turned, exchanged, dropped, in another order."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import permutations

import numpy as np

from porter.diagnosis.hypothesis import Array, Change, Hypothesis, many, one
from porter.graph.model import Graph, Node
from porter.graph.ops.activation import Relu
from porter.graph.ops.elementwise import Cast, Dropout, Unary
from porter.graph.ops.normalisation import BatchNorm
from porter.graph.ops.reshaping import Reshape
from porter.weights.tensor import Moved, Tensor

BLOCKS = re.compile(r"\{([^}]*)\}")
REVERSE = "_reverse"
SHORT = ("float16", "bfloat16")

TwoArrays = Callable[[Array, Array], tuple[Array, Array]]

OF_BIASES: tuple[tuple[str, str, TwoArrays], ...] = (
    ("biases exchanged", "the bias of inputs and that of states are exchanged", lambda a, b: (b, a)),
    (
        "biases summed", "both biases were added up into the first, and the second is zero",
        lambda a, b: (a + b, np.zeros_like(b)),
    ),
    ("biases summed twice", "the sum of both biases stands in each of them", lambda a, b: (a + b, a + b)),
)  # fmt: skip

PASSING = (Cast, Dropout, Relu, Unary)
"""Steps through which the order of a flattened image passes."""


def in_weights(node: Node, graph: Graph) -> Iterator[Hypothesis]:
    """Mistakes in the parameters of one step."""
    shapes = {name: param.tensor.shape for name, param in node.params.items()}
    axes = {name.rstrip("?"): text for name, text in type(node.op).PARAMS.items()}
    yield from _behind_flatten(node, graph)
    for name, shape in shapes.items():
        if name.startswith("weight"):
            yield from _of_kernel(node, name, axes.get(name, "").split(), shape)
            yield from _of_memory(node, name)
        if name.startswith(("bias", "shift")):
            told = "bias" if name in ("bias", "shift") else name
            yield one(node, name, "bias dropped", f"the {told} is missing (zero)", np.zeros_like)
            yield one(node, name, "bias twice", f"the {told} is added twice", lambda x: 2 * x)
    yield from _in_short(node)
    yield from _gates(node, axes)
    yield from _of_walks(node)
    if "scale" in shapes:
        yield from _of_scale(node)
    if isinstance(node.op, BatchNorm):
        yield from _statistics(node)
    yield from _exchanged(node, graph, shapes)


def _of_kernel(node: Node, name: str, words: Sequence[str], shape: Sequence[int]) -> Iterator[Hypothesis]:
    if "*s" in words and len(shape) >= len(words):
        start = words.index("*s")
        yield from _of_spatial(node, name, tuple(range(start, start + len(shape) - len(words) + 1)), shape)
    if {"o", "i"} <= set(words) and len(shape) >= len(words):
        out, in_ = words.index("o"), words.index("i")
        if shape[out] == shape[in_] > 1:
            yield one(
                node, name, "inputs and outputs exchanged", "the weight is transposed: in for out",
                lambda x: np.swapaxes(x, out, in_),
            )  # fmt: skip
    if "i" in words and "*s" in words and shape[words.index("i")] in (3, 4):
        axis = words.index("i")
        yield one(
            node, name, "red and blue exchanged",
            "the first layer expects the colours in the reverse order (RGB against BGR)",
            lambda x: reversed_colours(x, axis),
        )  # fmt: skip


def _of_spatial(node: Node, name: str, axes: tuple[int, ...], shape: Sequence[int]) -> Iterator[Hypothesis]:
    if any(shape[axis] > 1 for axis in axes):
        yield one(
            node,
            name,
            "kernel flipped",
            "the kernel is stored for true convolution (Theano), the framework computes correlation: "
            "reversing its spatial axes is missing, or was done where it should not have been",
            lambda x: np.flip(x, axes),
        )
    if len(axes) != 2:
        return
    h, w = axes
    if shape[h] > 1 and shape[w] > 1:
        told = "the kernel is reversed in height"
        yield one(node, name, "kernel upside down", told, lambda x: np.flip(x, h))
        yield one(node, name, "kernel mirrored", "the kernel is reversed in width", lambda x: np.flip(x, w))
    if shape[h] == shape[w] > 1:
        yield one(
            node, name, "height and width exchanged", "the kernel's height and width are exchanged",
            lambda x: np.swapaxes(x, h, w),
        )  # fmt: skip


def reversed_colours(x: Array, axis: int) -> Array:
    """Three colours from last to first; a fourth, for transparency, stays where it is."""
    order = [*reversed(range(3)), *range(3, x.shape[axis])]
    return np.take(x, order, axis)


def _of_memory(node: Node, name: str) -> Iterator[Hypothesis]:
    """Numbers read in the order in which they lay, into the shape that was wanted."""
    tensor = node.params[name].tensor
    shape, told = tensor.shape, "the weight was reshaped, where its axes have to be moved"
    while isinstance(tensor, Moved):
        base = tensor.base
        if int(np.prod(base.shape)) == int(np.prod(shape)):
            change = partial(_read_as, base, shape)
            yield one(node, name, "reshaped, not transposed", f"{told} ({tensor.move})", change)
        tensor = base
    if len(shape) == 2 and shape[0] != shape[1]:
        turned = partial(_turned_as, shape)
        yield one(node, name, "reshaped, not transposed", told, turned)


def _read_as(base: Tensor, shape: tuple[int, ...], right: Array) -> Array:
    return base.read().reshape(shape)


def _turned_as(shape: tuple[int, ...], right: Array) -> Array:
    return np.ascontiguousarray(right.T).reshape(shape)


def _in_short(node: Node) -> Iterator[Hypothesis]:
    """Weights that went through a shorter type: all of them, or one."""
    if {param.tensor.dtype for param in node.params.values()} <= {"float32", "float64"}:
        for short in SHORT:
            told = f"the weights were rounded to {short}, which keeps few of their digits"
            yield many(node, "weights in a shorter type", told, _in_type(short, node.params))
            for name in node.params:
                told = f"the {name} was rounded to {short}, which keeps few of its digits"
                yield many(node, "weights in a shorter type", told, _in_type(short, [name]), 1)


def _in_type(short: str, names: Collection[str]) -> Change:
    return lambda p: {n: rounded(array, short) if n in names else array for n, array in p.items()}


def rounded(x: Array, short: str) -> Array:
    """Numbers as a shorter type holds them."""
    if short == "float16":
        return x.astype("float16").astype(x.dtype)
    bits = np.ascontiguousarray(x, "float32").view("uint32")
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    kept = (bits + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)
    return kept.view("float32").astype(x.dtype)


def _behind_flatten(node: Node, graph: Graph) -> Iterator[Hypothesis]:
    """A weight behind a Flatten, in another order than that in which the image is flattened."""
    sizes = _flattened(node, graph)
    if sizes is None or "weight" not in node.params:
        return
    places = tuple(range(len(sizes)))
    for order in permutations(places):
        if order == places:
            continue
        told = " ".join(str(sizes[place]) for place in order)
        sentence = (
            "the weight behind the Flatten is for an image that is flattened with its axes in another order "
            f"({told}, where it is {' '.join(map(str, sizes))} here): usually the channels first for last"
        )
        for change in (partial(_laid_out, sizes, order), partial(_taken_for, sizes, order)):
            yield one(node, "weight", "flattened in another order", sentence, change)


def _flattened(node: Node, graph: Graph) -> tuple[int, ...] | None:
    """The axes that a Flatten before this step merges, where there is one."""
    producers = graph.producers()
    value = node.inputs[0] if node.inputs else None
    before = producers.get(value) if value is not None else None
    while before is not None and isinstance(before.op, PASSING) and not before.params:
        before = producers.get(before.inputs[0])
    if before is None or not isinstance(before.op, Reshape) or before.outputs[0].rank != 2:
        return None
    merged = [size for size in before.inputs[0].shape[1:] if isinstance(size, int)]
    whole = len(merged) == before.inputs[0].rank - 1
    telling = tuple(size for size in merged if size > 1)
    return telling if whole and 2 <= len(telling) <= 4 else None


def _laid_out(sizes: Sequence[int], order: Sequence[int], weight: Array) -> Array:
    """`(o (sizes))` with the merged axes laid out in another order."""
    whole = weight.reshape(-1, *sizes).transpose(0, *(1 + place for place in order))
    return np.ascontiguousarray(whole).reshape(weight.shape)


def _taken_for(sizes: Sequence[int], order: Sequence[int], weight: Array) -> Array:
    """`(o (sizes))` whose merged axes are taken to lie in another order."""
    whole = weight.reshape(-1, *(sizes[place] for place in order))
    back = whole.transpose(0, *(1 + order.index(place) for place in range(len(sizes))))
    return np.ascontiguousarray(back).reshape(weight.shape)


def _gates(node: Node, axes: Mapping[str, str]) -> Iterator[Hypothesis]:
    """Gates in another order: in all weights at once, in those of one walk, in the two matrices."""
    found = {name: BLOCKS.search(text) for name, text in axes.items() if name in node.params}
    blocked = {name: match[1].split() for name, match in found.items() if match}
    if not blocked:
        return
    gates = next(iter(blocked.values()))
    forward = frozenset(name for name in blocked if not name.endswith(REVERSE))
    back = frozenset(blocked) - forward
    parts = {"": frozenset(blocked), " of the forward walk": forward, " of the reverse walk": back}
    if not back:
        parts = {"": forward, " of the matrices": frozenset(n for n in forward if n.startswith("weight"))}
    for where, names in parts.items():
        for order in permutations(range(len(gates))):
            if order != tuple(range(len(gates))):
                told = " ".join(gates[k] for k in order)
                said = f"the gates{where} are in the order {told}, where {' '.join(gates)} is expected"
                change = _reordered(names, order)
                yield many(node, "gates in another order", said, change, 1 + bool(where))


def _reordered(names: frozenset[str], order: Sequence[int]) -> Change:
    return lambda p: {name: _blocks(array, order) if name in names else array for name, array in p.items()}


def _blocks(array: Array, order: Sequence[int]) -> Array:
    parts = np.split(array, len(order), axis=0)
    return np.concatenate([parts[k] for k in order], axis=0)


def _of_walks(node: Node) -> Iterator[Hypothesis]:
    """Recurrent weights: two biases for one, states transposed, the two directions exchanged."""
    for end in ("", REVERSE):
        ih, hh, matrix = f"bias_ih{end}", f"bias_hh{end}", f"weight_hh{end}"
        if {ih, hh} <= node.params.keys():
            for title, told, change in OF_BIASES:
                yield _both(node, ih, hh, title, told, change)
        if matrix in node.params:
            told = "the recurrent weight of each gate is transposed: in for out"
            yield one(node, matrix, "recurrent weight transposed", told, _gate_by_gate)
    pairs = {name: name + REVERSE for name in node.params if name + REVERSE in node.params}
    if pairs:
        whole = {**pairs, **{there: here for here, there in pairs.items()}}
        yield many(
            node, "directions exchanged", "the weights of the forward and of the reverse walk are exchanged",
            lambda p: {name: p[whole.get(name, name)] for name in p},
        )  # fmt: skip


def _both(node: Node, ih: str, hh: str, title: str, told: str, change: TwoArrays) -> Hypothesis:
    return many(node, title, told, lambda p: {**p, **dict(zip((ih, hh), change(p[ih], p[hh]), strict=True))})


def _gate_by_gate(weight: Array) -> Array:
    units = weight.shape[1]
    parts = [part.T for part in np.split(weight, weight.shape[0] // units, axis=0)]
    return np.concatenate(parts, axis=0)


def _of_scale(node: Node) -> Iterator[Hypothesis]:
    yield one(node, "scale", "scale missing", "the scale (gamma) was not loaded (1)", np.ones_like)
    if "shift" in node.params:
        yield many(
            node, "scale and shift exchanged", "gamma and beta are exchanged",
            lambda p: {**p, "scale": p["shift"], "shift": p["scale"]},
        )  # fmt: skip


def _statistics(node: Node) -> Iterator[Hypothesis]:
    if not {"mean", "variance"} <= node.params.keys():
        return
    yield many(
        node, "mean and variance exchanged", "the moving mean and variance are exchanged",
        lambda p: {**p, "mean": p["variance"], "variance": p["mean"]},
    )  # fmt: skip
    yield many(
        node, "mean and variance exchanged",
        "the moving mean and variance are exchanged, and made positive",
        lambda p: {**p, "mean": p["variance"], "variance": np.abs(p["mean"])}, 1,
    )  # fmt: skip
    yield one(
        node, "variance", "deviation for variance",
        "a standard deviation is stored where a variance is expected", np.sqrt,
    )  # fmt: skip
    yield one(
        node, "variance", "variance for deviation",
        "a variance is stored where a standard deviation is expected", np.square,
    )  # fmt: skip
    yield one(
        node, "variance", "inverse deviation for variance",
        "one over the standard deviation is stored where a variance is expected (Torch 7, Caffe2)",
        lambda x: 1 / np.sqrt(x),
    )  # fmt: skip
    yield many(
        node, "statistics missing", "the moving statistics were not loaded (mean 0, variance 1)",
        lambda p: {**p, "mean": np.zeros_like(p["mean"]), "variance": np.ones_like(p["variance"])},
    )  # fmt: skip


def _exchanged(node: Node, graph: Graph, shapes: Mapping[str, Sequence[int]]) -> Iterator[Hypothesis]:
    """Another layer's weights, which have the same shapes: all of them, or one."""
    for other in graph.nodes:
        if other is node or type(other.op) is not type(node.op):
            continue
        names = [n for n in shapes if n in other.params and other.params[n].tensor.shape == tuple(shapes[n])]
        label = other.origin.label
        if len(names) == len(shapes) == len(other.params):
            told = f"the layer has the weights of {label}"
            yield replace(
                many(node, "another layer's weights", told, _of_node(other, names), 2), holds_of=label
            )
        if len(shapes) > 1:
            for name in names:
                told = f"the layer has the {name} of {label}"
                found = many(node, "another layer's weights", told, _of_node(other, [name]), 3)
                yield replace(found, holds_of=label)


def _of_node(node: Node, names: Sequence[str]) -> Change:
    return lambda p: {**p, **{name: node.params[name].tensor.read() for name in names}}
