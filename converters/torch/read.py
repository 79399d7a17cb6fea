"""An exported program to the neutral graph, call by call, by the reading rules."""

from __future__ import annotations

from typing import Any

from converters.torch.call import Context, OpCall
from converters.torch.pairs import REAL, Pair, parts_of_held, rule_for_pairs, takes_pairs
from converters.torch.rules import rule_for
from converters.torch.scopes import homes, origins
from converters.torch.spec import Call, Held, Meta, Program, Result
from porter.dataclass import dataclass
from porter.errors import GraphError, Problem, UnsupportedModel
from porter.graph.check import check
from porter.graph.dims import may_equal
from porter.graph.model import Graph, Origin, Param, Spec, Value
from porter.graph.ops.elementwise import Unary
from porter.graph.ops.reshaping import Reshape
from porter.graph.ops.sources import Constant
from porter.reading import share_steps
from porter.rules import Rule, Unsupported
from porter.weights.tensor import Tensor


@dataclass(frozen=True)
class Failed:
    """Stands for a result that could not be read: what uses it is not reported again."""


def read(program: Program) -> Graph:
    """The graph of a program; all calls that cannot be carried are listed at once."""
    return _Reader(program).graph()


class _Reader:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.context = Context()
        self.origins, self.homes = origins(program), homes(program)
        self.problems: list[Problem] = []

    def graph(self) -> Graph:
        made, builder = self.context.made, self.context.builder
        for entry in self.program.inputs:
            if entry.meta.dtype in REAL:
                raise UnsupportedModel(
                    f"input {entry.name!r} is complex: give the model its parts, and torch.complex inside"
                )
            value = Value(entry.name, Spec(entry.meta.shape, entry.meta.dtype))
            made[entry.name] = value
            self.context.inputs.append(value)
        for held in self.program.held:
            made[held.name] = self._held(held)
        for call in self.program.calls:
            self._take(call)
        if self.problems:
            count = len(self.problems)
            raise UnsupportedModel(
                f"{count} call(s) of {self.program.name!r} cannot be converted", self.problems
            )
        outputs = self._outputs()
        graph = builder.graph(self.program.name, self.context.inputs, outputs, self.program.output_names)
        return check(share_steps(graph), "reading")

    def _held(self, held: Held) -> Value | Pair:
        """A tensor of the module as a value; a layer that takes it as a weight does without the value."""
        if held.tensor.dtype not in REAL:
            return self._constant(held, held.tensor, "")
        real, imaginary = parts_of_held(held.tensor)
        return Pair(self._constant(held, real, "_real"), self._constant(held, imaginary, "_imag"))

    def _constant(self, held: Held, tensor: Tensor, ending: str) -> Value:
        _path, _, name = held.tensor.key.rpartition(".")
        home = self.homes.get(held.name, ())
        if held.written and tensor.dtype != "bfloat16":
            self.context.builder.origin = Origin("number", "Constant", home)
            return self.context.builder.constant(tensor.read())
        self.context.builder.origin = Origin(name + ending, "Parameter", home, held.tensor.key + ending)
        op = Constant(tensor.shape, tensor.dtype)
        (value,) = self.context.add(
            op, params={"value": Param(tensor, held.trainable, held.tensor.key + ending)}
        )
        return value

    def _take(self, call: Call) -> None:
        if not isinstance(call.result, (Meta, tuple)) and not call.changes:
            self.context.made[call.name] = call.result  # a size
            return
        self.context.builder.origin = self.origins[call.name]
        try:
            given = OpCall(self.context, call)
            if call.operator == "getitem":
                made = given["0"]
                self.context.made[call.name] = made if isinstance(made, Failed) else made[given["1"]]
                return
            if _has_failed(given.args):
                self.context.made[call.name] = Failed()
                return
            found = self._rule(given)(given)
            self.context.made[call.name] = _settled(given, found, call.result)
            self._overwrite(call)
        except UnsupportedModel as problem:
            self.problems += problem.problems or [Problem(call.line, problem.message)]
            self.context.made[call.name] = Failed()

    def _overwrite(self, call: Call) -> None:
        """After `x.add_(y)`, the name x means the sum."""
        for argument in call.changes[:1]:
            target = call.args[argument]
            self.context.made[target.name] = self.context.made[call.name]

    def _rule(self, call: OpCall) -> Rule:
        spec = call.spec
        if takes_pairs(call):
            return rule_for_pairs(call)
        rule = rule_for(spec.target, bool(spec.changes))
        if rule is None:
            raise call.refuse("this operator is not known")
        if isinstance(rule, Unsupported):
            raise call.refuse(rule.because, rule.hint)
        return rule

    def _tensor(self, number: Value) -> Value:
        """A number that stands in the code, as a tensor."""
        known = self.context.known(number)
        assert known is not None
        held = self.context.builder.constant(known[None])
        (value,) = self.context.builder.add(Reshape(()), held)
        return value

    def _outputs(self) -> list[Value]:
        """The outputs; an input that is returned as it is, and a value returned twice, are given names of
        their own."""
        outputs: list[Value] = []
        for ref in self.program.outputs:
            value = self.context.made[ref.name]
            if isinstance(value, Failed):
                raise UnsupportedModel(
                    f"output {len(outputs)} is a result that is not carried, beside another of its operator "
                    f"that is: leave {ref.name!r} out"
                )
            if isinstance(value, Pair):
                raise UnsupportedModel(f"output {len(outputs)} is complex: return torch.view_as_real of it")
            if isinstance(value, Value) and not value.rank and self.context.known(value) is not None:
                value = self._tensor(value)
            if value in outputs or value in self.context.inputs:
                (value,) = self.context.add(Unary("identity"), value)
            outputs.append(value)
        return outputs


def _has_failed(thing: Any) -> bool:
    if isinstance(thing, dict):
        return any(map(_has_failed, thing.values()))
    return any(map(_has_failed, thing)) if isinstance(thing, tuple) else isinstance(thing, Failed)


def _settled(call: OpCall, found: Any, result: Result) -> Any:
    """What a rule gave, in the type that torch gives it; another shape than torch's is a bug."""
    if isinstance(result, tuple):
        if not isinstance(found, (tuple, list)) or len(found) > len(result):
            raise GraphError(f"{call.spec.target} gives {len(result)} results, its rule {found!r:.80}")
        whole = (*found, *(Failed() for _ in range(len(result) - len(found))))
        return tuple(_settled(call, one, meta) for one, meta in zip(whole, result, strict=True))
    if not isinstance(found, Value) or not isinstance(result, Meta):
        return found
    same = len(found.shape) == len(result.shape) and all(map(may_equal, found.shape, result.shape))
    if not same:
        raise GraphError(f"{call.where}: {call.spec.target} gives {result.shape}, its rule {found.shape}")
    return call.cast(found, result.dtype)
