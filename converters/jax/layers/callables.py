"""Activations as something that can be called: what cells with chosen functions get in their constructor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.jax.rules import rules
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.op import Op
from porter.source.code import Call, Expression, Name, call
from porter.writing.forms import Inline

Told = tuple[str, Op | None, Op]
"""The constructor's argument, the function, and the usual one."""


def functions(node: Node, told: Sequence[Told]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The functions that are not the usual ones, as constructor arguments, and the snippets they need."""
    settings: dict[str, Any] = {}
    helpers: tuple[str, ...] = ()
    for key, op, usual in told:
        if op != usual:
            settings[key], needed = _function(op, node)
            helpers += needed
    return settings, helpers


def _function(op: Op | None, node: Node) -> tuple[Expression, tuple[str, ...]]:
    if op is None:
        return Name("nnx.identity"), ()
    x = Name("x")
    rule = rules.writing.get(type(op))
    form = rule(op, node) if callable(rule) else None
    written = form.build(x) if isinstance(form, Inline) else None
    if not isinstance(written, Call) or written.args != (x,):
        raise UnsupportedModel(f"{node.origin}: JAX has no function for {op} inside a recurrent layer")
    assert isinstance(form, Inline)
    settings = dict(written.kwargs)
    return call("partial", written.func, **settings) if settings else written.func, form.helpers
