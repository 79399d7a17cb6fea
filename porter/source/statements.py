"""Python statements as values, and the module that holds them."""

from __future__ import annotations

from collections.abc import Sequence

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.source.code import PRECEDENCE, Expression, check_identifier, express, named


class Statement:
    """Anything that stands on lines of its own."""


@dataclass(frozen=True)
class Assign(Statement):
    """`a, b = value`; see `assign`."""

    targets: tuple[Expression, ...]
    value: Expression


@dataclass(frozen=True)
class Augment(Statement):
    """`target += value`."""

    target: Expression
    op: str
    value: Expression

    def __post_init__(self) -> None:
        if self.op not in PRECEDENCE:
            raise GraphError(f"no such operator: {self.op!r}")


@dataclass(frozen=True)
class Return(Statement):
    """`return value`."""

    value: Expression | None = None


@dataclass(frozen=True)
class Expr(Statement):
    """An expression for its effect."""

    value: Expression


@dataclass(frozen=True)
class Comment(Statement):
    """Lines that start with `#`, wrapped to the width."""

    text: str


@dataclass(frozen=True)
class Raw(Statement):
    """Fixed text of porter's own, formatted as it stands; never anything of an input file."""

    text: str


@dataclass(frozen=True)
class Blank(Statement):
    """An empty line between two statements."""


@dataclass(frozen=True)
class For(Statement):
    """`for target in items: body`."""

    target: Expression
    items: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class If(Statement):
    """`if test: body`, and what holds otherwise."""

    test: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class With(Statement):
    """`with context as name: body`."""

    context: Expression
    name: str | None
    body: tuple[Statement, ...]

    def __post_init__(self) -> None:
        if self.name is not None:
            check_identifier(self.name)


@dataclass(frozen=True)
class Param:
    """One parameter; the name may have stars, and `*` alone divides."""

    name: str
    annotation: Expression | None = None
    default: Expression | None = None

    def __post_init__(self) -> None:
        if self.name != "*":
            check_identifier(self.name.removeprefix("*").removeprefix("*"))


@dataclass(frozen=True)
class Function(Statement):
    """`def name(params) -> returns: body`."""

    name: str
    params: tuple[Param, ...]
    body: tuple[Statement, ...]
    doc: str = ""
    returns: Expression | None = None
    decorators: tuple[Expression, ...] = ()

    def __post_init__(self) -> None:
        check_identifier(self.name)


@dataclass(frozen=True)
class Class(Statement):
    """`class name(bases): body`."""

    name: str
    bases: tuple[Expression, ...]
    doc: str
    body: tuple[Statement, ...]

    def __post_init__(self) -> None:
        check_identifier(self.name)


@dataclass(frozen=True)
class Module:
    """A file; `imports` are single statements (`from torch import nn`), which `render` sorts."""

    doc: str
    imports: frozenset[str]
    body: tuple[Statement, ...]


def assign(targets: str | Expression | Sequence[str | Expression], value: object) -> Assign:
    """`assign("x", ...)` for one target, `assign(["x", "y"], ...)` for several."""
    several = [targets] if isinstance(targets, str | Expression) else targets
    return Assign(tuple(named(target) for target in several), express(value))


def param(name: str, annotation: str | Expression | None = None, **default: object) -> Param:
    """`param("x", "torch.Tensor")`, `param("path", "str", default=None)`."""
    kind = None if annotation is None else named(annotation)
    return Param(name, kind, express(default["default"]) if "default" in default else None)
