"""Rows of recurrent layers: every option, masks with gaps anywhere, states from outside, cells and stacks."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.layers.cases.case import Feed, LayerCase, feed, inputs_of, keras3, row

Build = Callable[[Any, list[Any]], Any]

_SEQUENCE = feed(5, 3)
_CELLS = ("LSTM", "GRU", "SimpleRNN")


def made(name: str, covers: tuple[str, ...], feeds: tuple[Feed, ...], build: Build) -> LayerCase:
    """A functional model: `build(keras, inputs)` gives its outputs."""

    def model(keras: Any) -> Any:
        inputs = inputs_of(keras, feeds)
        given = inputs if len(inputs) > 1 else inputs[0]
        return keras.Model(given, build(keras, inputs), name="model")

    return LayerCase(name, model, feeds, covers=covers)


def _options(cell: str, name: str, **config: Any) -> LayerCase:
    return row(f"{cell.lower()}_{name}", cell, _SEQUENCE, units=4, **config)


_SIMPLE = tuple(
    case
    for cell in _CELLS
    for case in (
        _options(cell, "no_bias", use_bias=False, return_sequences=True),
        _options(cell, "unrolled", unroll=True, return_sequences=True),
        _options(cell, "relu", activation="relu", return_sequences=True),
        _options(cell, "linear", activation=None),
        _options(cell, "backwards_last", go_backwards=True),
        _options(cell, "dropouts", dropout=0.3, recurrent_dropout=0.2),
        row(f"{cell.lower()}_dynamic_time", cell, feed(None, 3), units=4, return_sequences=True),
        row(f"{cell.lower()}_one_step", cell, feed(1, 3), units=2),
    )
)

_SPECIAL = (
    row("simplernn", "SimpleRNN", _SEQUENCE, units=4),
    row("simplernn_sequences", "SimpleRNN", _SEQUENCE, units=4, return_sequences=True),
    row("simplernn_softsign", "SimpleRNN", _SEQUENCE, units=4, activation="softsign"),
    keras3(row("lstm_hard_gates", "LSTM", _SEQUENCE, units=4, recurrent_activation="hard_sigmoid", return_sequences=True)),
    keras3(row("lstm_leaky", "LSTM", _SEQUENCE, units=4, activation="leaky_relu", recurrent_activation="hard_sigmoid")),
    row("lstm_softmax_gates", "LSTM", _SEQUENCE, units=4, recurrent_activation="softmax", return_sequences=True),
    row("gru_softmax_gates", "GRU", _SEQUENCE, units=4, recurrent_activation="softmax", return_sequences=True),
    keras3(row("gru_hard_gates", "GRU", _SEQUENCE, units=4, recurrent_activation="hard_sigmoid", return_sequences=True)),
    row("gru_reset_before_sequences", "GRU", _SEQUENCE, units=4, reset_after=False, return_sequences=True),
    row("gru_reset_before_no_bias", "GRU", _SEQUENCE, units=4, reset_after=False, use_bias=False),
    *(keras3(row(f"lstm_{dtype}", "LSTM", _SEQUENCE, units=4, dtype=dtype, recurrent_initializer="glorot_uniform")) for dtype in ("float16", "bfloat16", "float64")),
    keras3(row("gru_loop_bfloat16", "GRU", _SEQUENCE, units=4, dtype="bfloat16", recurrent_initializer="glorot_uniform", activation="relu")),
    keras3(row("lstm_mixed_float16", "LSTM", _SEQUENCE, units=4, dtype="mixed_float16")),
    row("gru_reset_before_elu", "GRU", _SEQUENCE, units=4, reset_after=False, activation="elu"),
)  # fmt: skip


def _state(cell: str, name: str, **config: Any) -> LayerCase:
    """All outputs of a layer that returns its states."""

    def build(keras: Any, inputs: list[Any]) -> Any:
        layer = getattr(keras.layers, cell)(4, return_state=True, name="layer", **config)
        return list(layer(inputs[0]))

    return made(f"{cell.lower()}_state_{name}", (cell,), (_SEQUENCE,), build)


_STATES = tuple(
    case
    for cell in _CELLS
    for case in (
        _state(cell, "last"),
        _state(cell, "sequences", return_sequences=True),
        _state(cell, "backwards", return_sequences=True, go_backwards=True),
    )
)


def _started(cell: str, count: int, **config: Any) -> LayerCase:
    """Initial states that are inputs of the model."""
    feeds = (_SEQUENCE, *(feed(4) for _ in range(count)))

    def build(keras: Any, inputs: list[Any]) -> Any:
        layer = getattr(keras.layers, cell)(4, name="layer", **config)
        return layer(inputs[0], initial_state=inputs[1:])

    ending = "_sequences" if config.get("return_sequences") else ""
    return made(f"{cell.lower()}_started{ending}", (cell,), feeds, build)


def _seq2seq(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    _, h, c = layers.LSTM(4, return_state=True, name="encoder")(inputs[0])
    decoded = layers.LSTM(4, return_sequences=True, name="decoder")(inputs[1], initial_state=[h, c])
    return layers.Dense(3, activation="softmax", name="tokens")(decoded)


_STARTED = (
    *(_started(cell, count, return_sequences=sequences) for cell, count in zip(_CELLS, (2, 1, 1), strict=True) for sequences in (False, True)),
    made("seq2seq", ("LSTM",), (feed(6, 3), feed(4, 2)), _seq2seq),
    made("seq2seq_dynamic", ("LSTM",), (feed(None, 3), feed(None, 2)), _seq2seq),
)  # fmt: skip


def _both_ways(cell: str, name: str, wrapper: dict[str, Any], **config: Any) -> LayerCase:
    def build(keras: Any, inputs: list[Any]) -> Any:
        inner = getattr(keras.layers, cell)(4, name="inner", **config)
        result = keras.layers.Bidirectional(inner, name="layer", **wrapper)(inputs[0])
        return list(result) if isinstance(result, (list, tuple)) else result

    return made(f"bidirectional_{cell.lower()}_{name}", ("Bidirectional", cell), (_SEQUENCE,), build)


def _other_backward(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    backward = layers.LSTM(2, return_sequences=True, go_backwards=True, activation="relu", name="back")
    ahead = layers.LSTM(4, return_sequences=True, name="ahead")
    return layers.Bidirectional(ahead, backward_layer=backward, name="layer")(inputs[0])


def _turned_round(keras: Any, inputs: list[Any]) -> Any:
    """The forward layer walks backwards, the backward layer forwards."""
    layers = keras.layers
    backward = layers.GRU(4, return_sequences=True, name="back")
    ahead = layers.GRU(4, return_sequences=True, go_backwards=True, name="ahead")
    return layers.Bidirectional(ahead, backward_layer=backward, name="layer")(inputs[0])


def _started_both_ways(keras: Any, inputs: list[Any]) -> Any:
    inner = keras.layers.LSTM(4, return_sequences=True, name="inner")
    return keras.layers.Bidirectional(inner, name="layer")(inputs[0], initial_state=inputs[1:])


def _two_of_them(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    values = layers.Bidirectional(layers.GRU(4, return_sequences=True, name="low"), name="first")(inputs[0])
    return layers.Bidirectional(layers.GRU(3, name="high"), name="second")(values)


_BOTH_WAYS = (
    _both_ways("SimpleRNN", "plain", {}),
    _both_ways("SimpleRNN", "sum_sequences", {"merge_mode": "sum"}, return_sequences=True),
    keras3(_both_ways("LSTM", "state", {}, return_state=True)),
    keras3(_both_ways("LSTM", "state_sequences", {}, return_state=True, return_sequences=True)),
    keras3(_both_ways("GRU", "state", {}, return_state=True)),
    _both_ways("GRU", "reset_before", {}, reset_after=False, return_sequences=True),
    _both_ways("GRU", "reset_before_state", {}, reset_after=False, return_state=True),
    _both_ways("LSTM", "dropouts", {}, dropout=0.3, recurrent_dropout=0.2),
    _both_ways("LSTM", "no_bias", {}, use_bias=False, return_sequences=True),
    _both_ways("LSTM", "relu_ave", {"merge_mode": "ave"}, activation="relu", return_sequences=True),
    made("bidirectional_other_backward", ("Bidirectional", "LSTM"), (_SEQUENCE,), _other_backward),
    made("bidirectional_turned_round", ("Bidirectional", "GRU"), (_SEQUENCE,), _turned_round),
    made("bidirectional_started", ("Bidirectional", "LSTM"), (_SEQUENCE, *(feed(4) for _ in range(4))), _started_both_ways),
    made("bidirectional_stacked", ("Bidirectional", "GRU"), (_SEQUENCE,), _two_of_them),
)  # fmt: skip


def _cell(keras: Any, kind: str, units: int, **config: Any) -> Any:
    return getattr(keras.layers, kind)(units, **config)


def _over_cells(name: str, kinds: tuple[str, ...], wrapped: bool = False, **config: Any) -> LayerCase:
    """RNN over one cell, or over a stack of several."""

    def build(keras: Any, inputs: list[Any]) -> Any:
        cells = [_cell(keras, kind, 3 + place, name=f"cell_{place}") for place, kind in enumerate(kinds)]
        whole = cells[0] if len(cells) == 1 else keras.layers.StackedRNNCells(cells)
        layer = keras.layers.RNN(whole, name="inner" if wrapped else "layer", **config)
        layer = keras.layers.Bidirectional(layer, name="layer") if wrapped else layer
        result = layer(inputs[0])
        return list(result) if isinstance(result, (list, tuple)) else result

    stack = ("StackedRNNCells",) if len(kinds) > 1 else ()
    return made(name, ("RNN", *stack, *kinds), (_SEQUENCE,), build)


_OVER_CELLS = (
    _over_cells("rnn_lstm_cell", ("LSTMCell",)),
    _over_cells("rnn_gru_cell_sequences", ("GRUCell",), return_sequences=True),
    _over_cells("rnn_simple_cell_backwards", ("SimpleRNNCell",), return_sequences=True, go_backwards=True),
    _over_cells("rnn_stack", ("LSTMCell", "GRUCell", "SimpleRNNCell"), return_sequences=True),
    _over_cells("rnn_stack_last", ("GRUCell", "LSTMCell")),
    keras3(_over_cells("rnn_stack_state", ("SimpleRNNCell", "GRUCell"), return_state=True)),
    _over_cells("bidirectional_rnn_cell", ("GRUCell",), wrapped=True, return_sequences=True),
    _over_cells("bidirectional_rnn_stack", ("LSTMCell", "GRUCell"), wrapped=True, return_sequences=True),
)


def _images(rank: int, name: str, **config: Any) -> LayerCase:
    size = (6, 5, 4)[:rank]
    layer = f"ConvLSTM{rank}D"
    return row(
        f"conv_lstm{rank}d_{name}", layer, feed(3, *size, 2), filters=3, **{"kernel_size": 3, **config}
    )


def _images_started(keras: Any, inputs: list[Any]) -> Any:
    layer = keras.layers.ConvLSTM2D(3, 3, padding="same", return_state=True, name="layer")
    return list(layer(inputs[0], initial_state=inputs[1:]))


def _frames(keras: Any, inputs: list[Any]) -> Any:
    """Next-frame prediction, as in Keras's own example."""
    layers = keras.layers
    values = layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True, name="first")(inputs[0])
    values = layers.BatchNormalization(name="norm")(values)
    values = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True, name="second")(values)
    return layers.Conv3D(1, 3, padding="same", activation="sigmoid", name="frame")(values)


_STATE = feed(6, 5, 3)
_CONVOLUTIONAL = (
    _images(1, "plain"),
    _images(1, "same_sequences", padding="same", return_sequences=True),
    _images(2, "plain"),
    _images(2, "same_sequences", padding="same", return_sequences=True),
    _images(2, "even_kernel", kernel_size=(2, 4), padding="same"),
    _images(2, "strides", strides=2, padding="same", return_sequences=True),
    _images(2, "dilated", dilation_rate=2, kernel_size=2),
    _images(2, "backwards", go_backwards=True, return_sequences=True),
    _images(2, "no_bias_relu", use_bias=False, activation="relu"),
    keras3(_images(2, "hard_gates", recurrent_activation="hard_sigmoid")),
    _images(3, "plain", kernel_size=2),
    made("conv_lstm2d_started", ("ConvLSTM2D",), (feed(3, 6, 5, 2), _STATE, _STATE), _images_started),
    made("conv_lstm2d_frames", ("ConvLSTM2D",), (feed(3, 6, 5, 1),), _frames),
)  # fmt: skip

CASES: tuple[LayerCase, ...] = (
    *_SIMPLE,
    *_SPECIAL,
    *_STATES,
    *_STARTED,
    *_BOTH_WAYS,
    *_OVER_CELLS,
    *_CONVOLUTIONAL,
)
