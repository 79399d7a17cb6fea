"""Functions and layers that generated code carries with it where Keras has no twin. Never imported by
porter: their text is copied into `model.py`, each with those that it needs."""

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable("converted")
def hard_sigmoid_02(x):
    """Keras's hard sigmoid before version 3: 0.2 x + 0.5 between 0 and 1."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


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


@keras.saving.register_keras_serializable("converted")
class OpenReshape(layers.Layer):
    """A reshape to sizes of which several are known only when the model runs: "1" is the input's axis 1."""

    def __init__(self, shape, **settings):
        super().__init__(**settings)
        self.shape = tuple(shape)

    def call(self, x):
        known = [-1 if size is None else size for size in self.shape]
        given = ops.shape(x)
        return ops.reshape(x, [given[int(size)] if isinstance(size, str) else size for size in known])

    def compute_output_spec(self, x):
        sizes = [x.shape[int(size)] if isinstance(size, str) else size for size in self.shape]
        return keras.KerasTensor(sizes, x.dtype)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape}


@keras.saving.register_keras_serializable("converted")
class OpenExpand(layers.Layer):
    """Axes of size 1 repeated; "1" is the size of the second tensor's axis 1, None keeps a size."""

    def __init__(self, shape, **settings):
        super().__init__(**settings)
        self.shape = tuple(shape)

    def call(self, x, like):
        have, other = ops.shape(x), ops.shape(like)
        have = (*[1] * (len(self.shape) - len(have)), *have)
        wanted = [other[int(size)] if isinstance(size, str) else size for size in self.shape]
        sizes = [mine if size is None else size for mine, size in zip(have, wanted, strict=True)]
        return ops.broadcast_to(x, sizes)

    def compute_output_spec(self, x, like):
        have = (*[1] * (len(self.shape) - len(x.shape)), *x.shape)
        sizes = list(have)
        for axis, size in enumerate(self.shape):
            other = like.shape[int(size)] if isinstance(size, str) else size
            if size is not None and (other is not None or have[axis] == 1):
                sizes[axis] = other
        return keras.KerasTensor(sizes, x.dtype)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape}


@keras.saving.register_keras_serializable("converted")
class SplitBatch(layers.Layer):
    """The first axis as the first two of the other tensor."""

    def call(self, x, like):
        batch, steps = ops.shape(like)[:2]
        return ops.reshape(x, (batch, steps, *ops.shape(x)[1:]))

    def compute_output_spec(self, x, like):
        return keras.KerasTensor((*like.shape[:2], *x.shape[1:]), x.dtype)


@keras.saving.register_keras_serializable("converted")
class ShapeOf(layers.Layer):
    """The sizes of a tensor's axes."""

    def __init__(self, kind="int32", **settings):
        super().__init__(**settings)
        self.kind = kind

    def call(self, x):
        return ops.stack([ops.cast(size, self.kind) for size in ops.shape(x)])

    def compute_output_spec(self, x):
        return keras.KerasTensor((len(x.shape),), self.kind)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable("converted")
class DiagonalMatrix(layers.Layer):
    """Square matrices with the last axis on the k-th diagonal."""

    def __init__(self, k=0, **settings):
        super().__init__(**settings)
        self.k = k

    def call(self, x):
        count = x.shape[-1]
        places = np.zeros((count, count + abs(self.k), count + abs(self.k)), "float32")
        steps = np.arange(count)
        places[steps, steps + max(-self.k, 0), steps + max(self.k, 0)] = 1
        return ops.einsum("...i,ijk->...jk", x, ops.cast(places, x.dtype))

    def get_config(self):
        return {**super().get_config(), "k": self.k}
