"""Configs of Keras 0 and 1 in the words of Keras 2, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from converters.keras.legacy.spelling import respelled
from converters.keras.upgrade import RawLayer, Writer

NEW = Writer(1, "1.2.2", "tensorflow", "th")
OLD = Writer(0, None, "theano", "tf")

ROWS: list[tuple[str, Writer, str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "convolution",
        NEW,
        "Convolution2D",
        {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "border_mode": "same", "subsample": [1, 2], "bias": False},
        "Conv2D",
        {
            "filters": 4,
            "kernel_size": [3, 2],
            "padding": "same",
            "strides": [1, 2],
            "use_bias": False,
            "data_format": "channels_first",
        },
    ),
    (
        "dilated in one dimension",
        NEW,
        "AtrousConvolution1D",
        {"nb_filter": 4, "filter_length": 3, "atrous_rate": 2, "subsample_length": 1, "input_length": None},
        "Conv1D",
        {"filters": 4, "kernel_size": [3], "dilation_rate": 2, "strides": 1},
    ),
    (
        "own ordering wins",
        NEW,
        "MaxPooling2D",
        {"pool_size": [2, 2], "dim_ordering": "tf"},
        "MaxPooling2D",
        {"pool_size": [2, 2], "data_format": "channels_last"},
    ),
    (
        "pooling",
        NEW,
        "MaxPooling1D",
        {"pool_length": 2, "stride": 3},
        "MaxPooling1D",
        {"pool_size": 2, "strides": 3},
    ),
    ("dropout", NEW, "SpatialDropout2D", {"p": 0.3}, "SpatialDropout2D", {"rate": 0.3}),
    ("flatten", NEW, "Flatten", {}, "Flatten", {"data_format": "channels_last"}),
    (
        "padding by side",
        NEW,
        "ZeroPadding2D",
        {"padding": {"top_pad": 2, "right_pad": 1}},
        "ZeroPadding2D",
        {"padding": [[2, 0], [0, 1]], "data_format": "channels_first"},
    ),
    (
        "recurrent",
        NEW,
        "LSTM",
        {"output_dim": 5, "inner_activation": "hard_sigmoid", "consume_less": "gpu", "input_dim": 3},
        "LSTM",
        {
            "units": 5,
            "recurrent_activation": "hard_sigmoid",
            "implementation": 2,
            "batch_input_shape": [None, None, 3],
        },
    ),
    (
        "a table keeps its sizes",
        OLD,
        "Embedding",
        {"input_dim": 20, "output_dim": 5, "input_length": 6, "input_shape": [20]},
        "Embedding",
        {"input_dim": 20, "output_dim": 5, "batch_input_shape": [None, 6]},
    ),
    (
        "epsilon beside a deviation",
        OLD,
        "BatchNormalization",
        {"mode": 0, "epsilon": 0.1, "axis": 1},
        "BatchNormalization",
        {"epsilon": 0.0, "added_epsilon": 0.1, "axis": 1},
    ),
    (
        "statistics of the batch",
        NEW,
        "BatchNormalization",
        {"mode": 2},
        "BatchNormalizationMode2",
        {"epsilon": 1e-3, "axis": -1},
    ),
    ("old reshape", OLD, "Reshape", {"dims": [2, 6]}, "Reshape", {"target_shape": [2, 6]}),
    ("sum", NEW, "Merge", {"name": "m", "mode": "sum", "concat_axis": -1}, "Add", {"name": "m"}),
    ("join", NEW, "Merge", {"mode": "concat", "concat_axis": 1}, "Concatenate", {"axis": 1}),
    ("product", OLD, "Merge", {"mode": "dot", "dot_axes": [[1], [1]]}, "Dot", {"axes": [1, 1]}),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_words(row: tuple[str, Writer, str, dict[str, Any], str, dict[str, Any]]) -> None:
    _, writer, class_name, config, wanted_class, wanted = row
    assert respelled(RawLayer(class_name, config), writer) == RawLayer(wanted_class, wanted)


def test_steps_do_not_change_what_they_are_given() -> None:
    config = {"nb_filter": 4, "nb_row": 3, "nb_col": 3, "dim_ordering": "th", "input_dim": 2}
    respelled(RawLayer("Convolution2D", config), NEW)
    assert config == {"nb_filter": 4, "nb_row": 3, "nb_col": 3, "dim_ordering": "th", "input_dim": 2}
