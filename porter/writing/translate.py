"""A graph said in a framework's words: its rules applied to every node, its refusals in one error."""

from __future__ import annotations

from collections.abc import Mapping

from porter.errors import Problem, UnsupportedModel
from porter.graph.dims import show
from porter.graph.model import Graph, Node, Value
from porter.rules import Rules, Unsupported
from porter.writing.forms import Form
from porter.writing.instances import Dialect
from porter.writing.program import Program, plan


def translate(graph: Graph, rules: Rules, dialect: Dialect, name: str) -> Program:
    """The program for a laid-out graph, its main class named `name`."""
    _refuse_unsupported(graph, rules)

    def form(node: Node) -> Form:
        rule = rules.writing[type(node.op)]
        assert not isinstance(rule, Unsupported)
        said: Form = rule(node.op, node)
        return said

    return plan(graph, form, dialect, name)


def _refuse_unsupported(graph: Graph, rules: Rules) -> None:
    problems = []
    for node in graph.nodes:
        rule = rules.writing.get(type(node.op))
        if rule is None:
            kind = type(node.op).__name__
            problems.append(Problem(str(node.origin), f"{rules.framework} has no rule for {kind}"))
        elif isinstance(rule, Unsupported):
            problems.append(Problem(str(node.origin), rule.because, rule.hint))
    if problems:
        raise UnsupportedModel(
            f"{len(problems)} step(s) of {graph.name!r} cannot be written for {rules.framework}", problems
        )


def signature(graph: Graph, source_axes: Mapping[Value, str]) -> list[str]:
    """Inputs and outputs as lines of the main class's docstring."""
    rows = []
    for word, values in (("Inputs", graph.inputs), ("Outputs", graph.outputs)):
        rows.append(f"{word}:")
        for place, value in enumerate(values):
            axes, before = graph.axes.get(value, ""), source_axes.get(value, "")
            was = f", `{before}` in the source" if before != axes else ""
            plain = f"{word.lower()[:-1]} {place}"
            rows.append(f"    {plain}: {value.dtype} {show(value.shape)}, axes `{axes}`{was}")
    return rows
