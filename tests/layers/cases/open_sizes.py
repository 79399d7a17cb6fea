"""Models whose sizes are open: what each family of layers does to images and sequences of any size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Build = Callable[[Any, Any], Any]


def _one(name: str, *args: Any, **config: Any) -> Build:
    return lambda layers, x: getattr(layers, name)(*args, **config, name="layer")(x)


def _around(wrapper: str, name: str, *args: Any, **config: Any) -> Build:
    """A wrapper around one layer."""

    def build(layers: Any, x: Any) -> Any:
        return getattr(layers, wrapper)(getattr(layers, name)(*args, **config, name="inner"), name="layer")(x)

    return build


def _same(name: str, **config: Any) -> Build:
    return _one(name, padding="same", **config)


def _skips(layers: Any, x: Any) -> Any:
    """A U-Net's two levels; an odd size is rounded up alike on both ways."""
    low = layers.Conv2D(6, 3, strides=2, padding="same", name="low")(x)
    up = layers.Conv2DTranspose(4, 2, strides=2, name="up")(low)
    coarse = layers.MaxPooling2D(2, padding="same", name="pool")(x)
    skip = layers.UpSampling2D(2, interpolation="bilinear", name="skip")(coarse)
    return layers.Concatenate(name="join")([up, skip])


def _residual(layers: Any, x: Any) -> Any:
    y = layers.Conv2D(3, 3, padding="same", use_bias=False, name="conv")(x)
    y = layers.BatchNormalization(name="norm")(y)
    return layers.ReLU(name="relu")(layers.Add(name="add")([x, y]))


def _excited(layers: Any, x: Any) -> Any:
    """Channels are weighted by what stands in the whole image."""
    y = layers.Conv2D(8, 3, strides=2, padding="same", name="conv")(x)
    weights = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(y)
    weights = layers.Conv2D(8, 1, activation="sigmoid", name="excite")(weights)
    return layers.Multiply(name="scale")([y, weights])


def _excited_by_reshape(layers: Any, x: Any) -> Any:
    weights = layers.Dense(3, activation="sigmoid", name="excite")(
        layers.GlobalMaxPooling2D(name="squeeze")(x)
    )
    return layers.Multiply(name="scale")([x, layers.Reshape((1, 1, 3), name="each")(weights)])


def _pyramid(layers: Any, x: Any) -> Any:
    """A dilated convolution, a pointwise one and the image's mean, side by side."""
    wide = layers.Conv2D(4, 3, dilation_rate=2, padding="same", name="wide")(x)
    point = layers.Conv2D(4, 1, name="point")(x)
    deep = layers.DepthwiseConv2D(3, padding="same", name="deep")(x)
    return layers.Concatenate(name="join")([wide, point, deep])


def _as_sequence(layers: Any, x: Any) -> Any:
    """An image read as a sequence of its cells."""
    y = layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(x)
    y = layers.Reshape((-1, 4), name="cells")(y)
    return layers.GRU(5, name="gru")(y)


def _columns(layers: Any, x: Any) -> Any:
    """Text in an image: each column is a step."""
    y = layers.Conv2D(4, 3, padding="same", name="conv")(x)
    y = layers.MaxPooling2D((2, 1), name="pool")(y)
    y = layers.Permute((2, 1, 3), name="turn")(y)
    y = layers.TimeDistributed(layers.GlobalAveragePooling1D(name="inner"), name="steps")(y)
    y = layers.Bidirectional(layers.LSTM(5, return_sequences=True, name="lstm"), name="both")(y)
    return layers.Dense(7, activation="softmax", name="signs")(y)


def _gated(layers: Any, x: Any) -> Any:
    """One of WaveNet's blocks."""
    kinds = [
        layers.Conv1D(6, 2, dilation_rate=2, padding="causal", activation=kind, name=kind)(x)
        for kind in ("tanh", "sigmoid")
    ]
    y = layers.Conv1D(5, 1, name="narrow")(layers.Multiply(name="gate")(kinds))
    return layers.Add(name="add")([x, y])


def _encoder(layers: Any, x: Any) -> Any:
    y = layers.MultiHeadAttention(2, 3, name="attention")(x, x, use_causal_mask=True)
    y = layers.LayerNormalization(name="norm")(layers.Add(name="add")([x, y]))
    return layers.Dense(4, activation="gelu", name="dense")(y)


def _attended(kind: str, **config: Any) -> Build:
    return lambda layers, x: getattr(layers, kind)(name="layer", **config)([x, x])


def _weighed(layers: Any, x: Any) -> Any:
    """A mean of the steps, weighed by a softmax over them."""
    weights = layers.Softmax(axis=1, name="weights")(layers.Dense(1, name="score")(x))
    y = layers.Dot(axes=(1, 1), name="mean")([weights, x])
    return layers.Flatten(name="flat")(y)


def _repeated(layers: Any, x: Any) -> Any:
    return layers.RepeatVector(4, name="repeat")(layers.LSTM(3, name="lstm")(x))


def _states(layers: Any, x: Any) -> Any:
    """A second layer goes on from the first one's states."""
    y, h, c = layers.LSTM(4, return_sequences=True, return_state=True, name="first")(x)
    return layers.LSTM(4, return_sequences=True, name="second")(y, initial_state=[h, c])


IMAGES: Mapping[str, Build] = {
    "conv": _one("Conv2D", 4, 3),
    "conv_same": _same("Conv2D", filters=4, kernel_size=3),
    "conv_same_even": _same("Conv2D", filters=4, kernel_size=(2, 4)),
    "conv_same_stride": _same("Conv2D", filters=4, kernel_size=3, strides=2),
    "conv_same_stride_3": _same("Conv2D", filters=4, kernel_size=(5, 2), strides=3),
    "conv_same_dilated": _same("Conv2D", filters=4, kernel_size=3, dilation_rate=2),
    "conv_groups": _same("Conv2D", filters=6, kernel_size=3, groups=3, strides=2),
    "depthwise": _same("DepthwiseConv2D", kernel_size=3, strides=2, depth_multiplier=2),
    "separable": _same("SeparableConv2D", filters=4, kernel_size=3, strides=2),
    "transposed": _one("Conv2DTranspose", 4, 3, strides=2),
    "transposed_same": _same("Conv2DTranspose", filters=4, kernel_size=3, strides=2),
    "transposed_same_4": _same("Conv2DTranspose", filters=4, kernel_size=4, strides=2),
    "max_pool": _one("MaxPooling2D", 2),
    "max_pool_same": _same("MaxPooling2D", pool_size=3, strides=2),
    "average_pool": _one("AveragePooling2D", 3, strides=2),
    "average_pool_same": _same("AveragePooling2D", pool_size=3, strides=2),
    "average_pool_same_2": _same("AveragePooling2D", pool_size=2),
    "global_max": _one("GlobalMaxPooling2D"),
    "global_average_kept": _one("GlobalAveragePooling2D", keepdims=True),
    "adaptive_average": _one("AdaptiveAveragePooling2D", (3, 2)),
    "adaptive_max": _one("AdaptiveMaxPooling2D", 2),
    "up": _one("UpSampling2D", (2, 3)),
    "up_bilinear": _one("UpSampling2D", 2, interpolation="bilinear"),
    "up_bicubic": _one("UpSampling2D", 2, interpolation="bicubic"),
    "resize": _one("Resizing", 6, 9),
    "resize_nearest": _one("Resizing", 6, 9, interpolation="nearest"),
    "resize_bicubic": _one("Resizing", 6, 9, interpolation="bicubic"),
    "resize_lanczos": _one("Resizing", 6, 9, interpolation="lanczos3"),
    "resize_cropped": _one("Resizing", 6, 9, crop_to_aspect_ratio=True),
    "resize_padded": _one("Resizing", 6, 9, pad_to_aspect_ratio=True),
    "resize_antialias": _one("Resizing", 5, 4, antialias=True),
    "center_crop": _one("CenterCrop", 5, 4),
    "crop": _one("Cropping2D", ((1, 2), (0, 1))),
    "pad": _one("ZeroPadding2D", ((1, 2), (0, 3))),
    "norm": _one("BatchNormalization"),
    "layer_norm": _one("LayerNormalization"),
    "group_norm": _one("GroupNormalization", groups=3),
    "instance_norm": _one("GroupNormalization", groups=-1),
    "unit_norm": _one("UnitNormalization"),
    "rescale": _one("Rescaling", 1 / 127.5, -1),
    "prelu": _one("PReLU", shared_axes=[1, 2]),
    "spatial_dropout": _one("SpatialDropout2D", 0.3),
    "softmax_over_rows": _one("Softmax", axis=1),
    "permute": _one("Permute", (3, 1, 2)),
    "einsum": _one("EinsumDense", "bhwc,cd->bhwd", (None, None, 4), bias_axes="d"),
    "dense": _one("Dense", 4),
    "random_flip": _one("RandomFlip"),
    "steps": _around("TimeDistributed", "Conv1D", 4, 3, padding="same", strides=2),
    "steps_lstm": _around("TimeDistributed", "LSTM", 4),
    "unet": _skips,
    "residual": _residual,
    "excited": _excited,
    "excited_by_reshape": _excited_by_reshape,
    "pyramid": _pyramid,
    "as_sequence": _as_sequence,
    "columns": _columns,
}  # fmt: skip
"""For `Input((None, None, 3))`."""

SEQUENCES: Mapping[str, Build] = {
    "conv": _one("Conv1D", 4, 3),
    "conv_same_stride": _same("Conv1D", filters=4, kernel_size=3, strides=2),
    "conv_causal": _one("Conv1D", 4, 3, padding="causal", dilation_rate=2),
    "conv_causal_stride": _one("Conv1D", 4, 3, padding="causal", strides=2),
    "depthwise": _same("DepthwiseConv1D", kernel_size=3, strides=2),
    "separable": _same("SeparableConv1D", filters=4, kernel_size=3, strides=2),
    "transposed_same": _same("Conv1DTranspose", filters=4, kernel_size=3, strides=2),
    "transposed": _one("Conv1DTranspose", 4, 3, strides=2),
    "max_pool": _one("MaxPooling1D", 2),
    "max_pool_same": _same("MaxPooling1D", pool_size=3, strides=2),
    "average_pool_same": _same("AveragePooling1D", pool_size=3, strides=2),
    "global_average": _one("GlobalAveragePooling1D"),
    "global_max": _one("GlobalMaxPooling1D"),
    "up": _one("UpSampling1D", 3),
    "crop": _one("Cropping1D", (1, 2)),
    "pad": _one("ZeroPadding1D", (2, 1)),
    "lstm": _one("LSTM", 4),
    "lstm_steps_back": _one("LSTM", 4, return_sequences=True, go_backwards=True),
    "gru": _one("GRU", 4, return_sequences=True),
    "gru_reset_before": _one("GRU", 4, return_sequences=True, reset_after=False),
    "simple": _one("SimpleRNN", 4, activation="relu"),
    "both": _around("Bidirectional", "LSTM", 4, return_sequences=True),
    "both_last": _around("Bidirectional", "GRU", 4),
    "steps": _around("TimeDistributed", "Dense", 4),
    "attention": _attended("Attention"),
    "additive": _attended("AdditiveAttention"),
    "encoder": _encoder,
    "weighed": _weighed,
    "gated": _gated,
    "repeated": _repeated,
    "states": _states,
    "norm": _one("BatchNormalization"),
    "layer_norm": _one("LayerNormalization"),
    "dense": _one("Dense", 4),
    "masking": lambda layers, x: layers.LSTM(4, name="layer")(layers.Masking(name="masking")(x)),
    "spatial_dropout": _one("SpatialDropout1D", 0.3),
    "noise": _one("GaussianNoise", 0.3),
}
"""For `Input((None, 5))`."""

FILMS: Mapping[str, Build] = {
    "conv": _same("Conv3D", filters=4, kernel_size=3, strides=2),
    "transposed": _same("Conv3DTranspose", filters=4, kernel_size=3, strides=2),
    "max_pool": _same("MaxPooling3D", pool_size=2),
    "average_pool": _same("AveragePooling3D", pool_size=3, strides=2),
    "up": _one("UpSampling3D", 2),
    "pad": _one("ZeroPadding3D", 1),
    "crop": _one("Cropping3D", 1),
    "frames": _around("TimeDistributed", "Conv2D", 4, 3, padding="same", strides=2),
    "frames_pooled": _around("TimeDistributed", "GlobalAveragePooling2D"),
}
"""For `Input((None, None, None, 2))`."""

FRAMES: Mapping[str, Build] = {
    "conv_lstm": _same("ConvLSTM2D", filters=3, kernel_size=3),
    "conv_lstm_stride": _same("ConvLSTM2D", filters=3, kernel_size=3, strides=2, return_sequences=True),
    "both": _around("Bidirectional", "ConvLSTM2D", 3, 3, padding="same"),
    "flattened": _around("TimeDistributed", "Flatten"),
}
"""For `Input((None, 6, 7, 2))`: Keras wants the sizes of a ConvLSTM's images known."""
