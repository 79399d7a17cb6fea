"""Rows of all pooling layers: windows, global, adaptive; every rank, padding and data format."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from typing import Any

from tests.layers.cases.case import Feed, LayerCase, feed, keras3, row

_FIRST = "channels_first"
_LAST_SHAPES = {1: (11, 3), 2: (7, 9, 3), 3: (5, 6, 7, 2)}
_FIRST_SHAPES = {1: (3, 11), 2: (3, 7, 9), 3: (2, 5, 6, 7)}
_EVEN = {1: (12, 3), 2: (8, 6, 3), 3: (4, 6, 8, 2)}


def _windows(kind: str, rank: int) -> list[LayerCase]:
    layer, stem = f"{kind}Pooling{rank}D", f"{kind.lower()}_pooling{rank}d"
    last, first = feed(*_LAST_SHAPES[rank]), feed(*_FIRST_SHAPES[rank])
    variants: dict[str, tuple[Feed, dict[str, Any]]] = {
        "": (last, {"pool_size": 2}),
        "_same": (last, {"pool_size": 2, "padding": "same"}),
        "_same_3_stride_2_odd": (last, {"pool_size": 3, "strides": 2, "padding": "same"}),
        "_same_3_stride_2_even": (
            feed(*_EVEN[rank]),
            {"pool_size": 3, "strides": 2, "padding": "same"},
        ),
        "_stride_1": (last, {"pool_size": 3, "strides": 1}),
        "_same_stride_1": (last, {"pool_size": 2, "strides": 1, "padding": "same"}),
        "_stride_over_window": (last, {"pool_size": 2, "strides": 3}),
        "_first_same": (
            first,
            {"pool_size": 3, "strides": 2, "padding": "same", "data_format": _FIRST},
        ),
        "_first": (first, {"pool_size": 2, "data_format": _FIRST}),
    }
    rows = [row(stem + name, layer, one, **config) for name, (one, config) in variants.items()]
    return [keras3(case) if "_first" in case.name else case for case in rows]


def _global(kind: str, rank: int) -> list[LayerCase]:
    layer, stem = f"Global{kind}Pooling{rank}D", f"global_{kind.lower()}_pooling{rank}d"
    last, first = feed(*_LAST_SHAPES[rank]), feed(*_FIRST_SHAPES[rank])
    return [
        row(stem, layer, last),
        row(f"{stem}_keepdims", layer, last, keepdims=True),
        row(f"{stem}_first", layer, first, data_format=_FIRST),
        row(f"{stem}_first_keepdims", layer, first, data_format=_FIRST, keepdims=True),
        row(f"{stem}_dynamic", layer, feed(*[None] * rank, 3)),
    ]


def _adaptive(kind: str, rank: int) -> list[LayerCase]:
    layer, stem = f"Adaptive{kind}Pooling{rank}D", f"adaptive_{kind.lower()}_pooling{rank}d"
    sizes = (4, 3, 2)[:rank]
    target = sizes if rank > 1 else sizes[0]
    last, first = feed(*_LAST_SHAPES[rank]), feed(*_FIRST_SHAPES[rank])
    rows = [
        row(stem, layer, last, output_size=target),
        row(f"{stem}_one", layer, last, output_size=1),
        row(f"{stem}_first", layer, first, output_size=target, data_format=_FIRST),
    ]
    return [keras3(case) for case in rows]


_RECTANGULAR = (
    row("max_pooling2d_rectangular", "MaxPooling2D", feed(7, 9, 3), pool_size=(2, 3), strides=(1, 2)),
    row("average_pooling2d_rectangular", "AveragePooling2D", feed(7, 9, 3), pool_size=(2, 3), strides=(3, 1), padding="same"),
    row("max_pooling2d_dynamic_same", "MaxPooling2D", feed(None, None, 3), pool_size=3, strides=2, padding="same"),
    row("average_pooling2d_dynamic_same", "AveragePooling2D", feed(None, None, 3), pool_size=3, strides=2, padding="same"),
    row("max_pooling1d_dynamic", "MaxPooling1D", feed(None, 3), pool_size=2),
)  # fmt: skip

_RANKS = (1, 2, 3)
CASES: tuple[LayerCase, ...] = (
    *(case for kind in ("Max", "Average") for rank in _RANKS for case in _windows(kind, rank)),
    *(case for kind in ("Max", "Average") for rank in _RANKS for case in _global(kind, rank)),
    *(case for kind in ("Max", "Average") for rank in _RANKS for case in _adaptive(kind, rank)),
    *_RECTANGULAR,
)
