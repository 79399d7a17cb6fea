"""`dataclass` as in the standard library, but quick where it is frozen: one set of methods for all classes.

The standard one writes and compiles six functions for every class. With hundreds of classes, that was
half of the time in which `porter` starts. A class made here can only be derived from with this `dataclass`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass  # what a type checker knows by heart
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, eq: bool = True) -> Any:
        """Makes a dataclass; see `dataclasses.dataclass`, of which these two choices are offered."""
        if not frozen:
            return dataclasses.dataclass(cls, eq=eq)
        return _frozen(cls, eq) if cls is not None else lambda made: _frozen(made, eq)


def _frozen(cls: type, eq: bool) -> type:
    own = vars(cls)
    dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
    methods: dict[str, Callable[..., Any]] = {"__init__": _init, "__repr__": _repr}
    if eq:
        methods |= {"__eq__": _eq, "__hash__": _hash}
    for name, method in methods.items():
        if own.get(name) is None:  # defining __eq__ alone leaves a __hash__ of None behind
            setattr(cls, name, method)
    cls.__setattr__ = _refuse_to_set  # type: ignore[assignment, method-assign]
    cls.__delattr__ = _refuse_to_delete  # type: ignore[assignment, method-assign]
    return cls


def _init(self: Any, *args: Any, **named: Any) -> None:
    names = self.__match_args__
    self.__dict__.update(zip(names, args, strict=False))
    if named or len(args) != len(names):
        _complete(self, args, named)
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _complete(self: Any, args: Sequence[Any], named: dict[str, Any]) -> None:
    """Adds what was given by name, and the defaults."""
    own, names, fields = self.__dict__, self.__match_args__, self.__dataclass_fields__
    missing = []
    for name in names[len(args) :]:
        field = fields[name]
        if name in named:
            own[name] = named.pop(name)
        elif field.default is not dataclasses.MISSING:
            own[name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            own[name] = field.default_factory()
        else:
            missing.append(name)
    if missing:
        raise TypeError(f"{type(self).__qualname__} was not given {', '.join(missing)}")
    if named or len(args) > len(names):
        told = ", ".join(named) or f"{len(args)} values"
        raise TypeError(f"{type(self).__qualname__}({', '.join(names)}) does not take {told}")


@cache
def _names(cls: type, part: str) -> tuple[str, ...]:
    """The fields that take part in comparing, or in showing."""
    return tuple(field.name for field in dataclasses.fields(cls) if getattr(field, part))


@cache
def _key(cls: type) -> Callable[[Any], Any]:
    """What two instances of a class are compared by."""
    names = _names(cls, "compare")
    return attrgetter(*names) if len(names) > 1 else lambda self: tuple(getattr(self, name) for name in names)


def _eq(self: Any, other: Any) -> Any:
    cls: type = self.__class__
    if other.__class__ is not cls:
        return NotImplemented
    key = _key(cls)
    return key(self) == key(other)


def _hash(self: Any) -> int:
    return hash(_key(self.__class__)(self))


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name in _names(self.__class__, "repr"))
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse_to_set(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
