"""Layers over images for generated code, where Keras has no twin. Never imported by porter: text to copy."""

from itertools import product

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable("converted")
class BatchStatisticsNormalization(layers.Layer):
    """Normalization by the statistics of the batch at hand, in use as well as in training."""

    def __init__(self, axis=-1, epsilon=0.001, center=True, scale=True, **settings):
        super().__init__(**settings)
        self.axis, self.epsilon, self.center, self.scale = axis, epsilon, center, scale

    def build(self, input_shape):
        size = (input_shape[self.axis],)
        self.gamma = self.add_weight(shape=size, initializer="ones", name="gamma") if self.scale else None
        self.beta = self.add_weight(shape=size, initializer="zeros", name="beta") if self.center else None

    def call(self, x):
        axis = self.axis % len(x.shape)
        others = [place for place in range(len(x.shape)) if place != axis]
        along = [-1 if place == axis else 1 for place in range(len(x.shape))]
        centred = x - ops.mean(x, axis=others, keepdims=True)
        x = centred / ops.sqrt(ops.mean(centred * centred, axis=others, keepdims=True) + self.epsilon)
        x = x if self.gamma is None else x * ops.reshape(self.gamma, along)
        return x if self.beta is None else x + ops.reshape(self.beta, along)

    def get_config(self):
        told = {"axis": self.axis, "epsilon": self.epsilon, "center": self.center, "scale": self.scale}
        return {**super().get_config(), **told}


@keras.saving.register_keras_serializable("converted")
class ConvTranspose(layers.Layer):
    """A transposed convolution that Keras has no layer for: in groups, or with strides and dilation both."""

    def __init__(
        self,
        filters,
        kernel_size,
        groups=1,
        strides=1,
        dilation_rate=1,
        output_padding=None,
        use_bias=True,
        **settings,
    ):
        super().__init__(**settings)
        self.filters, self.kernel_size, self.groups = filters, tuple(kernel_size), groups
        self.strides, self.dilation_rate, self.output_padding = strides, dilation_rate, output_padding
        self.use_bias = use_bias

    def build(self, input_shape):
        shape = (*self.kernel_size, self.filters // self.groups, input_shape[-1])
        self.kernel = self.add_weight(shape=shape, name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), name="bias") if self.use_bias else None

    def call(self, x):
        told = {"strides": self.strides, "dilation_rate": self.dilation_rate}
        told["output_padding"] = self.output_padding
        groups, kernels = (ops.split(part, self.groups, axis=-1) for part in (x, self.kernel))
        parts = [ops.conv_transpose(*pair, **told) for pair in zip(groups, kernels, strict=True)]
        x = ops.concatenate(parts, axis=-1)
        return x if self.bias is None else x + self.bias

    def get_config(self):
        told = {"filters": self.filters, "kernel_size": self.kernel_size, "groups": self.groups}
        told |= {"strides": self.strides, "dilation_rate": self.dilation_rate}
        told |= {"output_padding": self.output_padding, "use_bias": self.use_bias}
        return {**super().get_config(), **told}


@keras.saving.register_keras_serializable("converted")
class LocallyConnected(layers.Layer):
    """A convolution without padding that has a kernel of its own at every output position."""

    def __init__(self, filters, kernel_size, strides=None, use_bias=True, **settings):
        super().__init__(**settings)
        self.filters, self.kernel_size = filters, tuple(kernel_size)
        self.strides = tuple(strides or [1] * len(kernel_size))
        self.use_bias = use_bias

    def build(self, input_shape):
        rows = zip(input_shape[1:-1], self.kernel_size, self.strides, strict=True)
        self.positions = tuple((size - window) // step + 1 for size, window, step in rows)
        cells = int(np.prod(self.kernel_size)) * input_shape[-1]
        self.kernel = self.add_weight(shape=(*self.positions, cells, self.filters), name="kernel")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape=(*self.positions, self.filters), name="bias")

    def call(self, x):
        cells = []
        for place in product(*(range(size) for size in self.kernel_size)):
            rows = zip(place, self.positions, self.strides, strict=True)
            steps = [slice(start, start + (count - 1) * step + 1, step) for start, count, step in rows]
            cells.append(x[(slice(None), *steps)])
        x = ops.einsum("n...f,...fo->n...o", ops.concatenate(cells, axis=-1), self.kernel)
        return x if self.bias is None else x + self.bias

    def get_config(self):
        told = {"filters": self.filters, "kernel_size": self.kernel_size}
        return {**super().get_config(), **told, "strides": self.strides, "use_bias": self.use_bias}


@keras.saving.register_keras_serializable("converted")
class AdaptivePooling(layers.Layer):
    """Windows for an output of `size` cells: cell k spans floor(k n / size) to ceil((k + 1) n / size)."""

    def __init__(self, size, function, **settings):
        super().__init__(**settings)
        self.size, self.function = tuple(size), function

    def call(self, x):
        pool = ops.mean if self.function == "avg" else ops.max
        for axis, cells in enumerate(self.size, 1):
            if cells is not None and cells != x.shape[axis]:
                count = ops.shape(x)[axis]
                ends = [(k * count // cells, -(-(k + 1) * count // cells)) for k in range(cells)]
                ahead = (slice(None),) * axis
                parts = [pool(x[(*ahead, slice(*end))], axis=axis, keepdims=True) for end in ends]
                x = ops.concatenate(parts, axis=axis)
        return x

    def compute_output_shape(self, input_shape):
        batch, *given, channels = input_shape
        return (batch, *(cells or count for cells, count in zip(self.size, given, strict=True)), channels)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "function": self.function}


@keras.saving.register_keras_serializable("converted")
class Resample(layers.Layer):
    """Spatial axes resampled to `size`, or to the size times `factors`, alike on every backend."""

    def __init__(self, kernel, size=None, factors=None, antialias=False, half_pixel=True, **settings):
        super().__init__(**settings)
        self.kernel, self.size, self.factors = kernel, size, factors
        self.antialias, self.half_pixel = antialias, half_pixel

    def call(self, x):
        given = x.shape[1:-1]
        sizes = self.size or [int(count * times) for count, times in zip(given, self.factors, strict=True)]
        for axis, cells in enumerate(sizes, 1):
            weights = resample_weights(x.shape[axis], cells, self.kernel, self.antialias, self.half_pixel)
            x = ops.moveaxis(ops.tensordot(x, ops.cast(weights, x.dtype), axes=[[axis], [1]]), -1, axis)
        return x

    def get_config(self):
        told = {"kernel": self.kernel, "size": self.size, "factors": self.factors}
        return {**super().get_config(), **told, "antialias": self.antialias, "half_pixel": self.half_pixel}


def resample_weights(cells, size, kernel, antialias, half_pixel):
    """How much each of `size` output cells takes of each input cell: a matrix `(size, cells)`."""
    scale = cells / size
    steps, cell = np.arange(size), np.arange(cells)
    if kernel == "nearest":
        place = np.floor((steps.astype("float32") + np.float32(0.5)) * np.float32(scale))
        return np.eye(cells)[np.minimum(place, cells - 1).astype(int)]
    if kernel == "area":
        start = (steps * scale)[:, None]
        return np.clip(np.minimum(cell + 1, start + scale) - np.maximum(cell, start), 0, None) / scale
    place = (steps + 0.5) * scale - 0.5 if half_pixel else steps * scale
    if kernel == "cubic" and not antialias:  # TensorFlow keeps this kernel in a table of 1024 steps
        place = np.floor(place) + np.round((place - np.floor(place)) * 1024) / 1024
    t = np.abs((cell - place[:, None]) / (max(scale, 1.0) if antialias else 1.0))
    if kernel == "linear":
        weights = np.clip(1 - t, 0, None)
    elif kernel == "cubic":
        far = np.where(t < 2, ((-0.5 * t + 2.5) * t - 4) * t + 2, 0.0)
        weights = np.where(t <= 1, (1.5 * t - 2.5) * t * t + 1, far)
    else:
        radius = {"lanczos3": 3, "lanczos5": 5}[kernel]
        weights = np.where(t < radius, np.sinc(t) * np.sinc(t / radius), 0.0)
    return weights / weights.sum(1, keepdims=True)
