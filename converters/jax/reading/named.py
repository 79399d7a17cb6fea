"""Functions that JAX names when they are traced: kept whole where the name keeps its promise.

A name alone proves nothing (anybody may call a function `silu`): what stands under it must be, operation by
operation, what JAX's own function of that name gives on the same arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from converters.jax.reading.call import PrimitiveCall
from porter.graph.model import Value
from porter.graph.ops.activation import Celu, Elu, Glu, Relu, SquarePlus
from porter.graph.ops.elementwise import Unary
from porter.graph.ops.indexing import OneHot
from porter.graph.ops.op import Op
from porter.graph.ops.sorting import SearchSorted

Make = Callable[..., Op]

PLAIN: Mapping[str, Op] = {
    "hard_silu": Unary("hard_silu"),
    "hard_sigmoid": Unary("hard_sigmoid"),
    "hard_tanh": Unary("hard_tanh"),
    "log_sigmoid": Unary("log_sigmoid"),
    "mish": Unary("mish"),
    "relu": Relu(),
    "relu6": Relu(max_value=6.0),
    "selu": Unary("selu"),
    "silu": Unary("silu"),
    "soft_sign": Unary("softsign"),
    "softplus": Unary("softplus"),
    "sparse_plus": Unary("sparse_plus"),
    "sparse_sigmoid": Unary("sparse_sigmoid"),
}
"""Functions of one argument."""

SETTABLE: Mapping[str, Make] = {
    "celu": lambda alpha=1.0: Celu(alpha),
    "elu": lambda alpha=1.0: Elu(alpha),
    "leaky_relu": lambda negative_slope=0.01: Relu(negative_slope=negative_slope),
    "squareplus": lambda b=4.0: SquarePlus(b),
}
"""Functions with a number beside their argument."""


def named_function(call: PrimitiveCall, eqn: Any) -> Value | None:
    """The op of a call that is one of JAX's functions, or None where it is read operation by operation."""
    name = str(eqn.params.get("name", ""))
    if name == "searchsorted" and len(call.inputs) == 2:
        return _search_sorted(call, eqn)
    if "float" not in call.out.dtype:
        return None
    if name == "_one_hot":
        return _one_hot(call, eqn)
    if name == "glu" and len(call.inputs) == 1:
        return _glu(call, eqn)
    if name in PLAIN and len(call.inputs) == 1:
        return call.one(PLAIN[name], call.x) if _is(eqn, name) else None
    if name in SETTABLE and 1 <= len(call.inputs) <= 2:
        told = [call.filled(value) for value in call.inputs[1:]]
        if None not in told and _is(eqn, name, len(told)):
            return call.one(SETTABLE[name](*map(float, told)), call.x)  # type: ignore[arg-type]
    return None


def _search_sorted(call: PrimitiveCall, eqn: Any) -> Value | None:
    row, wanted = call.inputs
    if row.rank != 1 or call.out.shape != wanted.shape:
        return None
    sides = (side for side in ("left", "right") if _is(eqn, "searchsorted", arrays=2, side=side))
    side = next(sides, None)
    return None if side is None else call.one(SearchSorted(side, call.out.dtype), row, wanted)


def _glu(call: PrimitiveCall, eqn: Any) -> Value | None:
    axis = next(
        (k for k, (a, b) in enumerate(zip(call.x.shape, call.out.shape, strict=True)) if a != b), None
    )
    return call.one(Glu(axis), call.x) if axis is not None and _is(eqn, "glu", axis=axis) else None


def _one_hot(call: PrimitiveCall, eqn: Any) -> Value | None:
    classes = call.out.shape[-1]
    same = isinstance(classes, int) and len(call.inputs) == 1 and "int" in call.x.dtype
    if not same or call.x.rank != call.out.rank - 1 or call.out.shape[:-1] != call.x.shape:
        return None
    if not _is(eqn, "one_hot", num_classes=classes, dtype=call.out.dtype):
        return None
    return call.one(OneHot(int(str(classes)), -1, call.out.dtype), call.x)


def _is(eqn: Any, name: str, numbers: int = 0, arrays: int = 1, **settings: Any) -> bool:
    avals = tuple((var.aval.shape, str(var.aval.dtype)) for var in eqn.invars[:arrays])
    return _body(eqn.params) in _genuine(name, avals, numbers, tuple(sorted(settings.items())))


def _body(params: Mapping[str, Any]) -> str:
    inner = next(params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in params)
    return str(getattr(inner, "jaxpr", inner))


@lru_cache(maxsize=512)
def _genuine(name: str, avals: tuple[Any, ...], numbers: int, settings: tuple[Any, ...]) -> frozenset[str]:
    """The bodies that JAX's own function has on such arguments."""
    import jax

    given = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in avals]
    function = getattr(jax.nn, name, None) or getattr(jax.numpy, name)

    def told(*args: Any) -> Any:
        return function(*args, *([0.3] * numbers), **dict(settings))

    traced = jax.make_jaxpr(told)(*given)
    return frozenset(_bodies(traced.jaxpr))


def _bodies(jaxpr: Any) -> list[str]:
    inner = ("jaxpr", "call_jaxpr", "fun_jaxpr")
    return [_body(eqn.params) for eqn in jaxpr.eqns if any(key in eqn.params for key in inner)]
