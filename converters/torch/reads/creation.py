"""Tensors from nothing, or in the shape of another."""

from __future__ import annotations

import numpy as np

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.graph.dims import Dim, Sym
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.reduction import Cumulate

NUMBERS = {"zeros": 0.0, "ones": 1.0, "empty": 0.0, "new_zeros": 0.0, "new_ones": 1.0, "new_empty": 0.0}


@rules.reads(*NUMBERS)
def read_zeros(call: OpCall) -> Value:
    return call.fill(NUMBERS[call.spec.operator], call["size"], call.dtype)


@rules.reads("full", "new_full")
def read_full(call: OpCall) -> Value:
    return call.fill(float(call["fill_value"]), call["size"], call.dtype)


@rules.reads("zeros_like", "ones_like", "full_like", "empty_like")
def read_like(call: OpCall) -> Value:
    number = {"zeros_like": 0.0, "empty_like": 0.0, "ones_like": 1.0}.get(call.spec.operator)
    return call.fill(float(call["fill_value"]) if number is None else number, call.x.shape, call.dtype)


@rules.reads("scalar_tensor", "tensor")
def read_scalar(call: OpCall) -> Value:
    return call.operand(call["s"], call.dtype)


@rules.reads("arange")
def read_arange(call: OpCall) -> Value:
    """Where its end is a size that only running tells: running sums of ones."""
    start, end, step = call.get("start", 0), call.get("end"), call.get("step", 1)
    if not any(isinstance(part, Sym) for part in (start, end, step)):
        kind = "float32" if call.dtype == "bfloat16" else call.dtype
        return call.constant(np.arange(start, end, step).astype(kind), call.dtype)
    if isinstance(step, Sym) or isinstance(start, Sym):
        raise call.refuse("a range whose step or start only running the model tells")
    (size,) = call.meta.shape
    counted = counting(call, size, call.dtype)
    if step != 1:
        counted = call.one(Binary("multiply"), counted, call.operand(step, call.dtype))
    if start != 0:
        counted = call.one(Binary("add"), counted, call.operand(start, call.dtype))
    call.context.steps[counted] = int(step)
    return counted


def counting(call: OpCall, size: Dim, dtype: str) -> Value:
    """0, 1, 2, ...: as many numbers as `size` says."""
    if isinstance(size, int):
        return call.constant(np.arange(size).astype(dtype))
    ones = call.fill(1.0, (size,), dtype)
    return call.one(Binary("subtract"), call.one(Cumulate("sum", 0), ones), call.operand(1, dtype))


@rules.reads("linspace")
def read_linspace(call: OpCall) -> Value:
    start, end = float(call["start"]), float(call["end"])
    return call.constant(np.linspace(start, end, int(call["steps"])).astype(call.dtype))


@rules.reads("eye")
def read_eye(call: OpCall) -> Value:
    rows = int(call["n"])
    return call.constant(np.eye(rows, int(call.get("m", rows))).astype(call.dtype))


@rules.reads("tril_indices", "triu_indices")
def read_triangle_indices(call: OpCall) -> Value:
    find = np.tril_indices if call.spec.operator.startswith("tril") else np.triu_indices
    found = find(int(call["row"]), int(call["offset"]), int(call["col"]))
    return call.constant(np.stack(found).astype(call.dtype))


@rules.reads("meshgrid")
def read_meshgrid(call: OpCall) -> tuple[Value, ...]:
    parts = call["tensors"]
    count = len(parts)
    order = list(range(count))
    if call.get("indexing", "ij") == "xy" and count > 1:
        order[0], order[1] = 1, 0
    shape = [1] * count
    for part, axis in zip(parts, order, strict=True):
        shape[axis] = part.shape[0] if part.rank else 1
    grids = []
    for part, axis in zip(parts, order, strict=True):
        line = part if part.rank else call.with_ones(part, 0)
        spread = call.with_ones(line, *(k for k in range(count) if k != axis))
        grids.append(call.expand(spread, shape))
    return tuple(grids)
