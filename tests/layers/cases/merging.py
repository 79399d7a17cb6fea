"""Rows of the merging layers, broadcasting included."""

from __future__ import annotations

from tests.layers.cases.case import LayerCase, feed, keras3, row

_IMAGE, _VECTOR = feed(4, 5, 3), feed(6)
_ELEMENTWISE = ("Add", "Multiply", "Average", "Maximum", "Minimum")

_SAME_SHAPES = (
    *(row(f"{name.lower()}_two", name, _VECTOR, _VECTOR) for name in (*_ELEMENTWISE, "Subtract")),
    *(row(f"{name.lower()}_three", name, _IMAGE, _IMAGE, _IMAGE) for name in _ELEMENTWISE),
    row("subtract_image", "Subtract", _IMAGE, _IMAGE),
)

_BROADCAST = (
    row("add_broadcast", "Add", _IMAGE, feed(1, 1, 3)),
    row("multiply_broadcast", "Multiply", _IMAGE, feed(4, 1, 1)),
    row("multiply_gate", "Multiply", _IMAGE, feed(4, 5, 1)),
    row("subtract_broadcast", "Subtract", _IMAGE, feed(1, 5, 1)),
    row("maximum_broadcast", "Maximum", _IMAGE, feed(1, 1, 1)),
    row("add_what_looks_like_a_bias", "Add", feed(5, 5), feed(5, 1)),
    row("add_other_rank", "Add", _IMAGE, feed(3)),
    row("add_dynamic", "Add", feed(None, 3), feed(None, 3)),
)

_CONCATENATE = (
    row("concatenate", "Concatenate", feed(4), feed(6)),
    row("concatenate_image", "Concatenate", feed(4, 5, 3), feed(4, 5, 2)),
    row("concatenate_axis_1", "Concatenate", feed(4, 5, 3), feed(2, 5, 3), axis=1),
    row("concatenate_axis_minus_2", "Concatenate", feed(4, 5, 3), feed(4, 2, 3), axis=-2),
    row("concatenate_three", "Concatenate", feed(5, 2), feed(5, 3), feed(5, 4)),
)

_DOT = (
    row("dot_vectors", "Dot", _VECTOR, _VECTOR, axes=1),
    row("dot_vectors_normalised", "Dot", _VECTOR, _VECTOR, axes=1, normalize=True),
    row("dot_matrices", "Dot", feed(4, 6), feed(5, 6), axes=2),
    row("dot_matrices_mixed", "Dot", feed(4, 6), feed(6, 3), axes=(2, 1)),
    row("dot_matrices_first", "Dot", feed(6, 4), feed(6, 3), axes=1),
    row("dot_matrices_normalised", "Dot", feed(4, 6), feed(5, 6), axes=-1, normalize=True),
    row("dot_matrix_vector", "Dot", feed(4, 6), feed(6), axes=(2, 1)),
    keras3(row("dot_higher_rank", "Dot", feed(2, 4, 6), feed(2, 6, 3), axes=(3, 2))),
)

CASES: tuple[LayerCase, ...] = (*_SAME_SHAPES, *_BROADCAST, *_CONCATENATE, *_DOT)
