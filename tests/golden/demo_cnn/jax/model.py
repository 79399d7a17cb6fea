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
        input 0: float32 (batch, 28, 28, 1), axes `n h w c`
    Outputs:
        output 0: float32 (batch, 4), axes `n c`
    """

    def __init__(self, *, rngs: nnx.Rngs):
        self.stem = nnx.Conv(1, 8, kernel_size=(3, 3), use_bias=False, rngs=rngs)
        self.stem_norm = nnx.BatchNorm(8, momentum=0.9, epsilon=0.001, rngs=rngs)
        self.features = nnx.Conv(8, 16, kernel_size=(3, 3), strides=2, rngs=rngs)
        self.features_norm = nnx.BatchNorm(16, momentum=0.9, epsilon=0.001, rngs=rngs)
        self.dropout = nnx.Dropout(0.3, rngs=rngs)
        self.hidden = nnx.Linear(144, 32, rngs=rngs)
        self.shape = nnx.Linear(32, 4, rngs=rngs)

    def __call__(self, x):
        x = self.stem(x)
        x = nnx.max_pool(nnx.relu(self.stem_norm(x)), (2, 2), strides=(2, 2))
        x = nnx.relu(self.features(x))
        x = nnx.avg_pool(self.features_norm(x), (2, 2), strides=(2, 2))
        x = x.reshape(x.shape[0], -1)
        x = self.dropout(x)
        x = nnx.relu(self.hidden(x))
        return nnx.softmax(self.shape(x))


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    weights = load_file(path)
    model = nnx.eval_shape(lambda: Model(rngs=nnx.Rngs(0)))  # shapes only
    set_weights(model, weights)
    nnx.reseed(model, default=0)
    model.eval()
    return model
