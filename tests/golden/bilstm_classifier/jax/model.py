"""Model in JAX (Flax NNX); `load()` returns it with its weights, ready for inference.

As a pure function, for `jax.jit`, `jax.grad` and `jax.vmap`:

    graphdef, params, rest = nnx.split(load(), nnx.Param, ...)

    def apply(params, *inputs):
        return nnx.merge(graphdef, params, rest)(*inputs)
"""

from functools import partial
from pathlib import Path

import jax
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


class RNN(nnx.Module):
    """A cell that walks over sequences (n, t, ...): `nnx.RNN`, but it heeds masks and has no random numbers.

    `mask` (n, t) tells the real steps; the others leave the state as it is, and show the output before
    ("repeat", zeros at first), "zeros", or the "state".
    """

    def __init__(self, cell):
        self.cell = cell

    def __call__(self, x, initial_carry=None, mask=None, gaps="repeat", return_carry=False, reverse=False):
        carry = initial_carry
        if carry is None:
            zeros = self.cell.initialize_carry((x.shape[0], *x.shape[2:]), nnx.Rngs(0))
            carry = jax.tree.map(lambda state: state.astype(x.dtype), zeros)
        if mask is None:
            carry, x = jax.lax.scan(self.cell, carry, x.swapaxes(0, 1), reverse=reverse)
        else:
            first = jax.tree.leaves(carry)[-1]
            shown = first if gaps == "state" else jnp.zeros_like(first)
            steps = x.swapaxes(0, 1), mask.swapaxes(0, 1)
            walk = partial(masked_step, self.cell, gaps)
            (carry, _), x = jax.lax.scan(walk, (carry, shown), steps, reverse=reverse)
        x = x.swapaxes(0, 1)
        return (carry, x) if return_carry else x


def masked_step(cell, gaps, held, now):
    """One step of a walk: rows whose mask is false keep their state and the output shown before."""
    (carry, shown), (x, real) = held, now
    new, output = cell(carry, x)
    real = real.reshape(-1, *[1] * (output.ndim - 1))
    carry = jax.tree.map(lambda new, old: jnp.where(real, new, old), new, carry)
    shown = jnp.where(real, output, 0 if gaps == "zeros" else shown)
    return (carry, shown), shown


class Bidirectional(nnx.Module):
    """One layer that walks from start to end and one from end to start; their outputs lie side by side."""

    def __init__(self, forward_rnn, backward_rnn):
        self.forward_rnn, self.backward_rnn = forward_rnn, backward_rnn

    def __call__(self, x, initial_carry=(None, None), mask=None, gaps="repeat", return_carry=False):
        start, end = initial_carry
        ahead, forward = self.forward_rnn(x, start, mask, gaps, return_carry=True)
        back, backward = self.backward_rnn(x, end, mask, gaps, return_carry=True, reverse=True)
        x = jnp.concatenate([forward, backward], axis=-1)
        return ((ahead, back), x) if return_carry else x


class Model(nnx.Module):
    """The converted model.

    Inputs:
        input 0: int32 (batch, 8), axes `n c`
    Outputs:
        output 0: float32 (batch, 1), axes `n c`
    """

    def __init__(self, *, rngs: nnx.Rngs):
        self.embedding = nnx.Embed(20, 6, rngs=rngs)
        self.bilstm_1 = Bidirectional(
            RNN(nnx.OptimizedLSTMCell(6, 4, rngs=rngs)), RNN(nnx.OptimizedLSTMCell(6, 4, rngs=rngs))
        )
        self.bilstm_2 = Bidirectional(
            RNN(nnx.OptimizedLSTMCell(8, 3, rngs=rngs)), RNN(nnx.OptimizedLSTMCell(8, 3, rngs=rngs))
        )
        self.hidden = nnx.Linear(6, 4, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.score = nnx.Linear(4, 1, rngs=rngs)

    def __call__(self, x):
        embedding = self.embedding(x)
        embedding_mask = x != 0
        x = self.bilstm_1(embedding, mask=embedding_mask, gaps="zeros")
        x = self.bilstm_2(x, mask=embedding_mask)
        x = jnp.concatenate([x[:, -1, :3], x[:, 0, 3:]], axis=-1)
        x = nnx.relu(self.hidden(x))
        x = self.dropout(x)
        return nnx.sigmoid(self.score(x))


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    weights = load_file(path)
    model = nnx.eval_shape(lambda: Model(rngs=nnx.Rngs(0)))  # shapes only
    set_weights(model, weights)
    nnx.reseed(model, default=0)
    model.eval()
    return model
