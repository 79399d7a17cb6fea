"""The neutral graph: typed values, nodes in topological order, lazy parameters, and where each came from.

Everything is frozen; a pass takes a graph and returns another. Values are compared by identity, so that
two values may share a name and a shape and still be two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from porter.dataclass import dataclass
from porter.graph.dims import Shape

if TYPE_CHECKING:
    from porter.graph.ops.op import Op
    from porter.weights.tensor import Tensor


@dataclass(frozen=True)
class Spec:
    """Shape and element type of a value."""

    shape: Shape
    dtype: str = "float32"

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True, eq=False)
class Value:
    """One tensor that flows through the graph."""

    name: str
    spec: Spec

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def rank(self) -> int:
        return len(self.spec.shape)

    @property
    def dtype(self) -> str:
        return self.spec.dtype


@dataclass(frozen=True, eq=False)
class Param:
    """A parameter of a node, in the op's canonical axes; `tensor` is shared where the source shares it."""

    tensor: Tensor
    trainable: bool = True
    name: str = ""


@dataclass(frozen=True)
class Scope:
    """One call of a nested model: its name, its class in the source, and which call of it this is."""

    name: str
    kind: str
    call: int = 0


@dataclass(frozen=True)
class Origin:
    """The source's layer a node stems from."""

    layer: str = ""
    kind: str = ""
    scopes: tuple[Scope, ...] = ()
    source: str = ""  # the layer's full name in the source, where a step has renamed it

    @property
    def path(self) -> tuple[str, ...]:
        """Names from the model down to the layer."""
        return (*(scope.name for scope in self.scopes), self.layer)

    @property
    def label(self) -> str:
        """The source's full name for the layer."""
        return self.source or "/".join(self.path)

    def __str__(self) -> str:
        return self.label + (f" ({self.kind})" if self.kind else "")


@dataclass(frozen=True, eq=False)
class Node:
    """One use of an op."""

    op: Op
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    params: Mapping[str, Param] = field(default_factory=dict)
    origin: Origin = Origin()


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole model. `axes` names the axes of inputs and outputs for people (`n h w c`)."""

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    axes: Mapping[Value, str] = field(default_factory=dict)
    output_names: tuple[str, ...] = ()

    def producers(self) -> dict[Value, Node]:
        """The node that makes each value; graph inputs have none."""
        return {value: node for node in self.nodes for value in node.outputs}

    def consumers(self) -> dict[Value, list[Node]]:
        """The nodes that use each value, in order."""
        users: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                users.setdefault(value, []).append(node)
        return users

    def params(self) -> Iterator[tuple[Node, str, Param]]:
        """Every parameter with its node and its name in the op."""
        for node in self.nodes:
            for name, param in node.params.items():
                yield node, name, param
