"""Pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from converters.torch.layers.convolution import flat_pads, plain
from converters.torch.rules import rules
from porter.graph.dims import Dim
from porter.graph.model import Node
from porter.graph.ops.convolution import Pads
from porter.graph.ops.pooling import AdaptivePool, AvgPool, MaxPool
from porter.source.code import Expression, call
from porter.writing.forms import Form, Inline


@rules.writes(MaxPool)
def write_max_pool(op: MaxPool, node: Node) -> Form:
    rank = len(op.window)
    settings = _settings(op, **({} if set(op.dilations) == {1} else {"dilation": plain(op.dilations)}))
    if op.padding == "same":
        return Inline(
            lambda x: call(
                f"F.max_pool{rank}d",
                call("same_pad", x, op.window, op.strides, op.dilations, value=float("-inf")),
                **settings,
            ),
            helpers=("same_pad",),
        )
    return _pool(
        f"F.max_pool{rank}d", op, node, settings, lambda x, pads: call("F.pad", x, pads, value=float("-inf"))
    )


@rules.writes(AvgPool)
def write_avg_pool(op: AvgPool, node: Node) -> Form:
    rank = len(op.window)
    function = f"F.avg_pool{rank}d"
    settings = _settings(op)
    if op.padding == "same":
        return Inline(
            lambda x: call("same_avg_pool", x, op.window, op.strides), helpers=("same_pad", "same_avg_pool")
        )
    if not any(low or high for low, high in op.padding):
        return Inline(lambda x: call(function, x, **settings), simple=True)
    if op.count_padding:
        return _pool(function, op, node, settings, lambda x, pads: call("F.pad", x, pads))
    if _symmetric(op.padding, op.window):
        settings |= {"padding": plain([low for low, _ in op.padding]), "count_include_pad": False}
        return Inline(lambda x: call(function, x, **settings), simple=True)
    if _only_behind(op, node):
        return Inline(lambda x: call(function, x, **settings, ceil_mode=True), simple=True)
    pads = flat_pads(op.padding)
    return Inline(
        lambda x: call("padded_avg_pool", x, pads, op.window, op.strides), helpers=("padded_avg_pool",)
    )


def _settings(op: MaxPool | AvgPool, **more: Any) -> dict[str, Any]:
    stride = {} if op.strides == op.window else {"stride": plain(op.strides)}
    return {"kernel_size": plain(op.window), **stride, **more}


def _symmetric(padding: Pads, window: tuple[int, ...]) -> bool:
    rows = zip(padding, window, strict=True)
    return all(low == high and 2 * low <= size for (low, high), size in rows)


def _pool(
    function: str,
    op: MaxPool | AvgPool,
    node: Node,
    settings: dict[str, Any],
    pad: Callable[[Expression, tuple[int, ...]], Expression],
) -> Form:
    assert op.padding != "same"
    if _symmetric(op.padding, op.window):
        low = plain([low for low, _ in op.padding])
        inside = {} if low == 0 else {"padding": low}
        return Inline(lambda x: call(function, x, **settings, **inside), simple=True)
    if isinstance(op, MaxPool) and _only_behind(op, node):
        return Inline(lambda x: call(function, x, **settings, ceil_mode=True), simple=True)
    pads = flat_pads(op.padding)
    return Inline(lambda x: call(function, pad(x, pads), **settings))


def _only_behind(op: MaxPool | AvgPool, node: Node) -> bool:
    """Whether padding stands only behind, and is what torch's `ceil_mode` adds by itself."""
    sizes = node.inputs[0].shape[2:]
    pads = op.padding if op.padding != "same" else ()
    rows = zip(sizes, op.window, op.strides, pads, strict=True)
    return set(op.dilations) == {1} and all(_ceils(*row) for row in rows)


def _ceils(size: Dim, window: int, stride: int, pad: tuple[int, int]) -> bool:
    low, high = pad
    if not isinstance(size, int) or low:
        return False
    cells = (size + high - window) // stride + 1
    native = -(-(size - window) // stride) + 1
    if (native - 1) * stride >= size:
        native -= 1  # torch drops a window that starts behind the end
    return size >= window and cells == native


@rules.writes(AdaptivePool)
def write_adaptive_pool(op: AdaptivePool, node: Node) -> Form:
    rank = len(op.size)
    size = op.size[0] if len(set(op.size)) == 1 else op.size
    return Inline(lambda x: call(f"F.adaptive_{op.function}_pool{rank}d", x, size), simple=True)
