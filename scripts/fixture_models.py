"""The networks behind `fixtures/` that are more than a row of the layer tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.layers.cases.case import feed, ids, not_on_tf
from tests.layers.cases.graphs import graph, stack

DEMO_SHAPES = ("square", "cross", "ring", "diagonal")


def _mnist(keras: Any, layers: Any) -> list[Any]:
    return [
        layers.Conv2D(8, 3, activation="relu", name="conv2d"),
        layers.MaxPooling2D(2, name="max_pooling2d"),
        layers.Conv2D(12, 3, activation="relu", name="conv2d_1"),
        layers.MaxPooling2D(2, name="max_pooling2d_1"),
        layers.Flatten(name="flatten"),
        layers.Dropout(0.5, name="dropout"),
        layers.Dense(10, activation="softmax", name="dense"),
    ]


def _demo(keras: Any, layers: Any) -> list[Any]:
    return [
        layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem"),
        layers.BatchNormalization(momentum=0.9, name="stem_norm"),
        layers.ReLU(name="stem_relu"),
        layers.MaxPooling2D(2, name="stem_pool"),
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="features"),
        layers.BatchNormalization(momentum=0.9, name="features_norm"),
        layers.AveragePooling2D(2, name="features_pool"),
        layers.Flatten(name="flatten"),
        layers.Dropout(0.3, name="dropout"),
        layers.Dense(32, activation="relu", name="hidden"),
        layers.Dense(len(DEMO_SHAPES), activation="softmax", name="shape"),
    ]


def _mb_conv(keras: Any, values: Any, filters: int, stride: int, name: str) -> Any:
    """An inverted residual block with squeeze and excite, the brick of EfficientNet."""
    layers, skip = keras.layers, values
    wide = 4 * values.shape[-1]
    values = layers.Conv2D(wide, 1, use_bias=False, name=f"{name}_expand")(values)
    values = layers.BatchNormalization(name=f"{name}_expand_bn")(values)
    values = layers.Activation("swish", name=f"{name}_expand_activation")(values)
    values = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=f"{name}_dwconv")(
        values
    )
    values = layers.BatchNormalization(name=f"{name}_bn")(values)
    values = layers.Activation("swish", name=f"{name}_activation")(values)
    gate = layers.GlobalAveragePooling2D(name=f"{name}_se_squeeze")(values)
    gate = layers.Reshape((1, 1, wide), name=f"{name}_se_reshape")(gate)
    gate = layers.Conv2D(2, 1, activation="swish", name=f"{name}_se_reduce")(gate)
    gate = layers.Conv2D(wide, 1, activation="sigmoid", name=f"{name}_se_expand")(gate)
    values = layers.Multiply(name=f"{name}_se_excite")([values, gate])
    values = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(values)
    values = layers.BatchNormalization(name=f"{name}_project_bn")(values)
    if stride != 1 or skip.shape[-1] != filters:
        return values
    values = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(values)
    return layers.Add(name=f"{name}_add")([values, skip])


def _efficientnet(keras: Any, image: Any) -> Any:
    layers = keras.layers
    values = layers.Rescaling(1 / 255, name="rescaling")(image)
    values = layers.Normalization(mean=[0.4, 0.45, 0.5], variance=[0.05, 0.06, 0.07], name="normalization")(
        values
    )
    values = layers.ZeroPadding2D(((0, 1), (0, 1)), name="stem_pad")(values)
    values = layers.Conv2D(6, 3, strides=2, use_bias=False, name="stem_conv")(values)
    values = layers.BatchNormalization(name="stem_bn")(values)
    values = layers.Activation("swish", name="stem_activation")(values)
    for index, (filters, stride) in enumerate(((6, 1), (8, 2), (8, 1), (8, 1))):
        values = _mb_conv(keras, values, filters, stride, f"block{index + 1}")
    values = layers.GlobalAveragePooling2D(name="avg_pool")(values)
    return layers.Dense(5, activation="softmax", name="predictions")(
        layers.Dropout(0.2, name="top_dropout")(values)
    )


def _first_classifier(keras: Any, image: Any) -> Any:
    layers, first = keras.layers, "channels_first"
    values = layers.Conv2D(6, 3, strides=2, padding="same", data_format=first, name="conv")(image)
    values = layers.BatchNormalization(axis=1, name="norm")(values)
    values = layers.ReLU(name="relu")(values)
    values = layers.MaxPooling2D(2, data_format=first, name="pool")(values)
    values = layers.Flatten(data_format=first, name="flatten")(values)
    return layers.Dense(4, activation="softmax", name="classes")(values)


def _text(keras: Any, layers: Any) -> list[Any]:
    return [
        layers.Embedding(50, 8, name="embedding"),
        layers.Dropout(0.2, name="dropout"),
        layers.Conv1D(12, 3, padding="same", activation="relu", name="conv1d"),
        layers.MaxPooling1D(2, name="max_pooling1d"),
        layers.Conv1D(10, 3, strides=2, activation="relu", name="conv1d_1"),
        layers.GlobalMaxPooling1D(name="global_max_pooling1d"),
        layers.Dense(1, activation="sigmoid", name="dense"),
    ]


MNIST = stack("mnist_cnn", _mnist, feed(28, 28, 1))
DEMO = stack("demo_cnn", _demo, feed(28, 28, 1))
EFFICIENTNET = graph("efficientnet_small", _efficientnet, feed(33, 32, 3))
# Keras 3.15 on TensorFlow adds a bias along the wrong axis in graph mode where the width happens to
# equal the filters (`add` in its backend guesses the data format from the shape): here they differ.
CHANNELS_FIRST = not_on_tf(graph("channels_first", _first_classifier, feed(3, 14, 17)))
TEXT = stack("text_conv1d", _text, ids(16, below=50))


def drawings(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of the demo's shapes, off centre and noisy, with their classes."""
    rng = np.random.default_rng(seed)
    images = rng.normal(0.0, 0.15, (count, 28, 28, 1)).astype("float32")
    classes = rng.integers(0, len(DEMO_SHAPES), count)
    rows, columns = np.mgrid[0:28, 0:28]
    for image, kind in zip(images, classes, strict=True):
        centre, size = rng.integers(9, 19, 2), rng.integers(4, 8)
        y, x = rows - centre[0], columns - centre[1]
        inside = np.maximum(abs(y), abs(x)) <= size
        distance = np.sqrt(x * x + y * y)
        strokes = (
            inside & (np.maximum(abs(y), abs(x)) >= size - 1),
            inside & (np.minimum(abs(y), abs(x)) <= 1),
            abs(distance - size) <= 1,
            inside & (abs(x - y) <= 1),
        )
        image[strokes[kind], 0] += rng.uniform(0.7, 1.0)
    return images, classes


def train_demo(model: Any, keras: Any) -> float:
    """A few seconds of training on drawings; returns the accuracy on drawings not seen."""
    keras.utils.set_random_seed(7)
    images, classes = drawings(3000, seed=1)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, classes, epochs=6, batch_size=32, verbose=0)
    unseen, truth = drawings(400, seed=2)
    return float(np.mean(np.argmax(model.predict(unseen, verbose=0), axis=-1) == truth))
