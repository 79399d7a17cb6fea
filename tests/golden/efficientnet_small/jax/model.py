"""Model in JAX (Flax NNX); `load()` returns it with its weights, ready for inference.

As a pure function, for `jax.jit`, `jax.grad` and `jax.vmap`:

    graphdef, params, rest = nnx.split(load(), nnx.Param, ...)

    def apply(params, *inputs):
        return nnx.merge(graphdef, params, rest)(*inputs)
"""

from pathlib import Path

import jax.numpy as jnp
from flax import nnx
from safetensors.flax import load_file


class Fixed(nnx.Variable):
    """Numbers that are not trained: `nnx.grad` and optimizers leave everything but `nnx.Param` alone."""


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


class Normalization(nnx.Module):
    """Used for normalization."""

    def __init__(self, *, rngs: nnx.Rngs):
        self.mean = Fixed(jnp.zeros((1, 1, 1, 3)))
        self.std = Fixed(jnp.zeros((1, 1, 1, 3)))

    def __call__(self, x):
        x = x - self.mean[...]
        return x / self.std[...]


class Block(nnx.Module):
    """Used for block1, block3, block4."""

    def __init__(self, features, expand_features, *, rngs: nnx.Rngs):
        self.expand = nnx.Conv(
            features, expand_features, kernel_size=(1, 1), use_bias=False, rngs=rngs
        )
        self.expand_bn = nnx.BatchNorm(expand_features, epsilon=0.001, rngs=rngs)
        self.dwconv = nnx.Conv(
            expand_features,
            expand_features,
            kernel_size=(3, 3),
            feature_group_count=expand_features,
            use_bias=False,
            rngs=rngs,
        )
        self.bn = nnx.BatchNorm(expand_features, epsilon=0.001, rngs=rngs)
        self.se_reduce = nnx.Conv(expand_features, 2, kernel_size=(1, 1), rngs=rngs)
        self.se_expand = nnx.Conv(2, expand_features, kernel_size=(1, 1), rngs=rngs)
        self.project = nnx.Conv(
            expand_features, features, kernel_size=(1, 1), use_bias=False, rngs=rngs
        )
        self.project_bn = nnx.BatchNorm(features, epsilon=0.001, rngs=rngs)
        self.drop = nnx.Dropout(0.2, broadcast_dims=(1, 2, 3), rngs=rngs)

    def __call__(self, x):
        y = self.expand(x)
        y = nnx.silu(self.expand_bn(y))
        y = self.dwconv(y)
        activation = nnx.silu(self.bn(y))
        y = activation.mean(axis=(1, 2), keepdims=True)
        y = nnx.silu(self.se_reduce(y))
        y = nnx.sigmoid(self.se_expand(y))
        y = activation * y
        y = self.project(y)
        y = self.project_bn(y)
        y = self.drop(y)
        return y + x


class Block2(nnx.Module):
    """Used for block2."""

    def __init__(self, *, rngs: nnx.Rngs):
        self.expand = nnx.Conv(6, 24, kernel_size=(1, 1), use_bias=False, rngs=rngs)
        self.expand_bn = nnx.BatchNorm(24, epsilon=0.001, rngs=rngs)
        self.dwconv = nnx.Conv(
            24, 24, kernel_size=(3, 3), strides=2, feature_group_count=24, use_bias=False, rngs=rngs
        )
        self.bn = nnx.BatchNorm(24, epsilon=0.001, rngs=rngs)
        self.se_reduce = nnx.Conv(24, 2, kernel_size=(1, 1), rngs=rngs)
        self.se_expand = nnx.Conv(2, 24, kernel_size=(1, 1), rngs=rngs)
        self.project = nnx.Conv(24, 8, kernel_size=(1, 1), use_bias=False, rngs=rngs)
        self.project_bn = nnx.BatchNorm(8, epsilon=0.001, rngs=rngs)

    def __call__(self, x):
        x = self.expand(x)
        x = nnx.silu(self.expand_bn(x))
        x = self.dwconv(x)
        activation = nnx.silu(self.bn(x))
        x = activation.mean(axis=(1, 2), keepdims=True)
        x = nnx.silu(self.se_reduce(x))
        x = nnx.sigmoid(self.se_expand(x))
        x = activation * x
        x = self.project(x)
        return self.project_bn(x)


class Model(nnx.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 33, 32, 3), axes `n h w c`
    Outputs:
        output 0: float32 (batch, 5), axes `n c`
    """

    def __init__(self, *, rngs: nnx.Rngs):
        self.normalization = Normalization(rngs=rngs)
        self.stem_conv = nnx.Conv(
            3, 6, kernel_size=(3, 3), strides=2, padding=((0, 1), (0, 1)), use_bias=False, rngs=rngs
        )
        self.stem_bn = nnx.BatchNorm(6, epsilon=0.001, rngs=rngs)
        self.block1 = Block(features=6, expand_features=24, rngs=rngs)
        self.block2 = Block2(rngs=rngs)
        self.block3 = Block(features=8, expand_features=32, rngs=rngs)
        self.block4 = Block(features=8, expand_features=32, rngs=rngs)
        self.top_dropout = nnx.Dropout(0.2, rngs=rngs)
        self.predictions = nnx.Linear(8, 5, rngs=rngs)

    def __call__(self, x):
        x = x * 0.003921568859368563
        x = self.normalization(x)
        x = self.stem_conv(x)
        x = nnx.silu(self.stem_bn(x))
        x = self.block1(x)
        x = self.block2(x)
        x = self.block3(x)
        x = self.block4(x).mean(axis=(1, 2))
        x = self.top_dropout(x)
        return nnx.softmax(self.predictions(x))


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    weights = load_file(path)
    model = nnx.eval_shape(lambda: Model(rngs=nnx.Rngs(0)))  # shapes only
    set_weights(model, weights)
    nnx.reseed(model, default=0)
    model.eval()
    return model
