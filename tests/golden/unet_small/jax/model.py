"""Model in JAX (Flax NNX); `load()` returns it with its weights, ready for inference.

As a pure function, for `jax.jit`, `jax.grad` and `jax.vmap`:

    graphdef, params, rest = nnx.split(load(), nnx.Param, ...)

    def apply(params, *inputs):
        return nnx.merge(graphdef, params, rest)(*inputs)
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors.flax import load_file


def set_weights(model, weights):
    """Give the model its numbers: arrays by path (`conv1.kernel`), one for each of its variables."""
    state = nnx.state(model, nnx.Not(nnx.RngState))
    variables = {".".join(map(str, path)): variable for path, variable in nnx.to_flat_state(state)}
    if variables.keys() != weights.keys():
        raise ValueError(f"missing or unknown weights: {sorted(variables.keys() ^ weights.keys())}")
    for path, variable in variables.items():
        if variable.shape != weights[path].shape:
            raise ValueError(f"{path} has shape {weights[path].shape}, the model wants {variable.shape}")
        variable.set_value(jnp.asarray(weights[path], variable.dtype))
    nnx.update(model, state)


def resize_weights(cells, size, kernel, antialias, half_pixel):
    """How much each of `size` output cells takes of each input cell: a matrix `(size, cells)`."""
    scale = cells / size
    steps, cell = np.arange(size), np.arange(cells)
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


def resize(x, size, kernel, antialias=False, half_pixel=True):
    """Resample the spatial axes to `size`; what a kernel would see beyond the ends is left out."""
    for axis, cells in enumerate(size, 1):
        weights = resize_weights(x.shape[axis], cells, kernel, antialias, half_pixel)
        x = jnp.moveaxis(jnp.tensordot(x, jnp.asarray(weights, x.dtype), (axis, 1)), -1, axis)
    return x


class Down(nnx.Module):
    """Used for down_1, down_2."""

    def __init__(self, in_features, out_features, *, rngs: nnx.Rngs):
        self.conv_a = nnx.Conv(
            in_features, out_features, kernel_size=(3, 3), use_bias=False, rngs=rngs
        )
        self.norm_a = nnx.BatchNorm(out_features, epsilon=0.001, rngs=rngs)
        self.conv_b = nnx.Conv(
            out_features, out_features, kernel_size=(3, 3), use_bias=False, rngs=rngs
        )
        self.norm_b = nnx.BatchNorm(out_features, epsilon=0.001, rngs=rngs)

    def __call__(self, x):
        x = self.conv_a(x)
        x = nnx.relu(self.norm_a(x))
        x = self.conv_b(x)
        return nnx.relu(self.norm_b(x))


class Up(nnx.Module):
    """Used for up_2_block, up_1_block."""

    def __init__(self, in_features, out_features, *, rngs: nnx.Rngs):
        self.conv_a = nnx.Conv(
            in_features, out_features, kernel_size=(3, 3), use_bias=False, rngs=rngs
        )
        self.norm_a = nnx.BatchNorm(out_features, epsilon=0.001, rngs=rngs)
        self.conv_b = nnx.Conv(
            out_features, out_features, kernel_size=(3, 3), use_bias=False, rngs=rngs
        )
        self.norm_b = nnx.BatchNorm(out_features, epsilon=0.001, rngs=rngs)

    def __call__(self, x):
        x = self.conv_a(x)
        x = nnx.relu(self.norm_a(x))
        x = self.conv_b(x)
        return nnx.relu(self.norm_b(x))


class Model(nnx.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 8, 12, 3), axes `n h w c`
    Outputs:
        output 0: float32 (batch, 8, 12, 1), axes `n h w c`
    """

    def __init__(self, *, rngs: nnx.Rngs):
        self.down_1 = Down(in_features=3, out_features=4, rngs=rngs)
        self.down_2 = Down(in_features=4, out_features=6, rngs=rngs)
        self.middle_conv_a = nnx.Conv(6, 8, kernel_size=(3, 3), use_bias=False, rngs=rngs)
        self.middle_norm_a = nnx.BatchNorm(8, epsilon=0.001, rngs=rngs)
        self.middle_conv_b = nnx.Conv(8, 8, kernel_size=(3, 3), use_bias=False, rngs=rngs)
        self.middle_norm_b = nnx.BatchNorm(8, epsilon=0.001, rngs=rngs)
        self.up_2 = nnx.ConvTranspose(8, 6, kernel_size=(3, 3), strides=(2, 2), rngs=rngs)
        self.up_2_block = Up(in_features=12, out_features=6, rngs=rngs)
        self.up_1_block = Up(in_features=10, out_features=4, rngs=rngs)
        self.mask = nnx.Conv(4, 1, kernel_size=(1, 1), rngs=rngs)

    def __call__(self, x):
        down_1 = self.down_1(x)
        x = nnx.max_pool(down_1, (2, 2), strides=(2, 2))
        down_2 = self.down_2(x)
        x = nnx.max_pool(down_2, (2, 2), strides=(2, 2))
        x = self.middle_conv_a(x)
        x = nnx.relu(self.middle_norm_a(x))
        x = self.middle_conv_b(x)
        x = nnx.relu(self.middle_norm_b(x))
        x = self.up_2(x)
        x = jnp.concatenate([x, down_2], axis=-1)
        x = self.up_2_block(x)
        x = resize(x, (2 * x.shape[1], 2 * x.shape[2]), "linear")
        x = jnp.concatenate([x, down_1], axis=-1)
        x = self.up_1_block(x)
        return nnx.sigmoid(self.mask(x))


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    weights = load_file(path)
    model = nnx.eval_shape(lambda: Model(rngs=nnx.Rngs(0)))  # shapes only
    set_weights(model, weights)
    model.eval()
    return model
