"""Bidirectional: a recurrent layer and its mirror image, and the ways to merge what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from converters.keras.layer import LayerCall
from converters.keras.layers.recurrent import (
    Given,
    Ran,
    add,
    arguments,
    dropped,
    finished,
    flag,
    gaps,
    steps,
    walk,
)
from converters.keras.rules import rules
from converters.keras.spec import LayerSpec
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.recurrent import AnyRecurrent
from porter.graph.ops.reshaping import Concat, Flip, Slice

Merge = Callable[[LayerCall, Value, Value], Value]


def _average(layer: LayerCall, ahead: Value, back: Value) -> Value:
    total = layer.add(Binary("add"), ahead, back)
    return layer.add(Binary("divide"), total, layer.constant(2.0, total.dtype))


MERGES: Mapping[str, Merge] = {
    "concat": lambda layer, ahead, back: layer.add(Concat(-1), ahead, back),
    "sum": lambda layer, ahead, back: layer.add(Binary("add"), ahead, back),
    "mul": lambda layer, ahead, back: layer.add(Binary("multiply"), ahead, back),
    "ave": _average,
}


@rules.reads("Bidirectional")
def read_bidirectional(layer: LayerCall) -> tuple[Value, ...]:
    ahead, back = _two(layer)
    given = arguments(layer)
    twin = _twin(layer, ahead, back, given)
    halves, states, whole = twin or _apart(layer, ahead, back, given)
    mode = layer.config.get("merge_mode", "concat")
    if mode is not None and mode not in MERGES:
        raise layer.refuse(f"its merge mode {mode!r} is not known")
    outputs: tuple[Value, ...]
    if mode == "concat" and whole is not None:
        outputs = (whole,)
    else:
        with nullcontext() if twin else layer.part("merged"):
            pair = halves()
            outputs = pair if mode is None else (MERGES[mode](layer, *pair),)
    ends = states if flag(ahead, "return_state") else ()
    return finished(layer, (*outputs, *ends), given, lead=len(outputs))


Halves = Callable[[], tuple[Value, Value]]
Both = tuple[Halves, tuple[Value, ...], Value | None]


def _two(layer: LayerCall) -> tuple[LayerCall, LayerCall]:
    """The two wrapped layers; files of older versions hold the first only."""
    told, mirrored = layer.config["layer"], layer.config.get("backward_layer")
    if not isinstance(told, LayerSpec):
        raise layer.refuse("its wrapped layer is missing")
    if not isinstance(mirrored, LayerSpec):
        mirrored = replace(told, config={**told.config, "go_backwards": not told.config.get("go_backwards")})
    ahead = layer.inner(told, "forward_layer", layer.inputs)
    return ahead, layer.inner(mirrored, "backward_layer", layer.inputs)


def _twin(layer: LayerCall, ahead: LayerCall, back: LayerCall, given: Given) -> Both | None:
    """Both walks as one op, where they differ in nothing but their weights and direction."""
    if flag(ahead, "go_backwards") or not flag(back, "go_backwards"):
        return None
    pair = (steps(ahead), steps(back))
    if any(len(cells) > 1 for cells in pair):
        return None
    (first, second) = (rule(call, given.x) for ((_, call, rule),) in pair)
    if first.op != second.op or not isinstance(first.op, AnyRecurrent):
        return None
    params: dict[str, Any] = {**first.params}
    params.update({f"{name}_reverse": param for name, param in second.params.items()})
    cell = replace(first, op=replace(first.op, both=True), params=params)
    given = replace(given, x=dropped(layer, pair[0][0][1], given.x, twice=True))
    ran = add(layer, cell, given, gaps(ahead, bidirectional=True))
    (whole, *_) = ran.outputs(flag(ahead, "return_sequences"), False)

    def halves() -> tuple[Value, Value]:
        lead, units = ((None, None, 1),) * (whole.rank - 1), cell.op.units
        left = layer.add(Slice((*lead, (None, units, 1))), whole)
        return left, layer.add(Slice((*lead, (units, None, 1))), whole)

    return halves, ran.states, whole


def _apart(layer: LayerCall, ahead: LayerCall, back: LayerCall, given: Given) -> Both:
    """Two ops; what the second gives in its own order of steps is turned round."""
    half = len(given.states) // 2
    rows = (
        (ahead, "forward_layer", given.states[:half]),
        (back, "backward_layer", given.states[half:]),
    )
    rans: list[Ran] = []
    outputs: list[Value] = []
    for call, name, states in rows:
        with layer.part(name):
            layer.builder.origin = replace(layer.builder.origin, kind=call.spec.class_name)
            own = Given(given.x, given.mask, states)
            own = own.backwards(layer) if flag(call, "go_backwards") else own
            rans.append(walk(layer, call, own, gaps(call, bidirectional=True)))
            (output,) = rans[-1].outputs(flag(ahead, "return_sequences"), False)
            outputs.append(output)
    left, right = outputs
    if flag(ahead, "return_sequences"):
        with layer.part("backward_layer"):
            right = layer.add(Flip((1,)), right)
    return lambda: (left, right), (*rans[0].states, *rans[1].states), None
