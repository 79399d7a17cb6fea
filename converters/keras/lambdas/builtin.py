"""Python's own functions, and the methods of its lists, for plain values and lists of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from converters.keras.lambdas.flow import items_of
from converters.keras.lambdas.shapes import Extent, Shape
from converters.keras.lambdas.terms import MOST_ITEMS, Items, NotFollowed, Reference, bounded, kind
from porter.graph.model import Value


class Adder(Protocol):
    """What adds tensors."""

    def binary(self, sign: str, left: Any, right: Any) -> Any: ...
    def operation(self, class_name: str, *arguments: Any, **named: Any) -> Any: ...


TYPES: Mapping[str, type | tuple[type, ...]] = {
    "bool": bool,
    "dict": dict,
    "float": float,
    "int": int,
    "list": list,
    "str": str,
    "tuple": tuple,
}
NUMBERS = (bool, int, float)


def _held(value: Any) -> Sequence[Any]:
    if isinstance(value, Shape):
        return value.sizes()
    items = items_of(value)
    rest = items.held[items.place :]
    items.place = len(items.held)
    return rest


def _range(world: Adder, *ends: Any) -> list[int]:
    if not all(isinstance(end, int) for end in ends):
        raise NotFollowed("it counts to a number that is not in the file")
    counted = range(*ends)
    if len(counted) > MOST_ITEMS:
        raise NotFollowed(f"it counts through more than {MOST_ITEMS:,} numbers")
    return list(counted)


def _length(world: Adder, value: Any) -> int:
    return value.value.rank if isinstance(value, Shape) else len(value)


def _absolute(world: Adder, value: Any) -> Any:
    return world.operation("Absolute", value) if isinstance(value, Value) else abs(_number(value))


def _sum(world: Adder, values: Any, start: Any = 0) -> Any:
    total = start
    for value in _held(values):
        plain = isinstance(total, NUMBERS) and isinstance(value, NUMBERS)
        if plain or not isinstance(total, (Value, *NUMBERS)) or not isinstance(value, (Value, *NUMBERS)):
            total = _number(total) + _number(value)
        else:
            total = world.binary("+", total, value)
    return total


def _number(value: Any) -> Any:
    if not isinstance(value, NUMBERS):
        raise NotFollowed(f"{kind(value)} is no plain number")
    return value


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def call(world: Adder, *values: Any) -> Any:
        listed = _held(values[0]) if len(values) == 1 else values
        return choose(_number(value) for value in listed)

    return call


def _instance(world: Adder, value: Any, types: Any) -> bool:
    """Of Python's own types; whose a tensor is depends on the framework."""
    named = types if isinstance(types, tuple) else (types,)
    names = [item.path[0] if isinstance(item, Reference) and len(item.path) == 1 else "" for item in named]
    if not all(name in TYPES for name in names):
        raise NotFollowed("what type a tensor is of is not known here")
    if isinstance(value, (Extent, Reference)):
        raise NotFollowed(f"what type {kind(value)} is of is not known here")
    return any(isinstance(value, TYPES[name]) for name in names)


def _number_of_type(make: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda world, value=0: make(_number(value))


BUILTINS: Mapping[str, Callable[..., Any]] = {
    "abs": _absolute,
    "bool": _number_of_type(bool),
    "enumerate": lambda world, values, start=0: list(enumerate(_held(values), start)),
    "float": _number_of_type(float),
    "int": _number_of_type(int),
    "isinstance": _instance,
    "len": _length,
    "list": lambda world, values=(): list(_held(values)),
    "max": _extreme(max),
    "min": _extreme(min),
    "range": _range,
    "reversed": lambda world, values: Items(list(_held(values))[::-1]),
    "sum": _sum,
    "tuple": lambda world, values=(): tuple(_held(values)),
    "xrange": _range,
    "zip": lambda world, *several: list(zip(*map(_held, several), strict=False)),
}


def _append(held: list[Any], value: Any) -> None:
    held.append(value)
    bounded(held)


def _extend(held: list[Any], values: Any) -> None:
    held.extend(_held(values))
    bounded(held)


LIST_METHODS: Mapping[str, Callable[..., Any]] = {
    "append": _append,
    "extend": _extend,
    "insert": lambda held, place, value: held.insert(int(place), value),
    "pop": lambda held, place=-1: held.pop(place),
    "reverse": lambda held: held.reverse(),
}
