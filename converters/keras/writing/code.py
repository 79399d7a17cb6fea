"""The classes of a planned program as functions that build a functional model.

Where another framework has a class with attributes and a forward pass, Keras has a function in which each
layer is made where it is used. A block that is built several times is a function of its own, to which
the numbers in which its uses differ are given, and the prefix of its layers' names.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import Dim
from porter.graph.model import Value
from porter.source.code import Attr, Binary, Call, Expression, List, Literal, Name, Tuple, call
from porter.source.names import Namer, identifier
from porter.source.statements import Assign, Function, Param, Return, Statement, assign
from porter.writing.program import ClassPlan, Program

PREFIX = "prefix"
LAST_SETTINGS = ("trainable", "dtype", "name")
TAKEN = ("keras", "layers", "ops", "np", "inputs", "outputs", "model", "path", "scores", "windows", PREFIX)
"""Names that mean something in generated code."""

BUILD = "build"

WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z]{2})(?=[A-Z]{2})")
"""Where a word begins in the name of a class."""


@dataclass(frozen=True)
class Entry:
    """An input of the model: its name, and the value in the graph."""

    name: str
    value: Value


def functions(
    program: Program, model: str, entries: Sequence[Entry], scopes: Mapping[str, str]
) -> list[Function]:
    """A function for each block, inner ones first, and `build`, which gives the model.

    `scopes` has the name of each block in the source by the attribute that stands for it.
    """
    *blocks, whole = program.classes
    names = _function_names(program)
    writer = _Writer(names, scopes)
    made = [writer.block(part) for part in blocks]
    return [*made, writer.whole(whole, model, entries)]


def _function_names(program: Program) -> dict[str, str]:
    """For each class the name of its function, which hides no variable."""
    used = {name for part in program.classes if part.body for name in _variables(part)}
    namer = Namer({*TAKEN, BUILD, "load", *used, *program.helpers})
    return {part.name: namer.identifier(_snake(part.name), "block") for part in program.classes[:-1]}


def _snake(name: str) -> str:
    """`ViTPatchEmbeddings` as people write it: `vit_patch_embeddings`, and no `vi_t_patch_embeddings`."""
    return WORDS.sub("_", name).lower().strip("_")


def _variables(part: ClassPlan) -> Iterator[str]:
    assert part.body is not None
    yield from part.body.params
    for line in part.body.lines:
        for expression in _inside(line):
            if isinstance(expression, Name):
                yield expression.path


class _Writer:
    def __init__(self, names: Mapping[str, str], scopes: Mapping[str, str]) -> None:
        self.names, self.scopes = names, scopes

    def block(self, part: ClassPlan) -> Function:
        assert part.body is not None
        lines = self._lines(part, prefixed=True)
        params = [*part.body.params, *part.arguments, PREFIX]
        return Function(self.names[part.name], tuple(map(Param, params)), lines, part.doc)

    def whole(self, part: ClassPlan, model: str, entries: Sequence[Entry]) -> Function:
        assert part.body is not None
        lines = list(self._lines(part, prefixed=False))
        given = part.body.params
        if len(entries) == 1:
            made: list[Statement] = [assign("inputs", _input(entries[0]))]
            lines = _renamed_at_first(lines, given[0], "inputs")
            inputs: Expression = Name("inputs")
        else:
            made = [assign(name, _input(entry)) for name, entry in zip(given, entries, strict=True)]
            inputs = List(tuple(Name(name) for name in given))
            if given:
                made.append(assign("inputs", inputs))
                inputs = Name("inputs")
        return Function(BUILD, (), (*made, *_model(lines, inputs, model)))

    def _lines(self, part: ClassPlan, *, prefixed: bool) -> tuple[Statement, ...]:
        """The forward pass with each layer made where it is used; those used twice are made first."""
        assert part.body is not None
        attributes = {name: made for name, made in part.attributes if isinstance(made, Call)}
        uses = Counter(
            expression.name
            for line in part.body.lines
            for expression in _inside(line)
            if isinstance(expression, Attr) and _is_own(expression)
        )
        busy = {*TAKEN, *_variables(part), *part.arguments}
        namer = Namer(busy)
        hoisted = {
            name: namer.identifier(f"{name}_layer" if name in busy else name)
            for name, made in attributes.items()
            if uses[name] > 1 and not self._is_block(made)
        }

        def swap(expression: Expression) -> Expression | None:
            func = expression.func if isinstance(expression, Call) else None
            if isinstance(expression, Call) and isinstance(func, Attr) and _is_own(func):
                made = attributes[func.name]
                if self._is_block(made):
                    args = tuple(mapped(arg, swap) for arg in expression.args)
                    return self._block_call(func.name, made, args, prefixed)
            if isinstance(expression, Attr) and _is_own(expression):
                name = expression.name
                return Name(hoisted[name]) if name in hoisted else _named(attributes[name], prefixed)
            if isinstance(expression, Call) and _makes_layer(expression):
                args = tuple(mapped(arg, swap) for arg in expression.args)
                return _named(replace(expression, args=args), prefixed)
            return None

        first = [assign(name, _named(attributes[own], prefixed)) for own, name in hoisted.items()]
        return (*first, *(_mapped_line(line, swap) for line in part.body.lines))

    def _is_block(self, made: Call) -> bool:
        return isinstance(made.func, Name) and made.func.path in self.names

    def _block_call(self, attribute: str, made: Call, args: tuple[Expression, ...], prefixed: bool) -> Call:
        assert isinstance(made.func, Name)
        own = self.scopes.get(attribute, attribute)
        prefix = _joined(Literal(own), prefixed)
        return Call(Name(self.names[made.func.path]), args, (*made.kwargs, (PREFIX, prefix)))


def _is_own(expression: Attr) -> bool:
    """Whether it is an attribute of the model's."""
    return expression.obj == Name("self")


def _makes_layer(made: Call) -> bool:
    return any(name == "name" for name, _ in made.kwargs)


def _named(made: Call, prefixed: bool) -> Call:
    """A constructor call with the layer's full name; what says nothing of the computation stands last."""
    given = dict(made.kwargs)
    last = {key: given.pop(key) for key in LAST_SETTINGS if key in given}
    if "name" in last:
        last["name"] = _joined(last["name"], prefixed)
    return replace(made, kwargs=(*given.items(), *last.items()))


def _joined(name: Expression, prefixed: bool) -> Expression:
    if not prefixed:
        return name
    if isinstance(name, Literal):
        return Binary("+", Name(PREFIX), Literal(f"_{name.value}"))
    return Binary("+", Binary("+", Name(PREFIX), Literal("_")), name)


def _input(entry: Entry) -> Call:
    shape = entry.value.shape
    settings: dict[str, Any] = {}
    if isinstance(shape[0], int):
        settings["batch_size"] = shape[0]
    if entry.value.dtype != "float32":
        settings["dtype"] = entry.value.dtype
    return call("keras.Input", tuple(map(_size, shape[1:])), **settings, name=entry.name)


def _size(dim: Dim) -> int | None:
    return dim if isinstance(dim, int) else None


def _model(lines: Sequence[Statement], inputs: Expression, name: str) -> list[Statement]:
    """The lines with the model returned in place of its outputs."""
    *before, last = lines
    if not isinstance(last, Return) or last.value is None:
        raise GraphError("a forward pass returns something")
    outputs: Expression = last.value
    if isinstance(outputs, Tuple):
        outputs = List(outputs.items)
    elif not isinstance(outputs, Name):
        before.append(assign("outputs", outputs))
        outputs = Name("outputs")
    return [*before, Return(call("keras.Model", inputs, outputs, name=name))]


def _renamed_at_first(lines: Sequence[Statement], old: str, new: str) -> list[Statement]:
    """The lines in which `old` is `new` until it is given another value."""
    done: list[Statement] = []

    def swap(expression: Expression) -> Expression | None:
        return Name(new) if expression == Name(old) else None

    for place, line in enumerate(lines):
        if isinstance(line, Assign):
            targets = [part for target in line.targets for part in expressions(target)]
            done.append(replace(line, value=mapped(line.value, swap)))
            if Name(old) in targets:
                return [*done, *lines[place + 1 :]]
        else:
            done.append(_mapped_line(line, swap))
    return done


# --- walking through expressions

Swap = Callable[[Expression], Expression | None]


def _inside(line: Statement) -> Iterator[Expression]:
    if isinstance(line, Assign):
        for target in line.targets:
            yield from expressions(target)
        yield from expressions(line.value)
    elif isinstance(line, Return) and line.value is not None:
        yield from expressions(line.value)


def expressions(root: Any) -> Iterator[Expression]:
    """An expression and all that it is made of."""
    if isinstance(root, Expression):
        yield root
        for field in dataclasses.fields(root):  # type: ignore[arg-type]  # all expressions are dataclasses
            yield from expressions(getattr(root, field.name))
    elif isinstance(root, tuple):
        for part in root:
            yield from expressions(part)


def _mapped_line(line: Statement, swap: Swap) -> Statement:
    if isinstance(line, Assign):
        return replace(line, value=mapped(line.value, swap))
    if isinstance(line, Return) and line.value is not None:
        return replace(line, value=mapped(line.value, swap))
    return line


def mapped(root: Any, swap: Swap) -> Any:
    """An expression in which `swap` has replaced parts, the outer before the inner."""
    if isinstance(root, tuple):
        return tuple(mapped(part, swap) for part in root)
    if not isinstance(root, Expression):
        return root
    swapped = swap(root)
    if swapped is not None:
        return swapped
    fields = {
        field.name: mapped(getattr(root, field.name), swap)
        for field in dataclasses.fields(root)  # type: ignore[arg-type]
        if field.name not in ("value",) or isinstance(getattr(root, field.name), Expression)
    }
    return replace(root, **fields)  # type: ignore[type-var]


def attribute_of(scope: str) -> str:
    """The attribute by which the planner knows a scope."""
    return identifier(scope)
