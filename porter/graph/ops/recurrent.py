"""Layers that walk through a sequence `(n t c)`, in one direction or in both.

Inputs, in this order: the sequence; a mask `(n t)` if `masked`; the states before the first step if
`started`, those of the forward walk first. Outputs: the sequence of outputs `(n t u)`, the output at each
walk's last step `(n u)`, and the states after it. With `both`, a second set of parameters (`..._reverse`)
walks from the end to the start, and its outputs stand beside the first's, each at its own step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np

from porter.axes import Move
from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import Dim, may_equal, show
from porter.graph.layouts import Layout, Relaid, Request, fixed
from porter.graph.model import Spec
from porter.graph.ops.elementwise import Unary
from porter.graph.ops.op import Array, Arrays, Op
from porter.numerics import recurrent

Gaps = Literal["repeat", "zeros", "state"]
"""What stands at masked steps: the output before (zeros at first), zeros, or the state as it is."""

TANH, SIGMOID = Unary("tanh"), Unary("sigmoid")
Ran = tuple[Array, tuple[Array, ...]]


def both_ways(params: Mapping[str, str]) -> dict[str, str]:
    """Parameter axes for the forward walk, and optional ones for the reverse walk."""
    reverse = {f"{name.rstrip('?')}_reverse?": axes for name, axes in params.items()}
    return {**params, **reverse}


def ends_in_state(masked: bool, started: bool, gaps: Gaps) -> bool:
    """Whether the output at a walk's last step is always the first state after it."""
    return not masked or gaps == "state" or (gaps == "repeat" and not started)


@dataclass(frozen=True)
class _Recurrent(Op):
    """What all of them share; each step's function is an op without parameters, or None for identity."""

    STATES: ClassVar[int] = 1
    NUMERICS: ClassVar[Callable[..., Ran]]
    inputs: int
    units: int
    activation: Op | None = TANH
    both: bool = False
    masked: bool = False
    started: bool = False
    gaps: Gaps = "repeat"

    @property
    def walks(self) -> int:
        """How many walks there are: one, or two."""
        return 2 if self.both else 1

    @property
    def ends_in_state(self) -> bool:
        """Whether the output at the walk's last step is the first state after it."""
        return ends_in_state(self.masked, self.started, self.gaps)

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        x, *others = inputs
        if x.rank != 3 or not may_equal(x.shape[-1], self.inputs):
            raise GraphError(f"expects a sequence of {self.inputs} features, got {show(x.shape)}")
        states = self.walks * self.STATES
        wanted = int(self.masked) + states * int(self.started)
        if len(others) != wanted:
            raise GraphError(f"expects {wanted} inputs beside the sequence, got {len(others)}")
        for spec in others[int(self.masked) :]:
            if spec.rank != 2 or not may_equal(spec.shape[-1], self.units):
                raise GraphError(f"expects states of {self.units} numbers, got {show(spec.shape)}")
        batch, steps, _ = x.shape
        width: Dim = self.units * self.walks
        sequence, last = Spec((batch, steps, width), x.dtype), Spec((batch, width), x.dtype)
        return (sequence, last, *(Spec((batch, self.units), x.dtype) for _ in range(states)))

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x, *others = inputs
        walk: dict[str, Any] = {"zero_masked": self.gaps == "zeros", "state_shown": self.gaps == "state"}
        if self.masked:
            walk["mask"] = others.pop(0)
        sequences: list[Array] = []
        lasts: list[Array] = []
        ends: list[Array] = []
        for number in range(self.walks):
            reverse = number == 1
            start = others[number * self.STATES : (number + 1) * self.STATES]
            states = start if self.started else [None] * self.STATES
            own = [params.get(name + "_reverse" * reverse) for name in self.names()]
            run = type(self).NUMERICS
            sequence, end = run(x, *own, *states, reverse=reverse, **self.options(), **walk)
            sequences.append(sequence)
            lasts.append(sequence[:, 0 if reverse else -1])
            ends += end
        return (np.concatenate(sequences, axis=-1), np.concatenate(lasts, axis=-1), *ends)

    def options(self) -> dict[str, Any]:
        """What the kind's numerics are told beside weights and states."""
        return {"activation": applied(self.activation)}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The parameters of one walk."""
        return tuple(name.rstrip("?") for name in cls.PARAMS if not name.endswith("_reverse?"))

    def relayout(self, request: Request) -> Relaid:
        """A last axis whose parts lie in another order is taken in by the input weights."""
        layout = request.layouts[0]
        if set(layout.inner) != {2}:
            return fixed(self, request)
        move, sizes = layout.inner[2].move()
        before, after = str(move).split(" -> ")
        step = (Move.parse(f"g {before} -> g {after}"), sizes)
        plain = fixed(self, request)
        names = ["weight_ih", "weight_ih_reverse"][: self.walks]
        inputs = (Layout((0, 1, 2), layout.inner), *plain.inputs[1:])
        return replace(plain, inputs=inputs, params=dict.fromkeys(names, step))


def applied(op: Op | None) -> Any:
    """The function that an op without parameters stands for."""
    if op is None:
        return lambda x: x
    return lambda x: op.meaning((x,), {})[0]


@dataclass(frozen=True)
class SimpleRnn(_Recurrent):
    """h = activation(W_ih x + b_ih + W_hh h + b_hh)."""

    PARAMS: ClassVar[Mapping[str, str]] = both_ways(
        {"weight_ih": "u c", "weight_hh": "u h", "bias_ih?": "u", "bias_hh?": "u"}
    )
    NUMERICS: ClassVar[Callable[..., Ran]] = staticmethod(recurrent.simple_rnn)


@dataclass(frozen=True)
class _Gated(_Recurrent):
    """With gates, whose values are `recurrent_activation` of something."""

    recurrent_activation: Op | None = SIGMOID

    def options(self) -> dict[str, Any]:
        gates = {"recurrent_activation": applied(self.recurrent_activation)}
        return {**super().options(), **gates}


@dataclass(frozen=True)
class Lstm(_Gated):
    """Long short-term memory; states h and c. `numerics.recurrent.lstm` has the formula."""

    PARAMS: ClassVar[Mapping[str, str]] = both_ways(
        {
            "weight_ih": "({i f g o} u) c",
            "weight_hh": "({i f g o} u) h",
            "bias_ih?": "({i f g o} u)",
            "bias_hh?": "({i f g o} u)",
        }
    )
    STATES: ClassVar[int] = 2
    NUMERICS: ClassVar[Callable[..., Ran]] = staticmethod(recurrent.lstm)


@dataclass(frozen=True)
class Gru(_Gated):
    """Gated recurrent unit; `reset_after` tells on which side of the product the reset gate acts."""

    PARAMS: ClassVar[Mapping[str, str]] = both_ways(
        {
            "weight_ih": "({r z n} u) c",
            "weight_hh": "({r z n} u) h",
            "bias_ih?": "({r z n} u)",
            "bias_hh?": "({r z n} u)",
        }
    )
    NUMERICS: ClassVar[Callable[..., Ran]] = staticmethod(recurrent.gru)
    reset_after: bool = True

    def options(self) -> dict[str, Any]:
        return {**super().options(), "reset_after": self.reset_after}


AnyRecurrent = SimpleRnn | Lstm | Gru
