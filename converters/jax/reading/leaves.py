"""Flax's layers that stay whole while a model is traced: each call is one operation, with its settings.

What a layer computes by itself is left in the program too, where nothing uses it, so that a layer can be kept
whole without knowing the shapes of what it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cache
from typing import Any

from porter.dataclass import dataclass


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer as it was called: its kind, its settings, the names of its arrays."""

    kind: str
    settings: Mapping[str, Any]
    arrays: tuple[str, ...]
    outputs: tuple[Any, ...] = field(repr=False)


@cache
def primitive() -> Any:
    """The operation that stands for any layer."""
    from jax.extend.core import Primitive

    made = Primitive("porter_layer")
    made.multiple_results = True
    made.def_abstract_eval(lambda *_, layer: list(layer.outputs))
    return made


def whole(
    kind: str, module: Any, arrays: Mapping[str, Any], args: Sequence[Any], kwargs: Any, out: Any
) -> Any:
    """The result of a call as that of one operation, or as it was where the layer cannot be kept whole."""
    settings = SETTINGS[kind](module, args, kwargs)
    x = args[0] if args else None
    if settings is None or not is_traced(x) or not hasattr(out, "aval"):
        return out
    held = {name: array for name, array in arrays.items() if array is not None}
    return bound(kind, settings, [x], held, out)


def bound(
    kind: str, settings: Mapping[str, Any], inputs: Sequence[Any], arrays: Mapping[str, Any], out: Any
) -> Any:
    """One operation in place of what has been computed."""
    import jax

    layer = Layer(kind, settings, tuple(arrays), (jax.typeof(out),))
    (made,) = primitive().bind(*inputs, *arrays.values(), layer=layer)
    return made


def is_traced(x: Any) -> bool:
    """Whether it is a value of a program that is being traced."""
    from jax.core import Tracer

    return isinstance(x, Tracer)


def _given(module: Any, kwargs: Mapping[str, Any], name: str, args: Sequence[Any] = ()) -> Any:
    told = args[1] if len(args) > 1 else kwargs.get(name)
    return getattr(module, name, None) if told is None else told


def _axes(told: Any, rank: int) -> tuple[int, ...]:
    listed = told if isinstance(told, (tuple, list)) else (told,)
    return tuple(sorted(int(axis) % rank for axis in listed))


def _alone(module: Any, kwargs: Mapping[str, Any]) -> bool:
    """No mask, no other devices."""
    return kwargs.get("mask") is None and getattr(module, "axis_name", None) is None


def _batch_norm(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    stored = _given(module, kwargs, "use_running_average", args)
    if not stored or isinstance(module.axis, (tuple, list)):
        return None
    return {"axis": module.axis, "epsilon": module.epsilon, "momentum": module.momentum}


def _over_axes(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    rank = args[0].ndim
    axes = _axes(module.reduction_axes, rank)
    if not _alone(module, kwargs) or axes != _axes(module.feature_axes, rank):
        return None
    return {"axes": tuple(axis - rank for axis in axes), "epsilon": module.epsilon}


def _group_norm(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    if not _alone(module, kwargs) or module.reduction_axes is not None or args[0].ndim < 2:
        return None
    groups = module.num_groups or args[0].shape[-1] // module.group_size
    return {"groups": groups, "epsilon": module.epsilon}


def _instance_norm(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    rank = args[0].ndim
    if not _alone(module, kwargs) or _axes(module.feature_axes, rank) != (rank - 1,) or rank < 3:
        return None
    return {"groups": None, "epsilon": module.epsilon}


def _dropout(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    if not _given(module, kwargs, "deterministic", args) and module.rate:
        return None
    return {"rate": module.rate, "broadcast_dims": tuple(module.broadcast_dims)}


def _embed(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    return {}


Settings = Callable[[Any, Sequence[Any], Mapping[str, Any]], "dict[str, Any] | None"]

SETTINGS: Mapping[str, Settings] = {
    "BatchNorm": _batch_norm,
    "Dropout": _dropout,
    "Embed": _embed,
    "GroupNorm": _group_norm,
    "InstanceNorm": _instance_norm,
    "LayerNorm": _over_axes,
    "RMSNorm": _over_axes,
}
ARRAYS: Mapping[str, tuple[str, ...]] = {
    "BatchNorm": ("mean", "var", "scale", "bias"),
    "Dropout": (),
    "Embed": ("embedding",),
    "GroupNorm": ("scale", "bias"),
    "InstanceNorm": ("scale", "bias"),
    "LayerNorm": ("scale", "bias"),
    "RMSNorm": ("scale",),
}
"""What each kind is told, and the arrays that it holds; the others are read operation by operation."""
