"""Functions of TensorFlow that tf.keras 2 records as layers, as outputs of models: one row, one function."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.layers.cases.case import feed
from tests.layers.cases.ops import Group

Apply = Callable[..., Any]

_KERNEL = np.linspace(-1, 1, 36, dtype="float32").reshape(2, 2, 3, 3)
_MATRIX = np.linspace(-1, 1.3, 12, dtype="float32").reshape(6, 2)
_ROW = np.arange(6, dtype="float32") / 4 - 0.5


def _found(tf: Any, name: str) -> Any:
    for part in name.split("."):
        tf = getattr(tf, part)
    return tf


def _unary(names: str, change: Callable[[Any, Any], Any] = lambda tf, x: x) -> dict[str, Apply]:
    return {name: lambda tf, x, *_, name=name: _found(tf, name)(change(tf, x)) for name in names.split()}


_PLAIN: dict[str, Apply] = {
    **_unary(
        "abs sign square sin cos tan sinh cosh tanh floor round exp identity stop_gradient zeros_like ones_like negative "
        "math.asinh math.atan math.ceil math.erf math.erfc math.expm1 math.is_nan math.is_inf math.is_finite math.sigmoid math.softplus "
        "math.log_sigmoid math.rint nn.relu nn.relu6 nn.elu nn.selu nn.silu nn.softsign nn.gelu nn.leaky_relu nn.softmax nn.log_softmax "
        "math.reduce_mean math.reduce_sum math.reduce_max math.reduce_std math.reduce_variance math.reduce_logsumexp math.argmax "
        "math.l2_normalize convert_to_tensor math.cumsum math.cumprod size"
    ),
    **_unary("math.log sqrt math.rsqrt math.log1p math.reciprocal math.acosh", lambda tf, x: tf.abs(x) + 1.1),
    "add": lambda tf, x, y: x + 1,
    "add.left": lambda tf, x, y: tf.constant([1.0, 2, 3, 4, 5, 6]) + x,
    "radd": lambda tf, x, y: 2.5 + x,
    "subtract": lambda tf, x, y: x - _ROW,
    "rsubtract": lambda tf, x, y: 1.0 - x,
    "multiply": lambda tf, x, y: 2.0 * x * y,
    "divide": lambda tf, x, y: x / (tf.abs(y) + 1),
    "divide.ints": lambda tf, x, y: tf.cast(x * 3, "int32") / 4,
    "floordiv": lambda tf, x, y: x // 0.7,
    "floordiv.ints": lambda tf, x, y: tf.cast(x * 5, "int32") // 3,
    "mod": lambda tf, x, y: x % 0.7,
    "pow": lambda tf, x, y: x**2,
    "negative": lambda tf, x, y: -x,
    "maximum": lambda tf, x, y: tf.maximum(x, 0.1),
    "minimum": lambda tf, x, y: tf.minimum(x, y),
    "squared_difference": lambda tf, x, y: tf.math.squared_difference(x, y),
    "divide_no_nan": lambda tf, x, y: tf.math.divide_no_nan(x, tf.nn.relu(y)),
    "atan2": lambda tf, x, y: tf.math.atan2(x, y),
    "greater": lambda tf, x, y: x > 0.3,
    "equal": lambda tf, x, y: tf.equal(tf.round(x), 1.0),
    "logic": lambda tf, x, y: tf.logical_and(x > 0, ~(y > 0)) | (x < -1),
    "add_n": lambda tf, x, y: tf.add_n([x, y, x]),
    "clip": lambda tf, x, y: tf.clip_by_value(x, -0.5, 0.75),
    "cast": lambda tf, x, y: tf.cast(x, tf.int32),
    "cast.half": lambda tf, x, y: tf.cast(x, tf.float16) * 2,
    "where": lambda tf, x, y: tf.where(x > 0, x, y),
    "where.number": lambda tf, x, y: tf.where(x > 0, x, 0.0),
    "softmax.axis": lambda tf, x, y: tf.nn.softmax(x, axis=1),
    "leaky_relu.slope": lambda tf, x, y: tf.nn.leaky_relu(x, alpha=0.1),
    "reduce.axes": lambda tf, x, y: tf.reduce_mean(x, axis=[1, 2], keepdims=True),
    "reduce.any": lambda tf, x, y: tf.reduce_any(x > 3, axis=1),
    "reduce_prod": lambda tf, x, y: tf.reduce_prod(x, -1),
    "argmin": lambda tf, x, y: tf.argmin(x, axis=-1, output_type=tf.int32),
    "cumsum.back": lambda tf, x, y: tf.cumsum(x, axis=1, exclusive=True, reverse=True),
    "norm": lambda tf, x, y: tf.norm(x, axis=-1),
    "norm.order": lambda tf, x, y: tf.norm(x, ord=1, axis=1, keepdims=True),
    "l2_normalize": lambda tf, x, y: tf.nn.l2_normalize(x, axis=[1, 2]),
    "moments": lambda tf, x, y: tf.nn.moments(x, axes=[1]),
    "top_k": lambda tf, x, y: tf.math.top_k(x, 2),
    "sort": lambda tf, x, y: tf.sort(x, axis=1, direction="DESCENDING"),
    "argsort": lambda tf, x, y: tf.argsort(x, axis=-1),
    "count_nonzero": lambda tf, x, y: tf.math.count_nonzero(tf.round(x), axis=1),
    "backend": lambda tf, x, y: tf.keras.backend.mean(x, axis=1),
}  # fmt: skip

_SHAPES: dict[str, Apply] = {
    "reshape": lambda tf, x, y: tf.reshape(x, [-1, 3, 10]),
    "reshape.shape": lambda tf, x, y: tf.reshape(x, (tf.shape(x)[0], 30)),
    "reshape.product": lambda tf, x, y: tf.reshape(x, [-1, tf.shape(x)[1] * tf.shape(x)[2]]),
    "reshape.concat": lambda tf, x, y: tf.reshape(x, tf.concat([tf.shape(x)[:1], [6, 5]], 0)),
    "reshape.stack": lambda tf, x, y: tf.reshape(x, tf.stack([tf.shape(x)[0], 2, 15])),
    "reshape.unstack": lambda tf, x, y: tf.reshape(x, [tf.unstack(tf.shape(x))[0], 1, 30]),
    "reshape.quotient": lambda tf, x, y: tf.reshape(x, [tf.shape(x)[0], 5, tf.shape(x)[2] // 2, 2]),
    "shape.number": lambda tf, x, y: x / tf.cast(tf.shape(x)[2], "float32"),
    "transpose": lambda tf, x, y: tf.transpose(x, [0, 2, 1]),
    "transpose.default": lambda tf, x, y: tf.transpose(x),
    "concat": lambda tf, x, y: tf.concat([x, y], axis=-1),
    "stack": lambda tf, x, y: tf.stack([x, y], axis=1),
    "unstack": lambda tf, x, y: tf.unstack(x, axis=1),
    "split": lambda tf, x, y: tf.split(x, 3, axis=-1),
    "split.sizes": lambda tf, x, y: tf.split(x, [1, -1], axis=1),
    "getitem": lambda tf, x, y: x[:, 1:, 0],
    "getitem.ellipsis": lambda tf, x, y: x[..., 1:3],
    "getitem.new": lambda tf, x, y: x[:, tf.newaxis, ::-1],
    "getitem.size": lambda tf, x, y: x[:, 1 : tf.shape(x)[1]],
    "getitem.step": lambda tf, x, y: x[:, ::2, -1],
    "getitem.one": lambda tf, x, y: x[1],
    "expand_dims": lambda tf, x, y: tf.expand_dims(x, 1),
    "expand_dims.last": lambda tf, x, y: tf.expand_dims(x, -1),
    "squeeze": lambda tf, x, y: tf.squeeze(x[:, :1], [1]),
    "squeeze.all": lambda tf, x, y: tf.squeeze(x[:, :1]),
    "tile": lambda tf, x, y: tf.tile(x, [1, 2, 1]),
    "repeat": lambda tf, x, y: tf.repeat(x, 2, axis=1),
    "repeat.each": lambda tf, x, y: tf.repeat(x, [1, 0, 2, 1, 3], axis=1),
    "reverse": lambda tf, x, y: tf.reverse(x, [1]),
    "roll": lambda tf, x, y: tf.roll(x, 2, 1),
    "pad": lambda tf, x, y: tf.pad(x, [[0, 0], [1, 2], [0, 1]]),
    "pad.value": lambda tf, x, y: tf.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=-1.5),
    "pad.reflect": lambda tf, x, y: tf.pad(x, [[0, 0], [1, 2], [3, 0]], "REFLECT"),
    "broadcast_to": lambda tf, x, y: tf.broadcast_to(x[:, :1], tf.shape(x)),
    "broadcast_to.batch": lambda tf, x, y: tf.broadcast_to(_ROW, tf.shape(x)) + x,
    "tile.batch": lambda tf, x, y: tf.tile(_MATRIX[None], [tf.shape(x)[0], 1, 2]),
    "zeros": lambda tf, x, y: tf.concat([tf.zeros((tf.shape(x)[0], 1, 6)), x], 1),
    "fill": lambda tf, x, y: tf.fill([tf.shape(x)[0], 2], 1.5),
    "ones": lambda tf, x, y: x + tf.ones((tf.shape(x)[0], 1, 1)),
    "slice": lambda tf, x, y: tf.slice(x, [0, 1, 2], [-1, 2, 3]),
    "gather": lambda tf, x, y: tf.gather(x, [0, 2], axis=1),
    "gather.first": lambda tf, x, y: tf.gather(_MATRIX, tf.argmax(x, -1)),
    "gather.rows": lambda tf, x, y: tf.gather(x, tf.argmax(y, -1, output_type="int32") % 5, axis=1, batch_dims=1),
    "gather_nd": lambda tf, x, y: tf.gather_nd(x, tf.argmax(y, 1, output_type="int32")[:, :, None], batch_dims=1),
    "one_hot": lambda tf, x, y: tf.one_hot(tf.argmax(x, -1), 6),
    "one_hot.axis": lambda tf, x, y: tf.one_hot(tf.argmax(x, -1), 6, axis=1, dtype="int32"),
    "matmul": lambda tf, x, y: tf.matmul(x, y, transpose_b=True),
    "matmul.operator": lambda tf, x, y: x @ tf.transpose(y, [0, 2, 1]),
    "matmul.matrix": lambda tf, x, y: tf.matmul(x, _MATRIX),
    "tensordot": lambda tf, x, y: tf.tensordot(x, _MATRIX, 1),
    "tensordot.axes": lambda tf, x, y: tf.tensordot(x, y, [[1, 2], [1, 2]]),
    "band_part": lambda tf, x, y: tf.linalg.band_part(x, 1, 0),
    "diag_part": lambda tf, x, y: tf.linalg.diag_part(x[..., :5]),
    "det": lambda tf, x, y: tf.linalg.det(x[..., :5]),
    "inv": lambda tf, x, y: tf.linalg.inv(x[..., :5] + 4 * tf.eye(5)),
}  # fmt: skip

_IMAGES: dict[str, Apply] = {
    "conv2d": lambda tf, x: tf.nn.conv2d(x, _KERNEL, 1, "SAME"),
    "conv2d.strides": lambda tf, x: tf.nn.conv2d(x, _KERNEL, [1, 2, 2, 1], "VALID"),
    "depthwise": lambda tf, x: tf.nn.depthwise_conv2d(x, _KERNEL, [1, 1, 1, 1], "SAME"),
    "max_pool": lambda tf, x: tf.nn.max_pool2d(x, 2, 2, "SAME"),
    "avg_pool": lambda tf, x: tf.nn.avg_pool2d(x, [3, 2], 1, "VALID"),
    "bias_add": lambda tf, x: tf.nn.bias_add(tf.nn.max_pool2d(x, 2, 2, "SAME"), [1.0, 2.0, 3.0]),
    "resize": lambda tf, x: tf.image.resize(x, (6, 5)),
    "resize.nearest": lambda tf, x: tf.image.resize(x, (11, 9), method="nearest"),
    "resize.bicubic": lambda tf, x: tf.image.resize(x, (11, 9), method="bicubic"),
    "resize.old": lambda tf, x: tf.compat.v1.image.resize(x, (11, 5)),
    "resize.corners": lambda tf, x: tf.compat.v1.image.resize(x, (11, 5), align_corners=True),
    "resize.old_nearest": lambda tf, x: tf.compat.v1.image.resize_nearest_neighbor(x, (11, 5)),
    "resize.nearest_corners": lambda tf, x: tf.compat.v1.image.resize_nearest_neighbor(x, (11, 5), align_corners=True),
    "resize.area": lambda tf, x: tf.compat.v1.image.resize_area(x, (4, 2)),
    "lrn": lambda tf, x: tf.nn.local_response_normalization(x, 1, bias=2.0, alpha=0.1, beta=0.75),
    "crop": lambda tf, x: tf.image.crop_to_bounding_box(x, 1, 2, 4, 5),
    "central_crop": lambda tf, x: tf.image.central_crop(x, 0.6),
    "contrast": lambda tf, x: tf.image.adjust_contrast(x, 1.5),
    "patches": lambda tf, x: tf.image.extract_patches(x, [1, 3, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"),
    "crelu": lambda tf, x: tf.nn.crelu(x),
    "grayscale": lambda tf, x: tf.image.rgb_to_grayscale(x),
    "flip": lambda tf, x: tf.image.flip_left_right(x),
    "standardize": lambda tf, x: tf.image.per_image_standardization(x),
    "depth_to_space": lambda tf, x: tf.nn.depth_to_space(tf.concat([x, x * 2, x + 1, x - 1], -1), 2),
    "space_to_depth": lambda tf, x: tf.nn.space_to_depth(x, 2),
    "mean": lambda tf, x: tf.reduce_mean(x, [1, 2]),
    "channels": lambda tf, x: tf.nn.max_pool2d(x, 2, 2, "SAME")[..., ::-1],
    "batch_norm": lambda tf, x: tf.nn.batch_normalization(x, *(np.float32(row) for row in ([0.1, 0.2, 0.3], [1.0, 2.0, 0.5], [0.0, 1.0, 2.0], [1.0, 0.5, 2.0])), 1e-3),
}  # fmt: skip

GROUPS: Mapping[str, Group] = {
    "plain": Group((feed(5, 6), feed(5, 6)), _PLAIN),
    "shapes": Group((feed(5, 6), feed(5, 6)), _SHAPES),
    "images": Group((feed(8, 8, 3),), _IMAGES),
}
