"""The same numbers in another shape or place."""

from __future__ import annotations

import numpy as np

from converters.jax.reading.call import PrimitiveCall, Range
from converters.jax.reading.dims import shape_of
from converters.jax.rules import rules
from porter.graph.dims import ENDING, Dim, Sym, add
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.indexing import Split, Stack
from porter.graph.ops.reduction import Cumulate
from porter.graph.ops.reshaping import Concat, Flip, Pad, Repeat, Slice, Tile


@rules.reads("reshape", "squeeze", "expand_dims")
def read_reshape(call: PrimitiveCall) -> Value:
    x = call.x
    if call.name == "reshape" and call.settings.get("dimensions") is not None:
        x = call.transpose(x, call["dimensions"])
    found = call.reshape(x, call.out.shape)
    slim = call.context.slim.get(x)
    ones = [size for size in call.out.shape if size != 1] == [size for size in x.shape if size != 1]
    filled = call.filled(x)
    if filled is not None:
        call.context.fills[found] = filled
    lead = call.out.rank - x.rank
    if slim is None and ones and lead > 0 and call.out.shape[lead:] == x.shape:
        call.context.slim[found] = x  # (c) and (1, 1, c) mean the same beside (n, t, c)
    return found


@rules.reads("broadcast_in_dim")
def read_broadcast(call: PrimitiveCall) -> Value:
    x = call.x
    places = [int(place) for place in call["broadcast_dimensions"]]
    wanted = call.out.shape
    known = call.known(x)
    if known is not None and not known.ndim:
        return _filled(call, x)
    sizes = [1] * len(wanted)
    shape = [x.shape[places.index(k)] if k in places else size for k, size in enumerate(sizes)]
    small = call.reshape(x, shape)
    wide = call.expand(small, wanted)
    lead = len(wanted) - x.rank
    if places == list(range(lead, len(wanted))):
        small = x  # axes in front need not be said
    if wide is not small:
        call.context.slim[wide] = call.context.slim.get(small, small)
    return wide


def _filled(call: PrimitiveCall, x: Value) -> Value:
    """One number everywhere."""
    wide = call.expand(x, call.out.shape)
    known = call.known(x)
    assert known is not None
    call.context.fills[wide] = known.item()
    call.context.slim[wide] = x
    return wide


@rules.reads("transpose")
def read_transpose(call: PrimitiveCall) -> Value:
    return call.transpose(call.x, call["permutation"])


@rules.reads("concatenate")
def read_concatenate(call: PrimitiveCall) -> Value:
    parts = [value for value in call.inputs if 0 not in value.shape]
    return call.one(Concat(int(call["dimension"])), *parts) if len(parts) > 1 else parts[0]


@rules.reads("stack")
def read_stack(call: PrimitiveCall) -> Value:
    axis = next((call.settings[name] for name in ("axis", "dimension") if name in call.settings), 0)
    return call.one(Stack(int(axis)), *call.inputs)


@rules.reads("split")
def read_split(call: PrimitiveCall) -> tuple[Value, ...]:
    sizes = tuple(int(size) for size in call["sizes"])
    return call.add(Split(sizes, int(call["axis"])), call.x)


@rules.reads("slice")
def read_slice(call: PrimitiveCall) -> Value:
    starts, stops = shape_of(call["start_indices"]), shape_of(call["limit_indices"])
    strides = call["strides"] or (1,) * len(starts)
    ranges: list[Range] = []
    for start, stop, step, size in zip(starts, stops, strides, call.x.shape, strict=True):
        end = None if stop == size else _place(call, stop, size)
        ranges.append((_place(call, start, size) or None, end, int(step)))
    return call.cut(call.x, ranges)


def _place(call: PrimitiveCall, place: Dim, size: Dim) -> int:
    """A place on an axis; one that is told by the axis's open size is counted from its end."""
    if isinstance(place, int):
        return place
    ending = ENDING.fullmatch(place.text)
    back = -int(ending[3]) if ending is not None and ending[2] == "-" else 0
    if not back or isinstance(size, int) or add(size, back) != place:
        raise call.refuse("a range that only running the model tells")
    return back


@rules.reads("rev")
def read_rev(call: PrimitiveCall) -> Value:
    axes = tuple(sorted(int(axis) for axis in call["dimensions"]))
    return call.one(Flip(axes), call.x) if axes else call.x


@rules.reads("tile")
def read_tile(call: PrimitiveCall) -> Value:
    """An axis of one cell that is repeated to an open size is broadcast."""
    counts = shape_of(call["reps"])
    rows = list(zip(call.x.shape, counts, strict=True))
    if any(isinstance(count, Sym) and size != 1 for size, count in rows):
        raise call.refuse("repeats an axis as often as only running the model tells")
    plain = tuple(1 if isinstance(count, Sym) else count for count in counts)
    tiled = call.x if set(plain) == {1} else call.one(Tile(plain), call.x)
    return call.expand(tiled, call.out.shape)


@rules.reads("pad")
def read_pad(call: PrimitiveCall) -> Value:
    x, fill = call.x, call.filled(call.inputs[1])
    if fill is None:
        raise call.refuse("cells filled with a number that is computed")
    rows = [tuple(int(part) for part in row) for row in call["padding_config"]]
    if any(inner for _, _, inner in rows):
        x = _spread(call, x, [inner for _, _, inner in rows], fill)
    cuts = [(max(-low, 0) or None, -max(-high, 0) or None, 1) for low, high, _ in rows]
    x = call.cut(x, cuts)
    pads = tuple((max(low, 0), max(high, 0)) for low, high, _ in rows)
    return call.one(Pad(pads, "constant", float(fill)), x) if any(map(any, pads)) else x


def _spread(call: PrimitiveCall, x: Value, inner: list[int], fill: float) -> Value:
    """Cells put between the cells: each with its followers, and the last without them."""
    for axis, count in enumerate(inner):
        if not count:
            continue
        wide = call.with_ones(x, axis + 1)
        pads = tuple((0, count if k == axis + 1 else 0) for k in range(wide.rank))
        wide = call.one(Pad(pads, "constant", float(fill)), wide)
        merged = list(x.shape)
        if not isinstance(merged[axis], int):
            raise call.refuse("cells put between those of an axis whose size only running the model tells")
        merged[axis] = int(str(merged[axis])) * (count + 1)
        x = call.reshape(wide, merged)
        x = call.one(Slice(tuple((None, -count if k == axis else None, 1) for k in range(x.rank))), x)
    return x


@rules.reads("iota")
def read_iota(call: PrimitiveCall) -> Value:
    shape, axis, dtype = call.out.shape, int(call["dimension"]), call.out.dtype
    size = shape[axis]
    row = tuple(size if k == axis else 1 for k in range(len(shape)))
    if isinstance(size, int):
        counted = call.constant(
            np.expand_dims(np.arange(size), [k for k in range(len(shape)) if k != axis]), dtype
        )
    else:
        one = call.constant(np.ones([1] * len(shape)), dtype)
        steps = call.one(Cumulate("sum", axis), call.expand(one, row))
        counted = call.one(Binary("subtract"), steps, call.constant(1, dtype))
    found = call.expand(counted, shape)
    if found is not counted:
        call.context.slim[found] = counted
    call.context.counts[found] = axis
    return found


@rules.reads("repeat")
def read_repeat(call: PrimitiveCall) -> Value:
    return call.one(Repeat(int(call["repeats"]), int(call["axis"])), call.x)


@rules.reads("dim_as_value")
def read_dim(call: PrimitiveCall) -> Value:
    """A size as a number: the sizes of the inputs are what it can be made of."""
    (size,) = shape_of([call["dim"]])
    dtype = call.out.dtype
    if isinstance(size, int):
        return call.constant(size, dtype)
    for value in call.context.inputs:
        if size in value.shape:
            return call.size(size, dtype)
    factor, name = _factor(str(size))
    if name is None:
        raise call.refuse(f"the size {size} as a number")
    return call.one(Binary("multiply"), call.size(Sym(name), dtype), call.constant(factor, dtype))


def _factor(text: str) -> tuple[int, str | None]:
    name, sign, factor = text.rpartition(" * ")
    return (int(factor), name) if sign and factor.isdigit() and name.isidentifier() else (1, None)
