"""Operators without a reading rule, spelled out in others by torch's own definitions of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from converters.torch.exporting import overwrites, quiet
from converters.torch.rules import rule_for
from porter.errors import FAULTS_OF_CALLS

DEEPEST = 4
"""How often what a definition is made of may need a definition itself."""


def spelled_out(program: Any) -> Any:
    """The program with others in the place of the operators that have no rule, as far as torch defines them.

    One operator after the other, so that one whose definition leads nowhere keeps its name, which is what
    the refusal tells.
    """
    leading_nowhere: set[Any] = set()
    for _ in range(DEEPEST):
        waiting = [one for one in _unknown(program) if one not in leading_nowhere]
        if not waiting:
            break
        for operator in waiting:
            spelled = _without(program, operator)
            if spelled is None:
                leading_nowhere.add(operator)
            else:
                program = spelled
    return program


def _without(program: Any, operator: Any) -> Any:
    """The program without this operator; None where torch has no definition, or none in ATen's operators."""
    plain = _plain(operator)
    definition = _definition(plain)
    if definition is None:
        return None
    try:
        with quiet():
            found = program.run_decompositions({plain: definition})
    except FAULTS_OF_CALLS:
        return None
    left = list(_operators(found))
    if operator in left or plain in left or any(one.namespace == "prims" for one in left):
        return None
    return found


def _plain(operator: Any) -> Any:
    """The operator that does the same without overwriting, as which it stands in what torch spells out."""
    import torch

    name, _, overload = str(operator).removeprefix("aten.").partition(".")
    packet = getattr(torch.ops.aten, name.removesuffix("_"), None) if overwrites(operator) else None
    return getattr(packet, overload, operator)


def _definition(operator: Any) -> Any:
    """How torch defines an operator by others."""
    import torch
    from torch._decomp import decomposition_table

    composite = torch.export.default_decompositions()
    return composite[operator] if operator in composite else decomposition_table.get(operator)


def _unknown(program: Any) -> list[Any]:
    """The operators of a program for which there is no rule, each once."""
    found = (one for one in _operators(program) if one.namespace == "aten" and not _has_rule(one))
    return list(dict.fromkeys(found))


def _has_rule(operator: Any) -> bool:
    return rule_for(str(operator).partition(".")[2], overwrites(operator)) is not None


def _operators(program: Any) -> Iterator[Any]:
    graphs = (getattr(module, "graph", None) for module in program.graph_module.modules())
    for node in (node for graph in graphs if graph is not None for node in graph.nodes):
        if node.op == "call_function" and hasattr(node.target, "_schema"):
            yield node.target
