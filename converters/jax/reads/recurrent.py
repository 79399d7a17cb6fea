"""Loops over a sequence whose step is that of a recurrent layer, whoever wrote it.

The step is read into values of its own, and its results are taken apart: which gates there are, and what
each is computed from. A gate is a function of a sum: products of the step's input and of the state, of which
every gate has its own rows, and biases. Flax's cells, cells of other libraries and loops written by hand are
recognised alike, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converters.jax.reading.call import PrimitiveCall
from converters.jax.reading.context import Walk
from converters.jax.reads.gates import Affine, Gates, packed
from porter.dataclass import dataclass
from porter.graph.model import Param, Spec, Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.op import Op
from porter.graph.ops.recurrent import AnyRecurrent, Gru, Lstm, SimpleRnn
from porter.graph.ops.reshaping import Flip

STEPS_FIRST = (1, 0, 2)


@dataclass(frozen=True)
class Found:
    """A step that is a layer's: the op, its parameters, and which of the carried values is which state."""

    op: AnyRecurrent
    params: dict[str, Param]
    states: tuple[int, ...]  # places among the carried values, h first
    output: Value


def recurrent(call: PrimitiveCall) -> tuple[tuple[Any, ...], dict[int, Walk]] | None:
    """The results of a loop as those of a recurrent layer, or None where it is none.

    A result is None that the layer does not have: a state after every step. The second part tells which
    results are states after every step.
    """
    consts, carried = int(call["num_consts"]), int(call["num_carry"])
    rows = call.inputs[consts + carried :]
    if len(rows) != 1 or rows[0].rank != 3 or carried not in (1, 2):
        return None
    x = Value("x", Spec(rows[0].shape[1:], rows[0].dtype))
    before = [
        Value(f"state{k}", value.spec) for k, value in enumerate(call.inputs[consts : consts + carried])
    ]
    if any(state.rank != 2 or not isinstance(state.shape[1], int) for state in before):
        return None
    assert call.inline is not None
    made = call.inline(call["jaxpr"], [*call.inputs[:consts], *before, x])
    if not all(isinstance(value, Value) for value in made):
        return None
    step = _Step(call, x, before, made[:carried])
    found = step.found()
    shown = [_place(value, found, made[:carried]) for value in made[carried:]] if found else []
    if found is None or None in shown:
        return None
    return _walked(call, found, rows[0], call.inputs[consts : consts + carried], shown)


def _place(value: Value, found: Found, states: Sequence[Value]) -> int | None:
    """Which of the layer's states a result of the step is; the first is its output."""
    if value is found.output:
        return 0
    return next((k for k, place in enumerate(found.states) if states[place] is value), None)


def _walked(
    call: PrimitiveCall, found: Found, rows: Value, starts: Sequence[Value], shown: Sequence[int | None]
) -> tuple[tuple[Any, ...], dict[int, Walk]]:
    """The layer over the whole sequence; one that walks backwards sees it turned round."""
    x = call.transpose(rows, STEPS_FIRST)
    if call["reverse"]:
        x = call.one(Flip((1,)), x)
    first = [starts[place] for place in found.states]
    fresh = all(call.filled(value) == 0 for value in first)
    op = found.op if fresh else replace(found.op, started=True)
    given = (x, *([] if fresh else first))
    sequence, _, *ends = call.add(op, *given, params=found.params)
    if call["reverse"]:
        sequence = call.one(Flip((1,)), sequence)
    carry = [ends[found.states.index(place)] for place in range(len(starts))]
    turned = call.transpose(sequence, STEPS_FIRST) if 0 in shown else sequence
    results = (*carry, *(turned if state == 0 else None for state in shown))
    if call["reverse"]:
        return results, {}
    walks = enumerate(shown, len(carry))
    return results, {place: Walk(op, given, found.params, state or 0) for place, state in walks}


def end_of(call: PrimitiveCall, walk: Walk, last: Value) -> Value:
    """The state after the step that `last` names for each row: that of a layer that sees no further."""
    x, *first = walk.inputs
    known = call.context.ends.setdefault(walk.inputs, [])
    for other, ends in known:
        if is_same(call, other, last):
            return ends[walk.state]
    steps = call.constant(np.arange(int(str(x.shape[1]))), last.dtype)
    mask = call.one(Binary("less_equal"), steps, call.with_ones(last, 1))
    assert isinstance(walk.op, AnyRecurrent)
    _, _, *ends = call.add(replace(walk.op, masked=True), x, mask, *first, params=walk.params)
    known.append((last, ends))
    return ends[walk.state]


def is_same(call: PrimitiveCall, one: Value, other: Value) -> bool:
    """Whether two values are computed alike, from the same."""
    if one is other:
        return True
    a, b = call.known(one), call.known(other)
    if a is not None and b is not None:
        return a.shape == b.shape and bool((a == b).all())
    left, right = call.maker(one), call.maker(other)
    if left is None or right is None or left.op != right.op or left.params or right.params:
        return False
    places = left.outputs.index(one) == right.outputs.index(other)
    return places and all(is_same(call, *pair) for pair in zip(left.inputs, right.inputs, strict=True))


class _Step:
    """One step of a loop, taken apart."""

    def __init__(
        self, call: PrimitiveCall, x: Value, before: Sequence[Value], after: Sequence[Value]
    ) -> None:
        self.before, self.after = before, after
        self.gates = Gates(call, {x: "x"})
        self.inputs = int(str(x.shape[1]))
        self.units = int(str(before[0].shape[1]))

    def found(self) -> Found | None:
        """The layer that this step is."""
        if len(self.before) == 1:
            return self._simple() or self._gru()
        return self._lstm(0, 1) or self._lstm(1, 0)

    def _simple(self) -> Found | None:
        """h = activation(a sum)."""
        (h,), (new,) = self.before, self.after
        gates = self.gates.knowing(h, "h")
        activation, inner = gates.activated(new)
        total = gates.affine(inner)
        if total is None or not total.of("x", "h"):
            return None
        params = self._params([total])
        op = SimpleRnn(self.inputs, self.units, activation)
        return None if params is None else Found(op, params, (0,), new)

    def _lstm(self, place_c: int, place_h: int) -> Found | None:
        """c = f * c + i * g; h = o * activation(c)."""
        c, h = self.before[place_c], self.before[place_h]
        new_c, new_h = self.after[place_c], self.after[place_h]
        if h.shape != c.shape:
            return None
        gates = self.gates.knowing(h, "h")
        for out, curved in gates.orders(new_h, "multiply"):
            activation, inner = gates.activated(curved)
            if inner is not new_c or activation is None:
                continue
            for kept, added in gates.orders(new_c, "add"):
                forget = [a for a, b in gates.orders(kept, "multiply") if b is c]
                for enter, value in gates.orders(added, "multiply") if forget else ():
                    functions, sums = gates.sums((enter, forget[0], value, out))
                    if (
                        sums is None
                        or functions[2] != activation
                        or len({functions[k] for k in (0, 1, 3)}) > 1
                    ):
                        continue
                    params = self._params(sums)
                    op = Lstm(self.inputs, self.units, activation, recurrent_activation=functions[0])
                    return None if params is None else Found(op, params, (place_h, place_c), new_h)
        return None

    def _gru(self) -> Found | None:
        """h = (1 - z) * n + z * h."""
        (h,), (new,) = self.before, self.after
        gates = self.gates.knowing(h, "h")
        for mixed, kept in gates.orders(new, "add"):
            update = next((a for a, b in gates.orders(kept, "multiply") if b is h), None)
            if update is None:
                continue
            for rest, candidate in gates.orders(mixed, "multiply"):
                if gates.is_rest(rest, update):
                    found = self._candidate(gates, h, update, candidate)
                    if found is not None:
                        return replace(found, output=new)
        return None

    def _candidate(self, gates: Gates, h: Value, update: Value, candidate: Value) -> Found | None:
        """n = activation(x part + r * (h part)), or with r * h inside the product."""
        activation, inner = gates.activated(candidate)
        gate, z = gates.activated(update)
        z_sum = gates.affine(z)
        if z_sum is None or activation is None or gate is None:
            return None
        for outer, scaled in gates.orders(inner, "add"):
            for reset, part in gates.orders(scaled, "multiply"):
                function, r = gates.activated(reset)
                r_sum, x_part, h_part = (gates.affine(value) for value in (r, outer, part))
                if function == gate and None not in (r_sum, x_part, h_part):
                    return self._reset(gate, activation, [r_sum, z_sum, x_part], h_part, after=True)
        for product in gates.products(inner):
            for reset, state in gates.orders(product, "multiply"):
                function, r = gates.activated(reset)
                r_sum = gates.affine(r)
                whole = gates.knowing(product, "rh").affine(inner)
                if state is h and function == gate and r_sum is not None and whole is not None:
                    return self._reset(gate, activation, [r_sum, z_sum, whole], None, after=False)
        return None

    def _reset(
        self, gate: Op, activation: Op, sums: list[Any], inside: Affine | None, *, after: bool
    ) -> Found | None:
        if inside is not None and (inside.of("x") or sums[2].of("h")):
            return None
        hidden = [*(total.of("h") for total in sums[:2]), inside.of("h") if inside else sums[2].of("rh")]
        weights = {
            "weight_ih": packed([total.of("x") for total in sums], self.units, self.inputs),
            "weight_hh": packed(hidden, self.units, self.units),
        }
        if inside is not None and inside.of("1"):
            biases = [(total.of("1")[:1], total.of("1")[1:]) for total in sums[:2]]
            weights["bias_ih"] = packed([first for first, _ in biases] + [sums[2].of("1")], self.units, None)
            weights["bias_hh"] = packed([rest for _, rest in biases] + [inside.of("1")], self.units, None)
        elif any(total.of("1") for total in sums):
            weights["bias_ih"] = packed([total.of("1") for total in sums], self.units, None)
        if any(param is None for param in weights.values()):
            return None
        op = Gru(self.inputs, self.units, activation, recurrent_activation=gate, reset_after=after)
        params = {name: param for name, param in weights.items() if param is not None}
        return Found(op, params, (0,), self.after[0])

    def _params(self, sums: Sequence[Affine]) -> dict[str, Param] | None:
        weights = {
            "weight_ih": packed([total.of("x") for total in sums], self.units, self.inputs),
            "weight_hh": packed([total.of("h") for total in sums], self.units, self.units),
        }
        if any(total.of("1") for total in sums):
            weights["bias_ih"] = packed([total.of("1") for total in sums], self.units, None)
        if any(param is None for param in weights.values()):
            return None
        return {name: param for name, param in weights.items() if param is not None}
