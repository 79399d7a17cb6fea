"""The arrays that a layer of Keras 0 or 1 has on disk, and how today's variables are made of them.

Everything about a kernel's layout is in an axis string: `o i ~h ~w -> h w i o` is a kernel that Theano wrote,
channels first and turned round. For Keras 2 on Theano only the turning is left (`TURNED`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

import numpy as np

from converters.keras.legacy.conventions import conventions
from converters.keras.spec import LayerSpec
from converters.keras.upgrade import Writer
from porter.dataclass import dataclass
from porter.weights.tensor import Derived, Tensor, moved

Making = Callable[[Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True)
class Recipe:
    """`arrays` in the order of the file, those that training does not change (`fixed`) last."""

    arrays: tuple[str, ...]
    variables: Mapping[str, tuple[tuple[str, ...], Making]]
    fixed: tuple[str, ...] = ()
    idle: Mapping[str, str] = field(default_factory=dict)  # stored, but without a meaning: the reason


RecipeRule = Callable[[LayerSpec, Writer], tuple[Recipe, ...]]


def taken(name: str, move: str = "") -> tuple[tuple[str, ...], Making]:
    """One array, rearranged."""
    return (name,), lambda arrays: moved(arrays[name], move) if move else arrays[name]


def beside(names: str, move: str = "") -> tuple[tuple[str, ...], Making]:
    """Several arrays, each rearranged, side by side along the last axis."""
    parts = tuple(names.split())

    def make(arrays: Mapping[str, Tensor]) -> Tensor:
        pieces = tuple(moved(arrays[name], move) if move else arrays[name] for name in parts)
        width = sum(piece.shape[-1] for piece in pieces)
        shape = (*pieces[0].shape[:-1], width)
        return Derived(pieces, f"side by side: {names}", shape, pieces[0].dtype, _joined)

    return parts, make


def _joined(*arrays: np.ndarray) -> np.ndarray:
    return np.concatenate(arrays, axis=-1)


def _plain(names: str, **variables: str) -> tuple[Recipe, ...]:
    """Arrays that are variables as they are."""
    return (Recipe(tuple(names.split()), {name: taken(array) for name, array in variables.items()}),)


def _first(layer: LayerSpec) -> bool:
    return layer.config.get("data_format") == "channels_first"


def _turn(writer: Writer) -> str:
    return "~" if conventions(writer).turned else ""


def _conv(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    turn = _turn(writer)
    move = f"o i {turn}*s -> *s i o" if _first(layer) else f"{turn}*s i o -> *s i o"
    return (Recipe(("W", "b"), {"kernel": taken("W", move), "bias": taken("b")}),)


def _conv_1d(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    turn = _turn(writer)
    old = writer.release < (1, 1)
    move = f"o i {turn}t 1 -> t i o" if old else f"{turn}t 1 i o -> t i o"
    return (Recipe(("W", "b"), {"kernel": taken("W", move), "bias": taken("b")}),)


def _deconv(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    turn = _turn(writer)
    move = f"o i {turn}*s -> *s o i" if _first(layer) else f"{turn}*s i o -> *s o i"
    return (Recipe(("W", "b"), {"kernel": taken("W", move), "bias": taken("b")}),)


def _separable(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    first = _first(layer)
    variables = {
        "depthwise_kernel": taken("depthwise", "m i *s -> *s i m" if first else ""),
        "pointwise_kernel": taken("pointwise", "o i *s -> *s i o" if first else ""),
        "bias": taken("b"),
    }
    return (Recipe(("depthwise", "pointwise", "b"), variables),)


def _gated(gates: str, order: str, move: str = "") -> Recipe:
    """An array per gate: `gates` in the order of the file, `order` in Keras 2's."""
    arrays = tuple(f"{part}_{gate}" for gate in gates for part in "WUb")
    variables = {
        "kernel": beside(" ".join(f"W_{gate}" for gate in order), move),
        "recurrent_kernel": beside(" ".join(f"U_{gate}" for gate in order), move),
        "bias": beside(" ".join(f"b_{gate}" for gate in order)),
    }
    return Recipe(arrays, variables)


(_WHOLE,) = _plain("W U b", kernel="W", recurrent_kernel="U", bias="b")


def _either(layer: LayerSpec, split: Recipe) -> tuple[Recipe, ...]:
    """`consume_less="gpu"` holds all gates in one array, but not in the first versions that knew the word."""
    return (_WHOLE, split) if layer.config.get("implementation") == 2 else (split, _WHOLE)


def _lstm(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    return _either(layer, _gated("icfo", "ifco"))


def _gru(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    return _either(layer, _gated("zrh", "zrh"))


def _conv_lstm(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    turn = _turn(writer)
    move = f"o i {turn}*s -> *s i o" if _first(layer) else f"{turn}*s i o -> *s i o"
    return (_gated("icfo", "ifco", move),)


def _embedding(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    """Keras 0 scaled the table by the share that its dropout kept, in use as well."""
    told = layer.config.get("dropout")
    kept = 1.0 - (told if isinstance(told, (int, float)) else 0.0)
    if writer.generation > 0 or kept == 1.0:
        return _plain("W", embeddings="W")

    def scaled(arrays: Mapping[str, Tensor]) -> Tensor:
        table = arrays["W"]
        return Derived(
            (table,), f"times {kept:g}", table.shape, table.dtype, lambda x: (x * kept).astype(x.dtype)
        )

    return (Recipe(("W",), {"embeddings": (("W",), scaled)}),)


def _highway(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    old = writer.release < (1, 2)
    arrays = "W b W_carry b_carry" if old else "W W_carry b b_carry"
    names = {"kernel": "W", "carry_kernel": "W_carry", "bias": "b", "carry_bias": "b_carry"}
    other = "W W_carry b b_carry" if old else "W b W_carry b_carry"
    return (*_plain(arrays, **names), *_plain(other, **names))


STATISTICS = ("running_mean", "running_std")
ADDED: Mapping[str, tuple[str, Callable[[np.ndarray, float], np.ndarray]]] = {
    "deviation": ("(deviation + {})^2", lambda stored, epsilon: np.square(stored + epsilon)),
    "beside": ("(sqrt(variance) + {})^2", lambda stored, epsilon: np.square(np.sqrt(stored) + epsilon)),
}
"""What stands for the variance where epsilon is added outside the root."""


def _batch_norm(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    variance = taken("running_std")
    added = layer.config.get("added_epsilon")
    if added is not None:
        variance = (("running_std",), _widened(conventions(writer).batch_norm, float(added)))
    variables = {
        "gamma": taken("gamma"),
        "beta": taken("beta"),
        "moving_mean": taken("running_mean"),
        "moving_variance": variance,
    }
    return (Recipe(("gamma", "beta", *STATISTICS), variables, fixed=STATISTICS),)


def _widened(kind: str, epsilon: float) -> Making:
    formula, compute = ADDED[kind]

    def make(arrays: Mapping[str, Tensor]) -> Tensor:
        stored = arrays["running_std"]
        text = formula.format(f"{epsilon:g}")
        return Derived((stored,), text, stored.shape, stored.dtype, lambda x: _rounded(compute, x, epsilon))

    return make


def _rounded(
    compute: Callable[[np.ndarray, float], np.ndarray], stored: np.ndarray, epsilon: float
) -> np.ndarray:
    return compute(stored.astype("float64"), epsilon).astype(stored.dtype)


def _without_statistics(layer: LayerSpec, writer: Writer) -> tuple[Recipe, ...]:
    reason = "a running statistic, which this mode of batch normalization does not use"
    variables = {"gamma": taken("gamma"), "beta": taken("beta")}
    whole = Recipe(("gamma", "beta", *STATISTICS), variables, STATISTICS, dict.fromkeys(STATISTICS, reason))
    return whole, Recipe(("gamma", "beta"), variables)


RECIPES: Mapping[str, RecipeRule] = {
    "BatchNormalization": _batch_norm,
    "BatchNormalizationMode1": _without_statistics,
    "BatchNormalizationMode2": _without_statistics,
    "Conv1D": _conv_1d,
    "Conv2D": _conv,
    "Conv2DTranspose": _deconv,
    "Conv3D": _conv,
    "ConvLSTM2D": _conv_lstm,
    "Dense": lambda layer, writer: _plain("W b", kernel="W", bias="b"),
    "Embedding": _embedding,
    "GRU": _gru,
    "Highway": _highway,
    "LSTM": _lstm,
    "LocallyConnected1D": lambda layer, writer: _plain("W b", kernel="W", bias="b"),
    "LocallyConnected2D": lambda layer, writer: _plain("W b", kernel="W", bias="b"),
    "MaxoutDense": lambda layer, writer: _plain("W b", kernel="W", bias="b"),
    "PReLU": lambda layer, writer: _plain("alphas", alpha="alphas"),
    "ParametricSoftplus": lambda layer, writer: _plain("alphas betas", alpha="alphas", beta="betas"),
    "SReLU": lambda layer, writer: _plain(
        "t_left a_left t_right a_right",
        t_left="t_left",
        a_left="a_left",
        t_right="t_right",
        a_right="a_right",
    ),
    "SeparableConv2D": _separable,
    "SimpleRNN": lambda layer, writer: (_WHOLE,),
}

_KERNEL = {"kernel": "~*s i o -> *s i o"}
TURNED: Mapping[str, Mapping[str, str]] = {
    "Conv1D": _KERNEL,
    "Conv2D": _KERNEL,
    "Conv2DTranspose": {"kernel": "~*s o i -> *s o i"},
    "Conv3D": _KERNEL,
    "Conv3DTranspose": {"kernel": "~*s o i -> *s o i"},
    "ConvLSTM2D": {**_KERNEL, "recurrent_kernel": "~*s i o -> *s i o"},
    "ConvLSTM2DCell": {**_KERNEL, "recurrent_kernel": "~*s i o -> *s i o"},
}
"""Variables of Keras 2 on Theano that lie turned round in space. Depthwise and separable kernels do not."""


def turned(layer: LayerSpec, variable: str, tensor: Tensor) -> Tensor:
    """The variable of a layer that Keras 2 wrote on Theano, as everyone else has it."""
    move = TURNED.get(layer.class_name, {}).get(variable)
    return moved(tensor, move) if move else tensor


def recipes(layer: LayerSpec, writer: Writer) -> Sequence[Recipe]:
    """The ways in which the writer can have stored this layer, the likeliest first."""
    rule = RECIPES.get(layer.class_name)
    return rule(layer, writer) if rule else ()
