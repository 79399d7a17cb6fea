"""Pooling."""

from __future__ import annotations

from itertools import product
from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import beside, layer, op, own_layer
from converters.keras.writes.padding import around, word
from porter.errors import UnsupportedModel
from porter.graph.dims import static
from porter.graph.model import Node
from porter.graph.ops.convolution import SAME, explicit
from porter.graph.ops.pooling import AdaptivePool, AvgPool, MaxPool
from porter.source.code import Expression, Name, binary, call, index
from porter.source.statements import assign
from porter.writing.forms import Expressions, Form, Inline, Layer, Names
from porter.writing.settings import plain

LOWEST = float("-inf")


@rules.writes(MaxPool)
def write_max_pool(op_: MaxPool, node: Node) -> Form:
    if set(op_.dilations) != {1}:
        return _dilated(op_, node)
    padding = word(op_.padding, node.inputs[0].shape[1:-1], op_.window, op_.strides, op_.dilations)
    make = _made("Max", op_, node, padding)
    if padding is not None:
        return Layer(make)
    assert op_.padding != SAME
    pads = ((0, 0), *op_.padding, (0, 0))
    return Layer(make, use=lambda pool, x: call(pool, op("pad", x, pads, constant_values=LOWEST)))


def _made(kind: str, op_: MaxPool | AvgPool, node: Node, padding: str | None) -> Any:
    settings: dict[str, Any] = {"padding": padding or "valid"}
    if op_.strides != op_.window:
        settings["strides"] = plain(op_.strides)
    return layer(f"{kind}Pooling{len(op_.window)}D", node, plain(op_.window), **settings)


def _dilated(op_: MaxPool, node: Node) -> Form:
    """The largest of the cells that lie at one place in all windows, place by place."""
    sizes = static(node.inputs[0].shape[1:-1])
    made = static(node.outputs[0].shape[1:-1])
    if sizes is None or made is None:
        raise UnsupportedModel(f"{node.origin}: dilated pooling of an image whose size is not known")
    pads = explicit(op_.padding, sizes, op_.window, op_.strides, op_.dilations)
    spans = [(count - 1) * stride + 1 for count, stride in zip(made, op_.strides, strict=True)]

    def statements(inputs: Expressions, names: Names) -> list[Any]:
        (x,) = inputs
        padded = op("pad", x, ((0, 0), *pads, (0, 0)), constant_values=LOWEST)
        lines: list[Any] = []
        if any(amount for pair in pads for amount in pair):
            lines.append(assign("windows", padded))
            x = Name("windows")
        places = product(*(range(size) for size in op_.window))
        cells: list[Expression] = [
            index(
                x,
                slice(None),
                *(
                    slice(place * dilation, place * dilation + span, None if stride == 1 else stride)
                    for place, dilation, span, stride in zip(
                        at, op_.dilations, spans, op_.strides, strict=True
                    )
                ),
            )
            for at in places
        ]
        largest: Expression = cells[0]
        for other in cells[1:]:
            largest = op("maximum", largest, other)
        return [*lines, assign(names[0] or "_", largest)]

    return Inline(lambda x: x, statements=statements)


@rules.writes(AvgPool)
def write_avg_pool(op_: AvgPool, node: Node) -> Form:
    """Keras on torch fills `same` with copies of the edge, so that zeros are added and not counted here."""
    shape = node.inputs[0].shape
    padding = word(op_.padding, shape[1:-1], op_.window, op_.strides, op_.dilations)
    plain_same = padding == SAME and not op_.count_padding
    known = static(shape[1:-1])
    if padding == "valid" or (plain_same and (set(op_.strides) == {1} or known is None)):
        return Layer(_made("Average", op_, node, padding))
    if op_.padding == SAME and known is None:
        raise UnsupportedModel(f"{node.origin}: pooling that counts its padding, of an image of unknown size")
    pads = explicit(op_.padding, known or (), op_.window, op_.strides, op_.dilations)
    make = _made("Average", op_, node, None)
    rank = len(op_.window)

    def use(pool: Expression, x: Expression) -> Expression:
        padded = call(beside(f"ZeroPadding{rank}D", node, "_pad", around(pads)), x)
        return call(pool, padded)

    def counted(pool: Expression, x: Expression) -> Expression:
        real = op("pad", op("ones_like", index(x, ..., slice(None, 1))), ((0, 0), *pads, (0, 0)))
        return binary("/", use(pool, x), call(pool, real))

    return Layer(make, use=use if op_.count_padding else counted)


@rules.writes(AdaptivePool)
def write_adaptive_pool(op_: AdaptivePool, node: Node) -> Form:
    kind = {"avg": "Average", "max": "Max"}[op_.function]
    rank = len(op_.size)
    if set(op_.size) == {1}:
        return Layer(layer(f"Global{kind}Pooling{rank}D", node, keepdims=True))
    sizes = static(node.inputs[0].shape[1:-1])
    wanted = static(node.outputs[0].shape[1:-1])
    rows = list(zip(sizes or (), wanted or (), strict=False))
    if rows and all(size % cells == 0 for size, cells in rows):
        window = tuple(size // cells for size, cells in rows)
        return Layer(layer(f"{kind}Pooling{rank}D", node, plain(window)))
    make = own_layer("AdaptivePooling", node, op_.size, op_.function)
    return Layer(make, helpers=("AdaptivePooling",))
