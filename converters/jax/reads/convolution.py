"""Convolutions in any order of axes, and windows reduced to one number each."""

from __future__ import annotations

from collections.abc import Sequence

from converters.jax.reading.call import PrimitiveCall
from converters.jax.reading.context import Window
from converters.jax.rules import rules
from porter.graph.layouts import Orientation
from porter.graph.model import Value
from porter.graph.ops.convolution import Conv, ConvTranspose
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.pooling import AvgPool, MaxPool

Pads = tuple[tuple[int, int], ...]


@rules.reads("conv_general_dilated")
def read_conv(call: PrimitiveCall) -> Value:
    x, kernel = (call.cast(value, call.out.dtype) for value in call.inputs)
    if int(call["batch_group_count"]) != 1:
        raise call.refuse("groups along the batch")
    if not call.is_weight(kernel) and call.known(kernel) is None:
        raise call.refuse("its kernel is computed from the inputs")
    spec = call["dimension_numbers"]
    given, made = (tuple(int(axis) for axis in part) for part in (spec.lhs_spec, spec.out_spec))
    rank = x.rank
    orientation: Orientation = "first" if given == made == tuple(range(rank)) else "last"
    order = given if orientation == "first" else _last(given)
    found = _convolved(call, call.transpose(x, order), kernel, orientation)
    back = made if orientation == "first" else _last(made)
    return call.transpose(found, [back.index(axis) for axis in range(rank)])


def _last(spec: Sequence[int]) -> tuple[int, ...]:
    """Batch, spatial axes, channels: where they lie."""
    return (spec[0], *spec[2:], spec[1])


def _convolved(call: PrimitiveCall, x: Value, kernel: Value, orientation: Orientation) -> Value:
    spec = [int(axis) for axis in call["dimension_numbers"].rhs_spec]
    sizes = [int(str(size)) for size in kernel.shape]
    window = tuple(sizes[axis] for axis in spec[2:])
    groups = int(call["feature_group_count"])
    outputs, inputs = sizes[spec[0]], sizes[spec[1]] * groups
    spatial = [f"s{k}" for k in range(len(window))]
    names = [""] * len(spec)
    for axis, name in zip(spec, ("o", "i", *spatial), strict=True):
        names[axis] = name
    pads: Pads = tuple((int(low), int(high)) for low, high in call["padding"])
    strides, spread, dilation = (
        tuple(int(step) for step in call[name]) for name in ("window_strides", "lhs_dilation", "rhs_dilation")
    )
    if set(spread) == {1}:
        x, pads = _cropped(call, x, pads, orientation)
        param = call.as_param(kernel, f"{' '.join(names)} -> o i {' '.join(spatial)}")
        op = Conv(inputs, outputs, window, strides, dilation, pads, groups, orientation)
        return call.one(op, x, params={"weight": param})
    flipped = " ".join(f"~{name}" for name in spatial)
    source = " ".join("(g o)" if name == "o" and groups > 1 else name for name in names)
    lead = "(g i) o" if groups > 1 else "i o"
    param = call.as_param(kernel, f"{source} -> {lead} {flipped}", **({"g": groups} if groups > 1 else {}))
    reach = [step * (size - 1) for size, step in zip(window, dilation, strict=True)]
    crop = tuple((size - low, size - high) for size, (low, high) in zip(reach, pads, strict=True))
    turned = ConvTranspose(inputs, outputs, window, spread, dilation, crop, groups, orientation)
    found = call.one(turned, x, params={"weight": param})
    place = 2 if orientation == "first" else 1
    ranges = [(None, None, 1)] * found.rank
    return call.cut(
        found,
        [
            (None, None, strides[k - place]) if place <= k < place + len(strides) else ranges[k]
            for k in range(found.rank)
        ],
    )


def _cropped(call: PrimitiveCall, x: Value, pads: Pads, orientation: Orientation) -> tuple[Value, Pads]:
    """Padding below zero takes cells away before the windows are laid."""
    place = 2 if orientation == "first" else 1
    ranges = [
        (max(-pads[k - place][0], 0) or None, -max(-pads[k - place][1], 0) or None, 1)
        if place <= k < place + len(pads)
        else (None, None, 1)
        for k in range(x.rank)
    ]
    return call.cut(x, ranges), tuple((max(low, 0), max(high, 0)) for low, high in pads)


# --- windows


@rules.reads("reduce_window_max", "reduce_window_min", "reduce_window_sum")
def read_window(call: PrimitiveCall) -> Value:
    sizes, strides, spread, dilation = (
        tuple(int(size) for size in call[name])
        for name in ("window_dimensions", "window_strides", "base_dilation", "window_dilation")
    )
    pads: Pads = tuple((int(low), int(high)) for low, high in call["padding"])
    if set(spread) != {1}:
        raise call.refuse("windows over cells with gaps between them")
    x, orientation, moved = _spatial(call, sizes, strides, pads)
    place = slice(2, None) if orientation == "first" else slice(1, -1)
    at = [moved[k] for k in range(len(moved))]
    sizes, strides, dilation = (tuple(row[k] for k in at)[place] for row in (sizes, strides, dilation))
    window = Window(sizes, strides, tuple(pads[k] for k in at)[place])
    found = _reduced(call, x, window, dilation, orientation)
    back = call.transpose(found, [moved.index(k) for k in range(len(moved))])
    filled = call.filled(call.x)
    if call.name == "reduce_window_sum" and back is found:
        call.context.sums[found] = (x, window)
        if filled == 1:
            call.context.cells[found] = window
    return back


def _spatial(
    call: PrimitiveCall, sizes: Sequence[int], strides: Sequence[int], pads: Pads
) -> tuple[Value, Orientation, list[int]]:
    """The value with two axes that no window spans where batch and channels belong."""
    still = [k for k in range(len(sizes)) if sizes[k] == 1 and strides[k] == 1 and not any(pads[k])]
    rank = len(sizes)
    if len(still) < 2 or not 3 <= rank <= 5:
        raise call.refuse("windows that span the batch or the channels")
    if 0 in still and rank - 1 in still:
        return call.x, "last", list(range(rank))
    if still[:2] == [0, 1]:
        return call.x, "first", list(range(rank))
    chosen = [still[0], still[-1]]
    order = [chosen[0], *(k for k in range(rank) if k not in chosen), chosen[1]]
    return call.transpose(call.x, order), "last", order


def _reduced(
    call: PrimitiveCall, x: Value, window: Window, dilation: tuple[int, ...], orientation: Orientation
) -> Value:
    if call.name == "reduce_window_sum":
        if set(dilation) != {1}:
            raise call.refuse("sums over windows with gaps in them")
        count = 1
        for size in window.sizes:
            count *= size
        mean = call.one(AvgPool(window.sizes, window.strides, window.padding, orientation, True), x)
        return call.one(Binary("multiply"), mean, call.constant(count, x.dtype))
    if call.name == "reduce_window_min":
        from porter.graph.ops.elementwise import Unary

        most = MaxPool(window.sizes, window.strides, window.padding, orientation, dilation)
        return call.one(Unary("neg"), call.one(most, call.one(Unary("neg"), x)))
    return call.one(MaxPool(window.sizes, window.strides, window.padding, orientation, dilation), x)


rules.cannot_read(
    "reduce_window",
    "select_and_scatter_add",
    "select_and_gather_add",
    because="a function of windows other than their sum, largest or smallest value",
    hint="use flax's max_pool, min_pool or avg_pool",
)
