"""How an op is said in a framework: what a writing rule returns.

`Inline` is an expression over the inputs. `Layer` is an attribute of the module, made in the constructor and
used in the forward pass. Both may write whole statements instead where one expression is not enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from porter.dataclass import dataclass
from porter.source.code import Call, Expression, attr, call
from porter.source.statements import Statement
from porter.weights.tensor import Tensor

Expressions = Sequence[Expression]
Names = Sequence[str | None]

Statements = Callable[[Expressions, Names], Sequence[Statement]]
"""Given the inputs and the names of the outputs (None where unused), the lines that compute them."""


@dataclass(frozen=True)
class Inline:
    """One expression; `helpers` names the snippets of the framework that it calls."""

    build: Callable[..., Expression]
    helpers: tuple[str, ...] = ()
    statements: Statements | None = None
    simple: bool = False  # reads well inside another expression


@dataclass(frozen=True)
class Weight:
    """One entry of the target's weight file: a tensor, and whether it is trained there."""

    tensor: Tensor
    trainable: bool = True
    name: str = ""  # the source's name for it
    buffer: bool = False  # never trained: statistics, constants, counters


Part = int | tuple[int, ...]
"""An array that a module gives: an output of its node, by number, or several stacked along a first axis."""

Way = tuple[Part, ...]
Ways = tuple[Way, ...]
"""What a module gives, array by array, in each of the ways in which it can be called: their number tells."""

ITSELF: Ways = ((0,),)
"""One array, which is the node's output."""


def shown(ways: Ways) -> int:
    """The place, from the front or from the end, of the array that stands for all that a module gives."""
    places = [(way.index(min(way, key=first)), len(way)) for way in ways]
    fronts, ends = {place for place, _ in places}, {place - count for place, count in places}
    return min(fronts) if len(fronts) < 2 else min(ends)


def first(part: Part) -> int:
    """The number of an output, or of the first of several."""
    return part if isinstance(part, int) else part[0]


@dataclass(frozen=True)
class Layer:
    """An attribute made by `make`, whose weights are stored under its name.

    `use` builds the forward expression from the attribute and the inputs (by default a plain call).
    `statements`, if given, gets the attribute as first input.
    """

    make: Expression
    weights: Mapping[str, Weight] = field(default_factory=dict)
    use: Callable[..., Expression] | None = None
    helpers: tuple[str, ...] = ()
    statements: Statements | None = None
    direct: bool = False  # `use` is a plain call with settings: what the attribute gives is the node's output
    step: bool = False  # no layer of its own: it stands between layers that are called one after another
    shows: Ways = ()  # what the attribute gives, where statements follow its call
    lent: bool = False  # the layer of another node, where one is made alike and holds these weights


Form = Inline | Layer


def method(obj: Expression, name: str, *args: object, **kwargs: object) -> Call:
    """`obj.name(...)`."""
    return call(attr(obj, name), *args, **kwargs)
