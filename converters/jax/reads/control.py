"""Loops and branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.jax.reading.call import WHOLE, PrimitiveCall
from converters.jax.reading.context import Random
from converters.jax.reads.recurrent import recurrent
from converters.jax.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Where
from porter.graph.ops.indexing import Index, Stack
from porter.graph.ops.sources import Constant

LONGEST = 64
"""Loops of more steps are not written out."""


@rules.reads("scan")
def read_scan(call: PrimitiveCall) -> tuple[Any, ...]:
    """A recurrent layer where it is one; else, if it is short, step by step."""
    streams = any(isinstance(value, Random) for value in call.inputs)
    found = None if streams else recurrent(call)
    if found is None:
        return _unrolled(call)
    results, walks = found
    if None in results:  # a state that no layer shows after every step
        results = tuple(b if a is None else a for a, b in zip(results, _unrolled(call), strict=True))
    call.context.walks.update((results[place], walk) for place, walk in walks.items())
    return results


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
    outputs: list[list[Any]] = []
    steps = range(length - 1, -1, -1) if call["reverse"] else range(length)
    assert call.inline is not None
    for step in steps:
        now = [_row(call, row, step) for row in rows]
        made = call.inline(call["jaxpr"], [*fixed, *carry, *now])
        carry = made[:carried]
        outputs.append(made[carried:])
    if call["reverse"]:
        outputs.reverse()
    return (*carry, *(_stacked(call, column) for column in zip(*outputs, strict=True)))


def _row(call: PrimitiveCall, rows: Any, step: int) -> Any:
    """What a step sees of the rows; of stacked weights, each step has its own."""
    if isinstance(rows, Random):
        return rows
    row = call.one(Index((step, *(WHOLE,) * (rows.rank - 1))), rows)
    if not call.is_weight(row):
        return row
    param = call.as_param(row)
    return call.one(Constant(param.tensor.shape, row.dtype), params={"value": param})


def _stacked(call: PrimitiveCall, column: Sequence[Any]) -> Any:
    """What each step gave, side by side; streams of random numbers and what failed stay what they are."""
    other = next((value for value in column if not isinstance(value, Value)), None)
    return call.one(Stack(0), *column) if other is None else other


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


@rules.reads("while")
def read_while(call: PrimitiveCall) -> tuple[Any, ...]:
    """Step by step, as long as the program alone tells whether there is another."""
    tested, fixed = int(call["cond_nconsts"]), int(call["body_nconsts"])
    asked, given = call.inputs[:tested], call.inputs[tested : tested + fixed]
    carry: Sequence[Any] = call.inputs[tested + fixed :]
    hint = "use lax.scan or lax.fori_loop with a fixed number of steps"
    assert call.inline is not None
    for _ in range(LONGEST + 1):
        (another,) = call.inline(call["cond_jaxpr"], [*asked, *carry])
        if not isinstance(another, Value):  # it could not be read
            return tuple(another for _ in carry)
        known = call.filled(another)
        if known is None:
            raise call.refuse("how many steps it takes depends on the numbers", hint)
        if not known:
            return tuple(carry)
        carry = call.inline(call["body_jaxpr"], [*given, *carry])
    raise call.refuse(f"a loop of more than {LONGEST} steps", hint)
