"""A traced program to the neutral graph, operation by operation, by the reading rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.jax.reading.call import PrimitiveCall
from converters.jax.reading.context import Context, Failed, Random
from converters.jax.reading.dims import shape_of
from converters.jax.reading.named import named_function
from converters.jax.reading.origins import Place, named
from converters.jax.rules import rules
from porter.dataclass import dataclass
from porter.errors import GraphError, Problem, UnsupportedModel
from porter.graph.check import check
from porter.graph.dims import may_equal
from porter.graph.model import Graph, Origin, Param, Spec, Value
from porter.graph.ops.elementwise import Cast, Unary
from porter.graph.ops.sources import Constant
from porter.reading import share_steps
from porter.rules import Rule, Unsupported
from porter.weights.tensor import Stored

INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Where a call keeps its program."""

CALLS = frozenset(
    """checkpoint closed_call core_call custom_jvp_call custom_vjp_call custom_vjp_call_jaxpr jit named_call
    pjit remat remat2 xla_call""".split()
)
"""Calls that are no more than what is inside them."""

HANDING = frozenset({"cond", "scan"})
"""Operations that hand what they are given to a program inside."""


@dataclass(frozen=True)
class Held:
    """An array of the model."""

    tensor: Stored
    trainable: bool


@dataclass(frozen=True)
class Program:
    """A model traced: its closed jaxpr, whose first inputs are the model's arrays."""

    name: str
    jaxpr: Any
    held: tuple[Held, ...]
    inputs: tuple[str, ...]
    outputs: tuple[int, ...]  # which results of the jaxpr are outputs of the model
    output_names: tuple[str, ...] = ()


def spec_of(aval: Any) -> Spec:
    """Shape and type of a traced value."""
    return Spec(shape_of(aval.shape), str(aval.dtype))


def read(program: Program) -> Graph:
    """The graph of a program; all operations that cannot be carried are listed at once."""
    return _Reader(program).graph()


class _Reader:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.context = Context()
        self.places: dict[int, Place] = {}  # by the identity of the mark that nodes carry
        self.marks: list[Origin] = []
        self.problems: dict[Problem, None] = {}
        self.constants: dict[int, Value] = {}

    def graph(self) -> Graph:
        jaxpr = self.program.jaxpr.jaxpr
        count = len(self.program.held)
        given: list[Any] = [self._held(held) for held in self.program.held]
        for name, var in zip(self.program.inputs, jaxpr.invars[count:], strict=True):
            value = Value(name, spec_of(var.aval))
            self.context.inputs.append(value)
            given.append(value)
        wanted = [jaxpr.outvars[place] for place in self.program.outputs]
        results = self._run(jaxpr, self.program.jaxpr.consts, given, Place(), wanted)
        if self.problems:
            count = len(self.problems)
            name = self.program.name
            raise UnsupportedModel(f"{count} operation(s) of {name!r} cannot be converted", [*self.problems])
        outputs = self._outputs(results)
        graph = self.context.builder.graph(
            self.program.name, self.context.inputs, outputs, self.program.output_names
        )
        return check(share_steps(named(graph, self.places)), "reading")

    def _held(self, held: Held) -> Value:
        self._mark(Place(key=held.tensor.key))
        param = Param(held.tensor, held.trainable, held.tensor.key)
        return self.context.one(Constant(held.tensor.shape, held.tensor.dtype), params={"value": param})

    def _mark(self, place: Place) -> None:
        mark = Origin(place.key or place.primitive)
        self.marks.append(mark)  # held, so that no other gets its identity
        self.places[id(mark)] = place
        self.context.builder.origin = mark

    def _outputs(self, results: Sequence[Any]) -> list[Value]:
        """The outputs; an input that is returned, and a value returned twice, get names of their own."""
        outputs: list[Value] = []
        for value in results:
            if value in outputs or value in self.context.inputs:
                value = self.context.one(Unary("identity"), value)
            outputs.append(value)
        return outputs

    # --- programs and calls in them

    def _run(
        self, jaxpr: Any, consts: Sequence[Any], given: Sequence[Any], place: Place, wanted: Sequence[Any]
    ) -> list[Any]:
        values: dict[Any, Any] = dict(zip(jaxpr.invars, given, strict=True))
        values.update(
            (var, self._constant(const)) for var, const in zip(jaxpr.constvars, consts, strict=True)
        )

        def value_of(atom: Any) -> Any:
            return self._literal(atom) if hasattr(atom, "val") else values[atom]

        for eqn in live(jaxpr, wanted):
            here = place.within(eqn)
            self._mark(here)
            inputs = [value_of(atom) for atom in eqn.invars]
            values.update(zip(eqn.outvars, self._taken(eqn, inputs, here), strict=True))
        return [value_of(atom) for atom in wanted]

    def _constant(self, const: Any) -> Value | Random:
        """An array that the program holds; one that is seen twice is one."""
        if str(const.dtype).startswith("key<"):
            return Random()
        if id(const) not in self.constants:
            self._mark(Place(primitive="constant"))
            numbers = np.array(const)
            if numbers.dtype.name == "bfloat16":
                value = self.context.one(
                    Cast("bfloat16"), self.context.builder.constant(numbers.astype("float32"))
                )
            else:
                value = self.context.builder.constant(numbers)
            self.constants[id(const)] = value
        return self.constants[id(const)]

    def _literal(self, literal: Any) -> Value:
        dtype = str(literal.aval.dtype)
        value = self.context.builder.constant(
            np.asarray(literal.val, "float32" if dtype == "bfloat16" else dtype)
        )
        return value if dtype == value.dtype else self.context.one(Cast(dtype), value)

    def _taken(self, eqn: Any, inputs: list[Any], place: Place) -> Sequence[Any]:
        nothing = [Failed() for _ in eqn.outvars]
        if any(isinstance(value, Failed) for value in inputs):
            return nothing
        try:
            name = eqn.primitive.name
            call = PrimitiveCall(
                self.context,
                name,
                eqn.params,
                tuple(inputs),
                tuple(spec_of(var.aval) for var in eqn.outvars),
                place.where,
                lambda inner, values: self._inner(inner, values, place),
            )
            if name == "porter_layer":
                return self._settled(call, self._layer(call))
            if name in CALLS:
                whole = named_function(call, eqn)
                if whole is not None:
                    return self._settled(call, whole)
                return self._inner(next(eqn.params[key] for key in INNER if key in eqn.params), inputs, place)
            rule = _rule(call)
            if name not in HANDING and any(isinstance(value, Random) for value in inputs):
                raise call.refuse("takes the state of a stream of random numbers")
            return self._settled(call, rule(call))
        except (UnsupportedModel, open_size()) as problem:
            found = getattr(problem, "problems", None) or [Problem(place.where, _told(problem, eqn))]
            self.problems.update(dict.fromkeys(found))
            return nothing

    def _layer(self, call: PrimitiveCall) -> Any:
        """A layer that was kept whole: its inputs first, then its arrays."""
        layer = call["layer"]
        count = len(call.inputs) - len(layer.arrays)
        weights = dict(zip(layer.arrays, call.inputs[count:], strict=True))
        inner = PrimitiveCall(
            self.context,
            f"flax.{layer.kind}",
            layer.settings,
            call.inputs[:count],
            call.outs,
            call.where,
            weights=weights,
        )
        return _rule(inner)(inner)

    def _inner(self, program: Any, values: Sequence[Any], place: Place) -> list[Any]:
        jaxpr = getattr(program, "jaxpr", program)
        consts = getattr(program, "consts", ())
        given = values[len(values) - len(jaxpr.invars) :]
        outer = self.context.builder.origin
        found = self._run(jaxpr, consts, given, place, jaxpr.outvars)
        self.context.builder.origin = outer
        return found

    def _settled(self, call: PrimitiveCall, found: Any) -> Sequence[Any]:
        """What a rule gave; a shape or type that JAX does not give is a bug of the rule."""
        made = found if isinstance(found, tuple) else (found,)
        for value, spec in zip(made, call.outs, strict=True):
            if isinstance(value, (Failed, Random)):
                continue
            same = len(value.shape) == spec.rank and all(map(may_equal, value.shape, spec.shape))
            if not same or value.dtype != spec.dtype:
                raise GraphError(f"{call.where}: {call.name} gives {spec}, its rule {value.spec}")
        return made


def _rule(call: PrimitiveCall) -> Rule:
    rule = rules.reading.get(call.name)
    if rule is None:
        raise call.refuse("this primitive is not known")
    if isinstance(rule, Unsupported):
        raise call.refuse(rule.because, rule.hint)
    return rule


def open_size() -> type[Exception]:
    """What JAX raises where a number is wanted of a size that only running the model tells."""
    from jax import errors

    found: type[Exception] = errors.InconclusiveDimensionOperation
    return found


def _told(problem: Exception, eqn: Any) -> str:
    if isinstance(problem, UnsupportedModel):
        return problem.message
    return f"{eqn.primitive.name}: needs a size that only running the model tells; --static-batch fixes it"


def live(jaxpr: Any, wanted: Sequence[Any]) -> list[Any]:
    """The equations that the wanted results depend on, in order."""
    needed = {atom for atom in wanted if not hasattr(atom, "val")}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if needed.intersection(eqn.outvars):
            kept.append(eqn)
            needed.update(atom for atom in eqn.invars if not hasattr(atom, "val"))
    return kept[::-1]
