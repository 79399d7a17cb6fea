"""What Flax's module class calls its own, and what the writer must know of its layers' constructors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from porter.source.code import Attr, Call, Expression, Literal, Name, Tuple, call
from porter.writing.containers import Words

RESERVED = frozenset("eval iter_children iter_modules perturb rngs set_attributes sow train".split())
"""Attributes of `nnx.Module` that a layer must not be named after; `rngs` is the constructor's argument."""

VARIABLES = frozenset({"Fixed", "nnx.Param"})
"""Classes that hold one array and are no modules."""

UNSEEDED = VARIABLES | {"Bidirectional", "ConvLSTMCell", "RNN", "nnx.PReLU"}
"""Classes that draw no random numbers themselves, and take no `rngs`."""

RANDOM = frozenset({"nnx.Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"})
"""Modules that draw random numbers in training, and hold a stream of them."""

_FEATURES = ("in_features", "out_features")

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("nnx.Conv", "nnx.ConvTranspose", "nnx.Linear"), _FEATURES),
    **dict.fromkeys(("nnx.BatchNorm", "nnx.LayerNorm", "nnx.RMSNorm"), ("num_features",)),
    "nnx.Dropout": ("rate",),
    "nnx.Embed": ("num_embeddings", "features"),
    "nnx.GroupNorm": ("num_features", "num_groups"),
}
"""Names for the numbers by which two instances of a class differ."""

CONV: Mapping[str, Any] = {
    "strides": 1,
    "padding": "SAME",
    "input_dilation": 1,
    "kernel_dilation": 1,
    "feature_group_count": 1,
    "use_bias": True,
}

CONV_TRANSPOSE: Mapping[str, Any] = {
    "padding": "SAME",
    "kernel_dilation": 1,
    "use_bias": True,
}

_AFFINE = {"use_bias": True, "use_scale": True}

USUAL: Mapping[str, Mapping[str, Any]] = {
    "nnx.BatchNorm": {"axis": -1, "momentum": 0.99, **_AFFINE},
    "nnx.Conv": CONV,
    "nnx.ConvTranspose": CONV_TRANSPOSE,
    "nnx.GroupNorm": _AFFINE,
    "nnx.LayerNorm": _AFFINE,
    "nnx.Linear": {"use_bias": True},
    "nnx.RMSNorm": {"use_scale": True},
}
"""What Flax's constructors assume for arguments that are left out."""

IMPORTED = frozenset({"Path", "jax", "jnp", "nnx", "np", "partial"})
"""Names of the module that neither a class nor a value may take."""

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "adaptive_pool": ("size", "function"),
    "nnx.avg_pool": ("window_shape",),
    "nnx.max_pool": ("window_shape",),
}
"""Names of the arguments that functions are given by place, behind the first."""


REDUCTIONS = frozenset({"max", "mean", "min", "sum"})
"""Methods that are functions of `jax.numpy` too."""


def function_of(expression: Expression, rank: int) -> Expression | None:
    """The function that does what an expression of `x` does, where it is one with settings."""
    x = Name("x")
    if not isinstance(expression, Call):
        return None
    if expression.func == Attr(x, "reshape") and all(isinstance(size, Literal) for size in expression.args):
        return call("partial", Name("jnp.reshape"), shape=Tuple(expression.args))
    if isinstance(expression.func, Attr) and expression.func.obj == x and expression.func.name in REDUCTIONS:
        return call("partial", Name(f"jnp.{expression.func.name}"), **dict(expression.kwargs))
    if not isinstance(expression.func, Name):
        return None
    if expression.args[:1] != (x,):
        return None
    given, known = expression.args[1:], SETTINGS.get(expression.func.path, ())
    if len(given) > len(known):
        return None
    told = {**dict(zip(known, given, strict=False)), **dict(expression.kwargs)}
    if any(isinstance(value, Call) or value == x for value in told.values()):
        return None
    return call("partial", expression.func, **told) if told else expression.func


WORDS = Words(listed="nnx.List", entry=function_of, nothing=Name("nnx.identity"))
