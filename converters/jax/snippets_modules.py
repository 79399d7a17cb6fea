"""Modules for generated code where Flax has no twin. Never imported by porter: their text is copied."""

import jax
import jax.numpy as jnp
from flax import nnx


class GaussianDropout(nnx.Module):
    """In training, x times normal noise around 1 that varies as dropout at this rate would."""

    def __init__(self, rate, *, rngs):
        self.rate, self.deterministic = rate, False
        self.rngs = rngs.fork()

    def __call__(self, x):
        if self.deterministic:
            return x
        noise = jax.random.normal(self.rngs.dropout(), x.shape, x.dtype)
        return x * (1 + (self.rate / (1 - self.rate)) ** 0.5 * noise)


class GaussianNoise(nnx.Module):
    """In training, x plus normal noise."""

    def __init__(self, stddev, *, rngs):
        self.stddev, self.deterministic = stddev, False
        self.rngs = rngs.fork()

    def __call__(self, x):
        if self.deterministic:
            return x
        return x + self.stddev * jax.random.normal(self.rngs.dropout(), x.shape, x.dtype)


class AlphaDropout(nnx.Module):
    """Dropout for SELU networks: in training, mean and variance stay as they are."""

    def __init__(self, rate, *, broadcast_dims=(), rngs):
        self.rate, self.broadcast_dims, self.deterministic = rate, broadcast_dims, False
        self.rngs = rngs.fork()

    def __call__(self, x):
        if self.deterministic or self.rate == 0:
            return x
        low = -1.7580993408473766  # -alpha * scale of SELU
        a = ((1 - self.rate) * (1 + self.rate * low**2)) ** -0.5
        shape = [1 if axis in self.broadcast_dims else size for axis, size in enumerate(x.shape)]
        kept = jax.random.bernoulli(self.rngs.dropout(), 1 - self.rate, shape)
        return a * jnp.where(kept, x, low) - a * low * self.rate


class LocallyConnected(nnx.Module):
    """A convolution without padding that has a kernel of its own at every output position."""

    def __init__(
        self, in_features, out_features, output_size, kernel_size, strides=None, use_bias=True, *, rngs
    ):
        self.kernel_size, self.strides = kernel_size, strides or (1,) * len(kernel_size)
        cells = in_features
        for size in kernel_size:
            cells *= size
        init = nnx.initializers.lecun_normal()
        self.kernel = nnx.Param(init(rngs.params(), (*output_size, cells, out_features)))
        self.bias = nnx.Param(jnp.zeros((*output_size, out_features))) if use_bias else None

    def __call__(self, x):
        channels_last = ("NHC", "HIO", "NHC") if x.ndim == 3 else ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated_patches(
            x, self.kernel_size, self.strides, "VALID", dimension_numbers=channels_last
        )
        x = jnp.einsum("n...f,...fo->n...o", x, self.kernel[...])
        return x if self.bias is None else x + self.bias[...]


class AxesLayerNorm(nnx.Module):
    """Layer normalization over any axes, with a scale and a bias that broadcast against one example."""

    def __init__(self, shape, axis, epsilon, use_scale=True, use_bias=True, *, rngs):
        self.axis, self.epsilon = axis, epsilon
        self.scale = nnx.Param(jnp.ones(shape)) if use_scale else None
        self.bias = nnx.Param(jnp.zeros(shape)) if use_bias else None

    def __call__(self, x):
        centred = x - x.mean(self.axis, keepdims=True)
        variance = jnp.square(centred).mean(self.axis, keepdims=True)
        x = centred * jax.lax.rsqrt(variance + self.epsilon)
        x = x if self.scale is None else x * self.scale[...]
        return x if self.bias is None else x + self.bias[...]


class AxesRMSNorm(nnx.Module):
    """RMS normalization over any axes, with a scale that broadcasts against one example."""

    def __init__(self, shape, axis, epsilon, use_scale=True, *, rngs):
        self.axis, self.epsilon = axis, epsilon
        self.scale = nnx.Param(jnp.ones(shape)) if use_scale else None

    def __call__(self, x):
        x = x * jax.lax.rsqrt(jnp.square(x).mean(self.axis, keepdims=True) + self.epsilon)
        return x if self.scale is None else x * self.scale[...]
