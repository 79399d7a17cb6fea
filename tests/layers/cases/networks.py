"""Rows of small networks as people build them: what layouts, repeats and precisions meet in practice."""

from __future__ import annotations

from typing import Any

from tests.layers.cases.case import LayerCase, feed, ids, keras3, not_on_tf
from tests.layers.cases.graphs import graph, stack

_FIRST = "channels_first"


def _classifier(keras: Any, layers: Any) -> list[Any]:
    return [
        layers.Conv2D(5, 3, activation="relu", name="conv"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Flatten(name="flatten"),
        layers.BatchNormalization(name="norm"),
        layers.Dropout(0.4, name="dropout"),
        layers.Activation("tanh", name="tanh"),
        layers.Dense(4, activation="softmax", name="classes"),
    ]


def _conv_and_dense_branches(keras: Any, image: Any, vector: Any) -> Any:
    layers = keras.layers
    seen = layers.Flatten(name="flatten")(layers.Conv2D(4, 3, name="conv")(image))
    facts = layers.Dense(6, activation="relu", name="facts")(vector)
    return layers.Dense(3, name="out")(layers.Concatenate(name="both")([facts, seen]))


def _flattened_to_dense_and_output(keras: Any, image: Any) -> list[Any]:
    """The flattened values are themselves an output, so the Dense cannot have them in its own order."""
    layers = keras.layers
    flat = layers.Flatten(name="flatten")(layers.Conv2D(4, 3, name="conv")(image))
    return [flat, layers.Dense(3, name="dense")(flat)]


def _two_formats(keras: Any, last: Any, first: Any) -> Any:
    layers = keras.layers
    a = layers.Conv2D(4, 3, padding="same", name="last")(last)
    b = layers.Conv2D(4, 3, padding="same", data_format=_FIRST, name="first")(first)
    both = layers.Add(name="both")([a, layers.Permute((2, 3, 1), name="turn")(b)])
    return layers.Dense(3, name="out")(layers.Flatten(name="flatten")(both))


def _first_flatten(keras: Any, image: Any) -> Any:
    layers = keras.layers
    values = layers.Conv2D(4, 3, data_format=_FIRST, name="conv")(image)
    values = layers.BatchNormalization(axis=1, name="norm")(values)
    values = layers.MaxPooling2D(2, data_format=_FIRST, name="pool")(values)
    return layers.Dense(3, name="out")(layers.Flatten(name="flatten")(values))


def _conv_block(keras: Any, values: Any, filters: int, name: str) -> Any:
    layers = keras.layers
    for step in ("a", "b"):
        values = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv_{step}")(values)
        values = layers.BatchNormalization(name=f"{name}_norm_{step}")(values)
        values = layers.Activation("relu", name=f"{name}_relu_{step}")(values)
    return values


def _unet(keras: Any, image: Any) -> Any:
    layers = keras.layers
    down_1 = _conv_block(keras, image, 4, "down_1")
    down_2 = _conv_block(keras, layers.MaxPooling2D(2, name="pool_1")(down_1), 6, "down_2")
    middle = _conv_block(keras, layers.MaxPooling2D(2, name="pool_2")(down_2), 8, "middle")
    up_2 = layers.Conv2DTranspose(6, 3, strides=2, padding="same", name="up_2")(middle)
    up_2 = _conv_block(keras, layers.Concatenate(name="join_2")([up_2, down_2]), 6, "up_2_block")
    up_1 = layers.UpSampling2D(2, interpolation="bilinear", name="up_1")(up_2)
    up_1 = _conv_block(keras, layers.Concatenate(name="join_1")([up_1, down_1]), 4, "up_1_block")
    return layers.Conv2D(1, 1, activation="sigmoid", name="mask")(up_1)


def _residual_block(keras: Any, values: Any, filters: int, stride: int, name: str) -> Any:
    layers = keras.layers
    shortcut = values
    if stride != 1 or values.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, strides=stride, padding="same", name=f"{name}_shortcut")(values)
    values = layers.Conv2D(filters, 3, strides=stride, padding="same", name=f"{name}_conv_1")(values)
    values = layers.BatchNormalization(name=f"{name}_norm_1")(values)
    values = layers.ReLU(name=f"{name}_relu_1")(values)
    values = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv_2")(values)
    values = layers.BatchNormalization(name=f"{name}_norm_2")(values)
    return layers.ReLU(name=f"{name}_relu_2")(layers.Add(name=f"{name}_add")([shortcut, values]))


def _resnet(keras: Any, image: Any) -> Any:
    layers = keras.layers
    values = layers.Conv2D(4, 3, padding="same", name="stem")(image)
    for stage, (filters, stride) in enumerate(((4, 1), (6, 2))):
        for block in range(3):
            name = f"stage_{stage}_block_{block}"
            values = _residual_block(keras, values, filters, stride if block == 0 else 1, name)
    return layers.Dense(3, name="classes")(layers.GlobalAveragePooling2D(name="mean")(values))


def _mobilenet_block(keras: Any, image: Any) -> Any:
    layers = keras.layers
    values = layers.Conv2D(12, 1, use_bias=False, name="expand")(image)
    values = layers.BatchNormalization(name="expand_norm")(values)
    values = layers.ReLU(6.0, name="expand_relu")(values)
    values = layers.ZeroPadding2D(((0, 1), (0, 1)), name="pad")(values)
    values = layers.DepthwiseConv2D(3, strides=2, use_bias=False, name="depthwise")(values)
    values = layers.BatchNormalization(name="depthwise_norm")(values)
    values = layers.ReLU(6.0, name="depthwise_relu")(values)
    return layers.Conv2D(4, 1, use_bias=False, name="project")(values)


def _squeeze_excite(keras: Any, image: Any) -> Any:
    layers = keras.layers
    values = layers.Conv2D(6, 3, padding="same", activation="swish", name="conv")(image)
    gate = layers.Reshape((1, 1, 6), name="reshape")(layers.GlobalAveragePooling2D(name="squeeze")(values))
    gate = layers.Conv2D(2, 1, activation="swish", name="reduce")(gate)
    gate = layers.Conv2D(6, 1, activation="sigmoid", name="expand")(gate)
    return layers.Multiply(name="excite")([values, gate])


def _bilstm(keras: Any, layers: Any) -> list[Any]:
    return [
        layers.Embedding(20, 6, mask_zero=True, name="embedding"),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True, name="lstm_1"), name="bilstm_1"),
        layers.Bidirectional(layers.LSTM(3, name="lstm_2"), name="bilstm_2"),
        layers.Dense(4, activation="relu", name="hidden"),
        layers.Dropout(0.5, name="dropout"),
        layers.Dense(1, activation="sigmoid", name="score"),
    ]


def _dynamic_image(keras: Any, layers: Any) -> list[Any]:
    return [
        layers.Conv2D(4, 3, strides=2, padding="same", name="conv"),
        layers.AveragePooling2D(2, padding="same", name="pool"),
        layers.GlobalMaxPooling2D(name="max"),
        layers.Dense(3, name="dense"),
    ]


def _precision(policy: str) -> LayerCase:
    """A mixed network whose last layer computes in float32, as the guides advise."""

    def layers_of(keras: Any, layers: Any) -> list[Any]:
        return [
            layers.Conv2D(4, 3, activation="relu", dtype=policy, name="conv"),
            layers.BatchNormalization(dtype=policy, name="norm"),
            layers.Flatten(dtype=policy, name="flatten"),
            layers.Dense(3, dtype=policy, name="dense"),
            layers.Activation("softmax", dtype="float32", name="classes"),
        ]

    return keras3(stack(f"precision_{policy}", layers_of, feed(6, 7, 3)))


CASES: tuple[LayerCase, ...] = (
    stack("classifier_flatten_norm_dropout_dense", _classifier, feed(9, 8, 3)),
    graph("conv_and_dense_branches", _conv_and_dense_branches, feed(6, 5, 3), feed(4)),
    graph("flattened_is_output_too", _flattened_to_dense_and_output, feed(6, 5, 3)),
    not_on_tf(keras3(graph("two_formats", _two_formats, feed(6, 5, 3), feed(3, 6, 5)))),
    not_on_tf(keras3(graph("first_flatten_dense", _first_flatten, feed(3, 8, 7)))),
    graph("unet", _unet, feed(8, 12, 3)),
    keras3(graph("unet_dynamic", _unet, feed(None, None, 3, dynamic=(8, 12)))),
    graph("resnet", _resnet, feed(9, 8, 3)),
    graph("mobilenet_block", _mobilenet_block, feed(8, 8, 4)),
    graph("squeeze_excite", _squeeze_excite, feed(6, 7, 3)),
    stack("bilstm_classifier", _bilstm, ids(8, below=20, padded=True)),
    stack("dynamic_image", _dynamic_image, feed(None, None, 3)),
    *(_precision(policy) for policy in ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64")),
)  # fmt: skip
