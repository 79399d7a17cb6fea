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


class Model(nnx.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 7, 6, 3), axes `n h w c`
        input 1: float32 (batch, 4), axes `n c`
    Outputs:
        output 0: float32 (batch, 3), axes `n c`
        output 1: float32 (batch, 1), axes `n c`
    """

    def __init__(self, *, rngs: nnx.Rngs):
        self.conv = nnx.Conv(3, 4, kernel_size=(3, 3), padding="VALID", rngs=rngs)
        self.facts = nnx.Linear(4, 5, rngs=rngs)
        self.kind = nnx.Linear(85, 3, rngs=rngs)
        self.amount = nnx.Linear(85, 1, rngs=rngs)

    def __call__(self, input_0, input_1):
        x = nnx.relu(self.conv(input_0))
        flatten = x.reshape(x.shape[0], -1)
        x = self.facts(input_1)
        both = jnp.concatenate([flatten, x], axis=-1)
        kind = nnx.softmax(self.kind(both))
        x = self.amount(both)
        return kind, x


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    weights = load_file(path)
    model = nnx.eval_shape(lambda: Model(rngs=nnx.Rngs(0)))  # shapes only
    set_weights(model, weights)
    model.eval()
    return model
