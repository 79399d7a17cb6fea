"""Sizes as JAX writes them, as the core's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from porter.graph.dims import Dim, Shape, Sym, add, times

_LINEAR = re.compile(r"(?:(\d+)\*)?([A-Za-z_]\w*)(?: ([+-]) (\d+))?")


def dim_of(size: Any) -> Dim:
    """A size: a number, or an expression over the symbols of the inputs."""
    if isinstance(size, Integral):
        return int(size)
    found = _LINEAR.fullmatch(str(size))
    if found is None:
        return Sym(str(size))
    factor, name, sign, amount = found.groups()
    return add(times(Sym(name), int(factor or 1)), int(f"{sign or '+'}{amount or 0}"))


def shape_of(sizes: Sequence[Any]) -> Shape:
    """A shape."""
    return tuple(map(dim_of, sizes))
