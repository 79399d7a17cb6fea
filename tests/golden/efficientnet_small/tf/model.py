"""Model in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.

It has layers of its own: import this file before `keras.models.load_model`.
"""

from pathlib import Path

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("converted")
class Weight(layers.Layer):
    """An array of its own, whatever it is called with."""

    def __init__(self, shape, array_dtype="float32", **settings):
        super().__init__(**settings)
        self.shape, self.array_dtype = tuple(shape), array_dtype

    def build(self, input_shape):
        floating = "float" in self.array_dtype
        self.value = self.add_weight(
            shape=self.shape, initializer="zeros", dtype=self.array_dtype, trainable=floating, name="value"
        )

    def call(self, x):
        return ops.convert_to_tensor(self.value)

    def compute_output_spec(self, x):
        return keras.KerasTensor(self.shape, self.array_dtype)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape, "array_dtype": self.array_dtype}


def normalization(x, prefix):
    """Used for normalization."""
    y = Weight((1, 1, 1, 3), "float32", trainable=False, name=prefix + "_mean")(x)
    normalize = x - y
    x = Weight((1, 1, 1, 3), "float32", trainable=False, name=prefix + "_std")(normalize)
    return normalize / x


def block(x, filters, project_filters, prefix):
    """Used for block1, block3, block4."""
    y = layers.Conv2D(filters, 1, use_bias=False, name=prefix + "_expand")(x)
    y = layers.BatchNormalization(name=prefix + "_expand_bn")(y)
    y = layers.Activation("silu", name=prefix + "_expand_activation")(y)
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=prefix + "_dwconv")(y)
    y = layers.BatchNormalization(name=prefix + "_bn")(y)
    activation = layers.Activation("silu", name=prefix + "_activation")(y)
    y = layers.GlobalAveragePooling2D(keepdims=True, name=prefix + "_se_squeeze")(activation)
    y = layers.Conv2D(2, 1, activation="silu", name=prefix + "_se_reduce")(y)
    y = layers.Conv2D(filters, 1, activation="sigmoid", name=prefix + "_se_expand")(y)
    y = layers.Multiply(name=prefix + "_se_excite")([activation, y])
    y = layers.Conv2D(project_filters, 1, use_bias=False, name=prefix + "_project")(y)
    y = layers.BatchNormalization(name=prefix + "_project_bn")(y)
    y = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1), name=prefix + "_drop")(y)
    return layers.Add(name=prefix + "_add")([y, x])


def block2(x, prefix):
    """Used for block2."""
    x = layers.Conv2D(24, 1, use_bias=False, name=prefix + "_expand")(x)
    x = layers.BatchNormalization(name=prefix + "_expand_bn")(x)
    x = layers.Activation("silu", name=prefix + "_expand_activation")(x)
    x = layers.DepthwiseConv2D(
        3, strides=2, padding="same", use_bias=False, name=prefix + "_dwconv"
    )(x)
    x = layers.BatchNormalization(name=prefix + "_bn")(x)
    activation = layers.Activation("silu", name=prefix + "_activation")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, name=prefix + "_se_squeeze")(activation)
    x = layers.Conv2D(2, 1, activation="silu", name=prefix + "_se_reduce")(x)
    x = layers.Conv2D(24, 1, activation="sigmoid", name=prefix + "_se_expand")(x)
    x = layers.Multiply(name=prefix + "_se_excite")([activation, x])
    x = layers.Conv2D(8, 1, use_bias=False, name=prefix + "_project")(x)
    return layers.BatchNormalization(name=prefix + "_project_bn")(x)


def build():
    """The converted model.

    Inputs:
        input 0: float32 (batch, 33, 32, 3), axes `n h w c`
    Outputs:
        output 0: float32 (batch, 5), axes `n c`
    """
    inputs = keras.Input((33, 32, 3), name="input_0")
    x = inputs * 0.003921568859368563
    x = normalization(x, prefix="normalization")
    x = layers.Conv2D(6, 3, strides=2, use_bias=False, name="stem_conv")(
        layers.ZeroPadding2D(((0, 1), (0, 1)), name="stem_conv_pad")(x)
    )
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.Activation("silu", name="stem_activation")(x)
    x = block(x, filters=24, project_filters=6, prefix="block1")
    x = block2(x, prefix="block2")
    x = block(x, filters=32, project_filters=8, prefix="block3")
    x = block(x, filters=32, project_filters=8, prefix="block4")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(0.2, name="top_dropout")(x)
    outputs = layers.Dense(5, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="model")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
