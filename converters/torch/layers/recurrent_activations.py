"""Activations as something that can be called: what layers with chosen functions get in their constructor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from converters.torch.rules import rules
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops import activation as ops
from porter.graph.ops.op import Op
from porter.graph.ops.recurrent import SIGMOID, TANH
from porter.source.code import Call, Expression, Name, call
from porter.writing.forms import Inline

Callables = Mapping[type[Op], Callable[[Any], Expression | None]]

MODULES: Callables = {
    ops.Relu: lambda op: (
        call("nn.LeakyReLU", op.negative_slope)
        if op.negative_slope and op.threshold == 0 and op.max_value is None
        else None
    ),
    ops.Elu: lambda op: call("nn.ELU", op.alpha) if op.alpha != 1 else None,
    ops.Celu: lambda op: call("nn.CELU", op.alpha) if op.alpha != 1 else None,
    ops.Gelu: lambda op: call("nn.GELU", approximate="tanh") if op.approximate else None,
    ops.HardShrink: lambda op: call("nn.Hardshrink", op.threshold),
    ops.SoftShrink: lambda op: call("nn.Softshrink", op.threshold),
    ops.Threshold: lambda op: call("nn.Threshold", op.threshold, op.value),
    ops.Softmax: lambda op: call("nn.Softmax", dim=op.axis),
    ops.LogSoftmax: lambda op: call("nn.LogSoftmax", dim=op.axis),
}
"""Where the plain function wants more than its input: the module that holds the rest, else None."""


USUAL: Mapping[str, Op] = {"activation": TANH, "recurrent_activation": SIGMOID}
"""What the constructors take for granted."""


def functions(node: Node, **told: Op | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The functions that are not the usual ones, as constructor arguments, and the snippets they need."""
    settings: dict[str, Any] = {}
    helpers: tuple[str, ...] = ()
    for key, op in told.items():
        if op != USUAL[key]:
            settings[key], needed = _function(op, node)
            helpers += needed
    return settings, helpers


def _function(op: Op | None, node: Node) -> tuple[Expression, tuple[str, ...]]:
    if op is None:
        return call("nn.Identity"), ()
    module = MODULES.get(type(op), lambda op: None)(op)
    if module is not None:
        return module, ()
    x = Name("x")
    rule = rules.writing.get(type(op))
    form = rule(op, node) if callable(rule) else None
    written = form.build(x) if isinstance(form, Inline) else None
    if not isinstance(written, Call) or written.args != (x,) or written.kwargs:
        raise UnsupportedModel(f"{node.origin}: torch has no function for {op} inside a recurrent layer")
    assert isinstance(form, Inline)
    return written.func, form.helpers
