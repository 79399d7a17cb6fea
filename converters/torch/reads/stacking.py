"""Tensors of a lower rank put together: axes of size 1 come first."""

from __future__ import annotations

from typing import Any

from converters.torch.call import OpCall
from converters.torch.reads.creation import read_meshgrid
from converters.torch.reads.reshaping import joined
from converters.torch.rules import rules
from porter.graph.dims import product
from porter.graph.model import Value
from porter.graph.ops.indexing import Stack

ONES = {(1, 0): (0,), (2, 0): (0, 1), (2, 1): (0,), (3, 0): (0, 1, 2), (3, 1): (0, 2), (3, 2): (2,)}
"""Where axes of size 1 are put to bring a rank to another."""

STACKS = {"hstack": (1, 1), "vstack": (2, 0), "dstack": (3, 2), "column_stack": (2, 1)}
"""The least rank, and the axis along which tensors of that rank are joined."""


@rules.reads("atleast_1d", "atleast_2d", "atleast_3d")
def read_atleast(call: OpCall) -> Any:
    rank = int(call.spec.operator[8])
    (given,) = call.args.values()
    return (
        tuple(_raised(call, x, rank) for x in given)
        if isinstance(given, tuple)
        else _raised(call, given, rank)
    )


def _raised(call: OpCall, x: Value, rank: int) -> Value:
    return x if x.rank >= rank else call.with_ones(x, *ONES[rank, x.rank])


@rules.reads(*STACKS)
def read_stacks(call: OpCall) -> Value:
    name = call.spec.operator
    rank, axis = STACKS[name]
    parts = [call.cast(part, call.dtype) for part in call["tensors"]]
    if name == "column_stack":
        parts = [call.reshape(x, (product(x.shape), 1)) if x.rank < rank else x for x in parts]
    parts = [_raised(call, x, rank) for x in parts]
    return joined(call, parts, 0 if name == "hstack" and parts[0].rank == 1 else axis)


@rules.reads("cartesian_prod")
def read_cartesian_prod(call: OpCall) -> Value:
    """All ways of taking one number of each list."""
    if len(call["tensors"]) == 1:
        return call["tensors"][0]  # type: ignore[no-any-return]
    grids = read_meshgrid(call)
    together = call.one(Stack(grids[0].rank), *grids)
    return call.reshape(together, (product(together.shape[:-1]), len(grids)))


@rules.reads("ravel")
def read_ravel(call: OpCall) -> Value:
    return call.reshape(call.x, (product(call.x.shape),))
