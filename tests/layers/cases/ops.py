"""Every function of `keras.ops` that is carried, as an output of a model: many functions, one model a group.

A group is named after its inputs. The functions of a group are its rows; `test_ops.py` compares each one's
numbers and type with Keras's own.
"""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.layers.cases.case import Feed, feed, ids

Apply = Callable[..., Any]

_TABLE = np.arange(6, dtype="float32") / 4 - 0.5
_KERNEL = np.linspace(-1, 1, 36, dtype="float32").reshape(2, 2, 3, 3)
_DEEP = np.linspace(-0.7, 1, 24, dtype="float32").reshape(2, 2, 3, 2)
_MATRIX = np.linspace(-1, 1.3, 12, dtype="float32").reshape(6, 2)
_STEPS = (np.arange(30) % 7).reshape(5, 6)


@dataclass(frozen=True)
class Group:
    """Rows over the same inputs: the name of the operation class, a dot, what is special."""

    feeds: tuple[Feed, ...]
    rows: Mapping[str, Apply]


def _unary(names: str, change: Callable[[Any, Any], Any] = lambda ops, x: x) -> dict[str, Apply]:
    """Functions of one tensor by their names; `change` brings the input to where they are defined."""
    return {name: lambda ops, x, *_, name=name: getattr(ops, name)(change(ops, x)) for name in names.split()}


def _binary(names: str) -> dict[str, Apply]:
    return {name: lambda ops, x, y, name=name: getattr(ops, name)(x, y) for name in names.split()}


def _reductions(names: str) -> dict[str, Apply]:
    rows: dict[str, Apply] = {}
    for name in names.split():
        rows |= {
            f"{name}.all": lambda ops, x, *_, name=name: getattr(ops, name)(x),
            f"{name}.last": lambda ops, x, *_, name=name: getattr(ops, name)(x, axis=-1),
            f"{name}.middle": lambda ops, x, *_, name=name: getattr(ops, name)(x, axis=1),
        }
    return rows


def _kept(names: str) -> dict[str, Apply]:
    return {
        f"{name}.kept": lambda ops, x, *_, name=name: getattr(ops, name)(x, axis=(1, 2), keepdims=True)
        for name in names.split()
    }


def _activations() -> Any:
    import keras

    return keras.activations


def _heads(ops: Any, x: Any) -> Any:
    return ops.reshape(x, (-1, 5, 2, 3))


_UNARY = _unary(
    "abs absolute arctan arcsinh cbrt ceil copy conj conjugate cos cosh deg2rad erf erfc exp exp2 expm1 fabs floor imag i0 isfinite "
    "isinf isnan isneginf isposinf isreal logical_not nan_to_num negative rad2deg real round sign signbit sin sinc sinh "
    "square stop_gradient tan tanh trunc zeros_like ones_like angle "
    "relu relu6 sigmoid silu softplus softsign hard_sigmoid hard_silu hard_tanh log_sigmoid selu elu celu gelu leaky_relu "
    "log_softmax softmax sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink soft_shrink hard_shrink glu "
)
_POSITIVE = _unary("log log10 log1p log2 sqrt rsqrt reciprocal arccosh", lambda ops, x: ops.abs(x) + 1.1)
_UNIT = _unary("arccos arcsin arctanh erfinv", lambda ops, x: ops.tanh(x) * 0.9)
_NAN = {
    f"{name}.nan": lambda ops, x, y, name=name: getattr(ops, name)(x + 0 * ops.sqrt(y), axis=-1)
    for name in "nanmax nanmin nansum nanprod nanmean nanvar nanstd nanargmax nanargmin nancumsum".split()
}

_FLOATS: dict[str, Apply] = {
    **_UNARY,
    **_POSITIVE,
    **_UNIT,
    **_binary("add subtract multiply maximum minimum arctan2 hypot logaddexp logaddexp2 equal not_equal greater greater_equal less less_equal logical_and logical_or logical_xor heaviside fmax fmin isclose allclose vdot append outer"),
    "divide": lambda ops, x, y: ops.divide(x, ops.abs(y) + 1.0),
    "true_divide": lambda ops, x, y: ops.true_divide(x, ops.abs(y) + 1.0),
    "divide_no_nan": lambda ops, x, y: ops.divide_no_nan(x, ops.relu(y)),
    "mod": lambda ops, x, y: ops.mod(x, 0.7),
    "mod.negative": lambda ops, x, y: ops.mod(x, -1.3),
    "fmod": lambda ops, x, y: ops.fmod(x, 1.3),
    "floor_divide": lambda ops, x, y: ops.floor_divide(x, 0.7),
    "power": lambda ops, x, y: ops.power(ops.abs(x) + 0.1, ops.tanh(y)),
    "power.whole": lambda ops, x, y: x**3,
    "ldexp": lambda ops, x, y: ops.ldexp(x, ops.cast(ops.round(ops.tanh(y) * 3), "int32")),
    "round.decimals": lambda ops, x, y: ops.round(x, 2),
    "clip": lambda ops, x, y: ops.clip(x, -0.7, 0.9),
    "cast.int": lambda ops, x, y: ops.cast(x, "int32"),
    "cast.bool": lambda ops, x, y: ops.cast(ops.round(x), "bool"),
    "saturate_cast": lambda ops, x, y: ops.saturate_cast(x * 40, "uint8"),
    "convert_to_tensor": lambda ops, x, y: ops.convert_to_tensor(x),
    "where": lambda ops, x, y: ops.where(x > 0.2, x, y),
    "where.numbers": lambda ops, x, y: ops.where(x > 0.2, 1, 0),
    "where.float_numbers": lambda ops, x, y: ops.where(x > 0.2, 1.5, 0),
    "select": lambda ops, x, y: ops.select([x > 1, x < -1], [x, y], 0.25),
    "full_like": lambda ops, x, y: ops.full_like(x, 3.5),
    "full_like.int": lambda ops, x, y: ops.full_like(x, 3, dtype="int32"),
    "empty_like": lambda ops, x, y: ops.empty_like(x) * 0,
    "threshold": lambda ops, x, y: ops.threshold(x, 0.4, -2.0),
    "leaky_relu.slope": lambda ops, x, y: ops.leaky_relu(x, 0.35),
    "elu.alpha": lambda ops, x, y: ops.elu(x, 0.5),
    "celu.alpha": lambda ops, x, y: ops.celu(x, 0.5),
    "gelu.exact": lambda ops, x, y: ops.gelu(x, approximate=False),
    "softmax.axis": lambda ops, x, y: ops.softmax(x, axis=1),
    "log_softmax.axis": lambda ops, x, y: ops.log_softmax(x, axis=-2),
    "glu.axis": lambda ops, x, y: ops.glu(x[:, :4], axis=1),
    "numbers": lambda ops, x, y: 2 - x * 3.5 + True,
    "array": lambda ops, x, y: x * _TABLE,
    "array.double": lambda ops, x, y: x * np.arange(6),
    "array.float64": lambda ops, x, y: x * np.arange(6.0),
    "relu.bounded": lambda ops, x, y: _activations().relu(x, negative_slope=0.1, max_value=2.5, threshold=0.3),
    "normalize": lambda ops, x, y: ops.normalize(x, axis=-1),
    "normalize.order": lambda ops, x, y: ops.normalize(x, axis=1, order=3),
    "psnr": lambda ops, x, y: ops.psnr(x, y, 4.0),
    "binary_crossentropy": lambda ops, x, y: ops.binary_crossentropy(ops.sigmoid(x), ops.sigmoid(y)),
    "binary_crossentropy.logits": lambda ops, x, y: ops.binary_crossentropy(ops.sigmoid(x), y, from_logits=True),
    "categorical_crossentropy": lambda ops, x, y: ops.categorical_crossentropy(ops.softmax(x), ops.softmax(y)),
    "categorical_crossentropy.logits": lambda ops, x, y: ops.categorical_crossentropy(ops.softmax(x), y, from_logits=True),
}  # fmt: skip

_REDUCED: dict[str, Apply] = {
    **_reductions("mean sum max min amax amin prod var std logsumexp any all argmax argmin count_nonzero average ptp cumsum cumprod nancumprod"),
    **_kept("mean sum max min var std logsumexp any all ptp norm nansum nanmax nanmean"),
    **_NAN,
    "argmax.kept": lambda ops, x, y: ops.argmax(x, axis=1, keepdims=True),
    "argmax.all_kept": lambda ops, x, y: ops.argmax(x, keepdims=True),
    "max.initial": lambda ops, x, y: ops.max(x, axis=1, initial=2.0),
    "average.weights": lambda ops, x, y: ops.average(x, axis=1, weights=np.arange(1.0, 6.0)),
    "average.tensor": lambda ops, x, y: ops.average(x, axis=1, weights=ops.abs(y)),
    "moments": lambda ops, x, y: ops.moments(x, axes=[1]),
    "moments.kept": lambda ops, x, y: ops.moments(x, axes=[0, 2], keepdims=True),
    "norm.1": lambda ops, x, y: ops.norm(x, ord=1, axis=-1),
    "norm.3": lambda ops, x, y: ops.norm(x, ord=3, axis=1),
    "norm": lambda ops, x, y: ops.norm(x, ord=2, axis=1),
    "norm.fro": lambda ops, x, y: ops.norm(x, ord="fro", axis=(1, 2)),
    "norm.matrix": lambda ops, x, y: ops.norm(x, ord=1, axis=(1, 2)),
    "median": lambda ops, x, y: ops.median(x, axis=1),
    "median.kept": lambda ops, x, y: ops.median(x, axis=-1, keepdims=True),
    "quantile": lambda ops, x, y: ops.quantile(x, 0.3, axis=1),
    "quantile.several": lambda ops, x, y: ops.quantile(x, [0.3, 0.75], axis=-1),
    "quantile.kept": lambda ops, x, y: ops.quantile(x, 0.3, axis=1, keepdims=True, method="midpoint"),
    "quantile.lower": lambda ops, x, y: ops.quantile(x, 0.3, axis=1, method="lower"),
    "quantile.nearest": lambda ops, x, y: ops.quantile(x, 0.3, axis=1, method="nearest"),
    "percentile": lambda ops, x, y: ops.percentile(x, 35, axis=1, method="higher"),
    "trapezoid": lambda ops, x, y: ops.trapezoid(x, axis=1, dx=0.5),
    "layer_normalization": lambda ops, x, y: ops.layer_normalization(x, np.ones(6, "float32") * 1.5, _TABLE),
    "rms_normalization": lambda ops, x, y: ops.rms_normalization(x, _TABLE, axis=-1),
    "batch_normalization": lambda ops, x, y: ops.batch_normalization(x, _TABLE, np.abs(_TABLE) + 1, axis=-1, offset=_TABLE, scale=_TABLE + 2),
    "batch_normalization.axis": lambda ops, x, y: ops.batch_normalization(x, _TABLE[:5], np.abs(_TABLE[:5]) + 1, axis=1),
}  # fmt: skip

_SHAPES: dict[str, Apply] = {
    "reshape": lambda ops, x, y: ops.reshape(x, (-1, 3, 10)),
    "reshape.open": lambda ops, x, y: ops.reshape(x, (-1, 6)),
    "reshape.one": lambda ops, x, y: ops.reshape(x, -1),
    "ravel": lambda ops, x, y: ops.ravel(x),
    "transpose": lambda ops, x, y: ops.transpose(x, (0, 2, 1)),
    "transpose.default": lambda ops, x, y: ops.transpose(x),
    "swapaxes": lambda ops, x, y: ops.swapaxes(x, -1, 1),
    "moveaxis": lambda ops, x, y: ops.moveaxis(x, [0, 1], [-1, 0]),
    "expand_dims": lambda ops, x, y: ops.expand_dims(x, -1),
    "expand_dims.several": lambda ops, x, y: ops.expand_dims(x, (1, -1)),
    "squeeze": lambda ops, x, y: ops.squeeze(x[:, :1], 1),
    "squeeze.all": lambda ops, x, y: ops.squeeze(x[:, :1]),
    "concatenate": lambda ops, x, y: ops.concatenate([x, y], axis=-1),
    "concatenate.types": lambda ops, x, y: ops.concatenate([x, ops.cast(y, "int32")], axis=1),
    "append.axis": lambda ops, x, y: ops.append(x, y, axis=1),
    "stack": lambda ops, x, y: ops.stack([x, y], axis=-1),
    "stack.first": lambda ops, x, y: ops.stack([x, y]),
    "hstack": lambda ops, x, y: ops.hstack([x, y]),
    "vsplit": lambda ops, x, y: ops.vsplit(ops.transpose(x, (1, 0, 2)), [2, 4]),
    "vstack": lambda ops, x, y: ops.vstack([x, y]),
    "dstack": lambda ops, x, y: ops.dstack([x, y]),
    "split": lambda ops, x, y: ops.split(x, 3, axis=-1),
    "split.at": lambda ops, x, y: ops.split(x, [1, 3], axis=1),
    "array_split": lambda ops, x, y: ops.array_split(x, 3, axis=1),
    "hsplit": lambda ops, x, y: ops.hsplit(x, [2]),
    "dsplit": lambda ops, x, y: ops.dsplit(x, 2),
    "unstack": lambda ops, x, y: ops.unstack(x, axis=1),
    "tile": lambda ops, x, y: ops.tile(x, (1, 2, 1)),
    "tile.short": lambda ops, x, y: ops.tile(x, 2),
    "repeat": lambda ops, x, y: ops.repeat(x, 2, axis=1),
    "repeat.each": lambda ops, x, y: ops.repeat(x, [1, 0, 2, 1, 3], axis=1),
    "repeat.flat": lambda ops, x, y: ops.repeat(x, 2),
    "roll": lambda ops, x, y: ops.roll(x, 2, axis=1),
    "roll.several": lambda ops, x, y: ops.roll(x, (2, -1), axis=(1, 2)),
    "roll.flat": lambda ops, x, y: ops.roll(x, 4),
    "flip": lambda ops, x, y: ops.flip(x, axis=1),
    "flip.all": lambda ops, x, y: ops.flip(x),
    "fliplr": lambda ops, x, y: ops.fliplr(x),
    "flipud": lambda ops, x, y: ops.flipud(x),
    "rot90": lambda ops, x, y: ops.rot90(x, axes=(1, 2)),
    "rot90.back": lambda ops, x, y: ops.rot90(x, k=3, axes=(1, 2)),
    "rot90.half": lambda ops, x, y: ops.rot90(x[:, :4, :4], k=2, axes=(2, 1)),
    "broadcast_to": lambda ops, x, y: ops.broadcast_to(x[0], (4, 5, 6)),
    "pad": lambda ops, x, y: ops.pad(x, ((0, 0), (1, 2), (0, 1))),
    "pad.value": lambda ops, x, y: ops.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=1.5),
    "pad.reflect": lambda ops, x, y: ops.pad(x, ((0, 0), (1, 2), (3, 1)), mode="reflect"),
    "pad.symmetric": lambda ops, x, y: ops.pad(x, ((0, 0), (1, 2), (3, 1)), mode="symmetric"),
    "getitem": lambda ops, x, y: x[:, 1],
    "getitem.negative": lambda ops, x, y: x[:, -2, ..., 1:],
    "getitem.step": lambda ops, x, y: x[:, ::2, 1:5:3],
    "getitem.back": lambda ops, x, y: x[:, ::-1, 4:1:-2],
    "getitem.back_open": lambda ops, x, y: x[:, -2::-2, :-4:-1],
    "getitem.new": lambda ops, x, y: x[:, None, 2, ..., None],
    "getitem.batch": lambda ops, x, y: x[0],
    "getitem.batch_range": lambda ops, x, y: x[1:, 3:1:-1],
    "take": lambda ops, x, y: ops.take(x, [2, 0, -1], axis=1),
    "take.one": lambda ops, x, y: ops.take(x, 3, axis=-1),
    "take.matrix": lambda ops, x, y: ops.take(x, np.array([[2, 0], [1, 1]]), axis=2),
    "take.flat": lambda ops, x, y: ops.take(x, [2, 0, 7]),
    "take_along_axis": lambda ops, x, y: ops.take_along_axis(x, ops.argsort(y, axis=1), axis=1),
    "take_along_axis.fixed": lambda ops, x, y: ops.take_along_axis(x, _STEPS[None, :2] % 5 - 2, axis=1),
    "slice": lambda ops, x, y: ops.slice(x, [0, 1, 2], [2, 2, 3]),
    "slice_update": lambda ops, x, y: ops.slice_update(x, [0, 1, 2], np.ones((1, 2, 3), "float32")),
    "scatter_update": lambda ops, x, y: ops.scatter_update(x, [[0, 1, 2], [1, 0, 5]], [7.0, 8.0]),
    "scatter_update.add": lambda ops, x, y: ops.scatter_update(x, [[0, 1], [1, 0], [0, 1]], np.ones((3, 6), "float32"), reduction="add"),
    "scatter_update.max": lambda ops, x, y: ops.scatter_update(x, [[0, 1], [1, 0]], np.full((2, 6), 0.3, "float32"), reduction="max"),
    "scatter_update.mul": lambda ops, x, y: ops.scatter_update(x, [[0], [1], [0]], np.full((3, 5, 6), 1.5, "float32"), reduction="mul"),
    "scatter": lambda ops, x, y: ops.scatter(np.array([[1], [3], [1]]), x[0, 1:4], (6, 6)),
    "diff": lambda ops, x, y: ops.diff(x, n=2, axis=1),
    "sort": lambda ops, x, y: ops.sort(x, axis=1),
    "sort.flat": lambda ops, x, y: ops.sort(x, axis=None),
    "argsort": lambda ops, x, y: ops.argsort(x),
    "argsort.ties": lambda ops, x, y: ops.argsort(ops.round(x), axis=1),
    "top_k": lambda ops, x, y: ops.top_k(x, 2),
    "top_k.ties": lambda ops, x, y: ops.top_k(ops.round(x), 4),
    "searchsorted": lambda ops, x, y: ops.searchsorted(_TABLE, x[0, 0], side="left"),
    "searchsorted.right": lambda ops, x, y: ops.searchsorted(_TABLE, ops.round(x[0, 0] * 4) / 4, side="right"),
    "digitize": lambda ops, x, y: ops.digitize(ops.round(x * 4) / 4, np.array([-0.5, 0.0, 0.25, 1.0])),
    "isin": lambda ops, x, y: ops.isin(ops.round(x), [0.0, 1.0]),
    "isin.not": lambda ops, x, y: ops.isin(ops.round(x), [0.0, 1.0], invert=True),
    "meshgrid": lambda ops, x, y: ops.meshgrid(x[0, 0], x[0, :, 0]),
    "one_hot": lambda ops, x, y: ops.one_hot(ops.argmax(x, axis=-1), 6),
    "one_hot.axis": lambda ops, x, y: ops.one_hot(ops.argmax(x, axis=-1), 6, axis=1, dtype="int32"),
    "multi_hot": lambda ops, x, y: ops.multi_hot(ops.argmax(x, axis=-1), 7),
    "segment_sum": lambda ops, x, y: ops.segment_sum(x[0], np.array([2, 0, 2, 1, 0]), 4),
    "segment_max": lambda ops, x, y: ops.segment_max(x[0], np.array([2, 0, 2, 1, 0]), 3),
    "segment_min": lambda ops, x, y: ops.segment_min(x[0], np.array([2, 0, 2, 1, 0]), 3),
    "segment_prod": lambda ops, x, y: ops.segment_prod(x[0], np.array([2, 0, 2, 1, 0]), 4),
    "in_top_k": lambda ops, x, y: ops.in_top_k(ops.argmax(y[:, 0], axis=-1), x[:, 0], 3),
    "rearrange": lambda ops, x, y: ops.rearrange(x[0], "h w -> w h"),
    "rearrange.split": lambda ops, x, y: ops.rearrange(x[0], "h (w c) -> c (w h)", c=2),
    "kron": lambda ops, x, y: ops.kron(x[0], _MATRIX),
    "extract_sequences": lambda ops, x, y: ops.extract_sequences(x, 3, 2),
    "unravel_index": lambda ops, x, y: ops.unravel_index(ops.argmax(x[:, 0], axis=-1), (2, 3)),
}  # fmt: skip

_PRODUCTS: dict[str, Apply] = {
    "matmul": lambda ops, x, y: ops.matmul(x, ops.swapaxes(y, 1, 2)),
    "matmul.matrix": lambda ops, x, y: x @ _MATRIX,
    "matmul.vector": lambda ops, x, y: x @ _TABLE,
    "matmul.from_left": lambda ops, x, y: ops.matmul(_MATRIX.T, ops.swapaxes(x, 1, 2)),
    "matmul.row": lambda ops, x, y: ops.matmul(_TABLE[:5], x),
    "matmul.ints": lambda ops, x, y: ops.matmul(ops.cast(x, "int32"), ops.cast(_MATRIX * 5, "int32")),
    "dot": lambda ops, x, y: ops.dot(x, _MATRIX),
    "dot.deep": lambda ops, x, y: ops.dot(x, np.linspace(-1, 1, 60).reshape(5, 6, 2).astype("float32")),
    "dot.vector": lambda ops, x, y: ops.dot(x, _TABLE),
    "tensordot": lambda ops, x, y: ops.tensordot(x, _MATRIX, axes=1),
    "tensordot.axes": lambda ops, x, y: ops.tensordot(x, y, axes=[[1, 2], [1, 2]]),
    "inner": lambda ops, x, y: ops.inner(x, _MATRIX.T),
    "einsum": lambda ops, x, y: ops.einsum("bij,bkj->bik", x, y),
    "einsum.ellipsis": lambda ops, x, y: ops.einsum("...j,jk->...k", x, _MATRIX),
    "einsum.implicit": lambda ops, x, y: ops.einsum("bij,bij", x, y),
    "einsum.ellipsis_both": lambda ops, x, y: ops.einsum("...ij,...kj->...ki", x, y),
    "tril": lambda ops, x, y: ops.tril(x, 1),
    "triu": lambda ops, x, y: ops.triu(x),
    "diagonal": lambda ops, x, y: ops.diagonal(x, offset=1, axis1=1, axis2=2),
    "diagonal.far": lambda ops, x, y: ops.diagonal(x, offset=-2, axis1=-2, axis2=-1),
    "diag": lambda ops, x, y: ops.diag(x[0], k=1),
    "diag.vector": lambda ops, x, y: ops.diag(x[0, 0], k=-1),
    "diagflat": lambda ops, x, y: ops.diagflat(x[0, :2, :2]),
    "trace": lambda ops, x, y: ops.trace(x, axis1=1, axis2=2),
    "cross": lambda ops, x, y: ops.cross(x[..., :3], y[..., 3:]),
    "vander": lambda ops, x, y: ops.vander(ops.tanh(x[0, 0]), 4),
    "det": lambda ops, x, y: ops.det(x[..., :5]),
    "inv": lambda ops, x, y: ops.inv(x[..., :5] + 4 * np.eye(5, dtype="float32")),
    "logdet": lambda ops, x, y: ops.logdet(ops.matmul(x, ops.swapaxes(x, 1, 2)) + np.eye(5, dtype="float32")),
    "slogdet": lambda ops, x, y: ops.slogdet(x[..., :5]),
    "cholesky": lambda ops, x, y: ops.cholesky(ops.matmul(x, ops.swapaxes(x, 1, 2)) + np.eye(5, dtype="float32")),
    "solve": lambda ops, x, y: ops.solve(x[..., :5] + 4 * np.eye(5, dtype="float32"), y),
    "solve.vector": lambda ops, x, y: ops.solve(x[..., :5] + 4 * np.eye(5, dtype="float32"), y[..., 0]),
    "solve_triangular": lambda ops, x, y: ops.solve_triangular(ops.tanh(x[..., :5]) + 4 * np.eye(5, dtype="float32"), y, lower=True),
    "pinv": lambda ops, x, y: ops.pinv(x),
    "attention": lambda ops, x, y: ops.dot_product_attention(_heads(ops, x), _heads(ops, y), _heads(ops, y) * 2),
    "attention.causal": lambda ops, x, y: ops.dot_product_attention(_heads(ops, x), _heads(ops, y), _heads(ops, y), is_causal=True, scale=0.7),
    "attention.masked": lambda ops, x, y: ops.dot_product_attention(_heads(ops, x), _heads(ops, y), _heads(ops, y), mask=(x[:, None] @ ops.swapaxes(y[:, None], 2, 3)) > 0, bias=np.linspace(-1, 1, 25, dtype="float32").reshape(1, 1, 5, 5)),
    "attention.groups": lambda ops, x, y: ops.dot_product_attention(ops.concatenate([_heads(ops, x)] * 2, 2), _heads(ops, y), _heads(ops, y)),
    "cdist": lambda ops, x, y: ops.cdist(x, y),
}  # fmt: skip

_IMAGES: dict[str, Apply] = {
    "conv": lambda ops, x: ops.conv(x, _DEEP, padding="same"),
    "conv.strides": lambda ops, x: ops.conv(x, _KERNEL, strides=2, padding="same"),
    "conv.dilated": lambda ops, x: ops.conv(x, _KERNEL, dilation_rate=(2, 1)),
    "depthwise_conv": lambda ops, x: ops.depthwise_conv(x, _DEEP, padding="same"),
    "separable_conv": lambda ops, x: ops.separable_conv(x, _DEEP, np.linspace(-1, 1, 24, dtype="float32").reshape(1, 1, 6, 4)),
    "max_pool": lambda ops, x: ops.max_pool(x, 2, 2, padding="same"),
    "max_pool.steps": lambda ops, x: ops.max_pool(x, (3, 2), 1),
    "average_pool": lambda ops, x: ops.average_pool(x, 2, 2, padding="same"),
    "adaptive_average_pool": lambda ops, x: ops.adaptive_average_pool(x, (3, 2)),
    "adaptive_max_pool": lambda ops, x: ops.adaptive_max_pool(x, (2, 4)),
    "depth_to_space": lambda ops, x: ops.depth_to_space(ops.concatenate([x, x + 1, x - 1, 2 * x], -1), 2),
    "space_to_depth": lambda ops, x: ops.space_to_depth(x[:, :6], 2),
    "resize": lambda ops, x: ops.image.resize(x, (6, 5)),
    "resize.nearest": lambda ops, x: ops.image.resize(x, (9, 11), interpolation="nearest"),
    "rgb_to_grayscale": lambda ops, x: ops.image.rgb_to_grayscale(x),
    "crop_images": lambda ops, x: ops.image.crop_images(x, 1, 2, target_height=4, target_width=3),
    "pad_images": lambda ops, x: ops.image.pad_images(x, 1, 2, target_height=11, target_width=12),
    "extract_patches": lambda ops, x: ops.image.extract_patches(x, (3, 2), strides=2),
    "mean": lambda ops, x: ops.mean(x, axis=(1, 2)),
    "concatenate": lambda ops, x: ops.concatenate([x, x * 2], axis=1),
    "getitem": lambda ops, x: x[..., 0] + x[:, :, :, 2],
    "getitem.new": lambda ops, x: ops.max_pool(x, 2)[:, :, None, 1, ::-1],
    "split": lambda ops, x: ops.split(ops.max_pool(x, 2), 3, axis=-1),
    "stack": lambda ops, x: ops.stack([ops.max_pool(x, 2), ops.average_pool(x, 2)], axis=1),
    "unstack": lambda ops, x: ops.unstack(ops.max_pool(x, 2), axis=-1),
    "reshape": lambda ops, x: ops.reshape(ops.max_pool(x, 2), (-1, 16, 3)),
    "transpose": lambda ops, x: ops.transpose(ops.max_pool(x, 2), (0, 3, 1, 2)),
    "take": lambda ops, x: ops.take(ops.max_pool(x, 2), [2, 0], axis=-1),
    "top_k": lambda ops, x: ops.top_k(ops.max_pool(x, 2), 2),
    "roll": lambda ops, x: ops.roll(ops.max_pool(x, 2), 1, axis=2),
    "sort": lambda ops, x: ops.sort(ops.max_pool(x, 2), axis=1),
    "cumsum": lambda ops, x: ops.cumsum(ops.max_pool(x, 2), axis=-1),
    "tril": lambda ops, x: ops.tril(ops.max_pool(x, 2)),
    "einsum": lambda ops, x: ops.einsum("bhwc,bhwd->bcd", ops.max_pool(x, 2), x[:, :4, :4]),
    "argmax": lambda ops, x: ops.argmax(ops.max_pool(x, 2), axis=-1),
    "where": lambda ops, x: ops.where(ops.max_pool(x, 2) > 0, ops.average_pool(x, 2), _TABLE[:3]),
    "add_vector": lambda ops, x: ops.max_pool(x, 2) + _TABLE[:3],
    "add_column": lambda ops, x: x + np.arange(8, dtype="float32").reshape(8, 1),
    "add_column.row": lambda ops, x: x + np.arange(8, dtype="float32").reshape(1, 8, 1),
    "add_square": lambda ops, x: x[:, :, :3] + np.arange(3, dtype="float32").reshape(3, 1),
    "add_rows": lambda ops, x: ops.max_pool(x, 2) * _TABLE[:4, None, None],
    "one_hot": lambda ops, x: ops.one_hot(ops.argmax(ops.max_pool(x, 2), axis=-1), 3),
}  # fmt: skip

_INTS: dict[str, Apply] = {
    **_unary("abs negative sign square"),
    **_unary("sqrt exp log sin tanh floor ceil isfinite isnan trunc round zeros_like mean sum max min prod var std any all argmax cumsum cumprod bitwise_not bitwise_invert cbrt average median"),
    "add": lambda ops, x, u, b: x + u,
    "add.number": lambda ops, x, u, b: x + 1,
    "add.float": lambda ops, x, u, b: x + 0.5,
    "add.bool": lambda ops, x, u, b: x + b,
    "multiply.bytes": lambda ops, x, u, b: u * 2,
    "divide": lambda ops, x, u, b: x / 3,
    "divide.ints": lambda ops, x, u, b: ops.divide(x, x + 1),
    "floor_divide": lambda ops, x, u, b: ops.floor_divide(x - 20, 7),
    "mod": lambda ops, x, u, b: ops.mod(x - 20, 7),
    "fmod": lambda ops, x, u, b: ops.fmod(x - 20, 7),
    "power": lambda ops, x, u, b: x**2,
    "gcd": lambda ops, x, u, b: ops.gcd(x, 12),
    "lcm": lambda ops, x, u, b: ops.lcm(x + 1, 12),
    "bitwise_and": lambda ops, x, u, b: ops.bitwise_and(x, np.array([5])),
    "bitwise_or": lambda ops, x, u, b: ops.bitwise_or(x, np.array([5])),
    "bitwise_xor": lambda ops, x, u, b: ops.bitwise_xor(x, np.array([5])),
    "left_shift": lambda ops, x, u, b: ops.left_shift(x, 2),
    "right_shift": lambda ops, x, u, b: ops.right_shift(x, 2),
    "bitwise_left_shift": lambda ops, x, u, b: ops.bitwise_left_shift(x, 1),
    "bitwise_right_shift": lambda ops, x, u, b: ops.bitwise_right_shift(x, 1),
    "greater": lambda ops, x, u, b: x > 20.5,
    "equal": lambda ops, x, u, b: ops.equal(x, u),
    "maximum": lambda ops, x, u, b: ops.maximum(x, 20),
    "maximum.float": lambda ops, x, u, b: ops.maximum(x, 20.5),
    "clip": lambda ops, x, u, b: ops.clip(x, 5, 20),
    "sum.bool": lambda ops, x, u, b: ops.sum(b, axis=1),
    "sum.bytes": lambda ops, x, u, b: ops.sum(ops.cast(u, "int8"), axis=1),
    "max.bool": lambda ops, x, u, b: ops.max(b, axis=1),
    "mean.bool": lambda ops, x, u, b: ops.mean(b, axis=1),
    "count_nonzero": lambda ops, x, u, b: ops.count_nonzero(x - 7, axis=1),
    "logical_and": lambda ops, x, u, b: ops.logical_and(x, b),
    "where": lambda ops, x, u, b: ops.where(b, x, 0.5),
    "where.ints": lambda ops, x, u, b: ops.where(b, x, u),
    "stack": lambda ops, x, u, b: ops.stack([x, u], axis=1),
    "concatenate": lambda ops, x, u, b: ops.concatenate([x, ops.cast(u, "float16")], axis=1),
    "take": lambda ops, x, u, b: ops.take(_TABLE, x % 6),
    "take.rows": lambda ops, x, u, b: ops.take(_MATRIX, x % 6, axis=0),
    "sort": lambda ops, x, u, b: ops.sort(x),
    "sort.bool": lambda ops, x, u, b: ops.sort(b),
    "one_hot": lambda ops, x, u, b: ops.one_hot(x, 30),
    "cast.half": lambda ops, x, u, b: ops.cast(x, "float16") * 0.5,
    "cast.bfloat16": lambda ops, x, u, b: ops.cast(x, "bfloat16") + 1,
    "cast.mixed": lambda ops, x, u, b: ops.cast(x, "float16") * ops.cast(u, "bfloat16"),
    "isposinf": lambda ops, x, u, b: ops.isposinf(x),
    "signbit": lambda ops, x, u, b: ops.signbit(x - 20),
    "matmul": lambda ops, x, u, b: ops.matmul(x, np.arange(18).reshape(6, 3)),
    "maximum.half": lambda ops, x, u, b: ops.maximum(ops.cast(x, "float16"), 3.25),
    "mean.half": lambda ops, x, u, b: ops.mean(ops.cast(x, "float16"), axis=1),
    "unravel_index": lambda ops, x, u, b: ops.unravel_index(x, (4, 20)),
}  # fmt: skip

GROUPS: Mapping[str, Group] = {
    "floats": Group((feed(5, 6), feed(5, 6)), _FLOATS),
    "reduced": Group((feed(5, 6), feed(5, 6)), _REDUCED),
    "shapes": Group((feed(5, 6), feed(5, 6)), _SHAPES),
    "products": Group((feed(5, 6), feed(5, 6)), _PRODUCTS),
    "images": Group((feed(8, 8, 3),), _IMAGES),
    "ints": Group((ids(6, below=50), feed(6, dtype="uint8"), feed(6, dtype="bool")), _INTS),
}
