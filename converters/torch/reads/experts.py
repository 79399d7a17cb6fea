"""Rows in order of their experts, each times its expert's matrix."""

from __future__ import annotations

from converters.torch.call import OpCall
from converters.torch.reads.creation import counting
from converters.torch.reads.linear import product
from converters.torch.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Where
from porter.graph.ops.indexing import Index

WHOLE = (None, None, 1)


@rules.reads("_grouped_mm", "transformers.grouped_mm_fallback.default")
def read_grouped_mm(call: OpCall) -> Value:
    """All rows go through every matrix, and each keeps what its own gave: `offs` says where experts end."""
    names = list(call.args)
    x, weights = call.tensor(names[0]), call.tensor(names[1])
    ends = call.get("offs")
    if ends is None or call.get("bias") is not None or (x.rank, weights.rank) != (2, 3):
        raise call.refuse("grouped products other than of rows by one matrix for each group")
    count = weights.shape[0]
    if not isinstance(count, int):
        raise call.refuse("as many matrices as only running the model tells")
    rows = call.with_ones(counting(call, x.shape[0], "int64"), 1)
    found: Value | None = None
    for number in reversed(range(count)):
        one = call.one(Index((number, WHOLE, WHOLE)), weights)
        own = product(call, x, call.cast(one, x.dtype))
        if found is None:
            found = own
            continue
        end = call.cast(call.one(Index((number,)), ends), "int64")
        found = call.one(Where(), call.one(Binary("less"), rows, end), own, found)
    assert found is not None
    return call.cast(found, call.dtype)
