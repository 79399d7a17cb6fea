"""Small models of every kind that JAX code comes as; the structures are those of Flax's own examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import nnx

from tests.jax_source.functions import numbers, reals

Row = tuple[Callable[[], Any], tuple[np.ndarray, ...], tuple[str, ...]]


def shaken(model: Any) -> Any:
    """The model with every array moved a little: zeros and ones hide mistakes."""
    state = nnx.state(model)
    nnx.update(model, _moved(state))
    return model


def _moved(tree: Any) -> Any:
    count = iter(range(10000))

    def move(array: Any) -> Any:
        if "float" not in str(array.dtype):
            return array
        return array + 0.2 * jax.random.uniform(jax.random.key(next(count)), array.shape, array.dtype)

    return jax.tree.map(move, tree)


def linen(module: nn.Module, *inputs: Any, **told: Any) -> tuple[Any, Any]:
    """A Linen module and variables for it."""
    return module, _moved(module.init(jax.random.key(0), *inputs, **told))


class Mlp(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.layers = nnx.List([nnx.Linear(3, 4, rngs=rngs), nnx.Linear(4, 5, rngs=rngs)])

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = nnx.relu(layer(x))
        return x


class Cnn(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(3, 8, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.up = nnx.ConvTranspose(8, 6, (3, 3), strides=(2, 2), rngs=rngs)
        self.wide = nnx.Conv(
            6, 12, (3, 3), feature_group_count=3, padding="VALID", kernel_dilation=2, rngs=rngs
        )
        self.group = nnx.GroupNorm(12, num_groups=2, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.dense = nnx.Linear(12 * 8 * 8, 5, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        x = nnx.avg_pool(nnx.relu(self.norm(self.conv(x))), (2, 2), (2, 2))
        x = nnx.gelu(self.group(self.wide(self.up(x))))
        x = nnx.avg_pool(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), (1, 1))
        return nnx.softmax(self.dense(self.dropout(x.reshape(x.shape[0], -1))))


class Recurrent(nnx.Module):
    def __init__(self, cell: Any, rngs: nnx.Rngs, **told: Any) -> None:
        self.rnn = nnx.RNN(cell(3, 4, rngs=rngs), **told)

    def __call__(self, x: Any) -> Any:
        return self.rnn(x)


class Both(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        forward, back = nnx.RNN(nnx.LSTMCell(3, 4, rngs=rngs)), nnx.RNN(nnx.GRUCell(3, 4, rngs=rngs))
        self.both = nnx.Bidirectional(forward, back)

    def __call__(self, x: Any) -> Any:
        return self.both(x)


class Seq2Seq(nnx.Module):
    """The encoder's state starts the decoder."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.encoder = nnx.RNN(nnx.LSTMCell(3, 4, rngs=rngs), return_carry=True)
        self.decoder = nnx.RNN(nnx.LSTMCell(3, 4, rngs=rngs))
        self.out = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x: Any, y: Any) -> Any:
        carry, _ = self.encoder(x)
        return self.out(self.decoder(y, initial_carry=carry))


class Block(nnx.Module):
    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        self.norm1, self.norm2 = nnx.LayerNorm(width, rngs=rngs), nnx.LayerNorm(width, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(2, width, decode=False, rngs=rngs)
        self.up, self.down = nnx.Linear(width, 2 * width, rngs=rngs), nnx.Linear(2 * width, width, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)

    def __call__(self, x: Any, mask: Any = None) -> Any:
        x = x + self.dropout(self.attention(self.norm1(x), mask=mask))
        return x + self.dropout(self.down(nnx.gelu(self.up(self.norm2(x)))))


class Decoder(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Embed(11, 8, rngs=rngs)
        self.position = nnx.Param(jnp.ones((5, 8)))
        self.blocks = nnx.List([Block(8, rngs) for _ in range(2)])
        self.norm = nnx.RMSNorm(8, rngs=rngs)

    def __call__(self, ids: Any) -> Any:
        x = self.embed(ids) + self.position[...]
        mask = nnx.make_causal_mask(ids, dtype=bool)
        for block in self.blocks:
            x = block(x, mask)
        return self.embed.attend(self.norm(x))


class Vae(nn.Module):
    """Encoder and decoder as modules of a Linen module, with statistics beside the parameters."""

    @nn.compact
    def __call__(self, x: Any, train: bool) -> Any:
        x = nn.BatchNorm(use_running_average=not train)(nn.Dense(6, name="encode")(x))
        mean, spread = nn.Dense(2, name="mean")(nn.relu(x)), nn.Dense(2, name="spread")(nn.relu(x))
        x = nn.Dropout(0.3, deterministic=not train)(mean * jnp.exp(0.5 * spread))
        return nn.sigmoid(nn.Dense(5, name="decode")(x)), mean, spread


class LinenSequence(nn.Module):
    cell: str

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.RNN(getattr(nn, self.cell)(4))(x), nn.MultiHeadDotProductAttention(2)(x)


def by_hand_lstm(params: Any, x: Any) -> Any:
    """An LSTM made of dots: one product for all gates, a forget gate that starts open."""

    def step(carry: Any, now: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(jnp.concatenate([now, h], -1) @ params["w"] + params["b"], 4, -1)
        c = jax.nn.sigmoid(f + 1.0) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    start = jnp.zeros((x.shape[0], 4))
    (h, _), steps = jax.lax.scan(step, (start, start), jnp.swapaxes(x, 0, 1))
    return jnp.swapaxes(steps, 0, 1), h


def by_hand_attention(params: Any, x: Any) -> Any:
    """A layer norm and attention, spelled out."""
    centred = x - x.mean(-1, keepdims=True)
    x = centred / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5) * params["norm"]["g"] + params["norm"]["b"]
    q, k, v = (jnp.einsum("btd,dhk->bthk", x, params[name]) for name in "qkv")
    scores = jnp.einsum("bthk,bshk->bhts", q, k) / jnp.sqrt(4.0)
    scores = jnp.where(jnp.tril(jnp.ones((5, 5), bool)), scores, -1e9)
    heads = jnp.einsum("bhts,bshk->bthk", jax.nn.softmax(scores, -1), v)
    return jnp.einsum("bthk,hkd->btd", heads, params["o"])


def nested(params: Any, x: Any) -> Any:
    """A list of maps, as hand-written networks have it."""
    for layer in params["layers"]:
        x = jnp.tanh(x @ layer["w"] + layer["b"])
    return x


class Lengths(nnx.Module):
    """Sequences of unequal length: the states after each one's last step, and walks from there back."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.walk = nnx.RNN(nnx.LSTMCell(3, 4, rngs=rngs), return_carry=True)
        cells = [nnx.GRUCell(3, 4, rngs=rngs), nnx.OptimizedLSTMCell(3, 4, rngs=rngs)]
        self.both = nnx.Bidirectional(*map(nnx.RNN, cells))

    def __call__(self, x: Any, lengths: Any) -> Any:
        return (*self.walk(x, seq_lengths=lengths), self.both(x, seq_lengths=lengths))


class Step(nnx.Module):
    """A layer as stacks and checkpoints hold it."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(4, param_dtype=jnp.bfloat16, dtype=jnp.float32, rngs=rngs)
        self.dense = nnx.Linear(4, 4, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)

    @nnx.remat
    def __call__(self, x: Any) -> Any:
        return x + self.drop(nnx.gelu(self.dense(self.norm(x))))


class Stacked(nnx.Module):
    """One layer with the weights of three, walked through by a scan; its norms' weights are bfloat16."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.steps = nnx.vmap(Step)(rngs.split(3))

    def __call__(self, x: Any) -> Any:
        return nnx.scan(lambda step, x: step(x), in_axes=(0, nnx.Carry), out_axes=nnx.Carry)(self.steps, x)


ATTENTION = {
    "norm": {"g": reals(6), "b": reals(6) * 2},
    **{name: reals(6, 2, 4) for name in "qkv"},
    "o": reals(2, 4, 6),
}
LAYERS = {"layers": [{"w": reals(3, 4), "b": reals(4)}, {"w": reals(4, 2), "b": reals(2)}]}
SEQUENCE = (reals(2, 5, 3),)


def _recurrent(cell: Any, **told: Any) -> Callable[[], Any]:
    return lambda: shaken(Recurrent(cell, nnx.Rngs(0), **told))


MODELS: Mapping[str, Row] = {
    "mlp": (lambda: shaken(Mlp(nnx.Rngs(0))), (reals(2, 3),), ("Linear", "Relu") * 2),
    "cnn": (lambda: shaken(Cnn(nnx.Rngs(0))), (reals(2, 10, 10, 3),), ("BatchNorm", "ConvTranspose", "Gelu")),
    "lstm": (_recurrent(nnx.LSTMCell), SEQUENCE, ("Lstm",)),
    "optimized_lstm": (_recurrent(nnx.OptimizedLSTMCell), SEQUENCE, ("Lstm",)),
    "gru_backwards": (_recurrent(nnx.GRUCell, reverse=True, keep_order=True), SEQUENCE, ("Gru",)),
    "simple_rnn": (_recurrent(nnx.SimpleCell), SEQUENCE, ("SimpleRnn",)),
    "bidirectional": (lambda: shaken(Both(nnx.Rngs(0))), SEQUENCE, ("Lstm", "Gru")),
    "seq2seq": (
        lambda: shaken(Seq2Seq(nnx.Rngs(0))),
        (reals(2, 5, 3), reals(2, 4, 3)),
        ("Lstm", "Lstm", "Linear"),
    ),
    "decoder": (
        lambda: shaken(Decoder(nnx.Rngs(0))),
        (numbers(11, 2, 5),),
        ("Embedding", "Attention", "RmsNorm"),
    ),
    "linen_vae": (lambda: linen(Vae(), reals(2, 5), train=False), (reals(2, 5),), ("Linear", "BatchNorm")),
    "linen_lstm": (
        lambda: linen(LinenSequence("OptimizedLSTMCell"), reals(2, 5, 6)),
        (reals(2, 5, 6),),
        ("Lstm", "Attention"),
    ),
    "linen_gru": (
        lambda: linen(LinenSequence("GRUCell"), reals(2, 5, 6)),
        (reals(2, 5, 6),),
        ("Gru", "Attention"),
    ),
    "lengths": (
        lambda: shaken(Lengths(nnx.Rngs(0))),
        (*SEQUENCE, np.array([2, 5], "int32")),
        ("Lstm", "Lstm", "Lstm", "Gru"),
    ),
    "stacked": (lambda: shaken(Stacked(nnx.Rngs(0))), (reals(2, 4),), ("LayerNorm", "Linear") * 3),
    "hand_lstm": (lambda: (by_hand_lstm, {"w": reals(7, 16), "b": reals(16)}), SEQUENCE, ("Lstm",)),
    "hand_attention": (lambda: (by_hand_attention, ATTENTION), (reals(2, 5, 6),), ("LayerNorm", "Attention")),
    "hand_mlp": (lambda: (nested, LAYERS), (reals(2, 3),), ("Linear", "Linear")),
}
"""Name: what builds it, its inputs, ops that must be among those it becomes."""
