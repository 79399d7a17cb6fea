"""Rows of the core layers: dense, embedding, masking, scaling."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.layers.cases.case import Feed, LayerCase, feed, functional, ids, keras3, row

_DENSE = (
    row("dense", "Dense", feed(5), units=4),
    row("dense_no_bias", "Dense", feed(5), units=4, use_bias=False),
    row("dense_one_unit", "Dense", feed(5), units=1),
    row("dense_3d", "Dense", feed(6, 5), units=4),
    row("dense_3d_relu", "Dense", feed(6, 5), units=4, activation="relu"),
    row("dense_3d_dynamic", "Dense", feed(None, 5), units=4),
    row("dense_4d", "Dense", feed(4, 3, 5), units=6),
    row("dense_4d_softmax", "Dense", feed(4, 3, 5), units=6, activation="softmax"),
    row("dense_5d", "Dense", feed(2, 4, 3, 5), units=2, activation="tanh"),
)

_EMBEDDING = (
    row("embedding", "Embedding", ids(7, below=11), input_dim=11, output_dim=4),
    row("embedding_dynamic", "Embedding", ids(None, below=11), input_dim=11, output_dim=4),
    row("embedding_2d_ids", "Embedding", ids(3, 5, below=9), input_dim=9, output_dim=4),
    row("embedding_int64", "Embedding", ids(7, below=11, dtype="int64"), input_dim=11, output_dim=4),
    row("embedding_float_ids", "Embedding", ids(7, below=11, dtype="float32"), input_dim=11, output_dim=4),
    row(
        "embedding_mask_zero", "Embedding", ids(7, below=11, padded=True),
        input_dim=11, output_dim=4, mask_zero=True,
    ),
)  # fmt: skip


def _adapted(name: str, one: Feed, **config: Any) -> LayerCase:
    """A Normalization layer whose mean and variance were learnt from data and lie in the weights."""

    def build(keras: Any) -> Any:
        layer = keras.layers.Normalization(name="layer", **config)
        rng = np.random.default_rng(5)
        slope = np.linspace(1.0, 3.0, int(np.prod(one.shape))).reshape(one.shape)
        layer.adapt((rng.normal(size=(20, *one.shape)) * slope + slope).astype("float32"))
        return functional(keras, (one,), layer)

    return LayerCase(name, build, (one,), covers=("Normalization",))


_SCALING = (
    row("rescaling", "Rescaling", feed(4, 5, 3), scale=1 / 127.5, offset=-1.0),
    row("rescaling_scale_only", "Rescaling", feed(5), scale=0.25),
    row("rescaling_per_channel", "Rescaling", feed(4, 5, 3), scale=[0.5, 2.0, 3.0], offset=[1.0, 0.0, -1.0]),
    row("rescaling_bytes", "Rescaling", feed(4, 5, 3, dtype="uint8"), scale=1 / 255),
    row("normalization_given", "Normalization", feed(4, 3), mean=[1.0, 2.0, 3.0], variance=[0.5, 2.0, 4.0]),
    row("normalization_given_scalar", "Normalization", feed(4, 3), axis=None, mean=2.0, variance=4.0),
    keras3(
        row(
            "normalization_given_invert", "Normalization", feed(4, 3),
            mean=[1.0, 2.0, 3.0], variance=[0.5, 2.0, 4.0], invert=True,
        )
    ),
    _adapted("normalization_adapted", feed(5)),
    _adapted("normalization_adapted_image", feed(4, 6, 3)),
    _adapted("normalization_adapted_axis_1", feed(3, 5, 4), axis=1),
    _adapted("normalization_adapted_two_axes", feed(3, 4), axis=(1, 2)),
    _adapted("normalization_adapted_no_axis", feed(4, 3), axis=None),
    _adapted("normalization_adapted_invert", feed(5), invert=True),
)  # fmt: skip

_PASSING_THROUGH = (
    keras3(row("identity", "Identity", feed(4, 3))),
    row("masking", "Masking", feed(6, 4), mask_value=0.0),
    row("activity_regularization", "ActivityRegularization", feed(4), l1=0.1, l2=0.2),
)

CASES: tuple[LayerCase, ...] = (*_DENSE, *_EMBEDDING, *_SCALING, *_PASSING_THROUGH)
