"""Recurrent layers for generated code: what the cells and the loop of Flax lack. Never imported."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx


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


class GRUCell(nnx.GRUCell):
    """`nnx.GRUCell` with a bias in the product of the state too."""

    def __init__(self, in_features, hidden_features, *, rngs, **settings):
        super().__init__(in_features, hidden_features, rngs=rngs, **settings)
        types = {name: settings.get(name) for name in ("dtype", "param_dtype") if name in settings}
        self.dense_h = nnx.Linear(hidden_features, 3 * hidden_features, **types, rngs=rngs)


class ResetBeforeGRUCell(nnx.GRUCell):
    """`nnx.GRUCell` whose reset gate acts on the state before the product."""

    def __call__(self, h, x):
        kernel, n = self.dense_h.kernel[...], self.hidden_features
        gates, new = jnp.split(self.dense_i(x), [2 * n], axis=-1)
        r, z = jnp.split(self.gate_fn(gates + h @ kernel[:, : 2 * n]), 2, axis=-1)
        new = self.activation_fn(new + (r * h) @ kernel[:, 2 * n :])
        h = (1 - z) * new + z * h
        return h, h


class ConvLSTMCell(nnx.RNNCellBase):
    """An LSTM cell whose products are convolutions; gates in the order i f g o."""

    def __init__(self, input_conv, recurrent_conv, activation_fn=nnx.tanh, gate_fn=nnx.sigmoid):
        self.input_conv, self.recurrent_conv = input_conv, recurrent_conv
        self.activation_fn, self.gate_fn = activation_fn, gate_fn

    def __call__(self, carry, x):
        c, h = carry
        i, f, g, o = jnp.split(self.input_conv(x) + self.recurrent_conv(h), 4, axis=-1)
        c = self.gate_fn(f) * c + self.gate_fn(i) * self.activation_fn(g)
        h = self.gate_fn(o) * self.activation_fn(c)
        return (c, h), h

    def initialize_carry(self, input_shape, rngs=None, carry_init=None):
        image = jax.eval_shape(self.input_conv, jax.ShapeDtypeStruct(input_shape, jnp.float32))
        zeros = jnp.zeros((*image.shape[:-1], image.shape[-1] // 4), self.input_conv.kernel.dtype)
        return zeros, zeros

    @property
    def num_feature_axes(self):
        return len(self.input_conv.kernel_size) + 1
