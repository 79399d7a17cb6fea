"""Products: of a value with a weight (a layer), and of two values."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from string import ascii_letters

from converters.jax.reading.call import PrimitiveCall
from converters.jax.rules import rules
from porter.graph.dims import product
from porter.graph.model import Value
from porter.graph.ops.linear import Einsum, Linear, MatMul
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept


@rules.reads("dot_general")
def read_dot_general(call: PrimitiveCall) -> Value:
    (left_axes, right_axes), (left_batch, right_batch) = (
        (tuple(map(int, first)), tuple(map(int, second))) for first, second in call["dimension_numbers"]
    )
    left, right = (call.cast(value, call.out.dtype) for value in call.inputs)
    if not left_batch and left_axes:
        if call.is_weight(right) and not call.is_weight(left):
            return linear(call, left, left_axes, right, right_axes)
        if call.is_weight(left) and not call.is_weight(right):
            found = linear(call, right, right_axes, left, left_axes)
            rest, own = right.rank - len(right_axes), left.rank - len(left_axes)
            return call.transpose(found, (*range(rest, rest + own), *range(rest)))
    return _between(call, left, right, (left_axes, right_axes), (left_batch, right_batch))


def linear(
    call: PrimitiveCall, x: Value, axes: Sequence[int], weight: Value, weight_axes: Sequence[int]
) -> Value:
    """The product of a value and a weight over some axes of each, as a layer over one axis."""
    free = [axis for axis in range(x.rank) if axis not in axes]
    own = [axis for axis in range(weight.rank) if axis not in weight_axes]
    width = prod(int(str(x.shape[axis])) for axis in axes)
    units = prod(int(str(weight.shape[axis])) for axis in own)
    turned = call.transpose(x, (*free, *axes))
    if len(axes) > 1:
        turned = call.one(Reshape((*map(Kept, range(len(free))), width)), turned)
    names = [f"a{axis}" for axis in range(weight.rank)]
    out, summed = " ".join(names[k] for k in own), " ".join(names[k] for k in weight_axes)
    shown = f"({out}) ({summed})" if len(own) != 1 else f"{out} ({summed})"
    shown = shown.replace(f"({summed})", summed) if len(weight_axes) == 1 else shown
    if not own:
        shown = f"1 {shown.removeprefix('() ')}"
    param = call.as_param(weight, f"{' '.join(names)} -> {shown}")
    found = call.one(Linear(width, units), turned, params={"weight": param})
    if len(own) == 1:
        return found
    sizes = [int(str(weight.shape[axis])) for axis in own]
    return call.one(Reshape((*map(Kept, range(len(free))), *sizes)), found)


def _between(
    call: PrimitiveCall,
    left: Value,
    right: Value,
    summed: tuple[Sequence[int], Sequence[int]],
    batch: tuple[Sequence[int], Sequence[int]],
) -> Value:
    """A product of two values: of matrices where it is one, and else by letters."""
    lead = tuple(range(len(batch[0])))
    matrices = left.rank == right.rank == len(lead) + 2 and tuple(batch[0]) == lead == tuple(batch[1])
    if matrices and summed == ((left.rank - 1,), (right.rank - 2,)):
        return call.one(MatMul(), left, right)
    letters = iter(ascii_letters)
    first = [next(letters) for _ in range(left.rank)]
    second = [""] * right.rank
    for a, b in zip((*summed[0], *batch[0]), (*summed[1], *batch[1]), strict=True):
        second[b] = first[a]
    second = [letter or next(letters) for letter in second]
    out = [first[k] for k in batch[0]]
    out += [first[k] for k in range(left.rank) if k not in (*batch[0], *summed[0])]
    out += [second[k] for k in range(right.rank) if k not in (*batch[1], *summed[1])]
    equation = f"{''.join(first)},{''.join(second)}->{''.join(out)}"
    return call.one(Einsum(equation), left, right)


def merged(call: PrimitiveCall, value: Value, count: int) -> Value:
    """The first `count` axes as one."""
    return call.reshape(value, (product(value.shape[:count]), *value.shape[count:]))
