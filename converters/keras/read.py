"""A saved Keras model, as plain values, read into the neutral graph by the layer rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from converters.keras.dtypes import compute_dtype, is_float
from converters.keras.layer import Context, LayerCall
from converters.keras.legacy.conventions import TENSORFLOW, Conventions
from converters.keras.masks import TAKES_MASKS, carry_masks
from converters.keras.operation import is_keras_operation, is_operation
from converters.keras.rules import rules
from converters.keras.run_order import run_order
from converters.keras.settings import misfits
from converters.keras.spec import Call, LayerSpec, ModelSpec, TensorRef
from converters.keras.values import flat
from converters.keras.variables import Variables
from porter.dataclass import dataclass
from porter.errors import FAULTS, GraphError, Problem, SourceError, UnsupportedModel
from porter.graph.builder import Builder
from porter.graph.check import check
from porter.graph.dims import BATCH, Dim, Sym
from porter.graph.model import Graph, Origin, Scope, Spec, Value
from porter.rules import Rule, Unsupported

Outputs = tuple[Value, ...]
Rules = Mapping[str, Rule]
Made = dict[tuple[str, int], Outputs | None]
T = TypeVar("T")

KERAS_MODULES = frozenset({"keras", "keras_core", "tensorflow", "tf_keras"})
NO_POLICY = frozenset({"InputLayer", "Embedding"})
"""Classes that do not cast their inputs, whatever their policy says."""

BY_NAME = frozenset({"Lambda", "LambdaMerge"})
"""Classes that say nothing of what their layers compute: custom rules may be for one layer, by its name."""


@dataclass(frozen=True)
class _Where:
    path: tuple[str, ...] = ()
    scopes: tuple[Scope, ...] = ()
    trainable: bool = True


@dataclass(frozen=True)
class Reading:
    """A graph whose variables still wait for their arrays."""

    graph: Graph
    variables: Variables
    notices: tuple[str, ...]


def read(
    model: ModelSpec,
    *,
    generation: int = 3,
    conventions: Conventions = TENSORFLOW,
    custom: Rules | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    policy: str | None = None,
) -> Reading:
    """The graph of `model`; every layer that cannot be read is reported in one error."""
    found, problems = read_in_part(
        model,
        generation=generation,
        conventions=conventions,
        custom=custom,
        input_shapes=input_shapes,
        policy=policy,
    )
    if problems:
        raise UnsupportedModel(f"{len(problems)} layer(s) of {model.name!r} cannot be converted", problems)
    return found


def read_in_part(
    model: ModelSpec,
    *,
    generation: int = 3,
    conventions: Conventions = TENSORFLOW,
    custom: Rules | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    policy: str | None = None,
) -> tuple[Reading, tuple[Problem, ...]]:
    """As much of the graph as can be read, and why the rest cannot; then its ends are its outputs."""
    context = Context(Builder(), Variables(), generation=generation, conventions=conventions, policy=policy)
    reader = _Reader(context, custom or {}, input_shapes or {})
    inputs = reader.inputs(model)
    context.inputs = inputs
    outputs = tuple(value for value in reader.model(model, inputs, _Where()) if value is not None)
    names = tuple(ref.layer for ref in _refs(model.outputs))
    if reader.problems:
        used = {value for node in context.builder.nodes for value in node.inputs}
        made = [value for node in context.builder.nodes for value in node.outputs]
        outputs, names = tuple(value for value in made if value not in used), ()
    graph = context.builder.graph(model.name, inputs, outputs, names)
    reading = Reading(check(graph, "reading"), context.variables, tuple(context.notices))
    return reading, tuple(reader.problems)


class _Reader:
    def __init__(self, context: Context, custom: Rules, shapes: Mapping[str, Sequence[int]]) -> None:
        self.context, self.custom, self.shapes = context, custom, shapes
        self.problems: list[Problem] = []
        context.apply = self.wrapped

    def inputs(self, model: ModelSpec) -> Outputs:
        layers = {layer.name: layer for layer in model.layers}
        return tuple(self._input(layers[ref.layer], place) for place, ref in enumerate(model.inputs))

    def _input(self, layer: LayerSpec, place: int) -> Value:
        told = self.shapes.get(layer.name) or (self.shapes.get("") if place == 0 else None)
        shape = [None, *told[1:]] if told is not None else layer.config.get("batch_shape")
        if shape is None:
            raise SourceError(
                f"layer {layer.name!r}: the file does not record the shape of the model's input; "
                f"give it with --input-shape {layer.name}=1,..."
            )
        spatial = {1: "t"} if len(shape) == 3 else {1: "h", 2: "w", 3: "c"}
        suffix = str(place) if place else ""
        rows = shape[0] if layer.config.get("static_batch") else None
        dims: list[Dim] = [BATCH if rows is None else int(rows)]
        for axis, size in enumerate(shape[1:], 1):
            dims.append(int(size) if size is not None else Sym(spatial.get(axis, f"s{axis}") + suffix))
        policy = self.context.policy
        dtype = compute_dtype(layer.config.get("dtype"), policy)
        return Value(layer.name, Spec(tuple(dims), dtype))

    def model(self, model: ModelSpec, inputs: Sequence[Value], where: _Where) -> tuple[Value | None, ...]:
        """The outputs of a model (or nested model) on `inputs`; None for what could not be read."""
        made: Made = {}
        for ref, value in zip(model.inputs, inputs, strict=True):
            made[ref.layer, ref.call] = (value,)
        waiting = [call for call in self._in_order(model) if (call[0].name, call[1]) not in made]
        inside = replace(where, trainable=where.trainable and model.trainable)
        while waiting:
            late = []
            for layer, number in waiting:
                if _ready(layer.calls[number], made):
                    made[layer.name, number] = self._call(layer, number, made, inside)
                else:
                    late.append((layer, number))
            if len(late) == len(waiting):
                names = ", ".join(sorted({layer.name for layer, _ in late})[:5])
                raise SourceError(
                    f"model {model.name!r}: layers wait for one another or for nothing: {names}"
                )
            waiting = late
        # who uses a nested model's outputs numbers them in Keras's order, which sorts dictionaries
        ends = flat(model.outputs) if where.path else _refs(model.outputs)
        return tuple(_output(made[ref.layer, ref.call], ref) for ref in ends)

    def _call(self, layer: LayerSpec, number: int, made: Made, where: _Where) -> Outputs | None:
        layer, call = self._placed(layer), layer.calls[number]
        if any(made[ref.layer, ref.call] is None for ref in _refs((call.args, dict(call.kwargs)))):
            if number == 0:  # what it depends on is reported; that its class is unknown is told as well
                self._note_unknown(layer, where.path)
            return None
        path = (*where.path, layer.name)
        try:
            args = tuple(_resolve(arg, made) for arg in call.args)
            kwargs = {name: _resolve(arg, made) for name, arg in call.kwargs.items()}
            trainable = where.trainable and bool(layer.config.get("trainable", True))
            first = args[0] if args else kwargs
            inputs = tuple(_values(first if layer.model is None else _by_name(layer.model, first)))
            given = LayerCall(
                self.context, layer, path, inputs, args, kwargs, trainable=trainable, number=number
            )
            return self.apply(given, where.scopes, number)
        except (UnsupportedModel, GraphError) as problem:
            label = f"{'/'.join(path)} ({layer.class_name})"
            self.problems += getattr(problem, "problems", ()) or [Problem(label, str(problem))]
            return None

    def _in_order(self, model: ModelSpec) -> list[tuple[LayerSpec, int]]:
        """Every call: as the file has them, or as Keras runs them where one changes what others see."""
        calls = [(layer, number) for layer in model.layers for number in range(len(layer.calls))]
        if self.context.generation > 2 and any(layer.class_name in TAKES_MASKS for layer in model.layers):
            places = {key: place for place, key in enumerate(run_order(model))}
            calls.sort(key=lambda call: places.get((call[0].name, call[1]), len(places)))
        return calls

    def _placed(self, layer: LayerSpec) -> LayerSpec:
        """A whole-model .h5 of Keras 3 names a function like a layer, without a module. A layer gets one
        argument, and says whether it is trainable."""
        alike = any(len(call.args) > 1 for call in layer.calls) or "trainable" not in layer.config
        bare = layer.module is None and layer.model is None and self.context.generation > 2
        if bare and alike and ("ops", layer.class_name) in rules.reading:
            return replace(layer, module="keras.ops")
        return layer

    def _note_unknown(self, layer: LayerSpec, above: tuple[str, ...]) -> None:
        layer, path = self._placed(layer), (*above, layer.name)
        for inner in layer.model.layers if layer.model is not None else ():
            self._note_unknown(inner, path)
        if layer.model is not None or layer.class_name in self.custom or _plain_name(layer) in self.custom:
            return
        try:
            self._rule(LayerCall(self.context, layer, path, ()))
        except UnsupportedModel as problem:
            self.problems += problem.problems

    def apply(self, given: LayerCall, scopes: tuple[Scope, ...], number: int) -> Outputs | None:
        """One call of one layer, whether a rule reads it or it is itself a model."""
        layer = given.spec
        if layer.model is not None:
            scope = Scope(layer.name, layer.model.name, number)
            inside = _Where(given.path, (*scopes, scope), given.trainable)
            results = self.model(layer.model, given.inputs, inside)
            known = tuple(value for value in results if value is not None)
            return known if len(known) == len(results) else None
        self.context.builder.origin = Origin(layer.name, layer.class_name, scopes)
        return self._read(given)

    def wrapped(self, given: LayerCall) -> Outputs:
        """A layer or model inside a wrapper, whose name its nodes bear."""
        layer, outer = given.spec, self.context.builder.origin
        if layer.model is None:
            return self._read(given)
        before = len(self.problems)
        scope = Scope(outer.layer, layer.model.name, given.number)
        results = self.model(
            layer.model, given.inputs, _Where(given.path, (*outer.scopes, scope), given.trainable)
        )
        self.context.builder.origin = outer
        if len(self.problems) > before:
            problems = self.problems[before:]
            del self.problems[before:]
            raise UnsupportedModel(f"the model in {given.path[-2]!r} cannot be converted", problems)
        return tuple(value for value in results if value is not None)

    def _read(self, given: LayerCall) -> Outputs:
        single = self.custom.get(given.spec.name) if given.spec.class_name in BY_NAME else None
        own = single or self.custom.get(given.spec.class_name) or self.custom.get(_plain_name(given.spec))
        if own is None:
            self._check(given)
        given = _cast_inputs(given)
        result = self._custom(own, given) if own is not None else self._rule(given)(given)
        outputs = result if isinstance(result, tuple) else (result,)
        carry_masks(given, outputs)
        return outputs

    def _check(self, given: LayerCall) -> None:
        """A config that no rule can work with is the file's fault."""
        self._rule(given)  # a class that is not known means what it likes by its settings
        wrong = misfits(given.spec)
        if wrong:
            raise given.refuse("; ".join(wrong))

    def _custom(self, rule: Rule, given: LayerCall) -> Any:
        """What a user's own rule gives; its nodes become a module of their own in the target."""
        builder, spec = self.context.builder, given.spec
        outer = builder.origin
        kind = _plain_name(spec)
        scope = Scope(outer.layer, kind, given.number)
        builder.origin = Origin("", kind, (*outer.scopes, scope))
        try:
            result = rule(given)
        except FAULTS as fault:
            raise given.refuse(f"its --custom rule failed with {type(fault).__name__}: {fault}") from fault
        finally:
            builder.origin = outer
        values = result if isinstance(result, tuple) else (result,)
        if not values or not all(isinstance(value, Value) for value in values):
            raise given.refuse(
                f"its --custom rule must return a value or a tuple of values, it returned {result!r}"
            )
        return result

    def _rule(self, given: LayerCall) -> Rule:
        name = given.spec.class_name
        key: object = ("ops", name) if is_keras_operation(given.spec) else name
        rule = rules.reading.get(key) if not _foreign(given.spec) else None
        if rule is None:
            hint = "say what it computes with --custom FILE.py (docs/custom.md)"
            raise given.refuse("this class is not known", hint)
        if isinstance(rule, Unsupported):
            raise given.refuse(rule.because, rule.hint)
        return rule


def _plain_name(spec: LayerSpec) -> str:
    """A class's name without the package that it is registered in: `mine>Gate` is Gate."""
    return spec.class_name.rpartition(">")[2]


def _foreign(spec: LayerSpec) -> bool:
    """Whether a class is somebody's own, though it may be named as one of Keras's."""
    registered, module = spec.registered_name or "", spec.module or "keras"
    return ">" in registered or module.split(".")[0] not in KERAS_MODULES


def _cast_inputs(given: LayerCall) -> LayerCall:
    """Keras casts floating inputs to the type in which the layer computes."""
    dtype = compute_dtype(given.config.get("dtype"), given.context.policy)
    if not given.config.get("autocast", True) or not is_float(dtype) or given.spec.class_name in NO_POLICY:
        return given
    if is_operation(given.spec):
        return given
    casts = {
        value: given.cast(value, dtype)
        for value in given.inputs
        if is_float(value.dtype) and value.dtype != dtype
    }
    masks = given.context.masks
    masks.update({new: masks[old] for old, new in casts.items() if old in masks})

    def swap(item: Any) -> Any:
        return casts.get(item, item) if isinstance(item, Value) else item

    return replace(
        given,
        inputs=tuple(swap(value) for value in given.inputs),
        args=tuple(_mapped(arg, swap) for arg in given.args),
        kwargs={name: _mapped(arg, swap) for name, arg in given.kwargs.items()},
    )


def _by_name(model: ModelSpec, given: Any) -> Any:
    """What a nested model is given, in the order of its inputs; a dictionary names them, or is sorted."""
    if not isinstance(given, Mapping):
        return given
    by_layer = [ref.layer for ref in model.inputs]
    return [given[name] for name in (by_layer if set(by_layer) == set(given) else sorted(given, key=str))]


def _ready(call: Call, made: Made) -> bool:
    return all((ref.layer, ref.call) in made for ref in _refs((call.args, dict(call.kwargs))))


def _output(outputs: Outputs | None, ref: TensorRef) -> Value | None:
    if outputs is None:
        return None
    if ref.output >= len(outputs):
        raise SourceError(f"output {ref.output} of layer {ref.layer!r} is used; it has {len(outputs)}")
    return outputs[ref.output]


def _resolve(item: Any, made: Made) -> Any:
    return _mapped(
        item,
        lambda leaf: _output(made[leaf.layer, leaf.call], leaf) if isinstance(leaf, TensorRef) else leaf,
    )


def _mapped(item: Any, change: Callable[[Any], Any]) -> Any:
    """A nest of lists, tuples and dicts with every leaf changed."""
    if isinstance(item, (list, tuple)):
        return type(item)(_mapped(part, change) for part in item)
    if isinstance(item, Mapping):
        return {name: _mapped(part, change) for name, part in item.items()}
    return change(item)


def _leaves(item: Any, kind: type[T]) -> Iterator[T]:
    if isinstance(item, kind):
        yield item
    elif isinstance(item, (list, tuple)):
        for part in item:
            yield from _leaves(part, kind)
    elif isinstance(item, Mapping):
        for part in item.values():
            yield from _leaves(part, kind)


def _refs(item: Any) -> Iterator[TensorRef]:
    return _leaves(item, TensorRef)


def _values(item: Any) -> Iterator[Value]:
    return _leaves(item, Value)
