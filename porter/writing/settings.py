"""Arguments as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from porter.source.code import Call, Expression, Name, express

Usual = Mapping[str, Mapping[str, Any]]
"""For each callee the keyword arguments that may be left out, with the values then assumed, in
customary order."""


def plain(sizes: Sequence[int]) -> int | tuple[int, ...]:
    """A setting of several axes: one number where all agree."""
    return sizes[0] if len(set(sizes)) == 1 else tuple(sizes)


def subscripts(items: Sequence[Any]) -> list[Any]:
    """What stands in `x[...]` for places, ranges and new axes: no more of it than says something."""
    told = [_ranged(*item) if isinstance(item, tuple) else item for item in items]
    while told and told[-1] == slice(None):
        told.pop()
    whole = all(item == slice(None) for item in told[:-1])
    return [..., told[-1]] if len(told) > 3 and len(told) == len(items) and whole else told


def _ranged(start: int | None, stop: int | None, step: int) -> slice:
    return slice(start or None if step > 0 else start, stop, None if step == 1 else step)


def said(usual: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments in the order of `usual`, without those that say what is assumed anyway."""
    return {name: settings[name] for name in usual if settings.get(name, usual[name]) != usual[name]}


def spelled_out(made: Expression, usual: Usual) -> Expression:
    """The call with every keyword argument said that could be left out."""
    if not isinstance(made, Call):
        return made
    known = usual.get(made.func.path, {}) if isinstance(made.func, Name) else {}
    given = dict(made.kwargs)
    full: dict[str, Expression] = {name: given.pop(name, express(value)) for name, value in known.items()}
    return replace(made, kwargs=tuple({**given, **full}.items()))


def cut_short(made: Expression, usual: Usual) -> Expression:
    """The call without those that say what is assumed anyway."""
    if not isinstance(made, Call):
        return made
    known = usual.get(made.func.path, {}) if isinstance(made.func, Name) else {}
    kept = [
        (name, value) for name, value in made.kwargs if name not in known or value != express(known[name])
    ]
    return replace(made, kwargs=tuple(kept))
