"""The functions of `keras.ops` that generated code calls, and how a saved model holds each as a node.

A function of tensors becomes a node of a class: `ops.mean(x, axis=1)` is `Mean(axis=1)` called with `x`. What
is called with tensors comes first in a function's signature, its settings after.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from porter.dataclass import dataclass
from porter.errors import GraphError

_PLAIN = {
    "core": "stop_gradient",
    "linalg": "det inv solve",
    "math": "erf erfc erfinv rsqrt",
    "nn": """hard_sigmoid hard_silu hard_tanh log_sigmoid relu relu6 selu sigmoid silu softplus softsign
        sparse_plus sparse_sigmoid tanh_shrink""",
    "numpy": """absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_not
        bitwise_or bitwise_xor ceil copy cos cosh divide equal exp exp2 expm1 floor floor_divide fmax fmin
        fmod gcd get_item greater greater_equal hypot i0 isfinite isinf isnan lcm left_shift less less_equal
        log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor matmul
        maximum minimum mod multiply negative not_equal power reciprocal right_shift sign signbit sin sinc
        sinh slogdet sqrt square subtract tan tanh trunc where""",
}
"""By module: functions that have no settings here."""

_AXIS = {"axis": -1}
_ALONG = {"axis": None, "keepdims": False}
_REQUIRED: Any = ...

_WITH_SETTINGS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "core": {
        "cast": {"dtype": _REQUIRED},
        "scatter_update": {"reduction": None},
        "unstack": {"num": None, "axis": 0},
    },
    "linalg": {
        "cholesky": {"upper": False},
        "pinv": {"rcond": None},
        "solve_triangular": {"lower": False},
    },
    "math": {"logsumexp": _ALONG, "top_k": {"k": _REQUIRED, "sorted": True}},
    "nn": {
        "celu": {"alpha": 1.0},
        "elu": {"alpha": 1.0},
        "gelu": {"approximate": True},
        "glu": _AXIS,
        "hard_shrink": {"threshold": 0.5},
        "log_softmax": _AXIS,
        "normalize": {"axis": -1, "order": 2, "epsilon": None},
        "one_hot": {"num_classes": _REQUIRED, "axis": -1, "dtype": None, "sparse": False},
        "rms_normalization": {"axis": -1, "epsilon": None},
        "soft_shrink": {"threshold": 0.5},
        "softmax": _AXIS,
        "sparsemax": _AXIS,
        "squareplus": {"b": 4},
        "threshold": {"threshold": _REQUIRED, "default_value": _REQUIRED},
    },
    "numpy": {
        "all": _ALONG,
        "any": _ALONG,
        "argmax": _ALONG,
        "argmin": _ALONG,
        "argsort": _AXIS,
        "broadcast_to": {"shape": _REQUIRED},
        "clip": {"x_min": _REQUIRED, "x_max": _REQUIRED},
        "concatenate": {"axis": 0},
        "cross": {"axisa": -1, "axisb": -1, "axisc": -1, "axis": None},
        "cumprod": {"axis": None, "dtype": None},
        "cumsum": {"axis": None, "dtype": None},
        "diagonal": {"offset": 0, "axis1": 0, "axis2": 1},
        "expand_dims": {"axis": _REQUIRED},
        "flip": {"axis": None},
        "full_like": {"dtype": None},
        "max": {**_ALONG, "initial": None},
        "mean": _ALONG,
        "min": {**_ALONG, "initial": None},
        "moveaxis": {"source": _REQUIRED, "destination": _REQUIRED},
        "nan_to_num": {"nan": 0.0, "posinf": None, "neginf": None},
        "ones_like": {"dtype": None},
        "pad": {"pad_width": _REQUIRED, "mode": "constant"},
        "prod": {**_ALONG, "dtype": None},
        "quantile": {"axis": None, "method": "linear", "keepdims": False},
        "repeat": {"repeats": _REQUIRED, "axis": None},
        "reshape": {"newshape": _REQUIRED},
        "roll": {"shift": _REQUIRED, "axis": None},
        "round": {"decimals": 0},
        "searchsorted": {"side": "left"},
        "sort": _AXIS,
        "split": {"indices_or_sections": _REQUIRED, "axis": 0},
        "squeeze": {"axis": None},
        "stack": {"axis": 0},
        "std": _ALONG,
        "sum": _ALONG,
        "swapaxes": {"axis1": _REQUIRED, "axis2": _REQUIRED},
        "take": {"axis": None},
        "take_along_axis": {"axis": None},
        "tile": {"repeats": _REQUIRED},
        "transpose": {"axes": None},
        "tril": {"k": 0},
        "triu": {"k": 0},
        "var": _ALONG,
        "zeros_like": {"dtype": None},
    },
}
"""By module: functions with settings, in the order of their signature, with what is assumed."""

_TENSORS = {
    "cross": 2,
    "full_like": 2,
    "quantile": 2,
    "scatter_update": 3,
    "searchsorted": 2,
    "solve_triangular": 2,
    "take": 2,
    "take_along_axis": 2,
}
"""How many arguments come before the settings, where it is not one."""

_CLASSES = {"rms_normalization": "RMSNorm", "searchsorted": "SearchSorted"}
"""Where a function's class is not simply its name in capitals."""

_CALLED_WITH = {"pad": ("constant_values",), "rms_normalization": ("scale",)}
"""Named arguments that are no settings: they belong to the call."""


CLASSES = {"GroupQueryAttention": "GroupedQueryAttention"}
"""What classes are called themselves, where Keras gives them out under another name."""


@dataclass(frozen=True)
class Operation:
    """A function: module and class of its node, its settings, and how many arguments are none of them."""

    module: str
    class_name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    tensors: int | None = None  # None: all
    called_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bound:
    """A call of a function, as a node holds it."""

    operation: Operation
    config: Mapping[str, Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


def _table() -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for module, names in _PLAIN.items():
        for name in names.split():
            found[name] = Operation(f"keras.src.ops.{module}", _class(name))
    for module, functions in _WITH_SETTINGS.items():
        for name, settings in functions.items():
            called_with = _CALLED_WITH.get(name, ())
            place = f"keras.src.ops.{module}"
            found[name] = Operation(place, _class(name), settings, _TENSORS.get(name, 1), called_with)
    return found


def _class(name: str) -> str:
    return _CLASSES.get(name) or "".join(word.capitalize() for word in name.split("_"))


OPERATIONS = _table()


def bound(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Bound:
    """A call of `ops.<name>`, its arguments parted into settings and what the node is called with."""
    if name == "einsum":
        equation, *operands = args
        place = Operation("keras.src.ops.numpy", "Einsum", {"subscripts": _REQUIRED})
        return Bound(place, {"subscripts": equation}, tuple(operands), {})
    if name not in OPERATIONS:
        raise GraphError(f"keras.ops.{name} is not in the table of operations")
    operation = OPERATIONS[name]
    if operation.tensors is None:
        return Bound(operation, {}, tuple(args), kwargs)
    given, settings = args[: operation.tensors], args[operation.tensors :]
    told = dict(zip(operation.settings, settings, strict=False)) | dict(kwargs)
    beside = {key: told.pop(key) for key in operation.called_with if key in told}
    config = {**operation.settings, **told}
    missing = [key for key, value in config.items() if value is _REQUIRED]
    unknown = set(config) - set(operation.settings)
    if missing or unknown:
        raise GraphError(f"keras.ops.{name}: missing {missing}, unknown {sorted(unknown)}")
    return Bound(operation, config, tuple(given), beside)


def stem(class_name: str) -> str:
    """What a layer of a class is called that is told no name, and the group of its weights."""
    return snake_case(CLASSES.get(class_name, class_name))


def snake_case(class_name: str) -> str:
    """`Conv2DTranspose` as Keras names its objects and the groups of its weight files: `conv2d_transpose`."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
