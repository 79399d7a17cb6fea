"""Rows of recurrent layers under masks that have gaps anywhere: at the start, in the middle, over whole rows."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from typing import Any

from tests.layers.cases.case import LayerCase, feed, ids, keras3
from tests.layers.cases.recurrent import Build, made

_X = feed(6, 3)
_MASK = feed(6, dtype="bool")
_H = feed(4)
_CELLS = ("LSTM", "GRU", "SimpleRNN")


def _masked(cell: str, name: str, wrapper: dict[str, Any] | None = None, **config: Any) -> LayerCase:
    """A mask that is an input of the model."""

    def build(keras: Any, inputs: list[Any]) -> Any:
        layer = getattr(keras.layers, cell)(4, name="layer" if wrapper is None else "inner", **config)
        if wrapper is not None:
            layer = keras.layers.Bidirectional(layer, name="layer", **wrapper)
        result = layer(inputs[0], mask=inputs[1])
        return list(result) if isinstance(result, (list, tuple)) else result

    kind = f"masked_{'bidirectional_' * (wrapper is not None)}{cell.lower()}_{name}"
    covers = (cell,) if wrapper is None else ("Bidirectional", cell)
    return made(kind, covers, (_X, _MASK), build)


_OPTIONS = tuple(
    case
    for cell in _CELLS
    for case in (
        _masked(cell, "last"),
        _masked(cell, "sequences", return_sequences=True),
        _masked(cell, "state", return_sequences=True, return_state=True),
        _masked(cell, "last_and_state", return_state=True),
        _masked(cell, "backwards", return_sequences=True, go_backwards=True),
        _masked(cell, "zeros", return_sequences=True, zero_output_for_mask=True),
        _masked(cell, "zeros_last", return_state=True, zero_output_for_mask=True),
        _masked(cell, "softsign", return_sequences=True, activation="softsign"),
        _masked(cell, "softsign_zeros", activation="softsign", zero_output_for_mask=True),
    )
)

_KINDS = (
    _masked("GRU", "reset_before", reset_after=False, return_sequences=True),
    _masked("LSTM", "unrolled", unroll=True, return_sequences=True),
    _masked("LSTM", "both", {}),
    _masked("LSTM", "both_sequences", {}, return_sequences=True),
    _masked("GRU", "both_sum", {"merge_mode": "sum"}, return_sequences=True),
    _masked("GRU", "both_none", {"merge_mode": None}, return_sequences=True),
    _masked("GRU", "both_reset_before", {}, reset_after=False, return_sequences=True),
    _masked("SimpleRNN", "both_last_mul", {"merge_mode": "mul"}),
    keras3(_masked("LSTM", "both_state", {}, return_sequences=True, return_state=True)),
)


def _started(name: str, cell: str, **config: Any) -> LayerCase:
    """Before the first real step the output is zeros, though the state is not."""
    states = (_H,) * (2 if cell == "LSTM" else 1)

    def build(keras: Any, inputs: list[Any]) -> Any:
        layer = getattr(keras.layers, cell)(4, name="layer", **config)
        result = layer(inputs[0], initial_state=inputs[2:], mask=inputs[1])
        return list(result) if isinstance(result, (list, tuple)) else result

    return made(f"masked_{cell.lower()}_started_{name}", (cell,), (_X, _MASK, *states), build)


_STARTED = tuple(
    case
    for cell in _CELLS
    for case in (
        _started("last", cell),
        _started("sequences", cell, return_sequences=True),
        _started("state", cell, return_state=True),
        _started("softsign", cell, return_sequences=True, activation="softsign"),
    )
)


def _stack(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    cells = layers.StackedRNNCells([layers.LSTMCell(4, name="low"), layers.GRUCell(3, name="high")])
    return layers.RNN(cells, return_sequences=True, name="layer")(inputs[0], mask=inputs[1])


def _images(keras: Any, inputs: list[Any]) -> Any:
    layer = keras.layers.ConvLSTM2D(2, 3, return_sequences=True, name="layer")
    return layer(inputs[0], mask=inputs[1])


_OTHERS = (
    made("masked_rnn_stack", ("RNN", "StackedRNNCells"), (_X, _MASK), _stack),
    made("masked_conv_lstm2d", ("ConvLSTM2D",), (feed(4, 6, 5, 2), feed(4, dtype="bool")), _images),
)


def _from_ids(name: str, build: Build) -> LayerCase:
    """A mask that comes from an Embedding; id 0 stands anywhere."""
    return made(f"ids_{name}", ("Embedding",), (ids(7, below=4),), build)


def _embedded(keras: Any, inputs: list[Any]) -> Any:
    return keras.layers.Embedding(4, 5, mask_zero=True, name="embedding")(inputs[0])


def _two_layers(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    values = layers.LSTM(4, return_sequences=True, name="low")(_embedded(keras, inputs))
    values = layers.Dropout(0.2, name="dropout")(values)
    return layers.GRU(3, name="high")(values)


def _classifier(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    low = layers.Bidirectional(layers.LSTM(4, return_sequences=True, name="inner"), name="low")
    values = low(_embedded(keras, inputs))
    values = layers.Bidirectional(layers.LSTM(3, name="core"), name="high")(values)
    return layers.Dense(2, activation="softmax", name="classes")(values)


def _translator(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    _, h, c = layers.LSTM(4, return_state=True, name="encoder")(_embedded(keras, inputs))
    target = layers.Embedding(4, 5, mask_zero=True, name="target")(inputs[1])
    decoded = layers.LSTM(4, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    return layers.Dense(3, activation="softmax", name="tokens")(decoded)


def _masking(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    values = layers.Masking(0.0, name="masking")(layers.ReLU(name="relu")(inputs[0]))
    return layers.GRU(4, return_sequences=True, name="gru")(values)


_IDS = (
    _from_ids("two_layers", _two_layers),
    _from_ids("bilstm_classifier", _classifier),
    made("ids_translator", ("Embedding", "LSTM"), (ids(7, below=4), ids(5, below=4)), _translator),
    made("masking_gru", ("Masking", "GRU"), (feed(9, 2),), _masking),
)

CASES: tuple[LayerCase, ...] = (*_OPTIONS, *_KINDS, *_STARTED, *_OTHERS, *_IDS)
