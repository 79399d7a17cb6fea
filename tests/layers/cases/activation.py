"""Rows of every activation, by name and as layers with their options."""

from __future__ import annotations

from tests.layers.cases.case import LayerCase, feed, keras3, row

# hard_sigmoid has one name and two meanings: tf_keras clips 0.2 x + 0.5, Keras 3 clips x / 6 + 0.5.
_BOTH = (
    "elu", "exponential", "gelu", "hard_sigmoid", "linear", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh", "leaky_relu", "log_softmax",
)  # fmt: skip
_KERAS_3 = (
    "celu", "glu", "hard_shrink", "hard_silu", "hard_swish", "hard_tanh", "log_sigmoid", "soft_shrink",
    "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh_shrink",
)  # fmt: skip
NAMES = _BOTH + _KERAS_3
# threshold takes two arguments that no name can carry: a layer that says only "threshold" cannot run.
NOT_BY_NAME = ("threshold",)

_BY_NAME = (
    *(row(f"activation_{name}", "Activation", feed(4, 6), activation=name) for name in _BOTH),
    *(keras3(row(f"activation_{name}", "Activation", feed(4, 6), activation=name)) for name in _KERAS_3),
    row("activation_softmax_image", "Activation", feed(3, 4, 5), activation="softmax"),
    keras3(row("activation_log_softmax_image", "Activation", feed(3, 4, 5), activation="log_softmax")),
)

_INSIDE = (
    row("dense_activation_softmax", "Dense", feed(5), units=4, activation="softmax"),
    row("dense_activation_gelu", "Dense", feed(5), units=4, activation="gelu"),
    row("dense_activation_hard_sigmoid", "Dense", feed(5), units=4, activation="hard_sigmoid"),
    row(
        "conv2d_activation_softmax",
        "Conv2D",
        feed(5, 6, 3),
        filters=4,
        kernel_size=2,
        activation="softmax",
    ),
    row(
        "conv2d_activation_swish",
        "Conv2D",
        feed(5, 6, 3),
        filters=4,
        kernel_size=2,
        activation="swish",
    ),
)

_LAYERS = (
    row("relu_layer", "ReLU", feed(4, 6)),
    row("relu_layer_max", "ReLU", feed(4, 6), max_value=6.0),
    row("relu_layer_slope", "ReLU", feed(4, 6), negative_slope=0.2),
    row("relu_layer_all", "ReLU", feed(4, 6), max_value=3.0, negative_slope=0.1, threshold=0.5),
    row("elu_layer", "ELU", feed(4, 6)),
    row("elu_layer_alpha", "ELU", feed(4, 6), alpha=0.4),
    row("leaky_relu_layer", "LeakyReLU", feed(4, 6)),
    keras3(row("leaky_relu_layer_slope", "LeakyReLU", feed(4, 6), negative_slope=0.15)),
    row("softmax_layer", "Softmax", feed(4, 6)),
    row("softmax_layer_axis_1", "Softmax", feed(4, 6), axis=1),
    row("softmax_layer_image_rows", "Softmax", feed(4, 6, 3), axis=1),
    row("softmax_layer_two_axes", "Softmax", feed(4, 6, 3), axis=[1, 2]),
    row("prelu", "PReLU", feed(6)),
    row("prelu_3d", "PReLU", feed(4, 6)),
    row("prelu_image", "PReLU", feed(4, 5, 3)),
    row("prelu_image_shared", "PReLU", feed(4, 5, 3), shared_axes=[1, 2]),
    row("prelu_image_shared_rows", "PReLU", feed(4, 5, 3), shared_axes=[1]),
)

CASES: tuple[LayerCase, ...] = (*_BY_NAME, *_INSIDE, *_LAYERS)
