"""An exported program as plain values, so that reading it into a graph needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from porter.dataclass import dataclass
from porter.graph.dims import Dim, Shape
from porter.weights.tensor import Stored


@dataclass(frozen=True)
class Ref:
    """The result of another call, or an input or held tensor, among the arguments of a call."""

    name: str


@dataclass(frozen=True)
class Meta:
    """What is known of a tensor before it is computed."""

    shape: Shape
    dtype: str


Result = Meta | Dim | tuple[Any, ...] | None
"""What a call gives: a tensor, a size, several of these, or nothing that matters."""


@dataclass(frozen=True)
class Module:
    """A module that was being called: its path, its class, and which call of it this is."""

    path: str
    kind: str  # with its Python module: `torch.nn.modules.conv.Conv2d`
    call: int = 0

    @property
    def short(self) -> str:
        """The name of the class."""
        return self.kind.rpartition(".")[2]


@dataclass(frozen=True)
class Call:
    """One call of an operator, its arguments by the names of the operator's schema."""

    name: str
    target: str  # `conv2d.default`
    args: Mapping[str, Any]
    result: Result
    modules: tuple[Module, ...] = ()
    line: str = ""  # where in the user's code: `net.py:31: x = self.conv(x)`
    changes: tuple[str, ...] = ()  # the arguments that are overwritten

    @property
    def operator(self) -> str:
        """The name without the overload."""
        return self.target.partition(".")[0]


@dataclass(frozen=True)
class Held:
    """A tensor that the module holds."""

    name: str
    tensor: Stored
    trainable: bool
    written: bool = False  # numbers that stand in the code (`mask[2:] = 1`), in no state dict


@dataclass(frozen=True)
class Entry:
    """An input of the model."""

    name: str
    meta: Meta


@dataclass(frozen=True)
class Program:
    """The whole model. An output that no call computes is a plain number, and is left out."""

    name: str
    inputs: tuple[Entry, ...]
    held: tuple[Held, ...]
    calls: tuple[Call, ...]
    outputs: tuple[Ref, ...]
    output_names: tuple[str, ...]
    notices: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
