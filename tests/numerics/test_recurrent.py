"""Recurrent layers against torch and Keras: gate orders, masks, both directions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from porter.numerics import activation as act
from porter.numerics import recurrent as rec
from tests.numerics.agreement import Array, assert_close, noise

N, T, C, U = 3, 5, 4, 6
GATES = {"simple": 1, "gru": 3, "lstm": 4}


def weights(kind: str, seed: int = 0) -> list[Array]:
    """w_ih, w_hh, b_ih, b_hh."""
    rows = GATES[kind] * U
    shapes = [(rows, C), (rows, U), (rows,), (rows,)]
    return [noise(*shape, seed=seed + k) * 0.5 for k, shape in enumerate(shapes)]


@pytest.mark.parametrize("kind", ["simple", "gru", "lstm"])
@pytest.mark.parametrize("reverse", [False, True])
def test_is_torchs(kind: str, reverse: bool) -> None:
    makers: dict[str, Any] = {"simple": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
    ours: dict[str, Any] = {"simple": rec.simple_rnn, "gru": rec.gru, "lstm": rec.lstm}
    module = makers[kind](C, U, batch_first=True, bidirectional=True).double()
    both = [weights(kind), weights(kind, 10)]
    with torch.no_grad():
        for parameter, array in zip(module.parameters(), [*both[0], *both[1]], strict=True):
            parameter.copy_(torch.from_numpy(array))
    x = noise(N, T, C, seed=20)
    states = [noise(2, N, U, seed=30 + k) for k in range(2 if kind == "lstm" else 1)]
    tensors = [torch.from_numpy(state) for state in states]
    want, ends = module(torch.from_numpy(x), tuple(tensors) if kind == "lstm" else tensors[0])
    side = int(reverse)
    got, final = ours[kind](x, *both[side], *(state[side] for state in states), reverse=reverse)
    assert_close(got, want.detach().numpy()[..., side * U : (side + 1) * U])
    for ours_end, theirs in zip(final, ends if kind == "lstm" else (ends,), strict=True):
        assert_close(ours_end, theirs.detach().numpy()[side])


def test_a_projected_lstm_is_torchs() -> None:
    module = torch.nn.LSTM(C, U, batch_first=True, proj_size=2).double()
    x = noise(N, T, C)
    want, (h, c) = module(torch.from_numpy(x))
    w_ih, w_hh, b_ih, b_hh, projection = (p.detach().numpy() for p in module.parameters())
    got, final = rec.lstm(x, w_ih, w_hh, b_ih, b_hh, projection=projection)
    assert_close(got, want.detach().numpy())
    assert_close(final[0], h.detach().numpy()[0])
    assert_close(final[1], c.detach().numpy()[0])


def keras_layer(kind: str, **options: Any) -> Any:
    keras = pytest.importorskip("keras")
    name = {"simple": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}[kind]
    layer = getattr(keras.layers, name)(
        U, return_sequences=True, return_state=True, dtype="float64", **options
    )
    layer.build((N, T, C))
    return layer


def to_keras(kind: str, arrays: list[Array], two_biases: bool) -> list[Array]:
    """Our arrays as Keras lays them out; the gates z and r change places."""

    def columns(array: Array) -> Array:
        blocks = np.split(array, GATES[kind])
        return np.concatenate([blocks[k] for k in ((1, 0, 2) if kind == "gru" else range(len(blocks)))])

    w_ih, w_hh, b_ih, b_hh = map(columns, arrays)
    return [w_ih.T, w_hh.T, np.stack([b_ih, b_hh]) if two_biases else b_ih]


MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [0, 0, 0, 0, 0]], bool)


@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("simple", {}),
        ("simple", {"activation": "relu"}),
        ("lstm", {}),
        ("lstm", {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}),
        ("gru", {"reset_after": True}),
        ("gru", {"reset_after": False}),
    ],
)
def test_is_kerass(kind: str, options: dict[str, Any], reverse: bool, mask: Array | None) -> None:
    layer = keras_layer(kind, go_backwards=reverse, **options)
    arrays = weights(kind)
    two_biases = options.get("reset_after", False)
    layer.set_weights(to_keras(kind, arrays, two_biases))
    x = noise(N, T, C, seed=20)
    want, *ends = (np.asarray(value) for value in layer(x, mask=mask))
    ours: dict[str, Any] = {"simple": rec.simple_rnn, "gru": rec.gru, "lstm": rec.lstm}
    named = {"relu": act.relu, "softsign": act.softsign, "hard_sigmoid": act.hard_sigmoid}
    given = {key: named.get(value, value) for key, value in options.items()}
    b_hh = arrays[3] if two_biases else None
    got, final = ours[kind](x, *arrays[:3], b_hh, mask=mask, reverse=reverse, **given)
    # Walking backwards, Keras hands out the outputs in the order of the walk.
    assert_close(got[:, ::-1] if reverse else got, want)
    for ours_end, theirs in zip(final, ends, strict=True):
        assert_close(ours_end, theirs)


def test_masked_outputs_can_be_zeros() -> None:
    arrays = weights("lstm")
    x = noise(N, T, C)
    kept, final = rec.lstm(x, *arrays, mask=MASK)
    zeroed, same = rec.lstm(x, *arrays, mask=MASK, zero_masked=True)
    np.testing.assert_array_equal(zeroed, np.where(MASK[..., None], kept, 0))
    np.testing.assert_array_equal(final, same)


@pytest.mark.parametrize("mask", [None, MASK[:, :4]], ids=["plain", "masked"])
@pytest.mark.parametrize(
    ("rank", "options"),
    [
        (1, {"padding": "same"}),
        (2, {"padding": "valid"}),
        (2, {"padding": "same", "strides": 2}),
        (2, {"padding": "valid", "dilation_rate": 2}),
        (3, {"padding": "same"}),
    ],
)
def test_conv_lstm_is_kerass(rank: int, options: dict[str, Any], mask: Array | None) -> None:
    keras = pytest.importorskip("keras")
    sizes, window = (7, 6, 5)[:rank], (3, 2, 3)[:rank]
    layer = getattr(keras.layers, f"ConvLSTM{rank}D")(
        2, window, return_sequences=True, return_state=True, dtype="float64", **options
    )
    x = noise(N, 4, *sizes, 3)
    layer.build(x.shape)
    kernel, recurrent, bias = (noise(*w.shape, seed=k) * 0.4 for k, w in enumerate(layer.weights))
    layer.set_weights([kernel, recurrent, bias])
    want, *ends = (np.asarray(value) for value in layer(x, mask=mask))
    stride, step = options.get("strides", 1), options.get("dilation_rate", 1)
    same = options["padding"] == "same"
    rows = zip(sizes, window, strict=True)
    sides = [rec.same_padding(size, k, stride, step) if same else (0, 0) for size, k in rows]
    got, final = rec.conv_lstm(
        x,
        *(np.moveaxis(w, (-1, -2), (0, 1)) for w in (kernel, recurrent)),
        bias,
        strides=(stride,) * rank,
        dilation=(step,) * rank,
        padding=sides,
        mask=mask,
    )
    assert_close(got, want)
    for ours_end, theirs in zip(final, ends, strict=True):
        assert_close(ours_end, theirs)


def test_single_precision_stays_single() -> None:
    arrays = [array.astype("float32") for array in weights("gru")]
    got, final = rec.gru(noise(N, T, C, dtype="float32"), *arrays)
    assert got.dtype == final[0].dtype == np.float32
    outputs, states = rec.lstm(noise(N, 0, C), *weights("lstm"))
    assert outputs.shape == (N, 0, U)
    assert not np.any(states)
