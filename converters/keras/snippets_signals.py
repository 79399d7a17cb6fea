"""Layers over signals for generated code, where Keras has no twin. Never imported by porter: text to copy."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("converted")
class Fourier(layers.Layer):
    """Fourier transforms along axes, of a real tensor or of two parts, to the real and the imaginary part."""

    def __init__(self, axes, inverse=False, half=False, scale=1.0, **settings):
        super().__init__(**settings)
        self.axes, self.inverse, self.half, self.scale = tuple(axes), inverse, half, scale

    def call(self, real, imaginary=None):
        axes = list(self.axes)
        if self.half:
            axis = axes.pop()
            parts = ops.rfft(ops.moveaxis(real, axis, -1))
            real, imaginary = (ops.moveaxis(part, -1, axis) for part in parts)
        if imaginary is None:
            imaginary = ops.zeros_like(real)
        for axis in axes:
            parts = (imaginary, real) if self.inverse else (real, imaginary)
            parts = ops.fft(tuple(ops.moveaxis(part, axis, -1) for part in parts))
            parts = tuple(ops.moveaxis(part, -1, axis) for part in parts)
            real, imaginary = parts[::-1] if self.inverse else parts
        return (real, imaginary) if self.scale == 1 else (real * self.scale, imaginary * self.scale)

    def compute_output_spec(self, real, imaginary=None):
        shape = list(real.shape)
        if self.half:
            shape[self.axes[-1]] = shape[self.axes[-1]] // 2 + 1
        return keras.KerasTensor(shape, real.dtype), keras.KerasTensor(shape, real.dtype)

    def get_config(self):
        own = {"axes": self.axes, "inverse": self.inverse, "half": self.half, "scale": self.scale}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("converted")
class RealFourier(layers.Layer):
    """The inverse Fourier transform along axes to real numbers, `size` of them along the last."""

    def __init__(self, axes, size, scale=1.0, **settings):
        super().__init__(**settings)
        self.axes, self.size, self.scale = tuple(axes), size, scale

    def call(self, real, imaginary):
        *axes, last = self.axes
        for axis in axes:
            parts = ops.fft(tuple(ops.moveaxis(part, axis, -1) for part in (imaginary, real)))
            imaginary, real = (ops.moveaxis(part, -1, axis) for part in parts)
        parts = tuple(ops.moveaxis(part, last, -1) for part in (real, imaginary))
        found = ops.moveaxis(ops.irfft(parts, fft_length=self.size), -1, last)
        return found if self.scale == 1 else found * self.scale

    def compute_output_spec(self, real, imaginary):
        shape = list(real.shape)
        shape[self.axes[-1]] = self.size
        return keras.KerasTensor(shape, real.dtype)

    def get_config(self):
        return {**super().get_config(), "axes": self.axes, "size": self.size, "scale": self.scale}
