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


class Block(nnx.Module):
    """Used for stage_0_block_0, stage_0_block_1, stage_0_block_2 and 2 more."""

    def __init__(self, features, *, rngs: nnx.Rngs):
        self.conv_1 = nnx.Conv(features, features, kernel_size=(3, 3), rngs=rngs)
        self.norm_1 = nnx.BatchNorm(features, epsilon=0.001, rngs=rngs)
        self.conv_2 = nnx.Conv(features, features, kernel_size=(3, 3), rngs=rngs)
        self.norm_2 = nnx.BatchNorm(features, epsilon=0.001, rngs=rngs)

    def __call__(self, x):
        y = self.conv_1(x)
        y = nnx.relu(self.norm_1(y))
        y = self.conv_2(y)
        y = self.norm_2(y)
        return nnx.relu(x + y)


class Block2(nnx.Module):
    """Used for stage_1_block_0."""

    def __init__(self, *, rngs: nnx.Rngs):
        self.conv_1 = nnx.Conv(4, 6, kernel_size=(3, 3), strides=2, rngs=rngs)
        self.norm_1 = nnx.BatchNorm(6, epsilon=0.001, rngs=rngs)
        self.conv_2 = nnx.Conv(6, 6, kernel_size=(3, 3), rngs=rngs)
        self.shortcut = nnx.Conv(4, 6, kernel_size=(1, 1), strides=2, rngs=rngs)
        self.norm_2 = nnx.BatchNorm(6, epsilon=0.001, rngs=rngs)

    def __call__(self, x):
        y = self.conv_1(x)
        y = nnx.relu(self.norm_1(y))
        y = self.conv_2(y)
        norm_2 = self.norm_2(y)
        x = self.shortcut(x)
        return nnx.relu(x + norm_2)


class Model(nnx.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 9, 8, 3), axes `n h w c`
    Outputs:
        output 0: float32 (batch, 3), axes `n c`
    """

    def __init__(self, *, rngs: nnx.Rngs):
        self.stem = nnx.Conv(3, 4, kernel_size=(3, 3), rngs=rngs)
        self.stage_0_block_0 = Block(features=4, rngs=rngs)
        self.stage_0_block_1 = Block(features=4, rngs=rngs)
        self.stage_0_block_2 = Block(features=4, rngs=rngs)
        self.stage_1_block_0 = Block2(rngs=rngs)
        self.stage_1_block_1 = Block(features=6, rngs=rngs)
        self.stage_1_block_2 = Block(features=6, rngs=rngs)
        self.classes = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x):
        x = self.stem(x)
        x = self.stage_0_block_0(x)
        x = self.stage_0_block_1(x)
        x = self.stage_0_block_2(x)
        x = self.stage_1_block_0(x)
        x = self.stage_1_block_1(x)
        x = self.stage_1_block_2(x).mean(axis=(1, 2))
        return self.classes(x)


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    weights = load_file(path)
    model = nnx.eval_shape(lambda: Model(rngs=nnx.Rngs(0)))  # shapes only
    set_weights(model, weights)
    model.eval()
    return model
