"""Loops and branches."""

from __future__ import annotations

from typing import Any

from converters.jax.read_call import WHOLE, PrimitiveCall
from converters.jax.reads.recurrent import recurrent
from converters.jax.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Where
from porter.graph.ops.indexing import Index, Stack

LONGEST = 64
"""Loops of more steps are not written out."""


@rules.reads("scan")
def read_scan(call: PrimitiveCall) -> tuple[Any, ...]:
    """A recurrent layer where it is one; else, if it is short, step by step."""
    found = recurrent(call)
    return found if found is not None else _unrolled(call)


def _unrolled(call: PrimitiveCall) -> tuple[Any, ...]:
    length = call["length"]
    if not isinstance(length, int) or length > LONGEST:
        raise call.refuse(
            f"a loop of {length} steps that is no recurrent layer known here",
            "use nnx.RNN or nn.RNN with one of Flax's cells",
        )
    consts, carried = int(call["num_consts"]), int(call["num_carry"])
    fixed, carry = call.inputs[:consts], list(call.inputs[consts : consts + carried])
    rows = call.inputs[consts + carried :]
    outputs: list[list[Value]] = []
    steps = range(length - 1, -1, -1) if call["reverse"] else range(length)
    assert call.inline is not None
    for step in steps:
        now = [call.one(Index((step, *(WHOLE,) * (row.rank - 1))), row) for row in rows]
        made = call.inline(call["jaxpr"], [*fixed, *carry, *now])
        carry = made[:carried]
        outputs.append(made[carried:])
    if call["reverse"]:
        outputs.reverse()
    stacked = [call.one(Stack(0), *column) for column in zip(*outputs, strict=True)]
    return (*carry, *stacked)


@rules.reads("cond")
def read_cond(call: PrimitiveCall) -> tuple[Any, ...]:
    """The branch that is always taken, or all of them, and a choice between their results."""
    which, *inputs = call.inputs
    branches = call["branches"]
    assert call.inline is not None
    known = call.filled(which)
    if known is not None:
        return tuple(call.inline(branches[max(0, min(int(known), len(branches) - 1))], inputs))
    results = [call.inline(branch, inputs) for branch in branches]
    found = results[0]
    for number, result in enumerate(results[1:], 1):
        last = number == len(results) - 1
        test = Binary("greater_equal" if last else "equal")
        here = call.one(test, call.cast(which, "int32"), call.constant(number, "int32"))
        found = [a if a is b else call.one(Where(), here, b, a) for a, b in zip(found, result, strict=True)]
    return tuple(found)


rules.cannot_read(
    "while",
    because="how many steps it takes depends on the numbers",
    hint="use lax.scan or lax.fori_loop with a fixed number of steps",
)
