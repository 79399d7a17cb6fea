"""Rows of the normalization layers."""

from __future__ import annotations

from typing import Any

from tests.layers.cases.case import Feed, LayerCase, feed, functional, ids, keras3, row

_VECTOR, _SEQUENCE, _IMAGE, _VOLUME = feed(6), feed(5, 6), feed(4, 5, 6), feed(3, 4, 5, 2)

_BATCH = (
    row("batch_norm", "BatchNormalization", _VECTOR),
    row("batch_norm_sequence", "BatchNormalization", _SEQUENCE),
    row("batch_norm_image", "BatchNormalization", _IMAGE),
    row("batch_norm_volume", "BatchNormalization", _VOLUME),
    row("batch_norm_epsilon", "BatchNormalization", _IMAGE, epsilon=0.05, momentum=0.8),
    row("batch_norm_no_scale", "BatchNormalization", _IMAGE, scale=False),
    row("batch_norm_no_center", "BatchNormalization", _IMAGE, center=False),
    row("batch_norm_bare", "BatchNormalization", _IMAGE, center=False, scale=False),
    row("batch_norm_axis_1", "BatchNormalization", _IMAGE, axis=1),
    row("batch_norm_axis_2", "BatchNormalization", _IMAGE, axis=2),
    row("batch_norm_sequence_axis_1", "BatchNormalization", _SEQUENCE, axis=1),
    row("batch_norm_volume_axis_1", "BatchNormalization", _VOLUME, axis=1, scale=False),
    row("batch_norm_dynamic", "BatchNormalization", feed(None, None, 3)),
    row("batch_norm_frozen", "BatchNormalization", _IMAGE, trainable=False),
)

_LAYER = (
    row("layer_norm", "LayerNormalization", _VECTOR),
    row("layer_norm_sequence", "LayerNormalization", _SEQUENCE, epsilon=1e-5),
    row("layer_norm_image", "LayerNormalization", _IMAGE),
    row("layer_norm_no_scale", "LayerNormalization", _SEQUENCE, scale=False),
    row("layer_norm_no_center", "LayerNormalization", _SEQUENCE, center=False),
    row("layer_norm_bare", "LayerNormalization", _SEQUENCE, center=False, scale=False),
    row("layer_norm_axis_1", "LayerNormalization", _SEQUENCE, axis=1),
    row("layer_norm_two_axes", "LayerNormalization", _IMAGE, axis=[1, 2]),
    row("layer_norm_all_axes", "LayerNormalization", _IMAGE, axis=[1, 2, 3]),
    row("layer_norm_last_two", "LayerNormalization", _IMAGE, axis=[-2, -1]),
)

_GROUP = (
    row("group_norm", "GroupNormalization", _IMAGE, groups=2),
    row("group_norm_sequence", "GroupNormalization", _SEQUENCE, groups=3),
    row("group_norm_vector", "GroupNormalization", _VECTOR, groups=2),
    row("group_norm_one_group", "GroupNormalization", _IMAGE, groups=1),
    row("group_norm_instance", "GroupNormalization", _IMAGE, groups=-1),
    row("group_norm_axis_1", "GroupNormalization", feed(6, 4, 5), groups=2, axis=1),
    row("group_norm_bare", "GroupNormalization", _IMAGE, groups=2, center=False, scale=False, epsilon=0.01),
    row("group_norm_no_center", "GroupNormalization", _IMAGE, groups=3, center=False),
)  # fmt: skip

_OTHERS = (
    keras3(row("rms_norm", "RMSNormalization", _VECTOR)),
    keras3(row("rms_norm_sequence", "RMSNormalization", _SEQUENCE, epsilon=0.01)),
    keras3(row("rms_norm_two_axes", "RMSNormalization", _SEQUENCE, axis=[-2, -1])),
    keras3(row("rms_norm_image", "RMSNormalization", _IMAGE)),
    row("unit_norm", "UnitNormalization", _VECTOR),
    row("unit_norm_image", "UnitNormalization", _IMAGE),
    row("unit_norm_axis_1", "UnitNormalization", _IMAGE, axis=1),
    row("unit_norm_two_axes", "UnitNormalization", _IMAGE, axis=[1, 2]),
)


def _spectral(name: str, one: Feed, inner: str, **config: Any) -> LayerCase:
    def build(keras: Any) -> Any:
        wrapped = getattr(keras.layers, inner)(name="inner", **config)
        layer = keras.layers.SpectralNormalization(wrapped, power_iterations=2, name="layer")
        return functional(keras, (one,), layer)

    # tf_keras 2.21 fails here: its own check of the input spec wants the class of Keras 3.
    return LayerCase(name, build, (one,), covers=("SpectralNormalization", inner), tf_keras=False)


_SPECTRAL = (
    _spectral("spectral_norm_dense", feed(5), "Dense", units=4),
    _spectral("spectral_norm_conv2d", feed(6, 5, 3), "Conv2D", filters=4, kernel_size=3),
    _spectral("spectral_norm_embedding", ids(6, below=9), "Embedding", input_dim=9, output_dim=4),
)

CASES: tuple[LayerCase, ...] = (*_BATCH, *_LAYER, *_GROUP, *_OTHERS, *_SPECTRAL)
