"""Complex numbers, which no target's layers have: a pair of real values goes through the reader in their
place, and what an operator means for complex numbers is said of the two."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from converters.torch.call import OpCall
from converters.torch.rules import COMPLEX, rules
from converters.torch.spec import Meta
from porter.dataclass import dataclass
from porter.graph.dims import Shape
from porter.graph.model import Value
from porter.rules import Rule, Unsupported
from porter.weights.tensor import Derived, Stored

R = TypeVar("R", bound=Rule)

REAL = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
"""The type of the parts."""


@dataclass(frozen=True)
class Pair:
    """A complex value: its real and its imaginary part, of one shape."""

    real: Value
    imaginary: Value

    @property
    def shape(self) -> Shape:
        """The shape of both."""
        return self.real.shape


def reads_pairs(*operators: str) -> Callable[[R], R]:
    """Mark a function as what these operators mean where a complex number goes in or comes out."""
    return rules.reads(*(f"{COMPLEX} {operator}" for operator in operators))


def takes_pairs(call: OpCall) -> bool:
    """Whether a complex number goes in or comes out."""
    return _has_pair(tuple(call.args.values())) or _is_complex(call.spec.result)


def _has_pair(thing: Any) -> bool:
    return any(map(_has_pair, thing)) if isinstance(thing, tuple) else isinstance(thing, Pair)


def _is_complex(result: Any) -> bool:
    if isinstance(result, tuple):
        return any(map(_is_complex, result))
    return isinstance(result, Meta) and result.dtype in REAL


def rule_for_pairs(call: OpCall) -> Rule:
    """The rule of an operator for complex numbers."""
    rule = rules.reading.get(f"{COMPLEX} {call.name}")
    if rule is None or isinstance(rule, Unsupported):
        raise call.refuse(
            "this operator is not carried for complex numbers", "compute with their parts (x.real, x.imag)"
        )
    return rule


def parts_of_held(tensor: Stored) -> tuple[Derived, Derived]:
    """The two parts of a complex tensor that the module holds."""
    kind = REAL[tensor.dtype]

    def taken(part: str) -> Callable[[Any], np.ndarray]:
        return lambda array: np.array(getattr(array, part), kind)

    return (
        Derived((tensor,), "the real part", tensor.shape, kind, taken("real")),
        Derived((tensor,), "the imaginary part", tensor.shape, kind, taken("imag")),
    )


def part(call: OpCall, which: str, result: Any = None) -> OpCall:
    """The call with one part of every pair in its place, as a call on real numbers."""
    found = copy(call)
    found.args = {name: _part(arg, which) for name, arg in call.args.items()}
    found.spec = replace(call.spec, result=_real(call.spec.result if result is None else result))
    return found


def _part(arg: Any, which: str) -> Any:
    if isinstance(arg, tuple):
        return tuple(_part(one, which) for one in arg)
    if isinstance(arg, Pair):
        return getattr(arg, which)
    if isinstance(arg, complex):
        return arg.real if which == "real" else arg.imag
    return REAL.get(arg, arg) if isinstance(arg, str) else arg


def _real(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(map(_real, result))
    return Meta(result.shape, REAL.get(result.dtype, result.dtype)) if isinstance(result, Meta) else result
