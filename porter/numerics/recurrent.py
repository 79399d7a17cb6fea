"""Recurrent layers over `(n, t, ...)` sequences: one walk through time, four kinds of step.

All share these arguments:

    w_ih, w_hh   `(gates * u, c)` and `(gates * u, u)`; b_ih, b_hh `(gates * u)` or None
    h0, c0       the states before the first step, zeros if None
    mask         `(n, t)`, True for real steps: at the others the states stay as they are, and the
                 output is the one before: at first zeros, or h0 with `state_shown`; with
                 `zero_masked` it is zeros at all of them
    reverse      walk from the last step to the first; each output still stands at its own step

and return the outputs `(n, t, u)` and the states after the walk's last step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from porter.numerics.activation import sigmoid
from porter.numerics.convolution import conv, same_padding
from porter.numerics.spatial import Array, Pairs, Sizes

Activation = Callable[[Array], Array]
States = tuple[Array, ...]
Step = Callable[[Array, States], States]


def simple_rnn(
    x: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    h0: Array | None = None,
    *,
    activation: Activation = np.tanh,
    **walk: Any,
) -> tuple[Array, States]:
    """h = activation(x w_ih^T + b_ih + h w_hh^T + b_hh)."""

    def step(given: Array, states: States) -> States:
        return (activation(given + _linear(states[0], w_hh, b_hh)),)

    return _walk(_linear(x, w_ih, b_ih), step, (_start(h0, x, w_hh.shape[1]),), **walk)


def lstm(
    x: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    activation: Activation = np.tanh,
    recurrent_activation: Activation = sigmoid,
    projection: Array | None = None,
    **walk: Any,
) -> tuple[Array, States]:
    """i, f, g, o = the four parts, in this order, of x w_ih^T + b_ih + h w_hh^T + b_hh.

    c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g);
    h = recurrent_activation(o) * activation(c), then h = h projection^T where there is one.
    """

    def step(given: Array, states: States) -> States:
        gates = given + _linear(states[0], w_hh, b_hh)
        h, c = _lstm_update(gates, states[1], activation, recurrent_activation)
        return (h if projection is None else h @ projection.T), c

    units = w_hh.shape[0] // 4
    states = (_start(h0, x, w_hh.shape[1]), _start(c0, x, units))
    return _walk(_linear(x, w_ih, b_ih), step, states, **walk)


def gru(
    x: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    h0: Array | None = None,
    *,
    reset_after: bool = True,
    activation: Activation = np.tanh,
    recurrent_activation: Activation = sigmoid,
    **walk: Any,
) -> tuple[Array, States]:
    """r, z, n = the three parts, in this order, of x w_ih^T + b_ih and of h w_hh^T + b_hh.

    r = recurrent_activation(x_r + h_r); z = recurrent_activation(x_z + h_z);
    n = activation(x_n + r * h_n), with h_n = h w_n^T + b_n, if `reset_after`,
    and else n = activation(x_n + (r * h) w_n^T + b_n);
    h = (1 - z) * n + z * h.
    """
    units = w_hh.shape[1]
    w_gates, w_new = w_hh[: 2 * units], w_hh[2 * units :]
    b_gates, b_new = (None, None) if b_hh is None else (b_hh[: 2 * units], b_hh[2 * units :])

    def step(given: Array, states: States) -> States:
        (h,) = states
        gates = given[:, : 2 * units] + _linear(h, w_gates, b_gates)
        r, z = (recurrent_activation(gate) for gate in np.split(gates, 2, axis=-1))
        inner = r * _linear(h, w_new, b_new) if reset_after else _linear(r * h, w_new, b_new)
        new = activation(given[:, 2 * units :] + inner)
        return ((1 - z) * new + z * h,)

    return _walk(_linear(x, w_ih, b_ih), step, (_start(h0, x, units),), **walk)


def conv_lstm(
    x: Array,
    w_ih: Array,
    w_hh: Array,
    b: Array | None = None,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    strides: Sizes,
    dilation: Sizes,
    padding: Pairs,
    state_padding: Pairs | None = None,
    activation: Activation = np.tanh,
    recurrent_activation: Activation = sigmoid,
    **walk: Any,
) -> tuple[Array, States]:
    """`lstm` with convolutions for products: x `(n, t, *s, c)`, w_ih `(4 u, c, *k)`.

    w_hh `(4 u, u, *k)` is applied to h without strides or dilation and with `same_padding`,
    unless `state_padding` puts the zeros otherwise.
    """
    flat = x.reshape(-1, *x.shape[2:])
    given = conv(flat, w_ih, strides=strides, dilation=dilation, padding=padding)
    given = given if b is None else given + b
    given = given.reshape(*x.shape[:2], *given.shape[1:])
    sizes, window = given.shape[2:-1], w_hh.shape[2:]
    ones = (1,) * len(window)
    sides = state_padding or tuple(same_padding(size, k, 1) for size, k in zip(sizes, window, strict=True))

    def step(now: Array, states: States) -> States:
        gates = now + conv(states[0], w_hh, strides=ones, dilation=ones, padding=sides)
        return _lstm_update(gates, states[1], activation, recurrent_activation)

    states = tuple(_start(state, x, *sizes, w_hh.shape[1]) for state in (h0, c0))
    return _walk(given, step, states, **walk)


def _lstm_update(gates: Array, c: Array, act: Activation, gate: Activation) -> States:
    """The new h and c from the gates' values before their activations, order i f g o."""
    i, f, g, o = np.split(gates, 4, axis=-1)
    c = gate(f) * c + gate(i) * act(g)
    return gate(o) * act(c), c


def _linear(x: Array, w: Array, b: Array | None) -> Array:
    """x w^T + b."""
    product: Array = np.matmul(x, w.T)
    if b is not None:
        product += b
    return product


def _start(state: Array | None, x: Array, *sizes: int) -> Array:
    """A state before the first step: as given, or zeros."""
    return np.zeros((x.shape[0], *sizes), x.dtype) if state is None else state


def _walk(
    given: Array,
    step: Step,
    states: States,
    *,
    mask: Array | None = None,
    reverse: bool = False,
    zero_masked: bool = False,
    state_shown: bool = False,
) -> tuple[Array, States]:
    """Run `step` over axis 1 of what the inputs contribute; the first state is the output."""
    count = given.shape[1]
    shown = np.zeros((given.shape[0], *states[0].shape[1:]), given.dtype)
    outputs = np.zeros((shown.shape[0], count, *shown.shape[1:]), given.dtype)
    shown = states[0] if state_shown else shown
    for t in reversed(range(count)) if reverse else range(count):
        new = step(given[:, t], states)
        if mask is None:
            states, shown = new, new[0]
        else:
            real = mask[:, t].astype(bool)
            before = np.zeros_like(new[0]) if zero_masked else shown
            shown = _chosen(real, new[0], before)
            states = tuple(_chosen(real, *pair) for pair in zip(new, states, strict=True))
        outputs[:, t] = shown
    return outputs, states


def _chosen(real: Array, new: Array, old: Array) -> Array:
    """Row by row, the new value at real steps and the old one at others."""
    return np.where(real.reshape(-1, *[1] * (new.ndim - 1)), new, old)
