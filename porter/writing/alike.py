"""Classes that are built alike become one, and the numbers in which they differ its arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace

from porter.dataclass import dataclass
from porter.source.code import Call, Expression, Literal, Name, Tuple, call
from porter.source.names import Namer, identifier
from porter.writing.body import Body
from porter.writing.containers import Kinds
from porter.writing.settings import Usual, cut_short, spelled_out

Path = tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """How one nested model is made: attributes by constructor calls, or by the path of a model inside it."""

    path: Path
    attribute: str  # the name in what holds it
    kind: str
    attributes: tuple[tuple[str, Expression | Path], ...]
    body: Body | None
    frozen: tuple[str, ...] = ()
    groups: Kinds = field(default_factory=dict)

    def resolved(self, constructors: Mapping[Path, Call]) -> tuple[tuple[str, Expression], ...]:
        """The attributes with the inner models' own constructor calls."""
        return tuple(
            (name, constructors[made] if isinstance(made, tuple) else made) for name, made in self.attributes
        )


@dataclass(frozen=True)
class Shared:
    """One class for all models built alike; `of` is the first of them."""

    name: str
    doc: str
    arguments: tuple[str, ...]
    attributes: tuple[tuple[str, Expression], ...]
    of: Path


@dataclass(frozen=True)
class _Place:
    """A literal in a constructor call: the attribute, the argument's name, the value."""

    attribute: str
    label: str
    value: object


def share(
    models: Sequence[Made], namer: Namer, argument_names: Mapping[str, tuple[str, ...]], usual: Usual
) -> tuple[list[Shared], dict[Path, Call]]:
    """Classes for `models` (inner ones first), and the call that makes each model."""
    classes: list[Shared] = []
    constructors: dict[Path, Call] = {}
    heights = _heights(models)
    for height in sorted(set(heights.values())):
        alike: dict[object, list[tuple[Made, tuple[tuple[str, Expression], ...]]]] = {}
        for model in models:
            if heights[model.path] == height:
                resolved = model.resolved(constructors)
                attributes = tuple((name, spelled_out(made, usual)) for name, made in resolved)
                alike.setdefault(_signature(model, attributes), []).append((model, attributes))
        for members in alike.values():
            shared = _unified(members, namer, argument_names)
            short = tuple((name, cut_short(made, usual)) for name, made in shared.attributes)
            classes.append(replace(shared, attributes=short))
            for model, attributes in members:
                constructors[model.path] = _constructor(shared, members[0][1], attributes, argument_names)
    return classes, constructors


def _heights(models: Sequence[Made]) -> dict[Path, int]:
    """How many levels of models each one has inside."""
    inner = {
        model.path: [made for _, made in model.attributes if isinstance(made, tuple)] for model in models
    }
    heights: dict[Path, int] = {}
    for path in sorted(inner, key=len, reverse=True):
        heights[path] = 1 + max((heights[one] for one in inner[path]), default=-1)
    return heights


def _signature(model: Made, attributes: Sequence[tuple[str, Expression]]) -> object:
    shape = tuple((name, _blank(made)) for name, made in attributes)
    return model.kind, shape, model.body, model.frozen, tuple(model.groups.items())


def _blank(expression: Expression) -> object:
    """The expression without its literals: what two models must have in common."""
    if isinstance(expression, Call):
        args = tuple(_blank(arg) for arg in expression.args)
        return (
            _blank(expression.func),
            args,
            tuple((name, _blank(arg)) for name, arg in expression.kwargs),
        )
    return None if _is_constant(expression) else repr(expression)


def _is_constant(expression: Expression) -> bool:
    if isinstance(expression, Tuple):
        return all(isinstance(item, Literal) for item in expression.items)
    return isinstance(expression, Literal)


def _constant(expression: Expression) -> object:
    if isinstance(expression, Tuple):
        return tuple(_constant(item) for item in expression.items)
    return expression.value if isinstance(expression, Literal) else None


def _places(made: Expression, attribute: str, names: Mapping[str, tuple[str, ...]]) -> Iterator[_Place]:
    if not isinstance(made, Call):  # a function as it is
        return
    callee = made.func.path if isinstance(made.func, Name) else ""
    known = names.get(callee, ())
    for number, arg in enumerate(made.args):
        label = known[number] if number < len(known) else "size"
        yield from _inside(arg, attribute, label, names)
    for label, arg in made.kwargs:
        yield from _inside(arg, attribute, label, names)


def _inside(
    arg: Expression, attribute: str, label: str, names: Mapping[str, tuple[str, ...]]
) -> Iterator[_Place]:
    if _is_constant(arg):
        yield _Place(attribute, label, _constant(arg))
    elif isinstance(arg, Call):
        yield from _places(arg, attribute, names)


def _all_places(
    attributes: Sequence[tuple[str, Expression]], names: Mapping[str, tuple[str, ...]]
) -> list[_Place]:
    return [place for attribute, made in attributes for place in _places(made, attribute, names)]


def _unified(
    members: Sequence[tuple[Made, tuple[tuple[str, Expression], ...]]],
    namer: Namer,
    names: Mapping[str, tuple[str, ...]],
) -> Shared:
    model, attributes = members[0]
    rows = [_all_places(own, names) for _, own in members]
    chosen = _arguments(rows)
    fresh = iter(chosen)
    replaced = tuple((name, _with_names(made, fresh)) for name, made in attributes)
    doc = _doc([made.attribute for made, _ in members])
    arguments = tuple(dict.fromkeys(name for name in chosen if name is not None))
    return Shared(namer.class_name(model.kind), doc, arguments, replaced, model.path)


def _doc(attributes: Sequence[str]) -> str:
    names = list(dict.fromkeys(attributes))
    shown = next(count for count in (3, 2, 1) if count == 1 or len(", ".join(names[:count])) <= 60)
    listed = ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
    return f"Used for {listed}."


def _arguments(rows: Sequence[Sequence[_Place]]) -> list[str | None]:
    """For each literal the argument that stands for it, or None where all models agree."""
    columns = [tuple(repr(row[k].value) for row in rows) for k in range(len(rows[0]))]
    labels: dict[tuple[str, ...], list[str]] = {}
    for place, column in zip(rows[0], columns, strict=True):
        labels.setdefault(column, []).append(place.label)
    named: dict[tuple[str, ...], str] = {}
    taken: set[str] = set()
    chosen: list[str | None] = []
    for place, column in zip(rows[0], columns, strict=True):
        if len(set(column)) == 1:
            chosen.append(None)
            continue
        if column not in named:
            label, kind = identifier(_label(labels[column])), _kind(place.label)
            if label in named.values() or kind in taken:
                label = f"{place.attribute}_{kind}"
            taken |= {label} - {place.label}
            named[column] = identifier(label, set(named.values()))
        chosen.append(named[column])
    return chosen


def _label(labels: Sequence[str]) -> str:
    """What a number is called that has these names: `channels` where it goes in and comes out again."""
    first = labels[0]
    return _kind(first) if first.startswith("in_") and f"out_{_kind(first)}" in labels else first


def _kind(label: str) -> str:
    """What a number counts, whichever side it is on."""
    return label.removeprefix("in_").removeprefix("out_")


def _with_names(made: Expression, chosen: Iterator[str | None]) -> Expression:
    if not isinstance(made, Call):
        return made

    def swap(arg: Expression) -> Expression:
        if _is_constant(arg):
            name = next(chosen)
            return arg if name is None else Name(name)
        return _with_names(arg, chosen) if isinstance(arg, Call) else arg

    args = tuple(swap(arg) for arg in made.args)
    return replace(made, args=args, kwargs=tuple((name, swap(arg)) for name, arg in made.kwargs))


def _constructor(
    shared: Shared,
    first: Sequence[tuple[str, Expression]],
    own: Sequence[tuple[str, Expression]],
    names: Mapping[str, tuple[str, ...]],
) -> Call:
    """The call that makes one model: the shared class with this model's numbers."""
    places = _all_places(own, names)
    stands = [place for attribute, made in shared.attributes for place in _names_of(made, shared.arguments)]
    values = {name: place.value for name, place in zip(stands, places, strict=True) if name is not None}
    return call(shared.name, **{name: values[name] for name in shared.arguments})


def _names_of(made: Expression, arguments: Sequence[str]) -> Iterator[str | None]:
    if not isinstance(made, Call):
        return
    for arg in (*made.args, *(value for _, value in made.kwargs)):
        if _is_constant(arg):
            yield None
        elif isinstance(arg, Name) and arg.path in arguments:
            yield arg.path
        elif isinstance(arg, Call):
            yield from _names_of(arg, arguments)
