"""LSTM, GRU, SimpleRNN and RNN over cells: one walk over a sequence, or a stack of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from converters.keras.layer import LayerCall
from converters.keras.layers.recurrent_cells import CELLS, Cell, CellRule
from converters.keras.rules import rules
from converters.keras.spec import LayerSpec
from porter.dataclass import dataclass
from porter.graph.model import Param, Value
from porter.graph.ops.elementwise import Cast, Dropout
from porter.graph.ops.recurrent import AnyRecurrent, Gaps
from porter.graph.ops.reshaping import Flip, Transpose

Values = tuple[Value, ...]


@dataclass(frozen=True)
class Given:
    """What a recurrent layer is called with, batch first."""

    x: Value
    mask: Value | None
    states: Values = ()
    passed: Value | None = None  # the mask that a sequence of outputs keeps, in the caller's order of axes

    def backwards(self, layer: LayerCall) -> Given:
        """The same in reversed time."""
        mask = None if self.mask is None else layer.add(Flip((1,)), self.mask)
        return Given(layer.add(Flip((1,)), self.x), mask, self.states, self.passed)


@dataclass(frozen=True)
class Ran:
    """All outputs, the output at the walk's last step, and the states after it."""

    sequence: Value
    last: Value
    states: Values

    def outputs(self, sequences: bool, state: bool) -> Values:
        """What the layer returns."""
        return (self.sequence if sequences else self.last, *(self.states if state else ()))


@rules.reads(*CELLS.keys() - {"SimpleRNNCell", "LSTMCell", "GRUCell"}, "RNN")
def read_recurrent(layer: LayerCall) -> Values:
    given = arguments(layer)
    sequences = flag(layer, "return_sequences")
    walked = given.backwards(layer) if flag(layer, "go_backwards") else given
    ran = walk(layer, layer, walked, gaps(layer))
    return finished(layer, ran.outputs(sequences, flag(layer, "return_state")), given)


def flag(layer: LayerCall, key: str) -> bool:
    """A yes or no of the config; no if it is missing."""
    return bool(layer.config.get(key, False))


def arguments(layer: LayerCall) -> Given:
    """The sequence, its mask and the initial states, wherever the call has them."""
    named = dict(zip(("initial_state", "mask"), layer.args[1:3], strict=False)) | dict(layer.kwargs)
    if named.get("constants"):
        raise layer.refuse("constants for its cell are not carried", "map the layer with --custom FILE.py")
    x = layer.inputs[0]
    states = tuple(_leaves(named.get("initial_state")))
    told = named.get("mask")
    passed = told if isinstance(told, Value) else layer.mask
    # Keras 3 looks for the mask of its input only where that is the call's only tensor
    mask = passed
    if passed is not None and passed is not told and states and layer.context.generation >= 3:
        mask = None
        notice(layer, "Keras 3 does not apply its mask where initial states are given; nor does this model")
    if mask is not None and mask.dtype != "bool":
        mask = layer.add(Cast("bool"), mask)
    if _time_major(layer):
        x = layer.add(Transpose((1, 0, *range(2, x.rank))), x)
        mask = None if mask is None else layer.add(Transpose((1, 0)), mask)
    if flag(layer, "stateful") or any(flag(wrapped, "stateful") for wrapped in _wrapped(layer)):
        notice(layer, "it is stateful; in the converted model every call starts from zeros")
    return Given(x, mask, states, passed)


def notice(layer: LayerCall, text: str) -> None:
    """Tell the user something that holds for this layer."""
    layer.context.notices.append(f"{'/'.join(layer.path)}: {text}")


def _wrapped(layer: LayerCall) -> list[LayerCall]:
    told = layer.config.get("layer")
    return [layer.inner(told, "forward_layer", layer.inputs)] if isinstance(told, LayerSpec) else []


def _time_major(layer: LayerCall) -> bool:
    return any(flag(one, "time_major") for one in (layer, *_wrapped(layer)))


def _leaves(item: Any) -> Iterator[Value]:
    if isinstance(item, Value):
        yield item
    elif isinstance(item, (list, tuple)):
        for part in item:
            yield from _leaves(part)


def gaps(layer: LayerCall, bidirectional: bool = False) -> Gaps:
    """What the layer shows at masked steps, in which Keras before TensorFlow took it over was different."""
    modern = layer.context.generation >= 3 or "time_major" in layer.config
    if bidirectional and modern:
        return "zeros" if flag(layer, "return_sequences") else "repeat"
    if flag(layer, "zero_output_for_mask"):
        return "zeros"
    return "repeat" if modern or flag(layer, "unroll") else "state"


def steps(layer: LayerCall) -> list[tuple[str, LayerCall, CellRule]]:
    """The layer's cells from the input on: name, the call that asks for its weights, its rule."""
    told = layer.config.get("cell")
    inner = [layer.inner(told, "cell", layer.inputs)] if isinstance(told, LayerSpec) else []
    if inner and inner[0].spec.class_name == "StackedRNNCells":
        members = inner[0].config["cells"]
        stack = replace(inner[0], attribute=(*inner[0].attribute, "cells"))
        inner = [stack.inner(spec, str(place), layer.inputs) for place, spec in enumerate(members)]
    elif not inner:
        inner = [replace(layer, attribute=(*layer.attribute, "cell"))]
    found = []
    for call in inner:
        rule = CELLS.get(call.spec.class_name)
        if rule is None:
            raise layer.refuse(
                f"its cell {call.spec.class_name} is not known", "map the layer with --custom FILE.py"
            )
        found.append((call.spec.name, call, rule))
    return found


def walk(outer: LayerCall, layer: LayerCall, given: Given, shown: Gaps) -> Ran:
    """One walk over the sequence: each cell of a stack takes the whole sequence of the one before.

    A masked step leaves all states of a stack as they are, so that what an inner cell shows there is of no
    consequence. `outer` is the layer of the model, `layer` the one with the cells.
    """
    cells = steps(layer)
    states = list(given.states)
    if flag(cells[0][1], "reverse_state_order"):
        raise layer.refuse("states in reversed order are not carried")
    x, ran = given.x, None
    ends: list[Value] = []
    for name, call, rule in cells:
        cell = rule(call, x)
        own = tuple(states.pop(0) for _ in range(cell.op.STATES)) if states else ()
        with outer.part(name) if len(cells) > 1 else nullcontext():
            ran = add(outer, cell, Given(dropped(outer, call, x), given.mask, own), shown)
        x = ran.sequence
        ends += ran.states
    assert ran is not None
    return Ran(ran.sequence, ran.last, tuple(ends))


def dropped(outer: LayerCall, call: LayerCall, x: Value, twice: bool = False) -> Value:
    """The input after the dropout of the cell's config: one draw for all steps, as Keras makes it."""
    rate, recurrent = (float(call.config.get(key) or 0) for key in ("dropout", "recurrent_dropout"))
    if recurrent:
        notice(outer, "its recurrent_dropout, which acts in training only, is left out")
    if not rate:
        return x
    if twice or recurrent or call.config.get("implementation") == 1 or "filters" in call.config:
        notice(outer, "its dropout, which acts in training only, is drawn once and not for each product")
    origin = outer.builder.origin
    outer.builder.origin = replace(origin, layer=f"{origin.layer}_dropout")
    x = outer.add(Dropout(rate, "dropout", (1,)), x)
    outer.builder.origin = origin
    return x


def add(layer: LayerCall, cell: Cell, given: Given, shown: Gaps) -> Ran:
    """The node for one cell."""
    masked, started = given.mask is not None, bool(given.states)
    shown = "repeat" if not masked or (shown == "state" and not started) else shown
    op = replace(cell.op, masked=masked, started=started, gaps=shown)
    mask = () if given.mask is None else (given.mask,)
    params: dict[str, Param] = dict(cell.params)
    sequence, last, *states = layer.builder.add(op, given.x, *mask, *given.states, params=params)
    # where they are the same, one value says so
    same = op.ends_in_state and not (isinstance(op, AnyRecurrent) and op.both)
    return Ran(sequence, states[0] if same else last, tuple(states))


def finished(layer: LayerCall, outputs: Sequence[Value], given: Given, lead: int = 1) -> Values:
    """The outputs with the caller's order of axes and with masks; from `lead` on they are states."""
    result = list(outputs)
    for place, value in enumerate(result[:lead]):
        sequence = value.rank == given.x.rank
        if sequence and _time_major(layer):
            value = layer.add(Transpose((1, 0, *range(2, value.rank))), value)
        if sequence and given.passed is not None:
            layer.context.masks[value] = given.passed
        result[place] = value
    return tuple(result)
