"""Functions of numbers for generated code that Keras lacks. Never imported by porter: text to copy."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("converted")
def log_gamma(x):
    """log |gamma(x)|: Stirling's series from 8 on, to which smaller numbers are moved; mirrored below 1/2."""
    mirrored = x < 0.5
    z = ops.where(mirrored, 1 - x, x)
    moved = z < 8
    factors = ops.prod(ops.stack([z + k for k in range(8)]), axis=0)
    z = ops.where(moved, z + 8, z)
    rest = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / z**2) / z**2) / z**2) / z
    found = (z - 0.5) * ops.log(z) - z + float(np.log(2 * np.pi) / 2) + rest
    found = found - ops.log(ops.where(moved, factors, ops.ones_like(factors)))
    part = x - ops.floor(x)
    mirror = float(np.log(np.pi)) - ops.log(ops.sin(float(np.pi) * part)) - found
    return ops.where(mirrored, mirror, found)


@keras.saving.register_keras_serializable("converted")
def digamma(x):
    """The derivative of log gamma(x), by its series from 8 on; mirrored below 1/2."""
    mirrored = x < 0.5
    z = ops.where(mirrored, 1 - x, x)
    moved = z < 8
    steps = ops.sum(ops.stack([1 / (z + k) for k in range(8)]), axis=0)
    z = ops.where(moved, z + 8, z)
    rest = (1 / 12 - (1 / 120 - (1 / 252 - 1 / 240 / z**2) / z**2) / z**2) / z**2
    found = ops.log(z) - 0.5 / z - rest - ops.where(moved, steps, ops.zeros_like(steps))
    part = x - ops.floor(x)
    mirror = found - float(np.pi) / ops.tan(float(np.pi) * part)
    return ops.where(mirrored, mirror, found)
